/** The items of one kind (links, addresses or routes) that a watcher knows. */
import type { Address, Link, NetlinkEvent, Route } from '../types/types.js';

export type Kind = 'link' | 'address' | 'route';
type Item = Link | Address | Route;
export type Key = string | number;
export type Action = 'added' | 'changed' | 'removed';

/** A message about an item. */
export interface Message {
  readonly key: Key;
  /** May be left out when it was removed. */
  readonly item: Item | undefined;
  readonly removed: boolean;
  /** Further fields of its event. */
  readonly more: object | undefined;
}

/** By how much two readings of one deadline may differ, in seconds: the kernel counts whole ones. */
const LIFETIME_SLACK = 2;

/** Fields whose change alone is no event: counters and lifetimes change all the time. */
const IGNORED: Readonly<Record<Kind, ReadonlySet<string>>> = {
  link: new Set(['stats']),
  address: new Set(['validLifetime', 'preferredLifetime']),
  route: new Set(),
};

const NOTHING_IGNORED: ReadonlySet<string> = new Set();

function same(a: unknown, b: unknown, ignored = NOTHING_IGNORED): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const one = a as Record<string, unknown>;
  const other = b as Record<string, unknown>;
  for (const key in one) if (!ignored.has(key) && !same(one[key], other[key])) return false;
  for (const key in other) if (!(key in one)) return false;
  return true;
}

/** When an address's lifetimes end, in seconds of `performance.now()`. */
interface Deadlines {
  readonly valid: number;
  readonly preferred: number;
}

function deadlinesOf({ validLifetime, preferredLifetime }: Address): Deadlines {
  const now = performance.now() / 1000;
  return { valid: now + validLifetime, preferred: now + preferredLifetime };
}

function sameTime(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) <= LIFETIME_SLACK;
}

function sameDeadlines(a: Deadlines, b: Deadlines): boolean {
  return sameTime(a.valid, b.valid) && sameTime(a.preferred, b.preferred);
}

function bareEventOf(kind: Kind, action: Action, item: Item): NetlinkEvent {
  switch (kind) {
    case 'link':
      return { type: kind, action, link: item as Link };
    case 'address':
      return { type: kind, action, address: item as Address };
    case 'route':
      return { type: kind, action, route: item as Route };
  }
}

export function eventOf(kind: Kind, action: Action, item: Item, more?: object): NetlinkEvent {
  const event = bareEventOf(kind, action, item);
  return more === undefined ? event : { ...event, ...more };
}

/** Whether an item is now the other: a link never changes its kind, so one of another kind has been given its index. */
function mayBe(item: Item, now: Item): boolean {
  return 'kind' in item && 'kind' in now ? item.kind === now.kind : true;
}

export class ItemTable {
  readonly #known = new Map<Key, Item>();
  readonly #deadlines = new Map<Key, Deadlines>();
  /** Keys of routes that were reported as added again while they were known. */
  readonly #duplicates = new Set<Key>();

  constructor(readonly kind: Kind) {}

  /** A link's index, or those properties by which the kernel distinguishes addresses or routes. */
  keyOf(item: Item): Key {
    if (this.kind === 'link') return (item as Link).index;
    if (this.kind === 'address') {
      const { linkIndex, family, address, cidr, peer } = item as Address;
      // A link has an IPv6 address only once, whatever its prefix and peer (net/ipv6/addrconf.c, ipv6_get_ifaddr).
      return family === 'IPv6' ? `${linkIndex} ${address}` : `${linkIndex} ${cidr} ${peer}`;
    }
    // All properties of a route: two may differ in any of them, in the gateway alone for example.
    return JSON.stringify(item);
  }

  get(key: Key): Item | undefined {
    return this.#known.get(key);
  }

  /**
   * Whether an item may stand for two routes, which differ in something that a `Route` does not contain, such as a
   * metric (`RTAX_*`) other than the MTU and advmss. When one of them is removed, the other is still there.
   */
  mayHaveDuplicate(key: Key): boolean {
    return this.#duplicates.has(key);
  }

  clear(): void {
    this.#known.clear();
    this.#deadlines.clear();
    this.#duplicates.clear();
  }

  put(key: Key, item: Item): NetlinkEvent | undefined {
    if (this.kind === 'route' && this.#known.has(key)) this.#duplicates.add(key);
    return this.#putAt(key, item);
  }

  #putAt(key: Key, item: Item): NetlinkEvent | undefined {
    const { kind } = this;
    const before = this.#known.get(key);
    this.#known.set(key, item);
    const inTime = kind !== 'address' || this.#lasts(key, deadlinesOf(item as Address));
    if (before === undefined) return eventOf(kind, 'added', item);
    const unchanged = inTime && same(before, item, IGNORED[kind]);
    return unchanged ? undefined : eventOf(kind, 'changed', item);
  }

  /** Whether an address lasts as long as the last message about it said. */
  #lasts(key: Key, deadlines: Deadlines): boolean {
    const before = this.#deadlines.get(key);
    this.#deadlines.set(key, deadlines);
    return before !== undefined && sameDeadlines(before, deadlines);
  }

  #forget(key: Key): void {
    this.#known.delete(key);
    this.#deadlines.delete(key);
    this.#duplicates.delete(key);
  }

  #mark(key: Key, isDuplicate: boolean): void {
    if (isDuplicate) this.#duplicates.add(key);
    else this.#duplicates.delete(key);
  }

  /** Removes an item; the event contains the item as it was last seen. */
  take(key: Key, more?: object): NetlinkEvent | undefined {
    const before = this.#known.get(key);
    this.#forget(key);
    return before && eventOf(this.kind, 'removed', before, more);
  }

  /**
   * Reconciles the table with a listing. The last message about an item counts more than the listing. An item that only
   * an earlier listing had is there as well; with `gaps` also a known item that no listing had, unless a message says
   * that it was removed. One item a step, because there may be many; removals come first.
   */
  *reconcile(
    items: readonly Item[],
    messages: readonly Message[],
    earlier: readonly (readonly Item[])[],
    gaps = false,
  ): Iterable<NetlinkEvent | undefined> {
    const last = new Map<Key, Message>();
    for (const one of messages) {
      if (!(one.removed && this.mayHaveDuplicate(one.key))) {
        const isDuplicate = !one.removed && last.get(one.key)?.removed === false;
        if (isDuplicate && this.kind === 'route') this.#duplicates.add(one.key);
        last.set(one.key, one);
      }
      yield undefined;
    }
    const there = new Map<Key, Item>();
    for (const item of items) {
      const key = this.keyOf(item);
      if (this.kind === 'route')
        this.#mark(key, there.has(key) || last.get(key)?.removed === false);
      if (!last.has(key)) there.set(key, item);
      yield undefined;
    }
    for (const item of earlier.flat()) {
      const key = this.keyOf(item);
      if (!last.has(key) && !there.has(key)) there.set(key, item);
      yield undefined;
    }
    for (const [key, { item, removed }] of last) {
      if (!removed && item !== undefined) there.set(key, item);
    }
    for (const [key, item] of this.#known) {
      const now = there.get(key);
      const stays = now === undefined ? gaps && last.get(key)?.removed !== true : mayBe(item, now);
      if (stays) {
        yield undefined;
        continue;
      }
      this.#forget(key);
      yield eventOf(this.kind, 'removed', item, last.get(key)?.more);
    }
    for (const [key, item] of there) yield this.#putAt(key, item);
  }
}
