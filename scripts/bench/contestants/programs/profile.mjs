// Where the time of a piece of work goes, by V8's profiler.
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

/** Microseconds between samples. */
const INTERVAL = 100;
/** How many functions are named. */
const MOST = 10;

/** What the profiler calls time that is not a function's. */
const OTHERS = Object.freeze({
  '(idle)': 'waiting for the kernel, or for another thread',
  '(program)': 'no JavaScript: the event loop, looking for an answer, compiling',
  '(garbage collector)': 'garbage collection',
  dispatch: 'the profiler itself',
});

/**
 * How long the threads have run and waited for a processor, in milliseconds
 * (Documentation/scheduler/sched-stats.rst): the JavaScript thread, the engine's helpers, which compile
 * and collect garbage, and the package's own.
 */
function threadTimes() {
  const times = { script: [0, 0], helpers: [0, 0], package: [0, 0] };
  for (const id of readdirSync('/proc/self/task')) {
    const read = (file) => readFileSync(`/proc/self/task/${id}/${file}`, 'latin1').trim();
    const own = read('comm') === 'macvlan-netlink';
    const kind = own ? 'package' : id === String(process.pid) ? 'script' : 'helpers';
    const [ran = 0, waited = 0] = read('schedstat').split(' ').map(Number);
    times[kind][0] += ran / 1e6;
    times[kind][1] += waited / 1e6;
  }
  return times;
}

/** @param {{ functionName: string, url: string, lineNumber: number }} frame */
function nameOf({ functionName, url, lineNumber }) {
  const other = OTHERS[functionName];
  if (other !== undefined) return other;
  if (url === '')
    return `${functionName || 'functions without a name'}, in the addon or the engine`;
  return `${functionName || 'a function'}, ${url.split('/').at(-1)}:${lineNumber + 1}`;
}

/**
 * Milliseconds for each function, the most first. The profile covers the JavaScript thread alone.
 *
 * @param {() => Promise<unknown> | unknown} work
 */
export async function measureProfile(work) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL });
  const before = threadTimes();
  const start = performance.now();
  await session.post('Profiler.start');
  await work();
  const { profile } = await session.post('Profiler.stop');
  const ms = performance.now() - start;
  const after = threadTimes();
  const threads = Object.entries(after).map(([name, [ran, waited]]) => ({
    name,
    ranMs: ran - before[name][0],
    waitedMs: waited - before[name][1],
  }));
  session.disconnect();
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const spent = new Map();
  for (const [at, id] of (profile.samples ?? []).entries()) {
    const name = names.get(id);
    spent.set(name, (spent.get(name) ?? 0) + (profile.timeDeltas?.[at] ?? 0) / 1e3);
  }
  const shares = [...spent].map(([name, time]) => ({ name, ms: time }));
  shares.sort((one, other) => other.ms - one.ms);
  return { ms, threads, shares: shares.slice(0, MOST) };
}
