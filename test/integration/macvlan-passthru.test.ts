/** Mode passthru: the parent's one child, and what it does to the parent's promiscuity and MAC. */
import { describe, expect, test } from 'vitest';
import type { Netns } from '../../lib/index.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const PARENT_MAC = '02:00:5e:00:00:01';

const setUp = () => bed.makeHost({ mac: PARENT_MAC });

async function promiscuityOf(host: TestNetns, name: string): Promise<number> {
  return (await host.link(name)).promiscuity;
}

describe('a parent with a passthru child', () => {
  test.each(['private', 'vepa', 'bridge', 'passthru', 'source'] as const)(
    'takes no second child in mode %s, and the error names the first',
    async (mode) => {
      const { host, parent } = await setUp();
      const first = await host.netns.createMacvlan({ parent, name: 'first', mode: 'passthru' });
      const before = await host.snapshot();
      const error = await refusalOf(host.netns.createMacvtap({ parent, name: 'second', mode }));
      expect(error).toMatchObject({ code: 'EINVAL', operation: 'createMacvtap', target: 'second' });
      expect(error.hint).toContain(`'first' (index ${first.index})`);
      expect(error.hint).toContain(`'${parent}'`);
      expect(await host.snapshot()).toEqual(before);
    },
  );
});

describe('a parent with a child in another mode', () => {
  test.each(['private', 'vepa', 'bridge', 'source'] as const)(
    'takes none in passthru beside one in mode %s, and the error names the latter',
    async (mode) => {
      const { host, parent } = await setUp();
      const first = await host.netns.createMacvtap({ parent, name: 'first', mode });
      const before = await host.snapshot();
      const options = { parent, name: 'second', mode: 'passthru' } as const;
      const error = await refusalOf(host.netns.createMacvlan(options));
      expect(error).toMatchObject({ code: 'EINVAL', operation: 'createMacvlan', target: 'second' });
      expect(error.hint).toContain(`'first' (index ${first.index})`);
      expect(await host.snapshot()).toEqual(before);
    },
  );

  test('says so also when that child is in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const first = { parent, name: 'first', netns: inside.netns };
    const { index } = await host.netns.createMacvlan(first);
    const error = await refusalOf(host.netns.createMacvlan({ parent, mode: 'passthru' }));
    expect(error).toMatchObject({ code: 'EINVAL' });
    expect(error.hint).toContain(
      `'first' (index ${index}) of the network namespace '${inside.name}'`,
    );
    expect(error.hint).toContain(`'${parent}'`);
  });

  test.each([
    ['passthru', 'bridge'],
    ['bridge', 'passthru'],
  ] as const)(
    'names that child, in %s, when the new one is to be beside it, in %s',
    async (mode, wanted) => {
      const { host, parent } = await setUp();
      const inside = await bed.makeNetns();
      const options = { parent, netns: inside.netns };
      const first = await host.netns.createMacvlan({ ...options, name: 'first', mode });
      const error = await refusalOf(host.netns.createMacvlan({ ...options, mode: wanted }));
      expect(error).toMatchObject({ code: 'EINVAL' });
      const where = `of the network namespace '${inside.name}'`;
      expect(error.hint).toContain(`'first' (index ${first.index}) ${where}`);
    },
  );

  test('says so also when the child in passthru is in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const options = { parent, name: 'first', mode: 'passthru', netns: inside.netns } as const;
    await host.netns.createMacvlan(options);
    const error = await refusalOf(host.netns.createMacvlan({ parent, mode: 'bridge' }));
    expect(error).toMatchObject({ code: 'EINVAL' });
    expect(error.hint).toContain(`of the network namespace '${inside.name}'`);
    expect(error.hint).toContain(`'${parent}'`);
  });

  test('says so also when the new one is put on a sibling, whose parent is in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const options = { parent, name: 'first', mode: 'passthru', netns: inside.netns } as const;
    const first = await host.netns.createMacvlan(options);
    for (const mode of ['bridge', 'passthru'] as const) {
      const error = await refusalOf(inside.netns.createMacvtap({ parent: 'first', mode }));
      expect(error).toMatchObject({ code: 'EINVAL' });
      expect(error.hint).toContain(`'first' (index ${first.index})`);
      expect(error.hint).toContain(`mode 'passthru'`);
    }
  });

  test('says so also when the passthru one is put on a child whose parent is in another namespace', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const options = { parent, name: 'first', mode: 'bridge', netns: inside.netns } as const;
    const first = await host.netns.createMacvlan(options);
    const passthru = { parent: 'first', mode: 'passthru' } as const;
    const error = await refusalOf(inside.netns.createMacvlan(passthru));
    expect(error).toMatchObject({ code: 'EINVAL' });
    expect(error.hint).toContain(`'first' (index ${first.index})`);
    expect(error.hint).toContain(`Mode 'passthru'`);
  });

  test('takes one in passthru when the last other child is gone', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'first', mode: 'bridge' });
    await host.netns.deleteLink('first');
    await host.netns.createMacvlan({ parent, name: 'second', mode: 'passthru' });
    expect((await host.macvlan('second')).mode).toBe('passthru');
  });
});

describe('an existing link', () => {
  test.each(['private', 'vepa', 'bridge', 'source'] as const)(
    'changes neither from %s to passthru nor back',
    async (mode) => {
      const { host, parent } = await setUp();
      await host.netns.createMacvlan({ parent, name: 'm0', mode });
      const to = await refusalOf(host.netns.setMacvlan('m0', { mode: 'passthru' }));
      expect(to).toMatchObject({ code: 'EINVAL', operation: 'setMacvlan', target: 'm0' });
      expect(to.hint).toContain(`'${mode}'`);
      expect(to.hint).toContain(`'passthru'`);
      expect((await host.macvlan('m0')).mode).toBe(mode);
      await host.netns.deleteLink('m0');
      await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru' });
      const from = await refusalOf(host.netns.setMacvlan('m0', { mode }));
      expect(from).toMatchObject({ code: 'EINVAL', target: 'm0' });
      expect(from.hint).toContain(`'passthru'`);
      expect((await host.macvlan('m0')).mode).toBe('passthru');
    },
  );

  test('may be set to the mode passthru that it has', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', up: true });
    await host.netns.setMacvlan('m0', { mode: 'passthru', nopromisc: true });
    expect(await host.macvlan('m0')).toMatchObject({ mode: 'passthru', nopromisc: true });
  });
});

describe('a passthru child and its parent’s promiscuity', () => {
  test('holds the parent promiscuous while it is up', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru' });
    expect(await promiscuityOf(host, parent)).toBe(0);
    await host.netns.setLink('m0', { up: true });
    expect(await promiscuityOf(host, parent)).toBe(1);
    await host.netns.setLink('m0', { up: false });
    expect(await promiscuityOf(host, parent)).toBe(0);
  });

  test('releases it and holds it again by nopromisc while it is up', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', up: true });
    await host.netns.setMacvlan('m0', { nopromisc: true });
    expect(await promiscuityOf(host, parent)).toBe(0);
    expect((await host.macvlan('m0')).nopromisc).toBe(true);
    await host.netns.setMacvlan('m0', { nopromisc: true });
    expect(await promiscuityOf(host, parent)).toBe(0);
    await host.netns.setMacvlan('m0', { nopromisc: false });
    expect(await promiscuityOf(host, parent)).toBe(1);
    await host.netns.deleteLink('m0');
    expect(await promiscuityOf(host, parent)).toBe(0);
  });

  // The kernel toggles the parent's count also for a child that is down and holds nothing: 4294967295
  // holders, for ever (drivers/net/macvlan.c, macvlan_changelink, Linux 6.18).
  test.each([
    [false, true],
    [true, false],
  ])('is not miscounted: nopromisc from %s to %s is refused while it is down', async (from, to) => {
    const { host, parent } = await setUp();
    const options = { parent, name: 'm0', mode: 'passthru', nopromisc: from } as const;
    await host.netns.createMacvlan(options);
    const error = await refusalOf(host.netns.setMacvlan('m0', { nopromisc: to }));
    expect(error).toMatchObject({ code: 'ENETDOWN', operation: 'setMacvlan', target: 'm0' });
    expect(error.hint).toContain(`'m0' up`);
    expect((await host.macvlan('m0')).nopromisc ?? false).toBe(from);
    expect(await promiscuityOf(host, parent)).toBe(0);
    // It stays right through the rest of the child's life.
    await host.netns.setLink('m0', { up: true });
    await host.netns.setMacvlan('m0', { nopromisc: to });
    expect(await promiscuityOf(host, parent)).toBe(to ? 0 : 1);
    await host.netns.deleteLink('m0');
    expect(await promiscuityOf(host, parent)).toBe(0);
    expect((await host.netns.getLink(parent)).promiscuity).toBe(0);
  });

  test.each<[string, (netns: Netns, index: number, parent: number) => Promise<unknown>[]]>([
    [
      'asked for before, by one request',
      (netns) => [netns.setMacvlan('m0', { nopromisc: true }), netns.setLink('m0', { up: false })],
    ],
    [
      'asked for first, by two requests',
      (netns) => [
        netns.setLink('m0', { up: false, mtu: 1400 }),
        netns.setMacvlan('m0', { nopromisc: true }),
      ],
    ],
    [
      'of another link with the same index',
      (netns, index, parent) => [
        netns.setMacvlan(index, { nopromisc: true }),
        netns.deleteLink(index),
        netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', index }),
      ],
    ],
  ])(
    'is not miscounted by a change and a going down that are under way together: %s',
    async (_, both) => {
      const { host, parent } = await setUp();
      const options = { parent, name: 'm0', mode: 'passthru', up: true } as const;
      const { index } = await host.netns.createMacvlan(options);
      await Promise.allSettled(both(host.netns, index, (await host.link(parent)).ifindex));
      expect(await promiscuityOf(host, parent)).toBe(0);
      await host.netns.deleteLink('m0');
      expect(await promiscuityOf(host, parent)).toBe(0);
    },
  );

  test('is refused nopromisc with the advice to bring it up, where it goes down meanwhile', async () => {
    const { host, parent } = await setUp();
    await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', up: true });
    const changing = refusalOf(host.netns.setMacvlan('m0', { nopromisc: true }));
    await host.netns.setLink('m0', { up: false });
    const error = await changing;
    expect(error).toMatchObject({ code: 'ENETDOWN', operation: 'setMacvlan', target: 'm0' });
    expect(error.hint).toContain(`Bring 'm0' up first`);
  });

  test('says why, where another link has got its index meanwhile, and the change is refused', async () => {
    const { host, parent } = await setUp();
    const { ifindex } = await host.link(parent);
    const options = { parent: ifindex, name: 'm0', up: true } as const;
    const { index } = await host.netns.createMacvlan({ ...options, mode: 'passthru' });
    const [changed, ...others] = await Promise.allSettled([
      host.netns.setMacvlan(index, { mode: 'passthru', nopromisc: true }),
      host.netns.deleteLink(index),
      host.netns.createMacvlan({ ...options, mode: 'bridge', index }),
    ]);
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    const error = (changed as PromiseRejectedResult).reason;
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'setMacvlan', target: index });
    expect(error.hint).toContain(
      `in mode 'bridge': a living link cannot change to mode 'passthru'`,
    );
  });

  test('may be set to the nopromisc that it has, also while it is down', async () => {
    const { host, parent } = await setUp();
    const options = { parent, name: 'm0', mode: 'passthru', nopromisc: true } as const;
    await host.netns.createMacvlan(options);
    await host.netns.setMacvlan('m0', { nopromisc: true });
    expect((await host.macvlan('m0')).nopromisc).toBe(true);
    expect(await promiscuityOf(host, parent)).toBe(0);
  });
});

describe('a passthru child and its parent’s MAC', () => {
  test('is the parent’s', async () => {
    const { host, parent } = await setUp();
    const link = await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', up: true });
    expect(link.mac).toBe(PARENT_MAC);
    expect((await host.link('m0')).address).toBe(PARENT_MAC);
  });

  // The kernel would ignore it and take the parent's (macvlan_common_newlink).
  test('is refused a MAC of its own before anything is sent', async () => {
    const { host, parent } = await setUp();
    const before = await host.snapshot();
    const options = { parent, mode: 'passthru', mac: '02:00:5e:00:00:09' };
    const error = await refusalOf(host.netns.createMacvlan(options as never));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('options.mac');
    expect(await host.snapshot()).toEqual(before);
  });
});
