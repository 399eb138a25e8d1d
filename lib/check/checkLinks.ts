/** What the operations on links take: a row for each option. */
import type {
  BridgePortOptions,
  CreateBridgeOptions,
  CreateDummyOptions,
  CreateLinkOptions,
  CreateMacvlanOptions,
  CreateVethOptions,
  CreateVlanOptions,
  LevelWatchOptions,
  LinkChanges,
  LinkFilter,
  LinkOptions,
  MacvlanChanges,
  MacvlanMode,
  MoveOptions,
  SupportOptions,
  VethPeerOptions,
} from '../types/types.js';
import { aliasFault } from '../values/names.js';
import { MACVLAN_MODES, VLAN_PROTOCOLS } from '../values/values.js';
import {
  anything,
  badType,
  badValue,
  type Check,
  type Fault,
  integer,
  isObject,
  listOf,
  needed,
  optionsOf,
  orNull,
  quoteAll,
  table,
  text,
  under,
  wordOf,
} from './check.js';
import { address } from './checkAddresses.js';
import { routeOfNewLink } from './checkRoutes.js';
import {
  addrGenMode,
  altNames,
  flag,
  INT_MAX,
  index,
  ipv4Settings,
  ipv6Settings,
  knownName,
  linkName,
  linkRef,
  mac,
  mtu,
  netnsRef,
  queues,
  signal,
  sources,
  u32,
} from './checkValues.js';

const LINK_ROWS = {
  name: linkName,
  netns: netnsRef,
  index,
  mac,
  mtu,
  up: flag,
  txQueueLen: u32,
  numTxQueues: queues,
  numRxQueues: queues,
  group: u32,
  alias: text(aliasFault),
  altNames,
  addresses: listOf(address, Number.POSITIVE_INFINITY),
  routes: listOf(routeOfNewLink, Number.POSITIVE_INFINITY),
  promiscuous: flag,
  allMulticast: flag,
  master: linkRef,
  addrGenMode,
  ipv4: ipv4Settings,
  ipv6: ipv6Settings,
  signal,
} satisfies { readonly [Name in keyof LinkOptions]-?: Check };

const MACVLAN_CHANGE_ROWS = {
  mode: wordOf(MACVLAN_MODES),
  nopromisc: flag,
  sources,
  nodst: flag,
  bcQueueLen: u32,
  bcCutoff: integer(-INT_MAX - 1, INT_MAX),
};

const MACVLAN_ROWS = { ...LINK_ROWS, parent: linkRef, ...MACVLAN_CHANGE_ROWS };

/** The options that not every mode takes, and the modes that do. */
export const MODES_THAT_TAKE = {
  nopromisc: ['passthru'],
  sources: ['source'],
  nodst: ['source'],
  mac: ['private', 'vepa', 'bridge', 'source'],
} as const satisfies Record<string, readonly MacvlanMode[]>;

type ModeOption = keyof typeof MODES_THAT_TAKE;
type ModeOptions = { readonly mode?: MacvlanMode } & { readonly [name in ModeOption]?: unknown };

const MODE_OPTIONS = Object.keys(MODES_THAT_TAKE) as readonly ModeOption[];

function modeTakes(mode: MacvlanMode, option: ModeOption): boolean {
  return (MODES_THAT_TAKE[option] as readonly MacvlanMode[]).includes(mode);
}

function createModeFault(value: ModeOptions): Fault | undefined {
  const mode = value.mode ?? 'vepa';
  for (const option of MODE_OPTIONS) {
    if (value[option] === undefined || modeTakes(mode, option)) continue;
    const modes = quoteAll(MODES_THAT_TAKE[option]);
    const have =
      value.mode === undefined ? "it is left out, which means 'vepa'" : `it is '${mode}'`;
    return under(`.${option}`, badValue(`needs mode ${modes}, and ${have}`, value[option]));
  }
  return undefined;
}

/** Without a mode the link's own decides, later; options of two different modes are never valid together. */
function changeModeFault(value: ModeOptions): Fault | undefined {
  if (value.mode !== undefined) return createModeFault(value);
  for (const option of ['sources', 'nodst'] as const) {
    if (value.nopromisc === undefined || value[option] === undefined) continue;
    return under(
      `.${option}`,
      badValue("needs mode 'source', and nopromisc 'passthru'", value[option]),
    );
  }
  return undefined;
}

/** What `createMacvlan` and `createMacvtap` take. */
export const createMacvlanOptions: Check = optionsOf(
  table<CreateMacvlanOptions>(MACVLAN_ROWS, 'parent'),
  createModeFault,
);

const macvlanOfKind = optionsOf(
  table<CreateMacvlanOptions & { readonly kind: unknown }>(
    { ...MACVLAN_ROWS, kind: anything },
    'parent',
  ),
  createModeFault,
);

const KINDS: Readonly<Record<CreateLinkOptions['kind'], Check>> = {
  macvlan: macvlanOfKind,
  macvtap: macvlanOfKind,
  veth: optionsOf(
    table<CreateVethOptions>({
      ...LINK_ROWS,
      kind: anything,
      peer: optionsOf(
        table<VethPeerOptions>({
          name: linkName,
          netns: netnsRef,
          mac,
          mtu,
          up: flag,
          master: linkRef,
        }),
      ),
    }),
  ),
  bridge: optionsOf(table<CreateBridgeOptions>({ ...LINK_ROWS, kind: anything })),
  dummy: optionsOf(table<CreateDummyOptions>({ ...LINK_ROWS, kind: anything })),
  vlan: optionsOf(
    table<CreateVlanOptions>(
      {
        ...LINK_ROWS,
        kind: anything,
        parent: linkRef,
        id: integer(1, 4094),
        protocol: wordOf(VLAN_PROTOCOLS),
      },
      'parent',
      'id',
    ),
  ),
};

const kindWord = wordOf(KINDS);

/** What `createLink` takes, by its `kind`. */
export const createLinkOptions: Check = (value) => {
  if (!isObject(value)) return badType('must be an object', value);
  const kind = (value as { kind?: unknown }).kind;
  const fault = kindWord(kind);
  return fault === undefined ? KINDS[kind as keyof typeof KINDS](value) : under('.kind', fault);
};

function linkChangesFault(value: LinkChanges): Fault | undefined {
  if (value.master !== null || value.bridgePort?.hairpin === undefined) return undefined;
  return under(
    '.bridgePort',
    badValue('is for a port, and master null takes the link out', value.bridgePort),
  );
}

/** What `setLink` changes. */
export const linkChanges: Check = needed(
  optionsOf(
    table<LinkChanges>({
      name: linkName,
      mac,
      mtu,
      up: flag,
      promiscuous: flag,
      allMulticast: flag,
      arp: flag,
      multicast: flag,
      txQueueLen: u32,
      group: u32,
      alias: orNull(text((alias) => (alias === '' ? undefined : aliasFault(alias)))),
      master: orNull(linkRef),
      addAltNames: altNames,
      removeAltNames: listOf(knownName, 400),
      addrGenMode,
      ipv4: ipv4Settings,
      ipv6: ipv6Settings,
      bridgePort: optionsOf(table<BridgePortOptions>({ hairpin: flag })),
      signal,
    }),
    linkChangesFault,
  ),
);

/** What `setMacvlan` changes. */
export const macvlanChanges: Check = needed(
  optionsOf(table<MacvlanChanges>({ ...MACVLAN_CHANGE_ROWS, signal }), changeModeFault),
);

/** What `moveLink` takes. */
export const moveOptions: Check = optionsOf(table<MoveOptions>({ name: linkName, index, signal }));

/** Longer than any kind's name (`IFLA_INFO_KIND`); an attribute has 16 bits for its length. */
const MAX_KIND = 255;

function kindFault(value: string): string | undefined {
  return Buffer.byteLength(value) <= MAX_KIND ? undefined : `must be ${MAX_KIND} bytes at most`;
}

/** What `listLinks` takes. */
export const linkFilter: Check = optionsOf(
  table<LinkFilter>({
    kind: orNull(text(kindFault)),
    parent: linkRef,
    master: orNull(linkRef),
    group: u32,
    up: flag,
    signal,
  }),
);

/** What `watch` takes. */
export const watchOptions: Check = optionsOf(
  table<LevelWatchOptions>({
    initial: flag,
    level: flag,
    addresses: flag,
    routes: flag,
    receiveBuffer: integer(1, INT_MAX),
    signal,
  }),
);

/** What `checkSupport` takes. */
export const supportOptions: Check = optionsOf(table<SupportOptions>({ load: flag, signal }));
