/** How IPv4 behaves on a link: the option `ipv4` of new and of living links. */
import { describe, expect, test, vi } from 'vitest';
import type { Ipv4Settings } from '../../lib/index.js';
import { type Place, refusalOf, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

async function ground(): Promise<{ host: Place; parent: string }> {
  const host = await bed.place();
  return { host, parent: await host.parent() };
}

/** The settings of a link as /proc/sys shows them. */
async function sysctls(place: Place, link: string): Promise<Record<string, string>> {
  const folder = `/proc/sys/net/ipv4/conf/${link}`;
  const lines = (await place.run('grep', '-r', '', folder)).trim().split('\n');
  const entries = lines.map((line) => line.slice(folder.length + 1).split(':'));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Each option, a value that the kernel does not begin with, and the file and the text of both. */
const SETTINGS: readonly [Ipv4Settings, string, string][] = [
  [{ arpNotify: true }, 'arp_notify', '1'],
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
    const { host, parent } = await ground();
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

  test('sets them all at once, with what else is asked for', async () => {
    const { host, parent } = await ground();
    await host.netns.setLink(parent, { ipv4: ALL, addrGenMode: 'random', mtu: 1400 });
    expect(await sysctls(host, parent)).toMatchObject(ALL_SHOWN);
    expect(await host.link(parent)).toMatchObject({ mtu: 1400, inet6_addr_gen_mode: 'random' });
  });

  test('changes nothing when nothing is named', async () => {
    const { host, parent } = await ground();
    const before = await sysctls(host, parent);
    await host.netns.setLink(parent, { ipv4: {} });
    await host.netns.setLink(parent, { ipv4: { arpNotify: undefined } });
    expect(await sysctls(host, parent)).toEqual(before);
    const gone = await refusalOf(host.netns.setLink(4711, { ipv4: {} }));
    expect(gone).toMatchObject({ code: 'ENODEV' });
  });

  test('says why where the link has no IPv4', async () => {
    const { host } = await ground();
    await host.ip('link', 'set', 'lo', 'mtu', '60');
    const error = await refusalOf(host.netns.setLink('lo', { ipv4: { arpNotify: true } }));
    expect(error).toMatchObject({ code: 'EAFNOSUPPORT', operation: 'setLink', target: 'lo' });
    expect(error.hint).toContain("no IPv4 on 'lo'");
  });
});

describe('a new link', () => {
  test.each(['macvlan', 'veth', 'bridge'] as const)('of kind %s has them', async (kind) => {
    const { host, parent } = await ground();
    const home = await bed.place();
    const own = kind === 'macvlan' ? { kind, parent } : { kind };
    await host.netns.createLink({ ...own, name: 'm0', netns: home.netns, up: true, ipv4: ALL });
    expect(await sysctls(home, 'm0')).toMatchObject(ALL_SHOWN);
    expect((await home.link('m0')).flags).toContain('UP');
  });
});

/** The MAC that a place has for an address of its neighbours. */
async function macOf(place: Place, address: string): Promise<string | undefined> {
  const entries = JSON.parse(await place.ip('-j', 'neigh', 'show', address)) as {
    lladdr?: string;
  }[];
  return entries[0]?.lladdr;
}

test('a container that comes back with another MAC is known to its neighbours by that one', async () => {
  const { host, parent } = await ground();
  const home = await bed.place();
  const common = { parent, mode: 'bridge', up: true } as const;
  await host.netns.createMacvlan({ ...common, name: 'other', addresses: ['10.1.1.1/24'] });
  const container = { ...common, netns: home.netns, name: 'eth0', addresses: ['10.1.1.2/24'] };
  await host.netns.createMacvlan({ ...container, mac: '02:00:00:00:00:0a' });
  await host.run('ping', '-c', '1', '-W', '5', '10.1.1.2');
  expect(await macOf(host, '10.1.1.2')).toBe('02:00:00:00:00:0a');
  await home.netns.deleteLink('eth0');
  const ipv4 = { arpNotify: true };
  await host.netns.createMacvlan({ ...container, mac: '02:00:00:00:00:0b', ipv4 });
  const known = (mac: string) =>
    vi.waitFor(async () => expect(await macOf(host, '10.1.1.2')).toBe(mac), PATIENCE);
  await known('02:00:00:00:00:0b');
  await home.netns.setLink('eth0', { mac: '02:00:00:00:00:0c' });
  await known('02:00:00:00:00:0c');
});
