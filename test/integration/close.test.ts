// Closing a namespace's handle: earlier calls are carried out, later ones are refused.
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import * as library from '../../lib/index.js';
import { isNetlinkError, listLinks, NetlinkError, Netns } from '../../lib/index.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const addresses = (count: number, net: number) =>
  Array.from({ length: count }, (_, at) => `10.${net}.${at >> 8}.${at & 255}/32`);

describe('Netns.close', () => {
  test('waits for all operations that were called before', async () => {
    const host = await bed.makeNetns();
    const netns = await Netns.open(host.name as string);
    const wanted = addresses(100, 1);
    const asked = wanted.map((address) => netns.addAddress('lo', address));
    let answered = 0;
    for (const one of asked) void one.then(() => answered++);
    await netns.close();
    expect(answered).toBe(wanted.length);
    expect(await host.addresses('lo')).toEqual(expect.arrayContaining(wanted));
  });

  test('waits for the answers also of calls that take some turns to give them', async () => {
    const host = await bed.makeNetns();
    const { ifindex: parent } = await host.link(await host.parent());
    const calls: ((netns: Netns) => Promise<unknown>)[] = [
      (netns) => netns.deleteLinks([]),
      (netns) => netns.deleteLinks(['nobody']),
      (netns) => netns.run('', { eval: true }),
      (netns) => host.netns.createMacvlan({ parent, netns }),
    ];
    for (const call of calls) {
      const netns = await Netns.create();
      const order: string[] = [];
      const answered = () => order.push('answered');
      void call(netns).then(answered, answered);
      await netns.close();
      expect([...order, 'closed']).toEqual(['answered', 'closed']);
    }
  });

  test('resolves for every caller once what is under way has ended', async () => {
    const host = await bed.makeNetns();
    const netns = await Netns.open(host.name as string);
    const asked = addresses(100, 2).map((address) => netns.addAddress('lo', address));
    await Promise.all([netns.close(), netns.close(), ...asked]);
    expect(netns.fd).toBe(-1);
  });

  test('waits for operations that are many requests', async () => {
    const host = await bed.makeNetns();
    const netns = await Netns.open(host.name as string);
    const parent = await host.parent();
    const made = netns.createMacvlan({
      parent,
      name: 'whole',
      alias: 'of it',
      altNames: ['another'],
      addresses: ['192.0.2.1/24'],
      routes: [{ to: '198.51.100.0/24', via: '192.0.2.9' }],
      up: true,
    });
    await netns.close();
    expect((await made).name).toBe('whole');
    expect(await host.link('whole')).toMatchObject({ ifalias: 'of it', altnames: ['another'] });
    expect(await host.ip('route', 'show', 'dev', 'whole')).toContain('198.51.100.0/24');
  });

  test('waits for operations of another namespace that work in this one', async () => {
    const [host, other] = [await bed.makeNetns(), await bed.makeNetns()];
    const { ifindex: parent } = await host.link(await host.parent());
    const target = await Netns.open(other.name as string);
    const made = host.netns.createMacvlan({
      parent,
      name: 'child',
      netns: target,
      addresses: ['192.0.2.1/24'],
    });
    // Until the call works in the other namespace.
    await new Promise(setImmediate);
    await target.close();
    expect((await made).netns).toBe(other.netns.inode);
    expect(await other.addresses('child')).toEqual(['192.0.2.1/24']);
  });

  test('makes every later operation fail, also before it has finished itself', async () => {
    const host = await bed.makeNetns();
    const netns = await Netns.open(host.name as string);
    const before = netns.addAddress('lo', '192.0.2.7/32');
    const closing = netns.close();
    const late = refusalOf(netns.addAddress('lo', '192.0.2.8/32'));
    expect(await late).toMatchObject({ code: 'ERR_NETNS_CLOSED', operation: 'addAddress' });
    await Promise.all([before, closing]);
    expect(await host.addresses('lo')).toContain('192.0.2.7/32');
    expect(await host.addresses('lo')).not.toContain('192.0.2.8/32');
  });

  const calls: Record<string, (netns: Netns) => Promise<unknown>> = {
    createMacvlan: (netns) => netns.createMacvlan({ parent: 1 }),
    createMacvtap: (netns) => netns.createMacvtap({ parent: 1 }),
    createLink: (netns) => netns.createLink({ kind: 'veth' }),
    getLink: (netns) => netns.getLink(1),
    getNetnsid: (netns) => netns.getNetnsid({ pid: process.pid }),
    getSysctl: (netns) => netns.getSysctl('net.ipv4.ip_forward'),
    setSysctl: (netns) => netns.setSysctl('net.ipv4.ip_forward', 1),
    listLinks: (netns) => netns.listLinks(),
    setLink: (netns) => netns.setLink(1, { up: true }),
    setPromiscuous: (netns) => netns.setPromiscuous(1, true),
    setMacvlan: (netns) => netns.setMacvlan(1, { mode: 'bridge' }),
    addSources: (netns) => netns.addSources(1, ['02:00:00:00:00:01']),
    removeSources: (netns) => netns.removeSources(1, ['02:00:00:00:00:01']),
    moveLink: (netns) => netns.moveLink(1, Netns.current()),
    deleteLink: (netns) => netns.deleteLink(1),
    deleteLinks: (netns) => netns.deleteLinks([1]),
    addAddress: (netns) => netns.addAddress(1, '192.0.2.1/24'),
    replaceAddress: (netns) => netns.replaceAddress(1, '192.0.2.1/24'),
    removeAddress: (netns) => netns.removeAddress(1, '192.0.2.1/24'),
    listAddresses: (netns) => netns.listAddresses(),
    settleAddresses: (netns) => netns.settleAddresses(1),
    findChildren: (netns) => netns.findChildren(1),
    addRoute: (netns) => netns.addRoute({ to: 'default', link: 1 }),
    replaceRoute: (netns) => netns.replaceRoute({ to: 'default', link: 1 }),
    removeRoute: (netns) => netns.removeRoute({ to: 'default' }),
    listRoutes: (netns) => netns.listRoutes(),
    addNeighbour: (netns) => netns.addNeighbour(1, { address: '10.0.0.9', proxy: true }),
    replaceNeighbour: (netns) => netns.replaceNeighbour(1, { address: '10.0.0.9', proxy: true }),
    removeNeighbour: (netns) => netns.removeNeighbour(1, '10.0.0.9'),
    listNeighbours: (netns) => netns.listNeighbours(),
    addRule: (netns) => netns.addRule({ priority: 100 }),
    removeRule: (netns) => netns.removeRule({ priority: 100 }),
    listRules: (netns) => netns.listRules(),
    checkSupport: (netns) => netns.checkSupport(),
    run: (netns) => netns.run('', { eval: true }),
    openTap: (netns) => netns.openTap(1),
    watch: async (netns) => netns.watch().next(),
  };

  test.each(Object.entries(calls))('%s on a closed handle is refused', async (operation, call) => {
    const netns = await Netns.create();
    await netns.close();
    const error = await refusalOf(call(netns));
    expect(error).toBeInstanceOf(NetlinkError);
    expect(isNetlinkError(error, 'ERR_NETNS_CLOSED')).toBe(true);
    expect(error).toMatchObject({ operation, errno: 0, syscall: '' });
    expect(error.message).toContain(`net:[${netns.inode}] is closed`);
    expect(error.stack).toContain('close.test.ts');
  });

  test('no operation is left out of the test above, nor of the functions of the module', () => {
    const methods = Object.getOwnPropertyNames(Netns.prototype).filter(
      (name) => name !== 'constructor',
    );
    const functions = Object.entries(library)
      .filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
      .map(([name]) => name)
      .filter((name) => name !== 'isNetlinkError');
    expect(Object.keys(calls).sort()).toEqual(methods.sort());
    expect(functions.sort()).toEqual(methods);
  });

  test('the functions of the module hand on all that they are given', () => {
    for (const [name, value] of Object.entries(library)) {
      if (!Object.hasOwn(calls, name)) continue;
      const method = vi.spyOn(Netns.prototype, name as 'getLink');
      method.mockReturnValue(name as never);
      const call = value as (...all: object[]) => unknown;
      const all = [{}, {}, {}].slice(0, call.length);
      expect(call(...all)).toBe(name);
      expect([method.mock.calls, method.mock.contexts]).toEqual([[all], [Netns.current()]]);
      method.mockRestore();
    }
  });

  test('a closed handle is refused as an option that names a namespace', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const netns = await Netns.create();
    await netns.close();
    const before = await host.snapshot();
    const refusals = await Promise.all(
      [
        host.netns.createMacvlan({ parent, netns }),
        host.netns.createLink({ kind: 'veth', peer: { netns } }),
        host.netns.moveLink(parent, netns),
        Netns.open(netns),
      ].map(refusalOf),
    );
    expect(refusals.map(({ code }) => code)).toEqual(Array(4).fill('ERR_NETNS_CLOSED'));
    expect(await host.snapshot()).toEqual(before);
  });

  test('refuses a veth pair in either of its namespaces', async () => {
    const [inside, other, host] = [
      await bed.makeNetns(),
      await bed.makeNetns(),
      await bed.makeNetns(),
    ];
    // `other` is closed for new calls, but still open for those under way.
    const peers = await other.netns.createLink({ kind: 'veth', peer: { netns: inside.netns } });
    const busy = other.netns.deleteLinks([peers]);
    const closing = other.netns.close();
    for (const netns of [undefined, inside.netns]) {
      const options = { kind: 'veth', netns, peer: { netns: other.netns } } as const;
      expect(await refusalOf(host.netns.createLink(options))).toMatchObject({
        code: 'ERR_NETNS_CLOSED',
      });
    }
    await Promise.all([busy, closing]);
    expect([await inside.names(), await host.names()]).toEqual([[], []]);
  });

  test('can be called again, and name and inode can still be read', async () => {
    const host = await bed.makeNetns();
    const netns = await Netns.open(host.name as string);
    const inode = statSync(`/run/netns/${host.name}`).ino;
    await Promise.all([netns.close(), netns.close()]);
    await netns.close();
    expect(netns).toMatchObject({ name: host.name, inode, fd: -1 });
  });

  test('closes the descriptor', async () => {
    const netns = await Netns.create();
    const path = `/proc/self/fd/${netns.fd}`;
    const target = `net:[${netns.inode}]`;
    expect(readlinkSync(path)).toBe(target);
    const open = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === target;
        } catch {
          return false; // the folder's own, closed by now
        }
      });
    expect(open()).toHaveLength(1);
    await netns.listLinks();
    await netns.close();
    await vi.waitFor(() => expect(open()).toEqual([]));
  });

  test('leaves other handles of the same namespace open', async () => {
    const host = await bed.makeNetns();
    const [first, second] = await Promise.all([
      Netns.open(host.name as string),
      Netns.open(host.name as string),
    ]);
    await first.close();
    expect((await second.listLinks()).length).toBe(1);
    await second.close();
  });
});

describe('await using', () => {
  test('closes at the end of the block', async () => {
    const host = await bed.makeNetns();
    let kept: Netns;
    {
      await using netns = await Netns.open(host.name as string);
      kept = netns;
      void netns.addAddress('lo', '192.0.2.3/32');
    }
    expect(kept.fd).toBe(-1);
    expect(await host.addresses('lo')).toContain('192.0.2.3/32');
    expect(await refusalOf(kept.listLinks())).toMatchObject({ code: 'ERR_NETNS_CLOSED' });
  });

  test('closes also when the block throws', async () => {
    const kept: Netns[] = [];
    const block = async () => {
      await using netns = await Netns.create();
      kept.push(netns);
      throw new Error('in the block');
    };
    await expect(block()).rejects.toThrow('in the block');
    expect(kept.map(({ fd }) => fd)).toEqual([-1]);
  });
});

describe('Netns.current()', () => {
  test('is always the same object, for the namespace of the process', () => {
    const own = Netns.current();
    expect(Netns.current()).toBe(own);
    expect(own.inode).toBe(statSync('/proc/self/ns/net').ino);
    expect(own.name).toBeNull();
  });

  test('stays usable after close', async () => {
    const own = Netns.current();
    await own.close();
    await own[Symbol.asyncDispose]();
    expect(own.fd).toBeGreaterThan(0);
    // Beside the links, there are files of a module there, such as bonding_masters.
    const names = readdirSync('/sys/class/net', { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map((entry) => entry.name)
      .sort();
    expect((await own.listLinks()).map((link) => link.name).sort()).toEqual(names);
    expect((await listLinks()).length).toBe(names.length);
  });
});
