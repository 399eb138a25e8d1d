/**
 * Bad input never reaches the kernel: the namespace that is asked has no netlink socket in it, because
 * the library opens one with the first request it sends. And it never brings the process down.
 */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Netns } from '../../lib/index.js';
import {
  LINK,
  LINK_ITEMS,
  MACVLAN,
  notFlags,
  notIntegers,
  notLinks,
  notMacs,
  notNames,
  notNetns,
  notNumbers,
  notObjects,
  notStrings,
  type Rows,
} from '../support/bad-values.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const neighbour = { address: '10.0.0.9', mac: '02:00:5e:10:00:09' };

/** Any operation, called as JavaScript would call it. */
// biome-ignore lint/suspicious/noExplicitAny: what is tested is what the types forbid
type Loose = Record<string, (...args: any[]) => Promise<unknown>>;

const loose = (host: TestNetns) => host.netns as unknown as Loose;

/** The beginning of a value as an error message shows it. */
function shown(value: unknown): string {
  if (typeof value === 'string') return inspect(value.slice(0, 20)).slice(0, -1);
  if (Array.isArray(value)) return '[';
  if (typeof value === 'object' && value !== null) return '';
  return inspect(value);
}

/** Expects an argument error that names the option and the value. */
async function expectRefused(
  promise: Promise<unknown>,
  operation: string,
  path: string,
  value: unknown,
): Promise<void> {
  const row = `${operation} ${path} ${inspect(value, { depth: 0 }).slice(0, 60)}`;
  const error = await refusalOf(promise);
  expect(error.code, `${row}: ${error.message}`).toMatch(
    /^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE)$/,
  );
  expect(error, row).toBeInstanceOf(error.code === 'ERR_OUT_OF_RANGE' ? RangeError : TypeError);
  expect(error.message, row).toContain(`${operation}: ${path}`);
  expect(error.message, row).toContain(shown(value));
  expect(error.message.length, row).toBeLessThan(600);
}

/** Valid options with a value set at `name`, `name.field` or `name[at]`. */
function withOption(base: object, path: string, value: unknown): object {
  const [, name = '', at, field] = /^(\w+)(?:\[(\d+)\])?(?:\.(\w+))?$/.exec(path) ?? [];
  if (at === undefined) return { ...base, [name]: field ? { [field]: value } : value };
  if (field !== undefined) return { ...base, [name]: [{ to: '10.9.0.0/16', [field]: value }] };
  const fine: Record<string, unknown[]> = { altNames: ['fine', 'fine-too'], addresses: [] };
  const list = [...(fine[name] ?? [])];
  list[Number(at)] = value;
  return { ...base, [name]: list };
}

async function expectAllRefused(
  host: TestNetns,
  operation: string,
  base: object,
  rows: Rows,
  argument = 'options',
  before: readonly unknown[] = [],
): Promise<void> {
  for (const [path, values] of Object.entries(rows)) {
    for (const value of values) {
      const options = withOption(base, path, value);
      const call = loose(host)[operation]?.call(host.netns, ...before, options);
      await expectRefused(call as Promise<unknown>, operation, `${argument}.${path}`, value);
    }
  }
  for (const value of notObjects) {
    const call = loose(host)[operation]?.call(host.netns, ...before, value);
    await expectRefused(call as Promise<unknown>, operation, argument, value);
  }
}

test('a namespace has a netlink socket from the first request on, and not before', async () => {
  const host = await bed.makeNetns();
  expect(await host.routeSockets()).toBe(0);
  await host.netns.getLink('lo');
  expect(await host.routeSockets()).toBe(1);
});

describe('bad input is refused before anything is sent, naming option and value,', () => {
  test.each(['createMacvlan', 'createMacvtap'])('by %s', async (operation) => {
    const host = await bed.makeNetns();
    await expectAllRefused(host, operation, { parent: 'p0' }, { ...MACVLAN, ...LINK_ITEMS });
    expect(await host.routeSockets()).toBe(0);
  });

  test.each([
    ['private', { nopromisc: [true, false], sources: [[]], nodst: [true, false] }],
    ['vepa', { nopromisc: [true, false], sources: [[]], nodst: [true, false] }],
    ['bridge', { nopromisc: [true, false], sources: [[]], nodst: [true, false] }],
    ['passthru', { mac: ['02:00:00:00:00:01'], sources: [[]], nodst: [true, false] }],
    ['source', { nopromisc: [true, false] }],
  ])('by createMacvlan, for what mode %s does not take', async (mode, rows: Rows) => {
    const host = await bed.makeNetns();
    await expectAllRefused(host, 'createMacvlan', { parent: 'p0', mode }, rows);
    await expectAllRefused(host, 'createLink', { parent: 'p0', kind: 'macvtap', mode }, rows);
    expect(await host.routeSockets()).toBe(0);
  });

  test('by createMacvlan, for the source list of mode source', async () => {
    const host = await bed.makeNetns();
    const base = { parent: 'p0', mode: 'source' };
    const fine = '02:00:00:00:00:01';
    for (const value of notMacs) {
      const sources = [fine, fine, value];
      const call = loose(host).createMacvlan?.({ ...base, sources });
      await expectRefused(call as Promise<unknown>, 'createMacvlan', 'options.sources[2]', value);
    }
    await expectAllRefused(host, 'createMacvlan', base, {
      sources: [null, 'text', {}, new Array(5456).fill(fine), new Array(10_000_000)],
    });
    expect(await host.routeSockets()).toBe(0);
  });

  test('by createLink', async () => {
    const host = await bed.makeNetns();
    await expectAllRefused(
      host,
      'createLink',
      { kind: 'bridge' },
      { ...LINK, ...LINK_ITEMS, parent: ['p0'], mode: ['bridge'] },
    );
    const kinds = [
      undefined,
      '',
      'Veth',
      'ipvlan',
      'toString',
      '__proto__',
      'constructor',
      7,
      null,
      {},
    ];
    await expectAllRefused(host, 'createLink', {}, { kind: kinds });
    await expectAllRefused(host, 'createLink', { kind: 'veth' }, { peer: notObjects });
    const vlan = { kind: 'vlan', parent: 'p0', id: 7 };
    await expectAllRefused(host, 'createLink', vlan, {
      parent: [undefined, ...notLinks],
      id: [undefined, 0, 4095, -1, ...notIntegers, ...notNumbers],
      protocol: ['802.1q', '', 7, null],
    });
    for (const [name, values] of Object.entries({
      name: notNames,
      mac: notMacs,
      netns: notNetns,
      up: notFlags,
      mtu: [-1, 2 ** 31, ...notIntegers, ...notNumbers],
      index: [7],
      master: notLinks,
    })) {
      for (const value of values) {
        const call = loose(host).createLink?.({ kind: 'veth', peer: { [name]: value } });
        await expectRefused(call as Promise<unknown>, 'createLink', `options.peer.${name}`, value);
      }
    }
    expect(await host.routeSockets()).toBe(0);
  });

  test('by setLink', async () => {
    const host = await bed.makeNetns();
    const { name, mac, mtu, up, promiscuous, allMulticast, txQueueLen, group } = LINK;
    const rows = { name, mac, mtu, up, promiscuous, allMulticast, txQueueLen, group } as Rows;
    await expectAllRefused(
      host,
      'setLink',
      {},
      {
        ...rows,
        arp: notFlags,
        multicast: notFlags,
        alias: ['x'.repeat(256), 'a\0b', 7, true, {}],
        master: notLinks.filter((value) => value !== null),
        addAltNames: [null, 'text', {}, ['']],
        removeAltNames: [null, 'text', {}, ['']],
        addrGenMode: ['', 0, null],
        ipv4: [null, 7, 'arpNotify'],
        ipv6: [null, 7, 'acceptRa'],
        bridgePort: [null, 7, 'hairpin'],
        netns: ['n1'],
        index: [7],
      },
      'changes',
      ['p0'],
    );
    for (const value of notFlags) {
      const call = loose(host).setLink?.('p0', { bridgePort: { hairpin: value } });
      await expectRefused(call as Promise<unknown>, 'setLink', 'changes.bridgePort.hairpin', value);
    }
    expect(await host.routeSockets()).toBe(0);
  });

  test('by setMacvlan, addSources and removeSources', async () => {
    const host = await bed.makeNetns();
    const { mode, bcQueueLen, bcCutoff } = MACVLAN;
    await expectAllRefused(
      host,
      'setMacvlan',
      {},
      {
        ...({ mode, bcQueueLen, bcCutoff } as Rows),
        nopromisc: notFlags,
        nodst: notFlags,
        sources: [null, 'text', {}, new Array(5456).fill('02:00:00:00:00:01')],
        parent: ['p0'],
      },
      'changes',
      ['m0'],
    );
    const both = { nopromisc: true, nodst: true };
    const call = loose(host).setMacvlan?.('m0', both);
    await expectRefused(call as Promise<unknown>, 'setMacvlan', 'changes.nodst', true);
    for (const operation of ['addSources', 'removeSources']) {
      for (const value of notMacs) {
        const one = loose(host)[operation]?.call(host.netns, 'm0', [value]);
        await expectRefused(one as Promise<unknown>, operation, 'macs[0]', value);
      }
      for (const value of [
        undefined,
        null,
        'text',
        {},
        7,
        new Array(5456).fill('02:00:00:00:00:01'),
      ]) {
        const list = loose(host)[operation]?.call(host.netns, 'm0', value);
        await expectRefused(list as Promise<unknown>, operation, 'macs', value);
      }
    }
    expect(await host.routeSockets()).toBe(0);
  });

  test('by moveLink', async () => {
    const host = await bed.makeNetns();
    await expectAllRefused(
      host,
      'moveLink',
      {},
      { name: notNames, index: [0, -1, ...notIntegers, ...notNumbers], netns: ['n1'] },
      'options',
      ['p0', 'n1'],
    );
    for (const value of [undefined, ...notNetns]) {
      const call = loose(host).moveLink?.('p0', value);
      await expectRefused(call as Promise<unknown>, 'moveLink', 'netns', value);
    }
    expect(await host.routeSockets()).toBe(0);
  });

  test('by listLinks', async () => {
    const host = await bed.makeNetns();
    await expectAllRefused(
      host,
      'listLinks',
      {},
      {
        kind: [7, true, {}, 'x'.repeat(70_000)],
        parent: notLinks,
        master: notLinks.filter((value) => value !== null),
        group: [-1, ...notNumbers],
        up: notFlags,
        name: ['p0'],
      },
      'filter',
    );
    expect(await host.routeSockets()).toBe(0);
  });

  test('by everything that takes a link', async () => {
    const host = await bed.makeNetns();
    const calls: [string, readonly unknown[]][] = [
      ['getLink', []],
      ['setLink', [{}]],
      ['setPromiscuous', [true]],
      ['setMacvlan', [{}]],
      ['addSources', [[]]],
      ['removeSources', [[]]],
      ['moveLink', ['n1']],
      ['deleteLink', []],
      ['addNeighbour', [neighbour]],
      ['replaceNeighbour', [neighbour]],
      ['removeNeighbour', [neighbour]],
    ];
    for (const [operation, rest] of calls) {
      for (const value of [undefined, ...notLinks]) {
        const call = loose(host)[operation]?.call(host.netns, value, ...rest);
        await expectRefused(call as Promise<unknown>, operation, 'link', value);
      }
    }
    for (const value of notLinks) {
      const call = loose(host).deleteLinks?.(['p0', value]);
      await expectRefused(call as Promise<unknown>, 'deleteLinks', 'refs[1]', value);
    }
    for (const value of [undefined, null, 'p0', 7, {}]) {
      const call = loose(host).deleteLinks?.(value);
      await expectRefused(call as Promise<unknown>, 'deleteLinks', 'refs', value);
    }
    for (const value of [undefined, ...notFlags]) {
      const call = loose(host).setPromiscuous?.('p0', value);
      await expectRefused(call as Promise<unknown>, 'setPromiscuous', 'on', value);
    }
    expect(await host.routeSockets()).toBe(0);
  });

  test('by everything whose last argument takes only a signal', async () => {
    const host = await bed.makeNetns();
    const calls: [string, readonly unknown[]][] = [
      ['getLink', ['lo']],
      ['setPromiscuous', ['lo', true]],
      ['addSources', ['lo', []]],
      ['removeSources', ['lo', []]],
      ['deleteLink', ['lo']],
      ['deleteLinks', [['lo']]],
      ['addAddress', ['lo', '10.0.0.1/24']],
      ['replaceAddress', ['lo', '10.0.0.1/24']],
      ['removeAddress', ['lo', '10.0.0.1/24']],
      ['addNeighbour', ['lo', neighbour]],
      ['replaceNeighbour', ['lo', neighbour]],
      ['removeNeighbour', ['lo', neighbour]],
    ];
    for (const [operation, rest] of calls) {
      for (const value of notObjects) {
        const call = loose(host)[operation]?.call(host.netns, ...rest, value);
        await expectRefused(call as Promise<unknown>, operation, 'options', value);
      }
      const typo = loose(host)[operation]?.call(host.netns, ...rest, { sginal: 7 });
      await expectRefused(typo as Promise<unknown>, operation, 'options.sginal', 7);
    }
    expect(await host.routeSockets()).toBe(0);
  });

  test('by everything that makes a change when the change is left out', async () => {
    const host = await bed.makeNetns();
    for (const operation of ['setLink', 'setMacvlan']) {
      const call = loose(host)[operation]?.call(host.netns, 'lo');
      await expectRefused(call as Promise<unknown>, operation, 'changes', undefined);
    }
    for (const operation of ['addAddress', 'replaceAddress', 'removeAddress']) {
      for (const value of [undefined, null, 7, '0.0.0.0/0', '::/0']) {
        const call = loose(host)[operation]?.call(host.netns, 'lo', value);
        await expectRefused(call as Promise<unknown>, operation, 'address', value);
      }
      const value = '0.0.0.0/24';
      const call = loose(host)[operation]?.call(host.netns, 'lo', { address: value });
      await expectRefused(call as Promise<unknown>, operation, 'address.address', value);
      // One that another program has made can be removed.
      if (operation === 'removeAddress') continue;
      const peer = { address: '10.0.0.1/24', peer: '0.0.0.0' };
      const other = loose(host)[operation]?.call(host.netns, 'lo', peer);
      await expectRefused(other as Promise<unknown>, operation, 'address.peer', '0.0.0.0');
    }
    expect(await host.routeSockets()).toBe(0);
  });

  test('by Netns, for names that would leave /run/netns', async () => {
    for (const operation of ['create', 'remove', 'open'] as const) {
      const names = ['', '.', '..', 'a\0b', 'x'.repeat(256), ...notStrings];
      const slashes = operation === 'open' ? [] : ['../x', 'a/b', '/etc/passwd', 'a/'];
      for (const value of [...names, ...slashes]) {
        // An object may be what `open` takes; undefined is an unnamed namespace.
        const error = await refusalOf(
          (Netns as unknown as Loose)[operation]?.call(Netns, value) as Promise<unknown>,
        );
        expect(error.code, `${operation} ${inspect(value)}`).toMatch(
          /^ERR_INVALID_ARG_(TYPE|VALUE)$/,
        );
        expect(error.message).toContain(`Netns.${operation}: `);
      }
    }
    expect(await refusalOf(Netns.remove(undefined as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });
});
