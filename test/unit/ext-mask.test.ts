/** What a kernel leaves out of links is found out, where its version does not tell. */
import { describe, expect, test, vi } from 'vitest';
import * as refusal from '../../lib/errors/refusal.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import type { Step } from '../../lib/namespace/native.js';

const { Refusal } = refusal;
const SKIP_STATS = 8;
const NOTHING = 2;

type Shown = Readonly<Record<'addrGenMode' | 'stats', unknown>>;

const whole: Shown = { addrGenMode: 'eui64', stats: {} };

/** A namespace of a kernel that shows this of a link where the counters are not asked for, and otherwise `all`. */
function kernel(some: Shown | refusal.Refusal, all: Shown | refusal.Refusal = whole) {
  const exchange = vi.fn(async (steps: readonly Step[]) =>
    steps.map(({ record }) =>
      (record as { extMask: number }).extMask === SKIP_STATS ? some : all,
    ),
  );
  return { exchange, namespace: { exchange } as unknown as Namespace };
}

/** The module, as it is in a process that runs on that version. */
async function loadOn(major: number, minor: number) {
  vi.doMock('../../lib/values/kernelVersion.js', () => ({
    isAtLeast: (wantedMajor: number, wantedMinor: number) =>
      major > wantedMajor || (major === wantedMajor && minor >= wantedMinor),
  }));
  // Not loaded again, for its class.
  vi.doMock('../../lib/errors/refusal.js', () => refusal);
  vi.resetModules();
  return import('../../lib/namespace/extMask.js');
}

test.each([
  [6, 15],
  [6, 18],
])('Linux %d.%d leaves out only counters, and is not asked', async (major, minor) => {
  const { extMask, learnExtMask } = await loadOn(major, minor);
  const { exchange, namespace } = kernel(whole);
  await learnExtMask(namespace);
  expect(extMask()).toBe(SKIP_STATS);
  expect(exchange).not.toHaveBeenCalled();
});

describe.each([
  [5, 10],
  [6, 14],
  [6, 19],
])('Linux %d.%d', (major, minor) => {
  test.each([
    ['only the counters', whole, SKIP_STATS],
    ['addrGenMode as well', { ...whole, addrGenMode: null }, NOTHING],
    ['stats as well', { ...whole, stats: null }, NOTHING],
  ])('is asked once, and may leave out %s', async (_what, some, expected) => {
    const { extMask, learnExtMask } = await loadOn(major, minor);
    const { exchange, namespace } = kernel(some);
    expect(extMask()).toBe(NOTHING);
    for (let times = 0; times < 2; times++) await learnExtMask(namespace);
    expect(extMask()).toBe(expected);
    expect(exchange).toHaveBeenCalledOnce();
  });
});

/** Asks twice, in vain. */
async function expectNothingLearned({ exchange, namespace }: ReturnType<typeof kernel>) {
  const { extMask, learnExtMask } = await loadOn(5, 10);
  for (let times = 1; times <= 2; times++) {
    await learnExtMask(namespace);
    expect(exchange).toHaveBeenCalledTimes(times);
  }
  expect(extMask()).toBe(NOTHING);
}

test('without IPv6 nothing is learned', async () => {
  const without = { ...whole, addrGenMode: null };
  await expectNothingLearned(kernel(without, without));
});

test('of a refusal nothing is learned', async () => {
  await expectNothingLearned(kernel(whole, new Refusal(-1, 'setns')));
});
