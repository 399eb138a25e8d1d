// findChildren: the links on a link, in whichever namespace they are.
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Child, findChildren, Netns, type NetnsRef } from '../../lib/index.js';
import { hide, makeContainer, makeUnnamed } from '../support/elsewhere.js';
import { inPrivateNetns, resultOf, withoutCapabilities } from '../support/program.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const namesOf = (children: readonly Child[]) => children.map(({ link }) => link.name).sort();

/** The index that `ip` shows of a link of a namespace without a name, by the namespace's inode. */
async function indexesInside(pid: number): Promise<readonly number[]> {
  const said = await bed.ownNetns().run('nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-j', 'link');
  return (JSON.parse(said) as { ifindex: number }[]).map(({ ifindex }) => ifindex);
}

describe('a child is found', () => {
  test('in its parent’s namespace', async () => {
    const { host, parent } = await bed.makeHost();
    await host.ip('link', 'add', 'm0', 'link', parent, 'type', 'macvlan', 'mode', 'bridge');
    const [child, ...others] = await host.netns.findChildren(parent);
    expect(others).toEqual([]);
    expect(child?.netns).toBe(host.netns);
    expect(child?.link).toEqual(await host.netns.getLink('m0'));
    expect(child?.link.index).toBe((await host.link('m0')).ifindex);
  });

  test('in a namespace that has a name', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    const where = ['netns', inside.name ?? ''];
    await host.ip('link', 'add', 'm0', 'link', parent, ...where, 'type', 'macvtap');
    const [child, ...others] = await host.netns.findChildren(await host.netns.getLink(parent));
    expect(others).toEqual([]);
    expect(child).toEqual({ link: await inside.netns.getLink('m0'), netns: inside.name });
  });

  test('in that of a process', async () => {
    const { host, parent } = await bed.makeHost();
    const { pid } = await makeContainer(bed, host);
    const { index } = await host.netns.createMacvlan({ parent, netns: { pid } });
    const [child, ...others] = await host.netns.findChildren(parent);
    expect(others).toEqual([]);
    expect(child?.netns).toEqual({ pid });
    expect(child?.link.index).toBe(index);
    expect(await indexesInside(pid)).toContain(index);
  });

  test('in one that this process holds open', async () => {
    const { host, parent } = await bed.makeHost();
    const netns = await makeUnnamed(bed);
    const { index } = await host.netns.createMacvlan({ parent, netns });
    const [child, ...others] = await host.netns.findChildren(parent);
    expect(others).toEqual([]);
    expect(child).toMatchObject({ link: { index, netns: netns.inode } });
    const copy = await Netns.open((child as Child).netns);
    expect(copy.inode).toBe(netns.inode);
    await copy.close();
  });

  test('in the caller’s own', async () => {
    const { host, parent } = await bed.makeHost();
    const name = bed.uniqueName('m');
    await host.netns.createMacvlan({ parent, name, netns: Netns.current() });
    bed.onCleanup(() => Netns.current().deleteLink(name, { ifExists: true }));
    const [child, ...others] = await host.netns.findChildren(parent);
    expect(others).toEqual([]);
    expect(child?.netns).toBe(Netns.current());
    expect(child?.link.index).toBe((await bed.ownNetns().link(name)).ifindex);
  });

  test('of a parent in the caller’s own', async () => {
    const parent = await bed.ownNetns().parent();
    const inside = await bed.makeNetns();
    await bed.ownNetns().netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
    expect(await findChildren(parent)).toMatchObject([{ netns: inside.name }]);
  });

  test('of a parent that was moved, before anybody has looked at it since', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
    const third = await bed.makeNetns();
    await host.ip('link', 'set', parent, 'netns', third.name ?? '');
    expect(await third.netns.findChildren(parent)).toMatchObject([
      { link: { name: 'm0' }, netns: inside.name },
    ]);
  });

  test('once, where several names and a process lead to it', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    await bed.background(inside, 'sh', '-c', 'echo ready; cat');
    const second = `/run/netns/${bed.uniqueName('s')}`;
    symlinkSync(`/run/netns/${inside.name}`, second);
    bed.onCleanup(() => rmSync(second));
    await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
    expect(namesOf(await host.netns.findChildren(parent))).toEqual(['m0']);
  });
});

test('what is found can be deleted where it is found', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const { pid } = await makeContainer(bed, host);
  const unnamed = await makeUnnamed(bed);
  const places: readonly NetnsRef[] = [host.netns, inside.netns, { pid }, unnamed];
  for (const [at, netns] of places.entries()) {
    await host.netns.createMacvlan({ parent, name: `m${at}`, netns });
  }
  const children = await host.netns.findChildren(parent);
  expect(namesOf(children)).toEqual(['m0', 'm1', 'm2', 'm3']);
  for (const { link, netns } of children) {
    const there = await Netns.open(netns);
    await there.deleteLink(link);
    await there.close();
  }
  expect(await host.names()).not.toContain('m0');
  expect(await inside.names()).toEqual([]);
  expect(await indexesInside(pid)).toEqual([1]);
  expect(await host.netns.findChildren(parent)).toEqual([]);
});

describe('no child is', () => {
  test('the other end of a veth pair, a port, or a link on another parent', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.ip('link', 'set', parent, 'master', 'br0');
    await host.netns.createMacvlan({ parent: 'br0', name: 'm0', netns: inside.netns });
    expect(await host.netns.findChildren(parent)).toEqual([]);
    expect(namesOf(await host.netns.findChildren('br0'))).toEqual(['m0']);
  });

  test('one on a parent that has the same index in another namespace', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    const { ifindex } = await host.link(parent);
    const add = (where: TestNetns) =>
      where.ip('link', 'add', 'decoy', 'index', `${ifindex}`, 'type', 'bridge');
    // One beside the child, one in a third namespace whose id the child's namespace has.
    const third = await bed.makeNetns();
    await Promise.all([add(inside), add(third)]);
    await inside.ip('link', 'add', 'd0', 'link', 'decoy', 'type', 'macvlan');
    await third.netns.createMacvlan({ parent: 'decoy', name: 'd1', netns: inside.netns });
    expect(await host.netns.findChildren(parent)).toEqual([]);
    await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
    expect(namesOf(await host.netns.findChildren(parent))).toEqual(['m0']);
  });

  test('one in a namespace to which nothing leads', async () => {
    const { host, parent } = await bed.makeHost();
    const netns = await makeUnnamed(bed);
    await host.netns.createMacvlan({ parent, name: 'm0', netns });
    await hide(bed, netns);
    expect(await host.netns.findChildren(parent)).toEqual([]);
  });
});

test('all are found in more namespaces than the reason of an error is looked for in', async () => {
  const found = await resultOf<{ names: number; refs: number; descriptors: number }>(
    `
    import { readdirSync } from 'node:fs';
    import { createLink, createMacvlan, findChildren, Netns } from 'macvlan-netlink';
    const { index: parent } = await createLink({ kind: 'veth', addrGenMode: 'none' });
    const held = [];
    for (let at = 0; at < 600; at++) {
      held.push(await Netns.create());
      await createMacvlan({ parent, name: 'm' + at, netns: held[at] });
    }
    const descriptors = () => readdirSync('/proc/self/fd').length;
    await findChildren(parent);
    const before = descriptors();
    const children = await findChildren(parent);
    console.log(JSON.stringify({
      names: new Set(children.map(({ link }) => link.name)).size,
      refs: new Set(children.map(({ netns }) => netns.fd)).size,
      descriptors: descriptors() - before,
    }));
    process.exit();
    `,
    { under: inPrivateNetns },
  );
  expect(found).toMatchObject({ names: 600, refs: 600 });
  // Idle sockets may have been closed meanwhile.
  expect(found.descriptors).toBeLessThanOrEqual(0);
});

test('those that may not be entered are left out, and the others are found', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  await host.netns.createMacvlan({ parent, name: 'm0' });
  await host.netns.createMacvlan({ parent, name: 'm1', netns: inside.netns });
  const names = await resultOf(
    `
    import { findChildren } from 'macvlan-netlink';
    const children = await findChildren(process.argv[1]);
    console.log(JSON.stringify(children.map(({ link }) => link.name)));
    `,
    { under: ['ip', 'netns', 'exec', host.name ?? '', ...withoutCapabilities], args: [parent] },
  );
  expect(names).toEqual(['m0']);
  expect(namesOf(await host.netns.findChildren(parent))).toEqual(['m0', 'm1']);
});

test('without a free descriptor it rejects, rather than to leave some out', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { createLink, createMacvlan, findChildren, listLinks, Netns } from 'macvlan-netlink';
    const { index: parent } = await createLink({ kind: 'veth', addrGenMode: 'none' });
    const netns = await Netns.create();
    await createMacvlan({ parent, netns });
    const files = [];
    try {
      for (;;) files.push(openSync('/dev/null'));
    } catch {}
    const outcomes = [];
    for (;;) {
      // The socket of the own namespace stays open.
      await listLinks().catch(() => {});
      const outcome = await findChildren(parent).then((found) => found.length, ({ code }) => code);
      outcomes.push(outcome);
      if (outcome !== 'EMFILE') break;
      closeSync(files.pop());
    }
    console.log(JSON.stringify(outcomes));
    process.exit();
  `;
  const under = [...inPrivateNetns, 'prlimit', '--nofile=64', '--'];
  const outcomes = await resultOf<(string | number)[]>(program, { under });
  expect(outcomes.length).toBeGreaterThan(2);
  expect(outcomes.pop()).toBe(1);
});

test('a signal ends it between two namespaces', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
  const before = readdirSync('/proc/self/fd').length;
  const controller = new AbortController();
  const reason = new Error('no longer wanted');
  const finding = host.netns.findChildren(parent, { signal: controller.signal });
  setImmediate(() => controller.abort(reason));
  await expect(finding).rejects.toBe(reason);
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

test('an error names the link that is not there', async () => {
  const host = await bed.makeNetns();
  const error = await refusalOf(host.netns.findChildren('nobody'));
  expect(error).toMatchObject({ code: 'ENODEV', operation: 'findChildren', target: 'nobody' });
  expect(error.hint).toContain(
    `There is no link named 'nobody' in the network namespace '${host.name}'`,
  );
});
