/** What all operations take, and how links and namespaces are named. */
import type { netnsBrand } from '../values/values.js';

/**
 * What every operation's last argument may hold: the options of `create…`, `moveLink`, `watch`, `openTap`,
 * `deleteLink`, `deleteLinks`, `Netns.remove`, `checkSupport` and `run`, the changes of `setLink` and `setMacvlan`, the
 * filter of a listing, the route of `addRoute`, `replaceRoute` and `removeRoute`, and the rule of `addRule` and
 * `removeRule`. In JavaScript, arguments beyond the last one are ignored.
 */
export interface OperationOptions {
  /**
   * Withdraws what has not been sent to the kernel yet; the promise then rejects with the signal's
   * reason (for one exception see `createMacvlan`). What has been sent may still take effect: netlink requests cannot be
   * recalled, and the promise waits for the answer to it, even if another program keeps the kernel busy meanwhile.
   */
  readonly signal?: AbortSignal | undefined;
}

/** The properties of a network namespace handle. The class `Netns` is the only one that has them. */
export interface NetnsLike {
  /** @hidden */
  readonly [netnsBrand]: true;
  /** The file descriptor that holds the namespace open, to hand to a child process. */
  readonly fd: number;
  /** The namespace's inode in nsfs, as in `net:[4026531840]`. */
  readonly inode: number;
  /** Its name under /run/netns, or `null` when it was made or opened without one. */
  readonly name: string | null;
}

/**
 * Names a network namespace: a `Netns`; a name under /run/netns, or a path when it contains a `/`; a process that
 * lives in it; or an open file descriptor of it, which must stay open until the call has ended.
 */
export type NetnsRef = NetnsLike | string | { readonly pid: number } | { readonly fd: number };

/**
 * Names a link: its index, its name or one of its alternative names, or a {@link Link}. A `Link`
 * carries the namespace it was seen in, and is refused in any other.
 */
export type LinkRef = number | string | { readonly index: number };
