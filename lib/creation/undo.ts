/** Taking away what was made of a link that cannot be finished. */
import { type Codes, Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { findLink, linkRecord } from '../namespace/lookup.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import type { Step } from '../namespace/native.js';
import type { Link } from '../types/types.js';

/** The reason for what a new link is refused once it is not there any more. */
export const TAKEN_AWAY =
  'Another program has deleted the new link before it was finished, or moved it to another namespace.';

/** What was to be taken away had gone already. */
class TakenAway extends Error {}

/** Refusals which mean that what is to be removed has gone already. */
const GONE: Codes = new Set(['ENODEV', 'ESRCH']);

/**
 * Takes away what was made, by `step`; returns what went wrong, but not what a repeated request says of the first one's
 * work.
 */
async function takeAway(target: Namespace, step: Step, what: string): Promise<Error | undefined> {
  let [result] = await target.exchange([step]);
  // The answer was lost: the answer to a second request tells whether it is gone.
  const isRepeated = result instanceof Refusal && result.code === 'ENOBUFS';
  if (isRepeated) [result] = await target.exchange([step]);
  if (!(result instanceof Refusal)) return undefined;
  const where = `in the network namespace ${describe(target)}`;
  if (!result.isAnswerOf(GONE)) {
    return new Error(`The ${what} ${where} could not be removed again: ${result.code}`);
  }
  return isRepeated ? undefined : takenAway(target, what);
}

function takenAway(target: Namespace, what: string): TakenAway {
  return new TakenAway(
    `${TAKEN_AWAY} It was the ${what} in the network namespace ${describe(target)}.`,
  );
}

/** What is to be taken away. */
interface Made {
  readonly target: Namespace;
  readonly index: number;
  readonly name: string | undefined;
  /** Further things that outlive the link: the option, and the step that undoes it. */
  readonly besides: readonly (readonly [option: string, step: Step])[];
  /** Whether a link that has the index is the one that was made, where it may be another one. */
  readonly isIt?: ((link: Link) => boolean) | undefined;
}

/** Removes a half-made link and what it has besides; returns what went wrong, above all what is left. */
async function removeMade({
  target,
  index,
  name,
  besides,
  isIt,
}: Made): Promise<Error | undefined> {
  const link =
    name === undefined ? `link with index ${index}` : `link '${name}' with index ${index}`;
  const removal: Step = { operation: 'deleteLink', record: linkRecord(index) };
  const there = isIt && (await findLink(target, index));
  const faults = [
    there === undefined || isIt?.(there) === true
      ? await takeAway(target, removal, link)
      : takenAway(target, link),
  ];
  for (const [option, step] of besides) {
    faults.push(await takeAway(target, step, `${option} of the ${link}`));
  }
  const [left, ...more] = faults.filter((fault) => fault && !(fault instanceof TakenAway));
  if (left === undefined || more.length === 0) return left ?? faults[0];
  return new Error([left, ...more].map((fault) => fault?.message).join('. '));
}

/**
 * Removes what was made before `error`, and throws the error to reject with: the same, whose `cause` then says what
 * could not be removed. The reason of a signal is the program's own, and may be that of many calls: it is left as it
 * is, and is itself the cause of another error where something stays behind. It may be a promise, so it is not returned
 * from here: whoever awaits this would wait for that.
 */
export async function undo(call: Call, made: Made, error: unknown): Promise<never> {
  const fault = await removeMade(made);
  if (fault === undefined) throw error;
  if (call.signal?.aborted === true && error === call.signal.reason) {
    if (fault instanceof TakenAway) throw error;
    const aborted = new Error(`${call.operation}: aborted. ${fault.message}`, { cause: error });
    throw Object.assign(aborted, { name: 'AbortError', code: 'ABORT_ERR' });
  }
  if (error instanceof Error) error.cause ??= fault;
  throw error;
}
