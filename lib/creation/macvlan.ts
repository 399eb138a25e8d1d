/** macvlan and macvtap: what is special to making and changing them. */
import { SerialQueue } from '../base/serialQueue.js';
import { check } from '../check/check.js';
import * as linkChecks from '../check/checkLinks.js';
import * as valueChecks from '../check/checkValues.js';
import { Refusal } from '../errors/refusal.js';
import { readLink, sendAll, sendMany, throwFirst } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import { linkRecord, mustFindLink } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Step } from '../namespace/native.js';
import { otherMacvlanFlags } from '../records/records.js';
import type { MacvlanRecord } from '../records/requests.js';
import type {
  CreateMacvlanOptions,
  Link,
  LinkOfKind,
  LinkRef,
  MacvlanChanges,
  MacvlanInfo,
} from '../types/types.js';
import { parseMac } from '../values/mac.js';
import {
  MACVLAN_FLAG_NODST,
  MACVLAN_FLAG_NOPROMISC,
  MACVLAN_MODES,
  MAX_SOURCES,
} from '../values/values.js';
import { createIn } from './create.js';
import type { KindSpec } from './creation.js';

/** `MACVLAN_MACADDR_*` (linux/if_link.h). */
const MACADDR = { add: 0, del: 1, flush: 2, set: 3 } as const;

function macs(texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => parseMac(text) as Uint8Array);
}

/** Replaces the source list. The kernel does not take an empty list: it takes a flush instead. */
function sourceList(sources: readonly string[] | undefined): MacvlanRecord {
  if (sources === undefined) return {};
  return sources.length === 0
    ? { macAddressMode: MACADDR.flush }
    : { macAddressMode: MACADDR.set, macAddresses: macs(sources) };
}

/** Both flags in one number, because the kernel replaces them all. */
function macvlanFlags(nopromisc: boolean, nodst: boolean): number {
  return (nopromisc ? MACVLAN_FLAG_NOPROMISC : 0) | (nodst ? MACVLAN_FLAG_NODST : 0);
}

function dataOf(options: CreateMacvlanOptions): MacvlanRecord {
  const { mode, nopromisc, nodst, sources, bcQueueLen } = options;
  const flags = macvlanFlags(nopromisc === true, nodst === true);
  return {
    mode: mode === undefined ? undefined : MACVLAN_MODES[mode],
    flags: flags === 0 ? undefined : flags,
    ...sourceList(sources),
    bcQueueLen,
  };
}

/**
 * Which option this kernel does not know, as a hint. A kernel silently ignores attributes that it does not know,
 * so this looks whether the link reports them.
 */
function unknownToKernel(
  { bcQueueLen, bcCutoff }: Pick<MacvlanChanges, 'bcQueueLen' | 'bcCutoff'>,
  info: MacvlanInfo | undefined,
): string | undefined {
  const missing = (option: string, attribute: string, version: string) =>
    `This kernel ignores ${option}: it does not know ${attribute} (Linux ${version}).`;
  if (bcQueueLen !== undefined && info?.bcQueueLen === null) {
    return missing('bcQueueLen', 'IFLA_MACVLAN_BC_QUEUE_LEN', '5.11');
  }
  if (bcCutoff !== undefined && info?.bcCutoff === null) {
    return missing('bcCutoff', 'IFLA_MACVLAN_BC_CUTOFF', '6.4');
  }
  return undefined;
}

type MacvlanKind = 'macvlan' | 'macvtap';

/** Makes a macvlan or macvtap for `createLink` and `createMacvlan`, which have checked the options. */
export function createMacvlanOfKind(
  namespace: Namespace,
  call: Call,
  kind: MacvlanKind,
  options: CreateMacvlanOptions,
): Promise<Link> {
  const { parent, mode, bcQueueLen, bcCutoff } = options;
  const asksForRecent = bcQueueLen !== undefined || bcCutoff !== undefined;
  // Made now, because the program may change its list of sources later.
  const macvlan = dataOf(options);
  const spec: KindSpec = {
    kind,
    parent,
    info: () => ({ kind, macvlan }),
    // One value for all children of the parent, which keeps it when this link is deleted.
    shared:
      bcCutoff === undefined
        ? undefined
        : { option: 'bcCutoff', info: { kind, macvlan: { bcCutoff } } },
    // In passthru mode the link has the parent's MAC.
    choosesMac: mode !== 'passthru',
    verify: asksForRecent ? ({ macvlan }) => unknownToKernel(options, macvlan) : undefined,
  };
  return createIn(namespace, call, spec, options);
}

export function createMacvlan<Kind extends MacvlanKind>(
  namespace: Namespace,
  call: Call,
  kind: Kind,
  options: CreateMacvlanOptions,
): Promise<LinkOfKind<Kind>> {
  check(call.operation, linkChecks.createMacvlanOptions, options);
  return createMacvlanOfKind(namespace, call, kind, options) as Promise<LinkOfKind<Kind>>;
}

/** A macvlan or a macvtap. */
type LinkWithMacvlan = Link & { readonly macvlan: MacvlanInfo };

async function readMacvlan(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
): Promise<LinkWithMacvlan> {
  const link = await readLink(namespace, call, ref);
  if (link.macvlan !== undefined) return link as LinkWithMacvlan;
  throw call.fail('EOPNOTSUPP', { reason: 'not a macvlan or macvtap', hint: whyNoMacvlan(link) });
}

function whyNoMacvlan({ name, kind }: Link): string {
  return kind === null
    ? `The link '${name}' has no kind.`
    : `The link '${name}' is of kind '${kind}'.`;
}

/** Why a change does not fit the mode that the link has, or is changed to. */
function modeFault(link: LinkWithMacvlan, changes: MacvlanChanges): string | undefined {
  const mode = changes.mode ?? link.macvlan.mode;
  for (const option of ['nopromisc', 'sources', 'nodst'] as const) {
    const [needed] = linkChecks.MODES_THAT_TAKE[option];
    if (changes[option] !== undefined && mode !== needed) {
      return `${option} needs mode '${needed}', and '${link.name}' is in mode '${mode}'.`;
    }
  }
  return undefined;
}

export async function setMacvlan(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  changes: MacvlanChanges,
): Promise<void> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, linkChecks.macvlanChanges, changes, 'changes');
  const link = await readMacvlan(namespace, call, ref);
  const fault = modeFault(link, changes);
  if (fault !== undefined) throw call.fail('EINVAL', { hint: fault });
  const { mode, nopromisc, nodst, sources, bcQueueLen, bcCutoff } = changes;
  const changesPromisc = nopromisc !== undefined && nopromisc !== link.macvlan.nopromisc;
  if (changesPromisc && !link.up) throw whyMustBeUp(call, link);
  const flagsChange = nopromisc !== undefined || nodst !== undefined;
  const macvlan: MacvlanRecord = {
    mode: mode === undefined ? undefined : MACVLAN_MODES[mode],
    flags: flagsChange
      ? macvlanFlags(nopromisc ?? link.macvlan.nopromisc, nodst ?? link.macvlan.nodst) |
        otherMacvlanFlags(link.macvlan)
      : undefined,
    ...sourceList(sources),
    bcQueueLen,
    bcCutoff,
  };
  if (Object.values(macvlan).every((value) => value === undefined)) return;
  const send = () =>
    changesPromisc
      ? sendWhileUp(namespace, call, link, macvlan)
      : sendAll(namespace, call, [changeStep(link, macvlan)], link.index);
  await (sources === undefined ? send() : afterOtherChanges(namespace, link.index, send));
  const ignored =
    bcQueueLen === undefined && bcCutoff === undefined
      ? undefined
      : // By now the link may have been deleted or moved.
        unknownToKernel(changes, (await mustFindLink(namespace, call, link.index))?.macvlan);
  if (ignored !== undefined) throw call.fail('EOPNOTSUPP', { hint: ignored });
}

function whyMustBeUp(call: Call, { name }: Link): Error {
  const hint =
    `Bring '${name}' up first: while it is down, the kernel would miscount its parent's ` +
    'promiscuity for ever (drivers/net/macvlan.c, macvlan_changelink).';
  return call.fail('ENETDOWN', { hint });
}

/**
 * Changes a link only if it is up. Since it was read it may have gone down, or another link may have got its index; no
 * request of this `Netns` comes between the two steps of this exchange.
 */
async function sendWhileUp(
  namespace: Namespace,
  call: Call,
  link: LinkWithMacvlan,
  macvlan: MacvlanRecord,
): Promise<void> {
  const look: Step = { operation: 'getLink', record: linkRecord(link.index), mustBeUp: true };
  const steps = [look, { ...changeStep(link, macvlan), barrier: true }];
  const results = await namespace.exchange(steps, call.signal);
  const [first] = results;
  if (first instanceof Refusal && first.code === 'ENETDOWN') throw whyMustBeUp(call, link);
  await throwFirst(namespace, call, results, link.index, (at) => steps[at]);
}

function changeStep({ index, kind }: Pick<Link, 'index' | 'kind'>, macvlan: MacvlanRecord): Step {
  return { operation: 'changeLink', record: { index, info: { kind: kind as string, macvlan } } };
}

export async function changeSources(
  namespace: Namespace,
  call: Call,
  change: 'add' | 'del',
  ref: LinkRef,
  addresses: readonly string[],
): Promise<void> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, valueChecks.sources, addresses, 'macs');
  const link = await readMacvlan(namespace, call, ref);
  const { mode } = link.macvlan;
  if (mode !== 'source') {
    const hint = `Only mode 'source' has a source list, and '${link.name}' is in mode '${mode}'.`;
    throw call.fail('EINVAL', { hint });
  }
  const list = macs(addresses);
  const { index, name, kind } = link;
  // Thousands of calls may wait, each for a link with thousands of sources, so none keeps its link meanwhile: the
  // promise is returned without an await, and a call that has had to wait reads the list again.
  const sources = isChanging(namespace, index) ? undefined : link.macvlan.sources;
  return afterOtherChanges(namespace, index, async () => {
    if (change === 'add') {
      const there = sources ?? (await readMacvlan(namespace, call, index)).macvlan.sources;
      checkRoom(call, name, there, addresses);
    }
    // Each message adds or removes one address; the messages share a datagram.
    const stepAt = (at: number) =>
      changeStep({ index, kind }, { macAddressMode: MACADDR[change], macAddress: list[at] });
    await sendMany(namespace, call, list.length, stepAt, index);
  });
}

/** The queues of source list changes that are under way, by namespace and index. */
const changing = new Map<string, SerialQueue>();

const changingKey = (namespace: Namespace, index: number) => `${namespace.inode} ${index}`;

function isChanging(namespace: Namespace, index: number): boolean {
  return changing.has(changingKey(namespace, index));
}

/** Changes a link's sources after the changes under way: whether there is room depends on what they add. */
async function afterOtherChanges(
  namespace: Namespace,
  index: number,
  work: () => Promise<void>,
): Promise<void> {
  const key = changingKey(namespace, index);
  const queue = changing.get(key) ?? new SerialQueue();
  changing.set(key, queue);
  try {
    await queue.run(work);
  } finally {
    if (queue.isIdle) changing.delete(key);
  }
}

/**
 * Throws when the list would get too long. The kernel would take more sources than the length fields of its
 * answers can express, and then other programs could not read the link (native/rtnl/read_link.cc).
 */
function checkRoom(
  call: Call,
  name: string,
  sources: readonly string[],
  added: readonly string[],
): void {
  const normal = added.map((text) => text.toLowerCase().replaceAll('-', ':'));
  const total = new Set([...sources, ...normal]).size;
  if (total <= MAX_SOURCES) return;
  const hint = `'${name}' would have ${total} sources, and the kernel's answers have room for ${MAX_SOURCES}.`;
  throw call.fail('E2BIG', { hint });
}
