/** How a watch begins: without gaps or duplicates, however early or late it is read. */
import { describe, expect, test } from 'vitest';
import { isNetlinkError, type Netns } from '../../lib/index.js';
import type { Link, WatchOptions } from '../../lib/types/types.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';
import { Reader } from '../support/watching.js';

const bed = useTestbed();

/** Commands that create bridges with numbered names, and delete most of those with an odd number again. */
function comingAndGoing(stem: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => at).flatMap((at) => [
    `link add ${stem}${at} type bridge`,
    ...(at % 3 === 0 ? [`link set ${stem}${at} mtu 1400`] : []),
    ...(at > 2 && at % 2 === 0 ? [`link delete ${stem}${at - 3}`] : []),
  ]);
}

describe('while links come and go', () => {
  const BEGINNINGS = 40;

  /** Makes readers at various moments while a namespace changes. */
  async function beginOften(host: TestNetns, make: () => Promise<Reader>): Promise<Reader[]> {
    const readers: Reader[] = [];
    const changing = { done: false };
    const changes = host.ipBatch(comingAndGoing('b', 200)).finally(() => {
      changing.done = true;
    });
    while (!changing.done && readers.length < BEGINNINGS) {
      const reader = await make();
      bed.onCleanup(() => reader.watch.return());
      readers.push(reader);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await changes;
    expect(readers.length).toBeGreaterThan(10);
    for (const reader of readers) {
      await reader.matches(host);
      expect(reader.reports).not.toContain('resync');
    }
    return readers;
  }

  /** Lists the links again where changes have interrupted every attempt of a listing. */
  async function listMeanwhile(netns: Netns): Promise<Link[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await netns.listLinks();
      } catch (error) {
        if (!isNetlinkError(error, 'EINTR') || attempt === 20) throw error;
      }
    }
  }

  test('initial leaves no gap and reports nothing twice', async () => {
    const host = await bed.makeNetns();
    const readers = await beginOften(host, async () => {
      return new Reader(host.netns.watch({ initial: true }));
    });
    for (const reader of readers) expect(reader.contradictions).toEqual([]);
  });

  test('a program that watches and then lists knows everything in the end', async () => {
    const host = await bed.makeNetns();
    await beginOften(host, async () => {
      // What happens between the two calls is in the events and in the list, so nothing is missing.
      const watch = host.netns.watch();
      return new Reader(watch, { knowing: await listMeanwhile(host.netns) });
    });
  });
});

describe('events from the call on', () => {
  /** Starts to read a watch only after `body` has changed something. */
  async function readLate(host: TestNetns, options: WatchOptions, body: () => Promise<unknown>) {
    const knowing = await host.netns.listLinks();
    const watch = host.netns.watch(options);
    await body();
    const reader = new Reader(watch, { knowing });
    bed.onCleanup(() => watch.return());
    await reader.caughtUp(host, bed.uniqueName('z'));
    return reader;
  }

  async function setUp(): Promise<{ host: TestNetns; parent: string }> {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    for (const name of ['gone', 'kept', 'again']) {
      await host.ip('link', 'add', name, 'type', 'bridge');
    }
    return { host, parent };
  }

  test('report what was added, changed and removed before the iteration', async () => {
    const { host, parent } = await setUp();
    const reader = await readLate(host, { addresses: true }, async () => {
      await host.ip('link', 'delete', 'gone');
      await host.ip('link', 'set', 'kept', 'mtu', '1300');
      await host.ip('link', 'add', 'fresh', 'type', 'bridge');
      await host.ip('link', 'set', 'fresh', 'mtu', '1200');
      await host.ip('link', 'add', 'short', 'type', 'bridge');
      await host.ip('link', 'delete', 'short');
      await host.ip('address', 'add', '192.0.2.1/24', 'dev', parent);
    });
    expect(reader.reports.slice(0, 7)).toEqual([
      'removed gone',
      'changed kept',
      'added fresh',
      'changed fresh',
      'added short',
      'removed short',
      'added 192.0.2.1/24',
    ]);
    expect(reader.contradictions).toEqual([]);
    await reader.matches(host);
  });

  test('report it however busy the program was meanwhile', async () => {
    const { host } = await setUp();
    // The thread is blocked all the time between the call and the iteration.
    const knowing = await host.netns.listLinks();
    const { execFileSync } = await import('node:child_process');
    const watch = host.netns.watch();
    const ip = (...args: string[]) => execFileSync('ip', ['-n', `${host.name}`, ...args]);
    ip('link', 'delete', 'gone');
    ip('link', 'set', 'kept', 'mtu', '1300');
    ip('link', 'delete', 'again');
    ip('link', 'add', 'again', 'type', 'bridge');
    const reader = new Reader(watch, { knowing });
    bed.onCleanup(() => watch.return());
    await reader.caughtUp(host, bed.uniqueName('z'));
    expect(reader.reports.slice(0, 4)).toEqual([
      'removed gone',
      'changed kept',
      'removed again',
      'added again',
    ]);
    await reader.matches(host);
  });

  test('begin with a resync when they did not fit into the socket’s buffer', async () => {
    const { host } = await setUp();
    const reader = await readLate(host, { receiveBuffer: 4096 }, async () => {
      await host.ip('link', 'delete', 'gone');
      await host.ipBatch(comingAndGoing('b', 100));
    });
    expect(reader.reports[0]).toBe('resync');
    expect(reader.reports).toContain('removed gone');
    expect(reader.contradictions).toEqual([]);
    await reader.matches(host);
  });

  test('report with initial everything once, however late it is read', async () => {
    const { host } = await setUp();
    const watch = host.netns.watch({ initial: true });
    await host.ipBatch(comingAndGoing('b', 20));
    const reader = new Reader(watch);
    bed.onCleanup(() => watch.return());
    await reader.matches(host);
    expect(reader.contradictions).toEqual([]);
  });

  test('are the same for a program that reads them one by one, slowly', async () => {
    const { host } = await setUp();
    const watch = host.netns.watch({ initial: true });
    bed.onCleanup(() => watch.return());
    const slow = new Reader(watch, {
      onEvent: () => new Promise((resolve) => setTimeout(resolve, 5)),
    });
    await host.ipBatch(comingAndGoing('b', 60));
    await slow.matches(host);
    expect(slow.contradictions).toEqual([]);
  });
});

test('initial with thousands of links reports each once', async () => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  const names = Array.from({ length: 2000 }, (_, at) => `m${at}`);
  await host.ipBatch(
    names.map((name) => `link add link ${parent} name ${name} type macvlan mode bridge`),
  );
  const seen: Link[] = [];
  for await (const event of host.netns.watch({ initial: true })) {
    if (event.type === 'link') seen.push(event.link);
    if (seen.length === names.length + 3) break;
  }
  const shown = (await host.links()).map(({ ifname }) => ifname);
  expect(seen.map(({ name }) => name).sort()).toEqual(shown.sort());
});
