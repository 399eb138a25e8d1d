// Summarises samples: a row for each workload, count and contestant, and the targets.
import { spread } from './statistics.mjs';
import { targets } from './targets.mjs';
import { SELF } from './text.mjs';
import { workloadNamed, workloads } from './workloads.mjs';

/** @typedef {import('./statistics.mjs').Spread} Spread */
/** @typedef {import('./rounds.mjs').Sample} Sample */

/**
 * @typedef {object} Row
 * @property {string} workload
 * @property {string} contestant
 * @property {number} count what it was measured with
 * @property {Spread} us microseconds for each unit; for a latency its p50
 * @property {Spread} [p99us]
 * @property {Spread | null} ratio to the limit of the same round and count
 * @property {Spread} cpuMs processor time of the whole process, its start included
 * @property {number} peakMiB
 */

/**
 * Samples by what they have in common.
 *
 * @param {readonly Sample[]} samples
 * @param {(sample: Sample) => string} keyOf
 * @returns {Sample[][]}
 */
function groupBy(samples, keyOf) {
  const groups = new Map();
  for (const sample of samples) {
    const key = keyOf(sample);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()];
}

const keyOf = ({ workload, count, contestant }) => `${workload} ${count} ${contestant}`;

/** Microseconds for each unit. @param {Sample} sample */
function microseconds({ workload, count, result }) {
  const { measures } = workloadNamed(workload);
  if (measures === 'latency') return result.p50us;
  return (result.ms * 1e3) / count;
}

/** A figure for each round that has both samples; null when none has. */
function paired(group, others, figure) {
  const figures = group.flatMap((sample) => {
    const other = others.find(({ round }) => round === sample.round);
    return other === undefined ? [] : [figure(sample, other)];
  });
  return figures.length === 0 ? null : spread(figures);
}

const ratioOf = (sample, other) => microseconds(sample) / microseconds(other);

/** @param {readonly Sample[]} timed @returns {Row[]} */
function rowsOf(timed) {
  return groupBy(timed, keyOf).map((group) => {
    const [{ workload, count, contestant }] = group;
    const { reference, measures } = workloadNamed(workload);
    const limits = timed.filter(
      (sample) =>
        sample.contestant === 'limit' &&
        sample.workload === (reference ?? workload) &&
        sample.count === count,
    );
    return {
      workload,
      contestant,
      count,
      us: spread(group.map(microseconds)),
      ...(measures === 'latency' && { p99us: spread(group.map(({ result }) => result.p99us)) }),
      ratio: paired(group, limits, ratioOf),
      cpuMs: spread(group.map(({ result }) => result.userMs + result.systemMs)),
      peakMiB: Math.max(...group.map(({ result }) => result.peakKiB)) / 1024,
    };
  });
}

/** @param {readonly Sample[]} watched */
function stallsOf(watched) {
  // Not in the order of the first round, which is shuffled.
  const rank = ({ workload }) => workloads.findIndex(({ name }) => name === workload);
  const sorted = [...watched].sort((a, b) => rank(a) - rank(b) || a.count - b.count);
  return groupBy(sorted, (sample) => `${keyOf(sample)} ${sample.setting}`).map((group) => {
    const [{ workload, count, contestant, setting }] = group;
    const longest = group.map(({ result }) => Math.max(result.stallFirstMs, result.stallMs));
    return {
      workload,
      contestant,
      count,
      setting,
      longestMs: spread(longest),
      worstMs: Math.max(...longest),
      // The turn in which the program itself makes its calls, and any later one.
      firstMs: spread(group.map(({ result }) => result.stallFirstMs)),
      laterMs: spread(group.map(({ result }) => result.stallMs)),
      ownMs: spread(group.map(({ result }) => result.stallOwnMs)),
      withWaitsMs: spread(group.map(({ result }) => result.stallWithWaitsMs)),
    };
  });
}

/** @param {readonly Sample[]} timed */
function watchingOf(timed) {
  const watching = timed.filter(({ workload }) => workload === 'watch');
  return groupBy(watching, keyOf).map((group) => {
    const of = (key) => spread(group.map(({ result }) => result[key]));
    return {
      contestant: group[0].contestant,
      count: group[0].count,
      added: of('added'),
      removed: of('removed'),
      resyncs: of('resyncs'),
      first: of('heapFirstMiB'),
      last: of('heapLastMiB'),
    };
  });
}

/** @param {readonly Sample[]} samples */
function growthOf(samples) {
  const some = samples.filter(({ result }) => result.points.length > 0);
  return groupBy(some, ({ contestant }) => contestant).map((group) => ({
    contestant: group[0].contestant,
    points: group[0].result.points.map(({ links }, at) => {
      const of = (key) => spread(group.map(({ result }) => result.points[at][key]));
      return { links, createUs: of('createUs'), listUs: of('listUs') };
    }),
    peakMiB: Math.max(...group.map(({ result }) => result.peakKiB)) / 1024,
  }));
}

/**
 * The samples of one contestant at one workload, at any count when none is named.
 *
 * @param {readonly Sample[]} samples
 * @param {string} workload
 * @param {string} contestant
 * @param {number} [count]
 */
const ofOne = (samples, workload, contestant, count) =>
  samples.filter(
    (sample) =>
      !sample.watchLoop &&
      sample.workload === workload &&
      sample.contestant === contestant &&
      (count === undefined || sample.count === count),
  );

/**
 * The figure that a target is about; null when it was not measured, or with other counts than the
 * target's or its workload's own.
 *
 * @param {import('./targets.mjs').Target} target
 */
function measuredFor({ kind, workload, count, setting = 'usual' }, stalls, samples) {
  const { counts, quick = [], watch } = workloadNamed(workload);
  const wanted = count === undefined ? [...counts, ...quick] : [count];
  const own = ofOne(samples, workload, SELF).filter((sample) => wanted.includes(sample.count));
  /** @param {string} other @param {string} contestant @param {number} [at] */
  const of = (other, contestant, at) => ofOne(samples, other, contestant, at);
  switch (kind) {
    case 'stall': {
      const stall = stalls.find(
        (one) =>
          one.workload === workload &&
          one.contestant === SELF &&
          one.count === watch &&
          one.setting === setting,
      );
      return stall?.longestMs ?? null;
    }
    case 'ratio':
      return paired(
        own,
        of(workloadNamed(workload).reference ?? workload, 'limit', count),
        ratioOf,
      );
    case 'calls':
      return paired(own, of('delete', SELF, count), ratioOf);
    case 'faster':
      return paired(own, of('delete-each', 'limit'), (one, each) => ratioOf(each, one));
    case 'latency':
      return paired(own, of(workload, 'limit'), (one, c) => one.result.p50us - c.result.p50us);
    default:
      return paired(own, of(workload, 'node'), (one, node) => one.result.ms - node.result.ms);
  }
}

/** @param {ReturnType<typeof stallsOf>} stalls @param {readonly Sample[]} samples */
function judge(stalls, samples) {
  return targets.flatMap((target) => {
    const measured = measuredFor(target, stalls, samples);
    if (measured === null) return [];
    const atLeast = target.kind === 'faster';
    const met = atLeast ? measured.median >= target.bound : measured.median <= target.bound;
    return [
      { ...target, atLeast, measured, met, missedBy: met ? 0 : measured.median - target.bound },
    ];
  });
}

/** @param {readonly Sample[]} samples */
export function summarize(samples) {
  const timed = samples.filter(({ watchLoop, workload }) => !watchLoop && workload !== 'growth');
  const watched = samples.filter(({ watchLoop }) => watchLoop);
  const rows = rowsOf(timed);
  const stalls = stallsOf(watched);
  return {
    rows,
    stalls,
    watching: watchingOf(timed),
    growth: growthOf(samples.filter(({ workload }) => workload === 'growth')),
    targets: judge(stalls, samples),
  };
}
