// What many namespaces and many links cost in descriptors, threads and messages.
import { readdirSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { expect, test, vi } from 'vitest';
import { Netns } from '../../lib/index.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const count = (folder: string) => readdirSync(folder).length;
const descriptors = () => count('/proc/self/fd');
const threads = () => count('/proc/self/task');
const until = async (condition: () => boolean) => {
  for (let attempt = 0; attempt < 200 && !condition(); attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

test('a thousand open namespaces need two descriptors each and only a few threads', async () => {
  await Netns.current().listLinks();
  await until(() => threads() <= 16);
  const before = { descriptors: descriptors(), threads: threads() };
  const open: Netns[] = [];
  try {
    for (let at = 0; at < 1000; at++) open.push(await Netns.create());
    const lists = await Promise.all(open.map((netns) => netns.listLinks()));
    expect(lists.every((links) => links.some(({ name }) => name === 'lo'))).toBe(true);
    expect(descriptors() - before.descriptors).toBeLessThanOrEqual(2000);
    expect(threads() - before.threads).toBeLessThanOrEqual(8);
    // Sockets that nobody uses are given up; the next request opens another.
    await until(() => descriptors() - before.descriptors <= 1000);
    expect(descriptors() - before.descriptors).toBeLessThanOrEqual(1000);
    expect(await open[0]?.listLinks()).not.toEqual([]);
  } finally {
    await Promise.all(open.map((netns) => netns.close()));
  }
  await until(() => descriptors() <= before.descriptors);
  expect(descriptors()).toBeLessThanOrEqual(before.descriptors);
});

// All at once they would hold the event loop for as long as V8 takes to copy the whole listing.
test('the objects of a long listing are collected a part at a time', async () => {
  const ROUTES = 12_000;
  const host = await bed.makeNetns();
  await host.ipBatch(
    Array.from({ length: ROUTES }, (_, at) => `route add blackhole 10.0.${at >> 8}.${at & 255}`),
  );
  const collections: unknown[] = [];
  const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
  bed.onCleanup(() => observer.disconnect());
  observer.observe({ entryTypes: ['gc'] });
  expect(await host.netns.listRoutes({ table: 'main' })).toHaveLength(ROUTES);
  // They are reported in a turn of their own.
  await vi.waitFor(() => expect(collections.length).toBeGreaterThan(5));
});
