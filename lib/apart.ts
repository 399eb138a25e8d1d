/** Keeps two sorts of operations apart: those that bring links up or down, and those that need a link to stay up. */
import type { Namespace } from './namespace.js';

const OTHER = { changesUp: 'needsUp', needsUp: 'changesUp' } as const;

/** What is under way, by namespace and sort. */
const underWay = new Map<string, Set<Promise<unknown>>>();

/**
 * Does `work`, which may be several requests, after the work of the other sort that was handed in before it. Not after
 * that of its own sort: thousands of links may be taken down together.
 */
export function apart<T>(
  { inode }: Namespace,
  sort: keyof typeof OTHER,
  work: () => Promise<T>,
): Promise<T> {
  const others = underWay.get(`${inode} ${OTHER[sort]}`);
  const result = others === undefined ? work() : Promise.allSettled(others).then(work);
  const key = `${inode} ${sort}`;
  const own = underWay.get(key) ?? new Set();
  underWay.set(key, own.add(result));
  const forget = () => {
    own.delete(result);
    if (own.size === 0) underWay.delete(key);
  };
  result.then(forget, forget);
  return result;
}
