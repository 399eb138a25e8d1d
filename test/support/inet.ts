/**
 * Addresses and routes as `ip -j -d` prints them, what the library should make of them, and links to
 * try both on.
 */
import { expect } from 'vitest';
import type { Address, Netns, Route, Rule } from '../../lib/index.js';
import type { IpAddress } from './ip.js';
import type { Testbed, TestNetns } from './testbed.js';

export type { IpAddress } from './ip.js';

const notFlags =
  /^(family|local|address|prefixlen|scope|label|broadcast|metric|.*_life_time|protocol)$/;

export const FOR_EVER = 2 ** 32 - 1;

interface AddressBench {
  readonly host: TestNetns;
  readonly netns: Netns;
  readonly link: string;
  /** What `ip` shows on the link now. */
  readonly shown: () => Promise<IpAddress[]>;
}

/** A namespace with a link that has no address. */
export async function addressBench(bed: Testbed): Promise<AddressBench> {
  const host = await bed.makeNetns();
  const link = await host.parent();
  const shown = async () => {
    const text = await host.ip('-j', '-d', 'address', 'show', 'dev', link);
    return (JSON.parse(text) as [{ addr_info: IpAddress[] }])[0].addr_info;
  };
  return { host, netns: host.netns, link, shown };
}

/** What the library should list for what `ip` shows; times are compared elsewhere. */
export function expectedAddress(
  shown: IpAddress,
  linkIndex: number,
): Omit<Address, `${string}Lifetime`> {
  const flags = Object.keys(shown).filter((key) => !notFlags.test(key));
  return {
    address: shown.local,
    prefixLength: shown.prefixlen,
    cidr: `${shown.local}/${shown.prefixlen}`,
    family: shown.family === 'inet' ? 'IPv4' : 'IPv6',
    linkIndex,
    scope: shown.scope,
    label: shown.label ?? null,
    broadcast: shown.broadcast ?? null,
    peer: shown.address ?? null,
    flags: expect.toSatisfy((list: string[]) => {
      const known = list.filter((flag) => flag !== 'permanent').sort();
      // `ip` says `dynamic` of what is not permanent.
      return (
        known.join() === flags.sort().join() &&
        list.includes('permanent') !== flags.includes('dynamic')
      );
    }),
    metric: shown.metric ?? 0,
  };
}

/** What a listed rule has where it says nothing. */
export const SAYS_NOTHING = {
  from: null,
  to: null,
  tos: 0,
  iif: null,
  oif: null,
  fwmark: null,
  fwmask: null,
  ipProtocol: null,
  sourcePorts: null,
  destinationPorts: null,
  uidRange: null,
  invert: false,
  goto: null,
  l3mdev: false,
  suppressPrefixLength: null,
  suppressGroup: null,
} as const satisfies Partial<Rule>;

/** A route as `ip -j -d route` prints it. */
export interface IpRoute {
  readonly type: string;
  readonly dst: string;
  readonly from?: string;
  readonly tos?: string;
  readonly gateway?: string;
  readonly via?: { readonly family: string; readonly host: string };
  readonly dev?: string;
  readonly table: string;
  readonly protocol: string;
  readonly scope: string;
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly nhid?: number;
  readonly flags: readonly string[];
  readonly metrics?: readonly { readonly mtu?: number; readonly advmss?: number }[];
  readonly nexthops?: readonly {
    readonly gateway?: string;
    readonly dev: string;
    readonly weight: number;
    readonly flags: readonly string[];
  }[];
}

export interface RouteBench {
  readonly host: TestNetns;
  readonly netns: Netns;
  /** With 10.0.0.1/24 and fd00::1/64 on it. */
  readonly link: string;
  readonly index: number;
  /** What `ip` shows of both families, but for what the kernel makes by itself. */
  readonly shown: () => Promise<IpRoute[]>;
}

/** The routes of every table. */
export async function routesShown(host: TestNetns, family: '-4' | '-6'): Promise<IpRoute[]> {
  return JSON.parse(await host.ip(family, '-j', '-d', 'route', 'show', 'table', 'all'));
}

/** A namespace with a link that has an address of each family. */
export async function routeBench(bed: Testbed): Promise<RouteBench> {
  const host = await bed.makeNetns();
  const link = await host.parent();
  await host.ip('address', 'add', '10.0.0.1/24', 'dev', link);
  await host.ip('address', 'add', 'fd00::1/64', 'nodad', 'dev', link);
  const shown = async () => {
    const routes = [...(await routesShown(host, '-4')), ...(await routesShown(host, '-6'))];
    return routes.filter(({ protocol }) => protocol !== 'kernel');
  };
  return { host, netns: host.netns, link, index: (await host.link(link)).ifindex, shown };
}

/** The numbers of the tables that `ip` names. */
export const TABLES: Readonly<Record<string, number>> = { main: 254, local: 255, default: 253 };

/** What the library should list for what `ip` shows. */
export function expectedRoute(
  shown: IpRoute,
  bits: 32 | 128,
  indexOf: (dev: string) => number,
): Route {
  const { dst, from } = shown;
  return {
    to: dst === 'default' || dst.includes('/') ? dst : `${dst}/${bits}`,
    from: from === undefined || from.includes('/') ? (from ?? null) : `${from}/${bits}`,
    tos: Number(shown.tos ?? 0),
    family: bits === 32 ? 'IPv4' : 'IPv6',
    via: shown.gateway ?? shown.via?.host ?? null,
    link: shown.dev === undefined ? null : indexOf(shown.dev),
    metric: shown.metric ?? 0,
    table: TABLES[shown.table] ?? Number(shown.table),
    source: shown.prefsrc ?? null,
    scope: shown.scope,
    protocol: shown.protocol,
    type: shown.type,
    onlink: shown.flags.includes('onlink'),
    mtu: shown.metrics?.[0]?.mtu ?? null,
    advmss: shown.metrics?.[0]?.advmss ?? null,
    nextHops: (shown.nexthops ?? []).map(({ gateway, dev, weight, flags }) => ({
      via: gateway ?? null,
      link: indexOf(dev),
      weight,
      onlink: flags.includes('onlink'),
    })),
    nexthopId: shown.nhid ?? null,
  };
}

/** The indexes of a namespace's links, by name. */
export async function indexesOf(host: TestNetns): Promise<(dev: string) => number> {
  const links = await host.links();
  return (dev) => links.find(({ ifname }) => ifname === dev)?.ifindex ?? -1;
}
