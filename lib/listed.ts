/** Recognises addresses and routes that were listed, by the fields that only a listing has. */
import type { Address, Route } from './types.js';

export function isListedAddress(value: unknown): value is Address {
  return typeof (value as Partial<Address> | null | undefined)?.linkIndex === 'number';
}

export function isListedRoute(value: unknown): value is Route {
  const { nextHops, nexthopId } = (value ?? {}) as Partial<Route>;
  return Array.isArray(nextHops) && nexthopId !== undefined;
}
