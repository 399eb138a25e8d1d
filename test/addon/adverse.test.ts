// Faults that are rare on a healthy machine, caused by libraries that are preloaded before the C
// library's.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { root } from '../support/package.js';
import { inPrivateNetns, resultOf } from '../support/program.js';
import { noTaps } from '../support/tap.js';

const directory = mkdtempSync(join(tmpdir(), 'macvlan-netlink-adverse-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A command prefix that preloads a library of test/support, with environment variables for it. */
function preload(name: string, variables: Readonly<Record<string, string | number>>) {
  const source = join(root, `test/support/${name}.c`);
  const library = join(directory, `${name}.so`);
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  const settings = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  // A path in LD_PRELOAD ends at a space.
  const preload = [`LD_LIBRARY_PATH=${directory}`, `LD_PRELOAD=${name}.so`];
  return [...inPrivateNetns, 'env', ...preload, ...settings];
}

const IFLA_GROUP = 27;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_GETADDR = 22;

test('what a listing has before a part that is lost is kept', async () => {
  const program = `
    import { createLink, Netns } from 'macvlan-netlink';
    for (let at = 0; at < 3; at++) {
      await createLink({ kind: 'bridge', addresses: ['10.0.' + at + '.1/24'] });
    }
    const seen = { link: [], address: [] };
    for await (const event of Netns.current().watch({ initial: true, addresses: true })) {
      seen[event.type]?.push(event.link?.name ?? event.address.cidr);
      if (seen.address.length === 3) break;
    }
    console.log(JSON.stringify(seen));
  `;
  const under = preload('lose-a-datagram', { LOSE: RTM_GETADDR });
  expect(await resultOf(program, { under })).toEqual({
    link: ['lo', 'bridge0', 'bridge1', 'bridge2'],
    address: ['10.0.0.1/24', '10.0.1.1/24', '10.0.2.1/24'],
  });
});

test.each([1, 8])(
  'a listing shows each link once when a part is lost behind %d others',
  async (after) => {
    const program = `
    import { execFileSync } from 'node:child_process';
    import { listLinks } from 'macvlan-netlink';
    delete process.env.LD_PRELOAD; // Not for what this starts.
    const ip = (line, input) => execFileSync('ip', line.split(' '), { input, encoding: 'utf8' });
    const bridges = Array.from({ length: 300 }, (_, at) => 'link add b' + at + ' type bridge\\n');
    ip('-batch -', bridges.join(''));
    const expected = JSON.parse(ip('-j link')).map(({ ifname }) => ifname);
    const listed = (await listLinks()).map(({ name }) => name);
    console.log(JSON.stringify({ expected, listed }));
  `;
    const under = preload('lose-a-datagram', { LOSE: RTM_GETLINK, AFTER: after });
    const { expected, listed } = (await resultOf(program, { under })) as Record<string, string[]>;
    expect(expected).toHaveLength(301);
    expect(listed).toEqual(expected);
  },
);

test('a half-made link is not reported as left behind when only the answer to its deletion is lost', async () => {
  const program = `
    import { createLink, listLinks } from 'macvlan-netlink';
    const twice = ['10.0.0.1/24', '10.0.0.1/24'];
    const error = await createLink({ kind: 'bridge', addresses: twice }).catch((error) => error);
    const links = (await listLinks()).map(({ name }) => name);
    console.log(JSON.stringify([error.code, error.part, String(error.cause), links]));
  `;
  const under = preload('lose-a-datagram', { LOSE: RTM_DELLINK });
  const expected = ['EEXIST', 'addresses[1]', 'undefined', ['lo']];
  expect(await resultOf(program, { under })).toEqual(expected);
});

test.each([
  ['bcQueueLen', 7],
  ['bcCutoff', 9],
])(
  '%s is a feature only if the kernel keeps the attribute, whatever its version',
  async (feature, unknown) => {
    const program = `
    import { checkSupport } from 'macvlan-netlink';
    console.log(JSON.stringify((await checkSupport({ load: true })).features));
  `;
    const all = (await resultOf(program, { under: inPrivateNetns })) as object;
    const under = preload('older-macvlan', { UNKNOWN: unknown });
    expect(await resultOf(program, { under })).toEqual({ ...all, [feature]: false });
  },
);

test('an error names the attribute that the kernel blames', async () => {
  const program = `
    import { setLink } from 'macvlan-netlink';
    const error = await setLink('lo', { mtu: 1400, group: 5 }).catch((caught) => caught);
    console.log(JSON.stringify([error.attribute, error.message]));
  `;
  const under = preload('refuse-attribute', { REFUSED: IFLA_GROUP });
  const message =
    "setLink 'lo': EINVAL, invalid argument (RTM_NEWLINK, IFLA_GROUP): Attribute failed policy validation";
  expect(await resultOf(program, { under })).toEqual(['IFLA_GROUP', message]);
});

describe('a new link whose answer is lost', () => {
  const UNKNOWN = "The kernel's answer was lost: the request may or may not have taken effect.";
  const MADE =
    "The kernel's answer was lost: the link had been made, and was then taken away again.";

  /** The outcome of a creation and the links afterwards; `others` are `ip` commands that run before. */
  const outcome = (creation: string, ...others: readonly string[]) => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { createMacvlan, createMacvtap } from 'macvlan-netlink';
      delete process.env.LD_PRELOAD; // Not for what this starts.
      const ip = (line) => execFileSync('ip', line.split(' '), { encoding: 'utf8' });
      ip('link add p0 type veth peer name p1');
      for (const other of ${JSON.stringify(others)}) ip(other);
      const { code, hint } = await ${creation}.catch((error) => error);
      console.log(JSON.stringify([code, hint, ...JSON.parse(ip('-j link')).map(({ ifname }) => ifname)]));
    `;
    return resultOf(program, { under: preload('lose-a-datagram', { LOSE: RTM_NEWLINK }) });
  };

  test.each([
    `createMacvlan({ parent: 'p0', alias: 'a text' })`,
    `createMacvlan({ parent: 'p0', alias: 'a text', index: 7777 })`,
    `createMacvlan({ parent: 'p0', alias: 'a text', mac: '02:00:00:00:00:01' })`,
    `createMacvtap({ parent: 'p0', alias: 'a text', mode: 'passthru' })`,
  ])('is removed again: %s', async (creation) => {
    expect(await outcome(creation)).toEqual(['ENOBUFS', MADE, 'lo', 'p1', 'p0']);
  });

  test.each([
    `createMacvlan({ parent: 'p0', index: 7777 })`,
    `createMacvlan({ parent: 'p0', index: 7777, mac: '02:00:00:00:00:01' })`,
    `createMacvlan({ parent: 'p0', index: 7777, mode: 'passthru' })`,
  ])('leaves another link with its index alone: %s', async (creation) => {
    const other = 'link add other link p1 index 7777 address 02:00:00:00:00:01 type macvlan';
    expect(await outcome(creation, other)).toEqual(['ENOBUFS', UNKNOWN, 'lo', 'p1', 'p0', 'other']);
  });
});

test('requests go on while a namespace is opened by a path that does not answer', async () => {
  const [slow, until] = [join(directory, 'slow'), join(directory, 'until')];
  const program = `
    import { writeFileSync } from 'node:fs';
    import { createLink, createMacvlan, listLinks, Netns } from 'macvlan-netlink';
    let refused;
    const opening = Netns.open(process.argv[1]).catch(({ code }) => { refused = code; });
    const { index: parent } = await createLink({ kind: 'bridge' });
    const signal = AbortSignal.timeout(50);
    const timed = [
      Netns.open(process.argv[1], { signal }),
      createMacvlan({ parent, netns: process.argv[1], signal }),
    ].map((call) => call.catch((error) => error === signal.reason));
    const reasons = await Promise.all(timed);
    const netns = await Netns.create();
    const links = [...(await listLinks()), ...(await netns.listLinks())].map(({ name }) => name);
    const early = refused ?? 'not yet';
    writeFileSync(process.argv[2], '');
    await opening;
    console.log(JSON.stringify({ links, reasons, early, refused }));
  `;
  const under = preload('slow-open', { SLOW: slow, UNTIL: until });
  expect(await resultOf(program, { under, args: [slow, until] })).toEqual({
    links: ['lo', 'bridge0', 'lo'],
    reasons: [true, true],
    early: 'not yet',
    refused: 'ENOENT',
  });
});

test('a path of the process does not lead to where its thread is while the path is opened', async () => {
  const [slow, until] = ['/proc/self/ns/net', join(directory, 'until-away')];
  const program = `
    import { writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const home = Netns.current().inode;
    const host = await Netns.create();
    const opening = Netns.open(process.argv[1]);
    await sleep(200);
    // Read by the constructor of the Worker.
    const workerData = {
      get now() {
        writeFileSync(process.argv[2], '');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
        return null;
      },
    };
    const worker = await host.run('', { eval: true, workerData });
    await worker.terminate();
    console.log(JSON.stringify((await opening).inode === home));
  `;
  const under = preload('slow-open', { SLOW: slow, UNTIL: until });
  expect(await resultOf(program, { under, args: [slow, until] })).toBe(true);
});

test('everything else goes on while more such paths are opened than there are threads', async () => {
  const [slow, until] = [join(directory, 'slow'), join(directory, 'until-later')];
  const program = `
    import { writeFileSync } from 'node:fs';
    import { createLink, Netns } from 'macvlan-netlink';
    let over = 0;
    const opening = Array.from({ length: 20 }, () =>
      Netns.open(process.argv[1]).catch(({ code }) => { over++; return code; }));
    const { name } = await createLink({ kind: 'bridge' });
    const own = await Netns.open({ pid: process.pid });
    const other = await Netns.create();
    const { code } = await Netns.open('of-no-namespace').catch((error) => error);
    const early = over;
    writeFileSync(process.argv[2], '');
    const kinds = [own.inode === other.inode, code];
    console.log(JSON.stringify({ name, kinds, early, codes: await Promise.all(opening) }));
  `;
  const under = preload('slow-open', { SLOW: slow, UNTIL: until });
  expect(await resultOf(program, { under, args: [slow, until] })).toEqual({
    name: 'bridge0',
    kinds: [false, 'ENOENT'],
    early: 0,
    codes: Array(20).fill('ENOENT'),
  });
});

describe('a kernel without IPv6', () => {
  const under = preload('without-ipv6', {});
  /** Begins a program in which no link has IPv6 addresses or routes. */
  const start = `
    import { writeFileSync } from 'node:fs';
    import * as library from 'macvlan-netlink';
    const { createLink, listAddresses, listRoutes, listRules, watch } = library;
    for (const links of ['all', 'default']) {
      writeFileSync('/proc/sys/net/ipv6/conf/' + links + '/disable_ipv6', '1');
    }
    const { index: link } = await createLink({ kind: 'bridge', up: true, addresses: ['10.0.0.1/24'] });
  `;

  test('has no addresses, routes and rules of it, and each of IPv4 once', async () => {
    const program = `${start}
      const seen = [];
      for await (const event of watch({ initial: true, addresses: true, routes: true })) {
        const { cidr, to } = event.address ?? event.route ?? {};
        if (cidr ?? to) seen.push(cidr ?? to);
        if (to === '10.0.0.255/32') break;
      }
      const textOf = ({ cidr, to }) => cidr ?? to;
      const of = async (list, family) => (await list({ family, link })).map(textOf);
      console.log(JSON.stringify({
        addresses: [await of(listAddresses), await of(listAddresses, 'IPv6')],
        routes: [await of(listRoutes), await of(listRoutes, 'IPv6')],
        rules: (await listRules()).map(({ family, priority }) => family + ' ' + priority),
        rules6: await listRules({ family: 'IPv6' }),
        seen,
      }));
    `;
    const [address, routes] = ['10.0.0.1/24', ['10.0.0.0/24', '10.0.0.1/32', '10.0.0.255/32']];
    expect(await resultOf(program, { under })).toEqual({
      addresses: [[address], []],
      routes: [routes, []],
      rules: ['IPv4 0', 'IPv4 32766', 'IPv4 32767'],
      rules6: [],
      seen: [address, ...routes],
    });
  });

  test('is given as the reason when something that needs IPv6 is refused', async () => {
    const program = `${start}
      const { addAddress, addNeighbour, addRoute, addRule, createMacvlan, removeRoute, setLink } = library;
      const route = { to: 'fd00::/64', link };
      await setLink('lo', { mtu: 60 });
      const calls = [
        createMacvlan({ parent: link, addrGenMode: 'none' }),
        createMacvlan({ parent: link, addresses: ['fd00::1/64'] }),
        setLink(link, { addrGenMode: 'none' }),
        addAddress(link, 'fd00::1/64'),
        addRoute(route),
        removeRoute(route),
        addRule({ priority: 100, from: 'fd00::/64' }),
        addNeighbour(link, { address: 'fd00::9', proxy: true }),
        setLink('lo', { ipv4: { rpFilter: 1 } }),
      ];
      const refusals = calls.map((call) => call.catch(({ code, hint }) => code + ' ' + hint));
      console.log(JSON.stringify(await Promise.all(refusals)));
    `;
    const hint = 'This kernel has no IPv6, as when it is booted with ipv6.disable=1.';
    const [settings, others] = [`EAFNOSUPPORT ${hint}`, `EOPNOTSUPP ${hint}`];
    const small =
      "EAFNOSUPPORT There is no IPv4 on 'lo': IPv4 needs an MTU of 68, and the link has 60.";
    const expected = [
      settings,
      others,
      settings,
      others,
      others,
      others,
      settings,
      settings,
      small,
    ];
    expect(await resultOf(program, { under })).toEqual(expected);
  });
});

test.each([
  ['EPERM', null],
  ['EAFNOSUPPORT', expect.stringContaining('RestrictAddressFamilies')],
] as const)(
  'where no netlink socket can be opened (%s) no missing kernel feature is reported',
  async (code, hint) => {
    const program = `
    import { checkSupport, createLink, listRules, Netns } from 'macvlan-netlink';
    const netns = await Netns.create();
    const calls = [
      checkSupport(), netns.checkSupport({ load: true }), createLink({ kind: 'bridge' }), listRules(),
    ];
    const refusals = calls.map((call) => call.catch(({ code, syscall, hint }) => [code, syscall, hint]));
    console.log(JSON.stringify(await Promise.all(refusals)));
  `;
    const under = preload('refuse-calls', { REFUSE_NETLINK: constants.errno[code] });
    const refusal = [code, 'socket', hint];
    expect(await resultOf(program, { under })).toEqual(Array(4).fill(refusal));
  },
);

/** Like {@link preload}, and mounts a file system for the program alone, such as `tmpfs /run`. */
function withOwn(
  mount: string,
  variables: Readonly<Record<string, string | number>>,
  name = 'refuse-calls',
) {
  const [command = '', ...rest] = preload(name, variables);
  const at = rest.indexOf('env');
  const own = ['sh', '-c', `mount -n -t ${mount.split(' ')[0]} ${mount} && exec "$@"`, 'sh'];
  return [command, ...rest.slice(0, at), ...own, ...rest.slice(at)];
}

test('where a taken name cannot be examined the hint does not advise to remove it', async () => {
  const program = `
    import { Netns } from 'macvlan-netlink';
    await Netns.create('taken');
    const { code, hint } = await Netns.create('taken').catch((error) => error);
    const refused = await Netns.open('taken').catch(({ syscall }) => syscall);
    console.log(JSON.stringify([code, hint, refused]));
  `;
  const under = withOwn('tmpfs /run', { REFUSE_FSTATFS: 1 });
  expect(await resultOf(program, { under })).toEqual(['EEXIST', null, 'fstatfs']);
});

test('where a security module forbids mounting a name no file is left, and the hint names the module', async () => {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { readdirSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    execFileSync('ip', ['netns', 'add', 'first'], { env: { PATH: process.env.PATH } });
    const { code, syscall, hint } = await Netns.create('never').catch((error) => error);
    const unnamed = await Netns.create();
    console.log(JSON.stringify([code, syscall, hint, readdirSync('/run/netns'), unnamed.name]));
  `;
  const under = withOwn('tmpfs /run', { REFUSE_MOUNT: 1 });
  expect(await resultOf(program, { under })).toEqual([
    'EACCES',
    'mount',
    expect.stringMatching(/AppArmor .* A namespace without a name takes/),
    ['first'],
    null,
  ]);
});

test('a name whose removal takes its time is waited for', async () => {
  const until = join(directory, 'until-unmounted');
  const program = `
    import { statSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const own = statSync('/proc/self/ns/net').dev;
    const isMounted = () => statSync('/run/netns/name').dev === own;
    const first = await Netns.create('name');
    const removing = Netns.remove('name');
    while (isMounted()) await sleep(1);
    const controller = new AbortController();
    const secondRemoval = Netns.remove('name', { signal: controller.signal })
      .catch((error) => error);
    let over = 0;
    const waiting = [Netns.open('name').catch(({ code }) => code), Netns.create('name')];
    for (const one of waiting) one.finally(() => over++).catch(() => {});
    // For longer than a name is waited for that nobody in this process works on.
    await sleep(500);
    const early = over;
    controller.abort();
    const stopped = await secondRemoval === controller.signal.reason;
    writeFileSync(process.argv[1], '');
    await removing;
    const [opened, created] = await Promise.all(waiting);
    const other = created.inode !== first.inode;
    const isCreated = opened === 'ENOENT' || opened.inode === created.inode;
    console.log(JSON.stringify([early, stopped, isCreated, other, isMounted()]));
  `;
  const under = withOwn('tmpfs /run', { UNTIL: until }, 'slow-umount');
  expect(await resultOf(program, { under, args: [until] })).toEqual([0, true, true, true, true]);
});

test('a name that another program has removed and given again meanwhile stays that one’s', async () => {
  const until = join(directory, 'until-mounted');
  const program = `
    import { execFileSync } from 'node:child_process';
    import { existsSync, statSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const ip = (...args) => execFileSync('ip', ['netns', ...args], { env: { PATH: process.env.PATH } });
    const creating = Netns.create('name').catch((error) => error);
    while (!existsSync('/run/netns/name')) await sleep(1);
    ip('delete', 'name');
    ip('add', 'name');
    const theirs = statSync('/run/netns/name').ino;
    writeFileSync(process.argv[1], '');
    const { code, syscall, hint } = await creating;
    const kept = statSync('/run/netns/name').ino === theirs;
    await Netns.remove('name');
    console.log(JSON.stringify([code, syscall, hint, kept, await Netns.list()]));
  `;
  const under = withOwn('tmpfs /run', { UNTIL: until }, 'slow-mount');
  const hint = 'Another program removed the name while it was being given.';
  expect(await resultOf(program, { under, args: [until] })).toEqual([
    'ENOENT',
    'mount',
    hint,
    true,
    [],
  ]);
});

/** What other programs do before and after the first message that makes or changes a link is sent. */
const meanwhile = `
  import { execFileSync } from 'node:child_process';
  import { existsSync, writeFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { createLink, deleteLink, listLinks, moveLink, Netns } from 'macvlan-netlink';
  delete process.env.LD_PRELOAD; // Not for what this starts.
  const ip = (line) => execFileSync('ip', line.split(' '), { encoding: 'utf8' });
  const [until] = process.argv.slice(1);
  const reach = async (what) => { while (!existsSync(until + '.' + what)) await sleep(1); };
  const goOn = (from) => writeFileSync(until + '.' + from, '');
`;

test('the peer of a new veth that another program has moved is not taken for the link with its index', async () => {
  const until = join(directory, 'until-made');
  const program = `${meanwhile}
    goOn('before');
    const n = await Netns.create('n');
    await Netns.create('c');
    const peer = { name: 'vb', netns: n, up: true };
    const creating = createLink({ kind: 'veth', name: 'va', addresses: ['10.9.0.1/24'], peer }).catch((error) => error);
    await reach('sent');
    const [{ ifindex }] = JSON.parse(ip('-n n -j link show vb'));
    ip('-n n link set vb netns c');
    ip('-n n link add bystander index ' + ifindex + ' type bridge');
    goOn('after');
    const { code, hint } = await creating;
    const [{ flags }] = JSON.parse(ip('-n n -j link show bystander'));
    console.log(JSON.stringify([code, hint, flags.includes('UP'), (await listLinks()).map(({ name }) => name)]));
  `;
  const under = withOwn('tmpfs /run', { UNTIL: until, TYPE: RTM_NEWLINK }, 'slow-send');
  const hint =
    'Another program has deleted the new link before it was finished, or moved it to another namespace.';
  expect(await resultOf(program, { under, args: [until] })).toEqual([
    'ENODEV',
    hint,
    false,
    ['lo'],
  ]);
});

test('a move that was refused half-way is not made again with the link that has got the index', async () => {
  const until = join(directory, 'until-moved');
  const program = `${meanwhile}
    const [c, d] = [await Netns.create('c'), await Netns.create('d')];
    ip('link add mine index 50 type veth peer name mp');
    ip('-n d link add theirs index 50 type veth peer name tp');
    const moving = moveLink('mine', c, { name: 'wanted' }).catch((error) => error);
    await reach('waiting');
    ip('-n c link add wanted type bridge');
    goOn('before');
    await reach('sent');
    ip('-n d link set theirs netns ' + process.pid);
    ip('-n c link delete wanted');
    goOn('after');
    const { code, hint } = await moving;
    const names = async (netns) => (await netns.listLinks()).map(({ name, index }) => name === 'theirs' ? name + index : name);
    console.log(JSON.stringify([code, hint, await names(Netns.current()), await names(c)]));
  `;
  const under = withOwn('tmpfs /run', { UNTIL: until, TYPE: RTM_NEWLINK }, 'slow-send');
  const [code, hint, here, there] = await resultOf<[string, string, string[], string[]]>(program, {
    under,
    args: [until],
  });
  expect([code, here.sort(), there]).toEqual(['EEXIST', ['lo', 'mine', 'mp', 'theirs50'], ['lo']]);
  expect(hint).toMatch(/brought back.* Its index is \d+ now: its own is that of 'theirs'/);
});

describe.skipIf(noTaps !== undefined)('a tap is found', () => {
  const program = `
    import { createLink, createMacvtap, openTap } from 'macvlan-netlink';
    const parent = await createLink({ kind: 'bridge' });
    const tap = await openTap(await createMacvtap({ parent }));
    console.log(JSON.stringify(tap.link.kind));
    await tap.close();
  `;
  const [fsopen, fsconfig] = [430, 431];

  test('without the system calls of Linux 5.2', async () => {
    const under = preload('refuse-calls', { REFUSE: fsopen });
    expect(await resultOf(program, { under })).toBe('macvtap');
  });

  test('without them, and what is mounted for that is seen by nobody else', async () => {
    const counting = `
      import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');
      const before = mounts();
      ${program.replace('console.log(JSON.stringify(tap.link.kind));', '')}
      const namespaceOf = (task) => {
        // A thread may end meanwhile.
        try { return [readlinkSync('/proc/self/task/' + task + '/ns/mnt')]; } catch { return []; }
      };
      const count = () => new Set(readdirSync('/proc/self/task').flatMap(namespaceOf)).size;
      for (let turn = 0; turn < 50 && count() > 1; turn++) await sleep(10);
      console.log(JSON.stringify([mounts() === before, count()]));
    `;
    const under = preload('refuse-calls', { REFUSE: fsopen });
    const share = ['sh', '-c', 'mount -n --make-rshared / && exec "$@"', 'sh'];
    under.splice(under.indexOf('env'), 0, ...share);
    expect(await resultOf(counting, { under })).toEqual([true, 1]);
  });

  test('by /sys where a security module forbids mounting a sysfs', async () => {
    const { EACCES } = constants.errno;
    const refused = { REFUSE: fsconfig, REFUSE_WITH: EACCES, REFUSE_MOUNT: 1 };
    const under = withOwn('sysfs /sys', refused);
    expect(await resultOf(program, { under })).toBe('macvtap');
  });
});

test('network namespaces are recognised where the kernel does not give the type of a namespace', async () => {
  const program = `
    import { openSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    const codeOf = (ref) => Netns.open(ref)
      .then((netns) => netns.listLinks())
      .then((links) => links.length, ({ code }) => code);
    const paths = ['/proc/self/ns/net', '/proc/self/ns/uts', '/dev/null', '/proc/self/status'];
    const made = await Netns.create();
    console.log(JSON.stringify([
      await Promise.all(paths.map(codeOf)),
      await Promise.all(paths.map((path) => codeOf({ fd: openSync(path) }))),
      (await made.listLinks()).length,
    ]));
  `;
  const under = preload('no-namespace-types', {});
  const codes = [1, 'EINVAL', 'EINVAL', 'EINVAL'];
  expect(await resultOf(program, { under })).toEqual([codes, codes, 1]);
});
