/** The kernel's messages about changes in a namespace, as the addon delivers them (native/node/watcher.cc). */
import type { Address, Link, Route } from '../types/types.js';

interface NewsOf<Kind extends string, Item> {
  readonly kind: Kind;
  readonly removed: boolean;
  readonly item: Item;
  /** The message's flags (`NLM_F_REPLACE`, `NLM_F_APPEND`). */
  readonly flags: number;
}

/** A link, with what only messages about changes contain. */
export interface LinkNews extends NewsOf<'link', Link | undefined> {
  /** Left out for a removal in a reading that waits: whoever waits has seen the link before. */
  readonly item: Link | undefined;
  readonly index: number;
  /** Which flags changed; all ones when the link is new. */
  readonly change: number;
  readonly newNetnsid: number | undefined;
  readonly newIndex: number | undefined;
}

type AddressNews = NewsOf<'address', Address>;
export type RouteNews = NewsOf<'route', Route>;
export type NexthopObjectNews = NewsOf<'nexthopObject', undefined>;
export type News = LinkNews | AddressNews | RouteNews | NexthopObjectNews;

const KINDS = ['link', 'address', 'route', 'nexthopObject'] as const;

/** Every message becomes an object of the same shape, because there are thousands. */
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
