/** Looking for the children of a parent in other namespaces, such as those of containers. */
import type { Dir } from 'node:fs';
import { setImmediate } from 'node:timers';
import { builtin } from '../base/builtin.js';
import { Coalescer } from '../base/coalescer.js';
import { Refusal } from '../errors/refusal.js';
import type { Link, LinkParent } from '../types/types.js';
import { findLink, findReceiversFrom } from './lookup.js';
import { describe, Namespace } from './namespace.js';
import { namespaceJob } from './native.js';
import { nameOfPath, RUN_DIRECTORY } from './opening.js';

const fs = builtin('node:fs');

/** How many namespaces are looked into at most: each takes a tenth of a millisecond or two, and a refusal waits for it. */
const MAX_NAMESPACES = 512;
/** How many searches there are at a time; where there are more, nothing is found. */
const MAX_SEARCHES = 4;
/** How many entries of /proc are looked at in one turn of the event loop: a millisecond. */
const ENTRIES_IN_A_TURN = 128;

/** A link, and how a hint names the namespace that it is in. */
export interface Located {
  readonly link: Link;
  readonly where: string;
}

/** A namespace to look into: where it is opened, and how a hint names it where it has no name. */
interface Place {
  readonly path: string;
  readonly process?: string;
}

const searchesFrom = new WeakMap<Namespace, Coalescer>();
let searches = 0;

/**
 * The links that receive the frames of a parent of this namespace, in other namespaces as far as they can be found:
 * those that have names, and those of processes. Nothing that fails is told: this is only for a hint.
 */
export async function findChildrenElsewhere(
  namespace: Namespace,
  { index }: Link,
): Promise<readonly Located[]> {
  const shared = searchesFrom.get(namespace) ?? new Coalescer();
  searchesFrom.set(namespace, shared);
  const found = await shared.share('children', () => findAllChildren(namespace));
  return found.filter(({ link }) => link.parent?.index === index);
}

/** All links of other namespaces that receive the frames of one of this one. */
async function findAllChildren(home: Namespace): Promise<readonly Located[]> {
  const found: Located[] = [];
  await findNamespace(home, async (other, where) => {
    // One that has a child of a parent in another has an id for that (net/core/rtnetlink.c, rtnl_fill_link_netnsid).
    const netnsid = await other.ask('getNetnsid', { fd: home.fd });
    if (netnsid === null || netnsid instanceof Refusal) return false;
    const links = await findReceiversFrom(other, netnsid);
    found.push(...links.map((link) => ({ link, where })));
    return false;
  });
  return found;
}

/**
 * Runs `body` with a parent, and with the namespace that it is in: this one, or one that is looked for, first at
 * `probable`. Nothing where the parent is not found.
 */
export async function withParent<T>(
  namespace: Namespace,
  parent: LinkParent | null | undefined,
  probable: Namespace | undefined,
  body: (parent: Link, home: Namespace) => Promise<T>,
): Promise<T | undefined> {
  if (!parent) return undefined;
  const { index, netnsid } = parent;
  const withLink = async (home: Namespace) => {
    const link = await findLink(home, index);
    return link && (await body(link, home));
  };
  if (netnsid === null) return withLink(namespace);
  const isIt = async ({ fd }: Namespace) => (await namespace.ask('getNetnsid', { fd })) === netnsid;
  if (probable !== undefined && (await isIt(probable))) return withLink(probable);
  const home = await findNamespace(namespace, isIt);
  try {
    return home && (await withLink(home));
  } finally {
    await home?.close();
  }
}

/** The first of the other namespaces that is wanted, open: the caller closes it. */
async function findNamespace(
  from: Namespace,
  isWanted: (other: Namespace, where: string) => Promise<boolean>,
): Promise<Namespace | undefined> {
  if (searches === MAX_SEARCHES) return undefined;
  searches++;
  try {
    const seen = new Set([from.inode]);
    for await (const { path, process } of places(seen)) {
      const handle = await namespaceJob('openNamespacePath', [path]);
      if (handle instanceof Refusal) continue;
      const other = new Namespace(handle, nameOfPath(path));
      const where = process === undefined ? describe(other) : `${describe(other)} (${process})`;
      let isFound = false;
      try {
        isFound = !seen.has(other.inode) && (await isWanted(other, where));
      } finally {
        if (!isFound) await other.close();
      }
      if (isFound) return other;
      seen.add(other.inode);
      if (seen.size > MAX_NAMESPACES) break;
    }
  } finally {
    searches--;
  }
  return undefined;
}

/**
 * Names first. Synchronously: none of this is on a disk, and all of libuv's threads may be waiting for a file. Leaves
 * out the processes of namespaces that have been `seen`.
 */
async function* places(seen: ReadonlySet<number>): AsyncGenerator<Place> {
  for (const name of entriesOf(RUN_DIRECTORY)) yield { path: `${RUN_DIRECTORY}/${name}` };
  let entries = 0;
  for (const pid of entriesOf('/proc')) {
    if (++entries % ENTRIES_IN_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (!/^\d+$/.test(pid)) continue;
    const path = `/proc/${pid}/ns/net`;
    const inode = inodeOf(path);
    if (inode !== undefined && !seen.has(inode)) yield { path, process: `of process ${pid}` };
  }
}

/** The names in a folder; none where there is no such folder. */
function* entriesOf(folder: string): Generator<string> {
  let entries: Dir;
  try {
    entries = fs.opendirSync(folder);
  } catch {
    return;
  }
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync())
      yield entry.name;
  } finally {
    entries.closeSync();
  }
}

/** The inode of a process's namespace; nothing where the process has ended, or may not be looked at. */
function inodeOf(path: string): number | undefined {
  try {
    const [, inode] = /^net:\[(\d+)\]$/.exec(fs.readlinkSync(path)) ?? [];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}
