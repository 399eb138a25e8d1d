/** The things of one kind, links or addresses or routes, that a watcher knows. */
import type { Address, Link, NetlinkEvent, Route } from './types.js';

export type Kind = 'link' | 'address' | 'route';
export type Item = Link | Address | Route;
export type Action = 'added' | 'changed' | 'removed';

/** What was told of a thing. */
export interface Words {
  readonly item: Item;
  readonly removed: boolean;
  /** What only the event says of it. */
  readonly more: object | undefined;
}

/** How far apart two readings of one deadline may lie, in seconds: the kernel counts whole ones. */
const LIFETIME_SLACK = 2;

/** Counters change without anybody's doing; lifetimes run down by themselves. */
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
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false;
  for (const key in one) if (!ignored.has(key) && !same(one[key], other[key])) return false;
  for (const key in other) if (!(key in one)) return false;
  return true;
}

/** When an address's lifetimes end, in seconds of the clock. */
interface Deadlines {
  readonly valid: number;
  readonly preferred: number;
}

interface Known {
  readonly item: Item;
  readonly deadlines: Deadlines | undefined;
}

function deadlinesOf(kind: Kind, item: Item): Deadlines | undefined {
  if (kind !== 'address') return undefined;
  const now = performance.now() / 1000;
  const { validLifetime, preferredLifetime } = item as Address;
  return { valid: now + validLifetime, preferred: now + preferredLifetime };
}

function sameTime(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) <= LIFETIME_SLACK;
}

function sameDeadlines(a: Deadlines | undefined, b: Deadlines | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return sameTime(a.valid, b.valid) && sameTime(a.preferred, b.preferred);
}

export function eventOf(kind: Kind, action: Action, item: Item, more?: object): NetlinkEvent {
  return { type: kind, action, [kind]: item, ...more } as unknown as NetlinkEvent;
}

export class Shelf {
  readonly #known = new Map<string | number, Known>();
  /** Keys of routes that were told of again while they were known. */
  readonly #again = new Set<string | number>();

  constructor(readonly kind: Kind) {}

  /** A link by its index, an address by what the kernel tells addresses apart by. */
  keyOf(item: Item): string | number {
    if (this.kind === 'link') return (item as Link).index;
    if (this.kind === 'address') {
      const { linkIndex, cidr, peer } = item as Address;
      return `${linkIndex} ${cidr} ${peer}`;
    }
    // Routes have no identity but all that they are: two may differ in the gateway alone.
    return JSON.stringify(item);
  }

  get(item: Item): Item | undefined {
    return this.#known.get(this.keyOf(item))?.item;
  }

  /**
   * Whether an item may stand for two: routes that differ in what is not said of them, such as their
   * type of service. When one of them goes, the other is still there.
   */
  mayBeTwo(item: Item): boolean {
    return this.kind === 'route' && this.#again.has(this.keyOf(item));
  }

  clear(): void {
    this.#known.clear();
    this.#again.clear();
  }

  put(item: Item): NetlinkEvent | undefined {
    const key = this.keyOf(item);
    if (this.kind === 'route' && this.#known.has(key)) this.#again.add(key);
    return this.#putAt(key, item);
  }

  #putAt(key: string | number, item: Item): NetlinkEvent | undefined {
    const { kind } = this;
    const before = this.#known.get(key);
    const deadlines = deadlinesOf(kind, item);
    this.#known.set(key, { item, deadlines });
    if (before === undefined) return eventOf(kind, 'added', item);
    const unchanged =
      same(before.item, item, IGNORED[kind]) && sameDeadlines(before.deadlines, deadlines);
    return unchanged ? undefined : eventOf(kind, 'changed', item);
  }

  #mark(key: string | number, again: boolean): void {
    if (again) this.#again.add(key);
    else this.#again.delete(key);
  }

  /** The event tells of the item as it was last seen. */
  take(item: Item, more?: object): NetlinkEvent | undefined {
    const key = this.keyOf(item);
    const before = this.#known.get(key);
    this.#known.delete(key);
    this.#again.delete(key);
    return before && eventOf(this.kind, 'removed', before.item, more);
  }

  /**
   * Brings the shelf level with a listing, of whose things the last words go before what is listed;
   * what only an earlier listing had is there as well, and with `gaps` also what none had, unless it
   * was told that it is gone. One step at a time, as there may be many; what is gone comes first.
   */
  *level(
    items: readonly Item[],
    words: readonly Words[],
    earlier: readonly (readonly Item[])[] = [],
    gaps = false,
  ): Iterable<NetlinkEvent | undefined> {
    const last = new Map<string | number, Words>();
    for (const one of words) {
      const key = this.keyOf(one.item);
      if (!(one.removed && this.#again.has(key))) last.set(key, one);
      yield undefined;
    }
    const there = new Map<string | number, Item>();
    for (const item of items) {
      const key = this.keyOf(item);
      if (this.kind === 'route') this.#mark(key, there.has(key) || last.has(key));
      if (!last.has(key)) there.set(key, item);
      yield undefined;
    }
    for (const item of earlier.flat()) {
      const key = this.keyOf(item);
      if (!last.has(key) && !there.has(key)) there.set(key, item);
      yield undefined;
    }
    for (const [key, { item, removed }] of last) {
      if (!removed) there.set(key, item);
    }
    for (const [key, { item }] of this.#known) {
      if (there.has(key) || (gaps && last.get(key)?.removed !== true)) {
        yield undefined;
        continue;
      }
      this.#known.delete(key);
      this.#again.delete(key);
      yield eventOf(this.kind, 'removed', item, last.get(key)?.more);
    }
    for (const [key, item] of there) yield this.#putAt(key, item);
  }
}
