// How a script fails where nothing is wrong with the script.
import { constants } from 'node:os';

/** A failure whose message is all that its reader needs: no stack is printed. */
export class Failure extends Error {}

/** This process was told to end. */
export class Interrupted extends Failure {
  /**
   * @param {string} message
   * @param {NodeJS.Signals} signal
   */
  constructor(message, signal) {
    super(message);
    /** What a shell expects of a process that ended so. */
    this.exitCode = 128 + constants.signals[signal];
  }
}
