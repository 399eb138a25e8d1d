/** Why a link was refused with `EINVAL`, `EBUSY`, `EADDRINUSE` or `EADDRNOTAVAIL`: macvlan's own rules, above all. */
import type { Refusal } from '../errors/refusal.js';
import { findReceiversElsewhere, withParent } from '../namespace/elsewhere.js';
import {
  findLink,
  findRealParent,
  findRealPlace,
  findReceivers,
  findSiblings,
  isBelow,
  isMacvlanKind,
} from '../namespace/lookup.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import type { Link } from '../types/types.js';
import { IFF_UP } from '../values/flags.js';
import { isAtLeast } from '../values/kernelVersion.js';
import { formatMac } from '../values/mac.js';
import { ADDR_GEN_MODES, MACVLAN_FLAG_NODST, MACVLAN_MODES } from '../values/values.js';
import {
  type About,
  askedOfLink,
  describeChild,
  describeLink,
  describeLocated,
  describeMaster,
  type Hint,
  whyReserved,
  whyTaken,
} from './diagnosisCommon.js';
import {
  masterMtuHint,
  mtuElsewhereHint,
  mtuHint,
  mtuNotAcceptedHint,
  vethMtuHint,
} from './diagnosisMtu.js';

export async function whyInvalid(
  namespace: Namespace,
  about: About,
  { kernelMessage }: Refusal,
): Promise<Hint> {
  const { name, info } = askedOfLink(about);
  const reserved = whyReserved(name) ?? whyReserved(about.peer?.name);
  if (reserved !== undefined) return reserved;
  const said = kernelMessage !== undefined;
  if (about.moving !== undefined) return !said && whyImmovable(namespace, about);
  const flags = info?.macvlan?.flags ?? 0;
  if ((flags & MACVLAN_FLAG_NODST) !== 0 && !said && !isAtLeast(5, 13)) {
    return 'This kernel may not know nodst (MACVLAN_FLAG_NODST, Linux 5.13).';
  }
  return about.kind === undefined
    ? whyChangeInvalid(namespace, about, said)
    : whyNewInvalid(namespace, about, said);
}

/** {@link whyInvalid} of a new link. */
async function whyNewInvalid(namespace: Namespace, about: About, said: boolean): Promise<Hint> {
  const { kind, peer } = about;
  const { mtu, parent } = askedOfLink(about);
  if (kind === 'veth') return vethMtuHint('mtu', mtu) ?? vethMtuHint('peer.mtu', peer?.mtu);
  // net/8021q/vlan_netlink.c, vlan_newlink.
  if (kind === 'vlan') return mtuHint(mtu, await findLink(namespace, parent));
  return isMacvlanKind(kind) ? whyInvalidMacvlan(namespace, about, said) : undefined;
}

/** {@link whyInvalid} of a link that is to be changed. */
async function whyChangeInvalid(namespace: Namespace, about: About, said: boolean): Promise<Hint> {
  const { master: ref, mtu, mac, info, families } = askedOfLink(about);
  // This is the kernel's answer to a master that does not exist (net/core/rtnetlink.c, do_set_master).
  const master = ref ? await findLink(namespace, ref) : undefined;
  if (ref && master === undefined) {
    return `There is no link with index ${ref} in the network namespace ${describe(namespace)} to be the master.`;
  }
  if (families?.inet6?.addrGenMode === ADDR_GEN_MODES['stable-privacy']) {
    return "A stable private address needs a secret: write one to /proc/sys/net/ipv6/conf/default/stable_secret, or to the link's own.";
  }
  const link = await findLink(namespace, about.link);
  if (link === undefined) return undefined;
  const noPort = master && whyNoPort(link, master);
  if (noPort !== undefined) return noPort;
  if (!isMacvlanKind(link.kind)) {
    // The kernel looks at a MAC and at a port's attributes before it comes to the MTU (net/core/rtnetlink.c).
    const isTheMtu = mac === undefined && info === undefined && !said;
    return isTheMtu && mtuNotAcceptedHint(mtu, link);
  }
  const parent =
    link.parent?.netnsid === null ? await findLink(namespace, link.parent.index) : undefined;
  return (
    mtuHint(mtu, parent) ??
    (said ? undefined : masterMtuHint(master, link, parent)) ??
    (said ? undefined : await mtuElsewhereHint(namespace, mtu, link)) ??
    modeChangeHint(link, info?.macvlan?.mode) ??
    (info?.macvlan?.macAddressMode !== undefined &&
      info.macvlan.mode === undefined &&
      link.macvlan?.mode !== 'source' &&
      `The link is in mode '${link.macvlan?.mode}', and only mode 'source' has a source list.`)
  );
}

/** Why a link cannot be a port of that master. */
function whyNoPort(link: Link, master: Link): string | undefined {
  if (RECEIVING_ALONE.has(link.kind) && master.kind !== 'vrf') return `The link ${whyAlone(link)}`;
  if (master.kind !== 'bridge') return undefined;
  if (link.type !== 'ether') {
    return `The link '${link.name}' is ${whatElse(link)}: a port of a bridge is an Ethernet device.`;
  }
  return link.mac === NO_MAC
    ? `A port of a bridge needs a MAC, and that of '${link.name}' is all zeros.`
    : undefined;
}

/** Later kernels than 6.1 say so themselves (net/core/dev.c, __dev_change_net_namespace). */
async function whyImmovable(namespace: Namespace, about: About): Promise<Hint> {
  const link = await findLink(namespace, about.link);
  return link && `The link '${link.name}' cannot leave the network namespace that it was made in.`;
}

function modeChangeHint(link: Link, mode: number | undefined): string | undefined {
  const now = link.macvlan?.mode;
  if (mode === undefined || now === undefined) return undefined;
  const toPassthru = mode === MACVLAN_MODES.passthru;
  if (toPassthru === (now === 'passthru')) return undefined;
  return `The link is in mode '${now}': a living link cannot change ${
    toPassthru ? 'to' : 'from'
  } mode 'passthru'. Delete it and make another.`;
}

/** The type of a link that is no Ethernet device, in words. */
function whatElse({ type }: Link): string {
  return type === 'loopback' ? 'the loopback device' : `of type '${type}'`;
}

/** Kinds with IFF_NO_RX_HANDLER (net/core/dev.c, netdev_rx_handler_register). */
const RECEIVING_ALONE: ReadonlySet<unknown> = new Set(['ipvlan', 'vrf']);

/** Kinds that have a character device. */
const TAP_KINDS: ReadonlySet<unknown> = new Set(['macvtap', 'ipvtap']);

function whyAlone({ name, kind }: Link): string {
  return `'${name}' is of kind '${kind}', which lets nobody else receive its frames.`;
}

/** Gives no possible reasons where the kernel has `said` the reason. */
async function whyInvalidMacvlan(namespace: Namespace, about: About, said: boolean): Promise<Hint> {
  const { parent: above, mtu, info } = askedOfLink(about);
  const parent = await findRealParent(namespace, above);
  if (parent === undefined) return whyInvalidBeside(namespace, about, said);
  if (parent.type !== 'ether') {
    return `The parent '${parent.name}' is ${whatElse(parent)}: a ${about.kind} needs an Ethernet device.`;
  }
  if (RECEIVING_ALONE.has(parent.kind)) return `The parent ${whyAlone(parent)}`;
  const tooLarge = mtuHint(mtu, parent);
  if (tooLarge !== undefined) return tooLarge;
  const children = await findReceivers(namespace, parent, about.target);
  const alone = (passthru: string) =>
    `The parent '${parent.name}' already has a child in mode 'passthru', ${passthru}, and such a child tolerates no other.`;
  const notAlone = (child: string) =>
    `Mode 'passthru' needs a parent without any other child, and '${parent.name}' ${child}.`;
  const isToBeAlone = info?.macvlan?.mode === MACVLAN_MODES.passthru;
  const passthru = children.find(isPassthru);
  if (passthru !== undefined) return alone(describeChild(passthru, namespace, about.target));
  const [child] = children;
  if (child !== undefined) {
    return isToBeAlone
      ? notAlone(`has ${describeChild(child, namespace, about.target)}`)
      : undefined;
  }
  if (said) return undefined;
  const away = await findReceiversElsewhere(namespace, parent);
  const passthruAway = away.find(({ link }) => isPassthru(link));
  if (passthruAway !== undefined) return alone(describeLocated(passthruAway));
  if (!isToBeAlone) {
    return `The parent '${parent.name}' may have a child in mode 'passthru' in another namespace, and such a child tolerates no other.`;
  }
  const [other] = away;
  return notAlone(other ? `has ${describeLocated(other)}` : 'may have one in another namespace');
}

function isPassthru({ macvlan }: Link): boolean {
  return macvlan?.mode === 'passthru';
}

/** Why a macvlan whose parent is in another namespace takes no link: that parent becomes the new link's as well. */
async function whyInvalidBeside(namespace: Namespace, about: About, said: boolean): Promise<Hint> {
  const { parent, mtu, info } = askedOfLink(about);
  const siblings = await findSiblings(namespace, parent);
  const passthru = siblings.find(isPassthru);
  if (passthru !== undefined) {
    return `The parent of ${describeLink(passthru)}, in another namespace, would be the new link's too, and a child in mode 'passthru' tolerates no other.`;
  }
  const other = siblings[0];
  if (other === undefined) return undefined;
  if (info?.macvlan?.mode === MACVLAN_MODES.passthru) {
    return `Mode 'passthru' needs a parent without any other child, and that of ${describeLink(other)}, in another namespace, would be the new link's.`;
  }
  return said ? undefined : mtuElsewhereHint(namespace, mtu, other);
}

/** The MAC of links such as those of a netkit, which need none. */
const NO_MAC = '00:00:00:00:00:00';

/** Why a link does not come up (net/ethernet/eth.c, eth_validate_addr). */
export async function whyNoMac(namespace: Namespace, about: About): Promise<Hint> {
  const { mac, parent } = askedOfLink(about);
  if (mac !== undefined) return undefined;
  // A new link without a MAC of its own has its parent's.
  const link = await findLink(namespace, about.link ?? parent);
  return (
    link?.mac === NO_MAC &&
    `The link needs a MAC to come up, and that of '${link.name}' is all zeros.`
  );
}

export async function whyBusy(
  namespace: Namespace,
  about: About,
  { kernelMessage }: Refusal,
): Promise<Hint> {
  const { kind, moving, target } = about;
  if (moving !== undefined) return whyTaken(target ?? namespace, [], moving.index);
  if (kind === undefined) return whyChangeBusy(namespace, about, kernelMessage !== undefined);
  const { index, parent: above } = askedOfLink(about);
  const taken = await whyTaken(target ?? namespace, [], index);
  if (taken !== undefined) return taken;
  if (!isMacvlanKind(kind)) return undefined;
  const parent = await findRealParent(namespace, above);
  if (parent === undefined) return undefined;
  const master = await findLink(namespace, parent.master ?? undefined);
  // A VRF does not receive the frames of its ports (drivers/net/vrf.c).
  if (parent.master !== null && master?.kind !== 'vrf') {
    const what = master === undefined ? 'another device' : describeMaster(master);
    // What is on the device of an Open vSwitch is not connected to the ports of its bridges.
    const instead =
      master === undefined || master.kind === 'openvswitch'
        ? ''
        : `: put it on '${master.name}' instead`;
    return `The parent '${parent.name}' is a port of ${what}, and a port can have no ${kind}${instead}.`;
  }
  if (TAP_KINDS.has(parent.kind)) {
    return `The parent '${parent.name}' is of kind '${parent.kind}' and hands its frames to its character device, and a device has one receiver only.`;
  }
  const children = await findReceivers(namespace, parent, about.target);
  // What receives the frames for one macvlan, receives them for others as well.
  if (children.some((child) => isMacvlanKind(child.kind))) return undefined;
  const [child] = children;
  const isOther = (one: Link) => !isMacvlanKind(one.kind);
  const receiver = child
    ? `The ${child.kind} ${describeChild(child, namespace, about.target)}`
    : ((await receiverElsewhere(namespace, parent, isOther)) ??
      `Something else (an ipvlan on '${parent.name}' in another namespace, or a bridge that it has left meanwhile, for example)`);
  return `${receiver} already receives the parent's frames, and a device has one receiver only.`;
}

/** What receives a link's frames, where that is in another namespace. */
async function receiverElsewhere(
  namespace: Namespace,
  link: Link,
  mayBe: (child: Link) => boolean,
): Promise<string | undefined> {
  const away = await findReceiversElsewhere(namespace, link);
  const child = away.find((one) => mayBe(one.link));
  return child && `The ${child.link.kind} ${describeLocated(child)}`;
}

async function whyChangeBusy(namespace: Namespace, about: About, said: boolean): Promise<Hint> {
  const { master, name, mac, flags = 0 } = askedOfLink(about);
  const link = await findLink(namespace, about.link);
  if (link === undefined) return undefined;
  // Kernels before 5.10 answer so to a MAC that is taken, later ones where a device takes no new MAC while it is up.
  const whyMacvlanBusy = () =>
    !isAtLeast(5, 10) && isMacvlanKind(link.kind) && whyMacInUse(namespace, about);
  // The kernel sets the MAC before anything else (net/core/rtnetlink.c, do_setlink).
  if (mac !== undefined && formatMac(mac) !== link.mac) return whyMacvlanBusy();
  if (master !== undefined && master !== 0) {
    const upper = await findLink(namespace, master);
    if (upper !== undefined && (await isBelow(namespace, upper, link))) {
      return `'${upper.name}' cannot be both below '${link.name}' and its master.`;
    }
    const to = `a port of '${upper?.name}'`;
    if (TAP_KINDS.has(link.kind)) {
      return `A link of kind '${link.kind}' hands its frames to its character device, and cannot be ${to} as well.`;
    }
    const [child] = await findReceivers(namespace, link);
    if (child !== undefined) {
      return `The link '${link.name}' has ${describeLink(child)} on it, and cannot be ${to} as well.`;
    }
    // A listing does not show which link is below a VXLAN: it may be the master.
    if (said || link.kind === 'vxlan') return undefined;
    const receiver =
      (await receiverElsewhere(namespace, link, () => true)) ??
      'Something else (a macvlan on it in another namespace, for example)';
    return `${receiver} already receives the frames of '${link.name}', and it cannot be ${to} as well.`;
  }
  if (name !== undefined && link.up && !isAtLeast(6, 2)) {
    return `The link '${link.name}' is up, and this kernel only renames links that are down.`;
  }
  return (flags & IFF_UP) !== 0 && whyMacvlanBusy();
}

function isSame(link: Link, other: Link | undefined): boolean {
  return link.netns === other?.netns && link.index === other.index;
}

function takenOnParent(mac: string, holder: string): string {
  return `The MAC ${mac} is taken by ${holder}, which is up on the same parent.`;
}

export async function whyMacInUse(namespace: Namespace, about: About): Promise<Hint> {
  const own = await findLink(namespace, about.link);
  // For other kinds it is about another address: a VXLAN's port, an ipvlan's IP address.
  if (!isMacvlanKind(own?.kind ?? about.kind)) return undefined;
  const { mac: asked, parent: wanted } = askedOfLink(about);
  const mac = asked === undefined ? own?.mac : formatMac(asked);
  if (mac === undefined || mac === null) return undefined;
  const isHolder = (child: Link) => child.mac === mac && child.up && !isSame(child, own);
  const place = wanted === undefined ? own?.parent : await findRealPlace(namespace, wanted);
  const known = wanted === undefined ? about.home : undefined;
  const hint = await withParent(namespace, place, known, async (parent, home) => {
    if (parent.mac === mac) return `The MAC ${mac} is the parent's own: '${parent.name}' has it.`;
    const siblings = await findReceivers(home, parent, about.target ?? namespace);
    const holder = siblings.find(isHolder);
    if (holder !== undefined)
      return takenOnParent(mac, describeChild(holder, namespace, home, about.target));
    const away = await findReceiversElsewhere(home, parent);
    const holderAway = away.find(({ link }) => isHolder(link));
    return holderAway && takenOnParent(mac, describeLocated(holderAway));
  });
  if (hint !== undefined) return hint;
  const siblings = await findSiblings(namespace, wanted ?? about.link);
  const holder = siblings.find(isHolder);
  if (holder !== undefined) return takenOnParent(mac, describeLink(holder));
  return `The MAC ${mac} is taken by the parent, or by a link on it, that is not in ${describe(namespace)}: in another namespace, or in one that is being taken down, where it stays for some hundred milliseconds, so that it helps to try again; or by one that has given it up meanwhile.`;
}
