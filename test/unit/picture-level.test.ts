// Property tests: a reader that applies every event knows what the picture knows, and in the end what the kernel has,
// whatever was lost, for any changes among a few links, addresses and routes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { News } from '../../lib/records/news.js';
import type { Address, Link, NetlinkEvent, Route } from '../../lib/types/types.js';
import { type Listing, Picture } from '../../lib/watch/picture.js';
import {
  ALL,
  addressNews,
  aLink,
  anAddress,
  aRoute,
  eventsOf,
  linkNews,
  NEW,
  NOTHING,
  routeNews,
} from '../support/pictures.js';

type Item = Link | Address | Route;

/** By what a program would distinguish items: not the picture's own keys. */
function nameOf(event: Exclude<NetlinkEvent, { type: 'resync' }>): string {
  if (event.type === 'link') return `link ${event.link.index}`;
  if (event.type === 'route') return `route ${JSON.stringify(event.route)}`;
  const { linkIndex, address, prefixLength, peer } = event.address;
  return `address ${linkIndex} ${address} ${prefixLength} ${peer}`;
}

function itemOf(event: Exclude<NetlinkEvent, { type: 'resync' }>): Item {
  if (event.type === 'link') return event.link;
  return event.type === 'route' ? event.route : event.address;
}

/** A program that applies every event; with `strict` a test fails when one contradicts what it knows. */
class Reader {
  readonly known = new Map<string, Item>();

  constructor(private readonly strict: boolean) {}

  apply(events: Iterable<NetlinkEvent | undefined>): void {
    for (const event of events) {
      if (event === undefined || event.type === 'resync') continue;
      const name = nameOf(event);
      if (this.strict) expect([event.action, this.known.has(name)]).toEqual(fits(event.action));
      if (event.action === 'removed') this.known.delete(name);
      else this.known.set(name, itemOf(event));
    }
  }

  /** Everything, sorted by name. */
  get all(): Map<string, Item> {
    return new Map([...this.known].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const fits = (action: string) => [action, action !== 'added'];

/** Everything that a picture knows, found out by reconciling it with an empty listing. */
function knowledgeOf(picture: Picture): Reader['all'] {
  const reader = new Reader(false);
  const events = eventsOf(picture.reconcile(NOTHING)) as Exclude<
    NetlinkEvent,
    { type: 'resync' }
  >[];
  expect(events.filter(({ action }) => action !== 'removed')).toEqual([]);
  for (const event of events) reader.known.set(nameOf(event), itemOf(event));
  return reader.all;
}

/** A change in the simulated kernel. There are few different items, so that the same ones change often. */
type Change =
  | { readonly what: 'link'; readonly index: number; readonly mtu: number; readonly up: boolean }
  | { readonly what: 'address'; readonly index: number; readonly host: number; label: string }
  | { readonly what: 'route'; readonly index: number; readonly metric: number }
  | { readonly what: 'remove'; readonly at: number };

const index = fc.integer({ min: 1, max: 4 });
const changes = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constant('link' as const),
        index,
        mtu: index,
        up: fc.boolean(),
      }),
    },
    fc.record({
      what: fc.constant('address' as const),
      index,
      host: index,
      label: fc.constantFrom('a', 'b'),
    }),
    fc.record({ what: fc.constant('route' as const), index, metric: index }),
    { weight: 2, arbitrary: fc.record({ what: fc.constant('remove' as const), at: fc.nat(15) }) },
  ),
  { maxLength: 40 },
) as fc.Arbitrary<Change[]>;

/** A simulated kernel: what there is, and the messages about each change. */
class Kernel {
  readonly #things = new Map<string, News>();

  /** Carries out a change and returns the messages about it. */
  change(change: Change): News[] {
    if (change.what === 'remove') {
      const names = [...this.#things.keys()];
      const name = names[change.at % Math.max(names.length, 1)];
      return name === undefined ? [] : this.#remove(name);
    }
    const news = this.#make(change);
    const name = `${change.what} ${JSON.stringify({ ...change, mtu: 0, up: 0, label: 0 })}`;
    const isNew = !this.#things.has(name);
    this.#things.set(name, news);
    const told = isNew && news.kind === 'link' ? linkNews(news.item as Link, NEW) : news;
    // The kernel often sends the same message twice.
    return change.index % 2 === 0 ? [told, news] : [told];
  }

  #make(change: Exclude<Change, { what: 'remove' }>): News {
    const { index } = change;
    if (change.what === 'link') {
      const { mtu, up } = change;
      return linkNews({ ...aLink, index, name: `eth${index}`, mtu: 1500 + mtu, up });
    }
    if (change.what === 'address') {
      const address = `192.0.2.${change.host}`;
      const { label } = change;
      return addressNews({ ...anAddress, address, cidr: `${address}/24`, linkIndex: index, label });
    }
    return routeNews({ ...aRoute, link: index, metric: change.metric });
  }

  #remove(name: string): News[] {
    const news = this.#things.get(name) as News;
    this.#things.delete(name);
    return [{ ...news, removed: true } as News];
  }

  listing(): Listing {
    const things = [...this.#things.values()];
    return {
      links: things.flatMap((news) => (news.kind === 'link' ? [news.item as Link] : [])),
      addresses: things.flatMap((news) => (news.kind === 'address' ? [news.item] : [])),
      routes: things.flatMap((news) => (news.kind === 'route' ? [news.item] : [])),
    };
  }
}

/** The content of a listing, in the form of {@link Reader.all}. */
function heldBy(listing: Listing): Reader['all'] {
  const reader = new Reader(true);
  reader.apply(listing.links.map((link) => ({ type: 'link', action: 'added', link })));
  reader.apply(listing.addresses.map((address) => ({ type: 'address', action: 'added', address })));
  reader.apply(listing.routes.map((route) => ({ type: 'route', action: 'added', route })));
  return reader.all;
}

/** Lists the routes again if they are uncertain, as a watcher does. */
function settle(picture: Picture, kernel: Kernel, reader: Reader): void {
  if (!picture.routesDoubtful) return;
  picture.routesDoubtful = false;
  reader.apply(picture.reconcileRoutes(kernel.listing().routes, []));
  expect(picture.routesDoubtful).toBe(false);
}

/** Carries out changes one after another; returns all messages about them. */
const carryOut = (kernel: Kernel, some: readonly Change[]) => {
  return some.flatMap((change) => kernel.change(change));
};

describe('a reader that applies every event', () => {
  test('knows what the picture knows, and what there is', () => {
    fc.assert(
      fc.property(changes, (some) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(true)];
        reader.apply(picture.applyAll(carryOut(kernel, some)));
        settle(picture, kernel, reader);
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('gets no event for what it knows already', () => {
    fc.assert(
      fc.property(changes, (some) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(true)];
        reader.apply(picture.applyAll(carryOut(kernel, some)));
        settle(picture, kernel, reader);
        const { links, addresses, routes } = kernel.listing();
        const again: News[] = [
          ...links.map((link) => linkNews({ ...link, altNames: [...link.altNames] })),
          ...addresses.map((address) => addressNews({ ...address })),
          ...routes.map((route) => routeNews({ ...route, nextHops: [] })),
        ];
        expect(eventsOf(picture.applyAll(again))).toEqual([]);
        expect(eventsOf(picture.reconcile(kernel.listing()))).toEqual([]);
      }),
    );
  });

  test('is brought up to date by a listing after any loss', () => {
    fc.assert(
      fc.property(changes, changes, (heard, lost) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(true)];
        reader.apply(picture.applyAll(carryOut(kernel, heard)));
        carryOut(kernel, lost);
        reader.apply(picture.reconcile(kernel.listing()));
        settle(picture, kernel, reader);
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('is brought up to date by a listing that was made in the middle of changes', () => {
    fc.assert(
      fc.property(changes, changes, changes, changes, (heard, lost, before, after) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(true)];
        reader.apply(picture.applyAll(carryOut(kernel, heard)));
        carryOut(kernel, lost);
        // The messages about these are read only after the listing.
        const meanwhile = carryOut(kernel, before);
        const listing = kernel.listing();
        meanwhile.push(...carryOut(kernel, after));
        reader.apply(picture.reconcile(listing, meanwhile));
        settle(picture, kernel, reader);
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('is brought up to date from what it knew before the picture began', () => {
    fc.assert(
      fc.property(changes, changes, changes, changes, (first, before, after, later) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(false)];
        carryOut(kernel, first);
        for (const [name, item] of heldBy(kernel.listing())) reader.known.set(name, item);
        const meanwhile = carryOut(kernel, before);
        expect(eventsOf(picture.reconcile(kernel.listing())).length).toBe(
          heldBy(kernel.listing()).size,
        );
        meanwhile.push(...carryOut(kernel, after));
        reader.apply(picture.catchUp(meanwhile));
        settle(picture, kernel, reader);
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        reader.apply(picture.applyAll(carryOut(kernel, later)));
        settle(picture, kernel, reader);
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('is brought up to date by a listing of routes alone that was made in the middle of changes', () => {
    fc.assert(
      fc.property(changes, changes, changes, (heard, before, after) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(false)];
        reader.apply(picture.applyAll(carryOut(kernel, heard)));
        const meanwhile = carryOut(kernel, before);
        const { routes } = kernel.listing();
        meanwhile.push(...carryOut(kernel, after));
        reader.apply(picture.applyAll(meanwhile));
        reader.apply(picture.reconcileRoutes(routes, meanwhile));
        settle(picture, kernel, reader);
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });
});
