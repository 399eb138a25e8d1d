/**
 * Finds the reason behind a bare errno. Most of what macvlan refuses comes from the kernel without a
 * word (drivers/net/macvlan.c, Linux 6.18), so after a failure, and only then, a bounded number of
 * reads looks at what the kernel has looked at.
 */
import { readFile } from 'node:fs/promises';
import { errnoName } from './errors.js';
import { findChildren, findLink, findRealParent, isKindKnown, isMacvlanKind } from './lookup.js';
import { moduleOf, moduleState } from './modules.js';
import { describe, type Namespace } from './namespace.js';
import type { LinkRecord, Refusal } from './native.js';
import { IFF_UP } from './records.js';
import type { Link, LinkOptions } from './types.js';
import { ADDR_GEN_MODES, formatMac, MACVLAN_MODES } from './values.js';

/** A link that is made together with another: its name, and the namespace when it is another. */
export interface Peer {
  readonly name: string | undefined;
  readonly namespace: Namespace | undefined;
}

/** What a refused request was about, as far as it matters to the reason. */
export interface About {
  /** The link that was to be read or changed. */
  readonly link?: number | string | undefined;
  /** The option that named it, such as `'options.parent'`. */
  readonly option?: string | undefined;
  /** The record of the request, when it is not one that makes a link. */
  readonly asked?: object | undefined;
  /** The other namespace in play. */
  readonly target?: Namespace | undefined;
  /** Of a link that was to be made: its kind, its parent and the rest. */
  readonly kind?: string | undefined;
  readonly parent?: number | undefined;
  readonly created?: LinkOptions | undefined;
  readonly mode?: number | undefined;
  readonly mac?: Uint8Array | undefined;
  readonly master?: number | undefined;
  readonly peer?: Peer | undefined;
  /** Of a link that was to move to `target`: the names and the index that it brings. */
  readonly moving?: { readonly names: readonly string[]; readonly index: number };
}

type Hint = string | undefined | false;

/** The reason for a refusal, as far as it can be found; `{}` when nothing is found. */
export async function explain(
  namespace: Namespace,
  refusal: Refusal,
  about: About,
): Promise<{ hint?: string }> {
  const reason = REASONS[errnoName(refusal.errno)];
  if (reason === undefined) return {};
  try {
    const hint = await reason(namespace, about, refusal);
    return hint ? { hint } : {};
  } catch {
    // Looking is a favour: a namespace that goes away meanwhile must not hide the refusal itself.
    return {};
  }
}

type Reason = (namespace: Namespace, about: About, refusal: Refusal) => Promise<Hint>;

const REASONS: Readonly<Record<string, Reason>> = {
  EPERM: whyNotPermitted,
  EACCES: whyNotPermitted,
  ENODEV: whyNoDevice,
  EEXIST: whyExists,
  EINVAL: whyInvalid,
  EBUSY: whyBusy,
  EADDRINUSE: whyMacInUse,
  EOPNOTSUPP: whyNotSupported,
  EADDRNOTAVAIL: async (_, { asked }) =>
    asked !== undefined && 'prefixLength' in asked && 'The link has no such address.',
  ESRCH: async (_, { asked }) =>
    asked !== undefined && 'destinationLength' in asked && 'There is no such route.',
  ENOBUFS: async () =>
    "The kernel's answer was lost: the request may or may not have taken effect.",
  EINTR: async () => 'What was listed changed during every attempt to list it.',
};

const CAP_NET_ADMIN = 12n;

function nameOf(link: Link): string {
  return `'${link.name}' (index ${link.index})`;
}

/** What a request that makes no link asked to change. */
function changesOf({ asked }: About): LinkRecord {
  return asked ?? {};
}

async function whyNotPermitted(namespace: Namespace, { target }: About): Promise<Hint> {
  const status = await readFile('/proc/thread-self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const both = target !== undefined && target.inode !== namespace.inode;
  const where = both
    ? `${describe(namespace)} and ${describe(target)}`
    : `the network namespace ${describe(namespace)}`;
  if ((effective & (1n << CAP_NET_ADMIN)) === 0n) {
    return `The process lacks CAP_NET_ADMIN in the user namespace that owns ${where}.`;
  }
  return (
    'The process has CAP_NET_ADMIN in its own user namespace, but not in the one that owns ' +
    `${where}.`
  );
}

async function whyNoDevice(namespace: Namespace, about: About): Promise<Hint> {
  const { link, option, parent, kind } = about;
  const where = `in the network namespace ${describe(namespace)}`;
  if (kind !== undefined && parent !== undefined) {
    const found = await findLink(namespace, parent);
    return (
      found === undefined && `There is no link with index ${parent} ${where} to be the parent.`
    );
  }
  if (link === undefined) return undefined;
  const named = typeof link === 'number' ? `with index ${link}` : `named '${link}'`;
  return `There is no link ${named} ${where}${option ? ` (${option})` : ''}.`;
}

async function whyExists(namespace: Namespace, about: About): Promise<Hint> {
  const { created, target, kind, peer, moving, link } = about;
  const where = target ?? namespace;
  if (moving !== undefined) return whyTaken(where, moving.names, moving.index);
  if (kind === undefined) {
    const { name, altNames = [] } = changesOf(about);
    return whyTaken(namespace, name === undefined ? altNames : [name], undefined, link);
  }
  const names = created?.name === undefined ? [] : [created.name];
  return (
    (await whyTaken(where, names, created?.index)) ??
    (peer?.name === undefined ? undefined : await whyTaken(peer.namespace ?? where, [peer.name])) ??
    whyIndexTakenHere(namespace, created?.index)
  );
}

/** Of a link to be born elsewhere (net/core/rtnetlink.c, __rtnl_newlink). */
async function whyIndexTakenHere(namespace: Namespace, index: number | undefined): Promise<Hint> {
  const holder = index === undefined ? undefined : await findLink(namespace, index);
  return (
    holder &&
    `Index ${index} belongs to the link '${holder.name}' in the network namespace ${describe(namespace)}, where Linux before 6.15 looks it up.`
  );
}

/** Which link has one of the names, or else the index; a link's own names come last. */
async function whyTaken(
  where: Namespace,
  names: readonly string[],
  index?: number,
  own?: number | string,
): Promise<string | undefined> {
  let ownName: string | undefined;
  for (const name of names) {
    const holder = await findLink(where, name);
    if (holder === undefined) continue;
    if (holder.index === own) {
      ownName = name;
    } else if (holder.name === name) {
      return `The network namespace ${describe(where)} already has a link named '${name}', with index ${holder.index}.`;
    } else {
      return `'${name}' is an alternative name of the link ${nameOf(holder)} in the network namespace ${describe(where)}.`;
    }
  }
  if (ownName !== undefined) return `'${ownName}' is a name of the link itself already.`;
  const holder = index === undefined ? undefined : await findLink(where, index);
  return (
    holder &&
    `Index ${holder.index} belongs to the link '${holder.name}' in the network namespace ${describe(where)}.`
  );
}

async function whyInvalid(namespace: Namespace, about: About): Promise<Hint> {
  if (about.kind !== undefined) {
    return isMacvlanKind(about.kind) ? whyInvalidMacvlan(namespace, about) : undefined;
  }
  if (about.link === undefined) return undefined;
  const { mtu, info, families } = changesOf(about);
  if (families?.inet6.addrGenMode === ADDR_GEN_MODES['stable-privacy']) {
    return "A stable private address needs a secret: write one to /proc/sys/net/ipv6/conf/default/stable_secret, or to the link's own.";
  }
  const link = await findLink(namespace, about.link);
  if (link === undefined || !isMacvlanKind(link.kind)) return undefined;
  const parent =
    link.parent?.netnsid === null ? await findLink(namespace, link.parent.index) : undefined;
  return (
    mtuHint(mtu, parent) ??
    modeChangeHint(link, info?.macvlan?.mode) ??
    (info?.macvlan?.macAddressMode !== undefined &&
      link.macvlan?.mode !== 'source' &&
      `The link is in mode '${link.macvlan?.mode}', and only mode 'source' has a source list.`)
  );
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

function mtuHint(mtu: number | undefined, parent: Link | undefined): string | undefined {
  if (mtu === undefined || parent === undefined || mtu <= parent.mtu) return undefined;
  return `The MTU of ${mtu} is above the parent's: '${parent.name}' has ${parent.mtu}.`;
}

async function whyInvalidMacvlan(namespace: Namespace, about: About): Promise<Hint> {
  const parent = await findRealParent(namespace, about.parent);
  if (parent === undefined) return undefined;
  if (parent.type !== 'ether') {
    const what = parent.type === 'loopback' ? 'the loopback device' : `of type '${parent.type}'`;
    return `The parent '${parent.name}' is ${what}: a ${about.kind} needs an Ethernet device.`;
  }
  const tooLarge = mtuHint(about.created?.mtu, parent);
  if (tooLarge !== undefined) return tooLarge;
  const children = await findChildren(namespace, parent);
  const passthru = children.find(({ macvlan }) => macvlan?.mode === 'passthru');
  if (passthru !== undefined) {
    return `The parent '${parent.name}' already has a child in mode 'passthru', ${nameOf(passthru)}, and such a child tolerates no other.`;
  }
  if (about.mode === MACVLAN_MODES.passthru) {
    const other = children[0];
    return other === undefined
      ? `Mode 'passthru' needs a parent without any other child, and '${parent.name}' may have one in another namespace.`
      : `Mode 'passthru' needs a parent without any other child, and '${parent.name}' has ${nameOf(other)}.`;
  }
  return undefined;
}

async function whyBusy(namespace: Namespace, about: About): Promise<Hint> {
  const { kind, moving, created, target } = about;
  if (moving !== undefined) return whyTaken(target ?? namespace, [], moving.index);
  if (kind === undefined) return whyChangeBusy(namespace, about);
  const taken = await whyTaken(target ?? namespace, [], created?.index);
  if (taken !== undefined) return taken;
  if (!isMacvlanKind(kind)) return undefined;
  const parent = await findRealParent(namespace, about.parent);
  if (parent === undefined) return undefined;
  if (parent.master !== null) {
    const master = await findLink(namespace, parent.master);
    const what = master === undefined ? 'another device' : `${master.kind} '${master.name}'`;
    return `The parent '${parent.name}' is a port of ${what}, and a port can have no ${kind}: put it on '${master?.name ?? 'the master'}' instead.`;
  }
  if (kind === 'macvtap' && about.master !== undefined) {
    const master = await findLink(target ?? namespace, about.master);
    return `A macvtap hands its frames to its character device, and cannot be a port of '${master?.name}' as well.`;
  }
  return `Something else already receives the parent's frames (an ipvlan on '${parent.name}', for example), and a device has one receiver only.`;
}

async function whyChangeBusy(namespace: Namespace, about: About): Promise<Hint> {
  const { master, name, mac, flags = 0 } = changesOf(about);
  const link = about.link === undefined ? undefined : await findLink(namespace, about.link);
  if (link === undefined) return undefined;
  if (master !== undefined && master !== 0) {
    const to = `a port of '${(await findLink(namespace, master))?.name}'`;
    if (link.kind === 'macvtap') {
      return `A macvtap hands its frames to its character device, and cannot be ${to} as well.`;
    }
    const [child] = await findChildren(namespace, link);
    return (
      child && `The link '${link.name}' has ${nameOf(child)} on it, and cannot be ${to} as well.`
    );
  }
  if (name !== undefined && link.up) {
    return `The link '${link.name}' is up, and this kernel only renames links that are down.`;
  }
  // Kernels before 5.10 answer so to a MAC that is taken.
  return isMacvlanKind(link.kind) && (mac !== undefined || (flags & IFF_UP) !== 0)
    ? whyMacInUse(namespace, about)
    : undefined;
}

async function whyMacInUse(namespace: Namespace, about: About): Promise<Hint> {
  const own = about.link === undefined ? undefined : await findLink(namespace, about.link);
  const asked = about.mac ?? changesOf(about).mac;
  const mac = asked === undefined ? own?.mac : formatMac(asked);
  if (mac === undefined || mac === null) return undefined;
  const above = about.parent ?? (own?.parent?.netnsid === null ? own.parent.index : undefined);
  const parent = await findRealParent(namespace, above);
  if (parent?.mac === mac) return `The MAC ${mac} is the parent's own: '${parent.name}' has it.`;
  const holder =
    parent &&
    (await findChildren(namespace, parent)).find(
      (child) => child.mac === mac && child.up && child.index !== own?.index,
    );
  if (holder !== undefined) {
    return `The MAC ${mac} is taken by ${nameOf(holder)}, which is up on the same parent.`;
  }
  return `The MAC ${mac} is taken by a link on the same parent that is not in ${describe(namespace)}: in another namespace, or in one that is being taken down, where it stays for some time after.`;
}

async function whyNotSupported(
  namespace: Namespace,
  about: About,
  { syscall }: Refusal,
): Promise<Hint> {
  const { kind, link, target } = about;
  if (syscall === 'RTM_DELLINK') {
    const found = link === undefined ? undefined : await findLink(namespace, link);
    return found && `The link '${found.name}' is its driver's own, and cannot be deleted.`;
  }
  if (kind !== undefined && !(await isKindKnown(namespace, kind))) return whyKindUnknown(kind);
  const { master = changesOf(about).master } = about;
  const found = master ? await findLink(target ?? namespace, master) : undefined;
  return found && `The link '${found.name}' takes in no others: a master is a bridge, bond or VRF.`;
}

async function whyKindUnknown(kind: string): Promise<string> {
  const module = moduleOf(kind);
  return (await moduleState(module)) === 'loadable'
    ? `The kernel did not load its module '${module}': \`modprobe ${module}\` would say why.`
    : `This kernel has no links of kind '${kind}': the module '${module}' is neither built in nor to be found.`;
}
