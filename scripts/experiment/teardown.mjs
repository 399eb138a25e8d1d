// What has been made and changed, and how each is undone: the last first, whatever happens.

export class Teardown {
  /** @type {(() => Promise<unknown>)[]} */
  #undo = [];

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal = signal;
  }

  /**
   * Does `work`, and undoes what it has made before this returns or throws.
   *
   * @template T
   * @param {AbortSignal} signal nothing more is made once it has fired
   * @param {(teardown: Teardown) => Promise<T>} work
   * @returns {Promise<T>}
   */
  static async after(signal, work) {
    const teardown = new Teardown(signal);
    /** @type {unknown[]} */
    const errors = [];
    const result = await work(teardown).catch((error) => {
      errors.push(error);
    });
    const failures = await teardown.#finish();
    if (failures.length > 0) {
      throw new AggregateError([...errors, ...failures], 'Not everything could be taken down');
    }
    if (errors.length > 0) throw errors[0];
    return /** @type {T} */ (result);
  }

  /**
   * Makes or changes something, and notes how that is undone. `create` is waited for even when the
   * signal fires meanwhile, so that whatever it makes is known here.
   *
   * @template T
   * @param {() => Promise<T>} create
   * @param {(made: T) => Promise<unknown>} undo
   * @returns {Promise<T>}
   */
  async make(create, undo) {
    this.signal.throwIfAborted();
    const made = await create();
    this.#undo.push(() => undo(made));
    return made;
  }

  /** What could not be undone does not keep the rest from being undone. */
  async #finish() {
    /** @type {unknown[]} */
    const failures = [];
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      await undo().catch((error) => failures.push(error));
    }
    return failures;
  }
}
