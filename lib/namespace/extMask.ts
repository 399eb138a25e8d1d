/** What links are read without (`IFLA_EXT_MASK`), when they are for the caller and so have to be whole. */
import { Refusal } from '../errors/refusal.js';
import { EXT_MASK } from '../records/requests.js';
import type { Link } from '../types/types.js';
import { isAtLeast } from '../values/kernelVersion.js';
import { LOOPBACK_IFINDEX } from '../values/values.js';
import type { Namespace } from './namespace.js';
import type { Step } from './native.js';

/** RTEXT_FILTER_BRVLAN: leaves out nothing, and adds nothing where no bridge is asked. See {@link EXT_MASK}. */
const NOTHING = 2;

/**
 * `undefined` until it is known. Before Linux 6.15, without a fix that others have, the kernel leaves out `addrGenMode`
 * with the counters (net/ipv6/addrconf.c, inet6_fill_ifla6_attrs). A later one than 6.18 may leave out `stats`.
 */
let mask: number | undefined = isAtLeast(6, 15) && !isAtLeast(6, 19) ? EXT_MASK : undefined;

/** The mask for reading a link, or all. */
export function extMask(): number {
  return mask ?? NOTHING;
}

/**
 * Finds out what the kernel leaves out, unless that is known: for what follows a listing, beside which it is asked. So
 * the listing keeps its place among the calls of one turn.
 */
export async function learnExtMask(namespace: Namespace, signal?: AbortSignal): Promise<void> {
  if (mask !== undefined) return;
  const steps = [EXT_MASK, NOTHING].map(
    (one): Step => ({ operation: 'getLink', record: { index: LOOPBACK_IFINDEX, extMask: one } }),
  );
  const [some, all] = await namespace.exchange(steps, signal);
  if (some instanceof Refusal || all instanceof Refusal) return;
  const [{ addrGenMode, stats }, whole] = [some as Link, all as Link];
  // Without IPv6 there are no such counters.
  if (whole.addrGenMode === null) return;
  mask = addrGenMode === null || stats === null ? NOTHING : EXT_MASK;
}
