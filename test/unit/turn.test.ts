// Calls share the turns of the event loop, in their order.
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  beginCall,
  filterInTurns,
  furtherCallsOf,
  isTurnFull,
  newTurn,
  takeTurn,
  waitForFurtherTurn,
  waitForTurn,
} from '../../lib/namespace/turn.js';

/** Counts the turns of the event loop until `work` is done. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let over = false;
  const end = work.finally(() => {
    over = true;
  });
  let turns = 0;
  while (!over) {
    await turn();
    turns++;
  }
  await end;
  return turns;
}

/** Makes calls that tell when they begin. */
function calls(count: number, begun: unknown[], first = 0): Promise<unknown> {
  const one = async (number: number) => {
    await takeTurn();
    begun.push(number);
  };
  return Promise.all(Array.from({ length: count }, (_, at) => one(first + at)));
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

afterEach(async () => {
  while (isTurnFull()) await turn();
  newTurn();
});

describe('calls', () => {
  test('begin at once while they are few', async () => {
    const begun: number[] = [];
    const made = calls(31, begun);
    await Promise.resolve();
    expect(begun).toEqual(upTo(31));
    await made;
  });

  test('that have begun are forgotten, also while others wait all the time', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const turns: WeakRef<Promise<void>>[] = [];
    const begun: number[] = [];
    const one = async (number: number) => {
      const mine = takeTurn();
      if (mine !== undefined) turns.push(new WeakRef(mine));
      await mine;
      begun.push(number);
    };
    // For each that begins another one waits.
    let last = 0;
    const busy = Array.from({ length: 200 }, async () => {
      while (last < 80_000) await one(last++);
    });
    while (begun.length < 79_000) await turn();
    await turn();
    collect();
    expect(turns.filter((mine) => mine.deref() !== undefined).length).toBeLessThan(40_000);
    await Promise.all(busy);
    expect(begun).toEqual(upTo(begun.length));
  });

  test('begin in their order, some in each turn', async () => {
    const begun: number[] = [];
    const turns = await turnsOf(calls(1000, begun));
    expect(begun).toEqual(upTo(1000));
    expect(turns).toBeGreaterThanOrEqual(Math.floor(1000 / 32));
  });

  test('that come while others wait begin after them', async () => {
    const begun: number[] = [];
    const first = calls(100, begun);
    await turn();
    expect(isTurnFull()).toBe(true);
    const second = calls(100, begun, 100);
    await Promise.all([first, second]);
    expect(begun).toEqual(upTo(200));
  });

  test('that have waited count in the turn in which they begin', async () => {
    const begun: number[] = [];
    await calls(52, begun);
    const others = calls(20, begun, 52);
    await Promise.resolve();
    expect(begun).toEqual(upTo(64));
    await others;
    expect(begun).toEqual(upTo(72));
  });

  test('may begin again in the same turn once something has been answered', async () => {
    for (let turns = 0; turns < 5; turns++) {
      const some = calls(20, []);
      expect(isTurnFull()).toBe(false);
      await some;
      newTurn();
    }
  });

  test('do not overtake waiting calls when something has been answered', async () => {
    const begun: number[] = [];
    const first = calls(40, begun);
    newTurn();
    const second = calls(10, begun, 40);
    await Promise.all([first, second]);
    expect(begun).toEqual(upTo(50));
  });
});

test('a call that takes several turns shares them with no other', async () => {
  const begun: (number | string)[] = [];
  const large = async (name: string) => {
    for (let part = 0; part < 5; part++) {
      begun.push(`${name}${part}`);
      await waitForFurtherTurn();
    }
  };
  const small = waitForTurn().then(() => calls(40, begun));
  expect(
    await turnsOf(Promise.all([large('a'), small, calls(1, begun, 40)])),
  ).toBeGreaterThanOrEqual(5);
  expect(begun.slice(0, 5)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4']);
  expect(begun.slice(5)).toHaveLength(41);
});

test('a call’s lists count as further calls', () => {
  const list = (length: number) => Array.from({ length }, () => '10.0.0.1/24');
  expect(furtherCallsOf(undefined)).toBe(0);
  expect(furtherCallsOf('10.0.0.1/24')).toBe(0);
  expect(furtherCallsOf(list(3))).toBe(0);
  expect(furtherCallsOf(list(128))).toBe(32);
  expect(furtherCallsOf({ name: 'mv', addresses: list(50), routes: list(53) })).toBe(25);
});

test('the letters of a text and the bytes of a buffer are not gone through', () => {
  const ownKeys = () => expect.unreachable('they may be millions');
  expect(furtherCallsOf(new Proxy(new Uint8Array(1), { ownKeys }))).toBe(0);
});

test('a call that counts as several leaves room for that many fewer in its turn', async () => {
  const begun: string[] = [];
  beginCall(30);
  expect(isTurnFull()).toBe(false);
  beginCall(5);
  expect(isTurnFull()).toBe(true);
  beginCall(5);
  const one = async (name: string, size: number) => {
    await waitForTurn(size);
    begun.push(name);
  };
  const all = [one('a', 16), one('b', 16), one('c', 1), one('d', 31), one('e', 1), one('f', 99)];
  const after: string[] = [];
  while (begun.length < all.length) {
    await turn();
    after.push(begun.join(''));
  }
  expect([...new Set(after)].filter((text) => text !== '')).toEqual([
    'ab',
    'abcd',
    'abcde',
    'abcdef',
  ]);
});

test('no later call overtakes a large one that waits', async () => {
  const begun: string[] = [];
  const filled = calls(32, []);
  const one = async (name: string, size = 1) => {
    await waitForTurn(size);
    begun.push(name);
    if (size === 1) return;
    for (let part = 0; part < 3; part++) {
      await waitForFurtherTurn();
      begun.push(`${name}${part}`);
    }
  };
  await Promise.all([filled, one('a'), one('large', 33), one('b'), one('c')]);
  expect(begun).toEqual(['a', 'large', 'large0', 'large1', 'large2', 'b', 'c']);
});

test('a call that is made just before the turn of a large one begins after it', async () => {
  const begun: string[] = [];
  const filled = calls(32, []);
  const small = waitForTurn().then(async () => {
    begun.push('small');
    await takeTurn();
    begun.push('later');
  });
  const large = waitForTurn(33).then(() => begun.push('large'));
  await Promise.all([filled, small, large]);
  expect(begun).toEqual(['small', 'large', 'later']);
});

test('a call made where the stack is full does not hold up later ones', async () => {
  // A copy of its own: where this fails, its calls wait for ever.
  vi.resetModules();
  vi.doMock('node:timers', () => ({
    setImmediate: () => {
      throw new RangeError('Maximum call stack size exceeded');
    },
  }));
  const copy = await import('../../lib/namespace/turn.js');
  vi.doUnmock('node:timers');
  for (const make of [() => copy.beginCall(1000), () => void copy.waitForFurtherTurn()]) {
    expect(make).toThrow(RangeError);
    expect(copy.isTurnFull()).toBe(false);
  }
});

describe('what a listing is filtered by', () => {
  const isEven = (number: number) => number % 2 === 0;

  test('is asked of some thousands of its items in a turn', async () => {
    const filtering = filterInTurns(upTo(10_000), isEven);
    expect(await turnsOf(filtering)).toBeGreaterThanOrEqual(2);
    expect(await filtering).toEqual(upTo(10_000).filter(isEven));
  });

  test('is no longer asked for once a signal has fired', async () => {
    const controller = new AbortController();
    const asked: number[] = [];
    const filtering = filterInTurns(
      upTo(10_000),
      (number) => asked.push(number) > 0,
      controller.signal,
    );
    controller.abort('enough');
    await expect(filtering).rejects.toBe('enough');
    expect(asked.length).toBeLessThan(10_000);
  });

  test('takes no turn of its own where there are few', async () => {
    const filtering = filterInTurns(upTo(1_000), isEven);
    let isOver = false;
    void filtering.then(() => {
      isOver = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    expect(isOver).toBe(true);
    expect(await filtering).toHaveLength(500);
  });
});
