/** The reasons that errors give where the kernel gives only an errno. */
import { describe, expect, test } from 'vitest';
import { isNetlinkError, Netns, type NextHopOptions, type RouteOptions } from '../../lib/index.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const PARENT_MAC = '02:00:5e:00:00:01';
const MAC = '02:00:5e:00:00:02';

const setUp = () => bed.makeHost({ mac: PARENT_MAC });

describe('EINVAL', () => {
  test('because the parent is the loopback device', async () => {
    const { host } = await setUp();
    for (const kind of ['macvlan', 'macvtap'] as const) {
      const error = await refusalOf(host.netns.createLink({ kind, parent: 'lo' }));
      expect(error).toMatchObject({ code: 'EINVAL', errno: -22, syscall: 'RTM_NEWLINK' });
      expect(error.hint).toContain(`'lo'`);
      expect(error.hint).toContain('loopback');
      expect(error.message).toContain(error.hint);
    }
  });

  test.each(['all', 'default'])('because no link can be named %s', async (name) => {
    const { host, parent } = await setUp();
    const made = await refusalOf(host.netns.createMacvlan({ parent, name }));
    expect(made).toMatchObject({ code: 'EINVAL', target: name });
    expect(made.hint).toContain(`'${name}'`);
    // Before Linux 6.2 a link that is up cannot be renamed at all (net/core/dev.c, dev_change_name).
    await host.ip('link', 'set', parent, 'down');
    const renamed = await refusalOf(host.netns.setLink(parent, { name }));
    expect(renamed.hint).toContain(`'${name}'`);
    expect(await host.names()).not.toContain(name);
  });

  test('because the parent is no Ethernet device', async ({ skip }) => {
    const { host } = await setUp();
    const parent = await host.tun(skip);
    const error = await refusalOf(host.netns.createMacvlan({ parent }));
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'createMacvlan', target: null });
    expect(error.hint).toContain(`'tun0'`);
    expect(error.hint).toContain(`'none'`);
    expect(error.hint).toContain('Ethernet');
  });

  test('because the MTU is above the parent’s, at creation, giving both', async () => {
    const { host, parent } = await setUp();
    const error = await refusalOf(host.netns.createMacvlan({ parent, name: 'm0', mtu: 9000 }));
    expect(error).toMatchObject({ code: 'EINVAL', target: 'm0' });
    expect(error.hint).toContain('9000');
    expect(error.hint).toContain('1500');
    expect(error.hint).toContain(`'${parent}'`);
  });

  test('is not explained by an MTU that the parent has, too', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru' });
    const error = await refusalOf(host.netns.createMacvlan({ parent, name: 'm1', mtu: 1500 }));
    expect(error).toMatchObject({ code: 'EINVAL', target: 'm1' });
    expect(error.hint).toContain(`a child in mode 'passthru', 'm0'`);
    expect(error.hint).not.toContain('MTU');
  });

  test('because the MTU is out of the range of the device, giving its bound and no guess', async () => {
    const { host, parent } = await setUp();
    const { max_mtu: most } = await host.link(parent);
    const [low, high] = [10, 10_000_000];
    const { netns } = host;
    const refused: [number, string, (mtu: number) => Promise<unknown>][] = [
      [low, 'A macvlan', (mtu) => netns.createMacvlan({ parent, mtu, mode: 'bridge' })],
      [low, 'A macvlan', (mtu) => netns.createMacvlan({ parent, mtu, mode: 'passthru' })],
      [low, 'A bridge', (mtu) => netns.createLink({ kind: 'bridge', mtu })],
      [high, 'A bridge', (mtu) => netns.createLink({ kind: 'bridge', mtu })],
      [low, `The link '${parent}'`, (mtu) => netns.setLink(parent, { mtu })],
      [high, `The link '${parent}'`, (mtu) => netns.setLink(parent, { mtu })],
    ];
    for (const [mtu, what, call] of refused) {
      const error = await refusalOf(call(mtu));
      const bound = mtu === low ? '68 at least' : `${most} at most`;
      expect(error).toMatchObject({ code: 'EINVAL', kernelMessage: expect.stringMatching(/^mtu/) });
      expect(error.hint).toBe(`${what} can have an MTU of ${bound}, and 'mtu' is ${mtu}.`);
    }
  });

  test('because the MTU is above that of the device below the parent', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mtu: 1400 });
    const error = await refusalOf(host.netns.createMacvlan({ parent: 'm0', mtu: 1501 }));
    expect(error).toMatchObject({ code: 'EINVAL' });
    expect(error.hint).toContain('1501');
    expect(error.hint).toContain('1500');
    expect(error.hint).toContain(`'${parent}'`);
  });

  test('because the MTU is above the parent’s, in a later change, giving both', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0' });
    const error = await refusalOf(host.netns.setLink('m0', { mtu: 1501 }));
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'setLink', target: 'm0' });
    expect(error.hint).toContain('1501');
    expect(error.hint).toContain('1500');
    expect(error.hint).toContain(`'${parent}'`);
    expect((await host.link('m0')).mtu).toBe(1500);
  });

  test('because the MTU is above that of a parent that is in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    await host.netns.createMacvlan({ parent, name: 'm0', mtu: 1400, netns: inside.netns });
    const later = await refusalOf(inside.netns.setLink('m0', { mtu: 1501 }));
    const beside = await refusalOf(inside.netns.createMacvlan({ parent: 'm0', mtu: 1501 }));
    for (const error of [later, beside]) {
      expect(error).toMatchObject({ code: 'EINVAL' });
      expect(error.hint).toContain('1501');
      expect(error.hint).toContain(`'m0'`);
      expect(error.hint).toContain('in another namespace');
    }
    expect(await inside.names()).toEqual(['m0']);
    const mtu = 100_000;
    for (const error of [
      await refusalOf(inside.netns.setLink('m0', { mtu })),
      await refusalOf(inside.netns.createMacvlan({ parent: 'm0', mtu })),
    ]) {
      expect(error).toMatchObject({ kernelMessage: expect.stringMatching(/maximum/) });
      expect(error.hint).toMatch(/65535 at most, and 'mtu' is 100000\.$/);
    }
    // What its parent allows, above what it has itself.
    await inside.netns.setLink('m0', { mtu: 1500 });
    expect((await inside.link('m0')).mtu).toBe(1500);
  });

  test('because a stable privacy address needs a secret that is not set', async () => {
    const { host, parent } = await setUp();
    const error = await refusalOf(host.netns.setLink(parent, { addrGenMode: 'stable-privacy' }));
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'setLink', target: parent });
    expect(error.hint).toContain('stable_secret');
    const created = { parent, name: 'm0', addrGenMode: 'stable-privacy' } as const;
    const second = await refusalOf(host.netns.createMacvlan(created));
    expect(second).toMatchObject({ code: 'EINVAL', part: 'addrGenMode' });
    expect(second.hint).toContain('stable_secret');
  });
});

describe('a change that the kernel refuses with an errno alone', () => {
  test('of alternative names, because one does not exist, is the name itself, or belongs to another link', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', altNames: ['first', 'last'] });
    await host.netns.createMacvlan({ parent, name: 'm1', altNames: ['other'] });
    const removal = (...removeAltNames: string[]) =>
      refusalOf(host.netns.setLink('m0', { removeAltNames }));
    const one = await removal('nobody');
    expect(one).toMatchObject({ code: 'ENOENT', syscall: 'RTM_DELLINKPROP' });
    expect(one.hint).toBe("The link has no name 'nobody'.");
    const own = await removal('m0');
    expect(own).toMatchObject({ code: 'EINVAL', syscall: 'RTM_DELLINKPROP' });
    expect(own.hint).toBe("'m0' is the link's name, and no alternative one.");
    for (const name of ['m1', 'other']) {
      expect((await removal(name)).hint).toContain(`'${name}' is a name of the link 'm1'`);
    }
    const among = await removal('first', 'nobody', 'last');
    expect(among).toMatchObject({ code: 'ENOENT' });
    expect(among.hint).toContain("none of the names 'first', 'nobody' now");
    expect((await host.link('m0')).altnames).toEqual(['last']);
  });

  test('of the master, because the link is no Ethernet device', async () => {
    const { host } = await setUp();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    // Also where it is too small for any family, which is not the reason.
    await host.ip('link', 'set', 'lo', 'mtu', '60');
    const error = await refusalOf(host.netns.setLink('lo', { master: 'br0' }));
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'setLink', target: 'lo' });
    expect(error.hint).toContain("'lo' is the loopback device");
    expect(error.hint).toContain('Ethernet');
  });
});

describe('an address or a route', () => {
  test('is refused because the link is too small for its family', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'set', parent, 'mtu', '1000');
    const route = await refusalOf(host.netns.addRoute({ to: 'fd01::/64', link: parent }));
    expect(route.hint).toContain(`no IPv6 on '${parent}'`);
    expect(route.hint).toContain('1280');
    expect(route.hint).toContain('1000');
    await host.ip('link', 'set', parent, 'mtu', '68');
    await host.ip('link', 'set', 'lo', 'mtu', '60');
    const address = await refusalOf(host.netns.addAddress('lo', '10.1.1.1/24'));
    const setting = await refusalOf(host.netns.setLink('lo', { ipv4: { rpFilter: 1 } }));
    for (const { code, hint } of [address, setting]) {
      expect(code).not.toBe('EPERM');
      expect(hint).toContain(`no IPv4 on 'lo'`);
    }
    await host.ip('link', 'set', parent, 'mtu', '1000');
    for (const more of [{ addrGenMode: 'none' }, { addresses: ['fd00::1/64'] }] as const) {
      const made = await refusalOf(host.netns.createMacvlan({ parent, mtu: 1000, ...more }));
      expect(made.hint).toContain('1280');
    }
    const gone = await refusalOf(host.netns.addRoute({ to: 'fd01::/64', link: 4711 }));
    expect(gone.hint).toContain('no link with index 4711');
  });

  test('is refused by the kernel, and the reason is given once', async () => {
    const { host, parent } = await setUp();
    // By the kernel itself since Linux 6.6.
    for (const [address, reason] of [
      ['ff02::5/64', /multicast/g],
      ['::1/128', /loopback|'lo'/g],
    ] as const) {
      const error = await refusalOf(host.netns.addAddress(parent, address));
      expect(error).toMatchObject({ code: 'EADDRNOTAVAIL' });
      expect(error.message.match(reason)).toHaveLength(1);
      expect(error.message).not.toContain('no such address');
    }
    await host.netns.addAddress(parent, { address: 'ff02::5/64', flags: ['autojoin'] });
    await host.run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${parent}/disable_ipv6`);
    const disabled = await refusalOf(host.netns.addAddress(parent, 'fd00::1/64'));
    expect(disabled).toMatchObject({ code: 'EACCES' });
    expect(disabled.hint).toBe(
      'The setting net.ipv6.conf.NAME.disable_ipv6 is 1; a new link begins with that of net.ipv6.conf.default, unless its `ipv6` says otherwise.',
    );
  });

  test('is refused because the same one is there, which is named', async () => {
    const { host, parent } = await setUp();
    const { link: peer = '' } = await host.link(parent);
    await host.ip('address', 'add', 'fd00::1/48', 'dev', peer, 'nodad');
    await host.ip('address', 'add', 'fd00::1/64', 'dev', parent, 'nodad');
    const address = await refusalOf(host.netns.addAddress(parent, 'fd00::1/128'));
    expect(address).toMatchObject({ code: 'EEXIST' });
    expect(address.hint).toBe(`The link '${parent}' has fd00::1/64 already.`);
    const families = [
      ['fd09::/64', ['from', 'fd05::/64'], ['from', 'fd06::/64'], { from: 'fd06::/64' }],
      ['10.9.0.0/16', ['tos', '0x10'], ['tos', '0x08'], { tos: 8 }],
      ['10.10.0.0/16', ['metric', '5'], ['metric', '6'], { metric: 6 }],
      // IPv6 has no metric 0, and takes it for 1024.
      ['fd10::/64', ['metric', '5'], ['metric', '1024'], { metric: 0 }],
    ] as const;
    for (const [to, other, alike, more] of families) {
      const family = to.includes(':') ? '-6' : '-4';
      await host.ip(family, 'route', 'add', to, ...other, 'dev', parent);
      await host.ip(family, 'route', 'add', to, ...alike, 'dev', peer);
      const route = await refusalOf(host.netns.addRoute({ to, link: parent, ...more }));
      expect(route).toMatchObject({ code: 'EEXIST' });
      expect(route.hint).toContain(`a route to ${to} `);
      // Not the other one, although that is by the same link.
      expect(route.hint).toContain(`by '${peer}'`);
    }
  });

  test('is refused because its gateway is only in the prefix of another link', async () => {
    const { host, parent } = await setUp();
    const { link: peer = '' } = await host.link(parent);
    await host.ip('address', 'add', '10.3.0.1/24', 'dev', peer);
    const route = { to: '10.8.0.0/16', via: '10.3.0.9', link: parent };
    const error = await refusalOf(host.netns.addRoute(route));
    expect(error).toMatchObject({ code: 'ENETUNREACH' });
    expect(error.hint).toBe(
      `No address of '${parent}' has the gateway 10.3.0.9 in its prefix: if the link reaches it all the same, say 'onlink'.`,
    );
    await host.ip('link', 'set', parent, 'up');
    const other = await refusalOf(
      host.netns.addRoute({ ...route, via: 'fd03::9', family: 'IPv4' }),
    );
    expect(other).toMatchObject({ code: 'EHOSTUNREACH' });
    expect(other.hint).toBe(
      `No address of '${parent}' has the gateway fd03::9 in its prefix: if the link reaches it all the same, say 'onlink'.`,
    );
  });

  test('is refused because there is no link with the index that it names', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'set', parent, 'up');
    await host.ip('address', 'add', '10.3.0.1/24', 'dev', parent);
    const way = { via: '10.3.0.9', link: 987_654 };
    for (const route of [way, { nextHops: [way, { link: parent }] }]) {
      const { hint } = await refusalOf(host.netns.addRoute({ to: '10.8.0.0/16', ...route }));
      expect(hint).toContain('There is no link with index 987654');
    }
  });

  test('is refused because the only link that has its gateway in a prefix is down', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'set', parent, 'down');
    await host.ip('address', 'add', '10.3.0.1/24', 'dev', parent);
    await host.ip('address', 'add', '10.4.0.1', 'peer', '10.5.0.1/24', 'dev', parent);
    await host.ip('address', 'add', 'fd03::1', 'peer', 'fd04::1/64', 'dev', parent, 'nodad');
    const routes = [
      { to: '10.8.0.0/16', via: '10.3.0.9' },
      { to: '10.9.0.0/16', via: '10.5.0.9' },
      { to: 'fd08::/64', via: 'fd03::9', scope: 'link' },
      { to: '10.7.0.0/16', via: 'fd03::9', family: 'IPv4' },
    ] as const;
    for (const route of routes) {
      const { hint } = await refusalOf(host.netns.addRoute(route));
      expect(hint).toBe(
        `The gateway ${route.via} is in a prefix of '${parent}', which is down: bring it up.`,
      );
    }
    await host.netns.setLink(parent, { up: true });
    for (const route of routes) await host.netns.addRoute(route);
  });

  test('is refused because of one of its ways', async () => {
    const { host, parent } = await setUp();
    const { link: peer = '' } = await host.link(parent);
    await host.ip('link', 'set', parent, 'up');
    await host.ip('address', 'add', '10.3.0.1/24', 'dev', parent);
    await host.ip('address', 'add', 'fd03::1/64', 'dev', parent, 'nodad');
    const hint = async (to: string, ...nextHops: NextHopOptions[]) =>
      (await refusalOf(host.netns.addRoute({ to, nextHops }))).hint;
    expect(
      await hint(
        '10.8.0.0/16',
        { via: '10.9.0.9', link: parent, onlink: true },
        { via: '10.4.0.9' },
      ),
    ).toBe('No address has the gateway 10.4.0.9 in its prefix.');
    expect(await hint('fd08::/64', { via: 'fd03::9' }, { via: 'fd04::9', link: parent })).toBe(
      `No address of '${parent}' has the gateway fd04::9 in its prefix: if the link reaches it all the same, say 'onlink'.`,
    );
    await host.ip('link', 'set', peer, 'down');
    expect(await hint('10.8.0.0/16', { via: '10.3.0.9' }, { link: peer })).toBe(
      `The link '${peer}' is down, and nothing is reached by it: bring it up.`,
    );
  });

  test('is refused because the link that has its gateway in the longest prefix is down', async () => {
    const { host, parent } = await setUp();
    const { link: peer = '' } = await host.link(parent);
    for (const link of [parent, peer]) await host.ip('link', 'set', link, 'down');
    await host.ip('address', 'add', '10.3.0.1/16', 'dev', parent);
    await host.ip('address', 'add', '10.3.1.1/24', 'dev', peer);
    const { hint } = await refusalOf(host.netns.addRoute({ to: '10.8.0.0/16', via: '10.3.1.9' }));
    expect(hint).toContain(`in a prefix of '${peer}', which is down`);
  });

  test('is refused although its gateway is in a prefix, to which no route leads', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'set', parent, 'up');
    await host.ip('address', 'add', '10.3.0.1/24', 'dev', parent, 'noprefixroute');
    const route = { to: '10.8.0.0/16', via: '10.3.0.9' };
    for (const one of [route, { ...route, link: parent }]) {
      const error = await refusalOf(host.netns.addRoute(one));
      expect(error).toMatchObject({ code: 'ENETUNREACH' });
      expect(error.hint).toBe(
        `'${parent}' has the address 10.3.0.1/24, but no route leads to 10.3.0.0/24, and so to the gateway 10.3.0.9: add that route, or the address anew.`,
      );
    }
    await host.ip('-6', 'address', 'add', 'fd03::1/64', 'dev', parent, 'nodad', 'noprefixroute');
    const error = await refusalOf(host.netns.addRoute({ to: 'fd08::/64', via: 'fd03::9' }));
    expect(error.hint).toContain('no route leads to fd03::/64');
  });

  test('is added once a route leads to its gateway, as the hint advises', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'set', parent, 'up');
    await host.ip('address', 'add', '10.3.0.1/24', 'dev', parent, 'noprefixroute');
    await host.netns.addRoute({ to: '10.3.0.0/24', link: parent });
    await host.netns.addRoute({ to: '10.8.0.0/16', via: '10.3.0.9' });
    expect(await host.run('ip', 'route', 'show', '10.8.0.0/16')).toContain('via 10.3.0.9');
  });

  test('is refused because with a gateway on the network it cannot be of scope link', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'set', parent, 'up');
    await host.ip('address', 'add', '10.3.0.1/24', 'dev', parent);
    const route = { to: '10.8.0.0/16', via: '10.3.0.9', scope: 'link' } as const;
    for (const one of [route, { ...route, link: parent }, { ...route, scope: 253 }]) {
      const error = await refusalOf(host.netns.addRoute(one));
      expect(error).toMatchObject({ code: 'ENETUNREACH' });
      expect(error.hint).toBe(
        "The gateway 10.3.0.9 is on the network, and a route with such a gateway is of scope 'global'.",
      );
    }
    await host.netns.addRoute({ ...route, scope: 'global' });
    // The kernel takes it when the gateway is the machine itself.
    await host.netns.addRoute({ ...route, to: '10.9.0.0/16', via: '10.3.0.1' });
  });

  test('is refused because its source is a tentative address, or no address of the namespace', async () => {
    const { host, parent } = await setUp();
    const routes = [{ to: 'default', via: 'fd00::1', source: 'fd00::2' }];
    const options = { kind: 'veth', up: true, routes, peer: { up: true } } as const;
    const early = await refusalOf(
      host.netns.createLink({ ...options, addresses: ['fd00::2/64', 'fd00::3/64'] }),
    );
    expect(early).toMatchObject({ code: 'EINVAL', part: 'routes[0]' });
    expect(early.hint).toContain('tentative');
    expect(early.hint).toContain("'nodad'");
    await host.ip('link', 'set', parent, 'up');
    for (const [to, source] of [
      ['10.9.0.0/16', '10.0.0.7'],
      ['fd09::/64', 'fd00::7'],
    ] as const) {
      const none = await refusalOf(host.netns.addRoute({ to, link: parent, source }));
      expect(none).toMatchObject({ code: 'EINVAL' });
      expect(none.hint).toContain(`has the address ${source}`);
    }
    // A gateway that is the namespace's own address: the source is not to blame.
    await host.ip('address', 'add', 'fd00::9/64', 'dev', parent, 'nodad');
    const other = { to: 'fd09::/64', via: 'fd00::9', source: 'fd00::9' };
    const own = await refusalOf(host.netns.addRoute(other));
    expect(own).toMatchObject({ code: 'EINVAL' });
    expect(own.hint).toBeUndefined();
    // A gateway that is a broadcast address, and a source that is local without being a link's.
    await host.ip('link', 'set', 'lo', 'up');
    await host.ip('address', 'add', '10.5.0.9/24', 'dev', parent);
    const local = { to: '10.9.0.0/16', via: '10.5.0.255', source: '127.0.0.5' };
    const too = await refusalOf(host.netns.addRoute(local));
    expect(too).toMatchObject({ code: 'EINVAL' });
    expect(too.hint).toBeUndefined();
  });
});

describe('EBUSY', () => {
  test('because the parent is a port of a bridge, which is named', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.ip('link', 'set', parent, 'master', 'br0');
    for (const create of ['createMacvlan', 'createMacvtap'] as const) {
      const error = await refusalOf(host.netns[create]({ parent, name: 'm0' }));
      expect(error).toMatchObject({ code: 'EBUSY', operation: create, target: 'm0' });
      expect(error.hint).toContain(`'${parent}'`);
      expect(error.hint).toContain(`bridge 'br0'`);
    }
  });

  test('because a device with macvlans cannot be a port', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    const { index } = await host.netns.createMacvlan({ parent, name: 'm0' });
    const error = await refusalOf(host.netns.setLink(parent, { master: 'br0' }));
    expect(error).toMatchObject({ code: 'EBUSY', operation: 'setLink', target: parent });
    expect(error.hint).toContain(`'m0' (index ${index})`);
    expect(error.hint).not.toContain('MAC');
  });

  test('because a device whose macvlans are all in other namespaces cannot be a port either', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
    const error = await refusalOf(host.netns.setLink(parent, { master: 'br0' }));
    expect(error).toMatchObject({ code: 'EBUSY', operation: 'setLink', target: parent });
    expect(error.hint).toContain(`'${parent}'`);
    expect(error.hint).toContain(`'m0' (index`);
    expect(error.hint).toContain(`of the network namespace '${inside.name}'`);
    expect(error.hint).toContain(`'br0'`);
  });

  test('because the parent cannot be the master as well', async () => {
    const { host } = await setUp();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    const error = await refusalOf(host.netns.createMacvlan({ parent: 'br0', master: 'br0' }));
    expect(error.code).toBe('EBUSY');
    expect(error.hint).toContain("'br0' cannot be both");
  });

  test('because a macvtap receives its own frames and cannot be a port', async () => {
    const { host, parent } = await setUp();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    const error = await refusalOf(host.netns.createMacvtap({ parent, master: 'br0' }));
    expect(error).toMatchObject({ code: 'EBUSY', operation: 'createMacvtap' });
    expect(error.hint).toContain(`'br0'`);
    expect(error.hint).not.toContain('ipvlan');
    const inside = await bed.makeNetns();
    await inside.ip('link', 'add', 'br1', 'type', 'bridge');
    const { ifindex: master } = await inside.link('br1');
    const options = { parent, name: 'tap0', netns: inside.netns };
    const elsewhere = await refusalOf(host.netns.createMacvtap({ ...options, master }));
    expect(elsewhere).toMatchObject({ code: 'EBUSY', part: 'master' });
    await host.netns.createMacvtap({ parent, name: 'tap0' });
    const later = await refusalOf(host.netns.setLink('tap0', { master: 'br0' }));
    expect(later).toMatchObject({ code: 'EBUSY', operation: 'setLink' });
    for (const [{ hint }, bridge] of [
      [elsewhere, 'br1'],
      [later, 'br0'],
    ] as const) {
      expect(hint).toContain("A link of kind 'macvtap' hands its frames");
      expect(hint).toContain(`'${bridge}'`);
    }
  });
});

test('a master that does not exist is named, whatever the kernel’s errno is', async () => {
  const { host, parent } = await setUp();
  const master = 987_654;
  const refusals = await Promise.all([
    refusalOf(host.netns.createMacvlan({ parent, master })),
    refusalOf(host.netns.createLink({ kind: 'veth', master })),
    refusalOf(host.netns.setLink(parent, { master })),
  ]);
  for (const { code, hint } of refusals) {
    expect(code).toBe('EINVAL');
    expect(hint).toContain('There is no link with index 987654');
  }
});

test('a master is looked for in the new link’s namespace', async () => {
  const { host, parent } = await setUp();
  const inside = await bed.makeNetns();
  await host.ip('link', 'add', 'br0', 'index', '987654', 'type', 'bridge');
  const options = { parent, netns: inside.netns, name: 'm0' };
  const none = await refusalOf(host.netns.createMacvlan({ ...options, master: 987_654 }));
  expect(none).toMatchObject({ code: 'EINVAL' });
  expect(none.hint).toContain(
    `no link with index 987654 in the network namespace '${inside.name}'`,
  );
  await inside.ip('link', 'add', 'v0', 'index', '987654', 'type', 'veth');
  const other = await refusalOf(host.netns.createMacvlan({ ...options, master: 987_654 }));
  expect(other).toMatchObject({ code: 'EOPNOTSUPP', part: 'master' });
  expect(other.hint).toContain("'v0' takes in no others");
  expect(await inside.names()).not.toContain('m0');
});

test('a link here is not mistaken for a parent in another namespace with its index', async () => {
  const { host, parent } = await setUp();
  const inside = await bed.makeNetns();
  const { ifindex } = await host.link(parent);
  const options = { parent, netns: inside.netns };
  await host.netns.createMacvlan({ ...options, name: 'm0', mac: MAC, up: true });
  await host.netns.createMacvlan({ ...options, name: 'm1', mac: MAC });
  await host.netns.createMacvtap({ ...options, name: 'tap0' });
  await inside.ip('link', 'add', 'br0', 'index', `${ifindex}`, 'mtu', '1400', 'type', 'bridge');
  await inside.netns.createMacvlan({ parent: 'br0', name: 'away', netns: host.netns });
  const away = await host.link('away');

  const { netns } = inside;
  const { hint: tooLarge } = await refusalOf(netns.setLink('m0', { mtu: 1501 }));
  expect(tooLarge).toContain(
    `MTU of 1501 is above that of the parent of 'm0', which is in another namespace: '${parent}' has 1500`,
  );
  const { hint: beside } = await refusalOf(netns.createMacvlan({ parent: 'm0', mtu: 1501 }));
  expect(beside).toBe(tooLarge);
  const { hint: taken } = await refusalOf(netns.setLink('m1', { up: true }));
  expect(taken).toContain(`The MAC ${MAC} is taken by 'm0'`);
  const { hint: receiving } = await refusalOf(netns.setLink('tap0', { master: 'br0' }));
  expect(receiving).toContain("A link of kind 'macvtap' hands its frames");
  const passthru = { parent: 'br0', mode: 'passthru' } as const;
  const { hint: notAlone } = await refusalOf(netns.createMacvlan(passthru));
  const where = `of the network namespace '${host.name}'`;
  expect(notAlone).toContain(`'br0' has 'away' (index ${away.ifindex}) ${where}`);
});

describe('EADDRINUSE', () => {
  test('because the MAC is taken by a sibling that is up, at creation, which is named', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'down', mac: MAC });
    const holder = await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC, up: true });
    const options = { parent, name: 'm1', mac: MAC, up: true };
    const error = await refusalOf(host.netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'EADDRINUSE', operation: 'createMacvlan', target: 'm1' });
    expect(error.hint).toContain(MAC);
    expect(error.hint).toContain(`'m0' (index ${holder.index})`);
  });

  test('because the MAC is taken by a sibling that is up, when a link is brought up', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC });
    await host.netns.createMacvlan({ parent, name: 'm1', mac: MAC });
    await host.netns.setLink('m1', { up: true });
    const error = await refusalOf(host.netns.setLink('m0', { up: true }));
    expect(error).toMatchObject({ code: 'EADDRINUSE', operation: 'setLink', target: 'm0' });
    expect(error.hint).toContain(MAC);
    expect(error.hint).toContain(`'m1'`);
    expect((await host.link('m0')).flags).not.toContain('UP');
  });

  test('because the MAC is taken by a sibling that is up, when a link gets the MAC', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC, up: true });
    await host.netns.createMacvlan({ parent, name: 'm1', up: true });
    const { address } = await host.link('m1');
    const error = await refusalOf(host.netns.setLink('m1', { mac: MAC }));
    expect(error).toMatchObject({ code: 'EADDRINUSE', operation: 'setLink', target: 'm1' });
    expect(error.hint).toContain(MAC);
    expect(error.hint).toContain(`'m0'`);
    expect((await host.link('m1')).address).toBe(address);
  });

  test('because the MAC is the parent’s, which is named', async () => {
    const { host, parent } = await setUp();
    const created = await refusalOf(
      host.netns.createMacvlan({ parent, mac: PARENT_MAC.toUpperCase(), up: true }),
    );
    expect(created).toMatchObject({ code: 'EADDRINUSE' });
    await host.netns.createMacvlan({ parent, name: 'm0', up: true });
    const changed = await refusalOf(host.netns.setLink('m0', { mac: PARENT_MAC }));
    expect(changed).toMatchObject({ code: 'EADDRINUSE' });
    for (const { hint } of [created, changed]) {
      expect(hint).toContain(PARENT_MAC);
      expect(hint).toContain(`'${parent}'`);
    }
  });

  test('because the MAC is taken in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const options = { parent, name: 'm0', mac: MAC, up: true };
    await host.netns.createMacvlan({ ...options, netns: inside.netns });
    const error = await refusalOf(host.netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
    expect(error.hint).toContain(MAC);
    expect(error.hint).toContain(`of the network namespace '${inside.name}'`);
  });

  test('because the MAC is taken by a macvlan on the same parent, which is in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC, up: true, netns: inside.netns });
    const options = { parent: 'm0', name: 'm1', mac: MAC, up: true };
    const error = await refusalOf(inside.netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
    expect(error.hint).toContain(`'m0'`);
    expect(error.hint).toContain('up on the same parent');
  });

  test('because a link in the namespace that the new one is made in has the MAC', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const options = { parent, mac: MAC, up: true, netns: inside.netns };
    const { index } = await host.netns.createMacvlan({ ...options, name: 'm0' });
    // A link with the parent's index that is on something else.
    const other = await inside.parent();
    await inside.netns.createMacvlan({ parent: other, name: 'm1', mac: MAC, up: true });
    const error = await refusalOf(host.netns.createMacvlan({ ...options, name: 'm2' }));
    expect(error).toMatchObject({ code: 'EADDRINUSE', target: 'm2' });
    const where = `the network namespace '${inside.name}'`;
    expect(error.hint).toContain(`'m0' (index ${index}) of ${where}`);
  });

  test('does not occur between links that are down', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC });
    await host.netns.createMacvlan({ parent, name: 'm1', mac: MAC });
    expect((await host.link('m1')).address).toBe(MAC);
  });
});

describe('ENODEV', () => {
  test('because there is no parent of that name, or index', async () => {
    const { host } = await setUp();
    const byName = await refusalOf(host.netns.createMacvlan({ parent: 'nobody', name: 'm0' }));
    expect(byName).toMatchObject({ code: 'ENODEV', operation: 'createMacvlan', target: 'm0' });
    expect(byName.hint).toContain(`'nobody'`);
    expect(byName.hint).toContain('options.parent');
    expect(byName.hint).toContain('with the option netns');
    const byIndex = await refusalOf(host.netns.createMacvlan({ parent: 987_654 }));
    expect(byIndex).toMatchObject({ code: 'ENODEV', operation: 'createMacvlan' });
    expect(byIndex.hint).toContain('987654');
    expect(byIndex.hint).toContain('parent');
    for (const error of [byName, byIndex]) {
      expect(error.hint).toContain(String(host.name));
      expect(error.part).toBe('parent');
    }
  });
});

test('ENOENT, because there is no such namespace, which is named', async () => {
  const { host, parent } = await setUp();
  const netns = bed.uniqueName('no');
  const error = await refusalOf(host.netns.createMacvlan({ parent, name: 'm0', netns }));
  expect(error).toMatchObject({ code: 'ENOENT', target: 'm0', part: 'netns' });
  expect(error.hint).toContain(netns);
  const peer = { netns };
  const other = await refusalOf(host.netns.createLink({ kind: 'veth', peer }));
  expect(other).toMatchObject({ code: 'ENOENT', part: 'peer.netns' });
});

test('ENODEV, because a route is by a link that is not there: the part says which', async () => {
  const { host } = await setUp();
  const to = '10.9.0.0/16';
  const ways = { to, nextHops: [{ via: '10.1.0.1' }, { link: 'gone' }] };
  for (const operation of ['addRoute', 'replaceRoute', 'removeRoute'] as const) {
    const ask = (route: RouteOptions) => refusalOf(host.netns[operation](route));
    expect(await ask({ to, link: 'gone' })).toMatchObject({ code: 'ENODEV', part: 'link' });
    expect(await ask(ways)).toMatchObject({ code: 'ENODEV', part: 'nextHops[1].link' });
  }
});

test('ENETUNREACH, because the link is down', async () => {
  const { host, parent } = await setUp();
  const options = { parent, name: 'm0', addresses: ['10.1.0.1/24'] };
  const routes = [{ to: 'default', via: '10.1.0.254' }];
  const error = await refusalOf(host.netns.createMacvlan({ ...options, routes }));
  expect(error).toMatchObject({ code: 'ENETUNREACH', part: 'routes[0]' });
  expect(error.hint).toContain('is down');
  const { index } = await host.netns.createMacvlan({ ...options, routes, up: true });
  const off = { to: '10.9.0.0/16', via: '192.0.2.1' };
  for (const route of [off, { ...off, link: index }]) {
    const { hint } = await refusalOf(host.netns.addRoute(route));
    expect(hint).toContain('has the gateway 192.0.2.1 in its prefix');
  }
});

describe('EEXIST', () => {
  test('because the name is taken, and the link that has it is named by its index', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const here = await host.netns.createMacvlan({ parent, name: 'm0' });
    const there = await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
    const first = await refusalOf(host.netns.createMacvlan({ parent, name: 'm0' }));
    expect(first).toMatchObject({ code: 'EEXIST', errno: -17, target: 'm0' });
    expect(first.hint).toContain(`'${host.name}'`);
    expect(first.hint).toContain(`index ${here.index}`);
    const options = { parent, name: 'm0', netns: inside.netns };
    const second = await refusalOf(host.netns.createMacvlan(options));
    expect(second.hint).toContain(`'${inside.name}'`);
    expect(second.hint).toContain(`index ${there.index}`);
  });

  test('because both ends of a pair are to have one name', async () => {
    const { host } = await setUp();
    const pair = { kind: 'veth', name: 'v0', peer: { name: 'v0' } } as const;
    const error = await refusalOf(host.netns.createLink(pair));
    expect(error).toMatchObject({ code: 'EEXIST' });
    expect(error.hint).toContain("Both ends are to be named 'v0'");
  });

  test('because the index is taken, and the link that has it is named', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', index: 4711 });
    const error = await refusalOf(host.netns.createMacvlan({ parent, name: 'm1', index: 4711 }));
    expect(error).toMatchObject({ code: 'EEXIST', target: 'm1' });
    expect(error.hint).toContain('4711');
    expect(error.hint).toContain(`'m0'`);
  });

  test('because an alternative name is taken, and the link that has it is named', async () => {
    const { host, parent } = await setUp();
    const holder = await host.netns.createMacvlan({ parent, name: 'm0', altNames: ['alt'] });
    const options = { parent, name: 'm1', altNames: ['fine', 'alt'] };
    const created = await refusalOf(host.netns.createMacvlan(options));
    expect(created).toMatchObject({ code: 'EEXIST', part: 'altNames' });
    const changed = await refusalOf(host.netns.setLink(parent, { addAltNames: ['alt'] }));
    expect(changed).toMatchObject({ code: 'EEXIST', operation: 'setLink' });
    for (const { hint } of [created, changed]) {
      expect(hint).toContain(`'alt'`);
      expect(hint).toContain(`'m0' (index ${holder.index})`);
    }
  });
});

describe('an error', () => {
  test('contains the kernel’s own message', async () => {
    const { host, parent } = await setUp();
    const error = await refusalOf(host.netns.setLink(parent, { mtu: 20 }));
    expect(error).toMatchObject({ code: 'EINVAL', kernelMessage: 'mtu less than device minimum' });
    expect(error.message).toContain('mtu less than device minimum');
  });

  test('tells in which namespace the operation was called', async () => {
    const { host, parent } = await setUp();
    const own = host.netns.setLink(parent, { mtu: 20 });
    expect((await refusalOf(own)).netns).toBe(host.name);
    const many = host.netns.deleteLinks(['nobody']).catch(({ errors: [first] }) => first);
    expect(await many).toMatchObject({ code: 'ENODEV', netns: host.name });
    const unnamed = await Netns.create();
    const { netns } = await refusalOf(unnamed.listAddresses({ link: 'nobody' }));
    expect(netns).toBe(`net:[${unnamed.inode}]`);
    await unnamed.close();
    const closed = await refusalOf(unnamed.listLinks());
    expect(closed).toMatchObject({ code: 'ERR_NETNS_CLOSED', netns });
    expect(await refusalOf(Netns.open('nobody'))).not.toHaveProperty('netns');
  });

  test('of a listing tells of which link', async () => {
    const { host } = await setUp();
    for (const list of ['listAddresses', 'listRoutes', 'listNeighbours'] as const) {
      const error = await refusalOf(host.netns[list]({ link: 'nobody' }));
      expect(error).toMatchObject({ code: 'ENODEV', operation: list, target: 'nobody' });
    }
  });

  // Nobody has this index.
  const nobody = 4242;
  const address = '198.51.100.1';
  const refused: Readonly<Record<string, (netns: Netns) => Promise<unknown>>> = {
    createMacvlan: (netns) => netns.createMacvlan({ parent: nobody }),
    createMacvtap: (netns) => netns.createMacvtap({ parent: nobody }),
    createLink: (netns) => netns.createLink({ kind: 'macvlan', parent: nobody }),
    getLink: (netns) => netns.getLink(nobody),
    'getLink by its name': (netns) => netns.getLink('nobody'),
    listLinks: (netns) => netns.listLinks({ parent: nobody }),
    findChildren: (netns) => netns.findChildren(nobody),
    setLink: (netns) => netns.setLink(nobody, { mtu: 1400 }),
    setPromiscuous: (netns) => netns.setPromiscuous(nobody, true),
    setMacvlan: (netns) => netns.setMacvlan(nobody, { mode: 'bridge' }),
    addSources: (netns) => netns.addSources(nobody, [MAC]),
    removeSources: (netns) => netns.removeSources(nobody, [MAC]),
    moveLink: (netns) => netns.moveLink(nobody, { pid: process.pid }),
    deleteLink: (netns) => netns.deleteLink(nobody),
    addAddress: (netns) => netns.addAddress(nobody, `${address}/24`),
    replaceAddress: (netns) => netns.replaceAddress(nobody, `${address}/24`),
    removeAddress: (netns) => netns.removeAddress(nobody, `${address}/24`),
    listAddresses: (netns) => netns.listAddresses({ link: nobody }),
    settleAddresses: (netns) => netns.settleAddresses(nobody),
    addRoute: (netns) => netns.addRoute({ to: 'default', link: nobody }),
    replaceRoute: (netns) => netns.replaceRoute({ to: 'default', link: nobody }),
    removeRoute: (netns) => netns.removeRoute({ to: 'default', link: nobody }),
    listRoutes: (netns) => netns.listRoutes({ link: nobody }),
    removeRule: (netns) => netns.removeRule({ priority: 4242 }),
    addNeighbour: (netns) => netns.addNeighbour(nobody, { address, mac: MAC }),
    replaceNeighbour: (netns) => netns.replaceNeighbour(nobody, { address, mac: MAC }),
    removeNeighbour: (netns) => netns.removeNeighbour(nobody, address),
    listNeighbours: (netns) => netns.listNeighbours({ link: nobody }),
    openTap: (netns) => netns.openTap(nobody),
    getSysctl: (netns) => netns.getSysctl('net.nothing'),
    setSysctl: (netns) => netns.setSysctl('net.nothing', 1),
    getNetnsid: (netns) => netns.getNetnsid('nobody'),
    'Netns.create': (netns) => Netns.create(netns.name as string),
    'Netns.open': () => Netns.open('nobody'),
    'Netns.attach': () => Netns.attach('nobody', 'nobody'),
    'Netns.identify': () => Netns.identify('nobody'),
    'Netns.remove': () => Netns.remove('nobody'),
  };

  test.each(Object.entries(refused))(
    'of %s shows the caller’s line in its stack',
    async (name, call) => {
      const { host } = await setUp();
      const error = await refusalOf(call(host.netns));
      const [first, second] = (error.stack ?? '').split('\n');
      expect(first).toContain(`NetlinkError: ${name.split(' ')[0]}`);
      // The caller itself, not whoever awaits the promise.
      expect(second).toMatch(/^ {4}at (?!async ).*errors\.test\.ts:\d+/);
    },
  );

  test('shows it also where the options’ own code makes calls', async () => {
    const { host } = await setUp();
    const others: Promise<unknown>[] = [];
    const options = {
      get signal() {
        for (let call = 0; call < 40; call++) others.push(host.netns.getLink('lo'));
        return undefined;
      },
    };
    const error = await refusalOf(host.netns.getLink('nobody', options));
    await Promise.all(others);
    expect(error.stack?.split('\n')[1]).toMatch(/^ {4}at (?!async ).*errors\.test\.ts:\d+/);
  });

  test('is known by isNetlinkError, by its code too', async () => {
    const { host } = await setUp();
    const error: unknown = await refusalOf(host.netns.getLink('nobody'));
    expect(isNetlinkError(error)).toBe(true);
    expect(isNetlinkError(error, 'ENODEV')).toBe(true);
    expect(isNetlinkError(error, 'EEXIST')).toBe(false);
  });

  test('of a closed handle is ERR_NETNS_CLOSED, for every operation', async () => {
    const { host, parent } = await setUp();
    await host.netns.close();
    const calls = [
      () => host.netns.createMacvlan({ parent }),
      () => host.netns.createLink({ kind: 'veth' }),
      () => host.netns.getLink(parent),
      () => host.netns.listLinks(),
      () => host.netns.setLink(parent, { mtu: 1400 }),
      () => host.netns.setPromiscuous(parent, true),
      () => host.netns.deleteLink(parent),
      () => host.netns.deleteLinks([parent]),
      () => host.netns.deleteLinks([]),
    ];
    for (const call of calls) {
      expect(await refusalOf(call())).toMatchObject({ code: 'ERR_NETNS_CLOSED' });
    }
    expect((await host.link(parent)).mtu).toBe(1500);
  });
});
