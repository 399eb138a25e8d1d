/** What waits for an `AbortSignal`. */
import { builtin } from './builtin.js';

/** As Node does: a listener of the program may stop the event before it comes to another one. Since Node 20.5. */
const addAbortListener = builtin('node:events').addAbortListener as
  | typeof import('node:events').addAbortListener
  | undefined;

function listen(signal: AbortSignal, listener: () => void): () => void {
  if (addAbortListener !== undefined) {
    const listening = addAbortListener(signal, listener);
    return () => listening[Symbol.dispose]();
  }
  signal.addEventListener('abort', listener);
  return () => signal.removeEventListener('abort', listener);
}

interface Waiting {
  readonly calls: Set<() => void>;
  readonly listener: () => void;
  /** Undefined while nobody waits. */
  stop: (() => void) | undefined;
}

/** One listener for each signal, however many requests share it: Node warns of more than ten. */
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/** Calls back when the signal fires, or soon where it has fired; the function returned cancels that. */
export function whenAborted(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) {
    let cancelled = false;
    queueMicrotask(() => {
      if (!cancelled) call();
    });
    return () => {
      cancelled = true;
    };
  }
  let waiting = waitingFor.get(signal);
  if (waiting === undefined) {
    const calls = new Set<() => void>();
    const listener = () => {
      for (const one of calls) one();
    };
    waiting = { calls, listener, stop: undefined };
    waitingFor.set(signal, waiting);
  }
  const { calls, listener } = waiting;
  waiting.stop ??= listen(signal, listener);
  calls.add(call);
  return () => {
    calls.delete(call);
    if (calls.size > 0) return;
    waiting.stop?.();
    waiting.stop = undefined;
  };
}

/**
 * `waited`, or a rejection with the signal's reason as soon as it fires: a path may lead to a server that does not
 * answer. A value that arrives after that goes to `late`.
 */
export function unlessAborted<T>(
  waited: Promise<T>,
  signal: AbortSignal | undefined,
  late?: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return waited;
  return new Promise((resolve, reject) => {
    let aborted = false;
    const forget = whenAborted(signal, () => {
      aborted = true;
      // What is waited for may never come.
      forget();
      reject(signal.reason);
    });
    waited.finally(forget).then((value) => {
      if (aborted) late?.(value);
      else resolve(value);
    }, reject);
  });
}
