// A listing of addresses that a removal hides one from, which the kernel tells of when the listing has ended.
import { expect, test, vi } from 'vitest';
import type { Call } from '../../lib/call.js';
import type { Namespace } from '../../lib/namespace.js';
import type { News } from '../../lib/news.js';
import type { Address } from '../../lib/types.js';
import { addressNews, anAddress } from '../support/pictures.js';

const named = (address: string): Address => ({ ...anAddress, address, cidr: `${address}/24` });
const [first, second, third] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(named) as [
  Address,
  Address,
  Address,
];

const kernel = vi.hoisted(() => ({
  /** A removal that holds the lock: the address is gone, and the word about it is to come. */
  underWay: [] as News[],
  told: [] as News[],
  listings: 0,
}));

vi.mock('../../lib/native.js', () => ({
  Refusal: class {},
  whenAborted: () => () => {},
  readNews: async (_: unknown, reading: string) => {
    return reading === 'wait' ? null : { lost: false, news: kernel.told.splice(0) };
  },
}));
vi.mock('../../lib/opening.js', () => ({
  withNamespace: (_call: unknown, _ref: unknown, body: (own: unknown) => unknown) => {
    return body({ exchange: async (steps: { operation: string }[]) => steps.map(carryOut) });
  },
}));

function carryOut({ operation }: { operation: string }): unknown {
  if (operation === 'listAddresses') {
    if (kernel.listings++ > 0) return [second, third];
    // It went on behind the second when the first had been unlinked.
    kernel.underWay.push(addressNews(first, true));
    return [first, third];
  }
  kernel.told.push(...kernel.underWay.splice(0));
  return [];
}

const { watch } = await import('../../lib/watch.js');

test('is followed by one that has it', async () => {
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
