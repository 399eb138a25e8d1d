/** The neighbours of links: which MAC an IP address has, as ARP and neighbour discovery find out. */
import { check } from '../check/check.js';
import * as neighbourChecks from '../check/checkNeighbours.js';
import * as valueChecks from '../check/checkValues.js';
import type { Codes } from '../errors/refusal.js';
import { askAbout } from '../links/aboutLink.js';
import { plainRef, readLink, resolveIndexIfAny } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { NeighbourRecord } from '../records/requests.js';
import type {
  DeleteOptions,
  LinkRef,
  Neighbour,
  NeighbourFilter,
  NeighbourToAdd,
  NeighbourToRemove,
} from '../types/types.js';
import { familyOf, parseIp } from '../values/ip.js';
import { parseHardwareAddress } from '../values/mac.js';
import {
  FAMILIES,
  LISTED_STATES,
  NTF_PROXY,
  NTF_ROUTER,
  ROUTE_PROTOCOLS,
  wordNumber,
} from '../values/values.js';

/** The record that names a neighbour on a link; its address has been checked. */
function nameRecord(address: string, index: number, proxy: boolean | undefined): NeighbourRecord {
  const bytes = parseIp(address) as Uint8Array;
  return { family: familyOf(bytes), index, address: bytes, flags: proxy === true ? NTF_PROXY : 0 };
}

function additionRecord(neighbour: NeighbourToAdd, index: number): NeighbourRecord {
  const { address, mac, state = 'permanent', router, proxy, protocol } = neighbour;
  const named = nameRecord(address, index, proxy);
  return {
    ...named,
    state: wordNumber(LISTED_STATES, state),
    flags: (named.flags ?? 0) | (router === true ? NTF_ROUTER : 0),
    mac: mac == null ? undefined : (parseHardwareAddress(mac) ?? undefined),
    protocol: wordNumber(ROUTE_PROTOCOLS, protocol),
  };
}

export async function putNeighbour(
  namespace: Namespace,
  call: Call,
  operation: 'addNeighbour' | 'replaceNeighbour',
  ref: LinkRef,
  neighbour: NeighbourToAdd,
): Promise<void> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, neighbourChecks.neighbour, neighbour, 'neighbour');
  const recordOn = (link: number) => additionRecord(neighbour, link);
  await askAbout(namespace, call, operation, plainRef(namespace, call, ref), recordOn);
}

export async function removeNeighbour(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  neighbour: string | NeighbourToRemove,
  options?: DeleteOptions,
): Promise<void> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, valueChecks.deleteOptions, options);
  check(call.operation, neighbourChecks.neighbourToRemove, neighbour, 'neighbour');
  const { address, proxy = false } =
    typeof neighbour === 'string' ? { address: neighbour } : neighbour;
  const recordOn = (link: number) => nameRecord(address, link, proxy);
  const gone = options?.ifExists === true ? GONE : undefined;
  const plain = plainRef(namespace, call, ref);
  await askAbout(namespace, call, 'removeNeighbour', plain, recordOn, gone);
}

/** Refusals of a removal which mean that there is no such entry, or no such link. */
const GONE: Codes = new Set(['ENOENT', 'ENODEV']);

export async function listNeighbours(
  namespace: Namespace,
  call: Call,
  filter: NeighbourFilter = {},
): Promise<Neighbour[]> {
  check(call.operation, neighbourChecks.neighbourFilter, filter, 'filter');
  let onlyOn = resolveIndexIfAny(namespace, call, filter.link, 'filter.link');
  if (typeof onlyOn === 'object') onlyOn = await onlyOn;
  const family = filter.family === undefined ? undefined : FAMILIES[filter.family];
  // The kernel lists those that it answers for only by themselves.
  const lists = await Promise.all(
    [0, NTF_PROXY].map((flags) =>
      namespace.askOrThrow(call, 'listNeighbours', { family, flags, onlyOn }),
    ),
  );
  const found = lists.flat();
  if (found.length === 0 && onlyOn !== undefined)
    await readLink(namespace, call, onlyOn, 'filter.link');
  return found;
}
