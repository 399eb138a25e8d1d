/** Why a request was refused that would exceed one of the kernel's limits. */
import type { Refusal } from '../errors/refusal.js';
import { findLink } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { AddressRecord } from '../records/requests.js';
import { ADDRESS_FLAGS, AF_INET } from '../values/values.js';
import { type About, askedOfLink, describeMaster, type Hint } from './diagnosisCommon.js';

/** Why a bridge takes no further port (net/bridge/br_if.c, find_portno; BR_MAX_PORTS). */
export async function whyBridgeFull(namespace: Namespace, about: About): Promise<Hint> {
  const bridge = await findLink(namespace, askedOfLink(about).master);
  return bridge && `The ${describeMaster(bridge)} has 1,023 ports, and a bridge can have no more.`;
}

/** Why a link cannot be on another, or a port (net/core/dev.c, __netdev_upper_dev_link; MAX_NEST_DEV). */
export const TOO_DEEP =
  'Links can stand eight deep on one another, ports below their masters included, and no deeper.';

export const TOO_MANY_SOURCES =
  'Another program has put more MACs on its source list than the kernel can tell of (5,460). The link can be deleted, ' +
  'and the list emptied (`ip link set NAME type macvlan macaddr flush`).';

/** Why a link cannot be read, since Linux 7.3 (drivers/net/macvlan.c, macvlan_fill_info, nla_nest_end_safe). */
export function whyTooLong({ syscall }: Refusal): Hint {
  return syscall === 'RTM_GETLINK' && TOO_MANY_SOURCES;
}

/** KMALLOC_MAX_SIZE by the size of a pointer (linux/ptr_ring.h), with pages of 4 KiB. */
const MAX_QUEUE = 524_288;

/** That the kernel finds no room for a queue: of a macvtap that is open, or a queueing discipline's. */
export function whyQueueTooLong(txQueueLen: number | undefined): string | undefined {
  if (txQueueLen === undefined || txQueueLen <= MAX_QUEUE) return undefined;
  return `A queue has room for ${MAX_QUEUE.toLocaleString('en')} at most, and txQueueLen is ${txQueueLen}.`;
}

function isMulticast(address: Uint8Array | undefined): boolean {
  const [first = 0] = address ?? [];
  return address?.length === 4 ? first >> 4 === 0xe : first === 0xff;
}

/** Why an address with `autojoin` is not joined (net/ipv4/igmp.c, __ip_mc_join_group; net/ipv4/devinet.c, inet_rtm_newaddr). */
export function whyNotJoined({ asked }: About, { syscall, code }: Refusal): Hint {
  const { family, local, flags = 0 } = (asked ?? {}) as AddressRecord;
  if (syscall !== 'RTM_NEWADDR' || (flags & ADDRESS_FLAGS.autojoin) === 0) return undefined;
  if (code === 'EINVAL')
    return !isMulticast(local) && "The flag 'autojoin' is for multicast addresses.";
  const limit =
    family === AF_INET
      ? 'net.ipv4.igmp_max_memberships or net.core.optmem_max'
      : 'net.core.optmem_max';
  return (
    `The namespace has joined as many groups by 'autojoin' as ${limit} allows; addresses that went with their ` +
    'links, not by removeAddress, still count.'
  );
}
