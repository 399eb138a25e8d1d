/** How a watch ends: at once, cleanly, and with nothing left behind. */
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { Netns, type Watch } from '../../lib/index.js';
import { Namespace } from '../../lib/namespace/namespace.js';
import type { NetlinkEvent, WatchOptions } from '../../lib/types/types.js';
import { useTestbed } from '../support/testbed.js';
import { eventSockets, openDescriptors, PATIENCE, Reader, stillOpen } from '../support/watching.js';

const bed = useTestbed();

/** A watch, and the socket that it has. */
async function watched(options: WatchOptions = {}) {
  const host = await bed.makeNetns();
  const watch = host.netns.watch(options);
  const sockets = await eventSockets(host);
  expect(sockets).toHaveLength(1);
  return { host, watch, sockets };
}

/** Commands that cause events of every kind. */
const changing = [
  'link add b0 type bridge',
  'link set b0 up',
  'address add 192.0.2.1/24 dev b0',
  'link set b0 down',
  'link delete b0',
];

async function take(watch: Watch, count: number): Promise<NetlinkEvent[]> {
  const events: NetlinkEvent[] = [];
  for await (const event of watch) if (events.push(event) === count) break;
  return events;
}

describe('a watch’s socket is closed at once', () => {
  const done = { done: true, value: undefined };

  test('by break', async () => {
    const { watch, sockets } = await watched({ initial: true });
    expect(await take(watch, 1)).toHaveLength(1);
    expect(stillOpen(sockets)).toEqual([]);
    expect(await watch.next()).toEqual(done);
  });

  test('by an error in the loop', async () => {
    const { watch, sockets } = await watched({ initial: true });
    const loop = async () => {
      for await (const _ of watch) throw new Error('enough');
    };
    await expect(loop()).rejects.toThrow('enough');
    expect(stillOpen(sockets)).toEqual([]);
  });

  test('by return, and a next that waits is done', async () => {
    const { watch, sockets } = await watched();
    const waiting = [watch.next(), watch.next()];
    await sleep(50);
    expect(stillOpen(sockets)).toEqual(sockets);
    const returned = watch.return();
    expect(stillOpen(sockets)).toEqual([]);
    expect(await returned).toEqual(done);
    expect(await Promise.all(waiting)).toEqual([done, done]);
    expect(await watch.return()).toEqual(done);
    expect(await watch.next()).toEqual(done);
  });

  test('by await using', async () => {
    const host = await bed.makeNetns();
    let sockets: string[] = [];
    {
      await using watch = host.netns.watch({ initial: true });
      sockets = await eventSockets(host);
      expect((await watch.next()).value).toMatchObject({ link: { name: 'lo' } });
      expect(stillOpen(sockets)).toHaveLength(1);
    }
    expect(stillOpen(sockets)).toEqual([]);
  });

  test('by the signal, whose reason the iteration throws', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { watch, sockets } = await watched({ initial: true, signal });
    const reader = new Reader(watch);
    await reader.waitFor('added lo');
    const reason = new Error('no more');
    controller.abort(reason);
    expect(stillOpen(sockets)).toEqual([]);
    await expect(reader.ended).rejects.toBe(reason);
    expect(await watch.next()).toEqual(done);
  });

  test('of a dozen watches by one signal, without a warning of so many listeners', async () => {
    const host = await bed.makeNetns();
    const controller = new AbortController();
    const warnings: string[] = [];
    const note = ({ name }: Error) => warnings.push(name);
    process.on('warning', note);
    bed.onCleanup(() => process.off('warning', note));
    const before = await eventSockets(host);
    for (let at = 0; at < 12; at++) host.netns.watch({ signal: controller.signal });
    const sockets = await eventSockets(host);
    expect(sockets).toHaveLength(before.length + 12);
    controller.abort();
    expect(stillOpen(sockets)).toEqual(before);
    await sleep(50);
    expect(warnings).toEqual([]);
  });

  test('by the signal, also while nobody iterates', async () => {
    const controller = new AbortController();
    const { watch, sockets } = await watched({ signal: controller.signal });
    controller.abort();
    expect(stillOpen(sockets)).toEqual([]);
    await expect(watch.next()).rejects.toBe(controller.signal.reason);
  });

  test('by return before the first next', async () => {
    const { watch, sockets } = await watched({ initial: true });
    const returned = watch.return();
    expect(stillOpen(sockets)).toEqual([]);
    expect(await returned).toEqual(done);
    expect(await take(watch, 1)).toEqual([]);
  });

  test('and none is opened for a signal that has fired', async () => {
    const host = await bed.makeNetns();
    const watch = host.netns.watch({ signal: AbortSignal.abort('late') });
    expect(await eventSockets(host)).toEqual([]);
    await expect(watch.next()).rejects.toBe('late');
  });

  test('by return at any moment, and nothing else is left open either', async () => {
    const host = await bed.makeNetns();
    const before = openDescriptors();
    for (let round = 0; round < 30; round++) {
      const watch = host.netns.watch({ initial: true, routes: true, receiveBuffer: 1 });
      const reader = new Reader(watch);
      const changes = host.ipBatch(changing);
      await sleep(round);
      await watch.return();
      await reader.ended;
      expect(await reader.watch.next()).toMatchObject({ done: true });
      await changes;
    }
    expect(await eventSockets(host)).toEqual([]);
    // The sockets of the listings are closed by other threads.
    await vi.waitFor(() => expect(openDescriptors()).toBeLessThanOrEqual(before), PATIENCE);
  });
});

describe('once a watch has ended', () => {
  const done = { done: true, value: undefined };

  test.each<[string, (watch: Watch, netns: Netns) => Promise<unknown>]>([
    ['return', (watch) => watch.return()],
    ['closing the namespace', (_, netns) => netns.close()],
  ])('by %s, events of the current batch are not handed out any more', async (_, end) => {
    const host = await bed.makeNetns();
    // Two links beside the loopback device.
    await host.parent();
    const watch = host.netns.watch({ initial: true });
    expect((await watch.next()).value).toMatchObject({ type: 'link', action: 'added' });
    const ended = end(watch, host.netns);
    expect(await watch.next()).toEqual(done);
    await ended;
    expect(await watch.next()).toEqual(done);
  });

  test('by its signal, events that were read already are not reported any more', async () => {
    const host = await bed.makeNetns();
    await host.parent();
    const controller = new AbortController();
    const watch = host.netns.watch({ initial: true, signal: controller.signal });
    expect((await watch.next()).value).toMatchObject({ type: 'link', action: 'added' });
    controller.abort();
    await expect(watch.next()).rejects.toBe(controller.signal.reason);
    expect(await watch.next()).toEqual(done);
  });

  test('its first listing is withdrawn', async () => {
    const host = await bed.makeNetns();
    const addresses = Array.from({ length: 2000 }, (_, at) => `10.1.${at >> 8}.${at & 255}/32`);
    await host.ipBatch(addresses.map((address) => `address add ${address} dev lo`));
    const asked = vi.spyOn(Namespace.prototype, 'exchange');
    bed.onCleanup(() => asked.mockRestore());
    const controllers = Array.from({ length: 200 }, () => new AbortController());
    const watches = controllers.map(({ signal }) => host.netns.watch({ signal, addresses: true }));
    expect(asked).toHaveBeenCalledTimes(200);
    const ended = watches.map((watch, at) => {
      if (at % 2 === 0) return watch.return();
      controllers[at]?.abort();
      return watch.next().catch(({ name }) => name);
    });
    expect(new Set(await Promise.all(ended))).toEqual(new Set([done, 'AbortError']));
    const listed = await Promise.allSettled(asked.mock.results.map(({ value }) => value));
    const carriedOut = listed.filter(({ status }) => status === 'fulfilled');
    // Those that were on their way by then.
    expect(carriedOut.length).toBeLessThan(100);
  });

  test('its next listing of routes is withdrawn', async () => {
    const host = await bed.makeNetns();
    const addresses = Array.from({ length: 2000 }, (_, at) => `10.1.${at >> 8}.${at & 255}/32`);
    await host.ipBatch(addresses.map((address) => `address add ${address} dev lo`));
    const watches = Array.from({ length: 40 }, () =>
      host.netns.watch({ routes: true, level: true }),
    );
    await Promise.all(watches.map((watch) => watch.next()));
    const asked = vi.spyOn(Namespace.prototype, 'exchange');
    bed.onCleanup(() => asked.mockRestore());
    const read = watches.map(async (watch) => {
      for await (const _ of watch);
    });
    await host.ip('address', 'delete', addresses[0] as string, 'dev', 'lo');
    await vi.waitFor(() => expect(asked.mock.results.length).toBeGreaterThan(20), PATIENCE);
    await Promise.all(watches.map((watch) => watch.return()));
    await Promise.all(read);
    const listed = await Promise.allSettled(asked.mock.results.map(({ value }) => value));
    expect(listed.map(({ status }) => status)).toContain('rejected');
  });

  test('its signal is not listened to any more', async () => {
    const { signal } = new AbortController();
    const { host, watch } = await watched({ initial: true, signal });
    const other = host.netns.watch({ signal });
    await watch.next();
    await watch.return();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await host.netns.close();
    expect((await other.next()).done).toBe(true);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('closing the namespace', () => {
  test('ends the iteration cleanly', async () => {
    const host = await bed.makeNetns();
    const readers = [
      new Reader(host.netns.watch({ initial: true })),
      new Reader(host.netns.watch({ addresses: true, routes: true })),
    ];
    await readers[0]?.waitFor('added lo');
    await host.netns.close();
    await Promise.all(readers.map(({ ended }) => ended));
    for (const { watch } of readers) expect(await watch.next()).toMatchObject({ done: true });
  });

  test('ends also a watch that nobody iterates, and closes its socket', async () => {
    const { host, watch, sockets } = await watched({ initial: true });
    await host.netns.close();
    expect(stillOpen(sockets)).toEqual([]);
    expect(await take(watch, 1)).toEqual([]);
  });

  test('ends it in the middle of events', async () => {
    for (let round = 0; round < 20; round++) {
      const host = await bed.makeNetns();
      const reader = new Reader(host.netns.watch({ initial: true, routes: true }));
      const changes = host.ipBatch(changing);
      await sleep(round);
      await host.netns.close();
      await reader.ended;
      await changes;
    }
  });

  test('ends it while everything is listed again because events were lost', async () => {
    for (let steps = 0; steps < 12; steps++) {
      const host = await bed.makeNetns();
      const watch = host.netns.watch({ receiveBuffer: 1 });
      await host.ipBatch([...changing, ...changing, ...changing]);
      while ((await watch.next()).value?.type !== 'resync');
      const next = watch.next();
      for (let step = 0; step < steps; step++) await undefined;
      await host.netns.close();
      expect(await next).toMatchObject({ done: true });
    }
  });

  test('releases the namespace, and with it the links in it, when nothing else holds it', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const { link: peer = '' } = await host.link(parent);
    const inside = await Netns.create();
    const path = `/proc/${process.pid}/fd/${inside.fd}`;
    await host.ip('link', 'set', peer, 'netns', path);
    const reader = new Reader(inside.watch({ initial: true }));
    const unread = inside.watch();
    await reader.waitFor(`added ${peer}`);
    expect(await host.names()).toEqual([parent]);
    await inside.close();
    await reader.ended;
    // A veth goes with its other end.
    await vi.waitFor(async () => expect(await host.names()).toEqual([]), PATIENCE);
    expect((await unread.next()).done).toBe(true);
  });
});

describe('calls of next that are made at once', () => {
  test('get one event each, in order, and resolve in that order', async () => {
    const { host, watch } = await watched({ initial: true });
    const names = Array.from({ length: 40 }, (_, at) => `b${at}`);
    await host.ipBatch(names.map((name) => `link add ${name} type bridge`));
    const answered: number[] = [];
    const told: string[] = [];
    const ask = async (at: number): Promise<void> => {
      const { value } = await watch.next();
      answered.push(at);
      if (value?.type === 'link') told.push(value.link.name);
      // Others that ask meanwhile, as several consumers do.
      if (at % 3 === 0 && at < 41 - 3) await ask(41 + at);
    };
    await Promise.all(Array.from({ length: 28 }, (_, at) => ask(at)));
    const first = answered.filter((at) => at < 28);
    expect(first).toEqual([...first].sort((a, b) => a - b));
    // The loopback device is there before.
    expect(told).toEqual(['lo', ...names].slice(0, told.length));
    expect(told).toHaveLength(28 + 10);
    await watch.return();
  });

  test('are all done once the watch has ended', async () => {
    const { watch } = await watched();
    const waiting = [watch.next(), watch.next(), watch.return(), watch.next()];
    for (const one of waiting) expect(await one).toEqual({ done: true, value: undefined });
  });

  test('once a signal fires, reject once with its reason and are done afterwards', async () => {
    const control = new AbortController();
    const { watch } = await watched({ signal: control.signal });
    const waiting = [watch.next(), watch.next()];
    control.abort(new Error('enough'));
    const ends = await Promise.allSettled(waiting);
    expect(ends).toMatchObject([
      { status: 'rejected', reason: { message: 'enough' } },
      { status: 'fulfilled', value: { done: true } },
    ]);
  });
});

test('several watches of one namespace are independent of one another', async () => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  const all = Array.from({ length: 8 }, (_, at) =>
    host.netns.watch({ initial: at % 2 === 0, addresses: at % 3 === 0, routes: at % 4 === 0 }),
  );
  const knowing = await host.netns.listLinks();
  const readers = all.map((watch, at) => new Reader(watch, at % 2 === 0 ? {} : { knowing }));
  bed.onCleanup(() => Promise.all(all.map((watch) => watch.return())));
  await host.ipBatch(
    Array.from({ length: 100 }, (_, at) => [
      `link add link ${parent} name m${at} type macvlan`,
      `address add 192.0.2.${at}/32 dev m${at}`,
      ...(at % 3 === 0 ? [`link delete m${at}`] : []),
    ]).flat(),
  );
  // One that ends in the middle leaves the others alone.
  await all[3]?.return();
  for (const [at, reader] of readers.entries()) {
    if (at !== 3) await reader.matches(host, { addresses: at % 3 === 0, routes: at % 4 === 0 });
    expect(reader.contradictions).toEqual([]);
  }
});
