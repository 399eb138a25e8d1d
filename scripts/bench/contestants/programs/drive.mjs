// What the contestants that are Node programs have in common: they are told what to do on the
// command line (PROGRAM WORKLOAD COUNT PARENT_INDEX TARGET), measure it themselves, once they are
// ready for it, and print the measurement as one line of JSON.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { measureProfile } from './profile.mjs';
import { watchLoop } from './watch-loop.mjs';

/** How often a listing is made; its time is the median. */
const LIST_ROUNDS = 7;
/** The numbers of links at which growth is measured, and how many links before each are timed. */
const POINTS = [500, 1_000, 2_000, 3_500, 5_000, 7_500, 10_000];
const BLOCK = 500;
const WARM_UP = 100;

/**
 * @typedef {object} Task
 * @property {number} count links, namespaces or requests
 * @property {number} parent the parent's index; its name is 'parent'
 * @property {string} target a namespace's path, or what the paths of several begin with
 * @property {(work: () => Promise<unknown> | unknown) => Promise<any>} measure
 */

/** @param {readonly number[]} sorted @param {number} share */
const at = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** @param {readonly number[]} values */
const ascending = (values) => [...values].sort((left, right) => left - right);

/** @param {() => Promise<unknown> | unknown} work */
async function measureTime(work) {
  const start = performance.now();
  await work();
  return { ms: performance.now() - start };
}

/** @param {() => Promise<unknown> | unknown} work */
async function measureStall(work) {
  await turn();
  const loop = watchLoop();
  const { ms } = await measureTime(work);
  return { ms, ...(await loop.stop()) };
}

/**
 * Measures a listing several times.
 *
 * @param {Task} task
 * @param {() => Promise<readonly unknown[]>} list
 */
export async function measureListing({ count, measure }, list) {
  const results = [];
  for (let round = 0; round < LIST_ROUNDS; round++) {
    let links = 0;
    const result = await measure(async () => {
      links = (await list()).length;
    });
    if (links < count) throw new Error(`${links} links listed, of ${count}`);
    results.push(result);
  }
  // The slowest turn of any of them, but the median of their times.
  const worst = (key) => Math.max(...results.map((result) => result[key]));
  return {
    ...results[0],
    ms: at(ascending(results.map(({ ms }) => ms)), 0.5),
    firstMs: results[0].ms,
    ...('stallMs' in results[0] && {
      stallMs: worst('stallMs'),
      stallFirstMs: worst('stallFirstMs'),
      stallWithWaitsMs: worst('stallWithWaitsMs'),
      stallOwnMs: worst('stallOwnMs'),
    }),
  };
}

/** @param {readonly number[]} times in milliseconds */
function percentiles(times) {
  const sorted = ascending(times);
  return {
    p50us: at(sorted, 0.5) * 1e3,
    p99us: at(sorted, 0.99) * 1e3,
    maxUs: (sorted.at(-1) ?? 0) * 1e3,
    requests: sorted.length,
  };
}

/**
 * The round trip of a request, one after another.
 *
 * @param {number} count
 * @param {() => Promise<unknown>} request
 */
export async function measureLatency(count, request) {
  for (let made = 0; made < WARM_UP; made++) await request();
  const times = [];
  for (let made = 0; made < count; made++) {
    const start = performance.now();
    await request();
    times.push(performance.now() - start);
  }
  return percentiles(times);
}

/**
 * The round trip of a request made each millisecond for as long as `busy` lasts.
 *
 * @param {() => Promise<unknown>} request
 * @param {() => Promise<unknown>} busy
 */
export async function measureLatencyDuring(request, busy) {
  for (let made = 0; made < WARM_UP; made++) await request();
  let over = false;
  const end = busy().finally(() => {
    over = true;
  });
  const times = [];
  while (!over) {
    await sleep(1);
    const start = performance.now();
    await request();
    times.push(performance.now() - start);
  }
  await end;
  return percentiles(times);
}

/**
 * What one more link and a listing cost as the number of links grows.
 *
 * @param {Task} task
 * @param {(number: number) => Promise<unknown>} create
 * @param {() => Promise<readonly unknown[]>} list
 */
export async function measureGrowth({ count }, create, list) {
  const points = [];
  let made = 0;
  for (const links of POINTS.filter((point) => point <= count)) {
    for (; made < links - BLOCK; made++) await create(made);
    const block = await measureTime(async () => {
      for (; made < links; made++) await create(made);
    });
    const listings = [];
    for (let round = 0; round < 3; round++) listings.push((await measureTime(list)).ms);
    points.push({
      links,
      createUs: (block.ms * 1e3) / BLOCK,
      listUs: ((at(ascending(listings), 0.5) ?? 0) * 1e3) / links,
    });
  }
  return { points };
}

/** Numbers from 0. @param {number} count */
export const range = (count) => Array.from({ length: count }, (_, number) => number);

/** The address of one of many containers. @param {number} number */
export const addressOf = (number) => `10.${Math.floor(number / 250)}.${number % 250}.2/24`;

/**
 * Runs the workload that the command line names.
 *
 * @param {Record<string, (task: Task) => Promise<object>>} workloads
 */
export async function drive(workloads) {
  const [workload = '', count, parent, target = ''] = process.argv.slice(2);
  const run = workloads[workload];
  if (run === undefined) throw new Error(`no such workload: ${workload}`);
  const measure = process.env.BENCH_PROFILE
    ? measureProfile
    : process.env.BENCH_WATCH_LOOP
      ? measureStall
      : measureTime;
  const result = await run({ count: Number(count), parent: Number(parent), target, measure });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
