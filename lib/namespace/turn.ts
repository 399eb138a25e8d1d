/**
 * How much of one turn of the event loop the calls of a program may take. A call costs some ten
 * microseconds of JavaScript before anything is sent, and a program that makes thousands of them at
 * once would hold the loop for all of them: after the first ones, the rest wait for turns to come.
 */
// Not the global one: fake timers replace that in a test, and no call would begin any more, even after the test. Where
// they come before this module, they may replace this one, too.
import { setImmediate } from 'node:timers';
import { isObject } from '../check/check.js';

/** How many calls begin in one turn: about a millisecond in a program that has just started. */
const CALLS = 32;
/** How many items of a call's lists, its addresses for example, are about as much work as a call. */
const ITEMS = 4;
/** How many items one call has done in one turn. */
export const ITEMS_IN_A_TURN = CALLS * ITEMS;
/** How many items of a listing are looked at in one turn: half a millisecond in a program that has just started. */
const LOOKED_AT_IN_A_TURN = 4096;

let begun = 0;
/** Parts of large calls that have begun already. Each of them fills a turn, and other calls wait meanwhile. */
const begunCalls: (() => void)[] = [];

/** As how many further calls a call counts, because of the lists in its arguments. */
export function furtherCallsOf(given: unknown): number {
  return Math.floor(itemsOf(given) / ITEMS);
}

function itemsOf(given: unknown): number {
  if (Array.isArray(given)) return given.length;
  let items = 0;
  // Not of a text or a buffer, where a `for … in` would visit every letter or byte.
  if (!isObject(given)) return items;
  for (const key in given) {
    const value = (given as Record<string, unknown>)[key];
    if (Array.isArray(value)) items += value.length;
  }
  return items;
}

/** Calls that begin together, in one turn. */
class Group {
  calls = 0;
  begin!: () => void;
  readonly turn = new Promise<void>((resolve) => {
    this.begin = resolve;
  });
}

const waiting: Group[] = [];
/** The first group of `waiting` that has not had its turn. */
let nextGroup = 0;
/** After how many turns the groups that had them are dropped, where others wait all the time. */
const MAX_PAST_GROUPS = 1024;

/** Whether this turn has no room for another call. */
export function isTurnFull(): boolean {
  return begun >= CALLS;
}

/** Waits until a call may begin, where it has to wait. */
export function takeTurn(): Promise<void> | undefined {
  if (isTurnFull()) return waitForTurn();
  beginCall();
  return undefined;
}

/** Counts a call that begins in this turn, or work of one that is as much as `calls`. */
export function beginCall(calls = 1): void {
  // First, because it throws where the stack is full: counted all the same, no call would begin any more.
  if (!isTurnFull() && begun + calls >= CALLS) setImmediate(beginNext);
  begun += calls;
}

/**
 * Waits until a call that counts as `calls` may begin, after those that wait already. One that takes
 * several turns begins in a turn of its own: otherwise the calls behind it in the same turn would overtake it.
 */
export function waitForTurn(calls = 1): Promise<void> {
  let last = waiting.at(-1);
  if (last === undefined || last.calls + calls > CALLS) {
    last = new Group();
    waiting.push(last);
  }
  last.calls += calls;
  return last.turn;
}

/**
 * Waits for the next turn with a call that is too large for one. No other call begins until it is
 * all done, because calls are carried out in their order.
 */
export function waitForFurtherTurn(): Promise<void> {
  if (!isTurnFull()) {
    setImmediate(beginNext);
    begun = CALLS;
  }
  return new Promise((resolve) => {
    begunCalls.push(resolve);
  });
}

/** `items.filter(matches)`, over as many turns as it takes; rejects with the signal's reason when it fires meanwhile. */
export async function filterInTurns<Item>(
  items: readonly Item[],
  matches: (item: Item) => boolean,
  signal?: AbortSignal,
): Promise<Item[]> {
  const found: Item[] = [];
  for (let at = 0; at < items.length; at++) {
    if (at > 0 && at % LOOKED_AT_IN_A_TURN === 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
    const item = items[at] as Item;
    if (matches(item)) found.push(item);
  }
  return found;
}

/** Called when a request has been answered, because the event loop has had a turn then. */
export function newTurn(): void {
  if (begun < CALLS) begun = 0;
}

function beginNext(): void {
  const call = begunCalls.shift();
  if (call !== undefined) {
    setImmediate(beginNext);
    call();
    return;
  }
  const group = waiting[nextGroup++];
  if (nextGroup >= Math.min(waiting.length, MAX_PAST_GROUPS)) {
    waiting.splice(0, nextGroup);
    nextGroup = 0;
  }
  begun = group?.calls ?? 0;
  group?.begin();
  if (waiting.length === 0 && begun < CALLS) return;
  begun = CALLS;
  setImmediate(beginNext);
}
