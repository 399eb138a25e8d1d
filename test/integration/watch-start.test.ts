/** How a watch begins: no gap and no duplicate, however early or late it is read. */
import { describe, expect, test } from 'vitest';
import type { Link, WatchOptions } from '../../lib/types.js';
import { type Place, useTestbed } from '../support/testbed.js';
import { batch, Reader } from '../support/watching.js';

const bed = useTestbed();

/** Bridges by the name, one after the other, and then gone again but those with an even number. */
function comingAndGoing(stem: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => at).flatMap((at) => [
    `link add ${stem}${at} type bridge`,
    ...(at % 3 === 0 ? [`link set ${stem}${at} mtu 1400`] : []),
    ...(at > 2 && at % 2 === 0 ? [`link delete ${stem}${at - 3}`] : []),
  ]);
}

describe('while links come and go', () => {
  const BEGINNINGS = 40;

  /** Makes a reader at one moment after the other while a namespace changes. */
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
      await reader.level(place);
      expect(reader.said).not.toContain('resync');
    }
    return readers;
  }

  test('initial leaves no gap and tells nothing twice', async () => {
    const place = await bed.place();
    const readers = await beginOften(place, async () => {
      return new Reader(place.netns.watch({ initial: true }));
    });
    for (const reader of readers) expect(reader.lies).toEqual([]);
  });

  test('a program that watches and then lists ends level', async () => {
    const place = await bed.place();
    await beginOften(place, async () => {
      // What comes between the two is known twice, so nothing is missing.
      const watch = place.netns.watch();
      return new Reader(watch, { knowing: await place.netns.listLinks() });
    });
  });
});

describe('events from the call on', () => {
  /** What is told of what happens between the call and the first look at it. */
  async function toldLate(place: Place, options: WatchOptions, body: () => Promise<unknown>) {
    const knowing = await place.netns.listLinks();
    const watch = place.netns.watch(options);
    await body();
    const reader = new Reader(watch, { knowing });
    bed.onCleanup(() => watch.return());
    await reader.caughtUp(place, bed.uniqueName('z'));
    return reader;
  }

  async function ground(): Promise<{ place: Place; parent: string }> {
    const place = await bed.place();
    const parent = await place.parent();
    for (const name of ['gone', 'kept', 'again']) {
      await place.ip('link', 'add', name, 'type', 'bridge');
    }
    return { place, parent };
  }

  test('tell of what was added, changed and removed before the iteration', async () => {
    const { place, parent } = await ground();
    const reader = await toldLate(place, { addresses: true }, async () => {
      await place.ip('link', 'delete', 'gone');
      await place.ip('link', 'set', 'kept', 'mtu', '1300');
      await place.ip('link', 'add', 'fresh', 'type', 'bridge');
      await place.ip('link', 'set', 'fresh', 'mtu', '1200');
      await place.ip('link', 'add', 'short', 'type', 'bridge');
      await place.ip('link', 'delete', 'short');
      await place.ip('address', 'add', '192.0.2.1/24', 'dev', parent);
    });
    expect(reader.said.slice(0, 7)).toEqual([
      'removed gone',
      'changed kept',
      'added fresh',
      'changed fresh',
      'added short',
      'removed short',
      'added 192.0.2.1/24',
    ]);
    expect(reader.lies).toEqual([]);
    await reader.level(place);
  });

  test('tell of it however busy the program was meanwhile', async () => {
    const { place } = await ground();
    // The program's thread is not free for one moment between the call and the iteration.
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
    expect(reader.said.slice(0, 4)).toEqual([
      'removed gone',
      'changed kept',
      'removed again',
      'added again',
    ]);
    await reader.level(place);
  });

  test('begin with a resync when the kernel could not keep them so long', async () => {
    const { place } = await ground();
    const reader = await toldLate(place, { receiveBuffer: 4096 }, async () => {
      await place.ip('link', 'delete', 'gone');
      await batch(place, comingAndGoing('b', 100));
    });
    expect(reader.said).toContain('resync');
    expect(reader.said).toContain('removed gone');
    expect(reader.lies).toEqual([]);
    await reader.level(place);
  });

  test('tell with initial of everything once, of what has gone nothing', async () => {
    const { place } = await ground();
    const watch = place.netns.watch({ initial: true });
    await batch(place, comingAndGoing('b', 20));
    const reader = new Reader(watch);
    bed.onCleanup(() => watch.return());
    await reader.level(place);
    expect(reader.lies).toEqual([]);
  });

  test('are the same for a program that reads them one by one, slowly', async () => {
    const { place } = await ground();
    const watch = place.netns.watch({ initial: true });
    bed.onCleanup(() => watch.return());
    const slow = new Reader(watch, {
      onEvent: () => new Promise((resolve) => setTimeout(resolve, 5)),
    });
    await batch(place, comingAndGoing('b', 60));
    await slow.level(place);
    expect(slow.lies).toEqual([]);
  });
});

test('of links by the thousand tells of each once', async () => {
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
