// Reasons that lie in other namespaces: the links there are named, as far as their namespaces can be found.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MacvlanMode } from '../../lib/index.js';
import { hide, makeContainer, makeUnnamed } from '../support/elsewhere.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const MAC = '02:00:5e:00:00:02';

describe('a link in a namespace that only a process has', () => {
  test('is found in mode passthru', async () => {
    const { host, parent } = await bed.makeHost();
    const { pid, where } = await makeContainer(bed, host);
    const options = { parent, name: 'alone', mode: 'passthru', netns: { pid } } as const;
    const { index } = await host.netns.createMacvlan(options);
    const { hint } = await refusalOf(host.netns.createMacvlan({ parent, mode: 'bridge' }));
    expect(hint).toContain(`'alone' (index ${index}) of ${where} (of process ${pid})`);
  });

  test('is found with the MAC, which one that is down there does not hold', async () => {
    const { host, parent } = await bed.makeHost();
    const { pid } = await makeContainer(bed, host);
    const options = { parent, mac: MAC, netns: { pid } };
    await host.netns.createMacvlan({ ...options, name: 'down' });
    await host.netns.createMacvlan({ ...options, name: 'up', up: true });
    const error = await refusalOf(host.netns.createMacvlan({ parent, mac: MAC, up: true }));
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
    expect(error.hint).toContain(`The MAC ${MAC} is taken by 'up' (index`);
    expect(error.hint).toContain(`(of process ${pid})`);
  });

  test('is found when it may have either a name or a process', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    await bed.background(inside, 'sh', '-c', 'echo ready; cat');
    await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
    const { hint } = await refusalOf(host.netns.createMacvlan({ parent, mode: 'passthru' }));
    expect(hint).toMatch(
      new RegExp(`'m0' \\(index \\d+\\) of the network namespace '${inside.name}'\\.$`),
    );
  });
});

test('a link in a namespace that this process holds open is found', async () => {
  const { host, parent } = await bed.makeHost();
  const netns = await makeUnnamed(bed);
  const options = { parent, name: 'alone', mode: 'passthru', netns } as const;
  const { index } = await host.netns.createMacvlan(options);
  const { hint } = await refusalOf(host.netns.createMacvlan({ parent, mode: 'bridge' }));
  const where = `the network namespace net:[${netns.inode}] (which this process holds open)`;
  expect(hint).toContain(`'alone' (index ${index}) of ${where}`);
});

test('a link whose parent was moved is found, before anybody has looked at it since', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const mode = 'passthru';
  const { index } = await host.netns.createMacvlan({
    parent,
    name: 'm0',
    mode,
    netns: inside.netns,
  });
  const third = await bed.makeNetns();
  await host.ip('link', 'set', parent, 'netns', third.name ?? '');
  const { hint } = await refusalOf(third.netns.createMacvlan({ parent }));
  const where = `of the network namespace '${inside.name}'`;
  expect(hint).toContain(`'m0' (index ${index}) ${where}`);
});

test('what is no namespace does not keep one from being found', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  for (const stem of ['a', 'zz']) {
    const path = `/run/netns/${bed.uniqueName(stem)}`;
    writeFileSync(path, '');
    bed.onCleanup(() => rmSync(path));
  }
  await host.netns.createMacvlan({ parent, name: 'm0', netns: inside.netns });
  const { hint } = await refusalOf(host.netns.createMacvlan({ parent, mode: 'passthru' }));
  expect(hint).toContain(`of the network namespace '${inside.name}'`);
});

describe('a link on a parent of another namespace', () => {
  test('finds the holder of its MAC in a third one, and the parent itself', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    const third = await bed.makeNetns();
    await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC, up: true, netns: third.netns });
    await host.netns.createMacvlan({ parent, name: 'm1', mac: MAC, netns: inside.netns });
    const { hint } = await refusalOf(inside.netns.setLink('m1', { up: true }));
    expect(hint).toContain(`The MAC ${MAC} is taken by 'm0' (index`);
    expect(hint).toContain(`of the network namespace '${third.name}'`);

    await third.ip('link', 'set', 'm0', 'down');
    await host.ip('link', 'set', parent, 'address', MAC);
    const above = await refusalOf(inside.netns.setLink('m1', { up: true }));
    expect(above.hint).toContain(`The MAC ${MAC} is the parent's own: '${parent}' has it`);
  });

  test('finds the holder among its parent’s neighbours', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    const { index } = await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC, up: true });
    await host.netns.createMacvlan({ parent, name: 'm1', mac: MAC, netns: inside.netns });
    const { hint } = await refusalOf(inside.netns.setLink('m1', { up: true }));
    expect(hint).toContain(
      `taken by 'm0' (index ${index}) of the network namespace '${host.name}'`,
    );
  });

  test('finds it also where the new link is on another such link, and comes up later than it is made', async () => {
    const { host, inside, parent } = await bed.makeHostAndInside();
    const third = await bed.makeNetns();
    await host.netns.createMacvlan({ parent, name: 'm0', mac: MAC, up: true, netns: third.netns });
    await host.netns.createMacvlan({ parent, name: 'beside', netns: inside.netns });
    // Where the parent would be, if it were in the namespace of the link that the new one is put on.
    const { ifindex } = await host.link(parent);
    await inside.ip(
      'link',
      'add',
      'decoy',
      'index',
      `${ifindex}`,
      'address',
      MAC,
      'type',
      'bridge',
    );
    const to = await bed.makeNetns();
    const options = { parent: 'beside', mac: MAC, up: true, netns: to.netns };
    for (const more of [{}, { ipv6: { acceptRa: 0 } }] as const) {
      const error = await refusalOf(inside.netns.createMacvlan({ ...options, ...more }));
      expect(error).toMatchObject({ code: 'EADDRINUSE' });
      expect(error.hint).toContain(`The MAC ${MAC} is taken by 'm0' (index`);
      expect(error.hint).toContain(`of the network namespace '${third.name}'`);
    }
  });
});

describe('where the namespace of the link cannot be found, the hint says only what may be', () => {
  test.each<[MacvlanMode, MacvlanMode]>([
    ['passthru', 'bridge'],
    ['bridge', 'passthru'],
  ])('of one in mode %s, to one in mode %s', async (mode, wanted) => {
    const { host, parent } = await bed.makeHost();
    const netns = await makeUnnamed(bed);
    await host.netns.createMacvlan({ parent, name: 'm0', mode, netns });
    await hide(bed, netns);
    // Others that are not the reason: on a parent with the same index, which is in another namespace.
    const other = await bed.makeNetns();
    const { ifindex } = await host.link(parent);
    await other.ip('link', 'add', 'decoy', 'index', `${ifindex}`, 'type', 'bridge');
    const inside = await bed.makeNetns();
    await other.netns.createMacvlan({ parent: 'decoy', name: 'd0', mode, netns: inside.netns });

    const error = await refusalOf(host.netns.createMacvlan({ parent, name: 'm1', mode: wanted }));
    expect(error).toMatchObject({ code: 'EINVAL' });
    expect(error.hint).toMatch(/may have (a child in mode 'passthru'|one) in another namespace/);
  });

  test('of one that has the MAC, or is below a bridge that is to be its master', async () => {
    const { host, parent } = await bed.makeHost();
    const netns = await makeUnnamed(bed);
    await host.netns.createMacvlan({ parent, mac: MAC, up: true, netns });
    await hide(bed, netns);
    const taken = await refusalOf(host.netns.createMacvlan({ parent, mac: MAC, up: true }));
    expect(taken.hint).toContain('is taken by the parent, or by a link on it, that is not in');
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    const receiving = await refusalOf(host.netns.setLink(parent, { master: 'br0' }));
    expect(receiving.hint).toContain('Something else (a macvlan on it in another namespace');
  });

  test('of an MTU above that of a parent there', async () => {
    const netns = await makeUnnamed(bed);
    const inside = await bed.makeNetns();
    await netns.createLink({ kind: 'bridge', name: 'br0' });
    await netns.createMacvlan({ parent: 'br0', name: 'm0', netns: inside.netns });
    await hide(bed, netns);
    const { hint } = await refusalOf(inside.netns.setLink('m0', { mtu: 9000 }));
    expect(hint).toContain("The MTU of 9000 is above that of the parent of 'm0'");
    expect(hint).toContain('was not found');
  });
});

test('many refusals at once are all explained', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  await host.netns.createMacvlan({ parent, name: 'm0', mode: 'passthru', netns: inside.netns });
  const tries = Array.from({ length: 50 }, () => refusalOf(host.netns.createMacvlan({ parent })));
  const hints = new Set((await Promise.all(tries)).map(({ hint }) => hint));
  expect(hints.size).toBe(1);
  expect([...hints][0]).toContain(`of the network namespace '${inside.name}'`);
});

test('many refusals at once are all explained, where each is in a namespace of its own', async () => {
  const { host, parent } = await bed.makeHost();
  const third = await bed.makeNetns();
  const options = { parent, name: 'm0', mac: MAC };
  await host.netns.createMacvlan({ ...options, netns: third.netns, up: true });
  const insides = await Promise.all(Array.from({ length: 10 }, () => makeUnnamed(bed)));
  await Promise.all(insides.map((netns) => host.netns.createMacvlan({ ...options, netns })));
  const refusals = insides.map((netns) => refusalOf(netns.setLink('m0', { up: true })));
  for (const { hint } of await Promise.all(refusals)) {
    expect(hint).toContain(`The MAC ${MAC} is taken by 'm0' (index`);
    expect(hint).toContain(`of the network namespace '${third.name}'`);
  }
});

test('many refusals of one namespace share what they find, and take few descriptors', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const third = await bed.makeNetns();
  const options = { parent, mac: MAC };
  await host.netns.createMacvlan({ ...options, name: 'holder', netns: third.netns, up: true });
  const numbers = Array.from({ length: 200 }, (_, at) => at);
  const make = (at: number) =>
    host.netns.createMacvlan({ ...options, name: `m${at}`, netns: inside.netns });
  await Promise.all(numbers.map(make));
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, descriptors());
  }, 1);
  const refusals = numbers.map((at) => refusalOf(inside.netns.setLink(`m${at}`, { up: true })));
  const hints = new Set((await Promise.all(refusals)).map(({ hint }) => hint));
  clearInterval(watching);
  expect(hints.size).toBe(1);
  expect([...hints][0]).toContain(`'holder' (index`);
  expect(most - before).toBeLessThan(40);
});

test('the search leaves no descriptor open, whether or not it finds anything', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const hidden = await makeUnnamed(bed);
  const mode = 'passthru';
  await host.netns.createMacvlan({ parent, name: 'm0', mode, netns: inside.netns });
  const second = await host.parent();
  await host.netns.createMacvlan({ parent: second, name: 'm1', mode, netns: hidden });
  await hide(bed, hidden);
  const search = async () => {
    const { hint: found } = await refusalOf(host.netns.createMacvlan({ parent }));
    expect(found).toContain(`of the network namespace '${inside.name}'`);
    const { hint: none } = await refusalOf(host.netns.createMacvlan({ parent: second }));
    expect(none).toContain('may have a child');
    const { hint: above } = await refusalOf(inside.netns.setLink('m0', { mtu: 9000 }));
    expect(above).toContain(`'${parent}' has 1500`);
  };
  await search();
  const before = readdirSync('/proc/self/fd').length;
  for (let time = 0; time < 5; time++) await search();
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});
