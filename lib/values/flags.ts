/** Flags and numbers of links and addresses, named as `ip` prints them. */
import { ADDRESS_FLAGS } from './values.js';

/** `IFF_*` (linux/if.h), named as `ip` prints them and in its order. */
const LINK_FLAGS: readonly (readonly [number, string])[] = [
  [0x8, 'LOOPBACK'],
  [0x2, 'BROADCAST'],
  [0x10, 'POINTOPOINT'],
  [0x1000, 'MULTICAST'],
  [0x80, 'NOARP'],
  [0x200, 'ALLMULTI'],
  [0x100, 'PROMISC'],
  [0x400, 'MASTER'],
  [0x800, 'SLAVE'],
  [0x4, 'DEBUG'],
  [0x8000, 'DYNAMIC'],
  [0x4000, 'AUTOMEDIA'],
  [0x2000, 'PORTSEL'],
  [0x20, 'NOTRAILERS'],
  [0x1, 'UP'],
  [0x10000, 'LOWER_UP'],
  [0x20000, 'DORMANT'],
  [0x40000, 'ECHO'],
];

export const IFF_UP = 0x1;
export const IFF_NOARP = 0x80;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;
export const IFF_MULTICAST = 0x1000;
const IFF_RUNNING = 0x40;
const IFF_LOWER_UP = 0x10000;

/** `ip` prints what remains in hexadecimal. */
const KNOWN_LINK_FLAGS = LINK_FLAGS.reduce((sum, [bit]) => sum | bit, IFF_RUNNING);

/** `ARPHRD_*` (linux/if_arp.h), named as `ip` prints them. */
export const LINK_TYPES: Readonly<Record<number, string>> = {
  1: 'ether',
  24: 'ieee1394',
  32: 'infiniband',
  280: 'can',
  512: 'ppp',
  519: 'rawip',
  768: 'ipip',
  769: 'tunnel6',
  772: 'loopback',
  776: 'sit',
  778: 'gre',
  801: 'ieee802.11',
  803: 'ieee802.11/radiotap',
  823: 'gre6',
  824: 'netlink',
  826: 'vsockmon',
  65534: 'none',
  65535: 'void',
};

/** `IF_OPER_*` (linux/if.h), by number. */
export const OPER_STATES = [
  'unknown',
  'notpresent',
  'down',
  'lowerlayerdown',
  'testing',
  'dormant',
  'up',
] as const;

/** `IFA_F_*` (linux/if_addr.h), by bit; the first bit means something else in each family. */
const ADDRESS_FLAG_NAMES = Object.entries({
  ...ADDRESS_FLAGS,
  dadfailed: 0x08,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  'stable-privacy': 0x800,
})
  .map(([name, bit]) => [bit, name] as const)
  .sort(([one], [other]) => one - other);

/** Flags recur with every link, so what a combination says is made once and frozen. */
function memoised<T extends object>(make: (bits: number) => T): (bits: number) => Readonly<T> {
  const made = new Map<number, Readonly<T>>();
  return (bits) => {
    let said = made.get(bits);
    if (said === undefined) {
      said = Object.freeze(make(bits));
      made.set(bits, said);
    }
    return said;
  };
}

function namesOf(rows: readonly (readonly [number, string])[], bits: number): string[] {
  return rows.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
}

function linkFlagNames(bits: number): string[] {
  const names = namesOf(LINK_FLAGS, bits);
  const others = (bits & ~KNOWN_LINK_FLAGS) >>> 0;
  if (others !== 0) names.push(others.toString(16));
  return (bits & IFF_UP) !== 0 && (bits & IFF_RUNNING) === 0 ? ['NO-CARRIER', ...names] : names;
}

/** What the flags of a link say. */
export const linkFlags = memoised((bits) => ({
  names: Object.freeze(linkFlagNames(bits)),
  up: (bits & IFF_UP) !== 0,
  lowerUp: (bits & IFF_LOWER_UP) !== 0,
  running: (bits & IFF_RUNNING) !== 0,
  promiscuous: (bits & IFF_PROMISC) !== 0,
  allMulticast: (bits & IFF_ALLMULTI) !== 0,
  arp: (bits & IFF_NOARP) === 0,
  multicast: (bits & IFF_MULTICAST) !== 0,
}));
export const addressFlagNames4 = memoised((bits) => addressFlags(bits, 'secondary'));
export const addressFlagNames6 = memoised((bits) => addressFlags(bits, 'temporary'));

/** All the names that an address can be listed with. */
export const LISTED_ADDRESS_FLAGS: object = Object.fromEntries(
  ['secondary', 'temporary', 'dynamic', ...ADDRESS_FLAG_NAMES.map(([, name]) => name)].map(
    (name) => [name, true],
  ),
);

function addressFlags(bits: number, first: string): string[] {
  const names = namesOf(ADDRESS_FLAG_NAMES, bits);
  if ((bits & 0x80) === 0) names.unshift('dynamic');
  return (bits & 1) !== 0 ? [first, ...names] : names;
}
