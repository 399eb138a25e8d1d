// The addon in several threads of one process, and what becomes of it when a thread is ended.
import { expect, test } from 'vitest';
import {
  endableWorker,
  expectSuccess,
  inPrivateNetns,
  resultOf,
  runProgram,
} from '../support/program.js';

test('each thread has its own copy of the library', async () => {
  const worker = `
    import { listLinks, Netns } from 'macvlan-netlink';
    import { parentPort } from 'node:worker_threads';
    const [first, second] = await Promise.all([listLinks(), listLinks()]);
    parentPort.postMessage([first.length, second.length, Netns.current().inode]);
  `;
  const program = `
    import { listLinks, Netns } from 'macvlan-netlink';
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const workers = [1, 2].map(() => new Worker(${JSON.stringify(worker)}, { eval: true }));
    const answers = workers.map(async (one) => (await once(one, 'message'))[0]);
    const own = [(await listLinks()).length, (await listLinks()).length, Netns.current().inode];
    const others = await Promise.all(answers);
    // Both threads are gone, or going, and with them their copies of the addon.
    const after = (await listLinks()).length;
    console.log(JSON.stringify({ own, others, after }));
  `;
  const { own, others, after } = await resultOf<Record<'own' | 'others', number[]>>(program, {
    under: inPrivateNetns,
  }).then((result) => result as typeof result & { after: number });
  const [links = 0] = own;
  expect(links).toBeGreaterThan(0);
  expect(others).toEqual([own, own]);
  expect(after).toBe(links);
});

test('the addon stays loaded when the last Worker that has it ends', async () => {
  const program = `
    import { once } from 'node:events';
    import { readFileSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    await once(new Worker("import('macvlan-netlink')", { eval: true }), 'exit');
    console.log(JSON.stringify(readFileSync('/proc/self/maps', 'utf8').includes('macvlan_netlink')));
  `;
  expect(await resultOf(program)).toBe(true);
});

/** Uses many functions of the library, over and over; posts a message once it has begun. */
const busyWorker = endableWorker(
  `import { parentPort } from 'node:worker_threads';
  import {
    addAddress, createLink, deleteLink, getLink, listLinks, Netns, watch,
  } from 'macvlan-netlink';`,
  `const listen = async () => {
    for await (const event of watch({ initial: true, addresses: true, routes: true })) void event;
  };
  void listen();
  let rounds = 0;
  const busy = async () => {
    for (;;) {
      const link = await createLink({ kind: 'veth' });
      if (rounds++ === 4) parentPort.postMessage('busy');
      const netns = await Netns.create();
      await Promise.allSettled([
        listLinks(),
        addAddress(link, '192.0.2.1/24'),
        addAddress(link, '192.0.2.1/24'),
        netns.listLinks(),
        getLink('nobody'),
        netns.close(),
        deleteLink(link),
        listLinks(),
      ]);
    }
  };
  await Promise.all([busy(), busy(), busy()]);
`,
);

test('Workers can be ended in the middle of requests', async () => {
  const program = `
    import { listLinks } from 'macvlan-netlink';
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    for (let round = 0; round < 5; round++) {
      const workers = Array.from({ length: 5 }, () => {
        return new Worker(${JSON.stringify(busyWorker)}, { eval: true });
      });
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      const codes = await Promise.all(workers.map((worker) => worker.terminate()));
      if (codes.some((code) => code !== 1)) throw new Error('ended with ' + codes);
      await listLinks();
    }
  `;
  expectSuccess(await runProgram(program, { under: inPrivateNetns }));
});

test('Workers can be ended at any moment of their start', async () => {
  // Each is given a little longer than the one before: some are ended while they load the addon.
  const program = `
    import { listLinks } from 'macvlan-netlink';
    import { setTimeout } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    for (let delay = 0; delay < 60; delay += 2) {
      const worker = new Worker(${JSON.stringify(busyWorker)}, { eval: true });
      await setTimeout(delay);
      await worker.terminate();
    }
    await listLinks();
  `;
  expectSuccess(await runProgram(program, { under: inPrivateNetns }));
});

test('a Worker can be ended that has not read the listings that wait for it', async () => {
  const worker = `
    import { execFileSync } from 'node:child_process';
    import { listAddresses } from 'macvlan-netlink';
    import { parentPort } from 'node:worker_threads';
    for (let at = 0; at < 4; at++) void listAddresses();
    // When this is over, the pool thread waits because too many records have not been read.
    execFileSync('sleep', ['1']);
    parentPort.postMessage('listed');
    for (;;);
  `;
  const program = `
    import { execFileSync } from 'node:child_process';
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const commands = Array.from({ length: 5000 }, (_, at) =>
      'address add 10.1.' + (at >> 8) + '.' + (at & 255) + '/32 dev lo');
    execFileSync('ip', ['-batch', '-'], { input: commands.join('\\n') });
    const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
    await once(worker, 'message');
    console.log(await worker.terminate());
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toBe(1);
});

test('process.exit of a Worker ends the Worker alone, with its code', async () => {
  const worker = `
    import { listLinks } from 'macvlan-netlink';
    void listLinks();
    await listLinks();
    void listLinks();
    process.exit(7);
  `;
  const program = `
    import { listLinks } from 'macvlan-netlink';
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const codes = [];
    for (let round = 0; round < 20; round++) {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
      codes.push((await once(worker, 'exit'))[0]);
    }
    const links = await listLinks();
    console.log(JSON.stringify({ codes: [...new Set(codes)], links: links.length > 0 }));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({ codes: [7], links: true });
});

test('the process may exit while Workers are in the middle of requests', async () => {
  const program = `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const workers = Array.from({ length: 5 }, () => {
      return new Worker(${JSON.stringify(busyWorker)}, { eval: true });
    });
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    process.exit(3);
  `;
  const ended = await runProgram(program, { under: inPrivateNetns });
  expect(ended).toMatchObject({ code: 3, signal: null, stderr: '' });
});

test('an error that a Worker does not catch is emitted by the Worker object', async () => {
  const worker = `
    import { getLink } from 'macvlan-netlink';
    await getLink('nobody');
  `;
  const program = `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
    const [error] = await once(worker, 'error');
    console.log(JSON.stringify({ code: error.code, message: error.message }));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
    code: 'ENODEV',
    message: expect.stringContaining("getLink 'nobody': ENODEV"),
  });
});
