/**
 * Finds the reason for an errno. When macvlan refuses something, the kernel mostly sends no message with the errno
 * (drivers/net/macvlan.c, Linux 6.18). So after a failure, and only then, a bounded number of
 * reads checks the same conditions as the kernel.
 */
import { builtin } from '../base/builtin.js';
import { Refusal } from '../errors/refusal.js';
import { askWithoutChange, findLink, isKindKnown, isMacvlanKind } from '../namespace/lookup.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import type { RouteRecord } from '../records/requests.js';
import { IFF_UP } from '../values/flags.js';
import { isAtLeast } from '../values/kernelVersion.js';
import { formatMac } from '../values/mac.js';
import { AF_INET6 } from '../values/values.js';
import {
  type About,
  askedOfLink,
  describeLink,
  describeMaster,
  type Hint,
  noPortsHint,
  whyTaken,
} from './diagnosisCommon.js';
import {
  whyAddressExists,
  whyKernelLacksIPv6,
  whyMtuTooSmall,
  whyNeighbourExists,
  whyNoIPv6,
  whyNoSuchAddress,
  whyRouteExists,
  whyScopeDiffers,
  whySourceInvalid,
  whyUnreachable,
} from './diagnosisInet.js';
import {
  TOO_DEEP,
  whyBridgeFull,
  whyNotJoined,
  whyQueueTooLong,
  whyTooLong,
} from './diagnosisLimits.js';
import { whyBusy, whyInvalid, whyMacInUse, whyNoMac } from './diagnosisMacvlan.js';
import { whyMtuFixed, whyMtuOutOfRange, whyMtuTooLarge } from './diagnosisMtu.js';
import { RULE_EXISTS, whyNoSuchRule } from './diagnosisRules.js';
import { moduleOf, moduleState } from './modules.js';

const fs = builtin('node:fs');

/** The reason for a refusal, in a sentence, as far as it can be found. */
export async function explain(
  namespace: Namespace,
  refusal: Refusal,
  about: About,
): Promise<string | undefined> {
  try {
    return (await REASONS[refusal.code]?.(namespace, about, refusal)) || undefined;
  } catch {
    // The reason is only an addition: a failure to find it must not hide the refusal itself.
    return undefined;
  }
}

/** Whether a request has the kernel look whether a MAC is free: it makes a link, gives it a MAC or brings it up. */
function usesMac(about: About, { syscall, kernelMessage }: Refusal): boolean {
  // With a text it is another reason.
  if (syscall !== 'RTM_NEWLINK' || kernelMessage !== undefined) return false;
  const { mac, flags = 0 } = askedOfLink(about);
  return about.kind !== undefined || mac !== undefined || (flags & IFF_UP) !== 0;
}

/** Whether a request puts a link on another one, or below a master. */
function isStacked(about: About, { syscall, kernelMessage }: Refusal): boolean {
  // With a text it is another reason.
  if (syscall !== 'RTM_NEWLINK' || kernelMessage !== undefined) return false;
  return about.kind !== undefined || !!askedOfLink(about).master;
}

type Reason = (namespace: Namespace, about: About, refusal: Refusal) => Promise<Hint>;

const REASONS: Readonly<Record<string, Reason>> = {
  EPERM: whyNotPermitted,
  EACCES: whyNoIPv6,
  ENODEV: whyNoDevice,
  EEXIST: whyExists,
  ENOENT: async (namespace, about, refusal) =>
    refusal.syscall === 'RTM_DELRULE'
      ? whyNoSuchRule(namespace, about)
      : (await whyNameStays(namespace, about, refusal)) || whyGone(refusal, about),
  EINVAL: async (namespace, about, refusal) =>
    (await whyNameStays(namespace, about, refusal)) ||
    (await whySaidNoIPv6(namespace, about, refusal)) ||
    (await whySourceInvalid(namespace, about, refusal)) ||
    (await whyScopeDiffers(namespace, about, refusal)) ||
    whyNotJoined(about, refusal) ||
    (await whyInvalid(namespace, about, refusal)) ||
    whyMtuOutOfRange(namespace, about, refusal),
  EAFNOSUPPORT: async (namespace, about) =>
    (await whyKernelLacksIPv6(namespace, about)) || whyMtuTooSmall(namespace, about),
  EBUSY: whyBusy,
  EADDRINUSE: async (namespace, about, refusal) =>
    usesMac(about, refusal) && whyMacInUse(namespace, about),
  EXFULL: whyBridgeFull,
  EMLINK: async (_namespace, about, refusal) => isStacked(about, refusal) && TOO_DEEP,
  EMSGSIZE: async (_namespace, _about, refusal) => whyTooLong(refusal),
  ENOMEM: async (_namespace, about, refusal) =>
    whyQueueTooLong(askedOfLink(about).txQueueLen) || whyNotJoined(about, refusal),
  ENXIO: whyMtuTooSmall,
  EOPNOTSUPP: async (namespace, about, refusal) =>
    (await whyKernelLacksIPv6(namespace, about)) || whyNotSupported(namespace, about, refusal),
  EADDRNOTAVAIL: async (namespace, about, refusal) =>
    refusal.syscall === 'RTM_NEWLINK'
      ? whyNoMac(namespace, about)
      : whyNoSuchAddress(namespace, about, refusal),
  ENETDOWN: async (namespace, about) =>
    (await whyUnreachable(namespace, about)) || whyStaysDown(namespace, about),
  ERANGE: whyMtuTooLarge,
  ENETUNREACH: whyUnreachable,
  EHOSTUNREACH: whyUnreachable,
  ESRCH: async (_namespace, about, refusal) => whyGone(refusal, about),
  ENOBUFS: async (namespace, about, refusal) =>
    refusal.syscall === 'recvmsg'
      ? "The kernel's answer was lost: the request may or may not have taken effect."
      : (await whyMtuTooSmall(namespace, about)) ||
        whyNotJoined(about, refusal) ||
        (refusal.syscall === 'RTM_NEWNEIGH' && refusal.kernelMessage === undefined && NO_ROOM),
};

/** No text (another text is another reason), or the one for a link without IPv6 (net/ipv6/ndisc.c, ndisc_allow_add). */
const SAYS_NO_IPV6 = /^$|IPv6 is disabled/;

async function whySaidNoIPv6(namespace: Namespace, about: About, refusal: Refusal): Promise<Hint> {
  const { kernelMessage = '' } = refusal;
  if (!SAYS_NO_IPV6.test(kernelMessage)) return undefined;
  const tooSmall = await whyMtuTooSmall(namespace, about);
  return tooSmall || (kernelMessage !== '' && whyNoIPv6(namespace, about, refusal));
}

/** Why a neighbour is not added: `ENOBUFS` (net/core/neighbour.c, neigh_alloc). */
const NO_ROOM =
  "The kernel's table of neighbours, which all namespaces share, is full (net.ipv4.neigh.default.gc_thresh3, or the same of ipv6): only permanent ones still have room.";

/**
 * Why what was to be removed is not there. For a route this is `ESRCH`, but `ENOENT` for a default route of IPv6
 * (net/ipv6/route.c, __ip6_del_rt).
 */
function whyGone({ syscall }: Refusal, { asked }: About): Hint {
  if (syscall === 'RTM_DELNEIGH') return 'The link has no such neighbour.';
  if (syscall !== 'RTM_DELROUTE') return undefined;
  const { family, nextHops = [] } = (asked ?? {}) as RouteRecord;
  return family === AF_INET6 && nextHops.length > 1
    ? 'There is no such route by all of these ways, and IPv6 removes each way for itself: those that there were are gone.'
    : 'There is no such route.';
}

const CAP_NET_ADMIN = 12n;

async function whyNotPermitted(
  namespace: Namespace,
  about: About,
  { isAnswer, kernelMessage }: Refusal,
): Promise<Hint> {
  if (!isAnswer) return undefined;
  const { target, peer } = about;
  const closed = new Map<number, string>();
  for (const place of [namespace, target, peer?.namespace]) {
    if (place === undefined || closed.has(place.inode)) continue;
    const answer = await askWithoutChange(place);
    if (answer instanceof Refusal && answer.code === 'EPERM')
      closed.set(place.inode, describe(place));
  }
  // The process has the right to change links, so it is the device that refuses.
  // The kernel says so, too, where a macvtap that is open finds no room (drivers/net/macvtap.c, macvtap_device_event).
  if (closed.size === 0)
    return (
      (await whyMtuFixed(namespace, about)) ||
      // With a text it is a master that refuses the port.
      (kernelMessage === undefined && whyQueueTooLong(askedOfLink(about).txQueueLen))
    );
  const names = [...closed.values()].join(' and ');
  const where = closed.size === 1 ? `the network namespace ${names}` : names;
  // Synchronously: /proc is not on a disk, and all of libuv's threads may be waiting for a file.
  const status = fs.readFileSync('/proc/thread-self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return (effective & (1n << CAP_NET_ADMIN)) === 0n
    ? `The process lacks CAP_NET_ADMIN in the user namespace that owns ${where}.`
    : `The process has CAP_NET_ADMIN in its own user namespace, but not in the one that owns ${where}; or a security module refuses it, such as an AppArmor profile without 'capability net_admin'.`;
}

/** Why a VLAN does not come up (net/8021q/vlan_dev.c, vlan_dev_open). */
async function whyStaysDown(namespace: Namespace, about: About): Promise<Hint> {
  const link = await findLink(namespace, about.link);
  if ((link?.kind ?? about.kind) !== 'vlan') return undefined;
  const here = link?.parent?.netnsid === null ? link.parent.index : undefined;
  const parent = await findLink(namespace, askedOfLink(about).parent ?? here);
  return (
    parent?.up === false &&
    `The parent '${parent.name}' is down, and a VLAN comes up only when its parent is up.`
  );
}

async function whyNoDevice(namespace: Namespace, about: About): Promise<Hint> {
  const { link, option, kind } = about;
  const { parent } = askedOfLink(about);
  const where = `in the network namespace ${describe(namespace)}`;
  if (kind !== undefined && parent !== undefined) {
    const found = await findLink(namespace, parent);
    return (
      found === undefined && `There is no link with index ${parent} ${where} to be the parent.`
    );
  }
  if (link === undefined) return whyNoWay(about);
  if ((await findLink(namespace, link)) !== undefined) return whyMtuTooSmall(namespace, about);
  const named = typeof link === 'number' ? `with index ${link}` : `named '${link}'`;
  const missing = `There is no link ${named} ${where}${option ? ` (${option})` : ''}.`;
  return option === 'options.parent' && namespace.name !== null
    ? `${missing} On a parent of another namespace a link is made by the Netns of that one, with the option netns.`
    : missing;
}

/** Why a route is not taken that leads nowhere, such as one of type 'local'. */
function whyNoWay({ asked }: About): Hint {
  if (asked === undefined || !('destinationLength' in asked)) return undefined;
  const { gateway, via, nextHops } = asked as RouteRecord;
  return (
    (gateway ?? via ?? nextHops) === undefined &&
    'Only a route of type blackhole, unreachable, prohibit or throw leads by no link: say which link it is.'
  );
}

async function whyExists(namespace: Namespace, about: About): Promise<Hint> {
  const { target, kind, peer, moving, link } = about;
  const where = target ?? namespace;
  if (moving !== undefined) return whyTaken(where, moving.names, moving.index);
  const { name, index, altNames = [] } = askedOfLink(about);
  if (kind === undefined) {
    const asked = about.asked ?? {};
    if ('state' in asked) return whyNeighbourExists(namespace, about);
    if ('fromLength' in asked) return RULE_EXISTS;
    if ('destinationLength' in asked) return whyRouteExists(namespace, about);
    if ('prefixLength' in asked) return whyAddressExists(namespace, about);
    return whyTaken(namespace, name === undefined ? altNames : [name], undefined, link);
  }
  return (
    (await whyTaken(where, name === undefined ? [] : [name], index)) ??
    (peer?.name === undefined ? undefined : await whyTaken(peer.namespace ?? where, [peer.name])) ??
    whyTakenByPeer(about) ??
    whyIndexTakenHere(namespace, index)
  );
}

/** Why alternative names stay: the kernel removes them in order until one does not exist (net/core/dev.c). */
async function whyNameStays(
  namespace: Namespace,
  about: About,
  { syscall }: Refusal,
): Promise<Hint> {
  if (syscall !== 'RTM_DELLINKPROP') return undefined;
  const unknown: string[] = [];
  for (const name of askedOfLink(about).altNames ?? []) {
    const holder = await findLink(namespace, name);
    if (holder === undefined) {
      unknown.push(`'${name}'`);
    } else if (holder.index !== about.link) {
      return `'${name}' is a name of the link ${describeLink(holder)}.`;
    } else if (holder.name === name) {
      return `'${name}' is the link's name, and no alternative one.`;
    }
  }
  const [first, ...others] = unknown;
  if (first === undefined || others.length === 0) return first && `The link has no name ${first}.`;
  return `The link has none of the names ${unknown.join(', ')} now: the kernel removed them one by one, up to the first that the link does not have.`;
}

function whyTakenByPeer(about: About): string | undefined {
  const { peer } = about;
  if (peer?.name === undefined || peer.name !== askedOfLink(about).name) return undefined;
  return `Both ends are to be named '${peer.name}', in one namespace.`;
}

/** Why a link that is made in another namespace cannot have an index (net/core/rtnetlink.c, __rtnl_newlink). */
async function whyIndexTakenHere(namespace: Namespace, index: number | undefined): Promise<Hint> {
  if (isAtLeast(6, 15)) return undefined;
  const holder = await findLink(namespace, index);
  return (
    holder &&
    `Index ${index} belongs to the link '${holder.name}' in the network namespace ${describe(namespace)}, where Linux before 6.15 looks it up.`
  );
}

async function whyNotSupported(
  namespace: Namespace,
  about: About,
  { syscall, kernelMessage }: Refusal,
): Promise<Hint> {
  const { kind, link, asked } = about;
  // A neighbour's MAC is not the link's.
  if (asked !== undefined && 'state' in asked) return undefined;
  if (syscall === 'RTM_DELLINK') {
    const found = await findLink(namespace, link);
    return (
      found !== undefined &&
      !isMacvlanKind(found.kind) &&
      `The link '${found.name}' is its driver's own, and cannot be deleted.`
    );
  }
  if (kind !== undefined && !(await isKindKnown(namespace, kind))) return whyKindUnknown(kind);
  const { info, master, mac } = askedOfLink(about);
  if (info?.slaveKind === 'bridge' && link !== undefined) {
    const port = await findLink(namespace, link);
    return (
      port?.bridgePort === undefined && `The link '${port?.name ?? link}' is no port of a bridge.`
    );
  }
  const found = master ? await findLink(namespace, master) : undefined;
  if (found !== undefined && !MASTERS.has(found.kind)) {
    return noPortsHint(found.name);
  }
  const own = await findLink(namespace, link);
  const now =
    master === undefined ? undefined : await findLink(namespace, own?.master ?? undefined);
  if (now !== undefined && !MASTERS.has(now.kind)) {
    return `The link '${own?.name}' is a port of ${describeMaster(now)}, and only what has made it one can change that.`;
  }
  return (
    mac !== undefined &&
    own !== undefined &&
    // With a text it is another reason.
    kernelMessage === undefined &&
    // Otherwise it has been set, and what comes after it is refused (net/core/rtnetlink.c, do_setlink).
    formatMac(mac) !== own.mac &&
    `The MAC of '${own.name}' cannot be changed: its driver, or that of a link below it, does not support it.`
  );
}

const MASTERS: ReadonlySet<string | null> = new Set(['bridge', 'bond', 'vrf', 'team']);

async function whyKindUnknown(kind: string): Promise<string> {
  const module = moduleOf(kind);
  return (await moduleState(module)) === 'loadable'
    ? `The kernel did not load its module '${module}': \`modprobe ${module}\` would say why.`
    : `This kernel has no links of kind '${kind}': the module '${module}' is neither built in nor to be found.`;
}
