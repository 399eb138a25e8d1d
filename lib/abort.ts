/** What waits for an `AbortSignal`. */

interface Waiting {
  readonly calls: Set<() => void>;
  readonly listener: () => void;
}

/** One listener for each signal, however many requests share it: Node warns of more than ten. */
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/** Calls back when the signal fires; the function returned cancels that. */
export function whenAborted(signal: AbortSignal, call: () => void): () => void {
  let waiting = waitingFor.get(signal);
  if (waiting === undefined) {
    const calls = new Set<() => void>();
    const listener = () => {
      for (const one of calls) one();
    };
    waiting = { calls, listener };
    waitingFor.set(signal, waiting);
  }
  const { calls, listener } = waiting;
  if (calls.size === 0) signal.addEventListener('abort', listener);
  calls.add(call);
  return () => {
    calls.delete(call);
    if (calls.size === 0) signal.removeEventListener('abort', listener);
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
      reject(signal.reason);
    });
    waited.finally(forget).then((value) => {
      if (aborted) late?.(value);
      else resolve(value);
    }, reject);
  });
}
