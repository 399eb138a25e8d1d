/** Reading and listing links of every kind. */
import { describe, expect, test, vi } from 'vitest';
import { getLink, listLinks } from '../../lib/index.js';
import { refusalOf, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

const SEND_TO_ITSELF = `
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    for _ in range(3):
        sender.sendto(b"x" * 100, ("127.0.0.1", 9))
`;

const SEND_TO_ALL = `
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sender.sendto(b"x" * 100, ("10.9.0.255", 9))
`;

describe('getLink', () => {
  test('shows a link as ip does', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent({ mac: '02:00:5e:00:00:01', mtu: 1450 });
    const link = await host.netns.getLink(parent);
    const seen = await host.link(parent);
    const peer = await host.link(seen.link ?? '');
    expect(link).toMatchObject({
      index: seen.ifindex,
      name: parent,
      kind: 'veth',
      type: seen.link_type,
      mac: '02:00:5e:00:00:01',
      broadcast: seen.broadcast,
      mtu: 1450,
      minMtu: seen.min_mtu,
      maxMtu: seen.max_mtu,
      up: true,
      lowerUp: true,
      running: true,
      carrier: true,
      promiscuous: false,
      promiscuity: 0,
      allMulticast: false,
      arp: true,
      multicast: true,
      operState: 'up',
      qdisc: seen.qdisc,
      txQueueLen: seen.txqlen,
      numTxQueues: seen.num_tx_queues,
      numRxQueues: seen.num_rx_queues,
      group: 0,
      alias: null,
      altNames: [],
      master: null,
      parent: { index: peer.ifindex, netnsid: null },
      addrGenMode: 'none',
    });
    expect(link.flags).toEqual(seen.flags);
    expect(await host.read(`/sys/class/net/${parent}/carrier`)).toBe('1');
    const own = await host.run('readlink', '/proc/self/ns/net');
    expect(own.trim()).toBe(`net:[${link.netns}]`);
  });

  test('shows the loopback device as ip does', async () => {
    const host = await bed.makeNetns();
    const link = await host.netns.getLink('lo');
    expect(link).toMatchObject({ index: 1, type: 'loopback', kind: null, parent: null });
    expect(link).toMatchObject({ mac: '00:00:00:00:00:00', mtu: 65536 });
    expect(link.flags).toEqual((await host.link('lo')).flags);
  });

  test.each(['dormant', 'testing'])('tells that a link is %s', async (state) => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    await host.ip('link', 'set', parent, 'state', state);
    expect((await host.link(parent)).operstate).toBe(state.toUpperCase());
    expect((await host.netns.getLink(parent)).operState).toBe(state);
  });

  test('shows the counters as /sys does', async () => {
    const host = await bed.makeNetns();
    await host.run('python3', '-c', SEND_TO_ITSELF);
    const { stats } = await host.netns.getLink('lo');
    const folder = '/sys/class/net/lo/statistics';
    expect(stats?.rxPackets).toBeGreaterThan(0);
    expect(String(stats?.rxPackets)).toBe(await host.read(`${folder}/rx_packets`));
    expect(String(stats?.rxBytes)).toBe(await host.read(`${folder}/rx_bytes`));
    expect(String(stats?.txPackets)).toBe(await host.read(`${folder}/tx_packets`));
    expect(String(stats?.txBytes)).toBe(await host.read(`${folder}/tx_bytes`));
    expect(String(stats?.rxDropped)).toBe(await host.read(`${folder}/rx_dropped`));
  });

  test('shows the multicast counters as /sys does', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    for (const name of ['m0', 'm1']) {
      await host.ip(
        'link',
        'add',
        'link',
        parent,
        'name',
        name,
        'type',
        'macvlan',
        'mode',
        'bridge',
      );
      await host.ip('link', 'set', name, 'addrgenmode', 'none');
      await host.ip('link', 'set', name, 'up');
    }
    await host.ip('address', 'add', '10.9.0.1/24', 'brd', '+', 'dev', 'm1');
    await host.run('python3', '-c', SEND_TO_ALL);
    await vi.waitFor(async () => {
      const { stats } = await host.netns.getLink('m0');
      expect(stats?.multicast).toBeGreaterThan(0);
      expect(String(stats?.multicast)).toBe(
        await host.read('/sys/class/net/m0/statistics/multicast'),
      );
    }, PATIENCE);
  });

  test('finds a link by its name, an alternative name of any length, its index or a Link', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const long = 'x'.repeat(127);
    const others = ['short-alt', 'fifteen-bytes-x', 'sixteen-bytes-xx', 'öäüöäüöäüö', long];
    for (const name of others) {
      await host.ip('link', 'property', 'add', 'dev', parent, 'altname', name);
    }
    const { ifindex } = await host.link(parent);
    const link = await host.netns.getLink(parent);
    for (const ref of [parent, ...others, ifindex, link]) {
      expect((await host.netns.getLink(ref)).index).toBe(ifindex);
    }
    expect(link.altNames).toEqual(others);
  });

  test.each([
    ['a name', 'nobody'],
    ['a name longer than a link may have', 'nobody-of-such-a-long-name'],
    ['an index', 987_654],
    ['an object with an index', { index: 987_654 }],
  ])('rejects with ENODEV when there is none with %s', async (_, ref) => {
    const host = await bed.makeNetns();
    const error = await refusalOf(host.netns.getLink(ref));
    const target = typeof ref === 'object' ? ref.index : ref;
    expect(error).toMatchObject({
      name: 'NetlinkError',
      code: 'ENODEV',
      errno: -19,
      syscall: 'RTM_GETLINK',
      operation: 'getLink',
      target,
    });
    const named = typeof target === 'string' ? `named '${target}'` : `with index ${target}`;
    expect(error.hint).toBe(`There is no link ${named} in the network namespace '${host.name}'.`);
  });

  test('does not look in another namespace', async () => {
    const [host, other] = [await bed.makeNetns(), await bed.makeNetns()];
    const parent = await host.parent();
    expect(await refusalOf(other.netns.getLink(parent))).toMatchObject({ code: 'ENODEV' });
    const link = await host.netns.getLink(parent);
    const error = await refusalOf(other.netns.getLink(link));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(`net:[${host.netns.inode}]`);
    expect(error.message).toContain(`'${other.name}', net:[${other.netns.inode}]`);
  });
});

describe('listLinks', () => {
  test('returns every link that ip shows, by index', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    for (const kind of ['macvlan', 'macvtap', 'macvlan']) {
      await host.ip('link', 'add', 'link', parent, 'type', kind, 'mode', 'private');
    }
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    const links = await host.netns.listLinks();
    const seen = await host.links();
    expect(links.length).toBe(7);
    expect(links.map(({ index, name }) => [index, name])).toEqual(
      seen.map(({ ifindex, ifname }) => [ifindex, ifname]),
    );
    expect(links.map(({ kind }) => kind)).toEqual(
      seen.map(({ linkinfo }) => linkinfo?.info_kind ?? null),
    );
  });

  test('returns the links that match the whole filter', async () => {
    const host = await bed.makeNetns();
    const [parent, other] = [await host.parent(), await host.parent()];
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.ip('link', 'add', 'link', parent, 'name', 'm0', 'type', 'macvlan');
    await host.ip('link', 'add', 'link', parent, 'name', 'm1', 'group', '5', 'type', 'macvlan');
    await host.ip('link', 'add', 'link', other, 'name', 'm2', 'group', '5', 'type', 'macvlan');
    await host.ip('link', 'add', 'link', parent, 'name', 't0', 'type', 'macvtap');
    await host.ip('link', 'set', 'm1', 'up');
    await host.ip('link', 'set', 'm0', 'master', 'br0');
    const list = async (filter: Parameters<typeof listLinks>[0]) =>
      (await host.netns.listLinks(filter)).map(({ name }) => name);
    expect(await list({ kind: 'macvlan' })).toEqual(['m0', 'm1', 'm2']);
    expect(await list({ kind: 'macvtap' })).toEqual(['t0']);
    expect(await list({ kind: null })).toEqual(['lo']);
    expect(await list({ kind: 'macvlan', parent })).toEqual(['m0', 'm1']);
    const { index } = await host.netns.getLink(other);
    expect(await list({ kind: 'macvlan', parent: index })).toEqual(['m2']);
    expect(await list({ group: 5 })).toEqual(['m1', 'm2']);
    expect(await list({ group: 5, up: true })).toEqual(['m1']);
    expect(await list({ kind: 'macvlan', up: false })).toEqual(['m0', 'm2']);
    expect(await list({ master: 'br0' })).toEqual(['m0']);
    expect(await list({ kind: 'macvlan', master: null })).toEqual(['m1', 'm2']);
    expect(await list({ kind: 'macvlan', group: 77 })).toEqual([]);
  });

  test('returns nothing for a parent or a master without such links', async () => {
    const host = await bed.makeNetns();
    const { ifindex } = await host.link('lo');
    expect(await host.netns.listLinks({ parent: ifindex })).toEqual([]);
    expect(await host.netns.listLinks({ master: ifindex })).toEqual([]);
  });

  test('rejects when the parent or the master of the filter does not exist', async () => {
    const host = await bed.makeNetns();
    for (const option of ['parent', 'master'] as const) {
      for (const ref of ['nobody', 987_654, { index: 987_654 }]) {
        const error = await refusalOf(host.netns.listLinks({ [option]: ref }));
        expect(error).toMatchObject({ code: 'ENODEV', operation: 'listLinks' });
        expect(error.hint).toContain(`filter.${option}`);
      }
    }
  });

  test('does not count the child of a parent in another namespace to one here with its index', async () => {
    const [host, inside] = [await bed.makeNetns(), await bed.makeNetns()];
    const parent = await host.parent();
    const { ifindex } = await host.link(parent);
    // The namespaces number their links alike, so both have a link with that index.
    const same = await inside.parent();
    expect((await inside.link(same)).ifindex).toBe(ifindex);
    await host.ip(
      'link',
      'add',
      'link',
      parent,
      'name',
      'm0',
      'netns',
      `${inside.name}`,
      'type',
      'macvlan',
    );
    expect((await inside.link('m0')).link_index).toBe(ifindex);
    expect(await inside.netns.listLinks({ parent: ifindex, kind: 'macvlan' })).toEqual([]);
    expect(await host.netns.listLinks({ parent: ifindex, kind: 'macvlan' })).toEqual([]);
    expect((await inside.netns.listLinks({ kind: 'macvlan' })).map(({ name }) => name)).toEqual([
      'm0',
    ]);
  });
});

test('the functions getLink and listLinks read in the process’s own namespace', async () => {
  const host = bed.ownNetns();
  const parent = await host.parent();
  const names = [bed.uniqueName('m'), bed.uniqueName('m')] as const;
  for (const name of names) {
    await host.ip('link', 'add', 'link', parent, 'name', name, 'type', 'macvlan');
  }
  expect((await getLink(names[0])).index).toBe((await host.link(names[0])).ifindex);
  const listed = await listLinks({ parent, kind: 'macvlan' });
  expect(listed.map(({ name }) => name)).toEqual([...names]);
});
