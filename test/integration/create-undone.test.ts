/**
 * createMacvlan, createMacvtap and createLink make all of a link or nothing: whichever part fails,
 * neither namespace differs from before.
 */
import { describe, expect, test, vi } from 'vitest';
import type { CreateMacvlanOptions, Link, RouteOptions } from '../../lib/index.js';
import {
  isBefore,
  type RefusedError,
  refusalOf,
  type TestNetns,
  useTestbed,
} from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

const SIBLING_MAC = '02:00:5e:00:00:02';
const PARENT_MAC = '02:00:5e:00:00:01';

interface Setup {
  readonly host: TestNetns;
  /** Where the link is to be made. */
  readonly home: TestNetns;
  readonly parent: string;
}

/**
 * A parent with a child `sibling` that is up, and in the namespace where links are made a bridge
 * `taken` with index 4711 and the alternative name `taken-too`.
 */
async function setUp(elsewhere: boolean): Promise<Setup> {
  const host = await bed.makeNetns();
  const home = elsewhere ? await bed.makeNetns() : host;
  const parent = await host.parent({ mac: PARENT_MAC });
  await host.netns.createMacvlan({
    parent,
    name: 'sibling',
    mode: 'bridge',
    mac: SIBLING_MAC,
    addrGenMode: 'none',
    up: true,
  });
  await host.settled('sibling');
  await home.ip('link', 'add', 'taken', 'index', '4711', 'type', 'bridge');
  await home.ip('link', 'property', 'add', 'dev', 'taken', 'altname', 'taken-too');
  return { host, home, parent };
}

async function stateOf({ host, home }: Setup): Promise<unknown[]> {
  return [await host.snapshot(), await home.snapshot()];
}

const PLACES = [
  ['in the parent’s namespace', false],
  ['in another namespace', true],
] as const;

/** Options besides the parent, the code of the error and the part that it names. */
const FAILURES: readonly [string, Partial<CreateMacvlanOptions>, string, string?][] = [
  ['its name is taken', { name: 'taken' }, 'EEXIST'],
  ['its name is somebody’s alternative name', { name: 'taken-too' }, 'EEXIST'],
  ['its MAC is a sibling’s that is up', { up: true, mac: SIBLING_MAC }, 'EADDRINUSE'],
  ['its MAC is the parent’s', { up: true, mac: PARENT_MAC }, 'EADDRINUSE'],
  ['its MTU is above the parent’s', { mtu: 1501 }, 'EINVAL'],
  ['its master does not exist', { master: 'nobody' }, 'ENODEV', 'master'],
  ['its master takes in no links', { master: 'lo' }, 'EOPNOTSUPP', 'master'],
  ['it is passthru beside a sibling', { mode: 'passthru' }, 'EINVAL'],
  ['an alternative name is taken', { altNames: ['fine', 'taken'] }, 'EEXIST', 'altNames'],
  ['two alternative names are one', { altNames: ['one', 'one'] }, 'EEXIST', 'altNames'],
  ['an alternative name is its own name', { name: 'm0', altNames: ['m0'] }, 'EEXIST', 'altNames'],
  [
    'its address mode needs a secret that is not set',
    { addrGenMode: 'stable-privacy' },
    'EINVAL',
    'addrGenMode',
  ],
  [
    'it cannot come up once its address mode is set',
    { addrGenMode: 'none', up: true, mac: SIBLING_MAC },
    'EADDRINUSE',
    'up',
  ],
  [
    'the first address is there twice',
    { addresses: ['10.1.1.1/24', '10.1.1.1/24'] },
    'EEXIST',
    'addresses[1]',
  ],
  [
    'an IPv6 address is one that no link can have',
    { up: true, addresses: ['10.1.1.1/24', 'fd00::1/64', 'ff02::1/64'] },
    'EADDRNOTAVAIL',
    'addresses[2]',
  ],
  [
    'the gateway of a route cannot be reached',
    {
      up: true,
      addresses: ['10.1.1.1/24'],
      routes: [{ to: '10.9.0.0/16' }, { to: 'default', via: '192.0.2.1' }],
    },
    'ENETUNREACH',
    'routes[1]',
  ],
  [
    'a route leaves by a link that is down',
    { addresses: ['10.1.1.1/24'], routes: [{ to: '10.9.0.0/16' }] },
    'ENETDOWN',
    'routes[0]',
  ],
  [
    'the link of a route does not exist',
    { routes: [{ to: '10.9.0.0/16', link: 'nobody' }] },
    'ENODEV',
    'routes[0].link',
  ],
  [
    'the last of many parts fails',
    {
      up: true,
      promiscuous: true,
      allMulticast: true,
      alias: 'an alias',
      altNames: ['another-name'],
      addresses: ['10.1.1.1/24', 'fd00::1/64'],
      routes: [
        { to: 'default', via: '10.1.1.254' },
        { to: 'default', via: '10.1.1.253' },
      ],
    },
    'EEXIST',
    'routes[1]',
  ],
];

describe.each(PLACES)('a link made %s', (_, elsewhere) => {
  test.each(FAILURES)('leaves nothing behind when %s', async (_, options, code, part) => {
    const where = await setUp(elsewhere);
    const before = await stateOf(where);
    const all = { parent: where.parent, mode: 'bridge', netns: where.home.netns, ...options };
    const error = await refusalOf(where.host.netns.createMacvlan(all as CreateMacvlanOptions));
    expect(error).toMatchObject({ name: 'NetlinkError', code, operation: 'createMacvlan' });
    expect(error.part).toBe(part);
    if (part !== undefined) expect(error.message).toContain(part);
    expect(await stateOf(where)).toEqual(before);
  });

  test('leaves nothing behind when it is a macvtap', async () => {
    const where = await setUp(elsewhere);
    const before = await stateOf(where);
    const error = await refusalOf(
      where.host.netns.createMacvtap({
        parent: where.parent,
        netns: where.home.netns,
        up: true,
        addresses: ['10.1.1.1/24', '10.1.1.1/24'],
      }),
    );
    expect(error).toMatchObject({
      code: 'EEXIST',
      operation: 'createMacvtap',
      part: 'addresses[1]',
    });
    expect(await stateOf(where)).toEqual(before);
  });

  test.each(['veth', 'bridge'] as const)('leaves nothing behind when it is a %s', async (kind) => {
    const where = await setUp(elsewhere);
    const before = await stateOf(where);
    const error = await refusalOf(
      where.host.netns.createLink({ kind, netns: where.home.netns, altNames: ['fine', 'taken'] }),
    );
    expect(error).toMatchObject({ code: 'EEXIST', operation: 'createLink', part: 'altNames' });
    expect(await stateOf(where)).toEqual(before);
  });

  // The kernel carries out the messages of a datagram although one before them has failed.
  test('leaves the link alone that has its index already', async () => {
    const where = await setUp(elsewhere);
    const before = await stateOf(where);
    const error = await refusalOf(
      where.host.netns.createMacvlan({
        parent: where.parent,
        netns: where.home.netns,
        index: 4711,
        up: true,
        promiscuous: true,
        alias: 'not for the other',
        altNames: ['not-for-the-other'],
        addresses: ['10.1.1.1/24'],
        routes: [{ to: '10.9.0.0/16' }],
      }),
    );
    // In another namespace older kernels find it taken in another way.
    expect(error.code).toBe(elsewhere && isBefore(6, 15) ? 'EBUSY' : 'EEXIST');
    expect(error.hint).toContain('4711');
    expect(error.hint).toContain(`'taken'`);
    expect(await stateOf(where)).toEqual(before);
  });

  test('of many calls with the same name one makes it, and the others leave nothing behind', async () => {
    const where = await setUp(elsewhere);
    const { host, home, parent } = where;
    const names = await home.names();
    const create = () =>
      host.netns.createMacvlan({ parent, name: 'm0', netns: home.netns, alias: 'made', up: true });
    const results = await Promise.allSettled(Array.from({ length: 20 }, create));
    const made = results.filter(({ status }) => status === 'fulfilled');
    expect(made.length).toBe(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'EEXIST' });
    }
    expect(await home.names()).toHaveLength(names.length + 1);
    expect((await home.link('m0')).ifalias).toBe('made');
  });
});

describe('an aborted creation', () => {
  const reason = new Error('no longer wanted');

  /** Creates a link and aborts that some time later; returns the link or what the promise was rejected with. */
  async function attempt(
    where: Setup,
    abort: (controller: AbortController) => void,
  ): Promise<unknown> {
    const controller = new AbortController();
    const { signal } = controller;
    const promise = where.host.netns.createMacvlan({
      parent: where.parent,
      name: 'm0',
      netns: where.home.netns,
      up: true,
      alias: 'an alias',
      addresses: ['10.1.1.1/24'],
      routes: [{ to: '10.9.0.0/16' }],
      signal,
    });
    abort(controller);
    try {
      const link = await promise;
      // An aborted call does not resolve.
      expect(signal.aborted).toBe(false);
      return link;
    } catch (error) {
      return error;
    }
  }

  test.each(PLACES)('leaves nothing behind, whenever it is aborted: %s', async (_, elsewhere) => {
    const where = await setUp(elsewhere);
    const before = await stateOf(where);
    const turn = (turns: number) => (controller: AbortController) => {
      if (turns === 0) controller.abort(reason);
      else setImmediate(() => turn(turns - 1)(controller));
    };
    const later = (milliseconds: number) => (controller: AbortController) =>
      setTimeout(() => controller.abort(reason), milliseconds);
    const moments = [...Array(12).keys()].map(turn).concat([0, 1, 2, 3].map(later));
    for (const [at, moment] of moments.entries()) {
      const result = await attempt(where, moment);
      if (result === reason) {
        expect(await stateOf(where)).toEqual(before);
      } else {
        expect(at).not.toBe(0);
        const { index } = result as Link;
        expect(await where.home.link('m0')).toMatchObject({ ifindex: index, ifalias: 'an alias' });
        await where.home.netns.deleteLink(index);
        expect(await stateOf(where)).toEqual(before);
      }
    }
  });

  test('is not begun when the signal has fired before', async () => {
    const where = await setUp(false);
    const before = await stateOf(where);
    const signal = AbortSignal.abort(reason);
    const options = { parent: where.parent, signal };
    const error: unknown = await refusalOf(where.host.netns.createMacvlan(options));
    expect(error).toBe(reason);
    expect(await stateOf(where)).toEqual(before);
  });
});

describe('a route by another link', () => {
  const options = (where: Setup, other: string, ...routes: readonly RouteOptions[]) => ({
    parent: where.parent,
    netns: where.home.netns,
    up: true,
    routes: [{ to: '10.9.0.0/16', link: other }, ...routes],
  });

  test.each(PLACES)('does not stay behind when what follows it fails, %s', async (_, elsewhere) => {
    const where = await setUp(elsewhere);
    const other = await where.home.parent();
    const before = await stateOf(where);
    const all = options(where, other, { to: '10.8.0.0/16', via: '192.0.2.1' });
    const error = await refusalOf(where.host.netns.createMacvlan(all));
    expect(error).toMatchObject({ code: 'ENETUNREACH', part: 'routes[1]' });
    expect(await stateOf(where)).toEqual(before);
    const { name } = await where.host.netns.createMacvlan(options(where, other));
    expect(await where.home.ip('route', 'show', 'dev', other)).toContain('10.9.0.0/16');
    expect(await where.home.names()).toContain(name);
  });

  test('stays when it was there before, and the link is refused', async () => {
    const where = await setUp(false);
    const other = await where.host.parent();
    await where.host.ip('route', 'add', '10.9.0.0/16', 'dev', other, 'proto', 'static');
    const before = await stateOf(where);
    const error = await refusalOf(where.host.netns.createMacvlan(options(where, other)));
    expect(error).toMatchObject({ code: 'EEXIST', part: 'routes[0]' });
    expect(await stateOf(where)).toEqual(before);
  });

  // To the kernel no metric, or 0, means 1024 when an IPv6 route is added, and any when one is removed.
  test.each([undefined, 0])(
    'is removed again with metric %s, and not another with the same destination that was there before',
    async (metric) => {
      const where = await setUp(false);
      const { parent: other, host } = where;
      await host.ip('address', 'add', 'fd00::1/64', 'dev', other, 'nodad');
      await host.ip('link', 'set', other, 'up');
      const own = ['metric', '100', 'proto', 'static'];
      for (const route of [['fd01::/64', 'via', 'fd00::2'], ['10.7.0.0/16']]) {
        await host.ip('route', 'add', ...route, 'dev', other, ...own);
      }
      const routesOf = () =>
        Promise.all(['-4', '-6'].map((family) => host.ip(family, 'route', 'show', 'dev', other)));
      const before = await routesOf();
      const routes = [
        { to: 'fd01::/64', via: 'fd00::2', link: other, metric },
        { to: '10.7.0.0/16', link: other, metric },
        { to: '10.8.0.0/16', via: '192.0.2.1' },
      ];
      const error = await refusalOf(
        host.netns.createMacvlan({ parent: where.parent, up: true, routes }),
      );
      expect(error).toMatchObject({ code: 'ENETUNREACH', part: 'routes[2]' });
      expect(await routesOf()).toEqual(before);
    },
  );

  test('is removed again as it was requested, even if the option has changed since', async () => {
    const where = await setUp(false);
    const { parent: other, host } = where;
    await host.ip('link', 'set', other, 'up');
    await host.ip('route', 'add', '10.7.0.0/16', 'dev', other, 'proto', 'static');
    const before = await host.ip('route', 'show', 'dev', other);
    const first = { to: '10.6.0.0/16', link: other };
    const routes = [first, { to: '10.8.0.0/16', via: '192.0.2.1' }];
    const creating = host.netns.createMacvlan({ parent: other, up: true, routes });
    setImmediate(() => {
      first.to = '10.7.0.0/16';
    });
    expect(await refusalOf(creating)).toMatchObject({ code: 'ENETUNREACH', part: 'routes[1]' });
    expect(await host.ip('route', 'show', 'dev', other)).toBe(before);
  });

  test('that cannot be removed again is named in the cause of the error', async () => {
    const where = await setUp(false);
    const { parent, host } = where;
    await host.ip('link', 'set', parent, 'up');
    const exchange = host.netns.exchange.bind(host.netns);
    // Instead of the route's removal a request is sent that the kernel refuses (EOPNOTSUPP).
    host.netns.exchange = (steps, ...rest) =>
      exchange(
        steps.map((step) =>
          step.operation === 'removeRoute'
            ? { operation: 'removeAddress', record: { index: 1, local: new Uint8Array(4) } }
            : step,
        ),
        ...rest,
      );
    const routes = [
      { to: '10.6.0.0/16', link: parent },
      { to: '10.8.0.0/16', via: '192.0.2.1' },
    ];
    const error = await refusalOf(host.netns.createMacvlan({ parent, up: true, routes }));
    expect(error).toMatchObject({ code: 'ENETUNREACH', part: 'routes[1]' });
    expect(String(error.cause)).toMatch(
      /The routes\[0\] of the link .* could not be removed again/,
    );
    expect(await host.ip('route', 'show', 'dev', parent)).toContain('10.6.0.0/16');
  });

  test('goes by the link that the option named at the call', async () => {
    const { host, parent } = await setUp(false);
    const { link: peer = '' } = await host.link(parent);
    for (const name of [parent, peer]) await host.ip('link', 'set', name, 'up');
    const link = { index: (await host.link(parent)).ifindex };
    const { ifindex } = await host.link(peer);
    // The parent is looked up by its name meanwhile.
    const routes = [{ to: '10.6.0.0/16', link }];
    const creating = host.netns.createMacvlan({ parent, up: true, routes });
    link.index = ifindex;
    await creating;
    expect(await host.ip('route', 'show', '10.6.0.0/16')).toContain(`dev ${parent} `);
  });

  test('is not requested when what comes before it fails', async () => {
    const { host, parent } = await setUp(false);
    const other = await host.parent();
    const heard: string[] = [];
    const watch = host.netns.watch({ routes: true });
    const reading = (async () => {
      for await (const event of watch) if (event.type === 'route') heard.push(event.route.to);
    })();
    const routes = [
      { to: '10.8.0.0/16', via: '192.0.2.1' },
      { to: '10.6.0.0/16', link: other },
    ];
    await refusalOf(host.netns.createMacvlan({ parent, routes }));
    await host.netns.addRoute({ to: '10.5.0.0/16', link: other });
    await vi.waitFor(() => expect(heard).toContain('10.5.0.0/16'), PATIENCE);
    await watch.return();
    await reading;
    expect(heard).toEqual(['10.5.0.0/16']);
  });

  test('goes by the new link when the option gives any of its names', async () => {
    const { host, parent } = await setUp(false);
    const names = { name: 'its-name', altNames: ['the-other-name'] };
    const routes = [
      { to: '10.8.0.0/16', link: 'its-name' },
      { to: '10.9.0.0/16', link: 'the-other-name' },
    ];
    await host.netns.createMacvlan({ parent, up: true, ...names, routes });
    const there = await host.ip('route', 'show', 'dev', 'its-name');
    for (const { to } of routes) expect(there).toContain(to);
  });

  test('is refused with a hint about that link', async () => {
    const where = await setUp(false);
    const { host, parent } = where;
    const other = await host.parent();
    const create = () => {
      const routes = [{ to: '10.8.0.0/16', via: '192.0.2.1', link: other }];
      return refusalOf(host.netns.createMacvlan({ parent, routes }));
    };
    expect((await create()).hint).toContain(`'${other}' has the gateway 192.0.2.1`);
    await host.ip('link', 'set', other, 'down');
    expect((await create()).hint).toContain(`The link '${other}' is down`);
  });

  test('in another namespace is refused, with whatever other links are named', async () => {
    const where = await setUp(true);
    const stranger = await where.home.netns.getLink('taken');
    const routes = [
      { to: '10.9.0.0/16', link: 'nobody' },
      { to: '10.8.0.0/16', link: stranger },
    ];
    const { parent, host } = where;
    const error = await refusalOf(host.netns.createMacvlan({ parent, routes }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    // A rejection that nobody waits for would end the test run.
    await host.netns.listLinks();
  });
});

// How one is refused that was to have addresses: test/addon/meanwhile.test.ts.
test('a link that another program deletes before it has announced its addresses is refused', async () => {
  const { host, parent: name } = await setUp(false);
  const { ifindex: parent } = await host.link(name);
  const options = { index: 5000, name: 'm0', addresses: ['192.0.2.1/24'] };
  const announcing = { parent, ...options, up: true, ipv4: { arpNotify: true } };
  const creating = refusalOf(host.netns.createMacvlan(announcing));
  await host.netns.deleteLink(options.index);
  const error = await creating;
  expect(error).toMatchObject({ code: 'ENODEV', part: 'ipv4.arpNotify' });
  const says = 'Another program has deleted the new link before it was finished, or moved it';
  expect(String(error.cause)).toContain(says);
});

describe('bcCutoff, of which a parent has one for all of its children', () => {
  test.each<[string, Partial<CreateMacvlanOptions>, string]>([
    ['the name is taken', { name: 'taken' }, 'EEXIST'],
    ['the MAC is a sibling’s', { up: true, mac: SIBLING_MAC }, 'EADDRINUSE'],
    ['a route cannot be', { routes: [{ to: '10.8.0.0/16', via: '192.0.2.1' }] }, 'ENETUNREACH'],
    ['the master takes in no links', { master: 'lo' }, 'EOPNOTSUPP'],
  ])('is not set when %s', async (_, options, code) => {
    const { host, parent } = await setUp(false);
    const before = await host.cutoff('sibling');
    const all = { parent, bcCutoff: 50, ...options } as CreateMacvlanOptions;
    expect(await refusalOf(host.netns.createMacvlan(all))).toMatchObject({ code });
    expect(await host.cutoff('sibling')).toBe(before);
  });
});

describe('a creation into a namespace that is not there', () => {
  test.each([
    ['a name that nobody has', 'no-such-namespace', 'ENOENT'],
    ['a path to nothing', '/run/netns/no-such-namespace', 'ENOENT'],
    ['a file that is no namespace', '/proc/self/ns/mnt', 'EINVAL'],
    ['a process that is not there', { pid: 2 ** 22 + 1 }, 'ENOENT'],
    ['a descriptor that is not open', { fd: 987_654 }, 'EBADF'],
  ])('is refused for %s, and leaves nothing behind', async (_, netns, code) => {
    const where = await setUp(false);
    const before = await stateOf(where);
    const { parent } = where;
    const error: RefusedError = await refusalOf(where.host.netns.createMacvlan({ parent, netns }));
    expect(error).toMatchObject({ name: 'NetlinkError', code, operation: 'createMacvlan' });
    expect(await stateOf(where)).toEqual(before);
  });
});

// A bridge without ports has a MAC of its own choice, takes the first port's, and has 00:… when that goes.
test.each([
  ['a name of its own is taken', { altNames: ['br0'] }, { code: 'EEXIST', part: 'altNames' }],
  ['there is no master for its peer', { peer: { master: 'br1' } }, { part: 'peer.master' }],
  ['nor one of that index', { peer: { master: 987_654 } }, { part: 'peer.master' }],
  [
    'what is to be the peer’s master has no ports',
    { peer: { master: 'lo' } },
    { code: 'EOPNOTSUPP', part: 'peer.master', hint: expect.stringContaining("'lo' takes in no") },
  ],
  [
    'nor has a link of another kind',
    { peer: { master: 'v1' } },
    { code: 'EOPNOTSUPP', part: 'peer.master', hint: expect.stringContaining("'v1' takes in no") },
  ],
  [
    'a name of its own is its peer’s',
    { altNames: ['v2'], peer: { name: 'v2' } },
    { code: 'EEXIST', part: 'altNames', hint: "'v2' is a name of the link's own other end." },
  ],
])('a bridge is not changed by a port that cannot be finished: %s', async (_, more, refusal) => {
  const host = await bed.makeNetns();
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  await host.ip('link', 'set', 'br0', 'up');
  await host.ip('link', 'add', 'v1', 'type', 'veth', 'peer', 'name', 'v9');
  const seen = async () => {
    const { address, mtu, flags } = await host.link('br0');
    return { address, mtu, flags, names: await host.names() };
  };
  const before = await seen();
  const options = { kind: 'veth', name: 'v0', mtu: 1400, up: true, ...more } as const;
  const error = await refusalOf(host.netns.createLink({ ...options, master: 'br0' }));
  expect(error).toMatchObject(refusal);
  expect(await seen()).toEqual(before);
});
