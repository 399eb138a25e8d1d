// Which events a watcher makes from the kernel's messages.
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { News } from '../../lib/records/news.js';
import type { Address, Link, Route } from '../../lib/types/types.js';
import { LISTS_LINKS_BY_INDEX } from '../../lib/values/kernelVersion.js';
import { type Listing, mayHideOthers, Picture, type Wanted } from '../../lib/watch/picture.js';
import {
  ALL,
  addressNews,
  aLink,
  anAddress,
  aRoute,
  eventsOf,
  linkGone,
  linkGoneBriefly,
  linkNews,
  NEW,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  NOTHING,
  nextHopNews,
  routeNews,
} from '../support/pictures.js';

describe('a link', () => {
  test('is added, changed or removed compared to what is known, whatever the message says', () => {
    const picture = new Picture({});
    // Neither "all flags changed" nor "no flag changed" decides it.
    expect(picture.apply(linkNews(aLink))).toEqual({ type: 'link', action: 'added', link: aLink });
    expect(picture.apply(linkNews({ ...aLink }, NEW))).toBeUndefined();
    const changed = { ...aLink, mtu: 1400 };
    const event = { type: 'link', action: 'changed', link: changed };
    expect(picture.apply(linkNews(changed))).toEqual(event);
    expect(picture.apply(linkGone({ ...aLink, index: 9 }))).toBeUndefined();
    // As it was last seen, not as the message has it.
    const gone = picture.apply(linkGone({ ...aLink, mtu: 68 }));
    expect(gone).toEqual({ type: 'link', action: 'removed', link: changed });
    expect(picture.apply(linkGone(changed))).toBeUndefined();
  });

  test('has not changed when only its counters have', () => {
    const counted = (rxBytes: number) => ({ ...aLink, stats: { rxBytes } as Link['stats'] });
    const picture = new Picture({});
    picture.apply(linkNews(counted(1)));
    expect(picture.apply(linkNews(counted(2)))).toBeUndefined();
    expect(picture.apply(linkNews({ ...counted(3), alias: 'x' }))).toMatchObject({
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
    picture.apply(linkNews(aLink));
    expect(picture.apply(linkNews({ ...aLink, ...change }))).toMatchObject({ action: 'changed' });
    expect(picture.apply(linkNews(aLink))).toMatchObject({ action: 'changed' });
  });

  test('whose index has meanwhile been given to one of another kind is removed', () => {
    const picture = new Picture({});
    picture.apply(linkNews(aLink));
    const renamed = { ...aLink, name: 'new' };
    const other: Link = { ...aLink, kind: 'bridge' };
    for (const gaps of [false, true]) {
      expect(eventsOf(picture.reconcile({ ...NOTHING, links: [renamed], gaps }))).toEqual([
        { type: 'link', action: 'changed', link: renamed },
      ]);
      expect(eventsOf(picture.reconcile({ ...NOTHING, links: [other], gaps }))).toEqual([
        { type: 'link', action: 'removed', link: renamed },
        { type: 'link', action: 'added', link: other },
      ]);
      eventsOf(picture.reconcile({ ...NOTHING, links: [aLink] }));
    }
    expect(eventsOf(picture.reconcile(NOTHING, [linkNews(other)]))).toEqual([
      { type: 'link', action: 'removed', link: aLink },
      { type: 'link', action: 'added', link: other },
    ]);
  });

  test('that is the first end of a veth pair gets its other end with the message about that one', () => {
    const one: Link = { ...aLink, index: 5, name: 'one', kind: 'veth', parent: null };
    const other: Link = { ...one, index: 6, name: 'other', parent: { index: 5, netnsid: null } };
    const joined = { ...one, parent: { index: 6, netnsid: null } };
    const events = [
      { type: 'link', action: 'added', link: one },
      { type: 'link', action: 'added', link: other },
      { type: 'link', action: 'changed', link: joined },
    ];
    const told = [linkNews(one, NEW), linkNews(other, NEW)];
    const picture = new Picture({});
    expect(eventsOf(picture.applyAll(told))).toEqual(events);
    expect(eventsOf(picture.applyAll([linkNews(joined)]))).toEqual([]);
    expect(eventsOf(new Picture({}).catchUp(told))).toEqual(events);
    expect(eventsOf(new Picture({}).reconcile(NOTHING, told))).toEqual(events);
    // Index 5 here is not the end that has it in another namespace.
    const elsewhere = { ...other, parent: { index: 5, netnsid: 1 } };
    expect(eventsOf(new Picture({}).applyAll([linkNews(one), linkNews(elsewhere)]))).toHaveLength(
      2,
    );
    // A macvlan that stands on an end is not its other end: that may be in another namespace.
    const macvlan: Link = { ...other, kind: 'macvlan' };
    expect(eventsOf(new Picture({}).applyAll([linkNews(one), linkNews(macvlan)]))).toHaveLength(2);
    // Nor is a link of another kind that has the other end's index by now.
    const dummy: Link = { ...one, kind: 'dummy' };
    expect(eventsOf(new Picture({}).applyAll([linkNews(dummy), linkNews(other)]))).toHaveLength(2);
  });

  test('that has the index of a removed veth end does not get that one’s other end', () => {
    const gone: Link = { ...aLink, index: 5, name: 'gone', kind: 'veth', parent: null };
    const goneToo: Link = {
      ...gone,
      index: 6,
      name: 'gone too',
      parent: { index: 5, netnsid: null },
    };
    const one: Link = { ...gone, name: 'one' };
    const other: Link = { ...goneToo, index: 7, name: 'other' };
    const told = [
      linkNews(gone, NEW),
      linkNews(goneToo, NEW),
      linkGone(goneToo),
      linkGone(gone),
      linkNews(one, NEW),
      linkNews(other, NEW),
    ];
    const joined = { ...one, parent: { index: 7, netnsid: null } };
    expect(eventsOf(new Picture({}).reconcile(NOTHING, told))).toEqual([
      { type: 'link', action: 'added', link: one },
      { type: 'link', action: 'added', link: other },
      { type: 'link', action: 'changed', link: joined },
    ]);
  });

  test('that moved says where to, also when the message came during a listing', () => {
    const movedTo = { netnsid: 3, index: 17 };
    const picture = new Picture({});
    picture.apply(linkNews(aLink));
    expect(picture.apply(linkGone(aLink, 3, 17))).toMatchObject({ action: 'removed', movedTo });
    picture.apply(linkNews(aLink));
    const meanwhile = [linkGone(aLink, 3, 17)];
    const [event] = eventsOf(picture.reconcile({ ...NOTHING, links: [aLink] }, meanwhile));
    expect(event).toEqual({ type: 'link', action: 'removed', link: aLink, movedTo });
    const [late] = eventsOf(new Picture({}).catchUp(meanwhile));
    expect(late).toEqual({ type: 'link', action: 'removed', link: aLink, movedTo });
    picture.apply(linkNews(aLink));
    expect(picture.apply(linkGone(aLink))).toEqual({
      type: 'link',
      action: 'removed',
      link: aLink,
    });
  });

  test('is removed as it was known when the message has only its index', () => {
    const picture = new Picture({});
    picture.apply(linkNews(aLink));
    expect(picture.apply(linkGoneBriefly({ ...aLink, index: 9 }))).toBeUndefined();
    const gone = picture.apply(linkGoneBriefly(aLink));
    expect(gone).toEqual({ type: 'link', action: 'removed', link: aLink });
    expect(picture.apply(linkGoneBriefly(aLink))).toBeUndefined();
    // Another link with the same index.
    expect(picture.apply(linkNews(aLink))).toMatchObject({ action: 'added' });
  });

  test('that is gone is reported before one that is new', () => {
    const picture = new Picture({});
    const other = { ...aLink, index: 2 };
    picture.apply(linkNews(aLink));
    const events = eventsOf(picture.reconcile({ ...NOTHING, links: [other] }));
    expect(events).toMatchObject([
      { action: 'removed', link: { index: 1 } },
      { action: 'added', link: { index: 2 } },
    ]);
  });

  test('is reconciled in steps, so that the event loop can have turns between them', () => {
    const links = Array.from({ length: 1000 }, (_, at) => ({ ...aLink, index: at + 1 }));
    const picture = new Picture({});
    expect(eventsOf(picture.reconcile({ ...NOTHING, links }))).toHaveLength(1000);
    const steps = [...picture.reconcile({ ...NOTHING, links })];
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

  test('has not changed when its lifetime runs down, but has when it gets another', () => {
    const picture = new Picture(ALL);
    at(1000);
    expect(picture.apply(lasting(600))).toMatchObject({ action: 'added' });
    at(1100);
    expect(picture.apply(lasting(499))).toBeUndefined();
    expect(picture.apply(lasting(501))).toBeUndefined();
    expect(picture.apply(lasting(600))).toMatchObject({ action: 'changed' });
    expect(picture.apply(lasting(Number.POSITIVE_INFINITY))).toMatchObject({ action: 'changed' });
    at(1200);
    expect(picture.apply(lasting(Number.POSITIVE_INFINITY))).toBeUndefined();
    expect(picture.apply(lasting(60))).toMatchObject({ action: 'changed' });
  });

  test('has changed when its valid lifetime gets some seconds longer, or its preferred one shorter', () => {
    const picture = new Picture(ALL);
    at(1000);
    picture.apply(lasting(600));
    expect(picture.apply(lasting(610))).toMatchObject({ action: 'changed' });
    const deprecated = { ...anAddress, validLifetime: 610, preferredLifetime: 0 };
    expect(picture.apply(addressNews(deprecated))).toEqual({
      type: 'address',
      action: 'changed',
      address: deprecated,
    });
  });

  test('has changed when only its valid lifetime gets longer', () => {
    const picture = new Picture(ALL);
    at(1000);
    const valid = (validLifetime: number) =>
      addressNews({ ...anAddress, validLifetime, preferredLifetime: 60 });
    picture.apply(valid(600));
    expect(picture.apply(valid(900))).toMatchObject({ action: 'changed' });
    expect(picture.apply(valid(900))).toBeUndefined();
  });

  test('of IPv6 is the same with another prefix or another peer', () => {
    const picture = new Picture(ALL);
    const v6: Address = { ...anAddress, family: 'IPv6', address: 'fd00::1', cidr: 'fd00::1/64' };
    picture.apply(addressNews(v6));
    const changes: Partial<Address>[] = [
      { cidr: 'fd00::1/128', prefixLength: 128 },
      { peer: 'fd00::9' },
    ];
    for (const change of changes) {
      const event = picture.apply(addressNews({ ...v6, ...change }));
      expect(event).toMatchObject({ action: 'changed' });
    }
  });

  test('of IPv6 is another on another link', () => {
    const picture = new Picture(ALL);
    const v6: Address = { ...anAddress, family: 'IPv6', address: 'fe80::1', cidr: 'fe80::1/64' };
    picture.apply(addressNews(v6));
    const other = { ...v6, linkIndex: 2 };
    expect(picture.apply(addressNews(other))).toMatchObject({ action: 'added' });
    expect(picture.apply(addressNews(v6, true))).toMatchObject({ action: 'removed' });
    expect(picture.apply(addressNews(other, true))).toMatchObject({ action: 'removed' });
  });

  test('is another on another link, with another prefix or another peer', () => {
    const picture = new Picture(ALL);
    picture.apply(addressNews(anAddress));
    const others: Partial<Address>[] = [
      { linkIndex: 2 },
      { cidr: '192.0.2.1/32', prefixLength: 32 },
      { peer: '192.0.2.9' },
    ];
    for (const other of others) {
      const event = picture.apply(addressNews({ ...anAddress, ...other }));
      expect(event).toMatchObject({ action: 'added' });
    }
    expect(picture.apply(addressNews({ ...anAddress, label: 'eth0:1' }))).toMatchObject({
      action: 'changed',
    });
  });

  test('is not reported when only routes are watched', () => {
    const picture = new Picture({ routes: true });
    expect(picture.apply(addressNews(anAddress))).toBeUndefined();
    expect(picture.apply(addressNews(anAddress, true))).toBeUndefined();
    const meanwhile = [addressNews(anAddress)];
    expect(eventsOf(picture.catchUp(meanwhile))).toEqual([]);
    expect(eventsOf(picture.reconcile(NOTHING, meanwhile))).toEqual([]);
  });
});

describe('routes are uncertain', () => {
  const known = (wanted: Wanted = { routes: true }) => {
    const picture = new Picture(wanted);
    const listing = { links: [aLink], addresses: [], routes: [aRoute] };
    expect(eventsOf(picture.reconcile(listing))).toHaveLength(2);
    expect(picture.routesDoubtful).toBe(false);
    return picture;
  };
  const nextHops = [{ link: 1, via: '192.0.2.7', weight: 1, onlink: false }];
  const grounds: [string, News][] = [
    ['a link goes down', linkNews({ ...aLink, up: false, lowerUp: false })],
    ['a link loses its carrier', linkNews({ ...aLink, lowerUp: false, running: false })],
    ['a link is removed', linkGone(aLink)],
    ['a link is removed, by its index', linkGoneBriefly(aLink)],
    ['an address is removed', addressNews(anAddress, true)],
    ['a next hop changes', nextHopNews()],
    ['a route is replaced', routeNews(aRoute, false, NLM_F_CREATE | NLM_F_REPLACE)],
    ['a route is appended to', routeNews(aRoute, false, NLM_F_CREATE | NLM_F_APPEND)],
    ['a route has several ways', routeNews({ ...aRoute, via: null, nextHops })],
    ['a route is removed that is not known', routeNews({ ...aRoute, metric: 5 }, true)],
  ];

  test.each(grounds)('when %s', (_, news) => {
    const picture = known();
    picture.apply(news);
    expect(picture.routesDoubtful).toBe(true);
  });

  test('when a link goes down that had no carrier', () => {
    const picture = known();
    picture.apply(linkNews({ ...aLink, lowerUp: false }));
    picture.routesDoubtful = false;
    picture.apply(linkNews({ ...aLink, up: false, lowerUp: false }));
    expect(picture.routesDoubtful).toBe(true);
  });

  test('when the kernel has dealt with the loss of a carrier, which a message showed before', () => {
    const picture = known();
    // `running` follows up to a second later, and only then the kernel removes next hop objects with their routes.
    picture.apply(linkNews({ ...aLink, lowerUp: false, mtu: 1400 }));
    picture.routesDoubtful = false;
    picture.apply(linkNews({ ...aLink, lowerUp: false, running: false, mtu: 1400 }));
    expect(picture.routesDoubtful).toBe(true);
  });

  test('when a dormant link, which has a carrier and is not running, loses that carrier', () => {
    const picture = known();
    picture.apply(linkNews({ ...aLink, running: false }));
    expect(picture.routesDoubtful).toBe(false);
    picture.apply(linkNews({ ...aLink, lowerUp: false, running: false }));
    expect(picture.routesDoubtful).toBe(true);
  });

  const aVrf: Link = { ...aLink, index: 9, name: 'vrf0', kind: 'vrf' };
  const aRoute6: Route = { ...aRoute, family: 'IPv6', to: '2001:db8::/32', via: '2001:db8::1' };

  describe.each([
    ['MTU', { mtu: 1400 }, { mtu: 1400 }, { mtu: null }],
    ['master', { master: 9 }, { kind: 'vrf' }, { kind: 'bridge' }],
  ] as const)('when the %s of a link is another', (what, change, doubtful, sure) => {
    /** What is listed: a link, another one that may be its master, and an IPv6 route. */
    const listed = ({ kind = 'bridge', mtu = null }: { kind?: string; mtu?: number | null }) => {
      const links = [aLink, { ...aVrf, kind }];
      return { links, addresses: [], routes: [aRoute, { ...aRoute6, mtu }] };
    };
    const changed = [linkNews({ ...aLink, ...change })];

    test.each([
      [true, doubtful],
      [false, sure],
    ])('%s: %j', (expected, more) => {
      const picture = new Picture({ routes: true });
      eventsOf(picture.reconcile(listed(more)));
      for (const news of [...changed, linkNews(aLink)]) {
        picture.routesDoubtful = false;
        picture.apply(news);
        expect(picture.routesDoubtful).toBe(expected);
      }
      eventsOf(picture.reconcile(listed(more), changed));
      expect(picture.routesDoubtful).toBe(expected);
      // The message about a new link.
      eventsOf(picture.reconcile(listed(more), [linkNews({ ...aLink, ...change }, NEW)]));
      expect(picture.routesDoubtful).toBe(false);
    });

    test('and not for the sake of an IPv4 route', () => {
      const picture = new Picture({ routes: true });
      eventsOf(picture.reconcile({ ...listed({}), routes: [{ ...aRoute, mtu: 1500 }] }));
      picture.apply(changed[0] as News);
      expect(picture.routesDoubtful).toBe(false);
    });

    test('and what makes that so has come since', () => {
      const picture = new Picture({ routes: true });
      eventsOf(picture.reconcile(listed({})));
      picture.apply(what === 'MTU' ? routeNews({ ...aRoute6, mtu: 1400 }) : linkNews(aVrf));
      expect(picture.routesDoubtful).toBe(false);
      picture.apply(changed[0] as News);
      expect(picture.routesDoubtful).toBe(true);
      eventsOf(picture.reconcileRoutes([aRoute], []));
      picture.routesDoubtful = false;
      picture.apply(linkNews(aLink));
      expect(picture.routesDoubtful).toBe(what === 'master');
    });
  });

  test('when the MTU of a link becomes too small for IPv6', () => {
    const picture = new Picture({ routes: true });
    eventsOf(
      picture.reconcile({ links: [aLink], addresses: [], routes: [{ ...aRoute6, mtu: null }] }),
    );
    const doubts = [1280, 1279, 1000, 1500].map((mtu) => {
      picture.routesDoubtful = false;
      picture.apply(linkNews({ ...aLink, mtu }));
      return picture.routesDoubtful;
    });
    expect(doubts).toEqual([false, true, false, false]);
    // Messages before the first one may have been lost.
    eventsOf(picture.reconcile(NOTHING, [linkNews({ ...aLink, mtu: 1279 })]));
    expect(picture.routesDoubtful).toBe(true);
  });

  test('and no longer for the sake of what an earlier listing had', () => {
    const picture = new Picture({ routes: true });
    const links = [aLink, aVrf];
    eventsOf(picture.reconcile({ links, addresses: [], routes: [{ ...aRoute6, mtu: 1400 }] }));
    picture.apply(routeNews(aRoute, false, NLM_F_CREATE | NLM_F_APPEND));
    eventsOf(picture.reconcile({ links: [aLink], addresses: [], routes: [aRoute] }));
    for (const change of [{ mtu: 1400 }, { master: 9 }]) {
      picture.apply(linkNews({ ...aLink, ...change }));
    }
    picture.apply(routeNews(aRoute, true));
    expect(picture.routesDoubtful).toBe(false);
  });

  test('when a link is down as before, and messages in between were lost', () => {
    const down = { ...aLink, up: false, lowerUp: false };
    const picture = known();
    picture.apply(linkNews(down));
    picture.routesDoubtful = false;
    eventsOf(picture.reconcile({ ...NOTHING, links: [down] }, [linkNews(down)]));
    expect(picture.routesDoubtful).toBe(true);
  });

  test.each(grounds)('when during a listing %s', (_, news) => {
    const picture = new Picture({ routes: true });
    const listing = { links: [aLink], addresses: [], routes: [aRoute] };
    eventsOf(picture.reconcile(listing, [news, linkNews(aLink)]));
    expect(picture.routesDoubtful).toBe(true);
  });

  test.each(grounds)('and not when routes are not watched and %s', (_, news) => {
    const picture = new Picture({ addresses: true });
    picture.apply(linkNews(aLink));
    if (news.kind !== 'route') picture.apply(news);
    eventsOf(picture.reconcile(NOTHING, [news]));
    expect(picture.routesDoubtful).toBe(false);
  });

  const otherLink = { ...aLink, index: 2, up: false, lowerUp: false };
  test.each<[string, News]>([
    ['a link comes that is down', linkNews(otherLink, NEW)],
    ['a link shows a lost carrier, and is still running', linkNews({ ...aLink, lowerUp: false })],
    ['an address comes', addressNews(anAddress)],
    ['a route comes', routeNews({ ...aRoute, metric: 5 })],
    ['a known route goes', routeNews(aRoute, true)],
  ])('and not when %s', (_, news) => {
    const picture = known();
    picture.apply(news);
    expect(picture.routesDoubtful).toBe(false);
  });

  test('when a route goes that may have been two, and it is not removed before they are listed', () => {
    const picture = known();
    // Reported twice: the second differs in something that a `Route` does not contain.
    expect(picture.apply(routeNews({ ...aRoute }))).toBeUndefined();
    expect(picture.apply(routeNews(aRoute, true))).toBeUndefined();
    expect(picture.routesDoubtful).toBe(true);
    picture.routesDoubtful = false;
    expect(eventsOf(picture.reconcileRoutes([aRoute], []))).toEqual([]);
    // According to that listing there is one.
    expect(picture.apply(routeNews(aRoute, true))).toMatchObject({ action: 'removed' });
    expect(picture.routesDoubtful).toBe(false);
    expect(eventsOf(picture.reconcileRoutes([aRoute, aRoute], []))).toHaveLength(1);
    expect(picture.apply(routeNews(aRoute, true))).toBeUndefined();
    expect(picture.routesDoubtful).toBe(true);
    expect(eventsOf(picture.reconcileRoutes([], []))).toMatchObject([{ action: 'removed' }]);
    // All of them are gone: the next one is a single route.
    picture.routesDoubtful = false;
    expect(picture.apply(routeNews(aRoute))).toMatchObject({ action: 'added' });
    expect(picture.apply(routeNews(aRoute, true))).toMatchObject({ action: 'removed' });
    expect(picture.routesDoubtful).toBe(false);
  });

  test('when one of two routes that look alike goes during a listing, which has the other', () => {
    const picture = known();
    picture.apply(routeNews(aRoute));
    expect(eventsOf(picture.reconcileRoutes([aRoute], [routeNews(aRoute, true)]))).toEqual([]);
    picture.apply(routeNews(aRoute));
    const listing = { links: [aLink], addresses: [], routes: [aRoute] };
    expect(eventsOf(picture.reconcile(listing, [routeNews(aRoute, true)]))).toEqual([]);
    expect(picture.routesDoubtful).toBe(true);
  });

  test('when a route goes that was listed, and was added once more during the listing', () => {
    const picture = new Picture({ routes: true });
    expect(eventsOf(picture.reconcileRoutes([aRoute], [routeNews(aRoute)]))).toHaveLength(1);
    expect(picture.apply(routeNews(aRoute, true))).toBeUndefined();
    expect(picture.routesDoubtful).toBe(true);
  });

  test('when one of two routes that look alike goes, and both were added after the listing', () => {
    const picture = new Picture({ routes: true });
    const meanwhile = [routeNews(aRoute), routeNews({ ...aRoute })];
    expect(eventsOf(picture.reconcile(NOTHING, meanwhile))).toHaveLength(1);
    expect(picture.apply(routeNews(aRoute, true))).toBeUndefined();
    expect(picture.routesDoubtful).toBe(true);
  });

  test('when a route goes and it is not known whether the listing is older', () => {
    const picture = new Picture({ routes: true });
    const listing = { links: [aLink], addresses: [], routes: [aRoute] };
    expect(eventsOf(picture.reconcile(listing, [routeNews(aRoute, true)]))).toHaveLength(1);
    expect(picture.routesDoubtful).toBe(true);
    eventsOf(picture.reconcileRoutes([], []));
    picture.routesDoubtful = false;
    // The next one that looks like it is a single route.
    expect(picture.apply(routeNews(aRoute))).toMatchObject({ action: 'added' });
    expect(picture.apply(routeNews(aRoute, true))).toMatchObject({ action: 'removed' });
    expect(picture.routesDoubtful).toBe(false);
  });

  test('when a known route goes that may have become a part of another since the last listing', () => {
    const picture = known();
    const hops = [{ link: 1, via: `${aRoute.via}`, weight: 1, onlink: false }, ...nextHops];
    const joined: Route = { ...aRoute, via: null, link: null, nextHops: hops };
    const appended = routeNews(joined, false, NLM_F_CREATE | NLM_F_APPEND);
    const gone = routeNews(aRoute, true);
    picture.apply(appended);
    // A listing begins, which contains the route of two ways; then one of them goes.
    picture.routesDoubtful = false;
    picture.apply(gone);
    expect(picture.routesDoubtful).toBe(true);
    eventsOf(picture.reconcileRoutes([aRoute], [appended]));
    picture.routesDoubtful = false;
    picture.apply(gone);
    expect(picture.routesDoubtful).toBe(true);
    eventsOf(picture.reconcileRoutes([aRoute], []));
    picture.routesDoubtful = false;
    picture.apply(gone);
    expect(picture.routesDoubtful).toBe(false);
  });

  test('and messages about parts of a route are no events', () => {
    const picture = known();
    const parts = [
      routeNews({ ...aRoute, metric: 6 }, false, NLM_F_CREATE | NLM_F_REPLACE),
      routeNews({ ...aRoute, via: null, nextHops }),
    ];
    expect(eventsOf(picture.applyAll(parts))).toEqual([]);
    expect(eventsOf(picture.catchUp(parts))).toEqual([]);
    expect(eventsOf(picture.reconcileRoutes([{ ...aRoute, metric: 6 }], parts))).toMatchObject([
      { type: 'route', action: 'removed', route: { metric: 0 } },
      { type: 'route', action: 'added', route: { metric: 6 } },
    ]);
  });
});

describe('a message from before the first listing was reconciled', () => {
  test.each([
    ['a part of a route', () => routeNews(aRoute, false, NLM_F_APPEND)],
    ['a next hop object', nextHopNews],
  ])('leaves routes uncertain when it is about %s', (_, news) => {
    const picture = new Picture(ALL);
    eventsOf(picture.reconcile({ ...NOTHING, routes: [aRoute] }));
    expect(eventsOf(picture.catchUp([news()]))).toEqual([]);
    expect(picture.routesDoubtful).toBe(true);
  });

  test('leaves routes uncertain when it is the removal of one that is listed, or of another that looks like it', () => {
    const picture = new Picture(ALL);
    eventsOf(picture.reconcile({ ...NOTHING, routes: [aRoute] }));
    expect(eventsOf(picture.catchUp([routeNews(aRoute, true)]))).toHaveLength(1);
    expect(picture.routesDoubtful).toBe(true);
  });

  const catchUp = (listing: Partial<Listing>, ...meanwhile: News[]) => {
    const picture = new Picture(ALL);
    eventsOf(picture.reconcile({ ...NOTHING, ...listing }));
    return eventsOf(picture.catchUp(meanwhile));
  };
  const changed = { ...aLink, mtu: 1400 };

  test('is reported although the listing has it already, but only once', () => {
    expect(catchUp({ links: [changed] }, linkNews(changed), linkNews(changed))).toEqual([
      { type: 'link', action: 'changed', link: changed },
    ]);
    const address = addressNews(anAddress);
    expect(catchUp({ addresses: [anAddress] }, address, address)).toEqual([
      { type: 'address', action: 'added', address: anAddress },
    ]);
    expect(catchUp({ routes: [aRoute] }, routeNews(aRoute))).toEqual([
      { type: 'route', action: 'added', route: aRoute },
    ]);
  });

  test('reports a new link as added, and then as changed', () => {
    expect(catchUp({ links: [changed] }, linkNews(aLink, NEW), linkNews(changed))).toEqual([
      { type: 'link', action: 'added', link: aLink },
      { type: 'link', action: 'changed', link: changed },
    ]);
  });

  test('reports a removed link as the listing has it', () => {
    expect(catchUp({ links: [changed] }, linkGone(aLink))).toEqual([
      { type: 'link', action: 'removed', link: changed },
    ]);
  });

  test('reports a removal although the item is no longer in the listing', () => {
    expect(catchUp({}, addressNews(anAddress, true), addressNews(anAddress, true))).toEqual([
      { type: 'address', action: 'removed', address: anAddress },
    ]);
  });

  test('about a part of a route: the route is reported as added once the routes have been listed again', () => {
    const hops = [7, 8].map((host) => ({
      link: 1,
      via: `192.0.2.${host}`,
      weight: 1,
      onlink: false,
    }));
    const ways: Route = { ...aRoute, via: null, link: null, nextHops: hops };
    const replaced = routeNews(aRoute, false, NLM_F_CREATE | NLM_F_REPLACE);
    for (const [route, news] of [[ways, routeNews(ways)] as const, [aRoute, replaced] as const]) {
      const picture = new Picture(ALL);
      eventsOf(picture.reconcile({ ...NOTHING, routes: [route] }));
      expect(eventsOf(picture.catchUp([news]))).toEqual([]);
      expect(eventsOf(picture.reconcileRoutes([route], []))).toEqual([
        { type: 'route', action: 'added', route },
      ]);
    }
    for (const added of [[], [replaced], [routeNews(ways)]]) {
      expect(catchUp({}, ...added, routeNews(ways, true))).toEqual([
        { type: 'route', action: 'removed', route: ways },
      ]);
    }
    // Nobody has heard of what came and went after that.
    const [added, removed] = [routeNews(ways), routeNews(ways, true)];
    expect(catchUp({}, removed, added, removed)).toHaveLength(1);
    const picture = new Picture(ALL);
    expect(eventsOf(picture.catchUp([routeNews(aRoute), replaced]))).toHaveLength(1);
    expect(eventsOf(picture.reconcileRoutes([], []))).toMatchObject([{ action: 'removed' }]);
  });

  test('about the removal of a route is no event while there is another that looks like it', () => {
    expect(catchUp({ routes: [aRoute, aRoute] }, routeNews(aRoute, true))).toEqual([]);
  });
});

describe('a listing that changes may have hidden something from', () => {
  const named = (address: string): Address => ({ ...anAddress, address, cidr: `${address}/24` });
  const [one, two, three] = [named('192.0.2.1'), named('192.0.2.2'), named('192.0.2.3')];
  const addresses = (...some: readonly Address[]): Listing => ({ ...NOTHING, addresses: some });
  const picture = () => {
    const knowing = new Picture({ addresses: true });
    eventsOf(knowing.reconcile(addresses(one, two, three)));
    return knowing;
  };

  test('removes nothing that an earlier one had', () => {
    const listing = { ...addresses(one), earlier: [addresses(two)] };
    expect(eventsOf(picture().reconcile(listing))).toEqual([
      { type: 'address', action: 'removed', address: three },
    ]);
  });

  test('removes no route that an earlier one had', () => {
    const picture = new Picture(ALL);
    eventsOf(picture.reconcile({ ...NOTHING, routes: [aRoute] }));
    const earlier = [NOTHING, { ...NOTHING, routes: [aRoute] }];
    expect(eventsOf(picture.reconcile({ ...NOTHING, earlier }))).toEqual([]);
    expect(eventsOf(picture.reconcileRoutes([], [], [[], [aRoute]]))).toEqual([]);
    expect(eventsOf(picture.reconcileRoutes([], []))).toMatchObject([{ action: 'removed' }]);
  });

  test('removes no link that an earlier one had', () => {
    const picture = new Picture({});
    eventsOf(picture.reconcile({ ...NOTHING, links: [aLink] }));
    const earlier = [{ ...NOTHING, links: [aLink] }];
    expect(eventsOf(picture.reconcile({ ...NOTHING, earlier }))).toEqual([]);
  });

  test('removes what an earlier one had when a message says that it is gone', () => {
    const listing = { ...addresses(one), earlier: [addresses(two, three)] };
    expect(eventsOf(picture().reconcile(listing, [addressNews(two, true)]))).toEqual([
      { type: 'address', action: 'removed', address: two },
    ]);
  });

  test('counts more than an earlier one that has the same item in an older state', () => {
    const tentative = { ...two, flags: ['tentative' as const] };
    const listing = { ...addresses(one, two), earlier: [addresses(tentative, three)] };
    expect(eventsOf(picture().reconcile(listing))).toEqual([]);
  });

  test.runIf(LISTS_LINKS_BY_INDEX)('is never one of links, as this kernel lists them', () => {
    const knowing = new Picture({});
    eventsOf(knowing.reconcile({ ...NOTHING, links: [aLink] }));
    expect(eventsOf(knowing.reconcile({ ...NOTHING, gaps: true }))).toEqual([
      { type: 'link', action: 'removed', link: aLink },
    ]);
  });

  test('is one during which an item of its kind was removed', () => {
    expect(mayHideOthers(addressNews(anAddress, true))).toBe(true);
    expect(mayHideOthers(routeNews(aRoute, true))).toBe(true);
    expect(mayHideOthers(linkGone(aLink))).toBe(!LISTS_LINKS_BY_INDEX);
    for (const added of [addressNews(anAddress), routeNews(aRoute), linkNews(aLink)]) {
      expect(mayHideOthers(added)).toBe(false);
    }
  });

  test('with lost messages removes only what a message says is gone', () => {
    const listing = { ...addresses(one), gaps: true };
    expect(eventsOf(picture().reconcile(listing, [addressNews(two, true)]))).toEqual([
      { type: 'address', action: 'removed', address: two },
    ]);
  });

  test('with lost messages removes no route unless a message says that it is gone', () => {
    const picture = new Picture(ALL);
    eventsOf(picture.reconcile({ ...NOTHING, routes: [aRoute] }));
    expect(eventsOf(picture.reconcile({ ...NOTHING, gaps: true }))).toEqual([]);
  });
});

test('what a listing has and a message repeats is removed by one message, except a route', () => {
  const picture = new Picture(ALL);
  const listing = { links: [aLink], addresses: [anAddress], routes: [] };
  eventsOf(picture.reconcile(listing, [linkNews(aLink), addressNews(anAddress)]));
  expect(picture.apply(addressNews(anAddress, true))).toMatchObject({ action: 'removed' });
  expect(picture.apply(linkGone(aLink))).toMatchObject({ action: 'removed' });
});

test('what was known is forgotten when the watch has ended', () => {
  const picture = new Picture({});
  picture.apply(linkNews(aLink));
  picture.clear();
  expect(picture.apply(linkGone(aLink))).toBeUndefined();
});
