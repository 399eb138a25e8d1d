/** Why a link cannot have an MTU, because of its kind, its parent or its master; `diagnosisInet.ts` has what IP needs. */
import type { Refusal } from '../errors/refusal.js';
import { withParent } from '../namespace/elsewhere.js';
import { findLink } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Link } from '../types/types.js';
import { type About, askedOfLink, describeMaster, type Hint } from './diagnosisCommon.js';

/** Why a new veth cannot have its MTU (drivers/net/veth.c, veth_validate). */
export function vethMtuHint(option: string, mtu: number | undefined): string | undefined {
  if (mtu === undefined || (mtu >= 68 && mtu <= 65535)) return undefined;
  return `A veth can have an MTU of 68 to 65535, and '${option}' is ${mtu}.`;
}

export function mtuHint(mtu: number | undefined, parent: Link | undefined): string | undefined {
  if (mtu === undefined || parent === undefined || mtu <= parent.mtu) return undefined;
  return `The MTU of ${mtu} is above the parent's: '${parent.name}' has ${parent.mtu}.`;
}

/** {@link mtuHint} where it is a master that gives its ports its own. */
export function masterMtuHint(
  master: Link | undefined,
  link: Link,
  parent: Link | undefined,
): string | undefined {
  if (master?.kind !== 'bond' && master?.kind !== 'team') return undefined;
  if (parent === undefined || master.mtu <= parent.mtu) return undefined;
  return `The ${describeMaster(master)} gives its ports its own MTU of ${master.mtu}, which is above that of the parent of '${link.name}': '${parent.name}' has ${parent.mtu}.`;
}

/** {@link mtuHint} where the parent of a `child` is in another namespace: its MTU is the child's or a larger one. */
export async function mtuElsewhereHint(
  namespace: Namespace,
  mtu: number | undefined,
  child: Link,
): Promise<string | undefined> {
  if (mtu === undefined || typeof child.parent?.netnsid !== 'number' || mtu <= child.mtu)
    return undefined;
  const above = `The MTU of ${mtu} is above that of the parent of '${child.name}', which is in another namespace`;
  const parent = await withParent(namespace, child.parent, undefined, async (found) => found);
  if (parent === undefined) return `${above} and was not found.`;
  return mtu > parent.mtu ? `${above}: '${parent.name}' has ${parent.mtu}.` : undefined;
}

/** Where no other rule is known: of a link that does not have the MTU after the refusal. */
export function mtuNotAcceptedHint(mtu: number | undefined, link: Link): string | undefined {
  if (mtu === undefined || mtu === link.mtu) return undefined;
  return `The MTU of '${link.name}' cannot be ${mtu}: its driver, or that of a link below it, does not accept that.`;
}

/** The kernel says that the MTU is out of the device's range, and not which that is (net/core/dev.c, dev_validate_mtu). */
export async function whyMtuOutOfRange(
  namespace: Namespace,
  about: About,
  { kernelMessage = '' }: Refusal,
): Promise<Hint> {
  const side = /^mtu (less|greater) than device (?:min|max)imum$/.exec(kernelMessage)?.[1];
  if (side === undefined) return undefined;
  const { kind } = about;
  const { mtu } = askedOfLink(about);
  if (kind !== undefined) {
    // There is no link to look at. The kinds that have bounds have these (include/uapi/linux/if_ether.h).
    const bound = side === 'less' ? '68 at least' : '65535 at most';
    return `A ${kind} can have an MTU of ${bound}, and 'mtu' is ${mtu}.`;
  }
  const link = await findLink(namespace, about.link);
  if (link === undefined) return undefined;
  const bound = side === 'less' ? `${link.minMtu} at least` : `${link.maxMtu} at most`;
  return `The link '${link.name}' can have an MTU of ${bound}, and 'mtu' is ${mtu}.`;
}

/** Why a VLAN or a MACsec link cannot have its MTU. */
export async function whyMtuTooLarge(
  namespace: Namespace,
  about: About,
  { kernelMessage }: Refusal,
): Promise<Hint> {
  const { mtu, master } = askedOfLink(about);
  const link = await findLink(namespace, about.link);
  if (link?.parent?.netnsid !== null) return undefined;
  const parent = await findLink(namespace, link.parent.index);
  const masterLink = master ? await findLink(namespace, master) : undefined;
  const above = mtuHint(mtu, parent) ?? masterMtuHint(masterLink, link, parent);
  if (above !== undefined || parent === undefined || kernelMessage !== undefined) return above;
  // A MACsec link needs that room, and a VLAN on one.
  return (
    Math.max(mtu ?? 0, masterLink?.mtu ?? 0) > link.mtu &&
    `The MTU of '${link.name}' has to leave room for the headers that it adds: its parent '${parent.name}' has ${parent.mtu}.`
  );
}

/** Why the MTU of a team's port cannot change (drivers/net/team, team_device_event). */
export async function whyMtuFixed(namespace: Namespace, about: About): Promise<Hint> {
  if (askedOfLink(about).mtu === undefined) return undefined;
  const link = await findLink(namespace, about.link);
  const master = await findLink(namespace, link?.master ?? undefined);
  return (
    master?.kind === 'team' &&
    `The link '${link?.name}' is a port of team '${master.name}' and has its MTU: change that of '${master.name}'.`
  );
}
