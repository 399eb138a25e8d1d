/** What the kernel tells of a namespace, a message at a time (native/node/watcher.cc). */
import type { Address, Link, Route } from './types.js';

interface Told<Kind extends string, Item> {
  readonly kind: Kind;
  readonly removed: boolean;
  readonly item: Item;
  /** Of the message (`NLM_F_REPLACE`, `NLM_F_APPEND`). */
  readonly flags: number;
}

/** A link, and what only an event says of one. */
export interface LinkNews extends Told<'link', Link | undefined> {
  /** Left out when it was removed and the reading waited: whoever waits knows what it was. */
  readonly item: Link | undefined;
  readonly index: number;
  /** Which flags changed; all ones when the link is new. */
  readonly change: number;
  readonly newNetnsid: number | undefined;
  readonly newIndex: number | undefined;
}

type AddressNews = Told<'address', Address>;
export type RouteNews = Told<'route', Route>;
export type NextHopNews = Told<'nextHop', undefined>;
export type News = LinkNews | AddressNews | RouteNews | NextHopNews;

const KINDS = ['link', 'address', 'route', 'nextHop'] as const;

/** One object of one shape for whatever is told: there are thousands. */
export function makeNews(
  kind: number,
  removed: boolean,
  item: Link | Address | Route | undefined,
  flags: number,
  index?: number,
  change?: number,
  newNetnsid?: number,
  newIndex?: number,
): News {
  return { kind: KINDS[kind], removed, item, flags, index, change, newNetnsid, newIndex } as News;
}
