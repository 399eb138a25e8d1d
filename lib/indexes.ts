/** Indexes that are chosen here for links, and may turn out to be taken. */
import type { Refusal } from './native.js';

/** How often another index is tried after one that was chosen here turns out to be taken. */
export const MAX_INDEXES = 4;

/**
 * How the kernel says that an index is taken: EEXIST of a link to be (net/core/rtnetlink.c), EBUSY of one
 * that moves, and before 6.15 also of one to be (net/core/dev.c, dev_index_reserve).
 */
const INDEX_TAKEN: ReadonlySet<string> = new Set(['EEXIST', 'EBUSY']);

/** Whether a refusal may be for the index; EEXIST may be for a name as well. */
export function mayBeTheIndex({ code }: Refusal): boolean {
  return INDEX_TAKEN.has(code);
}
