/** What was listed, recognised by the fields that only a listing has. */
import type { AddressAsListed, NeighbourAsListed, RouteAsListed } from '../types/types.js';

export function isListedAddress(value: unknown): value is AddressAsListed {
  return typeof (value as Partial<AddressAsListed> | null | undefined)?.linkIndex === 'number';
}

export function isListedRoute(value: unknown): value is RouteAsListed {
  const route = (value ?? {}) as Partial<RouteAsListed>;
  return Array.isArray(route.nextHops) && 'nexthopId' in route;
}

export function isListedNeighbour(value: unknown): value is NeighbourAsListed {
  return (value as Partial<NeighbourAsListed> | null | undefined)?.linkIndex !== undefined;
}

/** Fields that passed their rows. In what was listed, `null` stands for an option that is left out. */
export type Listed<T> = { readonly [Key in keyof T]: T[Key] | null };
