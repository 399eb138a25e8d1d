// Which listing answers whoever looks for the reason of a refusal.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Namespace } from '../../lib/namespace/namespace.js';
import { askTogether, groupedBy } from '../../lib/namespace/sharedListing.js';

/** A namespace whose listings are answered by hand. */
function namespace() {
  const asked: { what: unknown[]; end: (answer: unknown) => void; fail: () => void }[] = [];
  const ask = (...what: unknown[]) =>
    new Promise((resolve, reject) =>
      asked.push({ what, end: resolve, fail: () => reject('gone') }),
    );
  return { asked, netns: { ask } as unknown as Namespace };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('calls in one turn share one listing, and calls while it is made share the next', async () => {
  const { asked, netns } = namespace();
  const ask = () => askTogether(netns, 'listAddresses', { family: 2 });
  const first = [ask(), ask()];
  await turn();
  const second = [ask(), ask(), ask()];
  await turn();
  expect(asked.map(({ what }) => what)).toEqual([['listAddresses', { family: 2 }]]);
  asked[0]?.end('old');
  expect(await Promise.all(first)).toEqual(['old', 'old']);
  await turn();
  const third = ask();
  await turn();
  expect(asked).toHaveLength(2);
  asked[1]?.end('new');
  expect(await Promise.all(second)).toEqual(['new', 'new', 'new']);
  await turn();
  asked[2]?.end('newest');
  expect(await third).toBe('newest');
  expect(asked).toHaveLength(3);
});

test('different listings, and those of other namespaces, do not wait for one another', async () => {
  const [one, other] = [namespace(), namespace()];
  void askTogether(one.netns, 'listAddresses', { family: 2 });
  void askTogether(one.netns, 'listAddresses', { family: 10 });
  void askTogether(one.netns, 'listRoutes', { family: 2 });
  void askTogether(other.netns, 'listRoutes', { family: 2 });
  await turn();
  expect([one.asked.length, other.asked.length]).toEqual([3, 1]);
});

test('a listing that fails rejects for all that share it, and the next one begins all the same', async () => {
  const { asked, netns } = namespace();
  const ask = () => askTogether(netns, 'listLinks', {});
  const first = [ask(), ask()];
  await turn();
  const second = ask();
  asked[0]?.fail();
  const ends = await Promise.allSettled(first);
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await turn();
  asked[1]?.end('there');
  expect(await second).toBe('there');
});

test('a listing is not kept once nobody has it any more', async () => {
  const { asked, netns } = namespace();
  const listed = async () => {
    const asking = askTogether(netns, 'listLinks', {});
    await turn();
    asked.splice(0)[0]?.end([]);
    return new WeakRef((await asking) as object);
  };
  const answer = await listed();
  await turn();
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  expect(answer.deref()).toBeUndefined();
});

test('items are grouped in their order, once for each list, and without those that have no key', () => {
  const byFirst = groupedBy((item: string) => item[0]);
  const list = ['a1', 'b1', '', 'a2'];
  const groups = byFirst(list);
  expect([...groups]).toEqual([
    ['a', ['a1', 'a2']],
    ['b', ['b1']],
  ]);
  expect(byFirst(list)).toBe(groups);
});
