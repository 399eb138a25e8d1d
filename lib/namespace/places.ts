/** Where network namespaces are found: by name, by process, and among what this process holds open. */
import type { Dir } from 'node:fs';
import { setImmediate } from 'node:timers';
import { addon, type NamespaceHandle } from '../addon.js';
import { builtin } from '../base/builtin.js';
import type { Refusal } from '../errors/refusal.js';
import { namespaceJob } from './native.js';
import { NSFS_MAGIC, RUN_DIRECTORY } from './opening.js';

const fs = builtin('node:fs');

/** How many of each sort of places there are at most. */
const MAX_PLACES = 512;
/** How many entries of a folder are looked at in one turn of the event loop: a millisecond. */
const ENTRIES_IN_A_TURN = 128;

/** A namespace to look into: its name, or whose it is, and how it is opened. */
export interface Place {
  readonly name: string | null;
  readonly holder?: string;
  open(): Promise<NamespaceHandle | Refusal> | NamespaceHandle | Refusal;
}

/**
 * This process's own, those that have names, those of processes, and what else this process holds open; none whose
 * inode has been `seen`, as far as that is known. Synchronously, because all of libuv's threads may be waiting for a
 * file, and none of this is on a disk.
 */
export async function* findPlaces(seen: ReadonlySet<number>): AsyncGenerator<Place> {
  yield { name: null, holder: "this process's own", open: () => addon.openOwnNamespace() };
  let left = MAX_PLACES;
  for await (const name of entriesOf(RUN_DIRECTORY)) {
    const path = `${RUN_DIRECTORY}/${name}`;
    // What is left of one, or belongs to another mount namespace, would be waited for: it may be about to become one.
    if (!isNamespace(path)) continue;
    if (left-- === 0) break;
    yield { name, open: () => namespaceJob('openNamespacePath', [path]) };
  }
  left = MAX_PLACES;
  for await (const pid of entriesOf('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const path = `/proc/${pid}/ns/net`;
    const inode = inodeOf(path);
    if (inode === undefined || seen.has(inode)) continue;
    if (left-- === 0) break;
    const open = () => namespaceJob('openNamespacePath', [path]);
    yield { name: null, holder: `of process ${pid}`, open };
  }
  left = MAX_PLACES;
  for await (const fd of entriesOf('/proc/self/fd')) {
    const inode = inodeOf(`/proc/self/fd/${fd}`);
    if (inode === undefined || seen.has(inode)) continue;
    if (left-- === 0) break;
    const open = () => addon.openNamespaceDescriptor(Number(fd));
    yield { name: null, holder: 'which this process holds open', open };
  }
}

/** The names in a folder, over several turns of the event loop; none where there is no such folder. */
async function* entriesOf(folder: string): AsyncGenerator<string> {
  let entries: Dir;
  try {
    entries = fs.opendirSync(folder);
  } catch {
    return;
  }
  try {
    let count = 0;
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (++count % ENTRIES_IN_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      yield entry.name;
    }
  } finally {
    entries.closeSync();
  }
}

/** Whether a name leads to a namespace, directly or by a symbolic link to where others keep theirs. */
function isNamespace(path: string): boolean {
  try {
    const isLink = fs.lstatSync(path).isSymbolicLink();
    if (isLink && !/^\/(?:proc|run|var\/run)\//.test(fs.readlinkSync(path))) return false;
    return fs.statfsSync(path).type === NSFS_MAGIC;
  } catch {
    return false;
  }
}

/** The inode of a network namespace that a link leads to; nothing where it leads elsewhere, or may not be read. */
function inodeOf(path: string): number | undefined {
  try {
    const [, inode] = /^net:\[(\d+)\]$/.exec(fs.readlinkSync(path)) ?? [];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}
