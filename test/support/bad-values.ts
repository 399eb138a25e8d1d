/** Values that options must not have, each list for one kind of option. */
import type { LinkOptions } from '../../lib/index.js';

export const long = 'x'.repeat(100_000);
export const notNumbers = ['7', null, true, 7n, {}, [7], Symbol('seven')];
export const notIntegers = [
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
];
export const notFlags = [0, 1, 'true', null, {}];
export const notStrings = [7, null, true, {}, ['text'], Symbol('text')];
export const notObjects = [
  null,
  7,
  'text',
  true,
  [],
  Symbol('options'),
  7n,
  Promise.resolve({ mtu: 1400 }),
];
export const notMacs = [
  '',
  '02:00:00:00:00',
  '02:00:00:00:00:0g',
  '02:00:00:00:00:01:02',
  '02-00:00-00:00-01',
  '020000000001',
  '00:00:00:00:00:00',
  'ff:ff:ff:ff:ff:ff',
  '01:00:5e:00:00:01',
  long,
  ...notStrings,
];
export const notNames = [
  '',
  'x'.repeat(16),
  'ü'.repeat(8),
  '.',
  '..',
  'a/b',
  'a:b',
  'a b',
  'a\tb',
  'a\nb',
  'a\0b',
  'eth%d',
  '\ud800',
  long,
  ...notStrings,
];
export const notLinks = [
  '',
  'a\0b',
  'x'.repeat(128),
  long,
  0,
  -1,
  1.5,
  Number.NaN,
  2 ** 31,
  null,
  true,
  {},
  [],
  7n,
  () => 1,
];
export const notNetns = [
  '',
  '.',
  '..',
  'a\0b',
  null,
  7,
  true,
  {},
  [],
  { pid: '1' },
  { pid: 0 },
  { fd: -1 },
  { fd: 1.5 },
  { fd: Object.create(null) },
  { pid: 1, fd: 1 },
  long,
];
const notAltNames = ['', 'x'.repeat(128), 'a/b', 'a b', 'a\0b', ...notStrings];
const notPrefixes = [
  '',
  '10.1.1.1',
  '10.1.1.1/33',
  '10.1.1.1/-1',
  '10.1.1/24',
  '10.1.1.256/24',
  'fd00::1/129',
  'fd00::1',
  'fe80::1%lo/64',
  'text',
  long,
  7,
  null,
];

/** For each option, values that it must not have. */
export type Rows = Readonly<Record<string, readonly unknown[]>>;

/** What a new link of any kind takes. */
export const LINK = {
  name: notNames,
  netns: notNetns,
  index: [0, -1, 2 ** 31, ...notIntegers, ...notNumbers],
  mac: notMacs,
  mtu: [-1, 2 ** 31, ...notIntegers, ...notNumbers],
  txQueueLen: [-1, 2 ** 32, ...notIntegers, ...notNumbers],
  numTxQueues: [0, -1, 4097, ...notIntegers, ...notNumbers],
  numRxQueues: [0, -1, 4097, ...notIntegers, ...notNumbers],
  group: [-1, 2 ** 32, ...notIntegers, ...notNumbers],
  alias: ['', 'x'.repeat(256), 'a\0b', '\udfff', long, ...notStrings],
  altNames: [null, 'text', {}, new Array(401).fill('x')],
  up: notFlags,
  promiscuous: notFlags,
  allMulticast: notFlags,
  addresses: [null, '10.1.1.1/24', {}],
  routes: [null, 'default', {}],
  master: notLinks,
  addrGenMode: ['', 'none ', 'toString', '__proto__', 0, null],
  ipv4: notObjects,
  'ipv4.arpNotify': notFlags,
  'ipv4.rpFilter': [-1, 3, ...notIntegers, ...notNumbers],
  ipv6: notObjects,
  'ipv6.disableIpv6': notFlags,
  'ipv6.useTempaddr': [-2, 3, ...notIntegers, ...notNumbers],
  signal: [null, 'text', 7, {}],
} satisfies Rows & Record<keyof LinkOptions, readonly unknown[]>;
/** Entries of its lists. */
export const LINK_ITEMS: Rows = {
  'altNames[1]': notAltNames,
  'addresses[0]': notPrefixes,
  'routes[0].type': ['blackhole', 'unreachable', 'prohibit', 'throw'],
  'routes[0].nexthopId': [5],
  'routes[0].nextHops': [[{ via: '10.0.0.2' }]],
};
/** What a new macvlan takes, in mode vepa. */
export const MACVLAN: Rows = {
  ...LINK,
  parent: [undefined, ...notLinks],
  mode: ['', 'Bridge', 'bridge ', 'toString', '__proto__', 4, null, ['bridge']],
  bcQueueLen: [-1, 2 ** 32, ...notIntegers, ...notNumbers],
  bcCutoff: [2 ** 31, -(2 ** 31) - 1, ...notIntegers, ...notNumbers],
  nopromisc: [...notFlags, true, false],
  nodst: [...notFlags, true, false],
  sources: [null, 'text', {}, [], ['02:00:00:00:00:01'], new Array(5456).fill('02:00:00:00:00:01')],
  moed: ['bridge'],
  constructor: [1],
};
