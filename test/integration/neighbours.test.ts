// Neighbours: what is asked for against what `ip neigh` shows, and who answers whom.
import { describe, expect, test, vi } from 'vitest';
import type { Neighbour, NeighbourOptions } from '../../lib/index.js';
import { indexesOf } from '../support/inet.js';
import { isBefore, refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

const mac = '02:00:5e:10:00:09';

/** A neighbour as `ip -j -d neigh` prints it; what needs no value is `null`. */
interface IpNeighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  readonly state?: readonly string[];
  readonly [field: string]: unknown;
}

/** What `ip` shows of a link, but for the groups that the kernel itself has joined. */
async function shown(host: TestNetns, link: string): Promise<IpNeighbour[]> {
  const list = async (...what: readonly string[]): Promise<IpNeighbour[]> =>
    JSON.parse(await host.ip('-j', '-d', 'neigh', 'show', ...what, 'dev', link));
  const all = await list('nud', 'all');
  return [...all.filter(({ dst }) => !dst.startsWith('ff')), ...(await list('proxy'))];
}

const own = (neighbours: readonly Neighbour[]) =>
  neighbours.filter(({ address }) => !address.startsWith('ff'));

type Case = [string, NeighbourOptions, Partial<IpNeighbour>];

const cases: Case[] = [
  ['IPv4', { address: '10.0.0.9', mac }, { dst: '10.0.0.9', lladdr: mac, state: ['PERMANENT'] }],
  ['IPv6', { address: 'fd00::9', mac }, { dst: 'fd00::9', lladdr: mac, state: ['PERMANENT'] }],
  [
    'an address written in another way',
    { address: 'FD00::0:9', mac: '02-00-5E-10-00-0A' },
    { dst: 'fd00::9', lladdr: '02:00:5e:10:00:0a' },
  ],
  [
    'a multicast MAC',
    { address: '10.0.0.9', mac: '03:bf:0a:00:00:09' },
    { lladdr: '03:bf:0a:00:00:09' },
  ],
  ['what is not asked for', { address: '10.0.0.9', mac, state: 'noarp' }, { state: ['NOARP'] }],
  ['what has answered', { address: '10.0.0.9', mac, state: 'reachable' }, { state: ['REACHABLE'] }],
  ['what is to be asked', { address: '10.0.0.9', mac, state: 'stale' }, { state: ['STALE'] }],
  ['a router', { address: 'fd00::9', mac, router: true }, { router: null }],
  ['no router', { address: 'fd00::9', mac, router: false }, { lladdr: mac }],
  ['who made it', { address: '10.0.0.9', mac, protocol: 'static' }, { protocol: 'static' }],
  ['who made it, by number', { address: '10.0.0.9', mac, protocol: 77 }, { protocol: '77' }],
  ['a proxy', { address: '10.0.0.9', proxy: true }, { dst: '10.0.0.9', proxy: null }],
  [
    'a proxy of IPv6',
    { address: 'fd00::9', proxy: true, protocol: 'boot' },
    { proxy: null, protocol: 'boot' },
  ],
  ['a proxy of a router', { address: 'fd00::9', proxy: true, router: true }, { router: null }],
];

describe('addNeighbour, listNeighbours and removeNeighbour', () => {
  test.each(cases)('%s', async (_, options, expected) => {
    const host = await bed.makeNetns();
    const { netns } = host;
    const link = await host.parent();
    await netns.addNeighbour(link, options);
    expect(await shown(host, link)).toEqual([expect.objectContaining(expected)]);
    const [listed, ...others] = own(await netns.listNeighbours({ link }));
    expect(others).toEqual([]);
    const { state = 'permanent', proxy = false } = options;
    expect(listed).toEqual({
      address: expected.dst ?? options.address,
      family: options.address.includes(':') ? 'IPv6' : 'IPv4',
      linkIndex: (await indexesOf(host))(link),
      mac: proxy ? null : (expected.lladdr ?? mac),
      state: proxy ? 'none' : state,
      router: options.router ?? false,
      proxy,
      protocol: options.protocol === undefined ? 'unspec' : String(options.protocol),
    });
    await netns.removeNeighbour(link, listed as Neighbour);
    expect(await shown(host, link)).toEqual([]);
  });

  test('neighbours of several links and both families, one link and one family', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    const links = [await host.parent(), await host.parent()] as const;
    for (const link of links) {
      await host.ip('neigh', 'add', '10.0.0.9', 'lladdr', mac, 'dev', link);
      await host.ip('neigh', 'add', 'fd00::9', 'lladdr', mac, 'dev', link);
      await host.ip('neigh', 'add', 'proxy', '10.0.0.10', 'dev', link);
    }
    const [first, second] = links.map(await indexesOf(host));
    const text = (neighbours: readonly Neighbour[]) =>
      own(neighbours).map(({ address, linkIndex }) => `${address} ${linkIndex}`);
    const ipv4 = [`10.0.0.9 ${second}`, `10.0.0.10 ${second}`];
    expect(text(await netns.listNeighbours({ link: links[1], family: 'IPv4' }))).toEqual(ipv4);
    expect(text(await netns.listNeighbours({ link: second }))).toHaveLength(3);
    const both = [`fd00::9 ${first}`, `fd00::9 ${second}`];
    expect(text(await netns.listNeighbours({ family: 'IPv6' })).sort()).toEqual(both.sort());
    expect(text(await netns.listNeighbours())).toHaveLength(6);
    expect(text(await netns.listNeighbours({ link: 'lo' }))).toEqual([]);
    for (const nobody of [4711, 'nobody']) {
      const error = await refusalOf(netns.listNeighbours({ link: nobody }));
      expect(error).toMatchObject({ code: 'ENODEV', hint: expect.stringContaining('filter.link') });
    }
  });

  test('what is listed can be added again, elsewhere and from JSON, but for what has not answered', async () => {
    const host = await bed.makeNetns();
    const elsewhere = await bed.makeNetns();
    const [link, there] = [await host.parent(), await elsewhere.parent()];
    const made = [
      `10.0.0.1 lladdr ${mac} nud permanent protocol static`,
      `10.0.0.2 lladdr ${mac} nud noarp`,
      `10.0.0.3 lladdr ${mac} nud stale protocol 77`,
      `10.0.0.4 lladdr ${mac} nud probe`,
      `10.0.0.5 nud failed`,
      `fd00::1 lladdr ${mac} nud reachable router`,
      'proxy 10.0.0.6',
      'proxy fd00::6',
      'proxy fd00::7 router',
    ];
    await host.ipBatch(made.map((one) => `neigh replace ${one} dev ${link}`));
    const listed = own(await host.netns.listNeighbours({ link }));
    expect(listed).toHaveLength(made.length);
    const again: Neighbour[] = JSON.parse(JSON.stringify(listed));
    for (const neighbour of again) {
      const done = elsewhere.netns.addNeighbour(there, neighbour);
      if (neighbour.address !== '10.0.0.5') await done;
      else expect((await refusalOf(done)).message).toContain('neighbour.state must be');
    }
    const key = ({ dst, proxy }: IpNeighbour) => `${proxy} ${dst}`;
    const byKey = (one: IpNeighbour, other: IpNeighbour) => key(one).localeCompare(key(other));
    const expected = (await shown(host, link))
      .filter(({ dst }) => dst !== '10.0.0.5')
      .map((one) => (one.dst === '10.0.0.4' ? { ...one, state: ['STALE'] } : one));
    expect((await shown(elsewhere, there)).sort(byKey)).toEqual(expected.sort(byKey));
  });

  test('thousands are listed', async () => {
    const host = await bed.makeNetns();
    const link = await host.parent();
    const addresses = Array.from({ length: 3000 }, (_, at) => `10.1.${at >> 8}.${at & 255}`);
    await host.ipBatch(addresses.map((one) => `neigh add ${one} lladdr ${mac} dev ${link}`));
    // What goes meanwhile in a namespace that is being destroyed may make a listing lack some.
    await vi.waitFor(async () => {
      const listed = await host.netns.listNeighbours({ family: 'IPv4' });
      expect(listed.map(({ address }) => address).sort()).toEqual(addresses.sort());
    }, PATIENCE);
  });
});

test('the entry of whoever has answered is listed, and removed, so that the other is asked again', async () => {
  const host = await bed.makeNetns();
  const inside = await bed.makeNetns();
  const parent = await host.parent();
  const { netns } = host;
  const options = { parent, mode: 'bridge', up: true } as const;
  await netns.createMacvlan({ ...options, name: 'mine', addresses: ['10.0.0.1/24'] });
  const other = await netns.createMacvlan({
    ...options,
    name: 'other',
    netns: inside.netns,
    addresses: ['10.0.0.2/24'],
  });
  await host.run('ping', '-c', '1', '-W', '5', '10.0.0.2');
  const [found] = own(await netns.listNeighbours({ link: 'mine', family: 'IPv4' }));
  expect(found).toMatchObject({ address: '10.0.0.2', mac: other.mac });
  // Another one with the same address: packets go on to the MAC that is known.
  await netns.replaceNeighbour('mine', { address: '10.0.0.2', mac, state: 'permanent' });
  await expect(host.run('ping', '-c', '1', '-W', '1', '10.0.0.2')).rejects.toMatchObject({
    code: 1, // ping: no answer
  });
  await netns.removeNeighbour('mine', '10.0.0.2');
  await host.run('ping', '-c', '1', '-W', '5', '10.0.0.2');
  expect(await shown(host, 'mine')).toEqual([
    expect.objectContaining({ dst: '10.0.0.2', lladdr: other.mac }),
  ]);
});

test.each([
  ['IPv4', '10.0.0.50', '10.0.0.1/24', '10.0.0.2/24'],
  ['IPv6', 'fd00::50', 'fd00::1/64', 'fd00::2/64'],
] as const)(
  'a proxy of %s answers for an address, of IPv4 behind another link',
  async (family, address, mine, theirs) => {
    const host = await bed.makeNetns();
    const outside = await bed.makeNetns();
    const { netns } = host;
    const nodad = family === 'IPv6' ? ({ flags: ['nodad'] } as const) : {};
    const here = await netns.createLink({
      kind: 'veth',
      name: 'front',
      up: true,
      addresses: [{ address: mine, ...nodad }],
      peer: { name: 'out', netns: outside.netns, up: true },
    });
    await outside.netns.addAddress('out', { address: theirs, ...nodad });
    const [ip, forwarding] =
      family === 'IPv4' ? ['-4', 'ipv4.ip_forward'] : ['-6', 'ipv6.conf.all.forwarding'];
    await netns.setSysctl(`net.${forwarding}`, 1);
    if (family === 'IPv6') await netns.setSysctl('net.ipv6.conf.front.proxy_ndp', 1);
    else await netns.addRoute({ to: address, link: await host.parent() });
    await netns.addNeighbour('front', { address, proxy: true });
    await vi.waitFor(async () => {
      await outside.run('ping', ip, '-c', '1', '-W', '1', address).catch(() => {});
      const seen = await shown(outside, 'out');
      expect(seen).toContainEqual(expect.objectContaining({ dst: address, lladdr: here.mac }));
    }, PATIENCE);
  },
);

describe('refused', () => {
  test('addNeighbour of what is there says as what', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    const link = await host.parent();
    const other = { address: '10.0.0.9', mac: '02:00:5e:10:00:0a' };
    await netns.addNeighbour(await host.parent(), other);
    await netns.addNeighbour(link, { ...other, address: '10.0.0.8' });
    const first = { address: '10.0.0.9', mac, state: 'stale', protocol: 'static' } as const;
    await netns.addNeighbour(link, first);
    expect(await refusalOf(netns.addNeighbour(link, other))).toMatchObject({
      code: 'EEXIST',
      syscall: 'RTM_NEWNEIGH',
      target: link,
      hint: `The link '${link}' has an entry for 10.0.0.9 with the MAC ${mac}, in state 'stale': use replaceNeighbour.`,
    });
    await netns.replaceNeighbour(link, other);
    expect(await shown(host, link)).toContainEqual(
      expect.objectContaining({
        dst: '10.0.0.9',
        lladdr: other.mac,
        state: ['PERMANENT'],
        protocol: 'static',
      }),
    );
  });

  test('removeNeighbour of what is not there', async () => {
    const host = await bed.makeNetns();
    const link = await host.parent();
    await host.netns.addNeighbour(link, { address: '10.0.0.9', mac });
    const missing = [{ address: '10.0.0.9', proxy: true }, '10.0.0.8', { address: 'fd00::9' }];
    for (const neighbour of missing) {
      expect(await refusalOf(host.netns.removeNeighbour(link, neighbour))).toMatchObject({
        code: 'ENOENT',
        syscall: 'RTM_DELNEIGH',
        hint: 'The link has no such neighbour.',
      });
    }
    expect(await shown(host, link)).toHaveLength(1);
  });

  test.each<[NeighbourOptions, string]>([
    [{ address: '10.0.0.9' }, 'mac is required but for a proxy'],
    [{ address: '10.0.0.9/24', mac }, 'address must be an IP address'],
    [{ address: '10.0.0.9', mac, proxy: true }, 'mac is not for a proxy'],
  ])('%o leaves nothing behind', async (neighbour, says) => {
    const host = await bed.makeNetns();
    const link = await host.parent();
    const error = await refusalOf(host.netns.addNeighbour(link, neighbour));
    expect(error.message).toContain(`addNeighbour: neighbour.${says}`);
    expect(await shown(host, link)).toEqual([]);
  });
});

test('a neighbour on a link that has no MACs has none', async ({ skip }) => {
  const host = await bed.makeNetns();
  const tun = await host.tun(skip);
  await host.ip('link', 'set', tun, 'up');
  await host.ip('neigh', 'add', 'fd00::9', 'lladdr', mac, 'dev', tun);
  const listed = own(await host.netns.listNeighbours({ link: tun }));
  expect(listed).toEqual([expect.objectContaining({ address: 'fd00::9', mac: null })]);
});

test('the loopback link has one entry for all of IPv4', async () => {
  const host = await bed.makeNetns();
  await host.netns.addNeighbour('lo', { address: '10.0.0.8', mac: '02:00:5e:10:00:08' });
  await host.netns.addNeighbour('lo', { address: '10.0.0.9', mac });
  expect(await shown(host, 'lo')).toEqual([
    expect.objectContaining({ dst: '0.0.0.0', lladdr: mac }),
  ]);
});

test('what a link keeps without a carrier, with another MAC, and when it goes down', async () => {
  const host = await bed.makeNetns();
  const { netns } = host;
  const link = await host.parent();
  const peer = (await netns.getLink(link)).parent?.index as number;
  const states = ['permanent', 'noarp', 'reachable', 'stale'] as const;
  const addAll = async () => {
    for (const start of ['10.0.0.', 'fd00::'] as const) {
      for (const [at, state] of states.entries()) {
        await netns.replaceNeighbour(link, { address: `${start}${at + 1}`, mac, state });
      }
      await netns.addNeighbour(link, { address: `${start}50`, proxy: true });
    }
  };
  const kept = (addresses: readonly string[]) =>
    vi.waitFor(async () => {
      const left = await shown(host, link);
      expect(left.map(({ dst }) => dst).sort()).toEqual(addresses);
    }, PATIENCE);
  await addAll();
  await netns.setLink(peer, { up: false });
  // Linux 5.10 drops what is answered for as well.
  const proxies = isBefore(6, 1) ? [] : ['10.0.0.50', 'fd00::50'];
  await kept(['10.0.0.1', 'fd00::1', ...proxies].sort());
  await addAll();
  await netns.setLink(link, { mac: '02:00:5e:10:00:01' });
  await kept(['10.0.0.50', 'fd00::50']);
  await addAll();
  await netns.setLink(link, { up: false });
  await kept([]);
});
