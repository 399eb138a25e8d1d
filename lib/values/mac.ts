/**
 * MAC addresses: check, parse, format.
 *
 * A `…Fault` function says what is wrong with a text, as the rest of a sentence that begins with
 * the option's name, or `undefined` when nothing is; it allocates nothing then. A `parse…` function
 * gives `null` for what it cannot read.
 */

/** Bytes. */
export const MAC_LENGTH = 6;
const MAC_TEXT_LENGTH = 17;

/** The value of a hexadecimal digit, or -1. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The byte that two hexadecimal digits stand for, or negative. */
function hexByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/**
 * What keeps a text from being six bytes in hexadecimal: colons or dashes, upper or lower case. Of a neighbour any will
 * do, a multicast address as well.
 */
export function hardwareAddressFault(text: string): string | undefined {
  const separator = text.charCodeAt(2);
  let wellFormed = text.length === MAC_TEXT_LENGTH && (separator === 0x3a || separator === 0x2d);
  for (let at = 0; wellFormed && at < MAC_TEXT_LENGTH; at += 3) {
    const next = at + 2;
    wellFormed =
      hexByte(text, at) >= 0 && (next >= MAC_TEXT_LENGTH || text.charCodeAt(next) === separator);
  }
  return wellFormed ? undefined : "must be six hexadecimal bytes such as '02:00:5e:10:00:01'";
}

/** What keeps a text from being the MAC of a link or of a source: the rules of the kernel's `is_valid_ether_addr`. */
export function macFault(text: string): string | undefined {
  const fault = hardwareAddressFault(text);
  if (fault !== undefined) return fault;
  let anyBit = 0;
  for (let at = 0; at < MAC_TEXT_LENGTH; at += 3) anyBit |= hexByte(text, at);
  if (anyBit === 0) return 'must not be all zero';
  if ((hexByte(text, 0) & 1) !== 0) return 'must not be a multicast address';
  return undefined;
}

/** The six bytes of a MAC that {@link macFault} finds no fault with. */
export function parseMac(text: string): Uint8Array | null {
  return macFault(text) === undefined ? parseHardwareAddress(text) : null;
}

/** Six bytes that {@link hardwareAddressFault} finds no fault with. */
export function parseHardwareAddress(text: string): Uint8Array | null {
  if (hardwareAddressFault(text) !== undefined) return null;
  const bytes = new Uint8Array(MAC_LENGTH);
  for (let index = 0; index < MAC_LENGTH; index++) bytes[index] = hexByte(text, index * 3);
  return bytes;
}

/** `'02:00:5e:10:00:01'`: lower case, with colons, as the kernel's tools print it. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
