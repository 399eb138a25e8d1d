import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type Check, check } from '../../lib/check/check.js';
import * as addressRules from '../../lib/check/checkAddresses.js';
import * as linkRules from '../../lib/check/checkLinks.js';
import * as neighbourRules from '../../lib/check/checkNeighbours.js';
import * as routeRules from '../../lib/check/checkRoutes.js';
import * as ruleRules from '../../lib/check/checkRules.js';
import * as valueRules from '../../lib/check/checkValues.js';
import type { LinkOptions } from '../../lib/types/types.js';
import { netnsBrand } from '../../lib/values/values.js';
import { SAYS_NOTHING } from '../support/inet.js';

const rules = {
  ...valueRules,
  ...addressRules,
  ...routeRules,
  ...ruleRules,
  ...neighbourRules,
  ...linkRules,
};
const { createMacvlanOptions, createLinkOptions, linkChanges, macvlanChanges } = rules;
const { address, addressToRemove, route, routeToRemove, linkRef, netnsRef } = rules;

const mac = '02:00:5e:10:00:01';
const signal = new AbortController().signal;

const hop = { via: '10.0.0.2', link: 3, weight: 1, onlink: false };
const listedRoute = {
  to: '10.1.0.0/16',
  from: null,
  family: 'IPv4',
  via: null,
  link: null,
  type: 'unicast',
  nextHops: [] as object[],
  nexthopId: null,
};
const handle = { [netnsBrand]: true, fd: 20, inode: 4026531840, name: 'net1' };

/** Every rule that the services use, without the limits, tables and `…Fault` functions beside them. */
const everyRule = Object.entries(rules).filter(
  ([name, rule]) => typeof rule === 'function' && !name.endsWith('Fault'),
) as [string, Check][];

interface Refusal {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

/** What `check` throws; the test fails when it throws nothing, or something else. */
function refusal(rule: Check, value: unknown): Refusal {
  try {
    check('operation', rule, value);
  } catch (error) {
    const { name, code, message } = error as Refusal;
    const expected = code === 'ERR_OUT_OF_RANGE' ? RangeError : TypeError;
    expect(error).toBeInstanceOf(expected);
    expect(code).toMatch(/^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE)$/);
    return { name, code, message };
  }
  throw new Error(`nothing was refused in ${String(value)}`);
}

function accepts(rule: Check, value: unknown): void {
  expect(() => check('operation', rule, value)).not.toThrow();
}

const LINK_OPTIONS = {
  name: 'macv1',
  netns: 'net1',
  index: 7,
  mac,
  mtu: 1400,
  up: true,
  txQueueLen: 500,
  numTxQueues: 2,
  numRxQueues: 4096,
  group: 2 ** 32 - 1,
  alias: 'a text',
  altNames: ['web', 'x'.repeat(127)],
  addresses: ['52.1.1.151/24', { address: 'fd00::1', prefixLength: 64, flags: ['nodad'] }],
  routes: [{ to: 'default', via: '52.1.1.1' }, { to: '10.0.0.0/8' }],
  promiscuous: false,
  allMulticast: true,
  master: { index: 4 },
  addrGenMode: 'stable-privacy',
  ipv4: { arpNotify: true, arpIgnore: 8, rpFilter: undefined },
  ipv6: { disableIpv6: false, acceptRa: 2, useTempaddr: -1, autoconf: undefined },
  signal,
} satisfies Record<keyof LinkOptions, unknown>;

describe('valid options', () => {
  test.each<[string, Check, unknown]>([
    ['a parent alone', createMacvlanOptions, { parent: 3 }],
    ['all of a link', createMacvlanOptions, { ...LINK_OPTIONS, parent: 'eth0', mode: 'bridge' }],
    ['queue and cutoff', createMacvlanOptions, { parent: 3, bcQueueLen: 0, bcCutoff: -(2 ** 31) }],
    ['passthru', createMacvlanOptions, { parent: 3, mode: 'passthru', nopromisc: true }],
    [
      'source',
      createMacvlanOptions,
      { parent: 3, mode: 'source', sources: [mac], nodst: false, mac },
    ],
    ['a macvlan', createLinkOptions, { ...LINK_OPTIONS, kind: 'macvlan', parent: 'eth0' }],
    ['a macvtap', createLinkOptions, { kind: 'macvtap', parent: 3, mode: 'source', sources: [] }],
    ['a veth', createLinkOptions, { ...LINK_OPTIONS, kind: 'veth' }],
    [
      'a peer',
      createLinkOptions,
      { kind: 'veth', peer: { name: 'b', netns: handle, mac, up: true, master: 'br0' } },
    ],
    ['a bridge', createLinkOptions, { ...LINK_OPTIONS, kind: 'bridge' }],
    ['a dummy', createLinkOptions, { ...LINK_OPTIONS, kind: 'dummy' }],
    ['a VLAN', createLinkOptions, { ...LINK_OPTIONS, kind: 'vlan', parent: 3, id: 4094 }],
    ['a service VLAN', createLinkOptions, { kind: 'vlan', parent: 3, id: 1, protocol: '802.1ad' }],
    ['no changes', linkChanges, {}],
    ['changes', linkChanges, { name: 'a', mac, mtu: 0, up: false, arp: true, multicast: false }],
    ['names', linkChanges, { addAltNames: ['a'], removeAltNames: ['b c'] }],
    ['what goes', linkChanges, { alias: '', master: null }],
    ['what goes, too', linkChanges, { alias: null, bridgePort: { hairpin: true } }],
    ['changes of a mode', macvlanChanges, { mode: 'source', sources: [mac], nodst: true }],
    ['changes without one', macvlanChanges, { sources: [] }],
    ['another mode', macvlanChanges, { nopromisc: true, bcCutoff: 0 }],
    ['a move', rules.moveOptions, { name: 'eth0', index: 2 ** 31 - 1, signal }],
    ['a deletion', rules.deleteOptions, { ifExists: true, signal }],
    ['a filter', rules.linkFilter, { kind: null, parent: 3, master: null, group: 0, up: true }],
    ['another', rules.addressFilter, { link: 'eth0', family: 'IPv6' }],
    ['a third', rules.routeFilter, { table: 'main', protocol: 'dhcp', type: 'local', link: 1 }],
    [
      'a fourth',
      rules.ruleFilter,
      { family: 'IPv4', priority: 32_767, table: 'local', protocol: 3 },
    ],
    ['a fifth', rules.neighbourFilter, { family: 'IPv6', link: 'eth0', signal }],
    ['a watch', rules.watchOptions, { initial: true, addresses: true, routes: false, signal }],
    ['a look', rules.supportOptions, { load: true }],
  ])('%s', (_, rule, value) => {
    accepts(rule, value);
    accepts(rule, Object.assign(Object.create(null), value));
  });

  test('undefined counts as left out, of an option and of all of them', () => {
    for (const rule of [
      rules.moveOptions,
      rules.deleteOptions,
      rules.linkFilter,
      rules.operationOptions,
    ]) {
      accepts(rule, undefined);
    }
    const absent = Object.fromEntries(Object.keys(LINK_OPTIONS).map((name) => [name, undefined]));
    accepts(createMacvlanOptions, { ...absent, parent: 3, mode: undefined, sources: undefined });
    accepts(createMacvlanOptions, { parent: 3, unknown: undefined });
  });

  test('a signal in place of the options is recognised', () => {
    const { code, message } = refusal(rules.operationOptions, signal);
    expect(code).toBe('ERR_INVALID_ARG_TYPE');
    expect(message).toMatch(/options must be an object such as { signal }; received AbortSignal/);
  });

  test('a promise of options is refused, of whichever realm', () => {
    for (const promise of [Promise.resolve({}), runInNewContext('Promise.resolve({})')]) {
      for (const rule of [rules.linkFilter, createLinkOptions]) {
        const { message } = refusal(rule, promise);
        expect(message).toMatch(/options must be an object; received .*\(is an await missing\?\)$/);
      }
    }
  });

  test('what holds no options, and would pass for none, is refused', () => {
    const errors = [new Error('no'), AbortSignal.abort().reason];
    const others = [[], new Map([['kind', 'veth']]), new Set(), new Date(), ...errors];
    for (const other of [...others, runInNewContext("new Map([['kind', 'veth']])")]) {
      const { code, message } = refusal(rules.linkFilter, other);
      expect(code).toBe('ERR_INVALID_ARG_TYPE');
      expect(message).toMatch(/options must be an object; received /);
    }
  });

  test('changes cannot be left out', () => {
    for (const rule of [linkChanges, macvlanChanges]) {
      expect(() => check('setLink', rule, undefined, 'changes')).toThrow(
        'setLink: changes must be an object; received undefined',
      );
    }
  });

  test('are not modified', () => {
    const options = { ...LINK_OPTIONS, parent: 'eth0', mode: 'bridge' };
    const copy = structuredClone({ ...options, signal: undefined });
    check('createMacvlan', createMacvlanOptions, Object.freeze(options));
    expect({ ...options, signal: undefined }).toEqual(copy);
  });
});

describe('an invalid option', () => {
  const type = 'ERR_INVALID_ARG_TYPE';
  const value = 'ERR_INVALID_ARG_VALUE';
  const range = 'ERR_OUT_OF_RANGE';
  const macvlan = (options: object) => ({ parent: 3, ...options });

  test.each<[string, string, object]>([
    ['parent', type, {}],
    ['parent', type, { parent: null }],
    ['parent', type, { parent: true }],
    ['parent', value, { parent: '' }],
    ['parent', range, { parent: 0 }],
    ['parent', range, { parent: 1.5 }],
    ['parent.index', range, { parent: { index: -1 } }],
    ['parent.index', type, { parent: { index: '3' } }],
    ['name', type, macvlan({ name: 5 })],
    ['name', value, macvlan({ name: '' })],
    ['name', value, macvlan({ name: 'x'.repeat(16) })],
    ['name', value, macvlan({ name: '..' })],
    ['name', value, macvlan({ name: 'a/b' })],
    ['name', value, macvlan({ name: 'a:b' })],
    ['name', value, macvlan({ name: 'a b' })],
    ['name', value, macvlan({ name: 'eth%d' })],
    ['netns', value, macvlan({ netns: '..' })],
    ['netns', value, macvlan({ netns: '' })],
    ['netns', type, macvlan({ netns: 5 })],
    ['netns', type, macvlan({ netns: {} })],
    ['netns.pid', range, macvlan({ netns: { pid: 0 } })],
    ['netns.fd', range, macvlan({ netns: { fd: -1 } })],
    ['netns.fd', type, macvlan({ netns: { fd: '3' } })],
    ['index', range, macvlan({ index: 0 })],
    ['index', range, macvlan({ index: 2 ** 31 })],
    ['mac', value, macvlan({ mac: '01:00:5e:00:00:01' })],
    ['mac', value, macvlan({ mac: '00:00:00:00:00:00' })],
    ['mac', value, macvlan({ mac: 'nonsense' })],
    ['mac', type, macvlan({ mac: new Uint8Array(6) })],
    ['mtu', range, macvlan({ mtu: -1 })],
    ['mtu', range, macvlan({ mtu: 1500.5 })],
    ['mtu', range, macvlan({ mtu: Number.NaN })],
    ['mtu', range, macvlan({ mtu: 2 ** 31 })],
    ['mtu', type, macvlan({ mtu: '1500' })],
    ['mtu', type, macvlan({ mtu: 1500n })],
    ['up', type, macvlan({ up: 1 })],
    ['txQueueLen', range, macvlan({ txQueueLen: 2 ** 32 })],
    ['numTxQueues', range, macvlan({ numTxQueues: 0 })],
    ['numRxQueues', range, macvlan({ numRxQueues: 4097 })],
    ['group', range, macvlan({ group: -1 })],
    ['alias', value, macvlan({ alias: '' })],
    ['alias', value, macvlan({ alias: 'x'.repeat(256) })],
    ['altNames', type, macvlan({ altNames: 'web' })],
    ['altNames[1]', value, macvlan({ altNames: ['web', 'x'.repeat(128)] })],
    ['altNames', range, macvlan({ altNames: new Array(401).fill('a') })],
    ['addresses[0]', value, macvlan({ addresses: ['10.0.0.1'] })],
    ['addresses[1].address', value, macvlan({ addresses: ['::1/64', { address: '::1' }] })],
    [
      'addresses[0].flags[1]',
      value,
      macvlan({ addresses: [{ address: '::1/64', flags: ['nodad', 'x'] }] }),
    ],
    ['routes[1].to', value, macvlan({ routes: [{ to: 'default' }, { to: '10.0.0.1/8' }] })],
    ['routes[0].to', type, macvlan({ routes: [{}] })],
    ['routes[0].append', value, macvlan({ routes: [{ to: 'default', link: 1, append: true }] })],
    ['routes[0].signal', value, macvlan({ routes: [{ to: 'default', signal }] })],
    ['routes[0].signal', value, macvlan({ routes: [{ ...listedRoute, signal }] })],
    ['routes[0].nexthopId', value, macvlan({ routes: [{ ...listedRoute, nexthopId: 5 }] })],
    ['routes[0].nextHops', value, macvlan({ routes: [{ ...listedRoute, nextHops: [hop] }] })],
    ['routes[0].nextHops', value, macvlan({ routes: [{ to: 'default', nextHops: [] }] })],
    ['routes[0].type', value, macvlan({ routes: [{ ...listedRoute, type: 'throw' }] })],
    [
      'routes[0].append',
      value,
      macvlan({ routes: [{ ...listedRoute, link: 'eth0', append: true }] }),
    ],
    ['routes[0].to', value, macvlan({ routes: [{ ...listedRoute, to: '10.0.0.1/8' }] })],
    ['promiscuous', type, macvlan({ promiscuous: 'yes' })],
    ['master', type, macvlan({ master: null })],
    ['addrGenMode', value, macvlan({ addrGenMode: 'privacy' })],
    ['ipv4', type, macvlan({ ipv4: true })],
    ['ipv4.arpNotify', type, macvlan({ ipv4: { arpNotify: 1 } })],
    ['ipv4.arpIgnore', range, macvlan({ ipv4: { arpIgnore: 9 } })],
    ['ipv4.arpnotify', value, macvlan({ ipv4: { arpnotify: true } })],
    ['ipv6', type, macvlan({ ipv6: false })],
    ['ipv6.disableIpv6', type, macvlan({ ipv6: { disableIpv6: 1 } })],
    ['ipv6.acceptRa', range, macvlan({ ipv6: { acceptRa: 3 } })],
    ['ipv6.useTempaddr', range, macvlan({ ipv6: { useTempaddr: -2 } })],
    ['ipv6.acceptra', value, macvlan({ ipv6: { acceptra: 0 } })],
    ['bcQueueLen', range, macvlan({ bcQueueLen: -1 })],
    ['bcCutoff', range, macvlan({ bcCutoff: 2 ** 31 })],
    ['mode', value, macvlan({ mode: 'Bridge' })],
    ['mode', type, macvlan({ mode: 4 })],
    ['sources[1]', value, macvlan({ mode: 'source', sources: [mac, 'x'] })],
    ['sources[0]', value, macvlan({ mode: 'source', sources: ['ff:ff:ff:ff:ff:ff'] })],
    ['sources[0]', type, macvlan({ mode: 'source', sources: [undefined] })],
    ['signal', type, macvlan({ signal: {} })],
    ['kind', value, macvlan({ kind: 'macvlan' })],
  ])('createMacvlan: options.%s, %s', (path, code, options) => {
    const found = refusal(createMacvlanOptions, options);
    expect(found.message).toMatch(`operation: options.${path} `);
    expect(found.code).toBe(code);
  });

  test.each<[string, string, Check, unknown]>([
    ['kind', type, createLinkOptions, {}],
    ['kind', value, createLinkOptions, { kind: 'bond' }],
    ['kind', value, createLinkOptions, { kind: 'constructor' }],
    ['parent', type, createLinkOptions, { kind: 'macvlan' }],
    ['parent', value, createLinkOptions, { kind: 'veth', parent: 3 }],
    ['sources', value, createLinkOptions, { kind: 'macvtap', parent: 3, sources: [] }],
    ['peer.index', value, createLinkOptions, { kind: 'veth', peer: { index: 7 } }],
    ['peer.mac', value, createLinkOptions, { kind: 'veth', peer: { mac: 'x' } }],
    ['peer', type, createLinkOptions, { kind: 'veth', peer: 'b' }],
    ['id', type, createLinkOptions, { kind: 'vlan', parent: 3 }],
    ['id', range, createLinkOptions, { kind: 'vlan', parent: 3, id: 0 }],
    ['id', range, createLinkOptions, { kind: 'vlan', parent: 3, id: 4095 }],
    ['protocol', value, createLinkOptions, { kind: 'vlan', parent: 3, id: 1, protocol: '802.1q' }],
    ['mode', value, linkChanges, { mode: 'bridge' }],
    ['numTxQueues', value, linkChanges, { numTxQueues: 2 }],
    ['mac', type, linkChanges, { mac: null }],
    ['bridgePort.hairpin', type, linkChanges, { bridgePort: { hairpin: 1 } }],
    ['removeAltNames[0]', value, linkChanges, { removeAltNames: [''] }],
    ['parent', value, macvlanChanges, { parent: 3 }],
    ['sources', value, macvlanChanges, { nopromisc: true, sources: [] }],
    ['nodst', value, macvlanChanges, { nopromisc: false, nodst: false }],
    ['name', value, rules.moveOptions, { name: 'a b' }],
    ['up', value, rules.moveOptions, { up: true }],
    ['kind', type, rules.linkFilter, { kind: 5 }],
    ['family', value, rules.addressFilter, { family: 'inet' }],
    ['table', range, rules.routeFilter, { table: 0 }],
    ['priority', range, rules.ruleFilter, { priority: -1 }],
    ['table', range, rules.ruleFilter, { table: 0 }],
    ['link', range, rules.neighbourFilter, { link: 0 }],
    ['family', value, rules.neighbourFilter, { family: 'inet' }],
    ['initial', type, rules.watchOptions, { initial: 1 }],
    ['addresses', type, rules.watchOptions, { addresses: 'yes' }],
    ['routes', type, rules.watchOptions, { routes: null }],
    ['receiveBuffer', range, rules.watchOptions, { receiveBuffer: 0 }],
    ['receiveBuffer', range, rules.watchOptions, { receiveBuffer: 2 ** 31 }],
    ['receiveBuffer', range, rules.watchOptions, { receiveBuffer: 1.5 }],
    ['signal', type, rules.watchOptions, { signal: {} }],
    ['links', value, rules.watchOptions, { links: true }],
    ['load', type, rules.supportOptions, { load: 'yes' }],
    ['signal', type, rules.operationOptions, { signal: null }],
    ['ifExists', type, rules.deleteOptions, { ifExists: 1 }],
    ['ifExists', type, rules.routeToRemove, { to: 'default', ifExists: 1 }],
    ['ifExists', type, rules.ruleToRemove, { priority: 1, ifExists: 'yes' }],
    ['ifExists', value, rules.route, { to: 'default', ifExists: true }],
    ['ifExists', value, rules.rule, { priority: 1, ifExists: true }],
    ['force', value, rules.deleteOptions, { force: true }],
  ])('options.%s, %s', (path, code, rule, options) => {
    const found = refusal(rule, options);
    expect(found.message).toMatch(`operation: options.${path} `);
    expect(found.code).toBe(code);
  });

  test.each([null, 'eth0', 3, true, [], () => {}])('options that are %o', (options) => {
    for (const rule of [createMacvlanOptions, createLinkOptions, linkChanges]) {
      expect(refusal(rule, options).code).toBe(type);
    }
  });

  test('is shown with its name and its value', () => {
    expect(refusal(createMacvlanOptions, { parent: 3, mtu: 70_000.5 }).message).toBe(
      'operation: options.mtu must be an integer from 0 to 2147483647; received 70000.5',
    );
    expect(() => check('addSources', rules.sources, [mac, 'x'], 'macs')).toThrow(
      "addSources: macs[1] must be six hexadecimal bytes such as '02:00:5e:10:00:01'; received 'x'",
    );
  });

  test('begins the stack at the service that asked for the check', () => {
    function service() {
      check('setLink', linkChanges, { mtu: -1 });
    }
    const stack = (() => {
      try {
        return service();
      } catch (error) {
        return (error as Error).stack;
      }
    })();
    expect(stack?.split('\n')[1]).toMatch(/^ {4}at service /);
  });

  test('is found behind an accessor of a class, too', () => {
    class Options {
      readonly parent = 3;
      get mtu() {
        return -1;
      }
    }
    expect(refusal(createMacvlanOptions, new Options()).message).toContain('options.mtu');
    class Good {
      readonly parent = 3;
      get mtu() {
        return 1500;
      }
    }
    accepts(createMacvlanOptions, new Good());
  });
});

describe('a misspelt word', () => {
  test.each<[string, Check, object]>([
    ['passthru', createMacvlanOptions, { parent: 3, mode: 'passthrough' }],
    ['bridge', createMacvlanOptions, { parent: 3, mode: 'bridged' }],
    ['source', createMacvlanOptions, { parent: 3, mode: 'SOURCE' }],
    ['promiscuous', createMacvlanOptions, { parent: 3, promisc: true }],
    ['allMulticast', createMacvlanOptions, { parent: 3, allmulti: true }],
    ['txQueueLen', createMacvlanOptions, { parent: 3, txqueuelen: 5 }],
    ['bcQueueLen', createMacvlanOptions, { parent: 3, bcqueuelen: 5 }],
    ['bcCutoff', createMacvlanOptions, { parent: 3, bclim: 5 }],
    ['parent', createMacvlanOptions, { link: 'eth0' }],
    ['mac', createMacvlanOptions, { parent: 3, macAddress: mac }],
    ['addresses', createMacvlanOptions, { parent: 3, address: '10.0.0.1/24' }],
    ['netns', createMacvlanOptions, { parent: 3, nets: 'net1' }],
    ['name', createMacvlanOptions, { parent: 3, nmae: 'macv1' }],
    ['mode', createMacvlanOptions, { parent: 3, mdoe: 'bridge' }],
    ['kind', createLinkOptions, { kind: 'veth', type: 'veth' }],
    ['via', route, { to: 'default', gateway: '10.0.0.1' }],
    ['link', route, { to: 'default', dev: 'eth0' }],
  ])('is answered with %s', (meant, rule, options) => {
    expect(refusal(rule, options).message).toContain(`(did you mean '${meant}'?)`);
  });

  test('gets no suggestion when no word is similar', () => {
    for (const name of ['zzz', 'mxy', 'xroup', 'gxxup']) {
      const near = name === 'xroup';
      const { message } = refusal(createMacvlanOptions, { parent: 3, [name]: 1 });
      expect(message.includes("did you mean 'group'?")).toBe(near);
      expect(message.includes('did you mean')).toBe(near);
    }
    expect(refusal(createMacvlanOptions, { parent: 3, constructor: 1 }).message).not.toContain(
      'mean',
    );
    expect(
      refusal(createMacvlanOptions, { parent: 3, mode: 'x'.repeat(500) }).message,
    ).not.toContain('mean');
  });
});

describe('modes', () => {
  const samples = { nopromisc: true, sources: [mac], nodst: true, mac, bcQueueLen: 5, bcCutoff: 5 };
  const everywhere = ['bcQueueLen', 'bcCutoff'];
  const taken: Readonly<Record<string, readonly string[]>> = {
    private: ['mac'],
    vepa: ['mac'],
    bridge: ['mac'],
    passthru: ['nopromisc'],
    source: ['sources', 'nodst', 'mac'],
  };
  const pairs = Object.keys(taken).flatMap((mode) =>
    Object.entries(samples).map(([option, sample]) => ({ mode, option, sample })),
  );

  test.each(pairs)('$mode and $option', ({ mode, option, sample }) => {
    const options = { parent: 3, mode, [option]: sample };
    if (everywhere.includes(option) || taken[mode]?.includes(option)) {
      accepts(createMacvlanOptions, options);
      accepts(createLinkOptions, { kind: 'macvlan', ...options });
    } else {
      const found = refusal(createMacvlanOptions, options);
      expect(found.code).toBe('ERR_INVALID_ARG_VALUE');
      expect(found.message).toContain(`options.${option} needs mode `);
      expect(found.message).toContain(`it is '${mode}'`);
      refusal(createLinkOptions, { kind: 'macvtap', ...options });
    }
  });

  test('false and empty lists are no exception', () => {
    refusal(createMacvlanOptions, { parent: 3, mode: 'bridge', nopromisc: false });
    refusal(createMacvlanOptions, { parent: 3, mode: 'bridge', sources: [] });
  });

  test('left out means vepa for a new link, and its own mode for an existing one', () => {
    const found = refusal(createMacvlanOptions, { parent: 3, sources: [mac] });
    expect(found.message).toContain("needs mode 'source', and it is left out, which means 'vepa'");
    accepts(macvlanChanges, { sources: [mac] });
    accepts(macvlanChanges, { nopromisc: true });
    expect(refusal(macvlanChanges, { mode: 'bridge', nopromisc: true }).message).toContain(
      'nopromisc',
    );
  });

  test('sources are 5,455 at most', () => {
    const sources = new Array(5455).fill(mac);
    accepts(createMacvlanOptions, { parent: 3, mode: 'source', sources });
    accepts(rules.sources, sources);
    const found = refusal(createMacvlanOptions, {
      parent: 3,
      mode: 'source',
      sources: [...sources, mac],
    });
    expect(found.code).toBe('ERR_OUT_OF_RANGE');
    expect(found.message).toContain('at most 5455 entries, and holds 5456');
    expect(found.message.length).toBeLessThan(400);
  });
});

describe('addresses', () => {
  test.each([
    '10.0.0.1/24',
    'fd00::1/0',
    { address: '10.0.0.1', prefixLength: 0 },
    { address: '10.0.0.1/24', prefixLength: 24 },
    { address: '10.0.0.1/32', peer: '10.0.0.2', label: 'a:1', broadcast: '10.0.0.255' },
    { address: '10.0.0.1/32', scope: 'host', metric: 0 },
    { address: 'fd00::1/64', scope: 77, validLifetime: 1, preferredLifetime: 0 },
    { address: 'fd00::1/64', validLifetime: 2 ** 32 - 2, preferredLifetime: 2 ** 32 - 2 },
    { address: 'fd00::1/64', validLifetime: Number.POSITIVE_INFINITY, preferredLifetime: 60 },
  ])('%o', (value) => {
    accepts(address, value);
    accepts(addressToRemove, value);
  });

  test.each<[unknown, string]>([
    ['10.0.0.1', "must say its prefix length; '10.0.0.1/32' is the address alone"],
    ['fd00::1', "must say its prefix length; 'fd00::1/128' is the address alone"],
    ['10.0.0.1/33', 'must be an IP address'],
    ['fe80::1%eth0/64', 'must be an IP address'],
    [5, 'must be a text such as'],
    [{ address: '10.0.0.1' }, 'address must say its prefix length'],
    [{ address: '10.0.0.1', prefixLength: 33 }, 'prefixLength must be at most 32'],
    [{ address: '::1', prefixLength: 129 }, 'prefixLength must be an integer from 0 to 128'],
    [{ address: '10.0.0.1/24', prefixLength: 25 }, 'prefixLength must be the 24'],
    [{ address: '10.0.0.1/24', peer: '::1' }, "peer must be of the address's family"],
    [{ address: '10.0.0.1/24', peer: '10.0.0.2/24' }, 'peer must be an IP address'],
    [{ address: '10.0.0.1/24', broadcast: '::1' }, "broadcast must be of the address's family"],
    [{ address: '::1/64', broadcast: '::2' }, 'broadcast is for IPv4 addresses only'],
    [{ address: '::1/64', label: 'a' }, 'label is for IPv4 addresses only'],
    [{ address: '::1/64', label: '' }, 'label must not be empty'],
    [{ address: '::1/64', validLifetime: 0 }, 'validLifetime must be Infinity or'],
    [{ address: '::1/64', validLifetime: 2 ** 32 - 1 }, 'validLifetime must be Infinity or'],
    [{ address: '::1/64', validLifetime: 1.5 }, 'validLifetime must be Infinity or'],
    [{ address: '::1/64', validLifetime: '5' }, 'validLifetime must be Infinity or'],
    [{ address: '::1/64', preferredLifetime: Number.NEGATIVE_INFINITY }, 'preferredLifetime must'],
    [
      { address: '::1/64', validLifetime: 5, preferredLifetime: 6 },
      'not be longer than validLifetime',
    ],
    [
      { address: '10.0.0.1/24', preferredLifetime: 6 },
      'preferredLifetime must be 0 or Infinity for an IPv4 address without a validLifetime',
    ],
    [{ address: '::1/64', scope: 256 }, 'scope must be an integer'],
    [{ address: '::1/64', scope: 'galaxy' }, "scope must be 'global',"],
    [{ address: '::1/64', cidr: '::1/64' }, 'cidr is not a known option'],
    [{ prefixLength: 24 }, 'address is required'],
  ])('not %o', (value, says) => {
    expect(refusal(address, value).message).toContain(says);
  });

  test('are removed and added as they were listed', () => {
    const listed = {
      address: 'fd00::1',
      prefixLength: 64,
      cidr: 'fd00::1/64',
      family: 'IPv6',
      linkIndex: 3,
      scope: '77',
      label: null,
      broadcast: null,
      peer: null,
      flags: ['permanent', 'tentative'],
      validLifetime: Number.POSITIVE_INFINITY,
      preferredLifetime: 0,
    };
    accepts(addressToRemove, listed);
    accepts(address, listed);
    const { linkIndex: _, ...written } = listed;
    refusal(address, written);
    refusal(addressToRemove, { ...listed, address: '10.0.0.1' });
    accepts(addressToRemove, { address: '10.0.0.1/24', preferredLifetime: 6 });
    refusal(addressToRemove, { ...listed, scope: 'galaxy' });
    const flags = ['secondary', 'temporary', 'dynamic', 'dadfailed', 'deprecated', 'autojoin'];
    for (const rule of [address, addressToRemove]) {
      accepts(rule, { ...listed, flags: [...listed.flags, ...flags] });
      const misspelt = refusal(rule, { ...listed, flags: [...listed.flags, 'nodda'] });
      expect(misspelt.message).toContain('flags[2] must be');
      const foreign = refusal(rule, { ...listed, family: 'IPv4' });
      expect(foreign.message).toContain("family must be the address's; received 'IPv4'");
    }
  });
});

describe('neighbours', () => {
  const address = '10.0.0.9';

  test.each([
    { address, mac },
    { address: 'fd00::9', mac: 'FF-FF-FF-FF-FF-FF', state: 'noarp', router: true, protocol: 77 },
    { address, mac: '00:00:00:00:00:00', proxy: false },
    { address, proxy: true, protocol: 'static' },
  ])('%o', (value) => {
    accepts(rules.neighbour, value);
    accepts(rules.neighbourToRemove, value);
  });

  test.each<[object, string]>([
    [{ mac }, 'address is required'],
    [{ address: '10.0.0.9/24', mac }, 'address must be an IP address without a zone'],
    [{ address: 'fe80::9%eth0', mac }, 'address must be an IP address without a zone'],
    [{ address }, 'mac is required but for a proxy'],
    [{ address, mac: '02:00:5e:10:00' }, 'mac must be six hexadecimal bytes'],
    [{ address, mac: null }, 'mac must be a string'],
    [
      { address, mac, state: 'failed' },
      "state must be 'permanent', 'noarp', 'reachable' or 'stale'",
    ],
    [{ address, mac, router: 1 }, 'router must be a boolean'],
    [{ address, mac, protocol: 'ospf' }, "protocol must be 'unspec'"],
    [{ address, mac, proxy: true }, 'mac is not for a proxy'],
    [{ address, state: 'permanent', proxy: true }, 'state is not for a proxy'],
    [{ address, lladdr: mac }, "lladdr is not a known option (did you mean 'mac'?)"],
  ])('not %o', (value, says) => {
    expect(refusal(rules.neighbour, value).message).toContain(`operation: options.${says}`);
  });

  const listed = { address, family: 'IPv4', linkIndex: null, mac: null, state: 'none' };

  test.each<[object, string?]>([
    [{ router: false, proxy: true, protocol: '77' }],
    [{ router: true, proxy: true }],
    [{ linkIndex: 3, mac, state: 'delay', router: true, proxy: false, protocol: 'unspec' }],
    [{ mac, state: 'none', proxy: false }, "state is for a proxy; received 'none'"],
    [{ state: 'failed', proxy: false }, "state must be 'permanent', 'noarp', 'reachable', 'stale'"],
    [{ state: 'stale', proxy: false }, 'mac is required but for a proxy; received null'],
    [{ mac, state: 'stale', family: 'IPv6' }, "family must be the address's; received 'IPv6'"],
    [{ mac, proxy: true }, 'mac is not for a proxy'],
    [{ state: 'stale', proxy: true }, 'state is not for a proxy'],
    [{ proxy: true, protocol: 'ospf' }, "protocol must be 'unspec'"],
    [{ proxy: true, lladdr: mac }, 'lladdr is not a known option'],
  ])('as it was listed, with %o', (fields, says) => {
    const value = { ...listed, ...fields };
    if (says === undefined) accepts(rules.neighbour, value);
    else expect(refusal(rules.neighbour, value).message).toContain(`operation: options.${says}`);
  });

  test('are removed by their address, and as they were listed', () => {
    const foreign = refusal(rules.neighbourToRemove, { ...listed, family: 'IPv6' });
    expect(foreign.message).toContain("family must be the address's; received 'IPv6'");
    for (const value of [
      address,
      { address },
      { ...listed, router: false, proxy: true, protocol: '77' },
    ]) {
      accepts(rules.neighbourToRemove, value);
    }
    const says = "options must be an address such as '10.0.0.1', or an object";
    for (const value of [undefined, null, 5]) {
      expect(refusal(rules.neighbourToRemove, value).message).toContain(says);
    }
    expect(refusal(rules.neighbourToRemove, '10.0.0.9/24').message).toContain(
      'must be an IP address',
    );
    expect(refusal(rules.neighbourToRemove, { address, vlan: 5 }).message).toContain(
      'options.vlan is not',
    );
    expect(refusal(rules.neighbourToRemove, { address, proxy: 1 }).message).toContain(
      'options.proxy must be a boolean',
    );
  });
});

describe('rules', () => {
  const most = 2 ** 32 - 1;

  test.each([
    { priority: 0, table: 'main' },
    { priority: most, from: '10.0.0.0/8', to: '10.0.0.1', family: 'IPv4', table: most, signal },
    { priority: 5, from: '10.1.2.3/8', table: 'local', tos: 252 },
    { priority: 5, to: 'fd00::/64', family: 'IPv6', iif: 'lo', oif: 'eth0.5' },
    { priority: 5, iif: 'a:b', oif: 'x y%' },
    { priority: 5, family: 'IPv6', fwmark: most, fwmask: 0 },
    { priority: 5, fwmark: 0, fwmask: 255 },
    { priority: 5, ipProtocol: 'tcp', sourcePorts: 1, destinationPorts: [80, 80] },
    { priority: 5, ipProtocol: 255, destinationPorts: 65_534 },
    { priority: 5, uidRange: [0, most - 1], invert: true },
    { priority: 5, goto: 6 },
    { priority: 5, goto: 6, action: 'goto' },
    { priority: 5, action: 'blackhole', protocol: 77 },
    { priority: 5, protocol: 0 },
    { priority: 5, l3mdev: true, suppressPrefixLength: 128, suppressGroup: 2 ** 31 - 1 },
    { priority: 5, action: 'blackhole', table: 100 },
    { priority: 5, action: 'nop', l3mdev: true },
  ])('%o', (value) => {
    accepts(rules.rule, value);
    accepts(rules.ruleToRemove, value);
  });

  test.each<[object, string]>([
    [{ priority: undefined }, 'priority is required'],
    [{ priority: -1 }, 'priority must be an integer from 0'],
    [{ priority: most + 1 }, 'priority must be an integer from 0'],
    [{ from: '10.0.0.0/33' }, 'from must be an IP address'],
    [{ from: 'all' }, 'from must be an IP address'],
    [{ to: 5 }, 'to must be a string'],
    [{ from: '10.0.0.1', to: 'fd00::1' }, "to must be of the family of 'from'"],
    [{ from: '10.0.0.1', family: 'IPv6' }, "family must be the addresses'"],
    [{ to: 'fd00::1', family: 'IPv4' }, "family must be the addresses'"],
    [{ tos: 1 }, 'tos must have its two lowest bits clear'],
    [{ tos: 256 }, 'tos must be an integer from 0 to 255'],
    [{ iif: '' }, 'iif must'],
    [{ iif: 3 }, 'iif must be a string'],
    [{ oif: 'x'.repeat(16) }, 'oif must'],
    [{ fwmark: 0 }, 'fwmark of 0 matches any mark'],
    [{ fwmark: 0, fwmask: null }, 'fwmark of 0 matches any mark'],
    [{ fwmark: -1 }, 'fwmark must be an integer from 0'],
    [{ fwmask: '0xff' }, 'fwmask must be a number'],
    [{ fwmask: 255 }, 'fwmask is for a fwmark, which may be 0; received 255'],
    [{ fwmark: null, fwmask: 255 }, 'fwmask is for a fwmark'],
    [{ ipProtocol: 'http' }, "ipProtocol must be 'icmp', 'tcp'"],
    [{ ipProtocol: 0 }, 'ipProtocol must be an integer from 1 to 255'],
    [{ sourcePorts: 0 }, 'sourcePorts must be an integer from 1 to 65534'],
    [{ sourcePorts: '80' }, 'sourcePorts must be a list of the first and the last'],
    [{ destinationPorts: [80] }, 'destinationPorts must be a list of the first and the last'],
    [{ destinationPorts: [80, 81, 82] }, 'destinationPorts must be a list of the first and'],
    [{ destinationPorts: [80, 65_535] }, 'destinationPorts[1] must be an integer from 1 to 65534'],
    [{ destinationPorts: [0, 80] }, 'destinationPorts[0] must be an integer from 1 to 65534'],
    [{ destinationPorts: [81, 80] }, 'destinationPorts must not end before it begins'],
    [{ uidRange: 5 }, 'uidRange must be a list of the first and the last'],
    [{ uidRange: [5, most] }, 'uidRange[1] must be an integer from 0'],
    [{ uidRange: [5, 4] }, 'uidRange must not end before it begins'],
    [{ invert: 1 }, 'invert must be a boolean'],
    [{ action: 'drop' }, "action must be 'table', 'goto'"],
    [{ table: 'mine' }, "table must be 'default', 'main' or 'local'"],
    [{ table: 0 }, 'table must be an integer from 1'],
    [{ l3mdev: true, table: 100 }, 'table is given by the VRF with l3mdev'],
    [{ goto: 5 }, 'goto must be above the priority, which is 5'],
    [{ goto: 6, action: 'table' }, "goto is for the action 'goto'"],
    [{ goto: 6, action: 'nop' }, "goto is for the action 'goto'"],
    [{ action: 'goto' }, "goto is required with the action 'goto'"],
    [{ suppressPrefixLength: -1 }, 'suppressPrefixLength must be an integer from 0'],
    [{ suppressGroup: -1 }, 'suppressGroup must be an integer from 0'],
    [{ suppressGroup: 2 ** 32 - 1 }, 'suppressGroup must be an integer from 0'],
    [{ protocol: 'ospf' }, "protocol must be 'unspec'"],
    [{ lookup: 100 }, 'lookup is not a known option'],
  ])('not %o', (given, says) => {
    const { message } = refusal(rules.rule, { priority: 5, ...given });
    expect(message).toContain(`operation: options.${says}`);
  });

  test('are removed by a part of what they say, and added as they were listed', () => {
    accepts(rules.ruleToRemove, { fwmask: 255 });
    const listed = {
      ...SAYS_NOTHING,
      priority: 0,
      family: 'IPv4',
      action: 'table',
      table: 255,
      protocol: 'kernel',
    };
    for (const rule of [rules.rule, rules.ruleToRemove]) {
      accepts(rule, listed);
      accepts(rule, { ...listed, action: '9', protocol: '77', ipProtocol: '47', table: null });
    }
    accepts(rules.ruleToRemove, { from: '10.0.0.1' });
    for (const told of [
      { suppressGroup: 0 },
      { priority: 1 },
      { priority: 0, table: 255 },
      { goto: 5 },
      { l3mdev: true },
    ]) {
      accepts(rules.ruleToRemove, told);
    }
    for (const value of [
      {},
      { family: 'IPv4' },
      { invert: true, tos: 0, from: null },
      { from: '0.0.0.0/0', l3mdev: false },
      { to: '::/0' },
      { fwmark: 0, fwmask: 0 },
      { protocol: 'unspec', action: '0' },
      { signal },
      // True of the kernel's first rule as well.
      { priority: 0 },
      { protocol: 'kernel' },
      { priority: 0, family: 'IPv6', action: 'table', protocol: 'kernel' },
    ]) {
      expect(refusal(rules.ruleToRemove, value).message).toContain('options must say which one');
    }
    expect(refusal(rules.ruleToRemove, undefined).code).toBe('ERR_INVALID_ARG_TYPE');
    accepts(rules.rule, { priority: 0 });
    expect(refusal(rules.ruleToRemove, { fwmark: 0 }).message).toContain('fwmark of 0');
    for (const given of [
      { goto: 6, action: 'nop' },
      { goto: 6, priority: 6 },
    ]) {
      expect(refusal(rules.ruleToRemove, given).message).toContain('options.goto');
    }
  });
});

describe('routes', () => {
  test.each([
    { to: 'default', via: '10.0.0.1' },
    { to: 'default', via: 'fd00::1', link: 3, metric: 5, onlink: true, mtu: 1400, advmss: 1 },
    { to: 'default', link: 'eth0', family: 'IPv6' },
    { to: '10.1.0.0/16', via: '10.0.0.1', source: '10.0.0.2', scope: 'global', family: 'IPv4' },
    { to: '10.1.2.3', link: 3, table: 100, protocol: 'static' },
    { to: 'fd00:1::/32', link: 3, table: 'local', protocol: 77, type: 'unicast' },
    { to: '10.1.0.0/16', type: 'blackhole' },
    { to: '10.1.0.0/16', via: 'fd00::1', family: 'IPv4' },
    { to: 'default', via: 'fd00::1', family: 'IPv4', source: '10.0.0.1' },
    { to: '0.0.0.0/0', via: '10.0.0.1', append: true, signal },
    { to: 'default', link: 3, source: '10.0.0.1', tos: 16 },
    { to: 'default', link: 3, tos: 16 },
    { to: 'default', link: 3, source: 'fd00::1', from: 'fd02::/48' },
    { to: 'default', nextHops: [{ link: 3 }, { via: 'fd00::1' }, { via: 'fd00::2' }] },
    { to: 'default', family: 'IPv4', nextHops: [{ via: 'fd00::1' }, { via: '10.0.0.1' }] },
    { to: 'default', family: 'IPv6', nextHops: [{ via: 'fd00::1' }] },
  ])('%o', (value) => {
    accepts(route, value);
    accepts(routeToRemove, value);
  });

  test.each<[object, string]>([
    [{ to: '10.1.2.3/16', link: 3 }, "to must have no host bits: use '10.1.0.0/16'"],
    [{ to: 'fd00::1/64', link: 3 }, "to must have no host bits: use 'fd00::/64'"],
    [{ to: '10.1.0.0/99', link: 3 }, "to must be 'default', or a prefix"],
    [{ to: 'any', link: 3 }, "to must be 'default', or a prefix"],
    [{ to: 5, link: 3 }, "to must be 'default', or a prefix"],
    [{ to: 'default' }, 'must say where it leads: via, link or both'],
    [{ to: '10.1.0.0/16', type: 'unicast' }, 'must say where it leads: via, link or both'],
    [
      { to: '10.1.0.0/16', via: 'fd00::1' },
      "via must be of the route's family, unless family: 'IPv4' is said as well",
    ],
    [{ to: 'fd01::/64', via: '10.0.0.1', family: 'IPv6' }, "via must be of the route's family;"],
    [{ to: 'default', via: 'fd00::1', source: '10.0.0.1' }, "source must be of the route's family"],
    [{ to: 'default', via: '10.0.0.1', family: 'IPv6' }, "via must be of the route's family;"],
    [{ to: '::/0', link: 3, family: 'IPv4' }, "family must be the destination's"],
    [{ to: 'default', via: '10.0.0.1/24' }, 'via must be an IP address'],
    [{ to: 'default', via: 'fe80::1%eth0' }, 'via must be an IP address'],
    [{ to: 'default', link: 3, table: 'mine' }, "table must be 'default', 'main' or 'local'"],
    [{ to: 'default', link: 3, metric: -1 }, 'metric must be an integer from 0'],
    [{ to: 'default', link: 3, type: 'nat' }, "type must be 'unicast'"],
    [{ to: 'default', link: 3, type: 1 }, "type must be 'unicast'"],
    [{ to: 'default', link: 3, protocol: 'ospf' }, "protocol must be 'unspec'"],
    [{ to: 'default', link: 3, mtu: 0 }, 'mtu must be an integer from 1'],
    [{ to: 'default', link: 3, advmss: 0 }, 'advmss must be an integer from 1'],
    [{ to: 'default', link: 3, append: 1 }, 'append must be'],
    [{ to: 'default', via: 'fd00::1', tos: 16 }, 'tos is of IPv4 routes only'],
    [{ to: 'default', link: 3, source: 'fd00::1', tos: 16 }, 'tos is of IPv4 routes only'],
    [
      { to: 'fd00::/8', link: 3, from: '10.0.0.0/8' },
      'from is an IPv6 prefix, of IPv6 routes only',
    ],
    [
      { to: '10.1.0.0/16', nextHops: [{ link: 3 }, { via: 'fd00::1' }] },
      "nextHops[1].via must be of the route's family, unless",
    ],
    [
      { to: 'default', nextHops: [{ via: '10.0.0.1' }, { via: 'fd00::1' }] },
      "nextHops[1].via must be of the route's family, unless",
    ],
    [
      { to: 'default', nextHops: [{ via: 'fd00::1' }, { via: '10.0.0.1' }] },
      "nextHops[1].via must be of the route's family;",
    ],
    [
      { to: 'default', family: 'IPv6', nextHops: [{ via: '10.0.0.1' }] },
      "nextHops[0].via must be of the route's family;",
    ],
  ])('not %o', (value, says) => {
    expect(refusal(route, value).message).toContain(says);
  });

  test('are removed and added as they were listed', () => {
    const listed = {
      to: 'default',
      family: 'IPv4',
      via: null,
      link: null,
      metric: 0,
      table: 254,
      source: null,
      scope: 'link',
      protocol: '42',
      type: 'blackhole',
      onlink: false,
      mtu: null,
      advmss: null,
      nextHops: [],
      nexthopId: null,
    };
    accepts(routeToRemove, listed);
    accepts(route, listed);
    const { nexthopId: _, ...written } = listed;
    refusal(route, written);
    // What a program writes may have the names of fields, and nothing in them.
    const none = { nexthopId: undefined, nextHops: undefined };
    refusal(route, { to: '10.1.0.0/16', ...none });
    refusal(route, { to: '10.1.0.0/16', ...none, nexthopId: 5, via: '10.0.0.1' });
    refusal(address, { address: '10.0.0.1/24', peer: null, linkIndex: undefined });
    refusal(route, { ...listed, protocol: '256' });
    const ways = { nextHops: [{ via: '10.0.0.2', link: 3, weight: 1, onlink: false }] };
    // The object's own, which a listing shows as well.
    accepts(route, { ...listed, ...ways, via: '10.0.0.1', link: 3, nexthopId: 5 });
    accepts(routeToRemove, { to: '10.1.0.0/16' });
    const listedHop = { via: '10.0.0.1', link: 3, weight: 1, onlink: false };
    refusal(routeToRemove, { to: '10.1.2.3/16' });
    refusal(routeToRemove, { to: '10.1.0.0/16', via: 'fd00::1' });
    refusal(routeToRemove, { ...listed, protocol: '256' });
    // More ways than a new one may have: a listing has room for them.
    const wide = { ...listed, type: 'unicast', via: null, link: null };
    accepts(routeToRemove, { ...wide, nextHops: Array(2047).fill(listedHop) });
    refusal(routeToRemove, { ...wide, nextHops: Array(2048).fill(listedHop) });
  });

  test.each([
    { via: '10.0.0.1' },
    { link: 'eth0' },
    { nextHops: [hop, { via: null, link: 3 }, { via: '10.0.0.1' }] },
    { nextHops: [{ via: 'fd00::1' }] },
    { nexthopId: undefined, link: 3 },
    { nexthopId: 5, link: 3, via: '10.0.0.1' },
    { nexthopId: 5, nextHops: [hop], type: 'blackhole' },
    { to: 'fd01::/64', family: 'IPv6', link: 1, type: 'blackhole' },
    { type: 'local', link: undefined },
  ])('as they were listed, but with %o', (changes) => {
    accepts(route, { ...listedRoute, ...changes });
    accepts(routeToRemove, { ...listedRoute, ...changes });
  });

  test.each<[object, string]>([
    [{ nexthopId: 5, link: 'eth0' }, 'nexthopId has a way of its own: leave it out, or via, link'],
    [{ nexthopId: 5, link: { index: 3 } }, 'nexthopId has a way of its own'],
    [{ nexthopId: 5, nextHops: [hop, { ...hop, link: 'eth0' }] }, 'nexthopId has a way of its own'],
    [{ nexthopId: 0 }, 'nexthopId must be an integer from 1'],
    [{ nextHops: [hop], via: '10.0.0.1' }, 'nextHops are all the ways: leave out via and link'],
    [{ nextHops: [hop], link: 3 }, 'nextHops are all the ways: leave out via and link'],
    [{ type: 'prohibit', nextHops: [hop] }, "nextHops are not for a route of type 'prohibit'"],
  ])('nor as they were listed, but with %o', (changes, says) => {
    for (const rule of [route, routeToRemove]) {
      expect(refusal(rule, { ...listedRoute, ...changes }).message).toContain(says);
    }
  });

  test.each<[object, string]>([
    [{}, 'must say where it leads: via, link or both'],
    [{ via: undefined, type: undefined }, 'must say where it leads'],
    [{ nextHops: [hop, {}] }, 'nextHops[1] must say via, link or both'],
    [{ nextHops: [{ via: null, link: null }] }, 'nextHops[0] must say via, link or both'],
    [
      { to: 'fd01::/64', family: 'IPv6', nextHops: [{ via: '10.0.0.1' }] },
      "nextHops[0].via must be of the route's family",
    ],
  ])('nor to add as they were listed, but with %o', (changes, says) => {
    accepts(routeToRemove, { ...listedRoute, ...changes });
    expect(refusal(route, { ...listedRoute, ...changes }).message).toContain(says);
  });
});

describe('references', () => {
  test('to links', () => {
    for (const ref of [
      1,
      'eth0',
      'an alternative name',
      { index: 3 },
      { index: 3, name: 'eth0' },
    ]) {
      accepts(linkRef, ref);
    }
    for (const ref of [
      0,
      -1,
      1.5,
      2 ** 31,
      Number.NaN,
      '',
      'a\0',
      null,
      undefined,
      {},
      [],
      true,
      3n,
    ]) {
      refusal(linkRef, ref);
    }
    expect(() => check('deleteLinks', rules.linkRefs, [3, ''], 'refs')).toThrow('refs[1] must not');
    accepts(rules.linkRefs, new Array(10_000).fill(3));
  });

  test('to namespaces', () => {
    // A closed handle is in order here, and refused as closed by whoever uses it.
    const closed = { ...handle, fd: -1 };
    for (const ref of ['net1', '/proc/1/ns/net', { pid: 1 }, { fd: 0 }, handle, closed]) {
      accepts(netnsRef, ref);
    }
    for (const ref of ['', '.', '..', 'a\0', 5, null, undefined, {}, [], { pid: 1, fd: 3 }]) {
      refusal(netnsRef, ref);
    }
    // What a program writes itself is a descriptor, never a handle.
    refusal(netnsRef, { fd: -1, inode: 1, name: null });
    // A copy by spreading lacks the accessor `fd`, and a Proxy's throws.
    const { fd: _, ...spread } = handle;
    const proxy = new Proxy(handle, {
      get: (from, key) => {
        if (key === 'fd') throw new TypeError('Receiver must be an instance of class Namespace');
        return Reflect.get(from, key);
      },
    });
    for (const copy of [spread, proxy]) {
      expect(refusal(netnsRef, copy).message).toContain('a Netns itself, not a copy or a Proxy');
    }
    expect(refusal(rules.netnsName, 'a/b').message).toContain("must not hold '/'");
    accepts(rules.netnsName, '-a');
  });
});

describe('any argument at all', () => {
  const names = [...Object.keys(LINK_OPTIONS), 'parent', 'mode', 'sources', 'nodst', 'nopromisc'];
  const further = [
    'kind',
    'peer',
    'id',
    'to',
    'via',
    'address',
    'prefixLength',
    'pid',
    'fd',
    'flags',
  ];
  const strange = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  const usual = fc.constantFrom<unknown>(
    3,
    mac,
    'eth0',
    'bridge',
    '10.0.0.1/24',
    true,
    [],
    null,
    handle,
  );
  const options = fc.dictionary(fc.constantFrom(...names, ...further), fc.oneof(strange, usual));

  test('is accepted, or refused with an argument error like Node’s', () => {
    fc.assert(
      fc.property(fc.oneof(strange, options), fc.constantFrom(...everyRule), (value, [, rule]) => {
        if (rule(value) !== undefined) refusal(rule, value);
      }),
      { numRuns: 5000 },
    );
  });

  test('numbers are whole and in their range', () => {
    const ranges = {
      mtu: [0, 2 ** 31 - 1],
      index: [1, 2 ** 31 - 1],
      group: [0, 2 ** 32 - 1],
      txQueueLen: [0, 2 ** 32 - 1],
      numTxQueues: [1, 4096],
      numRxQueues: [1, 4096],
      bcQueueLen: [0, 2 ** 32 - 1],
      bcCutoff: [-(2 ** 31), 2 ** 31 - 1],
    } as const;
    const edges = Object.values(ranges).flatMap(([min, max]) => [min - 1, min, max, max + 1]);
    const numbers = fc.oneof(
      fc.constantFrom(...edges),
      fc.integer(),
      fc.double(),
      fc.maxSafeInteger(),
    );
    fc.assert(
      fc.property(
        numbers,
        fc.constantFrom(...Object.entries(ranges)),
        (number, [name, [min, max]]) => {
          const whole = Number.isInteger(number) && number >= min && number <= max;
          if (whole) accepts(createMacvlanOptions, { parent: 3, [name]: number });
          else
            expect(refusal(createMacvlanOptions, { parent: 3, [name]: number }).code).toBe(
              'ERR_OUT_OF_RANGE',
            );
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('runs none of its own code, except accessors of options', () => {
    const ran = vi.fn();
    const value = { toString: ran, valueOf: ran, [Symbol.toPrimitive]: ran, toJSON: ran };
    refusal(createMacvlanOptions, { parent: value, mtu: value });
    refusal(linkRef, value);
    expect(ran).not.toHaveBeenCalled();
  });
});
