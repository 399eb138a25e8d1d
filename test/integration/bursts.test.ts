// A program that makes hundreds of calls in one turn of the event loop.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Netns } from '../../lib/index.js';
import { resultOf } from '../support/program.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const names = (count: number, prefix = 'mv') =>
  Array.from({ length: count }, (_, at) => `${prefix}${at}`);

describe('hundreds of calls in one turn', () => {
  test('use the options as they were at the time of each call', async () => {
    const host = await bed.makeNetns();
    const { index: parent } = await host.netns.getLink(await host.parent());
    const options = { parent, name: '', mode: 'private' as const, altNames: [''] };
    const wanted = names(300);
    const made = wanted.map((name) => {
      options.name = name;
      options.altNames[0] = `also-${name}`;
      return host.netns.createMacvlan(options);
    });
    options.name = 'never';
    const links = await Promise.all(made);
    expect(links.map(({ name, altNames }) => [name, ...altNames])).toEqual(
      wanted.map((name) => [name, `also-${name}`]),
    );
    const shown = (await host.links()).filter(({ ifname }) => ifname.startsWith('mv'));
    expect(shown.map(({ ifname }) => ifname).sort()).toEqual([...wanted].sort());
    // The program may change the list right after the call.
    const list = [...links];
    const others = Promise.all(links.slice(0, 100).map((link) => host.netns.getLink(link)));
    const deleted = host.netns.deleteLinks(list);
    list.length = 0;
    await Promise.all([others, deleted]);
    expect(await host.names()).toHaveLength(2);
  });

  test('are carried out in their order', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    const { index: parent } = await netns.getLink(await host.parent());
    const work: Promise<unknown>[] = [];
    for (let index = 2000; index < 2100; index++) {
      work.push(
        netns.createMacvlan({ parent, name: `a${index}`, index }),
        netns.setLink(index, { name: `b${index}` }),
        netns.setLink(index, { up: true }),
      );
    }
    // More calls than fit into one turn, and then calls with the same names.
    work.push(netns.deleteLinks(Array.from({ length: 100 }, (_, at) => 2000 + at)));
    work.push(netns.createMacvlan({ parent, name: 'b2000', index: 2000 }));
    await Promise.all(work);
    const shown = (await host.links()).filter(({ ifname }) => ifname.startsWith('b2'));
    expect(shown.map(({ ifname, ifindex }) => [ifname, ifindex])).toEqual([['b2000', 2000]]);
  });

  test('are spread over several turns of the event loop', async () => {
    const host = await bed.makeNetns();
    const { netns } = host;
    let asked = 0;
    const count = 1000;
    const answers = names(count).map(async (name) => {
      const refusal = await refusalOf(netns.getLink(name));
      asked++;
      return refusal.code;
    });
    let turns = 0;
    while (asked < count) {
      await turn();
      turns++;
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['ENODEV']));
    expect(turns).toBeGreaterThanOrEqual(Math.floor(count / 32));
  });

  test('are spread over more turns if their lists are longer', async () => {
    const { netns } = await bed.makeNetns();
    const addresses = [...Array.from({ length: 200 }, (_, at) => `10.0.0.${at + 1}/32`), 'none'];
    const begin = [
      () => netns.createMacvlan({ parent: 'parent', addresses }),
      () => netns.addSources('parent', addresses),
    ];
    let refused = 0;
    const calls = names(20).map((_, at) =>
      expect(begin[at % 2]?.())
        .rejects.toThrow('must be')
        .finally(() => refused++),
    );
    const after: number[] = [];
    while (refused < calls.length) {
      await turn();
      after.push(refused);
    }
    await Promise.all(calls);
    expect(Math.max(...after.map((count, at) => count - (after[at - 1] ?? 0)))).toBeLessThanOrEqual(
      2,
    );
  });

  test('are waited for when the namespace is closed', async () => {
    const host = await bed.makeNetns();
    const { index: parent } = await host.netns.getLink(await host.parent());
    const { Netns } = await import('../../lib/index.js');
    const own = await Netns.open(host.netns);
    const made = names(200).map((name) => own.createMacvlan({ parent, name }));
    const closed = own.close();
    const late = await refusalOf(own.createMacvlan({ parent, name: 'late' }));
    expect(late.code).toBe('ERR_NETNS_CLOSED');
    await Promise.all([...made, closed]);
    expect(own.fd).toBe(-1);
    expect(await host.names()).toHaveLength(202);
  });

  test('keep the namespace open in which they make links', async () => {
    const [host, target] = [await bed.makeNetns(), await bed.makeNetns()];
    const { index: parent } = await host.netns.getLink(await host.parent());
    const { Netns } = await import('../../lib/index.js');
    const netns = await Netns.open(target.netns);
    const made = names(100).map((name) => host.netns.createMacvlan({ parent, name, netns }));
    await Promise.all([...made, netns.close()]);
    expect(await target.names()).toHaveLength(100);
  });

  test('end with their signal’s reason when it fires before their turn', async () => {
    const host = await bed.makeNetns();
    const { index: parent } = await host.netns.getLink(await host.parent());
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('enough');
    const made = names(200).map((name) => host.netns.createMacvlan({ parent, name, signal }));
    controller.abort(reason);
    const results = await Promise.allSettled(made);
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(200 - 32);
    for (const result of refused) expect(result).toHaveProperty('reason', reason);
    const kept = results.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value.name] : [],
    );
    expect((await host.names()).filter((name) => name.startsWith('mv'))).toEqual(kept);
  });

  test('show in an error’s stack the code that awaits it', async () => {
    const host = await bed.makeNetns();
    const { index: parent } = await host.netns.getLink(await host.parent());
    const taken = [...names(60), 'mv1'];
    const error = await Promise.all(
      taken.map((name) => host.netns.createMacvlan({ parent, name })),
    ).catch((reason: unknown) => reason as Error);
    expect(error).toHaveProperty('code', 'EEXIST');
    await expect(
      (async () => {
        await Promise.all(taken.map((name) => host.netns.createMacvlan({ parent, name })));
      })(),
    ).rejects.toThrow(
      expect.objectContaining({ stack: expect.stringContaining('bursts.test.ts') }),
    );
  });
});

test('a large deletion is over before what is asked after it, also in a full turn', async () => {
  const host = await bed.makeNetns();
  const { index: parent } = await host.netns.getLink(await host.parent());
  const made = await Promise.all(
    names(300).map((name) => host.netns.createMacvlan({ parent, name })),
  );
  const before = names(33).map(() => host.netns.getLink(1));
  const deleted = host.netns.deleteLinks(made);
  const again = host.netns.createMacvlan({ parent, name: 'mv5' });
  await Promise.all([...before, deleted, again]);
  expect((await host.names()).filter((name) => name.startsWith('mv'))).toEqual(['mv5']);
});

describe('a program may change its objects right after a call', () => {
  test('a reference to a link', async () => {
    const host = await bed.makeNetns();
    const { index: parent } = await host.netns.getLink(await host.parent());
    const all = names(60);
    const made = await Promise.all(all.map((name) => host.netns.createMacvlan({ parent, name })));
    const ref = { index: 0 };
    const read = made.map(({ index }) => {
      ref.index = index;
      return host.netns.getLink(ref);
    });
    ref.index = 1;
    expect((await Promise.all(read)).map(({ name }) => name)).toEqual(all);
    const gone = made.slice(0, 50).map(({ index }) => {
      ref.index = index;
      return host.netns.deleteLink(ref);
    });
    ref.index = made[59]?.index ?? 0;
    await Promise.all(gone);
    expect((await host.names()).filter((name) => name.startsWith('mv'))).toEqual(all.slice(50));
  });

  test('options inside options, and those of a class', async () => {
    const host = await bed.makeNetns();
    const { index: parent } = await host.netns.getLink(await host.parent());
    const peer = { name: '' };
    const options = new (class {
      readonly parent = parent;
      number = 0;
      get name() {
        return `mv${this.number}`;
      }
    })();
    const pairs = names(40).map((name, at) => {
      peer.name = `peer${at}`;
      return host.netns.createLink({ kind: 'veth', name: `v${name}`, peer });
    });
    const macvlans = names(40).map((_, at) => {
      options.number = at;
      // An unknown option of its own is none that it enumerates.
      return host.netns.createMacvlan(
        Object.defineProperty(options, 'number', { enumerable: false }),
      );
    });
    await Promise.all([...pairs, ...macvlans]);
    const seen = await host.names();
    expect(seen).toEqual(expect.arrayContaining(names(40)));
    expect(seen).toEqual(expect.arrayContaining(names(40).map((_, at) => `peer${at}`)));
  });
});

test('options are used as they were at the call even if something is looked up first', async () => {
  const [host, there] = [await bed.makeNetns(), await bed.makeNetns()];
  const options = {
    parent: await host.parent(),
    name: 'mv1',
    mode: 'bridge' as 'bridge' | 'private',
    netns: there.name as string,
    addresses: ['10.0.0.1/24'],
  };
  const made = host.netns.createMacvlan(options);
  options.addresses.length = 0;
  Object.assign(options, { parent: 'no', name: 'mv2', mode: 'private', netns: 'no' });
  expect(await made).toMatchObject({ name: 'mv1', macvlan: { mode: 'bridge' } });
  expect(await there.addresses('mv1')).toEqual(['10.0.0.1/24']);
});

test('watch and Netns.open use the options as they were at the call', async () => {
  const host = await bed.makeNetns();
  const options = { addresses: true, initial: true };
  const watch = host.netns.watch(options);
  options.addresses = false;
  const full = names(40).map(() => host.netns.getLink(1));
  const ref = { pid: process.pid };
  const opened = Netns.open(ref);
  ref.pid = 999_999_999;
  await using netns = await opened;
  expect(netns.inode).toBe(Netns.current().inode);
  await Promise.all(full);
  await host.ip('address', 'add', '192.0.2.1/24', 'dev', 'lo');
  for await (const event of watch) {
    if (event.type === 'address' && event.address.cidr === '192.0.2.1/24') break;
  }
});

test('every one of many refused arguments shows the code that awaits it', async () => {
  const host = await bed.makeNetns();
  const results = await Promise.allSettled(names(100).map(() => host.netns.getLink(-1)));
  for (const result of results) {
    expect(result).toHaveProperty('reason.code', 'ERR_OUT_OF_RANGE');
    expect(result).toHaveProperty('reason.stack', expect.stringContaining('bursts.test.ts'));
  }
});

test('a list of hundreds with a fault in it deletes nothing', async () => {
  const host = await bed.makeNetns();
  const { index: parent } = await host.netns.getLink(await host.parent());
  const elsewhere = await bed.makeNetns();
  const foreign = await elsewhere.netns.getLink('lo');
  const links = await Promise.all(
    names(600).map((name) => host.netns.createMacvlan({ parent, name })),
  );
  await expect(host.netns.deleteLinks([...links, foreign])).rejects.toThrow(/refs\[600\]/);
  const controller = new AbortController();
  const aborted = host.netns.deleteLinks(links, { signal: controller.signal });
  controller.abort();
  await expect(aborted).rejects.toBe(controller.signal.reason);
  expect(await host.names()).toHaveLength(602);
  await host.netns.deleteLinks(links);
  expect(await host.names()).toHaveLength(2);
});

test('a namespace that is being closed takes no more links, however many calls wait', async () => {
  const [home, target] = [await bed.makeNetns(), await bed.makeNetns()];
  const { index: parent } = await home.netns.getLink(await home.parent());
  const make = (name: string) => home.netns.createMacvlan({ parent, name, netns: target.netns });
  const before = names(100, 'in').map(make);
  const closed = target.netns.close();
  const after = await Promise.allSettled(names(20, 'late').map(make));
  expect(after.map((one) => (one.status === 'rejected' ? one.reason.code : 'made'))).toEqual(
    Array.from({ length: 20 }, () => 'ERR_NETNS_CLOSED'),
  );
  await Promise.all([...before, closed]);
  const shown = await target.names();
  expect(shown.filter((name) => name.startsWith('in'))).toHaveLength(100);
  expect(shown.filter((name) => name.startsWith('late'))).toEqual([]);
});

test('a call that waits to change a long list of sources keeps no copy of it', async () => {
  const program = `
    import { addSources, createLink, createMacvlan, getLink, removeSources } from 'macvlan-netlink';
    const sources = Array.from({ length: 4000 }, (_, at) =>
      '02:00:00:00:' + (at >> 8).toString(16).padStart(2, '0') + ':' + (at & 255).toString(16).padStart(2, '0'));
    const parent = await createLink({ kind: 'veth' });
    const { index } = await createMacvlan({ parent, mode: 'source', sources });
    const some = sources.slice(0, 1500);
    await Promise.all(some.map((mac) => removeSources(index, [mac])));
    const left = await getLink(index);
    await Promise.all(some.map((mac) => addSources(index, [mac])));
    const again = await getLink(index);
    console.log(JSON.stringify([left.macvlan.sources.length, again.macvlan.sources.length]));
  `;
  const counts = await resultOf<number[]>(program, {
    nodeOptions: ['--max-old-space-size=96'],
    under: ['unshare', '--net'],
  });
  expect(counts).toEqual([2500, 4000]);
});

test('only a few listings are kept that JavaScript has not read yet', async () => {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { listAddresses } from 'macvlan-netlink';
    const commands = Array.from({ length: 4000 }, (_, at) =>
      'address add 10.1.' + (at >> 8) + '.' + (at & 255) + '/32 dev lo');
    execFileSync('ip', ['-batch', '-'], { input: commands.join('\\n') });
    const listings = Array.from({ length: 32 }, () => listAddresses({ family: 'IPv4' }));
    // Meanwhile this thread reads nothing.
    execFileSync('sleep', ['1']);
    execFileSync('ip', ['address', 'add', '192.0.2.1/32', 'dev', 'lo']);
    const shown = (await Promise.all(listings)).map((list) => [
      list.length, list.some(({ address }) => address === '192.0.2.1'),
    ]);
    console.log(JSON.stringify(shown));
  `;
  const shown = await resultOf<[number, boolean][]>(program, { under: ['unshare', '--net'] });
  for (const [count, isLater] of shown) expect(count).toBe(isLater ? 4001 : 4000);
  const later = shown.map(([, isLater]) => isLater);
  expect(later).toEqual([...later].sort((a, b) => Number(a) - Number(b)));
  expect(later.filter((isLater) => !isLater).length).toBeLessThan(8);
});

test.each([
  ['listings', 'for (let at = 0; at < 50; at++) await list();'],
  ['single links', 'await Promise.all(Array.from({ length: 5000 }, () => getLink(1)));'],
])('%s that have been read make room for others', async (_, read) => {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { getLink, listAddresses } from 'macvlan-netlink';
    const commands = Array.from({ length: 200 }, (_, at) => 'address add 10.1.0.' + at + '/32 dev lo');
    execFileSync('ip', ['-batch', '-'], { input: commands.join('\\n') });
    const list = () => listAddresses({ family: 'IPv4' });
    ${read}
    const listings = Array.from({ length: 10 }, list);
    // Meanwhile this thread reads nothing.
    execFileSync('sleep', ['1']);
    execFileSync('ip', ['address', 'add', '192.0.2.1/32', 'dev', 'lo']);
    console.log(JSON.stringify((await Promise.all(listings)).map(({ length }) => length)));
  `;
  expect(await resultOf(program, { under: ['unshare', '--net'] })).toEqual(Array(10).fill(200));
});

test('thousands refused together are explained within little memory', async () => {
  const program = `
    import { addAddress, addRoute, createMacvlan, createMacvtap, createLink } from 'macvlan-netlink';
    const parent = await createLink({ kind: 'veth' });
    await createMacvlan({ parent, name: 'alone', mode: 'passthru' });
    const hosts = Array.from({ length: 2000 }, (_, at) => '10.1.' + (at >> 8) + '.' + (at & 255) + '/32');
    const route = (to) => addRoute({ to, type: 'blackhole' });
    await Promise.all(hosts.flatMap((host) => [addAddress(1, host), route(host)]));
    const refused = await Promise.allSettled(hosts.flatMap((host) => [
      addAddress(1, host), route(host), createMacvtap({ parent, name: 'other' }),
    ]));
    const hints = refused.map(({ reason }, at) => reason.hint.replaceAll(hosts[Math.floor(at / 3)], 'HOST'));
    console.log(JSON.stringify([...new Set(hints)]));
  `;
  const hints = await resultOf<string[]>(program, {
    nodeOptions: ['--max-old-space-size=96'],
    under: ['unshare', '--net'],
  });
  expect(hints).toEqual([
    "The link 'lo' has HOST already.",
    expect.stringContaining('HOST'),
    expect.stringContaining("'alone'"),
  ]);
});
