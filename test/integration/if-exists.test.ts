// What removes takes what is not there as removed, with `ifExists`, and nothing else.
import { expect, test } from 'vitest';
import type { Netns } from '../../lib/index.js';
import { resultOf } from '../support/program.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const ifExists = true;
const mac = '02:00:5e:10:00:09';

interface Case {
  readonly what: string;
  /** Makes one, with `ip`. */
  readonly made: (link: string) => string;
  /** What `ip` shows. */
  readonly shown: (host: TestNetns, link: string) => Promise<string>;
  readonly remove: (
    netns: Netns,
    link: string | number,
    how: { ifExists?: boolean },
  ) => Promise<void>;
  /** The code without `ifExists`. */
  readonly code: string;
  /** The codes for a link that is not there, by its name and by its index. */
  readonly withoutLink?: readonly [string, string];
}

const cases: Case[] = [
  {
    what: 'an IPv4 address',
    made: (link) => `address add 10.7.0.1/24 dev ${link}`,
    shown: (host, link) => host.ip('-4', '-o', 'address', 'show', 'dev', link),
    remove: (netns, link, how) => netns.removeAddress(link, '10.7.0.1/24', how),
    code: 'EADDRNOTAVAIL',
    withoutLink: ['ENODEV', 'ENODEV'],
  },
  {
    what: 'an IPv6 address',
    made: (link) => `address add fd07::1/64 dev ${link} nodad`,
    shown: (host, link) => host.ip('-6', '-o', 'address', 'show', 'dev', link, 'to', 'fd07::/64'),
    remove: (netns, link, how) => netns.removeAddress(link, 'fd07::1/64', how),
    code: 'EADDRNOTAVAIL',
    withoutLink: ['ENODEV', 'ENODEV'],
  },
  {
    what: 'an IPv4 route',
    made: (link) => `route add 10.8.0.0/16 dev ${link}`,
    shown: (host) => host.ip('route', 'show', '10.8.0.0/16'),
    remove: (netns, link, how) => netns.removeRoute({ to: '10.8.0.0/16', link, ...how }),
    code: 'ESRCH',
    withoutLink: ['ENODEV', 'ESRCH'],
  },
  {
    what: 'an IPv6 route',
    made: (link) => `route add fd08::/64 dev ${link}`,
    shown: (host) => host.ip('-6', 'route', 'show', 'fd08::/64'),
    remove: (netns, link, how) => netns.removeRoute({ to: 'fd08::/64', link, ...how }),
    code: 'ESRCH',
    withoutLink: ['ENODEV', 'ESRCH'],
  },
  {
    what: 'a default route of IPv6',
    made: (link) => `route add ::/0 dev ${link}`,
    shown: (host) => host.ip('-6', 'route', 'show', 'default'),
    remove: (netns, _, how) => netns.removeRoute({ to: 'default', family: 'IPv6', ...how }),
    code: 'ENOENT',
  },
  {
    what: 'a route for certain sources',
    made: (link) => `route add fd08::/64 from fd09::/64 dev ${link}`,
    shown: (host) => host.ip('-6', 'route', 'show', 'fd08::/64'),
    remove: (netns, _, how) => netns.removeRoute({ to: 'fd08::/64', from: 'fd09::/64', ...how }),
    code: 'ESRCH',
  },
  {
    what: 'a rule',
    made: () => 'rule add priority 100 table 100',
    shown: (host) => host.ip('rule', 'show', 'priority', '100'),
    remove: (netns, _, how) => netns.removeRule({ priority: 100, ...how }),
    code: 'ENOENT',
  },
  {
    what: 'a neighbour',
    made: (link) => `neigh add 10.7.0.9 lladdr ${mac} dev ${link}`,
    shown: (host, link) => host.ip('neigh', 'show', 'dev', link),
    remove: (netns, link, how) => netns.removeNeighbour(link, '10.7.0.9', how),
    code: 'ENOENT',
    withoutLink: ['ENODEV', 'ENODEV'],
  },
];

test.each(cases)(
  '$what is removed, and then it may be gone',
  async ({ made, shown, remove, code }) => {
    const host = await bed.makeNetns();
    const link = await host.parent();
    const before = await shown(host, link);
    await host.ipBatch([made(link)]);
    expect(await shown(host, link)).not.toBe(before);
    for (let round = 0; round < 2; round++) {
      await remove(host.netns, link, { ifExists });
      expect(await shown(host, link)).toBe(before);
    }
    for (const how of [{}, { ifExists: false }]) {
      expect(await refusalOf(remove(host.netns, link, how))).toMatchObject({ code });
    }
  },
);

test.each(cases.filter(({ withoutLink }) => withoutLink !== undefined))(
  '$what may have gone with its link',
  async ({ remove, withoutLink }) => {
    const { netns } = await bed.makeNetns();
    for (const [at, link] of ['nobody', 987_654].entries()) {
      await remove(netns, link, { ifExists });
      expect(await refusalOf(remove(netns, link, {}))).toMatchObject({ code: withoutLink?.[at] });
    }
  },
);

test('what an index names is not there, while a name leads to another link', async () => {
  const host = await bed.makeNetns();
  const [link, other] = [await host.parent(), await host.parent()];
  for (const one of [link, other]) await host.ip('address', 'add', '10.7.0.1/24', 'dev', one);
  const { index } = await host.netns.getLink(link);
  await host.netns.removeAddress(index, '10.7.0.1/24', { ifExists });
  await host.netns.removeAddress(index, '10.7.0.1/24', { ifExists });
  expect(await host.addresses(link)).not.toContain('10.7.0.1/24');
  expect(await host.addresses(other)).toContain('10.7.0.1/24');
});

test('an IPv6 address of a link whose MTU is too small for IPv6 is not there', async () => {
  const host = await bed.makeNetns();
  await host.ip('link', 'add', 'br0', 'mtu', '1000', 'type', 'bridge');
  const link = 'br0';
  await host.netns.removeAddress(link, 'fd07::1/64', { ifExists });
  expect(await refusalOf(host.netns.removeAddress(link, 'fd07::1/64'))).toMatchObject({
    code: 'ENXIO',
  });
});

test('a way of a route may have gone with its link, and the others are removed', async () => {
  const host = await bed.makeNetns();
  const { netns } = host;
  const [link, other] = [await host.parent(), await host.parent()];
  await host.ipBatch([
    `address add fd01::1/64 dev ${link} nodad`,
    `address add fd02::1/64 dev ${other} nodad`,
  ]);
  const to = 'fd50::/64';
  const nextHops = [
    { via: 'fd01::2', link },
    { via: 'fd02::2', link: other },
  ];
  await netns.addRoute({ to, nextHops });
  await host.ip('link', 'delete', link);
  const shown = () => host.ip('-6', 'route', 'show', to);
  expect(await shown()).toContain(other);
  expect(await refusalOf(netns.removeRoute({ to, nextHops }))).toMatchObject({ code: 'ENODEV' });
  expect(await shown()).toContain(other);
  await netns.removeRoute({ to, nextHops, ifExists });
  expect(await shown()).toBe('');
});

test('a namespace that cannot be entered is no reason to take anything as removed', async () => {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { Netns } from 'macvlan-netlink';
    const netns = await Netns.create();
    // Which namespaces are opened through, in a mount namespace of the program's own.
    execFileSync('umount', ['--lazy', '/proc']);
    const ifExists = true;
    const outcomes = await Promise.allSettled([
      netns.removeRule({ priority: 100, ifExists }),
      netns.removeRoute({ to: '10.9.0.0/16', link: 1, ifExists }),
      netns.removeRoute({ to: '10.9.0.0/16', link: 'lo', ifExists }),
      netns.removeNeighbour('lo', '10.0.0.9', { ifExists }),
    ]);
    console.log(JSON.stringify(outcomes.map(({ reason }) => [reason?.code, reason?.syscall])));
  `;
  const under = ['unshare', '--mount', '--net', '--'];
  expect(await resultOf(program, { under })).toEqual(
    Array(4).fill(['ENOENT', 'open(/proc/thread-self)']),
  );
});

test('any other refusal is an error', async () => {
  const host = await bed.makeNetns();
  const { netns } = host;
  const refused = [
    // There is no such nexthop object.
    netns.removeRoute({ to: '10.8.0.0/16', nexthopId: 7, ifExists }),
    netns.removeAddress('lo', 'nonsense', { ifExists }),
    netns.removeRule({ ifExists }),
  ];
  const outcomes = await Promise.allSettled(refused);
  expect(outcomes.map((one) => one.status === 'rejected' && one.reason.code)).toEqual([
    'EINVAL',
    'ERR_INVALID_ARG_VALUE',
    'ERR_INVALID_ARG_VALUE',
  ]);
});
