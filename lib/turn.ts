/**
 * How much of one turn of the event loop the calls of a program may take. A call costs some ten
 * microseconds of JavaScript before anything is sent, and a program that makes thousands of them at
 * once would hold the loop for all of them: after the first ones, the rest wait for turns to come.
 */

/** How many calls begin in one turn: about a millisecond in a program that has just started. */
const CALLS = 32;

let begun = 0;
/** Parts of calls that have begun already, each of which fills a turn; calls wait meanwhile. */
const further: (() => void)[] = [];

/** Calls that begin together, in one turn. */
class Group {
  calls = 0;
  begin!: () => void;
  readonly turn = new Promise<void>((resolve) => {
    this.begin = resolve;
  });
}

const waiting: Group[] = [];
/** The groups of `waiting` before it have had their turn. */
let next = 0;

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

/** Counts a call that begins in this turn. */
export function beginCall(): void {
  begun++;
  if (begun === CALLS) setImmediate(goOn);
}

/**
 * Waits until a call may begin; those that wait go first. A large one begins `alone`, or those behind
 * it in its turn would overtake it.
 */
export function waitForTurn(alone = false): Promise<void> {
  let last = waiting.at(-1);
  if (last === undefined || last.calls >= CALLS || alone) {
    last = new Group();
    waiting.push(last);
  }
  last.calls += alone ? CALLS : 1;
  return last.turn;
}

/**
 * Waits for the next turn with a call that is too large for one. No other call begins until it is
 * all done, because calls are carried out in their order.
 */
export function waitForFurtherTurn(): Promise<void> {
  if (!isTurnFull()) {
    begun = CALLS;
    setImmediate(goOn);
  }
  return new Promise((resolve) => {
    further.push(resolve);
  });
}

/** The event loop has had a turn: what has been answered shows that. */
export function newTurn(): void {
  if (begun < CALLS) begun = 0;
}

function goOn(): void {
  const call = further.shift();
  if (call !== undefined) {
    setImmediate(goOn);
    call();
    return;
  }
  const group = waiting[next++];
  if (next >= waiting.length) {
    waiting.length = 0;
    next = 0;
  }
  begun = group?.calls ?? 0;
  group?.begin();
  if (waiting.length === 0 && begun < CALLS) return;
  begun = CALLS;
  setImmediate(goOn);
}
