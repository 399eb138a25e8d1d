// How a process that uses the library ends: by itself when nothing is left to do and not before,
// with the exit code that it chose, and with errors that lead to the line at fault.
import { describe, expect, test } from 'vitest';
import { inPrivateNetns, type ProgramOptions, resultOf, runProgram } from '../support/program.js';

const privately: ProgramOptions = { under: inPrivateNetns };

describe('a process', () => {
  test('stays alive until what it asked for is answered', async () => {
    const ended = await runProgram(
      `import { listLinks, Netns } from 'macvlan-netlink';
       void listLinks().then(() => Netns.create()).then((netns) => netns.listLinks())
         .then((links) => console.log(links[0].name));`,
      privately,
    );
    expect(ended).toEqual({ code: 0, signal: null, stdout: 'lo\n', stderr: '' });
  });

  test('stays alive also after a listing that was ready as a whole before any of it was taken', async () => {
    const ended = await runProgram(
      `import { execFileSync, spawn } from 'node:child_process';
       import { listLinks, watch } from 'macvlan-netlink';
       const bridges = Array.from({ length: 300 }, (_, at) => 'link add b' + at + ' type bridge\\n');
       execFileSync('ip', ['-batch', '-'], { input: bridges.join('') });
       const never = new Int32Array(new SharedArrayBuffer(4));
       for (let round = 0; round < 5; round++) {
         const listing = listLinks();
         Atomics.wait(never, 0, 0, 100);
         await listing;
       }
       spawn('sh', ['-c', 'sleep 1; ip link add late type bridge'], { stdio: 'ignore' }).unref();
       console.log((await watch().next()).value.link.name);`,
      privately,
    );
    expect(ended).toEqual({ code: 0, signal: null, stdout: 'late\n', stderr: '' });
  });

  test('ends by itself although namespaces are open and the pool has threads', async () => {
    const ended = await runProgram(
      `import { readdirSync, readFileSync } from 'node:fs';
       import { listLinks, Netns } from 'macvlan-netlink';
       globalThis.open = [await Netns.create(), await Netns.open('/proc/self/ns/net')];
       await Promise.all(open.map((netns) => netns.listLinks()));
       const names = readdirSync('/proc/self/task').map((task) =>
         readFileSync('/proc/self/task/' + task + '/comm', 'utf8').trim());
       console.log(names.includes('macvlan-netlink'));`,
      privately,
    );
    expect(ended).toEqual({ code: 0, signal: null, stdout: 'true\n', stderr: '' });
  });

  test('ends by itself when the library is loaded and never used', async () => {
    const ended = await runProgram(`import 'macvlan-netlink'; console.log('loaded');`);
    expect(ended).toEqual({ code: 0, signal: null, stdout: 'loaded\n', stderr: '' });
  });

  test('keeps the exit code it set', async () => {
    const ended = await runProgram(
      `import { listLinks } from 'macvlan-netlink';
       process.exitCode = 5;
       await listLinks();`,
    );
    expect(ended).toEqual({ code: 5, signal: null, stdout: '', stderr: '' });
  });

  test.each([
    ['right after asking', 'void deleteAll();'],
    ['while requests are under way', 'void deleteAll(); setTimeout(() => process.exit(9), 5);'],
    [
      'in what follows an answer',
      'void deleteAll(); await listLinks().then(() => process.exit(9));',
    ],
    ['in what follows a refusal', "getLink('nobody').catch(() => process.exit(9));"],
  ])('may exit %s', async (_, code) => {
    const ended = await runProgram(
      `import { createLink, deleteLink, getLink, listLinks } from 'macvlan-netlink';
       const links = await Promise.all(Array.from({ length: 20 }, () => createLink({ kind: 'veth' })));
       const deleteAll = () => Promise.all(links.flatMap((link) => [deleteLink(link), listLinks()]));
       ${code}
       ${code.includes('process.exit') ? 'await new Promise(() => setInterval(() => {}, 1000));' : 'process.exit(9);'}`,
      privately,
    );
    expect(ended).toEqual({ code: 9, signal: null, stdout: '', stderr: '' });
  });

  test('runs its exit handlers while requests are under way', async () => {
    const ended = await runProgram(
      `import { listLinks } from 'macvlan-netlink';
       process.on('exit', (code) => { void listLinks(); console.log('exit', code); });
       void listLinks();
       process.exit(4);`,
    );
    expect(ended).toEqual({ code: 4, signal: null, stdout: 'exit 4\n', stderr: '' });
  });

  test('dies of a signal as any other', async () => {
    const ended = await runProgram(
      `import { listLinks } from 'macvlan-netlink';
       await listLinks();
       void listLinks();
       process.kill(process.pid, 'SIGTERM');
       setInterval(() => {}, 1000);`,
    );
    expect(ended).toEqual({ code: null, signal: 'SIGTERM', stdout: '', stderr: '' });
  });
});

describe('an error', () => {
  test('thrown after an answer ends the process as any uncaught one', async () => {
    const ended = await runProgram(
      `import { listLinks } from 'macvlan-netlink';
       listLinks().then(() => { setImmediate(() => { throw new Error('of the user'); }); });`,
    );
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.stderr).toContain('Error: of the user');
  });

  test("that nobody handles shows the caller's line", async () => {
    const lines = [
      `import { getLink } from 'macvlan-netlink';`,
      `async function readsALink() {`,
      `  await getLink('nobody');`,
      `}`,
      `void readsALink();`,
    ];
    const ended = await runProgram(lines.join('\n'));
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.stderr).toContain("NetlinkError: getLink 'nobody': ENODEV, no such device");
    expect(ended.stderr).toMatch(/at readsALink \(file:.*:3:9\)/);
  });

  test("about an argument shows the caller's line too", async () => {
    const lines = [
      `import { createMacvlan } from 'macvlan-netlink';`,
      `async function makesALink() {`,
      `  await createMacvlan({ parent: 'eth0', name: 'a/b' });`,
      `}`,
      `void makesALink();`,
    ];
    const ended = await runProgram(lines.join('\n'));
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.stderr).toContain("TypeError: createMacvlan: options.name must not hold '/'");
    expect(ended.stderr).toMatch(/at makesALink \(file:.*:3:9\)/);
  });

  test('reaches unhandledRejection, and the process goes on', async () => {
    const ended = await runProgram(
      `import { getLink, listLinks } from 'macvlan-netlink';
       process.on('unhandledRejection', (error) => {
         console.log(error.code);
         setImmediate(async () => console.log((await listLinks()).length > 0));
       });
       void getLink('nobody');`,
    );
    expect(ended).toEqual({ code: 0, signal: null, stdout: 'ENODEV\ntrue\n', stderr: '' });
  });
});

test('what has begun is finished at the end of the process: no name is left without its namespace', async () => {
  const ended = await runProgram(
    `import { mkdirSync } from 'node:fs';
     import { execFileSync, spawnSync } from 'node:child_process';
     import { Netns } from 'macvlan-netlink';
     execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
     process.on('exit', () => {
       const { stderr } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
       console.log(stderr);
     });
     for (let at = 0; at < 300; at++) void Netns.create('n' + at);
     setTimeout(() => process.exit(), 15);`,
    privately,
  );
  expect(ended).toEqual({ code: 0, signal: null, stdout: '\n', stderr: '' });
});

// The address is a message of its own after the first one of the creation, and in another namespace it
// goes through another socket.
test.each(['here', 'in another namespace'])(
  'no link %s is left without its address when the process ends',
  async (where) => {
    for (const delay of [0.3, 0.6, 0.9, 1.2, 1.5]) {
      const ended = await runProgram(
        `import { spawnSync } from 'node:child_process';
         import { createLink, listLinks, Netns } from 'macvlan-netlink';
         const netns = ${where === 'here'} ? Netns.current() : await Netns.create();
         await Promise.all([listLinks(), netns.listLinks()]);
         process.on('exit', () => {
           const { stdout } = spawnSync('nsenter', ['--net=/dev/fd/3', 'ip', '-j', 'address'], {
             encoding: 'utf8',
             stdio: ['ignore', 'pipe', 'inherit', netns.fd],
           });
           for (const { ifname, addr_info } of JSON.parse(stdout)) {
             if (ifname !== 'lo' && addr_info.length === 0) console.log(ifname);
           }
         });
         for (let at = 0; at < 40; at++) {
           void createLink({ kind: 'bridge', netns, addresses: ['10.0.' + at + '.1/24'] });
         }
         const end = performance.now() + ${delay};
         setImmediate(function wait() {
           if (performance.now() < end) setImmediate(wait);
           else process.exit();
         });`,
        privately,
      );
      expect(ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    }
  },
);

test('at the end of the process what has begun is finished, and what waits before it in a queue is not begun', async () => {
  const program = `
    import { readFileSync } from 'node:fs';
    import { setImmediate } from 'node:timers/promises';
    import { createLink, Netns } from 'macvlan-netlink';
    const there = await Netns.create();
    const isMade = (name) => readFileSync('/proc/self/net/dev', 'utf8').includes(name);
    const addresses = Array.from({ length: 2000 }, (_, at) => '10.0.' + (at >> 8) + '.' + (at & 255) + '/32');
    void createLink({ kind: 'bridge', name: 'begun', addresses });
    await setImmediate();
    while (!isMade('begun')) {}
    void createLink({ kind: 'bridge', name: 'late' });
    // Its address is a request in this namespace, in the queue behind one that has not begun.
    const netns = Netns.current();
    void there.createLink({ kind: 'bridge', name: 'second', netns, addresses: ['10.99.0.1/24'] });
    while (!isMade('second')) {}
    process.exit();
  `;
  const under = [...inPrivateNetns, 'sh', '-c', '"$@" && exec ip -j address', 'sh'];
  const links = await resultOf<{ ifname: string; addr_info: unknown[] }[]>(program, { under });
  expect(links.map(({ ifname, addr_info }) => [ifname, addr_info.length])).toEqual([
    ['lo', 0],
    ['begun', 2000],
    ['second', 1],
  ]);
});

/** Begins a program: another process holds the lock for names until its standard input ends. */
const holdTheLock = `
  import { spawn, spawnSync } from 'node:child_process';
  import { once } from 'node:events';
  import { mkdirSync } from 'node:fs';
  spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run'], { stdio: 'inherit' });
  mkdirSync('/run/netns');
  const holder = spawn('flock', ['/run/netns', 'sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
`;

test.each([
  ['', 'void Netns.create("waits"); setTimeout(() => process.exit(7), 50);'],
  [
    " of one of its Workers'",
    `const worker = new Worker(
       \`import { parentPort } from 'node:worker_threads';
        import { Netns } from 'macvlan-netlink';
        void Netns.create('waits');
        setTimeout(() => parentPort.postMessage('asked'), 50);\`,
       { eval: true },
     );
     worker.once('message', () => process.exit(7));`,
  ],
])(
  'a process ends although a request%s waits for a lock that another process holds',
  async (_, code) => {
    const ended = await runProgram(
      `${holdTheLock}
     import { Worker } from 'node:worker_threads';
     import { Netns } from 'macvlan-netlink';
     ${code}`,
      privately,
    );
    // The process that holds the lock ends when its standard input is closed.
    expect(ended).toEqual({ code: 7, signal: null, stdout: '', stderr: '' });
  },
);

test('everything else goes on while more operations than there are threads wait for a lock that another process holds', async () => {
  const ended = await runProgram(
    `${holdTheLock}
     import { createLink, listLinks, Netns } from 'macvlan-netlink';
     let made = 0;
     const waiting = Array.from({ length: 20 }, (_, at) =>
       Netns.create('n' + at).then(() => { made++; }));
     await createLink({ kind: 'bridge' });
     // What needs no name waits for no lock.
     await (await Netns.create()).close();
     await (await Netns.open({ pid: process.pid })).close();
     console.log((await listLinks()).length, made);
     holder.stdin.end();
     await Promise.all(waiting);
     console.log((await Netns.list()).length, made);`,
    privately,
  );
  expect(ended).toEqual({ code: 0, signal: null, stdout: '2 0\n20 20\n', stderr: '' });
});

test('a module that is loaded twice in one thread gets its own answers each time', async () => {
  const ended = await runProgram(
    `const first = await import('macvlan-netlink');
     const second = await import(import.meta.resolve('macvlan-netlink') + '?again');
     const [links, refusal, lo] = await Promise.all([
       first.listLinks(),
       second.getLink('nobody').catch(({ code }) => code),
       second.getLink('lo'),
     ]);
     // Each copy takes a Netns that the other has opened.
     const netns = await second.Netns.create();
     const { name } = await first.createLink({ kind: 'bridge', name: 'br0', netns });
     console.log(Array.isArray(links), refusal, lo.name, name);
     await netns.close();
     for (const use of [first.createLink({ kind: 'bridge', netns }), first.Netns.open(netns)]) {
       console.log(await use.catch(({ code }) => code));
     }`,
    privately,
  );
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toBe('true ENODEV lo br0\nERR_NETNS_CLOSED\nERR_NETNS_CLOSED\n');
});

test('every function rejects where the process’s own namespace cannot be opened', async () => {
  const ended = await runProgram(
    `import { closeSync, openSync } from 'node:fs';
     import { createMacvlan, listLinks } from 'macvlan-netlink';
     const files = [];
     try {
       for (;;) files.push(openSync('/dev/null'));
     } catch {}
     const refusals = [listLinks(), createMacvlan({ parent: 1 })].map((one) =>
       one.catch(({ code, hint }) => code + ' ' + hint));
     for (const file of files) closeSync(file);
     console.log((await Promise.all(refusals)).join('\\n'));`,
    { under: ['prlimit', '--nofile=64', '--'] },
  );
  const line = 'EMFILE The process may have no more descriptors: RLIMIT_NOFILE.\n';
  expect(ended).toEqual({ code: 0, signal: null, stdout: line + line, stderr: '' });
});
