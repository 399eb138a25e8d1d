/** The indexes of links: the last one there is, and what to do when one that this library has chosen is taken. */
import type { Refusal } from '../errors/refusal.js';

/**
 * The largest index that a link can have (net/core/dev.c, dev_index_reserve: xa_limit_31b). No link is likely to have
 * it: the kernel counts up from 1.
 */
export const LAST_INDEX = 2 ** 31 - 1;

/** How many indexes are tried before the refusal is reported. */
export const MAX_INDEX_ATTEMPTS = 4;

/**
 * How the kernel says that an index is taken: EEXIST for a new link (net/core/rtnetlink.c); EBUSY for one that
 * moves, and before 6.15 for a new one as well (net/core/dev.c, dev_index_reserve).
 */
const INDEX_TAKEN: ReadonlySet<string> = new Set(['EEXIST', 'EBUSY']);

/** Whether the index may be the reason for a refusal; for EEXIST it may also be the name. */
export function mayMeanIndexTaken({ code }: Refusal): boolean {
  return INDEX_TAKEN.has(code);
}
