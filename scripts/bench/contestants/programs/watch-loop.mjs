// Measures how long the turns of the event loop take.
import { openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** Only turns of at least this length are recorded with their times, in milliseconds. */
const LONG_TURN = 0.25;
/**
 * How long the loop rests between two turns, in milliseconds, as one with nothing to do would. Each
 * turn costs memory: without rests half of the collections of a program that watches links were due to
 * the watching of its loop.
 */
const REST = 0.2;

/**
 * How long this thread has waited for a processor, in milliseconds: the second number of schedstat
 * (Documentation/scheduler/sched-stats.rst).
 */
function waitedReader() {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const bytes = Buffer.alloc(64);
  return () => {
    const length = readSync(file, bytes, 0, bytes.length, 0);
    return Number(bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6;
  };
}

/** How many long turns are recorded, to be compared with the garbage collections afterwards. */
const MOST_TURNS = 10_000;

/**
 * The longest turn, when the time that garbage collections took is subtracted from each.
 *
 * @param {Float64Array} turns begin, end and how long the loop was held, for each
 * @param {readonly { startTime: number, duration: number }[]} collections
 */
function longestWithout(turns, collections) {
  let longest = 0;
  for (let at = 0; at < turns.length; at += 3) {
    const [begin, end, held] = turns.subarray(at, at + 3);
    const collected = collections.reduce((sum, { startTime, duration }) => {
      const overlap = Math.min(end, startTime + duration) - Math.max(begin, startTime);
      return sum + Math.max(0, overlap);
    }, 0);
    longest = Math.max(longest, held - collected);
  }
  return longest;
}

const never = new Int32Array(new SharedArrayBuffer(4));

function rest() {
  Atomics.wait(never, 0, 0, REST);
}

/**
 * Watches the event loop by running a callback in every turn, and measures each turn, without the rest
 * after it. What counts is the turn less the time that it waited for a processor. The first turn is the
 * one that starts the work, in which the program itself makes its calls. Collections are told apart: what
 * they take is V8's and the C library's.
 */
export function watchLoop() {
  const readWaited = waitedReader();
  // Numbers in an array are written without memory for each: the watcher must cause no collection.
  const state = new Float64Array(6);
  const [LAST, WAITED, READ, FIRST, LONGEST, WITH_WAITS] = [0, 1, 2, 3, 4, 5];
  let turns = 0;
  let running = true;
  const longTurns = new Float64Array(3 * MOST_TURNS);
  let kept = 0;
  /** @type {{ startTime: number, duration: number }[]} */
  const collections = [];
  const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const next = () => {
    const now = performance.now();
    const took = now - state[LAST];
    if (took > LONG_TURN || now - state[READ] > 1 || turns === 0) {
      // The waits of the turns since the last look count too: a millisecond's at most.
      const waited = readWaited();
      const held = Math.max(0, took - (waited - state[WAITED]));
      state[WAITED] = waited;
      state[READ] = now;
      if (took > LONG_TURN && kept < longTurns.length) {
        longTurns[kept++] = state[LAST];
        longTurns[kept++] = now;
        longTurns[kept++] = held;
      }
      if (turns === 0) state[FIRST] = held;
      else if (held > state[LONGEST]) state[LONGEST] = held;
    }
    if (took > state[WITH_WAITS]) state[WITH_WAITS] = took;
    turns += 1;
    if (!running) return;
    rest();
    setImmediate(next);
    state[LAST] = performance.now();
  };
  state[WAITED] = readWaited();
  state[LAST] = performance.now();
  state[READ] = state[LAST];
  setImmediate(next);
  return {
    stop: async () => {
      await turn();
      running = false;
      await sleep(10);
      observer.disconnect();
      return {
        stallFirstMs: state[FIRST],
        stallMs: state[LONGEST],
        stallWithWaitsMs: state[WITH_WAITS],
        stallOwnMs: longestWithout(longTurns.subarray(0, kept), collections),
        turns,
      };
    },
  };
}
