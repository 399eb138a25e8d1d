// Workers that live in a namespace: their child processes and the library in them, and everything
// else of the process, which stays where it was.
import { once } from 'node:events';
import { promises as fs, readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test, vi } from 'vitest';
import { Netns, run } from '../../lib/index.js';
import { root } from '../support/package.js';
import { inPrivateNetns, resultOf } from '../support/program.js';
import { refusalOf, useTestbed } from '../support/testbed.js';
import { allAtHome, code, hereNow, home, procLink, useWorkers, where } from '../support/workers.js';

const bed = useTestbed();
const { started } = useWorkers(bed);

describe('what a Worker starts and reads', () => {
  test('child processes are inside, however they are started', async () => {
    const host = await bed.makeNetns();
    const inside = procLink(host);
    const { first } = await started(
      host.netns,
      code(`
        const { execFile, execFileSync, fork, spawn } = require('node:child_process');
        const args = ['readlink', ['/proc/self/ns/net']];
        const sync = execFileSync(...args).toString().trim();
        const async = await new Promise((resolve) => {
          execFile(...args, (error, stdout) => resolve(stdout.trim()));
        });
        const streamed = await new Promise((resolve) => {
          spawn('sh', ['-c', 'readlink /proc/self/ns/net']).stdout.once('data', (text) => {
            resolve(String(text).trim());
          });
        });
        const links = JSON.parse(execFileSync('ip', ['-j', 'link']));
        send({ sync, async, streamed, links: links.map(({ ifname }) => ifname) });
      `),
    );
    expect(first).toEqual({ sync: inside, async: inside, streamed: inside, links: ['lo'] });
  });

  test('synchronous fs sees the namespace, and so do Workers that it starts', async () => {
    const host = await bed.makeNetns();
    const inside = procLink(host);
    await host.ip('address', 'add', '192.0.2.5/32', 'dev', 'lo');
    const sysctl = '/proc/sys/net/ipv6/conf/lo/ndisc_notify';
    const { first } = await started(
      host.netns,
      code(`
        const { readFileSync, readlinkSync, writeFileSync } = require('node:fs');
        const { Worker } = require('node:worker_threads');
        writeFileSync('${sysctl}', '1');
        const inner = new Worker(workerData);
        inner.once('message', ({ where }) => send({
          own: readlinkSync('/proc/thread-self/ns/net'),
          trie: readFileSync('/proc/thread-self/net/fib_trie', 'utf8').includes('192.0.2.5'),
          inner: where,
        }));
      `),
      { eval: true, workerData: where },
    );
    expect(first).toEqual({ own: inside, trie: true, inner: inside });
    expect(await host.read(sysctl)).toBe('1');
    expect(readFileSync(sysctl, 'utf8').trim()).toBe('0');
  });

  test('the threads that Workers share stay where the process is', async () => {
    // A process of its own, in which nothing has started those threads before; the loader of ES modules would.
    const worker = `
      import { promises, readlinkSync } from 'node:fs';
      import { parentPort } from 'node:worker_threads';
      const path = '/proc/thread-self/ns/net';
      const seen = await Promise.all(Array.from({ length: 64 }, () => promises.readlink(path)));
      parentPort.postMessage({
        task: readlinkSync('/proc/thread-self').split('/').pop(),
        where: readlinkSync(path),
        pool: [...new Set(seen)],
      });
      setInterval(() => {}, 1000);
    `;
    const program = `
      import { once } from 'node:events';
      import { promises, readdirSync, readlinkSync } from 'node:fs';
      import { createRequire } from 'node:module';
      const { Netns } = process.features.require_module
        ? createRequire(import.meta.url)('macvlan-netlink')
        : await import('macvlan-netlink');
      const netns = await Netns.create();
      const home = readlinkSync('/proc/self/ns/net');
      const worker = await netns.run(${JSON.stringify(worker)}, { eval: true });
      const [inside] = await once(worker, 'message');
      const away = readdirSync('/proc/self/task').filter((task) =>
        readlinkSync('/proc/self/task/' + task + '/ns/net') !== home);
      const path = '/proc/thread-self/ns/net';
      const pool = await Promise.all(Array.from({ length: 64 }, () => promises.readlink(path)));
      console.log(JSON.stringify({
        inside: inside.where === 'net:[' + netns.inode + ']',
        pool: [...new Set([...inside.pool, ...pool])].map((where) => where === home),
        away: away.map((task) => task === inside.task),
      }));
      process.exit(0);
    `;
    expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
      inside: true,
      pool: [true],
      away: [true],
    });
  });
});

test('a relative path is that of the directory of the call', async () => {
  const program = `
    import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { createLink, Netns } from 'macvlan-netlink';
    const folder = mkdtempSync(tmpdir() + '/macvlan-netlink-');
    try {
      const inside = [await Netns.create(), await Netns.create()];
      const made = inside.map((netns, at) => {
        mkdirSync(folder + '/' + at);
        process.chdir(folder + '/' + at);
        symlinkSync('/proc/' + process.pid + '/fd/' + netns.fd, 'netns');
        return createLink({ kind: 'bridge', name: 'of' + at, netns: './netns' });
      });
      process.chdir('/');
      await Promise.all(made);
      const links = await Promise.all(inside.map((netns) => netns.listLinks()));
      console.log(JSON.stringify(links.map((some) => some.map(({ name }) => name))));
    } finally {
      rmSync(folder, { recursive: true });
    }
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual([
    ['lo', 'of0'],
    ['lo', 'of1'],
  ]);
});

test('what the program does while a Worker is made is done in its own namespace', async () => {
  const program = `
    import { subscribe } from 'node:diagnostics_channel';
    import { listLinks, Netns } from 'macvlan-netlink';
    const inside = await Netns.create();
    await inside.createLink({ kind: 'bridge', name: 'inside' });
    const seen = [];
    const look = async () => seen.push((await listLinks()).map(({ name }) => name));
    const looks = [];
    subscribe('worker_threads', () => looks.push(look()));
    const worker = await inside.run('', { eval: true });
    await worker.terminate();
    await Promise.all([...looks, look()]);
    console.log(JSON.stringify({ looks: looks.length, seen }));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual({
    looks: 1,
    seen: [['lo'], ['lo']],
  });
});

test('threads that the program needs while a Worker is made do not stay in its namespace', async () => {
  const program = `
    import { subscribe } from 'node:diagnostics_channel';
    import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { listLinks, Netns, watch } from 'macvlan-netlink';
    const inside = await Netns.create();
    const own = readlinkSync('/proc/self/ns/net');
    const waysBack = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd) === own; } catch {}
    }).length;
    await listLinks();
    const before = waysBack();
    await sleep(7000); // The threads that did that have ended.
    subscribe('worker_threads', () => { globalThis.open = [watch(), listLinks()]; });
    const worker = await inside.run('', { eval: true });
    await worker.terminate();
    await sleep(100);
    const threads = readdirSync('/proc/self/task')
      .map((id) => '/proc/self/task/' + id)
      .filter((task) => readFileSync(task + '/comm', 'utf8').startsWith('macvlan'))
      .map((task) => readlinkSync(task + '/ns/net') === own);
    // They have used up the descriptors by which they came back.
    const more = waysBack() - before;
    await open[0].return();
    console.log(JSON.stringify([[...new Set(threads)], more]));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual([[true], 0]);
});

test('the same after a watch of a third namespace has been opened meanwhile', async () => {
  const program = `
    import { subscribe } from 'node:diagnostics_channel';
    import { listLinks, Netns } from 'macvlan-netlink';
    const [inside, third] = await Promise.all([Netns.create(), Netns.create()]);
    await inside.createLink({ kind: 'bridge', name: 'inside' });
    let looked;
    subscribe('worker_threads', () => {
      void third.watch().return();
      looked = listLinks();
    });
    const worker = await inside.run('', { eval: true });
    await worker.terminate();
    console.log(JSON.stringify((await looked).map(({ name }) => name)));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual(['lo']);
});

test('the process’s own namespace is found while a Worker is started', async () => {
  const program = `
    import { Netns } from 'macvlan-netlink';
    const home = Netns.current().inode;
    const host = await Netns.create();
    const found = new Set();
    for (let workers = 0; workers < 40; workers++) {
      let starting = true;
      const opened = (async () => {
        for (; starting; ) {
          for (const ref of [{ pid: process.pid }, '/proc/self/ns/net']) {
            const netns = await Netns.open(ref);
            found.add(netns.inode === home ? 'home' : 'elsewhere');
            await netns.close();
          }
        }
      })();
      const worker = await host.run('', { eval: true });
      starting = false;
      await opened;
      await worker.terminate();
    }
    console.log(JSON.stringify([...found]));
  `;
  expect(await resultOf(program, { under: inPrivateNetns })).toEqual(['home']);
});

describe('the library in a Worker', () => {
  test('acts in the namespace of the Worker', async () => {
    const host = await bed.makeNetns();
    const { first } = await started(
      host.netns,
      code(`
        const { createLink, listLinks, Netns } = await import('macvlan-netlink');
        await createLink({ kind: 'bridge', name: 'made', up: true });
        const links = await listLinks();
        send({
          inode: Netns.current().inode,
          names: links.map(({ name }) => name),
          seenIn: [...new Set(links.map(({ netns }) => netns))],
        });
      `),
    );
    const { inode } = host.netns;
    expect(first).toEqual({ inode, names: ['lo', 'made'], seenIn: [inode] });
    expect(await host.names()).toEqual(['made']);
    expect(readdirSync('/sys/class/net')).not.toContain('made');
  });

  test('reaches other namespaces from there, and starts Workers in them', async () => {
    const [first, second] = [await bed.makeNetns(), await bed.makeNetns()];
    const { first: seen } = await started(
      first.netns,
      code(`
        const { Netns } = await import('macvlan-netlink');
        const { readlinkSync } = require('node:fs');
        const other = await Netns.open(workerData.name);
        await other.createLink({ kind: 'bridge', name: 'deep' });
        const inner = await other.run(workerData.where);
        inner.once('message', ({ where }) => send({
          inner: where, own: readlinkSync('/proc/thread-self/ns/net'),
        }));
      `),
      { eval: true, workerData: { name: second.name, where } },
    );
    expect(await second.names()).toEqual(['deep']);
    expect(await first.names()).toEqual([]);
    expect(seen).toEqual({
      inner: procLink(second),
      own: procLink(first),
    });
    expect(hereNow()).toEqual(allAtHome);
  });
});

/** What is no `URL` to `instanceof`, like that of jsdom. */
function ofAnotherRealm({ href, protocol, hostname, pathname, search, hash }: URL): URL {
  return { href, protocol, hostname, pathname, search, hash } as URL;
}

describe('Netns.run', () => {
  const url = pathToFileURL(where);
  const text = `
    import { parentPort } from 'node:worker_threads';
    import { readlinkSync } from 'node:fs';
    parentPort.postMessage({ where: readlinkSync('/proc/thread-self/ns/net') });
  `;
  test.each([
    ['a path', where, {}],
    ['a file: URL', url, {}],
    ['a file: URL of another realm', ofAnotherRealm(url), {}],
    ['a data: URL', new URL(`data:text/javascript,${encodeURIComponent(text)}`), {}],
  ])('takes %s', async (_, worker, options) => {
    const host = await bed.makeNetns();
    const inside = procLink(host);
    const { first } = await started<{ where: string }>(host.netns, worker, options);
    expect(first.where).toBe(inside);
    expect(hereNow()).toEqual(allAtHome);
  });

  test("hands the Worker's own options over untouched", async () => {
    const host = await bed.makeNetns();
    const inside = procLink(host);
    const { port1, port2 } = new MessageChannel();
    const workerData = { list: [1, 2n, new Date(0)], port: port2 };
    const { first } = await started(host.netns, url, {
      workerData: { list: workerData.list },
      argv: ['one', 'two'],
      env: { WHERE: 'there' },
      resourceLimits: { stackSizeMb: 2 },
      signal: new AbortController().signal,
    });
    expect(first).toEqual({
      where: inside,
      workerData: { list: [1, 2n, new Date(0)] },
      argv: ['one', 'two'],
      env: 'there',
      stack: 2,
    });
    const transferred = code(`workerData.port.postMessage('by the port'); send('done');`);
    await started(host.netns, transferred, { eval: true, workerData, transferList: [port2] });
    const [message] = await once(port1, 'message');
    expect(message).toBe('by the port');
    port1.close();
  });

  test('starts many Workers at once, each in its own namespace', async () => {
    const hosts = await Promise.all([bed.makeNetns(), bed.makeNetns(), bed.makeNetns()]);
    const all = await Promise.all(
      [...hosts, ...hosts, ...hosts].map(async (host) => ({
        expected: procLink(host),
        seen: (await started<{ where: string }>(host.netns, where, {})).first.where,
      })),
    );
    expect(all.map(({ seen }) => seen)).toEqual(all.map(({ expected }) => expected));
    expect(hereNow()).toEqual(allAtHome);
    expect(await fs.readlink('/proc/thread-self/ns/net')).toBe(home);
  });

  test('in the own namespace is an ordinary Worker', async () => {
    const { first } = await started<{ where: string }>(Netns.current(), where, {});
    expect(first.where).toBe(home);
  });

  test('lets the handle be closed while the Worker lives', async () => {
    const host = await bed.makeNetns();
    const inside = procLink(host);
    const netns = await Netns.open(host.name as string);
    const worker = await netns.run(
      code(`
        parentPort.on('message', () => {
          const { execFileSync } = require('node:child_process');
          send(execFileSync('readlink', ['/proc/self/ns/net']).toString().trim());
        });
      `),
      { eval: true },
    );
    bed.onCleanup(() => worker.terminate());
    await netns.close();
    worker.postMessage('go');
    expect((await once(worker, 'message'))[0]).toBe(inside);
  });

  test('an unnamed namespace lives as long as its Worker', async () => {
    const netns = await Netns.create();
    const name = bed.uniqueName('t');
    await Netns.current().createLink({ kind: 'veth', name, peer: { netns } });
    const lives = () => readdirSync('/sys/class/net').includes(name);
    const { worker } = await started(netns, code(`send('up'); setInterval(() => {}, 1000);`));
    await netns.close();
    expect(lives()).toBe(true);
    await worker.terminate();
    await vi.waitFor(() => expect(lives()).toBe(false), { timeout: 20_000 });
  });

  test('passes errors of the Worker constructor on, and the calling thread returns to its namespace', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    const wrong: [() => Promise<unknown>, string][] = [
      [() => netns.run('relative/path.js'), 'ERR_WORKER_PATH'],
      [() => netns.run(new URL('https://example.org/')), 'ERR_INVALID_URL_SCHEME'],
      [() => netns.run(where, { argv: 'one' as never }), 'ERR_INVALID_ARG_TYPE'],
    ];
    for (const [call, code] of wrong) {
      expect(await refusalOf(call())).toMatchObject({ code });
      expect(hereNow()).toEqual(allAtHome);
    }
    await expect(netns.run(where, { workerData: () => {} })).rejects.toThrow('could not be cloned');
    expect(hereNow()).toEqual(allAtHome);
  });

  test('refuses what is no worker before anything is done', async () => {
    const host = await bed.makeNetns();
    for (const worker of [undefined, 42, null, {}, Buffer.from('a')]) {
      const error = await refusalOf(host.netns.run(worker as never));
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
      expect(error.message).toMatch(/^run: worker must be/);
    }
    const error = await refusalOf(host.netns.run(where, 'options' as never));
    expect(error.message).toMatch(/^run: options must be an object/);
    for (const signal of [null, 7, 'text', {}]) {
      const refused = await refusalOf(host.netns.run(where, { signal } as never));
      expect(refused.message).toMatch(/^run: options\.signal must be an AbortSignal/);
    }
    expect(hereNow()).toEqual(allAtHome);
  });

  test('starts nothing once its signal has fired', async () => {
    const host = await bed.makeNetns();
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const starting = host.netns.run('', { eval: true, signal: controller.signal });
    controller.abort(reason);
    await expect(starting).rejects.toBe(reason);
  });

  test('an error in the Worker is emitted by the Worker object', async () => {
    const host = await bed.makeNetns();
    const worker = await host.netns.run(`throw new RangeError('inside')`, { eval: true });
    const [error] = await once(worker, 'error');
    expect(error).toMatchObject({ name: 'RangeError', message: 'inside' });
    const missing = await host.netns.run(new URL('missing.mjs', url));
    const [notFound] = await once(missing, 'error');
    expect(notFound.code).toMatch(/MODULE_NOT_FOUND$/);
    expect(hereNow()).toEqual(allAtHome);
  });

  test('passes the exit code on', async () => {
    const host = await bed.makeNetns();
    const worker = await host.netns.run('process.exit(11)', { eval: true });
    expect((await once(worker, 'exit'))[0]).toBe(11);
  });
});

test('the function run starts a Worker in the process’s own namespace', async () => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    parentPort.postMessage(require('node:fs').readlinkSync('/proc/thread-self/ns/net'));`;
  const worker = await run(code, { eval: true });
  const [where] = await once(worker, 'message');
  await once(worker, 'exit');
  expect(where).toBe(`net:[${Netns.current().inode}]`);
});

test('with Node’s permission model run needs only the permission to start Workers', async () => {
  const program = `
    import { Netns } from 'macvlan-netlink';
    const worker = await (await Netns.create()).run(
      "import('node:worker_threads').then((own) => own.parentPort.postMessage('started'))", { eval: true });
    worker.once('message', (message) => console.log(JSON.stringify(message)));
  `;
  const { allowedNodeEnvironmentFlags: flags } = process;
  const nodeOptions = [
    flags.has('--permission') ? '--permission' : '--experimental-permission',
    ...['--allow-addons', '--allow-worker', `--allow-fs-read=${root}`],
    // What node-gyp-build looks for.
    '--allow-fs-read=/etc/alpine-release',
  ];
  expect(await resultOf(program, { under: inPrivateNetns, nodeOptions })).toBe('started');
});
