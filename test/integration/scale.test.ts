// What many namespaces and many links cost in descriptors, threads and messages.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Netns } from '../../lib/index.js';

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
