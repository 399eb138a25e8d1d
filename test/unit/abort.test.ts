// What waits for a signal: one listener for all, and nothing is kept of what is over.
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { unlessAborted, whenAborted } from '../../lib/base/abort.js';

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test('calls that share a signal share a listener, which goes with the last of them', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const called: string[] = [];
  const forgetFirst = whenAborted(signal, () => called.push('first'));
  const forgetSecond = whenAborted(signal, () => called.push('second'));
  expect(listeners(signal)).toBe(1);
  forgetFirst();
  expect(listeners(signal)).toBe(1);
  forgetSecond();
  expect(listeners(signal)).toBe(0);
  const forgetThird = whenAborted(signal, () => called.push('third'));
  whenAborted(signal, () => called.push('fourth'));
  forgetThird();
  expect(listeners(signal)).toBe(1);
  controller.abort();
  expect(called).toEqual(['fourth']);
});

test('a listener of the program that stops the event does not hide it', () => {
  const controller = new AbortController();
  controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
  const called: string[] = [];
  whenAborted(controller.signal, () => called.push('called'));
  controller.abort();
  expect(called).toEqual(['called']);
});

test('what is waited for gives its value or its error, and no listener stays', async () => {
  const { signal } = new AbortController();
  const late: unknown[] = [];
  const error = new Error('refused');
  expect(await unlessAborted(Promise.resolve(1), undefined)).toBe(1);
  expect(await unlessAborted(Promise.resolve(1), signal, (value) => late.push(value))).toBe(1);
  await expect(unlessAborted(Promise.reject(error), signal)).rejects.toBe(error);
  expect(listeners(signal)).toBe(0);
  expect(late).toEqual([]);
});

test('a signal that fires rejects with its reason, and a value that comes then is late', async () => {
  const controller = new AbortController();
  const late: unknown[] = [];
  let arrive = (_value: string) => {};
  const waited = new Promise<string>((resolve) => {
    arrive = resolve;
  });
  const reason = new Error('enough');
  const answer = unlessAborted(waited, controller.signal, (value) => late.push(value));
  controller.abort(reason);
  await expect(answer).rejects.toBe(reason);
  expect(late).toEqual([]);
  arrive('value');
  await setImmediate();
  expect(late).toEqual(['value']);
  expect(listeners(controller.signal)).toBe(0);
});

test('what waits for something that never comes, from before or after the signal fires, is told', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const never = new Promise<never>(() => {});
  const reason = new Error('enough');
  const before = unlessAborted(never, signal);
  controller.abort(reason);
  const after = unlessAborted(never, signal);
  await expect(before).rejects.toBe(reason);
  await expect(after).rejects.toBe(reason);
  await expect(unlessAborted(never, signal)).rejects.toBe(reason);
  expect(listeners(signal)).toBe(0);
});

test('a call back for a signal that has fired can be cancelled', async () => {
  const called: string[] = [];
  const forget = whenAborted(AbortSignal.abort(), () => called.push('forgotten'));
  whenAborted(AbortSignal.abort(), () => called.push('called'));
  forget();
  expect(called).toEqual([]);
  await setImmediate();
  expect(called).toEqual(['called']);
});
