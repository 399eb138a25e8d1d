/** createLink: veth, bridge, dummy, vlan and macvlan. */
import { describe, expect, test } from 'vitest';
import { createLink, Netns } from '../../lib/index.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

/** Whether this kernel has links of a kind, according to `ip`. */
async function has(host: TestNetns, ...kind: readonly string[]): Promise<boolean> {
  try {
    await host.ip('link', 'add', 'name', 'probe', ...kind);
  } catch (error) {
    if (String(error).includes('Unknown device type')) return false;
    throw error;
  }
  await host.ip('link', 'delete', 'probe');
  return true;
}

describe('createLink with kind veth', () => {
  test('makes a pair in one namespace', async () => {
    const host = await bed.makeNetns();
    const link = await host.netns.createLink({
      kind: 'veth',
      name: 'v0',
      mac: '02:00:5e:00:00:01',
      mtu: 1400,
      up: true,
      numTxQueues: 2,
      numRxQueues: 2,
      peer: { name: 'v1', mac: '02:00:5e:00:00:02', mtu: 1300, up: true },
    });
    await host.settled('v0', 'v1');
    expect(await host.link('v0')).toMatchObject({
      ifindex: link.index,
      link: 'v1',
      address: '02:00:5e:00:00:01',
      mtu: 1400,
      num_tx_queues: 2,
      num_rx_queues: 2,
      linkinfo: { info_kind: 'veth' },
    });
    const peer = { link: 'v0', address: '02:00:5e:00:00:02', mtu: 1300 };
    expect(await host.link('v1')).toMatchObject(peer);
    expect(link).toMatchObject({ kind: 'veth', name: 'v0', mac: '02:00:5e:00:00:01', up: true });
    expect(link.parent).toEqual({ index: (await host.link('v1')).ifindex, netnsid: null });
  });

  test('gives both ends locally administered MACs and names of the kernel’s choice', async () => {
    const host = await bed.makeNetns();
    const link = await host.netns.createLink({ kind: 'veth' });
    const seen = (await host.links()).filter(({ ifname }) => ifname !== 'lo');
    expect(seen.map(({ ifname }) => ifname).sort()).toEqual(['veth0', 'veth1']);
    for (const { address = '', ifname, flags } of seen) {
      expect(Number.parseInt(address.slice(0, 2), 16) & 3).toBe(2);
      expect(await host.read(`/sys/class/net/${ifname}/addr_assign_type`)).toBe('3');
      expect(flags).not.toContain('UP');
    }
    expect(seen.find(({ ifname }) => ifname === link.name)?.ifindex).toBe(link.index);
  });

  test('puts the peer into another namespace, up and with its MAC', async () => {
    const [host, far] = [await bed.makeNetns(), await bed.makeNetns()];
    const link = await host.netns.createLink({
      kind: 'veth',
      name: 'v0',
      up: true,
      peer: { name: 'v1', netns: far.netns, mac: '02:00:5e:00:00:02', up: true },
    });
    const peer = await far.link('v1');
    expect(peer).toMatchObject({ address: '02:00:5e:00:00:02' });
    expect(peer.flags).toContain('UP');
    expect(link).toMatchObject({ up: true, lowerUp: true, parent: { index: peer.ifindex } });
    expect(link.parent?.netnsid).toBe((await host.link('v0')).link_netnsid);
    expect(await host.names()).toEqual(['v0']);
    expect(await far.names()).toEqual(['v1']);
  });

  test('makes the peer a port, here or elsewhere, or nothing at all', async () => {
    const [host, far] = [await bed.makeNetns(), await bed.makeNetns()];
    for (const { netns } of [host, far]) await netns.createLink({ kind: 'bridge', name: 'br0' });
    const { netns } = far;
    const addresses = ['10.9.0.2/24'];
    const peer = { name: 'v0', up: true, master: 'br0' };
    await netns.createLink({ kind: 'veth', peer });
    expect(await far.link('v0')).toMatchObject({ master: 'br0' });
    const options = { kind: 'veth', name: 'eth0', netns, up: true, addresses } as const;
    const bridge = await host.netns.getLink('br0');
    for (const [name, master] of Object.entries({ v1: 'br0', v2: bridge })) {
      const { flags } = await host.netns.createLink({
        ...options,
        peer: { ...peer, name, netns: host.netns, master },
      });
      expect(flags).toContain('UP');
      const seen = await host.link(name);
      expect(seen).toMatchObject({ master: 'br0', flags: expect.arrayContaining(['UP']) });
      await netns.deleteLink('eth0');
    }
    const before = await Promise.all([host.names(), far.names()]);
    for (const [master, code] of [
      ['lo', 'EOPNOTSUPP'],
      ['nobody', 'ENODEV'],
    ] as const) {
      const made = host.netns.createLink({
        ...options,
        peer: { name: 'v3', netns: host.netns, master },
      });
      expect(await refusalOf(made)).toMatchObject({ code, part: 'peer.master' });
      expect(await Promise.all([host.names(), far.names()])).toEqual(before);
    }
  });

  test('puts the first end into another namespace, and the peer there or here', async () => {
    const [host, far] = [await bed.makeNetns(), await bed.makeNetns()];
    const name = `${far.name}`;
    await host.netns.createLink({ kind: 'veth', name: 'v0', netns: name, peer: { name: 'v1' } });
    expect(await host.names()).toEqual([]);
    expect((await far.names()).sort()).toEqual(['v0', 'v1']);
    await host.netns.createLink({
      kind: 'veth',
      name: 'w0',
      netns: name,
      peer: { name: 'w1', netns: host.netns, up: true },
    });
    expect(await host.names()).toEqual(['w1']);
    expect((await host.link('w1')).flags).toContain('UP');
    expect(await far.names()).toContain('w0');
  });

  test('brings only the end up that is asked for', async () => {
    const host = await bed.makeNetns();
    const peer = { name: 'v1', up: true };
    await host.netns.createLink({ kind: 'veth', name: 'v0', peer });
    expect((await host.link('v0')).flags).not.toContain('UP');
    expect((await host.link('v1')).flags).toContain('UP');
    await host.netns.createLink({ kind: 'veth', name: 'w0', up: true, peer: { name: 'w1' } });
    expect((await host.link('w0')).flags).toContain('UP');
    expect((await host.link('w1')).flags).not.toContain('UP');
  });

  test('makes the pair although the namespace of the call is closed right afterwards', async () => {
    const [host, inside, beside] = [
      await bed.makeNetns(),
      await bed.makeNetns(),
      await bed.makeNetns(),
    ];
    const netns = await Netns.open(inside.name as string);
    const peer = { netns: beside.name as string, name: 'other' };
    const made = host.netns.createLink({ kind: 'veth', name: 'v0', netns, peer });
    await Promise.all([made, netns.close()]);
    expect(await inside.names()).toEqual(['v0']);
    expect(await beside.names()).toEqual(['other']);
  });

  test('with a chosen index takes a new name and MAC while its peer comes up', async () => {
    const host = await bed.makeNetns();
    const peer = { name: 'v1', up: true };
    const making = host.netns.createLink({ kind: 'veth', index: 9900, name: 'v0', peer });
    const changes = { name: 'other', mac: '02:00:5e:00:00:01' };
    await host.netns.setLink(9900, changes);
    expect(await making).toMatchObject({ index: 9900, ...changes });
  });

  test('leaves neither end behind when the peer’s name is taken', async () => {
    const [host, far] = [await bed.makeNetns(), await bed.makeNetns()];
    await far.ip('link', 'add', 'v1', 'type', 'bridge');
    const before = [await host.snapshot(), await far.snapshot()];
    const peer = { name: 'v1', netns: far.netns };
    const error = await refusalOf(host.netns.createLink({ kind: 'veth', name: 'v0', peer }));
    expect(error).toMatchObject({ code: 'EEXIST', operation: 'createLink', target: 'v0' });
    expect(error.hint).toContain(`'v1'`);
    expect([await host.snapshot(), await far.snapshot()]).toEqual(before);
  });
});

describe('createLink with kind bridge', () => {
  test('makes a bridge that new and existing links can be ports of', async () => {
    const host = await bed.makeNetns();
    const bridge = await host.netns.createLink({ kind: 'bridge', name: 'br0', up: true });
    expect((await host.link('br0')).linkinfo?.info_kind).toBe('bridge');
    expect(bridge).toMatchObject({ kind: 'bridge', name: 'br0', up: true });
    const port = await host.netns.createLink({ kind: 'veth', name: 'v0', master: bridge });
    expect((await host.link('v0')).master).toBe('br0');
    expect(port).toMatchObject({ master: bridge.index, bridgePort: { hairpin: false } });
  });

  test('lets a port reflect frames where bridgePort.hairpin is on', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    await host.netns.createLink({ kind: 'bridge', name: 'br0' });
    await host.netns.setLink(parent, { master: 'br0' });
    const hairpin = async () => {
      const text = await host.run('bridge', '-j', '-d', 'link', 'show', 'dev', parent);
      return JSON.parse(text)[0].hairpin;
    };
    expect(await hairpin()).toBe(false);
    await host.netns.setLink(parent, { bridgePort: { hairpin: true } });
    expect(await hairpin()).toBe(true);
    expect((await host.netns.getLink(parent)).bridgePort).toEqual({ hairpin: true });
    await host.netns.setLink(parent, { bridgePort: { hairpin: false } });
    expect(await hairpin()).toBe(false);
    await host.netns.setLink(parent, { master: null });
    expect((await host.netns.getLink(parent)).bridgePort).toBeUndefined();
    expect(await host.link(parent)).not.toHaveProperty('master');
  });

  test('makes a link a port that reflects frames, whether it was one before or not', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    for (const master of ['br0', 'br1']) {
      await host.netns.createLink({ kind: 'bridge', name: master });
      await host.netns.setLink(parent, { master, bridgePort: { hairpin: true } });
      const [port] = JSON.parse(
        await host.run('bridge', '-j', '-d', 'link', 'show', 'dev', parent),
      );
      expect(port).toMatchObject({ master, hairpin: true });
    }
    const leaving = { master: null, bridgePort: { hairpin: true } };
    const error = await refusalOf(host.netns.setLink(parent, leaving));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('changes.bridgePort');
    expect((await host.link(parent)).master).toBe('br1');
  });

  test('says so when bridgePort is set on a link that is no port', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const error = await refusalOf(host.netns.setLink(parent, { bridgePort: { hairpin: true } }));
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', target: parent });
    expect(error.hint).toBe(`The link '${parent}' is no port of a bridge.`);
  });
});

describe('createLink with kind macvlan or macvtap', () => {
  test.each(['macvlan', 'macvtap'] as const)('makes a %s with its options', async (kind) => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const options = { kind, parent, name: 'm0', mode: 'source', sources: ['02:00:00:00:00:01'] };
    const link = await host.netns.createLink(options as { kind: typeof kind; parent: string });
    expect(link.macvlan).toMatchObject({ mode: 'source', sources: ['02:00:00:00:00:01'] });
    expect((await host.link('m0')).linkinfo).toMatchObject({
      info_kind: kind,
      info_data: { mode: 'source', macaddr_data: ['02:00:00:00:00:01'] },
    });
  });
});

describe('createLink with a kind that may be a module', () => {
  test('makes a dummy, or says which module is missing', async () => {
    const host = await bed.makeNetns();
    const create = () =>
      host.netns.createLink({ kind: 'dummy', name: 'd0', up: true, addresses: ['10.7.0.1/24'] });
    if (await has(host, 'type', 'dummy')) {
      expect(await create()).toMatchObject({ kind: 'dummy', name: 'd0', up: true });
      expect((await host.link('d0')).linkinfo?.info_kind).toBe('dummy');
      expect(await host.addresses('d0')).toEqual(['10.7.0.1/24']);
    } else {
      const error = await refusalOf(create());
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', operation: 'createLink', target: 'd0' });
      expect(error.hint).toContain("module 'dummy'");
      expect(await host.names()).toEqual([]);
    }
  });

  test('makes a vlan, or says which module is missing', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.names();
    const create = () =>
      host.netns.createLink({ kind: 'vlan', parent, id: 100, protocol: '802.1ad', name: 'v100' });
    if (await has(host, 'link', parent, 'type', 'vlan', 'id', '9')) {
      const link = await create();
      expect(link).toMatchObject({ kind: 'vlan', vlan: { id: 100, protocol: '802.1ad' } });
      expect(await host.link('v100')).toMatchObject({
        link: parent,
        linkinfo: { info_kind: 'vlan', info_data: { id: 100, protocol: '802.1ad' } },
      });
    } else {
      const error = await refusalOf(create());
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', operation: 'createLink', target: 'v100' });
      expect(error.hint).toContain("module '8021q'");
      expect(await host.names()).toEqual(before);
    }
  });

  test('does not blame the module when the kernel has the kind and refuses something else', async () => {
    const host = await bed.makeNetns();
    const [parent, noMaster] = [await host.parent(), await host.parent()];
    const error = await refusalOf(host.netns.createMacvlan({ parent, master: noMaster }));
    expect(error.code).toBe('EOPNOTSUPP');
    expect(error.message).not.toContain('module');
    expect(error.hint).toContain(`'${noMaster}'`);
  });
});

test('the function createLink makes links in the process’s own namespace', async () => {
  const host = bed.ownNetns();
  const names = [bed.uniqueName('v'), bed.uniqueName('w')] as const;
  const link = await createLink({ kind: 'veth', name: names[0], peer: { name: names[1] } });
  bed.onCleanup(() => host.ip('link', 'delete', names[0]));
  expect(await host.link(names[0])).toMatchObject({ ifindex: link.index, link: names[1] });
});
