/** Changing links: `setLink`, and how flags and settings stand in a request. */
import { check } from '../check/check.js';
import * as linkChecks from '../check/checkLinks.js';
import * as valueChecks from '../check/checkValues.js';
import type { Call } from '../namespace/call.js';
import { linkRecord } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Step } from '../namespace/native.js';
import { changeSettings, settingsOf } from '../netns/ipv6Settings.js';
import type { FamilyRecord, Ipv4ConfRecord, LinkRecord } from '../records/requests.js';
import type { Ipv4Settings, Link, LinkChanges, LinkRef } from '../types/types.js';
import { IFF_ALLMULTI, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, IFF_UP } from '../values/flags.js';
import { parseMac } from '../values/mac.js';
import { ADDR_GEN_MODES, IPV4_SETTINGS } from '../values/values.js';
import { exchangeAbout, NOT_KNOWN_YET } from './aboutLink.js';
import {
  plainRef,
  plainRefIfAny,
  readLink,
  resolveIndex,
  resolveIndexIfAny,
  sendAll,
  throwFirst,
} from './links.js';

/** The flags that can be changed, and their bits; `arp` is the inverse of its own. */
const FLAG_BITS = {
  up: IFF_UP,
  promiscuous: IFF_PROMISC,
  allMulticast: IFF_ALLMULTI,
  arp: IFF_NOARP,
  multicast: IFF_MULTICAST,
} as const satisfies { readonly [Name in keyof LinkChanges]?: number };
const FLAGS = Object.keys(FLAG_BITS) as readonly (keyof typeof FLAG_BITS)[];

/** `ifi_flags`, and `ifi_change` that says which of them count; neither when no flag is asked for. */
export function flagBits(
  options: Pick<LinkChanges, keyof typeof FLAG_BITS>,
): Pick<LinkRecord, 'flags' | 'change'> {
  let flags = 0;
  let change = 0;
  // No for … of: see `pack` in native.ts.
  for (let at = 0; at < FLAGS.length; at++) {
    const name = FLAGS[at] as (typeof FLAGS)[number];
    const on = options[name];
    if (on === undefined) continue;
    change |= FLAG_BITS[name];
    if (on !== (name === 'arp')) flags |= FLAG_BITS[name];
  }
  return change === 0 ? {} : { flags, change };
}

const IPV4_NAMES = Object.keys(
  IPV4_SETTINGS satisfies Record<keyof Ipv4Settings, unknown>,
) as (keyof Ipv4Settings)[];

/** The settings of the address families on a link; `undefined` when none is asked for. */
export function familySettings({
  addrGenMode: mode,
  ipv4,
}: Pick<LinkChanges, 'addrGenMode' | 'ipv4'>): FamilyRecord | undefined {
  const inet6 = mode === undefined ? undefined : { addrGenMode: ADDR_GEN_MODES[mode] };
  if (ipv4 === undefined) return inet6 && { inet6 };
  const conf: Ipv4ConfRecord = {};
  for (const name of IPV4_NAMES) {
    const value = ipv4[name];
    if (value !== undefined) conf[name] = Number(value);
  }
  return Object.keys(conf).length === 0 ? inet6 && { inet6 } : { inet: { conf }, inet6 };
}

type ChangeName = Exclude<keyof LinkChanges, 'signal'>;

/** Each change, and whether one request carries it out together with others. */
const IS_IN_ONE_REQUEST = {
  up: true,
  promiscuous: true,
  allMulticast: true,
  arp: true,
  multicast: true,
  name: true,
  mac: true,
  mtu: true,
  txQueueLen: true,
  group: true,
  alias: true,
  master: true,
  bridgePort: true,
  addrGenMode: false,
  ipv4: false,
  ipv6: false,
  addAltNames: false,
  removeAltNames: false,
} as const satisfies { readonly [Name in ChangeName]-?: boolean };
const CHANGES = Object.keys(IS_IN_ONE_REQUEST) as readonly ChangeName[];
const IN_ONE_REQUEST = CHANGES.filter((name) => IS_IN_ONE_REQUEST[name]);

/** Whether flags are asked for and nothing else. By name: an accessor's change is not enumerable. */
function onlyFlags(changes: LinkChanges): boolean {
  const asked = CHANGES.filter((name) => changes[name] !== undefined);
  return asked.length > 0 && asked.every((name) => Object.hasOwn(FLAG_BITS, name));
}

/** The one of `options` that is asked for, if only one is. */
function onlyOf(changes: LinkChanges, options: readonly ChangeName[]): ChangeName | undefined {
  const asked = options.filter((option) => changes[option] !== undefined);
  return asked.length === 1 ? asked[0] : undefined;
}

/** Whether a record asks for anything besides saying which link it is about. */
function changesSomething(record: LinkRecord): boolean {
  return Object.entries(record).some(([name, value]) => name !== 'index' && value !== undefined);
}

/** A request of `setLink`. */
interface Change {
  /** Finds out which option it carries out; `undefined` if it is for several. */
  readonly option: () => ChangeName | undefined;
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
  const change = (option: () => ChangeName | undefined, asked: LinkRecord) =>
    found.push({ option, step: { operation: 'changeLink', record: asked, barrier: true } });
  const changeNames = (option: 'addAltNames' | 'removeAltNames', names: readonly string[] = []) => {
    if (names.length === 0) return;
    const step: Step = { operation: option, record: { index, altNames: names }, barrier: true };
    found.push({ option: () => option, step });
  };
  // Before the name, which may be one of them.
  changeNames('removeAltNames', removeAltNames);
  if (families !== undefined) {
    if (mtu !== undefined) change(() => 'mtu', { index, mtu });
    change(() => onlyOf(changes, ['addrGenMode', 'ipv4']), { index, families });
  }
  const isTogether = (name: ChangeName) =>
    (name !== 'mtu' || record.mtu !== undefined) &&
    (name !== 'bridgePort' || record.info !== undefined);
  if (changesSomething(record)) {
    change(() => onlyOf(changes, IN_ONE_REQUEST.filter(isTogether)), record);
  }
  if (becomesPort) change(() => 'bridgePort', { index, ...port });
  changeNames('addAltNames', addAltNames);
  return found;
}

export async function setLink(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  changes: LinkChanges,
): Promise<void> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, linkChecks.linkChanges, changes, 'changes');
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
  // Where a master has to be looked up, the link is looked up before it, at the place of the call.
  const looksFirst = typeof plain === 'string' && typeof masterRef === 'string';
  const link = looksFirst ? await resolveIndex(namespace, call, plain) : plain;
  let master = resolveIndexIfAny(namespace, call, masterRef, 'changes.master');
  if (typeof master === 'object') master = await master;
  const settings = settingsOf(changes.ipv6);
  // IPv6 begins when the link comes up.
  const isUpLast = settings.length > 0 && changes.up === true;
  // No copy, which would lack the options behind accessors.
  const before: LinkChanges = isUpLast
    ? Object.create(changes, { up: { value: undefined } })
    : changes;
  const made = changeSteps(typeof link === 'string' ? NOT_KNOWN_YET : link, before, master);
  let about = link;
  if (made.length > 0) {
    const steps = made.map(({ step }) => step);
    const { link: index, results } = await exchangeAbout(namespace, call, link, () => steps);
    const isOneOfSeveral = made.length + settings.length > 1;
    const partAt = (at: number) => (isOneOfSeveral ? made[at]?.option() : undefined);
    await throwFirst(namespace, call, results, index, (at) => steps[at], partAt);
    if (settings.length === 0) return;
    about = index;
  }
  const known = await readLink(namespace, call, about);
  await changeSettings(namespace, call, known, settings);
  if (isUpLast) await bringUp(namespace, call, known);
}

async function bringUp(namespace: Namespace, call: Call, { index }: Link): Promise<void> {
  const step: Step = { operation: 'changeLink', record: { index, ...flagBits({ up: true }) } };
  const results = await namespace.exchange([step], call.signal);
  await throwFirst(
    namespace,
    call,
    results,
    index,
    () => step,
    () => 'up',
  );
}

export function setPromiscuous(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  on: boolean,
): Promise<void> {
  check(call.operation, valueChecks.flag, on, 'on');
  return setLink(namespace, call, ref, { promiscuous: on });
}
