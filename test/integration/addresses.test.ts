// Addresses of both families: what was requested is compared with what `ip address` shows.
import { describe, expect, test } from 'vitest';
import type { Address, AddressOptions } from '../../lib/index.js';
import { addressBench, expectedAddress, FOR_EVER, type IpAddress } from '../support/inet.js';
import { isBefore, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const cases: [string, string | AddressOptions, Partial<IpAddress>][] = [
  [
    'IPv4',
    '52.1.1.151/24',
    { family: 'inet', local: '52.1.1.151', prefixlen: 24, scope: 'global' },
  ],
  ['IPv4, as an object', { address: '10.0.0.1', prefixLength: 8 }, { prefixlen: 8 }],
  ['IPv4, a single one', '10.0.0.1/32', { prefixlen: 32 }],
  ['IPv4, any prefix', '10.0.0.1/0', { prefixlen: 0 }],
  ['IPv6', 'fd00::1/64', { family: 'inet6', local: 'fd00::1', prefixlen: 64, scope: 'global' }],
  ['IPv6, long form', 'FD00:0:0:0:0:0:0:1/128', { local: 'fd00::1', prefixlen: 128 }],
  ['IPv6, link-local', 'fe80::1/64', { local: 'fe80::1', scope: 'link' }],
  ['IPv6, mapped', '64:ff9b::10.0.0.1/96', { local: '64:ff9b::a00:1' }],
  ['broadcast', { address: '10.0.0.1/24', broadcast: '10.0.0.255' }, { broadcast: '10.0.0.255' }],
  ['scope link', { address: '10.0.0.1/24', scope: 'link' }, { scope: 'link' }],
  ['scope host', { address: '10.0.0.1/24', scope: 'host' }, { scope: 'host' }],
  ['scope site', { address: '10.0.0.1/24', scope: 'site' }, { scope: 'site' }],
  ['scope by number', { address: '10.0.0.1/24', scope: 77 }, { scope: '77' }],
  [
    'IPv4 peer',
    { address: '10.0.0.1/32', peer: '10.0.0.2' },
    { local: '10.0.0.1', address: '10.0.0.2', prefixlen: 32 },
  ],
  [
    'IPv6 peer',
    { address: 'fd00::1/64', peer: 'fd01::1' },
    { local: 'fd00::1', address: 'fd01::1', prefixlen: 64 },
  ],
  ['IPv4 metric', { address: '10.0.0.1/24', metric: 77 }, { metric: 77 }],
  ['IPv6 metric', { address: 'fd00::1/64', metric: 4_294_967_295 }, { metric: 4_294_967_295 }],
  ['no flags', { address: 'fd00::1/64', flags: [] }, {}],
  ['nodad', { address: 'fd00::1/64', flags: ['nodad'] }, { nodad: true }],
  ['home', { address: 'fd00::1/64', flags: ['home'] }, { home: true }],
  ['mngtmpaddr', { address: 'fd00::1/64', flags: ['mngtmpaddr'] }, { mngtmpaddr: true }],
  ['noprefixroute', { address: 'fd00::1/64', flags: ['noprefixroute'] }, { noprefixroute: true }],
  [
    'IPv4 noprefixroute',
    { address: '10.0.0.1/24', flags: ['noprefixroute'] },
    { noprefixroute: true },
  ],
  ['IPv4 autojoin', { address: '239.1.1.1/32', flags: ['autojoin'] }, { autojoin: true }],
  ['IPv6 autojoin', { address: 'ff05::1:3/128', flags: ['autojoin'] }, { autojoin: true }],
  [
    'many flags at once',
    { address: 'fd00::1/64', flags: ['nodad', 'home', 'mngtmpaddr', 'noprefixroute'] },
    { nodad: true, home: true, mngtmpaddr: true, noprefixroute: true },
  ],
  [
    'lifetimes for ever',
    { address: '10.0.0.1/24', validLifetime: Infinity, preferredLifetime: Infinity },
    { valid_life_time: FOR_EVER, preferred_life_time: FOR_EVER },
  ],
  [
    'not preferred',
    { address: 'fd00::1/64', preferredLifetime: 0 },
    { valid_life_time: FOR_EVER, preferred_life_time: 0, deprecated: true },
  ],
];

test.each(cases)(
  '%s: is on the link as asked for, is listed as ip shows it, and is removed',
  async (_, asked, shows) => {
    const { netns, link, shown, host } = await addressBench(bed);
    await netns.addAddress(link, asked);
    const [first, ...others] = await shown();
    expect(others).toEqual([]);
    expect(first).toMatchObject(shows);
    const { ifindex } = await host.link(link);
    const [listed, ...more] = await netns.listAddresses({ link });
    expect(listed).toEqual({
      ...expectedAddress(first as IpAddress, ifindex),
      validLifetime: Infinity,
      preferredLifetime: shows.preferred_life_time === 0 ? 0 : Infinity,
    });
    expect(more).toEqual([]);
    await netns.removeAddress(link, asked);
    expect(await shown()).toEqual([]);
    await netns.addAddress(link, asked);
    await netns.removeAddress(link, listed as Address);
    expect(await shown()).toEqual([]);
  },
);

describe('addAddress', () => {
  test('makes the prefix route, or not with noprefixroute', async () => {
    const { host, netns, link } = await addressBench(bed);
    const routes = async () =>
      (await host.ip('route', 'show', 'dev', link)) + (await host.ip('-6', 'route', 'show'));
    await netns.addAddress(link, { address: '10.1.0.1/16', metric: 55 });
    await netns.addAddress(link, { address: '10.2.0.1/16', flags: ['noprefixroute'] });
    await netns.addAddress(link, { address: 'fd01::1/64', metric: 66 });
    await netns.addAddress(link, { address: 'fd02::1/64', flags: ['noprefixroute'] });
    const text = await routes();
    expect(text).toMatch(/10\.1\.0\.0\/16 .*metric 55/);
    expect(text).toMatch(/fd01::\/64 .*metric 66/);
    expect(text).not.toContain('10.2.0.0');
    expect(text).not.toContain('fd02::/64');
  });

  test('with a label', async () => {
    const { netns, link, shown } = await addressBench(bed);
    const label = `${link}:1`.slice(-15);
    await netns.addAddress(link, { address: '10.0.0.1/24', label });
    expect(await shown()).toEqual([expect.objectContaining({ label })]);
    const [listed] = await netns.listAddresses({ link });
    expect(listed).toMatchObject({ label });
    await netns.removeAddress(link, listed as Address);
    expect(await shown()).toEqual([]);
  });

  test.each([['10.0.0.1/24'], ['fd00::1/64']])('with lifetimes: %s', async (address) => {
    const { netns, link, shown } = await addressBench(bed);
    await netns.addAddress(link, { address, validLifetime: 4000, preferredLifetime: 2000 });
    const [first] = await shown();
    expect(first).toMatchObject({ dynamic: true });
    const [listed] = await netns.listAddresses({ link });
    const times = [
      [first?.valid_life_time, first?.preferred_life_time],
      [listed?.validLifetime, listed?.preferredLifetime],
    ] as const;
    // Lifetimes run down.
    for (const [valid = 0, preferred = 0] of times) {
      expect([valid > 3000, valid <= 4000, preferred > 1000, preferred <= 2000]).toEqual(
        Array(4).fill(true),
      );
    }
    expect(listed?.flags).toContain('dynamic');
  });

  test('a valid lifetime alone is the preferred one too', async () => {
    const { netns, link, shown } = await addressBench(bed);
    await netns.addAddress(link, { address: '10.0.0.1/24', validLifetime: 5000 });
    const [{ valid_life_time: valid, preferred_life_time: preferred } = {} as IpAddress] =
      await shown();
    expect(preferred).toBe(valid);
    expect(valid).toBeLessThanOrEqual(5000);
  });

  test('sets the flag optimistic where ip can do so, too', async () => {
    const { host, netns, link, shown } = await addressBench(bed);
    const sysctl = `/proc/sys/net/ipv6/conf/${link}/optimistic_dad`;
    await host.run('sh', '-c', `test ! -e ${sysctl} || echo 1 > ${sysctl}`);
    // While the link is down there is no duplicate address detection, and the flag stays.
    await host.ip('link', 'set', link, 'down');
    await host.ip('address', 'add', 'fd00::1/64', 'dev', link, 'optimistic');
    await netns.addAddress(link, { address: 'fd00::2/64', flags: ['optimistic'] });
    const states = (await shown()).map(({ local, optimistic }) => [local, optimistic]);
    const [, byIp] = states.find(([local]) => local === 'fd00::1') ?? [];
    expect(states).toContainEqual(['fd00::2', byIp]);
    const listed = await netns.listAddresses({ link });
    const own = listed.find(({ address }) => address === 'fd00::2');
    expect(own?.flags.includes('optimistic')).toBe(byIp === true);
  });

  test('a second one in the prefix is secondary', async () => {
    const { netns, link, shown } = await addressBench(bed);
    await netns.addAddress(link, '10.0.0.1/24');
    await netns.addAddress(link, '10.0.0.2/24');
    expect((await shown()).map(({ secondary }) => secondary)).toEqual([undefined, true]);
    const listed = await netns.listAddresses({ link });
    expect(listed.map(({ flags }) => flags)).toEqual([['permanent'], ['secondary', 'permanent']]);
  });

  test('on loopback, 127/8 is of scope host', async () => {
    const { host, netns } = await addressBench(bed);
    await netns.addAddress('lo', '127.1.2.3/8');
    const [lo] = JSON.parse(await host.ip('-j', 'address', 'show', 'dev', 'lo'));
    expect(lo.addr_info).toContainEqual(
      expect.objectContaining({ local: '127.1.2.3', prefixlen: 8, scope: 'host' }),
    );
  });

  test('refuses an address that is there already', async () => {
    const { netns, link } = await addressBench(bed);
    for (const address of ['10.0.0.1/24', 'fd00::1/64']) {
      await netns.addAddress(link, address);
      const error = await refusalOf(netns.addAddress(link, address));
      expect(error).toMatchObject({
        code: 'EEXIST',
        syscall: 'RTM_NEWADDR',
        operation: 'addAddress',
        target: link,
        hint: `The link '${link}' has ${address} already.`,
      });
    }
    await netns.addAddress(link, '10.0.0.1/16');
    const wider = await refusalOf(netns.addAddress(link, '10.0.0.1/16'));
    expect(wider.hint).toContain('10.0.0.1/16');
    const withPeer = { address: '10.0.1.1/24', peer: '10.0.2.1' };
    await netns.addAddress(link, withPeer);
    const again = await refusalOf(netns.addAddress(link, withPeer));
    expect(again.hint).toBe(`The link '${link}' has 10.0.1.1/24 with the peer 10.0.2.1 already.`);
  });

  test('passes on the kernel’s own message', async ({ skip }) => {
    skip(isBefore(6, 6), 'Linux before 6.6 says nothing about IPv6 addresses');
    const { host, netns, link } = await addressBench(bed);
    await host.run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${link}/disable_ipv6`);
    const error = await refusalOf(netns.addAddress(link, 'fd00::1/64'));
    expect(error.code).toBe('EACCES');
    expect(error.kernelMessage).toContain('IPv6 is disabled');
  });

  test('names a link that does not exist', async () => {
    const { netns } = await addressBench(bed);
    const byName = await refusalOf(netns.addAddress('nobody', '10.0.0.1/24'));
    expect(byName).toMatchObject({ code: 'ENODEV', target: 'nobody' });
    const byIndex = await refusalOf(netns.addAddress(4242, '10.0.0.1/24'));
    expect(byIndex).toMatchObject({ code: 'ENODEV', target: 4242 });
  });

  test('takes a link by name, alternative name, index or Link, and refuses a Link of another namespace', async () => {
    const { host, netns, link, shown } = await addressBench(bed);
    await host.ip('link', 'property', 'add', 'dev', link, 'altname', 'another-name-that-is-long');
    const { ifindex } = await host.link(link);
    const object = await netns.getLink(link);
    const refs = [link, 'another-name-that-is-long', ifindex, object, { index: ifindex }];
    for (const [at, ref] of refs.entries()) await netns.addAddress(ref, `10.0.${at}.1/24`);
    expect((await shown()).length).toBe(refs.length);
    const other = await bed.makeNetns();
    const error = await refusalOf(other.netns.addAddress(object, '10.9.9.9/24'));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await other.ip('address', 'show')).not.toContain('10.9.9.9');
  });
});

describe('replaceAddress', () => {
  test.each([['10.0.0.1/24'], ['fd00::1/64']])(
    'changes the times in place: %s',
    async (address) => {
      const { netns, link, shown } = await addressBench(bed);
      await netns.addAddress(link, { address, validLifetime: 1000, preferredLifetime: 500 });
      await netns.replaceAddress(link, { address, validLifetime: 9000, preferredLifetime: 0 });
      const [first, ...others] = await shown();
      expect(others).toEqual([]);
      expect(first?.valid_life_time).toBeGreaterThan(1000);
      expect(first).toMatchObject({ preferred_life_time: 0, deprecated: true });
      const [listed] = await netns.listAddresses({ link });
      await netns.replaceAddress(link, { ...(listed as Address), preferredLifetime: 500 });
      const [preferred] = await shown();
      expect(preferred?.preferred_life_time).toBeGreaterThan(400);
      expect(preferred).not.toHaveProperty('deprecated');
      await netns.replaceAddress(link, address);
      expect(await shown()).toEqual([
        expect.objectContaining({ valid_life_time: FOR_EVER, preferred_life_time: FOR_EVER }),
      ]);
    },
  );

  test.each(['replaceAddress', 'addAddress'] as const)(
    'refuses another prefix length also of an IPv6 address that %s adds at the same time',
    async (operation) => {
      const { netns, link, shown } = await addressBench(bed);
      const index = (await netns.getLink(link)).index;
      const results = await Promise.allSettled([
        netns.replaceAddress(index, 'fd00::1/64'),
        netns[operation](index, 'fd00::1/48'),
      ]);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const refused = results.find((one) => one.status === 'rejected');
      expect(refused?.reason).toMatchObject({ name: 'NetlinkError', code: 'EEXIST' });
      const length = results[0].status === 'fulfilled' ? 64 : 48;
      expect(await shown()).toMatchObject([{ local: 'fd00::1', prefixlen: length }]);
    },
  );

  test('replaces an IPv6 address that another call adds at the same time', async () => {
    const { netns, link, shown } = await addressBench(bed);
    const { index } = await netns.getLink(link);
    const address = 'fd00::1/64';
    await Promise.all([
      netns.replaceAddress(index, { address, metric: 7 }),
      netns.replaceAddress(index, { address, metric: 9 }),
    ]);
    expect(await shown()).toMatchObject([{ local: 'fd00::1', metric: 9 }]);
  });

  test('refuses another prefix length of an IPv6 address, which the kernel would ignore', async () => {
    const { netns, link, shown } = await addressBench(bed);
    await netns.addAddress(link, { address: 'fd00::1/64', validLifetime: 1000, metric: 77 });
    const error = await refusalOf(
      netns.replaceAddress(link, { address: 'fd00::1/48', metric: 99 }),
    );
    expect(error).toMatchObject({ name: 'NetlinkError', code: 'EEXIST', target: link });
    expect(error.hint).toContain('fd00::1/64');
    const [first, ...others] = await shown();
    expect(others).toEqual([]);
    expect(first).toMatchObject({ prefixlen: 64, metric: 77 });
    expect(first?.valid_life_time).toBeLessThanOrEqual(1000);
    // In IPv4 these are two addresses.
    await netns.addAddress(link, '10.0.0.1/24');
    await netns.replaceAddress(link, '10.0.0.1/25');
    const lengths = (await shown()).map(({ prefixlen }) => prefixlen);
    expect(lengths).toEqual([24, 25, 64]);
  });

  test('says that there is no link although another one has the IPv6 address', async () => {
    const { netns, link } = await addressBench(bed);
    await netns.addAddress(link, 'fd00::1/64');
    const error = await refusalOf(netns.replaceAddress(99_999, 'fd00::1/48'));
    expect(error).toMatchObject({ code: 'ENODEV', target: 99_999 });
  });

  test('changes the peer of an IPv6 address when one is given', async () => {
    const { netns, link, shown } = await addressBench(bed);
    const address = 'fd00::1/128';
    const peers = async () => (await shown()).map(({ address: peer }) => peer);
    await netns.addAddress(link, { address, peer: 'fd00::2' });
    await netns.replaceAddress(link, { address, peer: 'fd00::3' });
    expect(await peers()).toEqual(['fd00::3']);
    await netns.replaceAddress(link, address);
    expect(await peers()).toEqual(['fd00::3']);
  });

  test('adds one that is not there', async () => {
    const { netns, link, shown } = await addressBench(bed);
    await netns.replaceAddress(link, '10.0.0.1/24');
    await netns.replaceAddress(link, 'fd00::1/64');
    expect((await shown()).map(({ local }) => local)).toEqual(['10.0.0.1', 'fd00::1']);
  });
});

test('an address as it was listed may lack any field but two', async () => {
  const { netns, link } = await addressBench(bed);
  for (const address of ['10.0.0.1/24', 'fd00::1/64']) {
    await netns.addAddress(link, { address, flags: ['nodad'] });
  }
  for (const listed of await netns.listAddresses({ link })) {
    const { address, prefixLength, linkIndex } = listed;
    for (const key of Object.keys(listed).filter(
      (key) => !['address', 'linkIndex'].includes(key),
    )) {
      // Without a length it would be another address.
      const kept = key === 'prefixLength' ? { address: `${address}/${prefixLength}` } : {};
      await netns.replaceAddress(link, { ...listed, [key]: undefined, ...kept });
    }
    await netns.replaceAddress(link, { address, prefixLength, linkIndex });
    const now = await netns.listAddresses({ link });
    expect(now.map(({ cidr }) => cidr)).toContain(listed.cidr);
    await netns.removeAddress(link, { address, prefixLength, linkIndex });
  }
  expect(await netns.listAddresses({ link })).toEqual([]);
});

describe('removeAddress', () => {
  test('takes an address as it was listed, also from JSON, where Infinity is null', async () => {
    const { netns, link, shown } = await addressBench(bed);
    for (const address of ['10.0.0.1/24', 'fd00::1/64']) await netns.addAddress(link, address);
    for (const listed of JSON.parse(JSON.stringify(await netns.listAddresses({ link })))) {
      await netns.removeAddress(link, listed);
    }
    expect(await shown()).toEqual([]);
  });

  test.each(['', ':1'])(
    'takes an address with the label NAME%s that was listed before its link was renamed',
    async (end) => {
      const { host, netns, link } = await addressBench(bed);
      await host.ip('link', 'set', link, 'down');
      await host.ip('link', 'set', link, 'name', 'old');
      await netns.addAddress('old', { address: '10.0.0.1/24', label: `old${end}` });
      const [listed] = await netns.listAddresses({ link: 'old' });
      const index = listed?.linkIndex as number;
      await host.ip('link', 'set', 'old', 'name', 'renamed');
      expect(await netns.listAddresses({ link: index })).toMatchObject([{ label: 'renamed' }]);
      await netns.removeAddress(index, listed as Address);
      expect(await netns.listAddresses({ link: index })).toEqual([]);
      expect(await host.ip('-4', 'address', 'show', 'dev', 'renamed')).not.toContain('inet');
    },
  );

  test('removes the one that is meant', async () => {
    const { netns, link, shown } = await addressBench(bed);
    for (const address of [
      '10.0.0.1/24',
      '10.0.0.1/25',
      '10.0.0.2/24',
      'fd00::1/64',
      'fd00::2/64',
    ]) {
      await netns.addAddress(link, address);
    }
    await netns.removeAddress(link, '10.0.0.1/25');
    await netns.removeAddress(link, { address: 'fd00::1', prefixLength: 64 });
    const left = (await shown()).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
    expect(left).toEqual(['10.0.0.1/24', '10.0.0.2/24', 'fd00::2/64']);
  });

  test('and one with the peer 0.0.0.0, which another program has made', async () => {
    const { host, netns, link } = await addressBench(bed);
    await host.ip('address', 'add', '10.0.0.1/32', 'dev', link);
    await host.ip('address', 'add', '10.0.0.1', 'peer', '0.0.0.0', 'dev', link);
    const listed = await netns.listAddresses({ link, family: 'IPv4' });
    expect(listed.map(({ peer }) => peer)).toEqual([null, '0.0.0.0']);
    await netns.removeAddress(link, listed[1] as Address);
    expect(await netns.listAddresses({ link, family: 'IPv4' })).toEqual([listed[0]]);
    await netns.addAddress(link, listed[1] as Address);
    expect(await netns.listAddresses({ link, family: 'IPv4' })).toEqual(listed);
  });

  test('and one whose label is not UTF-8, which is added again without it', async () => {
    const { host, netns, link } = await addressBench(bed);
    await host.ip('link', 'set', link, 'down');
    await host.ip('link', 'set', link, 'name', 'old');
    // With eight such bytes the listed text is longer than a label may be.
    const add =
      'ip address add 10.0.0.1/24 dev old label "$(printf "old:\\377\\377\\377\\377\\377\\377\\377\\377")"';
    await host.run('sh', '-c', add);
    const [listed] = await netns.listAddresses({ link: 'old' });
    expect(listed?.label).toBe(`old:${'\ufffd'.repeat(8)}`);
    await netns.removeAddress('old', listed as Address);
    expect(await netns.listAddresses({ link: 'old' })).toEqual([]);
    await netns.addAddress('old', listed as Address);
    expect(await netns.listAddresses({ link: 'old' })).toEqual([{ ...listed, label: 'old' }]);
  });

  test('refuses one that is not there, and says so', async () => {
    const { netns, link } = await addressBench(bed);
    for (const address of ['10.0.0.1/24', 'fd00::1/64']) {
      const error = await refusalOf(netns.removeAddress(link, address));
      expect(error).toMatchObject({ code: 'EADDRNOTAVAIL', syscall: 'RTM_DELADDR', target: link });
      expect(error.hint).toContain('no such address');
    }
  });

  test.each<[string, AddressOptions, AddressOptions, string]>([
    [
      'another peer',
      { address: '10.0.0.1/32', peer: '10.1.0.1' },
      { address: '10.0.0.1/32' },
      '10.0.0.1/32 with the peer 10.1.0.1',
    ],
    [
      'another prefix length',
      { address: '10.0.0.1/24' },
      { address: '10.0.0.1/32' },
      '10.0.0.1/24',
    ],
    [
      'another label',
      { address: '10.0.0.1/24', label: 'LINK:1' },
      { address: '10.0.0.1/24', label: 'LINK' },
      "10.0.0.1/24 labelled 'LINK:1'",
    ],
    [
      'another prefix length of IPv6',
      { address: 'fd00::1/64' },
      { address: 'fd00::1/128' },
      'fd00::1/64',
    ],
  ])('refuses one that is there with %s, and says so', async (_, there, removed, shown) => {
    const { netns, link } = await addressBench(bed);
    const named = ({ label, ...rest }: AddressOptions): AddressOptions =>
      label === undefined ? rest : { ...rest, label: label.replace('LINK', link) };
    await netns.addAddress(link, named(there));
    const error = await refusalOf(netns.removeAddress(link, named(removed)));
    expect(error).toMatchObject({
      code: 'EADDRNOTAVAIL',
      hint: `The link '${link}' has ${shown.replace('LINK', link)}, and what is removed has to be the same.`,
    });
  });
});

test.each<[unknown, string]>([
  ['10.0.0.1', 'must say its prefix length'],
  ['10.0.0.1/33', 'address'],
  ['10.0.0.256/24', 'address'],
  ['fd00::1/129', 'address'],
  ['fe80::1%lo/64', 'address'],
  ['', 'address'],
  [{ address: '10.0.0.1/24', prefixLength: 25 }, 'prefixLength'],
  [{ address: '10.0.0.1' }, 'must say its prefix length'],
  [{ address: '10.0.0.1/24', peer: 'fd00::1' }, 'peer'],
  [{ address: 'fd00::1/64', label: 'eth0:1' }, 'label'],
  [{ address: 'fd00::1/64', broadcast: 'fd00::f' }, 'broadcast'],
  [{ address: '10.0.0.1/24', label: 'x'.repeat(16) }, 'label'],
  [{ address: '10.0.0.1/24', scope: 256 }, 'scope'],
  [{ address: '10.0.0.1/24', flags: ['permanent'] }, 'flags[0]'],
  [{ address: '10.0.0.1/24', validLifetime: 0 }, 'validLifetime'],
  [{ address: '10.0.0.1/24', validLifetime: 10, preferredLifetime: 11 }, 'preferredLifetime'],
  [{ address: '10.0.0.1/24', metric: -1 }, 'metric'],
  [{ address: '10.0.0.1/24', gateway: '10.0.0.2' }, 'gateway'],
  [{}, 'address'],
  [42, 'address'],
])('%j is refused before anything is sent', async (address, says) => {
  const { netns, link, shown } = await addressBench(bed);
  for (const call of [netns.addAddress, netns.replaceAddress]) {
    const error = await refusalOf(call.call(netns, link, address as string));
    expect(error.code).toMatch(/^ERR_/);
    expect(error.message).toContain(says);
  }
  expect(await shown()).toEqual([]);
});
