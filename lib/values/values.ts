/** The kernel's numbers for the words that options and results are made of. */

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
/** The families that are asked for: both where none is said. */
export function familiesOf(said: keyof typeof FAMILIES | undefined): readonly number[] {
  return said === undefined ? Object.values(FAMILIES) : [FAMILIES[said]];
}
/** The size of an address, in bytes. */
export const ADDRESS_SIZES = { IPv4: 4, IPv6: 16 } as const;
/** The least MTU that a family works with on a link (IPV4_MIN_MTU, IPV6_MIN_MTU). */
export const MIN_MTU = { IPv4: 68, IPv6: 1280 } as const;

/** The index that the loopback device has in every namespace (net/flow.h). */
export const LOOPBACK_IFINDEX = 1;

/** The lifetime of an address that stays for ever (net/addrconf.h). */
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

/** What a link's setting takes: a flag, or the least and the largest number that means something. */
export type SettingValue = 'flag' | readonly [least: number, most: number];

/** `IPV4_DEVCONF_*` (linux/ip.h). */
export const IPV4_SETTINGS = {
  arpNotify: 'flag',
  arpFilter: 'flag',
  arpIgnore: [0, 8],
  arpAnnounce: [0, 2],
  arpAccept: [0, 2],
  proxyArp: 'flag',
  rpFilter: [0, 2],
  acceptLocal: 'flag',
  promoteSecondaries: 'flag',
} as const satisfies Readonly<Record<string, SettingValue>>;

/**
 * The files below net/ipv6/conf/NAME (net/ipv6/addrconf.c, addrconf_sysctl), in the order in which they are written: on
 * a link that is up, IPv6 begins with the last one.
 */
export const IPV6_SETTINGS = {
  acceptRa: { file: 'accept_ra', takes: [0, 2] },
  acceptRaDefrtr: { file: 'accept_ra_defrtr', takes: 'flag' },
  autoconf: { file: 'autoconf', takes: 'flag' },
  acceptDad: { file: 'accept_dad', takes: [0, 2] },
  ndiscNotify: { file: 'ndisc_notify', takes: 'flag' },
  useTempaddr: { file: 'use_tempaddr', takes: [-1, 2] },
  disableIpv6: { file: 'disable_ipv6', takes: 'flag' },
} as const satisfies Readonly<
  Record<string, { readonly file: string; readonly takes: SettingValue }>
>;

/** `RTN_*` (linux/rtnetlink.h): those of routes that lead to no link, and all. */
export const LINKLESS_TYPES = { blackhole: 6, unreachable: 7, prohibit: 8, throw: 9 } as const;
export const ROUTE_TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  ...LINKLESS_TYPES,
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

/** The same, but for a number without a word here the number itself, in decimal. */
export function wordOrNumber<Word extends string>(
  table: Readonly<Record<Word, number>>,
  value: number,
): Word {
  return nameOf(table, value) ?? (String(value) as Word);
}

/**
 * The most source MACs one list can hold. Each takes 12 bytes, and the lengths of the list and of
 * what it is nested in are 16 bits: with one more, the kernel's own answer has a wrapped length for
 * `IFLA_LINKINFO`, and the link's kind and all behind it are lost (Linux 6.18). What a port says of
 * itself is in there, too: in a bridge it is 5,426.
 */
export const MAX_SOURCES = 5_455;

type Words = Readonly<Record<string, number>>;

/**
 * The kernel's number for one of `words`; a number, also in decimal text, stands for itself. `undefined` for a word
 * that is left out.
 */
export function wordNumber(words: Words, word: string | number): number;
export function wordNumber(
  words: Words,
  word: string | number | null | undefined,
): number | undefined;
export function wordNumber(words: Words, word: string | number | null | undefined) {
  return typeof word === 'string' ? (words[word] ?? Number(word)) : (word ?? undefined);
}
