/** Links made directly in another namespace, and links of the same name in two namespaces. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { type Link, Netns, type NetnsRef } from '../../lib/index.js';
import { isBefore, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const WRONG_LOOKUP =
  'Linux before 6.15 looks the index of a new link up in the namespace of the socket';
/** The same index for two links in different namespaces, if the kernel can do that. */
const SAME_INDEX = isBefore(6, 15) ? {} : { index: 4711 };

const setUp = () => bed.makeHostAndInside();

describe('a link made in another namespace', () => {
  test.each(['macvlan', 'macvtap'] as const)('is a complete %s there', async (kind) => {
    const { host, inside, parent } = await setUp();
    const link = await host.netns.createLink({
      kind,
      parent,
      netns: inside.netns,
      name: 'eth0',
      mode: 'bridge',
      mac: '02:00:5e:00:00:07',
      up: true,
      promiscuous: true,
      group: 12,
      alias: 'an alias',
      altNames: ['another-name'],
      addrGenMode: 'none',
      addresses: ['52.1.1.151/24', 'fd00::1/64'],
      routes: [
        { to: 'default', via: '52.1.1.1' },
        { to: 'default', via: 'fd00::ff' },
      ],
    });
    const { ifindex } = await host.link(parent);
    const seen = await inside.link('eth0');
    expect(seen).toMatchObject({
      ifindex: link.index,
      link_index: ifindex,
      address: '02:00:5e:00:00:07',
      group: '12',
      ifalias: 'an alias',
      altnames: ['another-name'],
      linkinfo: { info_kind: kind, info_data: { mode: 'bridge' } },
    });
    expect(seen.flags).toEqual(expect.arrayContaining(['UP', 'PROMISC']));
    expect(await inside.addresses('eth0')).toEqual(['52.1.1.151/24', 'fd00::1/64']);
    expect(await inside.ip('route', 'show', 'default')).toMatch(/via 52\.1\.1\.1 dev eth0/);
    expect(await inside.ip('-6', 'route', 'show', 'default')).toMatch(/via fd00::ff dev eth0/);
    expect(link).toMatchObject({ name: 'eth0', netns: inside.netns.inode, up: true });
    expect(link.parent).toEqual({ index: ifindex, netnsid: seen.link_netnsid });
    expect(await host.names()).not.toContain('eth0');
  });

  test('finds its namespace by a Netns, a name, a path, a descriptor or a process', async () => {
    const { host, inside, parent } = await setUp();
    const sleeper = await bed.background(inside, 'sh', '-c', 'echo ready; exec cat');
    const refs = [
      inside.netns,
      `${inside.name}`,
      `/run/netns/${inside.name}`,
      { fd: inside.netns.fd },
      { pid: sleeper.pid },
    ];
    for (const [at, netns] of refs.entries()) {
      const link = await host.netns.createMacvlan({ parent, name: `m${at}`, netns });
      expect(link.netns).toBe(inside.netns.inode);
      expect((await inside.link(`m${at}`)).ifindex).toBe(link.index);
    }
    expect((await inside.names()).sort()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
  });

  test('leaves nothing open of its namespace, however that was named, also when it is refused', async () => {
    const { host, inside, parent } = await setUp();
    const sleeper = await bed.background(inside, 'sh', '-c', 'echo ready; exec cat');
    const { inode, fd } = inside.netns;
    const held = () =>
      readdirSync('/proc/self/fd').filter((one) => {
        const path = `/proc/self/fd/${one}`;
        return existsSync(path) && statSync(path).ino === inode;
      }).length;
    const before = held();
    const refs = [`${inside.name}`, `/run/netns/${inside.name}`, { fd }, { pid: sleeper.pid }];
    const make = (netns: NetnsRef, name: string) =>
      host.netns.createMacvlan({ parent, name, netns });
    for (const [at, netns] of refs.entries()) {
      await make(netns, `m${at}`);
      await refusalOf(make(netns, `m${at}`));
    }
    await Promise.all(refs.map((netns, at) => make(netns, `n${at}`)));
    await vi.waitFor(() => expect(held()).toBe(before));
  });

  test('has the options as they were at the call, also those in lists and objects', async () => {
    const { host, inside, parent } = await setUp();
    const address = { address: '10.5.0.1/24' };
    const route = { to: '10.6.0.0/16' };
    const altNames = ['as-it-was'];
    const sources = ['02:00:00:00:00:01'];
    const made = host.netns.createMacvlan({
      parent,
      netns: `${inside.name}`,
      name: 'm0',
      mode: 'source',
      up: true,
      altNames,
      sources,
      addresses: [address],
      routes: [route],
    });
    address.address = '10.5.0.2/24';
    route.to = '10.7.0.0/16';
    altNames[0] = 'as-it-is';
    sources[0] = '02:00:00:00:00:02';
    const link = await made;
    expect(link.macvlan.sources).toEqual(['02:00:00:00:00:01']);
    expect(link.altNames).toEqual(['as-it-was']);
    expect(await inside.addresses('m0')).toContain('10.5.0.1/24');
    expect(await inside.ip('route', 'show', 'dev', 'm0')).toContain('10.6.0.0/16');
  });

  test('keeps its namespace open until it is there, whatever has to be looked up first', async () => {
    const { host, inside, parent } = await setUp();
    const netns = await Netns.open(inside.netns);
    const made = host.netns.createMacvlan({ parent, name: 'm0', netns });
    await netns.close();
    expect((await inside.link('m0')).ifindex).toBe((await made).index);
  });

  test('keeps its namespace open although a call is refused that opened it together with this one', async () => {
    const { host, inside, parent } = await setUp();
    const netns = inside.name as string;
    const { signal } = new AbortController();
    const elsewhere = { index: 1, netns: host.netns.inode };
    const refused = refusalOf(
      host.netns.createMacvlan({ parent, netns, master: elsewhere as Link }),
    );
    const made = host.netns.createMacvlan({ parent, netns, name: 'm0', signal });
    expect(await refused).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await made).toMatchObject({ name: 'm0' });
    expect(await inside.names()).toEqual(['m0']);
  });

  test('is refused in the words of the call when other calls use another name of the namespace', async () => {
    const { host, inside } = await setUp();
    const other = bed.uniqueName('other');
    await inside.netns.createLink({ kind: 'bridge', name: 'br0' });
    execFileSync('touch', [`/run/netns/${other}`]);
    execFileSync('mount', ['--bind', `/run/netns/${inside.name}`, `/run/netns/${other}`]);
    try {
      const hints = [`${inside.name}`, other].map(async (netns) => {
        const refused = refusalOf(host.netns.createLink({ kind: 'bridge', name: 'br0', netns }));
        expect((await refused).hint).toContain(`namespace '${netns}'`);
      });
      await Promise.all(hints);
    } finally {
      await Netns.remove(other);
    }
  });

  test('may have the index that a link has here, the parent’s included', async ({ skip }) => {
    skip(isBefore(6, 15), WRONG_LOOKUP);
    const { host, inside, parent } = await setUp();
    const { ifindex } = await host.link(parent);
    const options = { parent, name: 'm0', netns: inside.netns, index: ifindex };
    const link = await host.netns.createMacvlan(options);
    const seen = await inside.link('m0');
    expect(seen).toMatchObject({ ifindex, link_index: ifindex });
    expect(link).toMatchObject({ index: ifindex });
    expect(link.parent).toEqual({ index: ifindex, netnsid: seen.link_netnsid });
  });

  test('without a name gets a number that is free there', async () => {
    const { host, inside, parent } = await setUp();
    await host.netns.createMacvlan({ parent });
    const link = await host.netns.createMacvlan({ parent, netns: inside.netns });
    expect(link.name).toBe('macvlan0');
    expect(await inside.names()).toEqual(['macvlan0']);
  });

  test('takes its master from there', async () => {
    const { host, inside, parent } = await setUp();
    await inside.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns, master: 'br0' });
    const { ifindex } = await inside.link('br0');
    const seen = await inside.link('m0');
    expect(seen.master).toBe('br0');
    expect((await inside.netns.getLink('m0')).master).toBe(ifindex);
  });

  test('is removed with its namespace, and its MAC is free at once if it was deleted before', async () => {
    const { host, inside, parent } = await setUp();
    const options = { parent, name: 'm0', mac: '02:00:5e:00:00:07', up: true } as const;
    const link = await host.netns.createMacvlan({ ...options, netns: inside.netns });
    await inside.netns.deleteLink(link);
    await host.netns.createMacvlan(options);
    expect((await host.link('m0')).address).toBe('02:00:5e:00:00:07');
  });
});

describe('a link here with the name of one that is made in another namespace', () => {
  // Kernels before 6.15 look the name up here if no index is given (net/core/rtnetlink.c,
  // __rtnl_newlink).
  test('does not prevent that, and is not touched', async () => {
    const { host, inside, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'eth0', alias: 'the namesake', index: 4711 });
    const before = await host.link('eth0');
    const link = await host.netns.createMacvlan({
      parent,
      name: 'eth0',
      netns: inside.netns,
      up: true,
      addresses: ['10.1.1.1/24'],
    });
    expect(await inside.link('eth0')).toMatchObject({ ifindex: link.index });
    expect((await inside.link('eth0')).flags).toContain('UP');
    expect(await inside.addresses('eth0')).toEqual(['10.1.1.1/24']);
    expect(await inside.names()).toEqual(['eth0']);
    expect(await host.link('eth0')).toEqual(before);
  });

  test('does not prevent that if it has the index, too', async ({ skip }) => {
    skip(isBefore(6, 15), WRONG_LOOKUP);
    const { host, inside, parent } = await setUp();
    const options = { parent, name: 'eth0', index: 4711 };
    await host.netns.createMacvlan({ ...options, alias: 'the namesake' });
    const before = await host.link('eth0');
    await host.netns.createMacvlan({ ...options, netns: inside.netns });
    expect((await inside.link('eth0')).ifindex).toBe(4711);
    expect(await host.link('eth0')).toEqual(before);
  });

  test('survives when the other one’s creation fails', async () => {
    const { host, inside, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'eth0', ...SAME_INDEX });
    const before = await host.snapshot();
    const addresses = ['10.1.1.1/24', '10.1.1.1/24'];
    const options = { parent, name: 'eth0', ...SAME_INDEX, netns: inside.netns, addresses };
    const error = await refusalOf(host.netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'EEXIST', part: 'addresses[1]' });
    expect(await host.snapshot()).toEqual(before);
    expect(await inside.names()).toEqual([]);
  });

  test('survives when the other one is deleted', async () => {
    const { host, inside, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'eth0', ...SAME_INDEX });
    const before = await host.snapshot();
    const options = { parent, name: 'eth0', ...SAME_INDEX, netns: inside.netns };
    const link = await host.netns.createMacvlan(options);
    // A deletion here would delete the link of the same name.
    const error = await refusalOf(host.netns.deleteLink(link));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(await host.snapshot()).toEqual(before);
    await inside.netns.deleteLink(link);
    expect(await inside.names()).toEqual([]);
    expect(await host.snapshot()).toEqual(before);
  });
});

describe('a Link', () => {
  test('still means its link after that was renamed and another one got its name', async () => {
    const { host, parent } = await setUp();
    const link = await host.netns.createMacvlan({ parent, name: 'm0' });
    await host.ip('link', 'set', 'm0', 'name', 'renamed');
    await host.ip('link', 'add', 'm0', 'type', 'bridge');
    expect((await host.netns.getLink(link)).name).toBe('renamed');
    await host.netns.setLink(link, { alias: 'still this one' });
    expect((await host.link('renamed')).ifalias).toBe('still this one');
    await host.netns.deleteLink(link);
    const names = await host.names();
    expect(names).toContain('m0');
    expect(names).not.toContain('renamed');
  });

  const operations: [string, (netns: Netns, link: Link, own: string) => Promise<unknown>][] = [
    ['getLink', (netns, link) => netns.getLink(link)],
    ['setLink', (netns, link) => netns.setLink(link, { alias: 'x' })],
    ['setLink, as the master', (netns, link, own) => netns.setLink(own, { master: link })],
    ['setPromiscuous', (netns, link) => netns.setPromiscuous(link, true)],
    ['setMacvlan', (netns, link) => netns.setMacvlan(link, { mode: 'bridge' })],
    ['addSources', (netns, link) => netns.addSources(link, ['02:00:00:00:00:01'])],
    ['removeSources', (netns, link) => netns.removeSources(link, ['02:00:00:00:00:01'])],
    ['moveLink', (netns, link) => netns.moveLink(link, netns)],
    ['deleteLink', (netns, link) => netns.deleteLink(link)],
    ['deleteLinks', (netns, link) => netns.deleteLinks([link])],
    ['createMacvlan, as the parent', (netns, link) => netns.createMacvlan({ parent: link })],
    ['createMacvtap, as the parent', (netns, link) => netns.createMacvtap({ parent: link })],
    [
      'createLink, as the master',
      (netns, link) => netns.createLink({ kind: 'veth', master: link }),
    ],
    [
      'createLink, as the peer’s master',
      (netns, link) => netns.createLink({ kind: 'veth', peer: { master: link } }),
    ],
    [
      'createMacvlan, as a route’s link',
      (netns, link, own) => netns.createMacvlan({ parent: own, routes: [{ to: 'default', link }] }),
    ],
    ['listLinks, as the parent', (netns, link) => netns.listLinks({ parent: link })],
    ['listLinks, as the master', (netns, link) => netns.listLinks({ master: link })],
    ['addAddress', (netns, link) => netns.addAddress(link, '10.1.1.1/24')],
    ['replaceAddress', (netns, link) => netns.replaceAddress(link, '10.1.1.1/24')],
    ['removeAddress', (netns, link) => netns.removeAddress(link, '10.1.1.1/24')],
    ['listAddresses', (netns, link) => netns.listAddresses({ link })],
    ['addRoute', (netns, link) => netns.addRoute({ to: '10.9.0.0/16', link })],
    ['removeRoute', (netns, link) => netns.removeRoute({ to: '10.9.0.0/16', link })],
    ['listRoutes', (netns, link) => netns.listRoutes({ link })],
  ];
  test.each(operations)('of another namespace is refused by %s', async (_, operate) => {
    const { host, inside, parent } = await setUp();
    // Here is another link with the same index, name and kind.
    const options = { parent, name: 'm0', mode: 'source', ...SAME_INDEX } as const;
    await host.netns.createMacvlan({ ...options, up: true });
    const link = await host.netns.createMacvlan({ ...options, netns: inside.netns });
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(operate(host.netns, link, parent));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(`net:[${inside.netns.inode}]`);
    expect(error.stack).toContain('create-elsewhere.test.ts');
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  const beside: [string, (netns: Netns, link: Link) => Promise<unknown>][] = [
    ['setLink', (netns, link) => netns.setLink('no-such', { master: link })],
    ['listLinks', (netns, link) => netns.listLinks({ parent: 'no-such', master: link })],
    ['createMacvlan', (netns, link) => netns.createMacvlan({ parent: 'no-such', master: link })],
    [
      'createMacvlan, as a route’s link',
      (netns, link) =>
        netns.createMacvlan({ parent: 'no-such', routes: [{ to: 'default', link }] }),
    ],
    [
      'createLink, as the peer’s master',
      (netns, link) =>
        netns.createLink({ kind: 'veth', master: 'no-such', peer: { master: link } }),
    ],
  ];
  test.each(beside)(
    'of another namespace is refused by %s before a name beside it is looked up',
    async (_, operate) => {
      const { host, inside, parent } = await setUp();
      const link = await host.netns.createMacvlan({ parent, netns: inside.netns });
      expect(await refusalOf(operate(host.netns, link))).toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
      });
    },
  );
});
