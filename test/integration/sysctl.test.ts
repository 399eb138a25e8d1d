/** getSysctl and setSysctl: the settings of a namespace below /proc/sys/net. */
import { describe, expect, test, vi } from 'vitest';
import { getSysctl } from '../../lib/index.js';
import { inPrivateNetns, resultOf } from '../support/program.js';
import { refusalOf, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

test('are those of the namespace, and of no other', async () => {
  const { host, inside } = await bed.makeHostAndInside();
  const path = '/proc/sys/net/ipv4/ip_forward';
  await host.netns.setSysctl('net.ipv4.ip_forward', 0);
  await inside.netns.setSysctl('net.ipv4.ip_forward', 1);
  expect(await inside.read(path)).toBe('1');
  expect(await host.read(path)).toBe('0');
  await inside.run('sh', '-c', `echo 0 > ${path}`);
  await host.run('sh', '-c', `echo 1 > ${path}`);
  expect(await inside.netns.getSysctl('net.ipv4.ip_forward')).toBe('0');
  expect(await host.netns.getSysctl('net.ipv4.ip_forward')).toBe('1');
  const own = 'net/ipv6/conf/lo/hop_limit';
  await host.netns.setSysctl(own, 77);
  expect(await getSysctl(own)).not.toBe('77');
});

test('a link begins with those of `default`, and can have its own', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  await inside.netns.setSysctl('net.ipv6.conf.default.accept_ra', 0);
  await host.netns.createMacvlan({ parent, name: 'm0.5', netns: inside.netns });
  for (const [name, value] of [
    ['net.ipv6.conf.m0/5.ndisc_notify', 1],
    ['net/ipv6/conf/m0.5/hop_limit', '55'],
  ] as const) {
    await inside.netns.setSysctl(name, value);
    expect(await inside.netns.getSysctl(name)).toBe(`${value}`);
  }
  await inside.netns.setSysctl('net.ipv6.conf.m0/5.router_solicitations', -1);
  const folder = '/proc/sys/net/ipv6/conf/m0.5';
  expect(await inside.read(`${folder}/router_solicitations`)).toBe('-1');
  expect(await inside.read(`${folder}/accept_ra`)).toBe('0');
  expect(await inside.read(`${folder}/ndisc_notify`)).toBe('1');
  expect(await inside.read(`${folder}/hop_limit`)).toBe('55');
});

test('may be texts, with several values or none', async () => {
  const { host } = await bed.makeHostAndInside();
  const folder = '/proc/sys/net/ipv4';
  await host.netns.setSysctl('net.ipv4.ip_local_reserved_ports', '80,90-95');
  await host.netns.setSysctl('net.ipv4.ip_local_port_range', '40000 50001');
  expect(await host.read(`${folder}/ip_local_reserved_ports`)).toBe('80,90-95');
  expect(await host.netns.getSysctl('net.ipv4.ip_local_port_range')).toBe('40000\t50001');
  await host.netns.setSysctl('net.ipv4.ip_local_reserved_ports', '');
  expect(await host.read(`${folder}/ip_local_reserved_ports`)).toBe('');
  expect(await host.netns.getSysctl('net.ipv4.ip_local_reserved_ports')).toBe('');
});

test('may be longer than a page', async () => {
  const { host } = await bed.makeHostAndInside();
  const file = '/proc/sys/net/ipv4/ip_local_reserved_ports';
  // The first line replaces the ports; the second, in the same open file, adds to them.
  await host.run('sh', '-c', `{ seq -s, 20001 2 21199; seq -s, 21201 2 22399; } > ${file}`);
  const ports = Array.from({ length: 1200 }, (_, at) => 20001 + 2 * at).join(',');
  expect(await host.read(file)).toBe(ports);
  expect(await host.netns.getSysctl('net.ipv4.ip_local_reserved_ports')).toBe(ports);
});

test('ndisc_notify tells the neighbours the MAC of a new link', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const other = (await host.names()).find((name) => name !== parent) as string;
  const [old, mac] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'];
  await host.ip('address', 'add', 'fd00::1/64', 'nodad', 'dev', other);
  await host.ip('neigh', 'add', 'fd00::2', 'lladdr', old, 'dev', other, 'nud', 'stale');
  await inside.netns.setSysctl('net.ipv6.conf.default.ndisc_notify', 1);
  const options = { mac, up: true, addresses: ['fd00::2/64'], netns: inside.netns };
  await host.netns.createMacvlan({ parent, mode: 'bridge', ...options });
  const known = async () => JSON.parse(await host.ip('-j', 'neigh', 'show', 'fd00::2'))[0]?.lladdr;
  await vi.waitFor(async () => expect(await known()).toBe(mac), PATIENCE);
});

/** Runs under what follows with FIFOs in the places of two settings: who opens one waits for its other end. */
const withFifos = [
  ...inPrivateNetns,
  'sh',
  '-c',
  `mount -t tmpfs t /mnt && for file in ip_forward ip_default_ttl; do
    mkfifo /mnt/$file && mount --bind /mnt/$file /proc/sys/net/ipv4/$file || exit
  done && exec "$@"`,
  'sh',
];

test('one at a time is written, because each that waits keeps a processor busy; others go on', async () => {
  const source = `
    import { constants, openSync, readSync } from 'node:fs';
    import { getSysctl, setSysctl } from 'macvlan-netlink';
    const open = (file) => openSync('/mnt/' + file, constants.O_RDONLY | constants.O_NONBLOCK);
    const read = (fd) => {
      const buffer = Buffer.alloc(9);
      return buffer.toString('utf8', 0, readSync(fd, buffer));
    };
    const writes = [setSysctl('net.ipv4.ip_forward', 1), setSysctl('net.ipv4.ip_default_ttl', 2)];
    await getSysctl('net.ipv4.tcp_sack');
    const second = open('ip_default_ttl');
    // EAGAIN where somebody has it open to write.
    const early = read(second);
    const first = open('ip_forward');
    await Promise.all(writes);
    console.log(JSON.stringify([early, read(first), read(second)]));
  `;
  expect(await resultOf(source, { under: withFifos })).toEqual(['', '1\n', '2\n']);
});

test('a signal withdraws what waits for others, and rejects what is under way once it has ended', async () => {
  const source = `
    import { constants, openSync, readdirSync, readlinkSync, readSync, writeSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { getSysctl, setSysctl } from 'macvlan-netlink';
    const { O_NONBLOCK, O_RDWR } = constants;
    // Full, so that the next one to write waits.
    const full = openSync('/mnt/ip_forward', O_RDWR | O_NONBLOCK);
    try {
      for (;;) writeSync(full, 'x');
    } catch {}
    const targets = () => readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync('/proc/self/fd/' + fd);
      } catch {}
    });
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      ...Array.from({ length: 5 }, () => getSysctl('net.ipv4.ip_default_ttl', { signal })),
      setSysctl('net.ipv4.ip_forward', 1, { signal }),
      setSysctl('net.ipv4.tcp_sack', 0, { signal }),
      getSysctl('net.ipv4.tcp_sack', { signal }),
    ];
    for (const call of calls) call.catch(() => {});
    while (targets().filter((path) => path?.endsWith('/ip_forward')).length < 2) await sleep(1);
    controller.abort('enough');
    await Promise.allSettled(calls.slice(-2));
    const buffer = Buffer.alloc(1 << 20);
    readSync(full, buffer);
    openSync('/mnt/ip_default_ttl', O_RDWR);
    const reasons = (await Promise.allSettled(calls)).map(({ reason }) => reason);
    const written = buffer.toString('utf8', 0, readSync(full, buffer));
    const kept = await getSysctl('net.ipv4.tcp_sack');
    console.log(JSON.stringify({ reasons: [...new Set(reasons)], written, kept }));
  `;
  const expected = { reasons: ['enough'], written: '1\n', kept: '1' };
  expect(await resultOf(source, { under: withFifos })).toEqual(expected);
});

describe('what the kernel refuses says why', () => {
  test.each([
    ['net.ipv4.nothing', 1, 'ENOENT', 'There is no file /proc/sys/net/ipv4/nothing in '],
    ['net.ipv6.conf.no.accept_ra', 1, 'ENOENT', "There is no link named 'no' in "],
    ['net.ipv4.neigh.no.retrans_time', 1, 'ENOENT', "There is no link named 'no' in "],
    ['net.ipv6.conf.lo.nothing', 1, 'ENOENT', 'There is no file '],
    [
      'net.ipv4.conf.no.10.arp_ignore',
      1,
      'ENOENT',
      " For a link named 'no.10' write 'net/ipv4/conf/no.10/arp_ignore'.",
    ],
    [
      'net.ipv6.neigh.lo.1.2.mtu',
      1,
      'ENOENT',
      " For a link named 'lo.1.2' write 'net/ipv6/neigh/lo.1.2/mtu'.",
    ],
    [
      'net.ipv4.conf.conf.10.arp_ignore',
      1,
      'ENOENT',
      " For a link named 'conf.10' write 'net/ipv4/conf/conf.10/arp_ignore'.",
    ],
    ['net.ipv6.conf.all.nothing', 1, 'ENOENT', 'There is no file '],
    ['net.ipv4.neigh.default.nothing', 1, 'ENOENT', 'There is no file '],
    ['net.ipv4', 1, 'EISDIR', 'a folder'],
    ['net.ipv4.ip_forward', 'yes', 'EINVAL', "does not take 'yes'"],
    ['net.ipv4.ip_forward', '1 yes', 'EINVAL', "does not take '1 yes', or has taken only its"],
  ])('%s = %j: %s', async (name, value, code, says) => {
    const { host } = await bed.makeHostAndInside();
    const error = await refusalOf(host.netns.setSysctl(name, value));
    expect(error).toMatchObject({ code, operation: 'setSysctl', target: name });
    expect(error.hint).toContain(says);
    // How to write a name with dots is of use only where the name may have had some.
    expect(error.hint?.includes('For a link named')).toBe(says.includes('For a link named'));
    if (code === 'EINVAL') return;
    const read = await refusalOf(host.netns.getSysctl(name));
    expect(read).toMatchObject({ code, operation: 'getSysctl', target: name });
    expect(read.hint).toContain(says);
  });

  test('no IPv6, because of the MTU', async () => {
    const { host } = await bed.makeHostAndInside();
    const link = await host.parent();
    await host.ip('link', 'set', link, 'mtu', '1200');
    for (const folder of ['conf', 'neigh']) {
      const { hint } = await refusalOf(
        host.netns.getSysctl(`net.ipv6.${folder}/${link}/x`.replaceAll('/', '.')),
      );
      expect(hint).toContain(`no IPv6 on '${link}': IPv6 needs an MTU of 1280`);
    }
    const { hint } = await refusalOf(host.netns.getSysctl(`net.ipv4.conf.${link}.x`));
    expect(hint).toContain('There is no file ');
  });

  test.each([
    ['net.ipv4.tcp_congestion_control', 'none', 'ENOENT', "does not take 'none'"],
    ['net.ipv6.conf.lo.stable_secret', 'none', 'EIO', "does not take 'none'"],
    ['net.ipv4.ip_forward', 5_000_000_000, 'EINVAL', 'does not take 5000000000,'],
    ['net.ipv4.ip_forward', 'x'.repeat(4094), 'EINVAL', "x'... 3974 more characters, or has"],
  ])('%s = %j: %s, of the value', async (name, value, code, says) => {
    const { host } = await bed.makeHostAndInside();
    const error = await refusalOf(host.netns.setSysctl(name, value));
    expect(error).toMatchObject({ code, syscall: 'write' });
    expect(error.hint).toContain(says);
  });

  test('a setting that can only be written', async () => {
    const { host } = await bed.makeHostAndInside();
    await host.netns.setSysctl('net.ipv4.route.flush', 1);
    const error = await refusalOf(host.netns.getSysctl('net.ipv4.route.flush'));
    expect(error).toMatchObject({ code: 'EACCES', syscall: 'open' });
    expect(error.hint).toContain('does not allow that');
  });

  test('settings that are mounted read-only', async () => {
    const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
    const source = `
      import { getSysctl, setSysctl } from 'macvlan-netlink';
      const { code, hint } = await setSysctl('net.ipv4.ip_forward', 1).catch((error) => error);
      console.log(JSON.stringify({ code, hint, has: await getSysctl('net.ipv4.ip_forward') }));
    `;
    const under = [...inPrivateNetns, 'sh', '-c', `${readOnly} && exec "$@"`, 'sh'];
    const { code, hint, has } = await resultOf<Record<string, string>>(source, { under });
    expect(code).toBe('EROFS');
    expect(hint).toContain('read-only');
    expect(has).toMatch(/^[01]$/);
  });
});

describe('what is refused before anything is written', () => {
  test.each([
    ['kernel.hostname', 1, 'name must be below net'],
    ['net', 1, 'name must be below net'],
    ['net.', 1, 'name must be below net'],
    ['net.ipv4..ip_forward', 1, 'name must be below net'],
    ['net/./ipv4/ip_forward', 1, 'name must be below net'],
    [`net.${'x'.repeat(1021)}`, 1, 'name must not be longer than 1024 bytes'],
    ['net/ipv4/../../kernel/hostname', 1, 'name must be below net'],
    ['net.ipv4.//.//.kernel.hostname', 1, 'name must be below net'],
    ['/proc/sys/net/ipv4/ip_forward', 1, 'name must be below net'],
    ['net.ipv4.\0', 1, 'name must not hold a NUL character'],
    ['', 1, 'name must not be empty'],
    [undefined, 1, 'name must be a string'],
    ['net.ipv4.ip_forward', true, 'value must be a string or a number'],
    ['net.ipv4.ip_forward', undefined, 'value must be a string or a number'],
    ['net.ipv4.ip_forward', 0.5, 'value must be an integer'],
    ['net.ipv4.ip_forward', '1\n0', 'value must be one line'],
    ['net.ipv4.ip_forward', 'x'.repeat(4095), 'value must not be longer than 4094 bytes'],
    ['net.ipv4.ip_forward', '\0', 'value must not hold a NUL character'],
  ] as [string, string, string][])('%j = %j', async (name, value, says) => {
    const { host } = await bed.makeHostAndInside();
    const error = await refusalOf(host.netns.setSysctl(name, value));
    expect(error.code).toMatch(/^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE)$/);
    expect(error.message).toContain(`setSysctl: ${says}`);
    if (says.startsWith('value')) return;
    const read = await refusalOf(host.netns.getSysctl(name));
    expect(read.message).toContain(`getSysctl: ${says}`);
  });
});
