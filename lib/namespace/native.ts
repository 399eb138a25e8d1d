/** Promises for what the addon does: packs requests for it, and resolves their promises when they are answered. */
// Not the global one: see turn.ts.
import { setTimeout } from 'node:timers';
import {
  addon,
  type Columns,
  type NamespaceHandle,
  type NamespaceJobStarters,
  type NamespaceJobs,
  type Operations,
  type TapHandle,
  type Watcher,
} from '../addon.js';
import { whenAborted } from '../base/abort.js';
import { Refusal } from '../errors/refusal.js';
import { makeNews, type News } from '../records/news.js';
import { makeLink, makeLinkIndex, makeNetnsid } from '../records/records.js';
import { makeAddress, makeNeighbour, makeRoute, makeRule } from '../records/recordsInet.js';
import { idAfter } from '../values/ids.js';
import { ITEMS_IN_A_TURN, newTurn, waitForFurtherTurn } from './turn.js';

/** One request of an exchange. */
export interface Step<Name extends keyof Operations = keyof Operations> {
  readonly operation: Name;
  readonly record: Operations[Name][0];
  /** This step and those after it are sent only when all steps before it have succeeded. */
  readonly barrier?: boolean;
  /** A listing that a change has interrupted is good enough as it is. */
  readonly approximate?: boolean;
  /** A `getLink` is refused with `ENETDOWN` when the link is not up: what waits behind it, with a barrier, is not sent. */
  readonly mustBeUp?: boolean;
  /**
   * Behind a barrier: it is about the link that a `getLinkIndex` before it has found, which takes the place of its
   * `index`, of a new link's `parent`, or of a route's `link`.
   */
  readonly takesLink?: boolean;
}

/** The result of a step. */
export type Result<Name extends keyof Operations = keyof Operations> =
  | Operations[Name][1]
  | Refusal;

/** Flags of a step (native/node/namespace_handle.cc). */
const BARRIER = 1;
const APPROXIMATE = 2;
const MUST_BE_UP = 4;
const TAKES_LINK = 8;

// Node-API does not tell an addon of `process.exit`. Before the program's own listeners: behind one that throws, or that
// calls `process.exit` again, no other is called.
process.prependListener('exit', () => addon.finish());

type Settle = (results: readonly unknown[]) => void;

const pending = new Map<number, Settle>();
let lastId = 0;

addon.initialize({
  link: makeLink,
  linkIndex: makeLinkIndex,
  address: makeAddress,
  route: makeRoute,
  rule: makeRule,
  neighbour: makeNeighbour,
  netnsid: makeNetnsid,
  news: makeNews,
  failure: (...columns) => new Refusal(...columns),
  settle: (id, results) => {
    newTurn();
    const resolve = pending.get(id);
    pending.delete(id);
    resolve?.(results);
  },
});

function newId(): number {
  lastId = idAfter(lastId, pending);
  return lastId;
}

/** Starts something that the addon settles by its id, with `Results`. */
function start<Results extends readonly unknown[]>(
  begin: (id: number) => void,
  id: number = newId(),
): Promise<Results> {
  const promise = new Promise<Results>((resolve) => pending.set(id, resolve as Settle));
  try {
    begin(id);
  } catch (error) {
    pending.delete(id);
    throw error;
  }
  return promise;
}

/**
 * Turns a record into the flat array that the addon reads: column, value, column, value … A text for `columns` stands
 * for those of a link: a veth's peer is a link in a link.
 */
// Where every request passes there is no for … of and no array destructuring: V8 compiles the whole protocol of iterators
// for each, while the first links are made.
function pack(columns: Columns | string, record: object): unknown[] {
  const table = typeof columns === 'string' ? addon.requests.link : columns;
  const packed: unknown[] = [];
  // A `for … in` would visit what a library adds to Object.prototype.
  const names = Object.keys(record);
  for (let at = 0; at < names.length; at++) {
    const name = names[at] as string;
    const value = (record as Record<string, unknown>)[name];
    if (value === undefined) continue;
    const column = table[name] as Columns[string];
    const inner = column[1];
    packed.push(
      column[0],
      inner === undefined
        ? value
        : Array.isArray(value)
          ? packList(inner, value)
          : pack(inner, value as object),
    );
  }
  return packed;
}

function packList(columns: Columns | string, records: readonly object[]): unknown[][] {
  return records.map((record) => pack(columns, record));
}

function packSteps(steps: readonly Step[]): unknown[] {
  const packed: unknown[] = [];
  for (let at = 0; at < steps.length; at++) {
    const { operation, record, barrier, approximate, mustBeUp, takesLink } = steps[at] as Step;
    const { 0: number, 1: name } = addon.operations[operation];
    const flags =
      (barrier === true ? BARRIER : 0) |
      (approximate === true ? APPROXIMATE : 0) |
      (mustBeUp === true ? MUST_BE_UP : 0) |
      (takesLink === true ? TAKES_LINK : 0);
    packed.push(number, flags, pack(addon.requests[name], record));
  }
  return packed;
}

/** Steps that follow in another namespace. */
interface Sequel {
  readonly handle: NamespaceHandle;
  readonly steps: readonly Step[];
}

/**
 * Sends the steps to a namespace, in order, and resolves with a result for each. A `signal` that fires before anything
 * is sent withdraws them, and the promise rejects with its reason. The steps of a `sequel` follow if all of `steps`
 * have succeeded, and then nothing is told of what those have read; otherwise there are no results for them.
 */
export function exchange(
  handle: NamespaceHandle,
  steps: readonly Step[],
  signal?: AbortSignal,
  sequel?: Sequel,
): Promise<readonly Result[]> {
  if (steps.length === 0) return Promise.resolve([]);
  const packed = packSteps(steps);
  const id = newId();
  const promise = start<readonly Result[]>(
    () =>
      sequel === undefined
        ? handle.submit(id, packed)
        : handle.submit(id, packed, sequel.handle, packSteps(sequel.steps)),
    id,
  );
  return settled(handle, promise, id, signal);
}

/**
 * {@link exchange} of any number of steps, which are made over several turns of the event loop so as not to block it.
 * They are sent together; nothing is sent when making one fails, or when the signal fires meanwhile.
 */
export async function exchangeMany(
  handle: NamespaceHandle,
  count: number,
  makeStep: (at: number) => Step,
  signal?: AbortSignal,
): Promise<readonly Result[]> {
  if (count === 0) return [];
  const id = newId();
  const pack = (from: number, to: number) =>
    packSteps(Array.from({ length: to - from }, (_, at) => makeStep(from + at)));
  try {
    let done = 0;
    for (; count - done > ITEMS_IN_A_TURN; done += ITEMS_IN_A_TURN) {
      handle.stage(id, pack(done, done + ITEMS_IN_A_TURN));
      await waitForFurtherTurn();
      signal?.throwIfAborted();
    }
    const last = pack(done, count);
    const promise = start<readonly Result[]>(() => handle.submit(id, last), id);
    return await settled(handle, promise, id, signal);
  } finally {
    handle.unstage(id);
  }
}

function settled(
  handle: NamespaceHandle,
  promise: Promise<readonly Result[]>,
  id: number,
  signal: AbortSignal | undefined,
): Promise<readonly Result[]> {
  return signal === undefined
    ? promise
    : unlessWithdrawn(promise, signal, () => handle.withdraw(id));
}

/** The results; rejects with the signal's reason when the signal has withdrawn the request. */
async function unlessWithdrawn<Results extends readonly unknown[]>(
  promise: Promise<Results>,
  signal: AbortSignal,
  withdraw: () => void,
): Promise<Results> {
  const forget = whenAborted(signal, withdraw);
  const results = await promise;
  forget();
  const [first] = results;
  if (first instanceof Refusal && first.code === 'ECANCELED') signal.throwIfAborted();
  return results;
}

/** After how many milliseconds a namespace job no longer waits for the request that the kernel works on. */
const PATIENCE = 5;
let hastens = false;

/** Sees to it that the jobs under way do not wait for longer than that: the request may wait for another program. */
function hastenSoon(): void {
  if (hastens) return;
  hastens = true;
  const hasten = () => {
    hastens = false;
    if (addon.hasten()) hastenSoon();
  };
  setTimeout(hasten, PATIENCE).unref();
}

/**
 * Runs one of the addon's namespace jobs. A `signal` that fires before it has done anything withdraws it,
 * also while it waits for another process.
 */
export async function namespaceJob<Name extends keyof NamespaceJobs>(
  name: Name,
  args: NamespaceJobs[Name][0],
  signal?: AbortSignal,
): Promise<NamespaceJobs[Name][1] | Refusal> {
  const starters: NamespaceJobStarters = addon;
  type Outcome = NamespaceJobs[Name][1] | Refusal;
  const id = newId();
  const promise = start<readonly [Outcome]>(() => starters[name](id, ...args), id);
  hastenSoon();
  const [result] =
    signal === undefined
      ? await promise
      : await unlessWithdrawn(promise, signal, () => addon.withdrawNamespaceJob(id));
  // Its end may have let another one begin.
  hastenSoon();
  return result;
}

/** The outcome of one reading of a watcher. */
export interface Received {
  /**
   * The kernel has dropped messages: then there are no news, because they would have gaps. Of `discard`: and may go on
   * dropping some without a word, because not all that is older could be read.
   */
  readonly lost: boolean;
  readonly news: readonly News[];
}

/** How much is read (native/node/watcher.cc). */
const READINGS = { wait: 0, drain: 1, discard: 2 } as const;

/**
 * Waits for news, or takes all there are now, or discards all there are now. `null` when the watcher is closed
 * meanwhile.
 */
export async function readNews(
  watcher: Watcher,
  reading: keyof typeof READINGS,
): Promise<Received | null> {
  const { 0: lost, 1: news } = await start<readonly [] | readonly [boolean, readonly News[]]>(
    (id) => watcher.read(id, READINGS[reading]),
  );
  return lost === undefined || news === undefined ? null : { lost, news };
}

/** A macvtap as it was just read. */
export interface TapDeviceLink {
  readonly index: number;
  readonly name: string;
  readonly mac: Uint8Array;
  readonly mtu: number;
}

export interface TapDeviceOptions {
  readonly queues: number;
  readonly vnetHeader: boolean;
  /** Bytes; 0 for the kernel's default. */
  readonly sendBuffer: number;
}

/** Opens a link's tap device. */
export async function openTapDevice(
  namespace: NamespaceHandle,
  link: TapDeviceLink,
  options: TapDeviceOptions,
): Promise<TapHandle | Refusal> {
  const { index, name, mac, mtu } = link;
  const { queues, vnetHeader, sendBuffer } = options;
  const [result] = await start<readonly [TapHandle | Refusal]>((id) =>
    addon.openTap(id, namespace, index, name, mac, mtu, queues, vnetHeader, sendBuffer),
  );
  return result;
}

/** Closes a tap device; resolves when its descriptors are closed. */
export async function closeTapDevice(tap: TapHandle): Promise<void> {
  await start<readonly []>((id) => tap.close(id));
}
