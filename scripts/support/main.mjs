// Runs a script's main function, and tells how it ended.
import { parseArgs } from 'node:util';
import { Failure, Interrupted } from './failure.mjs';

/**
 * Whether a script that takes no options was asked what it does; refuses anything else.
 *
 * @param {string} help
 */
function isHelpWanted(help) {
  try {
    return parseArgs({ options: { help: { type: 'boolean' } } }).values.help === true;
  } catch (error) {
    throw new Failure(`${error.message}\n\n${help}`);
  }
}

/**
 * Runs a script's main function; a Failure, and a command line that cannot be parsed, becomes its message
 * and exit code 1, or the shell's for a signal that has ended it.
 *
 * @param {() => Promise<unknown>} main what it gives is the exit code; 0 when that is no number
 * @param {string} [help] of a script that takes no options: what it does
 */
export async function runMain(main, help) {
  try {
    if (help !== undefined && isHelpWanted(help)) {
      process.stdout.write(`${help}\n`);
      return;
    }
    const code = await main();
    process.exitCode = typeof code === 'number' ? code : 0;
  } catch (error) {
    const told = error instanceof Failure || String(error.code).startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${told ? error.message : error.stack}\n`);
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
  }
}
