// Whether outputs are up to date, by the content of what they are made from: a checkout changes
// times without changing content, and a deleted source is a change as well.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';

const cache = join(root, 'node_modules/.cache/macvlan-netlink');

/**
 * The files of a folder, deep, as paths from the project's folder, sorted.
 *
 * @param {string} folder
 * @param {(file: string) => boolean} [wanted]
 * @returns {string[]}
 */
export function filesUnder(folder, wanted = () => true) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter(wanted)
    .sort();
}

/**
 * A hash over names and contents, and over further values that the outputs depend on.
 *
 * @param {readonly string[]} files
 * @param {readonly string[]} [values]
 */
export function fingerprint(files, values = []) {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`\n${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

/** @param {string} name */
const stampOf = (name) => join(cache, name);

/**
 * Whether what `unlessDone` makes has been made for the same inputs, and is still there.
 *
 * @param {string} name
 * @param {string} inputs
 * @param {readonly string[]} outputs
 */
export function isDone(name, inputs, outputs) {
  const stamp = stampOf(name);
  return (
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === inputs &&
    outputs.every((output) => existsSync(join(root, output)))
  );
}

/**
 * Does `make` unless it has been done for the same inputs and the outputs are still there. The
 * stamps lie in node_modules, so that they go when the tools change.
 *
 * @param {string} name
 * @param {string} inputs a fingerprint
 * @param {readonly string[]} outputs
 * @param {() => Promise<unknown>} make
 */
export async function unlessDone(name, inputs, outputs, make) {
  if (isDone(name, inputs, outputs)) return;
  rmSync(stampOf(name), { force: true });
  await make();
  mkdirSync(cache, { recursive: true });
  writeFileSync(stampOf(name), inputs);
}

/** @param {string} record @returns {Record<string, string>} nothing when it was cut off, as on a full disk */
function readRecord(record) {
  try {
    return JSON.parse(readFileSync(record, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return {};
    throw error;
  }
}

/**
 * Gives the present time to those files whose content is another than when this was last called. What make and Ninja
 * have built from a file is up to date for them when it is newer, but a file that is put back from a copy brings an
 * earlier time along.
 *
 * @param {readonly string[]} files
 */
export function touchChanged(files) {
  const record = join(cache, 'contents.json');
  const known = readRecord(record);
  const now = new Date();
  for (const file of files) {
    const content = fingerprint([file]);
    if (known[file] === content) continue;
    try {
      utimesSync(join(root, file), now, now);
    } catch (error) {
      // A file of somebody else keeps its time.
      if (error.code !== 'EPERM') throw error;
    }
    known[file] = content;
  }
  mkdirSync(cache, { recursive: true });
  writeFileSync(record, JSON.stringify(known));
}
