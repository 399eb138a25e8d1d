/** What was listed, told from what a program has written by the fields that only a listing has. */
import type { Address, Route } from './types.js';

export function isListedAddress(value: unknown): value is Address {
  return typeof value === 'object' && value !== null && 'linkIndex' in value;
}

export function isListedRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'nextHops' in value && 'nexthopId' in value;
}
