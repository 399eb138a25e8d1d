/** What was listed, recognised by the fields that only a listing has. */
import type { Address, Neighbour, Route } from './types.js';

export function isListedAddress(value: unknown): value is Address {
  return typeof (value as Partial<Address> | null | undefined)?.linkIndex === 'number';
}

export function isListedRoute(value: unknown): value is Route {
  const route = (value ?? {}) as Partial<Route>;
  return Array.isArray(route.nextHops) && 'nexthopId' in route;
}

export function isListedNeighbour(value: unknown): value is Neighbour {
  return (value as Partial<Neighbour> | null | undefined)?.linkIndex !== undefined;
}

/** Fields that passed their rows. In what was listed, `null` stands for an option that is left out. */
export type Listed<T> = { readonly [Key in keyof T]: T[Key] | null };
