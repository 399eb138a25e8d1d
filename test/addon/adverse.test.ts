// Faults that are rare on a healthy machine, caused by libraries that are preloaded before the C
// library's.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { directory, preload, withOwn } from '../support/preload.js';
import { inPrivateNetns, nobodyExists, resultOf } from '../support/program.js';
import { noTaps } from '../support/tap.js';

/** A command for a preloaded library, without that library. */
const without = (command: string) => `env -u LD_PRELOAD ${command} </dev/null`;

const IFLA_GROUP = 27;
const IFLA_NEW_IFINDEX = 49;
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
    const under = preload('older-kernel', { UNKNOWN_OF_MACVLAN: unknown });
    expect(await resultOf(program, { under })).toEqual({ ...all, [feature]: false });
  },
);

describe('on a kernel where no move can choose an index (before Linux 5.13)', () => {
  /** A veth end `v` with index 815, an empty namespace, and what `body` makes of them. */
  const outcomeOf = (body: string) =>
    resultOf(
      `
      import { execFileSync } from 'node:child_process';
      import { createLink, Netns } from 'macvlan-netlink';
      delete process.env.LD_PRELOAD; // Not for what this starts.
      const shown = (...where) => JSON.parse(execFileSync('ip', [...where, '-j', 'link']))
        .map(({ ifname, ifindex }) => [ifname, ifindex]).filter(([name]) => name.startsWith('v'));
      execFileSync('mount', ['-n', '-t', 'tmpfs', 'tmpfs', '/run']);
      const here = Netns.current();
      const there = await Netns.create('there');
      await createLink({ kind: 'veth', name: 'v', index: 815, peer: { name: 'peer' } });
      const take = (name, index) => there.createLink({ kind: 'bridge', name, index });
      const move = (options) => here.moveLink('v', there, options)
        .then(({ name, index }) => [name, index], ({ code, hint }) => [code, hint]);
      const outcome = await (async () => { ${body} })();
      console.log(JSON.stringify({ outcome, here: shown(), there: shown('-n', 'there') }));
      `,
      { under: preload('older-kernel', { UNKNOWN: IFLA_NEW_IFINDEX }) },
    );

  test('a link whose index is free there keeps it', async () => {
    const moved = { outcome: ['v1', 815], here: [], there: [['v1', 815]] };
    expect(await outcomeOf(`return move({ name: 'v1', index: 815 });`)).toEqual(moved);
  });

  test('a link whose index is taken there is returned with the one that the kernel gives it', async () => {
    const result = await outcomeOf(`await take('taken', 815); return move({ name: 'v1' });`);
    const { outcome } = result as { outcome: [string, number] };
    expect(outcome).toEqual(['v1', expect.any(Number)]);
    expect(outcome[1]).not.toBe(815);
    expect(result).toEqual({ outcome, here: [], there: [outcome] });
  });

  test.each([
    ['another index is refused', '', 4711, ['EOPNOTSUPP', expect.stringMatching(/before 5\.13/)]],
    [
      'its own is, when it is taken',
      `await take('taken', 815);`,
      815,
      ['EEXIST', expect.stringMatching(/^Index 815 belongs to the link 'taken' there/)],
    ],
  ])('%s before anything is sent', async (_, before, index, outcome) => {
    const expected = { outcome, here: [['v', 815]], there: [] };
    expect(await outcomeOf(`${before} return move({ index: ${index} });`)).toEqual(expected);
  });

  test('a link that gets another index, but not its name, is brought back', async () => {
    const result = await outcomeOf(`
      await take('taken', 815);
      const exchange = here.exchange.bind(here);
      here.exchange = async (steps, ...more) => {
        if (steps[0]?.record.netnsFd !== undefined) await take('vtaken', 4711);
        return exchange(steps, ...more);
      };
      return move({ name: 'vtaken' });
    `);
    const { here } = result as { here: [[string, number]] };
    const [[, index]] = here;
    expect(index).not.toBe(815);
    const hint = expect.stringMatching(`brought back .* Its index is ${index} now\\.$`);
    const there = [['vtaken', 4711]];
    expect(result).toEqual({ outcome: ['EEXIST', hint], here: [['v', index]], there });
  });

  test('another link with its name there stays, where it is gone meanwhile', async () => {
    const result = await outcomeOf(`
      await there.createLink({ kind: 'veth', name: 'v', index: 900, peer: { name: 'other' } });
      const exchange = here.exchange.bind(here);
      here.exchange = async (steps, ...more) => {
        if (steps[0]?.record.netnsFd === undefined) return exchange(steps, ...more);
        await take('vtaken', 4711);
        const results = await exchange(steps, ...more);
        execFileSync('ip', ['link', 'delete', 'v']);
        return results;
      };
      return move({ name: 'vtaken' });
    `);
    const there = [
      ['v', 900],
      ['vtaken', 4711],
    ];
    expect(result).toEqual({ outcome: ['EEXIST', expect.any(String)], here: [], there });
  });
});

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

  test('is not said to have been made where it was refused', async () => {
    const creation = `createMacvlan({ parent: 'p0', name: 'p1' })`;
    expect(await outcome(creation)).toEqual(['ENOBUFS', UNKNOWN, 'lo', 'p1', 'p0']);
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

test('a call does not take a name for what it meant in an earlier turn', async () => {
  const until = join(directory, 'until-given-again');
  const program = `
    import { execFileSync } from 'node:child_process';
    import { existsSync, rmSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { createLink } from 'macvlan-netlink';
    delete process.env.LD_PRELOAD; // Not for what this starts.
    const ip = (line) => execFileSync('ip', line.split(' '), { encoding: 'utf8' });
    const give = () => ip('netns add given');
    const making = (name) => createLink({ kind: 'bridge', name, netns: 'given' });
    const opened = async () => {
      do await sleep(1); while (!existsSync(process.argv[1] + '.opened'));
      rmSync(process.argv[1] + '.opened');
    };
    give();
    const first = making('first');
    await opened();
    ip('netns delete given');
    give();
    const second = making('second');
    await opened();
    writeFileSync(process.argv[1], '');
    await Promise.all([first, second]);
    console.log(JSON.stringify(JSON.parse(ip('-n given -j link')).map(({ ifname }) => ifname)));
  `;
  const variables = { SLOW: '/run/netns/given', UNTIL: until, LATE: 1 };
  const under = withOwn('tmpfs /run', variables, 'slow-open');
  expect(await resultOf(program, { under, args: [until] })).toEqual(['lo', 'second']);
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

test('openings that are withdrawn before they have begun leave room for as many as before', async () => {
  const [slow, until] = [join(directory, 'slow'), join(directory, 'until-withdrawn')];
  const program = `
    import { writeFileSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    const codeOf = ({ code }) => code;
    // As many as may begin.
    const opening = [1, 2].map(() => Netns.open(process.argv[1]).catch(codeOf));
    const controller = new AbortController();
    const { signal } = controller;
    const withdrawn = Array.from({ length: 8 }, () =>
      Netns.open(process.argv[1], { signal }).catch((reason) => reason));
    controller.abort('withdrawn');
    const reasons = await Promise.all(withdrawn);
    writeFileSync(process.argv[2], '');
    const codes = await Promise.all(opening);
    codes.push(await Netns.open(process.argv[1] + '-other').catch(codeOf));
    console.log(JSON.stringify({ reasons, codes }));
  `;
  const under = preload('slow-open', { SLOW: slow, UNTIL: until });
  expect(await resultOf(program, { under, args: [slow, until] })).toEqual({
    reasons: Array(8).fill('withdrawn'),
    codes: Array(3).fill('ENOENT'),
  });
});

test('a watch hears of what has come although one that is ready beside it is closed before its turn', async () => {
  const held = join(directory, 'held');
  const program = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const held = process.argv[1];
    const isHeld = async (number) => {
      while (!existsSync(held + '.' + number + '.waiting')) await sleep(1);
    };
    const handles = [];
    for (let at = 0; at < 4; at++) handles.push(await Netns.create());
    const watches = handles.map((netns) => netns.watch());
    const change = (at, mtu) => handles[at].setLink('lo', { mtu });
    for (const [at, one] of watches.entries()) {
      const next = one.next();
      await change(at, 1300);
      await next;
    }
    const told = watches.map(async (one) => (await one.next()).value?.link.mtu ?? 'closed');
    // Until all of them wait.
    await sleep(100);
    writeFileSync(held, '');
    await change(0, 1400);
    await isHeld(1);
    // While the first is read the others get ready, in this order.
    for (const at of [1, 2, 3]) await change(at, 1400);
    writeFileSync(held + '.1', '');
    await isHeld(2);
    await watches[2].return();
    writeFileSync(held + '.2', '');
    console.log(JSON.stringify(await Promise.all(told)));
    process.exit();
  `;
  const under = preload('held-receive', { HELD: held });
  expect(await resultOf(program, { under, args: [held] })).toEqual([1400, 1400, 'closed', 1400]);
});

test('a watch is closed at once although other programs send to its socket without end', async () => {
  const flood = join(directory, 'flood');
  const program = `
    import { writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns, setLink } from 'macvlan-netlink';
    const watch = Netns.current().watch();
    const told = watch.next();
    writeFileSync(process.argv[1], '');
    await setLink('lo', { mtu: 1300 });
    await sleep(100);
    await watch.return();
    console.log(JSON.stringify((await told).done));
  `;
  const under = preload('flood-events', { FLOOD: flood });
  expect(await resultOf(program, { under, args: [flood] })).toBe(true);
});

// Until a socket's queue is empty the kernel goes on losing messages, and does not say so again.
describe('after a loss', () => {
  test('a watch lists again where what is thrown away does not end before other programs send more', async () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { Netns } from 'macvlan-netlink';
      delete process.env.LD_PRELOAD; // Not for what this starts.
      const ip = (line) => execFileSync('ip', line.split(' '));
      ip('link add br0 type bridge');
      const watch = Netns.current().watch({ initial: true, level: true, receiveBuffer: 2 ** 20 });
      const mtus = [];
      const until = async (isIt) => {
        while (true) {
          const { value } = await watch.next();
          if (value.link?.name === 'br0') mtus.push(value.link.mtu);
          if (isIt(value)) return;
        }
      };
      await until(({ type }) => type === 'level');
      ip('link set br0 mtu 1450');
      const flood = 'import socket; s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)';
      execFileSync('python3', ['-c', flood + '\\nfor i in range(3000): s.sendto(bytes(1400), (0, 1))']);
      await until(({ type }) => type === 'resync');
      await until(({ link }) => link?.name === 'br0' && link.mtu === 1400);
      await watch.return();
      console.log(JSON.stringify(mtus.at(-1)));
    `;
    const under = preload('overtake-events', { CHANGE: without('ip link set br0 mtu 1400') });
    expect(await resultOf(program, { under })).toBe(1400);
  });

  test.skipIf(noTaps !== undefined)(
    'a tap looks at its link again once all has been read',
    async () => {
      const program = `
      import { execFileSync } from 'node:child_process';
      import { createLink, createMacvtap, openTap } from 'macvlan-netlink';
      delete process.env.LD_PRELOAD; // Not for what this starts.
      const parent = await createLink({ kind: 'bridge' });
      const tap = await openTap(await createMacvtap({ parent, name: 'tap0' }));
      const ended = new Promise((resolve) => tap.resume().once('close', resolve));
      execFileSync('ip', ['link', 'set', 'tap0', 'mtu', '1400']);
      await ended;
      console.log(JSON.stringify('ended'));
    `;
      const changes = join(directory, 'changes');
      const change = (at: number) => `link set tap0 mtu ${1300 + (at % 2)}\n`;
      writeFileSync(changes, Array.from({ length: 2600 }, (_, at) => change(at)).join(''));
      const under = preload('late-tap-events', {
        BEFORE: without(`ip -batch ${changes}`),
        LATER: without('ip link delete tap0'),
      });
      expect(await resultOf(program, { under })).toBe('ended');
    },
  );
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
  ['EPERM', expect.stringContaining('filter of system calls')],
  ['EACCES', expect.stringContaining('security module')],
  ['ENOSYS', expect.stringContaining('seccomp')],
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
  const under = withOwn('tmpfs /run', { REFUSE_MOUNT: constants.errno.EACCES });
  expect(await resultOf(program, { under })).toEqual([
    'EACCES',
    'mount',
    expect.stringMatching(/AppArmor .* A namespace without a name takes/),
    ['first'],
    null,
  ]);
});

const faccessat2 = 439;

// faccessat2 is of Linux 5.8, and before 2.33 glibc's own faccessat knows nothing of capabilities.
describe.skipIf(!nobodyExists).each([
  ['faccessat2', {}],
  ['a file without a name (ENOSYS)', { REFUSE: faccessat2, REFUSE_WITH: constants.errno.ENOSYS }],
  ['a file without a name (EPERM)', { REFUSE: faccessat2 }],
])('the right to remove a name is looked at by %s (needs a second user)', (_how, refused) => {
  const program = `
    import { readFileSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    const { code, syscall } = await Netns.remove('name').catch((error) => error) ?? {};
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const names = await Netns.list();
    console.log(JSON.stringify({ code, syscall, names, mounted: mounts.includes('/run/netns/name') }));
  `;
  const asNobodyWith = (capabilities: string) => [
    ...withOwn('tmpfs /run', refused),
    ...['sh', '-c', `${without('ip netns add name')} && exec "$@"`, 'sh'],
    ...['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'],
    ...[`--inh-caps=-all,${capabilities}`, `--ambient-caps=-all,${capabilities}`, '--'],
  ];

  test('a capability is enough', async () => {
    const under = asNobodyWith('+sys_admin,+dac_override');
    expect(await resultOf(program, { under })).toEqual({ names: [], mounted: false });
  });

  test('without it the name keeps its namespace', async () => {
    const under = asNobodyWith('+sys_admin,+dac_read_search');
    const kept = { code: 'EACCES', syscall: 'unlink', names: ['name'], mounted: true };
    expect(await resultOf(program, { under })).toEqual(kept);
  });
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

test('a name is no longer given by Netns.attach once its signal has fired while that waits', async () => {
  const until = `${mkdtempSync(join(directory, 'until-'))}/removed`;
  const program = `
    import { statSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const own = statSync('/proc/self/ns/net').dev;
    const netns = await Netns.create();
    await (await Netns.create('name')).close();
    const removing = Netns.remove('name');
    while (statSync('/run/netns/name').dev === own) await sleep(1);
    const controller = new AbortController();
    const { signal } = controller;
    const attaching = Netns.attach('name', netns, { signal }).catch((error) => error);
    await sleep(100);
    controller.abort();
    const stopped = await attaching === signal.reason;
    writeFileSync(process.argv[1], '');
    await removing;
    console.log(JSON.stringify([stopped, await Netns.list()]));
  `;
  const under = withOwn('tmpfs /run', { UNTIL: until }, 'slow-umount');
  expect(await resultOf(program, { under, args: [until] })).toEqual([true, []]);
});

test.each([
  ['given again', "ip('add', 'name')"],
  ['is giving again', "writeFileSync('/run/netns/name', '')"],
])('a name that another program has removed and %s meanwhile stays that one’s', async (_, give) => {
  const until = `${mkdtempSync(join(directory, 'until-'))}/mounted`;
  const program = `
    import { execFileSync } from 'node:child_process';
    import { existsSync, statSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const ip = (...args) => execFileSync('ip', ['netns', ...args], { env: { PATH: process.env.PATH } });
    const creating = Netns.create('name').catch((error) => error);
    while (!existsSync('/run/netns/name')) await sleep(1);
    ip('delete', 'name');
    ${give};
    const theirs = statSync('/run/netns/name').ino;
    writeFileSync(process.argv[1], '');
    const { code, syscall, hint } = await creating;
    const kept = statSync('/run/netns/name', { throwIfNoEntry: false })?.ino === theirs;
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

test('a name is finished at the end of the process also where a listener of the program throws', async () => {
  const until = join(mkdtempSync(join(directory, 'until-')), 'ended');
  const ending = `
    import { spawn } from 'node:child_process';
    import { existsSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    process.on('exit', () => { throw new Error('mine'); });
    const { Netns } = await import('macvlan-netlink');
    void Netns.create('name');
    while (!existsSync('/run/netns/name')) await sleep(1);
    const env = { PATH: process.env.PATH };
    spawn('sh', ['-c', 'sleep 0.3; : > ${until}'], { detached: true, stdio: 'ignore', env }).unref();
    process.exit();
  `;
  const program = `
    import { spawnSync } from 'node:child_process';
    import { statfsSync } from 'node:fs';
    const options = { encoding: 'utf8', input: ${JSON.stringify(ending)} };
    const { stderr } = spawnSync(process.execPath, ['--input-type=module'], options);
    console.log(JSON.stringify([stderr.includes('Error: mine'), statfsSync('/run/netns/name').type]));
  `;
  const under = withOwn('tmpfs /run', { UNTIL: until }, 'slow-mount');
  const NSFS_MAGIC = 0x6e736673;
  expect(await resultOf(program, { under })).toEqual([true, NSFS_MAGIC]);
});

test('a listing that is interrupted at every attempt is refused, and says why', async () => {
  const program = `
    import * as library from 'macvlan-netlink';
    const seen = [];
    for (const list of ['listLinks', 'listAddresses', 'listRoutes', 'listNeighbours', 'listRules']) {
      const { code, syscall, hint } = await library[list]().catch((error) => error);
      seen.push([code, syscall, hint]);
    }
    console.log(JSON.stringify(seen));
  `;
  const under = preload('refuse-calls', { DUMP_INTR: 1 });
  const hint = 'What was listed changed during every attempt to list it.';
  expect(await resultOf(program, { under })).toEqual(Array(5).fill(['EINTR', 'recvmsg', hint]));
});

test('a watch begins with a listing that is interrupted, because the changes come as events', async () => {
  const program = `
    import { watch } from 'macvlan-netlink';
    const events = watch({ initial: true, addresses: true, routes: true, level: true });
    const told = [];
    for await (const event of events) {
      told.push(event.type === 'link' ? event.action + ' ' + event.link.name : event.type);
      if (event.type === 'level') break;
    }
    console.log(JSON.stringify(told));
  `;
  const under = preload('refuse-calls', { DUMP_INTR: 1 });
  expect(await resultOf(program, { under })).toEqual(['added lo', 'level']);
});

test('names are listed where the type of their namespaces cannot be told, as without /proc', async () => {
  const program = `
    import { Netns } from 'macvlan-netlink';
    import { execFileSync } from 'node:child_process';
    for (const name of ['a', 'b']) await (await Netns.create(name)).close();
    execFileSync('mount', ['-t', 'tmpfs', 'none', '/proc']);
    console.log(JSON.stringify(await Netns.list()));
  `;
  expect(await resultOf(program, { under: withOwn('tmpfs /run', {}) })).toEqual(['a', 'b']);
});

test('a name whose file could not be removed is said to lead to no namespace any more', async () => {
  const program = `
    import { statfsSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    await Netns.create('left');
    const { code, syscall, hint } = await Netns.remove('left').catch((error) => error);
    console.log(JSON.stringify([code, syscall, hint, statfsSync('/run/netns/left').type]));
  `;
  const environment = { REFUSE_UNLINK: constants.errno.EACCES };
  const under = withOwn('tmpfs /run', environment, 'refuse-calls');
  const [code, syscall, hint, type] = await resultOf<unknown[]>(program, { under });
  expect([code, syscall]).toEqual(['EACCES', 'unlink']);
  expect(hint).toMatch(
    /^The name leads to no namespace any more, and only its file is left\. A name takes/,
  );
  const TMPFS_MAGIC = 0x01021994;
  expect(type).toBe(TMPFS_MAGIC);
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
    const refused = { REFUSE: fsconfig, REFUSE_WITH: EACCES, REFUSE_MOUNT: EACCES };
    const under = withOwn('sysfs /sys', refused);
    expect(await resultOf(program, { under })).toBe('macvtap');
  });

  test('by /sys where a security module forbids reading the sysfs that was mounted', async () => {
    const under = withOwn('sysfs /sys', { REFUSE_SYSFS: constants.errno.EACCES, SPARE_SYS: 1 });
    expect(await resultOf(program, { under })).toBe('macvtap');
  });

  test('by a node in /dev where a security module forbids one elsewhere', async () => {
    const under = withOwn('tmpfs /dev', { REFUSE_NODE: constants.errno.EACCES });
    expect(await resultOf(program, { under })).toBe('macvtap');
  });

  test('by a node in /dev under another name where a thread of that number has left one', async () => {
    const left = `
      import { readdirSync, writeFileSync } from 'node:fs';
      ${program}
    `.replace(
      'const tap =',
      `const ids = readdirSync('/proc/self/task').map(Number);
      // Also of a thread that is started for it.
      for (let id = Math.min(...ids); id < Math.max(...ids) + 1000; id++)
        writeFileSync('/dev/.macvlan-netlink-' + id + '-0', '');
      const tap =`,
    );
    const under = withOwn('tmpfs /dev', { REFUSE_NODE: constants.errno.EACCES });
    expect(await resultOf(left, { under })).toBe('macvtap');
  });

  const refusals = `
    import { createLink, createMacvtap, Netns } from 'macvlan-netlink';
    const seen = [];
    for (const netns of [Netns.current(), await Netns.create()]) {
      const tap = await netns.createMacvtap({ parent: await netns.createLink({ kind: 'bridge' }) });
      seen.push(await netns.openTap(tap).catch(({ code, syscall, hint }) => [code, syscall, hint ?? null]));
    }
    console.log(JSON.stringify(seen));
  `;

  test('or the error tells why not, where neither way of mounting a sysfs works', async () => {
    const under = preload('refuse-calls', { REFUSE: fsopen, REFUSE_MOUNT: constants.errno.ENOSPC });
    const refused = ['ENOSPC', 'mount', expect.stringContaining('fs.mount-max')];
    expect(await resultOf(refusals, { under })).toEqual([refused, refused]);
  });

  // Where the device itself is busy its queues are the reason.
  test('or the error gives no wrong reason', async () => {
    const under = preload('refuse-calls', { REFUSE: fsopen, REFUSE_WITH: constants.errno.EBUSY });
    const [, elsewhere] = await resultOf<unknown[]>(refusals, { under });
    expect(elsewhere).toEqual(['EBUSY', 'fsopen', null]);
  });

  // What the kernel says of the files of a link that is gone: ENODEV once they are open.
  test.each(['ENOTDIR', 'ENODEV'] as const)(
    'or looked for again where its files say %s',
    async (code) => {
      const under = preload('refuse-calls', { REFUSE_SYSFS: constants.errno[code] });
      const refused = [
        'ESTALE',
        'read',
        'The link was renamed, moved or made anew each time it was opened.',
      ];
      expect(await resultOf(refusals, { under })).toEqual([refused, refused]);
    },
  );

  test('or the error tells why not, where a security module forbids reading that', async () => {
    const under = preload('refuse-calls', { REFUSE_SYSFS: constants.errno.EACCES });
    const refused = ['EACCES', 'open(sysfs)', expect.stringContaining('security module')];
    expect(await resultOf(refusals, { under })).toEqual([refused, refused]);
  });
});

test.skipIf(noTaps !== undefined)(
  'a watch and a tap for which no more descriptors may be waited for tell so, and leave none behind',
  async () => {
    const program = `
    import { readdirSync } from 'node:fs';
    import { createLink, createMacvtap, openTap, watch } from 'macvlan-netlink';
    const tap = await createMacvtap({ parent: await createLink({ kind: 'bridge' }) });
    const refused = ({ code, syscall, hint }) => [code, syscall, hint];
    const fds = () => readdirSync('/proc/self/fd').length;
    const refusedWatch = () => { try { watch(); } catch (error) { return refused(error); } };
    const seen = [refusedWatch()];
    // The thread that waits has two of its own from the first time on.
    const before = fds();
    seen.push(refusedWatch());
    await openTap(tap).catch((error) => seen.push(refused(error)));
    console.log(JSON.stringify([seen, fds() - before]));
  `;
    const under = preload('refuse-calls', { REFUSE_EPOLL: constants.errno.ENOSPC });
    const refused = ['ENOSPC', 'epoll_ctl', expect.stringContaining('fs.epoll.max_user_watches')];
    expect(await resultOf(program, { under })).toEqual([[refused, refused, refused], 0]);
  },
);

test('a signal that comes while the machine has no random numbers yet is no error', async () => {
  const program = `
    import { listLinks } from 'macvlan-netlink';
    const before = process.env.INTERRUPT;
    const { length } = await listLinks();
    console.log(JSON.stringify([length, before, process.env.INTERRUPT ?? 'interrupted']));
  `;
  const under = preload('refuse-calls', { INTERRUPT: 1 });
  expect(await resultOf(program, { under })).toEqual([1, '1', 'interrupted']);
});

test('the kernel’s lack of IPv6 is the reason for its lack of settings of it', async () => {
  const program = `
    import { getSysctl, setLink, setSysctl } from 'macvlan-netlink';
    await setLink('lo', { mtu: 1000 });
    const calls = [
      getSysctl('net.ipv6.conf.lo.disable_ipv6'),
      setSysctl('net.ipv6.conf.all.forwarding', 0),
      getSysctl('net.ipv4.no_such_setting'),
    ];
    const hints = calls.map((call) => call.catch(({ code, hint }) => code + ' ' + hint));
    console.log(JSON.stringify(await Promise.all(hints)));
  `;
  const none = 'ENOENT This kernel has no IPv6, as when it is booted with ipv6.disable=1.';
  const under = withOwn('tmpfs /proc/sys/net/ipv6', {}, 'without-ipv6');
  const seen = await resultOf(program, { under });
  expect(seen).toEqual([none, none, expect.stringContaining('no_such_setting')]);
  // As where /proc is mounted with subset=pid.
  const hidden: unknown[] = await resultOf(program, { under: withOwn('tmpfs /proc/sys/net', {}) });
  expect(hidden).not.toContain(none);
});

// As of net.ipv6.conf.*.forwarding in Linux 5.10.
test('a setting is set where the kernel takes it without the end of its line', async () => {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { setSysctl } from 'macvlan-netlink';
    await setSysctl('net.ipv4.ip_forward', 1);
    const cut = await setSysctl('net.ipv4.ip_forward', '1 yes').catch(({ code }) => code);
    const text = execFileSync('cat', ['/proc/sys/net/ipv4/ip_forward'], { encoding: 'utf8' });
    console.log(JSON.stringify([text, cut]));
  `;
  const under = preload('refuse-calls', { SHORT: 1 });
  expect(await resultOf(program, { under })).toEqual(['1\n', 'EINVAL']);
});

test.each([
  ['an emulator does not know the call', constants.errno.ENOSYS],
  ['an emulator does not know what is asked', constants.errno.ENOTTY],
  ['a filter of system calls refuses it', constants.errno.EPERM],
  ['a security module refuses it', constants.errno.EACCES],
])('network namespaces are recognised without the type of a namespace: %s', async (_, error) => {
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
  const under = preload('refuse-calls', { REFUSE_TYPE: error });
  const codes = [1, 'EINVAL', 'EINVAL', 'EINVAL'];
  expect(await resultOf(program, { under })).toEqual([codes, codes, 1]);
});

test('routes are watched where the kernel has no events of next hop objects', async () => {
  const program = `
    import { addRoute, setLink, watch } from 'macvlan-netlink';
    await setLink('lo', { up: true });
    const watching = watch({ initial: true, level: true, routes: true });
    for await (const { type, action, route } of watching) {
      if (type === 'level') await addRoute({ to: '198.51.100.0/24', link: 'lo' });
      if (route?.to !== '198.51.100.0/24') continue;
      console.log(JSON.stringify(action));
      break;
    }
  `;
  const RTNLGRP_NEXTHOP = 32;
  const under = preload('refuse-calls', { REFUSE_GROUP: RTNLGRP_NEXTHOP });
  expect(await resultOf(program, { under })).toBe('added');
});

test('a message with no more than a link’s name, as wireless drivers send them, is no event', async () => {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { watch } from 'macvlan-netlink';
    const watching = watch({ initial: true, level: true });
    for await (const event of watching) {
      if (event.type === 'level') execFileSync('ip', ['link', 'set', 'lo', 'mtu', '1400']);
      if (event.action !== 'changed') continue;
      console.log(JSON.stringify(event.link.mtu));
      break;
    }
  `;
  expect(await resultOf(program, { under: preload('wireless-event', {}) })).toBe(1400);
});

describe('a kernel that has more than its version says, as those of vendors have', () => {
  const under = [...inPrivateNetns, 'setarch', '--uname-2.6'];

  test('tells a watch that a route has gone with its next hop object', async () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { Netns } from 'macvlan-netlink';
      const ip = (line) => execFileSync('ip', line.split(' '));
      ip('link set lo up');
      ip('address add 192.0.2.1/24 dev lo');
      ip('nexthop add id 9 via 192.0.2.2 dev lo');
      ip('route add 198.51.100.0/24 nhid 9');
      const watch = Netns.current().watch({ initial: true, level: true, routes: true });
      const until = async (isIt) => {
        for (let at = 0; ; at++) {
          const { value } = await watch.next();
          if (isIt(value)) return at;
        }
      };
      await until(({ type }) => type === 'level');
      ip('nexthop delete id 9');
      await until(({ action, route }) => action === 'removed' && route?.to === '198.51.100.0/24');
      await watch.return();
      console.log(JSON.stringify('removed'));
    `;
    expect(await resultOf(program, { under })).toBe('removed');
  });

  test('is found to know bcCutoff', async ({ skip }) => {
    const program = `
      import { checkSupport, createLink, createMacvlan, getLink, setMacvlan } from 'macvlan-netlink';
      const { features } = await checkSupport();
      const parent = await createLink({ kind: 'bridge' });
      const link = await createMacvlan({ parent });
      await setMacvlan(link, { bcCutoff: 5 });
      await setMacvlan(link, { bcCutoff: 1 });
      const { macvlan } = await getLink(link);
      console.log(JSON.stringify([features.bcCutoff, link.macvlan.bcCutoff, macvlan.bcCutoff]));
    `;
    const [knows, ...cutoffs] = await resultOf<unknown[]>(program, { under });
    skip(knows === false, 'this kernel does not know bcCutoff');
    expect(cutoffs).toEqual([1, 1]);
  });
});
