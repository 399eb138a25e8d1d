// One set-up at a time in one working tree: two at once would write into the same build folder.
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from './failure.mjs';
import { root } from './project.mjs';

const file = join(root, '.setup.lock');

const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS']);

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** How often the holder gives the file the present time, and after how long without that it has ended, in ms. */
const RENEWAL = 1000;
const PATIENCE = 5000;

/**
 * Whether the set-up that the lock is of has ended. It may not have written its id yet; and a process's own id is that of
 * another in another container.
 */
function isStale() {
  const holder = Number(readFileSync(file, 'utf8'));
  if (holder !== 0 && holder !== process.pid) return !isAlive(holder);
  return Date.now() - statSync(file).mtimeMs > PATIENCE;
}

function acquire() {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (UNWRITABLE.has(error.code)) {
      const whose = 'this tree belongs to somebody else: use a clone of your own';
      throw new Failure(`Cannot write ${file} (${error.code}): ${whose}.`);
    }
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    if (isStale()) rmSync(file, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return false;
}

function renew() {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch (error) {
    // Somebody has deleted it, as those who wait are told they may.
    if (error.code !== 'ENOENT') throw error;
  }
}

/**
 * Does `work` while no other process sets this tree up.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function locked(work) {
  for (let told = false; !acquire(); told = true) {
    if (!told) {
      const advice = 'if there is none, delete that file';
      process.stderr.write(`Waiting for another set-up of this tree (${file}; ${advice})\n`);
    }
    await sleep(200);
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  const renewal = setInterval(renew, RENEWAL);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
    process.off('exit', release);
    release();
  }
}
