/** What requests say, in the terms of the tables of native/rtnl: one field for each attribute. */

/**
 * RTEXT_FILTER_SKIP_STATS: leaves out the counters that address families keep, and with some kernels more (see
 * extMask.ts). Any value but zero makes the kernel size a listing's buffer by its largest link; without one, a listing
 * ends without an error at the first link that does not fit (net/core/rtnetlink.c, rtnl_calcit, Linux 6.18).
 */
export const EXT_MASK = 8;

/** What a request says of a link, in the table's own terms (native/rtnl/link.h). */
export interface LinkRecord {
  index?: number | undefined;
  flags?: number | undefined;
  /** Which bits of `flags` count; never zero where flags are sent. */
  change?: number | undefined;
  name?: string | undefined;
  altName?: string | undefined;
  mac?: Uint8Array | undefined;
  mtu?: number | undefined;
  parent?: number | undefined;
  master?: number | undefined;
  info?: LinkInfoRecord | undefined;
  netnsFd?: number | undefined;
  alias?: string | undefined;
  extMask?: number | undefined;
  txQueueLen?: number | undefined;
  numTxQueues?: number | undefined;
  numRxQueues?: number | undefined;
  group?: number | undefined;
  newIfindex?: number | undefined;
  altNames?: readonly string[] | undefined;
  families?: FamilyRecord | undefined;
}

/** `IFLA_AF_SPEC`: settings of the address families. */
export interface FamilyRecord {
  inet?: { conf: Ipv4ConfRecord } | undefined;
  inet6?: { addrGenMode: number } | undefined;
}

/** `IFLA_INET_CONF`: the kernel's numbers, whatever they mean. */
export interface Ipv4ConfRecord {
  proxyArp?: number | undefined;
  rpFilter?: number | undefined;
  arpAnnounce?: number | undefined;
  arpFilter?: number | undefined;
  arpIgnore?: number | undefined;
  promoteSecondaries?: number | undefined;
  arpAccept?: number | undefined;
  arpNotify?: number | undefined;
  acceptLocal?: number | undefined;
}

/** How a request names a link whose index is asked for (native/rtnl/link_index.h). */
export interface LinkIndexRecord {
  index?: number | undefined;
  name?: string | undefined;
  altName?: string | undefined;
  extMask?: number | undefined;
}

/** `IFLA_LINKINFO`: the kind, and the data of that kind. */
export interface LinkInfoRecord {
  kind?: string | undefined;
  macvlan?: MacvlanRecord | undefined;
  veth?: { peer: LinkRecord } | undefined;
  vlan?: { id: number; protocol?: number | undefined } | undefined;
  slaveKind?: string | undefined;
  bridgePort?: { hairpin: number } | undefined;
}

/** `IFLA_INFO_DATA` of macvlan and macvtap (native/rtnl/macvlan.h). */
export interface MacvlanRecord {
  mode?: number | undefined;
  flags?: number | undefined;
  macAddressMode?: number | undefined;
  macAddress?: Uint8Array | undefined;
  macAddresses?: readonly Uint8Array[] | undefined;
  bcQueueLen?: number | undefined;
  bcCutoff?: number | undefined;
}

/** What a request says of an address (native/rtnl/address.h). */
export interface AddressRecord {
  family?: number | undefined;
  prefixLength?: number | undefined;
  scope?: number | undefined;
  index?: number | undefined;
  address?: Uint8Array | undefined;
  local?: Uint8Array | undefined;
  label?: string | undefined;
  broadcast?: Uint8Array | undefined;
  cacheInfo?: { preferred: number; valid: number } | undefined;
  flags?: number | undefined;
  metric?: number | undefined;
}

/** What a request says of a rule (native/rtnl/rule.h). */
export interface RuleRecord {
  family?: number | undefined;
  toLength?: number | undefined;
  fromLength?: number | undefined;
  tos?: number | undefined;
  table?: number | undefined;
  action?: number | undefined;
  flags?: number | undefined;
  to?: Uint8Array | undefined;
  from?: Uint8Array | undefined;
  iif?: string | undefined;
  oif?: string | undefined;
  goto?: number | undefined;
  priority?: number | undefined;
  fwmark?: number | undefined;
  fwmask?: number | undefined;
  suppressGroup?: number | undefined;
  suppressPrefixLength?: number | undefined;
  tableId?: number | undefined;
  l3mdev?: number | undefined;
  uidRange?: { start: number; end: number } | undefined;
  protocol?: number | undefined;
  ipProtocol?: number | undefined;
  sourcePorts?: { start: number; end: number } | undefined;
  destinationPorts?: { start: number; end: number } | undefined;
}

/** What a request says of a neighbour (native/rtnl/neighbour.h). */
export interface NeighbourRecord {
  family?: number | undefined;
  index?: number | undefined;
  state?: number | undefined;
  flags?: number | undefined;
  address?: Uint8Array | undefined;
  mac?: Uint8Array | undefined;
  protocol?: number | undefined;
  /** The link whose neighbours a listing asks for. */
  onlyOn?: number | undefined;
}

/** What a request says of another namespace (native/rtnl/netnsid.h). */
export interface NetnsidRecord {
  fd: number;
}

/** One of the ways of a route that has several. */
export interface NextHopRecord {
  index?: number | undefined;
  flags?: number | undefined;
  /** Its weight less 1. */
  hops?: number | undefined;
  gateway?: Uint8Array | undefined;
  via?: Uint8Array | undefined;
}

/** What a request says of a route (native/rtnl/route.h). */
export interface RouteRecord {
  family?: number | undefined;
  destinationLength?: number | undefined;
  sourceLength?: number | undefined;
  tos?: number | undefined;
  table?: number | undefined;
  protocol?: number | undefined;
  scope?: number | undefined;
  type?: number | undefined;
  flags?: number | undefined;
  destination?: Uint8Array | undefined;
  from?: Uint8Array | undefined;
  gateway?: Uint8Array | undefined;
  /** A gateway of the other family: two bytes of family in front. */
  via?: Uint8Array | undefined;
  link?: number | undefined;
  metric?: number | undefined;
  tableId?: number | undefined;
  source?: Uint8Array | undefined;
  metrics?: { mtu?: number | undefined; advmss?: number | undefined } | undefined;
  nextHops?: readonly NextHopRecord[] | undefined;
  nexthopId?: number | undefined;
}
