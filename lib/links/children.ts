/** `findChildren`: the links on a link, in whichever namespace they are. */
import { check } from '../check/check.js';
import * as valueChecks from '../check/checkValues.js';
import { isNetlinkError } from '../errors/errors.js';
import type { Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { isStackedKind } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import { visitNamespaces } from '../namespace/places.js';
import type { Child, Link, LinkRef, NetnsLike } from '../types/types.js';
import { listLinks, readLink } from './links.js';

/** What is said of a namespace that this program may not open or enter. */
const FORBIDDEN = ['EACCES', 'EPERM'];
/** What is said of one that cannot be opened because it is gone by now, or because of that. */
const OUT_OF_REACH = [...FORBIDDEN, 'ENOENT', 'ESRCH', 'EINVAL', 'EBADF'];

/** `current` gives the calling thread's own namespace. */
export async function findChildren(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  current: () => NetnsLike,
): Promise<Child[]> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  const { index } = await readLink(namespace, call, ref);
  const here = await listLinks(namespace, call, { parent: index });
  const children: Child[] = here
    .filter(({ kind }) => isStackedKind(kind))
    .map((link) => ({ link, netns: namespace }));
  const refused = (refusal: Refusal) => {
    if (!OUT_OF_REACH.includes(refusal.code)) throw call.error(refusal);
  };
  for await (const visited of visitNamespaces(Number.POSITIVE_INFINITY, refused)) {
    call.checkSignal();
    if (visited.namespace.inode === namespace.inode) continue;
    const links = await linksOn(index, namespace, visited.namespace, call);
    children.push(...links.map((link) => ({ link, netns: visited.ref ?? current() })));
  }
  return children;
}

/** The links of another namespace that are on one of `home`. */
async function linksOn(
  index: number,
  home: Namespace,
  other: Namespace,
  call: Call,
): Promise<readonly Link[]> {
  try {
    const links = (await listLinks(other, call)).filter(
      ({ kind, parent }) =>
        isStackedKind(kind) && parent?.index === index && parent.netnsid !== null,
    );
    if (links.length === 0) return [];
    // After the listing, which gives an id to the namespace of a parent that was moved (rtnl_fill_link_netnsid).
    const netnsid = await other.askOrThrow(call, 'getNetnsid', { fd: home.fd });
    return links.filter(({ parent }) => parent?.netnsid === netnsid);
  } catch (error) {
    if (isNetlinkError(error) && FORBIDDEN.includes(error.code)) return [];
    throw error;
  }
}
