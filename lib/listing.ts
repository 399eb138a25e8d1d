/** Listings for watchers, which do not wait for what else is asked of the namespace. */
import type { Call } from './call.js';
import type { Namespace } from './namespace.js';
import { Refusal, type Step } from './native.js';
import { withNamespace } from './opening.js';
import type { Listing, Wanted } from './picture.js';
import { EXT_MASK } from './requests.js';
import type { Address, Link, Route } from './types.js';
import { FAMILIES, LOOPBACK_IFINDEX } from './values.js';

// A change that runs into one of these is told of as well, and what it may hide from them is looked
// for again (mayHideOthers).
const LINKS: Step = { operation: 'listLinks', record: { extMask: EXT_MASK }, approximate: true };
const ADDRESSES: Step = { operation: 'listAddresses', record: {}, approximate: true };
const ROUTES: readonly Step[] = Object.values(FAMILIES).map((family) => ({
  operation: 'listRoutes',
  record: { family },
  approximate: true,
}));

/**
 * Any request that takes the kernel's lock of networking, as reading a link does. Addresses and routes
 * are listed without it. Of routes, the change that takes them away tells of itself first: of the link
 * that goes down (net/core/dev.c, __dev_notify_flags) or of the address (net/ipv4/devinet.c,
 * __inet_del_ifa). An address is told of when it has come or gone: only behind that change is it certain
 * that one which ran into a listing has been told of.
 */
const BEHIND_OTHERS: Step = { operation: 'getLink', record: { index: LOOPBACK_IFINDEX } };

/** All that is wanted of a namespace. Both listings are withdrawn when `ended` fires before they have begun. */
export async function listEverything(
  namespace: Namespace,
  call: Call,
  { addresses, routes }: Wanted,
  ended: AbortSignal,
): Promise<Listing> {
  const steps = [
    LINKS,
    ...(addresses === true ? [ADDRESSES, BEHIND_OTHERS] : []),
    ...(routes === true ? ROUTES : []),
  ];
  const lists = await ask(namespace, call, steps, ended);
  return {
    links: lists.shift() as Link[],
    addresses: addresses === true ? (lists.splice(0, 2)[0] as Address[]) : [],
    routes: lists.flat() as Route[],
  };
}

/** The routes as they are when every change that has been told of is complete. */
export async function listRoutesAfter(
  namespace: Namespace,
  call: Call,
  ended: AbortSignal,
): Promise<Route[]> {
  const [, ...lists] = await ask(namespace, call, [BEHIND_OTHERS, ...ROUTES], ended);
  return lists.flat() as Route[];
}

async function ask(
  namespace: Namespace,
  call: Call,
  steps: readonly Step[],
  ended: AbortSignal,
): Promise<unknown[]> {
  // By a queue of its own: a long deletion in the namespace's would hold up the events.
  const results = await namespace.hold(call, () =>
    withNamespace(call, { fd: namespace.fd }, (own) => own.exchange(steps, ended), ''),
  );
  for (const result of results) if (result instanceof Refusal) throw call.error(result);
  return results as unknown[];
}
