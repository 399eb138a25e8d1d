/** Requests about a link that is given by its name: the addon looks that up on the way. */
import type { Operations } from '../addon.js';
import { type Codes, Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { indexRecord } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Result, Step } from '../namespace/native.js';
import { notReadError, throwFirst } from './links.js';

/** The index of a link in a record until the addon has looked its name up; the addon writes it there alone. */
export const NOT_KNOWN_YET = 0;

const NONE: Codes = new Set();

/** Looks up the link that the steps behind it take (`takesLink`). */
export function lookUp(name: string): Step {
  return { operation: 'getLinkIndex', record: indexRecord(name) };
}

/** What steps about a link were answered. */
interface Answered<Index> {
  /** The link's index. */
  readonly link: Index;
  readonly results: readonly Result[];
}

/**
 * Sends steps about one link, made by `stepsOn` for its index. If it is given by its name, they are made for
 * {@link NOT_KNOWN_YET}, and the name is looked up in front of them: so the call keeps its place among others, and all
 * goes by one index, because the name may come to mean another link. Where the look-up is refused with one of the codes
 * in `fine`, nothing more is sent.
 */
export async function exchangeAbout<Index extends number | undefined>(
  namespace: Namespace,
  call: Call,
  ref: Index | string,
  stepsOn: (link: Index | number) => readonly Step[],
  { option, fine = NONE }: { option?: string; fine?: Codes | undefined } = {},
): Promise<Answered<Index | number>> {
  const unlessFine = (result: Result) =>
    result instanceof Refusal && result.isAnswerOf(fine) ? undefined : result;
  if (typeof ref !== 'string') {
    const results = await namespace.exchange(stepsOn(ref), call.signal);
    return { link: ref, results: results.map(unlessFine) };
  }
  const steps = stepsOn(NOT_KNOWN_YET).map(
    (step, at): Step => ({ ...step, barrier: at === 0 || step.barrier === true, takesLink: true }),
  );
  const results = await namespace.exchange([lookUp(ref), ...steps], call.signal);
  const found = results[0] as Result<'getLinkIndex'>;
  if (found instanceof Refusal) {
    call.checkSignal();
    if (found.isAnswerOf(fine)) return { link: NOT_KNOWN_YET, results: [] };
    throw await notReadError(namespace, call, found, ref, option);
  }
  return { link: found, results: results.slice(1).map(unlessFine) };
}

/** {@link exchangeAbout} for one request; throws its refusal, with the reason, unless it is one of `fine`. */
export async function askAbout<Name extends keyof Operations>(
  namespace: Namespace,
  call: Call,
  operation: Name,
  ref: number | string,
  recordOn: (link: number) => Operations[Name][0],
  fine?: Codes,
): Promise<void> {
  const stepsOn = (link: number): Step[] => [{ operation, record: recordOn(link) }];
  const { link, results } = await exchangeAbout(namespace, call, ref, stepsOn, { fine });
  await throwFirst(namespace, call, results, link, (at) => stepsOn(link)[at]);
}
