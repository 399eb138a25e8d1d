/** How IPv4 behaves on a link: the option `ipv4` of new and of living links. */
import { describe, expect, test, vi } from 'vitest';
import type { CreateMacvlanOptions, Ipv4Settings } from '../../lib/index.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

const setUp = () => bed.makeHost();

/** The settings of a link as /proc/sys shows them. */
async function sysctls(host: TestNetns, link: string): Promise<Record<string, string>> {
  const folder = `/proc/sys/net/ipv4/conf/${link}`;
  const lines = (await host.run('grep', '-r', '', folder)).trim().split('\n');
  const entries = lines.map((line) => line.slice(folder.length + 1).split(':'));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Each option, a value that the kernel does not begin with, and the file and the text of both. */
const SETTINGS: readonly [Ipv4Settings, string, string][] = [
  [{ arpNotify: true }, 'arp_notify', '1'],
  [{ arpFilter: true }, 'arp_filter', '1'],
  [{ arpIgnore: 8 }, 'arp_ignore', '8'],
  [{ arpAnnounce: 2 }, 'arp_announce', '2'],
  [{ arpAccept: 2 }, 'arp_accept', '2'],
  [{ proxyArp: true }, 'proxy_arp', '1'],
  [{ rpFilter: 2 }, 'rp_filter', '2'],
  [{ acceptLocal: true }, 'accept_local', '1'],
  [{ promoteSecondaries: true }, 'promote_secondaries', '1'],
];
const ALL: Ipv4Settings = Object.assign({}, ...SETTINGS.map(([setting]) => setting));
const ALL_SHOWN = Object.fromEntries(SETTINGS.map(([, file, value]) => [file, value]));
const OFF = {
  arpNotify: false,
  arpFilter: false,
  arpIgnore: 0,
  arpAnnounce: 0,
  arpAccept: 0,
  proxyArp: false,
  rpFilter: 0,
  acceptLocal: false,
  promoteSecondaries: false,
} as const satisfies Required<Ipv4Settings>;

describe('setLink', () => {
  test.each(SETTINGS)('sets %o and nothing else', async (setting, file, value) => {
    const { host, parent } = await setUp();
    await host.netns.setLink(parent, { ipv4: OFF });
    const before = await sysctls(host, parent);
    const shown = await host.link(parent);
    await host.netns.setLink(parent, { ipv4: setting });
    expect(await sysctls(host, parent)).toEqual({ ...before, [file]: value });
    expect(await host.link(parent)).toEqual(shown);
    const [option] = Object.keys(setting) as (keyof Ipv4Settings)[];
    await host.netns.setLink(parent, { ipv4: { [option as string]: OFF[option as 'rpFilter'] } });
    expect(await sysctls(host, parent)).toEqual(before);
  });

  test('sets them all at once, together with other changes', async () => {
    const { host, parent } = await setUp();
    await host.netns.setLink(parent, { ipv4: ALL, addrGenMode: 'random', mtu: 1400 });
    expect(await sysctls(host, parent)).toMatchObject(ALL_SHOWN);
    expect(await host.link(parent)).toMatchObject({ mtu: 1400, inet6_addr_gen_mode: 'random' });
  });

  test('takes the settings from an instance of a class', async () => {
    const { host, parent } = await setUp();
    class Announcing {
      get arpNotify() {
        return true;
      }
    }
    await host.netns.setLink(parent, { ipv4: new Announcing() });
    await host.netns.setLink(parent, { ipv4: Object.create({ arpIgnore: 8 }) });
    expect(await sysctls(host, parent)).toMatchObject({ arp_notify: '1', arp_ignore: '8' });
  });

  test('changes nothing when nothing is named', async () => {
    const { host, parent } = await setUp();
    const before = await sysctls(host, parent);
    await host.netns.setLink(parent, { ipv4: {} });
    await host.netns.setLink(parent, { ipv4: { arpNotify: undefined } });
    expect(await sysctls(host, parent)).toEqual(before);
    const gone = await refusalOf(host.netns.setLink(4711, { ipv4: {} }));
    expect(gone).toMatchObject({ code: 'ENODEV' });
  });

  test('changes nothing when a change before it is refused', async () => {
    const { host, parent } = await setUp();
    const before = await sysctls(host, parent);
    const changes = { mtu: 100_000, ipv4: { arpNotify: true } };
    expect(await refusalOf(host.netns.setLink(parent, changes))).toMatchObject({ code: 'EINVAL' });
    expect(await sysctls(host, parent)).toEqual(before);
  });

  test('says why where the link has no IPv4, and changes nothing else', async () => {
    const { host } = await setUp();
    await host.ip('link', 'set', 'lo', 'mtu', '60');
    const before = await host.link('lo');
    const changes = { ipv4: { arpNotify: true }, alias: 'an alias' };
    const error = await refusalOf(host.netns.setLink('lo', changes));
    expect(await host.link('lo')).toEqual(before);
    expect(error).toMatchObject({ code: 'EAFNOSUPPORT', operation: 'setLink', target: 'lo' });
    expect(error.hint).toContain("no IPv4 on 'lo'");
  });
});

describe('a new link', () => {
  test.each(['macvlan', 'veth', 'bridge'] as const)('of kind %s has them', async (kind) => {
    const { host, parent } = await setUp();
    const home = await bed.makeNetns();
    const own = kind === 'macvlan' ? { kind, parent } : { kind };
    await host.netns.createLink({ ...own, name: 'm0', netns: home.netns, up: true, ipv4: ALL });
    expect(await sysctls(home, 'm0')).toMatchObject(ALL_SHOWN);
    expect((await home.link('m0')).flags).toContain('UP');
  });
});

/** The MAC that a namespace has for the address of a neighbour. */
async function macOf(host: TestNetns, address: string): Promise<string | undefined> {
  const json = await host.ip('-j', 'neigh', 'show', address);
  return (JSON.parse(json) as { lladdr?: string }[])[0]?.lladdr;
}

describe('arpNotify', () => {
  const OLD = '02:00:00:00:00:0a';
  const NEW = '02:00:00:00:00:0b';
  const ADDRESS = '10.1.1.2';
  const ipv4 = { arpNotify: true };

  /** A neighbour that knows a container, which is gone again, by the old MAC. */
  async function neighbours(mode: 'bridge' | 'passthru' = 'bridge') {
    const host = await bed.makeNetns();
    const home = await bed.makeNetns();
    const parent = await host.parent(mode === 'passthru' ? { mac: NEW } : {});
    const other = (await host.names()).find((name) => name !== parent) as string;
    await host.ip('address', 'add', '10.1.1.1/24', 'dev', other);
    await host.ip('neigh', 'add', ADDRESS, 'lladdr', OLD, 'dev', other, 'nud', 'stale');
    expect(await macOf(host, ADDRESS)).toBe(OLD);
    const mac = mode === 'passthru' ? {} : { mac: NEW };
    const container = { parent, mode, netns: home.netns, name: 'eth0', up: true, ...mac };
    return { host, home, other, container: { ...container, addresses: [`${ADDRESS}/24`] } };
  }

  const known = (host: TestNetns, mac: string) =>
    vi.waitFor(async () => expect(await macOf(host, ADDRESS)).toBe(mac), PATIENCE);

  test.each(['bridge', 'passthru'] as const)(
    'tells the neighbours of a link in mode %s',
    async (mode) => {
      const { host, home, container } = await neighbours(mode);
      await host.netns.createMacvlan({ ...container, ipv4 } as CreateMacvlanOptions);
      await known(host, NEW);
      await home.netns.setLink('eth0', { mac: '02:00:00:00:00:0c' });
      await known(host, '02:00:00:00:00:0c');
    },
  );

  test('tells the neighbours of a veth whose peer comes up with it', async () => {
    const host = await bed.makeNetns();
    const home = await bed.makeNetns();
    await host.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/arp_accept');
    await host.netns.createLink({
      kind: 'veth',
      name: 'eth0',
      netns: home.netns,
      mac: NEW,
      up: true,
      addresses: [`${ADDRESS}/24`],
      peer: { name: 'h0', netns: host.netns, up: true },
      ipv4,
    });
    await known(host, NEW);
  });

  test.each([
    ['an alternative name is taken', { altNames: ['lo'] }, 'altNames'],
    [
      'an address is there twice',
      { addresses: [`${ADDRESS}/24`, `${ADDRESS}/24`] },
      'addresses[1]',
    ],
    ['a route leads nowhere', { routes: [{ to: '10.9.0.0/16', via: '192.0.2.1' }] }, 'routes[0]'],
  ] as const)('sends nothing about a link that cannot be finished: %s', async (_, more, part) => {
    const { host, home, other, container } = await neighbours();
    const refused = await refusalOf(
      host.netns.createMacvlan({ ...container, ...more, ipv4 } as CreateMacvlanOptions),
    );
    expect(refused).toMatchObject({ part });
    // What is announced later arrives later.
    const marker = { ...container, addresses: ['10.1.1.9/24'], mac: '02:00:00:00:00:0d' };
    await host.ip('neigh', 'add', '10.1.1.9', 'lladdr', OLD, 'dev', other, 'nud', 'stale');
    await host.netns.createMacvlan({ ...marker, ipv4 } as CreateMacvlanOptions);
    await vi.waitFor(
      async () => expect(await macOf(host, '10.1.1.9')).toBe('02:00:00:00:00:0d'),
      PATIENCE,
    );
    expect(await macOf(host, ADDRESS)).toBe(OLD);
    expect(await home.names()).toEqual(['eth0']);
  });
});
