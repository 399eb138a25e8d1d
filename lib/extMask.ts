/** What links are read without (`IFLA_EXT_MASK`), when they are for the caller and so have to be whole. */
import { isAtLeast } from './kernelVersion.js';
import type { Namespace } from './namespace.js';
import { Refusal, type Step } from './native.js';
import { EXT_MASK } from './requests.js';
import type { Link } from './types.js';
import { LOOPBACK_IFINDEX } from './values.js';

/** RTEXT_FILTER_BRVLAN: leaves out nothing, and adds nothing where no bridge is asked. See {@link EXT_MASK}. */
const NOTHING = 2;

/**
 * `undefined` until it is known. Before Linux 6.15, without a fix that others have, the kernel leaves out `addrGenMode`
 * with the counters (net/ipv6/addrconf.c, inet6_fill_ifla6_attrs). A later one than 6.18 may leave out `stats`.
 */
let mask: number | undefined = isAtLeast(6, 15) && !isAtLeast(6, 19) ? EXT_MASK : undefined;

/** The mask for one link. */
export function extMask(): number {
  return mask ?? NOTHING;
}

/** The mask for a listing, where it saves much: first finds out what the kernel leaves out, once. */
export function extMaskForAll(
  namespace: Namespace,
  signal?: AbortSignal,
): number | Promise<number> {
  return mask ?? learn(namespace, signal);
}

async function learn(namespace: Namespace, signal?: AbortSignal): Promise<number> {
  const steps = [EXT_MASK, NOTHING].map(
    (one): Step => ({ operation: 'getLink', record: { index: LOOPBACK_IFINDEX, extMask: one } }),
  );
  const [some, all] = await namespace.exchange(steps, signal);
  if (some instanceof Refusal || all instanceof Refusal) return NOTHING;
  const [{ addrGenMode, stats }, whole] = [some as Link, all as Link];
  // Without IPv6 there are no such counters.
  if (whole.addrGenMode === null) return NOTHING;
  mask = addrGenMode === null || stats === null ? NOTHING : EXT_MASK;
  return mask;
}
