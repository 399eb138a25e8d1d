/** What a refused request was about, and what the reasons for refusals share. */
import type { Located } from '../namespace/elsewhere.js';
import { findLink } from '../namespace/lookup.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import type { LinkRecord } from '../records/requests.js';
import type { Link } from '../types/types.js';

/** A link that is made together with another: what was asked of it, and the namespace when it is another. */
export interface Peer {
  readonly name: string | undefined;
  readonly mtu: number | undefined;
  readonly namespace: Namespace | undefined;
}

/** What a refused request was about, as far as it matters to the reason. */
export interface About {
  /** The link that was to be read or changed. */
  readonly link?: number | string | undefined;
  /** The option that named it, such as `'options.parent'`. */
  readonly option?: string | undefined;
  /** Whether it was to take the place of what is there. */
  readonly replaces?: boolean | undefined;
  /** The record of the request. */
  readonly asked?: object | undefined;
  /** The other namespace in play. */
  readonly target?: Namespace | undefined;
  /** The namespace that the link's parent is probably in. */
  readonly home?: Namespace | undefined;
  /** The kind of a link that was to be made. */
  readonly kind?: string | undefined;
  readonly peer?: Peer | undefined;
  /** What a link that was to move to `target` brings: its names and its index. */
  readonly moving?: { readonly names: readonly string[]; readonly index: number };
}

/** The reason for a refusal, in a sentence; nothing when it was not found. */
export type Hint = string | undefined | false;

/** How a hint names a link. */
export function describeLink(link: Link): string {
  return `'${link.name}' (index ${link.index})`;
}

/** {@link describeLink} of one that may be in another namespace, probably one of `others`. */
export function describeChild(
  child: Link,
  namespace: Namespace,
  ...others: readonly (Namespace | undefined)[]
): string {
  if (child.netns === namespace.inode) return describeLink(child);
  const its = others.find((other) => other?.inode === child.netns);
  const where = its === undefined ? `net:[${child.netns}]` : describe(its);
  return describeLocated({ link: child, where });
}

/** {@link describeLink} of one in another namespace. */
export function describeLocated({ link, where }: Located): string {
  return `${describeLink(link)} of the network namespace ${where}`;
}

/** The entries of /proc/sys/net/ipv4/conf that are no link's (net/ipv4/devinet.c, devinet_sysctl_register). */
const RESERVED_NAMES: ReadonlySet<unknown> = new Set(['all', 'default']);

/** That no link can have a name. */
export function whyReserved(name: string | undefined): string | undefined {
  if (!RESERVED_NAMES.has(name)) return undefined;
  return `No link can be named '${name}': /proc/sys/net/ipv4/conf has an entry of that name for something else.`;
}

/** How a hint names a master; not every one has a kind. */
export function describeMaster({ name, kind }: Link): string {
  return kind === null ? `'${name}'` : `${kind} '${name}'`;
}

/** That a link cannot be a master. */
export function noPortsHint(name: string): string {
  return `The link '${name}' takes in no others: a master is a bridge, bond, team or VRF.`;
}

/** What a request about a link asked for. */
export function askedOfLink({ asked }: About): LinkRecord {
  return asked ?? {};
}

/** That a link has a name. */
export function takenBy(holder: Link, name: string, where: Namespace): string {
  return holder.name === name
    ? `The network namespace ${describe(where)} already has a link named '${name}', with index ${holder.index}.`
    : `'${name}' is an alternative name of the link ${describeLink(holder)} in the network namespace ${describe(where)}.`;
}

/** Whether it is the other end of a veth pair; both may be new, and gone again when the hint is read. */
function isOtherEnd({ kind, parent }: Link, own: number | string | undefined): boolean {
  return kind === 'veth' && parent !== null && parent.netnsid === null && parent.index === own;
}

/** Which link has one of the names, or else the index; a link's own names come last. */
export async function whyTaken(
  where: Namespace,
  names: readonly string[],
  index?: number,
  own?: number | string,
): Promise<string | undefined> {
  let ownName: string | undefined;
  for (const name of names) {
    const holder = await findLink(where, name);
    if (holder === undefined) continue;
    if (holder.index !== own) {
      return isOtherEnd(holder, own)
        ? `'${name}' is a name of the link's own other end.`
        : takenBy(holder, name, where);
    }
    ownName = name;
  }
  if (ownName !== undefined) return `'${ownName}' is a name of the link itself already.`;
  const holder = await findLink(where, index);
  return (
    holder &&
    `Index ${holder.index} belongs to the link '${holder.name}' in the network namespace ${describe(where)}.`
  );
}
