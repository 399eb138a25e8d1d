/**
 * What links, addresses and namespaces can be called.
 *
 * A `…Fault` function says what is wrong with a text, as the rest of a sentence that begins with
 * the option's name, or `undefined` when nothing is; it allocates nothing then.
 */

const LONE_SURROGATE = /\p{Surrogate}/u;
const WHITE_SPACE = /[\s\x85]/;

/** What makes a text something else than itself once it is a C string in UTF-8, or too long. */
export function textFault(text: string, maxBytes: number): string | undefined {
  if (text === '') return 'must not be empty';
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    return `must not be longer than ${maxBytes} bytes`;
  }
  if (text.includes('\0')) return 'must not hold a NUL character';
  if (LONE_SURROGATE.test(text)) return 'must be well-formed Unicode';
  return undefined;
}

/**
 * What keeps a text from being a link's new name. The kernel's rules (`dev_valid_name`,
 * net/core/dev.c), and no `%`: the kernel would take `eth%d` for a template and number it. Its
 * `isspace` goes byte by byte and counts 0xa0, so that it refuses `à` (c3 a0) too.
 */
export function linkNameFault(name: string): string | undefined {
  const fault = textFault(name, 15);
  if (fault !== undefined) return fault;
  if (name === '.' || name === '..') return "must not be '.' or '..'";
  if (/[/:%]/.test(name)) return "must not hold '/', ':' or '%'";
  if (WHITE_SPACE.test(name)) return 'must not hold white space';
  if (/[^\0-\x7f]/.test(name) && Buffer.from(name).includes(0xa0)) {
    return 'must not hold a character whose UTF-8 form has the byte 0xa0, white space to the kernel';
  }
  return undefined;
}

/** What keeps a text from being a link's new alternative name (`ALTIFNAMSIZ`). */
export function altNameFault(name: string): string | undefined {
  const fault = textFault(name, 127);
  if (fault !== undefined) return fault;
  if (name.includes('/')) return "must not hold '/'";
  if (WHITE_SPACE.test(name)) return 'must not hold white space';
  return undefined;
}

/** What keeps a text from being looked up as a name or alternative name, whoever gave it. */
export function knownNameFault(name: string): string | undefined {
  return textFault(name, 127);
}

/** What keeps a text from being a link's alias (`IFALIASZ`). */
export function aliasFault(alias: string): string | undefined {
  return textFault(alias, 255);
}

/** What keeps a text from being an IPv4 address's label (`IFA_LABEL`). */
export function labelFault(label: string): string | undefined {
  return textFault(label, 15);
}

/** Whether a listed text had bytes that are no UTF-8: the kernel knows no such text. */
export function isGarbled(listed: string): boolean {
  return listed.includes('\ufffd');
}

/** {@link labelFault} of a listed address: each byte that is no UTF-8 has become three. */
export function listedLabelFault(label: string): string | undefined {
  return isGarbled(label) ? undefined : labelFault(label);
}

/** What keeps a text from naming the link of a rule (`FRA_IIFNAME`): the kernel takes any, there or not. */
export function ruleLinkFault(name: string): string | undefined {
  return textFault(name, 15);
}

/** What keeps a text from being a file name under /run/netns: the rules of `ip netns`. */
export function netnsNameFault(name: string): string | undefined {
  const fault = textFault(name, 255);
  if (fault !== undefined) return fault;
  if (name === '.' || name === '..') return "must not be '.' or '..'";
  return name.includes('/') ? "must not hold '/'" : undefined;
}

/** What keeps a text from naming a namespace: a path when it has a `/`, otherwise a name. */
export function netnsRefFault(text: string): string | undefined {
  return text.includes('/') ? textFault(text, 4095) : netnsNameFault(text);
}
