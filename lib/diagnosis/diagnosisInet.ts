/** Why an address or a route was refused: what IPv4 and IPv6 want of a link. */
import { Refusal } from '../errors/refusal.js';
import { findLink } from '../namespace/lookup.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import { askTogether, groupedBy, madeOnce } from '../namespace/sharedListing.js';
import type {
  AddressRecord,
  LinkRecord,
  NeighbourRecord,
  RouteRecord,
} from '../records/requests.js';
import type { Address, Link, Route } from '../types/types.js';
import { familyOf, formatIp, networkOf, parseIp, prefixText } from '../values/ip.js';
import {
  AF_INET,
  AF_INET6,
  FAMILIES,
  IP6_RT_PRIO_USER,
  LOOPBACK_IFINDEX,
  MIN_MTU,
  RTNH_F_ONLINK,
  SCOPES,
  wordNumber,
} from '../values/values.js';
import { type About, describeMaster, type Hint } from './diagnosisCommon.js';

/** The family that a request is about. */
function familyIn(asked: object | undefined): keyof typeof MIN_MTU | undefined {
  const { family, families } = (asked ?? {}) as AddressRecord & LinkRecord;
  if (family === AF_INET6 || families?.inet6 !== undefined) return 'IPv6';
  return family === AF_INET || families?.inet !== undefined ? 'IPv4' : undefined;
}

export async function whyMtuTooSmall(namespace: Namespace, { link, asked }: About): Promise<Hint> {
  const family = familyIn(asked);
  const found = family && (await findLink(namespace, link));
  return family && found && mtuTooSmallHint(family, found);
}

/** That a family does not work on a link. */
export function mtuTooSmallHint(
  family: keyof typeof MIN_MTU,
  { name, mtu }: Link,
): string | undefined {
  if (mtu >= MIN_MTU[family]) return undefined;
  return `There is no ${family} on '${name}': ${family} needs an MTU of ${MIN_MTU[family]}, and the link has ${mtu}.`;
}

/** `::1`: it does not matter whether there is such an address, only whether the kernel knows the request. */
const LOOPBACK_IPV6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** That the kernel has no IPv6, if so. */
export async function noIPv6Hint(namespace: Namespace): Promise<string | undefined> {
  const record = { family: AF_INET6, index: LOOPBACK_IFINDEX, local: LOOPBACK_IPV6 };
  const answer = await namespace.ask('getAddress', record);
  return answer instanceof Refusal && answer.code === 'EOPNOTSUPP'
    ? 'This kernel has no IPv6, as when it is booted with ipv6.disable=1.'
    : undefined;
}

export async function whyKernelLacksIPv6(namespace: Namespace, { asked }: About): Promise<Hint> {
  return familyIn(asked) === 'IPv6' ? noIPv6Hint(namespace) : undefined;
}

/** Kernels from 6.6 on say themselves that it is disabled, but not where. */
export async function whyNoIPv6(
  _: Namespace,
  { asked }: About,
  { isAnswer, kernelMessage }: Refusal,
): Promise<Hint> {
  const isOther = kernelMessage !== undefined && !kernelMessage.includes('IPv6 is disabled');
  if (isOther || !isAnswer || familyIn(asked) !== 'IPv6') return undefined;
  return 'The setting net.ipv6.conf.NAME.disable_ipv6 is 1; a new link begins with that of net.ipv6.conf.default, unless its `ipv6` says otherwise.';
}

/** The addresses of the request's link with the same number, whatever their prefix lengths, peers and labels. */
async function sameAddresses(
  namespace: Namespace,
  asked: AddressRecord,
  link: number,
): Promise<readonly Address[]> {
  const { family, local } = asked;
  const addresses = await askTogether(namespace, 'listAddresses', { family });
  if (addresses instanceof Refusal || local === undefined) return [];
  const same = byAddress(addresses).get(formatIp(local)) ?? [];
  return same.filter(({ linkIndex }) => linkIndex === link);
}

const byAddress = groupedBy<Address>(({ address }) => address);

/** Why an address that was to be removed is not found. */
export async function whyNoSuchAddress(
  namespace: Namespace,
  { link, asked }: About,
  { syscall, kernelMessage }: Refusal,
): Promise<Hint> {
  const record = (asked ?? {}) as AddressRecord;
  if (syscall !== 'RTM_DELADDR') return whyNoNewAddress(record, kernelMessage);
  const found = await findLink(namespace, link);
  const [there] = found === undefined ? [] : await sameAddresses(namespace, record, found.index);
  if (there === undefined) return 'The link has no such address.';
  const label = record.label === undefined ? '' : ` labelled '${there.label}'`;
  return `The link '${found?.name}' has ${withPeer(there)}${label}, and what is removed has to be the same.`;
}

function withPeer({ cidr, peer }: Address): string {
  return peer === null ? cidr : `${cidr} with the peer ${peer}`;
}

/** Kernels from 6.6 on say so themselves (net/ipv6/addrconf.c, ipv6_add_addr). */
function whyNoNewAddress({ local, family }: AddressRecord, kernelMessage?: string): Hint {
  if (local === undefined || family !== AF_INET6 || kernelMessage !== undefined) return undefined;
  const address = formatIp(local);
  if (local[0] === 0xff)
    return `${address} is a multicast address, which needs the flag 'autojoin'.`;
  return address === '::1' ? "Only 'lo' and VRFs can have the address ::1." : undefined;
}

/** Why an address is there already. */
export async function whyAddressExists(
  namespace: Namespace,
  { link, asked }: About,
): Promise<Hint> {
  const record = asked as AddressRecord;
  const found = await findLink(namespace, link);
  if (found === undefined) return undefined;
  // IPv4 addresses with different prefix lengths are different addresses.
  const there = (await sameAddresses(namespace, record, found.index)).find(
    ({ family, prefixLength }) => family === 'IPv6' || prefixLength === record.prefixLength,
  );
  return there && `The link '${found.name}' has ${withPeer(there)} already.`;
}

/** Why an IPv4 address cannot have its scope (net/ipv4/devinet.c, __inet_insert_ifa); older kernels send no text. */
export async function whyScopeDiffers(
  namespace: Namespace,
  { link, asked }: About,
  { syscall }: Refusal,
): Promise<Hint> {
  const { family, address, local, prefixLength = 0, scope } = (asked ?? {}) as AddressRecord;
  const bytes = address ?? local;
  if (syscall !== 'RTM_NEWADDR' || family !== AF_INET || bytes === undefined) return undefined;
  const addresses = await askTogether(namespace, 'listAddresses', { family });
  const found = await findLink(namespace, link);
  if (addresses instanceof Refusal || found === undefined) return undefined;
  const network = networkText(bytes, prefixLength);
  const first = addresses.find(
    (one) =>
      one.linkIndex === found.index &&
      one.prefixLength === prefixLength &&
      networkText(parseIp(one.peer ?? one.address) as Uint8Array, prefixLength) === network &&
      wordNumber(SCOPES, one.scope) !== scope,
  );
  return (
    first && `All addresses in one subnet have one scope, and ${first.cidr} has '${first.scope}'.`
  );
}

/** Why a neighbour is there already. */
export async function whyNeighbourExists(
  namespace: Namespace,
  { link, asked }: About,
): Promise<Hint> {
  const { family, address, index } = asked as NeighbourRecord;
  const neighbours = await namespace.ask('listNeighbours', { family, onlyOn: index });
  if (neighbours instanceof Refusal || address === undefined) return undefined;
  const there = neighbours.find((one) => one.address === formatIp(address));
  const found = await findLink(namespace, link);
  if (there === undefined || found === undefined) return undefined;
  const mac = there.mac === null ? '' : ` with the MAC ${there.mac}`;
  return `The link '${found.name}' has an entry for ${there.address}${mac}, in state '${there.state}': use replaceNeighbour.`;
}

/** The fields by which the kernel distinguishes routes of a family. */
type RouteIdentity = Pick<Route, 'to' | 'from' | 'tos' | 'metric'> & {
  readonly table: number | undefined;
};

function routeKey({ to, from, tos, metric, table }: RouteIdentity): string {
  return JSON.stringify([to, from, tos, metric, table]);
}

const byRouteKey = groupedBy<Route>(routeKey);

/** Why a route is there already. */
export async function whyRouteExists(
  namespace: Namespace,
  { asked, replaces }: About,
): Promise<Hint> {
  const route = asked as RouteRecord;
  const { family, tos, table, tableId } = route;
  const routes = await askTogether(namespace, 'listRoutes', { family });
  if (routes instanceof Refusal) return undefined;
  const to = prefixText(route.destination, route.destinationLength) ?? 'default';
  const from = prefixText(route.from, route.sourceLength) ?? null;
  const metric = route.metric || (family === AF_INET6 ? IP6_RT_PRIO_USER : 0);
  const key = routeKey({ to, from, tos: tos ?? 0, metric, table: tableId ?? table });
  const alike = byRouteKey(routes).get(key) ?? [];
  // In IPv6 there may be several, such as the kernel's own, of which each link has one.
  const there = alike.find((one) => one.link === route.link) ?? alike[0];
  if (there === undefined) return undefined;
  if (replaces === true) {
    return `Table ${there.table} has several routes to ${to} with metric ${metric}, and this one stands behind the one to be replaced.`;
  }
  const link = await findLink(namespace, there.link ?? undefined);
  const by = link === undefined ? '' : ` by '${link.name}'`;
  if (there.protocol === 'kernel' && there.link === route.link) {
    return `The kernel itself has made the route to ${to}${by}, when the link got an address or came up: leave this one out.`;
  }
  const isOthers = link !== undefined && route.link !== undefined && link.index !== route.link;
  const instead = isOthers
    ? ', or append; replaceRoute would take that one away'
    : ', or use replaceRoute';
  return `Table ${there.table} has a route to ${to} with metric ${metric} already${by}: give another metric${instead}.`;
}

/** Why a route's source is not taken: IPv6 takes none that is still tentative (net/ipv6/route.c). */
export async function whySourceInvalid(
  namespace: Namespace,
  { asked }: About,
  { kernelMessage }: Refusal,
): Promise<Hint> {
  if (asked === undefined || !('destinationLength' in asked)) return undefined;
  // 'Invalid prefsrc address', 'Invalid source address'. A source may also be local without being a link's.
  if (kernelMessage !== undefined && !/prefsrc|source/.test(kernelMessage)) return undefined;
  const { source, family } = asked as RouteRecord;
  const addresses = source && (await askTogether(namespace, 'listAddresses', { family }));
  if (addresses === undefined || addresses instanceof Refusal) return undefined;
  const text = formatIp(source as Uint8Array);
  const found = byAddress(addresses).get(text);
  if (found === undefined)
    return `No link of the namespace has the address ${text}, which is to be the source.`;
  return (
    found.every(({ flags }) => flags.includes('tentative')) &&
    `The address ${text} is still tentative and cannot be a source yet: add it with the flag 'nodad', or the route later.`
  );
}

/** An address in each network, of each link and of all, and the lengths of the networks' prefixes. */
const networksOf = madeOnce((addresses: readonly Address[]) => {
  const networks = new Map<string, Address>();
  const lengths = new Set<number>();
  for (const one of addresses) {
    // In IPv4 the prefix is the peer's, where there is one (net/ipv4/fib_frontend.c, fib_add_ifaddr).
    const bytes = parseIp((one.family === 'IPv4' && one.peer) || one.address);
    if (bytes === null) continue;
    const network = networkText(bytes, one.prefixLength);
    networks.set(network, one).set(`${network} ${one.linkIndex}`, one);
    lengths.add(one.prefixLength);
  }
  return { networks, lengths: [...lengths].sort((left, right) => right - left) };
});

function networkText(bytes: Uint8Array, prefixLength: number): string {
  return `${formatIp(networkOf(bytes, prefixLength))}/${prefixLength}`;
}

/** Where the address begins in `struct rtvia`, after its family. */
const RTVIA_ADDRESS = Uint16Array.BYTES_PER_ELEMENT;

/** Why a route's gateway cannot be reached (`ENETUNREACH`, `EHOSTUNREACH`). */
export async function whyUnreachable(namespace: Namespace, { link, asked }: About): Promise<Hint> {
  if (asked === undefined || !('destinationLength' in asked)) return undefined;
  const route = asked as RouteRecord;
  if (route.nextHops === undefined) return whyWayUnreachable(namespace, route, { ...route, link });
  for (const { index, ...hop } of route.nextHops) {
    if (hop.flags === RTNH_F_ONLINK) continue;
    const hint = await whyWayUnreachable(namespace, route, { ...hop, link: index });
    if (hint) return hint;
  }
  return undefined;
}

/** {@link whyUnreachable} of the one way of a route, or one of several. */
async function whyWayUnreachable(
  namespace: Namespace,
  { family, scope = SCOPES.global }: RouteRecord,
  { via, link, ...way }: Pick<RouteRecord, 'gateway' | 'via'> & Pick<About, 'link'>,
): Promise<Hint> {
  const found = await findLink(namespace, link);
  // IPv4 looks for the gateway by that link first (net/ipv4/fib_semantics.c, fib_check_nh_v4_gw).
  if (link !== undefined && found === undefined) {
    return `There is no link with index ${link} in the network namespace ${describe(namespace)}.`;
  }
  if (found?.up === false) {
    return `The link '${found.name}' is down, and nothing is reached by it: bring it up.`;
  }
  const gateway = via?.subarray(RTVIA_ADDRESS) ?? way.gateway;
  if (gateway === undefined) return undefined;
  const addresses = await askTogether(namespace, 'listAddresses', { family: familyOf(gateway) });
  if (addresses instanceof Refusal) return undefined;
  const { networks, lengths } = networksOf(addresses);
  const nearest = lengths
    .map((length) => networkText(gateway, length))
    .map((network) => networks.get(link === undefined ? network : `${network} ${link}`))
    .find((one) => one !== undefined);
  if (nearest === undefined) {
    const where = found === undefined ? '' : ` of '${found.name}'`;
    const none = `No address${where} has the gateway ${formatIp(gateway)} in its prefix`;
    return found === undefined
      ? `${none}.`
      : `${none}: if the link reaches it all the same, say 'onlink'.`;
  }
  // For such a route the kernel looks only for a gateway that is the machine itself (net/ipv4/fib_semantics.c).
  if (family === AF_INET && via === undefined && scope >= SCOPES.link) {
    return `The gateway ${formatIp(gateway)} is on the network, and a route with such a gateway is of scope 'global'.`;
  }
  return (
    (link === undefined && (await whyPassedOver(namespace, nearest.linkIndex, gateway))) ||
    whyNoRouteTo(namespace, nearest, gateway)
  );
}

/** The prefix of an address is reached by a route, which may have been removed, or never added (`noprefixroute`). */
async function whyNoRouteTo(
  namespace: Namespace,
  { cidr, family, prefixLength, linkIndex }: Address,
  gateway: Uint8Array,
): Promise<Hint> {
  const routes = await askTogether(namespace, 'listRoutes', { family: FAMILIES[family] });
  if (routes instanceof Refusal) return undefined;
  const network = networkText(gateway, prefixLength);
  const leads = ({ to, link }: Route) => to === network && link === linkIndex;
  if (routes.some(leads)) return undefined;
  const found = await findLink(namespace, linkIndex);
  return (
    found &&
    `'${found.name}' has the address ${cidr}, but no route leads to ${network}, and so to the gateway ${formatIp(gateway)}: add that route, or the address anew.`
  );
}

/** Why the kernel does not take the link that has the gateway in a prefix, for a route that names none. */
async function whyPassedOver(
  namespace: Namespace,
  index: number,
  gateway: Uint8Array,
): Promise<Hint> {
  const link = await findLink(namespace, index);
  if (link === undefined) return undefined;
  const there = `The gateway ${formatIp(gateway)} is in a prefix of '${link.name}'`;
  if (!link.up) return `${there}, which is down: bring it up.`;
  const master = await findLink(namespace, link.master ?? undefined);
  return (
    master?.kind === 'vrf' &&
    `${there}, a port of ${describeMaster(master)}, which has routes of its own: name the link '${link.name}'.`
  );
}
