// Numbers of what is under way: no two things have the same.
import { expect, test } from 'vitest';
import { idAfter } from '../../lib/values/ids.js';

const LAST = 2 ** 32 - 1;

test('are counted up', () => {
  expect(idAfter(0, new Set())).toBe(1);
  expect(idAfter(1, new Set())).toBe(2);
  expect(idAfter(2 ** 31 - 1, new Set())).toBe(2 ** 31);
});

test('begin again after the largest 32-bit number, without 0, which is no id', () => {
  expect(idAfter(LAST - 1, new Set())).toBe(LAST);
  expect(idAfter(LAST, new Set())).toBe(1);
});

test('leave out those that are still in use', () => {
  expect(idAfter(6, new Set([7, 8, 10]))).toBe(9);
  expect(idAfter(LAST - 1, new Set([LAST, 1]))).toBe(2);
});
