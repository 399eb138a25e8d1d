/** Listings for watchers, which do not wait behind the namespace's other requests. */
import { Refusal } from '../errors/refusal.js';
import { completeListing } from '../links/wholeListing.js';
import type { Call } from '../namespace/call.js';
import { extMask, learnExtMask } from '../namespace/extMask.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Step } from '../namespace/native.js';
import { withNamespace } from '../namespace/opening.js';
import type { LinkRecord } from '../records/requests.js';
import type { Address, Link, Route } from '../types/types.js';
import { FAMILIES, LOOPBACK_IFINDEX } from '../values/values.js';
import type { Listing, Wanted } from './picture.js';

// A change during one of these also comes as a message, and when it may have hidden something, the listing is made
// again (mayHideOthers).
const linksBy = (record: LinkRecord): Step => ({
  operation: 'listLinks',
  record,
  approximate: true,
});
const ADDRESSES: Step = { operation: 'listAddresses', record: {}, approximate: true };
const ROUTES: readonly Step[] = Object.values(FAMILIES).map((family) => ({
  operation: 'listRoutes',
  record: { family },
  approximate: true,
}));

/**
 * A request that waits for changes under way to complete, because it takes the kernel's RTNL lock, as reading a link
 * does. Addresses and routes are listed without that lock. When routes go with a link that goes down, or with an
 * address, the message about the link (net/core/dev.c, __dev_notify_flags) or the address (net/ipv4/devinet.c,
 * __inet_del_ifa) comes before they are removed, and that about an MTU or a VRF may come before they follow, so they
 * are listed after this request. The message about an address comes after it was added or removed, so this request
 * follows a listing of addresses: then the messages about all changes during the listing have been sent.
 */
const BEHIND_OTHERS: Step = { operation: 'getLink', record: { index: LOOPBACK_IFINDEX } };

/** Lists everything that is watched. Withdrawn when `ended` fires before it has begun. */
export async function listEverything(
  namespace: Namespace,
  call: Call,
  { addresses, routes }: Wanted,
  ended: AbortSignal,
): Promise<Listing> {
  const more = [
    ...(addresses === true ? [ADDRESSES, BEHIND_OTHERS] : []),
    ...(routes === true ? ROUTES : []),
  ];
  const lists = await ask(namespace, call, async (own) => {
    const record = { extMask: extMask() };
    const asked = own.exchange([linksBy(record), ...more], ended);
    const [results] = await Promise.all([asked, learnExtMask(own, ended)]);
    const [links] = results;
    if (!(links instanceof Refusal))
      await completeListing(own, call, links as Link[], record, ended);
    return results;
  });
  return {
    links: lists.shift() as Link[],
    addresses: addresses === true ? (lists.splice(0, 2)[0] as Address[]) : [],
    routes: lists.flat() as Route[],
  };
}

/** Lists the routes once every change that a message has announced is complete. Withdrawn as above. */
export async function listRoutesAfter(
  namespace: Namespace,
  call: Call,
  ended: AbortSignal,
): Promise<Route[]> {
  const steps = [BEHIND_OTHERS, ...ROUTES];
  const [, ...lists] = await ask(namespace, call, (own) => own.exchange(steps, ended));
  return lists.flat() as Route[];
}

async function ask(
  namespace: Namespace,
  call: Call,
  exchange: (own: Namespace) => Promise<readonly unknown[]>,
): Promise<unknown[]> {
  // In a queue of its own: in the namespace's, a long deletion would hold up the events.
  const results = await namespace.hold(call, () =>
    withNamespace(call, { fd: namespace.fd }, exchange, ''),
  );
  for (const result of results) if (result instanceof Refusal) throw call.error(result);
  return results as unknown[];
}
