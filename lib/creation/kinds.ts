/** `createLink`: links of every kind that can be made here. */
import { check } from '../check/check.js';
import * as linkChecks from '../check/checkLinks.js';
import { noPortsHint } from '../diagnosis/diagnosisCommon.js';
import { Refusal } from '../errors/refusal.js';
import { plainRef, readLink, resolveIndex } from '../links/links.js';
import { flagBits } from '../links/setLink.js';
import type { Call } from '../namespace/call.js';
import { mustFindLink } from '../namespace/lookup.js';
import { Namespace } from '../namespace/namespace.js';
import { withNamespace } from '../namespace/opening.js';
import { randomMac } from '../namespace/random.js';
import type {
  CreateLinkOptions,
  CreateVethOptions,
  CreateVlanOptions,
  Link,
} from '../types/types.js';
import { parseMac } from '../values/mac.js';
import { VLAN_PROTOCOLS } from '../values/values.js';
import { createIn, explainNew } from './create.js';
import type { KindSpec } from './creation.js';
import { createMacvlanOfKind } from './macvlan.js';
import { TAKEN_AWAY } from './undo.js';

export function createLink(
  namespace: Namespace,
  call: Call,
  options: CreateLinkOptions,
): Promise<Link> {
  check(call.operation, linkChecks.createLinkOptions, options);
  switch (options.kind) {
    case 'macvlan':
    case 'macvtap':
      return createMacvlanOfKind(namespace, call, options.kind, options);
    case 'veth':
      return createVeth(namespace, call, options);
    case 'vlan':
      return createVlan(namespace, call, options);
    case 'bridge':
    case 'dummy': {
      const { kind } = options;
      return createIn(namespace, call, { kind, info: () => ({ kind }), choosesMac: true }, options);
    }
  }
}

function createVlan(namespace: Namespace, call: Call, options: CreateVlanOptions): Promise<Link> {
  const { kind, parent, id, protocol } = options;
  const vlan = { id, protocol: protocol === undefined ? undefined : VLAN_PROTOCOLS[protocol] };
  // A VLAN has its parent's MAC unless it is given one.
  const spec: KindSpec = {
    kind,
    parent,
    info: () => ({ kind, vlan }),
    choosesMac: false,
  };
  return createIn(namespace, call, spec, options);
}

const PEER_MASTER = 'options.peer.master';

/**
 * What the peer does not get in the first message: a master must not get a port of a link that cannot be finished,
 * and the kernel opens a peer before it has the other end, and answers ENOTCONN (drivers/net/veth.c,
 * veth_open, Linux 6.18).
 */
async function completePeer(
  namespace: Namespace,
  call: Call,
  link: Link,
  up: boolean | undefined,
  master: number | undefined,
): Promise<void> {
  const index = link.parent?.index ?? 0;
  // Another program may have moved the peer away already: then the index is one of another namespace, and here it may
  // be another link's.
  const peer = await mustFindLink(namespace, call, index);
  if (peer?.kind !== link.kind || peer.parent?.index !== link.index) {
    throw call.fail('ENODEV', { hint: TAKEN_AWAY, part: 'peer' });
  }
  const changes = [
    ['peer.master', { index, master }, master],
    ['peer.up', { index, ...flagBits({ up }) }, up],
  ] as const;
  for (const [part, record, asked] of changes) {
    if (asked === undefined) continue;
    const result = await namespace.ask('changeLink', record, call.signal);
    if (!(result instanceof Refusal)) continue;
    const hint = await explainNew(namespace, result, index, record);
    throw call.error(result, { hint, part });
  }
}

/** Kinds that the kernel gives no ports; of those that it may give some, it decides. */
const WITHOUT_PORTS = [
  'veth',
  'macvlan',
  'macvtap',
  'dummy',
  'vlan',
  'ipvlan',
  'ipvtap',
  'tun',
  'ifb',
  'vxlan',
];

/**
 * The index of a link that is to be the peer's master, after that of the first end: a bridge that gets a port and loses
 * it again has another MTU then, and may have no MAC (net/bridge/br_if.c, br_stp_if.c).
 */
function mayBeMaster(call: Call, { index, kind, type, name }: Link): number {
  if (type !== 'loopback' && !WITHOUT_PORTS.includes(kind ?? '')) return index;
  throw call.fail('EOPNOTSUPP', { hint: noPortsHint(name), part: 'peer.master' });
}

function createVeth(namespace: Namespace, call: Call, options: CreateVethOptions): Promise<Link> {
  const { kind, peer = {} } = options;
  const mac = (peer.mac === undefined ? null : parseMac(peer.mac)) ?? randomMac();
  const make = (other?: Namespace) => {
    const spec: KindSpec = {
      kind,
      choosesMac: true,
      peer: { name: peer.name, mtu: peer.mtu, namespace: other },
      info: (target) => {
        if (peer.master !== undefined) plainRef(other ?? target, call, peer.master, PEER_MASTER);
        // Always given, because kernels differ in where they put a peer without it.
        const netnsFd = (other ?? target).fd;
        return { kind, veth: { peer: { netnsFd, name: peer.name, mac, mtu: peer.mtu } } };
      },
    };
    let master: number | undefined;
    if (peer.master !== undefined) {
      const { master: ref } = peer;
      spec.prepare = (target) => {
        const there = other ?? target;
        // Before the first end changes its own master; without one, an index needs no look.
        const found =
          options.master === undefined
            ? resolveIndex(there, call, ref, PEER_MASTER)
            : readLink(there, call, ref, PEER_MASTER).then((link) => mayBeMaster(call, link));
        const keep = (index: number) => {
          master = index;
        };
        return typeof found === 'number' ? keep(found) : found.then(keep);
      };
    }
    if (peer.up !== undefined || peer.master !== undefined) {
      spec.complete = (link, target) => completePeer(other ?? target, call, link, peer.up, master);
    }
    return createIn(namespace, call, spec, options);
  };
  const { netns } = peer;
  if (netns === undefined) return make();
  const makeBeside = () => withNamespace(call, netns, make, 'peer.netns');
  if (!(options.netns instanceof Namespace)) return makeBeside();
  // It stays open from now on, also while the peer's namespace is being opened.
  const there = options.netns;
  return there.hold(call, () => {
    call.held = [...call.held, there];
    return makeBeside();
  });
}
