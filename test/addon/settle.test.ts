// settleAddresses misses nothing between what its watch compares with and what it lists itself.
import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import { aLink, anAddress } from '../support/pictures.js';

const kernel = vi.hoisted(() => ({ address: {} as unknown }));

vi.mock('../../lib/namespace/native.js', async (original) => ({
  ...(await original<object>()),
  /** Nothing happens any more. */
  readNews: async (_: unknown, reading: string) =>
    reading === 'wait' ? null : { lost: false, news: [] },
}));
vi.mock('../../lib/watch/watchListing.js', () => ({
  listEverything: async () => {
    await setImmediate();
    // Detection has ended: the message about it is older than this listing, and tells nothing new.
    kernel.address = anAddress;
    return { links: [aLink], addresses: [anAddress], routes: [] };
  },
}));

const { settleAddresses } = await import('../../lib/watch/settle.js');

const namespace = {
  name: 'n',
  ask: async () => aLink,
  askOrThrow: async () => [kernel.address],
  subscribe: () => ({ close() {} }),
  onClose: () => () => {},
};
const call = {
  operation: 'settleAddresses',
  checkSignal() {},
  fail: (code: string) => new Error(code),
};

test('what ends while the watch lists what there is', async () => {
  kernel.address = { ...anAddress, flags: ['permanent', 'tentative'] };
  const settled = settleAddresses(
    namespace as never as Namespace,
    call as never as Call,
    aLink.index,
  );
  expect(await settled).toEqual([anAddress]);
});
