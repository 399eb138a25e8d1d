/** Taking away what was made: what the caller is told. */
import { expect, test } from 'vitest';
import { Call } from '../../lib/call.js';
import type { Namespace } from '../../lib/namespace.js';
import { Refusal } from '../../lib/native.js';
import { undo } from '../../lib/undo.js';

const ENODEV = new Refusal(-19, 'RTM_DELLINK');
const EPERM = new Refusal(-1, 'RTM_DELLINK');

/** Undoes a creation that ended with `error`, where the removal is answered like that; returns the error to reject with. */
function undone(answer: Refusal | undefined, error: unknown, signal?: AbortSignal) {
  const target = { name: 'net1', inode: 1, exchange: async () => [answer] } as unknown as Namespace;
  const call = new Call('createMacvlan', 'm0', undefined, { signal });
  return undo(call, { target, index: 7, name: 'm0', besides: [] }, error);
}

test.each([
  [
    ENODEV,
    /^Another program has deleted .* link 'm0' with index 7 in the network namespace 'net1'\.$/,
  ],
  [EPERM, /^The link 'm0' with index 7 in the network namespace 'net1' could not be removed again/],
])('what went wrong becomes the cause of an error: %j', async (answer, says) => {
  const error = new Error('mine');
  expect(await undone(answer, error)).toBe(error);
  expect((error.cause as Error).message).toMatch(says);
});

test('an error stays as it is where nothing went wrong', async () => {
  const error = new Error('mine');
  expect(await undone(undefined, error)).toBe(error);
  expect(error).not.toHaveProperty('cause');
});

test.each([
  ['nothing went wrong', undefined],
  ['another program took the link away', ENODEV],
])('the reason of a signal is passed on unchanged where %s', async (_, answer) => {
  const reason = new Error('mine');
  expect(await undone(answer, reason, AbortSignal.abort(reason))).toBe(reason);
  expect(reason).not.toHaveProperty('cause');
});

test('the reason of a signal is the cause of another error where something stays behind', async () => {
  const reason = Object.freeze(new Error('mine'));
  const error = (await undone(EPERM, reason, AbortSignal.abort(reason))) as Error;
  expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  expect(error.message).toMatch(/^createMacvlan: aborted\. The link 'm0' .* could not be removed/);
});
