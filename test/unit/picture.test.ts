// What a watcher makes of the kernel's messages: a reader that applies every event knows what the
// picture knows, and ends level with the kernel whatever was lost.
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { LinkNews, News } from '../../lib/native.js';
import { type Listing, Picture, type Steps, type Wanted } from '../../lib/picture.js';
import type { Address, Link, NetlinkEvent, Route } from '../../lib/types.js';

type Item = Link | Address | Route;

const aLink: Link = {
  index: 1,
  name: 'eth0',
  netns: 4026531840,
  kind: 'veth',
  type: 'ether',
  mac: '02:00:5e:10:00:01',
  broadcast: 'ff:ff:ff:ff:ff:ff',
  mtu: 1500,
  minMtu: 68,
  maxMtu: 65535,
  up: true,
  lowerUp: true,
  running: true,
  carrier: true,
  promiscuous: false,
  promiscuity: 0,
  allMulticast: false,
  arp: true,
  multicast: true,
  flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
  operState: 'up',
  qdisc: 'noqueue',
  txQueueLen: 1000,
  numTxQueues: 1,
  numRxQueues: 1,
  group: 0,
  alias: null,
  altNames: [],
  master: null,
  parent: { index: 2, netnsid: null },
  addrGenMode: 'eui64',
  stats: null,
};

const anAddress: Address = {
  address: '192.0.2.1',
  prefixLength: 24,
  cidr: '192.0.2.1/24',
  family: 'IPv4',
  linkIndex: 1,
  scope: 'global',
  label: 'eth0',
  broadcast: null,
  peer: null,
  flags: ['permanent'],
  validLifetime: Number.POSITIVE_INFINITY,
  preferredLifetime: Number.POSITIVE_INFINITY,
  metric: 0,
};

const aRoute: Route = {
  to: '198.51.100.0/24',
  family: 'IPv4',
  via: '192.0.2.254',
  link: 1,
  metric: 0,
  table: 254,
  source: null,
  scope: 'global',
  protocol: 'static',
  type: 'unicast',
  onlink: false,
  mtu: null,
  nextHops: [],
};

const ALL: Wanted = { addresses: true, routes: true };
const NOTHING: Listing = { links: [], addresses: [], routes: [] };
const NEW = 0xffffffff;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const NLM_F_APPEND = 0x800;

const linkNews = (link: Link, change = 0): News => {
  return { kind: 'link', removed: false, value: [link, change] };
};
const linkGone = (link: Link, ...more: [netnsid?: number, index?: number]): News => {
  return { kind: 'link', removed: true, value: [link, NEW, ...more] as LinkNews };
};
const addressNews = (address: Address, removed = false): News => {
  return { kind: 'address', removed, value: address };
};
const routeNews = (route: Route, removed = false, flags = removed ? 0 : NLM_F_CREATE): News => {
  return { kind: 'route', removed, value: route, flags };
};

/** The events among the steps. */
const eventsOf = (steps: Steps) => [...steps].filter((step) => step !== undefined);

/** By what a program would tell things apart: not the picture's own keys. */
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

/** A program that applies every event, and minds when one does not fit what it knows. */
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

  /** Everything, in an order of its own. */
  get all(): Map<string, Item> {
    return new Map([...this.known].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const fits = (action: string) => [action, action !== 'added'];

/** All that a picture knows, found out by telling it that there is nothing. */
function knowledgeOf(picture: Picture): Reader['all'] {
  const reader = new Reader(false);
  const events = eventsOf(picture.level(NOTHING)) as Exclude<NetlinkEvent, { type: 'resync' }>[];
  expect(events.filter(({ action }) => action !== 'removed')).toEqual([]);
  for (const event of events) reader.known.set(nameOf(event), itemOf(event));
  return reader.all;
}

/** A change in a pretended kernel, small enough a world for things to meet again. */
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

/** What there is, and what is told of each change. */
class Kernel {
  readonly #things = new Map<string, News>();

  /** Carries a change out and gives what the kernel says about it. */
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
    const told = isNew && news.kind === 'link' ? linkNews(news.value[0], NEW) : news;
    // The kernel often says the same thing twice.
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
      links: things.flatMap((news) => (news.kind === 'link' ? [news.value[0]] : [])),
      addresses: things.flatMap((news) => (news.kind === 'address' ? [news.value] : [])),
      routes: things.flatMap((news) => (news.kind === 'route' ? [news.value] : [])),
    };
  }
}

/** What a listing holds, as a reader has it. */
function heldBy(listing: Listing): Reader['all'] {
  const reader = new Reader(true);
  reader.apply(listing.links.map((link) => ({ type: 'link', action: 'added', link })));
  reader.apply(listing.addresses.map((address) => ({ type: 'address', action: 'added', address })));
  reader.apply(listing.routes.map((route) => ({ type: 'route', action: 'added', route })));
  return reader.all;
}

/** Carries changes out one after the other; gives all that was told. */
const carryOut = (kernel: Kernel, some: readonly Change[]) => {
  return some.flatMap((change) => kernel.change(change));
};

describe('a reader that applies every event', () => {
  test('knows what the picture knows, and what there is', () => {
    fc.assert(
      fc.property(changes, (some) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(true)];
        reader.apply(picture.tellAll(carryOut(kernel, some)));
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('is told nothing that it knows already', () => {
    fc.assert(
      fc.property(changes, (some) => {
        const [kernel, picture] = [new Kernel(), new Picture(ALL)];
        for (const _ of picture.tellAll(carryOut(kernel, some))) {
          // Told.
        }
        const { links, addresses, routes } = kernel.listing();
        const again: News[] = [
          ...links.map((link) => linkNews({ ...link, altNames: [...link.altNames] })),
          ...addresses.map((address) => addressNews({ ...address })),
          ...routes.map((route) => routeNews({ ...route, nextHops: [] })),
        ];
        expect(eventsOf(picture.tellAll(again))).toEqual([]);
        expect(eventsOf(picture.level(kernel.listing()))).toEqual([]);
      }),
    );
  });

  test('is brought level with any listing after any loss', () => {
    fc.assert(
      fc.property(changes, changes, (heard, lost) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(true)];
        reader.apply(picture.tellAll(carryOut(kernel, heard)));
        carryOut(kernel, lost);
        reader.apply(picture.level(kernel.listing()));
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('is brought level with a listing that was made in the middle of changes', () => {
    fc.assert(
      fc.property(changes, changes, changes, changes, (heard, lost, before, after) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(true)];
        reader.apply(picture.tellAll(carryOut(kernel, heard)));
        carryOut(kernel, lost);
        // What is told before the listing is made is read after it.
        const meanwhile = carryOut(kernel, before);
        const listing = kernel.listing();
        meanwhile.push(...carryOut(kernel, after));
        reader.apply(picture.level(listing, meanwhile));
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('is brought level from what it knew, when the picture came later', () => {
    fc.assert(
      fc.property(changes, changes, changes, changes, (first, before, after, later) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(false)];
        carryOut(kernel, first);
        for (const [name, item] of heldBy(kernel.listing())) reader.known.set(name, item);
        const meanwhile = carryOut(kernel, before);
        expect(eventsOf(picture.level(kernel.listing())).length).toBe(
          heldBy(kernel.listing()).size,
        );
        meanwhile.push(...carryOut(kernel, after));
        reader.apply(picture.catchUp(meanwhile));
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        reader.apply(picture.tellAll(carryOut(kernel, later)));
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });

  test('is brought level with routes alone that were listed in the middle of changes', () => {
    fc.assert(
      fc.property(changes, changes, changes, (heard, before, after) => {
        const [kernel, picture, reader] = [new Kernel(), new Picture(ALL), new Reader(false)];
        reader.apply(picture.tellAll(carryOut(kernel, heard)));
        const meanwhile = carryOut(kernel, before);
        const { routes } = kernel.listing();
        meanwhile.push(...carryOut(kernel, after));
        reader.apply(picture.tellAll(meanwhile));
        reader.apply(picture.levelRoutes(routes, meanwhile));
        expect(reader.all).toEqual(heldBy(kernel.listing()));
        expect(knowledgeOf(picture)).toEqual(reader.all);
      }),
    );
  });
});

describe('a link', () => {
  test('is added, changed and removed by knowledge, whatever the message says', () => {
    const picture = new Picture({});
    // Neither "all flags changed" nor "no flag changed" decides it.
    expect(picture.tell(linkNews(aLink))).toEqual({ type: 'link', action: 'added', link: aLink });
    expect(picture.tell(linkNews({ ...aLink }, NEW))).toBeUndefined();
    const changed = { ...aLink, mtu: 1400 };
    const event = { type: 'link', action: 'changed', link: changed };
    expect(picture.tell(linkNews(changed))).toEqual(event);
    expect(picture.tell(linkGone({ ...aLink, index: 9 }))).toBeUndefined();
    // As it was last seen, not as the message has it.
    const gone = picture.tell(linkGone({ ...aLink, mtu: 68 }));
    expect(gone).toEqual({ type: 'link', action: 'removed', link: changed });
    expect(picture.tell(linkGone(changed))).toBeUndefined();
  });

  test('has not changed when only its counters have', () => {
    const counted = (rxBytes: number) => ({ ...aLink, stats: { rxBytes } as Link['stats'] });
    const picture = new Picture({});
    picture.tell(linkNews(counted(1)));
    expect(picture.tell(linkNews(counted(2)))).toBeUndefined();
    expect(picture.tell(linkNews({ ...counted(3), alias: 'x' }))).toMatchObject({
      action: 'changed',
      link: { stats: { rxBytes: 3 } },
    });
  });

  test.each([
    { altNames: ['a'] },
    { parent: { index: 2, netnsid: 0 } },
    { parent: null },
    { flags: ['UP', 'BROADCAST', 'MULTICAST', 'LOWER_UP'] },
    { bridgePort: { hairpin: true } },
    { mac: null },
  ])('has changed when %j has', (change: Partial<Link>) => {
    const picture = new Picture({});
    picture.tell(linkNews(aLink));
    expect(picture.tell(linkNews({ ...aLink, ...change }))).toMatchObject({ action: 'changed' });
    expect(picture.tell(linkNews(aLink))).toMatchObject({ action: 'changed' });
  });

  test('that moved says where to, also when that was told during a listing', () => {
    const movedTo = { netnsid: 3, index: 17 };
    const picture = new Picture({});
    picture.tell(linkNews(aLink));
    expect(picture.tell(linkGone(aLink, 3, 17))).toMatchObject({ action: 'removed', movedTo });
    picture.tell(linkNews(aLink));
    const meanwhile = [linkGone(aLink, 3, 17)];
    const [event] = eventsOf(picture.level({ ...NOTHING, links: [aLink] }, meanwhile));
    expect(event).toEqual({ type: 'link', action: 'removed', link: aLink, movedTo });
    const [late] = eventsOf(new Picture({}).catchUp(meanwhile));
    expect(late).toEqual({ type: 'link', action: 'removed', link: aLink, movedTo });
    picture.tell(linkNews(aLink));
    expect(picture.tell(linkGone(aLink))).toEqual({ type: 'link', action: 'removed', link: aLink });
  });

  test('that is gone is told of before one that is new', () => {
    const picture = new Picture({});
    const other = { ...aLink, index: 2 };
    picture.tell(linkNews(aLink));
    const events = eventsOf(picture.level({ ...NOTHING, links: [other] }));
    expect(events).toMatchObject([
      { action: 'removed', link: { index: 1 } },
      { action: 'added', link: { index: 2 } },
    ]);
  });

  test('is told of in steps that leave the event loop its turn', () => {
    const links = Array.from({ length: 1000 }, (_, at) => ({ ...aLink, index: at + 1 }));
    const picture = new Picture({});
    expect(eventsOf(picture.level({ ...NOTHING, links }))).toHaveLength(1000);
    const steps = [...picture.level({ ...NOTHING, links })];
    expect(steps.length).toBeGreaterThanOrEqual(1000);
    expect(steps.filter((step) => step !== undefined)).toEqual([]);
  });
});

describe('an address', () => {
  afterEach(() => vi.restoreAllMocks());

  /** The clock, in seconds. */
  const at = (seconds: number) => {
    vi.spyOn(performance, 'now').mockReturnValue(seconds * 1000);
  };
  const lasting = (validLifetime: number) => {
    return addressNews({ ...anAddress, validLifetime, preferredLifetime: validLifetime });
  };

  test('has not changed when its lifetime runs down, and has when it is given another', () => {
    const picture = new Picture(ALL);
    at(1000);
    expect(picture.tell(lasting(600))).toMatchObject({ action: 'added' });
    at(1100);
    expect(picture.tell(lasting(499))).toBeUndefined();
    expect(picture.tell(lasting(600))).toMatchObject({ action: 'changed' });
    expect(picture.tell(lasting(Number.POSITIVE_INFINITY))).toMatchObject({ action: 'changed' });
    at(1200);
    expect(picture.tell(lasting(Number.POSITIVE_INFINITY))).toBeUndefined();
    expect(picture.tell(lasting(60))).toMatchObject({ action: 'changed' });
  });

  test('is another on another link, with another prefix or another peer', () => {
    const picture = new Picture(ALL);
    picture.tell(addressNews(anAddress));
    const others: Partial<Address>[] = [
      { linkIndex: 2 },
      { cidr: '192.0.2.1/32', prefixLength: 32 },
      { peer: '192.0.2.9' },
    ];
    for (const other of others) {
      const event = picture.tell(addressNews({ ...anAddress, ...other }));
      expect(event).toMatchObject({ action: 'added' });
    }
    expect(picture.tell(addressNews({ ...anAddress, label: 'eth0:1' }))).toMatchObject({
      action: 'changed',
    });
  });

  test('is not told of when only routes are wanted', () => {
    const picture = new Picture({ routes: true });
    expect(picture.tell(addressNews(anAddress))).toBeUndefined();
    expect(picture.tell(addressNews(anAddress, true))).toBeUndefined();
    const meanwhile = [addressNews(anAddress)];
    expect(eventsOf(picture.catchUp(meanwhile))).toEqual([]);
    expect(eventsOf(picture.level(NOTHING, meanwhile))).toEqual([]);
  });
});

describe('routes are in doubt', () => {
  const known = (wanted: Wanted = { routes: true }) => {
    const picture = new Picture(wanted);
    const listing = { links: [aLink], addresses: [], routes: [aRoute] };
    expect(eventsOf(picture.level(listing))).toHaveLength(2);
    expect(picture.routesDoubtful).toBe(false);
    return picture;
  };
  const nextHops = [{ link: 1, via: '192.0.2.7', weight: 1 }];
  const grounds: [string, News][] = [
    ['a link goes down', linkNews({ ...aLink, up: false, lowerUp: false })],
    ['a link loses its carrier', linkNews({ ...aLink, lowerUp: false, running: false })],
    ['a link is removed', linkGone(aLink)],
    ['an address is removed', addressNews(anAddress, true)],
    ['a next hop is removed', { kind: 'nextHop', removed: true }],
    ['a next hop changes', { kind: 'nextHop', removed: false }],
    ['a route is replaced', routeNews(aRoute, false, NLM_F_CREATE | NLM_F_REPLACE)],
    ['a route is appended to', routeNews(aRoute, false, NLM_F_CREATE | NLM_F_APPEND)],
    ['a route has several ways', routeNews({ ...aRoute, via: null, nextHops })],
    ['a route is removed that is not known', routeNews({ ...aRoute, metric: 5 }, true)],
  ];

  test.each(grounds)('when %s', (_, news) => {
    const picture = known();
    picture.tell(news);
    expect(picture.routesDoubtful).toBe(true);
  });

  test.each(grounds.slice(0, -1))('when during a listing %s', (_, news) => {
    const picture = new Picture({ routes: true });
    const listing = { links: [aLink], addresses: [], routes: [aRoute] };
    for (const _step of picture.level(listing, [news, linkNews(aLink)])) {
      // Levelled.
    }
    expect(picture.routesDoubtful).toBe(true);
  });

  test.each(grounds)('and not when nobody wants routes and %s', (_, news) => {
    const picture = new Picture({ addresses: true });
    picture.tell(linkNews(aLink));
    if (news.kind !== 'route') picture.tell(news);
    for (const _step of picture.level(NOTHING, [news])) {
      // Levelled.
    }
    expect(picture.routesDoubtful).toBe(false);
  });

  const otherLink = { ...aLink, index: 2, up: false, lowerUp: false };
  test.each<[string, News]>([
    ['a link comes that is down', linkNews(otherLink, NEW)],
    ['an address comes', addressNews(anAddress)],
    ['a route comes', routeNews({ ...aRoute, metric: 5 })],
    ['a known route goes', routeNews(aRoute, true)],
  ])('and not when %s', (_, news) => {
    const picture = known();
    picture.tell(news);
    expect(picture.routesDoubtful).toBe(false);
  });

  test('and what is said of a route in parts is no event', () => {
    const picture = known();
    const parts = [
      routeNews({ ...aRoute, metric: 6 }, false, NLM_F_CREATE | NLM_F_REPLACE),
      routeNews({ ...aRoute, via: null, nextHops }),
    ];
    expect(eventsOf(picture.tellAll(parts))).toEqual([]);
    expect(eventsOf(picture.catchUp(parts))).toEqual([]);
    expect(eventsOf(picture.levelRoutes([{ ...aRoute, metric: 6 }], parts))).toMatchObject([
      { type: 'route', action: 'removed', route: { metric: 0 } },
      { type: 'route', action: 'added', route: { metric: 6 } },
    ]);
  });
});
