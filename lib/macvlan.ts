/** macvlan and macvtap: what is special to making and changing them. */
import type { Call } from './call.js';
import { Callers } from './callers.js';
import { check } from './check.js';
import * as linkRules from './checkLinks.js';
import * as valueRules from './checkValues.js';
import { createIn, type KindSpec } from './create.js';
import { plainRef, readLink, sendAll, sendMany } from './links.js';
import type { Namespace } from './namespace.js';
import type { Step } from './native.js';
import type { MacvlanRecord } from './requests.js';
import type {
  CreateMacvlanOptions,
  Link,
  LinkOfKind,
  LinkRef,
  MacvlanChanges,
  MacvlanInfo,
} from './types.js';
import {
  MACVLAN_FLAG_NODST,
  MACVLAN_FLAG_NOPROMISC,
  MACVLAN_MODES,
  MAX_SOURCES,
  parseMac,
} from './values.js';

/** `MACVLAN_MACADDR_*` (linux/if_link.h). */
const MACADDR = { add: 0, del: 1, flush: 2, set: 3 } as const;

function macs(texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => parseMac(text) as Uint8Array);
}

/** The source list as a whole; the kernel takes no empty list, but a flush. */
function sourceList(sources: readonly string[] | undefined): MacvlanRecord {
  if (sources === undefined) return {};
  return sources.length === 0
    ? { macAddressMode: MACADDR.flush }
    : { macAddressMode: MACADDR.set, macAddresses: macs(sources) };
}

/** All flags at once: the kernel replaces them, it does not add. */
function flagsRecord(nopromisc: boolean, nodst: boolean): number {
  return (nopromisc ? MACVLAN_FLAG_NOPROMISC : 0) | (nodst ? MACVLAN_FLAG_NODST : 0);
}

function dataOf(options: CreateMacvlanOptions): MacvlanRecord {
  const { mode, nopromisc, nodst, sources, bcQueueLen } = options;
  const flags = flagsRecord(nopromisc === true, nodst === true);
  return {
    mode: mode === undefined ? undefined : MACVLAN_MODES[mode],
    flags: flags === 0 ? undefined : flags,
    ...sourceList(sources),
    bcQueueLen,
  };
}

/**
 * Kernels pass over attributes that they do not know without a word, so what was asked for is
 * looked for in what the link reports.
 */
function unknownToKernel(
  { bcQueueLen, bcCutoff }: { bcQueueLen?: number | undefined; bcCutoff?: number | undefined },
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

/** How `createLink` and the function below make one; the options have been checked. */
export function createMacvlanOfKind(
  namespace: Namespace,
  call: Call,
  kind: MacvlanKind,
  options: CreateMacvlanOptions,
): Promise<Link> {
  const { parent, mode, bcQueueLen, bcCutoff } = options;
  const asksForRecent = bcQueueLen !== undefined || bcCutoff !== undefined;
  // Read now: the list of sources is the program's own.
  const macvlan = dataOf(options);
  const spec: KindSpec = {
    kind,
    parent,
    info: () => ({ kind, macvlan }),
    // The parent has one for all of its children, and keeps it when this one goes again.
    shared:
      bcCutoff === undefined
        ? undefined
        : { option: 'bcCutoff', info: { kind, macvlan: { bcCutoff } } },
    // In passthru mode it has the parent's.
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
  check(call.operation, linkRules.createMacvlanOptions, options);
  return createMacvlanOfKind(namespace, call, kind, options) as Promise<LinkOfKind<Kind>>;
}

type Living = Link & { readonly macvlan: MacvlanInfo };

async function readMacvlan(namespace: Namespace, call: Call, ref: LinkRef): Promise<Living> {
  const link = await readLink(namespace, call, plainRef(namespace, call, ref));
  if (link.macvlan !== undefined) return link as Living;
  throw call.fail('EOPNOTSUPP', 'not a macvlan or macvtap', whyNoMacvlan(link));
}

function whyNoMacvlan({ name, kind }: Link): string {
  return kind === null
    ? `The link '${name}' has no kind.`
    : `The link '${name}' is of kind '${kind}'.`;
}

/** The reason why a change does not go with the mode that the link has or is to have. */
function modeFault(link: Living, changes: MacvlanChanges): string | undefined {
  const mode = changes.mode ?? link.macvlan.mode;
  if (changes.nopromisc !== undefined && mode !== 'passthru') {
    return `nopromisc needs mode 'passthru', and '${link.name}' is in mode '${mode}'.`;
  }
  for (const option of ['sources', 'nodst'] as const) {
    if (changes[option] !== undefined && mode !== 'source') {
      return `${option} needs mode 'source', and '${link.name}' is in mode '${mode}'.`;
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
  check(call.operation, valueRules.linkRef, ref, 'link');
  check(call.operation, linkRules.macvlanChanges, changes, 'changes');
  const link = await readMacvlan(namespace, call, ref);
  const fault = modeFault(link, changes);
  if (fault !== undefined) throw call.fail('EINVAL', undefined, fault);
  const { mode, nopromisc, nodst, sources, bcQueueLen, bcCutoff } = changes;
  if (nopromisc !== undefined && nopromisc !== link.macvlan.nopromisc && !link.up) {
    throw call.fail(
      'ENETDOWN',
      undefined,
      `Bring '${link.name}' up first: while it is down, the kernel would miscount its parent's ` +
        'promiscuity for ever (drivers/net/macvlan.c, macvlan_changelink).',
    );
  }
  const flagsChange = nopromisc !== undefined || nodst !== undefined;
  const macvlan: MacvlanRecord = {
    mode: mode === undefined ? undefined : MACVLAN_MODES[mode],
    flags: flagsChange
      ? flagsRecord(nopromisc ?? link.macvlan.nopromisc, nodst ?? link.macvlan.nodst)
      : undefined,
    ...sourceList(sources),
    bcQueueLen,
    bcCutoff,
  };
  if (Object.values(macvlan).every((value) => value === undefined)) return;
  const send = () => sendAll(namespace, call, [changeStep(link, macvlan)], link.index);
  await (sources === undefined ? send() : whenNoneChange(namespace, link.index, send));
  const ignored =
    bcQueueLen === undefined && bcCutoff === undefined
      ? undefined
      : unknownToKernel(changes, (await readMacvlan(namespace, call, link.index)).macvlan);
  if (ignored !== undefined) throw call.fail('EOPNOTSUPP', undefined, ignored);
}

function changeStep({ index, kind }: Pick<Living, 'index' | 'kind'>, macvlan: MacvlanRecord): Step {
  return { operation: 'changeLink', record: { index, info: { kind: kind as string, macvlan } } };
}

export async function changeSources(
  namespace: Namespace,
  call: Call,
  change: 'add' | 'del',
  ref: LinkRef,
  addresses: readonly string[],
): Promise<void> {
  check(call.operation, valueRules.linkRef, ref, 'link');
  check(call.operation, valueRules.sources, addresses, 'macs');
  const link = await readMacvlan(namespace, call, ref);
  const { mode } = link.macvlan;
  if (mode !== 'source') {
    const hint = `Only mode 'source' has a source list, and '${link.name}' is in mode '${mode}'.`;
    throw call.fail('EINVAL', undefined, hint);
  }
  const list = macs(addresses);
  const { index, name, kind } = link;
  // Not kept by who waits, and not awaited here, which would keep the link: thousands may wait, each with thousands.
  const sources = isChanging(namespace, index) ? undefined : link.macvlan.sources;
  return whenNoneChange(namespace, index, async () => {
    if (change === 'add') {
      const there = sources ?? (await readMacvlan(namespace, call, index)).macvlan.sources;
      checkRoom(call, name, there, addresses);
    }
    // Each message adds or takes away one address; they travel together.
    const stepAt = (at: number) =>
      changeStep({ index, kind }, { macAddressMode: MACADDR[change], macAddress: list[at] });
    await sendMany(namespace, call, list.length, stepAt, index);
  });
}

/** The changes of source lists that are under way, by namespace and index. */
const changing = new Map<string, Callers>();

const changingKey = (namespace: Namespace, index: number) => `${namespace.inode} ${index}`;

function isChanging(namespace: Namespace, index: number): boolean {
  return changing.has(changingKey(namespace, index));
}

/** Changes a link's sources after those who are at it: whether there is room depends on what they add. */
async function whenNoneChange(
  namespace: Namespace,
  index: number,
  work: () => Promise<void>,
): Promise<void> {
  const key = changingKey(namespace, index);
  const callers = changing.get(key) ?? new Callers();
  changing.set(key, callers);
  try {
    await callers.inOrder(work);
  } finally {
    if (callers.none) changing.delete(key);
  }
}

/**
 * The kernel takes more than the lengths in its answers can say: others could not read the link any more
 * (native/rtnl/read_link.cc).
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
  throw call.fail(
    'E2BIG',
    undefined,
    `'${name}' would have ${total} sources, and the kernel's answers have room for ${MAX_SOURCES}.`,
  );
}
