// Signals that have fired already, and signals that never fire: what every operation does with them.
import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Link, Netns } from '../../lib/index.js';
import { type AbortSetup, reason, setUpForAbort } from '../support/abort.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const setUp = () => setUpForAbort(bed);

type Operation = (made: AbortSetup, signal: AbortSignal) => Promise<unknown>;

const mac = '02:00:00:00:00:01';
const neighbour = { address: '10.0.0.9', mac };

const operations: Record<string, Operation> = {
  createMacvlan: ({ netns, parent }, signal) =>
    netns.createMacvlan({ parent, name: 'new', addresses: ['10.0.0.1/24'], alias: 'a', signal }),
  createMacvtap: ({ netns, parent }, signal) =>
    netns.createMacvtap({ parent, name: 'new', signal }),
  createLink: ({ netns }, signal) => netns.createLink({ kind: 'bridge', name: 'new', signal }),
  getLink: ({ netns, link }, signal) => netns.getLink(link, { signal }),
  getNetnsid: ({ netns }, signal) => netns.getNetnsid({ fd: netns.fd }, { signal }),
  getSysctl: ({ netns }, signal) => netns.getSysctl('net.ipv4.ip_forward', { signal }),
  setSysctl: ({ netns }, signal) => netns.setSysctl('net.ipv4.ip_forward', 1, { signal }),
  listLinks: ({ netns }, signal) => netns.listLinks({ signal }),
  findChildren: ({ netns, parent }, signal) => netns.findChildren(parent, { signal }),
  setLink: ({ netns, link }, signal) => netns.setLink(link, { mtu: 1300, signal }),
  setPromiscuous: ({ netns, link }, signal) => netns.setPromiscuous(link, true, { signal }),
  setMacvlan: ({ netns, link }, signal) => netns.setMacvlan(link, { sources: [mac], signal }),
  addSources: ({ netns, link }, signal) => netns.addSources(link, [mac], { signal }),
  removeSources: ({ netns, link }, signal) => netns.removeSources(link, [mac], { signal }),
  moveLink: ({ netns, link }, signal) => netns.moveLink(link, Netns.current(), { signal }),
  deleteLink: ({ netns, link }, signal) => netns.deleteLink(link, { signal }),
  deleteLinks: ({ netns, link, parent }, signal) => netns.deleteLinks([link, parent], { signal }),
  addAddress: ({ netns, link }, signal) => netns.addAddress(link, '10.0.0.1/24', { signal }),
  replaceAddress: ({ netns, link }, signal) => netns.replaceAddress(link, 'fd00::1/64', { signal }),
  removeAddress: ({ netns }, signal) => netns.removeAddress('lo', '127.0.0.1/8', { signal }),
  listAddresses: ({ netns }, signal) => netns.listAddresses({ signal }),
  settleAddresses: ({ netns }, signal) => netns.settleAddresses('lo', { signal }),
  addRoute: ({ netns }, signal) => netns.addRoute({ to: '10.9.0.0/16', link: 'lo', signal }),
  replaceRoute: ({ netns }, signal) => netns.replaceRoute({ to: '10.9.0.0/16', link: 1, signal }),
  removeRoute: ({ netns }, signal) => netns.removeRoute({ to: '10.8.0.0/16', signal }),
  listRoutes: ({ netns }, signal) => netns.listRoutes({ signal }),
  addNeighbour: ({ netns, link }, signal) => netns.addNeighbour(link, neighbour, { signal }),
  replaceNeighbour: ({ netns, link }, signal) =>
    netns.replaceNeighbour(link, neighbour, { signal }),
  removeNeighbour: ({ netns, link }, signal) => netns.removeNeighbour(link, '10.0.0.8', { signal }),
  listNeighbours: ({ netns }, signal) => netns.listNeighbours({ signal }),
  addRule: ({ netns }, signal) => netns.addRule({ priority: 100, table: 100, signal }),
  removeRule: ({ netns }, signal) => netns.removeRule({ priority: 32_767, signal }),
  listRules: ({ netns }, signal) => netns.listRules({ signal }),
  checkSupport: ({ netns }, signal) => netns.checkSupport({ signal }),
  run: ({ netns }, signal) => netns.run('', { eval: true, signal }),
};

const all = Object.entries(operations);

describe('a signal that has fired already', () => {
  test.each(all)('%s rejects with its reason, and does nothing', async (_, operation) => {
    const made = await setUp();
    const before = await made.host.snapshot();
    const signal = AbortSignal.abort(reason);
    await expect(operation(made, signal)).rejects.toBe(reason);
    expect(await made.host.snapshot()).toEqual(before);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('no operation is left out of the tests here', () => {
    const methods = Object.getOwnPropertyNames(Netns.prototype);
    // watch and openTap have tests of their own.
    const others = /^(constructor|watch|openTap)$/;
    expect(all.map(([name]) => name).sort()).toEqual(
      methods.filter((name) => !others.test(name)).sort(),
    );
  });

  test('Netns.open, create and remove reject with its reason, and do nothing', async () => {
    const { name } = await bed.makeNetns();
    const before = readdirSync('/run/netns');
    const signal = AbortSignal.abort(reason);
    const descriptors = readdirSync('/proc/self/fd').length;
    for (const call of [
      () => Netns.open(name as string, { signal }),
      () => Netns.create(bed.uniqueName('never'), { signal }),
      () => Netns.create(undefined, { signal }),
      () => Netns.remove(name as string, { signal }),
    ]) {
      await expect(call()).rejects.toBe(reason);
    }
    expect(readdirSync('/run/netns')).toEqual(before);
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors);
  });

  test("rejects with Node's own reasons unchanged", async () => {
    const { netns } = await bed.makeNetns();
    const aborted = await refusalOf(netns.listLinks({ signal: AbortSignal.abort() }));
    expect(aborted).toMatchObject({ name: 'AbortError', code: DOMException.ABORT_ERR });
    const signal = AbortSignal.timeout(0);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(await refusalOf(netns.listLinks({ signal }))).toMatchObject({ name: 'TimeoutError' });
    for (const odd of [0, '', null, { a: 1 }]) {
      await expect(netns.listLinks({ signal: AbortSignal.abort(odd) })).rejects.toBe(odd);
    }
  });
});

describe('a signal that never fires', () => {
  test.each(all)(
    '%s succeeds as without a signal, and removes its listener',
    async (name, operation) => {
      const made = await setUp();
      const { signal } = new AbortController();
      const result = await operation(made, signal);
      if (name === 'run') await (result as { terminate(): Promise<number> }).terminate();
      if (name === 'moveLink') await Netns.current().deleteLink(result as Link);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    },
  );

  test('has no listener left after a refusal either', async () => {
    const { netns } = await setUp();
    const { signal } = new AbortController();
    const refused = [
      netns.getLink('nobody', { signal }),
      netns.addAddress(4242, '10.0.0.1/24', { signal }),
      netns.createMacvlan({ parent: 'nobody', signal }),
      netns.deleteLinks([4242, 4243], { signal }),
    ];
    await Promise.all(refused.map(refusalOf));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('may be shared by many operations without a warning from Node', async () => {
    const { host, netns } = await setUp();
    const { signal } = new AbortController();
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listen);
    bed.onCleanup(() => process.off('warning', listen));
    const addresses = Array.from({ length: 50 }, (_, at) => `10.0.0.${at}/32`);
    await Promise.all(addresses.map((address) => netns.addAddress('lo', address, { signal })));
    expect(await host.addresses('lo')).toEqual(expect.arrayContaining(addresses));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test('passed in place of the options is refused, and not ignored', async () => {
    const made = await setUp();
    const { netns, link } = made;
    const before = await made.host.snapshot();
    const signal = AbortSignal.abort(reason) as never;
    const calls: Record<string, () => unknown> = {
      createMacvlan: () => netns.createMacvlan(signal),
      getLink: () => netns.getLink(link, signal),
      listLinks: () => netns.listLinks(signal),
      setLink: () => netns.setLink(link, signal),
      setMacvlan: () => netns.setMacvlan(link, signal),
      moveLink: () => netns.moveLink(link, Netns.current(), signal),
      deleteLink: () => netns.deleteLink(link, signal),
      listAddresses: () => netns.listAddresses(signal),
      addRoute: () => netns.addRoute(signal),
      listRoutes: () => netns.listRoutes(signal),
      listNeighbours: () => netns.listNeighbours(signal),
      addRule: () => netns.addRule(signal),
      removeRule: () => netns.removeRule(signal),
      listRules: () => netns.listRules(signal),
      checkSupport: () => netns.checkSupport(signal),
      openTap: () => netns.openTap(link, signal),
      watch: () => netns.watch(signal),
      run: () => netns.run('', signal),
      'Netns.create': () => Netns.create(undefined, signal),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await refusalOf((async () => call())());
      expect(error, name).toMatchObject({ name: 'TypeError' });
      expect(error.message, name).toMatch(
        /^[^\n]*must be an object[^\n]*received AbortSignal[^\n]*$/,
      );
    }
    expect(await made.host.snapshot()).toEqual(before);
  });

  test('that is no signal is refused before anything is done', async () => {
    const made = await setUp();
    const before = await made.host.snapshot();
    for (const [, operation] of all) {
      for (const signal of ['now', 42, {}, new EventTarget()]) {
        const error = await refusalOf(operation(made, signal as never));
        expect(error).toBeInstanceOf(TypeError);
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
        expect(error.message).toContain('must be an AbortSignal');
      }
    }
    expect(await made.host.snapshot()).toEqual(before);
  });
});
