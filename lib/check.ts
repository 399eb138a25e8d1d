/**
 * Checks what a program hands in before anything is sent: one row for each option.
 *
 * A check gives `undefined` when all is well, and allocates nothing then; otherwise a fault that
 * knows its path, such as `options.sources[3]`. `undefined` counts as left out.
 */
import { type ArgumentErrorCode, argumentError, showValue } from './errors.js';
import type { AddressOptions, MacvlanMode, RouteOptions } from './types.js';
import {
  ADDR_GEN_MODES,
  ADDRESS_FLAGS,
  aliasFault,
  altNameFault,
  formatIp,
  knownNameFault,
  labelFault,
  linkNameFault,
  MACVLAN_MODES,
  MAX_SOURCES,
  macFault,
  netnsBrand,
  netnsNameFault,
  netnsRefFault,
  networkOf,
  parseIp,
  parsePrefix,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  ROUTE_TYPES,
  SCOPES,
  VLAN_PROTOCOLS,
} from './values.js';

/** What is wrong with a value, and where in the argument it stands. */
interface Fault {
  readonly code: ArgumentErrorCode;
  path: string;
  readonly says: string;
  readonly value: unknown;
}

/** Looks at a value; gives its fault, or `undefined` when there is none. */
export type Check = (value: unknown) => Fault | undefined;

/** Throws a `TypeError` or `RangeError` that names the argument, when `value` has a fault. */
export function check(operation: string, rule: Check, value: unknown, name = 'options'): void {
  const fault = rule(value);
  if (fault === undefined) return;
  const message = `${operation}: ${name}${fault.path} ${fault.says}`;
  throw argumentError(fault.code, `${message}; received ${showValue(fault.value)}`, check);
}

function badType(says: string, value: unknown): Fault {
  return { code: 'ERR_INVALID_ARG_TYPE', path: '', says, value };
}

function badValue(says: string, value: unknown): Fault {
  return { code: 'ERR_INVALID_ARG_VALUE', path: '', says, value };
}

function outOfRange(says: string, value: unknown): Fault {
  return { code: 'ERR_OUT_OF_RANGE', path: '', says, value };
}

/** Puts a step in front of the path of a fault found further in. */
function under(step: string, fault: Fault): Fault {
  fault.path = step + fault.path;
  return fault;
}

// What is common to many options.

function integer(min: number, max: number): Check {
  return (value) => {
    if (typeof value !== 'number') return badType('must be a number', value);
    if (Number.isInteger(value) && value >= min && value <= max) return undefined;
    return outOfRange(`must be an integer from ${min} to ${max}`, value);
  };
}

function text(faultOf: (value: string) => string | undefined): Check {
  return (value) => {
    if (typeof value !== 'string') return badType('must be a string', value);
    const says = faultOf(value);
    return says === undefined ? undefined : badValue(says, value);
  };
}

function wordOf(words: object, other?: Check): Check {
  const known: ReadonlySet<unknown> = new Set(Object.keys(words));
  const list = quoteAll(Object.keys(words));
  return (value) => {
    if (known.has(value)) return undefined;
    if (typeof value === 'string') {
      return badValue(`must be ${list}${suggestion(value, known)}`, value);
    }
    return other === undefined ? badType(`must be ${list}`, value) : other(value);
  };
}

/** Words as a result has them: what has none is its number in decimal. */
function listedWordOf(words: object, other: Check): Check {
  const rule = wordOf(words, other);
  return (value) =>
    typeof value === 'string' && /^\d{1,10}$/.test(value) ? other(Number(value)) : rule(value);
}

function listOf(rule: Check, most: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return badType('must be an array', value);
    if (value.length > most) {
      return outOfRange(`must hold at most ${most} entries, and holds ${value.length}`, value);
    }
    for (let index = 0; index < value.length; index++) {
      const fault = rule(value[index]);
      if (fault !== undefined) return under(`[${index}]`, fault);
    }
    return undefined;
  };
}

function orNull(rule: Check): Check {
  return (value) => (value === null ? undefined : rule(value));
}

interface Table {
  readonly rows: ReadonlyMap<string, Check>;
  readonly required: readonly string[];
}

function table(rows: Readonly<Record<string, Check>>, ...required: string[]): Table {
  return { rows: new Map(Object.entries(rows)), required };
}

/** Checks an object's options against a table; left out altogether, it counts as `{}`. */
function optionsOf({ rows, required }: Table, also?: (value: never) => Fault | undefined): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      if (value === undefined && required.length === 0) return undefined;
      return badType('must be an object', value);
    }
    const options = value as Record<string, unknown>;
    for (const key in options) {
      const option = options[key];
      if (option === undefined) continue;
      const rule = rows.get(key);
      if (rule === undefined) {
        const says = `is not a known option${suggestion(key, rows)}`;
        return under(`.${key}`, badValue(says, option));
      }
      const fault = rule(option);
      if (fault !== undefined) return under(`.${key}`, fault);
    }
    for (const key of required) {
      if (options[key] === undefined) return under(`.${key}`, badType('is required', undefined));
    }
    const prototype = Object.getPrototypeOf(options);
    if (prototype !== Object.prototype && prototype !== null) {
      const fault = inheritedFault(options, rows);
      if (fault !== undefined) return fault;
    }
    return also?.(value as never);
  };
}

/** Looks at what a class instance's accessors say, which a `for … in` does not meet. */
function inheritedFault(
  options: Record<string, unknown>,
  rows: ReadonlyMap<string, Check>,
): Fault | undefined {
  for (const [key, rule] of rows) {
    const option = options[key];
    const fault = option === undefined ? undefined : rule(option);
    if (fault !== undefined) return under(`.${key}`, fault);
  }
  return undefined;
}

function quoteAll(words: readonly string[]): string {
  const quoted = words.map((word) => `'${word}'`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

/** What other tools call an option of this package. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  bclim: 'bcCutoff',
  dev: 'link',
  dst: 'to',
  gateway: 'via',
  hwaddr: 'mac',
  ifindex: 'index',
  ifname: 'name',
  ip: 'addresses',
  link: 'parent',
  lladdr: 'mac',
  macaddr: 'sources',
  src: 'source',
  txqlen: 'txQueueLen',
  type: 'kind',
};

/** ` (did you mean 'passthru'?)`, when one of the words is close to what was written. */
function suggestion(written: string, words: { keys(): Iterable<unknown> }): string {
  const lower = written.toLowerCase();
  let best = '';
  let bestDistance = Math.floor(written.length / 3) + 1;
  for (const word of words.keys() as Iterable<string>) {
    const distance = ELSEWHERE[lower] === word ? 0 : distanceBetween(lower, word.toLowerCase());
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best === '' ? '' : ` (did you mean '${best}'?)`;
}

/** The edit distance, where one word that begins with the other is as near as can be. */
function distanceBetween(from: string, to: string): number {
  if (from === to) return 0;
  const [short, long] = from.length < to.length ? [from, to] : [to, from];
  if (long.length > 64) return Number.POSITIVE_INFINITY;
  return short.length >= 3 && long.startsWith(short) ? 1 : editDistance(from, to);
}

/** How many letters must be put in, taken out or replaced to make one word the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced =
        (previous[column - 1] as number) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const shifted = Math.min(previous[column] as number, current[column - 1] as number) + 1;
      current.push(Math.min(replaced, shifted));
    }
    previous = current;
  }
  return previous[to.length] as number;
}

// The kinds of value.

const U32_MAX = 2 ** 32 - 1;
const INT_MAX = 2 ** 31 - 1;

const u32 = integer(0, U32_MAX);
const mtu = integer(0, INT_MAX);
const index = integer(1, INT_MAX);
const queues = integer(1, 4096);
const linkName = text(linkNameFault);
const mac = text(macFault);
const family = wordOf({ IPv4: 4, IPv6: 6 });
const u8 = integer(0, 255);
const scope = wordOf(SCOPES, u8);
const routeProtocol = wordOf(ROUTE_PROTOCOLS, u8);
const routeTable = wordOf(ROUTE_TABLES, integer(1, U32_MAX));
const routeType = wordOf(ROUTE_TYPES);
const addrGenMode = wordOf(ADDR_GEN_MODES);
/** Names in one nested attribute, whose length is a u16: 132 bytes each at most. */
const altNames = listOf(text(altNameFault), 400);

/** `true` or `false`. */
export const flag: Check = (value) =>
  typeof value === 'boolean' ? undefined : badType('must be a boolean', value);

/** An `AbortSignal`, of whichever realm. */
export const signal: Check = (value) =>
  typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value
    ? undefined
    : badType('must be an AbortSignal', value);

const knownName = text(knownNameFault);

/** A link: its index, a name, or an object with its `index`. */
export const linkRef: Check = (value) => {
  if (typeof value === 'string') return knownName(value);
  if (typeof value === 'number') return index(value);
  if (typeof value !== 'object' || value === null || !('index' in value)) {
    return badType("must be a link's index or name, or a Link", value);
  }
  const fault = index(value.index);
  return fault && under('.index', fault);
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

/** A namespace: a `Netns`, a name or path, `{ pid }` or `{ fd }`. */
export const netnsRef: Check = (value) => {
  if (typeof value === 'string') return netnsText(value);
  if (typeof value === 'object' && value !== null) {
    if ((value as { [netnsBrand]?: unknown })[netnsBrand] === true) return undefined;
    const { pid: byPid, fd: byFd } = value as { pid?: unknown; fd?: unknown };
    if (byPid !== undefined && byFd === undefined) return stepped('.pid', pid(byPid));
    if (byFd !== undefined && byPid === undefined) return stepped('.fd', fd(byFd));
  }
  return badType('must be a Netns, a name, a path, { pid } or { fd }', value);
};

function stepped(step: string, fault: Fault | undefined): Fault | undefined {
  return fault === undefined ? undefined : under(step, fault);
}

// Addresses and routes.

const LIFETIME = 'must be Infinity or a whole number of seconds';

/** Seconds; the kernel keeps 2^32 - 1 for ever. */
function lifetime(min: number): Check {
  return (value) => {
    if (typeof value !== 'number') return badType(LIFETIME, value);
    if (value === Number.POSITIVE_INFINITY) return undefined;
    if (Number.isInteger(value) && value >= min && value < U32_MAX) return undefined;
    return outOfRange(`${LIFETIME} from ${min} to ${U32_MAX - 1}`, value);
  };
}

const IP_SAYS = "must be an IP address without a zone, such as '10.0.0.1' or 'fd00::1'";
const PREFIX_SAYS = "must be an IP address, or one with its prefix length such as '10.0.0.1/24'";

const ip: Check = (value) => {
  if (typeof value !== 'string') return badType('must be a string', value);
  return parseIp(value) === null ? badValue(IP_SAYS, value) : undefined;
};

const prefix: Check = (value) => {
  if (typeof value !== 'string') return badType('must be a string', value);
  return parsePrefix(value) === null ? badValue(PREFIX_SAYS, value) : undefined;
};

/** An address that says its prefix length: a text without one is more often a slip than a /32. */
const cidr: Check = (value) => {
  if (typeof value !== 'string') return badType('must be a string', value);
  const parsed = parsePrefix(value);
  if (parsed === null) return badValue(PREFIX_SAYS, value);
  if (parsed.prefixLength !== null) return undefined;
  const single = `${value}/${parsed.bytes.length * 8}`;
  return badValue(`must say its prefix length; '${single}' is the address alone`, value);
};

/** Fields that passed their rows; where they come from a listing, `null` stands for none. */
type Listed<T> = { readonly [Key in keyof T]: T[Key] | null };

/** An address's fields once each is in order: do they go together? */
function addressFault(
  value: Listed<AddressOptions> & { readonly address: string },
): Fault | undefined {
  const parsed = parsePrefix(value.address);
  if (parsed === null) return under('.address', badValue(PREFIX_SAYS, value.address));
  const bits = parsed.bytes.length * 8;
  const { prefixLength: length = null, validLifetime, preferredLifetime } = value;
  if (length === null) {
    if (parsed.prefixLength === null) return stepped('.address', cidr(value.address));
  } else if (length > bits) {
    return under('.prefixLength', outOfRange(`must be at most ${bits}`, length));
  } else if (parsed.prefixLength !== null && parsed.prefixLength !== length) {
    const says = `must be the ${parsed.prefixLength} that the address says`;
    return under('.prefixLength', badValue(says, length));
  }
  for (const key of ['peer', 'broadcast'] as const) {
    const other = value[key] ?? null;
    if (other !== null && parseIp(other)?.length !== parsed.bytes.length) {
      return under(`.${key}`, badValue("must be of the address's family", other));
    }
  }
  if (bits === 128 && (value.label ?? null) !== null) {
    return under('.label', badValue('is for IPv4 addresses only', value.label));
  }
  if (bits === 128 && (value.broadcast ?? null) !== null) {
    return under('.broadcast', badValue('is for IPv4 addresses only', value.broadcast));
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

const anything: Check = () => undefined;
const addressObject = optionsOf(table(ADDRESS_ROWS, 'address'), addressFault);
/** To remove: also an `Address` as it was listed, whose further fields say nothing here. */
const listedAddress = optionsOf(
  table(
    {
      ...ADDRESS_ROWS,
      peer: orNull(ip),
      broadcast: orNull(ip),
      label: orNull(text(labelFault)),
      scope: listedWordOf(SCOPES, u8),
      flags: anything,
      validLifetime: lifetime(0),
      cidr: anything,
      family: anything,
      linkIndex: anything,
    },
    'address',
  ),
  addressFault,
);

/** An address to add or replace. */
export const address: Check = (value) =>
  typeof value === 'string' ? cidr(value) : addressObject(value);

/** An address to remove. */
export const addressToRemove: Check = (value) =>
  typeof value === 'string' ? cidr(value) : listedAddress(value);

/** A route's fields once each is in order: do they go together? */
function routeFault(value: Listed<RouteOptions> & { readonly to: string }): Fault | undefined {
  const { to } = value;
  const parsed = to === 'default' ? null : parsePrefix(to);
  if (parsed !== null) {
    const length = parsed.prefixLength ?? parsed.bytes.length * 8;
    const network = networkOf(parsed.bytes, length);
    if (network.some((byte, at) => byte !== parsed.bytes[at])) {
      const right = `${formatIp(network)}/${length}`;
      return under('.to', badValue(`must have no bits after its prefix: '${right}'`, to));
    }
  }
  const saidBytes = value.family && (value.family === 'IPv4' ? 4 : 16);
  const bytes = parsed?.bytes.length ?? saidBytes ?? undefined;
  if (saidBytes && bytes !== saidBytes) {
    return under('.family', badValue("must be the destination's", value.family));
  }
  const via = value.via ? parseIp(value.via)?.length : undefined;
  if (via !== undefined && via !== (bytes ?? via)) {
    return under('.via', badValue("must be of the route's family", value.via));
  }
  const source = value.source ? parseIp(value.source)?.length : undefined;
  if (source !== undefined && source !== (bytes ?? via ?? source)) {
    return under('.source', badValue("must be of the route's family", value.source));
  }
  return undefined;
}

/** To remove: the kernel lists IPv4 routes with an IPv6 gateway too (`RTA_VIA`). */
function removedRouteFault(value: Listed<RouteOptions> & { readonly to: string }) {
  return routeFault({ ...value, via: null });
}

/** A route that is to carry packets must say where to. */
function wholeRouteFault(value: RouteOptions): Fault | undefined {
  const { type = 'unicast', via, link } = value;
  if (type === 'unicast' && via === undefined && link === undefined) {
    return badValue('must say where it leads: via, link or both', value);
  }
  return routeFault(value);
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
  family,
};

/** A route to add. */
export const route: Check = optionsOf(table({ ...ROUTE_ROWS, signal }, 'to'), wholeRouteFault);

/** A route to remove: as it was added, or a `Route` as it was listed. */
export const routeToRemove: Check = optionsOf(
  table(
    {
      ...ROUTE_ROWS,
      via: orNull(ip),
      link: orNull(linkRef),
      source: orNull(ip),
      scope: listedWordOf(SCOPES, u8),
      protocol: listedWordOf(ROUTE_PROTOCOLS, u8),
      type: listedWordOf(ROUTE_TYPES, u8),
      mtu: orNull(u32),
      nextHops: anything,
      signal,
    },
    'to',
  ),
  removedRouteFault,
);

// Links.

const LINK_ROWS = {
  name: linkName,
  netns: netnsRef,
  index,
  mac,
  mtu,
  up: flag,
  txQueueLen: u32,
  numTxQueues: queues,
  numRxQueues: queues,
  group: u32,
  alias: text(aliasFault),
  altNames,
  addresses: listOf(address, Number.POSITIVE_INFINITY),
  routes: listOf(optionsOf(table(ROUTE_ROWS, 'to'), routeFault), Number.POSITIVE_INFINITY),
  promiscuous: flag,
  allMulticast: flag,
  master: linkRef,
  addrGenMode,
  signal,
};

const MACVLAN_CHANGE_ROWS = {
  mode: wordOf(MACVLAN_MODES),
  nopromisc: flag,
  sources,
  nodst: flag,
  bcQueueLen: u32,
  bcCutoff: integer(-INT_MAX - 1, INT_MAX),
};

const MACVLAN_ROWS = { ...LINK_ROWS, parent: linkRef, ...MACVLAN_CHANGE_ROWS };

/** The options that not every mode takes, and the modes that do. */
const MODES_THAT_TAKE = {
  nopromisc: ['passthru'],
  sources: ['source'],
  nodst: ['source'],
  mac: ['private', 'vepa', 'bridge', 'source'],
} as const satisfies Record<string, readonly MacvlanMode[]>;

type ModeOption = keyof typeof MODES_THAT_TAKE;
type ModeOptions = { readonly mode?: MacvlanMode } & { readonly [name in ModeOption]?: unknown };

const MODE_OPTIONS = Object.keys(MODES_THAT_TAKE) as readonly ModeOption[];

function modeTakes(mode: MacvlanMode, option: ModeOption): boolean {
  return (MODES_THAT_TAKE[option] as readonly MacvlanMode[]).includes(mode);
}

function createModeFault(value: ModeOptions): Fault | undefined {
  const mode = value.mode ?? 'vepa';
  for (const option of MODE_OPTIONS) {
    if (value[option] === undefined || modeTakes(mode, option)) continue;
    const modes = quoteAll(MODES_THAT_TAKE[option]);
    const have =
      value.mode === undefined ? "it is left out, which means 'vepa'" : `it is '${mode}'`;
    return under(`.${option}`, badValue(`needs mode ${modes}, and ${have}`, value[option]));
  }
  return undefined;
}

/** Without a mode the link's own decides, later; two options of different modes never go. */
function changeModeFault(value: ModeOptions): Fault | undefined {
  if (value.mode !== undefined) return createModeFault(value);
  for (const option of ['sources', 'nodst'] as const) {
    if (value.nopromisc === undefined || value[option] === undefined) continue;
    return under(
      `.${option}`,
      badValue("needs mode 'source', and nopromisc 'passthru'", value[option]),
    );
  }
  return undefined;
}

/** What `createMacvlan` and `createMacvtap` take. */
export const createMacvlanOptions: Check = optionsOf(
  table(MACVLAN_ROWS, 'parent'),
  createModeFault,
);

const macvlanOfKind = optionsOf(
  table({ ...MACVLAN_ROWS, kind: anything }, 'parent'),
  createModeFault,
);

const KINDS: Readonly<Record<string, Check>> = {
  macvlan: macvlanOfKind,
  macvtap: macvlanOfKind,
  veth: optionsOf(
    table({
      ...LINK_ROWS,
      kind: anything,
      peer: optionsOf(table({ name: linkName, netns: netnsRef, mac, up: flag })),
    }),
  ),
  bridge: optionsOf(table({ ...LINK_ROWS, kind: anything })),
  dummy: optionsOf(table({ ...LINK_ROWS, kind: anything })),
  vlan: optionsOf(
    table(
      {
        ...LINK_ROWS,
        kind: anything,
        parent: linkRef,
        id: integer(1, 4094),
        protocol: wordOf(VLAN_PROTOCOLS),
      },
      'parent',
      'id',
    ),
  ),
};

const kindWord = wordOf(KINDS);

/** What `createLink` takes, by its `kind`. */
export const createLinkOptions: Check = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return badType('must be an object', value);
  }
  const kind = (value as { kind?: unknown }).kind;
  const fault = kindWord(kind);
  return fault === undefined ? (KINDS[kind as string] as Check)(value) : under('.kind', fault);
};

/** What `setLink` changes. */
export const linkChanges: Check = optionsOf(
  table({
    name: linkName,
    mac,
    mtu,
    up: flag,
    promiscuous: flag,
    allMulticast: flag,
    arp: flag,
    multicast: flag,
    txQueueLen: u32,
    group: u32,
    alias: orNull(text((alias) => (alias === '' ? undefined : aliasFault(alias)))),
    master: orNull(linkRef),
    addAltNames: altNames,
    removeAltNames: listOf(knownName, 400),
    addrGenMode,
    bridgePort: optionsOf(table({ hairpin: flag })),
    signal,
  }),
);

/** What `setMacvlan` changes. */
export const macvlanChanges: Check = optionsOf(
  table({ ...MACVLAN_CHANGE_ROWS, signal }),
  changeModeFault,
);

/** What `moveLink` takes. */
export const moveOptions: Check = optionsOf(table({ name: linkName, index, signal }));

/** What `listLinks` takes. */
export const linkFilter: Check = optionsOf(
  table({
    kind: orNull(text(() => undefined)),
    parent: linkRef,
    master: orNull(linkRef),
    group: u32,
    up: flag,
    signal,
  }),
);

/** What `listAddresses` takes. */
export const addressFilter: Check = optionsOf(table({ link: linkRef, family, signal }));

/** What `listRoutes` takes. */
export const routeFilter: Check = optionsOf(
  table({
    family,
    link: linkRef,
    table: routeTable,
    protocol: routeProtocol,
    type: routeType,
    signal,
  }),
);

/** What `watch` takes. */
export const watchOptions: Check = optionsOf(
  table({
    initial: flag,
    addresses: flag,
    routes: flag,
    receiveBuffer: integer(1, INT_MAX),
    signal,
  }),
);

/** What `checkSupport` takes. */
export const supportOptions: Check = optionsOf(table({ load: flag, signal }));

/** What an operation takes that has nothing but a signal. */
export const operationOptions: Check = optionsOf(table({ signal }));
