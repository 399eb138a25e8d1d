/** The indexes that are chosen for new links. */
import { expect, test, vi } from 'vitest';
import { Netns } from '../../lib/index.js';

const random = vi.hoisted(() => ({ random24: vi.fn() }));
vi.mock('../../lib/namespace/random.js', async (original) => ({
  ...(await original()),
  ...random,
}));

test('count up from 65,536 or a random number above, and after a collision from another one', () => {
  const netns = Netns.current();
  random.random24.mockReturnValueOnce(0).mockReturnValueOnce(0xff_ffff);
  expect([netns.chooseIndex(), netns.chooseIndex()]).toEqual([0x1_0000, 0x1_0001]);
  netns.forgetIndexes();
  expect([netns.chooseIndex(), netns.chooseIndex()]).toEqual([0x100_ffff, 0x101_0000]);
});

test('begin again after the last one that there is', () => {
  const netns = Netns.current();
  netns.forgetIndexes();
  random.random24.mockReturnValueOnce(2 ** 31 - 1 - 0x1_0000).mockReturnValueOnce(7);
  expect([netns.chooseIndex(), netns.chooseIndex()]).toEqual([2 ** 31 - 1, 0x1_0007]);
});
