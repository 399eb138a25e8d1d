/**
 * Listings in which the reasons of refusals are looked for. Thousands of calls may be refused together,
 * and a listing for each, all held at once, takes gigabytes: so of one listing one is under way at a
 * time, and whoever asks meanwhile shares the next, which begins after all of their refusals.
 */
import type { Operations } from './addon.js';
import type { Namespace } from './namespace.js';
import type { Result } from './native.js';

type Listing = 'listLinks' | 'listAddresses' | 'listRoutes';

interface Turns {
  /** Ends when the last one that began has ended. */
  under: Promise<unknown>;
  /** The next one, while it has not begun. */
  next?: Promise<unknown> | undefined;
}

const turnsOf = new WeakMap<Namespace, Map<string, Turns>>();

/** As `Namespace.ask`; what is listed belongs to others, too. */
export function askTogether<Name extends Listing>(
  namespace: Namespace,
  operation: Name,
  record: Operations[Name][0],
): Promise<Result<Name>> {
  const known = turnsOf.get(namespace) ?? new Map<string, Turns>();
  turnsOf.set(namespace, known);
  const question = JSON.stringify([operation, record]);
  const turns = known.get(question) ?? { under: Promise.resolve() };
  known.set(question, turns);
  turns.next ??= turns.under.then(() => {
    const listing = namespace.ask(operation, record);
    turns.next = undefined;
    const end = () => {
      if (turns.next === undefined) known.delete(question);
    };
    turns.under = listing.then(end, end);
    return listing;
  });
  return turns.next as Promise<Result<Name>>;
}
