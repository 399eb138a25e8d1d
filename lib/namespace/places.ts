/** Where network namespaces are found: by name, by process, and among what this process holds open. */
import type { Dir } from 'node:fs';
import { setImmediate } from 'node:timers';
import { addon, type NamespaceHandle } from '../addon.js';
import { builtin } from '../base/builtin.js';
import { Refusal } from '../errors/refusal.js';
import type { NetnsRef } from '../types/types.js';
import { Namespace } from './namespace.js';
import { namespaceJob } from './native.js';
import { NSFS_MAGIC, RUN_DIRECTORY } from './opening.js';

const fs = builtin('node:fs');

/** How many entries of a folder are looked at in one turn of the event loop: a millisecond. */
const ENTRIES_IN_A_TURN = 128;

/** A namespace to look into: its name, or whose it is, and how it is opened. */
interface Place {
  readonly name: string | null;
  readonly holder?: string;
  /** How others open it; nothing for the calling thread's own. */
  readonly ref?: NetnsRef;
  open(): Promise<NamespaceHandle | Refusal> | NamespaceHandle | Refusal;
}

/** A namespace that was found, and is open until the next one is asked for. */
export interface Visited extends Omit<Place, 'open'> {
  readonly namespace: Namespace;
}

/** Told why a namespace, or all of a sort, is left out. */
type Refused = (refusal: Refusal) => void;

/** All namespaces that can be found, each once, at most so many of each sort. */
export async function* visitNamespaces(most: number, refused: Refused): AsyncGenerator<Visited> {
  const seen = new Set<number>();
  for await (const { open, ...place } of findPlaces(seen, most, refused)) {
    const handle = await open();
    if (handle instanceof Refusal) {
      refused(handle);
      continue;
    }
    const namespace = new Namespace(handle, place.name);
    try {
      if (!seen.has(namespace.inode)) yield { ...place, namespace };
      seen.add(namespace.inode);
    } finally {
      await namespace.close();
    }
  }
}

/**
 * The calling thread's own, those that have names, those of processes, and what else this process holds open; none
 * whose inode has been `seen`, as far as that is known. Synchronously, because all of libuv's threads may be waiting for
 * a file, and none of this is on a disk.
 */
async function* findPlaces(
  seen: ReadonlySet<number>,
  most: number,
  refused: Refused,
): AsyncGenerator<Place> {
  yield { name: null, holder: "this process's own", open: () => addon.openOwnNamespace() };
  let left = most;
  for await (const name of entriesOf(RUN_DIRECTORY, refused)) {
    const path = `${RUN_DIRECTORY}/${name}`;
    // What is left of one, or belongs to another mount namespace, would be waited for: it may be about to become one.
    if (!isNamespace(path)) continue;
    if (left-- === 0) break;
    yield { name, ref: name, open: () => namespaceJob('openNamespacePath', [path]) };
  }
  left = most;
  for await (const pid of entriesOf('/proc', refused)) {
    if (!/^\d+$/.test(pid)) continue;
    const path = `/proc/${pid}/ns/net`;
    const inode = inodeOf(path);
    if (inode === undefined || seen.has(inode)) continue;
    if (left-- === 0) break;
    const open = () => namespaceJob('openNamespacePath', [path]);
    yield { name: null, holder: `of process ${pid}`, ref: { pid: Number(pid) }, open };
  }
  left = most;
  for await (const fd of entriesOf('/proc/self/fd', refused)) {
    const inode = inodeOf(`/proc/self/fd/${fd}`);
    if (inode === undefined || seen.has(inode)) continue;
    if (left-- === 0) break;
    const ref = { fd: Number(fd) };
    const open = () => addon.openNamespaceDescriptor(ref.fd);
    yield { name: null, holder: 'which this process holds open', ref, open };
  }
}

/** The names in a folder, over several turns of the event loop. */
async function* entriesOf(folder: string, refused: Refused): AsyncGenerator<string> {
  let entries: Dir | undefined;
  try {
    entries = fs.opendirSync(folder);
    let count = 0;
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (++count % ENTRIES_IN_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      yield entry.name;
    }
  } catch (error) {
    const { errno, syscall } = error as { errno: number; syscall: string };
    refused(new Refusal(errno, syscall));
  } finally {
    entries?.closeSync();
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
