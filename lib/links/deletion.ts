/** Deleting links, one or many. The addon does the many by a group (native/bulk). */
import { setImmediate } from 'node:timers/promises';
import { check } from '../check/check.js';
import * as valueChecks from '../check/checkValues.js';
import { explain } from '../diagnosis/diagnosis.js';
import { stackOf } from '../errors/errors.js';
import { NO_LINK, Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { findLink, linkRecord } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Result } from '../namespace/native.js';
import type { DeleteOptions, Link, LinkRef } from '../types/types.js';
import { plainRef, targetOf } from './links.js';

export async function deleteLink(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  options: DeleteOptions = {},
): Promise<void> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, valueChecks.deleteOptions, options);
  const plain = plainRef(namespace, call, ref);
  const result = await namespace.ask('deleteLink', linkRecord(plain), call.signal);
  if (!(result instanceof Refusal)) return;
  if (options.ifExists === true && result.isAnswerOf(NO_LINK)) return;
  throw call.error(result, { hint: await whyKept(namespace, result, plain) });
}

/** By what else the links that were deleted were named in the same call: a `Link` by its names, or the reverse. */
function alsoDeleted(
  refs: readonly LinkRef[],
  plain: readonly (number | string)[],
  results: readonly Result[],
): ReadonlySet<number | string> {
  const gone = new Set(plain.filter((_, at) => !(results[at] instanceof Refusal)));
  const also = new Set<number | string>();
  for (const ref of refs) {
    if (typeof ref !== 'object') continue;
    const { index, name, altNames } = ref as Pick<Link, 'index'> & Partial<Link>;
    const own = [index, ...(name === undefined ? [] : [name])];
    if (Array.isArray(altNames)) own.push(...altNames);
    if (own.some((one) => gone.has(one))) for (const one of own) also.add(one);
  }
  return also;
}

/** By what an error names each link: a `Link` by its name. */
function namesOf(refs: readonly LinkRef[]): ReadonlyMap<unknown, string | number | null> {
  return new Map(refs.map((ref) => [typeof ref === 'object' ? ref.index : ref, targetOf(ref)]));
}

/** The upper byte of every group that links are deleted in (native/bulk/deletion.cc). */
const GROUP_MARK = 0x5e;

/** That a link is in such a group still: it may be the program's own, or left by a process that was killed. */
async function whyInGroup(
  namespace: Namespace,
  link: number | string,
): Promise<string | undefined> {
  const found = await findLink(namespace, link);
  return found === undefined || found.group >>> 24 !== GROUP_MARK
    ? undefined
    : `Its group is ${found.group} now, one of those for deletion: the kernel may have refused to give it back its own.`;
}

/** Why a link was not deleted, and what may have been changed about it: calls under way together are a group, too. */
async function whyKept(
  namespace: Namespace,
  refusal: Refusal,
  link: number | string,
): Promise<string> {
  const hint = await explain(namespace, refusal, { link });
  const kept = refusal.isAnswerOf(NO_LINK) ? undefined : await whyInGroup(namespace, link);
  return [hint, kept].filter(Boolean).join(' ');
}

/** How many errors are made without the event loop having its turn. */
const ERRORS_IN_A_TURN = 32;

export async function deleteLinks(
  namespace: Namespace,
  call: Call,
  refs: readonly LinkRef[],
  options: DeleteOptions = {},
): Promise<void> {
  check(call.operation, valueChecks.linkRefs, refs, 'refs');
  check(call.operation, valueChecks.deleteOptions, options);
  const plain = [...new Set(refs.map((ref, at) => plainRef(namespace, call, ref, 'refs', at)))];
  const results = await namespace.exchangeMany(
    plain.length,
    (at) => ({ operation: 'deleteLink', record: linkRecord(plain[at] as number | string) }),
    call.signal,
  );
  call.checkSignal();
  const errors: Error[] = [];
  let deleted: ReadonlySet<number | string> | undefined;
  let named: ReadonlyMap<unknown, string | number | null> | undefined;
  for (let at = 0; at < results.length; at++) {
    const result = results[at];
    if (!(result instanceof Refusal)) continue;
    const link = plain[at] as number | string;
    if (result.isAnswerOf(NO_LINK)) {
      if (options.ifExists === true) continue;
      deleted ??= alsoDeleted(refs, plain, results);
      if (deleted.has(link)) continue;
    }
    named ??= namesOf(refs);
    const one = call.about(named.get(link) ?? link);
    errors.push(one.error(result, { hint: await whyKept(namespace, result, link) }));
    // An error costs more than a deletion.
    if (errors.length % ERRORS_IN_A_TURN === 0) await setImmediate();
  }
  const [first] = errors;
  if (first === undefined) return;
  const message =
    `${call.operation}: ${errors.length} of ${plain.length} links could not be deleted. ` +
    `${errors.length === 1 ? '' : 'The first: '}${first.message}`;
  throw stackOf(new AggregateError(errors, message), call.caller);
}
