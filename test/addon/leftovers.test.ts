// Threads, descriptors and memory are given back when nobody needs them any more.
import { expect, test } from 'vitest';
import { inPrivateNetns, resultOf } from '../support/program.js';

/** For programs: functions that count the process's threads and descriptors, from /proc. */
const counting = `
  import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  /** A thread may have ended since it was listed. */
  const nameOf = (task) => {
    try { return readFileSync('/proc/self/task/' + task + '/comm', 'utf8').trim(); } catch {}
  };
  const threads = () =>
    readdirSync('/proc/self/task').filter((task) => nameOf(task) === 'macvlan-netlink').length;
  const targets = () => readdirSync('/proc/self/fd').flatMap((fd) => {
    try { return [readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
  });
  const descriptors = () => targets().length;
  const sockets = () => targets().filter((target) => target.startsWith('socket:')).length;
  const namespaces = () => targets().filter((target) => target.startsWith('net:')).length;
  /** Waits for a condition; the program hangs, and so its test fails, when it never comes true. */
  const until = async (condition) => { while (!condition()) await sleep(20); };
`;

test('an idle process has no threads and no sockets left', async () => {
  const program = `${counting}
    import { listLinks, Netns } from 'macvlan-netlink';
    const before = { threads: threads(), sockets: sockets() };
    const netns = await Netns.create();
    await Promise.all([listLinks(), netns.listLinks(), netns.listAddresses()]);
    const busy = { threads: threads() > 0, sockets: sockets() - before.sockets };
    await until(() => threads() === 0 && sockets() === before.sockets);
    // Both come back when they are needed again.
    const links = await netns.listLinks();
    const again = { threads: threads(), sockets: sockets() - before.sockets };
    console.log(JSON.stringify({ before: before.threads, busy, links: links.length, again }));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
    before: 0,
    busy: { threads: true, sockets: 2 },
    links: 1,
    again: { threads: 1, sockets: 1 },
  });
});

test('a child process inherits nothing', async () => {
  const program = `${counting}
    import { execFileSync } from 'node:child_process';
    import { listLinks, Netns } from 'macvlan-netlink';
    const seenByChild = () => execFileSync('ls', ['-l', '/proc/self/fd'], {
      encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
    });
    const anonymous = (list) => list.split('anon_inode:').length - 1;
    const before = targets();
    const anonymousBefore = anonymous(seenByChild());
    const netns = await Netns.create();
    const events = netns.watch({ initial: true });
    await Promise.all([events.next(), listLinks(), netns.listLinks()]);
    const isOurs = (target) => /^(net|socket):/.test(target) && !before.includes(target);
    // The handle and the socket with which the watch has listed are closed a moment later.
    await until(() => targets().filter(isOurs).length <= 5);
    const ours = targets().filter(isOurs);
    const theirs = seenByChild();
    await events.return();
    const inherited = ours.filter((target) => theirs.includes(target));
    const more = anonymous(theirs) - anonymousBefore;
    console.log(JSON.stringify({ ours: ours.length, inherited, more }));
  `;
  // Two namespaces, a socket for the requests to each, and one for the events.
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
    ours: 5,
    inherited: [],
    more: 0,
  });
});

test('idle sockets are closed while others are in use', async () => {
  const program = `${counting}
    import { listLinks, Netns } from 'macvlan-netlink';
    const own = await Promise.all(Array.from({ length: 20 }, () => Netns.create()));
    const before = sockets();
    await Promise.all(own.map((netns) => netns.listLinks()));
    const busy = sockets() - before;
    const polling = setInterval(() => void listLinks(), 100);
    await until(() => sockets() <= before + 1);
    clearInterval(polling);
    console.log(JSON.stringify(busy));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toBe(20);
});

test('sockets that were kept open for several steps are closed after these', async () => {
  const program = `${counting}
    import { createLink, createMacvlan, moveLink, Netns } from 'macvlan-netlink';
    const before = sockets();
    const netns = await Netns.create();
    const { index: parent } = await createLink({ kind: 'veth' });
    const link = await createMacvlan({ parent, addresses: ['10.0.0.1/24'] });
    await createMacvlan({ parent, addresses: ['10.0.0.1/24', '10.0.0.1/24'] }).catch(() => {});
    await moveLink(link, netns);
    await moveLink('lo', netns, { name: 'lo1' }).catch(() => {});
    const busy = sockets() - before;
    await until(() => sockets() === before);
    console.log(JSON.stringify(busy));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toBe(2);
});

/** A command prefix that limits the number of a process's descriptors. */
const withDescriptors = (most: number) => [
  ...inPrivateNetns,
  'sh',
  '-c',
  `mount -t tmpfs run /run && mkdir /run/netns && ulimit -n ${most} && exec "$@"`,
  '--',
];

test('hundreds of links for a namespace given by name share one descriptor of it', async () => {
  const program = `
    import { createLink, createMacvlan, Netns } from 'macvlan-netlink';
    await Netns.create('home');
    const { index: parent } = await createLink({ kind: 'veth' });
    const names = Array.from({ length: 300 }, (_, at) => 'm' + at);
    await Promise.all(names.map((name) => createMacvlan({ parent, name, netns: 'home' })));
    console.log(JSON.stringify((await (await Netns.open('home')).listLinks()).length));
  `;
  expect(await resultOf(program, { under: withDescriptors(120) })).toBe(301);
});

test('a Worker that ends leaves nothing behind, even if its operations waited for one another', async () => {
  // Each of these waits in one namespace and holds the other one open, where another waits that holds the first open.
  const worker = `
    import { Netns } from 'macvlan-netlink';
    const [a, b] = await Promise.all([Netns.create(), Netns.create()]);
    const make = (netns) => netns.createLink({ kind: 'bridge' });
    const [atA, atB] = await Promise.all([make(a), make(b)]);
    for (let round = 0; round < 14; round++) {
      a.createMacvlan({ parent: atA, netns: b }).catch(() => {});
      b.createMacvlan({ parent: atB, netns: a }).catch(() => {});
    }
    process.exit(0);
  `;
  const program = `${counting}
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    import { listLinks } from 'macvlan-netlink';
    await listLinks();
    const before = { sockets: sockets(), namespaces: namespaces() };
    for (let round = 0; round < 10; round++) {
      await once(new Worker(${JSON.stringify(worker)}, { eval: true }), 'exit');
    }
    const after = { sockets: sockets(), namespaces: namespaces() };
    console.log(JSON.stringify([after.sockets <= before.sockets, after.namespaces - before.namespaces]));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual([true, 0]);
});

test('more namespaces can be used than there are descriptors for two each', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    const taken = Array.from({ length: 20 }, () => openSync('/dev/null'));
    const opened = [];
    const names = [];
    for (let at = 0; at < 60; at++) {
      const netns = await Netns.create();
      await netns.createLink({ kind: 'bridge', name: 'b' + at });
      opened.push(netns);
    }
    for (const netns of opened) names.push((await netns.listLinks())[1].name);
    const events = opened.slice(0, 3).map((netns) => netns.watch({ initial: true }).next());
    names.push(...(await Promise.all(events)).map(({ value }) => value.type));
    const all = await Promise.all(opened.map((netns) => netns.listLinks({ kind: 'bridge' })));
    for (const fd of taken) closeSync(fd);
    console.log(JSON.stringify([new Set(names).size, all.flat().length]));
  `;
  expect(await resultOf(program, { under: withDescriptors(120) })).toEqual([61, 60]);
});

test('a link that cannot be finished because no descriptors are left is not made', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { createLink, createMacvlan, Netns } from 'macvlan-netlink';
    const { index: parent } = await createLink({ kind: 'veth' });
    const netns = await Netns.create();
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null')); } catch {}
    const addresses = ['10.0.0.1/24'];
    const refused = await createMacvlan({ parent, name: 'm0', netns, addresses }).catch((e) => e);
    for (const fd of taken) closeSync(fd);
    const left = (await netns.listLinks()).map(({ name }) => name);
    console.log(JSON.stringify({ code: refused.code, left }));
  `;
  expect(await resultOf(program, { under: withDescriptors(120) })).toEqual({
    code: 'EMFILE',
    left: ['lo'],
  });
});

test('a thousand open namespaces need no more threads than a few', async () => {
  const program = `${counting}
    import { Netns } from 'macvlan-netlink';
    const own = await Promise.all(Array.from({ length: 1000 }, () => {
      return Netns.open('/proc/self/ns/net');
    }));
    const counts = await Promise.all(own.map(async (netns) => (await netns.listLinks()).length));
    const busy = threads();
    await Promise.all(own.map((netns) => netns.close()));
    console.log(JSON.stringify({ same: new Set(counts).size === 1, few: busy > 0 && busy <= 8 }));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({ same: true, few: true });
});

test('closing a handle closes its descriptor and its socket', async () => {
  const program = `${counting}
    import { Netns } from 'macvlan-netlink';
    await (await Netns.open('/proc/self/ns/net')).close();
    const before = descriptors();
    const round = async () => {
      const opened = await Promise.all(Array.from({ length: 50 }, () => Netns.create()));
      await Promise.all(opened.map((netns) => netns.listLinks()));
      const most = descriptors();
      await Promise.all(opened.map((netns) => netns.close()));
      return most - before;
    };
    const most = [await round(), await round()];
    await until(() => descriptors() === before);
    console.log(JSON.stringify(most));
  `;
  // A descriptor and a socket each.
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual([100, 100]);
});

test('a refused open or create leaves no descriptor', async () => {
  const program = `${counting}
    import { spawnSync } from 'node:child_process';
    import { Netns } from 'macvlan-netlink';
    spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run'], { stdio: 'inherit' });
    await (await Netns.create('taken')).close();
    const before = descriptors();
    const refused = await Promise.allSettled([
      Netns.create('taken'),
      Netns.open('/proc/self/ns/mnt'),
      Netns.open('/etc'),
      Netns.open('/nowhere/at/all'),
      Netns.open({ fd: 0 }),
      Netns.open({ fd: 9999 }),
      Netns.open({ pid: 2 ** 31 - 1 }),
    ]);
    await until(() => descriptors() === before);
    console.log(JSON.stringify(refused.map(({ reason }) => reason?.code)));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual([
    'EEXIST',
    'EINVAL',
    'EINVAL',
    'ENOENT',
    'EINVAL',
    'EBADF',
    'ENOENT',
  ]);
});

test('a namespace that a call has opened for itself is closed after it', async () => {
  const program = `${counting}
    import { createLink, createMacvlan } from 'macvlan-netlink';
    const { index: parent } = await createLink({ kind: 'veth' });
    const before = namespaces();
    const netns = '/proc/self/ns/net';
    for (let at = 0; at < 30; at++) await createMacvlan({ parent, netns });
    const left = [namespaces() - before];
    // Opened once for two calls, one of which is aborted.
    const controller = new AbortController();
    const { signal } = controller;
    const both = [{ parent, netns, signal }, { parent, netns }].map((options) =>
      createMacvlan(options).then(() => 'made', (error) => error.name));
    controller.abort();
    const outcomes = await Promise.all(both);
    left.push(namespaces() - before);
    // One namespace, given by several paths at once.
    const paths = [netns, '/proc/thread-self/ns/net', { pid: process.pid }];
    await Promise.all(paths.map((one) => createMacvlan({ parent, netns: one })));
    left.push(namespaces() - before);
    console.log(JSON.stringify({ outcomes, left }));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
    outcomes: ['AbortError', 'made'],
    left: [0, 0, 0],
  });
});

test('garbage collection of a handle closes its descriptor and its socket', async () => {
  const program = `${counting}
    import { Netns } from 'macvlan-netlink';
    await (await Netns.open('/proc/self/ns/net')).close();
    const before = { namespaces: namespaces(), sockets: sockets() };
    await (async () => {
      const opened = await Promise.all(Array.from({ length: 50 }, () => Netns.create()));
      await Promise.all(opened.map((netns) => netns.listLinks()));
    })();
    const most = namespaces() - before.namespaces;
    await until(() => {
      gc();
      return namespaces() === before.namespaces && sockets() === before.sockets;
    });
    console.log(JSON.stringify(most));
  `;
  const options = { under: inPrivateNetns, nodeOptions: ['--expose-gc'] };
  expect(await resultOf(program, options)).toBe(50);
});

test('a handle without references finishes its operations first', async () => {
  const program = `${counting}
    import { createLink, listLinks, Netns } from 'macvlan-netlink';
    const work = [];
    for (let round = 0; round < 20; round++) {
      const netns = await Netns.open('/proc/self/ns/net');
      work.push(netns.createLink({ kind: 'veth' }), netns.listLinks());
      gc();
    }
    const made = (await Promise.all(work)).filter((result) => !Array.isArray(result));
    gc();
    const names = new Set((await listLinks()).map((link) => link.name));
    console.log(JSON.stringify([made.length, made.every((link) => names.has(link.name))]));
  `;
  const options = { under: inPrivateNetns, nodeOptions: ['--expose-gc'] };
  expect(await resultOf(program, options)).toEqual([20, true]);
});

test('a Worker takes its threads and descriptors with it', async () => {
  const worker = `
    import { listLinks, Netns } from 'macvlan-netlink';
    globalThis.kept = [await Netns.create(), await Netns.create()];
    await Promise.all([...kept.map((netns) => netns.listLinks()), listLinks()]);
  `;
  const program = `${counting}
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const round = async () => {
      const workers = Array.from({ length: 4 }, () => {
        return new Worker(${JSON.stringify(worker)}, { eval: true });
      });
      await Promise.all(workers.map((one) => once(one, 'exit')));
    };
    await round();
    const before = descriptors();
    for (let count = 0; count < 4; count++) await round();
    console.log(JSON.stringify({
      threads: threads(), more: descriptors() - before, namespaces: namespaces(),
    }));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
    threads: 0,
    more: 0,
    namespaces: 0,
  });
});

test.each([
  [
    'requests',
    "at % 10 === 0 ? getLink('nobody').catch(() => {}) : at % 2 ? listLinks() : getLink(1)",
  ],
  ['readings of settings', "getSysctl('net.ipv4.ip_forward')"],
])('memory does not grow with the number of %s', async (_, ask) => {
  const program = `
    import { getLink, getSysctl, listLinks } from 'macvlan-netlink';
    /** The smallest memory use after any of some rounds of four thousand requests. */
    const least = async (rounds) => {
      const held = [];
      for (let round = 0; round < rounds; round++) {
        for (let done = 0; done < 4000; done += 100) {
          await Promise.all(Array.from({ length: 100 }, (_, at) => ${ask}));
        }
        gc();
        held.push(process.memoryUsage().rss);
      }
      return Math.min(...held);
    };
    await least(8); // For as long as Node 26's own memory grows.
    const before = await least(3);
    const after = await least(9);
    console.log(JSON.stringify((after - before) / 24_000));
  `;
  // A small young generation, so that V8's own memory varies by little.
  const nodeOptions = ['--expose-gc', '--max-semi-space-size=2', '--single-threaded-gc'];
  // Bytes lost with each request. A request's message and its record alone are larger.
  const lost = await resultOf<number>(program, { under: inPrivateNetns, nodeOptions });
  expect(lost).toBeLessThan(100);
});

test('a long list that is withdrawn before it is sent leaves nothing in memory', async () => {
  const program = `
    import { setImmediate } from 'node:timers/promises';
    import { deleteLinks } from 'macvlan-netlink';
    const links = Array.from({ length: 20_000 }, (_, at) => 1000 + at);
    let withdrawn = 0;
    /** The smallest memory use after any of some rounds. */
    const least = async (rounds) => {
      const held = [];
      for (let round = 0; round < rounds; round++) {
        const controller = new AbortController();
        const deleting = deleteLinks(links, { signal: controller.signal });
        for (let turn = 0; turn < 100; turn++) await setImmediate();
        controller.abort('withdrawn');
        await deleting.catch((reason) => { withdrawn += reason === 'withdrawn'; });
        gc();
        held.push(process.memoryUsage().rss);
      }
      return Math.min(...held);
    };
    const before = await least(20);
    const after = await least(40);
    console.log(JSON.stringify({ withdrawn, grown: after - before }));
  `;
  const nodeOptions = ['--expose-gc', '--max-semi-space-size=2', '--single-threaded-gc'];
  const { withdrawn, grown } = await resultOf<Record<'withdrawn' | 'grown', number>>(program, {
    under: inPrivateNetns,
    nodeOptions,
  });
  expect(withdrawn).toBe(60);
  // In MiB. The requests that were made until then take more than fifty.
  expect(grown / 2 ** 20).toBeLessThan(16);
});
