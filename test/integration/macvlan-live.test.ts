/** setMacvlan, addSources and removeSources: changes of an existing macvlan or macvtap. */
import { describe, expect, test } from 'vitest';
import { addSources, type MacvlanMode, removeSources, setMacvlan } from '../../lib/index.js';
import { isBefore, refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const KINDS = ['macvlan', 'macvtap'] as const;
const NO_CUTOFF = 'this kernel does not know IFLA_MACVLAN_BC_CUTOFF (Linux 6.4)';
const MODES: readonly MacvlanMode[] = ['private', 'vepa', 'bridge', 'source'];

/** A MAC for each number, in the order of the numbers. */
const mac = (number: number) =>
  `02:00:00:00:${number.toString(16).padStart(4, '0').replace(/../, '$&:')}`;

/** A link `m0` made by `ip` in some mode. */
async function setUp(
  mode: string,
  kind = 'macvlan',
  ...more: readonly string[]
): Promise<{ host: TestNetns; parent: string }> {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await host.ip('link', 'add', 'link', parent, 'name', 'm0', 'type', kind, 'mode', mode, ...more);
  return { host, parent };
}

async function sourcesOf(host: TestNetns, name = 'm0'): Promise<string[]> {
  return [...((await host.macvlan(name)).macaddr_data ?? [])].sort();
}

describe.each(KINDS)('setMacvlan on a %s', (kind) => {
  // RTM_SETLINK would answer success and change nothing (net/core/rtnetlink.c, do_setlink).
  test.each(MODES)('changes any other mode to %s', async (mode) => {
    for (const from of MODES) {
      const { host } = await setUp(from, kind);
      const before = await host.link('m0');
      await host.netns.setMacvlan('m0', { mode: mode as 'bridge' });
      const after = await host.link('m0');
      expect(after.linkinfo?.info_data?.mode).toBe(mode);
      expect({ ...after, linkinfo: null }).toEqual({ ...before, linkinfo: null });
    }
  });

  test('changes the broadcast queue', async ({ skip }) => {
    skip(isBefore(5, 11), 'this kernel does not know IFLA_MACVLAN_BC_QUEUE_LEN (Linux 5.11)');
    const { host } = await setUp('bridge', kind);
    await host.netns.setMacvlan('m0', { bcQueueLen: 123 });
    expect(await host.macvlan('m0')).toMatchObject({ bcqueuelen: 123, usedbcqueuelen: 123 });
    const { macvlan } = await host.netns.getLink('m0');
    expect(macvlan).toMatchObject({ bcQueueLen: 123, bcQueueLenUsed: 123 });
  });

  test('changes the cutoff of the broadcast queue', async ({ skip }) => {
    skip(isBefore(6, 4), NO_CUTOFF);
    const { host } = await setUp('bridge', kind);
    await host.netns.setMacvlan('m0', { bcCutoff: -1 });
    expect(await host.cutoff('m0')).toBe('-1');
    expect((await host.netns.getLink('m0')).macvlan?.bcCutoff).toBe(-1);
  });

  test('changes the source list', async () => {
    const { host } = await setUp('source', kind);
    await host.netns.setMacvlan('m0', { sources: [mac(1), mac(2)] });
    await host.netns.addSources('m0', [mac(3)]);
    await host.netns.removeSources('m0', [mac(1)]);
    expect(await sourcesOf(host)).toEqual([mac(2), mac(3)]);
  });
});

describe('setMacvlan', () => {
  test('changes nothing without options', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel does not know MACVLAN_FLAG_NODST (Linux 5.13)');
    const { host } = await setUp('source', 'macvlan', 'nodst', 'macaddr', 'set', mac(1));
    const before = await host.snapshot();
    await host.netns.setMacvlan('m0', {});
    await host.netns.setMacvlan('m0', { mode: undefined, sources: undefined });
    expect(await host.snapshot()).toEqual(before);
  });

  test('keeps the flags when something else changes', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel does not know MACVLAN_FLAG_NODST (Linux 5.13)');
    const { host } = await setUp('source', 'macvlan', 'nodst');
    await host.netns.setMacvlan('m0', { bcQueueLen: 9 });
    await host.netns.setMacvlan('m0', { sources: [mac(1)] });
    await host.netns.setMacvlan('m0', { mode: 'source' });
    expect(await host.macvlan('m0')).toMatchObject({ nodst: true, bcqueuelen: 9 });
    await host.netns.setMacvlan('m0', { nodst: false });
    expect((await host.macvlan('m0')).nodst ?? false).toBe(false);
    await host.netns.setMacvlan('m0', { nodst: true });
    expect((await host.macvlan('m0')).nodst).toBe(true);
  });

  // The kernel replaces all flags at once, so the other one must be sent along (macvlan_changelink).
  test('changes one flag and keeps the other', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel does not know MACVLAN_FLAG_NODST (Linux 5.13)');
    const { host } = await setUp('passthru', 'macvlan', 'nopromisc', 'nodst');
    await host.ip('link', 'set', 'm0', 'up');
    expect(await host.macvlan('m0')).toMatchObject({ nopromisc: true, nodst: true });
    await host.netns.setMacvlan('m0', { nopromisc: false });
    const seen = await host.macvlan('m0');
    expect([seen.nopromisc ?? false, seen.nodst]).toEqual([false, true]);
  });

  test('changes the mode, its flag and its list together', async ({ skip }) => {
    skip(isBefore(5, 13), 'this kernel does not know MACVLAN_FLAG_NODST (Linux 5.13)');
    const { host } = await setUp('bridge');
    await host.netns.setMacvlan('m0', { mode: 'source', nodst: true, sources: [mac(2), mac(1)] });
    expect(await host.macvlan('m0')).toMatchObject({ mode: 'source', nodst: true });
    expect(await sourcesOf(host)).toEqual([mac(1), mac(2)]);
  });

  test('empties the source list when the link leaves mode source', async () => {
    const { host } = await setUp('source', 'macvlan', 'macaddr', 'set', mac(1));
    await host.netns.setMacvlan('m0', { mode: 'bridge' });
    await host.netns.setMacvlan('m0', { mode: 'source' });
    expect(await sourcesOf(host)).toEqual([]);
    expect((await host.netns.getLink('m0')).macvlan?.sources).toEqual([]);
  });

  test('has the parent use the longest broadcast queue that a child asks for', async ({ skip }) => {
    skip(isBefore(5, 11), 'this kernel does not know IFLA_MACVLAN_BC_QUEUE_LEN (Linux 5.11)');
    const { host, parent } = await setUp('bridge');
    const options = { parent, mode: 'bridge' } as const;
    await host.netns.setMacvlan('m0', { bcQueueLen: 100 });
    const second = await host.netns.createMacvlan({ ...options, name: 'm1', bcQueueLen: 5000 });
    expect(second.macvlan).toMatchObject({ bcQueueLen: 5000, bcQueueLenUsed: 5000 });
    expect(await host.macvlan('m0')).toMatchObject({ bcqueuelen: 100, usedbcqueuelen: 5000 });
    expect((await host.netns.getLink('m0')).macvlan).toMatchObject({ bcQueueLenUsed: 5000 });
    await host.netns.deleteLink('m1');
    expect(await host.macvlan('m0')).toMatchObject({ bcqueuelen: 100, usedbcqueuelen: 100 });
    expect((await host.netns.getLink('m0')).macvlan).toMatchObject({ bcQueueLenUsed: 100 });
  });

  test('sets one cutoff for all children of a parent: the last writer’s', async ({ skip }) => {
    skip(isBefore(6, 4), NO_CUTOFF);
    const { host, parent } = await setUp('bridge');
    expect((await host.netns.getLink('m0')).macvlan?.bcCutoff).toBe(1);
    await host.netns.createMacvlan({ parent, name: 'm1', mode: 'bridge', bcCutoff: 7 });
    expect([await host.cutoff('m0'), await host.cutoff('m1')]).toEqual(['7', '7']);
    expect((await host.netns.getLink('m0')).macvlan?.bcCutoff).toBe(7);
    await host.netns.setMacvlan('m0', { bcCutoff: 3 });
    expect(await host.cutoff('m1')).toBe('3');
    expect((await host.netns.getLink('m1')).macvlan?.bcCutoff).toBe(3);
    // The kernel leaves the default, 1, out of its answers.
    await host.netns.setMacvlan('m0', { bcCutoff: 1 });
    expect(await host.cutoff('m1')).toBe('absent');
    expect((await host.netns.getLink('m1')).macvlan?.bcCutoff).toBe(1);
  });
});

describe('the source list', () => {
  test('is replaced by setMacvlan, and emptied by an empty list', async () => {
    const { host } = await setUp('source', 'macvlan', 'macaddr', 'set', mac(1), mac(2));
    await host.netns.setMacvlan('m0', { sources: [mac(2), mac(3)] });
    expect(await sourcesOf(host)).toEqual([mac(2), mac(3)]);
    expect([...((await host.netns.getLink('m0')).macvlan?.sources ?? [])].sort()).toEqual([
      mac(2),
      mac(3),
    ]);
    await host.netns.setMacvlan('m0', { sources: [] });
    expect(await sourcesOf(host)).toEqual([]);
    expect((await host.macvlan('m0')).mode).toBe('source');
  });

  test('grows by addSources, where what is on it already is no error', async () => {
    const { host } = await setUp('source', 'macvlan', 'macaddr', 'set', mac(1));
    await host.netns.addSources('m0', [mac(2), mac(1), mac(2), mac(3)]);
    expect(await sourcesOf(host)).toEqual([mac(1), mac(2), mac(3)]);
  });

  test('shrinks by removeSources, where what is not on it is no error', async () => {
    const { host } = await setUp('source', 'macvlan', 'macaddr', 'set', mac(1), mac(2));
    await host.netns.removeSources('m0', [mac(2), mac(9)]);
    expect(await sourcesOf(host)).toEqual([mac(1)]);
  });

  test('stays as it is for an empty list of changes', async () => {
    const { host } = await setUp('source', 'macvlan', 'macaddr', 'set', mac(1));
    await host.netns.addSources('m0', []);
    await host.netns.removeSources('m0', []);
    expect(await sourcesOf(host)).toEqual([mac(1)]);
  });

  // Each address is a message, and the kernel's receive buffer holds some 256 acknowledgements.
  test('takes more additions at once than the socket holds acknowledgements', async () => {
    const { host } = await setUp('source');
    const all = Array.from({ length: 1000 }, (_, at) => mac(at + 1));
    await host.netns.addSources('m0', all);
    expect(await sourcesOf(host)).toEqual(all);
    await host.netns.removeSources('m0', all.slice(10));
    expect(await sourcesOf(host)).toEqual(all.slice(0, 10));
  });

  // With one more the length of IFLA_LINKINFO, a u16, wraps in the kernel's answers: not even `ip`
  // then tells the link's kind.
  test('takes 5,455 MACs, set or added, and not more, because the kernel’s answer has no room for them', async ({
    skip,
  }) => {
    skip(isBefore(5, 13), 'this kernel does not know MACVLAN_FLAG_NODST (Linux 5.13)');
    const { host } = await setUp('source');
    const all = Array.from({ length: 5455 }, (_, at) => mac(at + 1));
    await host.netns.setMacvlan('m0', { sources: all.slice(0, 5454) });
    await host.netns.addSources('m0', [mac(1), mac(5455)]);
    expect(await sourcesOf(host)).toEqual(all);
    const error = await refusalOf(host.netns.addSources('m0', [mac(7), mac(5456)]));
    expect(error).toMatchObject({ code: 'E2BIG', operation: 'addSources', target: 'm0' });
    expect(error.hint).toContain('5456');
    await host.netns.addSources('m0', [mac(10).toUpperCase().replaceAll(':', '-')]);
    const tooMany = await refusalOf(host.netns.setMacvlan('m0', { sources: [...all, mac(5456)] }));
    expect(tooMany).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    expect((await host.macvlan('m0')).macaddr_count).toBe(5455);
    await host.netns.removeSources('m0', all.slice(2727));
    const halves = [all.slice(2727), [mac(7), mac(5456)], all.slice(0, 2727)];
    const results = await Promise.allSettled(
      halves.map((half) => host.netns.addSources('m0', half)),
    );
    expect(results.map((one) => (one.status === 'rejected' ? one.reason.code : 'added'))).toEqual([
      'added',
      'E2BIG',
      'added',
    ]);
    expect(await sourcesOf(host)).toEqual(expect.arrayContaining(all));
    expect((await host.macvlan('m0')).macaddr_count).toBe(5455);
    const cutoff = isBefore(6, 4) ? {} : { bcCutoff: 9 };
    const options = { mode: 'source', nodst: true, bcQueueLen: 9, ...cutoff } as const;
    await host.netns.setMacvlan('m0', { ...options, sources: all });
    expect(await sourcesOf(host)).toEqual(all);
    const { macvlan } = await host.netns.getLink('m0');
    expect(macvlan).toMatchObject(options);
    expect([...(macvlan?.sources ?? [])].sort()).toEqual(all);
  });

  test('is changed by one call after another, so that it never gets too long', async () => {
    const { host } = await setUp('source');
    const all = Array.from({ length: 6000 }, (_, at) => mac(at + 1));
    const [first, second] = [all.slice(0, 3000), all.slice(3000)];
    const results = await Promise.allSettled([
      host.netns.addSources('m0', first),
      host.netns.setMacvlan('m0', { sources: second }),
      host.netns.addSources('m0', first),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(results[2]).toMatchObject({ reason: { code: 'E2BIG' } });
    expect(await sourcesOf(host)).toEqual(second);
  });

  test('is changed by one call after another also where one comes while another waits', async () => {
    const { host } = await setUp('source');
    const all = Array.from({ length: 6000 }, (_, at) => mac(at + 1));
    const [first, second] = [all.slice(0, 3000), all.slice(3000)];
    const begun = host.netns.addSources('m0', [mac(1)]);
    const waiting = host.netns.addSources('m0', first);
    await begun;
    const late = await refusalOf(host.netns.addSources('m0', second));
    expect(late).toMatchObject({ code: 'E2BIG' });
    await waiting;
    expect(await sourcesOf(host)).toEqual(first);
  });

  // Its lengths wrap in the kernel's answers, so that `ip` itself cannot tell the link's kind any more.
  test.for([5456, 5459, 5463])(
    'of %d MACs, made by another program, is read and can be shortened',
    async (count, { skip }) => {
      skip(count > 5460 && !isBefore(7, 3), 'Linux 7.3 and newer do not tell of such a link');
      const { host, parent } = await setUp('source');
      await host.ip('link', 'add', 'link', parent, 'name', 'm1', 'type', 'macvlan');
      const all = Array.from({ length: count }, (_, at) => mac(at + 1));
      await host.netns.setMacvlan('m0', { sources: all.slice(0, 5455) });
      const add = ['link', 'set', 'm0', 'type', 'macvlan', 'macaddr', 'add'];
      for (const one of all.slice(5455)) await host.ip(...add, one);

      const { ifindex } = await host.link(parent);
      const links = await host.netns.listLinks({ kind: 'macvlan' });
      const found = links.find(({ name }) => name === 'm0');
      expect(links.map(({ name }) => name).sort()).toEqual(['m0', 'm1']);
      expect(found?.parent?.index).toBe(ifindex);
      expect([...(found?.macvlan?.sources ?? [])].sort()).toEqual(all);
      expect(await host.netns.getLink('m0')).toEqual(found);
      const error = await refusalOf(host.netns.addSources('m0', [mac(count + 1)]));
      expect(error).toMatchObject({ code: 'E2BIG', operation: 'addSources', target: 'm0' });
      expect(error.hint).toContain(`${count + 1}`);

      await host.netns.removeSources('m0', all.slice(5455));
      expect(await sourcesOf(host)).toEqual(all.slice(0, 5455));
      await host.ip(...add, mac(count));
      await host.netns.setMacvlan('m0', { sources: all.slice(0, 3) });
      expect(await sourcesOf(host)).toEqual(all.slice(0, 3));
    },
  );
});

describe('a macvlan’s mode decides which options it takes', () => {
  test.each([
    ['sources', { sources: [mac(1)] }, 'bridge', 'source'],
    ['an empty list of sources', { sources: [] }, 'bridge', 'source'],
    ['nodst', { nodst: true }, 'vepa', 'source'],
    ['nopromisc', { nopromisc: true }, 'private', 'passthru'],
  ] as const)('%s is refused, naming both modes', async (_, changes, mode, needed) => {
    const { host } = await setUp(mode);
    const before = await host.snapshot();
    const error = await refusalOf(host.netns.setMacvlan('m0', changes));
    expect(error).toMatchObject({ code: 'EINVAL', operation: 'setMacvlan', target: 'm0' });
    expect(error.hint).toContain(`'${needed}'`);
    expect(error.hint).toContain(`'${mode}'`);
    expect(await host.snapshot()).toEqual(before);
  });

  test('addSources and removeSources are refused outside mode source', async () => {
    const { host } = await setUp('bridge');
    for (const operation of ['addSources', 'removeSources'] as const) {
      const error = await refusalOf(host.netns[operation]('m0', [mac(1)]));
      expect(error).toMatchObject({ code: 'EINVAL', operation, target: 'm0' });
      expect(error.hint).toContain(`'source'`);
      expect(error.hint).toContain(`'bridge'`);
    }
  });

  test('a link of another kind is refused, naming the kind', async () => {
    const { host, parent } = await setUp('bridge');
    const calls = [
      () => host.netns.setMacvlan(parent, { mode: 'bridge' }),
      () => host.netns.addSources(parent, [mac(1)]),
      () => host.netns.removeSources(parent, [mac(1)]),
    ];
    for (const call of calls) {
      const error = await refusalOf(call());
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', target: parent });
      expect(error.hint).toContain(`'veth'`);
    }
    expect((await refusalOf(host.netns.setMacvlan('lo', { mode: 'vepa' }))).hint).toContain(
      'no kind',
    );
  });

  test('a link that does not exist is ENODEV', async () => {
    const { host } = await setUp('bridge');
    const error = await refusalOf(host.netns.setMacvlan('nobody', { mode: 'vepa' }));
    expect(error).toMatchObject({ code: 'ENODEV', operation: 'setMacvlan', target: 'nobody' });
  });
});

test('the functions of the module act in the process’s own namespace', async () => {
  const host = bed.ownNetns();
  const parent = await host.parent();
  const name = bed.uniqueName('m');
  await host.ip('link', 'add', 'link', parent, 'name', name, 'type', 'macvlan', 'mode', 'vepa');
  await setMacvlan(name, { mode: 'source', sources: [mac(1)] });
  await addSources(name, [mac(2), mac(3)]);
  await removeSources(name, [mac(1)]);
  expect(await sourcesOf(host, name)).toEqual([mac(2), mac(3)]);
});
