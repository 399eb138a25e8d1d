// Runs commands as named steps: progress on a terminal, one line each elsewhere, and the whole
// output of a step that fails.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The project's folder, with a slash at its end. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Whether this runs unattended, where a missing capability is a failure and not a skip. */
export const ci = process.env.CI === 'true';

const terminal = process.stderr.isTTY === true && !ci;

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
 * An environment for programs whose output is read, or is compared: without what asks for colours also
 * where there is no terminal.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function uncoloured(env) {
  const { FORCE_COLOR: _, CLICOLOR_FORCE: __, ...rest } = env;
  return rest;
}

/** What `capture` has begun. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
/** How many of them deal with an interrupt themselves. */
let interruptible = 0;
/** The signal that has told this process to end. @type {NodeJS.Signals | undefined} */
let told;

/** Whether an interrupt was left to such a command. */
let interrupted = false;

/** Ends a script whose command on the terminal has been interrupted, before it begins the next one. */
export function throwIfInterrupted() {
  if (interrupted) throw new Interrupted('Ended by SIGINT', 'SIGINT');
}

/** @param {NodeJS.Signals} signal */
function endRunning(signal) {
  if (signal === 'SIGINT' && interruptible > 0) {
    interrupted = true;
    return;
  }
  told = signal;
  for (const child of running) child.kill('SIGTERM');
}

const ENDING = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * Runs a command silently and gives its exit code, after a signal the shell's, and everything it printed.
 * When this process is told to end, so is the command, no further one begins, and that is a Failure: what has begun
 * is tidied up.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<{ code: number, stdout: string, output: string }>}
 */
export function capture(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    if (told) return reject(new Interrupted(`${command}: not begun after ${told}`, told));
    // Before there is a command that a signal would leave behind.
    if (running.size === 0) for (const signal of ENDING) process.on(signal, endRunning);
    const forget = () => {
      if (running.size === 0) for (const signal of ENDING) process.off(signal, endRunning);
    };
    let child;
    try {
      child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    } catch (error) {
      forget();
      throw error;
    }
    let stdout = '';
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    running.add(child);
    const over = () => {
      running.delete(child);
      forget();
    };
    child.on('error', (error) => {
      over();
      reject(error);
    });
    child.on('close', (code, signal) => {
      over();
      if (told) return reject(new Interrupted(`${output}\n${command}: ended by ${told}`, told));
      if (signal !== null) output += `\n(ended by ${signal})`;
      const ended = signal === null ? 1 : 128 + constants.signals[signal];
      resolve({ code: code ?? ended, stdout, output });
    });
  });
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

/**
 * Runs a command on this terminal and gives its exit code. An interrupt reaches the command by
 * itself; this process waits for what it does about it.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export async function passThrough(command, args, options) {
  interruptible++;
  try {
    return (await capture(command, args, { stdio: 'inherit', ...options })).code;
  } finally {
    interruptible--;
  }
}

/** The path of the script behind an npm package's command, so that this Node runs it. */
export const bin = Object.freeze({
  biome: `${root}node_modules/@biomejs/biome/bin/biome`,
  cmakeJs: `${root}node_modules/cmake-js/bin/cmake-js`,
  nodeGyp: `${root}node_modules/node-gyp/bin/node-gyp.js`,
  prebuildify: `${root}node_modules/prebuildify/bin.js`,
  tsc: `${root}node_modules/typescript/bin/tsc`,
  typedoc: `${root}node_modules/typedoc/bin/typedoc`,
  vitest: `${root}node_modules/vitest/vitest.mjs`,
});

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
