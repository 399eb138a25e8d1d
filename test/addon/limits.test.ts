// A process that can get no more threads or descriptors: operations are refused, and nothing is left half done.
import { expect, test } from 'vitest';
import { becomeNobody, inPrivateNetns, noNobody, resultOf } from '../support/program.js';

test('when no thread can be started everything is refused', async ({ skip }) => {
  skip(noNobody !== undefined, noNobody);
  // Root is exempt from this limit.
  const refusals = await resultOf(`
    import { execFileSync } from 'node:child_process';
    import { listLinks, Netns, watch } from 'macvlan-netlink';
    execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=1:1']);
    ${becomeNobody}
    const calls = [
      () => listLinks(),
      () => Netns.open('/proc/self/ns/net'),
      async () => watch().next(),
      () => Promise.all([listLinks(), listLinks()]),
      // More than may wait for the lock of the names at a time.
      ...Array(8).fill(() => Netns.create('refused')),
    ];
    const refusals = [];
    for (const call of calls) {
      await call().catch(({ code, syscall, hint }) => refusals.push({ code, syscall, hint }));
    }
    console.log(JSON.stringify(refusals));
  `);
  const refusal = {
    code: 'EAGAIN',
    syscall: 'pthread_create',
    hint: expect.stringContaining('RLIMIT_NPROC'),
  };
  expect(refusals).toEqual(Array(12).fill(refusal));
});

/** For programs: forbids any further thread, once those that there are are as many as `wanted` says. */
const noMoreThreads = `
  import { execFileSync } from 'node:child_process';
  import { readdirSync, readFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const nameOf = (task) => {
    try { return readFileSync('/proc/self/task/' + task + '/comm', 'utf8').trim(); } catch {}
  };
  const threads = () =>
    readdirSync('/proc/self/task').filter((task) => nameOf(task) === 'macvlan-netlink').length;
  const noMoreThreads = async (wanted) => {
    while (!wanted(threads())) await sleep(20);
    execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=1:1']);
    ${becomeNobody}
  };
`;

test('a thread that there is does all when no other can be started', async ({ skip }) => {
  skip(noNobody !== undefined, noNobody);
  const program = `${noMoreThreads}
    import { Netns } from 'macvlan-netlink';
    const handles = [];
    for (let at = 0; at < 6; at++) handles.push(await Netns.open('/proc/self/ns/net'));
    await noMoreThreads((count) => count > 0);
    // Each listing lets another thread go on meanwhile, if there is one.
    for (let round = 0; round < 50; round++) {
      await Promise.all(handles.map((netns) => netns.listLinks()));
    }
    console.log(JSON.stringify('done'));
  `;
  expect(await resultOf(program)).toBe('done');
});

test('a watch works once a thread can be started for it', async ({ skip }) => {
  skip(noNobody !== undefined, noNobody);
  const program = `
    import { spawn } from 'node:child_process';
    import { once } from 'node:events';
    import { listLinks, watch } from 'macvlan-netlink';
    const shell = spawn('sh', ['-c', 'while read -r line; do eval "$line"; echo; done'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const run = async (line) => {
      shell.stdin.write(line + '\\n');
      await once(shell.stdout, 'data');
    };
    // The pool has its thread then; only the one for events is missing.
    await listLinks();
    const limit = 'prlimit --pid ' + process.pid + ' --nproc=';
    await run(limit + '1:');
    ${becomeNobody}
    const { syscall } = await (async () => watch().next())().catch((error) => error);
    // As nobody too: a root without CAP_SYS_RESOURCE may not set the limits of another user.
    const most = "$(awk '/^Max processes/ { print $4 }' /proc/" + process.pid + '/limits)';
    await run('setpriv --reuid=65534 --regid=65534 --clear-groups ' + limit + most + ':');
    const events = watch();
    const event = events.next();
    await run('ip link add name new0 type veth');
    console.log(JSON.stringify({ syscall, type: (await event).value.type }));
    await events.return();
    shell.stdin.end();
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
    syscall: 'pthread_create',
    type: 'link',
  });
});

test('everything is refused also when the threads of before have ended', async ({ skip }) => {
  skip(noNobody !== undefined, noNobody);
  const program = `${noMoreThreads}
    import { listLinks } from 'macvlan-netlink';
    await listLinks();
    await noMoreThreads((count) => count === 0);
    const { code } = await listLinks().catch((error) => error);
    console.log(JSON.stringify(code));
  `;
  expect(await resultOf(program)).toBe('EAGAIN');
});

test('when no descriptors are left no link stays half made', async () => {
  const under = [...inPrivateNetns, 'prlimit', '--nofile=64', '--'];
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { createLink, listLinks, Netns } from 'macvlan-netlink';
    const { index: parent } = await createLink({ kind: 'veth', addrGenMode: 'none' });
    const netns = await Netns.create();
    await listLinks();
    const files = [];
    try {
      for (;;) files.push(openSync('/dev/null'));
    } catch {}
    const here = Netns.current();
    const options = { parent, netns, addresses: ['10.0.0.1/24'] };
    const made = await Promise.allSettled(
      Array.from({ length: 200 }, (_, at) => here.createMacvlan({ ...options, name: 'm' + at })),
    );
    for (const file of files) closeSync(file);
    const codes = made.map(({ status, reason }) => (status === 'fulfilled' ? 'made' : reason.code));
    const left = (await netns.listLinks({ kind: 'macvlan' })).length;
    console.log(JSON.stringify({ codes: [...new Set(codes)], left }));
  `;
  expect(await resultOf(program, { under })).toEqual({ codes: ['EMFILE'], left: 0 });
});

test.each([
  ['the last of which is the announcement', "['10.0.0.1/24']", "{ name: 'p', up: true }"],
  ['one of which is refused', "['10.0.0.1/24', '10.0.0.1/24']", "{ name: 'p' }"],
  ['behind a deletion', "['10.0.0.1/24']", undefined],
])(
  'a link of several steps keeps its sockets while others need descriptors, %s',
  async (_, addresses, peer) => {
    const under = [...inPrivateNetns, 'prlimit', '--nofile=64', '--'];
    const program = `
    import { closeSync, openSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const here = Netns.current();
    const netns = await Netns.create();
    const codes = new Set();
    let left = 0;
    for (let round = 0; round < 8; round++) {
      await here.createLink({ kind: 'bridge', name: 'x' });
      await netns.listLinks();
      const files = [];
      try {
        for (;;) files.push(openSync('/dev/null'));
      } catch {}
      const options = { addresses: ${addresses}, ipv4: { arpNotify: true }, netns, up: true };
      const veth = { ...options, kind: 'veth', name: 'v', peer: ${peer ?? '{}'} };
      const before = ${peer === undefined} ? [here.createLink({ ...veth, name: 'w' }), here.deleteLink('x')] : [];
      const making = here.createLink(veth);
      making.catch(() => {});
      const opening = [];
      for (let at = 0; at < 8; at++) {
        opening.push(Netns.open('/proc/self/ns/net').catch(() => {}));
        await sleep(1);
      }
      codes.add(await making.then(() => 'made', ({ code }) => code));
      await Promise.allSettled(before);
      for (const opened of await Promise.all(opening)) await opened?.close();
      for (const file of files) closeSync(file);
      if (!codes.has('made')) left += (await netns.listLinks({ kind: 'veth' })).length;
      for (const link of await netns.listLinks({ kind: 'veth' })) await netns.deleteLink(link).catch(() => {});
      await here.deleteLink('x').catch(() => {});
    }
    console.log(JSON.stringify({ codes: [...codes], left }));
    process.exit();
  `;
    const codes = addresses.includes(',') ? ['EEXIST'] : ['made'];
    expect(await resultOf(program, { under })).toEqual({ codes, left: 0 });
  },
);

test('a link whose settings cannot be written for want of descriptors is not made, and an existing one says so', async () => {
  const under = [...inPrivateNetns, 'prlimit', '--nofile=64', '--'];
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { listLinks, Netns } from 'macvlan-netlink';
    const here = Netns.current();
    const ipv6 = { acceptRa: 0 };
    const wrong = [];
    const seen = new Set();
    for (let free = 0; free < 6; free++) {
      const netns = await Netns.create();
      const known = await here.createLink({ kind: 'bridge', name: 'known' });
      const files = [];
      try {
        for (;;) files.push(openSync('/dev/null'));
      } catch {}
      for (let at = 0; at < free; at++) closeSync(files.pop());
      const making = here.createLink({ kind: 'bridge', name: 'b0', netns, up: true, ipv6 });
      const [made, set] = await Promise.allSettled([making, here.setLink(known, { ipv6 })]);
      for (const file of files) closeSync(file);
      const names = (await netns.listLinks({ kind: 'bridge' })).map(({ name }) => name);
      const outcomes = [made, set].map(({ reason }) => reason?.code ?? 'done');
      for (const outcome of outcomes) seen.add(outcome);
      if (names.join() !== (made.status === 'fulfilled' ? 'b0' : '')) wrong.push([free, names]);
      await here.deleteLink(known);
      await netns.close();
    }
    console.log(JSON.stringify({ wrong, seen: [...seen].sort() }));
  `;
  expect(await resultOf(program, { under })).toEqual({ wrong: [], seen: ['EMFILE', 'done'] });
});

test('a move that is refused because others need descriptors has not moved the link', async () => {
  const under = [...inPrivateNetns, 'prlimit', '--nofile=64', '--'];
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const here = Netns.current();
    const netns = await Netns.create();
    let lost = 0;
    for (let round = 0; round < 8; round++) {
      const link = await here.createLink({ kind: 'veth', up: true });
      await netns.listLinks();
      const files = [];
      try {
        for (;;) files.push(openSync('/dev/null'));
      } catch {}
      const moving = here.moveLink(link, netns);
      moving.catch(() => {});
      const opening = [];
      for (let at = 0; at < 8; at++) {
        await sleep(1);
        opening.push(Netns.open('/proc/self/ns/net').catch(() => {}));
      }
      const moved = await moving.then(() => true, () => false);
      for (const opened of await Promise.all(opening)) await opened?.close();
      for (const file of files) closeSync(file);
      const there = await netns.listLinks({ kind: 'veth' });
      if (!moved) lost += there.length;
      for (const one of there) await netns.deleteLink(one);
    }
    console.log(JSON.stringify(lost));
    process.exit();
  `;
  expect(await resultOf(program, { under })).toBe(0);
});

test.each([
  ['a watch', '(await one.watch({ initial: true }).next()).value.link.name', 'lo'],
  ['Netns.current', 'Netns.current().fd > 2', true],
  ['Netns.open of a descriptor', '(await Netns.open({ fd: one.fd })).inode === one.inode', true],
  // Its Worker would need more of them than there are.
  [
    'Netns.run',
    "await one.run('', { eval: true, argv: 1 }).catch(({ code }) => code)",
    'ERR_INVALID_ARG_TYPE',
  ],
])('%s gets descriptors from sockets that nothing uses', async (_, used, told) => {
  const under = [...inPrivateNetns, 'prlimit', '--nofile=64', '--'];
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    const opened = await Promise.all(Array.from({ length: 8 }, () => Netns.create()));
    await Promise.all(opened.map((netns) => netns.createLink({ kind: 'bridge' })));
    const [one] = opened;
    const files = [];
    try {
      for (;;) files.push(openSync('/dev/null'));
    } catch {}
    const told = await (async () => ${used})().catch(({ code }) => code);
    for (const file of files) closeSync(file);
    console.log(JSON.stringify(told));
    process.exit();
  `;
  expect(await resultOf(program, { under })).toBe(told);
});

test('a watch whose first listing fails rejects the iteration, and nothing else', async () => {
  const under = [...inPrivateNetns, 'prlimit', '--nofile=64', '--'];
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    const netns = Netns.current();
    const files = [];
    try {
      for (;;) files.push(openSync('/dev/null'));
    } catch {}
    let watch;
    while (watch === undefined) {
      closeSync(files.pop());
      try {
        watch = netns.watch();
      } catch {}
    }
    await sleep(100);
    const told = await watch.next().catch(({ code }) => code);
    for (const file of files) closeSync(file);
    console.log(JSON.stringify(told));
  `;
  expect(await resultOf(program, { under })).toBe('EMFILE');
});

test.each([
  ['the process', '{ pid: process.pid }', 2],
  ['another handle', 'await Netns.open({ pid: process.pid })', 1],
])(
  'a link is undone without a further descriptor, also where %s names its namespace',
  async (_, netns, free) => {
    const program = `
    import { closeSync, openSync } from 'node:fs';
    import { createLink, createMacvlan, listLinks, Netns } from 'macvlan-netlink';
    const netns = ${netns};
    const parent = await createLink({ kind: 'bridge', up: true });
    const routes = [{ to: '198.51.100.0/24', via: '192.0.2.1' }];
    const create = (options) =>
      createMacvlan({ parent, name: 'left', up: true, routes, ...options }).catch(
        ({ code, part, cause }) => [code, part, cause?.message ?? null],
      );
    // Whatever is loaded late is loaded then.
    await create({});
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null')); } catch {}
    for (let left = 0; left < ${free}; left++) closeSync(taken.pop());
    const refusal = await create({ netns });
    for (const fd of taken) closeSync(fd);
    const names = (await listLinks()).map(({ name }) => name);
    console.log(JSON.stringify([...refusal, names.includes('left')]));
  `;
    const limited = ['sh', '-c', 'ulimit -n 80 && exec "$@"', 'sh'];
    const refusal = ['ENETUNREACH', 'routes[0]', null, false];
    expect(await resultOf(program, { under: [...inPrivateNetns, ...limited] })).toEqual(refusal);
  },
);
