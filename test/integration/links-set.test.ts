/** setLink and setPromiscuous: each change, and that nothing else changes with it. */
import { describe, expect, test } from 'vitest';
import { type LinkChanges, setLink, setPromiscuous } from '../../lib/index.js';
import {
  type IpLink,
  refusalOf,
  supportFile,
  type TestNetns,
  useTestbed,
} from '../support/testbed.js';

const bed = useTestbed();

/** A macvlan that is up, and a bridge. */
async function setUp(): Promise<{ host: TestNetns; parent: string }> {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await host.ip('link', 'add', 'link', parent, 'name', 'm0', 'type', 'macvlan', 'mode', 'bridge');
  await host.ip('link', 'set', 'm0', 'addrgenmode', 'none', 'up');
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  await host.settled('m0');
  return { host, parent };
}

/** The fields that differ between two states of a link. */
function difference(before: IpLink, after: IpLink): Record<string, unknown> {
  const fields = Object.entries(after).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key as keyof IpLink]),
  );
  const gone = Object.keys(before).filter((key) => !(key in after));
  return Object.fromEntries([...fields, ...gone.map((key) => [key, undefined])]);
}

const up = ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'];

describe('setLink', () => {
  const changes: [string, LinkChanges, Record<string, unknown>][] = [
    ['mac', { mac: '02:00:5E:aa:00:01' }, { address: '02:00:5e:aa:00:01' }],
    ['mtu', { mtu: 1280 }, { mtu: 1280 }],
    ['txQueueLen', { txQueueLen: 17 }, { txqlen: 17 }],
    ['group', { group: 2_000_000_000 }, { group: '2000000000' }],
    ['alias', { alias: 'an alias' }, { ifalias: 'an alias' }],
    [
      'addAltNames',
      { addAltNames: ['a-long-alternative-name'] },
      { altnames: ['a-long-alternative-name'] },
    ],
    ['addrGenMode', { addrGenMode: 'random' }, { inet6_addr_gen_mode: 'random' }],
    ['addrGenMode to eui64', { addrGenMode: 'eui64' }, { inet6_addr_gen_mode: 'eui64' }],
    ['multicast', { multicast: false }, { flags: ['BROADCAST', 'UP', 'LOWER_UP'] }],
    ['arp', { arp: false }, { flags: ['BROADCAST', 'MULTICAST', 'NOARP', 'UP', 'LOWER_UP'] }],
    [
      'promiscuous',
      { promiscuous: true },
      { flags: ['BROADCAST', 'MULTICAST', 'PROMISC', 'UP', 'LOWER_UP'], promiscuity: 1 },
    ],
  ];
  test.each(changes)('changes %s and nothing else', async (_, change, expected) => {
    const { host } = await setUp();
    const before = await host.link('m0');
    await host.netns.setLink('m0', change);
    expect(difference(before, await host.link('m0'))).toEqual(expected);
  });

  test('changes addrGenMode to stable-privacy where there is a secret', async () => {
    const { host } = await setUp();
    // It changes the mode as well (net/ipv6/addrconf.c, addrconf_sysctl_stable_secret).
    await host.run('sh', '-c', 'echo fd00::1 > /proc/sys/net/ipv6/conf/m0/stable_secret');
    for (const [mode, shown] of [
      ['none', 'none'],
      ['stable-privacy', 'stable_secret'],
    ] as const) {
      await host.netns.setLink('m0', { addrGenMode: mode });
      expect((await host.link('m0')).inet6_addr_gen_mode).toBe(shown);
      expect((await host.netns.getLink('m0')).addrGenMode).toBe(mode);
    }
  });

  test('changes allMulticast and nothing else', async () => {
    const { host } = await setUp();
    const before = await host.link('m0');
    await host.netns.setLink('m0', { allMulticast: true });
    expect(difference(before, await host.link('m0'))).toMatchObject({
      flags: ['BROADCAST', 'MULTICAST', 'ALLMULTI', 'UP', 'LOWER_UP'],
    });
    await host.netns.setLink('m0', { allMulticast: false });
    expect(await host.link('m0')).toEqual(before);
  });

  test('can clear every flag again', async () => {
    const { host } = await setUp();
    const before = await host.link('m0');
    const on = { promiscuous: true, allMulticast: true, arp: false, multicast: false };
    await host.netns.setLink('m0', on);
    expect(await host.link('m0')).not.toEqual(before);
    const off = { promiscuous: false, allMulticast: false, arp: true, multicast: true };
    await host.netns.setLink('m0', off);
    expect(await host.link('m0')).toEqual(before);
  });

  test('brings a link down and up', async () => {
    const { host } = await setUp();
    await host.netns.setLink('m0', { up: false });
    expect((await host.link('m0')).flags).toEqual(['BROADCAST', 'MULTICAST']);
    await host.netns.setLink('m0', { up: true });
    await host.settled('m0');
    expect((await host.link('m0')).flags).toEqual(up);
  });

  test('renames a link that is down', async () => {
    const { host } = await setUp();
    const { ifindex } = await host.link('m0');
    await host.netns.setLink('m0', { up: false });
    await host.netns.setLink('m0', { name: 'renamed' });
    expect((await host.link('renamed')).ifindex).toBe(ifindex);
    expect(await host.names()).not.toContain('m0');
  });

  test('can remove alias, alternative names, group and master again', async () => {
    const { host } = await setUp();
    const before = await host.link('m0');
    for (const none of [null, '']) {
      await host.netns.setLink('m0', { alias: 'an alias', group: 3, addAltNames: ['a1', 'a2'] });
      const changed = await host.link('m0');
      expect(changed).toMatchObject({ ifalias: 'an alias', group: '3', altnames: ['a1', 'a2'] });
      await host.netns.setLink('m0', { alias: none, group: 0, removeAltNames: ['a2', 'a1'] });
      expect(await host.link('m0')).toEqual(before);
    }
    await host.netns.setLink('m0', { master: 'br0' });
    expect((await host.link('m0')).master).toBe('br0');
    await host.netns.setLink('m0', { master: null });
    expect(await host.link('m0')).not.toHaveProperty('master');
  });

  test('makes many changes at once', async () => {
    const { host } = await setUp();
    await host.netns.setLink('m0', { up: false });
    const { ifindex } = await host.link('br0');
    await host.netns.setLink('m0', {
      name: 'm9',
      mac: '02:00:5e:aa:00:09',
      mtu: 1300,
      up: true,
      promiscuous: true,
      arp: false,
      txQueueLen: 9,
      group: 9,
      alias: 'nine',
      master: { index: ifindex },
      addAltNames: ['number-nine'],
      addrGenMode: 'random',
    });
    const seen = await host.link('m9');
    expect(seen).toMatchObject({
      address: '02:00:5e:aa:00:09',
      mtu: 1300,
      txqlen: 9,
      group: '9',
      ifalias: 'nine',
      master: 'br0',
      altnames: ['number-nine'],
      inet6_addr_gen_mode: 'random',
    });
    expect(seen.flags).toEqual(expect.arrayContaining(['NOARP', 'PROMISC', 'UP']));
  });

  test('makes the changes as they were at the call', async () => {
    const { host } = await setUp();
    const changes = { mtu: 1350, addAltNames: ['first'] };
    const changing = host.netns.setLink('m0', changes);
    changes.mtu = 1250;
    changes.addAltNames[0] = 'second';
    await changing;
    expect(await host.link('m0')).toMatchObject({ mtu: 1350, altnames: ['first'] });
  });

  test('sets the MTU first, because other settings may need it', async () => {
    const { host } = await setUp();
    await host.ip('link', 'set', 'm0', 'mtu', '1000');
    await host.netns.setLink('m0', { mtu: 1400, addrGenMode: 'random', txQueueLen: 7 });
    const after = { mtu: 1400, inet6_addr_gen_mode: 'random', txqlen: 7 };
    expect(await host.link('m0')).toMatchObject(after);
  });

  test('can remove an alternative name and add it again in one call', async () => {
    const { host } = await setUp();
    await host.netns.setLink('m0', { addAltNames: ['old'] });
    await host.netns.setLink('m0', { removeAltNames: ['old'], addAltNames: ['old', 'new'] });
    expect((await host.link('m0')).altnames).toEqual(['old', 'new']);
  });

  test('can give a link an alternative name as its name, and the reverse, in one call', async () => {
    const { host } = await setUp();
    // Down, because kernels before 6.2 rename no link that is up.
    await host.netns.setLink('m0', { addAltNames: ['a1'], up: false });
    await host.netns.setLink('m0', { removeAltNames: ['a1'], name: 'a1', addAltNames: ['m0'] });
    expect(await host.link('a1')).toMatchObject({ ifname: 'a1', altnames: ['m0'] });
  });

  test('changes nothing without options, but fails when the link does not exist', async () => {
    const { host } = await setUp();
    const before = await host.snapshot();
    const changes = { name: undefined, addAltNames: [], bridgePort: {} };
    await host.netns.setLink('m0', changes);
    expect(await host.snapshot()).toEqual(before);
    expect(await refusalOf(host.netns.setLink(987_654, {}))).toMatchObject({ code: 'ENODEV' });
  });

  test('sets the parent’s MAC through a child in mode passthru, and the parent gets its own back', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent({ mac: '02:00:5e:00:00:01' });
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', up: true });
    await host.netns.setLink('m0', { mac: '02:00:5e:00:00:02' });
    expect((await host.link('m0')).address).toBe('02:00:5e:00:00:02');
    expect((await host.link(parent)).address).toBe('02:00:5e:00:00:02');
    await host.netns.deleteLink('m0');
    expect((await host.link(parent)).address).toBe('02:00:5e:00:00:01');
  });

  test('names the holder of a name that is taken', async () => {
    const { host } = await setUp();
    await host.netns.setLink('m0', { up: false });
    const { ifindex } = await host.link('br0');
    const error = await refusalOf(host.netns.setLink('m0', { name: 'br0' }));
    expect(error).toMatchObject({ code: 'EEXIST', operation: 'setLink', target: 'm0' });
    expect(error.hint).toContain(`'br0', with index ${ifindex}`);
    expect(await host.names()).toContain('m0');
  });

  test.each<[string | undefined, LinkChanges]>([
    ['addAltNames', { alias: 'an alias', addAltNames: ['a1', 'br0'] }],
    ['removeAltNames', { removeAltNames: ['nobody'], mtu: 1300, up: false }],
    ['mtu', { mtu: 9000, addrGenMode: 'none' }],
    ['mtu', { mtu: 9000, addAltNames: ['a1'] }],
    ['addrGenMode', { addrGenMode: 'stable-privacy', alias: 'an alias' }],
    ['master', { master: 'nobody' }],
    ['master', { master: 987_654, bridgePort: { hairpin: true } }],
    ['name', { mtu: 1400, addrGenMode: 'eui64', name: 'br0' }],
    [undefined, { mtu: 9000, group: 7, addAltNames: ['a1'] }],
    [undefined, { mtu: 9000 }],
    [undefined, { addAltNames: ['br0'] }],
  ])(
    'names the part that is refused, if a request is for one alone: %s of %o',
    async (part, changes) => {
      const { host } = await setUp();
      const error = await refusalOf(host.netns.setLink('m0', changes));
      expect(error).toMatchObject({ operation: 'setLink', target: 'm0' });
      expect(error.part).toBe(part);
    },
  );

  test('adds no alternative names once a change before them is refused', async () => {
    const { host } = await setUp();
    const before = await host.link('m0');
    const changing = host.netns.setLink('m0', { mtu: 9000, addAltNames: ['a1'] });
    expect(await refusalOf(changing)).toMatchObject({ part: 'mtu' });
    expect(await host.link('m0')).toEqual(before);
  });

  test('rejects with ENODEV when the link or its new master does not exist', async () => {
    const { host } = await setUp();
    const noLink = await refusalOf(host.netns.setLink('nobody', { up: true }));
    expect(noLink).toMatchObject({ code: 'ENODEV', operation: 'setLink', target: 'nobody' });
    const noMaster = await refusalOf(host.netns.setLink('m0', { master: 'nobody' }));
    expect(noMaster).toMatchObject({ code: 'ENODEV', target: 'm0' });
    expect(noMaster.hint).toContain('changes.master');
    expect(await host.link('m0')).not.toHaveProperty('master');
  });
});

describe('setPromiscuous', () => {
  // A mask of 0 would mean all flags: PROMISC alone would take the link down
  // (net/core/rtnetlink.c, rtnl_dev_combine_flags).
  test('changes that flag alone: the link stays up, or down, and keeps the others', async () => {
    const { host } = await setUp();
    for (const others of [['up', 'allmulticast', 'on', 'arp', 'off'], ['down']]) {
      await host.ip('link', 'set', 'm0', ...others);
      const before = await host.link('m0');
      await host.netns.setPromiscuous('m0', true);
      const changed = difference(before, await host.link('m0'));
      expect(Object.keys(changed).sort()).toEqual(['flags', 'promiscuity']);
      expect(new Set(changed.flags as string[])).toEqual(new Set([...before.flags, 'PROMISC']));
      expect(changed.promiscuity).toBe(1);
      await host.netns.setPromiscuous('m0', false);
      expect(await host.link('m0')).toEqual(before);
    }
  });

  test('counts once, however often it is asked for', async () => {
    const { host, parent } = await setUp();
    const before = await host.link(parent);
    for (let time = 0; time < 3; time++) await host.netns.setPromiscuous(parent, true);
    expect((await host.link(parent)).promiscuity).toBe(before.promiscuity + 1);
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuous: true });
    await host.netns.setPromiscuous(parent, false);
    expect(await host.link(parent)).toEqual(before);
  });

  test('raises the parent’s promiscuity while the child is up', async () => {
    const { host, parent } = await setUp();
    const before = (await host.link(parent)).promiscuity;
    await host.netns.setPromiscuous('m0', true);
    const seen = await host.link(parent);
    expect(seen.promiscuity).toBe(before + 1);
    expect(seen.flags).not.toContain('PROMISC');
    const link = await host.netns.getLink(parent);
    expect(link).toMatchObject({ promiscuous: false, promiscuity: before + 1 });
    await host.netns.setLink('m0', { up: false });
    expect((await host.netns.getLink(parent)).promiscuity).toBeLessThan(before + 1);
  });

  test('rejects with ENODEV when there is no such link', async () => {
    const { host } = await setUp();
    const error = await refusalOf(host.netns.setPromiscuous('nobody', true));
    expect(error).toMatchObject({ code: 'ENODEV', operation: 'setPromiscuous', target: 'nobody' });
  });
});

describe('Link.promiscuous and Link.promiscuity', () => {
  test('are different: a packet socket raises the count and sets no flag', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuity: 0 });
    const script = supportFile('packet-socket.py');
    const holder = await bed.background(host, 'python3', script, parent);
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuous: false, promiscuity: 1 });
    expect((await host.link(parent)).promiscuity).toBe(1);
    await host.netns.setPromiscuous(parent, true);
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuous: true, promiscuity: 2 });
    await holder.stop();
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuous: true, promiscuity: 1 });
    await host.netns.setPromiscuous(parent, false);
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuous: false, promiscuity: 0 });
  });

  test('are different: a passthru child raises the parent’s count and sets no flag', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', up: true });
    const seen = await host.link(parent);
    expect(seen.promiscuity).toBe(1);
    expect(seen.flags).not.toContain('PROMISC');
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuous: false, promiscuity: 1 });
    // In this mode a promiscuous child leaves the parent as it is.
    await host.netns.setPromiscuous('m0', true);
    expect((await host.link(parent)).promiscuity).toBe(1);
    await host.netns.deleteLink('m0');
    expect(await host.netns.getLink(parent)).toMatchObject({ promiscuous: false, promiscuity: 0 });
  });
});

test('the functions setLink and setPromiscuous act in the process’s own namespace', async () => {
  const host = bed.ownNetns();
  const parent = await host.parent();
  await setLink(parent, { alias: 'changed' });
  await setPromiscuous(parent, true);
  const seen = await host.link(parent);
  expect(seen).toMatchObject({ ifalias: 'changed', promiscuity: 1 });
  expect(seen.flags).toContain('PROMISC');
});
