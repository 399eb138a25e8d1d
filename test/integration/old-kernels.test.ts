/**
 * What older kernels do differently, and what only the root of a machine can try: `npm run test:kernels`
 * runs this on some. Each test that does not apply says why.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { CreateLinkOptions } from '../../lib/index.js';
import { isBefore, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const setUp = () => bed.makeHostAndInside();

describe('a link made in another namespace, where the kernel looks its name up here', () => {
  beforeEach(({ skip }) => {
    skip(
      !isBefore(6, 15),
      'only Linux before 6.15 looks a new link’s name up in the wrong namespace',
    );
  });

  /** With an `eth0` in the host, too, so that this kernel refuses to make an `eth0` in the other namespace. */
  async function withNamesake() {
    const all = await setUp();
    await all.host.ip('link', 'add', 'eth0', 'index', '4711', 'type', 'bridge');
    const elsewhere = ['netns', `${all.inside.name}`, 'type', 'macvlan'];
    const refused = all.host.ip('link', 'add', 'link', all.parent, 'name', 'eth0', ...elsewhere);
    await expect(refused).rejects.toThrow('File exists');
    return all;
  }

  const mac = '02:00:5e:00:00:07';
  const addresses = ['52.1.1.151/24', 'fd00::1/64'];
  const common = { name: 'eth0', mac, up: true, alias: 'an alias', altNames: ['another-name'] };
  const kinds: [string, (parent: string) => CreateLinkOptions, string[]][] = [
    ['macvlan', (parent) => ({ kind: 'macvlan', parent, mode: 'bridge' }), ['eth0']],
    ['macvtap', (parent) => ({ kind: 'macvtap', parent, mode: 'private' }), ['eth0']],
    ['vlan', (parent) => ({ kind: 'vlan', parent, id: 7 }), ['eth0']],
    ['veth', () => ({ kind: 'veth', peer: { name: 'far', up: true } }), ['eth0', 'far']],
    ['bridge', () => ({ kind: 'bridge' }), ['eth0']],
    ['dummy', () => ({ kind: 'dummy' }), ['eth0']],
  ];

  test.each(kinds)('is made completely as a %s', async (kind, options, names) => {
    const { host, inside, parent } = await withNamesake();
    const before = await host.snapshot();
    // A VLAN that is deleted while it is promiscuous leaves its parent promiscuous, also when `ip` makes and deletes
    // it as well (seen on Linux 6.1.192 and 6.12.117).
    const promiscuous = kind !== 'vlan';
    const link = await host.netns.createLink({
      ...options(parent),
      ...common,
      netns: inside.netns,
      promiscuous,
      group: 12,
      addresses,
      routes: [{ to: 'default', via: '52.1.1.1' }],
    } as CreateLinkOptions);
    const seen = await inside.link('eth0');
    expect(seen).toMatchObject({
      ifindex: link.index,
      address: mac,
      group: '12',
      ifalias: 'an alias',
      altnames: ['another-name'],
      linkinfo: { info_kind: kind },
    });
    expect(seen.flags).toContain('UP');
    expect(seen.flags.includes('PROMISC')).toBe(promiscuous);
    expect(link).toMatchObject({ name: 'eth0', kind, up: true, promiscuous });
    expect(await inside.addresses('eth0')).toEqual(addresses);
    expect(await inside.ip('route', 'show', 'default')).toContain('via 52.1.1.1 dev eth0');
    expect((await inside.names()).sort()).toEqual(names);
    await inside.netns.deleteLink(link);
    expect(await host.snapshot()).toEqual(before);
  });

  test('leaves nothing behind when a later part fails', async () => {
    const { host, inside, parent } = await withNamesake();
    const before = await host.snapshot();
    const twice = ['10.1.1.1/24', '10.1.1.1/24'];
    const options = { parent, netns: inside.netns, name: 'eth0', up: true, addresses: twice };
    const error = await refusalOf(host.netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'EEXIST', part: 'addresses[1]' });
    expect(await inside.names()).toEqual([]);
    expect(await host.snapshot()).toEqual(before);
  });

  test('gets another index when the one that the library chose is taken here', async () => {
    const { host, inside, parent } = await withNamesake();
    const before = await host.snapshot();
    const chosen: number[] = [];
    const choose = inside.netns.chooseIndex.bind(inside.netns);
    inside.netns.chooseIndex = () => {
      chosen.push(chosen.length === 0 ? 4711 : choose());
      return chosen.at(-1) as number;
    };
    const options = { parent, netns: inside.netns, name: 'eth0', up: true };
    const { index } = await host.netns.createMacvlan(options);
    expect(chosen).toEqual([4711, index]);
    expect((await inside.link('eth0')).ifindex).toBe(index);
    expect(await inside.names()).toEqual(['eth0']);
    await inside.netns.deleteLink(index);
    expect(await host.snapshot()).toEqual(before);
  });

  test('cannot have the index of a link here, and says why', async () => {
    const { host, inside, parent } = await withNamesake();
    const before = await host.snapshot();
    const options = { parent, netns: inside.netns, index: 4711 };
    for (const name of ['eth0', 'eth1']) {
      const error = await refusalOf(host.netns.createMacvlan({ ...options, name }));
      expect(error).toMatchObject({ code: 'EEXIST', target: name });
      expect(error.hint).toMatch(/4711 .*'eth0'.*6\.15/);
    }
    expect(await inside.names()).toEqual([]);
    expect(await host.snapshot()).toEqual(before);
  });
});

describe('bcCutoff, where the kernel does not know it', () => {
  beforeEach(({ skip }) => {
    skip(!isBefore(6, 4), 'only Linux before 6.4 does not know IFLA_MACVLAN_BC_CUTOFF');
  });
  const refusal = { code: 'EOPNOTSUPP', hint: expect.stringContaining('IFLA_MACVLAN_BC_CUTOFF') };

  test('is refused at creation, and leaves nothing behind', async () => {
    const { host, inside, parent } = await setUp();
    const before = [await host.snapshot(), await inside.snapshot()];
    for (const netns of [host.netns, inside.netns]) {
      const options = { parent, netns, name: 'm0', up: true, bcCutoff: 5 };
      expect(await refusalOf(host.netns.createMacvlan(options))).toMatchObject(refusal);
      expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
    }
  });

  test('is refused for an existing link, which stays as it is', async ({ skip }) => {
    skip(isBefore(5, 11), 'this kernel does not know IFLA_MACVLAN_BC_QUEUE_LEN (Linux 5.11)');
    const { host, parent } = await setUp();
    const link = await host.netns.createMacvlan({ parent, name: 'm0', bcQueueLen: 3000 });
    expect(link.macvlan).toMatchObject({ bcQueueLen: 3000, bcCutoff: null });
    const before = await host.snapshot();
    const error = await refusalOf(host.netns.setMacvlan('m0', { bcCutoff: 5 }));
    expect(error).toMatchObject(refusal);
    expect(await host.snapshot()).toEqual(before);
    expect((await host.netns.checkSupport()).features.bcCutoff).toBe(false);
  });
});

// No kernel for the tests is that old, so the kernel's answers are simulated.
test('bcQueueLen, where the kernel does not know it, is refused and leaves nothing behind', async () => {
  const { host, parent } = await setUp();
  await host.netns.createMacvlan({ parent, name: 'living' });
  const exchange = host.netns.exchange.bind(host.netns);
  host.netns.exchange = async (...asked) =>
    (await exchange(...asked)).map((result) =>
      typeof result === 'object' && result !== null && 'macvlan' in result
        ? { ...result, macvlan: { ...result.macvlan, bcQueueLen: null, bcQueueLenUsed: null } }
        : result,
    ) as Awaited<ReturnType<typeof exchange>>;
  const hint = expect.stringContaining('IFLA_MACVLAN_BC_QUEUE_LEN');
  const refusal = { code: 'EOPNOTSUPP', hint };
  const before = await host.names();
  const making = host.netns.createMacvlan({ parent, name: 'm0', bcQueueLen: 5 });
  expect(await refusalOf(making)).toMatchObject({ ...refusal, operation: 'createMacvlan' });
  expect(await host.names()).toEqual(before);
  const changing = host.netns.setMacvlan('living', { bcQueueLen: 5 });
  expect(await refusalOf(changing)).toMatchObject({ ...refusal, operation: 'setMacvlan' });
});

test.for(['802.1Q', '802.1ad'] as const)('a VLAN of %s is made and read', async (protocol, ctx) => {
  const { host, parent } = await setUp();
  const id = 4094;
  try {
    await host.ip('link', 'add', 'link', parent, 'name', 'probe', 'type', 'vlan', 'id', '1');
  } catch (error) {
    ctx.skip(String(error).includes('Unknown device type'), 'the kernel has no VLANs (8021q)');
    throw error;
  }
  const link = await host.netns.createLink({ kind: 'vlan', parent, name: 'v0', id, protocol });
  expect(link).toMatchObject({ kind: 'vlan', vlan: { id, protocol } });
  const linkinfo = { info_kind: 'vlan', info_data: { id, protocol } };
  expect(await host.link('v0')).toMatchObject({ link: parent, linkinfo });
  const large = { kind: 'vlan', parent, name: 'v1', id: 2, protocol, mtu: 9000 } as const;
  expect(await refusalOf(host.netns.createLink(large))).toMatchObject({
    code: 'EINVAL',
    hint: `The MTU of 9000 is above the parent's: '${parent}' has 1500.`,
  });
  expect(await refusalOf(host.netns.setLink('v0', { mtu: 9000 }))).toMatchObject({
    code: 'ERANGE',
  });
});

const isOwn = process.env.MACVLAN_NETLINK_OWN_KERNEL === '1';

test('a neighbour for which the kernel’s table has no room says so, and a permanent one has room', async ({
  skip,
}) => {
  skip(
    !isOwn,
    'fills a table of all namespaces, so it takes a kernel of its own: npm run test:kernels',
  );
  const { netns } = await bed.makeNetns();
  await netns.createLink({ kind: 'veth', name: 'v0', up: true });
  const mac = '02:00:5e:10:00:09';
  // 1,024 have room, and those of the last five seconds are kept.
  const attempts = Array.from({ length: 1100 }, (_, at) =>
    netns.addNeighbour('v0', { address: `10.1.${at >> 8}.${at & 255}`, mac, state: 'stale' }),
  );
  const refused = await refusalOf(Promise.all(attempts));
  expect(refused).toMatchObject({
    code: 'ENOBUFS',
    hint: expect.stringContaining('gc_thresh3'),
  });
  await Promise.allSettled(attempts);
  await netns.addNeighbour('v0', { address: '10.2.0.1', mac });
});

describe('modules', () => {
  const all = ['macvtap', 'macvlan', 'veth', 'dummy', 'bridge', '8021q'];
  const forbidden = '/run/modprobe.d/macvlan-netlink-test.conf';

  /** The modules that are loaded now, sorted. */
  const loaded = () => {
    const lines = readFileSync('/proc/modules', 'utf8').trim().split('\n');
    return lines.map((line) => line.split(' ', 1)[0]).sort();
  };

  beforeEach(({ skip }) => {
    skip(!isOwn, 'unloads modules, so it takes a kernel of its own: npm run test:kernels');
    execFileSync('modprobe', ['-r', ...all]);
    for (const name of all) expect(loaded()).not.toContain(name);
    return () => rmSync(forbidden, { force: true });
  });

  test('are not loaded by checkSupport, unless with load: true', async () => {
    const { netns } = await bed.makeNetns();
    const before = loaded();
    const asked = await netns.checkSupport();
    expect(asked).toMatchObject({ macvlan: 'loadable', macvtap: 'loadable', netAdmin: true });
    expect(loaded()).toEqual(before);
    const support = await netns.checkSupport({ load: true });
    expect(support).toMatchObject({ macvlan: 'loaded', macvtap: 'loaded' });
    expect(loaded()).toEqual(expect.arrayContaining(['macvlan', 'macvtap']));
    expect(asked.features).toEqual(support.features);
    expect(await netns.listLinks()).toHaveLength(1);
  });

  test('are not loaded by checkSupport when macvlan is loaded', async () => {
    const host = await bed.makeNetns();
    execFileSync('modprobe', ['macvlan']);
    const before = loaded();
    const asked = await host.netns.checkSupport();
    expect(asked).toMatchObject({ macvlan: 'loaded', macvtap: 'loadable' });
    expect(loaded()).toEqual(before);
    expect((await host.netns.checkSupport({ load: true })).features).toEqual(asked.features);
  });

  test('are loaded when a link of their kind is made', async () => {
    const host = await bed.makeNetns();
    await host.netns.createLink({ kind: 'veth', name: 'v0' });
    for (const kind of ['macvlan', 'macvtap', 'vlan'] as const) {
      const options = kind === 'vlan' ? { kind, parent: 'v0', id: 7 } : { kind, parent: 'v0' };
      expect((await host.netns.createLink(options)).kind).toBe(kind);
    }
    for (const kind of ['dummy', 'bridge'] as const) {
      expect((await host.netns.createLink({ kind })).kind).toBe(kind);
    }
    expect(loaded()).toEqual(expect.arrayContaining([...all].sort()));
  });

  test('that modprobe may not load are not loaded, and the error’s hint says so', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const names = ['macvlan', 'macvtap', 'dummy'];
    mkdirSync('/run/modprobe.d', { recursive: true });
    writeFileSync(forbidden, names.map((name) => `blacklist ${name}\n`).join(''));
    const before = [loaded(), await host.snapshot()];
    const support = await host.netns.checkSupport({ load: true });
    expect(support).toMatchObject({ macvlan: 'loadable', macvtap: 'loadable' });
    for (const kind of ['macvlan', 'macvtap', 'dummy'] as const) {
      const options = (kind === 'dummy' ? { kind } : { kind, parent }) as CreateLinkOptions;
      const error = await refusalOf(host.netns.createLink(options));
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'RTM_NEWLINK' });
      expect(error.hint).toContain(`modprobe ${kind}`);
    }
    expect([loaded(), await host.snapshot()]).toEqual(before);
  });
});

describe('a link that only its driver can delete', () => {
  test('stays as it was while the others of a list are deleted', async ({ skip }) => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    // The kind's fallback device comes with the first tunnel, in every namespace from then on.
    const loaded = existsSync('/sys/module/ipip');
    bed.onCleanup(() => {
      if (!loaded && existsSync('/sys/module/ipip')) execFileSync('modprobe', ['-r', 'ipip']);
    });
    const made = await host
      .ip('link', 'add', 't0', 'type', 'ipip', 'local', '192.0.2.1', 'remote', '192.0.2.2')
      .catch((error: Error) => error);
    skip(made instanceof Error, 'this kernel has no ipip');
    await host.ip('link', 'set', 'tunl0', 'group', '7');
    for (const name of ['m0', 'm1']) await host.netns.createMacvlan({ parent, name });
    const before = await host.link('tunl0');
    await host.netns.deleteLinks(['m0', 'tunl0', 'm1', 't0']);
    const names = await host.names();
    expect(names).toContain('tunl0');
    expect(names.filter((name) => ['m0', 'm1', 't0'].includes(name))).toEqual([]);
    expect(await host.link('tunl0')).toEqual(before);
  });
});
