/** watch with routes: also those that the kernel takes away without a word. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, type Mock, test, vi } from 'vitest';
import { Namespace } from '../../lib/namespace/namespace.js';
import type { NetlinkEvent, Route, WatchOptions } from '../../lib/types/types.js';
import { noRoot } from '../support/root.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';
import { PATIENCE, Reader } from '../support/watching.js';

const bed = useTestbed();

/** A namespace with two parents that have addresses and routes, and a reader of it. */
async function setUp(
  options: WatchOptions = { addresses: true },
  onEvent: (event: NetlinkEvent) => unknown = () => undefined,
) {
  const host = await bed.makeNetns();
  const [one, two] = [await host.parent(), await host.parent()];
  await host.ipBatch([
    `address add 192.0.2.1/25 dev ${one}`,
    `address add 192.0.2.129/25 dev ${two}`,
    `address add 203.0.113.1/32 dev ${two}`,
    `address add 2001:db8:1::1/64 nodad dev ${one}`,
    `address add 2001:db8:2::1/64 nodad dev ${two}`,
  ]);
  const watch = host.netns.watch({ initial: true, routes: true, ...options });
  const reader = new Reader(watch, { onEvent });
  bed.onCleanup(async () => {
    await reader.watch.return();
    await reader.ended;
  });
  await reader.matches(host, { routes: true });
  return { host, one, two, reader };
}

/** Runs `ip`, and returns the route events that came until the reader had caught up. */
async function reportedBy(host: TestNetns, reader: Reader, ...args: string[]): Promise<string[]> {
  const before = reader.events.length;
  await host.ip(...args);
  await reader.matches(host, { routes: true });
  const told = reader.events.slice(before).filter(({ type }) => type === 'route');
  return told.map((event) =>
    event.type === 'route' ? `${event.action} ${event.route.to} ${event.route.via}` : '',
  );
}

test('initial reports every route in every table', async () => {
  const { host, reader } = await setUp();
  const before = reader.routes.size;
  expect(before).toBeGreaterThan(10);
  expect(reader.about('changed')).toEqual([]);
  await host.ip('route', 'add', '198.51.100.0/24', 'via', '192.0.2.2', 'table', '1234');
  await reader.waitFor('added 198.51.100.0/24');
  expect([...reader.routes.values()].at(-1)).toMatchObject({ table: 1234, via: '192.0.2.2' });
  expect(reader.contradictions).toEqual([]);
});

test('routes are added and removed', async () => {
  const { host, one, reader } = await setUp();
  const routes = [
    ['198.51.100.0/24', 'via', '192.0.2.2'],
    ['198.51.100.0/24', 'via', '192.0.2.3', 'metric', '7'],
    ['2001:db8:3::/48', 'via', '2001:db8:1::2'],
    ['2001:db8:3::/48', 'dev', one, 'metric', '5'],
    ['unreachable', '198.51.100.128/25'],
    ['default', 'dev', one],
  ];
  for (const route of routes) {
    const events = await reportedBy(host, reader, 'route', 'add', ...route);
    expect(events.map((words) => words.split(' ')[0])).toEqual(['added']);
  }
  for (const route of routes) {
    const events = await reportedBy(host, reader, 'route', 'delete', ...route);
    expect(events.map((words) => words.split(' ')[0])).toEqual(['removed']);
  }
  expect(reader.contradictions).toEqual([]);
});

test('a route that is replaced or gets another way is reported as one removed and one added', async () => {
  const { host, reader } = await setUp();
  const to = '198.51.100.0/24';
  await reportedBy(host, reader, 'route', 'add', to, 'via', '192.0.2.2');
  expect(await reportedBy(host, reader, 'route', 'replace', to, 'via', '192.0.2.3')).toEqual([
    `removed ${to} 192.0.2.2`,
    `added ${to} 192.0.2.3`,
  ]);
  const ways = ['nexthop', 'via', '192.0.2.4', 'nexthop', 'via', '192.0.2.130'];
  expect(await reportedBy(host, reader, 'route', 'replace', to, ...ways)).toEqual([
    `removed ${to} 192.0.2.3`,
    `added ${to} null`,
  ]);
  expect(await reportedBy(host, reader, 'route', 'append', to, 'via', '192.0.2.5')).toEqual([
    `added ${to} 192.0.2.5`,
  ]);
  const wide = ['2001:db8:4::/48', 'nexthop', 'via', '2001:db8:1::2'];
  await reportedBy(host, reader, 'route', 'add', ...wide, 'nexthop', 'via', '2001:db8:2::2');
  await reportedBy(host, reader, 'route', 'delete', ...wide);
  await reportedBy(host, reader, 'route', 'delete', to);
  await reportedBy(host, reader, 'route', 'delete', to);
  expect(reader.contradictions).toEqual([]);
});

test('of two routes whose difference a Route does not show, the one that stays is not reported as removed', async () => {
  const { host, reader } = await setUp();
  const route = ['198.51.100.0/24', 'via', '192.0.2.2'];
  await host.ip('route', 'add', ...route);
  await host.ip('route', 'add', ...route, 'tos', '0x10');
  await reader.waitFor('added 198.51.100.0/24');
  await host.ip('route', 'delete', ...route, 'tos', '0x10');
  await reader.caughtUp(host, bed.uniqueName('z'));
  await reader.matches(host, { routes: true });
  expect(await reportedBy(host, reader, 'route', 'delete', ...route)).toEqual([
    'removed 198.51.100.0/24 192.0.2.2',
  ]);
});

describe('routes that the kernel removes without a message are reported as removed', () => {
  // With a source that is an address of the other link, and by every way there is.
  const routes = (one: string) => [
    'route add 198.51.100.0/25 via 192.0.2.2',
    'route add 198.51.100.128/25 via 192.0.2.130 src 192.0.2.1',
    'route add 10.0.0.0/8 nexthop via 192.0.2.2 nexthop via 192.0.2.130',
    `route add 172.16.0.0/12 dev ${one} table 99`,
    'route add 2001:db8:9::/48 via 2001:db8:1::2 src 2001:db8:1::1',
    'nexthop add id 5 via 192.0.2.5 dev PARENT'.replace('PARENT', one),
    'route add 192.168.0.0/16 nhid 5',
  ];

  const ways: [string, (one: string) => string[]][] = [
    ['its link goes down', (one) => ['link', 'set', one, 'down']],
    ['its link is deleted', (one) => ['link', 'delete', one]],
    ['its address goes', (one) => ['address', 'delete', '192.0.2.1/25', 'dev', one]],
    ['all addresses go', (one) => ['address', 'flush', 'dev', one]],
    ['its next hop is deleted', () => ['nexthop', 'delete', 'id', '5']],
    [
      'its next hop is replaced',
      (one) => ['nexthop', 'replace', 'id', '5', 'via', '192.0.2.6', 'dev', one],
    ],
    ['its link loses its carrier', () => []],
  ];

  describe.each([{ addresses: true }, { addresses: false }])('with %j', (options) => {
    test.each(ways)('when %s', async (_, change) => {
      const { host, one, reader } = await setUp(options);
      await host.ipBatch(routes(one));
      await reader.matches(host, { routes: true });
      const carrier = change(one).length === 0;
      const { link: peer = '' } = await host.link(one);
      await reportedBy(host, reader, ...(carrier ? ['link', 'set', peer, 'down'] : change(one)));
      await reader.matches(host, { routes: true });
      expect(reader.contradictions).toEqual([]);
      const types = new Set(reader.events.map(({ type }) => type));
      expect(types.has('address')).toBe(options.addresses);
    });
  });

  test('and when a link that is down gets into a VRF, or leaves it', async ({ skip }) => {
    const { host, two, reader } = await setUp();
    const made = host.ip('link', 'add', 'vrf0', 'type', 'vrf', 'table', '10');
    skip(
      !(await made.then(
        () => true,
        () => false,
      )),
      'this kernel has no VRFs',
    );
    await host.ipBatch(['link set vrf0 up', `link set ${two} down`]);
    for (const master of [['master', 'vrf0'], ['nomaster']]) {
      await host.ip('address', 'add', '198.51.100.1/24', 'dev', two);
      await reader.matches(host, { routes: true });
      await reportedBy(host, reader, 'link', 'set', two, ...master);
      await reader.matches(host, { addresses: true, routes: true });
      await host.ip('address', 'delete', '198.51.100.1/24', 'dev', two);
    }
    expect(reader.contradictions).toEqual([]);
  });

  test('and when its link moves away', async () => {
    const { host, one, reader } = await setUp();
    const inside = await bed.makeNetns();
    await host.ipBatch(routes(one));
    await reader.matches(host, { routes: true });
    await reportedBy(host, reader, 'link', 'set', one, 'netns', `${inside.name}`);
    expect(reader.about('192.168.0.0/16')).toEqual([
      'added 192.168.0.0/16',
      'removed 192.168.0.0/16',
    ]);
    await reader.matches(host, { addresses: true, routes: true });
    expect(reader.contradictions).toEqual([]);
  });
});

test('the type of a route that follows its next hop object’s is reported, without a message about the route', async () => {
  const { host, one, reader } = await setUp();
  await host.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode');
  await host.ip('nexthop', 'add', 'id', '5', 'via', '192.0.2.5', 'dev', one);
  await host.ip('route', 'add', '198.51.100.0/24', 'nhid', '5');
  const types = () =>
    [...reader.routes.values()]
      .filter(({ to }) => to === '198.51.100.0/24')
      .map(({ type }) => type);
  await vi.waitFor(() => expect(types()).toEqual(['unicast']), PATIENCE);
  await host.ip('nexthop', 'replace', 'id', '5', 'blackhole');
  await vi.waitFor(() => expect(types()).toEqual(['blackhole']), PATIENCE);
  expect(reader.contradictions).toEqual([]);
});

test('the MTU of an IPv6 route that follows its link’s is reported, without a message from the kernel', async () => {
  const { host, one, reader } = await setUp();
  const to = ['2001:db8:3::/48', 'via', '2001:db8:1::2'];
  await reportedBy(host, reader, 'route', 'add', ...to, 'mtu', '1500');
  for (const mtu of ['1300', '1500']) {
    await reportedBy(host, reader, 'link', 'set', one, 'mtu', mtu);
    await vi.waitFor(async () => {
      const [shown] = JSON.parse(await host.ip('-j', '-6', 'route', 'show', '2001:db8:3::/48'));
      expect(shown.metrics).toEqual([{ mtu: Number(mtu) }]);
      const known = [...reader.routes.values()].filter((route) => route.to === '2001:db8:3::/48');
      expect(known.map((route) => route.mtu)).toEqual([Number(mtu)]);
    }, PATIENCE);
  }
  expect(reader.contradictions).toEqual([]);
});

test('the IPv6 routes of a link whose MTU becomes too small are reported as removed, also without messages', async ({
  skip,
}) => {
  skip(noRoot !== undefined, noRoot);
  const { host, reader } = await setUp();
  await host.netns.setSysctl('net.ipv6.route.skip_notify_on_dev_down', 1);
  const { name } = await host.netns.createMacvlan({
    parent: await host.parent(),
    up: true,
    addrGenMode: 'none',
  });
  await reportedBy(host, reader, '-6', 'route', 'add', '2001:db8:7::/48', 'dev', name);
  const told = await reportedBy(host, reader, 'link', 'set', name, 'mtu', '1000');
  expect(told).toContain('removed 2001:db8:7::/48 null');
});

test('routes that were listed again are not listed over and over', async () => {
  const { host, one, two, reader } = await setUp();
  const asked = vi.spyOn(Namespace.prototype, 'exchange');
  bed.onCleanup(() => asked.mockRestore());
  const listings = () =>
    asked.mock.calls.filter(([steps]) => steps.some(({ operation }) => operation === 'listRoutes'));
  await reportedBy(host, reader, 'link', 'set', one, 'down');
  expect(listings().length).toBeGreaterThan(0);
  asked.mockClear();
  const { index } = await host.netns.getLink(two);
  for (let mtu = 1400; mtu < 1440; mtu++) {
    await host.ip('link', 'set', two, 'mtu', `${mtu}`);
    await vi.waitFor(() => expect(reader.links.get(index)?.mtu).toBe(mtu), PATIENCE);
  }
  // What was under way when the reader was level may come to an end.
  expect(listings().length).toBeLessThan(10);
});

type Results = Awaited<ReturnType<Namespace['exchange']>>;

/**
 * Has `interfere` run between the next listing of routes and the use of its results, which it may change.
 * Returns the spy on all exchanges.
 */
function betweenNextListingAndUse(interfere: Mock<(results: Results) => Promise<Results>>) {
  const { exchange } = Namespace.prototype;
  const spy = vi.spyOn(Namespace.prototype, 'exchange');
  spy.mockImplementation(async function (this: Namespace, steps, ...more) {
    const results = await exchange.call(this, steps, ...more);
    const isNext = interfere.mock.calls.length === 0;
    const listsRoutes = steps.some(({ operation }) => operation === 'listRoutes');
    return isNext && listsRoutes ? interfere(results) : results;
  });
  bed.onCleanup(() => spy.mockRestore());
  return spy;
}

test('a route that goes while routes are listed again is reported once', async () => {
  const { host, two, reader } = await setUp();
  await reportedBy(host, reader, 'route', 'add', '198.51.100.0/24', 'via', '192.0.2.2');
  const interfere = vi.fn(async (results: Results) => {
    await host.ip('route', 'delete', '198.51.100.0/24');
    await reader.waitFor('removed 198.51.100.0/24');
    return results;
  });
  betweenNextListingAndUse(interfere);
  await host.ip('address', 'delete', '203.0.113.1/32', 'dev', two);
  await reader.matches(host, { routes: true });
  expect(interfere).toHaveBeenCalledOnce();
  expect(reader.contradictions).toEqual([]);
});

test('a route that a listing skipped because another was removed is not reported as removed, however slow the reader', async () => {
  let held = Promise.resolve();
  let busy = false;
  const { host, two, reader } = await setUp({ addresses: true }, (event) => {
    busy ||= event.type === 'link' && event.link.mtu === 1400;
    return busy ? held : undefined;
  });
  const [gone, hidden] = ['2001:db8:8::/48', '2001:db8:9::/48'];
  for (const to of [gone, hidden]) await host.ip('route', 'add', to, 'via', '2001:db8:1::2');
  await reader.matches(host, { routes: true });
  let letGo = () => {};
  held = new Promise((resolve) => {
    letGo = resolve;
  });
  const interfere = vi.fn(async (results: Results) => {
    await host.ip('link', 'set', two, 'mtu', '1400');
    await vi.waitFor(() => expect(busy).toBe(true), PATIENCE);
    await host.ip('route', 'delete', gone);
    // What the kernel does where the one goes that is listed before the other (mayHideOthers).
    return results.map((list) =>
      Array.isArray(list) ? (list as Route[]).filter(({ to }) => to !== hidden) : list,
    );
  });
  const exchanges = betweenNextListingAndUse(interfere);
  await host.ip('address', 'delete', '203.0.113.1/32', 'dev', two);
  await vi.waitFor(() => expect(interfere).toHaveBeenCalledOnce(), PATIENCE);
  await Promise.all(exchanges.mock.results.map(({ value }) => value));
  await setImmediate();
  letGo();
  await reader.matches(host, { routes: true });
  expect(reader.about(hidden)).toEqual([`added ${hidden}`]);
});

test('thousands of routes that go with an address are all reported as removed', async () => {
  const { host, one, reader } = await setUp();
  const routes = Array.from({ length: 20_000 }, (_, at) => {
    return `route add 10.${at >> 8}.${at & 255}.0/24 via 192.0.2.2`;
  });
  const left = () => [...reader.routes.values()].filter(({ via }) => via === '192.0.2.2').length;
  // The kernel tells of the address first and clears the routes after: the listing must come later.
  for (let round = 0; round < 8; round++) {
    await host.ipBatch(routes);
    await vi.waitFor(() => expect(left()).toBe(routes.length), PATIENCE);
    await host.ip('address', 'delete', '192.0.2.1/25', 'dev', one);
    await reader.matches(host, { routes: true });
    expect(left()).toBe(0);
    await host.ip('address', 'add', '192.0.2.1/25', 'dev', one);
  }
});

test('a reader knows every route in the end, although they change while they are listed again', async () => {
  const { host, one, two, reader } = await setUp();
  const lines = Array.from({ length: 150 }, (_, at) => [
    `route add 10.0.${at}.0/24 via 192.0.2.2`,
    `route add 10.1.${at}.0/24 via 192.0.2.130`,
    ...(at % 5 === 0 ? [`link set ${at % 2 === 0 ? one : two} down`] : []),
    `route delete 10.1.${at - 1}.0/24 via 192.0.2.130`,
    ...(at % 5 === 1 ? [`link set ${one} up`, `link set ${two} up`] : []),
    `route replace 10.2.0.0/16 via 192.0.2.${2 + (at % 50)}`,
  ]).flat();
  // Some of it fails, as a gateway is not there at that time.
  await host.ipBatch(lines, { force: true });
  await reader.matches(host, { addresses: true, routes: true });
  expect(reader.about('10.0.').length).toBeGreaterThan(0);
});
