/** IPv4 and IPv6 routes. */
import { check } from './check.js';
import * as inetRules from './checkInet.js';
import * as linkRules from './checkLinks.js';
import { explain } from './diagnosis.js';
import { resolveIndexIfAny } from './links.js';
import type { Call, Namespace } from './namespace.js';
import { Refusal, type Step } from './native.js';
import { AF_INET, AF_INET6, RTNH_F_ONLINK } from './records.js';
import type { RouteRecord } from './requests.js';
import type { Route, RouteFilter, RouteOptions, RouteToRemove } from './types.js';
import {
  parseIp,
  parsePrefix,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  ROUTE_TYPES,
  SCOPES,
  wordNumber,
} from './values.js';

const IP6_RT_PRIO_USER = 1024;
const FAMILIES = { IPv4: AF_INET, IPv6: AF_INET6 } as const;

function addressOf(text: string | null | undefined): Uint8Array | undefined {
  return text == null ? undefined : (parseIp(text) ?? undefined);
}

/** As `ip route` has it: what has no gateway is on the link itself. IPv6 knows no scopes. */
function defaultScope(route: RouteOptions): keyof typeof SCOPES {
  if (route.type === 'local') return 'host';
  const direct = route.type === undefined || route.type === 'unicast';
  const onLink = route.via === undefined && route.nexthopId === undefined;
  return direct && onLink ? 'link' : 'global';
}

/** The record of a route by the link of that index; the route has been checked. */
export function routeRecord(route: RouteOptions, link: number | undefined): RouteRecord {
  const destination = route.to === 'default' ? null : parsePrefix(route.to);
  const gateway = addressOf(route.via);
  const source = addressOf(route.source);
  const known = destination?.bytes ?? gateway ?? source;
  const family =
    route.family === undefined && known !== undefined
      ? familyOf(known)
      : FAMILIES[route.family ?? 'IPv4'];
  const foreign = gateway !== undefined && familyOf(gateway) !== family;
  const table = wordNumber(ROUTE_TABLES, route.table ?? 'main');
  const { mtu, metric } = route;
  return {
    family,
    destinationLength: destination?.prefixLength ?? (destination?.bytes.length ?? 0) * 8,
    // A table of more than a byte stands in its attribute alone.
    table: table < 256 ? table : 0,
    tableId: table < 256 ? undefined : table,
    protocol: wordNumber(ROUTE_PROTOCOLS, route.protocol ?? 'static'),
    scope:
      family === AF_INET6 && route.scope === undefined
        ? SCOPES.global
        : wordNumber(SCOPES, route.scope ?? defaultScope(route)),
    type: wordNumber(ROUTE_TYPES, route.type ?? 'unicast'),
    flags: route.onlink === true ? RTNH_F_ONLINK : 0,
    destination: route.to === 'default' ? undefined : destination?.bytes,
    gateway: foreign ? undefined : gateway,
    via: foreign ? viaOf(gateway) : undefined,
    source,
    link,
    metric,
    metrics: mtu === undefined ? undefined : { mtu },
    nexthopId: route.nexthopId,
  };
}

/** `struct rtvia`: the family, a u16 of the machine's order, in front of the address. */
function viaOf(gateway: Uint8Array): Uint8Array {
  return Buffer.concat([new Uint8Array(new Uint16Array([familyOf(gateway)]).buffer), gateway]);
}

function familyOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? AF_INET : AF_INET6;
}

/**
 * The record that takes back the route of another record, and no other. To IPv6 no metric means this
 * one when a route is added (`IP6_RT_PRIO_USER`, net/ipv6/route.c), and any when one is removed.
 */
export function undoRecord(added: RouteRecord): RouteRecord {
  const metric = added.metric || (added.family === AF_INET6 ? IP6_RT_PRIO_USER : undefined);
  return { ...added, metric };
}

/** What is left out of a removal matches any: protocol 0, scope nowhere. */
function removalRecord(route: RouteToRemove, link: number | undefined): RouteRecord {
  const { to, source, metric, table, family, protocol, scope, type } = route;
  const nexthopId = route.nexthopId ?? undefined;
  const record = routeRecord(
    {
      to,
      via: hasWay(route) ? (route.via ?? undefined) : undefined,
      source: source ?? undefined,
      metric,
      table,
      family,
      protocol: protocol === undefined ? 'unspec' : wordNumber(ROUTE_PROTOCOLS, protocol),
      scope: scope === undefined ? 'nowhere' : wordNumber(SCOPES, scope),
      nexthopId,
    },
    link,
  );
  return { ...record, type: type === undefined ? 0 : wordNumber(ROUTE_TYPES, type) };
}

/** A listed route by a nexthop object has that object's gateway and link, which are not said beside it. */
function hasWay({ nexthopId }: RouteOptions | RouteToRemove): boolean {
  return nexthopId === undefined || nexthopId === null;
}

function linkOf(
  namespace: Namespace,
  call: Call,
  route: RouteOptions | RouteToRemove,
): number | undefined | Promise<number> {
  const link = hasWay(route) ? (route.link ?? undefined) : undefined;
  return resolveIndexIfAny(namespace, call, link, 'route.link');
}

export async function addRoute(
  namespace: Namespace,
  call: Call,
  operation: 'addRoute' | 'replaceRoute',
  route: RouteOptions,
): Promise<void> {
  check(call.operation, inetRules.route, route, 'route');
  let link = linkOf(namespace, call, route);
  if (typeof link === 'object') link = await link;
  const record = routeRecord(route, link);
  await send(namespace, call, { operation, record });
}

export async function removeRoute(
  namespace: Namespace,
  call: Call,
  route: RouteToRemove,
): Promise<void> {
  check(call.operation, inetRules.routeToRemove, route, 'route');
  let link = linkOf(namespace, call, route);
  if (typeof link === 'object') link = await link;
  const record = removalRecord(route, link);
  await send(namespace, call, { operation: 'removeRoute', record });
}

async function send(
  namespace: Namespace,
  call: Call,
  { operation, record }: Step<'addRoute' | 'replaceRoute' | 'removeRoute'>,
): Promise<void> {
  const result = await namespace.ask(operation, record, call.signal);
  if (!(result instanceof Refusal)) return;
  throw call.error(result, await explain(namespace, result, { link: record.link, asked: record }));
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
  const families = family === undefined ? [AF_INET, AF_INET6] : [FAMILIES[family]];
  const lists = await Promise.all(
    families.map((one) => namespace.demand(call, 'listRoutes', { family: one })),
  );
  return lists
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
}
