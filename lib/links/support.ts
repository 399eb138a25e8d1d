/** `checkSupport`: what the kernel and the process can do. */
import { release } from 'node:os';
import { check } from '../check/check.js';
import * as linkChecks from '../check/checkLinks.js';
import { moduleOf, moduleState } from '../diagnosis/modules.js';
import { Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { askForKind, askWithoutChange, isKindKnown } from '../namespace/lookup.js';
import { Namespace } from '../namespace/namespace.js';
import { namespaceJob, type Step } from '../namespace/native.js';
import { EXT_MASK } from '../records/requests.js';
import type { Link, ModuleState, Support, SupportOptions } from '../types/types.js';
import { isAtLeast } from '../values/kernelVersion.js';
import { MACVLAN_FLAG_NODST, MACVLAN_MODES } from '../values/values.js';

type Features = Support['features'];

/** What `createLink` makes. */
const KINDS = ['macvlan', 'macvtap', 'veth', 'vlan', 'bridge', 'dummy'] as const;
type Kind = (typeof KINDS)[number];
/** Not the others: with their modules some of them bring links, and without options they are made. */
const KINDS_TO_LOAD = ['macvlan', 'macvtap'] as const;

/** Neither is the default, so that the link reports both if the kernel knows them. */
const PROBE = { bcQueueLen: 77, bcCutoff: 7 } as const;
/** Kinds of Ethernet devices to put a macvlan on. */
const PARENT_KINDS = ['veth', 'bridge', 'dummy'] as const;

export async function checkSupport(
  namespace: Namespace,
  call: Call,
  options: SupportOptions = {},
): Promise<Support> {
  check(call.operation, linkChecks.supportOptions, options);
  const netAdmin = await hasNetAdmin(namespace, call);
  if (options.load === true && netAdmin) {
    for (const kind of KINDS_TO_LOAD) await loadKind(namespace, kind);
  }
  call.checkSignal();
  const kinds = {} as Record<Kind, ModuleState>;
  for (const kind of KINDS) kinds[kind] = await stateOf(namespace, call, kind);
  const { macvlan } = kinds;
  const known = macvlan === 'builtin' || macvlan === 'loaded';
  const features =
    (known ? await probe(options.load === true) : undefined) ?? featuresByVersion(macvlan);
  call.checkSignal();
  return { kernel: release(), netAdmin, ...kinds, features };
}

async function hasNetAdmin(namespace: Namespace, call: Call): Promise<boolean> {
  const result = await askWithoutChange(namespace);
  // Another syscall means that the request did not reach the kernel, or its answer did not reach this process.
  if (result instanceof Refusal && !result.isAnswer) throw call.error(result);
  return !(result instanceof Refusal && result.code === 'EPERM');
}

/**
 * Makes the kernel load the kind's module, if there is one, by asking for a link of that kind. The link is not made,
 * because a macvlan without a parent is refused.
 */
async function loadKind(namespace: Namespace, kind: (typeof KINDS_TO_LOAD)[number]): Promise<void> {
  await namespace.ask('createLink', { info: { kind } });
}

async function stateOf(namespace: Namespace, call: Call, kind: Kind): Promise<ModuleState> {
  const byFiles = await moduleState(moduleOf(kind)).catch((error) => {
    throw call.fileError(error);
  });
  if (byFiles === 'loaded' || byFiles === 'builtin') return byFiles;
  const known = await askForKind(namespace, kind);
  if (known instanceof Refusal) throw call.error(known);
  if (known) return 'builtin';
  return byFiles ?? 'missing';
}

/**
 * Sets each attribute on links of a namespace made for this, and reads it back: kernels ignore
 * attributes they do not know. `undefined` where no namespace can be made, and where that would load
 * the module of a kind to be the parent.
 */
async function probe(load: boolean): Promise<Features | undefined> {
  const handle = await namespaceJob('createNamespace', ['']);
  if (handle instanceof Refusal) return undefined;
  const namespace = new Namespace(handle, null);
  try {
    const parentKind = (await knownKind(namespace)) ?? (load ? PARENT_KINDS[0] : undefined);
    if (parentKind === undefined) return undefined;
    const results = await namespace.exchange(probeSteps(parentKind));
    if (results[0] instanceof Refusal) return undefined;
    // EINVAL is a kernel's answer to a mode or a flag that it does not know; anything else says nothing of the feature.
    const isOther = (result: unknown) => result instanceof Refusal && result.code !== 'EINVAL';
    if (results.some(isOther)) return undefined;
    const made = (at: number) => !(results[at] instanceof Refusal);
    const info = made(2) ? (results[2] as Link).macvlan : undefined;
    return {
      bcQueueLen: info?.bcQueueLen === PROBE.bcQueueLen,
      bcCutoff: info?.bcCutoff === PROBE.bcCutoff,
      nodst: made(3),
      source: made(4),
    };
  } finally {
    await namespace.close();
  }
}

async function knownKind(namespace: Namespace): Promise<string | undefined> {
  for (const kind of PARENT_KINDS) if (await isKindKnown(namespace, kind)) return kind;
  return undefined;
}

function probeSteps(parentKind: string): Step[] {
  // Far from the indexes that the kernel chooses itself: it gives one to a veth's peer.
  const [parent, plain, nodst, source] = [101, 102, 103, 104] as const;
  const { private: isolated, source: bySource } = MACVLAN_MODES;
  const child = (index: number, macvlan: object): Step => ({
    operation: 'createLink',
    record: { index, parent, info: { kind: 'macvlan', macvlan } },
  });
  return [
    { operation: 'createLink', record: { index: parent, info: { kind: parentKind } } },
    child(plain, { mode: isolated, ...PROBE }),
    { operation: 'getLink', record: { index: plain, extMask: EXT_MASK } },
    child(nodst, { mode: bySource, flags: MACVLAN_FLAG_NODST }),
    child(source, { mode: bySource }),
  ];
}

/** The features by kernel version, where they cannot be tried out. */
function featuresByVersion(macvlan: ModuleState): Features {
  const since = (major: number, minor: number) => macvlan !== 'missing' && isAtLeast(major, minor);
  return {
    bcQueueLen: since(5, 11),
    bcCutoff: since(6, 4),
    nodst: since(5, 13),
    source: since(3, 18),
  };
}
