/**
 * The values that options are made of (MAC addresses, names, IP addresses, prefixes) and the
 * kernel's numbers for the words that stand for them: check, parse, format.
 *
 * A `…Fault` function says what is wrong with a text, as the rest of a sentence that begins with
 * the option's name, or `undefined` when nothing is; it allocates nothing then. A `parse…` function
 * gives `null` for what it cannot read.
 */
import { randomFillSync } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Ipv4Settings } from './types.js';

/** Marks a `Netns`, also one made by another copy of this package. */
export const netnsBrand: unique symbol = Symbol.for('macvlan-netlink.Netns') as never;

/** `MACVLAN_MODE_*` (linux/if_link.h). */
export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;

/** `MACVLAN_FLAG_*` (linux/if_link.h). */
export const MACVLAN_FLAG_NOPROMISC = 1;
export const MACVLAN_FLAG_NODST = 2;

/** `IN6_ADDR_GEN_MODE_*` (linux/if_link.h). */
export const ADDR_GEN_MODES = { eui64: 0, none: 1, 'stable-privacy': 2, random: 3 } as const;

/** `AF_*` (linux/socket.h). */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const FAMILIES = { IPv4: AF_INET, IPv6: AF_INET6 } as const;
/** Of an address, in bytes. */
export const ADDRESS_SIZES = { IPv4: 4, IPv6: 16 } as const;

/** The index that the loopback device has in every namespace (net/flow.h). */
export const LOOPBACK_IFINDEX = 1;

/** For ever, as a lifetime of an address (net/addrconf.h). */
export const INFINITY_LIFE_TIME = 0xffffffff;

/** `RT_SCOPE_*` (linux/rtnetlink.h). */
export const SCOPES = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

/** `RTPROT_*` (linux/rtnetlink.h). */
export const ROUTE_PROTOCOLS = {
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  dhcp: 16,
} as const;

/** linux/rtnetlink.h */
export const RTNH_F_ONLINK = 4;

/** The metric of an IPv6 route that is given none (linux/ipv6_route.h). */
export const IP6_RT_PRIO_USER = 1024;

/** `RT_TABLE_*` (linux/rtnetlink.h). */
export const ROUTE_TABLES = { default: 253, main: 254, local: 255 } as const;

/** How a request says a table: one above 255 does not fit its header, and is only in an attribute. */
export function tableFields(table: number): { table: number; tableId: number | undefined } {
  return table < 256 ? { table, tableId: undefined } : { table: 0, tableId: table };
}

/** `IPV4_DEVCONF_*` (linux/ip.h): the largest value that means something, or a flag. */
export const IPV4_SETTINGS = {
  arpNotify: 'flag',
  arpFilter: 'flag',
  arpIgnore: 8,
  arpAnnounce: 2,
  arpAccept: 2,
  proxyArp: 'flag',
  rpFilter: 2,
  acceptLocal: 'flag',
  promoteSecondaries: 'flag',
} as const satisfies Readonly<Record<keyof Ipv4Settings, number | 'flag'>>;

/** `RTN_*` (linux/rtnetlink.h). */
export const ROUTE_TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;

/** `FR_ACT_*` (linux/fib_rules.h). */
export const RULE_ACTIONS = {
  table: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
} as const;

/** linux/fib_rules.h */
export const FIB_RULE_INVERT = 2;

/** `NUD_*` (linux/neighbour.h): those that a neighbour can be given, and those that only the kernel gives. */
export const NEIGHBOUR_STATES = { permanent: 0x80, noarp: 0x40, reachable: 2, stale: 4 } as const;
export const PASSING_STATES = {
  none: 0,
  incomplete: 1,
  delay: 8,
  probe: 0x10,
  failed: 0x20,
} as const;
/** What a listed one is added as: one that is being asked again as one to ask, and a proxy, which has none, as any. */
export const LISTED_STATES = {
  ...NEIGHBOUR_STATES,
  delay: NEIGHBOUR_STATES.stale,
  probe: NEIGHBOUR_STATES.stale,
  none: NEIGHBOUR_STATES.permanent,
} as const;

/** `NTF_*` (linux/neighbour.h). */
export const NTF_PROXY = 8;
export const NTF_ROUTER = 0x80;

/** `IPPROTO_*` (linux/in.h, linux/in6.h). */
export const IP_PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

/** `IFA_F_*` (linux/if_addr.h), the flags that can be asked for, under `ip`'s names. */
export const ADDRESS_FLAGS = {
  nodad: 0x02,
  optimistic: 0x04,
  home: 0x10,
  mngtmpaddr: 0x100,
  noprefixroute: 0x200,
  autojoin: 0x400,
} as const;

/** `ETH_P_*` of a VLAN tag (linux/if_ether.h). */
export const VLAN_PROTOCOLS = { '802.1Q': 0x8100, '802.1ad': 0x88a8 } as const;

/** The word that stands for a number of one of these tables; `undefined` when none does. */
export function nameOf<Word extends string>(
  table: Readonly<Record<Word, number>>,
  value: number,
): Word | undefined {
  for (const word in table) if (table[word] === value) return word;
  return undefined;
}

/**
 * The most source MACs one list can hold. Each takes 12 bytes, and the lengths of the list and of
 * what it is nested in are 16 bits: with one more, the kernel's own answer has a wrapped length for
 * `IFLA_LINKINFO`, and the link's kind and all behind it are lost (Linux 6.18).
 */
export const MAX_SOURCES = 5_455;

/** The kernel's number for one of `words`; a number, also in decimal text, stands for itself. */
export function wordNumber(words: Readonly<Record<string, number>>, word: string | number): number {
  return typeof word === 'number' ? word : (words[word] ?? Number(word));
}

const MAC_LENGTH = 6;
const MAC_TEXT_LENGTH = 17;

/** The value of a hexadecimal digit, or -1. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The byte that two hexadecimal digits stand for, or negative. */
function hexByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/**
 * What keeps a text from being six bytes in hexadecimal: colons or dashes, upper or lower case. Of a neighbour any will
 * do, a multicast address as well.
 */
export function hardwareAddressFault(text: string): string | undefined {
  const separator = text.charCodeAt(2);
  let wellFormed = text.length === MAC_TEXT_LENGTH && (separator === 0x3a || separator === 0x2d);
  for (let at = 0; wellFormed && at < MAC_TEXT_LENGTH; at += 3) {
    const next = at + 2;
    wellFormed =
      hexByte(text, at) >= 0 && (next >= MAC_TEXT_LENGTH || text.charCodeAt(next) === separator);
  }
  return wellFormed ? undefined : "must be six hexadecimal bytes such as '02:00:5e:10:00:01'";
}

/** What keeps a text from being the MAC of a link or of a source: the rules of the kernel's `is_valid_ether_addr`. */
export function macFault(text: string): string | undefined {
  const fault = hardwareAddressFault(text);
  if (fault !== undefined) return fault;
  let anyBit = 0;
  for (let at = 0; at < MAC_TEXT_LENGTH; at += 3) anyBit |= hexByte(text, at);
  if (anyBit === 0) return 'must not be all zero';
  if ((hexByte(text, 0) & 1) !== 0) return 'must not be a multicast address';
  return undefined;
}

/** The six bytes of a MAC that {@link macFault} finds no fault with. */
export function parseMac(text: string): Uint8Array | null {
  return macFault(text) === undefined ? parseHardwareAddress(text) : null;
}

/** Six bytes that {@link hardwareAddressFault} finds no fault with. */
export function parseHardwareAddress(text: string): Uint8Array | null {
  if (hardwareAddressFault(text) !== undefined) return null;
  const bytes = new Uint8Array(MAC_LENGTH);
  for (let index = 0; index < MAC_LENGTH; index++) bytes[index] = hexByte(text, index * 3);
  return bytes;
}

/** `'02:00:5e:10:00:01'`: lower case, with colons, as the kernel's tools print it. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Random bytes for MACs that come: filled for many at once, because each fill is a system call. */
const macPool = new Uint8Array(MAC_LENGTH * 256);
let macPoolUsed = macPool.length;

/** A random MAC: unicast, with the bit that says it is locally administered. */
export function randomMac(): Uint8Array {
  if (macPoolUsed === macPool.length) {
    randomFillSync(macPool);
    macPoolUsed = 0;
  }
  const bytes = macPool.slice(macPoolUsed, macPoolUsed + MAC_LENGTH);
  macPoolUsed += MAC_LENGTH;
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02;
  return bytes;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const WHITE_SPACE = /[\s\x85]/;

/** What makes a text something else than itself once it is a C string in UTF-8, or too long. */
export function textFault(text: string, maxBytes: number): string | undefined {
  if (text === '') return 'must not be empty';
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    return `must not be longer than ${maxBytes} bytes`;
  }
  if (text.includes('\0')) return 'must not hold a NUL character';
  if (LONE_SURROGATE.test(text)) return 'must be well-formed Unicode';
  return undefined;
}

/**
 * What keeps a text from being a link's new name. The kernel's rules (`dev_valid_name`,
 * net/core/dev.c), and no `%`: the kernel would take `eth%d` for a template and number it. Its
 * `isspace` goes byte by byte and counts 0xa0, so that it refuses `à` (c3 a0) too.
 */
export function linkNameFault(name: string): string | undefined {
  const fault = textFault(name, 15);
  if (fault !== undefined) return fault;
  if (name === '.' || name === '..') return "must not be '.' or '..'";
  if (/[/:%]/.test(name)) return "must not hold '/', ':' or '%'";
  if (WHITE_SPACE.test(name)) return 'must not hold white space';
  if (/[^\0-\x7f]/.test(name) && Buffer.from(name).includes(0xa0)) {
    return 'must not hold a character whose UTF-8 form has the byte 0xa0, white space to the kernel';
  }
  return undefined;
}

/** What keeps a text from being a link's new alternative name (`ALTIFNAMSIZ`). */
export function altNameFault(name: string): string | undefined {
  const fault = textFault(name, 127);
  if (fault !== undefined) return fault;
  if (name.includes('/')) return "must not hold '/'";
  if (WHITE_SPACE.test(name)) return 'must not hold white space';
  return undefined;
}

/** What keeps a text from being looked up as a name or alternative name, whoever gave it. */
export function knownNameFault(name: string): string | undefined {
  return textFault(name, 127);
}

/** What keeps a text from being a link's alias (`IFALIASZ`). */
export function aliasFault(alias: string): string | undefined {
  return textFault(alias, 255);
}

/** What keeps a text from being an IPv4 address's label (`IFA_LABEL`). */
export function labelFault(label: string): string | undefined {
  return textFault(label, 15);
}

/** What keeps a text from being a file name under /run/netns: the rules of `ip netns`. */
export function netnsNameFault(name: string): string | undefined {
  const fault = textFault(name, 255);
  if (fault !== undefined) return fault;
  if (name === '.' || name === '..') return "must not be '.' or '..'";
  return name.includes('/') ? "must not hold '/'" : undefined;
}

/** What keeps a text from naming a namespace: a path when it has a `/`, otherwise a name. */
export function netnsRefFault(text: string): string | undefined {
  return text.includes('/') ? textFault(text, 4095) : netnsNameFault(text);
}

/** Four or sixteen bytes. Zones (`fe80::1%eth0`) are refused: what they name is a link. */
export function parseIp(text: string): Uint8Array | null {
  if (!text.includes(':')) return parseIPv4(text);
  if (!isIPv6(text) || text.includes('%')) return null;
  const bytes = new Uint8Array(16);
  const [head = '', tail] = text.split('::');
  writeGroups(bytes, head, 0);
  if (tail !== undefined) writeGroups(bytes, tail, 16 - groupBytes(tail));
  return bytes;
}

/** The family of an address's bytes. */
export function familyOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? AF_INET : AF_INET6;
}

/** Four decimal bytes without leading zeros, which some readers take for octal. */
function parseIPv4(text: string): Uint8Array | null {
  const bytes = new Uint8Array(4);
  let at = 0;
  for (let index = 0; index < 4; index++) {
    const start = at;
    let value = 0;
    for (let digit = text.charCodeAt(at) - 0x30; digit >= 0 && digit <= 9; ) {
      value = value * 10 + digit;
      digit = text.charCodeAt(++at) - 0x30;
    }
    const length = at - start;
    if (length === 0 || length > 3 || value > 255) return null;
    if (length > 1 && text.charCodeAt(start) === 0x30) return null;
    if (index < 3 && text.charCodeAt(at++) !== 0x2e) return null;
    bytes[index] = value;
  }
  return at === text.length ? bytes : null;
}

function groupBytes(groups: string): number {
  if (groups === '') return 0;
  return groups.split(':').length * 2 + (groups.includes('.') ? 2 : 0);
}

function writeGroups(bytes: Uint8Array, groups: string, offset: number): void {
  if (groups === '') return;
  let at = offset;
  for (const group of groups.split(':')) {
    if (group.includes('.')) {
      bytes.set(parseIPv4(group) as Uint8Array, at);
    } else {
      const value = Number.parseInt(group, 16);
      bytes[at++] = value >> 8;
      bytes[at++] = value & 0xff;
    }
  }
}

/** The canonical text (RFC 5952), the same as `inet_ntop` gives and `ip` prints. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) {
    groups.push(((bytes[at] as number) << 8) | (bytes[at + 1] as number));
  }
  let start = 0;
  let length = 0;
  for (let from = 0, run = 0; from < 8; from++) {
    run = groups[from] === 0 ? run + 1 : 0;
    if (run > length) {
      length = run;
      start = from - run + 1;
    }
  }
  if (length < 2) return joinGroups(groups);
  // The last four bytes are an IPv4 address in ::/96 and in ::ffff:0:0/96.
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    return `::${length === 5 ? 'ffff:' : ''}${bytes.subarray(12).join('.')}`;
  }
  return `${joinGroups(groups.slice(0, start))}::${joinGroups(groups.slice(start + length))}`;
}

function joinGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

/** An IP address and the prefix length said with it, if one was. */
export interface Prefix {
  readonly bytes: Uint8Array;
  readonly prefixLength: number | null;
}

/** Reads `'10.0.0.1/24'`, `'fd00::/8'` or an address alone. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  const bytes = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  if (slash < 0) return { bytes, prefixLength: null };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bytes.length * 8) return null;
  return { bytes, prefixLength: Number(digits) };
}

/** The prefix length; of an address alone all its bits, and of no prefix none. */
export function prefixLengthOf(prefix: Prefix | null): number {
  return prefix === null ? 0 : (prefix.prefixLength ?? prefix.bytes.length * 8);
}

/** The address with the bits after its prefix cleared. */
export function networkOf(bytes: Uint8Array, prefixLength: number): Uint8Array {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff00 >> kept);
  });
}
