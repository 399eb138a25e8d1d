/** Taking away what was made of a link that cannot be finished. */
import { linkRecord } from './lookup.js';
import type { Namespace } from './namespace.js';
import { Refusal, type Step } from './native.js';

/** The reason for what a new link is refused once it is not there any more. */
export const TAKEN_AWAY =
  'Another program has deleted the new link before it was finished, or moved it to another namespace.';

/** Removes a half-made link; a failure to do so becomes the error's cause. */
export async function removeLink(target: Namespace, index: number, error: unknown): Promise<void> {
  const step: Step = { operation: 'deleteLink', record: linkRecord(index) };
  const code = await takeAway(target, step, error, `the link with index ${index}`);
  if (code === 'ENODEV') giveCause(error, new Error(TAKEN_AWAY));
}

/** An error that cannot have one goes without: it may be the reason of the program's own signal. */
function giveCause(error: unknown, cause: Error): void {
  if (error instanceof Error && error.cause === undefined) Reflect.set(error, 'cause', cause);
}

/** Refusals which mean that what is to be removed has gone already. */
const GONE: ReadonlySet<string> = new Set(['ENODEV', 'ESRCH']);

/**
 * Takes away what was made, by `step`; a failure to do so becomes the error's cause. Returns the code of the refusal, if
 * it was refused; not what a repeated request says of the first one's work.
 */
export async function takeAway(
  target: Namespace,
  step: Step,
  error: unknown,
  what: string,
): Promise<string | undefined> {
  let [result] = await target.exchange([step]);
  // The answer was lost: the answer to a second request tells whether it is gone.
  const isRepeated = result instanceof Refusal && result.code === 'ENOBUFS';
  if (isRepeated) [result] = await target.exchange([step]);
  if (!(result instanceof Refusal)) return undefined;
  if (!GONE.has(result.code)) {
    giveCause(error, new Error(`${what} could not be removed again: errno ${result.errno}`));
  }
  return isRepeated ? undefined : result.code;
}
