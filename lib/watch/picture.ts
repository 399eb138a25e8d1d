/**
 * What a watcher knows of a namespace. It is given the kernel's messages, and returns the events for what they change.
 * It finds that out by comparing, because a message's type does not say whether anything is new.
 */
import type { LinkNews, News, NexthopObjectNews, RouteNews } from '../records/news.js';
import type { Address, Link, NetlinkEvent, Route } from '../types/types.js';
import { LISTS_LINKS_BY_INDEX } from '../values/kernelVersion.js';
import { MIN_MTU } from '../values/values.js';
import { type Action, eventOf, ItemTable, type Key, type Kind, type Message } from './itemTable.js';

/** All of a namespace at one time. */
export interface Listing {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  /** The listings before it, the latest first. They may contain what changes hid from this one. */
  readonly earlier?: readonly Listing[];
  /** Some messages that came meanwhile were lost, so it is not known what they hid from the listing. */
  readonly gaps?: boolean;
}

/**
 * Whether a change may hide other items of its kind from a listing that is under way. The kernel continues a listing
 * at a position, and when an item before that position is removed, a later one moves past it and is skipped: IPv4
 * addresses of a link (net/ipv4/devinet.c, in_dev_dump_addr), IPv6 routes (net/ipv6/ip6_fib.c, fib6_dump_table), and
 * before Linux 6.9 links (net/core/rtnetlink.c).
 */
export function mayHideOthers(news: News): boolean {
  return news.removed && (news.kind !== 'link' || !LISTS_LINKS_BY_INDEX);
}

/** Work in small steps, each of which gives an event or `undefined`, so that the caller can pause between them. */
export type Steps = Iterable<NetlinkEvent | undefined>;

/** What is to be watched besides links. */
export interface Wanted {
  readonly addresses?: boolean | undefined;
  readonly routes?: boolean | undefined;
}

const NLM_F_REPLACE = 0x100;
const NLM_F_APPEND = 0x800;
/** `ifi_change` in the message about a new link (net/core/rtnetlink.c). */
const ALL_FLAGS = 0xffffffff;

/** News about an item that a picture holds. */
type ItemNews = Exclude<News, NexthopObjectNews>;

/** Where a link that was removed has gone. */
function whereTo({ newNetnsid, newIndex }: LinkNews): object | undefined {
  if (newNetnsid === undefined) return undefined;
  return { movedTo: { netnsid: newNetnsid, index: newIndex ?? 0 } };
}

function moreOf(news: ItemNews): object | undefined {
  return news.kind === 'link' && news.removed ? whereTo(news) : undefined;
}

/** Whether a message does not say what the route is now, as when a part of it is added or it is replaced. */
function isPartial({ flags, item }: RouteNews): boolean {
  return (flags & (NLM_F_REPLACE | NLM_F_APPEND)) !== 0 || item.nextHops.length > 0;
}

function isVrf({ kind }: Link): boolean {
  return kind === 'vrf';
}

function hasMtu({ family, mtu }: Route): boolean {
  return family === 'IPv6' && mtu !== null;
}

export class Picture {
  readonly #tables: Readonly<Record<Kind, ItemTable>> = {
    link: new ItemTable('link'),
    address: new ItemTable('address'),
    route: new ItemTable('route'),
  };

  /**
   * Whether the routes must be listed again, and then reconciled by `reconcileRoutes`. The kernel sends no message when
   * it removes IPv4 routes because a link goes down or an address is removed (net/ipv4/fib_frontend.c), when it removes
   * the routes of a next hop object that goes, also with its link's carrier (net/ipv4/nexthop.c), when it clears the
   * source of IPv6 routes (net/ipv6/route.c), when it removes the IPv4 routes of a link that gets or leaves a VRF
   * (net/ipv4/fib_frontend.c, fib_netdev_event), and when the MTU of IPv6 routes follows that of their link
   * (net/ipv6/route.c, rt6_mtu_change). About a multipath route it sends a message for each part.
   */
  routesDoubtful = false;
  /**
   * Whether changes may have hidden routes from a listing that was under way since this was last set to `false`:
   * removals as in {@link mayHideOthers}, and those of IPv4 routes that come without a message of their own
   * (net/ipv4/fib_trie.c, fn_trie_dump_leaf).
   */
  routesMayBeHidden = false;
  /**
   * Whether a message about a part of a route has come since the routes were last listed. Then a known route may have
   * become a part of another, and a message that seems to say that it was removed is about that part.
   */
  #partsChanged = false;
  /** Whether there may be an IPv6 route with an MTU of its own, which the kernel changes together with the link's. */
  #anyMtu = false;
  /** Whether there may be a VRF. */
  #anyVrf = false;

  constructor(private readonly wanted: Wanted) {}

  /**
   * Reconciles the picture with a listing and the messages that came while it was made. Of those only the last about
   * each item counts, because the listing may be newer than the ones before.
   */
  *reconcile(listing: Listing, meanwhile: readonly News[] = []): Steps {
    const { link, address, route } = this.#tables;
    this.routesDoubtful = false;
    this.#partsChanged = false;
    this.#anyMtu = listing.routes.some(hasMtu);
    this.#anyVrf = listing.links.some(isVrf);
    const messages: Record<Kind, Message[]> = { link: [], address: [], route: [] };
    for (const news of meanwhile) {
      this.#doubt(news, true);
      if (this.#holds(news)) messages[news.kind].push(this.#messageOf(news));
      yield undefined;
    }
    const { earlier = [], gaps = false } = listing;
    const links = earlier.map((one) => one.links);
    yield* link.reconcile(listing.links, messages.link, links, gaps && !LISTS_LINKS_BY_INDEX);
    const addresses = earlier.map((one) => one.addresses);
    yield* address.reconcile(listing.addresses, messages.address, addresses, gaps);
    const routes = earlier.map((one) => one.routes);
    yield* route.reconcile(listing.routes, messages.route, routes, gaps);
    for (const news of meanwhile) yield this.#completePair(news);
  }

  /** Brings the picture's routes alone to a new listing; yields what differs. */
  *reconcileRoutes(
    routes: readonly Route[],
    meanwhile: readonly News[],
    earlier: readonly (readonly Route[])[] = [],
  ): Steps {
    const messages: Message[] = [];
    this.#partsChanged = false;
    this.#anyMtu = routes.some(hasMtu);
    for (const news of meanwhile) {
      this.#note(news);
      if (news.kind === 'route' && this.#holds(news)) messages.push(this.#messageOf(news));
      yield undefined;
    }
    yield* this.#tables.route.reconcile(routes, messages, earlier);
  }

  /** Applies one message; `undefined` when it says nothing new. */
  apply(news: News): NetlinkEvent | undefined {
    this.#doubt(news, false);
    if (!this.#holds(news)) return undefined;
    const table = this.#tables[news.kind];
    const key = this.#keyOf(news);
    if (news.removed)
      return table.mayHaveDuplicate(key) ? undefined : table.take(key, moreOf(news));
    return news.item && table.put(key, news.item);
  }

  #keyOf(news: ItemNews): Key {
    return news.kind === 'link' ? news.index : this.#tables[news.kind].keyOf(news.item);
  }

  #messageOf(news: ItemNews): Message {
    const { item, removed } = news;
    return { key: this.#keyOf(news), item, removed, more: moreOf(news) };
  }

  *applyAll(news: readonly News[]): Steps {
    for (const one of news) {
      yield this.apply(one);
      // No step of its own where there is nothing to report, as for nearly all links: each step costs memory.
      const other = this.#completePair(one);
      if (other !== undefined) yield other;
    }
  }

  /**
   * Adds the second end of a veth pair to the first one, as its parent. The kernel's message about the first end is
   * from before there is a second one, and it is not repeated afterwards (drivers/net/veth.c, veth_newlink).
   */
  #completePair(news: News): NetlinkEvent | undefined {
    if (news.kind !== 'link') return undefined;
    const links = this.#tables.link;
    // Not from the news, which may be older than what is known.
    const one = links.get(news.index) as Link | undefined;
    if (one?.kind !== 'veth' || one.parent === null || one.parent.netnsid !== null)
      return undefined;
    const other = links.get(one.parent.index) as Link | undefined;
    if (other?.kind !== 'veth' || other.parent !== null) return undefined;
    return links.put(other.index, { ...other, parent: { index: one.index, netnsid: null } });
  }

  /**
   * Applies messages that came before the first listing was reconciled. The listing may already contain what they say,
   * so the first message about an item is an event even when it says nothing new.
   */
  *catchUp(meanwhile: readonly News[]): Steps {
    const mentioned: Record<Kind, Set<Key>> = {
      link: new Set(),
      address: new Set(),
      route: new Set(),
    };
    for (const news of meanwhile) {
      const isPart = news.kind === 'route' && isPartial(news);
      if (!isPart && !this.#holds(news)) {
        yield this.apply(news);
        continue;
      }
      const { kind } = news;
      const key = this.#keyOf(news);
      yield mentioned[kind].has(key) ? this.apply(news) : this.#reportFirst(news);
      // Of a part that was added nothing has been reported, so the removal of such a route is news.
      if (!isPart || news.removed) mentioned[kind].add(key);
      yield this.#completePair(news);
    }
  }

  #reportFirst(news: ItemNews): NetlinkEvent | undefined {
    const { kind, item, removed } = news;
    const key = this.#keyOf(news);
    if (kind === 'link' && !removed && news.change === ALL_FLAGS) this.#tables.link.take(key);
    this.#doubt(news, true);
    if (news.kind === 'route' && isPartial(news)) {
      // The route as it is now is reported as added once the routes have been listed again.
      const known = this.#tables.route.take(key);
      return removed ? (known ?? eventOf(kind, 'removed', news.item)) : undefined;
    }
    if (removed && this.#tables[kind].mayHaveDuplicate(key)) return undefined;
    const event = this.apply(news);
    if (event !== undefined || item === undefined) return event;
    const action: Action = removed ? 'removed' : kind === 'link' ? 'changed' : 'added';
    return eventOf(kind, action, item, moreOf(news));
  }

  #holds(news: News): news is ItemNews {
    if (news.kind === 'address') return this.wanted.addresses === true;
    return news.kind === 'link' || (news.kind === 'route' && !isPartial(news));
  }

  /** Notes when a message makes the routes uncertain. `blindly`: the message may be older than what is known. */
  #doubt(news: News, blindly: boolean): void {
    this.#note(news);
    if (this.wanted.routes !== true) return;
    const isDoubtful = this.#raisesDoubt(news, blindly);
    if (isDoubtful) this.routesDoubtful = true;
    if (news.kind === 'route' ? mayHideOthers(news) : isDoubtful) this.routesMayBeHidden = true;
  }

  #note(news: News): void {
    if (news.kind === 'link' && news.item !== undefined && isVrf(news.item)) this.#anyVrf = true;
    if (news.kind !== 'route') return;
    if (isPartial(news)) this.#partsChanged = true;
    if (hasMtu(news.item)) this.#anyMtu = true;
  }

  /**
   * Whether the MTU or the master of a link is another, which changes routes without a message. The routes of a link
   * that loses IPv6 go with a message each, but not with net.ipv6.route.skip_notify_on_dev_down.
   */
  #changesRoutes(before: Link | undefined, now: Link): boolean {
    const hadIPv6 = before === undefined || before.mtu >= MIN_MTU.IPv6;
    const losesIPv6 = hadIPv6 && now.mtu < MIN_MTU.IPv6;
    const mtu = losesIPv6 || (this.#anyMtu && before?.mtu !== now.mtu);
    return mtu || (this.#anyVrf && before?.master !== now.master);
  }

  #raisesDoubt(news: News, blindly: boolean): boolean {
    switch (news.kind) {
      case 'link': {
        const { index, item: now } = news;
        if (now === undefined || news.removed) return news.removed;
        const before = blindly ? undefined : (this.#tables.link.get(index) as Link | undefined);
        // The message about an MTU or a master is about no flags.
        const mayBe = before !== undefined || (blindly && news.change === 0);
        if (mayBe && this.#changesRoutes(before, now)) return true;
        const { up, lowerUp, running } = before ?? {
          up: blindly,
          lowerUp: blindly,
          running: blindly,
        };
        // A message may show a lost carrier before the kernel has dealt with it: until then the link is still running
        // (net/core/link_watch.c). Next hop objects go when it is neither (net/ipv4/nexthop.c, nh_netdev_event).
        return (up && !now.up) || ((lowerUp || running) && !now.lowerUp && !now.running);
      }
      case 'address':
        return news.removed;
      case 'route': {
        const { route } = this.#tables;
        const key = route.keyOf(news.item);
        // A route that is removed and not known was known with other properties, and so with another key.
        const sure =
          !blindly &&
          !this.#partsChanged &&
          route.get(key) !== undefined &&
          !route.mayHaveDuplicate(key);
        return isPartial(news) || (news.removed && !sure);
      }
      case 'nexthopObject':
        return true;
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const table of Object.values(this.#tables)) table.clear();
  }
}
