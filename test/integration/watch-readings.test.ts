// The messages that one reading of a watch's socket returns, whether it waits for events or takes what there is.
import { expect, test } from 'vitest';
import { Call } from '../../lib/namespace/call.js';
import { type Received, readNews } from '../../lib/namespace/native.js';
import type { News } from '../../lib/records/news.js';
import type { Link } from '../../lib/types/types.js';
import { noRoot } from '../support/root.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const RTNLGRP_LINK = 1;
const RTNLGRP_NEIGH = 3;

/** A namespace with a link in it, and a function that reads the messages about that link. */
async function setUp(receiveBuffer = 2 ** 20) {
  const host = await bed.makeNetns();
  const name = await host.parent();
  const { ifindex } = await host.link(name);
  const call = new Call('watch', null, undefined);
  const watcher = host.netns.subscribe(call, [RTNLGRP_LINK], receiveBuffer);
  bed.onCleanup(() => watcher.close());
  const read = async (reading: Parameters<typeof readNews>[1]): Promise<News[]> => {
    const { lost, news } = (await readNews(watcher, reading)) as Received;
    expect(lost).toBe(false);
    return news.filter((one) => one.kind === 'link' && one.index === ifindex);
  };
  return { host, name, read };
}

/** Changes of a link for `ip -batch`, of which the smallest receive buffer cannot hold all the messages. */
const tooManyChanges = (name: string) =>
  Array.from({ length: 50 }, (_, at) => `link set ${name} group ${at + 1}`);

test('a link that returns to an earlier state is reported, even if a reading without waiting took the change in between', async () => {
  const { host, name, read } = await setUp();
  // Only one message about a change of the group: about most others the kernel sends two that differ.
  const told = async (group: number, reading: 'wait' | 'drain') => {
    await host.ip('link', 'set', name, 'group', String(group));
    const last = (await read(reading)).at(-1);
    return (last?.item as Link | undefined)?.group;
  };
  expect(await told(5, 'wait')).toBe(5);
  expect(await told(6, 'drain')).toBe(6);
  expect(await told(5, 'wait')).toBe(5);
});

test('a reading without waiting gives a removed link whole, because its reader may not have known it', async () => {
  const { host, name, read } = await setUp();
  await host.ip('link', 'delete', name);
  const removed = (await read('drain')).filter((one) => one.removed);
  expect(removed).toEqual([expect.objectContaining({ item: expect.objectContaining({ name }) })]);
});

test.each(['wait', 'drain'] as const)(
  'a reading (%s) after a loss says so once, and gives nothing of what was queued beside it',
  async (reading) => {
    const host = await bed.makeNetns();
    const name = await host.parent();
    const call = new Call('watch', null, undefined);
    const watcher = host.netns.subscribe(call, [RTNLGRP_LINK], 1);
    bed.onCleanup(() => watcher.close());
    // What this one says is the last that is known when it is said again.
    await host.ip('link', 'set', name, 'group', '99');
    await readNews(watcher, 'wait');
    await host.ipBatch(tooManyChanges(name));
    expect(await readNews(watcher, reading)).toEqual({ lost: true, news: [] });
    await host.ip('link', 'set', name, 'group', '99');
    const next = (await readNews(watcher, 'wait')) as Received;
    expect(next.lost).toBe(false);
    expect(next.news.map(({ item }) => (item as Link).group)).toEqual([99]);
  },
);

test('a reading that discards says nothing of a loss, because all that is beside it is thrown away', async () => {
  const host = await bed.makeNetns();
  const name = await host.parent();
  const call = new Call('watch', null, undefined);
  const watcher = host.netns.subscribe(call, [RTNLGRP_LINK], 1);
  bed.onCleanup(() => watcher.close());
  await host.ipBatch(tooManyChanges(name));
  expect(await readNews(watcher, 'discard')).toEqual({ lost: false, news: [] });
});

test('a reading that discards gives nothing, and the next one what has come since', async () => {
  const { host, name, read } = await setUp();
  await host.ip('link', 'set', name, 'group', '5');
  expect(await read('discard')).toEqual([]);
  await host.ip('link', 'set', name, 'group', '6');
  const groups = (await read('wait')).map(({ item }) => (item as Link).group);
  expect(groups).toEqual([6]);
});

test('a reading without waiting takes all that there is, or throws all of it away', async ({
  skip,
}) => {
  skip(noRoot !== undefined, noRoot);
  const { host, name, read } = await setUp(2 ** 24);
  const groupsOf = (news: readonly News[]) => news.map(({ item }) => (item as Link).group);
  const groups = Array.from({ length: 1000 }, (_, at) => at + 1);
  const changes = groups.map((group) => `link set ${name} group ${group}`);
  await host.ipBatch(changes);
  expect(groupsOf(await read('drain'))).toEqual(groups);
  await host.ipBatch(changes);
  expect(await read('discard')).toEqual([]);
  await host.ip('link', 'set', name, 'group', '5');
  expect(groupsOf(await read('wait'))).toEqual([5]);
});

test('a reading whose wait is ended while it reads messages of no interest ends', async () => {
  const host = await bed.makeNetns();
  const name = await host.parent();
  const call = new Call('watch', null, undefined);
  const watcher = host.netns.subscribe(call, [RTNLGRP_NEIGH], 2 ** 20);
  bed.onCleanup(() => watcher.close());
  const neighbours = Array.from({ length: 200 }, (_, at) => `192.0.2.${at + 1} dev ${name}`);
  const messages = neighbours.flatMap((one) => [
    `neighbour add ${one} lladdr 02:00:5e:00:00:01`,
    `neighbour delete ${one}`,
  ]);
  for (let delay = 0; delay < 1; delay += 0.05) {
    await host.ipBatch(messages);
    const reading = readNews(watcher, 'wait');
    const end = performance.now() + delay;
    while (performance.now() < end);
    watcher.endWait();
    expect(await reading).toEqual({ lost: false, news: [] });
  }
});
