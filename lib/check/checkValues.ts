/** The kinds of value that many options have: a check for each. */
import type { DeleteOptions, IpFamily, NetnsLike, OperationOptions } from '../types/types.js';
import { parseIp, parsePrefix } from '../values/ip.js';
import { macFault } from '../values/mac.js';
import {
  altNameFault,
  knownNameFault,
  linkNameFault,
  netnsNameFault,
  netnsRefFault,
} from '../values/names.js';
import {
  ADDR_GEN_MODES,
  ADDRESS_SIZES,
  FAMILIES,
  IPV4_SETTINGS,
  IPV6_SETTINGS,
  MAX_SOURCES,
  netnsBrand,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  ROUTE_TYPES,
  SCOPES,
  type SettingValue,
} from '../values/values.js';
import {
  badType,
  badValue,
  type Check,
  type Fault,
  integer,
  isSignal,
  listOf,
  optionsOf,
  table,
  text,
  under,
  wordOf,
} from './check.js';

export const U32_MAX = 2 ** 32 - 1;
export const INT_MAX = 2 ** 31 - 1;

export const u32 = integer(0, U32_MAX);
export const mtu = integer(0, INT_MAX);
export const index = integer(1, INT_MAX);
export const queues = integer(1, 4096);
export const linkName = text(linkNameFault);
export const mac = text(macFault);
export const family = wordOf(FAMILIES);
export const u8 = integer(0, 255);
/** A type of service: what stands in its two lowest bits is congestion notification. */
export const tos: Check = (value) =>
  u8(value) ??
  ((value as number) & 3 ? badValue('must have its two lowest bits clear', value) : undefined);
export const scope = wordOf(SCOPES, u8);
export const routeProtocol = wordOf(ROUTE_PROTOCOLS, u8);
export const routeTable = wordOf(ROUTE_TABLES, integer(1, U32_MAX));
export const routeType = wordOf(ROUTE_TYPES);
export const addrGenMode = wordOf(ADDR_GEN_MODES);
/** Names in one nested attribute, whose length is a u16: 132 bytes each at most. */
export const altNames = listOf(text(altNameFault), 400);

/** `true` or `false`. */
export const flag: Check = (value) =>
  typeof value === 'boolean' ? undefined : badType('must be a boolean', value);

const settingValue = (takes: SettingValue) => (takes === 'flag' ? flag : integer(...takes));

/** How IPv4 behaves on a link: the kernel takes any number, and gives most of them no meaning. */
export const ipv4Settings = optionsOf(table(mapValues(IPV4_SETTINGS, settingValue)));

/** How IPv6 behaves on a link: the same. */
export const ipv6Settings = optionsOf(
  table(mapValues(IPV6_SETTINGS, ({ takes }) => settingValue(takes))),
);

function mapValues<Value, Mapped>(
  object: Readonly<Record<string, Value>>,
  map: (value: Value) => Mapped,
): Record<string, Mapped> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}

export const signal: Check = (value) =>
  isSignal(value) ? undefined : badType('must be an AbortSignal', value);

const IP_SAYS = "must be an IP address without a zone, such as '10.0.0.1' or 'fd00::1'";
export const PREFIX_SAYS =
  "must be an IP address and a prefix length of at most 32 or 128, such as '10.0.0.1/24'";

/** An address without a prefix length. */
export const ip = text((value) => (parseIp(value) === null ? IP_SAYS : undefined));

/** An address, with or without its prefix length. */
export const prefix = text((value) => (parsePrefix(value) === null ? PREFIX_SAYS : undefined));

/** What is wrong with a family that is said beside an address. */
export function familyFault(said: {
  readonly address: string;
  readonly family?: IpFamily | undefined;
}): Fault | undefined {
  const size = parsePrefix(said.address)?.bytes.length;
  if (said.family === undefined || size === ADDRESS_SIZES[said.family]) return undefined;
  return under('.family', badValue("must be the address's", said.family));
}

export const knownName = text(knownNameFault);

/** A link: its index, a name, or an object with its `index`. */
export const linkRef: Check = (value) => {
  if (typeof value === 'string') return knownName(value);
  if (typeof value === 'number') return index(value);
  if (typeof value !== 'object' || value === null || !('index' in value)) {
    return badType("must be a link's index or name, or a Link", value);
  }
  return under('.index', index(value.index));
};

/** Any number of links. */
export const linkRefs: Check = listOf(linkRef, Number.POSITIVE_INFINITY);

/** A source mode list, whole or in part. */
export const sources: Check = listOf(mac, MAX_SOURCES);

/** A name to give to a namespace under /run/netns. */
export const netnsName: Check = text(netnsNameFault);

const netnsText = text(netnsRefFault);
const pid = integer(1, INT_MAX);
const fd = integer(0, INT_MAX);

/** That what has the brand is a `Netns`: neither a copy, which has no descriptor, nor a Proxy, whose getters throw. */
const netnsItself: Check = (value) => {
  try {
    if (typeof (value as NetnsLike).fd === 'number') return undefined;
  } catch {}
  return badType('must be a Netns itself, not a copy or a Proxy of one', value);
};

/** A namespace: a `Netns`, a name or path, `{ pid }` or `{ fd }`. */
export const netnsRef: Check = (value) => {
  if (typeof value === 'string') return netnsText(value);
  if (typeof value === 'object' && value !== null) {
    if ((value as { [netnsBrand]?: unknown })[netnsBrand] === true) return netnsItself(value);
    const { pid: byPid, fd: byFd } = value as { pid?: unknown; fd?: unknown };
    if (byPid !== undefined && byFd === undefined) return under('.pid', pid(byPid));
    if (byFd !== undefined && byPid === undefined) return under('.fd', fd(byFd));
  }
  return badType('must be a Netns, a name, a path, { pid } or { fd }', value);
};

/** What an operation takes last that takes nothing but a signal there. */
export const operationOptions: Check = optionsOf(table<OperationOptions>({ signal }));

/** What a deletion takes last. */
export const deleteOptions: Check = optionsOf(table<DeleteOptions>({ ifExists: flag, signal }));
