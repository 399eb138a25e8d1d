/**
 * Checks what a program hands in before anything is sent: one row for each option.
 *
 * A check gives `undefined` when all is well, and allocates nothing then; otherwise a fault that
 * knows its path, such as `options.sources[3]`. `undefined` counts as left out.
 */
import types from 'node:util/types';
import { type ArgumentErrorCode, argumentError, showValue } from '../errors/errors.js';

/** What is wrong with a value, and where in the argument it stands. */
export interface Fault {
  readonly code: ArgumentErrorCode;
  path: string;
  readonly says: string;
  readonly value: unknown;
}

/** Looks at a value; gives its fault, or `undefined` when there is none. */
export type Check = (value: unknown) => Fault | undefined;

/** Throws a `TypeError` or `RangeError` that names the argument, when `value` has a fault. */
export function check(operation: string, rule: Check, value: unknown, name = 'options'): void {
  const fault = rule(value);
  if (fault === undefined) return;
  const message = `${operation}: ${name}${fault.path} ${fault.says}`;
  const received = `received ${showValue(fault.value)}`;
  const forgotten = types.isPromise(fault.value) ? ' (is an await missing?)' : '';
  throw argumentError(fault.code, `${message}; ${received}${forgotten}`, check);
}

export function badType(says: string, value: unknown): Fault {
  return { code: 'ERR_INVALID_ARG_TYPE', path: '', says, value };
}

export function badValue(says: string, value: unknown): Fault {
  return { code: 'ERR_INVALID_ARG_VALUE', path: '', says, value };
}

export function outOfRange(says: string, value: unknown): Fault {
  return { code: 'ERR_OUT_OF_RANGE', path: '', says, value };
}

/** Puts a step in front of the path of a fault found further in, if one was. */
export function under<Found extends Fault | undefined>(step: string, fault: Found): Found {
  if (fault !== undefined) fault.path = step + fault.path;
  return fault;
}

/** The check of a field that is ignored, such as one that only a listing has. */
export const anything: Check = () => undefined;

export function integer(min: number, max: number): Check {
  return (value) => {
    if (typeof value !== 'number') return badType('must be a number', value);
    if (Number.isInteger(value) && value >= min && value <= max) return undefined;
    return outOfRange(`must be an integer from ${min} to ${max}`, value);
  };
}

export function text(faultOf: (value: string) => string | undefined): Check {
  return (value) => {
    if (typeof value !== 'string') return badType('must be a string', value);
    const says = faultOf(value);
    return says === undefined ? undefined : badValue(says, value);
  };
}

export function wordOf(words: object, other?: Check): Check {
  const known: ReadonlySet<unknown> = new Set(Object.keys(words));
  const list = `${quoteAll(Object.keys(words))}${other === undefined ? '' : ', or a number'}`;
  return (value) => {
    if (known.has(value)) return undefined;
    if (typeof value === 'string') {
      return badValue(`must be ${list}${suggestion(value, known)}`, value);
    }
    return other === undefined ? badType(`must be ${list}`, value) : other(value);
  };
}

/** A word as results have it: a number without a word stands there in decimal. */
export function listedWordOf(words: object, other: Check): Check {
  const rule = wordOf(words, other);
  return (value) =>
    typeof value === 'string' && /^\d{1,10}$/.test(value) ? other(Number(value)) : rule(value);
}

export function listOf(rule: Check, most: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return badType('must be an array', value);
    if (value.length > most) {
      return outOfRange(`must hold at most ${most} entries, and holds ${value.length}`, value);
    }
    for (let index = 0; index < value.length; index++) {
      const fault = rule(value[index]);
      if (fault !== undefined) return under(`[${index}]`, fault);
    }
    return undefined;
  };
}

export function orNull(rule: Check): Check {
  return (value) => (value === null ? undefined : rule(value));
}

interface Table {
  readonly rows: ReadonlyMap<string, Check>;
  readonly required: readonly string[];
}

/** A table of all the options that the type has. */
export function table<Options>(
  rows: { readonly [Name in keyof Options]-?: Check },
  ...required: (keyof Options & string)[]
): Table {
  return { rows: new Map(Object.entries<Check>(rows)), required };
}

/** An unknown option's name for a message: it may be of any length. */
const shorten = (name: string) => (name.length > 64 ? `${name.slice(0, 61)}...` : name);

/** Whether it is an `AbortSignal`, of any realm. One given in place of options would pass for `{}`. */
export function isSignal(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'addEventListener' in value &&
    'throwIfAborted' in value
  );
}

/** An object that may hold options. Not a list, a promise, a date or an error, which have none or others. */
export function isObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Symbol.iterator in value) return false;
  return Object.getPrototypeOf(value) === Object.prototype || isOfNoOtherClass(value);
}

function isOfNoOtherClass(value: object): boolean {
  return (
    !types.isPromise(value) &&
    !types.isDate(value) &&
    !types.isNativeError(value) &&
    !(value instanceof Error)
  );
}

/** Checks an object's options against a table, then with `also`. An argument left out counts as `{}`. */
export function optionsOf(
  { rows, required }: Table,
  also?: (value: never) => Fault | undefined,
): Check {
  return (value) => {
    if (!isObject(value)) {
      if (value === undefined && required.length === 0) return undefined;
      return badType('must be an object', value);
    }
    const options = value as Record<string, unknown>;
    for (const key in options) {
      const option = options[key];
      if (option === undefined) continue;
      const rule = rows.get(key);
      if (rule === undefined) {
        // A library that extends Object.prototype gives every object such a key.
        if (key in Object.prototype && !Object.hasOwn(options, key)) continue;
        return unknownOption(value, rows, key, option);
      }
      const fault = rule(option);
      if (fault !== undefined) return under(`.${key}`, fault);
    }
    // No for … of: see `pack` in native.ts.
    for (let at = 0; at < required.length; at++) {
      const key = required[at] as string;
      if (options[key] === undefined) return under(`.${key}`, badType('is required', undefined));
    }
    const prototype = Object.getPrototypeOf(options);
    if (prototype !== Object.prototype && prototype !== null) {
      const fault = inheritedFault(options, rows);
      if (fault !== undefined) return fault;
    }
    return also?.(value as never);
  };
}

function unknownOption(
  options: object,
  rows: ReadonlyMap<string, Check>,
  key: string,
  option: unknown,
): Fault {
  if (isSignal(options)) return badType('must be an object such as { signal }', options);
  const says = `is not a known option${suggestion(key, rows)}`;
  return under(`.${shorten(key)}`, badValue(says, option));
}

/** An object that cannot be left out, though each of its options can. */
export function needed(rule: Check): Check {
  return (value) => (value === undefined ? badType('must be an object', value) : rule(value));
}

/** Checks what a class instance's accessors give: a `for … in` does not visit them. */
function inheritedFault(
  options: Record<string, unknown>,
  rows: ReadonlyMap<string, Check>,
): Fault | undefined {
  for (const [key, rule] of rows) {
    const option = options[key];
    const fault = option === undefined ? undefined : rule(option);
    if (fault !== undefined) return under(`.${key}`, fault);
  }
  return undefined;
}

export function quoteAll(words: readonly string[]): string {
  const quoted = words.map((word) => `'${word}'`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

/** What other tools call an option, and what it is called here. */
const NAMES_IN_OTHER_TOOLS: Readonly<Record<string, string>> = {
  bclim: 'bcCutoff',
  dev: 'link',
  dst: 'to',
  gateway: 'via',
  hwaddr: 'mac',
  ifindex: 'index',
  ifname: 'name',
  ip: 'addresses',
  link: 'parent',
  lladdr: 'mac',
  macaddr: 'sources',
  src: 'source',
  txqlen: 'txQueueLen',
  type: 'kind',
};

/** ` (did you mean 'passthru'?)`, when one of the words is close to what was written. */
function suggestion(written: string, words: { keys(): Iterable<unknown> }): string {
  const lower = written.toLowerCase();
  let best = '';
  let bestDistance = Math.floor(written.length / 3) + 1;
  for (const word of words.keys() as Iterable<string>) {
    const distance =
      NAMES_IN_OTHER_TOOLS[lower] === word ? 0 : distanceBetween(lower, word.toLowerCase());
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best === '' ? '' : ` (did you mean '${best}'?)`;
}

/** The edit distance, but 1 when one word begins with the other. */
function distanceBetween(from: string, to: string): number {
  if (from === to) return 0;
  const [short, long] = from.length < to.length ? [from, to] : [to, from];
  if (long.length > 64) return Number.POSITIVE_INFINITY;
  return short.length >= 3 && long.startsWith(short) ? 1 : editDistance(from, to);
}

/** How many letters must be put in, taken out, replaced or exchanged with the next to make one word the other. */
function editDistance(from: string, to: string): number {
  let beforeThat: readonly number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced =
        (previous[column - 1] as number) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const shifted = Math.min(previous[column] as number, current[column - 1] as number) + 1;
      const isExchanged =
        from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1] && row > 1;
      const exchanged = isExchanged ? (beforeThat[column - 2] as number) + 1 : shifted;
      current.push(Math.min(replaced, shifted, exchanged));
    }
    beforeThat = previous;
    previous = current;
  }
  return previous[to.length] as number;
}
