// Routes of both families: what is asked for against what `ip route` shows.
import { describe, expect, test } from 'vitest';
import type { Route, RouteOptions } from '../../lib/index.js';
import { expectedRoute, type IpRoute, indexesOf, routeBench } from '../support/inet.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

type Case = [string, Omit<RouteOptions, 'link'> & { dev?: true }, Partial<IpRoute>];

const cases: Case[] = [
  [
    'default, via a gateway',
    { to: 'default', via: '10.0.0.254' },
    { dst: 'default', gateway: '10.0.0.254', scope: 'global', protocol: 'static', table: 'main' },
  ],
  [
    'default, via a gateway and a link',
    { to: 'default', via: '10.0.0.254', dev: true },
    { gateway: '10.0.0.254' },
  ],
  ['default, by a link alone', { to: 'default', dev: true }, { dst: 'default', scope: 'link' }],
  [
    'default, of IPv6',
    { to: 'default', via: 'fd00::fe' },
    { dst: 'default', gateway: 'fd00::fe', metric: 1024 },
  ],
  [
    'default, of IPv6 via a link-local gateway',
    { to: 'default', via: 'fe80::1', dev: true },
    { gateway: 'fe80::1' },
  ],
  [
    'default, of IPv6 by a link alone',
    { to: 'default', family: 'IPv6', dev: true },
    { dst: 'default', metric: 1024 },
  ],
  [
    'default, of IPv6 by its source',
    { to: 'default', dev: true, source: 'fd00::1' },
    { dst: 'default', prefsrc: 'fd00::1', metric: 1024 },
  ],
  [
    'default, of IPv6 by the sources that it is for',
    { to: 'default', dev: true, from: 'fd02::/48' },
    { dst: 'default', from: 'fd02::/48', metric: 1024 },
  ],
  [
    'an IPv6 gateway of an IPv4 route',
    { to: '10.1.0.0/16', via: 'fd00::fe', family: 'IPv4', dev: true },
    { dst: '10.1.0.0/16', via: { family: 'inet6', host: 'fd00::fe' }, scope: 'global' },
  ],
  [
    'default, of IPv4 via a link-local IPv6 gateway',
    { to: 'default', via: 'fe80::1', family: 'IPv4', dev: true },
    { dst: 'default', via: { family: 'inet6', host: 'fe80::1' } },
  ],
  ['0.0.0.0/0', { to: '0.0.0.0/0', via: '10.0.0.254' }, { dst: 'default', gateway: '10.0.0.254' }],
  ['::/0', { to: '::/0', via: 'fd00::fe' }, { dst: 'default', gateway: 'fd00::fe' }],
  ['a prefix', { to: '10.1.0.0/16', via: '10.0.0.2' }, { dst: '10.1.0.0/16', gateway: '10.0.0.2' }],
  ['a prefix by a link', { to: '10.1.0.0/16', dev: true }, { dst: '10.1.0.0/16', scope: 'link' }],
  ['an IPv6 prefix', { to: 'fd01::/64', via: 'fd00::2' }, { dst: 'fd01::/64', gateway: 'fd00::2' }],
  ['an IPv6 prefix by a link', { to: 'fd01::/64', dev: true }, { dst: 'fd01::/64' }],
  ['a host', { to: '10.1.0.1', via: '10.0.0.2' }, { dst: '10.1.0.1' }],
  ['an IPv6 host', { to: 'fd01::1', via: 'fd00::2' }, { dst: 'fd01::1' }],
  ['a metric', { to: '10.1.0.0/16', dev: true, metric: 4_294_967_295 }, { metric: 4_294_967_295 }],
  ['an IPv6 metric', { to: 'fd01::/64', dev: true, metric: 7 }, { metric: 7 }],
  ['a table below 256', { to: '10.1.0.0/16', dev: true, table: 100 }, { table: '100' }],
  ['table 255', { to: '10.1.0.0/16', dev: true, table: 255 }, { table: 'local' }],
  ['table 256', { to: '10.1.0.0/16', dev: true, table: 256 }, { table: '256' }],
  ['a table above 255', { to: '10.1.0.0/16', dev: true, table: 70_000 }, { table: '70000' }],
  [
    'the largest table',
    { to: 'fd01::/64', dev: true, table: 4_294_967_295 },
    { table: '4294967295' },
  ],
  ['a table by name', { to: '10.1.0.0/16', dev: true, table: 'default' }, { table: 'default' }],
  ['a source', { to: '10.1.0.0/16', dev: true, source: '10.0.0.1' }, { prefsrc: '10.0.0.1' }],
  ['an IPv6 source', { to: 'fd01::/64', dev: true, source: 'fd00::1' }, { prefsrc: 'fd00::1' }],
  ['a scope', { to: '10.1.0.0/16', dev: true, scope: 'host' }, { scope: 'host' }],
  ['a scope by number', { to: '10.1.0.0/16', dev: true, scope: 77 }, { scope: '77' }],
  ['a type of service', { to: '10.1.0.0/16', dev: true, tos: 16 }, { tos: '0x10' }],
  [
    'sources that it is for',
    { to: 'fd01::/64', via: 'fd00::2', from: 'fd02::/48' },
    { dst: 'fd01::/64', from: 'fd02::/48' },
  ],
  [
    'default, for one source',
    { to: 'default', via: 'fd00::2', from: 'fd02::1' },
    { dst: 'default', from: 'fd02::1' },
  ],
  [
    'broadcast',
    { to: '10.1.0.255', type: 'broadcast', dev: true },
    { type: 'broadcast', scope: 'link' },
  ],
  [
    'IPv4 anycast',
    { to: '10.1.0.9', type: 'anycast', dev: true },
    { type: 'anycast', scope: 'link' },
  ],
  [
    'multicast',
    { to: '239.1.0.0/16', type: 'multicast', dev: true },
    { type: 'multicast', scope: 'link' },
  ],
  ['IPv6 anycast', { to: 'fd01::9', type: 'anycast', dev: true }, { type: 'anycast' }],
  ...(['unspec', 'redirect', 'boot', 'ra'] as const).map(
    (protocol): Case => [
      `protocol ${protocol}`,
      { to: '10.1.0.0/16', dev: true, protocol },
      { protocol },
    ],
  ),
  ['a protocol', { to: '10.1.0.0/16', dev: true, protocol: 'dhcp' }, { protocol: 'dhcp' }],
  ['a protocol by number', { to: 'fd01::/64', dev: true, protocol: 77 }, { protocol: '77' }],
  ['an MTU', { to: '10.1.0.0/16', dev: true, mtu: 1300 }, { metrics: [{ mtu: 1300 }] }],
  ['an advmss', { to: '10.1.0.0/16', dev: true, advmss: 1200 }, { metrics: [{ advmss: 1200 }] }],
  [
    'an IPv6 MTU and advmss',
    { to: 'fd01::/64', dev: true, mtu: 1300, advmss: 1200 },
    { metrics: [{ mtu: 1300, advmss: 1200 }] },
  ],
  ['an IPv6 MTU', { to: 'fd01::/64', dev: true, mtu: 1300 }, { metrics: [{ mtu: 1300 }] }],
  [
    'a gateway out of reach',
    { to: '10.1.0.0/16', via: '203.0.113.1', dev: true, onlink: true },
    { gateway: '203.0.113.1', flags: ['onlink'] },
  ],
  [
    'blackhole',
    { to: '10.3.0.0/16', type: 'blackhole' },
    { type: 'blackhole', dst: '10.3.0.0/16', scope: 'global' },
  ],
  [
    'IPv6 blackhole',
    { to: 'fd03::/64', type: 'blackhole' },
    { type: 'blackhole', dst: 'fd03::/64' },
  ],
  ['unreachable', { to: '10.3.0.0/16', type: 'unreachable' }, { type: 'unreachable' }],
  ['IPv6 prohibit', { to: 'fd03::/64', type: 'prohibit' }, { type: 'prohibit' }],
  [
    'IPv6 unreachable, with a link and a gateway that the kernel drops',
    { to: 'fd03::/64', type: 'unreachable', via: 'fd00::2', dev: true },
    { type: 'unreachable', dev: 'lo' },
  ],
  ['throw', { to: '10.3.0.0/16', type: 'throw', table: 100 }, { type: 'throw', table: '100' }],
  [
    'local',
    { to: '10.3.0.0/16', type: 'local', dev: true, table: 'local' },
    { type: 'local', scope: 'host' },
  ],
];

function optionsOf({ dev, ...route }: Case[1], link: string): RouteOptions {
  return dev === true ? { ...route, link } : route;
}

test.each(cases)(
  '%s: is there as asked for, is listed as ip shows it, and is removed',
  async (_, given, shows) => {
    const { host, netns, link, shown } = await routeBench(bed);
    const route = optionsOf(given, link);
    const ours = async () =>
      (await netns.listRoutes()).filter(({ protocol }) => protocol !== 'kernel');
    await netns.addRoute(route);
    const [first, ...others] = await shown();
    expect(others).toEqual([]);
    expect(first).toMatchObject(shows);
    if (given.dev === true && shows.dev === undefined) expect(first?.dev).toBe(link);
    const [listed, ...more] = await ours();
    const bits = listed?.family === 'IPv6' ? 128 : 32;
    expect(listed).toEqual(expectedRoute(first as IpRoute, bits, await indexesOf(host)));
    expect(more).toEqual([]);
    await netns.removeRoute(route);
    expect(await shown()).toEqual([]);
    await netns.addRoute(route);
    await netns.removeRoute(listed as Route);
    expect(await shown()).toEqual([]);
  },
);

describe('addRoute', () => {
  test('makes the kernel use the route', async () => {
    const { host, netns, link } = await routeBench(bed);
    await netns.addRoute({ to: 'default', via: '10.0.0.254' });
    await netns.addRoute({ to: '198.51.100.0/24', via: '10.0.0.253', source: '10.0.0.1' });
    const get = async (to: string) => JSON.parse(await host.ip('-j', 'route', 'get', to))[0];
    expect(await get('192.0.2.1')).toMatchObject({ gateway: '10.0.0.254', dev: link });
    expect(await get('198.51.100.7')).toMatchObject({ gateway: '10.0.0.253', prefsrc: '10.0.0.1' });
  });

  test.each(['10.1.0.0/16', 'fd01::/64'])(
    'says of %s, to be local by no link, that it needs one',
    async (to) => {
      const { netns, shown } = await routeBench(bed);
      const error = await refusalOf(netns.addRoute({ to, type: 'local' }));
      expect(error).toMatchObject({ code: 'ENODEV', operation: 'addRoute', target: to });
      expect(error.hint).toContain('leads by no link: say which link it is');
      expect(await shown()).toEqual([]);
    },
  );

  test('refuses a route that is there already, which replaceRoute replaces', async () => {
    const { netns, link, shown } = await routeBench(bed);
    for (const [to, first, second] of [
      ['default', '10.0.0.2', '10.0.0.3'],
      ['fd01::/64', 'fd00::2', 'fd00::3'],
    ] as const) {
      await netns.addRoute({ to, via: first });
      const error = await refusalOf(netns.addRoute({ to, via: first }));
      expect(error).toMatchObject({
        code: 'EEXIST',
        syscall: 'RTM_NEWROUTE',
        operation: 'addRoute',
        target: to,
      });
      expect(error.hint).toContain(`a route to ${to} `);
      expect(error.hint).toContain(`'${link}'`);
      expect(error.hint).toContain('replaceRoute');
      await netns.replaceRoute({ to, via: second });
    }
    expect((await shown()).map(({ gateway }) => gateway)).toEqual(['10.0.0.3', 'fd00::3']);
  });

  test('says which of several similar routes conflicts', async () => {
    const { host, netns, link } = await routeBench(bed);
    const other = await host.parent();
    const to = 'fd09::/32';
    for (const [from, by] of [
      ['fd05::/64', link],
      ['fd06::/64', other],
    ] as const) {
      await netns.addRoute({ to, from, link: by });
      expect((await refusalOf(netns.addRoute({ to, from, link: by }))).hint).toContain(`'${by}'`);
    }
    // Of two tables, one with a number that takes an attribute of its own.
    for (const [table, by] of [
      [1000, link],
      [100, other],
    ] as const) {
      await netns.addRoute({ to: '10.7.0.0/16', link: by, table });
    }
    for (const table of [1000, 100]) {
      const { hint } = await refusalOf(netns.addRoute({ to: '10.7.0.0/16', link, table }));
      expect(hint).toContain(`Table ${table} has`);
    }
    // That by the same link is for another source, and is in nobody's way.
    const away = await refusalOf(netns.addRoute({ to, from: 'fd06::/64', link }));
    expect(away.hint).toContain(`already by '${other}'`);
    await netns.addRoute({ to: '0.0.0.0/0', via: '10.0.0.2' });
    const whole = await refusalOf(netns.addRoute({ to: '0.0.0.0/0', via: '10.0.0.2' }));
    expect(whole.hint).toContain('a route to default ');
    expect(whole.hint).toMatch(/, or use replaceRoute\.$/);
    for (const via of ['10.0.0.2', '10.0.0.3']) {
      await host.ip('route', 'append', '10.9.0.0/16', 'via', via);
    }
    const behind = await refusalOf(
      netns.replaceRoute({ to: '10.9.0.0/16', via: '10.0.0.3', protocol: 'boot' }),
    );
    expect(behind).toMatchObject({ code: 'EEXIST', operation: 'replaceRoute' });
    expect(behind.hint).toContain('several routes to 10.9.0.0/16');
    expect(behind.hint).not.toContain('use replaceRoute');
  });

  test('says when the conflicting route is by another link, which replaceRoute would remove', async () => {
    const { host, netns, link } = await routeBench(bed);
    const other = await host.parent();
    for (const to of ['10.9.0.0/16', 'fd09::/64']) {
      await netns.addRoute({ to, link: other });
      const away = await refusalOf(netns.addRoute({ to, link }));
      expect(away).toMatchObject({ code: 'EEXIST' });
      expect(away.hint).toContain(`already by '${other}'`);
      expect(away.hint).toContain('would take that one away');
      const same = await refusalOf(netns.addRoute({ to, link: other }));
      expect(same.hint).toContain('or use replaceRoute');
    }
    // Of several the one by the same link is in the way, whichever is the first.
    for (const dev of [link, other]) {
      await host.ip('-6', 'route', 'append', 'fd08::/64', 'dev', dev);
    }
    for (const dev of [link, other]) {
      const own = await refusalOf(netns.addRoute({ to: 'fd08::/64', link: dev }));
      expect(own.hint).toContain(`already by '${dev}'`);
      expect(own.hint).toContain('or use replaceRoute');
    }
  });

  test('replaceRoute adds one that is not there', async () => {
    const { netns, shown } = await routeBench(bed);
    await netns.replaceRoute({ to: '10.1.0.0/16', via: '10.0.0.2' });
    expect(await shown()).toHaveLength(1);
  });

  test('gives the kernel’s message about a gateway that no link reaches', async () => {
    const { netns, link, shown } = await routeBench(bed);
    const error = await refusalOf(netns.addRoute({ to: 'default', via: '203.0.113.1' }));
    expect(error).toMatchObject({ code: 'ENETUNREACH', target: 'default' });
    expect(error.kernelMessage).toMatch(/gateway/);
    const six = await refusalOf(netns.addRoute({ to: 'fd77::/64', via: 'fd99::1', link }));
    expect(six).toMatchObject({ code: 'EHOSTUNREACH', target: 'fd77::/64' });
    expect(six.hint).toContain('fd99::1');
    expect(six.hint).toContain(`'${link}'`);
    expect(await shown()).toEqual([]);
  });

  test('adds a multipath route, and removes it by its ways', async () => {
    const { netns, link, index, shown } = await routeBench(bed);
    const routes = [
      {
        to: '10.1.0.0/16',
        nextHops: [{ via: '10.0.0.2' }, { via: '10.0.0.3', link, weight: 256 }, { link: index }],
      },
      {
        to: 'default',
        nextHops: [
          { via: 'fd00::2', weight: 3 },
          { via: 'fd00::3', link },
        ],
      },
      {
        to: '10.2.0.0/16',
        family: 'IPv4',
        nextHops: [
          { via: 'fd00::2', link },
          { via: '10.0.0.3', weight: 2 },
        ],
      },
    ] as const;
    for (const route of routes) await netns.addRoute(route);
    const hop = (gateway: string | undefined, weight: number) =>
      expect.objectContaining({ dev: link, weight, ...(gateway && { gateway }) });
    expect(await shown()).toMatchObject([
      {
        dst: '10.1.0.0/16',
        nexthops: [hop('10.0.0.2', 1), hop('10.0.0.3', 256), hop(undefined, 1)],
      },
      {
        dst: '10.2.0.0/16',
        nexthops: [
          { via: { family: 'inet6', host: 'fd00::2' }, dev: link, weight: 1 },
          hop('10.0.0.3', 2),
        ],
      },
      { dst: 'default', nexthops: [hop('fd00::2', 3), hop('fd00::3', 1)] },
    ]);
    const other = { ...routes[0], nextHops: [{ via: '10.0.0.9' }, { via: '10.0.0.3' }] };
    expect(await refusalOf(netns.removeRoute(other))).toMatchObject({ code: 'ESRCH' });
    for (const route of routes) await netns.removeRoute(route);
    expect(await shown()).toEqual([]);
  });

  test.each(['10.0.0.2', 'fd00::2'])(
    'adds no route of more ways than a listing has room for, such as by %s',
    async (via) => {
      const { host, netns } = await routeBench(bed);
      const route = (ways: number) =>
        ({ to: '10.1.0.0/16', family: 'IPv4', nextHops: Array(ways).fill({ via }) }) as const;
      const error = await refusalOf(netns.addRoute(route(1001)));
      expect(error.message).toContain(
        'addRoute: route.nextHops must hold at most 1000 entries, and holds 1001',
      );
      await netns.addRoute(route(1000));
      // Not by `ip`, which has less room still.
      expect(await host.read('/proc/net/fib_trie')).toContain('10.1.0.0');
      const listed = await netns.listRoutes({ family: 'IPv4' });
      expect(listed.find(({ to }) => to === '10.1.0.0/16')?.nextHops).toHaveLength(1000);
      // Of the table behind it: the kernel lists nothing behind a route that is too long.
      expect(listed.map(({ to }) => to)).toContain('10.0.0.1/32');
    },
  );

  test('adds a multipath route by gateways out of reach', async () => {
    const { netns, link, shown } = await routeBench(bed);
    const routes = [
      { to: '10.1.0.0/16', ways: ['203.0.113.1', '10.0.0.2'] },
      { to: 'fd01::/64', ways: ['fd99::1', 'fd00::2'] },
    ].map(({ to, ways: [far, near] }) => ({
      to,
      nextHops: [
        { via: far, link },
        { via: near, onlink: false },
      ],
      onlink: true,
    }));
    for (const route of routes) await netns.addRoute(route);
    const ways = (await shown()).flatMap(({ nexthops }) => nexthops ?? []);
    expect(ways.map(({ gateway, flags }) => [gateway, flags])).toEqual([
      ['203.0.113.1', ['onlink']],
      ['10.0.0.2', []],
      ['fd99::1', ['onlink']],
      ['fd00::2', []],
    ]);
    for (const route of routes) await netns.removeRoute(route);
    expect(await shown()).toEqual([]);
  });

  test('names what is wrong with a multipath route', async () => {
    const { netns, shown } = await routeBench(bed);
    const to = '10.1.0.0/16';
    for (const [option, more] of [
      ['route.nextHops', { nextHops: [] }],
      ['route.nextHops', { nextHops: [{ via: '10.0.0.2' }], via: '10.0.0.2' }],
      ['route.nextHops[0]', { nextHops: [{}] }],
      ['route.nextHops[0].via', { nextHops: [{ via: 'fd00::2' }] }],
      ['route.nextHops[1].weight', { nextHops: [{ via: '10.0.0.2' }, { link: 1, weight: 0 }] }],
    ] as const) {
      const error = await refusalOf(netns.addRoute({ to, ...more } as never));
      expect(error.code).toMatch(/^ERR_(INVALID_ARG_VALUE|OUT_OF_RANGE)$/);
      expect(error.message).toContain(`addRoute: ${option} `);
    }
    const gone = await refusalOf(netns.addRoute({ to, nextHops: [{ link: 'nobody' }] }));
    expect(gone).toMatchObject({ code: 'ENODEV' });
    expect(gone.hint).toContain('route.nextHops[0].link');
    expect(await shown()).toEqual([]);
  });

  test('names a link that does not exist', async () => {
    const { netns } = await routeBench(bed);
    const error = await refusalOf(netns.addRoute({ to: 'default', link: 'nobody' }));
    expect(error).toMatchObject({ code: 'ENODEV' });
    expect(error.message).toContain("'nobody'");
    expect(error.hint).toContain('route.link');
  });

  test('adds none by another link where there is none of that name', async () => {
    const { netns, shown } = await routeBench(bed);
    const route = { to: '10.1.0.0/16', via: '10.0.0.2', link: 'nobody' };
    for (const operation of ['addRoute', 'replaceRoute'] as const) {
      expect(await refusalOf(netns[operation](route))).toMatchObject({ code: 'ENODEV' });
    }
    expect(await shown()).toEqual([]);
  });

  test('takes a Link, and refuses that of another namespace', async () => {
    const { netns, link, index, shown } = await routeBench(bed);
    const other = await bed.makeNetns();
    const stranger = (await other.netns.listLinks())[0];
    await netns.addRoute({ to: '10.1.0.0/16', link: await netns.getLink(link) });
    await netns.addRoute({ to: '10.2.0.0/16', link: index });
    expect((await shown()).map(({ dev }) => dev)).toEqual([link, link]);
    const error = await refusalOf(netns.addRoute({ to: '10.3.0.0/16', link: stranger as never }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    // A rejection that nobody waits for would end the test run.
    const nextHops = [{ link: 'nobody' }, { link: stranger as never }];
    const ways = await refusalOf(netns.addRoute({ to: '10.3.0.0/16', nextHops }));
    expect(ways).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await shown()).toHaveLength(2);
  });
});

test('a route by a nexthop object has the gateway and the link of that', async () => {
  const { host, netns, link, index } = await routeBench(bed);
  await host.ip('nexthop', 'add', 'id', '5', 'via', '10.0.0.5', 'dev', link);
  const to = '10.8.0.0/16';
  await netns.addRoute({ to, nexthopId: 5 });
  const [shown] = JSON.parse(await host.ip('-j', 'route', 'show', to));
  expect(shown).toMatchObject({ nhid: 5, gateway: '10.0.0.5', dev: link });
  expect(shown.scope ?? 'global').toBe('global');
  const [listed] = (await netns.listRoutes()).filter((route) => route.to === to);
  expect(listed).toMatchObject({ nexthopId: 5, via: '10.0.0.5', link: index });
  const error = await refusalOf(netns.addRoute({ to, nexthopId: 5, link }));
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  expect(error.message).toContain('route.nexthopId');
  await host.ip('nexthop', 'add', 'id', '7', 'via', '10.0.0.6', 'dev', link);
  expect((await refusalOf(netns.removeRoute({ to, nexthopId: 7 }))).code).toBe('ESRCH');
  await netns.removeRoute({ to, nexthopId: 5 });
  expect(await host.ip('route', 'show', to)).toBe('');
});

test('a blackhole by a nexthop object that leads somewhere stays one', async () => {
  const { host, netns, link } = await routeBench(bed);
  await host.ip('nexthop', 'add', 'id', '5', 'via', '10.0.0.5', 'dev', link);
  await host.ip('nexthop', 'add', 'id', '6', 'blackhole');
  const to = '10.8.0.0/16';
  const listed = async () => (await netns.listRoutes()).find((route) => route.to === to) as Route;
  for (const nexthopId of [5, 6]) {
    await netns.addRoute({ to, nexthopId, type: nexthopId === 5 ? 'blackhole' : 'unicast' });
    const route = await listed();
    expect(route).toMatchObject({ type: 'blackhole', nexthopId });
    await netns.removeRoute(route);
    await netns.addRoute(route);
    expect(await listed()).toEqual(route);
    await netns.removeRoute(route);
  }
});

describe('append', () => {
  test('adds an IPv4 route behind the one that is there', async () => {
    const { host, netns, link, shown } = await routeBench(bed);
    const other = await host.parent();
    await host.ip('address', 'add', '10.2.0.1/24', 'dev', other);
    const first = { to: 'default', via: '10.0.0.2' };
    const second = { to: 'default', via: '10.2.0.2', append: true };
    await netns.addRoute({ ...first, append: true });
    await netns.addRoute(second);
    expect((await shown()).map(({ dev }) => dev)).toEqual([link, other]);
    const again = await refusalOf(netns.addRoute({ ...second, link: other }));
    expect(again).toMatchObject({ code: 'EEXIST', operation: 'addRoute', syscall: 'RTM_NEWROUTE' });
    expect(again.hint).toContain(`already by '${other}'`);
    await netns.removeRoute(second);
    expect((await shown()).map(({ dev }) => dev)).toEqual([link]);
  });

  test('adds another way to an IPv6 route', async () => {
    const { netns, link, shown } = await routeBench(bed);
    const route = (via: string) => ({ to: 'fd09::/64', via, append: true });
    for (const via of ['fd00::2', 'fd00::3']) await netns.addRoute(route(via));
    expect(await refusalOf(netns.addRoute(route('fd00::3')))).toMatchObject({ code: 'EEXIST' });
    const hop = (gateway: string) => expect.objectContaining({ gateway, dev: link, weight: 1 });
    expect(await shown()).toMatchObject([{ nexthops: [hop('fd00::2'), hop('fd00::3')] }]);
    await netns.removeRoute(route('fd00::2'));
    expect(await shown()).toMatchObject([{ dst: 'fd09::/64', gateway: 'fd00::3' }]);
  });

  test('adds what the kernel itself has on each link, as it was listed', async () => {
    const { host, netns } = await routeBench(bed);
    await host.ip('address', 'add', 'fd00::2/64', 'nodad', 'dev', await host.parent());
    const own = (await netns.listRoutes({ table: 'main', family: 'IPv6' })).filter(
      ({ to }) => to === 'fd00::/64',
    );
    expect(own).toHaveLength(2);
    for (const route of own) await netns.addRoute({ ...route, table: 100, append: true });
    const listed: IpRoute[] = JSON.parse(
      await host.ip('-j', '-6', 'route', 'show', 'table', '100'),
    );
    const indexOf = await indexesOf(host);
    expect(listed.map(({ dev }) => indexOf(dev as string))).toEqual(own.map((route) => route.link));
  });

  test('is also an option of a new link’s routes', async () => {
    const { host, netns, link, shown } = await routeBench(bed);
    const macvlan = (name: string, address: string, append?: boolean) =>
      netns.createMacvlan({
        parent: link,
        name,
        up: true,
        addresses: [address],
        routes: [{ to: 'default', via: address.replace('.1/24', '.9'), append }],
      });
    await macvlan('one', '10.5.0.1/24');
    expect(await refusalOf(macvlan('two', '10.6.0.1/24'))).toMatchObject({ part: 'routes[0]' });
    await macvlan('two', '10.6.0.1/24', true);
    expect((await shown()).map(({ dev }) => dev)).toEqual(['one', 'two']);
    await host.ip('link', 'delete', 'one');
    expect((await shown()).map(({ dev }) => dev)).toEqual(['two']);
  });

  test('is not an option of replaceRoute', async () => {
    const { netns } = await routeBench(bed);
    const route = { to: 'default', via: '10.0.0.2', append: true };
    const error = await refusalOf(netns.replaceRoute(route));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('replaceRoute: route.append ');
    await netns.replaceRoute({ ...route, append: false });
  });
});

describe('removeRoute', () => {
  test('removes the one that matches all that is given', async () => {
    const { netns, shown } = await routeBench(bed);
    for (const metric of [10, 20, 30]) {
      await netns.addRoute({ to: '10.1.0.0/16', via: '10.0.0.2', metric });
      await netns.addRoute({ to: 'fd01::/64', via: 'fd00::2', metric });
    }
    await netns.removeRoute({ to: '10.1.0.0/16', metric: 20 });
    await netns.removeRoute({ to: 'fd01::/64', metric: 20 });
    const left = (await shown()).map(({ metric }) => metric);
    expect(left).toEqual([10, 30, 10, 30]);
    await netns.removeRoute({ to: '10.1.0.0/16' });
    expect((await shown()).map(({ metric }) => metric)).toEqual([30, 10, 30]);
  });

  test.each(['mtu', 'advmss'])(
    'compares the %s of an IPv4 route as far as the kernel keeps it',
    async (metric) => {
      const { netns, shown } = await routeBench(bed);
      for (const value of [1300, 65_535]) {
        const route = { to: '10.1.0.0/16', via: '10.0.0.2', [metric]: value };
        await netns.addRoute(route);
        const error = await refusalOf(netns.removeRoute({ ...route, [metric]: 1400 }));
        expect(error).toMatchObject({ code: 'ESRCH' });
        expect(await shown()).toHaveLength(1);
        await netns.removeRoute(route);
        expect(await shown()).toEqual([]);
      }
    },
  );

  test('removes all ways of an IPv6 route, which may be of several protocols', async () => {
    const { netns, host, link } = await routeBench(bed);
    for (const [proto, via] of Object.entries({ static: 'fd00::2', dhcp: 'fd00::3' })) {
      const way = ['proto', proto, 'via', via, 'dev', link];
      await host.ip('-6', 'route', 'append', 'fd07::/64', 'metric', '5', ...way);
    }
    const [route, ...others] = await netns.listRoutes({ family: 'IPv6', protocol: 'static' });
    expect(others).toEqual([]);
    expect(route?.nextHops).toHaveLength(2);
    await netns.removeRoute(route as Route);
    expect(await host.ip('-6', 'route', 'show', 'fd07::/64')).toBe('');
  });

  test('distinguishes a route that leads nowhere from one that leads somewhere', async () => {
    const { netns, shown } = await routeBench(bed);
    await netns.addRoute({ to: 'default', via: 'fd00::2', metric: 100 });
    await netns.addRoute({ to: 'fd05::/64', via: 'fd00::2' });
    await netns.addRoute({ to: 'default', family: 'IPv6', type: 'unreachable', metric: 4000 });
    await netns.removeRoute({ to: 'default', family: 'IPv6', type: 'unreachable' });
    const left = await shown();
    expect(left.map(({ dst, gateway }) => `${dst} ${gateway}`).sort()).toEqual([
      'default fd00::2',
      'fd05::/64 fd00::2',
    ]);
    const refused = await refusalOf(netns.removeRoute({ to: 'fd05::/64', type: 'blackhole' }));
    expect(refused).toMatchObject({ code: 'ESRCH' });
    expect(await shown()).toEqual(left);
  });

  test('distinguishes an IPv6 route by a link alone from the one before it via a gateway', async () => {
    const { netns, link, shown } = await routeBench(bed);
    const to = 'fd05::/64';
    await netns.addRoute({ to, via: 'fd00::2', metric: 5 });
    const left = await shown();
    await netns.addRoute({ to, link, metric: 5, append: true });
    const listed = (await netns.listRoutes({ family: 'IPv6' })).filter((one) => one.to === to);
    expect(listed.map(({ via }) => via)).toEqual(['fd00::2', null]);
    await netns.removeRoute(listed[1] as Route);
    expect(await shown()).toEqual(left);
  });

  test('of a route for certain sources that is not there, leaves the one for all', async () => {
    const { netns, shown } = await routeBench(bed);
    const forAll = { to: 'default', via: 'fd00::2' };
    const forSome = { ...forAll, from: 'fd02::/48' };
    await netns.addRoute(forAll);
    const before = await shown();
    expect(await refusalOf(netns.removeRoute(forSome))).toMatchObject({
      code: 'ESRCH',
      hint: 'There is no such route.',
    });
    for (const route of [forSome, { ...forSome, table: 1000 }]) {
      await netns.addRoute(route);
      await netns.removeRoute(route);
    }
    expect(await shown()).toEqual(before);
  });

  test.each([
    ['to another prefix', { to: 'fd06::/64' }],
    ['in another table', { table: 100 }],
  ])('takes no route for the same sources %s for it', async (_, another) => {
    const { netns, shown } = await routeBench(bed);
    const forAll = { to: 'fd05::/64', via: 'fd00::2' };
    const forSome = { ...forAll, from: 'fd02::/48' };
    await netns.addRoute(forAll);
    await netns.addRoute({ ...forSome, ...another });
    const before = await shown();
    expect(await refusalOf(netns.removeRoute(forSome))).toMatchObject({ code: 'ESRCH' });
    expect(await shown()).toEqual(before);
  });

  test('says that of several ways of IPv6 those that were there are gone', async () => {
    const { netns, shown } = await routeBench(bed);
    const route = (...hosts: number[]) => ({
      to: 'fd01::/64',
      nextHops: hosts.map((host) => ({ via: `fd00::${host}` })),
    });
    await netns.addRoute(route(2, 3, 4));
    const error = await refusalOf(netns.removeRoute(route(2, 9, 4)));
    expect(error).toMatchObject({ code: 'ESRCH' });
    expect(error.hint).toContain('those that there were are gone');
    expect((await shown()).map(({ gateway }) => gateway)).toEqual(['fd00::3']);
  });

  test('compares the protocol that is said of several ways of IPv6', async () => {
    const { netns, shown } = await routeBench(bed);
    const route = { to: 'fd01::/64', nextHops: [{ via: 'fd00::2' }, { via: 'fd00::3' }] };
    await netns.addRoute(route);
    const other = netns.removeRoute({ ...route, protocol: 'dhcp' });
    expect(await refusalOf(other)).toMatchObject({ code: 'ESRCH' });
    expect(await shown()).toHaveLength(1);
  });

  test('removes a default route of either family', async () => {
    const { netns, shown } = await routeBench(bed);
    await netns.addRoute({ to: 'default', via: '10.0.0.2' });
    await netns.addRoute({ to: 'default', via: 'fd00::2' });
    await netns.removeRoute({ to: 'default', family: 'IPv6' });
    expect((await shown()).map(({ gateway }) => gateway)).toEqual(['10.0.0.2']);
    await netns.removeRoute({ to: 'default' });
    expect(await shown()).toEqual([]);
  });

  test('leaves the one by another link where there is no link of that name', async () => {
    const { netns, shown } = await routeBench(bed);
    const route = { to: '10.1.0.0/16', via: '10.0.0.2' };
    await netns.addRoute(route);
    const before = await shown();
    const gone = { ...route, link: 'nobody' };
    expect(await refusalOf(netns.removeRoute(gone))).toMatchObject({ code: 'ENODEV' });
    await netns.removeRoute({ ...gone, ifExists: true });
    expect(await shown()).toEqual(before);
  });

  test('refuses one that is not there, and says so', async () => {
    const { netns } = await routeBench(bed);
    for (const to of ['default', '10.1.0.0/16', 'fd01::/64']) {
      const error = await refusalOf(netns.removeRoute({ to, via: undefined }));
      expect(error).toMatchObject({ code: 'ESRCH', syscall: 'RTM_DELROUTE', target: to });
      expect(error.hint).toContain('no such route');
    }
  });

  test('refuses a default route of IPv6 that is not there, and says so', async () => {
    const { netns } = await routeBench(bed);
    const error = await refusalOf(netns.removeRoute({ to: 'default', family: 'IPv6' }));
    expect(error).toMatchObject({
      code: 'ENOENT',
      syscall: 'RTM_DELROUTE',
      hint: 'There is no such route.',
    });
  });
});

test.each<[unknown, string]>([
  [{}, 'to'],
  [{ to: '' }, 'to'],
  [{ to: 'nowhere', link: 1 }, 'to'],
  [{ to: '10.0.0.0/33', link: 1 }, 'to'],
  [{ to: '10.0.0.1/24', link: 1 }, "'10.0.0.0/24'"],
  [{ to: 'fd00::1/64', link: 1 }, "'fd00::/64'"],
  [{ to: 'default' }, 'via, link or both'],
  [{ to: 'default', via: '10.0.0.2/24' }, 'via'],
  [{ to: '10.0.0.0/8', via: 'fd00::1' }, 'via'],
  [{ to: '10.0.0.0/8', link: 1, source: 'fd00::1' }, 'source'],
  [{ to: '10.0.0.0/8', link: 1, via: '0.0.0.0' }, 'via'],
  [{ to: 'fd00::/8', link: 1, via: '::' }, 'via'],
  [{ to: '10.0.0.0/8', link: 1, source: '0.0.0.0' }, 'source'],
  [{ to: '10.0.0.0/8', nextHops: [{ link: 1 }, { link: 1, via: '0.0.0.0' }] }, 'nextHops[1].via'],
  [{ to: '10.0.0.0/8', link: 1, family: 'IPv6' }, 'family'],
  [{ to: '10.0.0.0/8', link: 1, metric: 2 ** 32 }, 'metric'],
  [{ to: '10.0.0.0/8', link: 1, tos: 256 }, 'tos'],
  [{ to: '10.0.0.0/8', link: 1, tos: 3 }, 'two lowest bits'],
  [{ to: 'fd00::/8', link: 1, tos: 16 }, 'of IPv4 routes'],
  [{ to: '10.0.0.0/8', link: 1, from: '10.0.0.0/8' }, 'of IPv6 routes'],
  [{ to: 'default', link: 1, from: '10.0.0.0/8' }, 'of IPv6 routes'],
  [{ to: 'fd00::/8', link: 1, from: 'fd01::1/64' }, "'fd01::/64'"],
  [{ to: 'fd00::/8', link: 1, from: 7 }, 'from'],
  [{ to: '10.0.0.0/8', link: 1, metric: 1.5 }, 'metric'],
  [{ to: '10.0.0.0/8', link: 1, table: 0 }, 'table'],
  [{ to: '10.0.0.0/8', link: 1, table: 'maine' }, "'main'"],
  [{ to: '10.0.0.0/8', link: 1, scope: -1 }, 'scope'],
  [{ to: '10.0.0.0/8', link: 0 }, 'link'],
  [{ to: '10.0.0.0/8', link: 1, gateway: '10.0.0.1' }, "'via'"],
  ['10.0.0.0/8', 'object'],
])('%j is refused before anything is sent', async (route, says) => {
  const { netns, shown } = await routeBench(bed);
  for (const call of [netns.addRoute, netns.replaceRoute]) {
    const error = await refusalOf(call.call(netns, route as RouteOptions));
    expect(error.code).toMatch(/^ERR_/);
    expect(error.message).toContain(says);
  }
  expect(await shown()).toEqual([]);
});
