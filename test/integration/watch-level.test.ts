/** The event `level`: at that point the reader's copy is complete. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { LevelEvent, NetlinkEvent, WatchOptions } from '../../lib/types/types.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

type AnyEvent = NetlinkEvent | LevelEvent;

const setUp = () => bed.makeHost();

/** The events of a watch up to the next event `level`, that one included. */
async function untilLevel(watch: AsyncIterator<AnyEvent>): Promise<AnyEvent[]> {
  const told: AnyEvent[] = [];
  for (;;) {
    const { value } = await watch.next();
    told.push(value as AnyEvent);
    if (value?.type === 'level') return told;
  }
}

function begin(host: TestNetns, options: WatchOptions) {
  const watch = host.netns.watch({ ...options, level: true });
  bed.onCleanup(() => watch.return());
  return watch;
}

/** Applies the link events to a set of names, without the loopback device that every namespace has. */
function apply(names: Set<string>, told: readonly AnyEvent[]): string[] {
  for (const event of told) {
    if (event.type !== 'link' || event.link.name === 'lo') continue;
    if (event.action === 'removed') names.delete(event.link.name);
    else names.add(event.link.name);
  }
  return [...names].sort();
}

const bridges = (stem: string, count: number) =>
  Array.from({ length: count }, (_, at) => `link add ${stem}${at} type bridge`);

describe('at the event level a reader', () => {
  test('with initial knows everything that there is', async () => {
    const { host, parent } = await setUp();
    await host.ip('address', 'add', '192.0.2.1/24', 'dev', parent);
    await host.ipBatch(bridges('b', 40));
    const told = await untilLevel(begin(host, { initial: true, addresses: true, routes: true }));
    expect(apply(new Set(), told)).toEqual((await host.names()).sort());
    const types = told.map(({ type }) => type);
    expect(types.filter((type) => type === 'level')).toHaveLength(1);
    expect(told).toContainEqual(
      expect.objectContaining({ address: expect.objectContaining({ cidr: '192.0.2.1/24' }) }),
    );
    expect(told).toContainEqual(
      expect.objectContaining({ route: expect.objectContaining({ to: '192.0.2.0/24' }) }),
    );
  });

  test('without initial has had no event for what was there', async () => {
    const { host } = await setUp();
    await host.ip('link', 'add', 'before', 'type', 'bridge');
    const watch = begin(host, {});
    expect(await untilLevel(watch)).toEqual([{ type: 'level' }]);
    await host.ip('link', 'delete', 'before');
    expect((await watch.next()).value).toMatchObject({ type: 'link', action: 'removed' });
  });

  test('is complete again after a loss, and there is no such event before', async () => {
    const { host } = await setUp();
    const watch = begin(host, { initial: true, receiveBuffer: 1 });
    const names = new Set<string>();
    apply(names, await untilLevel(watch));
    await host.ipBatch([...bridges('b', 60), 'link delete b7']);
    const told = await untilLevel(watch);
    expect(told.map(({ type }) => type)).toContain('resync');
    expect(apply(names, told)).toEqual((await host.names()).sort());
  });

  test('knows the state of one moment, however much is lost', async () => {
    const { host } = await setUp();
    await host.ipBatch(bridges('b', 2));
    // Large enough that a listing can end without a loss, too small for a reader that is slow.
    const watch = begin(host, { initial: true, receiveBuffer: 2 ** 16 });
    const mtu = new Map<string, number>();
    const behind: number[] = [];
    let losses = 0;
    const reads = async () => {
      for await (const event of watch) {
        if (event.type === 'link') mtu.set(event.link.name, event.link.mtu);
        if (event.type === 'resync') losses++;
        if (event.type === 'level') behind.push(Number(mtu.get('b0')) - Number(mtu.get('b1')));
        if (behind.length === 4) return;
        await sleep(5);
      }
    };
    const read = reads();
    // At any moment the second bridge has the MTU of the first, or the one that the first had before.
    for (let size = 2000; behind.length < 4; size += 100) {
      const sizes = Array.from({ length: 100 }, (_, at) => size + at);
      await host.ipBatch(
        sizes.flatMap((one) => [`link set b0 mtu ${one}`, `link set b1 mtu ${one}`]),
      );
    }
    await read;
    expect(losses).toBeGreaterThanOrEqual(3);
    // At first the second bridge still has 1,500.
    expect(behind.filter((by) => by !== 0 && by !== 1 && by !== 500)).toEqual([]);
  });
});

test('there is no event level without the option', async () => {
  const { host } = await setUp();
  const watch = host.netns.watch({ receiveBuffer: 1, level: false });
  bed.onCleanup(() => watch.return());
  await host.ipBatch(bridges('b', 60));
  await host.ip('link', 'add', 'last', 'type', 'bridge');
  const told: NetlinkEvent[] = [];
  while (!told.some((event) => event.type === 'link' && event.link.name === 'last')) {
    told.push((await watch.next()).value as NetlinkEvent);
  }
  expect(told.map(({ type }) => type)).toContain('resync');
  expect(told.map(({ type }) => type)).not.toContain('level');
});
