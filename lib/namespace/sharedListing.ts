/** Listings that many diagnoses share: thousands of calls may be refused together. */
import type { Operations } from '../addon.js';
import { Coalescer } from '../base/coalescer.js';
import type { Namespace } from './namespace.js';
import type { Result } from './native.js';

type Listing = 'listLinks' | 'listAddresses' | 'listRoutes';

/**
 * Memoises `make` by the identity of the listing, for all who share it: to go through the whole listing for each
 * of thousands of refusals would hold the event loop for seconds.
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

/** Groups the items of a list by `keyOf`, once for each list; leaves out items without a key. */
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

const listingsOf = new WeakMap<Namespace, Coalescer>();

/** `Namespace.ask` for a listing that other callers may share: do not change what it gives. */
export function askTogether<Name extends Listing>(
  namespace: Namespace,
  operation: Name,
  record: Operations[Name][0],
): Promise<Result<Name>> {
  const listings = listingsOf.get(namespace) ?? new Coalescer();
  listingsOf.set(namespace, listings);
  const key = JSON.stringify([operation, record]);
  return listings.share(key, () => namespace.ask(operation, record));
}
