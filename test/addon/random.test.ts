// What is chosen at random.
import { describe, expect, test } from 'vitest';
import { random24, randomMac } from '../../lib/namespace/random.js';
import { formatMac } from '../../lib/values/mac.js';

describe('random MACs', () => {
  test('are unicast, locally administered, different and independent', () => {
    const macs = Array.from({ length: 2000 }, randomMac);
    for (const mac of macs) {
      expect(mac).toHaveLength(6);
      expect(Number(mac[0]) & 0b11).toBe(0b10);
    }
    expect(new Set(macs.map(formatMac)).size).toBe(macs.length);
    const [first, second] = macs as [Uint8Array, Uint8Array];
    const before = formatMac(second);
    first.fill(0);
    expect(formatMac(second)).toBe(before);
    // Every bit but the two fixed ones takes both values.
    for (let bit = 0; bit < 48; bit++) {
      const ones = macs.slice(1).filter((mac) => (Number(mac[bit >> 3]) >> (bit & 7)) & 1).length;
      if (bit >= 2) expect(ones > 0 && ones < macs.length - 1).toBe(true);
    }
  });
});

test('a random number has 24 bits, of which each takes both values', () => {
  const numbers = Array.from({ length: 200 }, random24);
  expect(numbers.every((number) => Number.isInteger(number))).toBe(true);
  const combine = (operation: (all: number, number: number) => number) => numbers.reduce(operation);
  expect(combine((all, number) => all | number)).toBe(0xff_ffff);
  expect(combine((all, number) => all & number)).toBe(0);
});
