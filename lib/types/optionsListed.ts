/** The types of what addresses, routes, rules and neighbours are added and removed by: options, or what was listed. */
import type {
  AddressOptions,
  NeighbourOptions,
  NextHopOptions,
  RouteOptions,
  RuleOptions,
} from './optionsInet.js';
import type { Address, Neighbour, NextHop, Route, Rule } from './resultsInet.js';

/**
 * What was listed, with any of its fields as the option of that name, `{ ...route, link: 'eth1' }`, or left out; but
 * for its fields `Needed`, by which it is known for listed.
 */
export type AsListed<Listing, Options, Needed extends keyof Listing = never> = {
  readonly [Key in keyof Listing]?:
    | Listing[Key]
    | (Key extends keyof Options ? Options[Key] : never)
    | undefined;
} & { readonly [Key in Needed]: Listing[Key] };

/** An {@link Address} as it was listed; its `cidr` and `linkIndex` say nothing. */
export type AddressAsListed = AsListed<Address, AddressOptions, 'address' | 'linkIndex'>;

/** What `addAddress` takes besides a text: a new address, or one as it was listed. */
export type AddressToAdd = AddressOptions | AddressAsListed;

/** What `removeAddress` takes besides a text: an address as it was added, or as it was listed. */
export type AddressToRemove = AddressToAdd;

/** One of the ways of a route as it was listed. */
export type NextHopAsListed = AsListed<NextHop, NextHopOptions>;

/** Some of the fields of a {@link Route}, its `to` among them. */
export type RouteInPart = AsListed<Omit<Route, 'nextHops'>, RouteOptions, 'to'> & {
  readonly nextHops?: readonly NextHopAsListed[] | undefined;
};

/**
 * A {@link Route} as it was listed. With a `nexthopId` the gateways and the indexes of links say nothing, because they
 * are listed as the object has them.
 */
export type RouteAsListed = RouteInPart & {
  readonly nexthopId: number | null | undefined;
  readonly nextHops: readonly NextHopAsListed[];
};

/** What `addRoute` takes: a new route, or one as it was listed. */
export type RouteToAdd = RouteOptions | (RouteAsListed & Pick<RouteOptions, 'append'>);

/** What `removeRoute` takes: a route as it was added, or as it was listed, in whole or in part. */
export type RouteToRemove = RouteOptions | RouteInPart;

/** What `addRule` takes: a new rule, or one as it was listed. */
export type RuleToAdd = RuleOptions | AsListed<Rule, RuleOptions, 'priority' | 'l3mdev'>;

/** What `removeRule` takes: a rule as it was added or as it was listed, in whole or in part. */
export type RuleToRemove = Partial<RuleOptions> | AsListed<Rule, RuleOptions>;

/** A {@link Neighbour} as it was listed; its `linkIndex` says nothing. */
export type NeighbourAsListed = AsListed<Neighbour, NeighbourOptions, 'address' | 'linkIndex'>;

/**
 * What `addNeighbour` takes: a new neighbour, or a {@link Neighbour} as it was listed; one in the state `'delay'` or
 * `'probe'` is added as `'stale'`, and one whose MAC is not known cannot be.
 */
export type NeighbourToAdd = NeighbourOptions | NeighbourAsListed;

/** What `removeNeighbour` takes besides a text: which one, or a {@link Neighbour} as it was listed. */
export type NeighbourToRemove = Pick<NeighbourOptions, 'address' | 'proxy'> | NeighbourAsListed;
