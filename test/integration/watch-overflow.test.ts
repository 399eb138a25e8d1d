/** Recovery after events were lost in the kernel's queue, and what a slow reader costs meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { NetlinkEvent } from '../../lib/types/types.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';
import { PATIENCE, Reader } from '../support/watching.js';

const bed = useTestbed();

/** Commands by which links come, change and go again, except a few that stay; some on a bridge, some up. */
function churn(parent: string, round: number, count: number): string[] {
  const stem = `c${round}x`;
  const names = Array.from({ length: count }, (_, at) => `${stem}${at}`);
  return [
    ...names.flatMap((name, at) => [
      `link add link ${parent} name ${name} group 9 type macvlan mode bridge`,
      ...(at % 3 === 0 ? [`link set ${name} mtu ${1200 + (at % 100)}`] : []),
      ...(at % 4 === 0 ? [`link set ${name} up`] : []),
      ...(at % 50 === 0 ? [`link set ${name} master bridge0`, `link set ${name} group 0`] : []),
    ]),
    `link delete group 9`,
  ];
}

async function setUp(): Promise<{ host: TestNetns; parent: string }> {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await host.ip('link', 'add', 'bridge0', 'type', 'bridge');
  return { host, parent };
}

/** How many of the events are of a type. */
const count = (events: readonly NetlinkEvent[], type: NetlinkEvent['type']) =>
  events.filter((event) => event.type === type).length;

const hex = (at: number) => at.toString(16);

describe.each([
  { what: 'address', name: (at: number) => `10.${at >> 8}.${at & 255}.1/32` },
  { what: 'address', name: (at: number) => `2001:db8::${hex(at)}/128`, more: ' nodad' },
  { what: 'route', name: (at: number) => `2001:db8:1::${hex(at)}/128` },
] as const)(
  'what stays while thousands of its kind are removed ($what)',
  ({ what, name, more }) => {
    const all = Array.from({ length: 3000 }, (_, at) => name(at + 1));
    const [going, kept] = [all.slice(0, 1500), new Set(all.slice(1500))];

    test.each([
      { losing: 'none', receiveBuffer: 2 ** 22 },
      { losing: 'many', receiveBuffer: 1 },
    ])(
      'is neither reported as removed nor missing, with $losing of the events lost',
      async ({ losing, receiveBuffer }) => {
        const host = await bed.makeNetns();
        const parent = await host.parent();
        await host.ipBatch(all.map((one) => `${what} add ${one} dev ${parent}${more ?? ''}`));
        const gone = host.ipBatch(going.map((one) => `${what} delete ${one} dev ${parent}`));
        const wanted = { addresses: what === 'address', routes: what === 'route' };
        const reader = new Reader(host.netns.watch({ initial: true, receiveBuffer, ...wanted }));
        bed.onCleanup(() => reader.watch.return());
        await gone;
        await reader.matches(host, wanted);
        expect(reader.contradictions).toEqual([]);
        const removed = reader.events.flatMap((event) => {
          if (event.type === 'address' && event.action === 'removed') return [event.address.cidr];
          if (event.type === 'route' && event.action === 'removed') return [event.route.to];
          return [];
        });
        expect(removed.filter((one) => kept.has(one))).toEqual([]);
        expect(count(reader.events, 'resync') > 0).toBe(losing === 'many');
      },
    );
  },
);

describe('a reader that sleeps while thousands of links come and go', () => {
  test('gets a resync, and knows everything at the end', async () => {
    const { host, parent } = await setUp();
    let asleep: Promise<unknown> | undefined;
    const reader = new Reader(host.netns.watch({ initial: true, receiveBuffer: 16_384 }), {
      onEvent: () => asleep,
    });
    bed.onCleanup(() => reader.watch.return());
    await reader.matches(host);
    for (let round = 0; round < 3; round++) {
      const before = count(reader.events, 'resync');
      asleep = host.ipBatch(churn(parent, round, 1000));
      await asleep;
      asleep = undefined;
      await reader.matches(host);
      expect(count(reader.events, 'resync')).toBeGreaterThan(before);
    }
    expect(reader.contradictions).toEqual([]);
    expect((await host.names()).filter((name) => name.startsWith('c'))).toHaveLength(60);
  });

  test('knows everything at the end even if events are lost all the time', async () => {
    const { host, parent } = await setUp();
    // The smallest buffer there is holds one event.
    const reader = new Reader(
      host.netns.watch({ initial: true, addresses: true, routes: true, receiveBuffer: 1 }),
    );
    bed.onCleanup(() => reader.watch.return());
    await host.ipBatch([
      ...churn(parent, 0, 300),
      ...Array.from({ length: 200 }, (_, at) => `address add 192.0.2.${at}/32 dev ${parent}`),
      ...Array.from({ length: 200 }, (_, at) => `route add 198.51.100.${at}/32 dev ${parent}`),
      ...Array.from({ length: 100 }, (_, at) => `address delete 192.0.2.${at}/32 dev ${parent}`),
      ...Array.from({ length: 100 }, (_, at) => `route delete 198.51.100.${at}/32 dev ${parent}`),
    ]);
    await reader.matches(host, { addresses: true, routes: true });
    expect(count(reader.events, 'resync')).toBeGreaterThan(0);
    expect(reader.contradictions).toEqual([]);
  });

  test('gets a resync before the differences, and none without a loss', async () => {
    const { host, parent } = await setUp();
    const watch = host.netns.watch({ receiveBuffer: 8192 });
    bed.onCleanup(() => watch.return());
    const told: NetlinkEvent[] = [];
    const next = async () => {
      const { value } = await watch.next();
      told.push(value as NetlinkEvent);
    };
    await host.ip('link', 'set', parent, 'alias', 'before');
    await next();
    // Nobody asks for what happens now.
    await host.ipBatch(churn(parent, 0, 200));
    while (!told.some(({ type }) => type === 'resync')) await next();
    const resync = told.findIndex(({ type }) => type === 'resync');
    expect(told.slice(0, resync).every(({ type }) => type === 'link')).toBe(true);
    const stayed = ['c0x0', 'c0x50', 'c0x100', 'c0x150'];
    const added = () =>
      told.slice(resync + 1).flatMap((event) => {
        return event.type === 'link' && event.action === 'added' ? [event.link.name] : [];
      });
    while (added().length < stayed.length) await next();
    expect(added()).toEqual(stayed);
    expect(count(told, 'resync')).toBe(1);
  });
});

test('a slow reader costs no more memory, however much happens', async () => {
  const { host, parent } = await setUp();
  const reader = new Reader(host.netns.watch({ initial: true }), { onEvent: () => sleep(1) });
  bed.onCleanup(() => reader.watch.return());
  const link = ['link', 'set', 'dev', parent, 'mtu'];
  const busy = (round: number) =>
    host.ipBatch(
      Array.from({ length: 20_000 }, (_, at) => [...link, 1000 + ((at + round) % 2)].join(' ')),
    );
  const rounds: number[] = [];
  for (let round = 0; round < 5; round++) {
    await busy(round);
    reader.events.length = 0;
    rounds.push(process.memoryUsage().rss);
  }
  // A hundred thousand events of a kilobyte or two went by.
  const [, first = 0] = rounds;
  expect(Math.max(...rounds) - first).toBeLessThan(32 * 2 ** 20);
  await reader.matches(host);
});

describe('events keep coming', () => {
  const macvlans = (parent: string, names: readonly string[]) =>
    names.map((name) => `link add link ${parent} name ${name} type macvlan mode bridge`);

  test('while a thousand links are deleted in the same namespace', async () => {
    const { host, parent } = await setUp();
    const names = Array.from({ length: 1000 }, (_, at) => `m${at}`);
    let order: string[] = [];
    const reader = new Reader(host.netns.watch({ initial: true, addresses: true, routes: true }), {
      onEvent: (event) => {
        if (event.type === 'link' && event.action === 'removed') order.push(event.link.name);
      },
    });
    bed.onCleanup(() => reader.watch.return());
    // Most messages come near the end, so that a busy machine may be late once.
    for (let round = 0; round < 5 && !(order.indexOf('deleted') > 0); round++) {
      await host.ipBatch(macvlans(parent, names));
      await reader.matches(host);
      order = [];
      await host.netns.deleteLinks(names).then(() => order.push('deleted'));
      await reader.matches(host, { addresses: true, routes: true });
      expect(order).toHaveLength(names.length + 1);
    }
    expect(order.indexOf('deleted')).toBeGreaterThan(0);
    expect(reader.contradictions).toEqual([]);
  });
});

test('of ten thousand links created and deleted each is reported once', async () => {
  const { host, parent } = await setUp();
  const names = Array.from({ length: 10_000 }, (_, at) => `m${at}`);
  const told = { added: new Map<string, number>(), removed: new Map<string, number>() };
  const reader = new Reader(host.netns.watch(), {
    knowing: await host.netns.listLinks(),
    onEvent: (event) => {
      if (event.type !== 'link' || event.action === 'changed') return;
      const { name } = event.link;
      told[event.action].set(name, (told[event.action].get(name) ?? 0) + 1);
      reader.events.length = 0;
    },
  });
  bed.onCleanup(() => reader.watch.return());
  await host.ipBatch(
    names.map((name) => `link add link ${parent} name ${name} group 9 type macvlan mode bridge`),
  );
  await vi.waitFor(() => expect(told.added.size).toBe(names.length), PATIENCE);
  await reader.matches(host);
  await host.ip('link', 'delete', 'group', '9');
  await vi.waitFor(() => expect(told.removed.size).toBe(names.length), PATIENCE);
  await reader.matches(host);
  const once = new Map(names.map((name) => [name, 1]));
  expect(told.added).toEqual(once);
  expect(told.removed).toEqual(once);
  expect(reader.contradictions).toEqual([]);
  expect(reader.links.size).toBe(4);
});
