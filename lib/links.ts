/** Links of every kind: finding, listing and changing them. */
import type { Call } from './call.js';
import { check } from './check.js';
import * as linkRules from './checkLinks.js';
import * as valueRules from './checkValues.js';
import { explain } from './diagnosis.js';
import { argumentError, showValue, stackOf } from './errors.js';
import { IFF_ALLMULTI, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, IFF_UP } from './flags.js';
import { LISTS_LINKS_BY_INDEX } from './kernelVersion.js';
import { linkRecord } from './lookup.js';
import { parseMac } from './mac.js';
import type { Namespace } from './namespace.js';
import { Refusal, type Result, type Step } from './native.js';
import { EXT_MASK, type FamilyRecord, type Ipv4ConfRecord, type LinkRecord } from './requests.js';
import type { Ipv4Settings, Link, LinkChanges, LinkFilter, LinkRef } from './types.js';
import { ADDR_GEN_MODES, IPV4_SETTINGS } from './values.js';

function nameAndInode({ name, inode }: Namespace): string {
  return name === null ? `net:[${inode}]` : `'${name}', net:[${inode}]`;
}

/** The index or name that a reference gives; a `Link` of another namespace is refused. */
export function plainRef(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  option = 'link',
  at?: number,
): number | string {
  if (typeof ref !== 'object') return ref;
  const seenIn = (ref as Partial<Link>).netns;
  if (seenIn !== undefined && seenIn !== namespace.inode) {
    const where = at === undefined ? option : `${option}[${at}]`;
    const message =
      `${call.operation}: ${where} must be a link of the network namespace ${nameAndInode(namespace)}, ` +
      `but it is of net:[${seenIn}]: call this operation on the Netns of that one; received ${showValue(ref)}`;
    throw stackOf(argumentError('ERR_INVALID_ARG_VALUE', message, plainRef), call.caller);
  }
  return ref.index;
}

/** {@link plainRef} of an option that may be left out. */
export function plainRefIfAny(
  namespace: Namespace,
  call: Call,
  ref: LinkRef | null | undefined,
  option: string,
): number | string | undefined {
  return ref == null ? undefined : plainRef(namespace, call, ref, option);
}

/** How an error names what the operation was about. */
export function targetOf(ref: unknown): string | number | null {
  if (typeof ref === 'string' || typeof ref === 'number') return ref;
  const { name, index } = (ref ?? {}) as Partial<Link>;
  if (typeof name === 'string') return name;
  return typeof index === 'number' ? index : null;
}

/** Reads the link that a reference names. */
export async function readLink(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  option?: string,
): Promise<Link> {
  const plain = plainRef(namespace, call, ref, option);
  const result = await namespace.ask('getLink', linkRecord(plain), call.signal);
  if (!(result instanceof Refusal)) return result;
  const explained = await explain(namespace, result, { link: plain, option });
  const part = /^(?:options|filter|changes)\.(.*)$/.exec(option ?? '')?.[1];
  throw call.error(result, { ...explained, part });
}

/**
 * The index of the link that a reference names. Not a promise when the reference has the index, because requests must
 * be sent in the order of the calls: `await` the result only when it is a promise. A name is looked up once, and all
 * that follows goes by the index, because the name may come to mean another link.
 */
export function resolveIndex(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  option?: string,
): number | Promise<number> {
  const plain = plainRef(namespace, call, ref, option);
  return typeof plain === 'number' ? plain : readIndex(namespace, call, plain, option);
}

async function readIndex(
  namespace: Namespace,
  call: Call,
  name: string,
  option?: string,
): Promise<number> {
  return (await readLink(namespace, call, name, option)).index;
}

/** {@link resolveIndex} of an option that may be left out. */
export function resolveIndexIfAny(
  namespace: Namespace,
  call: Call,
  ref: LinkRef | undefined,
  option: string,
): number | Promise<number> | undefined {
  return ref === undefined ? undefined : resolveIndex(namespace, call, ref, option);
}

/**
 * {@link resolveIndex} of the entries of a list. All are checked before any is looked up: nobody would await that
 * look-up when a later entry is refused.
 */
export function resolveIndexes(
  namespace: Namespace,
  call: Call,
  refs: readonly (LinkRef | null | undefined)[],
  optionAt: (at: number) => string,
): readonly (number | undefined)[] | Promise<readonly (number | undefined)[]> {
  const plain = refs.map((ref, at) => plainRefIfAny(namespace, call, ref, optionAt(at)));
  const found = plain.map((ref, at) => resolveIndexIfAny(namespace, call, ref, optionAt(at)));
  const known = found.filter((index) => typeof index !== 'object');
  return known.length === found.length ? known : Promise.all(found);
}

export function getLink(namespace: Namespace, call: Call, ref: LinkRef): Promise<Link> {
  check(call.operation, valueRules.linkRef, ref, 'link');
  return readLink(namespace, call, ref);
}

export async function listLinks(
  namespace: Namespace,
  call: Call,
  filter: LinkFilter = {},
): Promise<Link[]> {
  check(call.operation, linkRules.linkFilter, filter, 'filter');
  const { kind, group, up } = filter;
  const masterRef = plainRefIfAny(namespace, call, filter.master, 'filter.master');
  let parent = resolveIndexIfAny(namespace, call, filter.parent, 'filter.parent');
  if (typeof parent === 'object') parent = await parent;
  let master = resolveIndexIfAny(namespace, call, masterRef, 'filter.master');
  if (typeof master === 'object') master = await master;
  const masterWanted = filter.master === null ? null : master;
  const links = await namespace.askOrThrow(call, 'listLinks', {
    extMask: EXT_MASK,
    master,
    info: kind == null ? undefined : { kind },
  });
  const wanted = [kind, parent, masterWanted, group, up];
  // The kernel's own filters only save work: it has none for a parent, and for an unknown kind it lists all links
  // (net/core/rtnetlink.c, rtnl_dump_ifinfo).
  const matches = (link: Link) =>
    (kind === undefined || link.kind === kind) &&
    (parent === undefined || (link.parent?.index === parent && link.parent.netnsid === null)) &&
    (masterWanted === undefined || link.master === masterWanted) &&
    (group === undefined || link.group === group) &&
    (up === undefined || link.up === up);
  const found = wanted.some((value) => value !== undefined) ? links.filter(matches) : links;
  if (found.length === 0) {
    if (parent) await readLink(namespace, call, parent, 'filter.parent');
    if (master) await readLink(namespace, call, master, 'filter.master');
  }
  return LISTS_LINKS_BY_INDEX ? found : found.sort((a, b) => a.index - b.index);
}

/** `ifi_flags`, and `ifi_change` that says which of them count; neither when no flag is asked for. */
export function flagBits(
  options: Pick<LinkChanges, 'up' | 'promiscuous' | 'allMulticast' | 'arp' | 'multicast'>,
): Pick<LinkRecord, 'flags' | 'change'> {
  let flags = 0;
  let change = 0;
  const set = (bit: number, on: boolean | undefined) => {
    if (on === undefined) return;
    change |= bit;
    if (on) flags |= bit;
  };
  set(IFF_UP, options.up);
  set(IFF_PROMISC, options.promiscuous);
  set(IFF_ALLMULTI, options.allMulticast);
  set(IFF_NOARP, options.arp === undefined ? undefined : !options.arp);
  set(IFF_MULTICAST, options.multicast);
  return change === 0 ? {} : { flags, change };
}

/** The settings of the address families on a link; `undefined` when none is asked for. */
export function familySettings({
  addrGenMode: mode,
  ipv4,
}: Pick<LinkChanges, 'addrGenMode' | 'ipv4'>): FamilyRecord | undefined {
  const inet6 = mode === undefined ? undefined : { addrGenMode: ADDR_GEN_MODES[mode] };
  if (ipv4 === undefined) return inet6 && { inet6 };
  const conf: Ipv4ConfRecord = {};
  for (const name of Object.keys(IPV4_SETTINGS) as (keyof Ipv4Settings)[]) {
    const value = ipv4[name];
    if (value !== undefined) conf[name] = Number(value);
  }
  return Object.keys(conf).length === 0 ? inet6 && { inet6 } : { inet: { conf }, inet6 };
}

const FLAGS: ReadonlySet<string> = new Set([
  'up',
  'promiscuous',
  'allMulticast',
  'arp',
  'multicast',
] satisfies (keyof LinkChanges)[]);

/** Whether flags are asked for and nothing else. */
function onlyFlags(changes: LinkChanges): boolean {
  let any = false;
  for (const name in changes) {
    if (name === 'signal' || changes[name as keyof LinkChanges] === undefined) continue;
    if (!FLAGS.has(name)) return false;
    any = true;
  }
  return any;
}

/** The changes that one request carries out together. */
const IN_ONE_REQUEST = [
  ...['up', 'promiscuous', 'allMulticast', 'arp', 'multicast'],
  ...['name', 'mac', 'mtu', 'txQueueLen', 'group', 'alias', 'master', 'bridgePort'],
] as const satisfies readonly (keyof LinkChanges)[];

/** The one of `options` that is asked for, if only one is. */
function onlyOf(
  changes: LinkChanges,
  options: readonly (keyof LinkChanges)[],
): keyof LinkChanges | undefined {
  const asked = options.filter((option) => changes[option] !== undefined);
  return asked.length === 1 ? asked[0] : undefined;
}

/** Whether a record asks for anything besides saying which link it is about. */
function changesSomething(record: LinkRecord): boolean {
  for (const name in record) {
    if (name !== 'index' && record[name as keyof LinkRecord] !== undefined) return true;
  }
  return false;
}

/** A request of `setLink`, and the option that it carries out, if it is for one alone. */
interface Change {
  readonly option: keyof LinkChanges | undefined;
  readonly step: Step;
}

function changeSteps(index: number, changes: LinkChanges, master: number | undefined): Change[] {
  const { name, mac, mtu, txQueueLen, group, alias, addAltNames, removeAltNames } = changes;
  const families = familySettings(changes);
  const record: LinkRecord = {
    index,
    ...flagBits(changes),
    name,
    mac: mac === undefined ? undefined : (parseMac(mac) ?? undefined),
    mtu: families === undefined ? mtu : undefined,
    txQueueLen,
    group,
    alias: alias === null ? '' : alias,
    master,
  };
  const { hairpin } = changes.bridgePort ?? {};
  const port: Pick<LinkRecord, 'info'> =
    hairpin === undefined
      ? {}
      : { info: { slaveKind: 'bridge', bridgePort: { hairpin: Number(hairpin) } } };
  // The kernel sets a port's attributes before it changes the master (net/core/rtnetlink.c, rtnl_changelink), when
  // the link is no port yet, or a port of another bridge.
  const becomesPort = master !== undefined && hairpin !== undefined;
  if (!becomesPort) Object.assign(record, port);
  // In one message the kernel would apply the families' settings last, when the link is up already and has made its
  // address (net/core/rtnetlink.c, do_setlink). The MTU goes first, because it decides whether the link has IPv6.
  const found: Change[] = [];
  const change = (option: keyof LinkChanges | undefined, asked: LinkRecord) =>
    found.push({ option, step: { operation: 'changeLink', record: asked, barrier: true } });
  const changeNames = (option: 'addAltNames' | 'removeAltNames', names: readonly string[] = []) => {
    if (names.length === 0) return;
    const step: Step = { operation: option, record: { index, altNames: names }, barrier: true };
    found.push({ option, step });
  };
  // Before the name, which may be one of them.
  changeNames('removeAltNames', removeAltNames);
  if (families !== undefined) {
    if (mtu !== undefined) change('mtu', { index, mtu });
    change(onlyOf(changes, ['addrGenMode', 'ipv4']), { index, families });
  }
  const together = {
    ...changes,
    mtu: record.mtu,
    bridgePort: record.info === undefined ? undefined : changes.bridgePort,
  };
  if (changesSomething(record)) change(onlyOf(together, IN_ONE_REQUEST), record);
  if (becomesPort) change('bridgePort', { index, ...port });
  changeNames('addAltNames', addAltNames);
  return found;
}

export async function setLink(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  changes: LinkChanges,
): Promise<void> {
  check(call.operation, valueRules.linkRef, ref, 'link');
  check(call.operation, linkRules.linkChanges, changes, 'changes');
  const plain = plainRef(namespace, call, ref);
  if (typeof plain === 'string' && onlyFlags(changes)) {
    // Without an index the kernel looks the name up instead of setting it (do_setlink): one request, not two.
    const { extMask: _, ...named } = linkRecord(plain);
    const record = { ...named, ...flagBits(changes) };
    return sendAll(namespace, call, [{ operation: 'changeLink', record }], plain);
  }
  // Index 0 is how a link leaves its master.
  const masterRef =
    changes.master === null ? 0 : plainRefIfAny(namespace, call, changes.master, 'changes.master');
  let index = resolveIndex(namespace, call, plain);
  if (typeof index === 'object') index = await index;
  let master = resolveIndexIfAny(namespace, call, masterRef, 'changes.master');
  if (typeof master === 'object') master = await master;
  const steps = changeSteps(index, changes, master);
  if (steps.length === 0) {
    await readLink(namespace, call, index);
    return;
  }
  const results = await namespace.exchange(
    steps.map(({ step }) => step),
    call.signal,
  );
  const partAt = (at: number) => (steps.length > 1 ? steps[at]?.option : undefined);
  await throwFirst(namespace, call, results, index, (at) => steps[at]?.step, partAt);
}

export function setPromiscuous(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  on: boolean,
): Promise<void> {
  check(call.operation, valueRules.flag, on, 'on');
  return setLink(namespace, call, ref, { promiscuous: on });
}

/** Sends changes of one link; throws the first refusal, with its reason. */
export async function sendAll(
  namespace: Namespace,
  call: Call,
  steps: readonly Step[],
  link: number | string,
): Promise<void> {
  const results = await namespace.exchange(steps, call.signal);
  await throwFirst(namespace, call, results, link, (at) => steps[at]);
}

/** {@link sendAll} of any number of changes, made a turn's worth at a time. */
export async function sendMany(
  namespace: Namespace,
  call: Call,
  count: number,
  stepAt: (at: number) => Step,
  link: number | string,
): Promise<void> {
  const results = await namespace.exchangeMany(count, stepAt, call.signal);
  await throwFirst(namespace, call, results, link, stepAt);
}

async function throwFirst(
  namespace: Namespace,
  call: Call,
  results: readonly Result[],
  link: number | string,
  stepAt: (at: number) => Step | undefined,
  partAt?: (at: number) => string | undefined,
): Promise<void> {
  call.checkSignal();
  const at = results.findIndex((result) => result instanceof Refusal);
  if (at < 0) return;
  const refusal = results[at] as Refusal;
  const explained = await explain(namespace, refusal, { link, asked: stepAt(at)?.record });
  throw call.error(refusal, { ...explained, part: partAt?.(at) });
}
