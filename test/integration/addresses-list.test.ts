// What `listAddresses` returns for addresses that `ip address` made, and for very many.
import { describe, expect, test, vi } from 'vitest';
import type { Netns } from '../../lib/index.js';
import { addressBench, expectedAddress, type IpAddress } from '../support/inet.js';
import { refusalOf, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

describe('listAddresses', () => {
  test('shows every address of the namespace as ip does', async () => {
    const { host, netns, link } = await addressBench(bed);
    const second = await host.parent();
    const commands = [
      ['10.0.0.1/24', 'brd', '+', 'dev', link, 'label', `${link}:x`.slice(-15)],
      ['10.0.0.2/24', 'dev', link],
      ['10.0.0.3/24', 'dev', link, 'preferred_lft', '0'],
      ['10.1.0.1', 'peer', '10.1.0.2/30', 'dev', link, 'scope', '10'],
      ['fd00::1/64', 'nodad', 'home', 'mngtmpaddr', 'noprefixroute', 'dev', link],
      ['fd00::9', 'peer', 'fd01::1/64', 'dev', second, 'metric', '9'],
      ['fd00::7/128', 'preferred_lft', '0', 'dev', second],
    ];
    for (const command of commands) await host.ip('address', 'add', ...command);
    const shown = JSON.parse(await host.ip('-j', '-d', 'address', 'show')) as {
      ifindex: number;
      addr_info: IpAddress[];
    }[];
    const all = shown.flatMap(({ ifindex, addr_info: addresses }) =>
      addresses.map((address) => expect.objectContaining(expectedAddress(address, ifindex))),
    );
    const listed = await netns.listAddresses();
    expect(listed).toEqual(expect.arrayContaining(all));
    expect(listed).toHaveLength(all.length);
  });

  test('shows the flags that only the kernel sets', async () => {
    const { host, netns, link, shown } = await addressBench(bed);
    const { ifindex, link: peer = '' } = await host.link(link);
    const conf = `/proc/sys/net/ipv6/conf/${link}`;
    const script = `echo fd00::9 > ${conf}/stable_secret && echo 2 > ${conf}/use_tempaddr`;
    await host.run('sh', '-c', script);
    for (const state of ['down', 'up']) await host.ip('link', 'set', link, state);
    await host.settled(link);
    await host.ip('address', 'add', 'fd00::1/64', 'dev', link, 'mngtmpaddr');
    // The other end of the veth pair has this address already.
    await host.ip('address', 'add', 'fd07::7/64', 'dev', peer, 'nodad');
    await host.ip('address', 'add', 'fd07::7/64', 'dev', link);
    const all = await vi.waitFor(async () => {
      const now = await shown();
      const known = now.filter(({ tentative, dadfailed }) => tentative !== true || dadfailed);
      expect(known).toEqual(now);
      const flags = new Set(now.flatMap((address) => Object.keys(address)));
      for (const flag of ['dadfailed', 'temporary', 'stable-privacy'])
        expect(flags).toContain(flag);
      return now;
    }, PATIENCE);
    const listed = await netns.listAddresses({ link });
    const expected = all.map((one) => expect.objectContaining(expectedAddress(one, ifindex)));
    expect(listed).toEqual(expect.arrayContaining(expected));
    expect(listed).toHaveLength(all.length);
  });

  test('what it lists can be added again, also to another link', async () => {
    const { host, netns, link } = await addressBench(bed);
    const second = await host.parent();
    const commands = [
      ['10.0.0.1/24', 'brd', '+', 'dev', link, 'label', `${link}:x`.slice(-15)],
      ['10.0.0.2/24', 'dev', link, 'metric', '7'],
      ['10.1.0.1', 'peer', '10.1.0.2/30', 'dev', link, 'scope', '10'],
      ['fd00::1/64', 'nodad', 'home', 'mngtmpaddr', 'noprefixroute', 'dev', link],
      ['fd00::9', 'peer', 'fd01::1/64', 'dev', link, 'nodad'],
      ['fd00::7/128', 'preferred_lft', '0', 'dev', link, 'nodad'],
    ];
    for (const command of commands) await host.ip('address', 'add', ...command);
    const shown = async (name: string) => {
      const [{ addr_info: all }] = JSON.parse(
        await host.ip('-j', '-d', 'address', 'show', 'dev', name),
      );
      // The kernel lists the newest IPv6 address first.
      return (all as IpAddress[]).sort((a, b) => a.local.localeCompare(b.local));
    };
    const before = await shown(link);
    const listed = await netns.listAddresses({ link });
    const takeOff = async () => {
      // Removing the first address of a subnet would remove the others, too.
      for (const address of [...listed].reverse()) await netns.removeAddress(link, address);
    };
    await takeOff();
    expect(await shown(link)).toEqual([]);
    for (const address of JSON.parse(JSON.stringify(listed))) await netns.addAddress(link, address);
    expect(await shown(link)).toEqual(before);
    await takeOff();
    for (const address of listed) await netns.replaceAddress(second, address);
    const own = ({ label, ...address }: IpAddress) =>
      label === link ? { ...address, label: second } : { ...address, ...(label && { label }) };
    expect(await shown(second)).toEqual(before.map(own));
    const options = {
      parent: second,
      name: 'm0',
      addresses: listed.filter(({ address }) => address === '10.0.0.2'),
    };
    await netns.createMacvlan(options);
    expect(await host.addresses('m0')).toEqual(['10.0.0.2/24']);
  });

  test('can be filtered by link and family', async () => {
    const { host, netns, link } = await addressBench(bed);
    const second = await host.parent();
    for (const one of [link, second]) {
      await host.ip('address', 'add', '10.0.0.1/32', 'dev', one);
      await host.ip('address', 'add', 'fd00::1/128', 'dev', one);
    }
    const cidrs = async (filter: Parameters<Netns['listAddresses']>[0]) =>
      (await netns.listAddresses(filter)).map(({ cidr }) => cidr);
    expect(await cidrs({ link })).toEqual(['10.0.0.1/32', 'fd00::1/128']);
    expect(await cidrs({ link, family: 'IPv6' })).toEqual(['fd00::1/128']);
    expect(await cidrs({ family: 'IPv4' })).toEqual(['127.0.0.1/8', '10.0.0.1/32', '10.0.0.1/32']);
    const { ifindex } = await host.link(second);
    const listed = await netns.listAddresses({ link: ifindex });
    expect(new Set(listed.map(({ linkIndex }) => linkIndex))).toEqual(new Set([ifindex]));
    for (const gone of ['nobody', 987_654, { index: 987_654 }]) {
      const error = await refusalOf(netns.listAddresses({ link: gone }));
      expect(error).toMatchObject({ code: 'ENODEV', part: 'link' });
      expect(error.hint).toContain('filter.link');
    }
    await host.ip('link', 'add', 'bare', 'type', 'bridge');
    const bare = (await host.link('bare')).ifindex;
    expect(await netns.listAddresses({ link: bare })).toEqual([]);
  });

  test('is complete when there are thousands', async () => {
    const { host, netns, link } = await addressBench(bed);
    const wanted = Array.from({ length: 3000 }, (_, at) => `10.7.${at >> 8}.${at & 255}/32`);
    await Promise.all(wanted.map((address) => netns.addAddress(link, address)));
    expect(await host.addresses(link)).toEqual(wanted);
    expect((await netns.listAddresses({ link })).map(({ cidr }) => cidr)).toEqual(wanted);
  });
});
