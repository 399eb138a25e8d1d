/** What depends on the kernel's version alone. */
import { release } from 'node:os';

/** Whether a kernel release such as `6.1.0-27-amd64` is of that version or a later one. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ourMajor = 0, ourMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ourMajor > major || (ourMajor === major && ourMinor >= minor);
}

/** Before, links are listed by a hash of the index (net/core/rtnetlink.c, rtnl_dump_ifinfo). */
export const LISTS_LINKS_BY_INDEX = isAtLeast(release(), 6, 9);
