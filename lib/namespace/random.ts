/** What is chosen at random: MACs, and where the indexes of new links begin. */
import { addon } from '../addon.js';
import { MAC_LENGTH } from '../values/mac.js';

/** Random bytes for MACs that come: as many at once as a system call fills. */
const macPool = new Uint8Array(MAC_LENGTH * 42);
let macPoolUsed = macPool.length;

/** A random MAC: unicast, with the bit that says it is locally administered. */
export function randomMac(): Uint8Array {
  if (macPoolUsed === macPool.length) {
    addon.fillRandom(macPool);
    macPoolUsed = 0;
  }
  const bytes = macPool.slice(macPoolUsed, macPoolUsed + MAC_LENGTH);
  macPoolUsed += MAC_LENGTH;
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02;
  return bytes;
}

/** A number of 24 random bits. */
export function random24(): number {
  const bytes = new Uint8Array(3);
  addon.fillRandom(bytes);
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}
