/** createMacvlan and createMacvtap: every mode, and every option as `ip -d link` shows it. */
import { describe, expect, test } from 'vitest';
import { createMacvlan, createMacvtap, type MacvlanMode } from '../../lib/index.js';
import { isBefore, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const KINDS = ['macvlan', 'macvtap'] as const;
const MODES: readonly MacvlanMode[] = ['private', 'vepa', 'bridge', 'passthru', 'source'];
const create = { macvlan: 'createMacvlan', macvtap: 'createMacvtap' } as const;

const setUp = () => bed.makeHost();

describe.each(KINDS)('a new %s', (kind) => {
  test.each(MODES)('is in the requested mode %s', async (mode) => {
    const { host, parent } = await setUp();
    const link = await host.netns[create[kind]]({ parent, name: 'm0', mode });
    const seen = await host.link('m0');
    expect(seen).toMatchObject({
      link: parent,
      ifindex: link.index,
      linkinfo: { info_kind: kind },
    });
    expect(seen.linkinfo?.info_data?.mode).toBe(mode);
    expect(link).toMatchObject({ kind, name: 'm0', macvlan: { mode }, netns: host.netns.inode });
    expect(link.parent).toEqual({ index: (await host.link(parent)).ifindex, netnsid: null });
  });

  test.each(MODES)('is returned as it can be read afterwards, in mode %s', async (mode) => {
    const { host, parent } = await setUp();
    const link = await host.netns[create[kind]]({ parent, mode, mtu: 1300, promiscuous: true });
    expect(link).toEqual(await host.netns.getLink(link.index));
  });

  test('is returned with the state and the carrier that it has once it is up', async ({ skip }) => {
    skip(isBefore(6, 8), 'Linux before 6.8 settles these some time after a link has come up');
    const { host, parent } = await setUp();
    const link = await host.netns[create[kind]]({ parent, name: 'm0', up: true });
    const { operstate, flags } = await host.link('m0');
    expect(operstate).toBe('UP');
    expect(flags).toContain('LOWER_UP');
    expect(link).toMatchObject({ operState: 'up', running: true, carrier: true });
  });

  test('is read when the kernel had no room for its echo', async () => {
    const { host, parent } = await setUp();
    const exchange = host.netns.exchange.bind(host.netns);
    host.netns.exchange = async (steps, ...rest) => {
      const results = await exchange(steps, ...rest);
      return steps[0]?.operation === 'createEchoedLink' ? [undefined] : results;
    };
    const link = await host.netns[create[kind]]({ parent, name: 'm0' });
    expect(link).toMatchObject({ name: 'm0', kind, index: (await host.link('m0')).ifindex });
  });

  test('is in mode vepa without the option, which is the kernel’s default', async () => {
    const { host, parent } = await setUp();
    const link = await host.netns[create[kind]]({ parent, name: 'm0' });
    expect((await host.macvlan('m0')).mode).toBe('vepa');
    expect(link.macvlan.mode).toBe('vepa');
  });

  test('has every option that all modes take, all set at once', async ({ skip }) => {
    skip(isBefore(5, 11), 'this kernel does not know IFLA_MACVLAN_BC_QUEUE_LEN (Linux 5.11)');
    const { host, parent } = await setUp();
    const mac = '02:00:5e:10:00:01';
    const link = await host.netns[create[kind]]({
      parent,
      name: 'm0',
      mode: 'bridge',
      index: 4711,
      mac,
      mtu: 1400,
      txQueueLen: 321,
      numTxQueues: 3,
      numRxQueues: 2,
      group: 77,
      alias: 'the alias, with ünicode',
      altNames: ['m0-alternative', 'a-name-longer-than-fifteen-bytes'],
      up: true,
      promiscuous: true,
      allMulticast: true,
      bcQueueLen: 55,
      addrGenMode: 'none',
      addresses: ['52.1.1.151/24', { address: 'fd00::1', prefixLength: 64, flags: ['nodad'] }],
      routes: [{ to: 'default', via: '52.1.1.1' }, { to: '10.9.0.0/16' }],
    });
    const seen = await host.link('m0');
    expect(seen).toMatchObject({
      ifindex: 4711,
      link: parent,
      address: mac,
      mtu: 1400,
      txqlen: 321,
      num_tx_queues: 3,
      num_rx_queues: 2,
      group: '77',
      ifalias: 'the alias, with ünicode',
      inet6_addr_gen_mode: 'none',
      linkinfo: { info_data: { mode: 'bridge', bcqueuelen: 55, usedbcqueuelen: 55 } },
    });
    expect(seen.flags).toEqual(expect.arrayContaining(['UP', 'PROMISC', 'ALLMULTI']));
    expect(seen.altnames).toEqual(['m0-alternative', 'a-name-longer-than-fifteen-bytes']);
    expect(await host.addresses('m0')).toEqual(['52.1.1.151/24', 'fd00::1/64']);
    expect(await host.ip('route', 'show', 'default')).toMatch(/^default via 52\.1\.1\.1 dev m0 /);
    expect(await host.ip('route', 'show', '10.9.0.0/16')).toMatch(/^10\.9\.0\.0\/16 dev m0 /);
    // What is given back is the same link, finished.
    expect(link).toMatchObject({
      index: 4711,
      name: 'm0',
      mac,
      mtu: 1400,
      up: true,
      promiscuous: true,
      allMulticast: true,
      txQueueLen: 321,
      numTxQueues: 3,
      numRxQueues: 2,
      group: 77,
      alias: 'the alias, with ünicode',
      altNames: ['m0-alternative', 'a-name-longer-than-fifteen-bytes'],
      addrGenMode: 'none',
      macvlan: { mode: 'bridge', bcQueueLen: 55, bcQueueLenUsed: 55 },
    });
  });

  test('stays down with a way of its own to make IPv6 addresses', async () => {
    const { host, parent } = await setUp();
    await host.netns[create[kind]]({ parent, name: 'm0', addrGenMode: 'none' });
    const { flags, inet6_addr_gen_mode } = await host.link('m0');
    expect(inet6_addr_gen_mode).toBe('none');
    expect(flags).not.toContain('UP');
  });

  test.each([{ addrGenMode: 'none' }, { ipv4: { arpNotify: true } }] as const)(
    'has the prefix route of an IPv6 address with a lifetime, with %o',
    async (more) => {
      const { host, parent } = await setUp();
      const address = { address: 'fd00::5/64', validLifetime: 3600, flags: ['nodad'] } as const;
      const routes = [{ to: 'fd77::/64', via: 'fd00::1' }];
      const options = { parent, name: 'm0', up: true, addresses: [address], routes, ...more };
      await host.netns[create[kind]](options);
      const shown = await host.ip('-6', 'route', 'show', 'dev', 'm0');
      expect(shown).toMatch(/^fd00::\/64 proto kernel /m);
      expect(shown).toMatch(/^fd77::\/64 via fd00::1 /m);
    },
  );

  test('has the cutoff of its broadcast queue', async ({ skip }) => {
    skip(isBefore(6, 4), 'this kernel does not know IFLA_MACVLAN_BC_CUTOFF (Linux 6.4)');
    const { host, parent } = await setUp();
    const link = await host.netns[create[kind]]({ parent, name: 'm0', bcCutoff: 7 });
    expect(await host.cutoff('m0')).toBe('7');
    expect(link.macvlan.bcCutoff).toBe(7);
  });

  test('has the source MACs and the flag nodst of mode source', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel does not know MACVLAN_FLAG_NODST (Linux 5.13)');
    const { host, parent } = await setUp();
    const sources = ['02:00:00:00:00:0a', '02-00-00-00-00-0B'];
    const link = await host.netns[create[kind]]({
      parent,
      name: 'm0',
      mode: 'source',
      sources,
      nodst: true,
    });
    const seen = await host.macvlan('m0');
    expect(seen).toMatchObject({ mode: 'source', nodst: true, macaddr_count: 2 });
    expect(new Set(seen.macaddr_data)).toEqual(new Set(['02:00:00:00:00:0a', '02:00:00:00:00:0b']));
    expect(link.macvlan).toMatchObject({ nodst: true, nopromisc: false });
    expect(new Set(link.macvlan.sources)).toEqual(new Set(seen.macaddr_data));
  });

  test('takes an empty source list, and a nodst that is false, for none', async () => {
    const { host, parent } = await setUp();
    const options = { parent, name: 'm0', mode: 'source', sources: [], nodst: false } as const;
    const link = await host.netns[create[kind]](options);
    const seen = await host.macvlan('m0');
    expect(seen.macaddr_count ?? 0).toBe(0);
    expect(seen.nodst ?? false).toBe(false);
    expect(link.macvlan).toMatchObject({ mode: 'source', sources: [], nodst: false });
  });

  test('has the flag nopromisc of mode passthru, and leaves the parent’s promiscuity', async () => {
    const { host, parent } = await setUp();
    const before = (await host.link(parent)).promiscuity;
    const options = { parent, name: 'm0', mode: 'passthru', nopromisc: true, up: true } as const;
    const link = await host.netns[create[kind]](options);
    expect((await host.macvlan('m0')).nopromisc).toBe(true);
    expect(link.macvlan.nopromisc).toBe(true);
    expect((await host.link(parent)).promiscuity).toBe(before);
  });

  test('has the options as they were at the call', async () => {
    const { host, parent } = await setUp();
    const options = { parent, name: 'm0', mtu: 1400, altNames: ['first'] };
    const creating = host.netns[create[kind]](options);
    options.altNames[0] = 'second';
    Object.assign(options, { name: 'm1', mtu: 1300 });
    await creating;
    expect(await host.link('m0')).toMatchObject({ mtu: 1400, altnames: ['first'] });
  });

  test('is named after its kind, with a number, when it is given no name', async () => {
    const { host, parent } = await setUp();
    const first = await host.netns[create[kind]]({ parent });
    const second = await host.netns[create[kind]]({ parent });
    expect([first.name, second.name]).toEqual([`${kind}0`, `${kind}1`]);
    const names = await host.names();
    expect(names).toEqual(expect.arrayContaining([`${kind}0`, `${kind}1`]));
  });

  test('is down, not promiscuous and in no group by default', async () => {
    const { host, parent } = await setUp();
    await host.netns[create[kind]]({ parent, name: 'm0' });
    const seen = await host.link('m0');
    expect(seen.flags).toEqual(['BROADCAST', 'MULTICAST']);
    expect(seen).toMatchObject({ mtu: 1500, group: 'default', promiscuity: 0 });
    expect(seen).not.toHaveProperty('ifalias');
    expect(seen).not.toHaveProperty('altnames');
  });
});

describe('the parent of a new macvlan', () => {
  test('can be given by its name, an alternative name, its index or a Link', async () => {
    const { host, parent } = await setUp();
    await host.ip(
      'link',
      'property',
      'add',
      'dev',
      parent,
      'altname',
      'the-physical-ethernet-device',
    );
    const { index } = await host.netns.getLink(parent);
    const link = await host.netns.getLink(index);
    for (const [at, ref] of [parent, 'the-physical-ethernet-device', index, link].entries()) {
      await host.netns.createMacvlan({ parent: ref, name: `m${at}` });
      expect((await host.link(`m${at}`)).link).toBe(parent);
    }
  });

  test('is the device below, when a macvlan is named (macvlan_common_newlink)', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'bridge' });
    const link = await host.netns.createMacvlan({ parent: 'm0', name: 'm1', mode: 'bridge' });
    const { ifindex } = await host.link(parent);
    expect((await host.link('m1')).link).toBe(parent);
    expect(link.parent).toEqual({ index: ifindex, netnsid: null });
    const children = await host.netns.listLinks({ parent, kind: 'macvlan' });
    expect(children.map(({ name }) => name)).toEqual(['m0', 'm1']);
  });

  test('is the device below also when that is in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'bridge', netns: inside.netns });
    const link = await inside.netns.createMacvlan({ parent: 'm0', name: 'm1', mode: 'bridge' });
    const { ifindex } = await host.link(parent);
    const seen = await inside.link('m1');
    expect(seen).toMatchObject({ link_index: ifindex, link_netnsid: expect.any(Number) });
    expect(link.parent).toEqual({ index: ifindex, netnsid: seen.link_netnsid });
  });

  test('may be down: the link can be brought up all the same, and works once the parent is up', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent({ up: false });
    const link = await host.netns.createMacvlan({ parent, name: 'm0', up: true });
    expect(await host.link('m0')).toMatchObject({ operstate: 'LOWERLAYERDOWN' });
    expect(link).toMatchObject({ up: true, lowerUp: false, operState: 'lowerlayerdown' });
    const { netns } = await bed.makeNetns();
    const elsewhere = await host.netns.createMacvlan({ parent, name: 'm1', netns, up: true });
    expect(elsewhere).toMatchObject({ up: true, lowerUp: false });
    // Linux 6.1 says the first; later ones look for the parent in the link's namespace (net/core/link_watch.c).
    expect(['lowerlayerdown', 'down']).toContain(elsewhere.operState);
    const { link: peer = '' } = await host.link(parent);
    await host.netns.setLink(parent, { up: true });
    await host.netns.setLink(peer, { up: true });
    await host.settled('m0');
    expect(await host.netns.getLink('m0')).toMatchObject({ operState: 'up', lowerUp: true });
  });
});

describe('the MAC of a new macvlan', () => {
  test('is a random one, unicast and locally administered, by default', async () => {
    const { host, parent } = await setUp();
    const macs = new Set<string>();
    for (let at = 0; at < 8; at++) {
      const link = await host.netns.createMacvlan({ parent, name: `m${at}` });
      const { address = '' } = await host.link(`m${at}`);
      expect(link.mac).toBe(address);
      expect(Number.parseInt(address.slice(0, 2), 16) & 3).toBe(2);
      macs.add(address);
      // 3: set by user space (NET_ADDR_SET), so that no daemon takes it for one to rewrite.
      expect(await host.read(`/sys/class/net/m${at}/addr_assign_type`)).toBe('3');
    }
    expect(macs.size).toBe(8);
  });

  test('is the parent’s in mode passthru', async () => {
    const { host, parent } = await setUp();
    const link = await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru' });
    const { address } = await host.link(parent);
    expect(link.mac).toBe(address);
    expect((await host.link('m0')).address).toBe(address);
  });

  test('may be written with dashes and in upper case', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mac: '02-00-5E-AA-BB-CC' });
    expect((await host.link('m0')).address).toBe('02:00:5e:aa:bb:cc');
  });
});

describe('the MTU of a new macvlan', () => {
  test('is the parent’s by default', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent({ mtu: 9000 });
    const link = await host.netns.createMacvlan({ parent, name: 'm0' });
    expect((await host.link('m0')).mtu).toBe(9000);
    expect(link.mtu).toBe(9000);
  });

  test('is lowered with the parent’s, but not raised with it', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0' });
    await host.netns.setLink(parent, { mtu: 1300 });
    expect((await host.link('m0')).mtu).toBe(1300);
    await host.netns.setLink(parent, { mtu: 1500 });
    expect((await host.link('m0')).mtu).toBe(1300);
    expect((await host.netns.getLink('m0')).mtu).toBe(1300);
  });
});

describe('the functions of the module', () => {
  test('make links in the process’s own namespace', async () => {
    const host = bed.ownNetns();
    const parent = await host.parent();
    const names = [bed.uniqueName('m'), bed.uniqueName('t')] as const;
    const macvlan = await createMacvlan({ parent, name: names[0] });
    const macvtap = await createMacvtap({ parent, name: names[1] });
    expect((await host.link(names[0])).linkinfo?.info_kind).toBe('macvlan');
    expect((await host.link(names[1])).linkinfo?.info_kind).toBe('macvtap');
    expect(macvlan.netns).toBe(macvtap.netns);
    expect(await host.read(`/sys/class/net/${names[0]}/ifindex`)).toBe(String(macvlan.index));
  });
});
