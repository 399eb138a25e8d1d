/** Opens the namespaces that calls name, and closes them when no call uses them any more. */
import { setImmediate } from 'node:timers';
import { addon, type NamespaceHandle } from '../addon.js';
import { unlessAborted } from '../base/abort.js';
import { Caller } from '../errors/errors.js';
import { Refusal } from '../errors/refusal.js';
import type { NetnsLike, NetnsRef } from '../types/types.js';
import { netnsBrand } from '../values/values.js';
import { Call } from './call.js';
import { Namespace } from './namespace.js';
import { namespaceJob } from './native.js';

export const RUN_DIRECTORY = '/run/netns';
/** The file system type of a file that is a namespace (linux/magic.h). */
export const NSFS_MAGIC = 0x6e736673;

/** Whether it is a `Netns`, also one of another copy of this package. */
export function isNetns(ref: unknown): ref is NetnsLike {
  return typeof ref === 'object' && ref !== null && netnsBrand in ref;
}

/**
 * Where a reference leads: the path, or the descriptor to copy. A `Netns` of another copy of this package is
 * shared by its descriptor.
 */
function locate(ref: NetnsRef): { path: string } | { fd: number } {
  if (typeof ref === 'string') {
    return { path: ref.includes('/') ? ref : `${RUN_DIRECTORY}/${ref}` };
  }
  const { pid, fd } = pidOrFd(ref);
  return pid === undefined ? { fd: fd as number } : { path: `/proc/${pid}/ns/net` };
}

function pidOrFd({ pid, fd }: { readonly pid?: number; readonly fd?: number }) {
  return { pid, fd };
}

function nameOfPath(path: string): string | null {
  return /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(path)?.[1] ?? null;
}

/** Opens what a reference names; the caller closes it. The reference has been checked. */
export async function openHandle(
  call: Call,
  ref: NetnsRef,
): Promise<[NamespaceHandle, string | null]> {
  const place = locate(ref);
  const result =
    'path' in place
      ? await unlessAborted(
          namespaceJob('openNamespacePath', [place.path], call.signal),
          call.signal,
          close,
        )
      : addon.openNamespaceDescriptor(place.fd);
  if (result instanceof Refusal) throw call.error(result, { hint: whyNotOpened(ref, result) });
  return [result, 'path' in place ? nameOfPath(place.path) : null];
}

function close(handle: NamespaceHandle | Refusal): void {
  if (!(handle instanceof Refusal)) handle.close();
}

function whyNotOpened(ref: NetnsRef, refusal: Refusal): string | undefined {
  // Only what was looked at of an object: the rest may be something that JSON cannot express.
  const text = JSON.stringify(typeof ref === 'string' ? ref : pidOrFd(ref));
  if (refusal.code === 'EINVAL')
    return `${text} is not a network namespace.${typeof ref === 'string' ? plainFile(refusal) : ''}`;
  switch (refusal.code) {
    case 'ENOENT':
      if (typeof ref !== 'string')
        return `There is no such process, or it has ended, or /proc does not show it: ${text}.`;
      return ref.includes('/')
        ? `There is no file ${text}.`
        : `There is no network namespace ${text} under ${RUN_DIRECTORY}.`;
    case 'EACCES':
      return isOfProcess(ref)
        ? `Opening the namespace of another process takes CAP_SYS_PTRACE, and no security module that refuses it, as AppArmor does in a Docker container for processes outside it: ${text}.`
        : undefined;
    default:
      return undefined;
  }
}

function isOfProcess(ref: NetnsRef): boolean {
  return typeof ref === 'string' ? /^\/proc\/\d/.test(ref) : 'pid' in ref;
}

/** What is no file of nsfs at all is most often a name whose mount this process cannot see. */
function plainFile({ syscall }: Refusal): string {
  return syscall === 'fstatfs'
    ? ' An ordinary file with the name of a namespace is what has been left of it, or one that another program is ' +
        'making or removing at this moment, or one that is mounted in ' +
        "another mount namespace only, such as a container's: there open it by a process that lives in it, `{ pid }`."
    : '';
}

/** A namespace that was opened for calls under way, and how many of them use it. */
interface SharedNamespace {
  readonly namespace: Namespace;
  users: number;
}

/** By inode and name, which errors tell: calls under way at the same time share one. */
const sharedByKey = new Map<string, SharedNamespace>();

const sharedKey = (inode: number, name: string | null) => `${inode} ${name ?? ''}`;

interface Opening {
  users: number;
  readonly shared: Promise<SharedNamespace | Refusal>;
}

/** The openings that calls of this turn of the event loop have asked for, by path. */
const openings = new Map<string, Opening>();

/** Acquires what a path leads to in this turn. Its calls share an opening: there may be thousands. */
function acquire(path: string): Promise<SharedNamespace | Refusal> {
  const known = openings.get(path);
  if (known !== undefined) {
    known.users++;
    return known.shared;
  }
  const asking = { users: 1 };
  const forget = () => {
    if (openings.get(path) === opening) openings.delete(path);
  };
  const shared = namespaceJob('openNamespacePath', [path]).then((result) => {
    forget();
    return result instanceof Refusal ? result : share(result, path, asking.users);
  });
  const opening = Object.assign(asking, { shared });
  openings.set(path, opening);
  setImmediate(forget);
  return shared;
}

/** Counts users of the namespace behind a handle, which is closed where the namespace is shared already. */
function share(handle: NamespaceHandle, path: string | undefined, users: number): SharedNamespace {
  const name = path === undefined ? null : nameOfPath(path);
  const key = sharedKey(handle.inode, name);
  const known = sharedByKey.get(key);
  if (known === undefined) {
    const shared = { namespace: new Namespace(handle, name), users };
    sharedByKey.set(key, shared);
    return shared;
  }
  handle.close();
  known.users += users;
  return known;
}

async function release(shared: SharedNamespace): Promise<void> {
  if (--shared.users > 0) return;
  const { inode, name } = shared.namespace;
  sharedByKey.delete(sharedKey(inode, name));
  await shared.namespace.close();
}

/** Refuses a closed `Netns` of another copy of this package, which has no descriptor any more. */
export function checkBrandOpen(call: Call, ref: NetnsRef, option: string): void {
  if (isNetns(ref) && ref.fd < 0) {
    const reason = `the network namespace of ${option} is closed`;
    throw call.fail('ERR_NETNS_CLOSED', { reason });
  }
}

/**
 * Runs `body` with the namespace that an option names, held open meanwhile; one that had to be
 * opened for this is closed again. `option` is empty where no option names it.
 */
export async function withNamespace<T>(
  call: Call,
  ref: NetnsRef,
  body: (namespace: Namespace) => Promise<T>,
  option = 'netns',
): Promise<T> {
  if (ref instanceof Namespace) return ref.hold(call, () => body(ref));
  checkBrandOpen(call, ref, option);
  const place = locate(ref);
  const shared =
    'path' in place
      ? await unlessAborted(acquire(place.path), call.signal, (late) => {
          if (!(late instanceof Refusal)) void release(late);
        })
      : acquireDescriptor(place.fd);
  if (shared instanceof Refusal) {
    throw call.error(shared, { hint: whyNotOpened(ref, shared), part: option });
  }
  try {
    return await shared.namespace.hold(call, () => body(shared.namespace));
  } finally {
    await release(shared);
  }
}

function acquireDescriptor(fd: number): SharedNamespace | Refusal {
  const opened = addon.openNamespaceDescriptor(fd);
  return opened instanceof Refusal ? opened : share(opened, undefined, 1);
}

/** The calling thread's own namespace. */
export function openOwn(): NamespaceHandle {
  const result = addon.openOwnNamespace();
  if (!(result instanceof Refusal)) return result;
  throw new Call('Netns.current', null, new Caller(openOwn)).error(result);
}
