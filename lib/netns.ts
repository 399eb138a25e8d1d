/** The class `Netns`: network namespaces, and everything that can be done in one. */
import type { Worker } from 'node:worker_threads';
import { check, isObject, isSignal } from './check/check.js';
import * as valueChecks from './check/checkValues.js';
import { linkNow, netnsNow, snapshot } from './check/snapshot.js';
import { createLink } from './creation/kinds.js';
import * as macvlan from './creation/macvlan.js';
import { Caller, type Operation, showValue } from './errors/errors.js';
import { Refusal } from './errors/refusal.js';
import * as addresses from './inet/addresses.js';
import * as neighbours from './inet/neighbours.js';
import * as routes from './inet/routes.js';
import * as rules from './inet/rules.js';
import { findChildren } from './links/children.js';
import * as deletion from './links/deletion.js';
import * as links from './links/links.js';
import { moveLink } from './links/move.js';
import { setLink, setPromiscuous } from './links/setLink.js';
import { checkSupport } from './links/support.js';
import { Call } from './namespace/call.js';
import { Namespace } from './namespace/namespace.js';
import { namespaceJob } from './namespace/native.js';
import {
  checkBrandOpen,
  isNetns,
  openHandle,
  openOwn,
  RUN_DIRECTORY,
  withNamespace,
} from './namespace/opening.js';
import { isTurnFull, takeTurn } from './namespace/turn.js';
import { getNetnsid } from './netns/netnsid.js';
import {
  listNames,
  listNamesOf,
  whatIsLeft,
  whyNotAttached,
  whyNotCreated,
  whyNotNamed,
} from './netns/netnsNames.js';
import { type RunOptions, run } from './netns/run.js';
import { getSysctl, setSysctl } from './netns/sysctl.js';
import { type OpenTapOptions, openTap } from './tap/tap.js';
import type { Tap } from './tap/tapStream.js';
import type {
  Address,
  AddressFilter,
  AddressToAdd,
  AddressToRemove,
  Child,
  CreateLinkOptions,
  CreateMacvlanOptions,
  CreateMacvtapOptions,
  CreateVethOptions,
  DeleteOptions,
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
  Neighbour,
  NeighbourFilter,
  NeighbourToAdd,
  NeighbourToRemove,
  NetlinkEvent,
  NetnsRef,
  OperationOptions,
  Route,
  RouteFilter,
  RouteToAdd,
  RouteToRemove,
  Rule,
  RuleFilter,
  RuleToAdd,
  RuleToRemove,
  Support,
  SupportOptions,
  WatchOptions,
} from './types/types.js';
import { settleAddresses } from './watch/settle.js';
import { type Watch, watch } from './watch/watch.js';

let own: Netns | undefined;

/**
 * The call that is being made, by whoever called `above`, a function that is running; `operate` notes who that is, and
 * what does without it has to. A call that has to wait for its turn has no stack: there may be thousands, and a stack
 * costs more than the rest of a call. Its error then has the stack of whoever awaits it.
 */
function callOf(
  operation: string,
  target: unknown,
  above: Operation,
  options?: OperationOptions,
): Call {
  const caller = isTurnFull() ? undefined : new Caller(above);
  return new Call(operation, links.targetOf(target), caller, options);
}

/** {@link callOf} for an operation whose options hold only a signal. */
function callWith(
  operation: string,
  target: unknown,
  above: Operation,
  options: OperationOptions | undefined,
): Call {
  const call = callOf(operation, target, above, options);
  call.signalOptions = options;
  return call;
}

/**
 * A network namespace to operate in. Requests in one namespace go to the kernel in the order in which they are made;
 * other namespaces wait for none of them but the one that the kernel works on. Between the requests of an operation
 * that takes several there may be requests of other operations: await an operation before you start another that builds
 * on it. An operation rejects with a `NetlinkError` when the kernel refuses, and with a `TypeError` (`code`
 * `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE`) or `RangeError` (`ERR_OUT_OF_RANGE`) that names the option when an
 * argument is wrong, before anything is sent.
 */
export class Netns extends Namespace {
  /**
   * The calling thread's own namespace; in a Worker of {@link Netns.run}, that Worker's. It is opened on first use and
   * never closed: its `close` does nothing.
   */
  static current(): Netns {
    own ??= new OwnNetns(openOwn(), null);
    return own;
  }

  /**
   * Opens a namespace by name, path, process or descriptor. The namespace stays alive until `close`, even when its
   * name is removed. `EINVAL`: not a network namespace; `ENOENT`: no such name or process; `EBADF`: no such `fd`;
   * `EACCES`: the process is somebody else's, which takes `CAP_SYS_PTRACE`, or a security module refuses it.
   */
  static async open(ref: NetnsRef, options?: OperationOptions): Promise<Netns> {
    const call = callWith('Netns.open', refText(ref), Netns.open, options).noteCaller();
    check(call.operation, valueChecks.netnsRef, ref, 'ref');
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
   * Makes a namespace. With a name it is the same as after `ip netns add`: mounted at /run/netns/NAME, under the same
   * lock and with the same mount propagation, and it stays until `remove`. Without a name it lives as long as a handle,
   * a process, a socket or a tap holds it, and is then destroyed with the links in it. Its loopback link is down: until
   * `setLink('lo', { up: true })` nothing in it reaches localhost, nor the namespace's own addresses. `EEXIST`: the
   * name is taken; `EPERM`: needs `CAP_SYS_ADMIN`; `EACCES`: a name needs the right to write /run/netns and to mount
   * there, which a security module may refuse; `ENOENT`: another program removed the name at that moment; `ENOSPC`: the
   * user has as many namespaces as `user.max_net_namespaces` allows.
   */
  static async create(name?: string, options?: OperationOptions): Promise<Netns> {
    const call = callWith('Netns.create', name, Netns.create, options).noteCaller();
    if (name !== undefined) check(call.operation, valueChecks.netnsName, name, 'name');
    await takeTurn();
    call.checkSignal();
    const result = await namespaceJob('createNamespace', [name ?? ''], call.signal);
    if (result instanceof Refusal) {
      throw call.error(result, { hint: await whyNotCreated(result, name) });
    }
    return new Netns(result, name ?? null);
  }

  /**
   * Gives a namespace a name, the same as `ip netns attach`: a container's, by one of its processes (`{ pid }`), or one
   * whose name was removed. It may have several. With the name it stays until `remove`, whoever else holds it. Resolves
   * with a handle of its own that has the name. `EEXIST`, `EPERM`, `EACCES` and `ENOENT`: as for `create`, and where
   * the error's `part` is `netns`, as for `open`.
   */
  static async attach(name: string, netns: NetnsRef, options?: OperationOptions): Promise<Netns> {
    const call = callWith('Netns.attach', name, Netns.attach, options).noteCaller();
    check(call.operation, valueChecks.netnsName, name, 'name');
    check(call.operation, valueChecks.netnsRef, netns, 'netns');
    call.checkSignal();
    return withNamespace(call, netnsNow(netns), async (namespace) => {
      const result = await namespace.attach(name, call.signal);
      if (result instanceof Refusal) {
        throw call.error(result, { hint: await whyNotAttached(result, name) });
      }
      return new Netns(result, name);
    });
  }

  /**
   * The names under /run/netns that really are network namespaces, sorted; also one of a namespace whose type cannot be
   * told. Rejects with a `NetlinkError` when they cannot be read.
   */
  static async list(options?: OperationOptions): Promise<string[]> {
    const call = callWith('Netns.list', null, Netns.list, options).noteCaller();
    call.checkSignal();
    return listNames(call);
  }

  /**
   * The names under /run/netns of a namespace, sorted: none, one or several, of which `ip netns identify` shows one for
   * a process. The `name` of a `Netns` still leads to it if it is among them. Errors: as for `list`, and as for `open`
   * if `netns` cannot be opened.
   */
  static async identify(netns: NetnsRef, options?: OperationOptions): Promise<string[]> {
    const call = callWith('Netns.identify', refText(netns), Netns.identify, options).noteCaller();
    check(call.operation, valueChecks.netnsRef, netns, 'netns');
    call.checkSignal();
    return withNamespace(call, netnsNow(netns), ({ inode }) => listNamesOf(call, inode));
  }

  /**
   * Removes the name, the same as `ip netns delete`; the namespace itself is destroyed when nothing holds it any more.
   * If the name is a symbolic link, only the link is removed. `ENOENT`: there is no such name (not with `ifExists`);
   * `EBUSY`: another program gave it again meanwhile, or has mounted it twice, and one of the mounts is left, or it was
   * given outside the user namespace that owns this mount namespace; `EISDIR`: it is a directory; `EACCES`: needs the
   * right to write /run/netns, and to unmount, which a security module may refuse; `EPERM`: needs `CAP_SYS_ADMIN`.
   */
  static async remove(name: string, options?: DeleteOptions): Promise<void> {
    const call = callOf('Netns.remove', name, Netns.remove, options).noteCaller();
    check(call.operation, valueChecks.netnsName, name, 'name');
    check(call.operation, valueChecks.deleteOptions, options);
    const ifExists = options?.ifExists;
    await takeTurn();
    call.checkSignal();
    const result = await namespaceJob('removeNamespace', [name], call.signal);
    if (!(result instanceof Refusal)) return;
    const gone = result.code === 'ENOENT';
    if (gone && ifExists === true) return;
    const hint = gone ? `There is no name '${name}' under ${RUN_DIRECTORY}.` : whyNotNamed(result);
    throw call.error(result, { done: await whatIsLeft(result, name), hint });
  }

  /**
   * Makes a macvlan: all of it or nothing. Whichever step fails, no link stays behind, and where the step was for one
   * option alone the error's `part` names that; should something stay behind after all, because the kernel refuses to
   * remove it or another program has moved it away, the error's `cause` says what, or that the link is gone, deleted or
   * moved. (Of a call that was aborted the signal's reason is then the `cause` of an `AbortError`, which says what the
   * kernel refuses to remove.) For the kernel's refusals the error's `hint` gives the reason: `EEXIST`, the name, the
   * index or an address is taken; `ENOENT`, there is no such `netns`; `ENODEV`, no such parent or master (`EINVAL`,
   * where a master is given by its index or as a `Link`); `EBUSY`, the parent is a port, or something else receives its
   * frames; `EINVAL`, the parent is not an Ethernet device, or has a passthru child or a smaller MTU, or the name is
   * `all` or `default`; `EADDRINUSE`, the parent or a sibling that is up has the MAC; `ENETUNREACH` (for IPv6
   * `EHOSTUNREACH`), no address reaches the gateway of one of the `routes`, or, as with `ENETDOWN`, the link is not
   * `up`; `EPERM`, needs `CAP_NET_ADMIN`; `EOPNOTSUPP`, this kernel has no macvlan, or does not know that option, or
   * the master can have no ports.
   *
   * @example
   * ```ts
   * const link = await netns.createMacvlan({
   *   parent: 'eth0',
   *   mode: 'bridge',
   *   name: 'macv1',
   *   netns: 'net1',
   *   up: true,
   *   addresses: ['192.0.2.151/24'],
   * });
   * ```
   */
  createMacvlan(options: CreateMacvlanOptions): Promise<MacvlanLink> {
    const call = callOf(
      'createMacvlan',
      options?.name ?? options?.index,
      this.createMacvlan,
      options,
    );
    return this.operate(
      call,
      options,
      (given) => macvlan.createMacvlan(this, call, 'macvlan', given),
      options?.netns,
    );
  }

  /**
   * Makes a macvtap, whose frames go to a character device: all of it or nothing, like `createMacvlan`.
   */
  createMacvtap(options: CreateMacvtapOptions): Promise<MacvtapLink> {
    const call = callOf(
      'createMacvtap',
      options?.name ?? options?.index,
      this.createMacvtap,
      options,
    );
    return this.operate(
      call,
      options,
      (given) => macvlan.createMacvlan(this, call, 'macvtap', given),
      options?.netns,
    );
  }

  /**
   * Makes a link of kind `macvlan`, `macvtap`, `veth`, `bridge`, `dummy` or `vlan`: all of it or nothing.
   * `EOPNOTSUPP`, with a hint that names the module: this kernel lacks the kind; `ENOENT`: there is no such `netns` or
   * `peer.netns`; otherwise as for `createMacvlan`.
   */
  createLink<K extends CreateLinkOptions['kind']>(
    options: CreateLinkOptions & { readonly kind: K },
  ): Promise<LinkOfKind<K>>;
  createLink(options: CreateLinkOptions): Promise<Link> {
    const call = callOf('createLink', options?.name ?? options?.index, this.createLink, options);
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
   * Reads a link (`RTM_GETLINK`). `ENODEV`: there is none; `EMSGSIZE`: as for `listLinks`.
   */
  getLink(link: LinkRef, options?: OperationOptions): Promise<Link> {
    const call = callWith('getLink', link, this.getLink, options);
    const ref = linkNow(link);
    return this.operate(call, undefined, () => links.getLink(this, call, ref));
  }

  /**
   * The id that this namespace has for another one (`RTM_GETNSID`), as in `parent.netnsid` of a link and
   * `movedTo.netnsid` of an event; `null` when there is none. The kernel assigns one when a link refers to the other
   * namespace; `ip netns set` assigns a chosen one. `ENOENT`: there is no such namespace.
   */
  getNetnsid(netns: NetnsRef, options?: OperationOptions): Promise<number | null> {
    const call = callWith('getNetnsid', refText(netns), this.getNetnsid, options);
    const other = netnsNow(netns);
    return this.operate(call, undefined, () => getNetnsid(this, call, other), netns);
  }

  /**
   * Lists the links that match everything the filter names, sorted by index. A listing that a change interrupts is
   * repeated, a limited number of times; `EINTR`: every attempt was interrupted. `ENODEV`: there is no such parent or
   * master; `EMSGSIZE`: a link has more than 5,460 sources (see `addSources`), and Linux 7.3 and newer list neither that
   * one nor those behind it.
   */
  listLinks(filter?: LinkFilter): Promise<Link[]> {
    const call = callOf('listLinks', null, this.listLinks, filter);
    return this.operate(call, filter, (given) => links.listLinks(this, call, given));
  }

  /**
   * Finds the links on a link (macvlan, macvtap, ipvlan, ipvtap, macsec, VLAN) in whichever namespace they are: this
   * one, the thread's own, those that have names, those of processes (their first threads), and those of which this
   * process has a descriptor. Not in one to which nothing of this leads, nor in one that this process may not open or
   * enter: other namespaces need `CAP_SYS_ADMIN`, and those of other users' processes `CAP_SYS_PTRACE`. Takes 0.1 to
   * 0.3 ms for each namespace. `ENODEV`: there is no such link; otherwise as for `listLinks`, of any of the namespaces.
   */
  findChildren(link: LinkRef, options?: OperationOptions): Promise<Child[]> {
    const call = callWith('findChildren', link, this.findChildren, options);
    const ref = linkNow(link);
    return this.operate(call, undefined, () => findChildren(this, call, ref, Netns.current));
  }

  /**
   * Changes what is named and nothing else, down to the single flag. The kernel makes the changes in an order of its
   * own, and keeps those that it made before it refused one. `ENODEV`: there is no such link or master (`EINVAL`, where
   * a master is given by its index or as a `Link`); `EEXIST`: a name is taken; `ENOENT`: the link does not have a name
   * to be removed; `EBUSY`: the link cannot be a port of that master; `EXFULL`: the bridge has 1,023 ports; `ELOOP`: a
   * bridge cannot be a port of a bridge; `EOPNOTSUPP`: the master can have no ports, or `bridgePort` for a link that is
   * not a port; `EADDRINUSE`: the parent or a sibling that is up has the MAC; `EINVAL` (for a VLAN `ERANGE`): an MTU
   * above the parent's, or another reason that the `hint` gives; `EPERM`: needs `CAP_NET_ADMIN`.
   */
  setLink(link: LinkRef, changes: LinkChanges): Promise<void> {
    const call = callOf('setLink', link, this.setLink, changes);
    const ref = linkNow(link);
    return this.operate(call, changes, (given) => setLink(this, call, ref, given));
  }

  /**
   * Sets or clears `IFF_PROMISC`, and no other flag. Whether the device really is promiscuous, `Link.promiscuity`
   * tells: others may keep it so. `ENODEV`: there is no such link.
   */
  setPromiscuous(link: LinkRef, on: boolean, options?: OperationOptions): Promise<void> {
    const call = callWith('setPromiscuous', link, this.setPromiscuous, options);
    const ref = linkNow(link);
    return this.operate(call, on, (given) => setPromiscuous(this, call, ref, given));
  }

  /**
   * Changes an existing macvlan or macvtap. `EINVAL`: a change to or from mode passthru, or an option that the mode
   * does not take; `ENETDOWN`: `nopromisc` while the link is down, which would make the kernel miscount its parent's
   * promiscuity for ever, as it does where another `Netns` or program takes the link down at that moment;
   * `EOPNOTSUPP`: the link is not a macvlan, or this kernel does not know the option; `ENODEV`: there is no such link.
   */
  setMacvlan(link: LinkRef, changes: MacvlanChanges): Promise<void> {
    const call = callOf('setMacvlan', link, this.setMacvlan, changes);
    const ref = linkNow(link);
    return this.operate(call, changes, (given) => macvlan.setMacvlan(this, call, ref, given));
  }

  /**
   * Adds MACs to the source list of a macvlan in mode source; those that are on it already stay. `EINVAL`: the link is
   * in another mode; `EOPNOTSUPP`: it is not a macvlan; `ENODEV`: there is no such link; `E2BIG`: the list would exceed
   * 5,455 MACs, which is what the kernel's answers have room for; what another process adds at the same time is not
   * counted. Before Linux 7.3 this library reads even a longer list that another program has made, and `removeSources`
   * and `setMacvlan` can shorten it; other programs, `ip` among them, cannot read such a link, nor one of more than
   * 5,426 that is a port of a bridge. Since then the kernel refuses to tell of a link with more than 5,460 (`EMSGSIZE`).
   */
  addSources(link: LinkRef, macs: readonly string[], options?: OperationOptions): Promise<void> {
    const call = callWith('addSources', link, this.addSources, options);
    const ref = linkNow(link);
    return this.operate(call, macs, (given) =>
      macvlan.changeSources(this, call, 'add', ref, given),
    );
  }

  /**
   * Removes MACs from the source list; one that is not on it is no error. `EINVAL`: the link is in another mode;
   * `EOPNOTSUPP`: it is not a macvlan; `ENODEV`: there is no such link.
   */
  removeSources(link: LinkRef, macs: readonly string[], options?: OperationOptions): Promise<void> {
    const call = callWith('removeSources', link, this.removeSources, options);
    const ref = linkNow(link);
    return this.operate(call, macs, (given) =>
      macvlan.changeSources(this, call, 'del', ref, given),
    );
  }

  /**
   * Moves a link to another namespace, and returns it as it is there. On the way the kernel sets it down, takes it out
   * of its master, drops its addresses (list them before, and they can be added again) and resets `addrGenMode`, `ipv4`
   * and `ipv6`; it holds its machine-wide networking lock meanwhile (17 ms). Macvlans on it stay, but it forgets their
   * MACs and multicast groups (net/core/dev.c, __dev_change_net_namespace): a card that filters drops their frames
   * until they go down and up, and those of their groups, IPv6 neighbour solicitations among them, for ever: make them
   * anew after the move. Where possible, make the link in its final namespace with the option `netns` instead.
   * `EEXIST`: its name, or one of its alternative names, is taken there; `EEXIST` or `EBUSY`: the `index` is taken;
   * `EINVAL`: the link cannot be moved, such as a bridge, no link can have the `name`, such as `all`, or an `index` is
   * given although the link is in that namespace already (`lo` is `EEXIST`: every namespace has one); `ENODEV`: there
   * is no such link; `EOPNOTSUPP`: an `index` other than its own, before Linux 5.13; `ENOENT`: there is no such
   * namespace.
   */
  moveLink(link: LinkRef, netns: NetnsRef, options?: MoveOptions): Promise<Link> {
    const call = callOf('moveLink', link, this.moveLink, options);
    const ref = linkNow(link);
    const to = netnsNow(netns);
    return this.operate(call, options, (given) => moveLink(this, call, ref, to, given), netns);
  }

  /**
   * Deletes a link (`RTM_DELLINK`), and with it the macvlans, macvtaps and VLANs on it, in whichever namespaces they
   * are; `findChildren` finds them. Calls that are under way together are carried out as one group, as by
   * `deleteLinks`. A tunnel device that the kernel makes in each namespace itself, such as `tunl0`, `gre0`, `gretap0`,
   * `erspan0` or `sit0`, stays: the kernel acknowledges its deletion and does nothing, so the call succeeds. `ENODEV`:
   * there is no such link (not with `ifExists`); `EOPNOTSUPP`: the device was not made by software.
   */
  deleteLink(link: LinkRef, options?: DeleteOptions): Promise<void> {
    const call = callOf('deleteLink', link, this.deleteLink, options);
    const ref = linkNow(link);
    return this.operate(call, options, (given) => deletion.deleteLink(this, call, ref, given));
  }

  /**
   * Deletes any number of links. Every link that can be deleted is; an `AggregateError` holds a `NetlinkError` for each
   * that could not. When a link is named twice, by its index and a name or by two names, the second one fails with
   * `ENODEV` (not with `ifExists`); a `Link` together with its name or index does not. A device such as `tunl0` stays,
   * without an error, as it does with `deleteLink`. The links are put into a group that nobody uses, and then the group
   * is deleted. A link that somebody moves to another namespace between the two steps counts as deleted, and keeps that
   * group there. Links that are left when the process is killed between the two keep it as well, and the last events of
   * a link show that group: to find links again, go by their names rather than by their `group`. These groups have 0x5e
   * in the upper byte: a link of such a group of the program's own may get group 0 where it is not deleted. One that
   * another program gives a group meanwhile, and keeps from being deleted by a new name, gets the group that it had.
   */
  async deleteLinks(refs: readonly LinkRef[], options?: DeleteOptions): Promise<void> {
    const call = callOf('deleteLinks', null, this.deleteLinks, options);
    const how = snapshot(options);
    return this.operate(call, refs, (given) => deletion.deleteLinks(this, call, given, how));
  }

  /**
   * Adds an address to a link: `'192.0.2.151/24'`, `'fd00::1/64'`, or an object, which may be an `Address` as it was
   * listed, such as one that a move has dropped. `EEXIST`: the link has it already; `ENODEV`: there is no such link.
   * For IPv6 also `EACCES`: it is disabled on the link; `EINVAL`: the link's MTU is below 1,280; `EADDRNOTAVAIL`: `::1`
   * on another link than `lo`, or a multicast address without `autojoin`; `EOPNOTSUPP`: the kernel has no IPv6. For
   * IPv4 `ENOBUFS`: no room for another `autojoin` (see `AddressFlag`). The kernel does not ask the neighbours whether
   * one has an IPv4 address already, and with `arpNotify` it announces one only when the link comes up or its MAC is
   * set.
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
   * Adds an address to a link, or changes the one that is there: its lifetimes (omitted: for ever), its metric
   * (omitted: 0 for IPv4, unchanged for IPv6), and for IPv6 its flags (omitted: none, but `autojoin` stays, and joins
   * nothing when it is added) and its peer (omitted: unchanged). An address that a neighbour has (`dadfailed`) stays
   * so: remove and add it to have the kernel ask again. The kernel ignores the other fields of an existing address
   * (net/ipv4/devinet.c, inet_rtm_newaddr; net/ipv6/addrconf.c, inet6_addr_modify). `EEXIST`: the link has the IPv6
   * address with another prefix length, which for IPv4 is another address beside that one; otherwise as for
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
   * Removes an address from a link; it may be an `Address` as it was listed. When the first IPv4 address of a subnet is
   * removed, the others in the subnet are removed too, unless `net.ipv4.conf.*.promote_secondaries` is 1. Of an IPv4
   * `peer` the kernel compares as many bits as the prefix has.
   * `EADDRNOTAVAIL`: the link does not have it; `ENODEV`: there is no such link; `ENXIO`: its MTU is too small for
   * IPv6 (none of them with `ifExists`).
   */
  async removeAddress(
    link: LinkRef,
    address: string | AddressToRemove,
    options?: DeleteOptions,
  ): Promise<void> {
    const call = callOf('removeAddress', link, this.removeAddress, options);
    const [ref, how] = [linkNow(link), snapshot(options)];
    return this.operate(call, address, (given) =>
      addresses.changeAddress(this, call, 'removeAddress', ref, given, how),
    );
  }

  /**
   * Lists the addresses of all links, or of one. `EINTR`: as for `listLinks`; `ENODEV`: there is no such link.
   */
  listAddresses(filter?: AddressFilter): Promise<Address[]> {
    const call = callOf('listAddresses', filter?.link, this.listAddresses, filter);
    return this.operate(call, filter, (given) => addresses.listAddresses(this, call, given));
  }

  /**
   * Waits until the addresses that a link has can be used, and gives them: a new IPv6 address is `tentative` while the
   * kernel asks whether a neighbour has it, for a second or two, and nothing can bind to it. That does not begin before
   * the link is up and has a carrier, so give a signal, such as `AbortSignal.timeout(5000)`: without one this waits as
   * long as it takes. IPv4 addresses, and those that have the flag `nodad` or `optimistic`, can be used at once; an
   * address that the kernel or a router is still to give the link is not waited for, nor one that it loses because it
   * is set down. `EADDRINUSE`: a neighbour has one of them, or had when it was last asked (`dadfailed`; one with a
   * lifetime the kernel has removed); `ENODEV`: there is no such link, or it has been deleted or moved meanwhile;
   * `ERR_NETNS_CLOSED`: `close` does not wait for this.
   */
  settleAddresses(link: LinkRef, options?: OperationOptions): Promise<Address[]> {
    const call = callWith('settleAddresses', link, this.settleAddresses, options);
    const ref = linkNow(link);
    return this.operate(call, undefined, () => settleAddresses(this, call, ref));
  }

  /**
   * Adds a route; it may be a `Route` as it was listed, but not every one can be added again as it was: of the routes
   * that the kernel itself adds for each link (`fe80::/64`, `ff00::/8`) a second one with the same metric needs
   * `append`, and an IPv6 route with a `metric` of 0 gets 1024. What a `Route` does not show is lost: the expiry of a
   * route from a router advertisement, metrics besides `mtu` and `advmss`, the lock of an MTU, the preference of an
   * IPv6 route, a realm, an encapsulation. `EEXIST`: there is one, by any link, and `append` is not set; `ENETUNREACH`
   * (for IPv6 `EHOSTUNREACH`): nothing leads to the gateway, such as a link's address; `ENODEV`: there is no such link,
   * or its MTU is too small for IPv6; `EACCES`: IPv6 is disabled on it; `ENETDOWN`: it is down (`ENETUNREACH` for an
   * IPv4 gateway without `onlink`); `EINVAL`: no link has the `source`, or that is tentative, or there is no such
   * nexthop object.
   */
  addRoute(route: RouteToAdd & OperationOptions): Promise<void> {
    const call = callOf('addRoute', route?.to, this.addRoute, route);
    return this.operate(call, route, (given) => routes.changeRoute(this, call, 'addRoute', given));
  }

  /**
   * Adds a route in place of the one to the same destination with the same metric. Of several, be they by other links,
   * the first is replaced, and for an IPv6 route by a gateway the first by one. `EEXIST`: an identical IPv4 route
   * stands behind that first one; IPv6 does not refuse that, and then has the same route twice, which is why a route
   * such as `fe80::/64`, which each link has, is better removed and added. Otherwise as for `addRoute`.
   */
  replaceRoute(route: RouteToAdd & OperationOptions): Promise<void> {
    const call = callOf('replaceRoute', route?.to, this.replaceRoute, route);
    return this.operate(call, route, (given) =>
      routes.changeRoute(this, call, 'replaceRoute', given),
    );
  }

  /**
   * Removes the first route that matches every option given; it may be a `Route` as it was listed. A `metric` of 0
   * matches any, and the route with the lowest metric is removed. An IPv4 route by one gateway also matches one of
   * several ways that begins with that gateway, and the reverse, one without a `source` matches one that has one, and
   * one by a link without a gateway matches one of the same `scope` by a gateway on that link. For IPv6 the kernel
   * compares neither `source`, `scope` nor `mtu`, of the `type` only whether the route leads anywhere, and for a route
   * with a `nexthopId` neither `via` nor `link` (net/ipv6/route.c, ip6_route_del). Of IPv6 `nextHops` it removes each by
   * itself, from whichever route has it: when one is not there, the others are gone all the same, and the call fails
   * (ip6_route_multipath_del).
   * `ESRCH`: there is no such route, or no link with that index; `ENOENT`: there is no default route of IPv6, if
   * neither `via`, `link`, `metric` nor `protocol` is given (otherwise `ESRCH`); `ENODEV`: there is no link of that
   * name (none of these with `ifExists`); `EINVAL`: there is no such nexthop object.
   */
  removeRoute(route: RouteToRemove & DeleteOptions): Promise<void> {
    const call = callOf('removeRoute', route?.to, this.removeRoute, route);
    return this.operate(call, route, (given) =>
      routes.changeRoute(this, call, 'removeRoute', given),
    );
  }

  /**
   * Lists the routes of every table, IPv4 first, or those that match the filter. When IPv6 routes are removed
   * meanwhile, others may be missing from the listing, and the kernel does not say so (net/ipv6/ip6_fib.c,
   * fib6_dump_table); `watch` makes up for that. A route that takes more than 32 KiB, as with thousands of ways, is
   * always missing, and so are those behind it. `EINTR`: as for `listLinks`; `ENODEV`: there is no such link.
   */
  listRoutes(filter?: RouteFilter): Promise<Route[]> {
    const call = callOf('listRoutes', filter?.link, this.listRoutes, filter);
    return this.operate(call, filter, (given) => routes.listRoutes(this, call, given));
  }

  /**
   * Adds a rule of policy routing, which says for which packets the routes of a table count; it may be a `Rule` as it
   * was listed. Packets from an address of the macvlan's, for example, leave by its own default route in table 100 with
   * `{ priority: 100, from: '192.0.2.151', table: 100 }`. `EEXIST`: there is one of that priority already that differs
   * in nothing but `invert`, `goto`, or a `from`, `to` or `tos` that the new one lacks; `EINVAL`: the kernel says why;
   * `EPERM`: needs `CAP_NET_ADMIN`, or a `uidRange` is given in another user namespace than that of the network
   * namespace; `EAFNOSUPPORT`: the kernel has no rules of that family.
   */
  addRule(rule: RuleToAdd & OperationOptions): Promise<void> {
    const call = callOf('addRule', rule?.priority, this.addRule, rule);
    return this.operate(call, rule, (given) => rules.addRule(this, call, given));
  }

  /**
   * Removes the first rule that matches everything that is said; it may be a `Rule` as it was listed. What is left out
   * or `null` matches any, but a rule without `from` and `to` is one of IPv4 unless `family` says otherwise, a `fwmark`
   * without `fwmask` means all bits, and neither `invert` nor `goto` is compared
   * (net/core/fib_rules.c, rule_find): of rules with the same priority the one that says the same and more may be
   * removed, so give each a priority of its own. What is also true of the kernel's rule for the table `local`, whose
   * priority is 0, is not enough: say the `table`, too. `ENOENT`: there is none (not with `ifExists`); `EPERM`: as for
   * `addRule`.
   */
  removeRule(rule: RuleToRemove & DeleteOptions): Promise<void> {
    const call = callOf('removeRule', rule?.priority, this.removeRule, rule);
    return this.operate(call, rule, (given) => rules.removeRule(this, call, given));
  }

  /**
   * Lists the rules of policy routing, IPv4 first, in the order in which they are tried, or those that match the
   * filter. A family of which the kernel has no rules has none here. When some of hundreds are added or removed
   * meanwhile, others may be missing or there twice, and the kernel does not say so (net/core/fib_rules.c, dump_rules).
   * A `Rule` does not show a DSCP, a flow label, the mask of a port (Linux 6.13 to 6.15), the key of a tunnel, or a
   * realm.
   */
  listRules(filter?: RuleFilter): Promise<Rule[]> {
    const call = callOf('listRules', null, this.listRules, filter);
    return this.operate(call, filter, (given) => rules.listRules(this, call, given));
  }

  /**
   * Says which MAC an IP address has on a link, or with `proxy` that the machine answers for an address there; it may
   * be a `Neighbour` as it was listed (which does not show `extern_learn` or `managed`). `EEXIST`: the link has an
   * entry for the address, be it one that ARP has found (a proxy may be added again); `ENODEV`: there is no such link;
   * `EINVAL`: IPv6 is disabled on the link, where only a proxy may be added, or its MTU is too small for the family (of
   * an IPv6 proxy `ENOBUFS`);
   * `ENOBUFS`: the kernel's table, which all namespaces share, has no room for one that is not permanent
   * (net.ipv4.neigh.default.gc_thresh3); `EAFNOSUPPORT`: the kernel has no IPv6; `EPERM`: needs `CAP_NET_ADMIN`. A link
   * that goes down loses all entries, one whose MAC is set, even to the same, all but proxies, and one that loses its carrier all but
   * proxies and permanent ones; one that is up and whose `arp` is changed loses all but proxies. On a loopback or
   * point-to-point link the kernel has a single entry for all of IPv4, listed as `0.0.0.0`: what is added for any
   * address changes that (net/ipv4/arp.c, arp_constructor).
   */
  addNeighbour(
    link: LinkRef,
    neighbour: NeighbourToAdd,
    options?: OperationOptions,
  ): Promise<void> {
    const call = callWith('addNeighbour', link, this.addNeighbour, options);
    const ref = linkNow(link);
    return this.operate(call, neighbour, (given) =>
      neighbours.putNeighbour(this, call, 'addNeighbour', ref, given),
    );
  }

  /**
   * As `addNeighbour`, but in place of the entry that the link has for the address, if there is one: never `EEXIST`.
   */
  replaceNeighbour(
    link: LinkRef,
    neighbour: NeighbourToAdd,
    options?: OperationOptions,
  ): Promise<void> {
    const call = callWith('replaceNeighbour', link, this.replaceNeighbour, options);
    const ref = linkNow(link);
    return this.operate(call, neighbour, (given) =>
      neighbours.putNeighbour(this, call, 'replaceNeighbour', ref, given),
    );
  }

  /**
   * Removes the entry of an address, be it one that ARP has found, so that it is asked for again; or with `proxy` the
   * one to answer for. It may be a `Neighbour` as it was listed. `ENOENT`: there is none; `ENODEV`: there is no such
   * link (neither with `ifExists`); `EPERM`: needs `CAP_NET_ADMIN`.
   */
  async removeNeighbour(
    link: LinkRef,
    neighbour: string | NeighbourToRemove,
    options?: DeleteOptions,
  ): Promise<void> {
    const call = callOf('removeNeighbour', link, this.removeNeighbour, options);
    const [ref, how] = [linkNow(link), snapshot(options)];
    return this.operate(call, neighbour, (given) =>
      neighbours.removeNeighbour(this, call, ref, given, how),
    );
  }

  /**
   * Lists the neighbours of all links, or of one: who has answered, such as the virtual machine on a macvtap, and under
   * which address; behind them the addresses that the machine answers for. When of hundreds some come or go meanwhile,
   * be it in another namespace, others may be missing or there twice, and the kernel, which has one table for all
   * namespaces, does not say so (net/core/neighbour.c, neigh_dump_table). `ENODEV`: there is no such link.
   */
  listNeighbours(filter?: NeighbourFilter): Promise<Neighbour[]> {
    const call = callOf('listNeighbours', filter?.link, this.listNeighbours, filter);
    return this.operate(call, filter, (given) => neighbours.listNeighbours(this, call, given));
  }

  /**
   * Reports what happens to links (and to addresses and routes when asked for) from this call on. Whether something was
   * `added`, `changed` or `removed` is found by comparing it with what is known, its counters aside. When the kernel
   * had to drop events, `resync` is followed by events for everything that is different by then, so a reader that
   * applies every event ends up in step with the kernel. A slow reader costs no more than the receive buffer. `break`,
   * `return` and the signal close the socket at once; the process stays alive while an event is awaited.
   *
   * To keep a picture of what there is, use `initial`: a listing of your own beside the watch has a gap, because what
   * it compares with is listed a little later. A route that the kernel has removed in between, with its address and
   * without a message of its own, would never be reported.
   *
   * A route that replaces another, is appended to one, or has several ways is known only once the routes have been
   * listed again: one that is gone by then is not reported.
   *
   * Of some changes the kernel sends no message, so they show only with the next message about that link: of a link
   * that is down `alias`, `altNames`, `group`, `carrier`, `addrGenMode`, `bridgePort` and what `setMacvlan` changes;
   * `qdisc`, `bridgePort` where `bridge` or /sys changes it, a parent's `promiscuity` that its children's MACs need,
   * `macvlan.bcCutoff`, `bcQueueLenUsed` that a sibling changed, `addrGenMode` where an MTU below 1,280 disables IPv6
   * or one above enables it again, `altNames` of which only some could be added or removed, the `mac` that a passthru
   * child gets with its parent, `parent` of a link whose parent has moved, and `parent` of a veth's `peer` in another
   * namespace, which is `added` with `parent: null`, before the other end exists. Of an IPv6 address that is tentative,
   * changes show once that is over, and so does the link-local address that the kernel makes when a link comes up.
   * Settings (`ipv4`, `ipv6`, `setSysctl`) are not reported, nor is an `mtu` of IPv6 routes that follows one from a router
   * advertisement, nor that a kept address is tentative while its link is down (`keep_addr_on_down`), nor, with
   * `net.ipv6.route.skip_notify_on_dev_down`, the end of the routes by a link without an IPv6 address when its
   * `disable_ipv6` is set.
   *
   * A watch keeps its namespace alive, and the links in it: closing the `Netns` ends the watch, without an error;
   * neither `Netns.remove` does, nor the end of the processes in the namespace. It throws at once when its socket
   * cannot be opened. `EPERM`: in another namespace, needs `CAP_SYS_ADMIN`; `EMSGSIZE`: as for `listLinks`.
   */
  watch(options?: WatchOptions): Watch;
  watch(options: LevelWatchOptions): Watch<NetlinkEvent | LevelEvent>;
  watch(options?: WatchOptions | LevelWatchOptions): Watch<NetlinkEvent | LevelEvent> {
    const call = callOf('watch', null, this.watch, options).noteCaller();
    call.where = this;
    return watch(this, call, snapshot(options));
  }

  /**
   * Opens the character device of a macvtap: a stream of Ethernet frames, see {@link Tap}. The device is found by its
   * number in the link's namespace, so a missing or misleading /dev/tapN does not matter; that needs `CAP_SYS_ADMIN`,
   * unless the namespace is the thread's own and /sys shows it, and `CAP_MKNOD` where /dev/tapN is not the right
   * device, and without `CAP_SYS_ADMIN` also a /dev that may be written (`EROFS`). `EINVAL`: the link is not a macvtap;
   * `ENODEV`: there is no such link; `EBUSY`: it would have more than 256 queues; `EPERM`: a capability is missing, as
   * the `hint` says; `EACCES`: the device may not be opened. After the link has moved to another namespace the tap does
   * not know its MTU any more, see {@link Tap}.
   */
  openTap(link: LinkRef, options?: OpenTapOptions): Promise<Tap> {
    const call = callOf('openTap', link, this.openTap, options);
    const ref = linkNow(link);
    return this.operate(call, options, (given) => openTap(this, call, ref, given));
  }

  /**
   * Reads a setting below /proc/sys/net as it is in this namespace (net/sysctl_net.c, net_ctl_header_lookup), such as
   * `'net.ipv4.ip_forward'`, without the newline at its end. Dots or slashes separate, whichever comes first; then the
   * other one stands for a dot, as in sysctl(8): the link `eth0.5` is in `'net.ipv6.conf.eth0/5.accept_ra'` and
   * `'net/ipv6/conf/eth0.5/accept_ra'`. `ENOENT`: there is no such setting, or no such link; `EISDIR`: it is a folder
   * of settings; `EACCES`: it cannot be read; `EPERM`: in another namespace, needs `CAP_SYS_ADMIN`.
   */
  getSysctl(name: string, options?: OperationOptions): Promise<string> {
    const call = callWith('getSysctl', name, this.getSysctl, options);
    return this.operate(call, undefined, () => getSysctl(this, call, name));
  }

  /**
   * Writes a setting below /proc/sys/net in this namespace, for which the kernel has no netlink request, such as
   * `ip_forward` and those of net.ipv6.conf: the usual ones of a link are its option `ipv6` as well, and those of
   * `default` are what a new link begins with. Not in order with other operations: await it. `ENOENT`: there is no such
   * setting, no such link, or nothing that has the value's name; `EINVAL`: it does not take the value, or has taken
   * only its beginning; `EACCES`: the setting is read-only, or needs root or `CAP_NET_ADMIN`, or a security module
   * refuses it; `EROFS`: /proc/sys is mounted read-only; `EPERM`: in another namespace, needs `CAP_SYS_ADMIN`; some
   * settings, such as `ip_forward`, need `CAP_NET_ADMIN` of root, too.
   */
  setSysctl(name: string, value: string | number, options?: OperationOptions): Promise<void> {
    const call = callWith('setSysctl', name, this.setSysctl, options);
    return this.operate(call, undefined, () => setSysctl(this, call, name, value));
  }

  /**
   * Tells whether the kernel has macvlan, macvtap and the other kinds of links (built in, loaded or loadable), which
   * attributes of macvlans it knows, and whether the process may use them. `load: true` makes the kernel load macvlan
   * and macvtap first. Needs no `lsmod` and no `modprobe`. Rejects when the kernel cannot be asked: `EPERM` in another
   * namespace without `CAP_SYS_ADMIN`.
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
   *
   * A Worker is born where its creator is, so the calling thread enters the namespace for some milliseconds. Where that
   * is the process's first thread, whoever goes by the process meanwhile (/proc/PID/ns/net, `ip link set … netns PID`)
   * finds this namespace instead of the process's own; only this copy of the package waits. `watch` does so for
   * microseconds.
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

/** Not when something else was given instead: a copy would not be recognised as that, and pass for options. */
function isOptions(given: unknown): given is object {
  return isObject(given) && !isSignal(given);
}

function refText(ref: unknown): string | null {
  if (typeof ref === 'string') return ref;
  if (isNetns(ref)) return ref.name ?? `net:[${ref.inode}]`;
  const { pid, fd } = (ref ?? {}) as { pid?: unknown; fd?: unknown };
  return pid === undefined ? `fd ${showValue(fd)}` : `pid ${showValue(pid)}`;
}
