/** IP addresses and prefixes: parse, format. A `parse…` function gives `null` for what it cannot read. */
import { builtin } from '../base/builtin.js';
import { AF_INET, AF_INET6 } from './values.js';

/** Four or sixteen bytes. Zones (`fe80::1%eth0`) are refused: what they name is a link. */
export function parseIp(text: string): Uint8Array | null {
  if (!text.includes(':')) return parseIPv4(text);
  if (!builtin('node:net').isIPv6(text) || text.includes('%')) return null;
  const bytes = new Uint8Array(16);
  const [head = '', tail] = text.split('::');
  writeGroups(bytes, head, 0);
  if (tail !== undefined) writeGroups(bytes, tail, 16 - groupBytes(tail));
  return bytes;
}

/** The family of an address's bytes. */
export function familyOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? AF_INET : AF_INET6;
}

/** Without leading zeros, which some readers take for octal. */
const BYTE = '(0|[1-9]\\d{0,2})';
const IPV4 = new RegExp(`^${BYTE}\\.${BYTE}\\.${BYTE}\\.${BYTE}$`);

function parseIPv4(text: string): Uint8Array | null {
  const found = IPV4.exec(text);
  if (found === null) return null;
  const bytes = new Uint8Array(4);
  for (let at = 0; at < 4; at++) {
    const value = Number(found[at + 1]);
    if (value > 255) return null;
    bytes[at] = value;
  }
  return bytes;
}

function groupBytes(groups: string): number {
  if (groups === '') return 0;
  return groups.split(':').length * 2 + (groups.includes('.') ? 2 : 0);
}

function writeGroups(bytes: Uint8Array, groups: string, offset: number): void {
  if (groups === '') return;
  let at = offset;
  for (const group of groups.split(':')) {
    if (group.includes('.')) {
      bytes.set(parseIPv4(group) as Uint8Array, at);
    } else {
      const value = Number.parseInt(group, 16);
      bytes[at++] = value >> 8;
      bytes[at++] = value & 0xff;
    }
  }
}

/** The canonical text (RFC 5952), the same as `inet_ntop` gives and `ip` prints. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) {
    groups.push(((bytes[at] as number) << 8) | (bytes[at + 1] as number));
  }
  let start = 0;
  let length = 0;
  for (let from = 0, run = 0; from < 8; from++) {
    run = groups[from] === 0 ? run + 1 : 0;
    if (run > length) {
      length = run;
      start = from - run + 1;
    }
  }
  if (length < 2) return joinGroups(groups);
  // The last four bytes are an IPv4 address in ::/96 and in ::ffff:0:0/96.
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    return `::${length === 5 ? 'ffff:' : ''}${bytes.subarray(12).join('.')}`;
  }
  return `${joinGroups(groups.slice(0, start))}::${joinGroups(groups.slice(start + length))}`;
}

function joinGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

/** An IP address and the prefix length said with it, if one was. */
export interface Prefix {
  readonly bytes: Uint8Array;
  readonly prefixLength: number | null;
}

/** Reads `'10.0.0.1/24'`, `'fd00::/8'` or an address alone. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  const bytes = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  if (slash < 0) return { bytes, prefixLength: null };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bytes.length * 8) return null;
  return { bytes, prefixLength: Number(digits) };
}

/** The prefix length; of an address alone all its bits, and of no prefix none. */
export function prefixLengthOf(prefix: Prefix | null): number {
  return prefix === null ? 0 : (prefix.prefixLength ?? prefix.bytes.length * 8);
}

/** A prefix as a listing has it; `undefined` for none, which is one of no bits. */
export function prefixText(
  bytes: Uint8Array | undefined,
  length: number | undefined,
): string | undefined {
  return bytes !== undefined && length ? `${formatIp(bytes)}/${length}` : undefined;
}

/** The address with the bits after its prefix cleared. */
export function networkOf(bytes: Uint8Array, prefixLength: number): Uint8Array {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff00 >> kept);
  });
}

/** 0.0.0.0 or ::. */
export function isUnspecified(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
