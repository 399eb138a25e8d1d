/** Moving links between namespaces. */
import { check } from '../check/check.js';
import * as linkChecks from '../check/checkLinks.js';
import * as valueChecks from '../check/checkValues.js';
import { explain } from '../diagnosis/diagnosis.js';
import { takenBy, whyReserved } from '../diagnosis/diagnosisCommon.js';
import { NO_LINK, Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { MAX_INDEX_ATTEMPTS, mayMeanIndexTaken } from '../namespace/indexes.js';
import { findLink, linkRecord, mustFindLink } from '../namespace/lookup.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import type { Step } from '../namespace/native.js';
import { withNamespace } from '../namespace/opening.js';
import type { LinkRecord } from '../records/requests.js';
import type { Link, LinkRef, MoveOptions, NetnsRef } from '../types/types.js';
import { readLink, sendAll } from './links.js';
import { movesChooseIndex } from './moveIndex.js';
import { flagBits } from './setLink.js';

export async function moveLink(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  netns: NetnsRef,
  options: MoveOptions = {},
): Promise<Link> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, valueChecks.netnsRef, netns, 'netns');
  check(call.operation, linkChecks.moveOptions, options);
  return withNamespace(call, netns, async (target) => {
    const link = await readLink(namespace, call, ref);
    if (target.inode === namespace.inode) return renameInPlace(namespace, call, link, options);
    for (const one of [namespace, target]) one.keepSocket();
    try {
      return await move(namespace, target, call, link, options);
    } finally {
      for (const one of [namespace, target]) one.releaseSocket();
    }
  });
}

/** A move into the namespace that the link is in already: only its name can change. */
async function renameInPlace(
  namespace: Namespace,
  call: Call,
  link: Link,
  { name, index }: MoveOptions,
): Promise<Link> {
  if (index !== undefined && index !== link.index) {
    throw call.fail('EINVAL', {
      reason: 'the link is in that namespace already',
      hint: 'The index of a link can only be chosen when it moves to another namespace.',
    });
  }
  if (name === undefined || name === link.name) return readLink(namespace, call, link.index);
  const steps: Step[] = [{ operation: 'changeLink', record: { index: link.index, name } }];
  namespace.keepSocket();
  try {
    await sendAll(namespace, call, steps, link.index);
    return await readChanged(namespace, call, link.index, `The link has been renamed to '${name}'`);
  } finally {
    namespace.releaseSocket();
  }
}

/** The link after it was `changed`, which an error must say: the change stays. */
async function readChanged(
  namespace: Namespace,
  call: Call,
  ref: number | string,
  changed: string,
): Promise<Link> {
  const link = await namespace.ask('getLink', linkRecord(ref), call.signal);
  if (!(link instanceof Refusal)) return link;
  const since = link.isAnswerOf(NO_LINK)
    ? 'and since then another program has deleted, moved or renamed it'
    : 'and only reading it then failed';
  throw call.error(link, { done: `${changed}, ${since}.` });
}

async function move(
  namespace: Namespace,
  target: Namespace,
  call: Call,
  link: Link,
  options: MoveOptions,
): Promise<Link> {
  const name = options.name ?? link.name;
  // The kernel moves first and renames afterwards: when the new name turns out to be taken, it answers EEXIST although
  // the link is in the other namespace already (do_setlink). So the name is looked up first.
  const reserved = whyReserved(name);
  if (reserved !== undefined) throw call.fail('EINVAL', { hint: reserved });
  // Before Linux 6.6 it does not ask whether alternative names are taken.
  for (const one of [name, ...link.altNames]) {
    const holder = await mustFindLink(target, call, one);
    if (holder !== undefined) throw call.fail('EEXIST', { hint: takenBy(holder, one, target) });
  }
  if (link.altNames.includes(name)) {
    throw call.fail('EEXIST', { hint: `'${name}' is a name of the link itself already.` });
  }
  const chooses = await movesChooseIndex(namespace, call);
  for (let attempt = 1; ; attempt++) {
    const index = chooses
      ? await indexThere(target, call, link, options)
      : await ownIndex(target, call, link, options);
    const record: LinkRecord = {
      index: link.index,
      netnsFd: target.fd,
      newIfindex: chooses ? index : undefined,
      name: options.name,
    };
    const steps: Step[] = [{ operation: 'changeLink', record }];
    const [result] = await namespace.exchange(steps, call.signal);
    if (!(result instanceof Refusal)) return readMoved(target, call, link, chooses ? index : name);
    // Only a renaming follows the move. ENODEV: it was not here any more, and whoever has moved it meanwhile wants it
    // there. EBUSY: the index is taken there, perhaps by a link that has the same MAC.
    const mayHaveMoved = options.name !== undefined && !NOT_MOVED.has(result.code);
    const there = chooses ? index : link.name;
    const way = mayHaveMoved ? await bringBack(namespace, target, link, there) : undefined;
    const again =
      chooses && options.index === undefined && attempt < MAX_INDEX_ATTEMPTS && way === undefined;
    // Another link got there after the look. One that has got this link's index here must not be moved instead.
    if (
      again &&
      mayMeanIndexTaken(result) &&
      (await findLink(target, index)) !== undefined &&
      isSame(await findLink(namespace, link.index), link)
    )
      continue;
    // What has the name and the index may be the link itself.
    if (way?.isBack === false) throw call.error(result, { hint: way.hint });
    const moving = { names: [name, ...link.altNames], index };
    const hint = await explain(namespace, result, { link: link.index, target, moving });
    throw call.error(result, {
      hint: way === undefined ? hint : `${hint ?? ''} ${way.hint}`.trim(),
    });
  }
}

/** The link's index in the target: the one asked for, its current one if that is free, or a new one. */
async function indexThere(
  target: Namespace,
  call: Call,
  link: Link,
  options: MoveOptions,
): Promise<number> {
  if (options.index !== undefined) return options.index;
  const holder = await mustFindLink(target, call, link.index);
  return holder === undefined ? link.index : target.chooseIndex();
}

/** Where a move cannot choose: the link's index, which the kernel replaces where it is taken. */
async function ownIndex(
  target: Namespace,
  call: Call,
  link: Link,
  options: MoveOptions,
): Promise<number> {
  if (options.index === undefined) return link.index;
  if (options.index !== link.index) throw call.fail('EOPNOTSUPP', { hint: NO_CHOICE });
  const holder = await mustFindLink(target, call, link.index);
  if (holder === undefined) return link.index;
  const hint = `Index ${link.index} belongs to the link '${holder.name}' there.`;
  throw call.fail('EEXIST', { hint });
}

const NO_CHOICE = 'Linux before 5.13 cannot choose the index of a link that moves.';

const NOT_MOVED: ReadonlySet<string> = new Set(['ENODEV', 'EBUSY']);

const BROUGHT_BACK =
  'The link had been moved by then, and was brought back without what the kernel drops on the way: its addresses and ' +
  'routes, its master, addrGenMode and ipv4.';

const IDENTICAL = 3;

/** How much speaks for it that it is the link that was read: its index may have passed to another one. */
function likeness(found: Link | undefined, link: Link): number {
  if (found?.kind !== link.kind) return 0;
  return (found.mac === link.mac ? 2 : 0) + (found.name === link.name ? 1 : 0);
}

function isSame(found: Link | undefined, link: Link): boolean {
  return likeness(found, link) > 0;
}

/**
 * The link as it is in the target, unless another one is there in its place: of another kind, because its name and MAC may
 * have been changed there by now.
 */
async function readMoved(
  target: Namespace,
  call: Call,
  { kind }: Link,
  ref: number | string,
): Promise<Link> {
  const as = typeof ref === 'number' ? `with index ${ref}` : `as '${ref}'`;
  const where = `the network namespace ${describe(target)}`;
  const moved = await readChanged(target, call, ref, `The link has been moved to ${where}, ${as}`);
  if (moved.kind === kind) return moved;
  const hint =
    `The link with index ${moved.index} in ${where} is '${moved.name}', another one: ` +
    'other programs have moved or deleted links meanwhile, and it may have been moved in place of the link.';
  throw call.fail('ENODEV', { hint });
}

/** How the undoing of a move went. */
interface WayBack {
  readonly isBack: boolean;
  /** What to say of it. */
  readonly hint: string;
}

/** Undoes a move that the kernel refused half-way, if there is anything to undo. */
async function bringBack(
  namespace: Namespace,
  target: Namespace,
  link: Link,
  there: number | string,
): Promise<WayBack | undefined> {
  const here = await findLink(namespace, link.index);
  if (likeness(here, link) === IDENTICAL) return undefined;
  const moved = await target.ask('getLink', linkRecord(there));
  if (moved instanceof Refusal) {
    if (moved.isAnswerOf(NO_LINK)) return undefined;
    const as = typeof there === 'number' ? `with index ${there}` : `named '${there}'`;
    const hint = `The link may have been moved by then: whether it is there, ${as}, could not be found out (${moved.code}).`;
    return { isBack: false, hint };
  }
  // Another program may have changed the MAC meanwhile, or given the index, and even the name, to a new link here.
  if (likeness(moved, link) <= likeness(here, link)) return undefined;
  // By its name it was found, so the name says nothing.
  if (typeof there === 'string' && likeness(moved, link) < IDENTICAL) return undefined;
  const newIfindex = here === undefined ? link.index : namespace.chooseIndex();
  const record: LinkRecord = {
    index: moved.index,
    netnsFd: namespace.fd,
    newIfindex: typeof there === 'number' ? newIfindex : undefined,
    name: link.name,
    ...flagBits({ up: link.up }),
  };
  const result = await target.ask('changeLink', record);
  if (result instanceof Refusal) {
    const hint = `The link had been moved by then, and could not be brought back (${result.code}): it is '${moved.name}' there, index ${moved.index}.`;
    return { isBack: false, hint };
  }
  const chosen = typeof there === 'number' ? newIfindex : undefined;
  const index = chosen ?? (await findLink(namespace, link.name))?.index ?? link.index;
  const why = here === undefined ? '' : `: its own is that of '${here.name}'`;
  const change = index === link.index ? '' : ` Its index is ${index} now${why}.`;
  return { isBack: true, hint: BROUGHT_BACK + change };
}
