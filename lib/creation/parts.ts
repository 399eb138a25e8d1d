/**
 * The parts of a new link: what the kernel does not take in the first message, and what therefore follows it in
 * messages of its own.
 */
import { linkNow } from '../check/snapshot.js';
import { addressRecord } from '../inet/addresses.js';
import { additionOf, plainOptions, routeRecord, undoRecord } from '../inet/routes.js';
import { plainRefIfAny, resolveIndexes } from '../links/links.js';
import { familySettings, flagBits } from '../links/setLink.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Step } from '../namespace/native.js';
import { type Setting, settingsOf } from '../netns/ipv6Settings.js';
import type {
  AddressRecord,
  LinkInfoRecord,
  LinkRecord,
  RouteRecord,
} from '../records/requests.js';
import type { LinkOptions, LinkRef } from '../types/types.js';

/** What follows the first message, and the option that it carries out. Settings come before requests. */
export type Part = RequestPart | Setting;

export interface RequestPart {
  readonly option: string;
  readonly step: Step;
  /** The step that undoes it, if it is not removed together with the link. */
  readonly undo?: Step;
}

export const isSetting = (part: Part): part is Setting => 'file' in part;

/** The parts of a link with that index. */
export type PartsAt = (index: number) => readonly Part[];

const NONE: readonly Part[] = Object.freeze([]);
export const noParts: PartsAt = () => NONE;

/** Whether the link is brought up after the first message: what IPv6 uses when it comes up must be set before. */
export function isBroughtUpByPart({ addrGenMode, ipv6 }: LinkOptions): boolean {
  return addrGenMode !== undefined || settingsOf(ipv6).length > 0;
}

function hasParts(options: LinkOptions): boolean {
  const { alias, altNames, addrGenMode, ipv4, ipv6, addresses, routes } = options;
  return (alias ?? altNames ?? addrGenMode ?? ipv4 ?? ipv6 ?? addresses ?? routes) !== undefined;
}

/** What the options ask for besides the first message, as they were at the call. */
export interface AskedBeside {
  readonly options: LinkOptions;
  readonly addresses: readonly AddressRecord[];
  readonly routes: readonly {
    readonly operation: Step['operation'];
    readonly record: RouteRecord;
  }[];
  /** The link that each route names; `undefined` for the new one. */
  readonly links: readonly (LinkRef | undefined)[];
}

/** `undefined` when the options ask for no parts. */
export function askedBeside(options: LinkOptions): AskedBeside | undefined {
  if (!hasParts(options)) return undefined;
  const { addresses = [], routes = [] } = options;
  return {
    options,
    addresses: addresses.map((address) => addressRecord(address, 0)),
    routes: routes.map((route) => ({
      operation: additionOf(route),
      record: routeRecord(plainOptions(route), undefined),
    })),
    links: routes.map(({ link }) =>
      link == null || isNameOf(options, link) ? undefined : linkNow(link),
    ),
  };
}

const linkOfRoute = (at: number) => `options.routes[${at}].link`;

/** Refuses a `Link` of another namespace as that of a route. */
export function checkLinksOf(target: Namespace, call: Call, { links }: AskedBeside): void {
  for (const [at, link] of links.entries()) plainRefIfAny(target, call, link, linkOfRoute(at));
}

/** The steps that the kernel does not take in the first message. */
export function partsOf(
  target: Namespace,
  call: Call,
  asked: AskedBeside,
): PartsAt | Promise<PartsAt> {
  const links = resolveIndexes(target, call, asked.links, linkOfRoute);
  return 'then' in links ? links.then((known) => partsWith(asked, known)) : partsWith(asked, links);
}

function isNameOf({ name, altNames }: LinkOptions, link: LinkRef): boolean {
  return typeof link === 'string' && (link === name || altNames?.includes(link) === true);
}

function partsWith(asked: AskedBeside, links: readonly (number | undefined)[]): PartsAt {
  const { options, addresses, routes } = asked;
  const { alias, altNames = [], addrGenMode, ipv4 } = options;
  return (index) => {
    const parts: Part[] = [...settingsOf(options.ipv6)];
    const change = (option: string, record: LinkRecord) =>
      parts.push({ option, step: { operation: 'changeLink', record: { index, ...record } } });
    // Both are ignored without a word in the first message (net/core/rtnetlink.c,
    // rtnl_newlink_create, Linux 6.18).
    if (alias !== undefined) change('alias', { alias });
    if (altNames.length > 0) {
      const record = { index, altNames };
      parts.push({ option: 'altNames', step: { operation: 'addAltNames', record } });
    }
    for (const [option, families] of [
      ['addrGenMode', familySettings({ addrGenMode })],
      ['ipv4', familySettings({ ipv4 })],
    ] as const) {
      if (families !== undefined) change(option, { families });
    }
    if (isBroughtUpByPart(options) && options.up === true) change('up', flagBits({ up: true }));
    for (const [at, address] of addresses.entries()) {
      const record = { ...address, index };
      parts.push({ option: `addresses[${at}]`, step: { operation: 'addAddress', record } });
    }
    for (const [at, { operation, record: said }] of routes.entries()) {
      const link = links[at] ?? index;
      const record = { ...said, link };
      const option = `routes[${at}]`;
      const step: Step = { operation, record };
      if (link === index) {
        parts.push({ option, step });
        continue;
      }
      // Changes another link's routes, so it waits until everything before it has succeeded.
      const undo: Step = { operation: 'removeRoute', record: undoRecord(record) };
      parts.push({ option, step: { ...step, barrier: true }, undo });
    }
    return parts;
  };
}

/**
 * Whether the new link announces its addresses once it is finished. The kernel announces when the link comes up, but
 * then it has none yet, and a link that cannot be finished must not be announced.
 */
export function announces({ up, ipv4, addresses = [] }: LinkOptions): boolean {
  return up === true && ipv4?.arpNotify === true && addresses.length > 0;
}

/** A setting that the link shares with other links, and that stays when the link is deleted. */
export interface Shared {
  readonly option: string;
  readonly info: LinkInfoRecord;
}

/**
 * The parts, and behind them the changes that affect other links, too: these wait until the parts have succeeded. A
 * veth's peer is finished after them.
 */
export function withSharedChanges(
  parts: readonly Part[],
  master: number | undefined,
  shared: Shared | undefined,
  index: number,
): readonly Part[] {
  if (master === undefined && shared === undefined) return parts;
  const last = ({ option, ...change }: { option: string } & LinkRecord): Part => ({
    option,
    step: { operation: 'changeLink', record: { index, ...change }, barrier: true },
  });
  return [
    ...parts,
    // A bridge may take over the MAC and the MTU of a new port, and does not remember its old ones.
    ...(master === undefined ? [] : [last({ option: 'master', master })]),
    ...(shared === undefined ? [] : [last(shared)]),
  ];
}
