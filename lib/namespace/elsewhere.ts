/** Looking for links in other namespaces, such as those of containers: only for hints, so nothing that fails is told. */
import type { Dir } from 'node:fs';
import { setImmediate } from 'node:timers';
import { addon, type NamespaceHandle } from '../addon.js';
import { builtin } from '../base/builtin.js';
import { Coalescer } from '../base/coalescer.js';
import { Refusal } from '../errors/refusal.js';
import type { Link, LinkParent } from '../types/types.js';
import { findLink, findReceiversFrom } from './lookup.js';
import { describe, Namespace } from './namespace.js';
import { namespaceJob } from './native.js';
import { NSFS_MAGIC, RUN_DIRECTORY } from './opening.js';

const fs = builtin('node:fs');

/** How many namespaces are looked into at most: each takes a tenth of a millisecond or two, and a refusal waits for it. */
const MAX_PLACES = 512;
/** After how many milliseconds no further one is looked into. */
const MAX_DURATION = 1000;
/** How many entries of a folder are looked at in one turn of the event loop: a millisecond. */
const ENTRIES_IN_A_TURN = 128;

/** A link, and how a hint names the namespace that it is in. */
export interface Located {
  readonly link: Link;
  readonly where: string;
}

/**
 * The links that receive the frames of a parent of this namespace, in other namespaces. Not one whose parent has been
 * moved since anybody last looked at it.
 */
export async function findChildrenElsewhere(
  home: Namespace,
  { index }: Link,
): Promise<readonly Located[]> {
  const found = await findAllChildren(home);
  return found.filter(({ link }) => link.parent?.index === index);
}

/** The searches of the next pass, so that many refusals share one. */
const asked = new WeakMap<Namespace, Promise<readonly Located[]>>();

/** All links of other namespaces that receive the frames of one of this one. */
function findAllChildren(home: Namespace): Promise<readonly Located[]> {
  const known = asked.get(home);
  if (known !== undefined) return known;
  const found: Located[] = [];
  const look = async (other: Namespace, where: string) => {
    if (other.inode === home.inode) return false;
    // It has an id for the namespace of each parent (net/core/rtnetlink.c, rtnl_fill_link_netnsid).
    const netnsid = await other.ask('getNetnsid', { fd: home.fd });
    if (netnsid === null || netnsid instanceof Refusal) return false;
    const links = await findReceiversFrom(other, netnsid);
    found.push(...links.map((link) => ({ link, where })));
    return false;
  };
  const answer = lookAround({ begin: () => asked.delete(home), look }).then(() => found);
  asked.set(home, answer);
  return answer;
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
  const home = await findNamespace(isIt);
  try {
    return home && (await withLink(home));
  } finally {
    await home?.close();
  }
}

/** The first namespace that is wanted, open: the caller closes it. */
async function findNamespace(
  isWanted: (other: Namespace) => Promise<boolean>,
): Promise<Namespace | undefined> {
  let found: Namespace | undefined;
  const look = async (other: Namespace) => {
    if (!(await isWanted(other))) return false;
    const copy = addon.openNamespaceDescriptor(other.fd);
    if (!(copy instanceof Refusal)) found = new Namespace(copy, other.name);
    return true;
  };
  await lookAround({ look });
  return found;
}

/** One that looks into namespaces. */
interface Search {
  /** Called before the first one. */
  begin?(): void;
  /** Looks into one; `where` is how a hint names it. Gives true when it has found what it looks for. */
  look(other: Namespace, where: string): Promise<boolean>;
}

const passes = new Coalescer();
let waiting: Search[] = [];

/** Looks into all namespaces that can be found, in one pass with all others that ask meanwhile. */
function lookAround(search: Search): Promise<void> {
  waiting.push(search);
  return passes.share('', pass);
}

async function pass(): Promise<void> {
  let searches = waiting;
  waiting = [];
  for (const search of searches) search.begin?.();
  const end = performance.now() + MAX_DURATION;
  const seen = new Set<number>();
  let places = 0;
  for await (const { name, holder, open } of findPlaces(seen)) {
    if (++places > MAX_PLACES || performance.now() > end) return;
    const handle = await open();
    if (handle instanceof Refusal) continue;
    const other = new Namespace(handle, name);
    try {
      if (seen.has(other.inode)) continue;
      seen.add(other.inode);
      const where = holder === undefined ? describe(other) : `${describe(other)} (${holder})`;
      const found = await Promise.all(searches.map((search) => search.look(other, where)));
      searches = searches.filter((_, at) => !found[at]);
    } finally {
      await other.close();
    }
    if (searches.length === 0) return;
  }
}

/** A namespace to look into: its name, or whose it is, and how it is opened. */
interface Place {
  readonly name: string | null;
  readonly holder?: string;
  open(): Promise<NamespaceHandle | Refusal> | NamespaceHandle | Refusal;
}

/**
 * Those that have names, that this process holds open, and of processes; none whose inode has been `seen`, as far as
 * that is known. Synchronously: none of this is on a disk, and all of libuv's threads may be waiting for a file.
 */
async function* findPlaces(seen: ReadonlySet<number>): AsyncGenerator<Place> {
  for await (const name of entriesOf(RUN_DIRECTORY)) {
    const path = `${RUN_DIRECTORY}/${name}`;
    // What is left of one, or belongs to another mount namespace, would be waited for: it may be about to become one.
    if (isNamespace(path)) yield { name, open: () => namespaceJob('openNamespacePath', [path]) };
  }
  for await (const fd of entriesOf('/proc/self/fd')) {
    const inode = inodeOf(`/proc/self/fd/${fd}`);
    if (inode === undefined || seen.has(inode)) continue;
    const open = () => addon.openNamespaceDescriptor(Number(fd));
    yield { name: null, holder: 'which this process holds open', open };
  }
  for await (const pid of entriesOf('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const path = `/proc/${pid}/ns/net`;
    const inode = inodeOf(path);
    if (inode === undefined || seen.has(inode)) continue;
    const open = () => namespaceJob('openNamespacePath', [path]);
    yield { name: null, holder: `of process ${pid}`, open };
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

function isNamespace(path: string): boolean {
  try {
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
