/** Every operation as a function, in the caller's own namespace. */
import type { Worker } from 'node:worker_threads';
import type { RunOptions } from './netns/run.js';
import { Netns } from './netns.js';
import type { OpenTapOptions } from './tap/tap.js';
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
import type { Watch } from './watch/watch.js';

/** The own namespace; where it cannot be opened, that is what every operation rejects with. */
function here(): Netns {
  try {
    return Netns.current();
  } catch (error) {
    return new Proxy({} as Netns, { get: () => () => Promise.reject(error) });
  }
}

/** {@link Netns.createMacvlan} in the caller's own namespace. */
export function createMacvlan(options: CreateMacvlanOptions): Promise<MacvlanLink> {
  return here().createMacvlan(options);
}

/** {@link Netns.createMacvtap} in the caller's own namespace. */
export function createMacvtap(options: CreateMacvtapOptions): Promise<MacvtapLink> {
  return here().createMacvtap(options);
}

/** {@link Netns.createLink} in the caller's own namespace. */
export function createLink<K extends CreateLinkOptions['kind']>(
  options: CreateLinkOptions & { readonly kind: K },
): Promise<LinkOfKind<K>> {
  return here().createLink<K>(options);
}

/** {@link Netns.getLink} in the caller's own namespace. */
export function getLink(link: LinkRef, options?: OperationOptions): Promise<Link> {
  return here().getLink(link, options);
}

/** {@link Netns.getNetnsid} in the caller's own namespace. */
export function getNetnsid(netns: NetnsRef, options?: OperationOptions): Promise<number | null> {
  return here().getNetnsid(netns, options);
}

/** {@link Netns.listLinks} in the caller's own namespace. */
export function listLinks(filter?: LinkFilter): Promise<Link[]> {
  return here().listLinks(filter);
}

/** {@link Netns.findChildren} in the caller's own namespace. */
export function findChildren(link: LinkRef, options?: OperationOptions): Promise<Child[]> {
  return here().findChildren(link, options);
}

/** {@link Netns.setLink} in the caller's own namespace. */
export function setLink(link: LinkRef, changes: LinkChanges): Promise<void> {
  return here().setLink(link, changes);
}

/** {@link Netns.setPromiscuous} in the caller's own namespace. */
export function setPromiscuous(
  link: LinkRef,
  on: boolean,
  options?: OperationOptions,
): Promise<void> {
  return here().setPromiscuous(link, on, options);
}

/** {@link Netns.setMacvlan} in the caller's own namespace. */
export function setMacvlan(link: LinkRef, changes: MacvlanChanges): Promise<void> {
  return here().setMacvlan(link, changes);
}

/** {@link Netns.addSources} in the caller's own namespace. */
export function addSources(
  link: LinkRef,
  macs: readonly string[],
  options?: OperationOptions,
): Promise<void> {
  return here().addSources(link, macs, options);
}

/** {@link Netns.removeSources} in the caller's own namespace. */
export function removeSources(
  link: LinkRef,
  macs: readonly string[],
  options?: OperationOptions,
): Promise<void> {
  return here().removeSources(link, macs, options);
}

/** {@link Netns.moveLink} in the caller's own namespace. */
export function moveLink(link: LinkRef, netns: NetnsRef, options?: MoveOptions): Promise<Link> {
  return here().moveLink(link, netns, options);
}

/** {@link Netns.deleteLink} in the caller's own namespace. */
export function deleteLink(link: LinkRef, options?: DeleteOptions): Promise<void> {
  return here().deleteLink(link, options);
}

/** {@link Netns.deleteLinks} in the caller's own namespace. */
export function deleteLinks(refs: readonly LinkRef[], options?: DeleteOptions): Promise<void> {
  return here().deleteLinks(refs, options);
}

/** {@link Netns.addAddress} in the caller's own namespace. */
export function addAddress(
  link: LinkRef,
  address: string | AddressToAdd,
  options?: OperationOptions,
): Promise<void> {
  return here().addAddress(link, address, options);
}

/** {@link Netns.replaceAddress} in the caller's own namespace. */
export function replaceAddress(
  link: LinkRef,
  address: string | AddressToAdd,
  options?: OperationOptions,
): Promise<void> {
  return here().replaceAddress(link, address, options);
}

/** {@link Netns.removeAddress} in the caller's own namespace. */
export function removeAddress(
  link: LinkRef,
  address: string | AddressToRemove,
  options?: DeleteOptions,
): Promise<void> {
  return here().removeAddress(link, address, options);
}

/** {@link Netns.listAddresses} in the caller's own namespace. */
export function listAddresses(filter?: AddressFilter): Promise<Address[]> {
  return here().listAddresses(filter);
}

/** {@link Netns.settleAddresses} in the caller's own namespace. */
export function settleAddresses(link: LinkRef, options?: OperationOptions): Promise<Address[]> {
  return here().settleAddresses(link, options);
}

/** {@link Netns.addRoute} in the caller's own namespace. */
export function addRoute(route: RouteToAdd & OperationOptions): Promise<void> {
  return here().addRoute(route);
}

/** {@link Netns.replaceRoute} in the caller's own namespace. */
export function replaceRoute(route: RouteToAdd & OperationOptions): Promise<void> {
  return here().replaceRoute(route);
}

/** {@link Netns.removeRoute} in the caller's own namespace. */
export function removeRoute(route: RouteToRemove & DeleteOptions): Promise<void> {
  return here().removeRoute(route);
}

/** {@link Netns.listRoutes} in the caller's own namespace. */
export function listRoutes(filter?: RouteFilter): Promise<Route[]> {
  return here().listRoutes(filter);
}

/** {@link Netns.addRule} in the caller's own namespace. */
export function addRule(rule: RuleToAdd & OperationOptions): Promise<void> {
  return here().addRule(rule);
}

/** {@link Netns.removeRule} in the caller's own namespace. */
export function removeRule(rule: RuleToRemove & DeleteOptions): Promise<void> {
  return here().removeRule(rule);
}

/** {@link Netns.listRules} in the caller's own namespace. */
export function listRules(filter?: RuleFilter): Promise<Rule[]> {
  return here().listRules(filter);
}

/** {@link Netns.addNeighbour} in the caller's own namespace. */
export function addNeighbour(
  link: LinkRef,
  neighbour: NeighbourToAdd,
  options?: OperationOptions,
): Promise<void> {
  return here().addNeighbour(link, neighbour, options);
}

/** {@link Netns.replaceNeighbour} in the caller's own namespace. */
export function replaceNeighbour(
  link: LinkRef,
  neighbour: NeighbourToAdd,
  options?: OperationOptions,
): Promise<void> {
  return here().replaceNeighbour(link, neighbour, options);
}

/** {@link Netns.removeNeighbour} in the caller's own namespace. */
export function removeNeighbour(
  link: LinkRef,
  neighbour: string | NeighbourToRemove,
  options?: DeleteOptions,
): Promise<void> {
  return here().removeNeighbour(link, neighbour, options);
}

/** {@link Netns.listNeighbours} in the caller's own namespace. */
export function listNeighbours(filter?: NeighbourFilter): Promise<Neighbour[]> {
  return here().listNeighbours(filter);
}

/** {@link Netns.watch} in the caller's own namespace. */
export function watch(options?: WatchOptions): Watch;
export function watch(options: LevelWatchOptions): Watch<NetlinkEvent | LevelEvent>;
export function watch(
  options?: WatchOptions | LevelWatchOptions,
): Watch<NetlinkEvent | LevelEvent> {
  return Netns.current().watch(options as LevelWatchOptions);
}

/** {@link Netns.openTap} in the caller's own namespace. */
export function openTap(link: LinkRef, options?: OpenTapOptions): Promise<Tap> {
  return here().openTap(link, options);
}

/** {@link Netns.run} in the caller's own namespace: an ordinary Worker. */
export function run(worker: string | URL, options?: RunOptions): Promise<Worker> {
  return here().run(worker, options);
}

/** {@link Netns.getSysctl} in the caller's own namespace. */
export function getSysctl(name: string, options?: OperationOptions): Promise<string> {
  return here().getSysctl(name, options);
}

/** {@link Netns.setSysctl} in the caller's own namespace. */
export function setSysctl(
  name: string,
  value: string | number,
  options?: OperationOptions,
): Promise<void> {
  return here().setSysctl(name, value, options);
}

/** {@link Netns.checkSupport} in the caller's own namespace. */
export function checkSupport(options?: SupportOptions): Promise<Support> {
  return here().checkSupport(options);
}
