/**
 * Copies of what a program passes in: the program may change its objects while the call waits for its turn or for
 * an answer.
 */
import type { Link, LinkRef, NetnsRef } from '../types/types.js';
import { isObject, isSignal } from './check.js';

/** How many levels of objects are copied: options, `peer` in them, `netns` in that. */
const DEPTH = 3;

/** A copy of options or the like. Lists are copied, but not what they hold. */
export function snapshot<T>(argument: T): T {
  if (typeof argument !== 'object' || argument === null) return argument;
  if (Array.isArray(argument)) return argument.slice() as T;
  // Left as it is, so that the check sees and refuses it: a copy would pass for empty options.
  if (!isObject(argument) || isSignal(argument)) return argument;
  const copy = isPlain(argument) ? copyOf(argument, DEPTH) : copyInstance(argument);
  return copy as T;
}

/** Whether it is a plain object, of any realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return isRoot(prototype);
}

/** Whether it is the `Object.prototype` of any realm. */
function isRoot(prototype: object): boolean {
  return Object.hasOwn(prototype, 'isPrototypeOf');
}

function copyOf(plain: object, depth: number): object {
  const copy = { ...plain } as Record<string, unknown>;
  for (const key of Object.keys(copy)) copy[key] = valueNow(copy[key], depth);
  if (typeof copy.netns === 'string') copy.netns = pathNow(copy.netns);
  return copy;
}

/** The value of a member. An instance of a class, such as a signal or a namespace, stays the same object. */
function valueNow(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.slice();
  return depth > 1 && isPlain(value) ? copyOf(value, depth - 1) : value;
}

/** Not a plain object either, so that the checks treat a copy as they would its original. */
class InstanceCopy {}

/** The options of an instance of a class, those behind its accessors included. */
function copyInstance(instance: object): InstanceCopy {
  const copy = Object.assign(new InstanceCopy(), copyOf(instance, DEPTH)) as Record<
    string,
    unknown
  >;
  let level = Object.getPrototypeOf(instance) as object | null;
  for (; level !== null && !isRoot(level); level = Object.getPrototypeOf(level)) {
    for (const key of Object.getOwnPropertyNames(level)) {
      if (key in copy) continue;
      const value = (instance as Record<string, unknown>)[key];
      if (typeof value === 'function') continue;
      // As in the class, or the object with defaults: a `for … in` must not find members that are no options.
      const enumerable = Object.prototype.propertyIsEnumerable.call(level, key);
      Object.defineProperty(copy, key, { value: valueNow(value, DEPTH), enumerable });
    }
  }
  return copy;
}

/** A copy of a link reference: what operations and errors read of it. */
export function linkNow(ref: LinkRef): LinkRef {
  if (typeof ref !== 'object' || ref === null || !('index' in ref)) return ref;
  const { index, name, netns } = ref as Partial<Link> & { readonly index: number };
  const copy: { index: number; name?: string; netns?: number } = { index };
  if (name !== undefined) copy.name = name;
  if (netns !== undefined) copy.netns = netns;
  return copy;
}

/** A relative path as an absolute one: the program may change its directory (`process.chdir`). Not a name. */
function pathNow(ref: string): string {
  if (ref.startsWith('/') || !ref.includes('/')) return ref;
  try {
    return `${process.cwd()}/${ref}`;
  } catch {
    // The directory has been removed.
    return ref;
  }
}

/** A copy of a namespace reference; a `Netns` stays the same object. */
export function netnsNow(ref: NetnsRef): NetnsRef {
  if (typeof ref === 'string') return pathNow(ref);
  return typeof ref === 'object' && ref !== null && isPlain(ref) ? { ...ref } : ref;
}
