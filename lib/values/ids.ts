/** The ids of requests under way, by which the addon says which of them it has finished. */

/**
 * The next free 32-bit number after `last`; never 0. The numbers wrap around after some weeks of thousands of requests
 * a second, and a watch without events keeps its own all that time.
 */
export function idAfter(last: number, taken: { has(id: number): boolean }): number {
  let id = last;
  do id = (id + 1) >>> 0;
  while (id === 0 || taken.has(id));
  return id;
}
