/** The numbers by which the addon tells which of the things under way it has finished. */

/**
 * The number after `last`, of 32 bits, that is not taken: all have been given once after some weeks of
 * thousands of requests a second, and a watch that hears of nothing keeps its own. 0 is none.
 */
export function idAfter(last: number, taken: { has(id: number): boolean }): number {
  let id = last;
  do id = (id + 1) >>> 0;
  while (id === 0 || taken.has(id));
  return id;
}
