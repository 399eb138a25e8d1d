// Shows what a script does as named steps: progress on a terminal, one line each elsewhere, and the whole
// output of a step that fails.
import { capture } from './command.mjs';
import { Failure } from './failure.mjs';
import { ci } from './project.mjs';

const terminal = process.stderr.isTTY === true && !ci;

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs `work` under a title that tells what goes on and, afterwards, how long it took.
 *
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const start = performance.now();
  const say = (end) => process.stderr.write(`${terminal ? '\r\x1b[K' : ''}${title} ${end}`);
  if (terminal) say('…');
  const timer = terminal ? setInterval(() => say(`… ${seconds(start)}`), 500) : undefined;
  try {
    const result = await work();
    say(`(${seconds(start)})\n`);
    return result;
  } catch (error) {
    say(`failed (${seconds(start)})\n`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Runs a command as a step; when it fails, everything it printed is in the error.
 *
 * @param {string} title
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export async function commandStep(title, command, args, options) {
  return step(title, async () => {
    const result = await capture(command, args, options);
    if (result.code !== 0) {
      throw new Failure(`${result.output}\n${command} ${args.join(' ')}: exit code ${result.code}`);
    }
    return result;
  });
}
