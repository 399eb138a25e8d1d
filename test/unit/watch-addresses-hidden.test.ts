// A removal makes a listing of addresses skip another one, and the message about it comes after the listing.
import { expect, test, vi } from 'vitest';
import type { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import type { News } from '../../lib/records/news.js';
import type { Address } from '../../lib/types/types.js';
import { addressNews, anAddress } from '../support/pictures.js';

const named = (address: string): Address => ({ ...anAddress, address, cidr: `${address}/24` });
const [first, second, third] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(named) as [
  Address,
  Address,
  Address,
];

const kernel = vi.hoisted(() => ({
  /** Messages of a change that holds the RTNL lock: the address is gone, and its message has not been sent yet. */
  underWay: [] as News[],
  told: [] as News[],
  listings: 0,
}));

vi.mock('../../lib/namespace/native.js', () => ({
  readNews: async (_: unknown, reading: string) => {
    return reading === 'wait' ? null : { lost: false, news: kernel.told.splice(0) };
  },
}));
vi.mock('../../lib/namespace/opening.js', () => ({
  withNamespace: (_call: unknown, _ref: unknown, body: (own: unknown) => unknown) => {
    return body({ exchange: async (steps: { operation: string }[]) => steps.map(carryOut) });
  },
}));

function carryOut({ operation }: { operation: string }): unknown {
  if (operation === 'listAddresses') {
    if (kernel.listings++ > 0) return [second, third];
    // The kernel continued after the second item, which was the third address before the first was removed.
    kernel.underWay.push(addressNews(first, true));
    return [first, third];
  }
  kernel.told.push(...kernel.underWay.splice(0));
  return [];
}

const { watch } = await import('../../lib/watch/watch.js');

test('a listing of addresses is made again when a removal may have hidden another from it', async () => {
  const namespace = {
    fd: 3,
    subscribe: () => ({ close() {} }),
    onClose: () => () => {},
    hold: (_: unknown, body: () => unknown) => body(),
  };
  const call = { operation: 'watch', checkSignal() {} };
  const options = { initial: true, addresses: true };
  const known: string[] = [];
  const events = watch(namespace as never as Namespace, call as never as Call, options);
  for await (const event of events) if (event.type === 'address') known.push(event.address.address);
  expect(known.sort()).toEqual(['192.0.2.2', '192.0.2.3']);
});
