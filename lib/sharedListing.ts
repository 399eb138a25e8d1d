/** Listings in which the reasons of refusals are looked for: thousands of calls may be refused together. */
import type { Operations } from './addon.js';
import type { Namespace } from './namespace.js';
import type { Result } from './native.js';
import { Together } from './together.js';

type Listing = 'listLinks' | 'listAddresses' | 'listRoutes';

/**
 * What is made of a listing once, for all who share it: to go through all of it for each of thousands
 * would hold the event loop for seconds.
 */
export function madeOnce<Listed extends object, Made>(
  make: (listed: Listed) => Made,
): (listed: Listed) => Made {
  const known = new WeakMap<Listed, Made>();
  return (listed) => {
    const made = known.get(listed) ?? make(listed);
    known.set(listed, made);
    return made;
  };
}

/** The items of a list by what `keyOf` says of them; not those of which it says nothing. */
export function groupedBy<Item>(
  keyOf: (item: Item) => string | undefined,
): (list: readonly Item[]) => ReadonlyMap<string, readonly Item[]> {
  return madeOnce((list) => {
    const groups = new Map<string, Item[]>();
    for (const item of list) {
      const key = keyOf(item);
      if (key === undefined) continue;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
    return groups;
  });
}

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
