/** The hints where a request exceeds one of the kernel's limits. */
import { expect, test } from 'vitest';
import { noTaps } from '../support/tap.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

test('EXFULL of a bridge that has all the ports it can have', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  const options = { parent, addrGenMode: 'none', master: 'br0' } as const;
  const ports = Array.from({ length: 1023 }, (_, n) => ({ ...options, name: `p${n}` }));
  await Promise.all(ports.map((port) => host.netns.createMacvlan(port)));
  const told = {
    code: 'EXFULL',
    errno: -54,
    message: expect.stringContaining('no room left'),
    hint: "The bridge 'br0' has 1,023 ports, and a bridge can have no more.",
  };
  const macvlan = await refusalOf(host.netns.createMacvlan({ ...options, name: 'm0' }));
  expect(macvlan).toMatchObject({ ...told, part: 'master' });
  expect(await refusalOf(host.netns.setLink(parent, { master: 'br0' }))).toMatchObject(told);
});

test('EMLINK of links that stand on one another', async () => {
  const { host, parent } = await bed.makeHost();
  let lower = parent;
  const pile = async () => {
    for (let level = 0; level < 8; level++) {
      await host.ip('link', 'add', `br${level}`, 'type', 'bridge');
      await host.netns.setLink(lower, { master: `br${level}` });
      lower = `m${level}`;
      await host.netns.createMacvlan({ parent: `br${level}`, name: lower });
    }
  };
  const error = await refusalOf(pile());
  expect(error).toMatchObject({ code: 'EMLINK' });
  expect(error.hint).toContain('eight deep');
});

test('a queue that is longer than the kernel has room for, of a macvtap and of a queueing discipline', async ({
  skip,
}) => {
  skip(noTaps !== undefined, noTaps);
  const { host, parent } = await bed.makeHost();
  const told = (code: string) => ({
    code,
    hint: 'A queue has room for 524,288 at most, and txQueueLen is 1000000.',
  });
  const long = { txQueueLen: 1_000_000 };
  await host.netns.createMacvtap({ parent, mode: 'bridge', name: 't0' });
  try {
    for (const length of ['524288', '1000000'])
      await host.ip('link', 'set', 't0', 'txqueuelen', length);
  } catch (error) {
    skip(/out of range/.test(String(error)), 'this kernel takes no such length at all');
    throw error;
  }
  expect(await refusalOf(host.netns.openTap('t0'))).toMatchObject(told('ENOMEM'));
  await host.netns.setLink('t0', { txQueueLen: 524_288 });
  const tap = await host.netns.openTap('t0');
  try {
    expect(await refusalOf(host.netns.setLink('t0', long))).toMatchObject(told('EPERM'));
  } finally {
    await tap.close();
  }
  const tun = await host.tun(skip);
  await host.ip('link', 'set', tun, 'up');
  // The machine's default may be one that has no such queue.
  await host.run('tc', 'qdisc', 'replace', 'dev', tun, 'root', 'pfifo_fast');
  expect(await refusalOf(host.netns.setLink(tun, long))).toMatchObject(told('ENOMEM'));
});

test('more groups joined by `autojoin` than the namespace may, those of deleted links included', async () => {
  const { host, parent } = await bed.makeHost();
  const flags = ['autojoin'] as const;
  await host.netns.setSysctl('net.ipv4.igmp_max_memberships', 2);
  const name = 'm0';
  const addresses = [{ address: '239.1.1.1/32', flags }];
  for (let time = 0; time < 2; time++) {
    await host.netns.createMacvlan({ parent, name, addresses });
    await host.ip('link', 'delete', name);
  }
  const error = await refusalOf(host.netns.createMacvlan({ parent, name, addresses }));
  expect(error).toMatchObject({ code: 'ENOBUFS', part: 'addresses[0]' });
  expect(error.hint).toContain('net.ipv4.igmp_max_memberships');
  for (const address of ['10.1.1.1/24', 'fd00::1/64']) {
    const unicast = await refusalOf(host.netns.addAddress(parent, { address, flags }));
    expect(unicast).toMatchObject({ code: 'EINVAL' });
    expect(unicast.hint).toBe("The flag 'autojoin' is for multicast addresses.");
  }
  const other = { address: 'ff05::5/128', flags: ['autojoin', 'mngtmpaddr'] } as const;
  const managed = await refusalOf(host.netns.addAddress(parent, other));
  expect(managed).toMatchObject({ code: 'EINVAL' });
  expect(managed.hint ?? '').not.toContain('autojoin');
});

test('an IPv4 address of another scope than those in its subnet', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('address', 'add', '10.1.0.1/24', 'dev', parent);
  const address = { address: '10.1.0.2/24', scope: 'link' } as const;
  const hint = (scope: string) =>
    `All addresses in one subnet have one scope, and 10.1.0.1/24 has '${scope}'.`;
  const added = await refusalOf(host.netns.addAddress(parent, address));
  expect(added).toMatchObject({ code: 'EINVAL', hint: hint('global') });
  const addresses = [{ ...address, address: '10.1.0.1/24' }, '10.1.0.2/24'];
  const options = { parent, name: 'm0', addresses };
  const created = await refusalOf(host.netns.createMacvlan(options));
  expect(created).toMatchObject({ code: 'EINVAL', part: 'addresses[1]', hint: hint('link') });
});

test('what needs IPv6, which a link has not with such an MTU, whatever the kernel says', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'mtu', '1000');
  const neighbour = { address: 'fd05::1', mac: '02:00:00:00:00:02' };
  const refusals = await Promise.all([
    refusalOf(host.netns.addNeighbour(parent, neighbour)),
    refusalOf(host.netns.removeAddress(parent, 'fd05::1/64')),
  ]);
  for (const { hint } of refusals) expect(hint).toContain('IPv6 needs an MTU of 1280');
  const { link: peer = '' } = await host.link(parent);
  await host.netns.setSysctl(`net/ipv6/conf/${peer}/disable_ipv6`, 1);
  const disabled = await refusalOf(host.netns.addNeighbour(peer, neighbour));
  expect(disabled.hint).toContain('disable_ipv6 is 1');
});
