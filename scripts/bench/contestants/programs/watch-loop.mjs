// How long the event loop is held.
import { openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** From how long on a turn is looked at more closely, in milliseconds. */
const LONG_TURN = 0.25;
/** What a turn spends on nothing, so that turns, which cost memory, are not too many: about 30 µs. */
const SPIN = 30_000;

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

let spun = 0;

function spin() {
  for (let count = 0; count < SPIN; count++) spun = (spun + count) | 0;
}

/**
 * Watches the event loop by going round it without a pause, and times every turn. A loop that never
 * sleeps is one that the scheduler takes the processor from, which an ordinary one does not suffer;
 * so what counts is the turn less the time that it waited for a processor. The first turn is the one
 * that starts the work, in which the program itself makes its calls. Collections are told apart: on a
 * busy machine they wait for V8's helper threads, which wait for a processor.
 */
export function watchLoop() {
  const readWaited = waitedReader();
  // Numbers in an array are written without memory for each: the watcher must cause no collection.
  const state = new Float64Array(6);
  const [LAST, WAITED, READ, FIRST, LONGEST, WITH_WAITS] = [0, 1, 2, 3, 4, 5];
  let turns = 0;
  let running = true;
  let collection = 0;
  const collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collection = Math.max(collection, duration);
  });
  collections.observe({ entryTypes: ['gc'] });
  const next = () => {
    const now = performance.now();
    const took = now - state[LAST];
    if (took > LONG_TURN || now - state[READ] > 1 || turns === 0) {
      // The waits of the turns since the last look count too: a millisecond's at most.
      const waited = readWaited();
      const held = Math.max(0, took - (waited - state[WAITED]));
      state[WAITED] = waited;
      state[READ] = now;
      if (turns === 0) state[FIRST] = held;
      else if (held > state[LONGEST]) state[LONGEST] = held;
    }
    if (took > state[WITH_WAITS]) state[WITH_WAITS] = took;
    turns += 1;
    if (!running) return;
    spin();
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
      collections.disconnect();
      return {
        stallFirstMs: state[FIRST],
        stallMs: state[LONGEST],
        stallWithWaitsMs: state[WITH_WAITS],
        stallCollectionMs: collection,
        turns,
      };
    },
  };
}
