/** What is sent to make a link: the first message, and the requests of an attempt. */
import { isRefusal, Refusal } from '../errors/refusal.js';
import { lookUp, NOT_KNOWN_YET } from '../links/aboutLink.js';
import { notReadError } from '../links/links.js';
import { flagBits } from '../links/setLink.js';
import { linkRecord } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Result, Step } from '../namespace/native.js';
import { randomMac } from '../namespace/random.js';
import { writeSettings } from '../netns/ipv6Settings.js';
import type { LinkInfoRecord, LinkRecord } from '../records/requests.js';
import type { Link, LinkOptions } from '../types/types.js';
import { IFF_UP } from '../values/flags.js';
import { isAtLeast } from '../values/kernelVersion.js';
import { parseMac } from '../values/mac.js';
import type { Creation, KindSpec, Plan } from './creation.js';
import { isBroughtUpByPart, isSetting, type RequestPart } from './parts.js';

/** Whether the kernel echoes a link that was made (`NLM_F_ECHO`; net/core/rtnetlink.c). */
const ECHOES = isAtLeast(6, 2);

/** The first message; each attempt sets its index. */
export function recordOf(
  namespace: Namespace,
  target: Namespace,
  spec: KindSpec,
  options: LinkOptions,
  parent: number | string | undefined,
  info: LinkInfoRecord,
): LinkRecord {
  const { name, mac, mtu, txQueueLen, numTxQueues, numRxQueues, group } = options;
  // The first message has the MAC: otherwise the kernel chooses one, which a daemon may take as one to rewrite.
  const address = mac === undefined ? undefined : parseMac(mac);
  const { promiscuous, allMulticast } = options;
  const up = isBroughtUpByPart(options) ? undefined : options.up;
  const { flags, change } = flagBits({ up, promiscuous, allMulticast });
  return {
    index: undefined,
    flags,
    change,
    name,
    mac: address ?? (spec.choosesMac ? randomMac() : undefined),
    mtu,
    parent: typeof parent === 'string' ? NOT_KNOWN_YET : parent,
    info,
    netnsFd: target.inode === namespace.inode ? undefined : target.fd,
    txQueueLen,
    numTxQueues,
    numRxQueues,
    group,
  };
}

/**
 * Sends the first message, the parts, and a read of the link, which is the last result if all goes well. Without parts
 * the read may share a datagram with the first message: should the index turn out to be another link's, reading that
 * one does no harm. A part waits behind a barrier, because it would change that link.
 */
function send(plan: Plan, parent?: Step): Promise<readonly Result[]> {
  const { namespace, call, record } = plan;
  const isEcho = isEchoComplete(plan);
  const operation = isEcho ? 'createEchoedLink' : 'createLink';
  const first: Step[] =
    parent === undefined
      ? [{ operation, record }]
      : [parent, { operation, record, barrier: true, takesLink: true }];
  if (isEcho) return namespace.exchange(first, call.signal);
  if (plan.parts.some(isSetting)) return sendAroundSettings(plan, first);
  return sendBoth(plan, first, stepsBehind(plan));
}

/** The parts but for settings, and the read. */
function stepsBehind({ parts, index }: Plan): Step[] {
  const steps = parts
    .filter((part): part is RequestPart => !isSetting(part))
    .map(({ step }, at): Step => ({ ...step, barrier: at === 0 || step.barrier === true }));
  steps.push({ operation: 'getLink', record: linkRecord(index) });
  return steps;
}

/**
 * {@link send} with settings: files, which are there once the link is. The read opens the target's socket, without which
 * the link could not be taken away again, before anything is made.
 */
async function sendAroundSettings(plan: Plan, first: readonly Step[]): Promise<readonly Result[]> {
  const { target, call, index, parts } = plan;
  const read: Step = { operation: 'getLink', record: linkRecord(index) };
  const made = await sendBoth(plan, first, [read]);
  if (made.some(isRefusal)) return made;
  const written = await writeSettings(target, call, made.at(-1) as Link, parts.filter(isSetting));
  const results = [...made.slice(0, -1), ...written];
  if (results.some(isRefusal) || call.signal?.aborted === true) return results;
  return [...results, ...(await target.exchange(stepsBehind(plan)))];
}

/** Sends what makes the link, and behind it what goes to the link's own namespace. */
function sendBoth(
  { namespace, target, call }: Plan,
  first: readonly Step[],
  rest: readonly Step[],
): Promise<readonly Result[]> {
  return target.inode === namespace.inode
    ? namespace.exchange([...first, ...rest], call.signal)
    : namespace.exchange(first, call.signal, { target, steps: rest });
}

/**
 * {@link send} for a parent given by its name: it is looked up on the way, so that the call keeps its place among
 * others. What follows goes by the index, because the name may come to mean another link.
 */
async function sendOnNamed(
  creation: Creation,
  plan: Plan,
  parentName: string,
): Promise<readonly Result[]> {
  const { namespace, call, record } = creation;
  const results = await send(plan, lookUp(parentName));
  const [found, made] = [results[0], results[1]];
  // Not sent: the signal has fired behind the look-up, or that was refused.
  const isUnsent = made instanceof Refusal && made.code === 'ECANCELED';
  if (isUnsent) call.checkSignal();
  // Otherwise it is the target that could not be entered.
  if (found instanceof Refusal && isUnsent) {
    throw await notReadError(namespace, call, found, parentName, 'options.parent');
  }
  // Not told when all has gone well in another namespace.
  if (typeof found === 'number') {
    record.parent = found;
    creation.parentName = undefined;
  }
  return results.slice(1);
}

/** Sends an attempt: the results of its requests. */
export function sendAttempt(creation: Creation, plan: Plan): Promise<readonly Result[]> {
  const { parentName } = creation;
  return parentName === undefined ? send(plan) : sendOnNamed(creation, plan, parentName);
}

/**
 * Whether the kernel's echo of the first message says everything about the finished link: it is made before the kernel
 * knows the carrier and the state of a link that comes up. The echo goes to the link's own namespace, and a long source
 * list would make it larger than the receive buffer has room for.
 */
function isEchoComplete({ namespace, target, record, parts }: Plan): boolean {
  return (
    ECHOES &&
    parts.length === 0 &&
    target.inode === namespace.inode &&
    ((record.flags ?? 0) & IFF_UP) === 0 &&
    record.info?.macvlan?.macAddresses === undefined
  );
}
