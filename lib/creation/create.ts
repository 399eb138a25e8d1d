/**
 * Making links, all or nothing: a link with everything that was asked for, or none. Knows no kind: what
 * differs from kind to kind comes as a {@link KindSpec}.
 */
import { setTimeout } from 'node:timers/promises';
import { explain } from '../diagnosis/diagnosis.js';
import type { NetlinkError } from '../errors/errors.js';
import { isRefusal, NO_LINK, Refusal } from '../errors/refusal.js';
import { notReadError, plainRefIfAny, resolveIndex, resolveIndexIfAny } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import { MAX_INDEX_ATTEMPTS, mayMeanIndexTaken } from '../namespace/indexes.js';
import { findLink, linkRecord } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Result, Step } from '../namespace/native.js';
import { withNamespace } from '../namespace/opening.js';
import { settingError } from '../netns/ipv6Settings.js';
import type { LinkRecord } from '../records/requests.js';
import type { Link, LinkOptions } from '../types/types.js';
import { parseMac } from '../values/mac.js';
import { recordOf, sendAttempt } from './createRequest.js';
import type { Creation, KindSpec, Plan } from './creation.js';
import { checkKind, isMade, isThere } from './made.js';
import {
  type AskedBeside,
  announces,
  askedBeside,
  checkLinksOf,
  isSetting,
  noParts,
  type Part,
  partsOf,
  withSharedChanges,
} from './parts.js';
import { TAKEN_AWAY, undo } from './undo.js';

/** Makes a link in `namespace`, or in the one that `options.netns` names. */
export function createIn(
  namespace: Namespace,
  call: Call,
  spec: KindSpec,
  options: LinkOptions,
): Promise<Link> {
  const asked = askedBeside(options);
  const { netns } = options;
  if (netns === undefined) return createThere(namespace, namespace, call, spec, options, asked);
  return withNamespace(call, netns, (opened) => {
    // Of two handles of one namespace only this one's socket is open when something has to be undone.
    const target = opened.inode === namespace.inode ? namespace : opened;
    return createThere(namespace, target, call, spec, options, asked);
  });
}

function createThere(
  namespace: Namespace,
  target: Namespace,
  call: Call,
  spec: KindSpec,
  options: LinkOptions,
  asked: AskedBeside | undefined,
): Promise<Link> {
  // Every reference is checked before any is looked up.
  const info = spec.info(target);
  const parentRef = plainRefIfAny(namespace, call, spec.parent, 'options.parent');
  const masterRef = plainRefIfAny(target, call, options.master, 'options.master');
  if (asked !== undefined) checkLinksOf(target, call, asked);
  const record = recordOf(namespace, target, spec, options, parentRef, info);
  const parentName = typeof parentRef === 'string' ? parentRef : undefined;
  const creation: Creation = {
    namespace,
    target,
    call,
    spec,
    options,
    record,
    partsAt: noParts,
    master: undefined,
    parentName,
  };
  const isReady = asked === undefined && masterRef === undefined && spec.prepare === undefined;
  return isReady ? createWith(creation) : createBeside(creation, masterRef, asked);
}

// Awaits only what has to be looked up. If nothing has, the requests are sent before this returns, and so in the order
// of the calls.
async function createBeside(
  creation: Creation,
  masterRef: number | string | undefined,
  asked: AskedBeside | undefined,
): Promise<Link> {
  const { namespace, target, call, spec, record, parentName } = creation;
  const named = [masterRef, ...(asked?.links ?? [])];
  const waits = spec.prepare !== undefined || named.some((ref) => typeof ref === 'string');
  // Where others have to be looked up, the parent is looked up before them, at the place of the call.
  if (waits && parentName !== undefined) {
    record.parent = await resolveIndex(namespace, call, parentName, 'options.parent');
    creation.parentName = undefined;
  }
  let master = resolveIndexIfAny(target, call, masterRef, 'options.master');
  if (typeof master === 'object') master = await master;
  let partsAt = asked === undefined ? noParts : partsOf(target, call, asked);
  if (typeof partsAt === 'object') partsAt = await partsAt;
  const preparing = spec.prepare?.(target);
  if (typeof preparing === 'object') await preparing;
  return await createWith({ ...creation, partsAt, master });
}

// createThere and what follows are small functions: while a thread of V8 compiles a large one for milliseconds, the event
// loop waits for a processor where there are only two, as the kernel's work takes the other.
async function createWith(creation: Creation): Promise<Link> {
  const { options, target } = creation;
  keepSockets(creation);
  try {
    for (let attempt = 1; ; attempt++) {
      const plan = planOf(creation, options.index ?? target.chooseIndex());
      const results = await sendAttempt(creation, plan);
      if (isAllDone(plan, results)) return results.at(-1) as Link;
      if (!(results[0] instanceof Refusal)) return await finish(plan, results);
      await throwUnlessIndexTaken(plan, results[0], attempt);
    }
  } finally {
    releaseSockets(creation);
  }
}

function keepSockets({ namespace, target, spec }: Creation): void {
  namespace.keepSocket();
  target.keepSocket();
  spec.peer?.namespace?.keepSocket();
}

function releaseSockets({ namespace, target, spec }: Creation): void {
  namespace.releaseSocket();
  target.releaseSocket();
  spec.peer?.namespace?.releaseSocket();
}

function planOf(creation: Creation, index: number): Plan {
  const { namespace, target, call, spec, options, record, partsAt, master } = creation;
  record.index = index;
  const parts = withSharedChanges(partsAt(index), master, spec.shared, index);
  return { namespace, target, call, spec, options, record, index, parts };
}

/** Whether the results end with the finished link, and {@link finish} has nothing to do. */
function isAllDone({ options, spec, call }: Plan, results: readonly Result[]): boolean {
  const nothingLeft =
    options.index === undefined &&
    spec.verify === undefined &&
    spec.complete === undefined &&
    call.signal === undefined &&
    !announces(options);
  return nothingLeft && results.at(-1) !== undefined && !results.some(isRefusal);
}

/** Throws for a refusal of the first message, unless another index may make it good. */
async function throwUnlessIndexTaken(plan: Plan, refusal: Refusal, attempt: number): Promise<void> {
  const { target, call, options } = plan;
  // The answer was lost, so whether the link is there is not known; its index or its MAC tells.
  if (refusal.code === 'ENOBUFS' && (await isThere(plan))) {
    await undone(plan, [], call.error(refusal, { hint: MADE_UNHEARD }));
  }
  const again = options.index === undefined && attempt < MAX_INDEX_ATTEMPTS;
  if (!mayMeanIndexTaken(refusal) || !again || !(await isIndexTaken(plan))) {
    throw call.error(refusal, await explainCreate(plan, refusal));
  }
  target.forgetIndexes();
}

/** Checks the results: returns the finished link, or removes it and throws. */
async function finish(plan: Plan, results: readonly Result[]): Promise<Link> {
  const { target, call, spec, parts } = plan;
  try {
    call.checkSignal();
    const failed = results.findIndex(isRefusal);
    if (failed >= 0) {
      throw await partError(plan, parts[failed - 1], results[failed] as Refusal);
    }
    // The kernel drops an echo that it has no room for.
    const link = (results.at(-1) as Link | undefined) ?? (await readMade(plan));
    checkKind(plan, link);
    const fault = spec.verify?.(link);
    if (fault !== undefined) throw call.fail('EOPNOTSUPP', { hint: fault });
    let finished = link;
    if (spec.complete !== undefined) {
      await spec.complete(link, target);
      finished = await readMade(plan);
    }
    if (!announces(plan.options)) return finished;
    if (spec.complete !== undefined) finished = await whenRunning(plan, finished);
    await announce(plan, finished);
    return finished;
  } catch (error) {
    return await undone(plan, results, error);
  }
}

/** Reads the new link again. Another program may have taken it away meanwhile. */
async function readMade(plan: Plan): Promise<Link> {
  const { target, call, index } = plan;
  const link = await target.ask('getLink', linkRecord(index), call.signal);
  if (!(link instanceof Refusal)) {
    checkKind(plan, link);
    return link;
  }
  if (link.isAnswerOf(NO_LINK)) throw call.fail('ENODEV', { hint: TAKEN_AWAY });
  throw await notReadError(target, call, link, index, undefined);
}

const RUNNING_READS = 100;
const RUNNING_PAUSE = 5;

/**
 * Waits for a link that got its carrier only when its other end came up: until the kernel has processed that
 * (net/core/link_watch.c), it drops what is sent.
 */
async function whenRunning(plan: Plan, link: Link): Promise<Link> {
  let seen = link;
  for (let reads = 0; seen.carrier && seen.operState !== 'up' && reads < RUNNING_READS; reads++) {
    await setTimeout(RUNNING_PAUSE);
    seen = await readMade(plan);
  }
  return seen;
}

/** Sets the link's own MAC again: with `arp_notify` the kernel then announces its addresses. */
async function announce(plan: Plan, { index, mac }: Link): Promise<void> {
  const { target } = plan;
  if (mac === null) return;
  const record: LinkRecord = { index, mac: parseMac(mac) ?? undefined };
  const result = await target.ask('changeLink', record);
  if (!(result instanceof Refusal)) return;
  const step: Step = { operation: 'changeLink', record };
  throw await partError(plan, { option: 'ipv4.arpNotify', step }, result);
}

/** Removes the link, and the parts that outlive it; throws the error to reject with. */
function undone(plan: Plan, results: readonly Result[], error: unknown): Promise<never> {
  const { target, call, index, parts } = plan;
  const { name } = plan.record;
  const isDone = (at: number) => at < results.length && !(results[at] instanceof Refusal);
  const besides = parts.flatMap((part, at) =>
    !isSetting(part) && part.undo !== undefined && isDone(at + 1)
      ? [[part.option, part.undo] as const]
      : [],
  );
  // Nobody else has an index that was chosen here.
  const isIt = plan.options.index === undefined ? undefined : (link: Link) => isMade(plan, link);
  return undo(call, { target, index, name, besides, isIt }, error);
}

async function partError(
  plan: Plan,
  part: Part | undefined,
  refusal: Refusal,
): Promise<NetlinkError> {
  const { namespace, target, call, index } = plan;
  if (part !== undefined && isSetting(part)) {
    return await settingError(target, call, index, part, refusal, TAKEN_AWAY);
  }
  const asked = part?.step.record ?? {};
  // A route may be by another link than the new one.
  const link = 'link' in asked ? (asked.link ?? index) : index;
  const found =
    link === index
      ? await explainNew(target, refusal, index, asked, namespace)
      : await explain(target, refusal, { link, asked });
  // Whether it was there before cannot be told either, so it is not taken away.
  const mayStay =
    part?.undo !== undefined && refusal.code === 'ENOBUFS' && refusal.syscall === 'recvmsg';
  const hint = mayStay ? MAY_STAY : found;
  return call.error(refusal, { hint, part: part?.option });
}

/** {@link explain} for what a link that has just been made is refused; its parent is in `home`. */
export async function explainNew(
  target: Namespace,
  refusal: Refusal,
  link: number,
  asked: object,
  home?: Namespace,
): Promise<string | undefined> {
  const isGone = refusal.isAnswerOf(NO_LINK) && (await findLink(target, link)) === undefined;
  return isGone ? TAKEN_AWAY : explain(target, refusal, { link, asked, home });
}

const MAY_STAY =
  "The kernel's answer was lost: the route, which is by another link than the new one, may have been added, and then it is still there.";

const MADE_UNHEARD =
  "The kernel's answer was lost: the link had been made, and was then taken away again.";

/**
 * Whether a refusal is about the index. Kernels before 6.15 look up a new link's index, or without an index its name,
 * in the namespace of the socket instead of the one that it is made in (net/core/rtnetlink.c, __rtnl_newlink). Requests
 * here always have an index, so a link with the same name in the wrong namespace is no obstacle.
 */
async function isIndexTaken({ namespace, target, index }: Plan): Promise<boolean> {
  if ((await findLink(target, index)) !== undefined) return true;
  return target.inode !== namespace.inode && (await findLink(namespace, index)) !== undefined;
}

async function explainCreate(
  plan: Plan,
  refusal: Refusal,
): Promise<{ hint: string | undefined; part: string | undefined }> {
  const { namespace, target, spec, options, record } = plan;
  const hint = await explain(namespace, refusal, {
    target,
    kind: spec.kind,
    // Not an index that was chosen here: whether that is taken has been looked at.
    asked: { ...record, index: options.index },
    peer: spec.peer,
  });
  // Only the kernel looks for a parent given by its index, and one that was found by its name may be gone by then
  // (drivers/net/macvlan.c, macvlan_common_newlink; net/8021q/vlan_netlink.c, vlan_newlink).
  const isNoParent = refusal.isAnswerOf(NO_LINK) && record.parent !== undefined;
  return { hint, part: isNoParent ? 'parent' : undefined };
}
