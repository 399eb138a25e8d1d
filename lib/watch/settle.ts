/** `settleAddresses`: waits until a link's addresses can be used. */
import { check } from '../check/check.js';
import * as valueChecks from '../check/checkValues.js';
import { addressesOf } from '../inet/addresses.js';
import { readLink } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import type { Address, LevelEvent, LinkRef, NetlinkEvent } from '../types/types.js';
import { watch } from './watch.js';

/** An optimistic address can be used meanwhile (net/ipv6/addrconf.c, ipv6_chk_addr_and_flags). */
function isTentative({ flags }: Address): boolean {
  return flags.includes('tentative') && !flags.includes('optimistic');
}

function hasFailed({ flags }: Address): boolean {
  return flags.includes('dadfailed');
}

export async function settleAddresses(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
): Promise<Address[]> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  const { index } = await readLink(namespace, call, ref);
  const options = { addresses: true, level: true, signal: call.signal };
  const events = watch(namespace, call, options);
  try {
    for (;;) {
      // The first event is `level`: what happens before the watch knows what there is, it does not report.
      await nextAbout(index, events, namespace, call);
      // Listed each time: the kernel tells of an address that it has made up only once that can be used
      // (net/ipv6/addrconf.c, addrconf_dad_completed).
      const all = await addressesOf(namespace, call, index, 'link');
      const failed = all.filter(hasFailed);
      if (failed.length > 0) throw taken(call, failed);
      if (!all.some(isTentative)) return all;
    }
  } finally {
    await events.return();
  }
}

/** Waits until something happens to a link or its addresses, or may have happened. */
async function nextAbout(
  index: number,
  events: AsyncIterator<NetlinkEvent | LevelEvent, undefined>,
  namespace: Namespace,
  call: Call,
): Promise<void> {
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) {
      // By its namespace: its signal makes the watch throw.
      const reason = `the network namespace ${describe(namespace)} was closed meanwhile`;
      throw call.fail('ERR_NETNS_CLOSED', { reason });
    }
    if (value.type === 'level') return;
    if (value.type === 'link' && value.link.index === index) return;
    if (value.type === 'address' && value.address.linkIndex === index) return;
  }
}

function taken(call: Call, failed: readonly Address[]): Error {
  const reason = `a neighbour has ${failed.map(({ cidr }) => cidr).join(', ')}`;
  const hint =
    'Its duplicate address detection has failed (dadfailed): such an address stays unusable until it is removed and added again.';
  return call.fail('EADDRINUSE', { reason, hint });
}
