/** Listings of links that the kernel ends early. */
import { TOO_MANY_SOURCES } from '../diagnosis/diagnosisLimits.js';
import { NO_LINK, Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { LinkRecord } from '../records/requests.js';
import type { Link } from '../types/types.js';
import { isAtLeast } from '../values/kernelVersion.js';

/**
 * Since Linux 7.3 the kernel ends a listing, without an error, at a macvlan whose source list is too long for an
 * attribute (drivers/net/macvlan.c, macvlan_fill_info, nla_nest_end_safe; net/core/rtnetlink.c, rtnl_dumpit).
 */
const MAY_END_EARLY = isAtLeast(7, 3);

/** RTEXT_FILTER_NAME_ONLY: nothing but the names, for which there is room. */
const NAME_ONLY = 256;

/**
 * Adds to a listing, in the order of their indexes, the links that the kernel has left out of it, or throws for the one
 * of which it cannot tell. `record` is what was asked for.
 */
export async function completeListing(
  namespace: Namespace,
  call: Call,
  links: Link[],
  record: LinkRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!MAY_END_EARLY) return;
  const index = links.at(-1)?.index ?? 0;
  const names = { ...record, index, extMask: NAME_ONLY };
  const step = { operation: 'listLinks', record: names, approximate: true } as const;
  const [behind] = await namespace.exchange([step], signal);
  if (behind instanceof Refusal) throw call.error(behind);
  const missing = behind as readonly Link[];
  if (missing.length === 0) return;
  const { extMask } = record;
  const results = await namespace.exchangeMany(
    missing.length,
    (at) => ({ operation: 'getLink', record: { index: missing[at]?.index, extMask } }),
    signal,
  );
  for (const [at, result] of results.entries()) {
    if (!(result instanceof Refusal)) links.push(result as Link);
    else if (result.code === 'EMSGSIZE') {
      const hint = `Linux can list neither the link '${missing[at]?.name}' nor those behind it. ${TOO_MANY_SOURCES}`;
      throw call.error(result, { hint });
    } else if (!result.isAnswerOf(NO_LINK)) throw call.error(result);
  }
}
