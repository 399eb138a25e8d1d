/** A sample link, address and route, and the kernel's messages about such items. */
import { makeNews, type News } from '../../lib/records/news.js';
import type { Address, Link, Route } from '../../lib/types/types.js';
import type { Listing, Steps, Wanted } from '../../lib/watch/picture.js';

export const aLink: Link = {
  index: 1,
  name: 'eth0',
  netns: 4026531840,
  kind: 'veth',
  type: 'ether',
  mac: '02:00:5e:10:00:01',
  broadcast: 'ff:ff:ff:ff:ff:ff',
  mtu: 1500,
  minMtu: 68,
  maxMtu: 65535,
  up: true,
  lowerUp: true,
  running: true,
  carrier: true,
  promiscuous: false,
  promiscuity: 0,
  allMulticast: false,
  arp: true,
  multicast: true,
  flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
  operState: 'up',
  qdisc: 'noqueue',
  txQueueLen: 1000,
  numTxQueues: 1,
  numRxQueues: 1,
  group: 0,
  alias: null,
  altNames: [],
  master: null,
  parent: { index: 2, netnsid: null },
  addrGenMode: 'eui64',
  stats: null,
};

export const anAddress: Address = {
  address: '192.0.2.1',
  prefixLength: 24,
  cidr: '192.0.2.1/24',
  family: 'IPv4',
  linkIndex: 1,
  scope: 'global',
  label: 'eth0',
  broadcast: null,
  peer: null,
  flags: ['permanent'],
  validLifetime: Number.POSITIVE_INFINITY,
  preferredLifetime: Number.POSITIVE_INFINITY,
  metric: 0,
};

export const aRoute: Route = {
  to: '198.51.100.0/24',
  from: null,
  tos: 0,
  family: 'IPv4',
  via: '192.0.2.254',
  link: 1,
  metric: 0,
  table: 254,
  source: null,
  scope: 'global',
  protocol: 'static',
  type: 'unicast',
  onlink: false,
  mtu: null,
  advmss: null,
  nextHops: [],
  nexthopId: null,
};

export const ALL: Wanted = { addresses: true, routes: true };
export const NOTHING: Listing = { links: [], addresses: [], routes: [] };
export const NEW = 0xffffffff;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

export const linkNews = (link: Link, change = 0): News => {
  return makeNews(0, false, link, 0, link.index, change);
};
export const linkGone = (link: Link, ...more: [netnsid?: number, index?: number]): News => {
  return makeNews(0, true, link, 0, link.index, NEW, ...more);
};
/** The same as a reading that waits gives it: without the link. */
export const linkGoneBriefly = ({ index }: Link): News => {
  return makeNews(0, true, undefined, 0, index, NEW);
};
export const addressNews = (address: Address, removed = false): News => {
  return makeNews(1, removed, address, 0);
};
export const routeNews = (
  route: Route,
  removed = false,
  flags = removed ? 0 : NLM_F_CREATE,
): News => {
  return makeNews(2, removed, route, flags);
};
export const nextHopNews = (): News => makeNews(3, false, undefined, 0);

/** The events among the steps. */
export const eventsOf = (steps: Steps) => [...steps].filter((step) => step !== undefined);
