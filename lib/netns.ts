/** The class `Netns`: network namespaces, and everything that can be done in one. */
import type { Worker } from 'node:worker_threads';
import * as addresses from './addresses.js';
import { Call } from './call.js';
import { check, isSignal } from './check.js';
import * as valueRules from './checkValues.js';
import * as deletion from './deletion.js';
import { captureCaller, showValue } from './errors.js';
import { createLink } from './kinds.js';
import * as links from './links.js';
import * as macvlan from './macvlan.js';
import { moveLink } from './move.js';
import { Namespace } from './namespace.js';
import { namespaceJob, Refusal } from './native.js';
import { getNetnsid } from './netnsid.js';
import { listNames, whyNotCreated, whyNotNamed } from './netnsNames.js';
import { checkBrandOpen, isNetns, openHandle, openOwn, RUN_DIRECTORY } from './opening.js';
import * as routes from './routes.js';
import { type RunOptions, run } from './run.js';
import { linkNow, netnsNow, snapshot } from './snapshot.js';
import { checkSupport } from './support.js';
import { type OpenTapOptions, openTap } from './tap.js';
import type { Tap } from './tapStream.js';
import { isTurnFull, takeTurn } from './turn.js';
import type {
  Address,
  AddressFilter,
  AddressToAdd,
  AddressToRemove,
  CreateLinkOptions,
  CreateMacvlanOptions,
  CreateMacvtapOptions,
  CreateVethOptions,
  LevelEvent,
  LevelWatchOptions,
  Link,
  LinkChanges,
  LinkFilter,
  LinkOfKind,
  LinkRef,
  MacvlanChanges,
  MacvlanLink,
  MacvtapLink,
  MoveOptions,
  NetlinkEvent,
  NetnsRef,
  OperationOptions,
  Route,
  RouteFilter,
  RouteToAdd,
  RouteToRemove,
  Support,
  SupportOptions,
  WatchOptions,
} from './types.js';
import { type Watch, watch } from './watch.js';

let own: Netns | undefined;

/**
 * The call that is being made, with the stack of whoever called `above`, a function that is running. A call that
 * has to wait for its turn has no stack: there may be thousands, and a stack costs more than the rest of a call.
 * Its error then has the stack of whoever awaits it.
 */
function callOf(
  operation: string,
  target: unknown,
  above: (...args: never[]) => unknown,
  options?: OperationOptions,
): Call {
  const caller = isTurnFull() ? undefined : captureCaller(above);
  return new Call(operation, links.targetOf(target), caller, options);
}

/** {@link callOf} for an operation whose options hold only a signal. */
function callWith(
  operation: string,
  target: unknown,
  above: (...args: never[]) => unknown,
  options: OperationOptions | undefined,
): Call {
  const call = callOf(operation, target, above, options);
  call.signalOptions = options;
  return call;
}

/**
 * A network namespace to operate in. Requests of one namespace go to the kernel in the order in
 * which they are made; namespaces do not wait for one another. An operation that takes several requests
 * may have those of others in between: await an operation that another builds on. Each operation rejects
 * with a `NetlinkError` when the kernel refuses, and with a `TypeError` or `RangeError` that names the
 * option when an argument is wrong, before anything is sent.
 */
export class Netns extends Namespace {
  /**
   * The calling thread's own namespace; in a Worker of {@link Netns.run}, that Worker's. Opened on
   * first use and never closed: `close` does nothing to it.
   */
  static current(): Netns {
    own ??= new OwnNetns(openOwn(), null);
    return own;
  }

  /**
   * Opens a namespace by name, path, process or descriptor. What it opens stays alive until
   * `close`, even when its name is removed. `EINVAL`: not a network namespace; `ENOENT`: no such
   * name or process; `EBADF`: no such `fd`; `EACCES`: another's process, which takes `CAP_SYS_PTRACE`.
   */
  static async open(ref: NetnsRef, options?: OperationOptions): Promise<Netns> {
    const call = callWith('Netns.open', refText(ref), Netns.open, options);
    check(call.operation, valueRules.netnsRef, ref, 'ref');
    call.checkSignal();
    if (ref instanceof Namespace) {
      const [copy] = await ref.hold(call, () => openHandle(call, { fd: ref.fd }));
      return new Netns(copy, ref.name);
    }
    checkBrandOpen(call, ref, 'ref');
    const named = netnsNow(ref);
    // A descriptor is copied before this returns: its owner may close it at once.
    const turn = typeof named === 'object' && 'fd' in named ? undefined : takeTurn();
    if (turn !== undefined) {
      await turn;
      call.checkSignal();
    }
    const [handle, name] = await openHandle(call, named);
    return new Netns(handle, isNetns(named) ? named.name : name);
  }

  /**
   * Makes a namespace. With a name it is what `ip netns add` makes, mounted at /run/netns/NAME,
   * under the same lock and with the same mount propagation; it stays until `remove`. Without one
   * it lives while a handle, a process, a socket or a tap holds it, and then goes with the links in it.
   * The loopback link in it is down.
   * `EEXIST`: the name is taken; `EPERM`: needs `CAP_SYS_ADMIN`; `EACCES`: a name needs the right to
   * write /run/netns and to mount there, which a security module may refuse; `ENOSPC`: the user has as many
   * namespaces as `user.max_net_namespaces` allows.
   */
  static async create(name?: string, options?: OperationOptions): Promise<Netns> {
    const call = callWith('Netns.create', name, Netns.create, options);
    if (name !== undefined) check(call.operation, valueRules.netnsName, name, 'name');
    await takeTurn();
    call.checkSignal();
    const result = await namespaceJob('createNamespace', name ?? '', call.signal);
    if (result instanceof Refusal) throw call.error(result, await whyNotCreated(result, name));
    return new Netns(result, name ?? null);
  }

  /**
   * The names under /run/netns that really are namespaces, sorted. Rejects with a `NetlinkError` when
   * they cannot be looked at.
   */
  static async list(): Promise<string[]> {
    return listNames(callOf('Netns.list', null, Netns.list));
  }

  /**
   * Takes the name away, the same as `ip netns delete`; the namespace itself goes when nothing
   * holds it any more. Of a symbolic link, only the link itself goes. `ENOENT`: there is no such name;
   * `EISDIR`: it is a directory; `EACCES`: needs the right to write /run/netns; `EPERM`: needs `CAP_SYS_ADMIN`.
   */
  static async remove(name: string, options?: OperationOptions): Promise<void> {
    const call = callWith('Netns.remove', name, Netns.remove, options);
    check(call.operation, valueRules.netnsName, name, 'name');
    await takeTurn();
    call.checkSignal();
    const result = await namespaceJob('removeNamespace', name, call.signal);
    if (!(result instanceof Refusal)) return;
    const gone = result.code === 'ENOENT';
    throw call.error(
      result,
      gone ? { hint: `There is no name '${name}' under ${RUN_DIRECTORY}.` } : whyNotNamed(result),
    );
  }

  /**
   * Makes a macvlan: all of it or nothing. In whichever step it fails, no link stays behind, and the error's
   * `part` says which option could not be carried out; should something stay after all, because the kernel
   * refuses to take it away again, its `cause` says what. Of what the kernel answers, the error's `hint` gives the
   * reason: `EEXIST`, the name, the index or an address is taken; `ENOENT`, there is no such `netns`; `ENODEV`,
   * no such parent or master (`EINVAL`, where a master is given by its index or as a `Link`); `EBUSY`, the
   * parent is a port, or has another receiver; `EINVAL`, the parent is no Ethernet device, has a passthru
   * child, or a smaller MTU; `EADDRINUSE`, a sibling that is up has the MAC; `ENETUNREACH`, of IPv6
   * `EHOSTUNREACH`, no address reaches the gateway of one of the `routes`, or, as with `ENETDOWN`, the link is
   * not `up`; `EPERM`, needs `CAP_NET_ADMIN`. `EOPNOTSUPP`: this kernel has no macvlan, or not that option.
   *
   * @example
   * ```ts
   * const link = await netns.createMacvlan({
   *   parent: 'eth0',
   *   mode: 'bridge',
   *   name: 'macv1',
   *   netns: 'net1',
   *   up: true,
   *   addresses: ['52.1.1.151/24'],
   * });
   * ```
   */
  createMacvlan(options: CreateMacvlanOptions): Promise<MacvlanLink> {
    const call = callOf('createMacvlan', options?.name, this.createMacvlan, options);
    return this.operate(
      call,
      options,
      (given) => macvlan.createMacvlan(this, call, 'macvlan', given),
      options?.netns,
    );
  }

  /**
   * Makes a macvtap, whose frames go to a character device: all of it or nothing, as `createMacvlan`.
   */
  createMacvtap(options: CreateMacvtapOptions): Promise<MacvtapLink> {
    const call = callOf('createMacvtap', options?.name, this.createMacvtap, options);
    return this.operate(
      call,
      options,
      (given) => macvlan.createMacvlan(this, call, 'macvtap', given),
      options?.netns,
    );
  }

  /**
   * Makes a link of any of the kinds `macvlan`, `macvtap`, `veth`, `bridge`, `dummy` and `vlan`: all of
   * it or nothing. `EOPNOTSUPP` with a hint that names the module: this kernel lacks the kind; `ENOENT`: there
   * is no such `netns` or `peer.netns`; otherwise as `createMacvlan`.
   */
  createLink<K extends CreateLinkOptions['kind']>(
    options: CreateLinkOptions & { readonly kind: K },
  ): Promise<LinkOfKind<K>>;
  createLink(options: CreateLinkOptions): Promise<Link> {
    const call = callOf('createLink', options?.name, this.createLink, options);
    const { netns, peer } = (options ?? {}) as Partial<CreateVethOptions>;
    return this.operate(
      call,
      options,
      (given) => createLink(this, call, given),
      netns,
      peer?.netns,
    );
  }

  /**
   * Reads a link (`RTM_GETLINK`). `ENODEV`: there is none.
   */
  getLink(link: LinkRef, options?: OperationOptions): Promise<Link> {
    const call = callWith('getLink', link, this.getLink, options);
    const ref = linkNow(link);
    return this.operate(call, undefined, () => links.getLink(this, call, ref));
  }

  /**
   * The id that another namespace has in this one (`RTM_GETNSID`), by which `parent.netnsid` of a link and
   * `movedTo.netnsid` of an event name it; `null` when it has none. The kernel gives one where a link
   * shows the other, and `ip netns set` gives a chosen one. `ENOENT`: there is no such namespace.
   */
  getNetnsid(netns: NetnsRef, options?: OperationOptions): Promise<number | null> {
    const call = callWith('getNetnsid', refText(netns), this.getNetnsid, options);
    const other = netnsNow(netns);
    return this.operate(call, undefined, () => getNetnsid(this, call, other), netns);
  }

  /**
   * Lists the links that match everything the filter names, by index. A listing that a change runs
   * into is made again, a bounded number of times; `EINTR`: every time. `ENODEV`: there is no such parent or
   * master.
   */
  listLinks(filter?: LinkFilter): Promise<Link[]> {
    const call = callOf('listLinks', null, this.listLinks, filter);
    return this.operate(call, filter, (given) => links.listLinks(this, call, given));
  }

  /**
   * Changes what is named, and nothing else; the flags of a link too change one by one. The kernel
   * works through the changes in an order of its own and keeps what it did before it refused one.
   * `ENODEV`: there is no such link or master (`EINVAL`, where a master is given by its index or as a `Link`);
   * `EEXIST`: a name is taken; `ENOENT`: a name to be removed is none; `EBUSY`: the link cannot be a port of that
   * master; `ELOOP`: a bridge cannot be one of a bridge; `EOPNOTSUPP`: the master takes in no links, or
   * `bridgePort` of what is no port; `EADDRINUSE`: a sibling that is up has the MAC; `EINVAL` (of a VLAN
   * `ERANGE`): above the parent's MTU, among others, as the `hint` says; `EPERM`: needs `CAP_NET_ADMIN`.
   */
  setLink(link: LinkRef, changes: LinkChanges): Promise<void> {
    const call = callOf('setLink', link, this.setLink, changes);
    const ref = linkNow(link);
    return this.operate(call, changes, (given) => links.setLink(this, call, ref, given));
  }

  /**
   * Sets or clears `IFF_PROMISC`, and no other flag. Whether the device is promiscuous in the end is
   * `Link.promiscuity`: others may hold it so. `ENODEV`: there is no such link.
   */
  setPromiscuous(link: LinkRef, on: boolean, options?: OperationOptions): Promise<void> {
    const call = callWith('setPromiscuous', link, this.setPromiscuous, options);
    const ref = linkNow(link);
    return this.operate(call, on, (given) => links.setPromiscuous(this, call, ref, given));
  }

  /**
   * Changes a living macvlan or macvtap. `EINVAL`: to or from passthru, or an option that its mode
   * does not take; `ENETDOWN`: `nopromisc` while the link is down, which would make the kernel
   * miscount its parent's promiscuity for ever; `EOPNOTSUPP`: the link is no macvlan, or this kernel does
   * not know the option; `ENODEV`: there is no such link.
   */
  setMacvlan(link: LinkRef, changes: MacvlanChanges): Promise<void> {
    const call = callOf('setMacvlan', link, this.setMacvlan, changes);
    const ref = linkNow(link);
    return this.operate(call, changes, (given) => macvlan.setMacvlan(this, call, ref, given));
  }

  /**
   * Adds to the list of source mode; what is on it already stays. `EINVAL`: the link is in another mode;
   * `EOPNOTSUPP`: it is no macvlan; `ENODEV`: there is none; `E2BIG`: over 5,455 in all, which is as many as
   * the kernel's answers have room for. A longer list, made by other programs, is read here all the same, and
   * `removeSources` and `setMacvlan` mend it; others, `ip` among them, cannot read such a link.
   */
  addSources(link: LinkRef, macs: readonly string[], options?: OperationOptions): Promise<void> {
    const call = callWith('addSources', link, this.addSources, options);
    const ref = linkNow(link);
    return this.operate(call, macs, (given) =>
      macvlan.changeSources(this, call, 'add', ref, given),
    );
  }

  /**
   * Takes away from the list of source mode; what is not on it is no error. `EINVAL`: the link is in
   * another mode; `EOPNOTSUPP`: it is no macvlan; `ENODEV`: there is none.
   */
  removeSources(link: LinkRef, macs: readonly string[], options?: OperationOptions): Promise<void> {
    const call = callWith('removeSources', link, this.removeSources, options);
    const ref = linkNow(link);
    return this.operate(call, macs, (given) =>
      macvlan.changeSources(this, call, 'del', ref, given),
    );
  }

  /**
   * Moves a link to another namespace and gives it as it is there. The kernel takes it down, drops its
   * addresses (listed before, they can be added again) and forgets `addrGenMode` and `ipv4` on the way, and
   * holds its lock for the whole machine meanwhile (17 ms): a link that can be made where it is to live, with
   * the option `netns`, is better made there. `EEXIST`: its name, or one of its alternative names, is taken
   * there; `EEXIST` or `EBUSY`: the `index` is; `EINVAL`: a link that cannot move, such as a bridge, or an
   * `index` for one that is there already (`lo` is `EEXIST`: every namespace has one); `ENODEV`: there is no
   * such link; `ENOENT`: no such namespace.
   */
  moveLink(link: LinkRef, netns: NetnsRef, options?: MoveOptions): Promise<Link> {
    const call = callOf('moveLink', link, this.moveLink, options);
    const ref = linkNow(link);
    const to = netnsNow(netns);
    return this.operate(call, options, (given) => moveLink(this, call, ref, to, given), netns);
  }

  /**
   * Deletes a link (`RTM_DELLINK`). Calls that are under way together do it by a group, as `deleteLinks` does.
   * `ENODEV`: there is none; `EOPNOTSUPP`: a device that is not made by software.
   */
  deleteLink(link: LinkRef, options?: OperationOptions): Promise<void> {
    const call = callWith('deleteLink', link, this.deleteLink, options);
    const ref = linkNow(link);
    return this.operate(call, undefined, () => deletion.deleteLink(this, call, ref));
  }

  /**
   * Deletes any number of links. What can be deleted is; an `AggregateError` holds a `NetlinkError` for each
   * that could not. Of a link that is named twice, by its index and a name or by two names, the second has an
   * `ENODEV`; a `Link` beside a name or the index of it has none. They are put into a group that nobody uses,
   * and the group is deleted: a link that somebody moves to another namespace between the two counts as
   * deleted, and keeps that group there. So do links that are left when the process is killed between the two, and
   * the last events of a link tell of that group: what is to be found again is better told by its name than by its
   * `group`.
   */
  deleteLinks(refs: readonly LinkRef[], options?: OperationOptions): Promise<void> {
    const call = callWith('deleteLinks', null, this.deleteLinks, options);
    return this.operate(call, refs, (given) => deletion.deleteLinks(this, call, given));
  }

  /**
   * Puts an address on a link: `'52.1.1.151/24'`, `'fd00::1/64'`, or an object; an `Address` as it was
   * listed will do, such as one that a move has taken off. `EEXIST`: it is there already; `ENODEV`: there is
   * no such link; of IPv6 also `EACCES`: it is disabled on the link; `EINVAL`: the link's MTU is below 1,280;
   * `EADDRNOTAVAIL`: `::1` elsewhere than on `lo`, or a multicast address without `autojoin`; `EOPNOTSUPP`: the
   * kernel has none.
   */
  addAddress(
    link: LinkRef,
    address: string | AddressToAdd,
    options?: OperationOptions,
  ): Promise<void> {
    const call = callWith('addAddress', link, this.addAddress, options);
    const ref = linkNow(link);
    return this.operate(call, address, (given) =>
      addresses.changeAddress(this, call, 'addAddress', ref, given),
    );
  }

  /**
   * Puts an address on a link, or changes the one that is there: its lifetimes (omitted: for ever), its
   * metric (omitted: 0 for IPv4, and as it was for IPv6), and of IPv6 its flags and its peer (omitted: as it
   * was). The kernel passes over what else is said of it (net/ipv4/devinet.c, inet_rtm_newaddr;
   * net/ipv6/addrconf.c, inet6_addr_modify). `EEXIST`: an IPv6 address with another prefix length is there; otherwise as
   * `addAddress`.
   */
  replaceAddress(
    link: LinkRef,
    address: string | AddressToAdd,
    options?: OperationOptions,
  ): Promise<void> {
    const call = callWith('replaceAddress', link, this.replaceAddress, options);
    const ref = linkNow(link);
    return this.operate(call, address, (given) =>
      addresses.changeAddress(this, call, 'replaceAddress', ref, given),
    );
  }

  /**
   * Takes an address off a link; an `Address` as it was listed will do. With the first IPv4 address of a
   * subnet the others in it go too, unless `net.ipv4.conf.*.promote_secondaries` is 1.
   * `EADDRNOTAVAIL`: it is not there; `ENODEV`: there is no such link; `ENXIO`: its MTU is too small for IPv6.
   */
  removeAddress(
    link: LinkRef,
    address: string | AddressToRemove,
    options?: OperationOptions,
  ): Promise<void> {
    const call = callWith('removeAddress', link, this.removeAddress, options);
    const ref = linkNow(link);
    return this.operate(call, address, (given) =>
      addresses.changeAddress(this, call, 'removeAddress', ref, given),
    );
  }

  /**
   * Lists the addresses of all links, or of one. `EINTR`: as with `listLinks`; `ENODEV`: there is no such link.
   */
  listAddresses(filter?: AddressFilter): Promise<Address[]> {
    const call = callOf('listAddresses', null, this.listAddresses, filter);
    return this.operate(call, filter, (given) => addresses.listAddresses(this, call, given));
  }

  /**
   * Adds a route; a `Route` as it was listed will do, but not every one comes back: of those that the kernel
   * itself has on each link (`fe80::/64`, `ff00::/8`) a second one with the same metric takes `append`, and one of
   * IPv6 with a `metric` of 0 gets 1024. `EEXIST`: there is one, of whichever link, and no `append` said;
   * `ENETUNREACH`, of IPv6 `EHOSTUNREACH`: no address of a link reaches the gateway; `ENODEV`: there is no
   * such link, or its MTU is too small for IPv6; `EACCES`: IPv6 is disabled on it; `ENETDOWN`: it is down;
   * `EINVAL`: no link has the `source`, or there is no such nexthop object.
   */
  addRoute(route: RouteToAdd & OperationOptions): Promise<void> {
    const call = callOf('addRoute', route?.to, this.addRoute, route);
    return this.operate(call, route, (given) => routes.changeRoute(this, call, 'addRoute', given));
  }

  /**
   * Adds a route, in place of the one to the same destination with the same metric. `EEXIST`: there are
   * several of these, and one like it stands behind the first; otherwise as `addRoute`.
   */
  replaceRoute(route: RouteToAdd & OperationOptions): Promise<void> {
    const call = callOf('replaceRoute', route?.to, this.replaceRoute, route);
    return this.operate(call, route, (given) =>
      routes.changeRoute(this, call, 'replaceRoute', given),
    );
  }

  /**
   * Removes the first route that agrees with everything said; a `Route` as it was listed will do. Of IPv4 a
   * `metric` of 0 agrees with any, and the lowest goes first. Of IPv6 the kernel compares neither `source`
   * nor `scope`, of the `type` only whether the route leads anywhere, and of one with a `nexthopId`
   * neither `via` nor `link` (net/ipv6/route.c, ip6_route_del), nor the `mtu`. An IPv4 route by one gateway
   * and one of several ways whose first is that agree with one another, if both are there, and one without
   * a `source` with one that has one. `ESRCH`: there is none.
   */
  removeRoute(route: RouteToRemove & OperationOptions): Promise<void> {
    const call = callOf('removeRoute', route?.to, this.removeRoute, route);
    return this.operate(call, route, (given) =>
      routes.changeRoute(this, call, 'removeRoute', given),
    );
  }

  /**
   * Lists the routes of every table, IPv4 first, or those that match the filter. Where IPv6 routes are
   * removed meanwhile, others may be missing without a word of the kernel (net/ipv6/ip6_fib.c,
   * fib6_dump_table); `watch` makes up for that. `EINTR`: as with `listLinks`; `ENODEV`: there is no such
   * link.
   */
  listRoutes(filter?: RouteFilter): Promise<Route[]> {
    const call = callOf('listRoutes', null, this.listRoutes, filter);
    return this.operate(call, filter, (given) => routes.listRoutes(this, call, given));
  }

  /**
   * Tells what happens to links (and addresses and routes when asked for), from this call on.
   * `added`, `changed` and `removed` are told apart by comparing with what is known; counters are
   * left out of that. When the kernel had to drop events, `resync` is followed by what is different
   * by then, so a reader that applies every event ends level with the kernel. A slow reader costs
   * the receive buffer and no more. `break`, `return` and the signal close the socket at once; the
   * process stays alive while an event is waited for.
   *
   * Of some changes the kernel says nothing, and nobody hears of them before it tells of that link again:
   * of a link that is down `alias`, `altNames`, `group`, `carrier`, `addrGenMode` and what `setMacvlan`
   * changes; `qdisc`, `bridgePort.hairpin`, a parent's `promiscuity`, `macvlan.bcCutoff`, `bcQueueLenUsed`
   * that a sibling changed, `addrGenMode` where an MTU below 1,280 takes IPv6 away or one above gives it
   * back, `altNames` of which only some could be added or removed, the `mac` that a passthru child gets with its
   * parent, `parent` of a link whose parent has moved, and that of the `peer` of a veth in another namespace: it is
   * `added` with `parent: null`, before the other end is there. A watch keeps its namespace alive: closing
   * the `Netns` ends it, `Netns.remove` does not. `EPERM`: of another namespace, needs `CAP_SYS_ADMIN`.
   */
  watch(options: LevelWatchOptions): Watch<NetlinkEvent | LevelEvent>;
  watch(options?: WatchOptions): Watch;
  watch(options?: WatchOptions): Watch<NetlinkEvent | LevelEvent> {
    return watch(this, callOf('watch', null, this.watch, options), snapshot(options));
  }

  /**
   * Opens the character device of a macvtap: a stream of Ethernet frames, see {@link Tap}. Finds the
   * device by its number as the link's namespace has it, so that a missing or misleading /dev/tapN
   * is no obstacle; that needs `CAP_SYS_ADMIN`, and `CAP_MKNOD` where /dev/tapN will not do.
   * `EINVAL`: the link is no macvtap; `ENODEV`: there is none; `EBUSY`: it would have more than 256 queues;
   * `EPERM`: a capability is missing, as the `hint` says; `EACCES`: the device may not be opened. After a
   * move of the link to another namespace the tap does not know the link's MTU any more, see {@link Tap}.
   */
  openTap(link: LinkRef, options?: OpenTapOptions): Promise<Tap> {
    const call = callOf('openTap', link, this.openTap, options);
    const ref = linkNow(link);
    return this.operate(call, options, (given) => openTap(this, call, ref, given));
  }

  /**
   * Tells whether the kernel has macvlan and macvtap, built in, loaded or to be loaded, which of their
   * attributes it knows, and whether the process may use them. `load: true` makes the kernel load
   * the modules; what came of it is in the answer. Needs no `lsmod` and no `modprobe`. Rejects where the
   * kernel cannot be asked: `EPERM` in another namespace without `CAP_SYS_ADMIN`.
   */
  checkSupport(options?: SupportOptions): Promise<Support> {
    const call = callOf('checkSupport', null, this.checkSupport, options);
    return this.operate(call, options, (given) => checkSupport(this, call, given));
  }

  /**
   * Starts a Worker whose thread lives in the namespace: its sockets (`net`, `http`, `dgram`) and its
   * child processes are there, and `Netns.current()` is this namespace. `dns.lookup` and asynchronous `fs`
   * use libuv's threads, which stay in the namespace of the process; `dns.Resolver` has sockets of its own
   * and works in the namespace. `EPERM`: needs `CAP_SYS_ADMIN`.
   */
  async run(worker: string | URL, options?: RunOptions): Promise<Worker> {
    const call = callOf('run', null, this.run, options);
    // What the Worker is given stays as it is: an object may stand in it twice.
    const given = isOptions(options) ? { ...options } : options;
    return this.operate(call, undefined, () => run(this, call, worker, given));
  }
}

/** The thread's own namespace, which nobody can close. */
class OwnNetns extends Netns {
  override async close(): Promise<void> {
    // It is shared by everything that acts in this thread's namespace.
  }
}

/** A signal in their place is left to be told from them. */
function isOptions(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !isSignal(given);
}

function refText(ref: unknown): string | null {
  if (typeof ref === 'string') return ref;
  if (isNetns(ref)) return ref.name ?? `net:[${ref.inode}]`;
  const { pid, fd } = (ref ?? {}) as { pid?: unknown; fd?: unknown };
  return pid === undefined ? `fd ${showValue(fd)}` : `pid ${showValue(pid)}`;
}
