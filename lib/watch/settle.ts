/** `settleAddresses`: waits until a link's addresses can be used. */
import { unlessAborted } from '../base/abort.js';
import { check } from '../check/check.js';
import * as valueChecks from '../check/checkValues.js';
import { Refusal } from '../errors/refusal.js';
import { readLink } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import { askTogether, groupedBy } from '../namespace/sharedListing.js';
import type { Address, LinkRef } from '../types/types.js';
import { Announcements, type Listener } from './announcements.js';

export async function settleAddresses(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
): Promise<Address[]> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  const { index } = await readLink(namespace, call, ref);
  return (
    (await usableAddresses(namespace, call, index)) ??
    (await Announcements.listen(namespace, call, index, (listener) =>
      whenUsable(namespace, call, index, listener),
    ))
  );
}

async function whenUsable(
  namespace: Namespace,
  call: Call,
  index: number,
  listener: Listener,
): Promise<Address[]> {
  for (;;) {
    // Listed each time: the kernel tells of an address that it has made up only once that can be used, or once it
    // is given up (net/ipv6/addrconf.c, addrconf_dad_completed and addrconf_dad_stop).
    const usable = await usableAddresses(namespace, call, index);
    if (usable !== undefined) return usable;
    const told = await unlessAborted(listener.next(), call.signal);
    if (told === null) {
      const reason = `the network namespace ${describe(namespace)} was closed meanwhile`;
      throw call.fail('ERR_NETNS_CLOSED', { reason });
    }
    const given = told.filter(({ removed, address }) => removed && isGivenUp(address));
    throwIfTaken(
      call,
      given.map(({ address }) => address),
    );
  }
}

const addressesOf = groupedBy<Address>(({ linkIndex }) => `${linkIndex}`);

/** The addresses of a link; nothing while one of them cannot be used yet. */
async function usableAddresses(
  namespace: Namespace,
  call: Call,
  index: number,
): Promise<Address[] | undefined> {
  // Together with others: detection ends for many at the same time.
  const listing = askTogether(namespace, 'listAddresses', {});
  const all = await unlessAborted(listing, call.signal);
  if (all instanceof Refusal) throw call.error(all);
  const own = addressesOf(all).get(`${index}`) ?? [];
  throwIfTaken(call, own.filter(hasFailed));
  if (own.some(isTentative)) return undefined;
  // A link that is being deleted loses its addresses first.
  await readLink(namespace, call, index, 'link');
  return [...own];
}

/** An optimistic address can be used meanwhile (net/ipv6/addrconf.c, ipv6_chk_addr_and_flags). */
function isTentative({ flags }: Address): boolean {
  return flags.includes('tentative') && !flags.includes('optimistic');
}

function hasFailed({ flags }: Address): boolean {
  return flags.includes('dadfailed');
}

/** Whether the kernel has removed an address, which has a lifetime, because it is taken; it makes up others itself. */
function isGivenUp(address: Address): boolean {
  const { flags } = address;
  return hasFailed(address) && !flags.includes('temporary') && !flags.includes('stable-privacy');
}

function throwIfTaken(call: Call, taken: readonly Address[]): void {
  if (taken.length === 0) return;
  const reason = `a neighbour has ${taken.map(({ cidr }) => cidr).join(', ')}`;
  const hint = 'Duplicate address detection has found that out (dadfailed).';
  throw call.fail('EADDRINUSE', { reason, hint });
}
