/** What depends on the kernel's version alone. */
import { release } from 'node:os';

const [ourMajor = 0, ourMinor = 0] = release()
  .split('.')
  .map((part) => Number.parseInt(part, 10));

/** Whether the kernel is of that version or a later one. */
export function isAtLeast(major: number, minor: number): boolean {
  return ourMajor > major || (ourMajor === major && ourMinor >= minor);
}

/** Before, links are listed by a hash of the index (net/core/rtnetlink.c, rtnl_dump_ifinfo). */
export const LISTS_LINKS_BY_INDEX = isAtLeast(6, 9);
