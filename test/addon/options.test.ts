// Each option is not only accepted, but also sent to the kernel, also where an accessor gives it.
import { expect, test } from 'vitest';
import { snapshot } from '../../lib/check/snapshot.js';
import { createLink } from '../../lib/creation/kinds.js';
import { setMacvlan } from '../../lib/creation/macvlan.js';
import { changeAddress } from '../../lib/inet/addresses.js';
import { putNeighbour } from '../../lib/inet/neighbours.js';
import { changeRoute } from '../../lib/inet/routes.js';
import { addRule } from '../../lib/inet/rules.js';
import { setLink } from '../../lib/links/setLink.js';
import { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import type {
  AddressOptions,
  CreateVethOptions,
  CreateVlanOptions,
  LinkChanges,
  LinkOptions,
  MacvlanChanges,
  MacvlanCommonOptions,
  NeighbourOptions,
  RouteOptions,
  RuleOptions,
  VethPeerOptions,
} from '../../lib/types/types.js';
import { Agreeable } from '../support/agreeable.js';

const mac = '02:00:5e:10:00:01';

/** All options but those that are not part of a request: the namespace of a new link, its kind, and the signal. */
type Every<Options> = Omit<Required<Options>, 'netns' | 'signal' | 'kind'>;

const LINK = {
  name: 'macv1',
  index: 7,
  mac,
  mtu: 1400,
  up: true,
  txQueueLen: 500,
  numTxQueues: 2,
  numRxQueues: 3,
  group: 9,
  alias: 'a text',
  altNames: ['web'],
  addresses: ['52.1.1.151/24'],
  routes: [{ to: 'default', via: '52.1.1.1' }],
  promiscuous: true,
  allMulticast: true,
  master: 4,
  addrGenMode: 'none',
  ipv4: { arpNotify: true },
  ipv6: { acceptRa: 0 },
} satisfies Every<LinkOptions>;

const MACVLAN = {
  ...LINK,
  parent: 3,
  bcQueueLen: 10,
  bcCutoff: 5,
} satisfies Every<MacvlanCommonOptions>;
const VLAN = { ...LINK, parent: 3, id: 5, protocol: '802.1ad' } satisfies Every<CreateVlanOptions>;
const PEER = { name: 'v1', mac, mtu: 1300, up: true, master: 5 } satisfies Every<VethPeerOptions>;
const VETH = { ...LINK, peer: PEER } satisfies Every<CreateVethOptions>;

const LINK_CHANGES = {
  name: 'macv1',
  mac,
  mtu: 1400,
  up: true,
  promiscuous: true,
  allMulticast: true,
  arp: false,
  multicast: true,
  txQueueLen: 500,
  group: 9,
  alias: 'a text',
  master: 4,
  addAltNames: ['web'],
  removeAltNames: ['mail'],
  addrGenMode: 'none',
  ipv4: { arpNotify: true },
  ipv6: { acceptRa: 0 },
  bridgePort: { hairpin: true },
} satisfies Every<LinkChanges>;

const SOURCE_CHANGES = { mode: 'source', sources: [mac], nodst: true, bcQueueLen: 10, bcCutoff: 5 };
const PASSTHRU_CHANGES = { mode: 'passthru', nopromisc: true };
({ ...SOURCE_CHANGES, ...PASSTHRU_CHANGES }) satisfies {
  [name in keyof Every<MacvlanChanges>]: unknown;
};

const ADDRESS = {
  address: '10.0.0.1',
  prefixLength: 24,
  peer: '10.0.0.2',
  broadcast: '10.0.0.255',
  label: 'macv1:a',
  scope: 'link',
  flags: ['noprefixroute'],
  validLifetime: 100,
  preferredLifetime: 50,
  metric: 9,
} satisfies Every<AddressOptions>;

const ROUTE = {
  to: '10.9.0.0/16',
  tos: 16,
  via: '10.0.0.2',
  link: 3,
  metric: 9,
  table: 100,
  source: '10.0.0.1',
  scope: 'site',
  protocol: 'boot',
  type: 'multicast',
  onlink: true,
  mtu: 1400,
  advmss: 1300,
  append: true,
};
const DEFAULT6 = { to: 'default', link: 3, family: 'IPv6' };
const ROUTE6 = { to: 'fd09::/64', from: 'fd00::/64', link: 3 };
const OTHER_WAYS = [
  { to: '10.9.0.0/16', nextHops: [{ via: '10.0.0.2', link: 3 }] },
  { to: '10.9.0.0/16', nexthopId: 5 },
] as const;
({ ...ROUTE, ...DEFAULT6, ...ROUTE6, ...OTHER_WAYS[0], ...OTHER_WAYS[1] }) satisfies {
  [name in keyof Every<RouteOptions>]: unknown;
};

const RULE = {
  priority: 100,
  from: '10.0.0.0/24',
  to: '10.9.0.0/16',
  tos: 16,
  iif: 'macv1',
  oif: 'macv2',
  fwmark: 5,
  fwmask: 255,
  ipProtocol: 'tcp',
  sourcePorts: 80,
  destinationPorts: [1000, 2000],
  uidRange: [0, 1000],
  invert: true,
  table: 100,
  suppressPrefixLength: 0,
  suppressGroup: 3,
  protocol: 'boot',
};
const OTHER_RULES = [
  { priority: 100, family: 'IPv6' },
  { priority: 100, goto: 200 },
  { priority: 100, action: 'blackhole' },
  { priority: 100, l3mdev: true },
] as const;
({
  ...RULE,
  ...OTHER_RULES[0],
  ...OTHER_RULES[1],
  ...OTHER_RULES[2],
  ...OTHER_RULES[3],
}) satisfies {
  [name in keyof Every<RuleOptions>]: unknown;
};

const NEIGHBOUR = {
  address: '10.0.0.9',
  mac,
  state: 'stale',
  router: true,
  protocol: 'static',
} as const;
const PROXY = { address: '10.0.0.9', proxy: true };
({ ...NEIGHBOUR, ...PROXY }) satisfies Every<NeighbourOptions>;

type Operation = (namespace: Namespace, call: Call, options: never) => Promise<unknown>;
const address: Operation = (namespace, call, options) =>
  changeAddress(namespace, call, 'addAddress', 3, options);
const route: Operation = (namespace, call, options) =>
  changeRoute(namespace, call, 'addRoute', options);
const rule: Operation = (namespace, call, options) => addRule(namespace, call, options);
const neighbour: Operation = (namespace, call, options) =>
  putNeighbour(namespace, call, 'addNeighbour', 3, options);
const changes: Operation = (namespace, call, options) => setLink(namespace, call, 3, options);
const macvlanChanges: Operation = (namespace, call, options) =>
  setMacvlan(namespace, call, 3, options);

/** The requests of an operation, or the error that it rejects with. */
async function askedBy(operation: Operation, options: object): Promise<string> {
  const namespace = new Agreeable();
  const call = new Call('operation', null, undefined);
  try {
    await operation(namespace, call, options as never);
  } catch (error) {
    return String(error);
  }
  return JSON.stringify([namespace.steps, namespace.settings]);
}

/** Each option's name with the options without it, also for options inside options. */
function* without(options: object, path = ''): Generator<[string, object]> {
  for (const [name, value] of Object.entries(options)) {
    yield [`${path}${name}`, { ...options, [name]: undefined }];
    if (typeof value !== 'object' || Array.isArray(value)) continue;
    for (const [inner, rest] of without(value, `${name}.`)) {
      yield [inner, { ...options, [name]: rest }];
    }
  }
}

/** An instance of a class whose accessors give the options, as an operation of `Netns` takes it. */
function behindAccessors(options: object): object {
  class Options {}
  for (const [name, value] of Object.entries(options)) {
    Object.defineProperty(Options.prototype, name, { get: () => value });
  }
  return snapshot(new Options());
}

test.each<[string, Operation, object]>([
  ['createLink, of a macvlan', createLink, { kind: 'macvlan', ...MACVLAN, mode: 'bridge' }],
  [
    'createLink, of a macvlan in mode source',
    createLink,
    { kind: 'macvlan', parent: 3, mac, index: 7, mode: 'source', sources: [mac], nodst: true },
  ],
  [
    'createLink, of a macvlan in mode passthru',
    createLink,
    { kind: 'macvtap', parent: 3, index: 7, mode: 'passthru', nopromisc: true },
  ],
  ['createLink, of a veth', createLink, { kind: 'veth', ...VETH }],
  ['createLink, of a VLAN', createLink, { kind: 'vlan', ...VLAN }],
  ['createLink, of a bridge', createLink, { kind: 'bridge', ...LINK }],
  ['setLink', changes, LINK_CHANGES],
  ['setMacvlan, in mode source', macvlanChanges, SOURCE_CHANGES],
  ['setMacvlan, in mode passthru', macvlanChanges, PASSTHRU_CHANGES],
  ['addAddress', address, ADDRESS],
  ['addRoute, of IPv4', route, ROUTE],
  ['addRoute, of IPv6', route, ROUTE6],
  ['addRoute, of a default route of IPv6', route, DEFAULT6],
  ['addRoute, with several ways', route, OTHER_WAYS[0]],
  ['addRoute, by a next hop object', route, OTHER_WAYS[1]],
  ['addNeighbour', neighbour, NEIGHBOUR],
  ['addNeighbour, of a proxy', neighbour, PROXY],
  ['addRule', rule, RULE],
  ['addRule, of IPv6', rule, OTHER_RULES[0]],
  ['addRule, to another', rule, OTHER_RULES[1]],
  ['addRule, without a route', rule, OTHER_RULES[2]],
  ['addRule, of VRFs', rule, OTHER_RULES[3]],
])('%s sends each of its options', async (_, operation, options) => {
  const all = await askedBy(operation, options);
  expect(all).not.toMatch(/Error/);
  expect(await askedBy(operation, options)).toBe(all);
  expect(await askedBy(operation, behindAccessors(options))).toBe(all);
  const ignored: string[] = [];
  for (const [name, rest] of without(options)) {
    if ((await askedBy(operation, rest)) === all) ignored.push(name);
  }
  expect(ignored).toEqual([]);
});
