/**
 * Finds the reason behind a bare errno. Most of what macvlan refuses comes from the kernel without a
 * word (drivers/net/macvlan.c, Linux 6.18), so after a failure, and only then, a bounded number of
 * reads looks at what the kernel has looked at.
 */
import { readFile } from 'node:fs/promises';
import { errnoName } from './errors.js';
import { moduleOf, moduleState } from './modules.js';
import { describe, type Namespace } from './namespace.js';
import { EXT_MASK, type LinkRecord, Refusal } from './native.js';
import type { Link, LinkOptions } from './types.js';
import { formatMac, MACVLAN_MODES, parseMac } from './values.js';

/** What a refused request was about, as far as it matters to the reason. */
export interface About {
  /** The link that was to be read or changed. */
  readonly link?: number | string | undefined;
  /** The option that named it, such as `'options.parent'`. */
  readonly option?: string | undefined;
  /** What was asked for: the record or the changes. */
  readonly asked?: object | undefined;
  /** The other namespace in play. */
  readonly target?: Namespace | undefined;
  /** Of a link that was to be made: its kind, its parent and the rest. */
  readonly kind?: string | undefined;
  readonly parent?: number | undefined;
  readonly created?: LinkOptions | undefined;
  readonly mode?: number | undefined;
  readonly mac?: Uint8Array | undefined;
}

type Hint = string | undefined | false;

/** The reason for a refusal, as far as it can be found; `{}` when nothing is found. */
export async function explain(
  namespace: Namespace,
  refusal: Refusal,
  about: About,
): Promise<{ hint?: string }> {
  const reason = REASONS[errnoName(refusal.errno)];
  if (reason === undefined) return {};
  try {
    const hint = await reason(namespace, about);
    return hint ? { hint } : {};
  } catch {
    // Looking is a favour: a namespace that goes away meanwhile must not hide the refusal itself.
    return {};
  }
}

const REASONS: Readonly<Record<string, (namespace: Namespace, about: About) => Promise<Hint>>> = {
  EPERM: whyNotPermitted,
  EACCES: whyNotPermitted,
  ENODEV: whyNoDevice,
  EEXIST: whyExists,
  EINVAL: whyInvalid,
  EBUSY: whyBusy,
  EADDRINUSE: whyMacInUse,
  EOPNOTSUPP: whyNotSupported,
  EADDRNOTAVAIL: async (_, { asked }) =>
    asked !== undefined && 'prefixLength' in asked && 'The link has no such address.',
  ESRCH: async (_, { asked }) =>
    asked !== undefined && 'destinationLength' in asked && 'There is no such route.',
  ENOBUFS: async () =>
    "The kernel's answer was lost: the request may or may not have taken effect.",
  EINTR: async () => 'What was listed changed during every attempt to list it.',
};

const MACVLAN_KINDS: ReadonlySet<unknown> = new Set(['macvlan', 'macvtap']);
const CAP_NET_ADMIN = 12n;

async function read(namespace: Namespace, ref: number | undefined): Promise<Link | undefined> {
  if (ref === undefined) return undefined;
  const result = await namespace.ask('getLink', { index: ref, extMask: EXT_MASK });
  return result instanceof Refusal ? undefined : result;
}

async function list(namespace: Namespace, record: LinkRecord = {}): Promise<Link[]> {
  const result = await namespace.ask('listLinks', { ...record, extMask: EXT_MASK });
  return result instanceof Refusal ? [] : result;
}

function nameOf(link: Link): string {
  return `'${link.name}' (index ${link.index})`;
}

/** What macvlans ride on in the end: the kernel puts one that is made on a macvlan beside it. */
async function realParent(
  namespace: Namespace,
  index: number | undefined,
): Promise<Link | undefined> {
  const link = await read(namespace, index);
  if (link === undefined || !MACVLAN_KINDS.has(link.kind)) return link;
  return link.parent?.netnsid === null ? read(namespace, link.parent.index) : undefined;
}

/** The macvlans and macvtaps of a parent that can be seen from its namespace. */
async function childrenOf(namespace: Namespace, parent: Link): Promise<Link[]> {
  const links = await list(namespace);
  return links.filter(
    ({ kind, parent: own }) =>
      MACVLAN_KINDS.has(kind) && own?.index === parent.index && own.netnsid === null,
  );
}

async function whyNotPermitted(namespace: Namespace, { target }: About): Promise<Hint> {
  const status = await readFile('/proc/thread-self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const both = target !== undefined && target.inode !== namespace.inode;
  const where = both
    ? `${describe(namespace)} and ${describe(target)}`
    : `the network namespace ${describe(namespace)}`;
  if ((effective & (1n << CAP_NET_ADMIN)) === 0n) {
    return `The process lacks CAP_NET_ADMIN in the user namespace that owns ${where}.`;
  }
  return (
    'The process has CAP_NET_ADMIN in its own user namespace, but not in the one that owns ' +
    `${where}.`
  );
}

async function whyNoDevice(namespace: Namespace, about: About): Promise<Hint> {
  const { link, option, parent, kind } = about;
  const where = `in the network namespace ${describe(namespace)}`;
  if (kind !== undefined && parent !== undefined) {
    const found = await read(namespace, parent);
    return (
      found === undefined && `There is no link with index ${parent} ${where} to be the parent.`
    );
  }
  if (link === undefined) return undefined;
  const named = typeof link === 'number' ? `with index ${link}` : `named '${link}'`;
  return `There is no link ${named} ${where}${option ? ` (${option})` : ''}.`;
}

async function whyExists(namespace: Namespace, about: About): Promise<Hint> {
  const { created, target, kind, asked } = about;
  if (kind === undefined) {
    const { name } = (asked ?? {}) as { name?: string };
    const holder = name === undefined ? undefined : await holderOf(namespace, name);
    return holder && `The name belongs to the link ${nameOf(holder)}.`;
  }
  const where = target ?? namespace;
  if (created?.name !== undefined) {
    const holder = await holderOf(where, created.name);
    if (holder !== undefined) {
      return `The network namespace ${describe(where)} already has a link named '${created.name}', with index ${holder.index}.`;
    }
  }
  const holder = await read(where, created?.index);
  return holder && `Index ${holder.index} belongs to the link '${holder.name}'.`;
}

async function holderOf(namespace: Namespace, name: string): Promise<Link | undefined> {
  const result = await namespace.ask('getLink', { name, extMask: EXT_MASK });
  return result instanceof Refusal ? undefined : result;
}

async function whyInvalid(namespace: Namespace, about: About): Promise<Hint> {
  if (about.kind !== undefined) {
    return MACVLAN_KINDS.has(about.kind) ? whyInvalidMacvlan(namespace, about) : undefined;
  }
  if (typeof about.link !== 'number') return undefined;
  const link = await read(namespace, about.link);
  if (link === undefined || !MACVLAN_KINDS.has(link.kind)) return undefined;
  const asked = (about.asked ?? {}) as { mtu?: number; info?: LinkRecord['info'] };
  const parent =
    link.parent?.netnsid === null ? await read(namespace, link.parent.index) : undefined;
  return (
    mtuHint(asked.mtu, parent) ??
    modeChangeHint(link, asked.info?.macvlan?.mode) ??
    (asked.info?.macvlan?.macAddressMode !== undefined &&
      link.macvlan?.mode !== 'source' &&
      `The link is in mode '${link.macvlan?.mode}', and only mode 'source' has a source list.`)
  );
}

function modeChangeHint(link: Link, mode: number | undefined): string | undefined {
  const now = link.macvlan?.mode;
  if (mode === undefined || now === undefined) return undefined;
  const toPassthru = mode === MACVLAN_MODES.passthru;
  if (toPassthru === (now === 'passthru')) return undefined;
  return `The link is in mode '${now}': a living link cannot change ${
    toPassthru ? 'to' : 'from'
  } mode 'passthru'. Delete it and make another.`;
}

function mtuHint(mtu: number | undefined, parent: Link | undefined): string | undefined {
  if (mtu === undefined || parent === undefined || mtu <= parent.mtu) return undefined;
  return `The MTU of ${mtu} is above the parent's: '${parent.name}' has ${parent.mtu}.`;
}

async function whyInvalidMacvlan(namespace: Namespace, about: About): Promise<Hint> {
  const parent = await realParent(namespace, about.parent);
  if (parent === undefined) return undefined;
  if (parent.type !== 'ether') {
    const what = parent.type === 'loopback' ? 'the loopback device' : `of type '${parent.type}'`;
    return `The parent '${parent.name}' is ${what}: a ${about.kind} needs an Ethernet device.`;
  }
  const tooLarge = mtuHint(about.created?.mtu, parent);
  if (tooLarge !== undefined) return tooLarge;
  const children = await childrenOf(namespace, parent);
  const passthru = children.find(({ macvlan }) => macvlan?.mode === 'passthru');
  if (passthru !== undefined) {
    return `The parent '${parent.name}' already has a child in mode 'passthru', ${nameOf(passthru)}, and such a child tolerates no other.`;
  }
  if (about.mode === MACVLAN_MODES.passthru) {
    const other = children[0];
    return other === undefined
      ? `Mode 'passthru' needs a parent without any other child, and '${parent.name}' may have one in another namespace.`
      : `Mode 'passthru' needs a parent without any other child, and '${parent.name}' has ${nameOf(other)}.`;
  }
  return undefined;
}

async function whyBusy(namespace: Namespace, about: About): Promise<Hint> {
  if (about.kind !== undefined && MACVLAN_KINDS.has(about.kind)) {
    const parent = await realParent(namespace, about.parent);
    if (parent === undefined) return undefined;
    if (parent.master !== null) {
      const master = await read(namespace, parent.master);
      const what = master === undefined ? 'another device' : `${master.kind} '${master.name}'`;
      return `The parent '${parent.name}' is a port of ${what}, and a port can have no ${about.kind}: put it on '${master?.name ?? 'the master'}' instead.`;
    }
    return `Something else already receives the parent's frames (an ipvlan on '${parent.name}', for example), and a device has one receiver only.`;
  }
  // Kernels before 5.10 answer so to a MAC that is taken.
  return whyMacInUse(namespace, about);
}

async function whyMacInUse(namespace: Namespace, about: About): Promise<Hint> {
  const own = typeof about.link === 'number' ? await read(namespace, about.link) : undefined;
  const asked = (about.asked ?? {}) as { mac?: unknown };
  const mac = macText(about.mac) ?? macText(asked.mac) ?? own?.mac;
  if (mac === undefined || mac === null) return undefined;
  const above = about.parent ?? (own?.parent?.netnsid === null ? own.parent.index : undefined);
  const parent = await realParent(namespace, above);
  if (parent?.mac === mac) return `The MAC ${mac} is the parent's own: '${parent.name}' has it.`;
  const holder =
    parent &&
    (await childrenOf(namespace, parent)).find(
      (child) => child.mac === mac && child.up && child.index !== own?.index,
    );
  if (holder !== undefined) {
    return `The MAC ${mac} is taken by ${nameOf(holder)}, which is up on the same parent.`;
  }
  return `The MAC ${mac} is taken by a link on the same parent that is not in ${describe(namespace)}: in another namespace, or in one that is being taken down, where it stays for some time after.`;
}

function macText(mac: unknown): string | undefined {
  if (mac instanceof Uint8Array) return formatMac(mac);
  const bytes = typeof mac === 'string' ? parseMac(mac) : null;
  return bytes === null ? undefined : formatMac(bytes);
}

async function whyNotSupported(_: Namespace, { kind }: About): Promise<Hint> {
  if (kind === undefined) return undefined;
  const module = moduleOf(kind);
  const state = await moduleState(module);
  if (state === 'builtin' || state === 'loaded') return undefined;
  return state === 'loadable'
    ? `The kernel did not load its module '${module}': \`modprobe ${module}\` would say why.`
    : `This kernel has no links of kind '${kind}': the module '${module}' is neither built in nor to be found.`;
}
