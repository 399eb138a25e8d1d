/** Taking away what was made: what the caller is told. */
import { expect, test, vi } from 'vitest';
import type { Plan } from '../../lib/creation/creation.js';
import { isMade } from '../../lib/creation/made.js';
import { undo } from '../../lib/creation/undo.js';
import { Refusal } from '../../lib/errors/refusal.js';
import { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import type { Step } from '../../lib/namespace/native.js';
import type { Link } from '../../lib/types/types.js';

const ENODEV = new Refusal(-19, 'RTM_DELLINK');
const ESRCH = new Refusal(-3, 'RTM_DELROUTE');
const EPERM = new Refusal(-1, 'RTM_DELLINK');

/**
 * Undoes a creation that ended with `error`, where the removals of the link and of two routes by other links are
 * answered like that; returns the error to reject with.
 */
function undone(answers: readonly (Refusal | undefined)[], error: unknown, signal?: AbortSignal) {
  const left = [...answers];
  const exchange = async () => [left.shift()];
  const target = { name: 'net1', inode: 1, exchange } as unknown as Namespace;
  const call = new Call('createMacvlan', 'm0', undefined, { signal });
  const step: Step = { operation: 'removeRoute', record: {} };
  const besides = ['routes[0]', 'routes[1]'].map((option) => [option, step] as const);
  const ended: Promise<unknown> = undo(call, { target, index: 7, name: 'm0', besides }, error);
  return ended.catch((thrown: unknown) => thrown);
}

const LINK = "link 'm0' with index 7 in the network namespace 'net1'";

test.each([
  [[ENODEV], `Another program has deleted the new link`, `It was the ${LINK}.`],
  [[EPERM], `The ${LINK} could not be removed again`, 'EPERM'],
  // What is left counts more than what has gone.
  [[ENODEV, EPERM], `The routes[0] of the ${LINK} could not be removed again`, 'EPERM'],
])('what went wrong becomes the cause of an error: %j', async (answers, begins, ends) => {
  const error = new Error('mine');
  expect(await undone(answers, error)).toBe(error);
  const { message } = error.cause as Error;
  expect([message.startsWith(begins), message.endsWith(ends)], message).toEqual([true, true]);
});

test('an error keeps the cause that it has', async () => {
  const cause = new Error('its own');
  const error = new Error('mine', { cause });
  expect(await undone([EPERM], error)).toBe(error);
  expect(error.cause).toBe(cause);
});

test.each([
  ['nothing went wrong', []],
  ['a route by another link was gone', [undefined, ESRCH]],
])('an error stays as it is where %s', async (_, answers) => {
  const error = new Error('mine');
  expect(await undone(answers, error)).toBe(error);
  expect(error).not.toHaveProperty('cause');
});

test.each([
  ['nothing went wrong', []],
  ['another program took the link away', [ENODEV]],
])('the reason of a signal is passed on unchanged where %s', async (_, answers) => {
  const reason = new Error('mine');
  expect(await undone(answers, reason, AbortSignal.abort(reason))).toBe(reason);
  expect(reason).not.toHaveProperty('cause');
});

test('the reason of a signal is the cause of another error where something stays behind', async () => {
  const reason = Object.freeze(new Error('mine'));
  const error = (await undone([EPERM], reason, AbortSignal.abort(reason))) as Error;
  expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  expect(error.message).toBe(
    `createMacvlan: aborted. The ${LINK} could not be removed again: EPERM`,
  );
});

test('an error from before the signal fired is rejected with all the same, and says what stays behind', async () => {
  const error = new Error('mine');
  expect(await undone([EPERM], error, AbortSignal.abort(new Error('too late')))).toBe(error);
  expect((error.cause as Error).message).toContain('could not be removed again: EPERM');
});

test('a reason that is a promise is not waited for', async () => {
  const reason = new Promise(() => {});
  const signal = AbortSignal.abort(reason);
  const call = new Call('createMacvlan', 'm0', undefined, { signal });
  const target = { exchange: async () => [undefined] } as unknown as Namespace;
  const rejected = vi.fn();
  undo(call, { target, index: 7, name: 'm0', besides: [] }, reason).catch(rejected);
  await vi.waitFor(() => expect(rejected).toHaveBeenCalledOnce());
  expect(rejected.mock.calls[0]?.[0] === reason).toBe(true);
});

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const there = { kind: 'macvlan', name: 'm0', mac: '02:00:00:00:00:01', master: null };
const other = { name: 'm1', mac: '02:00:00:00:00:02' };

test.each([
  ['is as it was made', {}, {}, true],
  ['is of another kind', {}, { kind: 'macvtap' }, false],
  ['has another MAC', {}, { mac: other.mac }, true],
  ['has another name', {}, { name: other.name }, true],
  ['has another MAC and another name', {}, other, false],
  ['has another MAC, and was made without a name', { name: undefined }, other, true],
  ['has another name, and was made without a MAC', { mac: undefined }, other, true],
  ['was to have a master, which gave it another MAC', { master: 5 }, { ...other, master: 5 }, true],
  ['was to have a master and has none', { master: 5 }, other, false],
  ['has got a master that it was not to have', {}, { ...other, master: 5 }, false],
])('whether the link with the index may be taken away that %s', (_, asked, now, expected) => {
  const { master, ...record } = { name: 'm0', mac: MAC, ...asked } as Record<string, unknown>;
  const plan = { spec: { kind: 'macvlan' }, record, options: { master } } as unknown as Plan;
  expect(isMade(plan, { ...there, ...now } as Link)).toBe(expected);
});
