/** Listings in which the reasons of refusals are looked for: thousands of calls may be refused together. */
import type { Operations } from './addon.js';
import type { Namespace } from './namespace.js';
import type { Result } from './native.js';
import { Together } from './together.js';

type Listing = 'listLinks' | 'listAddresses' | 'listRoutes';

const listingsOf = new WeakMap<Namespace, Together>();

/** As `Namespace.ask`; what is listed belongs to others, too. */
export function askTogether<Name extends Listing>(
  namespace: Namespace,
  operation: Name,
  record: Operations[Name][0],
): Promise<Result<Name>> {
  const listings = listingsOf.get(namespace) ?? new Together();
  listingsOf.set(namespace, listings);
  const question = JSON.stringify([operation, record]);
  return listings.look(question, () => namespace.ask(operation, record));
}
