/** Links of every kind: naming, reading and listing them, and sending what changes one. */
import { check } from '../check/check.js';
import * as linkChecks from '../check/checkLinks.js';
import * as valueChecks from '../check/checkValues.js';
import { explain } from '../diagnosis/diagnosis.js';
import {
  argumentError,
  type NetlinkError,
  printable,
  showValue,
  stackOf,
} from '../errors/errors.js';
import { NO_LINK, Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { extMask, learnExtMask } from '../namespace/extMask.js';
import { indexRecord, linkRecord } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Result, Step } from '../namespace/native.js';
import { filterInTurns } from '../namespace/turn.js';
import type { Link, LinkFilter, LinkRef } from '../types/types.js';
import { LISTS_LINKS_BY_INDEX } from '../values/kernelVersion.js';
import { completeListing } from './wholeListing.js';

function nameAndInode({ name, inode }: Namespace): string {
  return name === null ? `net:[${inode}]` : `'${printable(name)}', net:[${inode}]`;
}

/** The index or name that a reference gives; a `Link` of another namespace is refused. */
export function plainRef(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  option = 'link',
  at?: number,
): number | string {
  if (typeof ref !== 'object') return ref;
  const seenIn = (ref as Partial<Link>).netns;
  if (seenIn !== undefined && seenIn !== namespace.inode) {
    const where = at === undefined ? option : `${option}[${at}]`;
    const message =
      `${call.operation}: ${where} must be a link of the network namespace ${nameAndInode(namespace)}, ` +
      `but it is of net:[${seenIn}]: call this operation on the Netns of that one; received ${showValue(ref)}`;
    throw stackOf(argumentError('ERR_INVALID_ARG_VALUE', message, plainRef), call.caller);
  }
  return ref.index;
}

/** {@link plainRef} of an option that may be left out. */
export function plainRefIfAny(
  namespace: Namespace,
  call: Call,
  ref: LinkRef | null | undefined,
  option: string,
): number | string | undefined {
  return ref == null ? undefined : plainRef(namespace, call, ref, option);
}

/** How an error names what the operation was about. */
export function targetOf(ref: unknown): string | number | null {
  if (typeof ref === 'string' || typeof ref === 'number') return ref;
  const { name, index } = (ref ?? {}) as Partial<Link>;
  if (typeof name === 'string') return name;
  return typeof index === 'number' ? index : null;
}

/** Reads the link that a reference names. */
export async function readLink(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  option?: string,
): Promise<Link> {
  const plain = plainRef(namespace, call, ref, option);
  const result = await namespace.ask('getLink', linkRecord(plain), call.signal);
  if (!(result instanceof Refusal)) return result;
  throw await notReadError(namespace, call, result, plain, option);
}

/** The error for a link that could not be read, with its reason. */
export async function notReadError(
  namespace: Namespace,
  call: Call,
  refusal: Refusal,
  link: number | string,
  option: string | undefined,
): Promise<NetlinkError> {
  const hint = await explain(namespace, refusal, { link, option });
  const part = /^(?:options|filter|changes|route)\.(.*)$/.exec(option ?? '')?.[1];
  return call.error(refusal, { hint, part });
}

/**
 * The index of the link that a reference names. Not a promise when the reference has the index, because requests must
 * be sent in the order of the calls: `await` the result only when it is a promise. A name is looked up once, and all
 * that follows goes by the index, because the name may come to mean another link. `missing` is the index for a name that
 * no link has, where that is no error.
 */
export function resolveIndex(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  option?: string,
  missing?: number,
): number | Promise<number> {
  const plain = plainRef(namespace, call, ref, option);
  return typeof plain === 'number' ? plain : readIndex(namespace, call, plain, option, missing);
}

async function readIndex(
  namespace: Namespace,
  call: Call,
  name: string,
  option?: string,
  missing?: number,
): Promise<number> {
  const result = await namespace.ask('getLinkIndex', indexRecord(name), call.signal);
  if (!(result instanceof Refusal)) return result;
  if (missing !== undefined && result.isAnswerOf(NO_LINK)) return missing;
  throw await notReadError(namespace, call, result, name, option);
}

/** {@link resolveIndex} of an option that may be left out. */
export function resolveIndexIfAny(
  namespace: Namespace,
  call: Call,
  ref: LinkRef | undefined,
  option: string,
  missing?: number,
): number | Promise<number> | undefined {
  return ref === undefined ? undefined : resolveIndex(namespace, call, ref, option, missing);
}

/**
 * {@link resolveIndex} of the entries of a list. All are checked before any is looked up: nobody would await that
 * look-up when a later entry is refused.
 */
export function resolveIndexes(
  namespace: Namespace,
  call: Call,
  refs: readonly (LinkRef | null | undefined)[],
  optionAt: (at: number) => string,
  missing?: number,
): readonly (number | undefined)[] | Promise<readonly (number | undefined)[]> {
  const plain = refs.map((ref, at) => plainRefIfAny(namespace, call, ref, optionAt(at)));
  const found = plain.map((ref, at) =>
    resolveIndexIfAny(namespace, call, ref, optionAt(at), missing),
  );
  const known = found.filter((index) => typeof index !== 'object');
  return known.length === found.length ? known : Promise.all(found);
}

export function getLink(namespace: Namespace, call: Call, ref: LinkRef): Promise<Link> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  return readLink(namespace, call, ref);
}

export async function listLinks(
  namespace: Namespace,
  call: Call,
  filter: LinkFilter = {},
): Promise<Link[]> {
  check(call.operation, linkChecks.linkFilter, filter, 'filter');
  const { kind, group, up } = filter;
  const masterRef = plainRefIfAny(namespace, call, filter.master, 'filter.master');
  let parent = resolveIndexIfAny(namespace, call, filter.parent, 'filter.parent');
  if (typeof parent === 'object') parent = await parent;
  let master = resolveIndexIfAny(namespace, call, masterRef, 'filter.master');
  if (typeof master === 'object') master = await master;
  const masterWanted = filter.master === null ? null : master;
  const record = { extMask: extMask(), master, info: kind == null ? undefined : { kind } };
  const asked = namespace.askOrThrow(call, 'listLinks', record);
  const [links] = await Promise.all([asked, learnExtMask(namespace, call.signal)]);
  await completeListing(namespace, call, links, record, call.signal);
  const wanted = [kind, parent, masterWanted, group, up];
  // The kernel's own filters only save work: it has none for a parent, and for an unknown kind it lists all links
  // (net/core/rtnetlink.c, rtnl_dump_ifinfo).
  const matches = (link: Link) =>
    (kind === undefined || link.kind === kind) &&
    (parent === undefined || (link.parent?.index === parent && link.parent.netnsid === null)) &&
    (masterWanted === undefined || link.master === masterWanted) &&
    (group === undefined || link.group === group) &&
    (up === undefined || link.up === up);
  const isFiltered = wanted.some((value) => value !== undefined);
  const found = isFiltered ? await filterInTurns(links, matches, call.signal) : links;
  if (found.length === 0) {
    if (parent) await readLink(namespace, call, parent, 'filter.parent');
    if (master) await readLink(namespace, call, master, 'filter.master');
  }
  return LISTS_LINKS_BY_INDEX ? found : found.sort((a, b) => a.index - b.index);
}

/** Sends changes of one link; throws the first refusal, with its reason. */
export async function sendAll(
  namespace: Namespace,
  call: Call,
  steps: readonly Step[],
  link: number | string,
): Promise<void> {
  const results = await namespace.exchange(steps, call.signal);
  await throwFirst(namespace, call, results, link, (at) => steps[at]);
}

/** {@link sendAll} of any number of changes, made a turn's worth at a time. */
export async function sendMany(
  namespace: Namespace,
  call: Call,
  count: number,
  stepAt: (at: number) => Step,
  link: number | string,
): Promise<void> {
  const results = await namespace.exchangeMany(count, stepAt, call.signal);
  await throwFirst(namespace, call, results, link, stepAt);
}

/** Throws the first refusal among the results of changes of one link, with its reason. */
export async function throwFirst(
  namespace: Namespace,
  call: Call,
  results: readonly Result[],
  link: number | string,
  stepAt: (at: number) => Step | undefined,
  partAt?: (at: number) => string | undefined,
): Promise<void> {
  call.checkSignal();
  const at = results.findIndex((result) => result instanceof Refusal);
  if (at < 0) return;
  const refusal = results[at] as Refusal;
  const hint = await explain(namespace, refusal, { link, asked: stepAt(at)?.record });
  throw call.error(refusal, { hint, part: partAt?.(at) });
}
