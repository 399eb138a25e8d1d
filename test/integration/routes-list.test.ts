// What `listRoutes` gives of routes that `ip route` made, and of very many.
import { describe, expect, test } from 'vitest';
import type { Netns, Route } from '../../lib/index.js';
import {
  expectedRoute,
  type IpRoute,
  indexesOf,
  type RouteBench,
  routeBench,
  routesShown,
} from '../support/inet.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

describe('listRoutes', () => {
  /** Routes of many kinds, made by `ip`. */
  async function furnished(): Promise<RouteBench> {
    const made = await routeBench(bed);
    const { host, link } = made;
    const commands = [
      'default via 10.0.0.2 metric 5',
      `10.1.0.0/16 dev ${link} src 10.0.0.1 table 70000 proto 77 mtu 1300 advmss 1200`,
      'blackhole 10.3.0.0/16',
      '10.5.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4 weight 255',
      `10.6.0.0/16 via inet6 fd00::9 dev ${link}`,
      `10.7.0.0/16 via 203.0.113.1 dev ${link} onlink`,
      `10.7.5.0/24 nexthop via 203.0.113.1 dev ${link} onlink nexthop dev ${link}`,
      '10.8.0.0/16 nhid 5',
      '10.8.0.0/16 nhid 5 metric 9',
      'prohibit 10.8.8.0/24 nhid 5',
      '10.8.9.0/24 nhid 9',
      '10.9.0.0/16 nhid 7',
    ];
    const commands6 = [
      `default via fd00::2 dev ${link}`,
      'unreachable fd03::/64',
      `fd05::/64 nexthop via fd00::3 dev ${link} weight 2 nexthop via fd00::4 dev ${link}`,
      `fd05:1::/64 nexthop via fd99::1 dev ${link} onlink nexthop via fd00::4 dev ${link}`,
      `fd06::/64 dev ${link} table 300 metric 3 proto ra`,
      'fd08::/64 nhid 6',
      'prohibit fd08:8::/64 nhid 6',
    ];
    await host.ip('nexthop', 'add', 'id', '5', 'via', '10.0.0.5', 'dev', link);
    await host.ip('nexthop', 'add', 'id', '7', 'blackhole');
    await host.ip('nexthop', 'add', 'id', '8', 'via', '10.0.0.6', 'dev', link);
    await host.ip('nexthop', 'add', 'id', '9', 'group', '5/8');
    await host.ip('-6', 'nexthop', 'add', 'id', '6', 'via', 'fd00::6', 'dev', link);
    for (const command of commands) await host.ip('route', 'add', ...command.split(' '));
    for (const command of commands6) await host.ip('-6', 'route', 'add', ...command.split(' '));
    return made;
  }

  test('shows every route as ip does, those with several ways too', async () => {
    const { host, netns } = await furnished();
    const indexOf = await indexesOf(host);
    const all = [
      ...(await routesShown(host, '-4')).map((route) => expectedRoute(route, 32, indexOf)),
      ...(await routesShown(host, '-6')).map((route) => expectedRoute(route, 128, indexOf)),
    ];
    const listed = await netns.listRoutes();
    expect(listed.filter(({ nextHops }) => nextHops.length === 2)).toHaveLength(5);
    expect(listed).toEqual(expect.arrayContaining(all));
    expect(listed).toHaveLength(all.length);
  });

  test('what it lists can be removed', async () => {
    const { netns, shown } = await furnished();
    for (const route of await netns.listRoutes()) {
      if (route.protocol !== 'kernel') await netns.removeRoute(route);
    }
    expect(await shown()).toEqual([]);
  });

  test('what it lists can be added again, also from JSON', async () => {
    const { host, netns } = await furnished();
    const everything = async () =>
      Promise.all((['-4', '-6'] as const).map((family) => routesShown(host, family)));
    const before = await everything();
    const listed = (await netns.listRoutes()).filter(({ protocol }) => protocol !== 'kernel');
    for (const again of [listed, JSON.parse(JSON.stringify(listed)) as typeof listed]) {
      for (const route of listed) await netns.removeRoute(route);
      expect(await everything()).not.toEqual(before);
      for (const route of again) await netns.addRoute(route);
      expect(await everything()).toEqual(before);
      for (const route of again) await netns.replaceRoute(route);
      expect(await everything()).toEqual(before);
    }
  });

  test('what it lists of one link can be added to another, in another namespace', async () => {
    const { netns, link, shown } = await furnished();
    const other = await bed.makeNetns();
    const there = await other.parent();
    for (const address of await netns.listAddresses({ link })) {
      await other.netns.addAddress(there, { ...address, flags: ['nodad'] });
    }
    for (const route of await netns.listRoutes({ link })) {
      if (route.protocol === 'kernel' || route.nexthopId !== null) continue;
      const nextHops = route.nextHops.map((hop) => ({ ...hop, link: there }));
      await other.netns.addRoute({ ...route, link: route.link && there, nextHops });
    }
    const ours = (routes: readonly IpRoute[]) =>
      routes.filter(({ protocol, nhid, dev }) => protocol !== 'kernel' && !nhid && dev !== 'lo');
    const here = ours(await shown()).filter((route) => JSON.stringify(route).includes(link));
    const found = (
      await Promise.all((['-4', '-6'] as const).map((f) => routesShown(other, f)))
    ).flat();
    expect(here.length).toBeGreaterThan(8);
    expect(JSON.stringify(ours(found))).toBe(JSON.stringify(here).replaceAll(link, there));
  });

  test('what it lists of one link can be the routes of a new link', async () => {
    const { host, netns, link, shown } = await furnished();
    const other = await bed.makeNetns();
    const parent = await other.parent();
    const listed = (await netns.listRoutes({ link })).filter(
      ({ protocol, type, nexthopId, nextHops }) =>
        protocol !== 'kernel' && type === 'unicast' && nexthopId === null && nextHops.length === 0,
    );
    const addresses = await netns.listAddresses({ link });
    await other.netns.createMacvlan({
      parent,
      name: 'm0',
      up: true,
      addresses: addresses.map((address) => ({ ...address, flags: ['nodad'] })),
      routes: listed.map((route) => ({ ...route, link: undefined })),
    });
    const direct = (routes: readonly IpRoute[], dev: string) =>
      routes.filter(
        (route) =>
          route.dev === dev && route.protocol !== 'kernel' && !route.nhid && !route.nexthops,
      );
    const found = (
      await Promise.all((['-4', '-6'] as const).map((f) => routesShown(other, f)))
    ).flat();
    const before = direct(await shown(), link);
    expect(before.length).toBeGreaterThan(5);
    expect(JSON.stringify(direct(found, 'm0'))).toBe(
      JSON.stringify(before).replaceAll(`"${link}"`, '"m0"'),
    );
    // The kernel has made those of the addresses already.
    const kernels = (await other.netns.listRoutes({ link: 'm0' })).filter(
      ({ protocol, metric }) => protocol === 'kernel' && metric !== 0,
    );
    for (const kernel of kernels) {
      const { hint } = await refusalOf(other.netns.addRoute(kernel));
      expect(hint).toContain(`The kernel itself has made the route to ${kernel.to} by 'm0'`);
    }
    expect(kernels.length).toBeGreaterThan(0);
    // With its link, it is a route by that link, and stays when the new link is refused.
    const [route] = listed;
    const options = { parent: link, name: 'm1', routes: [route as Route] };
    const error = await refusalOf(netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'EEXIST', part: 'routes[0]' });
    expect(await host.names()).not.toContain('m1');
    expect(direct(await shown(), link)).toEqual(before);
  });

  test('a listed route without its scope gets that of a new one', async () => {
    const { host, netns, link } = await routeBench(bed);
    await host.ip('link', 'set', link, 'up');
    await host.ip('route', 'add', '10.9.0.0/16', 'dev', link);
    const [route] = (await netns.listRoutes({ link })).filter(({ to }) => to === '10.9.0.0/16');
    const before = await routesShown(host, '-4');
    await netns.removeRoute(route as Route);
    const { scope, ...unscoped } = route as Route;
    expect(scope).toBe('link');
    await netns.addRoute({ ...unscoped, protocol: 'boot' });
    expect(await routesShown(host, '-4')).toEqual(before);
  });

  test('with a link that is none of theirs, those of other links stay', async () => {
    const { host, netns } = await furnished();
    const everything = async () =>
      Promise.all((['-4', '-6'] as const).map((family) => routesShown(host, family)));
    const other = await host.parent();
    await host.ip('link', 'set', other, 'up');
    const before = await everything();
    const led = (await netns.listRoutes()).filter(
      ({ nexthopId, nextHops }) => nexthopId !== null || nextHops.length > 0,
    );
    expect(led).toHaveLength(11);
    for (const route of led) {
      const elsewhere = { ...route, link: other };
      expect((await refusalOf(netns.removeRoute(elsewhere))).code).toBe('ERR_INVALID_ARG_VALUE');
      const added = { ...elsewhere, metric: route.metric + 1 };
      expect((await refusalOf(netns.addRoute(added))).code).toBe('ERR_INVALID_ARG_VALUE');
    }
    expect(await everything()).toEqual(before);
  });

  test('of similar routes it lists, the right one is removed', async () => {
    const { host, netns, shown, link } = await routeBench(bed);
    const other = await host.parent();
    for (const dev of [link, other]) await host.ip('link', 'set', dev, 'up');
    await host.ip('address', 'add', '10.0.7.1/24', 'dev', other);
    await host.ip('address', 'add', 'fd07::1/64', 'nodad', 'dev', other);
    const add =
      (...routes: readonly string[]) =>
      async () => {
        for (const route of routes) {
          const family = /^(unreachable )?(fd|default)/.test(route) ? '-6' : '-4';
          await host.ip(family, 'route', 'append', ...route.split(' '));
        }
      };
    const flush = async () => {
      for (const family of ['-4', '-6']) await host.ip(family, 'route', 'flush', 'proto', 'boot');
      expect(await shown()).toEqual([]);
    };
    const hops = `nexthop via 10.0.0.3 nexthop via 10.0.7.3 weight 2`;
    // Of each group one differs from the others in one thing.
    const groups = [
      add('10.1.0.0/16 via 10.0.0.2', `10.1.0.0/16 ${hops}`),
      add(
        '10.2.0.0/16 via 10.0.0.2',
        '10.2.0.0/16 via 10.0.0.2 tos 0x10',
        '10.2.0.0/16 dev lo metric 9',
      ),
      add(
        `10.3.0.0/16 nexthop via inet6 fd00::3 dev ${link} nexthop via 10.0.7.3`,
        '10.3.0.0/16 via 10.0.7.3',
      ),
      add(
        'fd11::/64 via fd00::2',
        'fd11::/64 from fd02::/64 via fd00::2',
        `fd11::/64 dev ${other}`,
      ),
      add(
        'default via fd00::2 metric 9',
        'default from fd02::/64 via fd00::2 metric 9',
        'unreachable default metric 99',
      ),
      add(
        '10.4.0.0/16 via 10.0.0.2 mtu 1300',
        '10.4.0.0/16 via 10.0.0.2 mtu 1400',
        '10.4.0.0/16 via 10.0.0.2 mtu 1400 advmss 1300',
        '10.4.0.0/16 via 10.0.0.2 advmss 1300',
        '10.4.0.0/16 via 10.0.0.2',
      ),
      add('fd12::/64 nexthop via fd00::3 nexthop via fd07::3', 'unreachable fd12::/64 metric 99'),
    ];
    for (const prepare of groups) {
      await prepare();
      const count = (await netns.listRoutes({ protocol: 'boot' })).length;
      for (let at = 0; at < count; at++) {
        const all = await netns.listRoutes({ protocol: 'boot' });
        const [route] = all.splice(at, 1);
        await netns.removeRoute(route as Route);
        expect(await netns.listRoutes({ protocol: 'boot' })).toEqual(all);
        await flush();
        await prepare();
      }
      await flush();
    }
  });

  test('can be filtered by family, link, table, protocol and type', async () => {
    const { host, netns, link, index } = await furnished();
    const to = async (filter: Parameters<Netns['listRoutes']>[0]) =>
      (await netns.listRoutes(filter)).map((route) => route.to);
    expect(await to({ table: 70_000 })).toEqual(['10.1.0.0/16']);
    expect(await to({ table: 300 })).toEqual(['fd06::/64']);
    expect(await to({ protocol: 77 })).toEqual(['10.1.0.0/16']);
    expect(await to({ protocol: 'ra' })).toEqual(['fd06::/64']);
    expect(await to({ type: 'blackhole' })).toEqual(['10.3.0.0/16', '10.9.0.0/16']);
    expect(await to({ family: 'IPv6', type: 'unreachable' })).toEqual(['fd03::/64']);
    expect(await to({ family: 'IPv4', type: 'unreachable' })).toEqual([]);
    const byLink = await netns.listRoutes({ link, table: 'main', family: 'IPv4' });
    const shown: IpRoute[] = JSON.parse(await host.ip('-j', 'route', 'show'));
    const through = shown.filter(
      ({ dev, nexthops }) => dev === link || nexthops?.some((hop) => hop.dev === link),
    );
    expect(byLink.map((route) => route.to).sort()).toEqual(through.map(({ dst }) => dst).sort());
    expect(byLink.map((route) => route.to)).toContain('10.5.0.0/16');
    expect(await to({ link: index, table: 'main', family: 'IPv4' })).toHaveLength(byLink.length);
    expect(await to({ link: index, table: 4711 })).toEqual([]);
    for (const gone of ['nobody', 987_654, { index: 987_654 }]) {
      const none = await refusalOf(netns.listRoutes({ link: gone }));
      expect(none).toMatchObject({ code: 'ENODEV' });
      expect(none.hint).toContain('filter.link');
    }
  });

  test('is complete when there are thousands', async () => {
    const { host, netns, link } = await routeBench(bed);
    const wanted = Array.from({ length: 3000 }, (_, at) => `10.7.${at >> 8}.${at & 255}/32`);
    await Promise.all(wanted.map((to) => netns.addRoute({ to, link, table: 100 })));
    const shown: IpRoute[] = JSON.parse(await host.ip('-j', 'route', 'show', 'table', '100'));
    expect(shown.map(({ dst }) => `${dst}/32`)).toEqual(wanted);
    expect((await netns.listRoutes({ table: 100 })).map(({ to }) => to)).toEqual(wanted);
  });
});
