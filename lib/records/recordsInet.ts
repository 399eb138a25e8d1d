/** Makes the results about addresses, routes, rules and neighbours, as records.ts makes those about links. */
import type { Address, IpFamily, Neighbour, NextHop, Route, Rule } from '../types/types.js';
import { addressFlagNames4, addressFlagNames6 } from '../values/flags.js';
import {
  AF_INET6,
  FIB_RULE_INVERT,
  INFINITY_LIFE_TIME,
  IP_PROTOCOLS,
  NEIGHBOUR_STATES,
  NTF_PROXY,
  NTF_ROUTER,
  nameOf,
  PASSING_STATES,
  ROUTE_PROTOCOLS,
  ROUTE_TYPES,
  RTNH_F_ONLINK,
  RULE_ACTIONS,
  SCOPES,
  wordOrNumber,
} from '../values/values.js';

function familyName(family: number): IpFamily {
  return family === AF_INET6 ? 'IPv6' : 'IPv4';
}

function lifetime(seconds: number | undefined): number {
  return seconds === undefined || seconds === INFINITY_LIFE_TIME
    ? Number.POSITIVE_INFINITY
    : seconds;
}

/** The kernel leaves an IPv4 peer of 0.0.0.0 out (net/ipv4/devinet.c, inet_fill_ifaddr). */
function peerOf(family: number, own: string, address: string | undefined): string | null {
  const peer = address ?? (family === AF_INET6 ? own : '0.0.0.0');
  return peer === own ? null : peer;
}

/** Columns of an address. */
export function makeAddress(
  _netns: number,
  family: number,
  prefixLength: number,
  scope: number,
  linkIndex: number,
  address: string | undefined,
  local: string | undefined,
  label: string | undefined,
  broadcast: string | undefined,
  preferred: number | undefined,
  valid: number | undefined,
  flags: number | undefined,
  metric: number | undefined,
): Address {
  const own = local ?? address ?? '';
  return {
    address: own,
    prefixLength,
    cidr: `${own}/${prefixLength}`,
    family: familyName(family),
    linkIndex,
    scope: wordOrNumber(SCOPES, scope),
    label: label ?? null,
    broadcast: broadcast ?? null,
    peer: peerOf(family, own, address),
    flags: (family === AF_INET6 ? addressFlagNames6 : addressFlagNames4)(flags ?? 0),
    validLifetime: lifetime(valid),
    preferredLifetime: lifetime(preferred),
    metric: metric ?? 0,
  };
}

type NextHopColumns = readonly [
  index: number,
  flags: number,
  hops: number,
  gateway: string | undefined,
  via: string | undefined,
];

function isOnlink(flags: number): boolean {
  return (flags & RTNH_F_ONLINK) !== 0;
}

function makeNextHop([index, flags, hops, gateway, via]: NextHopColumns): NextHop {
  return {
    link: index,
    via: gateway ?? via ?? null,
    weight: hops + 1,
    onlink: isOnlink(flags),
  };
}

/** Columns of a route. */
export function makeRoute(
  _netns: number,
  family: number,
  destinationLength: number,
  sourceLength: number,
  tos: number,
  table: number,
  protocol: number,
  scope: number,
  type: number,
  flags: number,
  destination: string | undefined,
  from: string | undefined,
  gateway: string | undefined,
  via: string | undefined,
  link: number | undefined,
  metric: number | undefined,
  tableId: number | undefined,
  source: string | undefined,
  mtu: number | undefined,
  advmss: number | undefined,
  nextHops: readonly NextHopColumns[] | undefined,
  nexthopId: number | undefined,
): Route {
  return {
    to: destination === undefined ? 'default' : `${destination}/${destinationLength}`,
    from: from === undefined ? null : `${from}/${sourceLength}`,
    tos,
    family: familyName(family),
    via: gateway ?? via ?? null,
    link: link ?? null,
    metric: metric ?? 0,
    table: tableId ?? table,
    source: source ?? null,
    scope: wordOrNumber(SCOPES, scope),
    protocol: wordOrNumber(ROUTE_PROTOCOLS, protocol),
    type: wordOrNumber(ROUTE_TYPES, type),
    onlink: isOnlink(flags),
    mtu: mtu ?? null,
    advmss: advmss ?? null,
    nextHops: (nextHops ?? []).map(makeNextHop),
    nexthopId: nexthopId ?? null,
  };
}

/** What the kernel says where no prefix length is suppressed (net/core/fib_rules.c, fib_nl_fill_rule). */
const SUPPRESSES_NOTHING = 0xffffffff;

function range(start: number | undefined, end: number | undefined): [number, number] | null {
  return start === undefined || end === undefined ? null : [start, end];
}

/** Columns of a rule. */
export function makeRule(
  _netns: number,
  family: number,
  toLength: number,
  fromLength: number,
  tos: number,
  table: number,
  action: number,
  flags: number,
  to: string | undefined,
  from: string | undefined,
  iif: string | undefined,
  oif: string | undefined,
  goto: number | undefined,
  priority: number | undefined,
  fwmark: number | undefined,
  fwmask: number | undefined,
  suppressGroup: number | undefined,
  suppressPrefixLength: number | undefined,
  tableId: number | undefined,
  l3mdev: number | undefined,
  uidRangeStart: number | undefined,
  uidRangeEnd: number | undefined,
  protocol: number | undefined,
  ipProtocol: number | undefined,
  sourcePortsStart: number | undefined,
  sourcePortsEnd: number | undefined,
  destinationPortsStart: number | undefined,
  destinationPortsEnd: number | undefined,
): Rule {
  return {
    priority: priority ?? 0,
    family: familyName(family),
    from: from === undefined ? null : `${from}/${fromLength}`,
    to: to === undefined ? null : `${to}/${toLength}`,
    tos,
    iif: iif ?? null,
    oif: oif ?? null,
    // The kernel leaves out a mark of 0, also where its bits are compared.
    fwmark: fwmark ?? (fwmask === undefined ? null : 0),
    fwmask: fwmask ?? null,
    ipProtocol: ipProtocol ? wordOrNumber(IP_PROTOCOLS, ipProtocol) : null,
    sourcePorts: range(sourcePortsStart, sourcePortsEnd),
    destinationPorts: range(destinationPortsStart, destinationPortsEnd),
    uidRange: range(uidRangeStart, uidRangeEnd),
    invert: (flags & FIB_RULE_INVERT) !== 0,
    action: wordOrNumber(RULE_ACTIONS, action),
    table: (tableId ?? table) || null,
    goto: goto ?? null,
    l3mdev: l3mdev === 1,
    suppressPrefixLength:
      suppressPrefixLength === SUPPRESSES_NOTHING ? null : (suppressPrefixLength ?? null),
    suppressGroup: suppressGroup ?? null,
    protocol: wordOrNumber(ROUTE_PROTOCOLS, protocol ?? 0),
  };
}

/** Columns of a neighbour. */
export function makeNeighbour(
  _netns: number,
  family: number,
  index: number,
  state: number,
  flags: number,
  address: string | undefined,
  mac: string | undefined,
  protocol: number | undefined,
): Neighbour {
  return {
    address: address ?? '',
    family: familyName(family),
    linkIndex: index === 0 ? null : index,
    mac: mac || null, // '' on a link that has no MACs
    state: nameOf(NEIGHBOUR_STATES, state) ?? wordOrNumber(PASSING_STATES, state),
    router: (flags & NTF_ROUTER) !== 0,
    proxy: (flags & NTF_PROXY) !== 0,
    protocol: wordOrNumber(ROUTE_PROTOCOLS, protocol ?? 0),
  };
}
