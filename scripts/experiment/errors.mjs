// The ways in which the experiment ends early, besides a failure that nobody foresaw.

/** It cannot run here; the message tells what is missing. */
export class CannotRun extends Error {}

/** It was asked to stop. */
export class Stopped extends Error {
  /**
   * @param {string} cause such as 'SIGINT'
   * @param {number} code what a shell expects of a process that ended so
   */
  constructor(cause, code) {
    super(`Stopped by ${cause}`);
    this.code = code;
  }
}
