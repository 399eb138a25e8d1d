// Requests on their way to the kernel and back: their order, many at once, refused ones among
// others, listings that changes run into, and what goes on meanwhile.
import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { isNetlinkError, type Link, type Netns } from '../../lib/index.js';
import { linkRecord } from '../../lib/namespace/lookup.js';
import type { Step } from '../../lib/namespace/native.js';
import { isBefore } from '../support/ip.js';
import { resultOf } from '../support/program.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const LOOPBACK: Step = { operation: 'getLink', record: linkRecord(1) };

const manyAddresses = (count: number) =>
  Array.from({ length: count }, (_, at) => `10.1.${at >> 8}.${at & 255}/32`);

/** Bridges with the indexes from 1,000 on, made by `ip`. */
async function bridges(host: TestNetns, count: number): Promise<number[]> {
  const indexes = Array.from({ length: count }, (_, at) => 1000 + at);
  await host.ipBatch(indexes.map((index) => `link add br${index} index ${index} type bridge`));
  return indexes;
}

describe('the order of requests', () => {
  test('lets small answers come between the parts of a long one', async () => {
    const [host, other] = [await bed.makeNetns(), await bed.makeNetns()];
    await host.ipBatch([
      'link set lo up',
      ...Array.from({ length: 20_000 }, (_, at) => `route add 10.1.${at >> 8}.${at & 255} dev lo`),
    ]);
    const routes = host.netns.listRoutes();
    // The listing has been asked for.
    await setImmediate();
    let isAnswered = false;
    const asked = other.netns.getLink('lo').then(() => {
      isAnswered = true;
    });
    // By the end of this both have been answered, and JavaScript has not seen anything of it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    let turns = 0;
    for (; !isAnswered; turns++) await setImmediate();
    await asked;
    expect((await routes).length).toBeGreaterThan(20_000);
    // The listing alone takes more than fifty.
    expect(turns).toBeLessThan(20);
  });

  test('lets the event loop turn between an answer and the next one', async () => {
    const [host, other] = [await bed.makeNetns(), await bed.makeNetns()];
    const links = await bridges(host, 5);
    let turns = 0;
    const count = () => {
      turns++;
      counting = globalThis.setImmediate(count);
    };
    let counting = globalThis.setImmediate(count);
    for (const link of links) {
      // It takes the kernel so long that the event loop does not spin for the answers below.
      const deletion = host.netns.deleteLink(link);
      await setTimeout(3);
      await other.netns.getLink('lo');
      const before = turns;
      const next = other.netns.getLink('lo');
      // By the end of this it has been answered, in the turn that it was asked in.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      await next;
      expect(turns).toBeGreaterThan(before);
      await deletion;
    }
    clearImmediate(counting);
  });

  test.each<[string, (netns: Netns) => Promise<unknown>]>([
    ['the parts of a long answer', (netns) => netns.listRoutes()],
    [
      'thousands of answers that are there',
      (netns) => Promise.all(Array.from({ length: 3000 }, () => netns.exchange([LOOPBACK]))),
    ],
  ])('lets the event loop turn between %s', async (_, ask) => {
    const host = await bed.makeNetns();
    await host.ipBatch([
      'link set lo up',
      ...Array.from({ length: 20_000 }, (_, at) => `route add 10.1.${at >> 8}.${at & 255} dev lo`),
    ]);
    let isAnswered = false;
    const asked = ask(host.netns).then(() => {
      isAnswered = true;
    });
    await setImmediate();
    // By the end of this all is there, and JavaScript has seen next to nothing of it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    let turns = 0;
    for (; !isAnswered; turns++) await setImmediate();
    await asked;
    expect(turns).toBeGreaterThan(10);
  });

  test('is that of the calls, for the kernel and for the answers', async () => {
    const host = await bed.makeNetns();
    const wanted = manyAddresses(600);
    const answered: string[] = [];
    await Promise.all(
      wanted.map((address) =>
        host.netns.addAddress('lo', address).then(() => answered.push(address)),
      ),
    );
    expect(answered).toEqual(wanted);
    expect(await host.addresses('lo')).toEqual(['127.0.0.1/8', ...wanted, '::1/128']);
  });

  test('holds for changes that build on one another', async () => {
    const host = await bed.makeNetns();
    const [index = 0] = await bridges(host, 1);
    const { netns } = host;
    for (let round = 0; round < 10; round++) {
      const address = `10.${round}.0.1/24`;
      await Promise.all([
        netns.setLink(index, { up: true }),
        netns.addAddress(index, address),
        netns.addRoute({ to: '198.51.100.0/24', via: `10.${round}.0.2` }),
        netns.removeRoute({ to: '198.51.100.0/24', via: `10.${round}.0.2` }),
        netns.removeAddress(index, address),
        netns.setLink(index, { up: false }),
      ]);
    }
    expect(await host.addresses('br1000')).toEqual([]);
    expect((await host.link('br1000')).flags).not.toContain('UP');
  });

  // 'a' is an alternative name, which the kernel looks up as well.
  test.each(['br1000', 'a', 'an-alternative-name-that-is-long'])(
    'holds for a link that is given by its name, %s',
    async (name) => {
      const host = await bed.makeNetns();
      const [index = 0] = await bridges(host, 1);
      await host.ipBatch([
        'link property add dev br1000 altname a altname an-alternative-name-that-is-long',
      ]);
      const { netns } = host;
      const to = '198.51.100.0/24';
      const mac = '02:00:00:00:77:01';
      for (let round = 0; round < 10; round++) {
        const address = `10.${round}.0.1/24`;
        const neighbour = { address: `10.${round}.0.3`, mac };
        // Each is refused, or has another effect, in any other place.
        await Promise.all([
          netns.setLink(name, { mtu: 1300 + round, txQueueLen: 7 }),
          netns.setLink(index, { up: true, mtu: 1400 + round }),
          netns.addAddress(name, address),
          netns.addRoute({ to, link: index }),
          netns.replaceRoute({ to, link: name, mtu: 1280 }),
          netns.removeRoute({ to, link: index, mtu: 1280 }),
          netns.addNeighbour(name, neighbour),
          netns.removeNeighbour(index, neighbour.address),
          netns.removeAddress(name, address),
          netns.setLink(index, { up: false, addrGenMode: 'none' }),
        ]);
      }
      expect(await host.addresses('br1000')).toEqual([]);
      const link = await host.link('br1000');
      expect(link.mtu).toBe(1409);
      expect(link.flags).not.toContain('UP');
    },
  );

  const parentOf = async (host: TestNetns) => (await host.link('mv')).link;
  const portOf = async (host: TestNetns) =>
    (await host.links()).find(({ master }) => master === 'br0')?.ifname;
  const routesOf = async (host: TestNetns) =>
    /dev (\w+)/.exec(await host.ip('-6', 'route', 'show', 'fd09::/64'))?.[1];

  // Where another name has to be looked up as well, or routes are listed, before anything is changed.
  test.for<
    [
      string,
      (netns: Netns, link: string) => Promise<unknown>,
      (host: TestNetns) => Promise<unknown>,
      'the first' | 'the second',
    ]
  >([
    [
      'setLink with a master',
      (netns, link) => netns.setLink(link, { master: 'br0' }),
      portOf,
      'the first',
    ],
    [
      'createMacvlan with a master',
      (netns, parent) => netns.createMacvlan({ parent, name: 'mv', master: 'br0' }),
      parentOf,
      'the first',
    ],
    [
      'createMacvlan with a route by another link',
      (netns, parent) =>
        netns.createMacvlan({ parent, name: 'mv', routes: [{ to: '10.9.0.0/16', link: 'br0' }] }),
      parentOf,
      'the first',
    ],
    [
      'removeRoute with from: what is left is',
      (netns, link) => netns.removeRoute({ to: 'fd09::/64', from: 'fd08::/64', link }),
      routesOf,
      'the second',
    ],
  ])('holds for names in %s', async ([, change, shown, expected], { skip }) => {
    skip(isBefore(6, 2), 'Linux before 6.2 renames no link that is up');
    const host = await bed.makeNetns();
    const { netns } = host;
    const [link, other] = [await host.parent(), await host.parent()];
    await host.ipBatch(['link add br0 type bridge', 'link set br0 up']);
    const [first, second] = [await netns.getLink(link), await netns.getLink(other)];
    await host.ipBatch([
      `route add fd09::/64 from fd08::/64 dev ${link} metric 1`,
      `route add fd09::/64 from fd08::/64 dev ${other} metric 2`,
    ]);
    await Promise.all([
      change(netns, link),
      netns.setLink(first.index, { name: 'first' }),
      netns.setLink(second.index, { name: link }),
    ]);
    expect(await shown(host)).toBe(expected === 'the first' ? 'first' : link);
  });

  test('holds for a new link whose parent is given by its name', async () => {
    const [host, other] = [await bed.makeNetns(), await bed.makeNetns()];
    const parent = await host.parent({ up: false });
    const { netns } = host;
    const on = { parent, mode: 'bridge' } as const;
    for (let round = 0; round < 10; round++) {
      await Promise.all([
        netns.createMacvlan({ ...on, name: 'a' }),
        netns.setLink('a', { name: 'b' }),
        netns.createMacvlan({ ...on, name: 'a', up: true }),
        netns.createMacvlan({ ...on, name: 'c', parent: 'b', addresses: ['10.0.0.1/32'] }),
        netns.createMacvlan({ ...on, name: 'a', netns: other.netns }),
        netns.deleteLink('b'),
        netns.setLink(parent, { name: 'renamed' }),
        netns.createMacvlan({ ...on, name: 'b', parent: 'renamed' }),
        netns.setLink('renamed', { name: parent }),
      ]);
      const made = (await host.links()).filter(({ ifname }) => /^[abc]$/.test(ifname));
      expect(made.map(({ ifname, link }) => [ifname, link]).sort()).toEqual([
        ['a', parent],
        ['b', parent],
        ['c', parent],
      ]);
      expect((await host.addresses('c')).includes('10.0.0.1/32')).toBe(true);
      expect((await other.link('a')).ifname).toBe('a');
      await netns.deleteLinks(['a', 'b', 'c']);
      await other.netns.deleteLink('a');
    }
  });
});

describe('many requests at once', () => {
  test('get one answer each, also if some are refused', async () => {
    const host = await bed.makeNetns();
    const wanted = manyAddresses(2000);
    // Every second one is there already.
    await host.ipBatch(
      wanted.filter((_, at) => at % 2 === 1).map((address) => `address add ${address} dev lo`),
    );
    const outcomes = await Promise.allSettled(
      wanted.map((address) => host.netns.addAddress(1, address)),
    );
    const codes = outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : 'made'));
    expect(codes).toEqual(wanted.map((_, at) => (at % 2 === 1 ? 'EEXIST' : 'made')));
    expect((await host.addresses('lo')).filter((one) => one.startsWith('10.1.')).sort()).toEqual(
      [...wanted].sort(),
    );
  });

  test('a refused request does not stop those behind it', async () => {
    const host = await bed.makeNetns();
    const outcomes = await Promise.allSettled([
      host.netns.addAddress(1, '10.0.0.1/32'),
      host.netns.addAddress(4242, '10.0.0.2/32'),
      host.netns.addAddress(1, '10.0.0.1/32'),
      host.netns.addRoute({ to: '10.7.0.0/16', via: '203.0.113.1' }),
      host.netns.getLink(4242),
      host.netns.deleteLink(1),
      host.netns.addAddress(1, '10.0.0.3/32'),
    ]);
    const codes = outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : 'done'));
    expect(codes).toEqual([
      'done',
      'ENODEV',
      'EEXIST',
      'ENETUNREACH',
      'ENODEV',
      'EOPNOTSUPP',
      'done',
    ]);
    expect(await host.addresses('lo')).toEqual(
      expect.arrayContaining(['10.0.0.1/32', '10.0.0.3/32']),
    );
  });

  test('listings of different kinds at once are each complete', async () => {
    const host = await bed.makeNetns();
    await bridges(host, 100);
    const { netns } = host;
    const links = (await host.links()).map(({ ifindex }) => ifindex);
    const lists = await Promise.all(
      Array.from({ length: 20 }, () => [
        netns.listLinks().then((all) => all.map(({ index }) => index)),
        netns.listAddresses().then((all) => all.map(({ cidr }) => cidr)),
        netns.listRoutes().then((all) => all.map(({ to }) => to)),
        netns.listLinks({ kind: 'bridge' }).then((all) => all.map(({ index }) => index)),
      ]).flat(),
    );
    const [first = [], addresses = [], routes = []] = lists;
    expect(first).toEqual(links);
    expect(addresses).toEqual(['127.0.0.1/8', '::1/128']);
    expect(routes).toContain('127.0.0.0/8');
    const expected = [links, addresses, routes, links.slice(1)];
    expect(lists).toEqual(Array.from({ length: 20 }, () => expected).flat());
  });

  test('of which a listing comes behind more answers than are kept unread do not wait for one another', async () => {
    const { netns } = await bed.makeNetns();
    // Of one exchange JavaScript hears at its end, unless a listing has many records.
    const steps: Step[] = [...Array(5000).fill(LOOPBACK), { operation: 'listLinks', record: {} }];
    const results = await netns.exchange(steps);
    expect(results.slice(0, -1).filter((one) => (one as Link).name === 'lo').length).toBe(5000);
    expect(results.at(-1)).toEqual([expect.objectContaining({ name: 'lo' })]);
  });

  test('get their own answers beside large reads', async () => {
    // In a user namespace of its own, where the kernel's limits hold for the socket: the answers to
    // so many reads of a link with so many sources are more than it can hold.
    const program = `
      import { addAddress, createLink, createMacvlan, deleteLink, getLink } from 'macvlan-netlink';
      const [parent, other] = [await createLink({ kind: 'veth' }), await createLink({ kind: 'veth' })];
      const hex = (number) => number.toString(16).padStart(2, '0');
      const sources = Array.from({ length: 5455 }, (_, at) =>
        ['02', '00', '00', '00', hex(at >> 8), hex(at & 255)].join(':'));
      await createMacvlan({ parent, name: 'many', mode: 'source', sources });
      const rounds = [];
      for (let round = 0; round < 3; round++) {
        // What follows waits for this one, and then travels together.
        const first = round === 0 ? deleteLink(other) : getLink('many');
        const reads = Array.from({ length: 60 }, () => getLink('many'));
        const changes = Array.from({ length: 12 }, () => addAddress(1, '10.0.0.1/32'));
        const outcomes = await Promise.allSettled([...reads, ...changes]);
        await first;
        rounds.push(outcomes.map(({ value, reason }) =>
          reason?.code ?? value?.macvlan.sources.length ?? 'made'));
      }
      console.log(JSON.stringify(rounds));
    `;
    const under = ['unshare', '--user', '--map-root-user', '--net', '--'];
    const reads = Array(60).fill(5455);
    const refused = Array(11).fill('EEXIST');
    expect(await resultOf(program, { under })).toEqual([
      [...reads, 'made', ...refused],
      ...Array(2).fill([...reads, 'EEXIST', ...refused]),
    ]);
  });
});

describe('a listing of addresses and routes that changes run into', () => {
  test('is either complete or refused', async () => {
    const host = await bed.makeNetns();
    const stay = manyAddresses(1500);
    await host.ipBatch([
      ...stay.map((address) => `address add ${address} dev lo`),
      ...stay.map((to) => `route add blackhole ${to} table 100`),
    ]);
    const comeAndGo = Array.from({ length: 4000 }, (_, at) => [
      `address add 10.2.${at >> 8}.${at & 255}/32 dev lo`,
      `route add blackhole 10.0.${at >> 8}.${at & 255} table 100`,
      `address delete 10.2.${at >> 8}.${at & 255}/32 dev lo`,
      `route delete blackhole 10.0.${at >> 8}.${at & 255} table 100`,
    ]).flat();
    let churning = true;
    const churn = host.ipBatch(comeAndGo).finally(() => {
      churning = false;
    });
    const { netns } = host;
    const listings = [
      async () => (await netns.listAddresses({ family: 'IPv4' })).map(({ cidr }) => cidr),
      async () => (await netns.listRoutes({ table: 100 })).map(({ to }) => to),
    ];
    const wrong: string[] = [];
    let complete = 0;
    while (churning) {
      for (const list of listings) {
        try {
          const listed = await list();
          const seen = new Set(listed);
          wrong.push(...stay.filter((one) => !seen.has(one)));
          if (seen.size !== listed.length) wrong.push('something twice');
          complete++;
        } catch (error) {
          if (!isNetlinkError(error, 'EINTR')) throw error;
        }
      }
    }
    await churn;
    expect(wrong).toEqual([]);
    expect(complete).toBeGreaterThan(0);
  });
});

describe('while a request takes long', () => {
  test('requests in other namespaces do not wait for it', async () => {
    const [slow, other] = [await bed.makeNetns(), await bed.makeNetns()];
    const indexes = await bridges(slow, 24);
    let answered = 0;
    // Reads in between, so that the deletions cannot be carried out together.
    const deletions = indexes.flatMap((index) => [
      slow.netns.deleteLink(index).then(() => answered++),
      slow.netns.getLink(1),
    ]);
    await other.netns.addAddress('lo', '10.0.0.1/32');
    await other.netns.listAddresses();
    const answeredBefore = answered;
    await Promise.all(deletions);
    expect(answeredBefore).toBeLessThan(indexes.length);
    expect(answered).toBe(indexes.length);
    expect(await slow.names()).toEqual([]);
    expect(await other.addresses('lo')).toContain('10.0.0.1/32');
  });

  test('the event loop is not blocked', async () => {
    const host = await bed.makeNetns();
    const indexes = await bridges(host, 20);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    let between = 0;
    for (const index of indexes) {
      const before = ticks;
      await host.netns.deleteLink(index);
      if (ticks > before) between++;
    }
    clearInterval(timer);
    expect(between).toBeGreaterThan(0);
    expect(await host.names()).toEqual([]);
  });
});
