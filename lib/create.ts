/**
 * Making links, all or nothing: a link with everything that was asked for, or none. Knows no kind:
 * what is special to one comes as the parts of its first message.
 */
import { constants } from 'node:os';
import { addressRecord } from './addresses.js';
import { explain } from './diagnosis.js';
import type { NetlinkError } from './errors.js';
import { familySettings, flagBits, readLink, resolveIndex } from './links.js';
import { findLink, linkRecord } from './lookup.js';
import { type Call, type Namespace, withNamespace } from './namespace.js';
import { type LinkRecord, Refusal, type Result, type Step } from './native.js';
import type { Peer } from './refused.js';
import { routeRecord } from './routes.js';
import type { Link, LinkOptions } from './types.js';
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

/** How often another index is tried after one that was chosen here turns out to be taken. */
const MAX_INDEXES = 4;

/** What is special to the link's kind. */
export interface Birth {
  readonly kind: string;
  /** `IFLA_LINK` and `IFLA_LINKINFO`. Called once the target is open. */
  readonly record: (target: Namespace) => LinkRecord;
  /** Whether the link is given a MAC here when the options name none. */
  readonly choosesMac: boolean;
  /** Looks at the finished link: the reason why it is not what was asked for, if it is not. */
  readonly verify?: (link: Link) => string | undefined;
  readonly peer?: Peer;
  /** Does what is left to do beside the link itself; a failure undoes the link too. */
  complete?: (link: Link, target: Namespace) => Promise<void>;
}

/** A step that follows the first message, and the option that it carries out. */
interface Part {
  readonly option: string;
  readonly step: Step;
}

/** What a link to be is made from. */
interface Plan {
  readonly namespace: Namespace;
  readonly target: Namespace;
  readonly call: Call;
  readonly birth: Birth;
  readonly options: LinkOptions;
  readonly base: LinkRecord;
  readonly parts: (index: number) => readonly Part[];
}

/** Makes a link in `namespace`, or in the one that `options.netns` names. */
export async function createIn(
  namespace: Namespace,
  call: Call,
  birth: Birth,
  options: LinkOptions,
): Promise<Link> {
  const make = async (target: Namespace) =>
    createHere(await planOf(namespace, target, call, birth, options));
  return options.netns === undefined ? make(namespace) : withNamespace(call, options.netns, make);
}

async function planOf(
  namespace: Namespace,
  target: Namespace,
  call: Call,
  birth: Birth,
  options: LinkOptions,
): Promise<Plan> {
  const { name, mac, mtu, txQueueLen, numTxQueues, numRxQueues, group, addrGenMode } = options;
  // The MAC is in the first message, so that no daemon takes a made-up one for one to rewrite.
  const address = mac === undefined ? birth.choosesMac && randomMac() : parseMac(mac);
  // IPv6 makes its address when the link comes up, so the way it does is set before.
  const upLater = addrGenMode !== undefined;
  const base: LinkRecord = {
    ...birth.record(target),
    ...flagBits(upLater ? { ...options, up: undefined } : options),
    name,
    mac: address === false || address === null ? undefined : address,
    mtu,
    txQueueLen,
    numTxQueues,
    numRxQueues,
    group,
    netnsFd: target.inode === namespace.inode ? undefined : target.fd,
    master:
      options.master === undefined
        ? undefined
        : await resolveIndex(target, call, options.master, 'options.master'),
  };
  const parts = await partsOf(target, call, options, upLater);
  return { namespace, target, call, birth, options, base, parts };
}

/** The steps that the kernel does not take in the first message. */
async function partsOf(
  target: Namespace,
  call: Call,
  options: LinkOptions,
  upLater: boolean,
): Promise<(index: number) => readonly Part[]> {
  const { alias, altNames, addrGenMode, addresses = [], routes = [] } = options;
  const links = await Promise.all(
    routes.map(({ link }, at) =>
      link === undefined || link === options.name
        ? undefined
        : resolveIndex(target, call, link, `options.routes[${at}].link`),
    ),
  );
  return (index) => {
    const parts: Part[] = [];
    const change = (option: string, record: LinkRecord) =>
      parts.push({ option, step: { operation: 'changeLink', record: { index, ...record } } });
    // Both are ignored without a word in the first message (net/core/rtnetlink.c,
    // rtnl_newlink_create, Linux 6.18).
    if (alias !== undefined) change('alias', { alias });
    if (altNames !== undefined && altNames.length > 0) {
      const record = { index, altNames };
      parts.push({ option: 'altNames', step: { operation: 'addAltNames', record } });
    }
    if (addrGenMode !== undefined) change('addrGenMode', familySettings(addrGenMode));
    if (upLater && options.up === true) change('up', flagBits({ up: true }));
    for (const [at, address] of addresses.entries()) {
      const record = addressRecord(address, index);
      parts.push({ option: `addresses[${at}]`, step: { operation: 'addAddress', record } });
    }
    for (const [at, route] of routes.entries()) {
      const record = routeRecord(route, links[at] ?? index);
      parts.push({ option: `routes[${at}]`, step: { operation: 'addRoute', record } });
    }
    return parts;
  };
}

async function createHere(plan: Plan): Promise<Link> {
  const { target, call, options } = plan;
  for (let attempt = 1; ; attempt++) {
    const index = options.index ?? target.chooseIndex();
    const refusal = await attemptAt(plan, index);
    if (!(refusal instanceof Refusal)) return refusal;
    const again = options.index === undefined && attempt < MAX_INDEXES;
    if (!MAY_BE_THE_INDEX.has(refusal.errno) || !again || !(await isIndexTaken(plan, index))) {
      throw call.error(refusal, await explainCreate(plan, refusal));
    }
    target.forgetIndexes();
  }
}

/** Sends the first message and what follows it; gives the finished link, or the first's refusal. */
async function attemptAt(plan: Plan, index: number): Promise<Link | Refusal> {
  const { namespace, target, call, base } = plan;
  const parts = plan.parts(index);
  const rest = restOf(parts, index);
  const create: Step = { operation: 'createLink', record: { ...base, index } };
  // Without parts the read may travel with the first message: reading does no harm should the index
  // turn out to be somebody else's. A part waits, because it would change that link.
  const results =
    target.inode === namespace.inode
      ? await namespace.exchange([create, ...rest], call.signal)
      : await namespace.exchange([create], call.signal, { target, steps: rest });
  const [first] = results;
  if (first instanceof Refusal) {
    // The answer was lost, so whether the link is there is not known; its index tells.
    if (first.errno === ENOBUFS) await removeIfOurs(plan, index);
    return first;
  }
  return finish(plan, index, parts, results.slice(1));
}

function restOf(parts: readonly Part[], index: number): Step[] {
  const steps: Step[] = parts.map(({ step }, at) => ({ ...step, barrier: at === 0 }));
  steps.push({ operation: 'getLink', record: linkRecord(index) });
  return steps;
}

/** Looks at what became of the parts: the link as it was read, or an error and no link. */
async function finish(
  plan: Plan,
  index: number,
  parts: readonly Part[],
  results: readonly Result[],
): Promise<Link> {
  const { target, call, birth } = plan;
  try {
    call.checkSignal();
    const failed = results.findIndex((result) => result instanceof Refusal);
    if (failed >= 0) throw await partError(plan, parts[failed], results[failed] as Refusal, index);
    const link = results.at(-1) as Link;
    const fault = birth.verify?.(link);
    if (fault !== undefined) throw call.fail('EOPNOTSUPP', undefined, fault);
    if (birth.complete === undefined) return link;
    await birth.complete(link, target);
    return await readLink(target, call, index);
  } catch (error) {
    await remove(target, index, error);
    throw error;
  }
}

async function partError(
  plan: Plan,
  part: Part | undefined,
  refusal: Refusal,
  index: number,
): Promise<NetlinkError> {
  const { target, call, options } = plan;
  const asked = part?.step.record ?? {};
  const explained = await explain(target, refusal, { link: index, asked, created: options });
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

async function removeIfOurs({ target, base }: Plan, index: number): Promise<void> {
  const link = await findLink(target, index);
  const mac = base.mac && Buffer.from(base.mac).toString('hex');
  if (link !== undefined && link.mac?.replaceAll(':', '') === mac) {
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
  const { namespace, target, birth, options, base } = plan;
  return explain(namespace, refusal, {
    target,
    kind: birth.kind,
    parent: base.parent,
    created: options,
    mode: base.info?.macvlan?.mode,
    mac: base.mac,
    master: base.master,
    peer: birth.peer,
  });
}
