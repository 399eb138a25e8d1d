import { isIP, isIPv4, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIp, networkOf, parseIp, parsePrefix } from '../../lib/values/ip.js';
import { formatMac, macFault, parseMac } from '../../lib/values/mac.js';
import {
  aliasFault,
  altNameFault,
  knownNameFault,
  labelFault,
  linkNameFault,
  netnsNameFault,
  netnsRefFault,
} from '../../lib/values/names.js';
import { MACVLAN_MODES, nameOf, SCOPES, wordNumber } from '../../lib/values/values.js';

/** A well-formed text with one character put in, taken out or replaced. */
function nearly(texts: fc.Arbitrary<string>, characters: string): fc.Arbitrary<string> {
  return fc
    .tuple(texts, fc.nat(40), fc.constantFrom(0, 1), fc.constantFrom('', ...characters))
    .map(([text, at, taken, put]) => {
      const index = at % (text.length + 1);
      return text.slice(0, index) + put + text.slice(index + taken);
    });
}

const macBytes = fc.uint8Array({ minLength: 6, maxLength: 6 });
const macText = fc
  .tuple(macBytes, fc.constantFrom(':', '-'), fc.boolean())
  .map(([bytes, separator, upper]) => {
    const text = Buffer.from(bytes).toString('hex').match(/../g)?.join(separator) ?? '';
    return upper ? text.toUpperCase() : text;
  });

/** The reference: the grammar as one expression, and the kernel's is_valid_ether_addr. */
function isUsableMac(text: string): boolean {
  if (!/^[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}$/i.test(text)) return false;
  const bytes = Buffer.from(text.replace(/[:-]/g, ''), 'hex');
  return (Number(bytes[0]) & 1) === 0 && bytes.some((byte) => byte !== 0);
}

describe('MAC addresses', () => {
  test.each([
    ['02:00:5e:10:00:01', undefined],
    ['02-00-5E-10-00-01', undefined],
    ['00:00:00:00:00:01', undefined],
    ['fe:ff:ff:ff:ff:ff', undefined],
    ['00:00:00:00:00:00', 'all zero'],
    ['01:00:5e:00:00:01', 'multicast'],
    ['ff:ff:ff:ff:ff:ff', 'multicast'],
    ['02:00:5e:10:00', 'six'],
    ['02:00:5e:10:00:01:02', 'six'],
    ['02:00:5e:10:00:0g', 'six'],
    ['02:00:5e-10:00:01', 'six'],
    ['2:0:5e:10:0:1', 'six'],
    ['02005e100001', 'six'],
    ['0200.5e10.0001', 'six'],
    [' 02:00:5e:10:00:1', 'six'],
    ['02:00:5e:10:00:01\n', 'six'],
    ['', 'six'],
  ])('%j', (text, fault) => {
    if (fault === undefined) expect(macFault(text)).toBeUndefined();
    else expect(macFault(text)).toContain(fault);
  });

  test('are accepted and refused as by a reference implementation', () => {
    const texts = fc.oneof(fc.string(), macText, nearly(macText, ':-09afAFgG. \0é'));
    fc.assert(
      fc.property(texts, (text) => {
        expect(macFault(text) === undefined).toBe(isUsableMac(text));
        expect(parseMac(text) !== null).toBe(isUsableMac(text));
      }),
      { numRuns: 3000 },
    );
  });

  test('are the same after parse and format, in lower case with colons', () => {
    fc.assert(
      fc.property(macText.filter(isUsableMac), (text) => {
        const bytes = parseMac(text) as Uint8Array;
        expect(Buffer.from(bytes).toString('hex')).toBe(text.replace(/[:-]/g, '').toLowerCase());
        expect(formatMac(bytes)).toBe(text.toLowerCase().replaceAll('-', ':'));
      }),
    );
  });
});

/** The kernel's dev_valid_name over the name's bytes, with the isspace of its lib/ctype.c. */
function kernelTakesName(name: string): boolean {
  const bytes = [...Buffer.from(name)];
  const isSpace = (byte: number) => (byte >= 9 && byte <= 13) || byte === 32 || byte === 160;
  if (bytes.length === 0 || bytes.length > 15 || name === '.' || name === '..') return false;
  return !bytes.some((byte) => byte === 0 || byte === 47 || byte === 58 || isSpace(byte));
}

const awkward = fc.string({
  unit: fc.constantFrom(...'ab09.-_@', '/', ':', '%', ' ', '\t', '\0', 'à', 'á', '\u3000', '中'),
  maxLength: 17,
});

describe('names of links', () => {
  test.each([
    ['macv1', undefined],
    ['x'.repeat(15), undefined],
    ['-a', undefined],
    ['...', undefined],
    ['eth0.50', undefined],
    ['á', undefined],
    ['', 'empty'],
    ['x'.repeat(16), '15 bytes'],
    ['中中中中中x', '15 bytes'],
    ['.', "'.'"],
    ['..', "'..'"],
    ['a/b', "'/'"],
    ['a:b', "':'"],
    ['eth%d', "'%'"],
    ['a b', 'white space'],
    ['a\tb', 'white space'],
    ['a\u2003b', 'white space'],
    ['a\0b', 'NUL'],
    ['à', '0xa0'],
    ['\ud800', 'Unicode'],
  ])('%j', (name, fault) => {
    if (fault === undefined) expect(linkNameFault(name)).toBeUndefined();
    else expect(linkNameFault(name)).toContain(fault);
  });

  test('are accepted as by the kernel, except templates and Unicode white space', () => {
    fc.assert(
      fc.property(fc.oneof(awkward, fc.string({ unit: 'binary', maxLength: 17 })), (name) => {
        const wellFormed = Buffer.from(name).toString() === name;
        const ours = wellFormed && !name.includes('%') && !/[\s\u0085]/.test(name);
        expect(linkNameFault(name) === undefined).toBe(kernelTakesName(name) && ours);
      }),
      { numRuns: 3000 },
    );
  });

  test('that are alternative may be longer, and hold colons and per cent signs', () => {
    expect(altNameFault('a:b%d')).toBeUndefined();
    expect(altNameFault('x'.repeat(127))).toBeUndefined();
    expect(altNameFault('x'.repeat(128))).toContain('127 bytes');
    expect(altNameFault('a/b')).toContain("'/'");
    expect(altNameFault('a b')).toContain('white space');
    expect(altNameFault('')).toContain('empty');
  });

  test('may be any that the kernel has when they are looked up', () => {
    expect(knownNameFault('a b/c')).toBeUndefined();
    expect(knownNameFault('x'.repeat(128))).toContain('127 bytes');
    expect(knownNameFault('')).toContain('empty');
    expect(knownNameFault('a\0')).toContain('NUL');
  });
});

describe('other strings', () => {
  test('aliases and labels are limited in bytes', () => {
    expect(aliasFault('é'.repeat(127))).toBeUndefined();
    expect(aliasFault('é'.repeat(128))).toContain('255 bytes');
    expect(labelFault('macv1:1')).toBeUndefined();
    expect(labelFault('x'.repeat(16))).toContain('15 bytes');
  });

  test('names of namespaces follow ip netns', () => {
    for (const name of ['net1', '-a', 'a b', '...', 'x'.repeat(255)]) {
      expect(netnsNameFault(name)).toBeUndefined();
    }
    expect(netnsNameFault('')).toContain('empty');
    expect(netnsNameFault('.')).toContain("'.'");
    expect(netnsNameFault('..')).toContain("'..'");
    expect(netnsNameFault('../a')).toContain("'/'");
    expect(netnsNameFault('a\0')).toContain('NUL');
    expect(netnsNameFault('x'.repeat(256))).toContain('255 bytes');
  });

  test('a namespace is meant by path as soon as there is a slash', () => {
    expect(netnsRefFault('/proc/1/ns/net')).toBeUndefined();
    expect(netnsRefFault('./a')).toBeUndefined();
    expect(netnsRefFault(`/${'x'.repeat(4094)}`)).toBeUndefined();
    expect(netnsRefFault(`/${'x'.repeat(4095)}`)).toContain('4095 bytes');
    expect(netnsRefFault('/a\0')).toContain('NUL');
    expect(netnsRefFault('..')).toContain("'..'");
  });
});

const ipText = fc.oneof(fc.ipV4(), fc.ipV6());
const ipBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Runs of zeros, where the text is shortened.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
    .map((bytes) => Uint8Array.from(bytes)),
);

/** What inet_ntop makes of an address, by way of Node. */
function canonical(address: string): string {
  return new SocketAddress({ address, family: isIPv4(address) ? 'ipv4' : 'ipv6' }).address;
}

describe('IP addresses', () => {
  test.each([
    ['10.0.0.1', [10, 0, 0, 1]],
    ['255.255.255.255', [255, 255, 255, 255]],
    ['::', new Array(16).fill(0)],
    ['::1', [...new Array(15).fill(0), 1]],
    ['fd00::1:2', [0xfd, ...new Array(12).fill(0), 1, 0, 2]],
    ['1:2:3:4:5:6:7::', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]],
    ['::ffff:1.2.3.4', [...new Array(10).fill(0), 255, 255, 1, 2, 3, 4]],
    ['64:ff9b::1.2.3.4', [0, 0x64, 0xff, 0x9b, ...new Array(8).fill(0), 1, 2, 3, 4]],
  ])('%s', (text, bytes) => {
    expect(Array.from(parseIp(text) ?? [])).toEqual(bytes);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.0.1',
    '10.0.0.256',
    '10.0.0.01',
    '010.0.0.1',
    '10.0.0.1 ',
    '0x0a.0.0.1',
    '167772161',
    '10.0.0.1/24',
    'fe80::1%eth0',
    'fe80::1%1',
    '::1::',
    ':1',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::1.2.3',
    '[::1]',
    'localhost',
  ])('%j is none', (text) => {
    expect(parseIp(text)).toBeNull();
  });

  test('are recognised as by node:net, except with zones', () => {
    const texts = fc.oneof(ipText, fc.string(), nearly(ipText, '.:0159afg/% '));
    fc.assert(
      fc.property(texts, (text) => {
        const family = text.includes('%') ? 0 : isIP(text);
        expect(parseIp(text)?.length ?? 0).toBe({ 0: 0, 4: 4, 6: 16 }[family]);
      }),
      { numRuns: 5000 },
    );
  });

  test('are printed as inet_ntop prints them', () => {
    fc.assert(
      fc.property(ipText, (text) => {
        expect(formatIp(parseIp(text) as Uint8Array)).toBe(canonical(text));
      }),
      { numRuns: 3000 },
    );
  });

  test('are the same after format and parse', () => {
    fc.assert(
      fc.property(ipBytes, (bytes) => {
        const text = formatIp(bytes);
        expect(Array.from(parseIp(text) ?? [])).toEqual(Array.from(bytes));
        expect(text).toBe(canonical(text));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('prefixes', () => {
  test.each([
    ['10.0.0.1/24', 4, 24],
    ['10.0.0.1/0', 4, 0],
    ['10.0.0.1/32', 4, 32],
    ['10.0.0.1', 4, null],
    ['fd00::1/128', 16, 128],
    ['::/0', 16, 0],
  ])('%s', (text, bytes, prefixLength) => {
    expect(parsePrefix(text)).toMatchObject({ prefixLength });
    expect(parsePrefix(text)?.bytes).toHaveLength(bytes);
  });

  test.each([
    '10.0.0.1/33',
    'fd00::1/129',
    '10.0.0.1/',
    '10.0.0.1/-1',
    '10.0.0.1/+8',
    '10.0.0.1/08',
    '10.0.0.1/8.0',
    '10.0.0.1/8 ',
    '10.0.0.1/255.0.0.0',
    '10.0.0.1/24/24',
    '10.0.0/24',
    '/24',
    'default',
  ])('%j is none', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  test('clear the bits after them', () => {
    fc.assert(
      fc.property(ipBytes, fc.nat(128), (bytes, length) => {
        const bits = bytes.length * 8;
        const prefixLength = length % (bits + 1);
        const number = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
        const dropped = BigInt(bits - prefixLength);
        const expected = ((number >> dropped) << dropped).toString(16).padStart(bits / 4, '0');
        expect(Buffer.from(networkOf(bytes, prefixLength)).toString('hex')).toBe(expected);
      }),
    );
  });
});

describe('words for numbers', () => {
  test('are converted both ways', () => {
    for (const [mode, number] of Object.entries(MACVLAN_MODES)) {
      expect(wordNumber(MACVLAN_MODES, mode)).toBe(number);
      expect(nameOf(MACVLAN_MODES, number)).toBe(mode);
    }
  });

  test('a number without a word stays a number', () => {
    expect(wordNumber(SCOPES, 77)).toBe(77);
    expect(wordNumber(SCOPES, '77')).toBe(77);
    expect(nameOf(SCOPES, 77)).toBeUndefined();
  });
});
