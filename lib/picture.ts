/**
 * What a watcher knows of a namespace. Told what the kernel says, it tells what has changed by it:
 * by comparing, because a message's type does not say whether anything is new.
 */

import { type Action, eventOf, ItemTable, type Key, type Kind, type Message } from './itemTable.js';
import { LISTS_LINKS_BY_INDEX } from './kernelVersion.js';
import type { LinkNews, News, NextHopNews, RouteNews } from './news.js';
import type { Address, Link, NetlinkEvent, Route } from './types.js';

/** All of a namespace at one time. */
export interface Listing {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  /** Those before it, the latest first, which may have what changes hid from this one. */
  readonly earlier?: readonly Listing[];
  /** What was told meanwhile was lost in part, and what that hid is not known. */
  readonly gaps?: boolean;
}

/**
 * Whether a change may hide others of its kind from a listing that is under way. The kernel goes on
 * after each part of a listing from a position, and whatever is removed in front of that moves
 * something past it: IPv4 addresses of a link (net/ipv4/devinet.c, in_dev_dump_addr), IPv6 routes
 * (net/ipv6/ip6_fib.c, fib6_dump_table), and before Linux 6.9 links (net/core/rtnetlink.c).
 */
export function mayHideOthers(news: News): boolean {
  return news.removed && (news.kind !== 'link' || !LISTS_LINKS_BY_INDEX);
}

/** What comes of one step of work: an event, or nothing yet. */
export type Steps = Iterable<NetlinkEvent | undefined>;

/** What is to be watched besides links. */
export interface Wanted {
  readonly addresses?: boolean | undefined;
  readonly routes?: boolean | undefined;
}

const NLM_F_REPLACE = 0x100;
const NLM_F_APPEND = 0x800;
/** What `ifi_change` of a link that has just been made is (net/core/rtnetlink.c). */
const ALL_FLAGS = 0xffffffff;

/** News of something that has a place in a picture. */
type Telling = Exclude<News, NextHopNews>;

/** Where a link that was removed has gone. */
function whereTo({ newNetnsid, newIndex }: LinkNews): object | undefined {
  if (newNetnsid === undefined) return undefined;
  return { movedTo: { netnsid: newNetnsid, index: newIndex ?? 0 } };
}

function moreOf(news: Telling): object | undefined {
  return news.kind === 'link' && news.removed ? whereTo(news) : undefined;
}

/** A route's parts and replacements are told of in messages that do not say what it is now. */
function isPartial({ flags, item }: RouteNews): boolean {
  return (flags & (NLM_F_REPLACE | NLM_F_APPEND)) !== 0 || item.nextHops.length > 0;
}

export class Picture {
  readonly #tables: Readonly<Record<Kind, ItemTable>> = {
    link: new ItemTable('link'),
    address: new ItemTable('address'),
    route: new ItemTable('route'),
  };

  /**
   * Whether the routes must be listed again, and then reconciled by `reconcileRoutes`. Without a word the
   * kernel drops IPv4 routes when a link goes down or an address goes (net/ipv4/fib_frontend.c), and
   * those by a next hop object that goes, also with its link's carrier (net/ipv4/nexthop.c), and
   * clears the source of IPv6 routes (net/ipv6/route.c); of a multipath route it tells in parts.
   */
  routesDoubtful = false;

  constructor(private readonly wanted: Wanted) {}

  /**
   * Reconciles the picture with a listing, brought up to date by what was told while it was made:
   * of that the last about each thing, because the listing may be later than what came before.
   */
  *reconcile(listing: Listing, meanwhile: readonly News[] = []): Steps {
    const { link, address, route } = this.#tables;
    this.routesDoubtful = false;
    const told: Record<Kind, Message[]> = { link: [], address: [], route: [] };
    for (const news of meanwhile) {
      this.#doubt(news, true);
      if (this.#hasPlace(news)) told[news.kind].push(this.#messageOf(news));
      yield undefined;
    }
    const { earlier = [], gaps = false } = listing;
    const links = earlier.map((one) => one.links);
    yield* link.reconcile(listing.links, told.link, links, gaps && !LISTS_LINKS_BY_INDEX);
    const addresses = earlier.map((one) => one.addresses);
    yield* address.reconcile(listing.addresses, told.address, addresses, gaps);
    const routes = earlier.map((one) => one.routes);
    yield* route.reconcile(listing.routes, told.route, routes, gaps);
    for (const news of meanwhile) yield this.#tellOtherEnd(news);
  }

  /** The same for routes alone. */
  *reconcileRoutes(
    routes: readonly Route[],
    meanwhile: readonly News[],
    earlier: readonly (readonly Route[])[] = [],
  ): Steps {
    const told: Message[] = [];
    for (const news of meanwhile) {
      if (news.kind === 'route' && this.#hasPlace(news)) told.push(this.#messageOf(news));
      yield undefined;
    }
    yield* this.#tables.route.reconcile(routes, told, earlier);
  }

  /** Takes in what the kernel told; `undefined` when it is nothing new. */
  tell(news: News): NetlinkEvent | undefined {
    this.#doubt(news, false);
    if (!this.#hasPlace(news)) return undefined;
    const table = this.#tables[news.kind];
    const key = this.#keyOf(news);
    if (news.removed)
      return table.mayHaveDuplicate(key) ? undefined : table.take(key, moreOf(news));
    return news.item && table.put(key, news.item);
  }

  #keyOf(news: Telling): Key {
    return news.kind === 'link' ? news.index : this.#tables[news.kind].keyOf(news.item);
  }

  #messageOf(news: Telling): Message {
    const { item, removed } = news;
    return { key: this.#keyOf(news), item, removed, more: moreOf(news) };
  }

  *tellAll(news: readonly News[]): Steps {
    for (const one of news) {
      yield this.tell(one);
      // A step costs memory, and nearly all that are told of have no other end.
      const other = this.#tellOtherEnd(one);
      if (other !== undefined) yield other;
    }
  }

  /**
   * Of a veth pair the kernel tells first of the one end, when there is no other yet, and when there is, not of
   * the one again (drivers/net/veth.c, veth_newlink).
   */
  #tellOtherEnd(news: News): NetlinkEvent | undefined {
    if (news.kind !== 'link') return undefined;
    const links = this.#tables.link;
    // As it is known now: the news may be older.
    const one = links.get(news.index) as Link | undefined;
    if (one?.kind !== 'veth' || one.parent === null || one.parent.netnsid !== null)
      return undefined;
    const other = links.get(one.parent.index) as Link | undefined;
    if (other?.kind !== 'veth' || other.parent !== null) return undefined;
    return links.put(other.index, { ...other, parent: { index: one.index, netnsid: null } });
  }

  /**
   * Takes in what was told before it was known what there was, and may be older than a listing that
   * is known now: the first word about a thing is an event even when it is nothing new by then.
   */
  *catchUp(meanwhile: readonly News[]): Steps {
    const mentioned: Record<Kind, Set<Key>> = {
      link: new Set(),
      address: new Set(),
      route: new Set(),
    };
    for (const news of meanwhile) {
      const isPart = news.kind === 'route' && isPartial(news);
      if (!isPart && !this.#hasPlace(news)) {
        yield this.tell(news);
        continue;
      }
      const { kind } = news;
      const key = this.#keyOf(news);
      yield mentioned[kind].has(key) ? this.tell(news) : this.#reportFirst(news);
      mentioned[kind].add(key);
      yield this.#tellOtherEnd(news);
    }
  }

  #reportFirst(news: Telling): NetlinkEvent | undefined {
    const { kind, item, removed } = news;
    const key = this.#keyOf(news);
    if (kind === 'link' && !removed && news.change === ALL_FLAGS) this.#tables.link.take(key);
    this.#doubt(news, true);
    if (news.kind === 'route' && isPartial(news)) {
      // What is there is told of as something new when the routes have been listed again.
      const known = this.#tables.route.take(key);
      return removed ? (known ?? eventOf(kind, 'removed', news.item)) : undefined;
    }
    if (removed && this.#tables[kind].mayHaveDuplicate(key)) return undefined;
    const happened = this.tell(news);
    if (happened !== undefined || item === undefined) return happened;
    const action: Action = removed ? 'removed' : kind === 'link' ? 'changed' : 'added';
    return eventOf(kind, action, item, moreOf(news));
  }

  #hasPlace(news: News): news is Telling {
    if (news.kind === 'address') return this.wanted.addresses === true;
    return news.kind === 'link' || (news.kind === 'route' && !isPartial(news));
  }

  /** `blindly`: when what was told before is not known to be older than what is known. */
  #doubt(news: News, blindly: boolean): void {
    if (this.wanted.routes === true && this.#raisesDoubt(news, blindly)) this.routesDoubtful = true;
  }

  #raisesDoubt(news: News, blindly: boolean): boolean {
    switch (news.kind) {
      case 'link': {
        const { index, item: now } = news;
        if (now === undefined || news.removed) return news.removed;
        const before = blindly ? undefined : (this.#tables.link.get(index) as Link | undefined);
        const { up, lowerUp } = before ?? { up: blindly, lowerUp: blindly };
        return (up && !now.up) || (lowerUp && !now.lowerUp);
      }
      case 'address':
        return news.removed;
      case 'route': {
        const { route } = this.#tables;
        const key = route.keyOf(news.item);
        // A removal of what is not known: it was known under a form of its own.
        const sure = !blindly && route.get(key) !== undefined && !route.mayHaveDuplicate(key);
        return isPartial(news) || (news.removed && !sure);
      }
      case 'nextHop':
        return true;
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const table of Object.values(this.#tables)) table.clear();
  }
}
