// The rounds: every workload at every count, the contestants in another order each time.
import { processors, signalsWait } from './machine.mjs';
import { SampleError, takeSample } from './sample.mjs';
import { shuffled } from './statistics.mjs';
import { SELF } from './text.mjs';

/** @typedef {'usual' | 'condvar' | 'apart'} Setting see the workloads' settings */

/**
 * @typedef {object} Entry
 * @property {import('./workloads.mjs').Workload} workload
 * @property {import('./contestants/contestant.mjs').Contestant} contestant
 * @property {number} count
 * @property {boolean} watchLoop
 * @property {Setting} setting
 * @property {number} rounds
 */

/**
 * @typedef {object} Sample
 * @property {number} round
 * @property {string} workload
 * @property {string} contestant
 * @property {number} count
 * @property {boolean} watchLoop
 * @property {Setting} setting
 * @property {any} result
 */

/**
 * What longest turns are compared with: a loop with nothing to do, which shows how quiet the machine is;
 * a turn that makes as many calls as the longest of them, of a function that does nothing; and as many
 * objects as the longest listing, made of nothing.
 */
const yardsticks = /** @type {const} */ ([
  { name: 'idle', title: 'Nothing at all', unit: 'run', counts: [1], measures: 'total' },
  { name: 'asking', title: 'Calls of nothing', unit: 'call', counts: [4_000], measures: 'total' },
  {
    name: 'objects',
    title: 'Objects made of nothing',
    unit: 'object',
    counts: [10_000],
    measures: 'total',
  },
]);

/** @param {import('./workloads.mjs').Workload} workload @param {import('./options.mjs').Options} options */
function countsOf(workload, { count, quick }) {
  if (count !== undefined) return [workload.measures === 'import' ? 1 : count];
  return (quick && workload.quick) || workload.counts;
}

/**
 * In how many rounds a contestant takes part; a slow one in a single one when time matters.
 *
 * @param {import('./contestants/contestant.mjs').Part} part
 * @param {import('./options.mjs').Options} options
 */
function roundsOf(part, { rounds, quick }) {
  if (part.rounds === undefined) return rounds;
  return quick ? 1 : Math.min(rounds, part.rounds);
}

/** Adds the workloads whose C program is the reference of a chosen workload. */
function limitAlso(workloads, all) {
  const references = workloads.map(({ reference }) => reference);
  return all.filter(
    (workload) => workloads.includes(workload) || references.includes(workload.name),
  );
}

/**
 * One round's entries, in order; a group is shuffled anew in each round.
 *
 * @param {import('./options.mjs').Options} options
 * @param {readonly import('./workloads.mjs').Workload[]} all
 * @returns {Entry[][]}
 */
export function plan(options, all) {
  const groups = [];
  for (const workload of limitAlso(options.workloads, all)) {
    const asked = options.workloads.includes(workload);
    const entries = new Map();
    const add = (
      contestant,
      count,
      watchLoop,
      rounds,
      setting = /** @type {Setting} */ ('usual'),
    ) => {
      const key = `${contestant.name} ${count} ${watchLoop} ${setting}`;
      // The C program may be needed for itself and with the count of a slow contestant.
      const most = Math.max(rounds, entries.get(key)?.rounds ?? 0);
      entries.set(key, { workload, contestant, count, watchLoop, setting, rounds: most });
    };
    for (const count of countsOf(workload, options)) {
      for (const contestant of options.contestants) {
        const part = contestant.workloads[workload.name];
        if (part === undefined || (!asked && contestant.name !== 'limit')) continue;
        const most = Math.min(count, part.most ?? count);
        const rounds = roundsOf(part, options);
        add(contestant, most, false, rounds);
        // Equal counts are compared: the C program also runs with the count of a slow contestant.
        const [limit] = options.contestants;
        if (most < count && limit?.workloads[workload.name]) add(limit, most, false, rounds);
      }
    }
    if (asked && workload.watch !== undefined) {
      for (const contestant of options.contestants) {
        const part = contestant.workloads[workload.name];
        if (part === undefined || contestant.watchesLoop !== true) continue;
        const count = Math.min(options.count ?? workload.watch, part.most ?? workload.watch);
        add(contestant, count, true, roundsOf(part, options));
        if (contestant.name !== SELF) continue;
        for (const setting of workload.settings ?? []) {
          if (setting === 'apart' && processors().length < 2) continue;
          if (setting === 'condvar' && !signalsWait()) continue;
          add(contestant, count, true, roundsOf(part, options), setting);
        }
      }
    }
    groups.push([...entries.values()]);
  }
  const self = options.contestants.find(({ name }) => name === SELF);
  const watched = groups.some((group) => group.some(({ watchLoop }) => watchLoop));
  if (self !== undefined && watched) {
    const rest = {
      contestant: self,
      watchLoop: true,
      setting: /** @type {const} */ ('usual'),
      rounds: options.rounds,
    };
    groups.push(yardsticks.map((workload) => ({ workload, count: workload.counts[0], ...rest })));
  }
  return groups;
}

/**
 * Takes all samples. A contestant that fails at a workload is not asked for it again.
 *
 * @param {import('./options.mjs').Options} options
 * @param {Entry[][]} groups
 * @param {(text: string, share: number) => void} progress
 */
export async function takeSamples(options, groups, progress) {
  /** @type {Sample[]} */
  const samples = [];
  const failures = [];
  const broken = new Set();
  const total = groups.flat().reduce((sum, { rounds }) => sum + rounds, 0);
  let done = 0;
  for (let round = 1; round <= options.rounds; round++) {
    for (const group of groups) {
      for (const entry of shuffled(group)) {
        const { workload, contestant, count, watchLoop, setting, rounds } = entry;
        if (round > rounds) continue;
        const what = `${workload.name} ${count.toLocaleString('en')} · ${contestant.title}`;
        progress(`round ${round} of ${options.rounds} · ${what}`, done / total);
        done += 1;
        const key = `${workload.name} ${contestant.name} ${count} ${watchLoop} ${setting}`;
        if (broken.has(key)) continue;
        const about = { round, workload: workload.name, contestant: contestant.name, count };
        try {
          const view = watchLoop ? 'turns' : 'time';
          const result = await takeSample(contestant, workload, count, view, setting);
          samples.push({ ...about, watchLoop, setting, result });
        } catch (error) {
          if (!(error instanceof SampleError)) throw error;
          broken.add(key);
          failures.push({ ...about, watchLoop, message: error.message });
        }
      }
    }
  }
  return { samples, failures };
}

/**
 * Where the time goes in each workload of which a target was missed.
 *
 * @param {import('./options.mjs').Options} options
 * @param {readonly (import('./targets.mjs').Target & { met: boolean })[]} targets
 * @param {(text: string, share: number) => void} progress
 */
export async function profileMissed({ contestants, workloads, count }, targets, progress) {
  const self = contestants.find(({ name }) => name === SELF);
  // Two targets of a workload may be about one count: how long it takes, and how long a turn is.
  const wanted = new Map();
  if (self === undefined) return { profiles: [], failures: [] };
  for (const target of targets) {
    const workload = workloads.find(({ name }) => name === target.workload);
    // A latency has no single piece of work, and a tap's program no engine of its own.
    if (target.met || workload?.measures !== 'total') continue;
    if (self.workloads[workload.name]?.command !== undefined) continue;
    const size = target.count ?? count ?? workload.watch ?? workload.counts[0] ?? 1;
    wanted.set(`${workload.name} ${size}`, { workload, size });
  }
  const profiles = [];
  const failures = [];
  for (const [at, { workload, size }] of [...wanted.values()].entries()) {
    progress(`profile of ${workload.name} · ${self.title}`, at / wanted.size);
    try {
      const { ms, threads, shares } = await takeSample(self, workload, size, 'profile');
      profiles.push({ workload: workload.name, count: size, ms, threads, shares });
    } catch (error) {
      if (!(error instanceof SampleError)) throw error;
      const about = { contestant: SELF, workload: workload.name, count: size, watchLoop: false };
      failures.push({ ...about, message: `profile: ${error.message}` });
    }
  }
  return { profiles, failures };
}
