// Runs other programs, and ends them when this one is told to end.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Interrupted } from './failure.mjs';
import { root } from './project.mjs';

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
 * is tidied up. With `patience`, a number of milliseconds, one that has not ended by then is killed and left to itself:
 * where it waits in the kernel for what never comes, it does not end by that either.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions & { patience?: number }} [options]
 * @returns {Promise<{ code: number, stdout: string, output: string }>}
 */
export function capture(command, args, { patience, ...options } = {}) {
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
    const giveUp = () => {
      child.kill('SIGKILL');
      child.unref();
      for (const stream of child.stdio) stream?.destroy();
      over();
      resolve({
        code: 1,
        stdout,
        output: `${output}\n(no answer in ${Number(patience) / 1000} s)`,
      });
    };
    const timer = patience === undefined ? undefined : setTimeout(giveUp, patience);
    const over = () => {
      clearTimeout(timer);
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
