/**
 * Making links, all or nothing: a link with everything that was asked for, or none. Knows no kind:
 * what is special to one comes as the parts of its first message.
 */
import { constants, release } from 'node:os';
import { addressRecord } from './addresses.js';
import { explain } from './diagnosis.js';
import type { NetlinkError } from './errors.js';
import { isAtLeast } from './kernelVersion.js';
import { familySettings, flagBits, plainRef, readLink, resolveIndexIfAny } from './links.js';
import { findLink, linkRecord } from './lookup.js';
import type { Call, Namespace } from './namespace.js';
import { Refusal, type Result, type Step } from './native.js';
import { withNamespace } from './opening.js';
import type { Peer } from './refused.js';
import type { AddressRecord, LinkInfoRecord, LinkRecord, RouteRecord } from './requests.js';
import { routeRecord, undoRecord } from './routes.js';
import { linkNow } from './snapshot.js';
import type { Link, LinkOptions, LinkRef } from './types.js';
import { parseMac, randomMac } from './values.js';

const ENODEV = -constants.errno.ENODEV;
const ENOBUFS = -constants.errno.ENOBUFS;

/**
 * How the kernel says that an index is taken: before 6.15, where it looks in the wrong namespace first,
 * it is found late and is EBUSY (net/core/dev.c, dev_index_reserve).
 */
const MAY_BE_THE_INDEX: ReadonlySet<number> = new Set([
  -constants.errno.EEXIST,
  -constants.errno.EBUSY,
]);

/** Whether the kernel echoes a link that was made (`NLM_F_ECHO`; net/core/rtnetlink.c). */
const ECHOES = isAtLeast(release(), 6, 2);

/** How often another index is tried after one that was chosen here turns out to be taken. */
const MAX_INDEXES = 4;

/** What is special to the link's kind. */
export interface Birth {
  readonly kind: string;
  /** The option `parent`, where the kind has one: `IFLA_LINK`. */
  readonly parent?: LinkRef;
  /** `IFLA_LINKINFO`. Called once the target is open. */
  readonly info: (target: Namespace) => LinkInfoRecord;
  /** What others feel as well, done when everything else is: it does not go with the link. */
  readonly shared?: { readonly option: string; readonly info: LinkInfoRecord } | undefined;
  /** Whether the link is given a MAC here when the options name none. */
  readonly choosesMac: boolean;
  /** Looks at the finished link: the reason why it is not what was asked for, if it is not. */
  readonly verify?: ((link: Link) => string | undefined) | undefined;
  readonly peer?: Peer;
  /** Does what is left to do beside the link itself; a failure undoes the link too. */
  complete?: (link: Link, target: Namespace) => Promise<void>;
}

/** A step that follows the first message, and the option that it carries out. */
interface Part {
  readonly option: string;
  readonly step: Step;
  /** What takes it back, where it does not go with the link. */
  readonly undo?: Step;
}

type Parts = (index: number) => readonly Part[];

/** What a link to be is made from. */
interface Plan {
  readonly namespace: Namespace;
  readonly target: Namespace;
  readonly call: Call;
  readonly birth: Birth;
  readonly options: LinkOptions;
  /** The first message. */
  readonly record: LinkRecord;
  /** Made once: what the program handed in may be another by the time that they are undone. */
  readonly parts: readonly Part[];
}

const NO_PARTS: readonly Part[] = Object.freeze([]);
const noParts: Parts = () => NO_PARTS;

/** Makes a link in `namespace`, or in the one that `options.netns` names. */
export function createIn(
  namespace: Namespace,
  call: Call,
  birth: Birth,
  options: LinkOptions,
): Promise<Link> {
  const rest = hasParts(options) ? restOf(options) : undefined;
  const { netns } = options;
  if (netns === undefined) return createThere(namespace, namespace, call, birth, options, rest);
  return withNamespace(call, netns, (target) =>
    createThere(namespace, target, call, birth, options, rest),
  );
}

// Thousands are made at once, so this waits for what is not known yet and for nothing else. What is
// known already is sent before this returns: requests keep the order of the calls.
async function createThere(
  namespace: Namespace,
  target: Namespace,
  call: Call,
  birth: Birth,
  options: LinkOptions,
  rest: Rest | undefined,
): Promise<Link> {
  // All links are looked at before one is looked up, which nobody would wait for otherwise.
  const refs = rest?.links.map((link, at) =>
    link === undefined ? undefined : plainRef(target, call, link, optionAt(at)),
  );
  const info = birth.info(target);
  let parent = resolveIndexIfAny(namespace, call, birth.parent, 'options.parent');
  if (typeof parent === 'object') parent = await parent;
  let master = resolveIndexIfAny(target, call, options.master, 'options.master');
  if (typeof master === 'object') master = await master;
  let parts = rest === undefined ? noParts : partsOf(target, call, rest, refs);
  if (typeof parts === 'object') parts = await parts;
  const record = recordOf(namespace, target, birth, info, options, parent, master);
  for (let attempt = 1; ; attempt++) {
    record.index = options.index ?? target.chooseIndex();
    const made = withShared(parts(record.index), birth, record.index);
    const plan: Plan = { namespace, target, call, birth, options, record, parts: made };
    const results = await send(plan, record.index);
    const [first] = results;
    if (!(first instanceof Refusal)) {
      const link = results.at(-1);
      const allDone = !results.some((result) => result instanceof Refusal);
      const nothingLeft = birth.verify === undefined && birth.complete === undefined;
      if (link !== undefined && allDone && nothingLeft && call.signal === undefined) {
        return link as Link;
      }
      return finish(plan, record.index, results);
    }
    // The answer was lost, so whether the link is there is not known; its index tells.
    if (first.errno === ENOBUFS) await removeIfOurs(plan, record.index);
    const again = options.index === undefined && attempt < MAX_INDEXES;
    if (!MAY_BE_THE_INDEX.has(first.errno) || !again || !(await isIndexTaken(plan, record.index))) {
      throw call.error(first, await explainCreate(plan, first));
    }
    target.forgetIndexes();
  }
}

function recordOf(
  namespace: Namespace,
  target: Namespace,
  birth: Birth,
  info: LinkInfoRecord,
  options: LinkOptions,
  parent: number | undefined,
  master: number | undefined,
): LinkRecord {
  const { name, mac, mtu, txQueueLen, numTxQueues, numRxQueues, group } = options;
  // The MAC is in the first message, so that no daemon takes a made-up one for one to rewrite.
  const address = mac === undefined ? birth.choosesMac && randomMac() : parseMac(mac);
  const { promiscuous, allMulticast } = options;
  const up = comesUpLater(options) ? undefined : options.up;
  const { flags, change } = flagBits({ up, promiscuous, allMulticast });
  return {
    index: undefined,
    flags,
    change,
    name,
    mac: address === false || address === null ? undefined : address,
    mtu,
    parent,
    master,
    info,
    netnsFd: target.inode === namespace.inode ? undefined : target.fd,
    txQueueLen,
    numTxQueues,
    numRxQueues,
    group,
  };
}

/** IPv6 makes its address when the link comes up, so the way it does is set before. */
function comesUpLater({ addrGenMode }: LinkOptions): boolean {
  return addrGenMode !== undefined;
}

function hasParts({ alias, altNames, addrGenMode, addresses, routes }: LinkOptions): boolean {
  return (alias ?? altNames ?? addrGenMode ?? addresses ?? routes) !== undefined;
}

/** What the options say beside the first message, read when the call is made. */
interface Rest {
  readonly options: LinkOptions;
  readonly altNames: readonly string[];
  readonly addresses: readonly AddressRecord[];
  readonly routes: readonly RouteRecord[];
  /** For each route the link it names, unless that is the new one. */
  readonly links: readonly (LinkRef | undefined)[];
}

function restOf(options: LinkOptions): Rest {
  const { altNames = [], addresses = [], routes = [] } = options;
  return {
    options,
    altNames: [...altNames],
    addresses: addresses.map((address) => addressRecord(address, 0)),
    routes: routes.map((route) => routeRecord(route, undefined)),
    links: routes.map(({ link }) =>
      link === undefined || isNameOf(options, link) ? undefined : linkNow(link),
    ),
  };
}

const optionAt = (at: number) => `options.routes[${at}].link`;

/** The steps that the kernel does not take in the first message. */
function partsOf(
  target: Namespace,
  call: Call,
  rest: Rest,
  refs: readonly (number | string | undefined)[] = [],
): Parts | Promise<Parts> {
  const found = refs.map((ref, at) => resolveIndexIfAny(target, call, ref, optionAt(at)));
  const known = found.filter((link) => typeof link !== 'object');
  return known.length === found.length
    ? partsWith(rest, known)
    : Promise.all(found).then((links) => partsWith(rest, links));
}

function isNameOf({ name, altNames }: LinkOptions, link: LinkRef): boolean {
  return typeof link === 'string' && (link === name || altNames?.includes(link) === true);
}

function partsWith(rest: Rest, links: readonly (number | undefined)[]): Parts {
  const { options, altNames, addresses, routes } = rest;
  const { alias, addrGenMode } = options;
  return (index) => {
    const parts: Part[] = [];
    const change = (option: string, record: LinkRecord) =>
      parts.push({ option, step: { operation: 'changeLink', record: { index, ...record } } });
    // Both are ignored without a word in the first message (net/core/rtnetlink.c,
    // rtnl_newlink_create, Linux 6.18).
    if (alias !== undefined) change('alias', { alias });
    if (altNames.length > 0) {
      const record = { index, altNames };
      parts.push({ option: 'altNames', step: { operation: 'addAltNames', record } });
    }
    if (addrGenMode !== undefined) change('addrGenMode', familySettings(addrGenMode));
    if (comesUpLater(options) && options.up === true) change('up', flagBits({ up: true }));
    for (const [at, address] of addresses.entries()) {
      const record = { ...address, index };
      parts.push({ option: `addresses[${at}]`, step: { operation: 'addAddress', record } });
    }
    for (const [at, route] of routes.entries()) {
      const link = links[at] ?? index;
      const record = { ...route, link };
      const option = `routes[${at}]`;
      const step: Step = { operation: 'addRoute', record };
      if (link === index) {
        parts.push({ option, step });
        continue;
      }
      // It touches what is not new: not before all else has gone well.
      const undo: Step = { operation: 'removeRoute', record: undoRecord(record) };
      parts.push({ option, step: { ...step, barrier: true }, undo });
    }
    return parts;
  };
}

/** The parts, and what reaches beyond the link as the last of them. */
function withShared(parts: readonly Part[], { shared }: Birth, index: number): readonly Part[] {
  if (shared === undefined) return parts;
  const { option, info } = shared;
  const record = { index, info };
  return [...parts, { option, step: { operation: 'changeLink', record, barrier: true } }];
}

/**
 * Sends the first message and what follows it; the last result is the link, if all goes well. Without
 * parts the read may travel with the first message: reading does no harm should the index turn out to
 * be somebody else's. A part waits, because it would change that link.
 */
function send(plan: Plan, index: number): Promise<readonly Result[]> {
  const { namespace, target, call, record, parts } = plan;
  if (isToldByEcho(plan)) {
    return namespace.exchange([{ operation: 'createEchoedLink', record }], call.signal);
  }
  const rest = parts.map(
    ({ step }, at): Step => ({ ...step, barrier: at === 0 || step.barrier === true }),
  );
  rest.push({ operation: 'getLink', record: linkRecord(index) });
  const create: Step = { operation: 'createLink', record };
  return target.inode === namespace.inode
    ? namespace.exchange([create, ...rest], call.signal)
    : namespace.exchange([create], call.signal, { target, steps: rest });
}

/**
 * Whether the kernel's echo of the first message says all of the finished link: it goes out before a
 * master is set (net/core/rtnetlink.c, rtnl_newlink_create), and to the link's own namespace. A long
 * source list would make it larger than what the receive buffer has room for.
 */
function isToldByEcho({ namespace, target, options, record, parts }: Plan): boolean {
  return (
    ECHOES &&
    parts === NO_PARTS &&
    target.inode === namespace.inode &&
    options.master === undefined &&
    record.info?.macvlan?.macAddresses === undefined
  );
}

/** Looks at what became of the parts: the link as it was read, or an error and no link. */
async function finish(plan: Plan, index: number, results: readonly Result[]): Promise<Link> {
  const { target, call, birth, parts } = plan;
  try {
    call.checkSignal();
    const failed = results.findIndex((result) => result instanceof Refusal);
    if (failed >= 0) {
      throw await partError(plan, parts[failed - 1], results[failed] as Refusal, index);
    }
    // The kernel drops an echo that it has no room for.
    const link = (results.at(-1) as Link | undefined) ?? (await readLink(target, call, index));
    const fault = birth.verify?.(link);
    if (fault !== undefined) throw call.fail('EOPNOTSUPP', undefined, fault);
    if (birth.complete === undefined) return link;
    await birth.complete(link, target);
    return await readLink(target, call, index);
  } catch (error) {
    await remove(target, index, error);
    await undoParts(plan, results);
    throw error;
  }
}

/** Takes back what was done and did not go with the link. */
async function undoParts({ target, parts }: Plan, results: readonly Result[]): Promise<void> {
  const done = (at: number) => at < results.length && !(results[at] instanceof Refusal);
  const undos = parts.flatMap(({ undo }, at) => (undo !== undefined && done(at + 1) ? [undo] : []));
  await target.exchange(undos);
}

async function partError(
  plan: Plan,
  part: Part | undefined,
  refusal: Refusal,
  index: number,
): Promise<NetlinkError> {
  const { target, call, options } = plan;
  const asked = part?.step.record ?? {};
  // A route may be by another link than the new one.
  const link = 'link' in asked ? (asked.link ?? index) : index;
  const explained = await explain(target, refusal, { link, asked, created: options });
  return call.error(refusal, part === undefined ? explained : { ...explained, part: part.option });
}

/** Takes a link away that is not to be; a failure to do so goes with the error as its cause. */
async function remove(target: Namespace, index: number, error: unknown): Promise<void> {
  const result = await target.ask('deleteLink', linkRecord(index));
  if (!(result instanceof Refusal) || result.errno === ENODEV) return;
  const cause = new Error(
    `the link with index ${index} could not be removed again: errno ${result.errno}`,
  );
  if (error instanceof Error && error.cause === undefined) error.cause = cause;
}

async function removeIfOurs(
  { target, record, birth, options }: Plan,
  index: number,
): Promise<void> {
  const link = await findLink(target, index);
  if (link === undefined || link.kind !== birth.kind) return;
  // One that was given no MAC is known by its index, where that was chosen here.
  const mac = record.mac && Buffer.from(record.mac).toString('hex');
  if (mac === undefined ? options.index === undefined : link.mac?.replaceAll(':', '') === mac) {
    await remove(target, index, undefined);
  }
}

/**
 * Whether a refusal is about the index. Kernels before 6.15 look the index of a link to be, and
 * where none is said its name, up in the namespace of the socket instead of the one it will live in
 * (net/core/rtnetlink.c, __rtnl_newlink). As an index is always said here, a namesake in the wrong
 * namespace is no hindrance.
 */
async function isIndexTaken({ namespace, target }: Plan, index: number): Promise<boolean> {
  if ((await findLink(target, index)) !== undefined) return true;
  return target.inode !== namespace.inode && (await findLink(namespace, index)) !== undefined;
}

async function explainCreate(plan: Plan, refusal: Refusal): Promise<{ hint?: string }> {
  const { namespace, target, birth, options, record } = plan;
  return explain(namespace, refusal, {
    target,
    kind: birth.kind,
    parent: record.parent,
    created: options,
    mode: record.info?.macvlan?.mode,
    mac: record.mac,
    master: record.master,
    peer: birth.peer,
  });
}
