// Work of one queue is done in its order, and it can be told when nothing is left.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SerialQueue } from '../../lib/base/serialQueue.js';

test('begins each piece of work when the one before it is over, also after a failure', async () => {
  const queue = new SerialQueue();
  const done: string[] = [];
  const work = async (name: string) => {
    done.push(`${name} begins`);
    await turn();
    done.push(`${name} ends`);
    if (name === 'b') throw new Error('b fails');
    return name;
  };
  const results = ['a', 'b', 'c'].map((name) => queue.run(() => work(name)));
  await expect(results[1]).rejects.toThrow('b fails');
  expect(await results[0]).toBe('a');
  expect(await results[2]).toBe('c');
  const each = (name: string) => [`${name} begins`, `${name} ends`];
  expect(done).toEqual(['a', 'b', 'c'].flatMap(each));
});

test('is idle while nothing is under way or waits, whether that succeeded or failed', async () => {
  const queue = new SerialQueue();
  expect(queue.isIdle).toBe(true);
  const first = queue.run(() => 'done');
  const second = queue.run(() => Promise.reject(new Error('fails')));
  expect(queue.isIdle).toBe(false);
  await first;
  expect(queue.isIdle).toBe(false);
  await expect(second).rejects.toThrow('fails');
  expect(queue.isIdle).toBe(true);
});
