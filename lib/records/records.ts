/**
 * Makes the public results out of what the kernel answered: the addon calls each factory with one
 * argument for every column of its table, in the table's order (`answers` in addon.ts).
 */
import type { Link, LinkStats, MacvlanInfo } from '../types/types.js';
import { LINK_TYPES, linkFlags, OPER_STATES } from '../values/flags.js';
import { isAtLeast } from '../values/kernelVersion.js';
import {
  ADDR_GEN_MODES,
  MACVLAN_FLAG_NODST,
  MACVLAN_FLAG_NOPROMISC,
  MACVLAN_MODES,
  VLAN_PROTOCOLS,
  wordOrNumber,
} from '../values/values.js';

const NO_NAMES: readonly string[] = Object.freeze([]);

/**
 * The kernel leaves `IFLA_MACVLAN_BC_CUTOFF` out of its answers while it is 1, the default
 * (drivers/net/macvlan.c, macvlan_fill_info), so only its version tells "1" from "unknown", or that it has told of
 * another cutoff: vendors' kernels have later attributes under an earlier version.
 */
let bcCutoffDefault: number | null = isAtLeast(6, 4) ? 1 : null;

/** The counters of a link that has carried no traffic. */
const NO_STATS: LinkStats = Object.freeze({
  rxPackets: 0,
  txPackets: 0,
  rxBytes: 0,
  txBytes: 0,
  rxErrors: 0,
  txErrors: 0,
  rxDropped: 0,
  txDropped: 0,
  multicast: 0,
  collisions: 0,
});

/**
 * The columns of IFLA_STATS64 (struct rtnl_link_stats64) come in an array that the next call reuses, or as `null` when
 * all are zero, or not at all.
 */
function makeStats(counters: Float64Array | null | undefined): LinkStats | null {
  if (counters === undefined) return null;
  if (counters === null) return NO_STATS;
  return {
    rxPackets: plain(counters[0] as number),
    txPackets: plain(counters[1] as number),
    rxBytes: plain(counters[2] as number),
    txBytes: plain(counters[3] as number),
    rxErrors: plain(counters[4] as number),
    txErrors: plain(counters[5] as number),
    rxDropped: plain(counters[6] as number),
    txDropped: plain(counters[7] as number),
    multicast: plain(counters[8] as number),
    collisions: plain(counters[9] as number),
  };
}

/** The number itself, a small one as an integer: out of a Float64Array it would be a heap object. */
function plain(count: number): number {
  const small = count | 0;
  return small === count ? small : count;
}

/** Strings that many links have in common, so that they share one object. */
const shared = new Map<string, string>();
const MAX_SHARED = 256;

function share(text: string | undefined): string | null {
  if (text === undefined) return null;
  const known = shared.get(text);
  if (known !== undefined) return known;
  if (shared.size < MAX_SHARED) shared.set(text, text);
  return text;
}

/** The last one made and the columns that it was made from: the next link's is mostly the same. */
let lastMacvlan: MacvlanInfo | undefined;
const lastColumns: { [column: string]: unknown } = {};

function makeMacvlanInfo(
  mode: number,
  flags: number | undefined,
  sources: readonly string[] | undefined,
  bcQueueLen: number | undefined,
  bcQueueLenUsed: number | undefined,
  bcCutoff: number | undefined,
): MacvlanInfo {
  if (
    lastMacvlan !== undefined &&
    lastColumns.mode === mode &&
    lastColumns.flags === flags &&
    lastColumns.sources === sources &&
    lastColumns.bcQueueLen === bcQueueLen &&
    lastColumns.bcQueueLenUsed === bcQueueLenUsed &&
    lastColumns.bcCutoff === bcCutoff
  ) {
    return lastMacvlan;
  }
  Object.assign(lastColumns, { mode, flags, sources, bcQueueLen, bcQueueLenUsed, bcCutoff });
  if (bcCutoff !== undefined) bcCutoffDefault = 1;
  const bits = flags ?? 0;
  lastMacvlan = Object.freeze({
    mode: wordOrNumber(MACVLAN_MODES, mode),
    nopromisc: (bits & MACVLAN_FLAG_NOPROMISC) !== 0,
    nodst: (bits & MACVLAN_FLAG_NODST) !== 0,
    sources: sources ?? NO_NAMES,
    bcQueueLen: bcQueueLen ?? null,
    bcQueueLenUsed: bcQueueLenUsed ?? null,
    bcCutoff: bcCutoff ?? bcCutoffDefault,
  });
  const others = bits & ~(MACVLAN_FLAG_NOPROMISC | MACVLAN_FLAG_NODST);
  if (others !== 0) flagsWithoutName.set(lastMacvlan, others);
  return lastMacvlan;
}

/** The flags that are newer than this package. */
const flagsWithoutName = new WeakMap<MacvlanInfo, number>();

/** `MACVLAN_FLAG_*` that have no name here: a change of the others must not clear them. */
export function otherMacvlanFlags(info: MacvlanInfo): number {
  return flagsWithoutName.get(info) ?? 0;
}

/** Columns of a link, in the table's order; a test compares the two. */
export function makeLink(
  netns: number,
  _family: number,
  type: number,
  index: number,
  flags: number,
  _change: number,
  name: string,
  mac: string | undefined,
  broadcast: string | undefined,
  mtu: number,
  minMtu: number | undefined,
  maxMtu: number | undefined,
  parent: number | undefined,
  parentNetnsid: number | undefined,
  qdisc: string | undefined,
  stats: Float64Array | null | undefined,
  master: number | undefined,
  operState: number | undefined,
  carrier: number | undefined,
  kind: string | undefined,
  macvlanMode: number | undefined,
  macvlanFlags: number | undefined,
  macvlanSources: readonly string[] | undefined,
  bcQueueLen: number | undefined,
  bcQueueLenUsed: number | undefined,
  bcCutoff: number | undefined,
  vlanId: number | undefined,
  vlanProtocol: number | undefined,
  _slaveKind: string | undefined,
  bridgePortHairpin: number | undefined,
  alias: string | undefined,
  promiscuity: number | undefined,
  txQueueLen: number | undefined,
  numTxQueues: number | undefined,
  numRxQueues: number | undefined,
  group: number | undefined,
  _newNetnsid: number | undefined,
  _newIfindex: number | undefined,
  altNames: readonly string[] | undefined,
  addrGenMode: number | undefined,
): Link {
  const said = linkFlags(flags);
  const link: Mutable<Link> = {
    index,
    name,
    netns,
    kind: share(kind),
    type: LINK_TYPES[type] ?? String(type),
    mac: mac || null,
    broadcast: share(broadcast || undefined),
    mtu,
    minMtu: minMtu ?? 0,
    maxMtu: maxMtu ?? 0,
    up: said.up,
    lowerUp: said.lowerUp,
    running: said.running,
    carrier: carrier === 1,
    promiscuous: said.promiscuous,
    promiscuity: promiscuity ?? 0,
    allMulticast: said.allMulticast,
    arp: said.arp,
    multicast: said.multicast,
    flags: said.names,
    operState: OPER_STATES[operState ?? 0] ?? String(operState),
    qdisc: share(qdisc),
    txQueueLen: txQueueLen ?? 0,
    numTxQueues: numTxQueues ?? 1,
    numRxQueues: numRxQueues ?? 1,
    group: group ?? 0,
    alias: alias ?? null,
    altNames: altNames ?? NO_NAMES,
    master: master ?? null,
    parent: makeParent(index, parent, parentNetnsid),
    addrGenMode: addrGenMode === undefined ? null : wordOrNumber(ADDR_GEN_MODES, addrGenMode),
    stats: makeStats(stats),
  };
  if (macvlanMode !== undefined) {
    link.macvlan = makeMacvlanInfo(
      macvlanMode,
      macvlanFlags,
      macvlanSources,
      bcQueueLen,
      bcQueueLenUsed,
      bcCutoff,
    );
  }
  if (vlanId !== undefined) {
    const protocol = vlanProtocol ?? VLAN_PROTOCOLS['802.1Q'];
    link.vlan = {
      id: vlanId,
      protocol: wordOrNumber(VLAN_PROTOCOLS, protocol),
    };
  }
  if (bridgePortHairpin !== undefined) link.bridgePort = { hairpin: bridgePortHairpin === 1 };
  return link;
}

/** Columns of a link of which only the index is asked for. */
export function makeLinkIndex(_netns: number, index: number): number {
  return index;
}

/** The last one made: links with the same parent mostly come one after another. */
let lastParent: NonNullable<Link['parent']> | undefined;

function makeParent(
  index: number,
  parent: number | undefined,
  netnsid: number | undefined,
): Link['parent'] {
  // A device without a parent reports none, 0, or itself; an index of another namespace may well
  // be the same number as this link's own.
  if (parent === undefined || parent === 0 || (parent === index && netnsid === undefined)) {
    return null;
  }
  const known = netnsid ?? null;
  if (lastParent?.index !== parent || lastParent.netnsid !== known) {
    lastParent = Object.freeze({ index: parent, netnsid: known });
  }
  return lastParent;
}

/** linux/net_namespace.h */
const NETNSA_NSID_NOT_ASSIGNED = -1;

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

/** Columns of a namespace's id. */
export function makeNetnsid(
  _netns: number,
  _family: number,
  nsid: number | undefined,
): number | null {
  return nsid === undefined || nsid === NETNSA_NSID_NOT_ASSIGNED ? null : nsid;
}
