// One set-up at a time in one working tree: two at once would write into the same build folder.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, root } from './step.mjs';

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
  let holder;
  try {
    holder = Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
  // Zero: the holder has made the file and not yet written its id into it.
  if (holder > 0 && !isAlive(holder)) rmSync(file, { force: true });
  return false;
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
    if (!told) process.stderr.write(`Waiting for another set-up of this tree (${file})\n`);
    await sleep(200);
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
