// Watches and the life of the process: what keeps it alive, what is garbage-collected, and that a thread may be ended
// while events keep coming.
import { describe, expect, test } from 'vitest';
import {
  endableWorker,
  expectSuccess,
  inPrivateNetns,
  resultOf,
  runProgram,
  withoutCapabilities,
} from '../support/program.js';

const under = inPrivateNetns;

/** Functions for the programs below. */
const prelude = `
  import { createLink, Netns, setLink, watch } from 'macvlan-netlink';
  import { getEventListeners, once } from 'node:events';
  import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { Worker } from 'node:worker_threads';

  /** How many sockets of the process in its own namespace are subscribed to multicast groups. */
  function eventSockets() {
    const own = new Set(readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync('/proc/self/fd/' + fd);
      } catch {
        return '';
      }
    }));
    return readFileSync('/proc/thread-self/net/netlink', 'utf8').split('\\n').slice(1)
      .map((line) => line.trim().split(/\\s+/))
      .filter((columns) => columns[1] === '0' && Number.parseInt(columns[3], 16) !== 0)
      .filter((columns) => own.has('socket:[' + columns.at(-1) + ']')).length;
  }

  /** Causes events, one after another, until the returned function is called. */
  function makeEvents() {
    const state = { stopped: false };
    const ended = (async () => {
      const { index } = await createLink({ kind: 'veth' });
      for (let round = 0; !state.stopped; round++) {
        await Promise.all([1, 2, 3, 4].map((at) => setLink(index, { mtu: 1300 + at + round % 2 })));
        if (round % 8 === 0) await setLink(index, { up: round % 16 === 0 });
      }
    })();
    return async () => {
      state.stopped = true;
      await ended;
    };
  }
`;

describe('the process', () => {
  test('ends by itself with watches that nobody iterates', async () => {
    const ended = await runProgram(
      `${prelude}
      const controller = new AbortController();
      globalThis.kept = [
        watch(),
        watch({ initial: true, addresses: true, routes: true }),
        watch({ signal: controller.signal }),
        controller,
      ];
      console.log(eventSockets());`,
      { under },
    );
    expectSuccess(ended);
    expect(ended.stdout).toBe('3\n');
  });

  test('stays alive while an event is waited for, and ends with the iteration', async () => {
    const ended = await runProgram(
      `${prelude}
      import { spawn } from 'node:child_process';
      const later = 'sleep 1; ip link add late type bridge';
      spawn('sh', ['-c', later], { stdio: 'ignore' }).unref();
      for await (const event of watch()) {
        console.log(event.action, event.link.name);
        if (event.link.name === 'late') break;
      }`,
      { under },
    );
    expectSuccess(ended);
    expect(ended.stdout).toBe('added late\n');
  });

  test('ends by itself with a watch whose iteration was not continued', async () => {
    const ended = await runProgram(
      `${prelude}
      const stop = makeEvents();
      globalThis.kept = watch({ initial: true, routes: true });
      for (let at = 0; at < 100; at++) await kept.next();
      await stop();
      console.log(eventSockets());`,
      { under },
    );
    expectSuccess(ended);
    expect(ended.stdout).toBe('1\n');
  });

  test('may exit in the middle of events', async () => {
    const ended = await runProgram(
      `${prelude}
      makeEvents();
      let seen = 0;
      for await (const event of watch({ initial: true, addresses: true, routes: true })) {
        if (++seen === 200) process.exit(3);
      }`,
      { under },
    );
    expect(ended).toMatchObject({ code: 3, signal: null, stderr: '' });
  });
});

describe('a watch that nothing refers to any more', () => {
  const collect = `
    for (let turn = 0; turn < 100 && eventSockets() > 0; turn++) {
      await sleep(10);
      globalThis.gc();
    }
    console.log(JSON.stringify({ before, after: eventSockets() }));
  `;
  const nodeOptions = ['--expose-gc'];

  test('and that was never iterated closes its socket, and stops listening to its signal', async () => {
    const source = `${prelude}
      const controller = new AbortController();
      const open = () => {
        for (let at = 0; at < 20; at++) {
          watch({ initial: true, routes: true, signal: at % 2 === 0 ? controller.signal : undefined });
        }
      };
      open();
      const before = eventSockets();
      const listeners = () => getEventListeners(controller.signal, 'abort').length;
      for (let turn = 0; turn < 100 && eventSockets() + listeners() > 0; turn++) {
        await sleep(10);
        globalThis.gc();
      }
      console.log(JSON.stringify({ before, after: eventSockets(), listeners: listeners() }));
      controller.abort();`;
    const result = await resultOf(source, { under, nodeOptions });
    expect(result).toEqual({ before: 20, after: 0, listeners: 0 });
  });

  test('and that is in the middle of events closes its socket', async () => {
    const source = `${prelude}
      const stop = makeEvents();
      // Until they have been counted.
      let kept = [];
      const open = async () => {
        const one = watch({ initial: true });
        kept.push(one);
        for (let at = 0; at < 20; at++) await one.next();
      };
      await Promise.all(Array.from({ length: 10 }, open));
      const before = eventSockets();
      kept = undefined;
      await stop();
      ${collect}`;
    const result = await resultOf(source, { under, nodeOptions });
    expect(result).toEqual({ before: 10, after: 0 });
  });

  test('and that has ended is not kept by the namespace, nor is its signal', async () => {
    const source = `${prelude}
      const end = async () => {
        const { signal } = new AbortController();
        await watch({ signal }).return();
        return new WeakRef(signal);
      };
      const signals = await Promise.all(Array.from({ length: 10 }, end));
      const left = () => signals.filter((signal) => signal.deref() !== undefined).length;
      for (let turn = 0; turn < 100 && left() > 0; turn++) {
        await sleep(10);
        globalThis.gc();
      }
      console.log(JSON.stringify(left()));`;
    expect(await resultOf(source, { under, nodeOptions })).toBe(0);
  });

  test('and that has ended is collected although a listener of its signal refers to it', async () => {
    const source = `${prelude}
      const end = async () => {
        const { signal } = new AbortController();
        const events = watch({ signal });
        signal.addEventListener('abort', () => events.return());
        await events.return();
        return new WeakRef(events);
      };
      const watches = await Promise.all(Array.from({ length: 10 }, end));
      const left = () => watches.filter((one) => one.deref() !== undefined).length;
      for (let turn = 0; turn < 100 && left() > 0; turn++) {
        await sleep(10);
        globalThis.gc();
      }
      console.log(JSON.stringify(left()));`;
    expect(await resultOf(source, { under, nodeOptions })).toBe(0);
  });

  test('is not collected while it is iterated', async () => {
    const source = `${prelude}
      const seen = [];
      void (async () => {
        for await (const event of watch()) {
          seen.push(event.link.name);
          if (seen.length === 2) break;
        }
      })();
      for (let turn = 0; turn < 20; turn++) {
        await sleep(5);
        globalThis.gc();
      }
      await createLink({ kind: 'bridge', name: 'b0' });
      await createLink({ kind: 'bridge', name: 'b1' });
      while (seen.length < 2) await sleep(5);
      console.log(JSON.stringify(seen));`;
    expect(await resultOf(source, { under, nodeOptions })).toEqual(['b0', 'b1']);
  });
});

describe('the thread for events sleeps', () => {
  const looking = `
    import { execFileSync } from 'node:child_process';
    const change = (line) => execFileSync('ip', ['-batch', '-'], { input: line + '\\n' });
    /** A thread that goes round has \`R\`, also while it waits for a processor. */
    const state = () => {
      for (const task of readdirSync('/proc/self/task')) {
        const stat = readFileSync('/proc/self/task/' + task + '/stat', 'utf8');
        const [, name, letter] = /\\((.*)\\) (.)/.exec(stat);
        if (name === 'macvlan-events') return letter;
      }
    };
    const never = new Int32Array(new SharedArrayBuffer(4));
    /** Whether it sleeps at twenty looks, one after another. */
    const sleeps = () => {
      let asleep = 0;
      for (let look = 0; look < 1000 && asleep < 20; look++) {
        Atomics.wait(never, 0, 0, 1);
        asleep = state() === 'S' ? asleep + 1 : 0;
      }
      return asleep === 20;
    };
  `;

  test('while a watch has not begun to read, and has lost events', async () => {
    const source = `${prelude}${looking}
      const events = watch({ receiveBuffer: 1 });
      change(Array.from({ length: 50 }, (_, at) => 'link set lo mtu ' + (1300 + at)).join('\\n'));
      const asleep = sleeps();
      const { value } = await events.next();
      console.log(JSON.stringify([asleep, value.type]));`;
    expect(await resultOf(source, { under })).toEqual([true, 'resync']);
  });

  test('while there are events that nobody asks for', async () => {
    const source = `${prelude}${looking}
      const events = watch();
      const told = [];
      for (const name of ['b0', 'b1']) {
        const next = events.next();
        change('link add ' + name + ' type bridge');
        told.push((await next).value.link.name);
      }
      change('link add b2 type bridge');
      console.log(JSON.stringify([sleeps(), ...told, (await events.next()).value.link.name]));`;
    expect(await resultOf(source, { under })).toEqual([true, 'b0', 'b1', 'b2']);
  });
});

/** Watches with various options, over and over; posts a message once it has had some events. */
const busyWorker = endableWorker(
  `${prelude}
  import { parentPort } from 'node:worker_threads';`,
  `let seen = 0;
  const busy = async (options, count) => {
    for (;;) {
      let at = 0;
      for await (const event of watch(options)) {
        if (seen++ === 300) parentPort.postMessage('busy');
        if (++at === count) break;
      }
    }
  };
  await Promise.all([
    busy({}, Infinity),
    busy({ initial: true, addresses: true, routes: true }, Infinity),
    busy({ initial: true, routes: true }, 7),
    busy({ receiveBuffer: 1 }, 20),
  ]);
`,
);

describe('Workers', () => {
  test('each have watches of their own', async () => {
    const worker = `
      import { watch } from 'macvlan-netlink';
      import { parentPort } from 'node:worker_threads';
      const names = [];
      for await (const event of watch({ initial: true })) {
        names.push(event.action + ' ' + event.link.name);
        if (event.link.name === 'lo') parentPort.postMessage('ready');
        if (event.link.name === 'b1') break;
      }
      parentPort.postMessage(names);
    `;
    const source = `${prelude}
      const workers = [1, 2, 3].map(() => new Worker(${JSON.stringify(worker)}, { eval: true }));
      const exits = Promise.all(workers.map((one) => once(one, 'exit')));
      await Promise.all(workers.map((one) => once(one, 'message')));
      const answers = Promise.all(workers.map((one) => once(one, 'message')));
      await createLink({ kind: 'bridge', name: 'b0' });
      await createLink({ kind: 'bridge', name: 'b1' });
      const names = (await answers).map(([names]) => names);
      await exits;
      console.log(JSON.stringify({ names, sockets: eventSockets() }));`;
    const names = ['added lo', 'added b0', 'added b1'];
    expect(await resultOf(source, { under })).toEqual({ names: [names, names, names], sockets: 0 });
  });

  test('can be ended while events keep coming', async () => {
    const ended = await runProgram(
      `${prelude}
      const stop = makeEvents();
      for (let round = 0; round < 10; round++) {
        const workers = [1, 2, 3].map(() => {
          return new Worker(${JSON.stringify(busyWorker)}, { eval: true });
        });
        await Promise.all(workers.map((worker) => once(worker, 'message')));
        await Promise.all(workers.map((worker) => worker.terminate()));
      }
      await stop();
      console.log(eventSockets());`,
      { under },
    );
    expectSuccess(ended);
    expect(ended.stdout).toBe('0\n');
  });

  test('can be ended at any moment of their start', async () => {
    const ended = await runProgram(
      `${prelude}
      const stop = makeEvents();
      for (let delay = 0; delay < 60; delay++) {
        const worker = new Worker(${JSON.stringify(busyWorker)}, { eval: true });
        await sleep(delay);
        await worker.terminate();
      }
      await stop();
      console.log(eventSockets());`,
      { under },
    );
    expectSuccess(ended);
    expect(ended.stdout).toBe('0\n');
  });

  test('may be in the middle of events when the process exits', async () => {
    const ended = await runProgram(
      `${prelude}
      makeEvents();
      const workers = [1, 2, 3].map(() => {
        return new Worker(${JSON.stringify(busyWorker)}, { eval: true });
      });
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      process.exit(4);`,
      { under },
    );
    expect(ended).toMatchObject({ code: 4, signal: null, stderr: '' });
  });
});

test('a process without any capability may watch its own namespace', async () => {
  const ended = await runProgram(
    `${prelude}
    const seen = [];
    for await (const event of watch({ initial: true, addresses: true, routes: true })) {
      seen.push(event.action + ' ' + event.link.name);
      break;
    }
    console.log(seen.join());`,
    { under: [...under, ...withoutCapabilities] },
  );
  expectSuccess(ended);
  expect(ended.stdout).toBe('added lo\n');
});

test('a promise hook may close the watch whose reading it sees settle', async () => {
  const program = `
    import { createHook } from 'node:async_hooks';
    import { createLink, watch } from 'macvlan-netlink';
    const events = watch({ initial: true });
    await events.next();
    createHook({
      promiseResolve() {
        if (new Error().stack.includes('settle')) void events.return();
      },
    }).enable();
    const ended = (async () => { for await (const event of events) void event; })();
    await createLink({ kind: 'veth' });
    await ended;
    console.log('true');
  `;
  expect(await resultOf(program, { under })).toBe(true);
});
