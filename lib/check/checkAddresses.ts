/** What the operations on addresses take: a row for each option. */
import type { Address, AddressFilter, AddressOptions } from '../types/types.js';
import { LISTED_ADDRESS_FLAGS } from '../values/flags.js';
import { isUnspecified, parseIp, parsePrefix } from '../values/ip.js';
import { labelFault, listedLabelFault } from '../values/names.js';
import { ADDRESS_FLAGS, ADDRESS_SIZES, SCOPES } from '../values/values.js';
import {
  anything,
  badType,
  badValue,
  type Check,
  type Fault,
  integer,
  listedWordOf,
  listOf,
  optionsOf,
  orNull,
  outOfRange,
  table,
  text,
  under,
  wordOf,
} from './check.js';
import {
  family,
  familyFault,
  ip,
  linkRef,
  PREFIX_SAYS,
  prefix,
  scope,
  signal,
  U32_MAX,
  u8,
  u32,
} from './checkValues.js';
import { isListedAddress, type Listed } from './listed.js';

const LIFETIME = 'must be Infinity or a whole number of seconds';

/** Seconds. 2^32 - 1 is left out, because it means "for ever" to the kernel. */
function lifetime(min: number): Check {
  return (value) => {
    if (typeof value !== 'number') return badType(LIFETIME, value);
    if (value === Number.POSITIVE_INFINITY) return undefined;
    if (Number.isInteger(value) && value >= min && value < U32_MAX) return undefined;
    return outOfRange(`${LIFETIME} from ${min} to ${U32_MAX - 1}`, value);
  };
}

/** An address with its prefix length: a text without one is more often a slip than a /32. */
const cidr = text((value) => {
  const parsed = parsePrefix(value);
  if (parsed === null) return PREFIX_SAYS;
  if (isUnspecified(parsed.bytes)) return NO_ADDRESS;
  if (parsed.prefixLength !== null) return undefined;
  const single = `${value}/${parsed.bytes.length * 8}`;
  return `must say its prefix length; '${single}' is the address alone`;
});

/** The kernel ignores 0.0.0.0 and reports success (net/ipv4/devinet.c, inet_rtm_newaddr). */
const NO_ADDRESS = 'must be an address that a link can have';

/** What is wrong with an address whose fields are each valid: do they fit together? */
function addressFault(
  value: Listed<AddressOptions> & { readonly address: string },
): Fault | undefined {
  const parsed = parsePrefix(value.address);
  if (parsed === null) return under('.address', badValue(PREFIX_SAYS, value.address));
  if (isUnspecified(parsed.bytes)) return under('.address', badValue(NO_ADDRESS, value.address));
  const bits = parsed.bytes.length * 8;
  const { prefixLength: length = null, validLifetime, preferredLifetime } = value;
  if (length === null) {
    if (parsed.prefixLength === null) return under('.address', cidr(value.address));
  } else if (length > bits) {
    return under('.prefixLength', outOfRange(`must be at most ${bits}`, length));
  } else if (parsed.prefixLength !== null && parsed.prefixLength !== length) {
    const says = `must be the ${parsed.prefixLength} that the address says`;
    return under('.prefixLength', badValue(says, length));
  }
  for (const key of ['peer', 'broadcast'] as const) {
    const other = value[key];
    if (other != null && parseIp(other)?.length !== parsed.bytes.length) {
      return under(`.${key}`, badValue("must be of the address's family", other));
    }
  }
  for (const key of ['label', 'broadcast'] as const) {
    if (bits === 128 && value[key] != null) {
      return under(`.${key}`, badValue('is for IPv4 addresses only', value[key]));
    }
  }
  if ((preferredLifetime ?? 0) > (validLifetime ?? Number.POSITIVE_INFINITY)) {
    const says = 'must not be longer than validLifetime';
    return under('.preferredLifetime', outOfRange(says, preferredLifetime));
  }
  return undefined;
}

/** The kernel never looks at the age of an IPv4 address that stays for ever (net/ipv4/devinet.c, check_lifetime). */
function lifetimeFault(value: Listed<AddressOptions>): Fault | undefined {
  const { address: text, validLifetime, preferredLifetime } = value;
  const isIgnored =
    preferredLifetime !== 0 &&
    Number.isFinite(preferredLifetime) &&
    !Number.isFinite(validLifetime) &&
    parsePrefix(text ?? '')?.bytes.length === ADDRESS_SIZES.IPv4;
  if (!isIgnored) return undefined;
  const says = 'must be 0 or Infinity for an IPv4 address without a validLifetime';
  return under('.preferredLifetime', badValue(says, preferredLifetime));
}

const ADDRESS_ROWS = {
  address: prefix,
  prefixLength: integer(0, 128),
  peer: ip,
  broadcast: ip,
  label: text(labelFault),
  scope,
  flags: listOf(wordOf(ADDRESS_FLAGS), 32),
  validLifetime: lifetime(1),
  preferredLifetime: lifetime(0),
  metric: u32,
};

/** Not of what was listed or is to be removed: other programs do make addresses with the peer 0.0.0.0. */
function peerFault({ address: text, peer }: Listed<AddressOptions>): Fault | undefined {
  const isNone =
    peer != null &&
    parsePrefix(text ?? '')?.bytes.length === ADDRESS_SIZES.IPv4 &&
    isUnspecified(parseIp(peer) as Uint8Array);
  return isNone ? under('.peer', badValue(NO_ADDRESS, peer)) : undefined;
}

const addressObject = optionsOf(
  table<AddressOptions>(ADDRESS_ROWS, 'address'),
  (value: Listed<AddressOptions> & { readonly address: string }) =>
    addressFault(value) ?? peerFault(value),
);
/** An `Address` as it was listed, or one to remove, whose further fields say nothing here. */
const listedAddress = optionsOf(
  table(
    {
      ...ADDRESS_ROWS,
      peer: orNull(ip),
      broadcast: orNull(ip),
      label: orNull(text(listedLabelFault)),
      scope: listedWordOf(SCOPES, u8),
      // Also those that only the kernel sets.
      flags: listOf(wordOf(LISTED_ADDRESS_FLAGS), 32),
      // JSON has null for Infinity.
      validLifetime: orNull(lifetime(0)),
      preferredLifetime: orNull(lifetime(0)),
      cidr: anything,
      family,
      linkIndex: anything,
    },
    'address',
  ),
  (value: Listed<AddressOptions> & Pick<Address, 'address' | 'family'>) =>
    addressFault(value) ?? familyFault(value),
);

/** An address to add or replace: also an `Address` as it was listed. */
export const address: Check = textOr((value) => {
  const fault = isListedAddress(value) ? listedAddress(value) : addressObject(value);
  return fault ?? lifetimeFault(value as Listed<AddressOptions>);
});

/** An address to remove. */
export const addressToRemove: Check = textOr(listedAddress);

function textOr(rule: Check): Check {
  return (value) => {
    if (typeof value === 'string') return cidr(value);
    return typeof value === 'object' && value !== null
      ? rule(value)
      : badType("must be a text such as '10.0.0.1/24', or an object", value);
  };
}

/** What `listAddresses` takes. */
export const addressFilter: Check = optionsOf(
  table<AddressFilter>({ link: linkRef, family, signal }),
);
