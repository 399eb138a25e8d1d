// The codes that the comments of `Netns` name, each provoked; reasons and hints are in errors.test.ts.
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Netns, type Route } from '../../lib/index.js';
import { refusalOf, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

const NOBODY = 987_654;

/** Compares what calls reject with, by their names here. */
async function expectCodes(calls: Readonly<Record<string, readonly [string, Promise<unknown>]>>) {
  const codes = Object.entries(calls).map(
    async ([name, [, call]]) => [name, (await refusalOf(call)).code] as const,
  );
  const wanted = Object.entries(calls).map(([name, [code]]) => [name, code]);
  expect(Object.fromEntries(await Promise.all(codes))).toEqual(Object.fromEntries(wanted));
}

test('of making and changing links', async () => {
  const [host, inside] = [await bed.makeNetns(), await bed.makeNetns()];
  const { netns } = host;
  const [parent, other] = [await host.parent(), await host.parent()];
  await netns.createLink({ kind: 'bridge', name: 'br0' });
  await netns.createLink({ kind: 'bridge', name: 'br1' });
  await netns.createMacvlan({ parent, name: 'm0' });
  const gone = await netns.createMacvlan({ parent });
  await netns.deleteLink(gone);
  const routes = [{ to: 'default', via: '192.0.2.1' }];
  const routes6 = [{ to: 'default', via: 'fd99::1' }];
  const direct = [{ to: '10.9.0.0/16' }];
  await expectCodes({
    'createMacvlan, netns': ['ENOENT', netns.createMacvlan({ parent, netns: 'nobody' })],
    'createMacvtap, netns': ['ENOENT', netns.createMacvtap({ parent, netns: 'nobody' })],
    'createLink, peer.netns': [
      'ENOENT',
      netns.createLink({ kind: 'veth', peer: { netns: 'nobody' } }),
    ],
    'createMacvlan, master': ['ENODEV', netns.createMacvlan({ parent, master: 'nobody' })],
    'createMacvlan, master by index': ['EINVAL', netns.createMacvlan({ parent, master: NOBODY })],
    'createMacvlan, stale master': ['EINVAL', netns.createMacvlan({ parent, master: gone })],
    'createMacvlan, routes': ['ENETUNREACH', netns.createMacvlan({ parent, up: true, routes })],
    'createMacvlan, routes of IPv6': [
      'EHOSTUNREACH',
      netns.createMacvlan({ parent, up: true, routes: routes6 }),
    ],
    'createMacvlan, routes while down': [
      'ENETDOWN',
      netns.createMacvlan({ parent, routes: direct }),
    ],
    'setLink, master': ['ENODEV', netns.setLink('m0', { master: 'nobody' })],
    'setLink, master by index': ['EINVAL', netns.setLink('m0', { master: NOBODY })],
    'setLink, master that is none': ['EOPNOTSUPP', netns.setLink('m0', { master: other })],
    'setLink, no port': ['EOPNOTSUPP', netns.setLink('m0', { bridgePort: { hairpin: true } })],
    'setLink, bridge of a bridge': ['ELOOP', netns.setLink('br1', { master: 'br0' })],
    setMacvlan: ['ENODEV', netns.setMacvlan(NOBODY, { mode: 'vepa' })],
    addSources: ['ENODEV', netns.addSources(NOBODY, ['02:00:5e:00:00:01'])],
    removeSources: ['ENODEV', netns.removeSources(NOBODY, ['02:00:5e:00:00:01'])],
    'moveLink, lo': ['EEXIST', netns.moveLink('lo', inside.netns)],
    'moveLink, a bridge': ['EINVAL', netns.moveLink('br0', inside.netns)],
  });
});

test('of addresses and routes', async () => {
  const host = await bed.makeNetns();
  const { netns } = host;
  const [link, small, disabled] = [await host.parent(), await host.parent(), await host.parent()];
  await host.ip('link', 'set', small, 'mtu', '1000');
  await host.run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${disabled}/disable_ipv6`);
  const down = await host.parent({ up: false });
  const neighbour = { address: 'fd00::9', mac: '02:00:5e:10:00:09' };
  const to = '10.9.0.0/16';
  const to6 = 'fd09::/64';
  await expectCodes({
    addAddress: ['ENODEV', netns.addAddress(NOBODY, '10.0.0.1/24')],
    'addAddress, IPv6 disabled': ['EACCES', netns.addAddress(disabled, 'fd00::1/64')],
    'addAddress, small MTU': ['EINVAL', netns.addAddress(small, 'fd00::1/64')],
    'addAddress, ::1': ['EADDRNOTAVAIL', netns.addAddress(link, '::1/128')],
    'addAddress, multicast': ['EADDRNOTAVAIL', netns.addAddress(link, 'ff02::5/64')],
    replaceAddress: ['ENODEV', netns.replaceAddress(NOBODY, 'fd00::1/64')],
    removeAddress: ['ENODEV', netns.removeAddress(NOBODY, 'fd00::1/64')],
    'removeAddress, small MTU': ['ENXIO', netns.removeAddress(small, 'fd00::1/64')],
    addNeighbour: ['ENODEV', netns.addNeighbour(NOBODY, neighbour)],
    'addNeighbour, IPv6 disabled': ['EINVAL', netns.addNeighbour(disabled, neighbour)],
    'addNeighbour, small MTU': ['EINVAL', netns.addNeighbour(small, neighbour)],
    'addNeighbour, a proxy, small MTU': [
      'ENOBUFS',
      netns.addNeighbour(small, { address: 'fd00::9', proxy: true }),
    ],
    removeNeighbour: ['ENODEV', netns.removeNeighbour(NOBODY, 'fd00::9')],
    addRoute: ['ENODEV', netns.addRoute({ to, link: NOBODY })],
    'addRoute, small MTU': ['ENODEV', netns.addRoute({ to: to6, link: small })],
    'addRoute, IPv6 disabled': ['EACCES', netns.addRoute({ to: to6, link: disabled })],
    'addRoute, down': ['ENETDOWN', netns.addRoute({ to, link: down })],
    'addRoute, a gateway, down': [
      'ENETUNREACH',
      netns.addRoute({ to, via: '10.9.0.1', link: down }),
    ],
    'addRoute, source': ['EINVAL', netns.addRoute({ to, link, source: '192.0.2.7' })],
    'addRoute, nexthopId': ['EINVAL', netns.addRoute({ to, nexthopId: 4711 })],
    removeRoute: ['ENODEV', netns.removeRoute({ to, link: 'nobody' })],
    'removeRoute, link by index': ['ESRCH', netns.removeRoute({ to, link: NOBODY })],
    'removeRoute, default of IPv6': [
      'ENOENT',
      netns.removeRoute({ to: 'default', family: 'IPv6' }),
    ],
    'removeRoute, default of IPv6 by link': [
      'ESRCH',
      netns.removeRoute({ to: 'default', family: 'IPv6', link }),
    ],
    'getSysctl, a folder': ['EISDIR', netns.getSysctl('net.ipv4.conf')],
    'setLink, stable-privacy': ['EINVAL', netns.setLink(link, { addrGenMode: 'stable-privacy' })],
  });
  await host.ip('address', 'add', 'fd00::1/64', 'nodad', 'dev', link);
  // The kernel makes the route some time after the address (net/ipv6/addrconf.c, addrconf_dad_work).
  const mine = await vi.waitFor(async () => {
    const all = await netns.listRoutes({ family: 'IPv6', table: 'local' });
    const [found] = all.filter(({ to, link }) => to === 'fd00::1/128' && link !== null);
    expect(found).toMatchObject({ metric: 0, protocol: 'kernel' });
    return found as Route;
  }, PATIENCE);
  await netns.removeRoute(mine);
  await netns.addRoute(mine);
  const shown = await host.ip('-6', 'route', 'show', 'table', 'local', 'fd00::1');
  expect(shown).toContain('metric 1024');
});

test('of names of namespaces', async () => {
  const plain = bed.uniqueName('n');
  writeFileSync(`/run/netns/${plain}`, '');
  bed.onCleanup(() => Netns.remove(plain));
  const directory = bed.uniqueName('n');
  mkdirSync(`/run/netns/${directory}`);
  bed.onCleanup(() => rmdirSync(`/run/netns/${directory}`));
  await expectCodes({
    'open, plain file': ['EINVAL', Netns.open(plain)],
    'open, fd': ['EBADF', Netns.open({ fd: 9999 })],
    'open, pid': ['ENOENT', Netns.open({ pid: 4_194_304 })],
    remove: ['ENOENT', Netns.remove('nobody')],
    'remove, a directory': ['EISDIR', Netns.remove(directory)],
  });
});
