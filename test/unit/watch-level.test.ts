// When a watch sends the event `level`, if events are lost while it lists what there is.
import { expect, test, vi } from 'vitest';
import type { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import { aLink } from '../support/pictures.js';

const kernel = vi.hoisted(() => ({ listings: 0, lost: [] as boolean[] }));

vi.mock('../../lib/namespace/native.js', () => ({
  /** Whether events were lost before each reading, from `kernel.lost`; then the watch ends. */
  readNews: async (_: unknown, reading: string) => {
    const lost = reading === 'discard' ? false : kernel.lost.shift();
    return lost === undefined ? null : { lost, news: [] };
  },
}));
vi.mock('../../lib/watch/watchListing.js', () => ({
  listEverything: async () => {
    const link = { ...aLink, name: `name${++kernel.listings}` };
    return { links: [link], addresses: [], routes: [] };
  },
}));

const { watch } = await import('../../lib/watch/watch.js');

const namespace = { subscribe: () => ({ close() {} }), onClose: () => () => {} };

test.each([
  [true, ['added name1']],
  [false, []],
])(
  'level does not follow a listing during which events were lost: initial %s',
  async (initial, first) => {
    kernel.listings = 0;
    // Lost during the first two listings, not during the third; lost once more later, not during the fourth.
    kernel.lost = [true, true, false, true, false];
    const call = { operation: 'watch', checkSignal() {} };
    const told: string[] = [];
    const options = { initial, level: true };
    for await (const event of watch(
      namespace as never as Namespace,
      call as never as Call,
      options,
    )) {
      told.push(event.type === 'link' ? `${event.action} ${event.link.name}` : event.type);
    }
    const resyncs = ['resync', 'changed name2', 'resync', 'changed name3', 'level'];
    expect(told).toEqual([...first, ...resyncs, 'resync', 'changed name4', 'level']);
  },
);
