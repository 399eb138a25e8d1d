// A station: something in a network namespace that answers datagrams and can try to reach others. It
// stands in for `ping`, which needs a program and rights of its own; ARP is the kernel's part.

/** @typedef {import('./library.mjs').Namespace} Namespace */

/**
 * How often and how long a station tries: a reachable one answers in well under a millisecond, and is
 * given more time only because the machine may be busy.
 */
const INTERVAL = 300;
const TRIES = 3;
const PATIENT_TRIES = 15;

export class Station {
  #worker;
  #signal;
  #next = 0;
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
  #pending = new Map();

  /**
   * @param {import('node:worker_threads').Worker} worker
   * @param {AbortSignal} signal
   */
  constructor(worker, signal) {
    this.#worker = worker;
    this.#signal = signal;
    worker.on('message', ({ id, result, error }) => {
      const { resolve, reject } = this.#pending.get(id) ?? {};
      this.#pending.delete(id);
      if (error === undefined) resolve?.(result);
      else reject?.(error);
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => this.#fail(new Error('the station is closed')));
  }

  /**
   * Opens a station in a namespace: a Worker whose sockets live there.
   *
   * @param {import('./teardown.mjs').Teardown} teardown
   * @param {Namespace} netns
   * @returns {Promise<Station>}
   */
  static open(teardown, netns) {
    return teardown.make(
      async () => {
        const worker = await netns.run(new URL('station-worker.mjs', import.meta.url));
        return new Station(worker, teardown.signal);
      },
      (station) => station.#worker.terminate(),
    );
  }

  /**
   * From now on what is sent to the echo port of this address comes back.
   *
   * @param {string} address
   */
  async answer(address) {
    await this.#do('answer', { address });
  }

  /**
   * Tries to reach an address: the round-trip times in milliseconds, none when no answer came.
   *
   * @param {string} address
   * @param {{ answers: number, patient: boolean }} options how many answers are wanted, and
   *   whether one is expected and worth waiting for
   * @returns {Promise<number[]>}
   */
  ask(address, { answers, patient }) {
    const tries = patient ? Math.max(PATIENT_TRIES, answers) : TRIES;
    return this.#do('ask', { address, answers, tries, interval: INTERVAL });
  }

  /**
   * @param {'answer' | 'ask'} action
   * @param {object} request
   */
  async #do(action, request) {
    this.#signal.throwIfAborted();
    const id = this.#next++;
    const stop = () => this.#fail(this.#signal.reason);
    this.#signal.addEventListener('abort', stop);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#worker.postMessage({ id, action, request });
      });
    } finally {
      this.#signal.removeEventListener('abort', stop);
    }
  }

  /** @param {Error} error */
  #fail(error) {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
