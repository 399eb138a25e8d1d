/** Callers who wait for one another. */
export class Callers {
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Whether nobody waits. */
  get none(): boolean {
    return this.#waiting === 0;
  }

  /** Does what a caller waits for after what those before it wait for. */
  inOrder<T>(work: () => T | Promise<T>): Promise<T> {
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
