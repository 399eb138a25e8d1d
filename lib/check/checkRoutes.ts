/** What the operations on routes take: a row for each option. */
import type {
  DeleteOptions,
  IpFamily,
  NextHopOptions,
  OperationOptions,
  Route,
  RouteFilter,
  RouteOptions,
} from '../types/types.js';
import { formatIp, isUnspecified, networkOf, parseIp, parsePrefix } from '../values/ip.js';
import {
  ADDRESS_SIZES,
  LINKLESS_TYPES,
  ROUTE_PROTOCOLS,
  ROUTE_TYPES,
  SCOPES,
} from '../values/values.js';
import {
  badType,
  badValue,
  type Check,
  type Fault,
  integer,
  listedWordOf,
  listOf,
  optionsOf,
  orNull,
  table,
  under,
} from './check.js';
import {
  family,
  flag,
  ip,
  linkRef,
  prefix,
  routeProtocol,
  routeTable,
  routeType,
  scope,
  signal,
  tos,
  U32_MAX,
  u8,
  u32,
} from './checkValues.js';
import { isListedRoute, type Listed } from './listed.js';

/** What is wrong with a route whose fields are each valid: do they fit together? */
function routeFault(value: Given): Fault | undefined {
  const { to } = value;
  const parsed = to === 'default' ? null : parsePrefix(to);
  const from = value.from ? parsePrefix(value.from) : null;
  const hostBits = hostBitsFault('.to', to) ?? hostBitsFault('.from', value.from);
  if (hostBits !== undefined) return hostBits;
  const saidBytes = value.family && ADDRESS_SIZES[value.family];
  const bytes = parsed?.bytes.length ?? saidBytes ?? from?.bytes.length;
  if (saidBytes && bytes !== saidBytes) {
    return under('.family', badValue("must be the destination's", value.family));
  }
  const via = value.via ? parseIp(value.via)?.length : undefined;
  if (via !== undefined && !isGateway(via, bytes ?? via, value.family)) {
    return under('.via', badValue(foreignGateway(bytes), value.via));
  }
  const unspecified =
    unspecifiedFault('.via', value.via) ?? unspecifiedFault('.source', value.source);
  if (unspecified !== undefined) return unspecified;
  const source = value.source ? parseIp(value.source)?.length : undefined;
  if (source !== undefined && source !== (bytes ?? via ?? source)) {
    return under('.source', badValue("must be of the route's family", value.source));
  }
  const size = bytes ?? via ?? source ?? 4;
  if (from !== null && (size === 4 || from.bytes.length !== size)) {
    return under('.from', badValue('is an IPv6 prefix, of IPv6 routes only', value.from));
  }
  if (value.tos && size !== 4) return under('.tos', badValue('is of IPv4 routes only', value.tos));
  return undefined;
}

/** IPv4 takes 0.0.0.0 for none: what was asked would be a route without a gateway (net/ipv4/fib_frontend.c). */
function unspecifiedFault(path: string, address: string | null | undefined): Fault | undefined {
  const bytes = address ? parseIp(address) : null;
  return bytes !== null && isUnspecified(bytes)
    ? under(path, badValue('must be the address of a machine: leave it out for none', address))
    : undefined;
}

/** Given the sizes of their addresses. IPv6 gateways of IPv4 routes (`RTA_VIA`) are mostly a slip. */
function isGateway(
  via: number | undefined,
  route: number | undefined,
  said: IpFamily | null | undefined,
): boolean {
  return via === route || said === 'IPv4';
}

function foreignGateway(route: number | undefined): string {
  const says = "must be of the route's family";
  return route === 4 ? `${says}, unless family: 'IPv4' is said as well` : says;
}

/** Bits beyond the prefix length mean nothing, and are mostly a slip. */
function hostBitsFault(option: string, text: string | null | undefined): Fault | undefined {
  const prefix = text == null ? null : parsePrefix(text);
  if (prefix === null) return undefined;
  const { bytes } = prefix;
  const length = prefix.prefixLength ?? bytes.length * 8;
  const network = networkOf(bytes, length);
  if (network.every((byte, at) => byte === bytes[at])) return undefined;
  const right = `${formatIp(network)}/${length}`;
  return under(option, badValue(`must have no host bits: use '${right}'`, text));
}

/** The fields of a route to add or remove, be it new or listed. */
type Given = Listed<Omit<RouteOptions, 'nextHops'>> & {
  readonly to: string;
  readonly nextHops?: readonly Listed<NextHopOptions>[] | null | undefined;
  readonly append?: boolean | undefined;
};

const LINKLESS: ReadonlySet<unknown> = new Set(Object.keys(LINKLESS_TYPES));

/** Is the way of a route said once? */
function wayFault(route: Given): Fault | undefined {
  const { type, via, link, nexthopId, nextHops } = route;
  const hasWays = nextHops != null && nextHops.length > 0;
  if (nexthopId != null) {
    // A listing has the object's gateways and the indexes of its links as well.
    const isSaid = isListedRoute(route)
      ? [route, ...route.nextHops].some((way) => typeof (way.link ?? 0) !== 'number')
      : (via ?? link) != null;
    if (!isSaid) return undefined;
    const says = 'has a way of its own: leave it out, or via, link and nextHops';
    return under('.nexthopId', badValue(says, nexthopId));
  }
  if (hasWays && LINKLESS.has(type)) {
    // IPv6 would add the route once for each.
    return under('.nextHops', badValue(`are not for a route of type '${type}'`, nextHops));
  }
  if (hasWays && (via ?? link) != null) {
    return under('.nextHops', badValue('are all the ways: leave out via and link', nextHops));
  }
  return undefined;
}

/** A route that is added together with a link: is it by a link? */
function linkRouteFault(value: Given): Fault | undefined {
  const { type, link, nexthopId, nextHops, append } = value;
  // Others would stay if the new link had to be removed.
  const says = 'for a route of a new link, which leads by that link: use addRoute';
  if (LINKLESS.has(type)) return under('.type', badValue(`is not ${says}`, type));
  if (nexthopId != null) return under('.nexthopId', badValue(`is not ${says}`, nexthopId));
  const isListedWithoutWays = isListedRoute(value) && value.nextHops.length === 0;
  if (nextHops != null && !isListedWithoutWays) {
    return under('.nextHops', badValue(`are not ${says}`, nextHops));
  }
  // If it had to be removed again, the kernel might remove another route by that link instead.
  if (append === true && link != null) {
    return under('.append', badValue('must be of a route by the new link: leave out link', true));
  }
  return routeFault(value);
}

/** A route that is to carry packets must say where it leads. */
function additionFault(route: Given): Fault | undefined {
  const { type, via, link, nexthopId } = route;
  const fault = wayFault(route);
  if (fault !== undefined) return fault;
  const nextHops = isListedRoute(route) && route.nextHops.length === 0 ? null : route.nextHops;
  if ((type ?? 'unicast') === 'unicast' && (via ?? link ?? nexthopId ?? nextHops) == null) {
    return badValue('must say where it leads: via, link or both, nextHops or nexthopId', route);
  }
  return (
    routeFault(route) ??
    (nexthopId == null
      ? nextHopsFault({ to: route.to, family: route.family, nextHops })
      : undefined)
  );
}

function nextHopsFault({ to, family, nextHops }: Given): Fault | undefined {
  if (nextHops == null) return undefined;
  if (nextHops.length === 0)
    return under('.nextHops', badValue('must hold one way at least', nextHops));
  const sizes = nextHops.map(({ via }) => (via == null ? undefined : parseIp(via)?.length));
  const said = family && ADDRESS_SIZES[family];
  const bytes = parsePrefix(to)?.bytes.length ?? said ?? sizes.find((size) => size);
  for (const [at, hop] of nextHops.entries()) {
    const { via, link } = hop;
    if ((via ?? link) == null) {
      return under(`.nextHops[${at}]`, badValue('must say via, link or both', hop));
    }
    const unspecified = unspecifiedFault(`.nextHops[${at}].via`, via);
    if (unspecified !== undefined) return unspecified;
    if (via != null && !isGateway(sizes[at], bytes, family)) {
      return under(`.nextHops[${at}].via`, badValue(foreignGateway(bytes), via));
    }
  }
  return undefined;
}

const destination: Check = (value) => {
  if (value === 'default' || (typeof value === 'string' && parsePrefix(value) !== null)) {
    return undefined;
  }
  const says = "must be 'default', or a prefix such as '10.1.0.0/16'";
  return typeof value === 'string' ? badValue(says, value) : badType(says, value);
};

const ROUTE_ROWS = {
  to: destination,
  from: prefix,
  tos,
  via: ip,
  link: linkRef,
  metric: u32,
  table: routeTable,
  source: ip,
  scope,
  protocol: routeProtocol,
  type: routeType,
  onlink: flag,
  mtu: integer(1, U32_MAX),
  advmss: integer(1, U32_MAX),
  nexthopId: integer(1, U32_MAX),
  append: flag,
  family,
};

const weight = integer(1, 256);
/**
 * The kernel lists no route that takes more than 32 KiB, nor any behind it, and says nothing of that
 * (net/netlink/af_netlink.c, netlink_dump): of the ways that take most, IPv4 by gateways of IPv6, 1,010 fit.
 */
const MAX_HOPS = 1000;
/**
 * More than a listing can have: of those that take least, IPv4 by gateways of IPv4, 2,025 fit. And as many as a request
 * has room for of those that take most.
 */
const MAX_LISTED_HOPS = 2047;
const nextHops: Check = listOf(
  optionsOf(table<NextHopOptions>({ via: ip, link: linkRef, weight, onlink: flag })),
  MAX_HOPS,
);

const newRoute = optionsOf(
  table<RouteOptions & OperationOptions>({ ...ROUTE_ROWS, nextHops, signal }, 'to'),
  additionFault,
);

/** What a listing has and what a new route may have: one of the two, with fields of the other. */
type ListedFields = Record<keyof Route | keyof RouteOptions, unknown>;

const LISTED_ROWS: { readonly [Name in keyof ListedFields]: Check } = {
  ...ROUTE_ROWS,
  from: orNull(prefix),
  // Kernels before 5.18 accept the two lowest bits, too.
  tos: integer(0, 255),
  via: orNull(ip),
  link: orNull(linkRef),
  source: orNull(ip),
  scope: listedWordOf(SCOPES, u8),
  protocol: listedWordOf(ROUTE_PROTOCOLS, u8),
  type: listedWordOf(ROUTE_TYPES, u8),
  mtu: orNull(u32),
  advmss: orNull(u32),
  nexthopId: orNull(ROUTE_ROWS.nexthopId),
  nextHops: listOf(
    optionsOf(table({ via: orNull(ip), link: orNull(linkRef), weight, onlink: flag })),
    MAX_LISTED_HOPS,
  ),
};

const LISTED_ROUTE = table<ListedFields & OperationOptions>({ ...LISTED_ROWS, signal }, 'to');

const listedRoute = optionsOf(LISTED_ROUTE, additionFault);

/** A route to add: also a `Route` as it was listed. */
export const route: Check = (value) =>
  isListedRoute(value) ? listedRoute(value) : newRoute(value);

/** A route to put in place of another: the same, without `append`. */
export const replacementRoute: Check = (value) => {
  const { append } = (value ?? {}) as Partial<RouteOptions>;
  const says = 'is for a route beside others: leave it out, or use addRoute';
  return route(value) ?? (append === true ? under('.append', badValue(says, append)) : undefined);
};

/** A route to remove: as it was added, or a `Route` as it was listed. */
export const routeToRemove: Check = optionsOf(
  table<ListedFields & DeleteOptions>({ ...LISTED_ROWS, ifExists: flag, signal }, 'to'),
  (value: Given) => wayFault(value) ?? routeFault(value),
);

const plainOfNewLink = optionsOf(
  table<RouteOptions>({ ...ROUTE_ROWS, nextHops }, 'to'),
  linkRouteFault,
);
const listedOfNewLink = optionsOf(table<ListedFields>(LISTED_ROWS, 'to'), linkRouteFault);

/** One of the `routes` of a new link: also a `Route` as it was listed. */
export const routeOfNewLink: Check = (value) =>
  isListedRoute(value) ? listedOfNewLink(value) : plainOfNewLink(value);

/** What `listRoutes` takes. */
export const routeFilter: Check = optionsOf(
  table<RouteFilter>({
    family,
    link: linkRef,
    table: routeTable,
    protocol: routeProtocol,
    type: routeType,
    signal,
  }),
);
