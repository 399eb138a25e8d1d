/** What watch refuses, at the call. */
import { expect, test } from 'vitest';
import type { WatchOptions } from '../../lib/types/types.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();

test.each([{ receiveBuffer: 0 }, 7])('options %j are refused at the call', async (options) => {
  const { netns } = await bed.makeNetns();
  expect(() => netns.watch(options as WatchOptions)).toThrow('watch: options');
});

test('a namespace that is closed is refused at the call', async () => {
  const { netns } = await bed.makeNetns();
  await netns.close();
  expect(() => netns.watch()).toThrow(
    expect.objectContaining({ code: 'ERR_NETNS_CLOSED', operation: 'watch' }),
  );
});
