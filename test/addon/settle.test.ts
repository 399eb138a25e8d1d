// settleAddresses misses nothing between its first look at the addresses and its subscription to news of them.
import { expect, test, vi } from 'vitest';
import type { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import { aLink, anAddress } from '../support/pictures.js';

vi.mock('../../lib/namespace/native.js', async (original) => ({
  ...(await original<object>()),
  /** Nothing happens any more. */
  readNews: () => new Promise(() => {}),
}));

const { settleAddresses } = await import('../../lib/watch/settle.js');

test('what ends between the first look and the subscription', async () => {
  const tentative = { ...anAddress, flags: ['permanent', 'tentative'] };
  let address = tentative;
  const closed = vi.fn();
  const namespace = {
    ask: async (operation: string) => (operation === 'getLink' ? aLink : [address]),
    subscribe: () => {
      address = anAddress as typeof tentative;
      return { close: closed };
    },
    onClose: () => () => {},
  } as never as Namespace;
  const call = { operation: 'settleAddresses' } as never as Call;
  expect(await settleAddresses(namespace, call, aLink.index)).toEqual([anAddress]);
  expect(closed).toHaveBeenCalled();
});
