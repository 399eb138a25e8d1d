/** IPv4 and IPv6 routes. */
import type { Call } from './call.js';
import { check } from './check.js';
import * as inetRules from './checkInet.js';
import * as linkRules from './checkLinks.js';
import { explain } from './diagnosis.js';
import { readLink, resolveIndexes, resolveIndexIfAny } from './links.js';
import type { Namespace } from './namespace.js';
import { Refusal } from './native.js';
import type { NextHopRecord, RouteRecord } from './requests.js';
import type {
  NextHop,
  NextHopOptions,
  Route,
  RouteFilter,
  RouteOptions,
  RouteToAdd,
  RouteToRemove,
} from './types.js';
import {
  AF_INET6,
  FAMILIES,
  familyOf,
  IP6_RT_PRIO_USER,
  LOOPBACK_IFINDEX,
  type Prefix,
  parseIp,
  parsePrefix,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  ROUTE_TYPES,
  RTNH_F_ONLINK,
  SCOPES,
  wordNumber,
} from './values.js';

/** The kernel keeps no more, and compares what it keeps (net/ipv4/metrics.c, ip_metrics_convert). */
const MAX_ROUTE_MTU = 65_520;
/** Types of IPv6 routes that lead to no link (`RTF_REJECT`). */
const { blackhole, unreachable, prohibit, throw: thrown } = ROUTE_TYPES;
const REJECTING: ReadonlySet<number> = new Set([blackhole, unreachable, prohibit, thrown]);

function addressOf(text: string | null | undefined): Uint8Array | undefined {
  return text == null ? undefined : (parseIp(text) ?? undefined);
}

/** As `ip route` has it: what has no gateway is on the link itself. IPv6 knows no scopes. */
function defaultScope(route: RouteOptions, family: number): keyof typeof SCOPES {
  if (family === AF_INET6) return 'global';
  const { type = 'unicast' } = route;
  if (type === 'local') return 'host';
  // The kernel refuses a wider one for these (net/ipv4/fib_semantics.c, fib_props).
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 'link';
  const { via, nexthopId, nextHops } = route;
  const onLink = (via ?? nexthopId ?? nextHops) === undefined;
  return type === 'unicast' && onLink ? 'link' : 'global';
}

/** The record of a route by the link of that index; the route has been checked. */
export function routeRecord(route: RouteOptions, link: number | undefined): RouteRecord {
  const destination = route.to === 'default' ? null : parsePrefix(route.to);
  const from = route.from === undefined ? null : parsePrefix(route.from);
  const gateway = addressOf(route.via);
  const source = addressOf(route.source);
  const hop = addressOf(route.nextHops?.find(({ via }) => via)?.via);
  const known = destination?.bytes ?? gateway ?? hop ?? source ?? from?.bytes;
  const family =
    route.family === undefined && known !== undefined
      ? familyOf(known)
      : FAMILIES[route.family ?? 'IPv4'];
  const foreign = gateway !== undefined && familyOf(gateway) !== family;
  const table = wordNumber(ROUTE_TABLES, route.table ?? 'main');
  const { mtu, metric } = route;
  return {
    family,
    destinationLength: lengthOf(destination),
    sourceLength: lengthOf(from),
    tos: route.tos,
    // A table of more than a byte stands in its attribute alone.
    table: table < 256 ? table : 0,
    tableId: table < 256 ? undefined : table,
    protocol: wordNumber(ROUTE_PROTOCOLS, route.protocol ?? 'static'),
    scope: wordNumber(SCOPES, route.scope ?? defaultScope(route, family)),
    type: wordNumber(ROUTE_TYPES, route.type ?? 'unicast'),
    flags: route.onlink === true ? RTNH_F_ONLINK : 0,
    destination: destination?.bytes,
    from: from?.bytes,
    gateway: foreign ? undefined : gateway,
    via: foreign ? viaOf(gateway) : undefined,
    source,
    link,
    metric,
    metrics: mtu === undefined ? undefined : { mtu: Math.min(mtu, MAX_ROUTE_MTU) },
    nexthopId: route.nexthopId,
  };
}

function lengthOf(prefix: Prefix | null): number {
  return prefix === null ? 0 : (prefix.prefixLength ?? prefix.bytes.length * 8);
}

/** `struct rtvia`: the family, a u16 of the machine's order, in front of the address. */
function viaOf(gateway: Uint8Array): Uint8Array {
  return Buffer.concat([new Uint8Array(new Uint16Array([familyOf(gateway)]).buffer), gateway]);
}

/**
 * The record that takes back the route of another record, and no other. To IPv6 no metric means this
 * one when a route is added (`IP6_RT_PRIO_USER`, net/ipv6/route.c), and any when one is removed.
 */
export function undoRecord(added: RouteRecord): RouteRecord {
  const metric = added.metric || (added.family === AF_INET6 ? IP6_RT_PRIO_USER : undefined);
  return { ...added, metric };
}

/** What a listed route says, as options; what is null in it is not said. */
function plainOptions(route: RouteToRemove): RouteOptions {
  const { to, from, tos, source, metric, table, family, protocol, scope, type, onlink } = route;
  return {
    to,
    from: from ?? undefined,
    tos,
    via: hasWay(route) ? (route.via ?? undefined) : undefined,
    source: source ?? undefined,
    metric,
    table,
    family,
    protocol: protocol === undefined ? undefined : wordNumber(ROUTE_PROTOCOLS, protocol),
    scope: scope === undefined ? undefined : wordNumber(SCOPES, scope),
    // By an object that leads nowhere the kernel has a unicast route, and lists it as that of the object.
    type: hasWay(route) || type !== 'blackhole' ? (type as RouteOptions['type']) : undefined,
    onlink,
    mtu: route.mtu ?? undefined,
    nexthopId: route.nexthopId ?? undefined,
    nextHops: route.nextHops as RouteOptions['nextHops'],
  };
}

/**
 * What is left out of a removal matches any: protocol 0, scope nowhere. To IPv4 an MTU of 0 is that of
 * a route without one (net/ipv4/fib_semantics.c, fib_metrics_match).
 */
function removalRecord(
  route: RouteToRemove,
  link: number | undefined,
  hops: readonly NextHop[],
): RouteRecord {
  const { type, protocol = 'unspec', scope = 'nowhere', ...asked } = plainOptions(route);
  const mtu = route.mtu === null ? 0 : route.mtu;
  const record = routeRecord({ ...asked, protocol, scope, onlink: undefined, mtu }, link);
  const removal: RouteRecord = {
    ...record,
    type: type === undefined ? 0 : wordNumber(ROUTE_TYPES, type),
  };
  const isIPv6 = removal.family === AF_INET6;
  if (!hasWay(route)) return removal;
  if (hops.length === 0) return isIPv6 ? exactly6(removal, (route as Partial<Route>).via) : removal;
  // The ways of one IPv6 route are routes, with a protocol each; listed is that of the first.
  return withHops(isIPv6 ? { ...removal, protocol: 0 } : removal, hops);
}

function additionRecord(
  route: RouteToAdd,
  link: number | undefined,
  hops: readonly NextHop[],
): RouteRecord {
  const record = routeRecord(plainOptions(route), link);
  return hops.length === 0 ? record : withHops(record, hops);
}

function withHops(record: RouteRecord, hops: readonly NextHop[]): RouteRecord {
  return { ...record, nextHops: hops.map((hop) => hopRecord(hop, record.family)) };
}

function hopRecord({ via, link, weight }: NextHop, family: number | undefined): NextHopRecord {
  const hop: NextHopRecord = { index: link ?? undefined, hops: weight - 1 };
  const gateway = addressOf(via);
  if (gateway === undefined) return hop;
  return familyOf(gateway) === family ? { ...hop, gateway } : { ...hop, via: viaOf(gateway) };
}

/**
 * IPv6 compares neither the type nor that there is no gateway when a route is removed (net/ipv6/route.c,
 * ip6_route_del). But a route that leads nowhere is one by the loopback device, and one without a
 * gateway has :: for it.
 */
function exactly6(removal: RouteRecord, via: string | null | undefined): RouteRecord {
  const nowhere = REJECTING.has(removal.type ?? 0);
  const link = nowhere ? LOOPBACK_IFINDEX : removal.link;
  const direct = nowhere || (via === null && link !== undefined);
  return direct ? { ...removal, link, gateway: new Uint8Array(16) } : { ...removal, link };
}

/** A listed route by a nexthop object has that object's gateway and link, which are not said beside it. */
function hasWay({ nexthopId }: RouteToRemove): boolean {
  return nexthopId === undefined || nexthopId === null;
}

function linkOf(
  namespace: Namespace,
  call: Call,
  route: RouteToRemove,
): number | undefined | Promise<number> {
  const link = hasWay(route) ? (route.link ?? undefined) : undefined;
  return resolveIndexIfAny(namespace, call, link, 'route.link');
}

/** The ways of a route that has several, their links looked up. */
function hopsOf(
  namespace: Namespace,
  call: Call,
  route: RouteToRemove,
): readonly NextHop[] | Promise<readonly NextHop[]> {
  const nextHops: readonly (NextHop | NextHopOptions)[] = route.nextHops ?? [];
  if (nextHops.length === 0 || !hasWay(route)) return [];
  const links = resolveIndexes(
    namespace,
    call,
    nextHops.map(({ link }) => link),
    (at) => `route.nextHops[${at}].link`,
  );
  const hops = (indexes: readonly (number | undefined)[]) =>
    nextHops.map(({ via, weight }, at) => ({
      via: via ?? null,
      link: indexes[at] ?? null,
      weight: weight ?? 1,
    }));
  return 'then' in links ? links.then(hops) : hops(links);
}

/** What adds a route: where there is none like it, or beside such. */
export function additionOf(route: RouteToRemove): 'addRoute' | 'appendRoute' {
  return 'append' in route && route.append === true ? 'appendRoute' : 'addRoute';
}

const CHANGES = {
  addRoute: inetRules.route,
  replaceRoute: inetRules.replacementRoute,
  removeRoute: inetRules.routeToRemove,
};

export async function changeRoute(
  namespace: Namespace,
  call: Call,
  operation: keyof typeof CHANGES,
  route: RouteToRemove,
): Promise<void> {
  check(call.operation, CHANGES[operation], route, 'route');
  let link = linkOf(namespace, call, route);
  if (typeof link === 'object') link = await link;
  let hops = hopsOf(namespace, call, route);
  if ('then' in hops) hops = await hops;
  const recordOf = operation === 'removeRoute' ? removalRecord : additionRecord;
  const record = recordOf(route, link, hops);
  const asked = operation === 'addRoute' ? additionOf(route) : operation;
  const result = await namespace.ask(asked, record, call.signal);
  if (!(result instanceof Refusal)) return;
  const about = { link: record.link, asked: record, replaces: operation === 'replaceRoute' };
  throw call.error(result, await explain(namespace, result, about));
}

export async function listRoutes(
  namespace: Namespace,
  call: Call,
  filter: RouteFilter = {},
): Promise<Route[]> {
  check(call.operation, linkRules.routeFilter, filter, 'filter');
  const { family, protocol, type } = filter;
  let link = resolveIndexIfAny(namespace, call, filter.link, 'filter.link');
  if (typeof link === 'object') link = await link;
  const table = filter.table === undefined ? undefined : wordNumber(ROUTE_TABLES, filter.table);
  const wantedProtocol = protocol === undefined ? undefined : wordNumber(ROUTE_PROTOCOLS, protocol);
  const families = family === undefined ? Object.values(FAMILIES) : [FAMILIES[family]];
  const lists = await Promise.all(
    families.map((one) => namespace.askOrThrow(call, 'listRoutes', { family: one })),
  );
  const found = lists
    .flat()
    .filter(
      (route) =>
        (link === undefined ||
          route.link === link ||
          route.nextHops.some((hop) => hop.link === link)) &&
        (table === undefined || route.table === table) &&
        (wantedProtocol === undefined ||
          wordNumber(ROUTE_PROTOCOLS, route.protocol) === wantedProtocol) &&
        (type === undefined || route.type === type),
    );
  if (found.length === 0 && link !== undefined) {
    await readLink(namespace, call, link, 'filter.link');
  }
  return found;
}
