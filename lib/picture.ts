/**
 * What a watcher knows of a namespace. Told what the kernel says, it tells what has changed by it:
 * by comparing, because a message's type does not say whether anything is new.
 */
import type { News } from './native.js';
import type { Address, Link, NetlinkEvent, Route } from './types.js';

/** All of a namespace at one time. */
export interface Listing {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
}

type Kind = 'link' | 'address' | 'route';
type Item = Link | Address | Route;

const NLM_F_REPLACE = 0x100;
const NLM_F_APPEND = 0x800;

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

/** A link by its index, an address by what the kernel tells addresses apart by. */
function keyOf(kind: Kind, item: Item): string | number {
  if (kind === 'link') return (item as Link).index;
  if (kind === 'address') {
    const { linkIndex, cidr, peer } = item as Address;
    return `${linkIndex} ${cidr} ${peer}`;
  }
  // Routes have no identity but all that they are: two may differ in the gateway alone.
  return JSON.stringify(item);
}

/** When an address's lifetimes end, in seconds of the clock. */
interface Deadlines {
  readonly valid: number;
  readonly preferred: number;
}

interface Known<T> {
  readonly item: T;
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

type Action = 'added' | 'changed' | 'removed';

function event(kind: Kind, action: Action, item: Item, more?: object): NetlinkEvent {
  return { type: kind, action, [kind]: item, ...more } as unknown as NetlinkEvent;
}

/** The things of one kind that are known. */
class Shelf {
  readonly #known = new Map<string | number, Known<Item>>();

  constructor(readonly kind: Kind) {}

  *items(): Iterable<Item> {
    for (const { item } of this.#known.values()) yield item;
  }

  get(item: Item): Item | undefined {
    return this.#known.get(keyOf(this.kind, item))?.item;
  }

  clear(): void {
    this.#known.clear();
  }

  put(item: Item): NetlinkEvent | undefined {
    const { kind } = this;
    const key = keyOf(kind, item);
    const before = this.#known.get(key);
    const deadlines = deadlinesOf(kind, item);
    this.#known.set(key, { item, deadlines });
    if (before === undefined) return event(kind, 'added', item);
    const unchanged =
      same(before.item, item, IGNORED[kind]) && sameDeadlines(before.deadlines, deadlines);
    return unchanged ? undefined : event(kind, 'changed', item);
  }

  /** The event tells of the item as it was last seen. */
  take(item: Item, more?: object): NetlinkEvent | undefined {
    const key = keyOf(this.kind, item);
    const before = this.#known.get(key);
    this.#known.delete(key);
    return before && event(this.kind, 'removed', before.item, more);
  }

  /** Brings the shelf level with a listing, one event at a time; what is gone comes first. */
  *level(items: readonly Item[]): Iterable<NetlinkEvent> {
    const there = new Set(items.map((item) => keyOf(this.kind, item)));
    for (const [key, { item }] of this.#known) {
      if (there.has(key)) continue;
      this.#known.delete(key);
      yield event(this.kind, 'removed', item);
    }
    for (const item of items) {
      const happened = this.put(item);
      if (happened !== undefined) yield happened;
    }
  }
}

export class Picture {
  readonly #links = new Shelf('link');
  readonly #addresses = new Shelf('address');
  readonly #routes = new Shelf('route');

  /**
   * Whether the routes must be listed again. The kernel drops IPv4 routes without a word when a link
   * goes down or an address goes (net/ipv4/fib_frontend.c), and tells of a multipath route in parts.
   */
  routesDoubtful = false;

  /** Everything that is known, as if it had just been added. */
  *everything(): Iterable<NetlinkEvent> {
    for (const shelf of [this.#links, this.#addresses, this.#routes]) {
      for (const item of shelf.items()) yield event(shelf.kind, 'added', item);
    }
  }

  /** Brings the picture level with a listing. */
  *level(listing: Listing): Iterable<NetlinkEvent> {
    yield* this.#links.level(listing.links);
    yield* this.#addresses.level(listing.addresses);
    yield* this.levelRoutes(listing.routes);
  }

  *levelRoutes(routes: readonly Route[]): Iterable<NetlinkEvent> {
    this.routesDoubtful = false;
    yield* this.#routes.level(routes);
  }

  /** Takes in what the kernel told; `undefined` when it is nothing new. */
  tell(news: News): NetlinkEvent | undefined {
    switch (news.kind) {
      case 'link':
        return this.#tellLink(news);
      case 'address':
        this.routesDoubtful ||= news.removed;
        return news.removed ? this.#addresses.take(news.value) : this.#addresses.put(news.value);
      case 'route':
        return this.#tellRoute(news);
    }
  }

  #tellLink({ removed, value }: News & { kind: 'link' }): NetlinkEvent | undefined {
    const [link, , netnsid, index] = value;
    this.routesDoubtful ||= removed || !link.lowerUp;
    if (!removed) return this.#links.put(link);
    const moved = netnsid === undefined ? undefined : { movedTo: { netnsid, index: index ?? 0 } };
    return this.#links.take(link, moved);
  }

  #tellRoute({ removed, value, flags }: News & { kind: 'route' }): NetlinkEvent | undefined {
    const partial = (flags & (NLM_F_REPLACE | NLM_F_APPEND)) !== 0 || value.nextHops.length > 0;
    // A removal of what is not known, too: it was known under a form of its own.
    if (partial || (removed && this.#routes.get(value) === undefined)) {
      this.routesDoubtful = true;
      return undefined;
    }
    return removed ? this.#routes.take(value) : this.#routes.put(value);
  }

  /** Forgets everything. */
  clear(): void {
    for (const shelf of [this.#links, this.#addresses, this.#routes]) shelf.clear();
  }
}

/**
 * Of all that was told while a listing was made, the last about each thing: the listing may be later
 * than what came before.
 */
export function lastWords(news: readonly News[]): News[] {
  const last = new Map<string, News>();
  for (const one of news) {
    const item = one.kind === 'link' ? one.value[0] : one.value;
    const key = `${one.kind} ${keyOf(one.kind, item)}`;
    last.delete(key);
    last.set(key, one);
  }
  return [...last.values()];
}
