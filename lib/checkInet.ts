/** What the operations on addresses and routes take: a row for each option. */
import {
  anything,
  badType,
  badValue,
  type Check,
  type Fault,
  integer,
  listedWordOf,
  listOf,
  optionsOf,
  orNull,
  outOfRange,
  table,
  text,
  under,
  wordOf,
} from './check.js';
import {
  family,
  flag,
  linkRef,
  routeProtocol,
  routeTable,
  routeType,
  scope,
  signal,
  U32_MAX,
  u8,
  u32,
} from './checkValues.js';
import { isListedAddress, isListedRoute } from './listed.js';
import type {
  AddressOptions,
  IpFamily,
  NextHopOptions,
  OperationOptions,
  RouteOptions,
} from './types.js';
import {
  ADDRESS_FLAGS,
  formatIp,
  labelFault,
  networkOf,
  parseIp,
  parsePrefix,
  ROUTE_PROTOCOLS,
  ROUTE_TYPES,
  SCOPES,
} from './values.js';

const LIFETIME = 'must be Infinity or a whole number of seconds';

/** Seconds. 2^32 - 1 is left out, because it means "for ever" to the kernel. */
function lifetime(min: number): Check {
  return (value) => {
    if (typeof value !== 'number') return badType(LIFETIME, value);
    if (value === Number.POSITIVE_INFINITY) return undefined;
    if (Number.isInteger(value) && value >= min && value < U32_MAX) return undefined;
    return outOfRange(`${LIFETIME} from ${min} to ${U32_MAX - 1}`, value);
  };
}

const IP_SAYS = "must be an IP address without a zone, such as '10.0.0.1' or 'fd00::1'";
const PREFIX_SAYS =
  "must be an IP address and a prefix length of at most 32 or 128, such as '10.0.0.1/24'";

const ip = text((value) => (parseIp(value) === null ? IP_SAYS : undefined));

const prefix = text((value) => (parsePrefix(value) === null ? PREFIX_SAYS : undefined));

/** An address with its prefix length: a text without one is more often a slip than a /32. */
const cidr = text((value) => {
  const parsed = parsePrefix(value);
  if (parsed === null) return PREFIX_SAYS;
  if (isUnspecified(parsed.bytes)) return NO_ADDRESS;
  if (parsed.prefixLength !== null) return undefined;
  const single = `${value}/${parsed.bytes.length * 8}`;
  return `must say its prefix length; '${single}' is the address alone`;
});

/** Fields that passed their rows. In what was listed, `null` stands for an option that is left out. */
type Listed<T> = { readonly [Key in keyof T]: T[Key] | null };

/** 0.0.0.0 or ::. The kernel ignores 0.0.0.0 and reports success (net/ipv4/devinet.c, inet_rtm_newaddr). */
function isUnspecified(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

const NO_ADDRESS = 'must be an address that a link can have';

/** What is wrong with an address whose fields are each valid: do they fit together? */
function addressFault(
  value: Listed<AddressOptions> & { readonly address: string },
): Fault | undefined {
  const parsed = parsePrefix(value.address);
  if (parsed === null) return under('.address', badValue(PREFIX_SAYS, value.address));
  if (isUnspecified(parsed.bytes)) return under('.address', badValue(NO_ADDRESS, value.address));
  const bits = parsed.bytes.length * 8;
  const { prefixLength: length = null, validLifetime, preferredLifetime } = value;
  if (length === null) {
    if (parsed.prefixLength === null) return under('.address', cidr(value.address));
  } else if (length > bits) {
    return under('.prefixLength', outOfRange(`must be at most ${bits}`, length));
  } else if (parsed.prefixLength !== null && parsed.prefixLength !== length) {
    const says = `must be the ${parsed.prefixLength} that the address says`;
    return under('.prefixLength', badValue(says, length));
  }
  for (const key of ['peer', 'broadcast'] as const) {
    const other = value[key];
    if (other != null && parseIp(other)?.length !== parsed.bytes.length) {
      return under(`.${key}`, badValue("must be of the address's family", other));
    }
  }
  // A listing would not show such a peer, so nobody could remove the address.
  if (bits === 32 && value.peer != null && isUnspecified(parseIp(value.peer) as Uint8Array)) {
    return under('.peer', badValue(NO_ADDRESS, value.peer));
  }
  for (const key of ['label', 'broadcast'] as const) {
    if (bits === 128 && value[key] != null) {
      return under(`.${key}`, badValue('is for IPv4 addresses only', value[key]));
    }
  }
  if ((preferredLifetime ?? 0) > (validLifetime ?? Number.POSITIVE_INFINITY)) {
    const says = 'must not be longer than validLifetime';
    return under('.preferredLifetime', outOfRange(says, preferredLifetime));
  }
  return undefined;
}

const ADDRESS_ROWS = {
  address: prefix,
  prefixLength: integer(0, 128),
  peer: ip,
  broadcast: ip,
  label: text(labelFault),
  scope,
  flags: listOf(wordOf(ADDRESS_FLAGS), 32),
  validLifetime: lifetime(1),
  preferredLifetime: lifetime(0),
  metric: u32,
};

const addressObject = optionsOf(table<AddressOptions>(ADDRESS_ROWS, 'address'), addressFault);
/** An `Address` as it was listed, or one to remove, whose further fields say nothing here. */
const listedAddress = optionsOf(
  table(
    {
      ...ADDRESS_ROWS,
      peer: orNull(ip),
      broadcast: orNull(ip),
      label: orNull(text(labelFault)),
      scope: listedWordOf(SCOPES, u8),
      // Also those that only the kernel sets.
      flags: listOf(anything, 32),
      // JSON has null for Infinity.
      validLifetime: orNull(lifetime(0)),
      preferredLifetime: orNull(lifetime(0)),
      cidr: anything,
      family: anything,
      linkIndex: anything,
    },
    'address',
  ),
  addressFault,
);

/** An address to add or replace: also an `Address` as it was listed. */
export const address: Check = textOr((value) =>
  isListedAddress(value) ? listedAddress(value) : addressObject(value),
);

/** An address to remove. */
export const addressToRemove: Check = textOr(listedAddress);

function textOr(rule: Check): Check {
  return (value) => {
    if (typeof value === 'string') return cidr(value);
    return typeof value === 'object' && value !== null
      ? rule(value)
      : badType("must be a text such as '10.0.0.1/24', or an object", value);
  };
}

/** What is wrong with a route whose fields are each valid: do they fit together? */
export function routeFault(
  value: Listed<RouteOptions> & { readonly to: string },
): Fault | undefined {
  const { to } = value;
  const parsed = to === 'default' ? null : parsePrefix(to);
  const from = value.from ? parsePrefix(value.from) : null;
  const hostBits = hostBitsFault('.to', to) ?? hostBitsFault('.from', value.from);
  if (hostBits !== undefined) return hostBits;
  const saidBytes = value.family && (value.family === 'IPv4' ? 4 : 16);
  const bytes = parsed?.bytes.length ?? saidBytes ?? from?.bytes.length;
  if (saidBytes && bytes !== saidBytes) {
    return under('.family', badValue("must be the destination's", value.family));
  }
  const via = value.via ? parseIp(value.via)?.length : undefined;
  if (via !== undefined && !isGateway(via, bytes ?? via, value.family)) {
    return under('.via', badValue(foreignGateway(bytes), value.via));
  }
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

/** Given the sizes of their addresses. IPv6 gateways of IPv4 routes (`RTA_VIA`) are mostly a slip. */
function isGateway(
  via: number | undefined,
  route: number | undefined,
  said: IpFamily | null | undefined,
): boolean {
  return via === route || (via === 16 && said === 'IPv4');
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

/** A route that is to carry packets must say where it leads, in one way only. */
function newRouteFault(value: RouteOptions): Fault | undefined {
  const { type = 'unicast', via, link, nexthopId, nextHops } = value;
  const way = via ?? link;
  if (nexthopId !== undefined && way !== undefined) {
    return under(
      '.nexthopId',
      badValue('has a gateway and a link: leave out via and link', nexthopId),
    );
  }
  if (nextHops !== undefined && way !== undefined) {
    return under('.nextHops', badValue('are all the ways: leave out via and link', nextHops));
  }
  if (
    type === 'unicast' &&
    way === undefined &&
    nexthopId === undefined &&
    nextHops === undefined
  ) {
    return badValue('must say where it leads: via, link or both, nextHops or nexthopId', value);
  }
  return routeFault(value) ?? nextHopsFault(value);
}

function nextHopsFault({ to, family, nextHops }: RouteOptions): Fault | undefined {
  if (nextHops === undefined) return undefined;
  if (nextHops.length === 0)
    return under('.nextHops', badValue('must hold one way at least', nextHops));
  const sizes = nextHops.map(({ via }) => (via === undefined ? undefined : parseIp(via)?.length));
  const said = family && (family === 'IPv4' ? 4 : 16);
  const bytes = parsePrefix(to)?.bytes.length ?? said ?? sizes.find((size) => size);
  for (const [at, hop] of nextHops.entries()) {
    const { via, link } = hop;
    if (via === undefined && link === undefined) {
      return under(`.nextHops[${at}]`, badValue('must say via, link or both', hop));
    }
    if (via !== undefined && !isGateway(sizes[at], bytes, family)) {
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

const tos: Check = (value) =>
  integer(0, 255)(value) ??
  ((value as number) & 3 ? badValue('must have its two lowest bits clear', value) : undefined);

export const ROUTE_ROWS = {
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
const MAX_HOPS = 4096;
export const nextHops: Check = listOf(
  optionsOf(table<NextHopOptions>({ via: ip, link: linkRef, weight, onlink: flag })),
  MAX_HOPS,
);

const newRoute = optionsOf(
  table<RouteOptions & OperationOptions>({ ...ROUTE_ROWS, nextHops, signal }, 'to'),
  newRouteFault,
);

/** A route to add: also a `Route` as it was listed. */
export const route: Check = (value) =>
  isListedRoute(value) ? routeToRemove(value) : newRoute(value);

/** A route to put in place of another: the same, without `append`. */
export const replacementRoute: Check = (value) => {
  const { append } = (value ?? {}) as Partial<RouteOptions>;
  const says = 'is for a route beside others: leave it out, or use addRoute';
  return route(value) ?? (append === true ? under('.append', badValue(says, append)) : undefined);
};

/** A route to remove: as it was added, or a `Route` as it was listed. */
export const routeToRemove: Check = optionsOf(
  table(
    {
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
      nexthopId: orNull(u32),
      nextHops: listOf(
        optionsOf(table({ via: orNull(ip), link: orNull(linkRef), weight, onlink: flag })),
        MAX_HOPS,
      ),
      signal,
    },
    'to',
  ),
  routeFault,
);
