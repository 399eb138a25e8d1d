// Hints for many refusals at once cost one listing, each item of which is read few times; and cases without a hint.
import { describe, expect, test } from 'vitest';
import { explain } from '../../lib/diagnosis/diagnosis.js';
import type { About } from '../../lib/diagnosis/diagnosisCommon.js';
import { Refusal } from '../../lib/errors/refusal.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import { whyNotNamed } from '../../lib/netns/netnsNames.js';
import { parsePrefix } from '../../lib/values/ip.js';
import { AF_INET, AF_INET6, MACVLAN_MODES } from '../../lib/values/values.js';
import { isBefore } from '../support/ip.js';

const COUNT = 100;
const numbers = Array.from({ length: COUNT }, (_, at) => at);

/** A namespace with one link and one listing; counts the listings and the reads of their items' fields. */
function namespace(items: readonly object[]) {
  const seen = { looks: 0, listings: 0 };
  const get = (item: object, name: string | symbol) => {
    seen.looks++;
    return Reflect.get(item, name);
  };
  const listing = items.map((item) => new Proxy(item, { get }));
  const parent = { index: 7, name: 'p', mtu: 1500, up: true, type: 'ether', kind: 'veth' };
  const ask = async (operation: string) => {
    if (operation === 'getLink') return parent;
    seen.listings++;
    return listing;
  };
  return { seen, netns: { ask, name: 'n', inode: 1 } as unknown as Namespace };
}

const address = (at: number) => ({
  address: `10.0.0.${at}`,
  cidr: `10.0.0.${at}/32`,
  prefixLength: 32,
  peer: null,
  linkIndex: 7,
  flags: [],
});
const route = (at: number) => ({
  to: `10.1.0.${at}/32`,
  from: null,
  tos: 0,
  metric: 0,
  table: 254,
  link: 7,
  nextHops: [],
});
const macvlan = (at: number) => ({
  index: 1000 + at,
  name: `m${at}`,
  kind: 'macvlan',
  parent: { index: 9, netnsid: null },
});

const bytes = (text: string) => parsePrefix(text)?.bytes as Uint8Array;
const asked = (more: object) => ({ family: AF_INET, destinationLength: 32, table: 254, ...more });

test.each<[string, string, object[], (at: number) => About, RegExp]>([
  [
    'the gateways of routes',
    'ENETUNREACH',
    numbers.map(address),
    (at) => ({ link: 7, asked: asked({ gateway: bytes(`10.9.0.${at}`) }) }),
    /No address of 'p' has the gateway 10\.9\.0\.\d+ in its prefix/,
  ],
  [
    'the sources of routes',
    'EINVAL',
    numbers.map(address),
    (at) => ({ link: 7, asked: asked({ source: bytes(`10.9.0.${at}`) }) }),
    /No link of the namespace has the address 10\.9\.0\.\d+/,
  ],
  [
    'routes that are there',
    'EEXIST',
    numbers.map(route),
    (at) => ({ link: 7, asked: asked({ destination: bytes(`10.1.0.${at}`) }) }),
    /has a route to 10\.1\.0\.\d+\/32 with metric 0 already by 'p'/,
  ],
  [
    'addresses that are there',
    'EEXIST',
    numbers.map(address),
    (at) => ({
      link: 7,
      asked: { family: AF_INET, local: bytes(`10.0.0.${at}`), prefixLength: 32, index: 7 },
    }),
    /'p' has 10\.0\.0\.\d+\/32 already/,
  ],
  [
    'a parent that has no children here',
    'EINVAL',
    numbers.map(macvlan),
    () => ({ kind: 'macvlan', asked: { parent: 7 } }),
    /'p' may have a child in mode 'passthru' in another namespace/,
  ],
])('many hints about %s share one listing', async (_, code, items, aboutOf, hint) => {
  const { seen, netns } = namespace(items);
  const errnos: Record<string, number> = { ENETUNREACH: -101, EINVAL: -22, EEXIST: -17 };
  const refusal = new Refusal(errnos[code] as number, 'RTM_NEWROUTE');
  const explained = await Promise.all(numbers.map((at) => explain(netns, refusal, aboutOf(at))));
  for (const one of explained) expect(one).toMatch(hint);
  expect(seen.listings).toBe(1);
  expect(seen.looks).toBeLessThan(COUNT * 20);
});

/** A namespace that gives these answers; everything else does not exist. */
function answering(answers: Record<string, unknown>): Namespace {
  const ask = async (operation: string) => answers[operation] ?? new Refusal(-19, 'RTM_GETLINK');
  return { ask, name: 'n', inode: 1 } as unknown as Namespace;
}

const link = {
  index: 7,
  name: 'p',
  mtu: 1500,
  up: true,
  type: 'ether',
  kind: 'veth',
  master: null,
};

test.each<[string, Refusal, Record<string, unknown>, About]>([
  [
    'a source that no link has, where the kernel names something else',
    new Refusal(-22, 'RTM_NEWROUTE', 'Nexthop id does not exist'),
    { listAddresses: [] },
    { asked: asked({ source: bytes('10.9.0.5') }) },
  ],
  [
    'a source that is tentative on one link only',
    new Refusal(-22, 'RTM_NEWROUTE'),
    {
      listAddresses: [
        { address: '10.9.0.5', flags: ['tentative'] },
        { address: '10.9.0.5', flags: [] },
      ],
    },
    { asked: asked({ source: bytes('10.9.0.5') }) },
  ],
  [
    'an IPv6 that is disabled, where a security module refuses to send',
    new Refusal(-13, 'sendmsg'),
    {},
    { link: 7, asked: { family: AF_INET6, prefixLength: 64 } },
  ],
  [
    'an IPv6 that is disabled, where IPv4 is asked for',
    new Refusal(-13, 'RTM_NEWADDR'),
    {},
    { link: 7, asked: { family: AF_INET, prefixLength: 24 } },
  ],
  [
    'a kernel without IPv6, where IPv4 is asked for',
    new Refusal(-97, 'RTM_NEWADDR'),
    { getAddress: new Refusal(-95, 'RTM_GETADDR'), getLink: link },
    { link: 7, asked: { family: AF_INET, prefixLength: 24 } },
  ],
  [
    'an MTU that is just enough for IPv6',
    new Refusal(-105, 'RTM_NEWADDR'),
    { getLink: { ...link, mtu: 1280 } },
    { link: 7, asked: { family: AF_INET6, prefixLength: 64 } },
  ],
  [
    'an MTU that is enough for IPv4, but not for IPv6',
    new Refusal(-105, 'RTM_NEWADDR'),
    { getLink: { ...link, mtu: 1279 } },
    { link: 7, asked: { family: AF_INET, prefixLength: 24 } },
  ],
  [
    'the scope of an IPv4 route, where its gateway is of IPv6',
    new Refusal(-101, 'RTM_NEWROUTE'),
    {
      getLink: link,
      listAddresses: [{ address: 'fd00::1', family: 'IPv6', prefixLength: 64, linkIndex: 7 }],
    },
    {
      link: 7,
      asked: asked({ scope: 253, via: Uint8Array.of(AF_INET6, 0, ...bytes('fd00::2')) }),
    },
  ],
  [
    'the routes of a VRF, where the route names the port',
    new Refusal(-101, 'RTM_NEWROUTE'),
    { getLink: { ...link, kind: 'vrf', master: 9 }, listAddresses: [address(1)] },
    { link: 7, asked: asked({ gateway: bytes('10.0.0.1') }) },
  ],
  [
    'the routes of a VRF, where the port is that of a bridge',
    new Refusal(-101, 'RTM_NEWROUTE'),
    { getLink: { ...link, kind: 'bridge', master: 9 }, listAddresses: [address(1)] },
    { asked: asked({ gateway: bytes('10.0.0.1') }) },
  ],
  [
    'capabilities, where a security module lets nobody send',
    new Refusal(-1, 'sendmsg'),
    { changeLink: new Refusal(-1, 'sendmsg') },
    { link: 7, asked: { index: 7, mtu: 1400 } },
  ],
  [
    'a MAC that is taken, where a passthru macvlan’s parent takes none while it is up',
    new Refusal(-16, 'RTM_NEWLINK'),
    { getLink: { ...link, kind: 'macvlan', parent: { index: 9, netnsid: null } }, listLinks: [] },
    { link: 7, asked: { index: 7, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) } },
  ],
  [
    'a new master, where the MAC that comes before it is refused',
    new Refusal(-16, 'RTM_NEWLINK'),
    { getLink: link, listLinks: [] },
    { link: 7, asked: { index: 7, master: 9, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) } },
  ],
  [
    'a MAC that is taken, where the request brings none into use',
    new Refusal(-98, 'RTM_NEWLINK'),
    { getLink: { ...link, kind: 'macvlan', mac: '02:00:00:00:00:01', parent: null } },
    { link: 7, asked: { index: 7, mtu: 1400 } },
  ],
  [
    'a MAC that is taken, where the kernel names something else',
    new Refusal(-98, 'RTM_NEWLINK', 'a socket is in use'),
    { getLink: { ...link, kind: 'macvlan', parent: null } },
    { link: 7, asked: { index: 7, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) } },
  ],
  [
    'links that stand too deep, where the request puts none on another',
    new Refusal(-31, 'RTM_NEWLINK'),
    { getLink: link },
    { link: 7, asked: { index: 7, mtu: 1400 } },
  ],
  [
    'the link that a route leads by, where it has a gateway',
    new Refusal(-19, 'RTM_NEWROUTE'),
    {},
    { asked: asked({ gateway: bytes('10.0.0.1') }) },
  ],
  [
    'the link that a route leads by, where it has several ways',
    new Refusal(-19, 'RTM_NEWROUTE'),
    {},
    { asked: asked({ nextHops: [{ index: 9 }] }) },
  ],
  [
    'a queue of the greatest length that there is room for',
    new Refusal(-12, 'RTM_NEWLINK'),
    { getLink: link },
    { link: 7, asked: { index: 7, txQueueLen: 524_288 } },
  ],
  [
    'an MTU, where the MAC that comes before it is refused',
    new Refusal(-22, 'RTM_NEWLINK'),
    { getLink: { ...link, parent: null } },
    { link: 7, asked: { index: 7, mtu: 1400, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) } },
  ],
  [
    'the mode, where a link in mode source has a list',
    new Refusal(-22, 'RTM_NEWLINK'),
    { getLink: { ...link, kind: 'macvlan', parent: null, macvlan: { mode: 'source' } } },
    { link: 7, asked: { index: 7, info: { macvlan: { macAddressMode: 3 } } } },
  ],
  [
    'a child in mode passthru elsewhere, where the parent has children here',
    new Refusal(-22, 'RTM_NEWLINK'),
    { getLink: link, listLinks: [{ ...macvlan(1), parent: { index: 7, netnsid: null } }] },
    { kind: 'macvlan', asked: { parent: 7 } },
  ],
  [
    'children elsewhere, where the kernel names something else',
    new Refusal(-22, 'RTM_NEWLINK', 'another reason'),
    { getLink: link, listLinks: [] },
    { kind: 'macvlan', asked: { parent: 7, info: { macvlan: { mode: MACVLAN_MODES.passthru } } } },
  ],
  [
    'another receiver of a port’s frames, where the kernel names something else',
    new Refusal(-16, 'RTM_NEWLINK', 'another reason'),
    { getLink: link, listLinks: [] },
    { link: 7, asked: { index: 7, master: 9 } },
  ],
])('there is no hint about %s', async (_, refusal, answers, about) => {
  expect(await explain(answering(answers), refusal, about)).toBeUndefined();
});

test.skipIf(isBefore(6, 15))(
  'there is no hint about an index that no link has in the target namespace',
  async () => {
    const target = Object.assign(answering({}), { inode: 2 });
    const about: About = { kind: 'vlan', asked: { parent: 9, index: 7 }, target };
    const refusal = new Refusal(-17, 'RTM_NEWLINK', 'VLAN device already exists');
    expect(await explain(answering({ getLink: link }), refusal, about)).toBeUndefined();
  },
);

test('the kernel’s own route by another link is no reason to leave a route out', async () => {
  const theirs = { ...route(1), link: 8, protocol: 'kernel' };
  const about = { link: 7, asked: asked({ destination: bytes('10.1.0.1'), link: 7 }) };
  const netns = answering({ getLink: { ...link, index: 8, name: 'q' }, listRoutes: [theirs] });
  const hint = await explain(netns, new Refusal(-17, 'RTM_NEWROUTE'), about);
  expect(hint).toBe(
    "Table 254 has a route to 10.1.0.1/32 with metric 0 already by 'q': give another metric, or append; replaceRoute would take that one away.",
  );
});

test.each<[string, Refusal, Record<string, unknown>, About, string]>([
  [
    'a multicast address is not joined',
    new Refusal(-99, 'RTM_NEWADDR'),
    {},
    { link: 7, asked: { family: AF_INET6, local: bytes('ff02::5'), prefixLength: 64 } },
    "ff02::5 is a multicast address, which needs the flag 'autojoin'.",
  ],
  [
    'an address is the loopback device’s',
    new Refusal(-99, 'RTM_NEWADDR'),
    {},
    { link: 7, asked: { family: AF_INET6, local: bytes('::1'), prefixLength: 128 } },
    "Only 'lo' and VRFs can have the address ::1.",
  ],
  [
    'a link belongs to its namespace',
    new Refusal(-22, 'RTM_NEWLINK'),
    { getLink: link },
    { link: 7, asked: { index: 7 }, moving: { names: ['p'], index: 7 } },
    "The link 'p' cannot leave the network namespace that it was made in.",
  ],
  [
    'the table of neighbours is full',
    new Refusal(-105, 'RTM_NEWNEIGH'),
    { getLink: link },
    { link: 7, asked: { family: AF_INET, index: 7, state: 2 } },
    "The kernel's table of neighbours, which all namespaces share, is full (net.ipv4.neigh.default.gc_thresh3, or the same of ipv6): only permanent ones still have room.",
  ],
  [
    'a port belongs to a switch',
    new Refusal(-95, 'RTM_NEWLINK'),
    { getLink: { ...link, name: 'sw', kind: 'openvswitch', master: 9 } },
    { link: 7, asked: { index: 7, master: 0 } },
    "The link 'sw' is a port of openvswitch 'sw', and only what has made it one can change that.",
  ],
  [
    'the kernel has no links of a kind',
    new Refusal(-95, 'RTM_NEWLINK'),
    { listLinks: [link] },
    { kind: 'nonesuch', asked: {} },
    "This kernel has no links of kind 'nonesuch': the module 'nonesuch' is neither built in nor to be found.",
  ],
])(
  'where the kernel gives no reason, the hint does: %s',
  async (_, refusal, answers, about, hint) => {
    expect(await explain(answering(answers), refusal, about)).toBe(hint);
  },
);

test('a parent that is missing in the process’s own namespace may be made there only', async () => {
  const netns = Object.assign(answering({}), { name: null });
  const about: About = { link: 'nobody', option: 'options.parent' };
  const hint = await explain(netns, new Refusal(-19, 'RTM_GETLINK'), about);
  expect(hint).toMatch(/^There is no link named 'nobody' in .* \(options\.parent\)\.$/);
});

test('the parent of a macvtap is the reason why a link on the macvtap is refused', async () => {
  const links = [
    { ...link, name: 'tap', kind: 'macvtap', parent: { index: 8, netnsid: null } },
    { ...link, index: 8, master: 9 },
    { ...link, index: 9, name: 'br0', kind: 'bridge' },
  ];
  const ask = async (_: string, { index }: { index: number }) =>
    links.find((one) => one.index === index) ?? new Refusal(-19, 'RTM_GETLINK');
  const netns = { ask, name: 'n', inode: 1 } as unknown as Namespace;
  const about: About = { kind: 'macvlan', asked: { parent: 7 } };
  const hint = await explain(netns, new Refusal(-16, 'RTM_NEWLINK'), about);
  expect(hint).toContain("The parent 'p' is a port of bridge 'br0'");
});

// Without a kernel: the links that are known to have such a MAC come with modules that make links in every namespace.
describe('a MAC of zeros', () => {
  const links = [
    { ...link, name: 'k0', kind: 'netkit', mac: '00:00:00:00:00:00', up: false, parent: null },
    { ...link, index: 8, name: 'br0', kind: 'bridge', mac: '02:00:00:00:00:08', parent: null },
  ];
  const ask = async (_: string, { index }: { index: number }) =>
    links.find((one) => one.index === index) ?? new Refusal(-19, 'RTM_GETLINK');
  const netns = { ask, name: 'n', inode: 1 } as unknown as Namespace;

  test('explains why a link cannot become a port of a bridge', async () => {
    const refusal = new Refusal(-22, 'RTM_NEWLINK');
    const hint = await explain(netns, refusal, { link: 7, asked: { index: 7, master: 8 } });
    expect(hint).toBe("A port of a bridge needs a MAC, and that of 'k0' is all zeros.");
  });

  test.each<[string, About, string | undefined]>([
    ['a link', { link: 7, asked: { index: 7 } }, 'k0'],
    ['a child that has the MAC of its parent', { kind: 'macvlan', asked: { parent: 7 } }, 'k0'],
    [
      'a child that has another MAC',
      { kind: 'macvlan', asked: { parent: 7, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) } },
      undefined,
    ],
    ['a link that has a MAC', { link: 8, asked: { index: 8 } }, undefined],
  ])('says whether it is why %s does not come up', async (_, about, name) => {
    const hint = await explain(netns, new Refusal(-99, 'RTM_NEWLINK'), about);
    const reason = `The link needs a MAC to come up, and that of '${name}' is all zeros.`;
    expect(hint).toBe(name && reason);
  });
});

test.each([
  [-2, 'mount', 'Another program removed the name'],
  [-2, 'open', 'the directory /run/netns, which does not exist'],
  [-16, 'unlink', 'Another program gave the name again'],
])(
  'a name of which another program takes or gives hold meanwhile: %i (%s)',
  (errno, syscall, says) => {
    expect(whyNotNamed(new Refusal(errno, syscall))).toContain(says);
  },
);

test('the rights to names are the reason for a refusal of what names take, and of nothing else', () => {
  const hintOf = (syscall: string) => whyNotNamed(new Refusal(-1, syscall));
  for (const syscall of ['mkdir', 'open', 'flock', 'mount', 'umount2', 'unlink'])
    expect(hintOf(syscall)).toContain('the right to write /run/netns');
  for (const syscall of ['open(/proc/thread-self)', 'fstat', 'setns'])
    expect(hintOf(syscall)).toBeUndefined();
});
