// Taps in threads and processes that end while frames are sent and received.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { preload } from '../support/preload.js';
import { type Ended, endableWorker, resultOf, runProgram } from '../support/program.js';
import { noTaps } from '../support/tap.js';

beforeEach(({ skip }) => skip(noTaps !== undefined, noTaps));

const under = ['unshare', '--net', '--mount', '--'];

/** The process ended with that code, and printed no message about an abort. */
function expectEnd(ended: Ended, code: number): void {
  expect(ended).toMatchObject({ code, signal: null, stderr: '' });
}

const importTaps = "import { createLink, createMacvtap, openTap } from 'macvlan-netlink';";
/** Two macvtaps on a parent of their own, open. */
const makeTaps = `
  const up = { up: true, addrGenMode: 'none' };
  const parent = await createLink({ kind: 'veth', ...up, peer: { up: true } });
  const links = [];
  for (let at = 0; at < 2; at++) {
    links.push(await createMacvtap({ parent, mode: 'bridge', ...up }));
  }
  const taps = await Promise.all(links.map((link) => openTap(link)));
  const bytes = (mac) => Buffer.from(mac.replaceAll(':', ''), 'hex');
`;

/** A Worker that makes two macvtaps and floods them in both directions. */
const floodingWorker = endableWorker(
  `${importTaps}
  import { parentPort } from 'node:worker_threads';`,
  `${makeTaps}
  let seen = 0;
  for (const at of [0, 1]) {
    const frame = Buffer.alloc(600);
    frame.set(bytes(links[1 - at].mac));
    frame.set(bytes(links[at].mac), 6);
    frame.writeUInt16BE(0x88b5, 12);
    const flood = () => { while (taps[at].write(frame)); };
    taps[at].on('drain', flood).on('data', () => {
      if (++seen === 1000) parentPort.postMessage('flowing');
    });
    flood();
  }
`,
);

test('Workers can be ended while frames are sent and received', async () => {
  const program = `
    import { once } from 'node:events';
    import { listLinks } from 'macvlan-netlink';
    import { Worker } from 'node:worker_threads';
    for (let round = 0; round < 5; round++) {
      const workers = [1, 2, 3].map(() => {
        return new Worker(${JSON.stringify(floodingWorker)}, { eval: true });
      });
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      const codes = await Promise.all(workers.map((worker) => worker.terminate()));
      if (codes.some((code) => code !== 1)) throw new Error('ended with ' + codes);
      await listLinks();
    }
  `;
  expectEnd(await runProgram(program, { under }), 0);
});

test('a Worker can be ended at any moment of its start', async () => {
  const program = `
    import { listLinks } from 'macvlan-netlink';
    import { setTimeout } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    for (let delay = 20; delay < 120; delay += 4) {
      const worker = new Worker(${JSON.stringify(floodingWorker)}, { eval: true });
      await setTimeout(delay);
      await worker.terminate();
    }
    await listLinks();
  `;
  expectEnd(await runProgram(program, { under }), 0);
});

test('the link’s end is reported to a tap without references, unless it has been collected', async () => {
  const program = `
    import { createLink, createMacvtap, openTap } from 'macvlan-netlink';
    import { execFileSync } from 'node:child_process';
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    const never = new Int32Array(new SharedArrayBuffer(4));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const parent = await createLink({ kind: 'veth', name: 'parent', addrGenMode: 'none' });
    for (let round = 0; round < 10; round++) {
      await openTap(await createMacvtap({ parent, name: 't0', mode: 'bridge' }));
      await turn();
      execFileSync('ip', ['link', 'delete', 'dev', 't0']);
      await turn();
      await turn();
      // The event waits for the event loop while the tap is collected.
      Atomics.wait(never, 0, 0, 20);
      collect();
      Atomics.wait(never, 0, 0, 5);
      await turn();
    }
  `;
  const options = ['--force-node-api-uncaught-exceptions-policy=true'];
  expectEnd(await runProgram(program, { under, nodeOptions: options }), 0);
});

test('the process may exit while a Worker sends and receives frames', async () => {
  const program = `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(${JSON.stringify(floodingWorker)}, { eval: true });
    await once(worker, 'message');
    process.exit(3);
  `;
  expectEnd(await runProgram(program, { under }), 3);
});

test('the process may exit while its main thread sends and receives frames', async () => {
  const program = floodingWorker.replace("parentPort.postMessage('flowing')", 'process.exit(4)');
  expectEnd(await runProgram(program, { under }), 4);
});

// Two devices whose queues hold frames from each other: the kernel keeps both for ever, with their
// links and the namespace, when they are closed like that. A link's node tells of the link.
const endings = {
  'are closed': 'await Promise.all(taps.map((tap) => tap.close()));',
  'are forgotten': '',
  'end with the process': 'process.exit(0);',
};

/** The taps of `makeTaps` send one another so many frames, and then the indexes of their links are printed. */
const sendBoth = (count: number) => `
  for (const at of [0, 1]) {
    const frame = Buffer.alloc(1000);
    frame.set(bytes(links[1 - at].mac));
    frame.set(bytes(links[at].mac), 6);
    for (let sent = 0; sent < ${count}; sent++) await taps[at].send(frame);
  }
  console.log(JSON.stringify(links.map(({ index }) => index)));
`;

/** The program has ended: the links that it has printed are no more. */
async function expectGone(indexes: number[]): Promise<void> {
  const nodes = indexes.map((index) => `/dev/tap${index}`);
  // The kernel takes a namespace down some time after its last process has ended.
  for (let turn = 0; nodes.some((node) => existsSync(node)) && turn < 300; turn++) await sleep(100);
  expect(nodes.filter((node) => existsSync(node))).toEqual([]);
}

test.each(Object.entries(endings))(
  'devices that %s leave nothing in the kernel',
  async (_, end) => {
    const program = `${importTaps} ${makeTaps} ${sendBoth(20)} ${end}`;
    await expectGone(await resultOf(program, { under }));
  },
);

/** Makes frames wait before they leave a link, where the kernel has `sch_tbf`. */
const slow = ['root', 'tbf', 'rate', '4mbit', 'burst', '2000', 'limit', '200000'];
const hasTbf =
  spawnSync('unshare', ['--net', '--', 'tc', 'qdisc', 'add', 'dev', 'lo', ...slow]).status === 0;

// `close` then waits for another program, and frames that were sent before arrive meanwhile.
test('devices that are closed while links are being moved leave nothing in the kernel', async ({
  skip,
}) => {
  skip(!hasTbf && process.env.CI !== 'true', 'this kernel has no tbf');
  const program = `
    ${importTaps}
    import { execFileSync, spawn } from 'node:child_process';
    import { once } from 'node:events';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    ${makeTaps}
    for (const { name } of links) execFileSync('tc', ['qdisc', 'add', 'dev', name, ...${JSON.stringify(slow)}]);
    const there = await Netns.create();
    const others = [];
    for (let at = 0; at < 30; at++) others.push(await createLink({ kind: 'veth' }));
    for (const tap of taps) tap.resume();
    ${sendBoth(50)}
    const path = '/proc/' + process.pid + '/fd/' + there.fd;
    const mover = spawn('ip', ['-batch', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
    mover.stdin.end(others.map(({ name }) => 'link set ' + name + ' netns ' + path + '\\n').join(''));
    await sleep(30);
    await Promise.all(taps.map((tap) => tap.close()));
    await once(mover, 'exit');
  `;
  await expectGone(await resultOf(program, { under }));
});

// Whether the link is gone is being asked then, with a descriptor that is closed after the answer.
test('a device that is detached while its link is being moved still gets frames', async () => {
  const program = `
    ${importTaps}
    import { spawn, spawnSync } from 'node:child_process';
    import { once } from 'node:events';
    import { readdirSync, readlinkSync } from 'node:fs';
    import { setImmediate } from 'node:timers/promises';
    import { Netns } from 'macvlan-netlink';
    ${makeTaps}
    // The node of one goes with the link: then the name ends in "(deleted)".
    const openTaps = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd).includes('/tap'); } catch { return false; }
    }).length;
    const there = await Netns.create();
    const others = [];
    for (let at = 0; at < 30; at++) others.push(await createLink({ kind: 'veth' }));
    const path = '/proc/' + process.pid + '/fd/' + there.fd;
    const mover = spawn('ip', ['-batch', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
    mover.stdin.end([links[0], ...others].map(({ name }) => 'link set ' + name + ' netns ' + path + '\\n').join(''));
    // Until there is that descriptor, which may have come and gone unseen.
    while (openTaps() <= taps.length && mover.exitCode === null) await setImmediate();
    const fd = taps[0].detach();
    if (mover.exitCode === null) await once(mover, 'exit');
    await there.setLink(links[0].name, { up: true });
    const frame = Buffer.alloc(60, 0x5a);
    frame.set(bytes(links[0].mac));
    frame.set(bytes(links[1].mac), 6);
    frame.writeUInt16BE(0x88b5, 12);
    for (let at = 0; at < 10; at++) await taps[1].send(frame);
    const { stdout } = spawnSync('timeout', ['2', 'cat'], { stdio: [fd, 'pipe', 'inherit'] });
    console.log(JSON.stringify(stdout.includes(frame)));
    await taps[1].close();
  `;
  expect(await resultOf(program, { under })).toBe(true);
});

/** The number of the system call `preadv2`, by which taps are read. */
const preadv2 = { arm64: 286, ia32: 378, s390x: 376, x64: 327 }[process.arch as string];

const withoutNowait = (REFUSE: number) => () => preload('refuse-calls', { REFUSE });

// O_NONBLOCK is of the open file: libuv takes it away from what a program has as its 0, 1 and 2, and since 1.53 from
// every descriptor that it hands over.
test.each([
  ['nothing', () => under] as const,
  ...(preadv2 ? [['nothing before Linux 6.4', withoutNowait(preadv2)] as const] : []),
])(
  'a device that a program which was started with it makes blocking holds up %s',
  async (_, within) => {
    const program = `
    ${importTaps}
    import { spawnSync } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { setLink, watch } from 'macvlan-netlink';
    ${makeTaps}
    spawnSync('true', { stdio: [taps[0].fd, taps[1].fd] });
    const flags = taps.map(({ fd }) => readFileSync('/proc/self/fdinfo/' + fd, 'utf8').match(/flags:\\s+(\\d+)/)[1]);
    const waits = flags.map((octal) => (Number.parseInt(octal, 8) & 0o4000) === 0);
    let received = 0;
    const frame = Buffer.alloc(1000);
    frame.set(bytes(links[1].mac));
    frame.set(bytes(links[0].mac), 6);
    frame.writeUInt16BE(0x88b5, 12);
    const count = (got) => { if (got.equals(frame)) received++; };
    taps[1].on('data', count);
    for (let sent = 0; sent < 500; sent++) await taps[0].send(frame);
    while (received < 500) await sleep(1);
    // What is not read fills the room for what is sent.
    taps[1].pause();
    while (taps[0].write(frame));
    await sleep(100);
    // The thread that sends and receives is also that of events.
    const events = watch();
    await setLink(links[0], { alias: 'seen' });
    let alias;
    // The kernel may report a change of the operational state before it.
    for await (const { link } of events) {
      alias = link.alias;
      if (alias !== null) break;
    }
    await Promise.all(taps.map((tap) => tap.close()));
    console.log(JSON.stringify([waits, received, alias]));
  `;
    expect(await resultOf(program, { under: within() })).toEqual([[true, true], 500, 'seen']);
  },
);

const fewDescriptors = [...under, 'sh', '-c', 'ulimit -n 120 && exec "$@"', '--'];
/** `openSlowly(between)` opens a tap; `between` is called when its descriptors are open, before its start. */
const slowOpening = `
  ${importTaps}
  import { execFileSync } from 'node:child_process';
  import { openSync } from 'node:fs';
  import { Netns } from 'macvlan-netlink';
  ${makeTaps}
  const taken = [];
  const takeAll = () => { try { for (;;) taken.push(openSync('/dev/null')); } catch {} };
  const here = Netns.current();
  const openTapDevice = here.openTapDevice.bind(here);
  const openSlowly = (between) => {
    here.openTapDevice = async (...asked) => {
      const device = await openTapDevice(...asked);
      between();
      return device;
    };
    return here.openTap(links[0]);
  };
`;

test.each([
  'takeAll(); const tap = await openSlowly(() => {});',
  'const tap = await openSlowly(takeAll);',
])('a tap is opened at the expense of idle sockets: %s', async (open) => {
  const program = `
    ${slowOpening}
    const others = await Promise.all(Array.from({ length: 10 }, () => Netns.create()));
    await Promise.all(others.map((netns) => netns.listLinks()));
    ${open}
    console.log(JSON.stringify(tap.fds.length));
    await Promise.all([tap, ...taps].map((one) => one.close()));
  `;
  expect(await resultOf(program, { under: fewDescriptors })).toBe(1);
});

test('a tap that cannot be started is refused', async () => {
  const program = `
    ${slowOpening}
    const error = await openSlowly(() => {
      execFileSync('prlimit', ['--pid', process.pid, '--nofile=4:120'], { stdio: 'ignore' });
    }).catch((refused) => refused);
    console.log(JSON.stringify({ code: error.code, syscall: error.syscall }));
    await Promise.all(taps.map((one) => one.close()));
  `;
  expect(await resultOf(program, { under: fewDescriptors })).toEqual({
    code: 'EMFILE',
    syscall: 'timerfd_create',
  });
});

test('a tap whose link moves while no descriptors are left still ends with the link', async () => {
  const program = `
    ${importTaps}
    import { spawn } from 'node:child_process';
    import { createInterface } from 'node:readline';
    import { Netns } from 'macvlan-netlink';
    const shell = spawn('sh', ['-c', 'while read -r line; do eval "$line"; done'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const said = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
    const ask = async (line) => {
      shell.stdin.write(line + '\\n');
      return (await said.next()).value;
    };
    const limit = (most) => ask(\`prlimit --pid \${process.pid} --nofile=\${most}:1024; echo set\`);
    const open = () => ask(\`ls /proc/\${process.pid}/fd | wc -l\`);
    ${makeTaps}
    const there = await Netns.create();
    await there.listLinks();
    const ended = (async () => { for await (const frame of taps[0]); return 'ended'; })();
    await limit(4);
    const before = Number(await open());
    const moved = await Netns.current().moveLink(links[0], there);
    // Until the tap has closed the socket for messages about its link.
    while (Number(await open()) >= before);
    await limit(1024);
    await there.deleteLink(moved);
    console.log(JSON.stringify(await ended));
    shell.stdin.end();
    await taps[1].close();
  `;
  expect(await resultOf(program, { under })).toBe('ended');
});
