/** IPv4 and IPv6 routes. */
import { check } from '../check/check.js';
import * as routeChecks from '../check/checkRoutes.js';
import { isListedRoute } from '../check/listed.js';
import { explain } from '../diagnosis/diagnosis.js';
import { type Codes, Refusal } from '../errors/refusal.js';
import { exchangeAbout, NOT_KNOWN_YET } from '../links/aboutLink.js';
import { plainRefIfAny, readLink, resolveIndexes, resolveIndexIfAny } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import { LAST_INDEX } from '../namespace/indexes.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Step } from '../namespace/native.js';
import { filterInTurns } from '../namespace/turn.js';
import type { NextHopRecord, RouteRecord } from '../records/requests.js';
import type {
  DeleteOptions,
  NextHop,
  NextHopAsListed,
  Route,
  RouteFilter,
  RouteOptions,
  RouteToRemove,
} from '../types/types.js';
import { familyOf, parseIp, parsePrefix, prefixLengthOf, prefixText } from '../values/ip.js';
import {
  AF_INET6,
  FAMILIES,
  familiesOf,
  IP6_RT_PRIO_USER,
  LINKLESS_TYPES,
  LOOPBACK_IFINDEX,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  ROUTE_TYPES,
  RTNH_F_ONLINK,
  SCOPES,
  tableFields,
  wordNumber,
} from '../values/values.js';

/** The kernel keeps at most these, and compares what it keeps (net/ipv4/metrics.c, ip_metrics_convert). */
const MAX_ROUTE_MTU = 65_520;
const MAX_ROUTE_ADVMSS = 65_495;
/** In IPv6 the routes with `RTF_REJECT`. */
const LINKLESS: ReadonlySet<number> = new Set(Object.values(LINKLESS_TYPES));

function addressOf(text: string | null | undefined): Uint8Array | undefined {
  return text == null ? undefined : (parseIp(text) ?? undefined);
}

/** The default scope, as `ip route` chooses it: a route without a gateway is on the link itself. IPv6 has no scopes. */
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
  const { metric } = route;
  return {
    family,
    destinationLength: prefixLengthOf(destination),
    sourceLength: prefixLengthOf(from),
    tos: route.tos,
    ...tableFields(wordNumber(ROUTE_TABLES, route.table ?? 'main')),
    protocol: wordNumber(ROUTE_PROTOCOLS, route.protocol ?? 'static'),
    scope: wordNumber(SCOPES, route.scope ?? defaultScope(route, family)),
    type: wordNumber(ROUTE_TYPES, route.type ?? 'unicast'),
    flags: flagsOf(route.onlink),
    destination: destination?.bytes,
    from: from?.bytes,
    gateway: foreign ? undefined : gateway,
    via: foreign ? viaOf(gateway) : undefined,
    source,
    link,
    metric,
    metrics: metricsOf(route),
    nexthopId: route.nexthopId,
  };
}

function metricsOf({ mtu, advmss }: RouteOptions): RouteRecord['metrics'] {
  if (mtu === undefined && advmss === undefined) return undefined;
  return { mtu: atMost(MAX_ROUTE_MTU, mtu), advmss: atMost(MAX_ROUTE_ADVMSS, advmss) };
}

function atMost(limit: number, value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.min(value, limit);
}

function flagsOf(onlink: boolean | undefined): number {
  return onlink === true ? RTNH_F_ONLINK : 0;
}

/** `struct rtvia`: the family, a u16 of the machine's order, in front of the address. */
function viaOf(gateway: Uint8Array): Uint8Array {
  return Buffer.concat([new Uint8Array(new Uint16Array([familyOf(gateway)]).buffer), gateway]);
}

/**
 * The record that removes the route of another record, and no other route. Without a metric IPv6 uses this
 * one when a route is added (`IP6_RT_PRIO_USER`, net/ipv6/route.c), and matches any when one is removed.
 */
export function undoRecord(added: RouteRecord): RouteRecord {
  const metric = added.metric || (added.family === AF_INET6 ? IP6_RT_PRIO_USER : undefined);
  return { ...added, metric };
}

/** A listed route as options; its null fields are left out. */
export function plainOptions(route: RouteToRemove): RouteOptions {
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
    protocol: wordNumber(ROUTE_PROTOCOLS, protocol),
    scope: wordNumber(SCOPES, scope),
    type: type as RouteOptions['type'],
    onlink,
    mtu: route.mtu ?? undefined,
    advmss: route.advmss ?? undefined,
    nexthopId: route.nexthopId ?? undefined,
    nextHops:
      route.nextHops?.length === 0 ? undefined : (route.nextHops as RouteOptions['nextHops']),
  };
}

/**
 * In a removal a field that is left out matches any value: protocol 0, scope nowhere. In IPv4 a 0 matches
 * a route without an MTU or advmss (net/ipv4/fib_semantics.c, fib_metrics_match).
 */
function removalRecord(
  route: RouteToRemove,
  link: number | undefined,
  hops: readonly NextHop[],
): RouteRecord {
  const { protocol = 'unspec', scope = 'nowhere', ...asked } = plainOptions(route);
  const mtu = route.mtu === null ? 0 : route.mtu;
  const advmss = route.advmss === null ? 0 : route.advmss;
  const record = routeRecord({ ...asked, protocol, scope, onlink: undefined, mtu, advmss }, link);
  const type = mayBeOfObject(route) ? undefined : wordNumber(ROUTE_TYPES, route.type);
  const removal: RouteRecord = { ...record, type: type ?? 0 };
  const isIPv6 = removal.family === AF_INET6;
  if (!hasWay(route)) return removal;
  if (hops.length === 0) return isIPv6 ? exactly6(removal, (route as Partial<Route>).via) : removal;
  // Each way of an IPv6 route is a route with a protocol of its own; a listing shows that of the first.
  const isOfFirst = isIPv6 && isListedRoute(route);
  return withHops(isOfFirst ? { ...removal, protocol: 0 } : removal, hops);
}

/**
 * Whether the type may be that of a nexthop object that leads nowhere: with one the kernel keeps a unicast route, and
 * lists it with the object's type, by the loopback device (by none with net.ipv4.nexthop_compat_mode 0: then nothing
 * tells it from a route that is a blackhole itself).
 */
function mayBeOfObject(route: RouteToRemove): boolean {
  return !hasWay(route) && route.type === 'blackhole';
}

function additionRecord(
  route: RouteToRemove,
  link: number | undefined,
  hops: readonly NextHop[],
): RouteRecord {
  const options = plainOptions(route);
  const isOfObject =
    isListedRoute(route) && route.link === LOOPBACK_IFINDEX && mayBeOfObject(route);
  const record = routeRecord(isOfObject ? { ...options, type: undefined } : options, link);
  return hops.length === 0 ? record : withHops(record, hops);
}

/** Each way has flags of its own: IPv4 ignores those of the route, and IPv6 adds them to those of every way. */
function withHops(record: RouteRecord, hops: readonly NextHop[]): RouteRecord {
  return { ...record, flags: 0, nextHops: hops.map((hop) => hopRecord(hop, record.family)) };
}

function hopRecord(
  { via, link, weight, onlink }: NextHop,
  family: number | undefined,
): NextHopRecord {
  const hop: NextHopRecord = { index: link ?? undefined, hops: weight - 1 };
  const gateway = addressOf(via);
  if (gateway === undefined) return hop;
  const way = familyOf(gateway) === family ? { gateway } : { via: viaOf(gateway) };
  return { ...hop, ...way, flags: flagsOf(onlink) };
}

/**
 * When an IPv6 route is removed, the kernel compares neither its type nor the absence of a gateway (net/ipv6/route.c,
 * ip6_route_del). But a route that leads nowhere belongs to the loopback device, and the gateway of a route without a
 * gateway is ::, and those are compared.
 */
function exactly6(removal: RouteRecord, via: string | null | undefined): RouteRecord {
  const nowhere = LINKLESS.has(removal.type ?? 0);
  const link = nowhere ? LOOPBACK_IFINDEX : removal.link;
  const direct = nowhere || (via === null && link !== undefined);
  return direct ? { ...removal, link, gateway: new Uint8Array(16) } : { ...removal, link };
}

/** A listed route by a nexthop object shows the object's gateway and link, which a request must not give as well. */
function hasWay({ nexthopId }: RouteToRemove): boolean {
  return nexthopId === undefined || nexthopId === null;
}

/** The ways of a multipath route, with the indexes of their links. */
function hopsOf(
  namespace: Namespace,
  call: Call,
  route: RouteToRemove,
  missing: number | undefined,
): readonly NextHop[] | Promise<readonly NextHop[]> {
  const nextHops: readonly NextHopAsListed[] = route.nextHops ?? [];
  if (nextHops.length === 0 || !hasWay(route)) return [];
  const links = resolveIndexes(
    namespace,
    call,
    nextHops.map(({ link }) => link),
    (at) => `route.nextHops[${at}].link`,
    missing,
  );
  const hops = (indexes: readonly (number | undefined)[]) =>
    nextHops.map(({ via, weight, onlink }, at) => ({
      via: via ?? null,
      link: indexes[at] ?? null,
      weight: weight ?? 1,
      onlink: onlink ?? route.onlink ?? false,
    }));
  return 'then' in links ? links.then(hops) : hops(links);
}

/** The operation that adds a route: only if there is no such route, or with `append` beside it. */
export function additionOf(route: RouteToRemove): 'addRoute' | 'appendRoute' {
  return 'append' in route && route.append === true ? 'appendRoute' : 'addRoute';
}

const CHANGES = {
  addRoute: routeChecks.route,
  replaceRoute: routeChecks.replacementRoute,
  removeRoute: routeChecks.routeToRemove,
};

export async function changeRoute(
  namespace: Namespace,
  call: Call,
  operation: keyof typeof CHANGES,
  route: RouteToRemove & DeleteOptions,
): Promise<void> {
  check(call.operation, CHANGES[operation], route, 'route');
  const fine = operation === 'removeRoute' && route.ifExists === true ? GONE : undefined;
  const missing = fine && LAST_INDEX;
  let ref = hasWay(route) ? plainRefIfAny(namespace, call, route.link, 'route.link') : undefined;
  // Where more has to be found out, the link is looked up before, at the place of the call.
  if ((operation === 'removeRoute' && route.from != null) || route.nextHops?.length) {
    const index = resolveIndexIfAny(namespace, call, ref, 'route.link', missing);
    ref = typeof index === 'object' ? await index : index;
  }
  let hops = hopsOf(namespace, call, route, missing);
  if ('then' in hops) hops = await hops;
  const by: readonly NextHop[] = hops;
  const recordOf = operation === 'removeRoute' ? removalRecord : additionRecord;
  const recordOn = (link: number | undefined) => recordOf(route, link, by);
  const shown = recordOn(typeof ref === 'string' ? NOT_KNOWN_YET : ref);
  if (operation === 'removeRoute' && shown.sourceLength) {
    const isThere = await isThereFrom(namespace, call, shown);
    if (!isThere && fine !== undefined) return;
    if (!isThere) throw call.fail('ESRCH', { hint: 'There is no such route.' });
  }
  const asked = operation === 'addRoute' ? additionOf(route) : operation;
  const stepsOn = (link: number | undefined): Step[] => [
    { operation: asked, record: recordOn(link) },
  ];
  const { link, results } = await exchangeAbout<number | undefined>(namespace, call, ref, stepsOn, {
    option: 'route.link',
    fine,
  });
  call.checkSignal();
  const [result] = results;
  if (!(result instanceof Refusal)) return;
  const record = recordOn(link);
  const about = { link: record.link, asked: record, replaces: operation === 'replaceRoute' };
  throw call.error(result, { hint: await explain(namespace, result, about) });
}

/** Refusals of a removal which mean that there is no such route, or that the link it goes by is gone. */
const GONE: Codes = new Set(['ESRCH', 'ENOENT', 'ENODEV']);

/**
 * Whether the route for certain sources is there: where none to its prefix is for such, the kernel does not look at those
 * of the request, and would remove the route for all (net/ipv6/ip6_fib.c, fib6_locate).
 */
async function isThereFrom(
  namespace: Namespace,
  call: Call,
  removal: RouteRecord,
): Promise<boolean> {
  const { family, destination, destinationLength, from, sourceLength } = removal;
  const table = removal.tableId ?? removal.table;
  const to = prefixText(destination, destinationLength) ?? 'default';
  const fromText = prefixText(from, sourceLength);
  const routes = await namespace.askOrThrow(call, 'listRoutes', { family });
  return routes.some((one) => one.to === to && one.from === fromText && one.table === table);
}

export async function listRoutes(
  namespace: Namespace,
  call: Call,
  filter: RouteFilter = {},
): Promise<Route[]> {
  check(call.operation, routeChecks.routeFilter, filter, 'filter');
  const { family, type } = filter;
  let link = resolveIndexIfAny(namespace, call, filter.link, 'filter.link');
  if (typeof link === 'object') link = await link;
  const table = wordNumber(ROUTE_TABLES, filter.table);
  const protocol = wordNumber(ROUTE_PROTOCOLS, filter.protocol);
  const lists = await Promise.all(
    familiesOf(family).map((one) => namespace.askOrThrow(call, 'listRoutes', { family: one })),
  );
  const matches = (route: Route) =>
    (link === undefined ||
      route.link === link ||
      route.nextHops.some((hop) => hop.link === link)) &&
    (table === undefined || route.table === table) &&
    (protocol === undefined || wordNumber(ROUTE_PROTOCOLS, route.protocol) === protocol) &&
    (type === undefined || route.type === type);
  const isFiltered = [link, table, protocol, type].some((value) => value !== undefined);
  const routes = lists.flat();
  const found = isFiltered ? await filterInTurns(routes, matches, call.signal) : routes;
  if (found.length === 0 && link !== undefined) {
    await readLink(namespace, call, link, 'filter.link');
  }
  return found;
}
