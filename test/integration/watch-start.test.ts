/** How a watch begins: without gaps or duplicates, however early or late it is read. */
import { describe, expect, test } from 'vitest';
import type { Link, WatchOptions } from '../../lib/types.js';
import { type Place, useTestbed } from '../support/testbed.js';
import { batch, Reader } from '../support/watching.js';

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
  async function beginOften(place: Place, make: () => Promise<Reader>): Promise<Reader[]> {
    const readers: Reader[] = [];
    const changing = { done: false };
    const changes = batch(place, comingAndGoing('b', 200)).finally(() => {
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
      await reader.matches(place);
      expect(reader.reports).not.toContain('resync');
    }
    return readers;
  }

  test('initial leaves no gap and reports nothing twice', async () => {
    const place = await bed.place();
    const readers = await beginOften(place, async () => {
      return new Reader(place.netns.watch({ initial: true }));
    });
    for (const reader of readers) expect(reader.contradictions).toEqual([]);
  });

  test('a program that watches and then lists knows everything in the end', async () => {
    const place = await bed.place();
    await beginOften(place, async () => {
      // What happens between the two calls is in the events and in the list, so nothing is missing.
      const watch = place.netns.watch();
      return new Reader(watch, { knowing: await place.netns.listLinks() });
    });
  });
});

describe('events from the call on', () => {
  /** Starts to read a watch only after `body` has changed something. */
  async function readLate(place: Place, options: WatchOptions, body: () => Promise<unknown>) {
    const knowing = await place.netns.listLinks();
    const watch = place.netns.watch(options);
    await body();
    const reader = new Reader(watch, { knowing });
    bed.onCleanup(() => watch.return());
    await reader.caughtUp(place, bed.uniqueName('z'));
    return reader;
  }

  async function setUp(): Promise<{ place: Place; parent: string }> {
    const place = await bed.place();
    const parent = await place.parent();
    for (const name of ['gone', 'kept', 'again']) {
      await place.ip('link', 'add', name, 'type', 'bridge');
    }
    return { place, parent };
  }

  test('report what was added, changed and removed before the iteration', async () => {
    const { place, parent } = await setUp();
    const reader = await readLate(place, { addresses: true }, async () => {
      await place.ip('link', 'delete', 'gone');
      await place.ip('link', 'set', 'kept', 'mtu', '1300');
      await place.ip('link', 'add', 'fresh', 'type', 'bridge');
      await place.ip('link', 'set', 'fresh', 'mtu', '1200');
      await place.ip('link', 'add', 'short', 'type', 'bridge');
      await place.ip('link', 'delete', 'short');
      await place.ip('address', 'add', '192.0.2.1/24', 'dev', parent);
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
    await reader.matches(place);
  });

  test('report it however busy the program was meanwhile', async () => {
    const { place } = await setUp();
    // The thread is blocked all the time between the call and the iteration.
    const knowing = await place.netns.listLinks();
    const { execFileSync } = await import('node:child_process');
    const watch = place.netns.watch();
    const ip = (...args: string[]) => execFileSync('ip', ['-n', `${place.name}`, ...args]);
    ip('link', 'delete', 'gone');
    ip('link', 'set', 'kept', 'mtu', '1300');
    ip('link', 'delete', 'again');
    ip('link', 'add', 'again', 'type', 'bridge');
    const reader = new Reader(watch, { knowing });
    bed.onCleanup(() => watch.return());
    await reader.caughtUp(place, bed.uniqueName('z'));
    expect(reader.reports.slice(0, 4)).toEqual([
      'removed gone',
      'changed kept',
      'removed again',
      'added again',
    ]);
    await reader.matches(place);
  });

  test('begin with a resync when they did not fit into the socket’s buffer', async () => {
    const { place } = await setUp();
    const reader = await readLate(place, { receiveBuffer: 4096 }, async () => {
      await place.ip('link', 'delete', 'gone');
      await batch(place, comingAndGoing('b', 100));
    });
    expect(reader.reports).toContain('resync');
    expect(reader.reports).toContain('removed gone');
    expect(reader.contradictions).toEqual([]);
    await reader.matches(place);
  });

  test('report with initial everything once, and nothing that has gone', async () => {
    const { place } = await setUp();
    const watch = place.netns.watch({ initial: true });
    await batch(place, comingAndGoing('b', 20));
    const reader = new Reader(watch);
    bed.onCleanup(() => watch.return());
    await reader.matches(place);
    expect(reader.contradictions).toEqual([]);
  });

  test('are the same for a program that reads them one by one, slowly', async () => {
    const { place } = await setUp();
    const watch = place.netns.watch({ initial: true });
    bed.onCleanup(() => watch.return());
    const slow = new Reader(watch, {
      onEvent: () => new Promise((resolve) => setTimeout(resolve, 5)),
    });
    await batch(place, comingAndGoing('b', 60));
    await slow.matches(place);
    expect(slow.contradictions).toEqual([]);
  });
});

test('initial with thousands of links reports each once', async () => {
  const place = await bed.place();
  const parent = await place.parent();
  const names = Array.from({ length: 2000 }, (_, at) => `m${at}`);
  await batch(
    place,
    names.map((name) => `link add link ${parent} name ${name} type macvlan mode bridge`),
  );
  const seen: Link[] = [];
  for await (const event of place.netns.watch({ initial: true })) {
    if (event.type === 'link') seen.push(event.link);
    if (seen.length === names.length + 3) break;
  }
  const shown = (await place.links()).map(({ ifname }) => ifname);
  expect(seen.map(({ name }) => name).sort()).toEqual(shown.sort());
});
