/** IPv4 and IPv6 addresses of links. */
import { check } from '../check/check.js';
import * as addressChecks from '../check/checkAddresses.js';
import * as valueChecks from '../check/checkValues.js';
import { isListedAddress } from '../check/listed.js';
import { explain } from '../diagnosis/diagnosis.js';
import { type Codes, Refusal } from '../errors/refusal.js';
import { askAbout, NOT_KNOWN_YET } from '../links/aboutLink.js';
import { plainRef, readLink, resolveIndex, resolveIndexIfAny } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Result, Step } from '../namespace/native.js';
import { filterInTurns } from '../namespace/turn.js';
import type { AddressRecord } from '../records/requests.js';
import type {
  Address,
  AddressFilter,
  AddressOptions,
  AddressToAdd,
  AddressToRemove,
  DeleteOptions,
  LinkRef,
} from '../types/types.js';
import { familyOf, type Prefix, parseIp, parsePrefix } from '../values/ip.js';
import { isGarbled } from '../values/names.js';
import {
  ADDRESS_FLAGS,
  AF_INET6,
  FAMILIES,
  INFINITY_LIFE_TIME,
  SCOPES,
  wordNumber,
} from '../values/values.js';

function seconds(lifetime: number): number {
  return lifetime === Number.POSITIVE_INFINITY ? INFINITY_LIFE_TIME : lifetime;
}

function lifetimes(options: AddressOptions): AddressRecord['cacheInfo'] {
  // JSON has null in place of Infinity.
  const validLifetime = options.validLifetime ?? undefined;
  const preferredLifetime = options.preferredLifetime ?? undefined;
  if (validLifetime === undefined && preferredLifetime === undefined) return undefined;
  const valid = seconds(validLifetime ?? Number.POSITIVE_INFINITY);
  return { valid, preferred: preferredLifetime === undefined ? valid : seconds(preferredLifetime) };
}

function isLoopback(bytes: Uint8Array): boolean {
  return bytes.length === 4 && bytes[0] === 127;
}

/** The record of an address on a link; the address has been checked. */
export function addressRecord(address: string | AddressToAdd, index: number): AddressRecord {
  const options = (typeof address === 'string' ? { address } : address) as AddressOptions;
  const { peer, broadcast, label, scope, flags, metric } = options;
  // The label of a listed address may be its link's name, which the address must not keep on another link.
  const isListed = isListedAddress(address);
  const isLinkName = isListed && (!label?.includes(':') || isGarbled(label));
  const parsed = parsePrefix(options.address) as Prefix;
  const { bytes } = parsed;
  // Of a deprecated IPv4 address that stays for ever, the kernel lists both lifetimes as infinite (net/ipv4/devinet.c,
  // inet_fill_ifaddr).
  const isDeprecated =
    bytes.length === 4 &&
    isListed &&
    (address.flags as readonly string[] | undefined)?.includes('deprecated') === true &&
    seconds(address.preferredLifetime ?? Number.POSITIVE_INFINITY) === INFINITY_LIFE_TIME;
  const bits = (flags ?? []).reduce((sum, flag) => sum | (ADDRESS_FLAGS[flag] ?? 0), 0);
  return {
    family: familyOf(bytes),
    prefixLength: options.prefixLength ?? parsed.prefixLength ?? bytes.length * 8,
    scope: wordNumber(SCOPES, scope ?? (isLoopback(bytes) ? 'host' : 'global')),
    index,
    local: bytes,
    address: peer == null ? bytes : (parseIp(peer) ?? bytes),
    broadcast: broadcast == null ? undefined : (parseIp(broadcast) ?? undefined),
    label: isLinkName ? undefined : (label ?? undefined),
    cacheInfo: lifetimes(isDeprecated ? { ...options, preferredLifetime: 0 } : options),
    flags: bits === 0 ? undefined : bits,
    metric,
  };
}

type Change = 'addAddress' | 'replaceAddress' | 'removeAddress';

export async function changeAddress(
  namespace: Namespace,
  call: Call,
  operation: Change,
  ref: LinkRef,
  address: string | AddressToRemove,
  options?: DeleteOptions,
): Promise<void> {
  check(call.operation, valueChecks.linkRef, ref, 'link');
  check(call.operation, valueChecks.deleteOptions, options);
  const rule =
    operation === 'removeAddress' ? addressChecks.addressToRemove : addressChecks.address;
  check(call.operation, rule, address, 'address');
  const recordOn = (link: number): AddressRecord => {
    const record = addressRecord(address, link);
    // The label changes with the link's name, so a listed one may be out of date.
    if (operation === 'removeAddress' && isListedAddress(address)) record.label = undefined;
    return record;
  };
  if (operation === 'replaceAddress' && recordOn(NOT_KNOWN_YET).family === AF_INET6) {
    let link = resolveIndex(namespace, call, ref);
    if (typeof link === 'object') link = await link;
    const asked = recordOn(link);
    const result = await replace6(namespace, call, asked);
    if (!(result instanceof Refusal)) return;
    throw call.error(result, { hint: await explain(namespace, result, { link, asked }) });
  }
  const gone = options?.ifExists === true ? GONE : undefined;
  await askAbout(namespace, call, operation, plainRef(namespace, call, ref), recordOn, gone);
}

/** Refusals of a removal which mean that the link does not have the address, or that there is no such link. */
const GONE: Codes = new Set(['EADDRNOTAVAIL', 'ENODEV', 'ENXIO']);

/**
 * Refuses another prefix length: a link has an IPv6 address only once, and the kernel silently keeps its prefix length
 * and changes the rest (net/ipv6/addrconf.c, inet6_addr_modify). An address that is not there is added, not replaced:
 * another operation may have added it since the look, and then it is looked at again.
 */
async function replace6(
  namespace: Namespace,
  call: Call,
  record: AddressRecord,
): Promise<Result<'replaceAddress'>> {
  const { family, index, local } = record;
  for (let attempt = 1; ; attempt++) {
    const there = await namespace.ask('getAddress', { family, index, local }, call.signal);
    if (!(there instanceof Refusal)) {
      checkLength(call, record, there);
      const replacing: Step[] = [
        { operation: 'replaceAddress', record },
        { operation: 'getAddress', record: { family, index, local } },
      ];
      const [replaced, now] = (await namespace.exchange(replacing, call.signal)) as [
        Result<'replaceAddress'>,
        Result<'getAddress'>,
      ];
      call.checkSignal();
      // Another program may have added it with another length since the look.
      if (!(replaced instanceof Refusal || now instanceof Refusal)) checkLength(call, record, now);
      return replaced;
    }
    if (there.code !== 'EADDRNOTAVAIL') return there;
    const added = await namespace.ask('addAddress', record, call.signal);
    if (!(added instanceof Refusal) || added.code !== 'EEXIST' || attempt === ADDING_ATTEMPTS)
      return added;
  }
}

const ADDING_ATTEMPTS = 5;

function checkLength(call: Call, { index, prefixLength }: AddressRecord, there: Address): void {
  // Where there is no such link, the kernel shows another link's (net/ipv6/addrconf.c, inet6_rtm_getaddr).
  if (there.linkIndex !== index || there.prefixLength === prefixLength) return;
  const hint = `The link has ${there.cidr}, and the kernel cannot change the prefix length of an IPv6 address: remove it first.`;
  throw call.fail('EEXIST', { hint });
}

export async function listAddresses(
  namespace: Namespace,
  call: Call,
  filter: AddressFilter = {},
): Promise<Address[]> {
  check(call.operation, addressChecks.addressFilter, filter, 'filter');
  let link = resolveIndexIfAny(namespace, call, filter.link, 'filter.link');
  if (typeof link === 'object') link = await link;
  const family = filter.family === undefined ? undefined : FAMILIES[filter.family];
  const addresses = await namespace.askOrThrow(call, 'listAddresses', { family });
  if (link === undefined) return addresses;
  const isOfLink = ({ linkIndex }: Address) => linkIndex === link;
  const found = await filterInTurns(addresses, isOfLink, call.signal);
  if (found.length === 0) await readLink(namespace, call, link, 'filter.link');
  return found;
}
