/**
 * What a program handed in, as it is now: it may use its objects again while the call waits for its
 * turn, or for an answer.
 */
import { types } from 'node:util';
import { isSignal } from './check.js';
import type { Link, LinkRef, NetnsRef } from './types.js';

/** How far into what a program handed in its objects are copied: `options.peer.netns`. */
const DEPTH = 3;

/** Options and the like. Lists are copied, what is in them is not. */
export function snapshot<T>(argument: T): T {
  if (typeof argument !== 'object' || argument === null) return argument;
  if (Array.isArray(argument)) return argument.slice() as T;
  // Neither is options, and what looks at them is to see that.
  if (types.isPromise(argument) || isSignal(argument)) return argument;
  const copy = isPlain(argument) ? copyOf(argument, DEPTH) : read(argument);
  return copy as T;
}

/** Whether it has no class of its own, of whichever realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.hasOwn(prototype, 'isPrototypeOf');
}

function copyOf(plain: object, depth: number): object {
  const copy = { ...plain } as Record<string, unknown>;
  for (const key in copy) {
    const value = copy[key];
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) copy[key] = value.slice();
    // What has a class of its own, such as a signal or a namespace, is known by being itself.
    else if (depth > 1 && isPlain(value)) copy[key] = copyOf(value, depth - 1);
  }
  return copy;
}

/** The options that an instance of a class has, its accessors’ among them. */
class Read {}

function read(instance: object): Read {
  const copy = Object.assign(new Read(), copyOf(instance, DEPTH)) as Record<string, unknown>;
  let level = Object.getPrototypeOf(instance) as object | null;
  for (; level !== null && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const key of Object.getOwnPropertyNames(level)) {
      if (key in copy) continue;
      const value = (instance as Record<string, unknown>)[key];
      // As in the class: not met by a `for … in`, so that it may have others than options.
      if (typeof value !== 'function') Object.defineProperty(copy, key, { value });
    }
  }
  return copy;
}

/** A link's reference as it is now: what the operations read of it, and what names it in an error. */
export function linkNow(ref: LinkRef): LinkRef {
  if (typeof ref !== 'object' || ref === null || !('index' in ref)) return ref;
  const { index, name, netns } = ref as Partial<Link> & { readonly index: number };
  const copy: { index: number; name?: string; netns?: number } = { index };
  if (name !== undefined) copy.name = name;
  if (netns !== undefined) copy.netns = netns;
  return copy;
}

/** A namespace's reference as it is now; a `Netns` is itself. */
export function netnsNow(ref: NetnsRef): NetnsRef {
  return typeof ref === 'object' && ref !== null && isPlain(ref) ? { ...ref } : ref;
}
