/**
 * Coalesces equal look-ups. Thousands of callers may ask for the same thing together, and a look-up for each,
 * their results all held at once, would take gigabytes. So one look-up of a key runs at a time, and whoever
 * asks meanwhile shares the next one, which begins after all of them have asked and so is not too old for any.
 */
interface Runs {
  /** Settles when the last run that has begun is over; never rejects. */
  current: Promise<unknown>;
  /** The next run, until it begins. */
  next?: Promise<unknown> | undefined;
}

/** Drops the result, so that `current` does not keep it. */
const drop = () => {};

export class Coalescer {
  readonly #runsOf = new Map<string, Runs>();

  /**
   * The result of a run of `lookUp` that begins after this call; other callers get the same object. A key is
   * never forgotten, so there must be few different ones.
   */
  share<T>(key: string, lookUp: () => Promise<T>): Promise<T> {
    const runs = this.#runsOf.get(key) ?? { current: Promise.resolve() };
    this.#runsOf.set(key, runs);
    runs.next ??= runs.current.then(() => {
      const run = lookUp();
      runs.next = undefined;
      runs.current = run.then(drop, drop);
      return run;
    });
    return runs.next as Promise<T>;
  }
}
