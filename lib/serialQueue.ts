/** Work that is done one after another. */
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
    // In one step, so that nobody overtakes this one; and a promise that is the caller's alone.
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
