// A watch that lists the routes again because of a change.
import { expect, test, vi } from 'vitest';
import type { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import {
  addressNews,
  anAddress,
  aRoute,
  NLM_F_REPLACE,
  NOTHING,
  nextHopNews,
  routeNews,
} from '../support/pictures.js';

const kernel = vi.hoisted(() => ({
  /** What each reading gives, and the routes with which it lets a listing end. */
  readings: [] as { lost: boolean; news: readonly unknown[]; listed?: readonly unknown[] }[],
  listings: [] as unknown[],
  endListing: (_routes: readonly unknown[]) => {},
  /** How often the routes alone were listed. */
  listingsOfRoutes: 0,
}));

vi.mock('../../lib/namespace/native.js', () => ({
  readNews: async (_: unknown, reading: string) => {
    if (reading === 'discard') return { lost: false, news: [] };
    const { listed, ...received } = kernel.readings.shift() ?? { lost: null };
    if (listed !== undefined) kernel.endListing(listed);
    return received.lost === null ? null : received;
  },
}));
vi.mock('../../lib/watch/watchListing.js', () => ({
  listEverything: async () => kernel.listings.shift(),
  listRoutesAfter: () => {
    kernel.listingsOfRoutes++;
    return new Promise((resolve) => (kernel.endListing = resolve));
  },
}));

const { watch } = await import('../../lib/watch/watch.js');

const namespace = { subscribe: () => ({ close() {}, endWait() {} }), onClose: () => () => {} };
const call = { operation: 'watch', checkSignal() {} };

test('a listing of routes under way is ignored once events were lost and everything was listed', async () => {
  const news = [addressNews(anAddress, true)];
  const nothing = { lost: false, news: [] };
  kernel.readings = [nothing, { lost: false, news }, { lost: true, news: [] }];
  kernel.readings.push(nothing, nothing, nothing);
  kernel.listings = [NOTHING, { ...NOTHING, routes: [aRoute] }];
  const told: string[] = [];
  const events = watch(namespace as never as Namespace, call as never as Call, { routes: true });
  for await (const event of events) {
    told.push(event.type === 'route' ? `${event.action} ${event.route.to}` : event.type);
    if (event.type === 'route') kernel.endListing([]);
  }
  expect(told).toEqual(['resync', `added ${aRoute.to}`]);
});

test('level waits until routes that a change may have removed during a listing have been listed again', async () => {
  const news = [addressNews(anAddress, true)];
  const nothing = { lost: false, news: [] };
  kernel.readings = [{ lost: false, news }, nothing, nothing, nothing];
  kernel.listings = Array.from({ length: 2 }, () => ({ ...NOTHING, routes: [aRoute] }));
  const told: string[] = [];
  const options = { routes: true, initial: true, level: true } as const;
  const events = watch(namespace as never as Namespace, call as never as Call, options);
  for await (const event of events) {
    told.push(event.type === 'route' ? `${event.action} ${event.route.to}` : event.type);
    if (told.length === 1) setImmediate(() => kernel.endListing([]));
  }
  expect(told).toEqual([`added ${aRoute.to}`, `removed ${aRoute.to}`, 'level']);
});

test('routes are listed once more when a change may have removed some, and hidden others, from the listing', async () => {
  const [gone, hidden] = [1, 2].map((metric) => ({ ...aRoute, metric }));
  const told: string[] = [];
  const nothing = { lost: false, news: [] };
  const change = { lost: false, news: [nextHopNews()] };
  // The second change comes while the routes are listed because of the first.
  kernel.readings = [change, { ...change, listed: [] }, nothing];
  kernel.readings.push(
    { ...nothing, listed: [hidden] },
    nothing,
    { ...nothing, listed: [hidden] },
    nothing,
  );
  kernel.listings = [{ ...NOTHING, routes: [gone, hidden] }];
  const options = { routes: true, initial: true, level: true } as const;
  const events = watch(namespace as never as Namespace, call as never as Call, options);
  for await (const event of events) {
    told.push(event.type === 'route' ? `${event.action} ${event.route.metric}` : event.type);
  }
  expect(told).toEqual(['added 1', 'added 2', 'removed 1', 'level']);
  expect(kernel.readings).toEqual([]);
});

test.each([
  ['removals of routes', routeNews({ ...aRoute, metric: 9 }, true)],
  ['removals of next hop objects', nextHopNews()],
])(
  '%s during every listing of routes do not put off for ever what the listings show',
  async (_, news) => {
    const nothing = { lost: false, news: [] };
    const change = { lost: false, news: [news] };
    kernel.readings = [nothing, change];
    for (let at = 0; at < 9; at++) kernel.readings.push({ ...change, listed: [] }, nothing);
    kernel.listings = [{ ...NOTHING, routes: [aRoute] }];
    kernel.listingsOfRoutes = 0;
    const events = watch(namespace as never as Namespace, call as never as Call, { routes: true });
    const event = await events.next();
    expect(event.value).toMatchObject({ type: 'route', action: 'removed', route: aRoute });
    expect(kernel.listingsOfRoutes).toBe(5);
    await events.return();
  },
);

test.each([
  ['is waited for by level', 1, ['added 1', 'removed 1', 'level']],
  [
    'is not waited for by level while routes change all the time',
    9,
    ['added 1', 'level', 'removed 1'],
  ],
])('a listing of routes that became uncertain during another %s', async (_, times, expected) => {
  const route = { ...aRoute, metric: 1 };
  const told: string[] = [];
  const nothing = { lost: false, news: [] };
  const change = { lost: false, news: [routeNews(route, false, NLM_F_REPLACE)] };
  kernel.readings = [change];
  for (let at = 0; at < times; at++) kernel.readings.push({ ...change, listed: [route] }, nothing);
  kernel.readings.push({ ...nothing, listed: [] }, nothing);
  kernel.listings = [{ ...NOTHING, routes: [route] }];
  const options = { routes: true, initial: true, level: true } as const;
  const events = watch(namespace as never as Namespace, call as never as Call, options);
  for await (const event of events) {
    told.push(event.type === 'route' ? `${event.action} ${event.route.metric}` : event.type);
  }
  expect(told).toEqual(expected);
});

test('a listing of routes that fails ends the watch with its error', async () => {
  const error = new Error('mine');
  const failing = Promise.reject(error);
  failing.catch(() => {});
  const nothing = { lost: false, news: [] };
  kernel.readings = [nothing, { lost: false, news: [nextHopNews()] }];
  kernel.readings.push({ ...nothing, listed: failing as never }, nothing, nothing);
  kernel.listings = [NOTHING];
  const events = watch(namespace as never as Namespace, call as never as Call, { routes: true });
  await expect(events.next()).rejects.toBe(error);
  expect(await events.next()).toEqual({ value: undefined, done: true });
});
