// Rules of policy routing: what is asked for against what `ip rule` shows and how the kernel routes.
import { describe, expect, test, vi } from 'vitest';
import type { Netns, Rule, RuleOptions, RuleToRemove } from '../../lib/index.js';
import { SAYS_NOTHING } from '../support/inet.js';
import { noRoot } from '../support/root.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();

/** A rule as `ip -j -d rule` prints it; what needs no value is `null`. */
interface IpRule {
  readonly priority: number;
  readonly protocol: string;
  readonly [field: string]: unknown;
}

async function shown(host: TestNetns, family: '-4' | '-6' = '-4'): Promise<IpRule[]> {
  const rules: IpRule[] = JSON.parse(await host.ip(family, '-j', '-d', 'rule', 'show'));
  // The kernel's own.
  return rules.filter(({ protocol }) => protocol !== 'kernel');
}

const own = (rules: readonly Rule[]) => rules.filter(({ protocol }) => protocol !== 'kernel');

type Case = [string, Omit<RuleOptions, 'priority'>, Partial<IpRule>];

const cases: Case[] = [
  ['all packets', {}, { src: 'all', table: 'main', protocol: 'static' }],
  ['a prefix of sources', { from: '10.0.0.0/8', table: 100 }, { src: '10.0.0.0', srclen: 8 }],
  ['a source', { from: '10.0.0.1', table: 'default' }, { src: '10.0.0.1', table: 'default' }],
  ['a source with host bits', { from: '10.0.0.1/8' }, { src: '10.0.0.1', srclen: 8 }],
  ['a prefix of length 0', { from: '0.0.0.0/0' }, { src: 'all' }],
  ['the least table beyond a byte', { table: 256 }, { table: '256' }],
  ['a destination', { to: '10.9.0.0/16', table: 70_000 }, { dst: '10.9.0.0', table: '70000' }],
  ['IPv6', { from: 'fd00::/64', to: 'fd01::1' }, { src: 'fd00::', srclen: 64, dst: 'fd01::1' }],
  ['a destination of IPv6', { to: 'fd01::/64' }, { dst: 'fd01::', dstlen: 64 }],
  ['IPv6 without an address', { family: 'IPv6', iif: 'lo' }, { iif: 'lo' }],
  ['a type of service', { tos: 0x10 }, { tos: '0x10' }],
  ['a type of service of IPv6', { family: 'IPv6', tos: 0x10 }, { tos: '0x10' }],
  ['links that do not exist', { iif: 'macv1', oif: 'macv2' }, { iif: 'macv1', oif: 'macv2' }],
  ['a mark', { fwmark: 7 }, { fwmark: '0x7' }],
  ['bits of a mark', { fwmark: 7, fwmask: 255 }, { fwmark: '0x7', fwmask: '0xff' }],
  ['bits that are not set', { fwmark: 0, fwmask: 15 }, { fwmark: '0', fwmask: '0xf' }],
  ['no bits of a mark', { fwmark: 7, fwmask: 0 }, { fwmark: '0x7', fwmask: '0' }],
  ['the largest mark', { fwmark: 2 ** 32 - 1 }, { fwmark: '0xffffffff' }],
  ['a protocol', { ipProtocol: 'udp' }, { ipproto: 'udp' }],
  ['a protocol by its number', { ipProtocol: 47 }, { ipproto: 'gre' }],
  ['ports', { sourcePorts: 80, destinationPorts: 443 }, { sport: 80, dport: 443 }],
  ['many ports', { destinationPorts: [1, 65_534] }, { dport_start: 1, dport_end: 65_534 }],
  ['users', { uidRange: [0, 1000] }, { uid_start: 0, uid_end: 1000 }],
  ['all but', { invert: true, from: '10.0.0.1' }, { not: null, src: '10.0.0.1' }],
  ['another rule', { goto: 5000 }, { goto: 5000 }],
  ['nothing', { action: 'nop' }, { nop: null }],
  ['no route', { action: 'blackhole' }, { action: 'blackhole' }],
  ['an unreachable one', { action: 'unreachable' }, { action: 'unreachable' }],
  ['a forbidden one', { action: 'prohibit' }, { action: 'prohibit' }],
  [
    'what is left out in other words',
    { l3mdev: false, action: undefined, table: undefined, protocol: undefined },
    { src: 'all', table: 'main', protocol: 'static' },
  ],
  ['links by names that none can have', { iif: 'a:b', oif: '..' }, { iif: 'a:b', oif: '..' }],
  ['a VRF', { l3mdev: true }, { l3mdev: null }],
  ['no default routes', { suppressPrefixLength: 0 }, { suppress_prefixlen: 0 }],
  ['no links of a group', { suppressGroup: 0 }, { suppress_ifgroup: 'default' }],
  ['whose rule it is', { protocol: 'dhcp' }, { protocol: 'dhcp' }],
  ['whose rule it is, by number', { protocol: 77 }, { protocol: '77' }],
];

describe('addRule, listRules and removeRule', () => {
  test.for(cases)('%s', async ([_, options, expected], { skip }) => {
    // Users are those of the user namespace.
    skip(options.uidRange !== undefined && noRoot !== undefined, noRoot);
    const host = await bed.makeNetns();
    const { netns } = host;
    const isIPv6 = options.family === 'IPv6' || /:/.test(`${options.from}${options.to}`);
    const flag = isIPv6 ? '-6' : '-4';
    await netns.addRule({ priority: 100, ...options });
    const there = await shown(host, flag);
    expect(there).toEqual([expect.objectContaining({ priority: 100, ...expected })]);
    expect(await shown(host, isIPv6 ? '-4' : '-6')).toEqual([]);
    const [listed, ...others] = own(await netns.listRules());
    expect(others).toEqual([]);
    expect(listed?.family).toBe(isIPv6 ? 'IPv6' : 'IPv4');
    // As it was added, and as it was listed.
    await netns.removeRule({ priority: 100, ...options });
    expect(await shown(host, flag)).toEqual([]);
    await netns.addRule(listed as Rule);
    expect(await shown(host, flag)).toEqual(there);
    await netns.removeRule(listed as Rule);
    expect(await shown(host, flag)).toEqual([]);
  });

  test('every field of what ip has made is listed', async ({ skip }) => {
    skip(noRoot !== undefined, noRoot);
    const host = await bed.makeNetns();
    const selectors =
      'not to 10.9.0.0/16 iif lo oif p0 tos 0x10 fwmark 0x5/0xff uidrange 0-1000 ' +
      'ipproto tcp sport 80-81 dport 1000-2000 table 1000 protocol static';
    await host.ip('rule', 'add', 'priority', '101', ...selectors.split(' '));
    const others = 'from fd00::/64 fwmark 0/0xf sport 80 goto 200';
    await host.ip('-6', 'rule', 'add', 'priority', '102', ...others.split(' '));
    await host.ip('-6', 'rule', 'add', 'priority', '103', 'type', 'throw');
    expect(own(await host.netns.listRules())).toEqual([
      {
        ...SAYS_NOTHING,
        priority: 101,
        family: 'IPv4',
        to: '10.9.0.0/16',
        tos: 16,
        iif: 'lo',
        oif: 'p0',
        fwmark: 5,
        fwmask: 255,
        ipProtocol: 'tcp',
        sourcePorts: [80, 81],
        destinationPorts: [1000, 2000],
        uidRange: [0, 1000],
        invert: true,
        action: 'table',
        table: 1000,
        protocol: 'static',
      },
      {
        ...SAYS_NOTHING,
        priority: 102,
        family: 'IPv6',
        from: 'fd00::/64',
        fwmark: 0,
        fwmask: 15,
        sourcePorts: [80, 80],
        action: 'goto',
        table: null,
        goto: 200,
        protocol: 'unspec',
      },
      {
        ...SAYS_NOTHING,
        priority: 103,
        family: 'IPv6',
        action: '9',
        table: null,
        protocol: 'unspec',
      },
    ]);
  });

  test.for([
    'blackhole table 100',
    'goto 200 table 1000',
    'prohibit l3mdev',
    'from 10.0.0.1 nat 10.0.0.2',
    'table main suppress_prefixlength 200',
    'fwmark 5/0',
    'fwmark 0/1',
    'from 10.0.0.1/8 uidrange 0-4294967294',
  ])('what ip has made of %o is removed and added as it was listed', async (made, { skip }) => {
    skip(made.includes('uidrange') && noRoot !== undefined, noRoot);
    const host = await bed.makeNetns();
    await host.ip('rule', 'add', 'priority', '100', ...made.split(' '));
    const there = await shown(host);
    const [listed] = await host.netns.listRules({ priority: 100 });
    await host.netns.removeRule(listed as Rule);
    expect(await shown(host)).toEqual([]);
    await host.netns.addRule(listed as Rule);
    expect(await shown(host)).toEqual(there);
  });

  test('the rules of a new namespace are listed in their order, and by filter', async () => {
    const { netns } = await bed.makeNetns();
    await netns.addRule({ priority: 9, table: 100, protocol: 'dhcp' });
    const text = (rules: readonly Rule[]) =>
      rules.map(({ family, priority, table }) => `${family} ${priority} ${table}`);
    const all = ['IPv4 0 255', 'IPv4 9 100', 'IPv4 32766 254', 'IPv4 32767 253'];
    const all6 = ['IPv6 0 255', 'IPv6 32766 254'];
    expect(text(await netns.listRules())).toEqual([...all, ...all6]);
    expect(text(await netns.listRules({ family: 'IPv6' }))).toEqual(all6);
    expect(text(await netns.listRules({ table: 'main' }))).toEqual([all[2], all6[1]]);
    expect(text(await netns.listRules({ table: 100, family: 'IPv6' }))).toEqual([]);
    expect(text(await netns.listRules({ priority: 9 }))).toEqual([all[1]]);
    expect(text(await netns.listRules({ protocol: 'dhcp' }))).toEqual([all[1]]);
    expect(text(await netns.listRules({ protocol: 16 }))).toEqual([all[1]]);
    expect(text(await netns.listRules({ protocol: 16, priority: 0 }))).toEqual([]);
  });

  test('thousands are listed', async () => {
    const host = await bed.makeNetns();
    const lines = Array.from({ length: 3000 }, (_, at) => `rule add priority ${at + 1} table 100`);
    await host.ipBatch(lines);
    const rules = await host.netns.listRules({ table: 100 });
    expect(rules.map(({ priority }) => priority)).toEqual(lines.map((_, at) => at + 1));
  });
});

describe('addRule', () => {
  /** A namespace with two ways out, each with a default route: the second one's is in table 100. */
  async function twoWays(): Promise<{ host: TestNetns; netns: Netns; links: string[] }> {
    const host = await bed.makeNetns();
    const { netns } = host;
    const links = [await host.parent(), await host.parent()];
    for (const [at, link] of links.entries()) {
      await host.ip('address', 'add', `10.0.${at}.1/24`, 'dev', link);
    }
    await netns.addRoute({ to: 'default', via: '10.0.0.254' });
    await netns.addRoute({ to: 'default', via: '10.0.1.254', table: 100 });
    return { host, netns, links };
  }

  /** The gateway that the kernel chooses. */
  async function gatewayFor(host: TestNetns, ...packet: readonly string[]): Promise<unknown> {
    const [route] = JSON.parse(await host.ip('-j', 'route', 'get', '192.0.2.1', ...packet));
    return route.gateway;
  }

  test('packets from the second address leave by its own gateway', async () => {
    const { host, netns } = await twoWays();
    expect(await gatewayFor(host, 'from', '10.0.1.1')).toBe('10.0.0.254');
    await netns.addRule({ priority: 100, from: '10.0.1.1', table: 100 });
    expect(await gatewayFor(host, 'from', '10.0.1.1')).toBe('10.0.1.254');
    expect(await gatewayFor(host, 'from', '10.0.0.1')).toBe('10.0.0.254');
    await netns.removeRule({ priority: 100 });
    expect(await gatewayFor(host, 'from', '10.0.1.1')).toBe('10.0.0.254');
  });

  test('a macvlan in a second network can be reached from behind a router that checks sources', async () => {
    const [host, router, inside] = [
      await bed.makeNetns(),
      await bed.makeNetns(),
      await bed.makeNetns(),
    ];
    for (const at of [0, 1]) {
      const link = `r${at}`;
      await host.netns.createLink({
        kind: 'veth',
        name: `net${at}`,
        up: true,
        peer: { name: link, netns: router.netns, up: true },
      });
      await router.ip('address', 'add', `10.${at}.0.1/24`, 'dev', link);
      await router.netns.setSysctl(`net.ipv4.conf.${link}.rp_filter`, 1);
      await host.netns.createMacvlan({
        parent: `net${at}`,
        name: `eth${at}`,
        netns: inside.netns,
        up: true,
        addresses: [`10.${at}.0.5/24`],
        routes: [{ to: 'default', via: `10.${at}.0.1`, table: at === 0 ? 'main' : 100 }],
      });
    }
    await router.ip('address', 'add', '192.0.2.1/32', 'dev', 'lo');
    const ping = () => router.run('ping', '-c', '1', '-W', '1', '-I', '192.0.2.1', '10.1.0.5');
    await expect(ping()).rejects.toMatchObject({ code: 1 }); // no answer
    await inside.netns.addRule({ priority: 100, from: '10.1.0.5', table: 100 });
    await vi.waitFor(ping, PATIENCE);
  });

  test('by mark and by link, and without default routes', async () => {
    const { host, netns, links } = await twoWays();
    await netns.addRule({ priority: 100, fwmark: 1, table: 100 });
    await netns.addRule({ priority: 101, oif: links[1] as string, table: 100 });
    expect(await gatewayFor(host, 'mark', '1')).toBe('10.0.1.254');
    expect(await gatewayFor(host, 'mark', '2')).toBe('10.0.0.254');
    expect(await gatewayFor(host, 'oif', links[1] as string)).toBe('10.0.1.254');
    await netns.addRule({ priority: 99, suppressPrefixLength: 0 });
    await netns.addRule({ priority: 102, action: 'unreachable' });
    await expect(gatewayFor(host)).rejects.toThrow('unreachable');
  });

  test('looks a route up in main, however the action is said', async () => {
    const host = await bed.makeNetns();
    for (const [priority, action] of ['table', '1', 1].entries()) {
      await host.netns.addRule({ priority: priority + 1, action } as RuleOptions);
    }
    expect((await shown(host)).map(({ table }) => table)).toEqual(['main', 'main', 'main']);
  });

  test('refuses what is there, and says so', async () => {
    const { netns } = await bed.makeNetns();
    const rule = { priority: 100, from: '10.0.0.1', table: 100 };
    await netns.addRule(rule);
    expect(await refusalOf(netns.addRule(rule))).toMatchObject({
      code: 'EEXIST',
      syscall: 'RTM_NEWRULE',
      target: 100,
      hint: expect.stringContaining('There is a rule with this priority already'),
    });
    await netns.addRule({ ...rule, table: 101 });
    await netns.addRule({ ...rule, priority: 101 });
  });

  test.each<[Omit<RuleOptions, 'priority'>, Omit<RuleOptions, 'priority'>, string]>([
    [{ from: '10.0.0.1' }, { from: '10.0.0.1', invert: true }, "compares neither 'invert'"],
    [{ goto: 200 }, { goto: 300 }, "nor 'goto'"],
    [{ from: '10.0.0.1' }, {}, "'from', 'to' and 'tos' only where the new rule has them"],
    [{ to: 'fd00::/8' }, { family: 'IPv6' }, "'from', 'to' and 'tos' only where"],
    [{ tos: 16 }, {}, "'from', 'to' and 'tos' only where"],
  ])('beside %o refuses %o, and says what the kernel compares', async (first, second, says) => {
    const { netns } = await bed.makeNetns();
    await netns.addRule({ priority: 100, ...first });
    const { code, hint } = await refusalOf(netns.addRule({ priority: 100, ...second }));
    expect(code).toBe('EEXIST');
    expect(hint).toContain(says);
  });

  test.each<[object, string, string]>([
    [{ from: '10.0.0.1' }, 'ERR_INVALID_ARG_TYPE', 'rule.priority is required'],
    [{ priority: 1, src: '10.0.0.1' }, 'ERR_INVALID_ARG_VALUE', 'rule.src is not a known option'],
    [{ priority: 9, goto: 9 }, 'ERR_OUT_OF_RANGE', 'rule.goto must be above the priority'],
  ])('%o is refused before anything is sent', async (rule, code, says) => {
    const host = await bed.makeNetns();
    const error = await refusalOf(host.netns.addRule(rule as RuleOptions));
    expect(error.code).toBe(code);
    expect(error.message).toContain(`addRule: ${says}`);
    expect(await shown(host)).toEqual([]);
  });
});

describe('removeRule', () => {
  test('removes one rule, the first that matches', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    for (const priority of [100, 101, 102]) await netns.addRule({ priority, table: 100 });
    await netns.removeRule({ priority: 101 });
    await netns.removeRule({ table: 100 });
    expect((await shown(host)).map(({ priority }) => priority)).toEqual([102]);
  });

  test('of rules that go on with another, by what they say besides', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    await netns.addRule({ priority: 100, goto: 200 });
    await netns.addRule({ priority: 101, goto: 200, iif: 'lo' });
    await netns.removeRule({ goto: 200, iif: 'lo' });
    expect((await shown(host)).map(({ priority }) => priority)).toEqual([100]);
    await netns.removeRule({ action: 'goto' });
    expect(await shown(host)).toEqual([]);
    const last = { priority: 2 ** 32 - 2, goto: 2 ** 32 - 1 };
    await netns.addRule(last);
    await netns.removeRule(last);
    expect(await shown(host)).toEqual([]);
  });

  test('removes also one that says more, of the same priority', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    await netns.addRule({ priority: 100, table: 100, iif: 'lo' });
    await netns.addRule({ priority: 100, table: 100 });
    await netns.removeRule({ priority: 100, table: 100 });
    expect(await shown(host)).toEqual([expect.not.objectContaining({ iif: 'lo' })]);
  });

  const there = {
    priority: 100,
    from: '10.0.0.0/8',
    fwmark: 5,
    ipProtocol: 'tcp',
    sourcePorts: 80,
    table: 1000,
    suppressGroup: 0,
  } as const;

  test.each<[object, string]>([
    [{ priority: 101 }, 'There is no rule of IPv4 with priority 101.'],
    [{ priority: 100, family: 'IPv6' }, 'There is no rule of IPv6 with priority 100.'],
    [{ ...there, from: '10.0.0.0/9' }, `has another 'from': "10.0.0.0/8".`],
    [{ ...there, from: '11.0.0.0/8' }, `has another 'from': "10.0.0.0/8".`],
    [{ priority: 100, to: '10.0.0.1' }, "has another 'to': null."],
    [{ priority: 100, tos: 16 }, "has another 'tos': 0."],
    [{ priority: 100, iif: 'lo' }, "has another 'iif': null."],
    [{ priority: 100, oif: 'lo' }, "has another 'oif': null."],
    [{ priority: 100, fwmark: 6 }, "has another 'fwmark': 5."],
    [{ priority: 100, fwmark: 5, fwmask: 7 }, "has another 'fwmask': 4294967295."],
    [{ priority: 100, ipProtocol: 'udp' }, `has another 'ipProtocol': "tcp".`],
    [{ priority: 100, sourcePorts: [80, 81] }, "has another 'sourcePorts': [80,80]."],
    [{ priority: 100, destinationPorts: 80 }, "has another 'destinationPorts': null."],
    [{ priority: 100, uidRange: [0, 0] }, "has another 'uidRange': null."],
    [{ priority: 100, action: 'nop' }, `has another 'action': "table".`],
    [{ ...there, table: 'main' }, "has another 'table': 1000."],
    [{ priority: 100, table: 1001 }, "has another 'table': 1000."],
    [{ priority: 100, l3mdev: true }, "has another 'l3mdev': false."],
    [{ priority: 100, suppressPrefixLength: 8 }, "has another 'suppressPrefixLength': null."],
    [{ priority: 100, suppressGroup: 1 }, "has another 'suppressGroup': 0."],
    [{ priority: 100, protocol: 'boot' }, `has another 'protocol': "static".`],
    [{ table: 1001 }, 'There is no such rule.'],
  ])('%o: says what is different', async (rule, hint) => {
    const { netns } = await bed.makeNetns();
    await netns.addRule(there);
    expect(await refusalOf(netns.removeRule(rule))).toMatchObject({
      code: 'ENOENT',
      syscall: 'RTM_DELRULE',
      hint: expect.stringContaining(hint),
    });
    await netns.removeRule(there);
  });

  test('of a mark without its mask, with which the kernel compares all bits, says that', async () => {
    const { netns } = await bed.makeNetns();
    await netns.addRule({ priority: 100, fwmark: 5, fwmask: 255 });
    const { code, hint } = await refusalOf(netns.removeRule({ priority: 100, fwmark: 5 }));
    expect(code).toBe('ENOENT');
    expect(hint).toBe("The rule with priority 100 has another 'fwmask': 255.");
  });

  test('of several rules with the priority, says what is different about the nearest', async () => {
    const { netns } = await bed.makeNetns();
    await netns.addRule({ priority: 100, from: '10.0.0.1', table: 100 });
    await netns.addRule({ priority: 100, from: '10.0.0.2', table: 100 });
    const rule = { priority: 100, from: '10.0.0.2', table: 101 };
    const { code, hint } = await refusalOf(netns.removeRule(rule));
    expect(code).toBe('ENOENT');
    expect(hint).toBe("The nearest of the 2 rules with priority 100 has another 'table': 100.");
  });

  test.each([
    {},
    { family: 'IPv6' },
    { invert: true },
    { tos: 0, l3mdev: false, from: null },
    { from: '0.0.0.0/0' },
    { fwmask: 0, protocol: 'unspec' },
  ])('%o does not say which one', async (rule) => {
    const host = await bed.makeNetns();
    const before = await host.ip('rule');
    const error = await refusalOf(host.netns.removeRule(rule as RuleToRemove));
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
    expect(error.message).toContain('removeRule: rule must say which one');
    expect(await host.ip('rule')).toBe(before);
  });

  test.each([
    { priority: 0 },
    { priority: 0, action: 'table' },
    { priority: 0, protocol: 'kernel' },
  ] as const)(
    "%o does not either, because the kernel's first rule says that, too",
    async (rule) => {
      const host = await bed.makeNetns();
      const before = await host.ip('rule');
      await host.netns.addRule(rule);
      const error = await refusalOf(host.netns.removeRule(rule));
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
      expect(error.message).toContain('removeRule: rule must say which one');
      await host.netns.removeRule({ ...rule, table: 'main' });
      expect(await host.ip('rule')).toBe(before);
    },
  );
});
