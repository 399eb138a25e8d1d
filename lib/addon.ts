/**
 * The addon: what it exports, and which file it is. The only file that loads it; only native.ts asks it for
 * anything that is answered later.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { builtin } from './base/builtin.js';
import { notFoundError, notLoadedError } from './errors/noAddon.js';
import type { Refusal } from './errors/refusal.js';
import type { makeNews } from './records/news.js';
import type { makeLink, makeLinkIndex, makeNetnsid } from './records/records.js';
import type { makeAddress, makeNeighbour, makeRoute, makeRule } from './records/recordsInet.js';
import type {
  AddressRecord,
  LinkIndexRecord,
  LinkRecord,
  NeighbourRecord,
  NetnsidRecord,
  RouteRecord,
  RuleRecord,
} from './records/requests.js';
import type { Address, Link, Neighbour, Route, Rule } from './types/types.js';

const fs = builtin('node:fs');

/** Each operation of native/rtnl/operations.h: what it says, and what it is answered with. */
export interface Operations {
  createLink: [LinkRecord, undefined];
  /** `undefined` when the kernel had no room for the echo. */
  createEchoedLink: [LinkRecord, Link | undefined];
  changeLink: [LinkRecord, undefined];
  deleteLink: [LinkRecord, undefined];
  getLink: [LinkRecord, Link];
  /** The index of the link that has a name. */
  getLinkIndex: [LinkIndexRecord, number];
  listLinks: [LinkRecord, Link[]];
  addAltNames: [LinkRecord, undefined];
  removeAltNames: [LinkRecord, undefined];
  addAddress: [AddressRecord, undefined];
  replaceAddress: [AddressRecord, undefined];
  removeAddress: [AddressRecord, undefined];
  /** One IPv6 address; the kernel looks up none of IPv4. */
  getAddress: [AddressRecord, Address];
  listAddresses: [AddressRecord, Address[]];
  addRoute: [RouteRecord, undefined];
  appendRoute: [RouteRecord, undefined];
  replaceRoute: [RouteRecord, undefined];
  removeRoute: [RouteRecord, undefined];
  listRoutes: [RouteRecord, Route[]];
  addRule: [RuleRecord, undefined];
  removeRule: [RuleRecord, undefined];
  listRules: [RuleRecord, Rule[]];
  addNeighbour: [NeighbourRecord, undefined];
  replaceNeighbour: [NeighbourRecord, undefined];
  removeNeighbour: [NeighbourRecord, undefined];
  listNeighbours: [NeighbourRecord, Neighbour[]];
  getNetnsid: [NetnsidRecord, number | null];
}

/** A column's number, and the columns of the record in it (a text names a whole record). */
export type Columns = { readonly [name: string]: readonly [number, (Columns | string)?] };
type RecordName = 'link' | 'linkIndex' | 'address' | 'route' | 'rule' | 'neighbour' | 'netnsid';

/** An open namespace (native/node/namespace_handle.h). */
export interface NamespaceHandle {
  readonly fd: number;
  readonly inode: number;
  submit(id: number, steps: readonly unknown[]): void;
  submit(
    id: number,
    steps: readonly unknown[],
    next: NamespaceHandle,
    nextSteps: readonly unknown[],
  ): void;
  stage(id: number, steps: readonly unknown[]): void;
  unstage(id: number): void;
  withdraw(id: number): boolean;
  /** Whether something is under way that has more to submit. */
  setInUse(inUse: boolean): void;
  watch(groups: readonly number[], receiveBuffer: number): Watcher | Refusal;
  close(): void;
}

/** A subscription to what the kernel tells of a namespace (native/node/watcher.h). */
export interface Watcher {
  read(id: number, reading: number): void;
  /** Ends a reading that waits. */
  endWait(): void;
  close(): void;
}

/** An open tap device (native/node/tap_handle.h). */
export interface TapHandle {
  /** Empty once it is closed or detached. */
  readonly fds: readonly number[];
  readonly vnetHeaderLength: number;
  /** The lengths of the frames that `onFrames` is called with. */
  readonly received: Int32Array;
  /** How many frames of the last `write` have been dealt with; exact after `close` and `detach`. */
  readonly written: number;
  onFrames: (frames: Buffer, count: number) => void;
  /** There are more `written`. */
  onWritten: () => void;
  onGone: () => void;
  /** Once, when the three above are set. */
  start(): Refusal | undefined;
  setReading(wanted: boolean): void;
  lend(bytes: Uint8Array, lengths: Int32Array): void;
  write(half: 0 | 1, count: number): void;
  close(id: number): void;
  detach(): void;
}

/** Each namespace job: what it takes, and what it gives when it is not refused. */
export interface NamespaceJobs {
  openNamespacePath: [[path: string], NamespaceHandle];
  /** Without a name: `''`. */
  createNamespace: [[name: string], NamespaceHandle];
  attachNamespace: [[handle: NamespaceHandle, name: string], NamespaceHandle];
  removeNamespace: [[name: string], undefined];
  readSysctl: [[handle: NamespaceHandle, path: string], string];
  /** `ENODEV` where the link with that index does not have that name; nothing is written then. */
  writeSysctl: [
    [handle: NamespaceHandle, path: string, content: string, name?: string, index?: number],
    undefined,
  ];
}

export type NamespaceJobStarters = {
  readonly [Name in keyof NamespaceJobs]: (id: number, ...given: NamespaceJobs[Name][0]) => void;
};

/** The addon's exports (native/node/addon.cc). */
interface Addon extends NamespaceJobStarters {
  readonly operations: Readonly<Record<keyof Operations, readonly [number, RecordName]>>;
  readonly requests: Readonly<Record<RecordName, Columns>>;
  readonly answers: Readonly<Record<RecordName, readonly string[]>>;
  initialize(hooks: Hooks): void;
  openOwnNamespace(): NamespaceHandle | Refusal;
  openNamespaceDescriptor(fd: number): NamespaceHandle | Refusal;
  withdrawNamespaceJob(id: number): void;
  /** Whether a namespace job waits for other requests. If so, it does no longer. */
  hasten(): boolean;
  openTap(
    id: number,
    handle: NamespaceHandle,
    index: number,
    name: string,
    mac: Uint8Array,
    mtu: number,
    queues: number,
    vnetHeader: boolean,
    sendBuffer: number,
  ): void;
  /** 256 bytes at most. */
  fillRandom(bytes: Uint8Array): void;
  /** At the end of the process: what has begun is finished, what waits is dropped. */
  finish(): void;
  runWithin<T>(handle: NamespaceHandle, body: () => T): T | Refusal;
}

interface Hooks {
  readonly link: typeof makeLink;
  readonly linkIndex: typeof makeLinkIndex;
  readonly address: typeof makeAddress;
  readonly route: typeof makeRoute;
  readonly rule: typeof makeRule;
  readonly neighbour: typeof makeNeighbour;
  readonly netnsid: typeof makeNetnsid;
  readonly news: typeof makeNews;
  readonly failure: (...columns: ConstructorParameters<typeof Refusal>) => Refusal;
  readonly settle: (id: number, results: readonly unknown[]) => void;
}

// There is no such URL in what bundlers make of this for CommonJS.
const url: string | undefined = import.meta.url;
/** The package's folder; empty in such a bundle. */
const root = url ? fileURLToPath(new URL('..', url)) : '';

/** The addon's file: built by whoever installed the package, or that of a clone, or the package's own. */
function find(): string {
  try {
    // Looks for build/Release/ and prebuilds/ below a folder.
    const { path } = createRequire(url as string)('node-gyp-build') as {
      path: (folder: string) => string;
    };
    const built = fs.existsSync(`${root}native/build`) && orNothing(path, `${root}native`);
    const file = built || path(root);
    // From inside a bundle the search may find an addon of the project's own.
    if (!/macvlan[-_]netlink[^/]*$/.test(file))
      throw new Error(`No native build: ${file} is another addon.`);
    return file;
  } catch (cause) {
    throw notFoundError(cause as Error, root);
  }
}

/** What the user has built; nothing when that was cut short. */
function orNothing(path: (folder: string) => string, folder: string): string {
  try {
    return path(folder);
  } catch {
    return '';
  }
}

function load(): Addon {
  // Not by `require`, which would hand out one addon for two copies of this module, such as one with a
  // query string behind its name: each would have the other's answers.
  const module = { exports: {} as Addon };
  const file = find();
  try {
    process.dlopen(module, file);
  } catch (cause) {
    throw notLoadedError(cause as Error, root);
  }
  return module.exports;
}

export const addon = load();
