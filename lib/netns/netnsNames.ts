/** The names of namespaces: files under /run/netns, as in iproute2 (ip/ipnetns.c). */
import { unlessAborted } from '../base/abort.js';
import { builtin } from '../base/builtin.js';
import { Coalescer } from '../base/coalescer.js';
import { Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { namespaceJob } from '../namespace/native.js';
import { NSFS_MAGIC, RUN_DIRECTORY } from '../namespace/opening.js';
import { ITEMS_IN_A_TURN } from '../namespace/turn.js';

const fs = builtin('node:fs');

const listings = new Coalescer();

/** The names of files that really are network namespaces, sorted. */
export function listNames(call: Call): Promise<string[]> {
  return whenFound(call, listings.share(RUN_DIRECTORY, findNames));
}

/** Those of one namespace. */
export function listNamesOf(call: Call, inode: number): Promise<string[]> {
  return whenFound(call, findNamesOf(inode));
}

async function whenFound(call: Call, finding: Promise<readonly string[]>): Promise<string[]> {
  try {
    return [...(await unlessAborted(finding, call.signal))];
  } catch (error) {
    call.signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw call.fileError(error);
  }
}

async function findNames(): Promise<readonly string[]> {
  const names = await fs.promises.readdir(RUN_DIRECTORY);
  return (await filterNames(names, isNetworkNamespace)).sort();
}

async function findNamesOf(inode: number): Promise<readonly string[]> {
  const names = await fs.promises.readdir(RUN_DIRECTORY);
  // Files of other file systems have the same numbers.
  const isIt = async (name: string) =>
    (await unlessNone(fs.promises.stat(pathOf(name))))?.ino === inode && (await isNamespace(name));
  return (await filterNames(names, isIt)).sort();
}

/** `names.filter(isWanted)`, over as many turns of the event loop as it takes. */
async function filterNames(
  names: readonly string[],
  isWanted: (name: string) => Promise<boolean>,
): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < names.length; at += ITEMS_IN_A_TURN) {
    const some = names.slice(at, at + ITEMS_IN_A_TURN);
    const wanted = await Promise.all(some.map(isWanted));
    found.push(...some.filter((_, index) => wanted[index]));
  }
  return found;
}

/** Whether a name is a namespace of any type: only those are on that file system. */
async function isNamespace(name: string): Promise<boolean> {
  return (await unlessNone(fs.promises.statfs(pathOf(name))))?.type === NSFS_MAGIC;
}

/** Whether a name is a namespace of networks, as far as that can be told. */
async function isNetworkNamespace(name: string): Promise<boolean> {
  if (!(await isNamespace(name))) return false;
  const opened = await namespaceJob('openNamespacePath', [pathOf(name)]);
  if (!(opened instanceof Refusal)) {
    opened.close();
    return true;
  }
  const isGone = opened.code === 'ENOENT' && opened.syscall === 'open';
  return opened.code !== 'EINVAL' && !isGone;
}

const pathOf = (name: string) => `${RUN_DIRECTORY}/${name}`;

/**
 * Errors of a name that is no namespace: removed since it was listed; unreadable, as a mount point that is being made
 * (its mode is 0); a symbolic link that leads nowhere.
 */
const NO_NAMESPACE: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'EACCES',
  'ELOOP',
  'ENOTDIR',
  'ENAMETOOLONG',
]);

/** What is found out about a name; `undefined` for one that is no namespace. */
async function unlessNone<T>(finding: Promise<T>): Promise<T | undefined> {
  try {
    return await finding;
  } catch (error) {
    if (NO_NAMESPACE.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

const WHY_NOT_UNSHARED: Readonly<Record<string, string>> = {
  EPERM:
    'Making a network namespace needs CAP_SYS_ADMIN. A filter of system calls may refuse it even so, such as ' +
    "systemd's RestrictNamespaces.",
  ENOSPC: 'The user has as many network namespaces as user.max_net_namespaces allows.',
};

/** The reason why a namespace was not made. */
export async function whyNotCreated(
  refusal: Refusal,
  name: string | undefined,
): Promise<string | undefined> {
  if (refusal.syscall === 'unshare') return WHY_NOT_UNSHARED[refusal.code];
  if (name === undefined) return undefined;
  const hint = await whyNotAttached(refusal, name);
  if (hint === undefined || refusal.code === 'EEXIST') return hint;
  // A name that another program removed could be given.
  const isRefused = refusal.syscall !== 'mount' || refusal.code !== 'ENOENT';
  return isRefused ? `${hint} ${WITHOUT_NAME}` : hint;
}

/** The reason why a namespace was not given a name. */
export async function whyNotAttached(refusal: Refusal, name: string): Promise<string | undefined> {
  return refusal.code === 'EEXIST'
    ? whyNameTaken(`${RUN_DIRECTORY}/${name}`)
    : whyNotNamed(refusal);
}

async function whyNameTaken(path: string): Promise<string | undefined> {
  // Waits for a name that is being made or removed at this moment.
  const opened = await namespaceJob('openNamespacePath', [path]);
  if (!(opened instanceof Refusal)) {
    opened.close();
    return 'Netns.open opens the namespace with that name, Netns.remove removes the name.';
  }
  try {
    if (!(await fs.promises.lstat(path)).isFile()) return `${path} is not a namespace.`;
    // It had gone when it was opened and is there again, or opening failed for a reason that says nothing about it.
    if (opened.code !== 'EINVAL') return undefined;
    return (
      `${path} is an ordinary file: either the remains of a creation that was interrupted, which Netns.remove ` +
      'removes, or a name that another program is making or removing at this moment, or that of a namespace that is ' +
      'mounted in another mount namespace, and then is in use.'
    );
  } catch {
    // A failure to find the reason must not hide the refusal itself.
    return undefined;
  }
}

const WITHOUT_NAME =
  "A namespace without a name takes CAP_SYS_ADMIN in the process's own user namespace, and nothing else.";

const RIGHTS_OF_NAMES = `A name takes the right to write ${RUN_DIRECTORY}, and CAP_SYS_ADMIN in the user namespace that owns the mount namespace.`;
const NO_DIRECTORY = `A name is a file in the directory ${RUN_DIRECTORY}, which does not exist and cannot be made.`;
const WHY_NOT_NAMED: Readonly<Record<string, string>> = {
  // A missing capability would be EPERM (fs/namespace.c, path_mount).
  'mount EACCES':
    'A name is a mount, and a security module refuses that mount, as AppArmor does in a Docker container ' +
    '(`--security-opt apparmor=unconfined` disables its profile).',
  'umount2 EACCES':
    "A security module refuses to unmount the name, as AppArmor does where its profile has no 'umount'.",
  'mount ENOENT': 'Another program removed the name while it was being given.',
  // In the second case umount2 said that nothing was mounted there (EINVAL; fs/namespace.c, can_umount).
  'unlink EBUSY':
    'Another program gave the name again while it was being removed; or it was given outside the user namespace ' +
    'that owns this mount namespace, and can be removed there alone; or it was mounted more than once.',
  EPERM: RIGHTS_OF_NAMES,
  EACCES: RIGHTS_OF_NAMES,
  EROFS: RIGHTS_OF_NAMES,
  ENOENT: NO_DIRECTORY,
  ENOTDIR: NO_DIRECTORY,
};

/** The system calls that give a name and take it away. */
const NAMING: ReadonlySet<string> = new Set([
  'mkdir',
  'open',
  'flock',
  'mount',
  'umount2',
  'unlink',
]);

/** The reason why a name was not given, or not taken away. */
export function whyNotNamed({ code, syscall }: Refusal): string | undefined {
  if (!NAMING.has(syscall)) return undefined;
  return WHY_NOT_NAMED[`${syscall} ${code}`] ?? WHY_NOT_NAMED[code];
}

/** That the name is gone all the same, if so: it is unmounted before its file is removed. */
export async function whatIsLeft({ syscall }: Refusal, name: string): Promise<string | undefined> {
  if (syscall !== 'unlink') return undefined;
  try {
    const isFile = (await fs.promises.lstat(pathOf(name))).isFile();
    if (!isFile || (await isNamespace(name))) return undefined;
  } catch {
    // A failure to find that out must not hide the refusal itself.
    return undefined;
  }
  return 'The name leads to no namespace any more, and only its file is left.';
}
