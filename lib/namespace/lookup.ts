/** Looking links up without an error when there is none: by what names them, or by their parent. */
import { NO_LINK, Refusal } from '../errors/refusal.js';
import { EXT_MASK, type LinkIndexRecord, type LinkRecord } from '../records/requests.js';
import type { Link, LinkParent } from '../types/types.js';
import type { Call } from './call.js';
import { extMask } from './extMask.js';
import { LAST_INDEX } from './indexes.js';
import type { Namespace } from './namespace.js';
import type { Result } from './native.js';
import { askTogether, groupedBy, madeOnce } from './sharedListing.js';

const IFNAMSIZ = 16;
const MACVLAN_KINDS: ReadonlySet<unknown> = new Set(['macvlan', 'macvtap']);

/** Whether links of a kind are on a parent in the way that macvlans are. */
export function isMacvlanKind(kind: string | null | undefined): boolean {
  return MACVLAN_KINDS.has(kind);
}

/** How a request names a link: by its index, or by a name that the kernel looks up. */
export function linkRecord(ref: number | string): LinkRecord {
  return typeof ref === 'number' ? { index: ref, extMask: extMask() } : nameRecord(ref, extMask());
}

/** IFLA_IFNAME finds alternative names too, but is refused when longer than a name may be. */
function nameRecord(name: string, extMask: number): LinkIndexRecord {
  return Buffer.byteLength(name) < IFNAMSIZ ? { name, extMask } : { altName: name, extMask };
}

/** How a request for its index names a link. */
export function indexRecord(name: string): LinkIndexRecord {
  return nameRecord(name, EXT_MASK);
}

/** Reads a link; `undefined` when there is none, when it cannot be found out, and for no reference. */
export async function findLink(
  namespace: Namespace,
  ref: number | string | undefined,
): Promise<Link | undefined> {
  if (ref === undefined) return undefined;
  const result = await namespace.ask('getLink', linkRecord(ref));
  return result instanceof Refusal ? undefined : result;
}

/** {@link findLink} for an operation that must know: an error when it cannot be found out whether there is one. */
export async function mustFindLink(
  namespace: Namespace,
  call: Call,
  ref: number | string,
): Promise<Link | undefined> {
  const result = await namespace.ask('getLink', linkRecord(ref), call.signal);
  if (result instanceof Refusal && !result.isAnswerOf(NO_LINK)) throw call.error(result);
  return result instanceof Refusal ? undefined : result;
}

/** Where the link is that a macvlan would be on: when the parent is a macvlan itself, the kernel uses that one's parent. */
export async function findRealPlace(
  namespace: Namespace,
  index: number | undefined,
): Promise<LinkParent | undefined> {
  const link = await findLink(namespace, index);
  if (link === undefined) return undefined;
  return isMacvlanKind(link.kind)
    ? (link.parent ?? undefined)
    : { index: link.index, netnsid: null };
}

/** The link that a macvlan would be on, where it is in this namespace. */
export async function findRealParent(
  namespace: Namespace,
  index: number | undefined,
): Promise<Link | undefined> {
  const place = await findRealPlace(namespace, index);
  return place?.netnsid === null ? findLink(namespace, place.index) : undefined;
}

/** The links that receive the frames of a parent: those in its namespace, and behind them those in `other`. */
export async function findReceivers(
  namespace: Namespace,
  { index }: Link,
  other?: Namespace,
): Promise<readonly Link[]> {
  const here = await findReceiversOf(namespace, { index, netnsid: null });
  if (other === undefined || other.inode === namespace.inode) return here;
  const there = await findReceiversFrom(other, namespace);
  return [...here, ...there.filter(({ parent }) => parent?.index === index)];
}

/** The macvlans on the parent of a macvlan, itself included; the parent may be in another namespace. */
export async function findSiblings(
  namespace: Namespace,
  ref: number | string | undefined,
): Promise<readonly Link[]> {
  const link = await findLink(namespace, ref);
  return link?.parent && isMacvlanKind(link.kind) ? findReceiversOf(namespace, link.parent) : [];
}

const parentKey = ({ index, netnsid }: LinkParent) => `${index} ${netnsid}`;

/** Kinds that receive the frames of their parent, which has one receiver only (netdev_rx_handler_register). */
const RECEIVING_KINDS: ReadonlySet<unknown> = new Set([
  ...MACVLAN_KINDS,
  ...['ipvlan', 'ipvtap', 'macsec'],
]);

const receiversByParent = groupedBy<Link>(({ kind, parent }) =>
  RECEIVING_KINDS.has(kind) && parent !== null ? parentKey(parent) : undefined,
);

/** Those whose parents are in other namespaces. */
const receiversByNetns = groupedBy<Link>(({ kind, parent }) =>
  RECEIVING_KINDS.has(kind) && parent?.netnsid != null ? `${parent.netnsid}` : undefined,
);

/** The links that receive the frames of parents in another namespace, `home`. */
export async function findReceiversFrom(
  namespace: Namespace,
  home: Namespace,
): Promise<readonly Link[]> {
  const links = await askTogether(namespace, 'listLinks', { extMask: EXT_MASK });
  if (links instanceof Refusal) return [];
  const byNetns = receiversByNetns(links);
  if (byNetns.size === 0) return [];
  // Afterwards: a parent that was moved has an id for its namespace only once the link has been listed
  // (net/core/rtnetlink.c, rtnl_fill_link_netnsid).
  const netnsid = await namespace.ask('getNetnsid', { fd: home.fd });
  return byNetns.get(`${netnsid}`) ?? [];
}

async function findReceiversOf(namespace: Namespace, parent: LinkParent): Promise<readonly Link[]> {
  const links = await askTogether(namespace, 'listLinks', { extMask: EXT_MASK });
  if (links instanceof Refusal) return [];
  return receiversByParent(links).get(parentKey(parent)) ?? [];
}

/**
 * Kinds that the kernel connects to the link below them (netdev_upper_dev_link), unlike tunnels. So is a VXLAN,
 * but it has no IFLA_LINK that says which link that is.
 */
const STACKED_KINDS: ReadonlySet<unknown> = new Set([...RECEIVING_KINDS, 'vlan']);

/** Whether links of a kind are on their parent, which a veth pair's other end is not. */
export function isStackedKind(kind: string | null): boolean {
  return STACKED_KINDS.has(kind);
}

/** The indexes of the link below each link, and of its ports. */
const lowersOf = madeOnce((links: readonly Link[]) => {
  const lowers = new Map<number, number[]>();
  const add = (upper: number, lower: number) => {
    const known = lowers.get(upper);
    if (known === undefined) lowers.set(upper, [lower]);
    else known.push(lower);
  };
  for (const { index, kind, parent, master } of links) {
    if (STACKED_KINDS.has(kind) && parent?.netnsid === null) add(index, parent.index);
    if (master !== null) add(master, index);
  }
  return lowers;
});

/** Whether a link is below another, directly or with others in between. */
export async function isBelow(namespace: Namespace, lower: Link, upper: Link): Promise<boolean> {
  const links = await askTogether(namespace, 'listLinks', { extMask: EXT_MASK });
  if (links instanceof Refusal) return false;
  const lowers = lowersOf(links);
  const found = new Set([upper.index]);
  // The loop also visits what is added meanwhile.
  for (const index of found) for (const one of lowers.get(index) ?? []) found.add(one);
  return lower.index !== upper.index && found.has(lower.index);
}

/**
 * Whether the kernel knows a kind now; asking so loads nothing. A listing of one kind shows no
 * loopback device, but the kernel leaves a filter out of account whose kind it does not know
 * (net/core/rtnetlink.c, rtnl_dump_ifinfo).
 */
export async function askForKind(namespace: Namespace, kind: string): Promise<boolean | Refusal> {
  const links = await askTogether(namespace, 'listLinks', { extMask: EXT_MASK, info: { kind } });
  return links instanceof Refusal ? links : links.every((link) => link.kind === kind);
}

export async function isKindKnown(namespace: Namespace, kind: string): Promise<boolean> {
  return (await askForKind(namespace, kind)) === true;
}

/**
 * The kernel's answer to an empty change of a link that does not exist: it checks the permission first
 * (net/core/rtnetlink.c, rtnetlink_rcv_msg).
 */
export function askWithoutChange(namespace: Namespace): Promise<Result<'changeLink'>> {
  return namespace.ask('changeLink', { index: LAST_INDEX });
}
