// Reports what the experiment does and finds: step by step as text, or at the end as JSON.
import { showClosing, showModes } from './modes-page.mjs';
import { showIntroduction, showStep } from './pages.mjs';

/** @typedef {import('./tutorial.mjs').Step} Step */
/** @typedef {import('./tutorial.mjs').Names} Names */
/** @typedef {import('./modes.mjs').Row} Row */

const MODES_TITLE = 'All five modes: who reaches whom';

export class Account {
  /** @type {Step[]} */
  #steps = [];
  /** @type {Row[]} */
  #rows = [];
  #report;
  #signal;
  #names;
  #onCard;
  #json;

  /**
   * @param {import('./report.mjs').Report} report
   * @param {AbortSignal} signal no further step begins once it has fired
   * @param {Names} names
   * @param {{ onCard: boolean, json: boolean }} options
   */
  constructor(report, signal, names, { onCard, json }) {
    this.#report = report;
    this.#signal = signal;
    this.#names = names;
    this.#onCard = onCard;
    this.#json = json;
    if (!json) showIntroduction(report, names, onCard);
  }

  /**
   * Does a step and tells it.
   *
   * @param {string} title
   * @param {(title: string) => Promise<Step>} work
   */
  async tell(title, work) {
    this.#begin(title);
    const step = await work(title);
    this.#steps.push(step);
    if (!this.#json) showStep(this.#report, this.#steps.length, step, this.#names);
  }

  /**
   * Tries the modes and tells what came of it.
   *
   * @param {(progress: (done: number, total: number) => void) => Promise<Row[]>} work
   */
  async tellModes(work) {
    this.#begin(MODES_TITLE);
    const report = this.#report;
    const number = this.#steps.length + 1;
    try {
      this.#rows = await work((done, total) =>
        report.progress(`${number}. ${MODES_TITLE}: ${done} of ${total} tried …`),
      );
    } finally {
      report.progress();
    }
    if (!this.#json) showModes(report, number, MODES_TITLE, this.#rows);
  }

  /** @param {string} title */
  #begin(title) {
    this.#signal.throwIfAborted();
    if (this.#json) this.#report.tell(`${this.#steps.length + 1}. ${title}`);
  }

  /**
   * Ends the account.
   *
   * @param {readonly string[]} leftBehind what could not be taken down
   * @returns {boolean} whether everything was as expected
   */
  close(leftBehind) {
    const reached = this.#steps.every(
      (step) => step.id !== 'reach' || step.roundTripsMs.length > 0,
    );
    const asExpected =
      reached && this.#rows.every((row) => row.asExpected) && leftBehind.length === 0;
    if (this.#json) {
      const parent = { name: this.#names.parent, isCard: this.#onCard };
      const [node, steps, modes] = [process.version, this.#steps, this.#rows];
      const data = { node, parent, steps, modes, leftBehind, asExpected };
      this.#report.line(JSON.stringify(data, undefined, 2));
    } else {
      showClosing(this.#report, this.#rows, reached, leftBehind);
    }
    return asExpected;
  }
}
