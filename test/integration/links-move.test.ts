/** moveLink: what changes with a move, what stays when it is refused, and which of two links of one name is moved. */
import { describe, expect, test, vi } from 'vitest';
import { type Link, moveLink } from '../../lib/index.js';
import type { Step } from '../../lib/namespace/native.js';
import type { LinkRecord } from '../../lib/records/requests.js';
import { isBefore, refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

/** A namespace with a macvlan `m0` on a parent, and an empty one. */
async function setUp(): Promise<{ host: TestNetns; inside: TestNetns; parent: string }> {
  const [host, inside] = [await bed.makeNetns(), await bed.makeNetns()];
  const parent = await host.parent();
  await host.ip('link', 'add', 'link', parent, 'name', 'm0', 'type', 'macvlan', 'mode', 'bridge');
  return { host, inside, parent };
}

/** Whether requests begin with a move. */
const isMove = ([step]: readonly Step[]) =>
  step?.operation === 'changeLink' && (step.record as LinkRecord).netnsFd !== undefined;

/** IFLA_NEW_IFINDEX; for earlier kernels see test/addon/adverse.test.ts. */
const movesChooseIndex = !isBefore(5, 13);

describe('moveLink', () => {
  test('returns the link as it is in the target, with its index, name and MAC', async () => {
    const { host, inside, parent } = await setUp();
    const before = await host.link('m0');
    const link = await host.netns.moveLink('m0', inside.netns);
    expect(await host.names()).not.toContain('m0');
    const seen = await inside.link('m0');
    expect(seen).toMatchObject({ ifindex: before.ifindex, address: before.address });
    expect(link).toMatchObject({
      index: before.ifindex,
      name: 'm0',
      mac: before.address,
      kind: 'macvlan',
      netns: inside.netns.inode,
      macvlan: { mode: 'bridge' },
    });
    const { ifindex } = await host.link(parent);
    expect(link.parent).toEqual({ index: ifindex, netnsid: seen.link_netnsid });
  });

  test('takes the target as a Netns, a name, a path, a descriptor or a process', async () => {
    const { host, inside } = await setUp();
    const sleeper = await bed.background(inside, 'sh', '-c', 'echo ready; exec cat');
    const path = `/run/netns/${inside.name}`;
    const { fd } = inside.netns;
    for (const target of [inside.netns, `${inside.name}`, path, { fd }, { pid: sleeper.pid }]) {
      const link = await host.netns.moveLink('m0', target);
      expect(link.netns).toBe(inside.netns.inode);
      expect(await inside.names()).toEqual(['m0']);
      await inside.netns.moveLink(link, host.netns);
      expect(await host.names()).toContain('m0');
    }
  });

  test('chooses another index when the link’s own is taken there', async () => {
    const { host, inside } = await setUp();
    const { ifindex } = await host.link('m0');
    await inside.ip('link', 'add', 'taken', 'index', String(ifindex), 'type', 'bridge');
    const link = await host.netns.moveLink('m0', inside.netns);
    expect(link.index).not.toBe(ifindex);
    expect((await inside.link('m0')).ifindex).toBe(link.index);
    expect((await inside.link('taken')).ifindex).toBe(ifindex);
  });

  test('chooses others when several with one index move there at once', async () => {
    const inside = await bed.makeNetns();
    const hosts = await Promise.all([0, 1, 2, 3].map(() => bed.makeNetns()));
    for (const [at, host] of hosts.entries()) {
      await host.ip('link', 'add', `v${at}`, 'index', '4711', 'type', 'veth');
    }
    const links = await Promise.all(
      hosts.map(({ netns }, at) => netns.moveLink(`v${at}`, inside.netns)),
    );
    expect(new Set(links.map(({ index }) => index)).size).toBe(4);
    for (const { name, index } of links) expect((await inside.link(name)).ifindex).toBe(index);
  });

  test.runIf(movesChooseIndex)(
    'gives up when each index that is chosen is taken there',
    async () => {
      const { host, inside } = await setUp();
      const { ifindex } = await host.link('m0');
      for (const index of [ifindex, 4711]) await inside.netns.createLink({ kind: 'bridge', index });
      const choose = vi.spyOn(inside.netns, 'chooseIndex').mockReturnValue(4711);
      const error = await refusalOf(host.netns.moveLink('m0', inside.netns));
      expect(['EEXIST', 'EBUSY']).toContain(error.code);
      expect(error.hint).toContain('Index 4711 belongs to the link');
      expect(choose.mock.calls.length).toBeGreaterThan(1);
      expect(await host.names()).toContain('m0');
    },
  );

  test('gives it the requested name and index', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel lets no move choose an index (before Linux 5.13)');
    const { host, inside } = await setUp();
    const link = await host.netns.moveLink('m0', inside.netns, { name: 'eth0', index: 4711 });
    expect(link).toMatchObject({ name: 'eth0', index: 4711 });
    expect((await inside.link('eth0')).ifindex).toBe(4711);
  });

  test.each(['all', 'default'])(
    'does not move it to be named %s, as no link can be',
    async (name) => {
      const { host, inside } = await setUp();
      await host.ip('address', 'add', '52.1.1.151/24', 'dev', 'm0');
      const before = await host.snapshot();
      const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { name }));
      expect(error).toMatchObject({ code: 'EINVAL' });
      expect(error.hint).toContain(`No link can be named '${name}'`);
      // Its addresses, which a move and a move back would have taken away.
      expect(await host.snapshot()).toEqual(before);
      const peer = await refusalOf(host.netns.createLink({ kind: 'veth', peer: { name } }));
      expect(peer.hint).toContain(`No link can be named '${name}'`);
    },
  );

  test('says of a link that cannot be moved that it cannot', async () => {
    const { host, inside } = await setUp();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    const error = await refusalOf(host.netns.moveLink('br0', inside.netns));
    expect(error).toMatchObject({ code: 'EINVAL' });
    expect(error.kernelMessage ?? error.hint).toMatch(/immutable|cannot leave/);
    expect(await host.names()).toContain('br0');
  });

  test('gives it another name when its own is taken there', async () => {
    const { host, inside } = await setUp();
    await inside.ip('link', 'add', 'm0', 'type', 'bridge');
    const { ifindex } = await inside.link('m0');
    const link = await host.netns.moveLink('m0', inside.netns, { name: 'm1' });
    expect((await inside.link('m1')).ifindex).toBe(link.index);
    expect((await inside.link('m0')).ifindex).toBe(ifindex);
  });

  test('takes it down and drops its addresses, and keeps IFF_PROMISC', async () => {
    const { host, inside } = await setUp();
    await host.ip('link', 'set', 'm0', 'up', 'promisc', 'on');
    await host.ip('address', 'add', '10.1.1.1/24', 'dev', 'm0');
    const link = await host.netns.moveLink('m0', inside.netns);
    expect(link).toMatchObject({ up: false, promiscuous: true });
    expect((await inside.link('m0')).flags).toEqual(['BROADCAST', 'MULTICAST', 'PROMISC']);
    expect(await inside.addresses('m0')).toEqual([]);
  });

  test('leaves the macvlans of a parent that moves where they are, and their parent.netnsid names its namespace', async () => {
    const { host, inside, parent } = await setUp();
    await host.netns.moveLink(parent, inside.netns);
    const link = await host.netns.getLink('m0');
    const seen = await host.link('m0');
    expect(link.parent).toEqual({ index: seen.link_index, netnsid: seen.link_netnsid });
    expect(link.parent?.netnsid).not.toBeNull();
    expect((await inside.link(parent)).ifindex).toBe(link.parent?.index);
  });
});

test.each([undefined, 'eth0'])(
  'of two moves of a link at once, the one that comes too late leaves it where the other has put it: name %s',
  async (name) => {
    const { host, inside } = await setUp();
    const moves = ['m0', 'm0'].map((link) => host.netns.moveLink(link, inside.netns, { name }));
    const [first, second] = await Promise.allSettled(moves);
    expect(first).toMatchObject({ status: 'fulfilled', value: { name: name ?? 'm0' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ENODEV', target: 'm0' } });
    expect(await inside.names()).toEqual([name ?? 'm0']);
  },
);

describe('moveLink into the namespace where the link is', () => {
  test('leaves it as it is', async () => {
    const { host } = await setUp();
    const before = await host.snapshot();
    const link = await host.netns.moveLink('m0', host.netns);
    expect(link.index).toBe((await host.link('m0')).ifindex);
    expect(await host.snapshot()).toEqual(before);
  });

  test('can rename it, but not change its index', async () => {
    const { host } = await setUp();
    const { ifindex } = await host.link('m0');
    const link = await host.netns.moveLink('m0', `${host.name}`, { name: 'm1', index: ifindex });
    expect(link).toMatchObject({ name: 'm1', index: ifindex });
    expect((await host.link('m1')).ifindex).toBe(ifindex);
    const error = await refusalOf(host.netns.moveLink('m1', host.netns, { index: 4711 }));
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'moveLink', target: 'm1' });
    expect(error.hint).toMatch(/index/);
    expect((await host.link('m1')).ifindex).toBe(ifindex);
  });
});

describe('moveLink, when it is refused, leaves the link where it was', () => {
  // The kernel moves before it renames: a new name that is taken gives EEXIST, and the link has
  // moved all the same (net/core/rtnetlink.c, do_setlink).
  test('because the new name is taken there', async () => {
    const { host, inside } = await setUp();
    await inside.ip('link', 'add', 'eth0', 'type', 'bridge');
    // What it would lose if it were moved and then brought back.
    await host.ip('address', 'add', '10.1.1.1/24', 'dev', 'm0');
    const before = [await host.snapshot(), await inside.snapshot()];
    const { ifindex } = await inside.link('eth0');
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { name: 'eth0' }));
    expect(error).toMatchObject({ code: 'EEXIST', operation: 'moveLink', target: 'm0' });
    expect(error.hint).toContain(`'eth0', with index ${ifindex}`);
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test('because its name is taken there', async () => {
    const { host, inside } = await setUp();
    await inside.ip('link', 'add', 'm0', 'type', 'bridge');
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns));
    expect(error).toMatchObject({ code: 'EEXIST', target: 'm0' });
    expect(error.hint).toContain(`'m0'`);
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test('because the new name is its own alternative name', async () => {
    const { host, inside } = await setUp();
    await host.ip('link', 'property', 'add', 'dev', 'm0', 'altname', 'other');
    await host.ip('address', 'add', '10.1.1.1/24', 'dev', 'm0');
    await host.ip('link', 'set', 'm0', 'up');
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { name: 'other' }));
    expect(error).toMatchObject({ code: 'EEXIST', target: 'm0' });
    expect(error.hint).toContain(`'other'`);
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test('because its name is an alternative name there', async () => {
    const { host, inside } = await setUp();
    await inside.ip('link', 'add', 'other', 'type', 'bridge');
    await inside.ip('link', 'property', 'add', 'dev', 'other', 'altname', 'm0');
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns));
    expect(error).toMatchObject({ code: 'EEXIST', target: 'm0' });
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  // Looking first does not settle it: the name may be taken between the look and the move.
  test.each([
    ['with its index', []] as const,
    ...(movesChooseIndex ? [['with another index', [4711, 4712]] as const] : []),
  ])('because another link gets the new name at the same time, %s', async (_, indexes) => {
    const { host, inside, parent } = await setUp();
    await host.ip('link', 'add', 'link', parent, 'name', 'm1', 'type', 'macvlan', 'mode', 'bridge');
    for (const name of ['m0', 'm1']) await host.ip('link', 'set', name, 'up');
    const before = await Promise.all(['m0', 'm1'].map((name) => host.link(name)));
    const moves = ['m0', 'm1'].map((name, at) =>
      host.netns.moveLink(name, inside.netns, { name: 'eth0', index: indexes[at] }),
    );
    const results = await Promise.allSettled(moves);
    const refused = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(refused).toEqual([expect.objectContaining({ code: 'EEXIST', operation: 'moveLink' })]);
    // The kernel had moved it, and taken it down on the way.
    expect(refused[0].hint).toContain('brought back');
    const loser = before[results.findIndex(({ status }) => status === 'rejected')];
    const { ifname = '', ifindex, address } = loser ?? {};
    const now = await host.link(ifname);
    expect(now).toMatchObject({ ifindex, address, flags: expect.arrayContaining(['UP']) });
    expect(await inside.names()).toEqual(['eth0']);
  });

  test.runIf(movesChooseIndex).each([undefined, 'eth0'])(
    'because its index is taken by a link with the same MAC, which stays there: name %s',
    async (name) => {
      const { host, inside } = await setUp();
      const { address: mac = '' } = await host.link('m0');
      const other = await host.parent();
      const old = { parent: other, name: 'old', mac, netns: inside.netns };
      const { index } = await host.netns.createMacvlan(old);
      const exchange = host.netns.exchange.bind(host.netns);
      vi.spyOn(host.netns, 'exchange').mockImplementation(async (steps, ...more) => {
        const results = await exchange(steps, ...more);
        // Another program moves it by the time that the refusal is looked at.
        if (isMove(steps)) {
          await host.ip('link', 'set', 'm0', 'netns', inside.name ?? '');
        }
        return results;
      });
      const refused = await refusalOf(host.netns.moveLink('m0', inside.netns, { index, name }));
      expect(refused).toMatchObject({ code: 'EBUSY', operation: 'moveLink' });
      expect((await inside.names()).sort()).toEqual(['m0', 'old']);
      expect((await inside.link('old')).ifindex).toBe(index);
      expect(await host.names()).not.toContain('m0');
    },
  );

  test('because of another link that is gone by the time that the error is made', async () => {
    const { host, inside } = await setUp();
    await inside.ip('link', 'add', 'eth0', 'type', 'bridge');
    const { ifindex } = await inside.link('eth0');
    const { netns } = inside;
    const ask = netns.ask.bind(netns);
    vi.spyOn(netns, 'ask').mockImplementationOnce(async (...request) => {
      const found = await ask(...request);
      await inside.ip('link', 'delete', 'eth0');
      return found;
    });
    const error = await refusalOf(host.netns.moveLink('m0', netns, { name: 'eth0' }));
    expect(error).toMatchObject({ code: 'EEXIST', operation: 'moveLink', target: 'm0' });
    expect(error.hint).toContain(`'eth0', with index ${ifindex}`);
  });

  test('because another link gets the new name there and loses it again', async () => {
    const { host, inside } = await setUp();
    const { ifindex, address } = await host.link('m0');
    await inside.ip('link', 'add', 'other', 'type', 'bridge');
    await inside.ip('link', 'property', 'add', 'dev', 'other', 'altname', 'lasting');
    const pair = ['link set dev lasting name eth0', 'link set dev lasting name other'];
    const lines = Array.from({ length: 100 }, () => pair).flat();
    const outcomes = new Set<'moved' | 'refused'>();
    let done = false;
    const churn = (async () => {
      while (!done) await inside.ipBatch(lines, { force: true });
    })();
    bed.onCleanup(() => {
      done = true;
      return churn;
    });
    for (let turn = 0; outcomes.size < 2; turn++) {
      expect(turn).toBeLessThan(500);
      const result = await host.netns
        .moveLink('m0', inside.netns, { name: 'eth0' })
        .catch((error: unknown) => error);
      if (result instanceof Error) {
        expect(result).toMatchObject({ code: 'EEXIST' });
        outcomes.add('refused');
      } else {
        await inside.netns.moveLink(result as Link, host.netns, { name: 'm0' });
        outcomes.add('moved');
      }
      expect(await host.link('m0')).toMatchObject({ ifindex, address });
    }
  });

  test('because an alternative name of it is taken there', async () => {
    const { host, inside } = await setUp();
    await host.ip('link', 'property', 'add', 'dev', 'm0', 'altname', 'shared');
    await inside.ip('link', 'add', 'shared', 'type', 'bridge');
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns));
    expect(error).toMatchObject({ code: 'EEXIST', target: 'm0' });
    expect(error.hint).toContain(`'shared'`);
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test('because the index is taken there', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel lets no move choose an index (before Linux 5.13)');
    const { host, inside } = await setUp();
    await inside.ip('link', 'add', 'taken', 'index', '4711', 'type', 'bridge');
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { index: 4711 }));
    expect(['EEXIST', 'EBUSY']).toContain(error.code);
    expect(error.hint).toContain(`'taken'`);
    expect(error.hint).toContain('4711');
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test('because the index is taken there by a link with its MAC', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel lets no move choose an index (before Linux 5.13)');
    const { host, inside } = await setUp();
    const { address = '' } = await host.link('m0');
    const taken = ['name', 'taken', 'index', '4711', 'address', address];
    await inside.ip('link', 'add', 'link', await inside.parent(), ...taken, 'type', 'macvlan');
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { index: 4711 }));
    expect(['EEXIST', 'EBUSY']).toContain(error.code);
    // And not as one that was moved and has to be brought back.
    expect(error.hint).toMatch(/^Index 4711 belongs to the link 'taken'/);
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test.runIf(movesChooseIndex).each([
    ['MAC', 'macvlan'],
    ['kind', 'bridge'],
  ])(
    'and another link with its index there stays, of another %s, where it is gone meanwhile',
    async (what, type) => {
      const { host, inside } = await setUp();
      const { address = '' } = await host.link('m0');
      const taken = ['name', 'taken', 'index', '4711'];
      const on = type === 'macvlan' ? ['link', await inside.parent()] : [];
      const mac = what === 'MAC' ? [] : ['address', address];
      await inside.ip('link', 'add', ...on, ...taken, ...mac, 'type', type);
      const before = await inside.snapshot();
      const exchange = host.netns.exchange.bind(host.netns);
      vi.spyOn(host.netns, 'exchange').mockImplementation(async (...given) => {
        const results = await exchange(...given);
        if (isMove(given[0])) await host.ip('link', 'delete', 'm0');
        return results;
      });
      const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { index: 4711 }));
      expect(['EEXIST', 'EBUSY']).toContain(error.code);
      expect(await inside.snapshot()).toEqual(before);
    },
  );

  test('because it is a device that cannot leave its namespace', async () => {
    const { host, inside } = await setUp();
    const before = [await host.snapshot(), await inside.snapshot()];
    const error = await refusalOf(host.netns.moveLink('lo', inside.netns, { name: 'lo1' }));
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'moveLink', target: 'lo' });
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test('because the namespace does not exist', async () => {
    const { host } = await setUp();
    const before = await host.snapshot();
    const error = await refusalOf(host.netns.moveLink('m0', 'no-such-namespace'));
    expect(error).toMatchObject({ code: 'ENOENT', operation: 'moveLink' });
    expect(error).toMatchObject({ part: 'netns' });
    expect(error.hint).toContain('/run/netns');
    expect(await host.snapshot()).toEqual(before);
  });

  test('because its signal was aborted', async () => {
    const { host, inside } = await setUp();
    const before = [await host.snapshot(), await inside.snapshot()];
    const signal = AbortSignal.abort(new Error('no longer wanted'));
    const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { signal }));
    expect(error.message).toBe('no longer wanted');
    expect([await host.snapshot(), await inside.snapshot()]).toEqual(before);
  });

  test('because its signal was aborted while the target was being looked at', async () => {
    const { host, inside } = await setUp();
    const busy = Array.from({ length: 12 }, (_, at) => `busy${at}`);
    for (const name of busy) await inside.ip('link', 'add', name, 'type', 'bridge');
    const before = await host.snapshot();
    const controller = new AbortController();
    // The target's requests wait behind these, each of which takes the kernel some milliseconds: with
    // reads in between they are not carried out together.
    const deleted = busy.flatMap((name) => [
      inside.netns.deleteLink(name),
      inside.netns.getLink('lo'),
    ]);
    const moved = host.netns.moveLink('m0', inside.netns, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('no longer wanted')), 3);
    expect((await refusalOf(moved)).message).toBe('no longer wanted');
    await Promise.all(deleted);
    expect(await host.snapshot()).toEqual(before);
    expect(await inside.names()).toEqual([]);
  });
});

test('the error for a link that cannot be moved back says where the link is', async () => {
  const { host, inside } = await setUp();
  const { ifindex } = await host.link('m0');
  const exchange = host.netns.exchange.bind(host.netns);
  vi.spyOn(host.netns, 'exchange').mockImplementation(async (steps, ...more) => {
    if (isMove(steps)) await inside.ip('link', 'add', 'eth0', 'type', 'bridge');
    return exchange(steps, ...more);
  });
  const ask = inside.netns.ask.bind(inside.netns);
  vi.spyOn(inside.netns, 'ask').mockImplementation(async (operation, ...more) => {
    const movesBack = operation === 'changeLink';
    if (movesBack) await host.ip('link', 'add', 'm0', 'type', 'bridge');
    return ask(operation, ...more);
  });
  const error = await refusalOf(host.netns.moveLink('m0', inside.netns, { name: 'eth0' }));
  expect(error).toMatchObject({ code: 'EEXIST', operation: 'moveLink', target: 'm0' });
  expect(error.hint).toContain(`it is 'm0' there, index ${ifindex}`);
  expect(await inside.link('m0')).toMatchObject({ ifindex, linkinfo: { info_kind: 'macvlan' } });
});

test('the function moveLink moves out of the process’s own namespace', async () => {
  const [host, inside] = [bed.ownNetns(), await bed.makeNetns()];
  const parent = await host.parent();
  const name = bed.uniqueName('m');
  await host.ip('link', 'add', 'link', parent, 'name', name, 'type', 'macvlan');
  const link = await moveLink(name, inside.netns, { name: 'eth0' });
  expect((await inside.link('eth0')).ifindex).toBe(link.index);
  expect(await host.names()).not.toContain(name);
});
