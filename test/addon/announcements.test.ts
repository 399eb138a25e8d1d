// Who is woken by what the kernel tells of addresses, and what is left afterwards.
import { beforeEach, expect, test, vi } from 'vitest';
import type { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import type { Received } from '../../lib/namespace/native.js';
import { addressNews, anAddress } from '../support/pictures.js';

const kernel = vi.hoisted(() => ({ answer: (_: unknown) => {} }));

vi.mock('../../lib/namespace/native.js', async (original) => ({
  ...(await original<object>()),
  readNews: () =>
    new Promise((resolve) => {
      kernel.answer = resolve;
    }),
}));

const { Announcements } = await import('../../lib/watch/announcements.js');

const close = vi.fn(() => kernel.answer(null));
const subscribe = vi.fn(() => ({ close }));
const forget = vi.fn();
const listen = (
  namespace: object,
  index: number,
  body: Parameters<typeof Announcements.listen>[3],
) => Announcements.listen(namespace as Namespace, {} as Call, index, body);

/** What the socket has. */
async function arrives(received: Received | null): Promise<void> {
  kernel.answer(received);
  await new Promise(setImmediate);
}

let namespace: object;
beforeEach(() => {
  vi.clearAllMocks();
  namespace = { subscribe, onClose: () => forget };
});

test('news of a link’s addresses wakes who listens to that link, and a loss wakes everybody', async () => {
  const heard: unknown[] = [];
  const other = { ...anAddress, linkIndex: 2 };
  let isOver = false;
  const first = listen(namespace, 1, async (listener) => {
    while (!isOver) heard.push(await listener.next());
  });
  const second = listen(namespace, 2, async (listener) => {
    expect(await listener.next()).toEqual([]);
    expect(await listener.next()).toEqual([{ removed: true, address: other }]);
  });
  await arrives({ lost: false, news: [addressNews(anAddress)] });
  expect(heard.splice(0)).toEqual([[{ removed: false, address: anAddress }]]);
  await arrives({ lost: true, news: [] });
  expect(heard.splice(0)).toEqual([[]]);
  await arrives({ lost: false, news: [addressNews(other, true)] });
  await second;
  expect(heard).toEqual([]);
  expect(close).not.toHaveBeenCalled();
  isOver = true;
  await arrives({ lost: false, news: [addressNews(anAddress)] });
  await first;
  expect(subscribe).toHaveBeenCalledTimes(1);
  expect(close).toHaveBeenCalled();
  expect(forget).toHaveBeenCalled();
});

test('who listens is told of the end, and the next one subscribes anew', async () => {
  const heard = listen(namespace, 1, (listener) => listener.next() as Promise<unknown>);
  await arrives(null);
  expect(await heard).toBeNull();
  const again = listen(namespace, 1, (listener) => listener.next() as Promise<unknown>);
  expect(subscribe).toHaveBeenCalledTimes(2);
  await arrives({ lost: true, news: [] });
  expect(await again).toEqual([]);
});
