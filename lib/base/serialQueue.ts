/** Runs pieces of work one after another. */
export class SerialQueue {
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Whether nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** Does `work` after what was handed in before it. */
  run<T>(work: () => T | Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    // Counts down and resolves in one step, so that no later call is answered first. The promise is the caller's own.
    return result.then(
      (value) => {
        this.#waiting--;
        return value;
      },
      (error) => {
        this.#waiting--;
        throw error;
      },
    );
  }
}
