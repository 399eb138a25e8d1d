/** watch: which changes are events and which messages are none, compared with what `ip` shows. */
import { describe, expect, test } from 'vitest';
import { type Netns, watch } from '../../lib/index.js';
import type { NetlinkEvent, WatchOptions } from '../../lib/types/types.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';
import { describeEvent, monitorLinks, Reader } from '../support/watching.js';

const bed = useTestbed();

/** A reader of a namespace, ended after the test. */
function follow(netns: Netns, options?: WatchOptions): Reader {
  const reader = new Reader(netns.watch(options));
  bed.onCleanup(async () => {
    await reader.watch.return();
    await reader.ended;
  });
  return reader;
}

/** The events for what `body` changes with `ip`. */
async function eventsFrom(host: TestNetns, reader: Reader, body: () => Promise<unknown>) {
  const before = reader.events.length;
  await body();
  const marker = bed.uniqueName('z');
  await reader.caughtUp(host, marker);
  const events = reader.events.slice(before);
  return events.filter((event) => event.type !== 'link' || event.link.name !== marker);
}

async function followed(options?: WatchOptions) {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  const reader = follow(host.netns, { initial: true, ...options });
  await reader.caughtUp(host, bed.uniqueName('z'));
  return { host, parent, reader };
}

describe('links', () => {
  test('initial reports everything that exists, once', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.ip('link', 'set', parent, 'master', 'br0');
    const reader = follow(host.netns, { initial: true });
    await reader.matches(host);
    const names = (await host.links()).map(({ ifname }) => ifname).sort();
    expect(names).toHaveLength(4);
    expect(reader.reports.sort()).toEqual(names.map((name) => `added ${name}`));
    expect(reader.links.get(1)).toEqual(await host.netns.getLink('lo'));
  });

  test('that are removed and come back unchanged are added again', async () => {
    const { host, parent, reader } = await followed();
    // Too small for IPv6, whose part of a message has the time in it.
    const lines = Array.from({ length: 5 }, () => [
      `link add again link ${parent} mtu 1000 index 4711 address 02:00:5e:00:00:04 type macvlan`,
      'link delete again',
    ]).flat();
    const events = await eventsFrom(host, reader, () => host.ipBatch(lines));
    expect(events.map(describeEvent)).toEqual(
      lines.map((_, at) => `${at % 2 === 0 ? 'added' : 'removed'} again`),
    );
    expect(reader.contradictions).toEqual([]);
  });

  test('are added, changed and removed', async () => {
    const { host, parent, reader } = await followed();
    await host.ip('link', 'add', 'link', parent, 'name', 'm0', 'type', 'macvlan', 'mode', 'bridge');
    await reader.waitFor('added m0');
    const { ifindex } = await host.link('m0');
    expect(reader.links.get(ifindex)).toMatchObject({
      kind: 'macvlan',
      up: false,
      netns: host.netns.inode,
      macvlan: { mode: 'bridge' },
    });
    const changes: [string[], object][] = [
      [['mtu', '1400'], { mtu: 1400 }],
      [['address', '02:00:5e:00:00:07'], { mac: '02:00:5e:00:00:07' }],
      [['up'], { up: true }],
      [['alias', 'uplink'], { alias: 'uplink' }],
      [['promisc', 'on'], { promiscuous: true }],
      [['group', '7'], { group: 7 }],
      [['txqueuelen', '77'], { txQueueLen: 77 }],
      [['type', 'macvlan', 'mode', 'private'], { macvlan: { mode: 'private' } }],
      [['down'], { up: false }],
    ];
    for (const [args, seen] of changes) {
      const events = await eventsFrom(host, reader, () => host.ip('link', 'set', 'm0', ...args));
      expect(events, args.join(' ')).not.toEqual([]);
      const others = events.filter(
        (event) => !(event.type === 'link' && event.action === 'changed'),
      );
      expect(others, args.join(' ')).toEqual([]);
      expect(reader.links.get(ifindex)).toMatchObject(seen);
    }
    const events = await eventsFrom(host, reader, () => host.ip('link', 'delete', 'm0'));
    expect(events.at(-1)).toMatchObject({
      type: 'link',
      action: 'removed',
      link: { name: 'm0', mtu: 1400, alias: 'uplink' },
    });
    expect(events.at(-1)).not.toHaveProperty('movedTo');
    expect(reader.contradictions).toEqual([]);
    await reader.matches(host);
  });

  test('about which the kernel sends a message with every child are reported only when they have changed', async () => {
    const { host, parent, reader } = await followed();
    const make = (at: number) =>
      eventsFrom(host, reader, () =>
        host.ip('link', 'add', 'link', parent, 'name', `m${at}`, 'type', 'macvlan'),
      );
    const about = (events: readonly NetlinkEvent[]) =>
      events.map((event) => (event.type === 'link' ? `${event.action} ${event.link.name}` : '?'));
    expect(about(await make(0))).toEqual(['added m0']);
    for (const [at, mtu] of [1400, 1500, 1400].entries()) {
      const changed = await eventsFrom(host, reader, () =>
        host.ip('link', 'set', parent, 'mtu', `${mtu}`),
      );
      expect(about(changed)).toContain(`changed ${parent}`);
      expect(about(await make(at + 1))).toEqual([`added m${at + 1}`]);
    }
    await reader.matches(host);
    expect(reader.contradictions).toEqual([]);
  });

  test('that are the two ends of a pair name each other as parent', async () => {
    const { host, reader } = await followed();
    const [one, other] = [bed.uniqueName('q'), bed.uniqueName('q')];
    await host.ip('link', 'add', one, 'type', 'veth', 'peer', 'name', other);
    await reader.matches(host);
    for (const name of [one, other]) {
      const link = await host.netns.getLink(name);
      expect(link.parent).not.toBeNull();
      expect(reader.links.get(link.index)).toEqual(link);
    }
  });

  test('that are made again exactly as they were are added again', async () => {
    const { host, parent, reader } = await followed();
    const same = ['index', '777', 'address', '02:00:5e:00:00:09', 'type', 'macvlan'];
    const told = await eventsFrom(host, reader, async () => {
      for (let round = 0; round < 3; round++) {
        await host.ip('link', 'add', 'link', parent, 'name', 'same', ...same);
        await host.ip('link', 'delete', 'same');
      }
    });
    const round = [
      { action: 'added', link: { index: 777, name: 'same' } },
      { action: 'removed', link: { index: 777, name: 'same' } },
    ];
    expect(told).toMatchObject([...round, ...round, ...round]);
  });

  test('that are renamed keep their index and have changed', async () => {
    const { host, reader } = await followed();
    await host.ip('link', 'add', 'b0', 'type', 'bridge');
    await reader.waitFor('added b0');
    const events = await eventsFrom(host, reader, () => host.ip('link', 'set', 'b0', 'name', 'x'));
    expect(events).toMatchObject([{ action: 'changed', link: { name: 'x' } }]);
  });

  test('that are down change without a message: the next event has it all', async () => {
    const { host, reader } = await followed();
    await host.ip('link', 'add', 'b0', 'type', 'bridge');
    await reader.waitFor('added b0');
    // The kernel tells of these while the link is up (net/core/dev.c, netdev_state_change).
    const secret = await eventsFrom(host, reader, async () => {
      await host.ip('link', 'set', 'b0', 'alias', 'uplink');
      await host.ip('link', 'property', 'add', 'dev', 'b0', 'altname', 'other-name');
    });
    expect(secret).toEqual([]);
    const known = { alias: 'uplink', altNames: ['other-name'] };
    const events = await eventsFrom(host, reader, () => host.ip('link', 'set', 'b0', 'up'));
    expect(events.at(-1)).toMatchObject({ action: 'changed', link: known });
    const open = await eventsFrom(host, reader, async () => {
      await host.ip('link', 'property', 'del', 'dev', 'b0', 'altname', 'other-name');
    });
    expect(open).toMatchObject([{ action: 'changed', link: { altNames: [] } }]);
  });

  test('are not reported when a command changes nothing', async () => {
    const { host, parent, reader } = await followed();
    const same: string[][] = [['up'], ['mtu', '1500'], ['promisc', 'off'], ['group', '0']];
    for (const args of same) {
      const events = await eventsFrom(host, reader, () => host.ip('link', 'set', parent, ...args));
      expect(events, args.join(' ')).toEqual([]);
    }
    // Address families tell of a link in messages of their own, and counters run by themselves.
    const events = await eventsFrom(host, reader, async () => {
      await host.run('sh', '-c', `echo 1 >/proc/sys/net/ipv4/conf/${parent}/forwarding`);
      await host.run('sh', '-c', `echo 1 >/proc/sys/net/ipv6/conf/${parent}/forwarding`);
      await host.ip('neighbour', 'add', '192.0.2.7', 'lladdr', '02:00:5e:00:00:01', 'dev', parent);
    });
    expect(events).toEqual([]);
  });

  test('that join or leave a bridge have changed, and are not removed', async () => {
    const { host, parent, reader } = await followed();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    const { ifindex } = await host.link('br0');
    for (const master of [ifindex, null]) {
      const events = await eventsFrom(host, reader, async () => {
        const to = master === null ? ['nomaster'] : ['master', 'br0'];
        await host.ip('link', 'set', parent, ...to);
      });
      const ofPort = events.filter((event) => event.type === 'link' && event.link.name === parent);
      expect(ofPort.at(-1)).toMatchObject({ action: 'changed', link: { master } });
      expect(ofPort.map((event) => event.type === 'link' && event.action)).not.toContain('removed');
      await reader.matches(host);
    }
    // The bridge goes while the link is its port.
    await host.ip('link', 'set', parent, 'master', 'br0');
    await host.ip('link', 'delete', 'br0');
    await reader.caughtUp(host, bed.uniqueName('z'));
    expect(reader.about('removed')).not.toContain(`removed ${parent}`);
    expect(reader.contradictions).toEqual([]);
    await reader.matches(host);
  });

  test('that `ip monitor` saw come and go are reported in the same order', async () => {
    const { host, parent, reader } = await followed();
    const monitor = await monitorLinks(host, bed);
    await reader.caughtUp(host, bed.uniqueName('z'));
    const start = reader.events.length;
    for (const name of ['a0', 'a1', 'a2']) {
      await host.ip('link', 'add', 'link', parent, 'name', name, 'type', 'macvlan');
    }
    for (const name of ['a1', 'a0', 'a2']) await host.ip('link', 'delete', name);
    const marker = bed.uniqueName('y');
    await host.ip('link', 'add', marker, 'type', 'bridge');
    await monitor.sees(marker);
    await reader.waitFor(`added ${marker}`);
    const told = reader.events.slice(start).flatMap((event) => {
      return event.type === 'link' && event.action === 'removed' ? [event.link.name] : [];
    });
    expect(told).toEqual(['a1', 'a0', 'a2']);
    expect(monitor.deleted().slice(-3)).toEqual(told);
  });

  test('of the caller’s own namespace are reported by the function of the module', async () => {
    const host = bed.ownNetns();
    const reader = new Reader(watch());
    bed.onCleanup(() => reader.watch.return());
    const name = bed.uniqueName('o');
    await host.ip('link', 'add', name, 'type', 'bridge');
    await reader.waitFor(`added ${name}`);
    await host.ip('link', 'delete', name);
    await reader.waitFor(`removed ${name}`);
    expect(reader.contradictions).toEqual([]);
  });
});

describe('links that move', () => {
  test('are removed here with where they went, and added there', async () => {
    const [host, inside] = [await bed.makeNetns(), await bed.makeNetns()];
    const parent = await host.parent();
    await host.ip('link', 'add', 'link', parent, 'name', 'm0', 'type', 'macvlan');
    // The index is taken where it goes to.
    const { ifindex } = await host.link('m0');
    await inside.ip('link', 'add', 'taken', 'index', `${ifindex}`, 'type', 'bridge');
    const here = follow(host.netns, { initial: true });
    const there = follow(inside.netns, { initial: true });
    await here.caughtUp(host, bed.uniqueName('z'));
    await there.caughtUp(inside, bed.uniqueName('z'));
    await host.ip('link', 'set', 'm0', 'netns', `${inside.name}`);
    await here.waitFor('removed m0');
    await there.waitFor('added m0');
    const event = here.events[here.reports.indexOf('removed m0')];
    const moved = await inside.link('m0');
    const ids = JSON.parse(await host.ip('-j', 'netns', 'list-id')) as {
      nsid: number;
      name?: string;
    }[];
    const nsid = ids.find(({ name }) => name === inside.name)?.nsid;
    expect(nsid).toBeTypeOf('number');
    expect(moved.ifindex).not.toBe(ifindex);
    expect(event).toMatchObject({
      link: { index: ifindex },
      movedTo: { netnsid: nsid, index: moved.ifindex },
    });
    expect(there.links.get(moved.ifindex)).toMatchObject({ name: 'm0', netns: inside.netns.inode });
    expect([...here.contradictions, ...there.contradictions]).toEqual([]);
    await here.matches(host);
    await there.matches(inside);
  });
});

describe('addresses', () => {
  test('of IPv6 that get another peer are reported as changed', async () => {
    const { host, parent, reader } = await followed({ addresses: true });
    const end = ['dev', parent, 'nodad'];
    const events = await eventsFrom(host, reader, async () => {
      await host.ip('address', 'add', 'fd00::1', 'peer', 'fd00::2/64', ...end);
      // The kernel tells of it later, and then of what it is by then.
      await reader.waitFor('added fd00::1/64');
      await host.ip('address', 'replace', 'fd00::1', 'peer', 'fd00::3/64', ...end);
      await host.ip('address', 'flush', 'dev', parent);
    });
    expect(events).toMatchObject([
      { action: 'added', address: { address: 'fd00::1', peer: 'fd00::2' } },
      { action: 'changed', address: { address: 'fd00::1', peer: 'fd00::3' } },
      { action: 'removed', address: { address: 'fd00::1', peer: 'fd00::3' } },
    ]);
    await reader.matches(host, { addresses: true });
  });

  test('of IPv6 are reported when they can be used, and when a neighbour has them', async () => {
    const { host, parent } = await followed();
    const bind = `
      const server = require('node:net').createServer();
      server.on('error', ({ code }) => console.log(code));
      server.listen(0, 'fd00::1', () => server.close(() => console.log('listening')));
    `;
    const use = async (user: TestNetns) => {
      const reader = follow(user.netns, { addresses: true });
      const link = await host.netns.createMacvlan({
        parent,
        mode: 'bridge',
        netns: user.netns,
        up: true,
        addrGenMode: 'none',
        addresses: ['fd00::1/64'],
      });
      await reader.waitFor('changed fd00::1/64');
      const [told] = reader.addresses.values();
      const [shown] = JSON.parse(await user.ip('-j', 'address', 'show', 'dev', link.name));
      expect(told?.flags.includes('dadfailed')).toBe(shown.addr_info[0].dadfailed === true);
      return { flags: told?.flags, bound: await user.run(process.execPath, '--eval', bind) };
    };
    expect(await use(await bed.makeNetns())).toEqual({
      flags: ['permanent'],
      bound: 'listening\n',
    });
    const { flags, bound } = await use(await bed.makeNetns());
    expect(flags).toContain('dadfailed');
    expect(flags).toContain('tentative');
    expect(bound).toBe('EADDRNOTAVAIL\n');
  });

  test('are reported with the option addresses, and only then', async () => {
    const { host, parent, reader } = await followed({ addresses: true });
    const linksOnly = follow(host.netns);
    const events = await eventsFrom(host, reader, async () => {
      await host.ip('address', 'add', '192.0.2.1/24', 'dev', parent);
      await host.ip('address', 'add', '192.0.2.3', 'peer', '192.0.2.9/32', 'dev', parent);
      await host.ip('address', 'add', '2001:db8::1/64', 'nodad', 'dev', parent);
      await host.ip(
        'address',
        'replace',
        '192.0.2.1/24',
        'valid_lft',
        '900',
        'preferred_lft',
        '900',
        'dev',
        parent,
      );
      await host.ip('address', 'delete', '192.0.2.3', 'peer', '192.0.2.9/32', 'dev', parent);
    });
    const { ifindex } = await host.link(parent);
    expect(events).toMatchObject([
      { action: 'added', address: { cidr: '192.0.2.1/24', linkIndex: ifindex } },
      { action: 'added', address: { peer: '192.0.2.9' } },
      { action: 'added', address: { cidr: '2001:db8::1/64', family: 'IPv6' } },
      { action: 'changed', address: { cidr: '192.0.2.1/24', validLifetime: 900 } },
      { action: 'removed', address: { peer: '192.0.2.9' } },
    ]);
    await reader.matches(host, { addresses: true });
    // They go with their link.
    await host.ip('link', 'delete', parent);
    await reader.waitFor('removed 192.0.2.1/24');
    await reader.matches(host, { addresses: true });
    expect(reader.contradictions).toEqual([]);
    await linksOnly.waitFor(`removed ${parent}`);
    expect(linksOnly.events.filter(({ type }) => type !== 'link')).toEqual([]);
  });
});
