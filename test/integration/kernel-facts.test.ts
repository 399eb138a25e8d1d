/**
 * What the kernel does that a netlink program easily gets wrong, and the library must not: listings
 * that end early or change meanwhile, filters left out of account, lost acknowledgements.
 */
import { describe, expect, test } from 'vitest';
import { isNetlinkError, Netns } from '../../lib/index.js';
import { isBefore, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

/** A MAC for each number. */
const mac = (number: number) =>
  `02:00:00:00:${number.toString(16).padStart(4, '0').replace(/../, '$&:')}`;

const macs = (count: number) => Array.from({ length: count }, (_, at) => mac(at + 1));

describe('a listing', () => {
  // A dump without IFLA_EXT_MASK ends without an error at the first link that is larger than the
  // reader's buffer (net/core/rtnetlink.c, rtnl_calcit and rtnl_dump_ifinfo, Linux 6.18).
  test.each([2700, 5455])(
    'contains a link of %i sources and everything behind it',
    async (count) => {
      const host = await bed.makeNetns();
      const parent = await host.parent();
      for (const name of ['m0', 'm1']) await host.netns.createMacvlan({ parent, name });
      const sources = macs(count);
      await host.netns.createMacvlan({ parent, name: 'large', mode: 'source', sources });
      for (const name of ['m2', 'm3']) await host.netns.createMacvlan({ parent, name });
      expect((await host.macvlan('large')).macaddr_count).toBe(count);
      const links = await host.netns.listLinks();
      expect(links.map(({ name }) => name)).toEqual(
        (await host.links()).map(({ ifname }) => ifname),
      );
      expect(links.map(({ name }) => name)).toEqual(expect.arrayContaining(['m2', 'm3', 'large']));
      const large = links.find(({ name }) => name === 'large');
      expect([...(large?.macvlan?.sources ?? [])].sort()).toEqual(sources);
      const filtered = await host.netns.listLinks({ kind: 'macvlan', parent });
      expect(filtered).toHaveLength(5);
      expect((await host.netns.getLink('large')).macvlan?.sources).toHaveLength(count);
    },
  );

  // Longer lists wrap the 16-bit lengths of the kernel's own answer: `ip` reads no kind from it.
  test('is complete also with a source list that is too long for the kernel’s answer', async ({
    skip,
  }) => {
    skip(!isBefore(7, 3), 'Linux 7.3 and newer do not tell of such a link');
    const host = await bed.makeNetns();
    const parent = await host.parent();
    await host.netns.createMacvlan({ parent, name: 'm0' });
    await host.netns.createMacvlan({ parent, name: 'large', mode: 'source' });
    await host.netns.createMacvlan({ parent, name: 'm1' });
    const add = macs(5600).map((one) => `link set large type macvlan macaddr add ${one}`);
    await host.ipBatch(add);
    const names = (await host.netns.listLinks()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['lo', parent, 'm0', 'm1', 'large']));
    expect((await host.netns.getLink('large')).name).toBe('large');
    await host.netns.deleteLink('large');
    expect(await host.names()).not.toContain('large');
  });

  test('fails where the kernel would leave out such a link and those behind it', async ({
    skip,
  }) => {
    skip(isBefore(7, 3), 'Linux before 7.3 tells of the link');
    const host = await bed.makeNetns();
    const parent = await host.parent();
    await host.netns.createMacvlan({ parent, name: 'large', mode: 'source', index: 1000 });
    await host.netns.createMacvlan({ parent, name: 'behind', index: 1001 });
    const add = macs(5461).map((one) => `link set large type macvlan macaddr add ${one}`);
    await host.ipBatch(add);
    const names = /neither the link 'large' nor those behind it/;
    expect(await refusalOf(host.netns.listLinks())).toMatchObject({
      code: 'EMSGSIZE',
      hint: expect.stringMatching(names),
    });
    expect(await refusalOf(host.netns.watch({ initial: true }).next())).toMatchObject({
      code: 'EMSGSIZE',
      hint: expect.stringMatching(names),
    });
    expect(await host.netns.listLinks({ kind: 'veth' })).toHaveLength(2);
    expect((await refusalOf(host.netns.getLink('large'))).hint).toMatch(/source list/);
    expect((await host.netns.getLink('behind')).index).toBe(1001);
    await host.netns.deleteLinks(['large', 'behind']);
    const left = await host.netns.listLinks();
    expect(left.map(({ name }) => name)).toEqual(['lo', ...(await host.names())]);
  });

  // A kind that is not known, or not loaded, is left out of account (rtnl_dump_ifinfo).
  test('of an unknown kind is empty, and does not contain all links', async () => {
    const host = await bed.makeNetns();
    await host.parent();
    expect(await host.netns.listLinks({ kind: 'no-such-kind' })).toEqual([]);
    expect(await host.netns.listLinks({ kind: 'no-such-kind', up: true })).toEqual([]);
    expect(await host.netns.listLinks({ kind: '' })).toEqual([]);
    expect((await host.netns.listLinks({ kind: 'veth' })).length).toBe(2);
  });

  // The kernel marks what it lists while links come and go, as it may lack or repeat something
  // (NLM_F_DUMP_INTR); it is then asked again.
  test('is complete while links come and go', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const lasting = Array.from({ length: 120 }, (_, at) => `lasting${at}`);
    for (const name of lasting) await host.netns.createMacvlan({ parent, name });
    const lines = [];
    for (let at = 0; at < 100; at++) {
      lines.push(`link add link ${parent} name passing${at % 7} type macvlan`);
      if (at >= 3) lines.push(`link delete passing${(at - 3) % 7}`);
    }
    const churn = host.ipBatch(lines);
    let running = true;
    const ended = churn.then(() => {
      running = false;
    });
    let listings = 0;
    while (running) {
      try {
        const links = await host.netns.listLinks({ kind: 'macvlan' });
        const seen = links.map(({ name }) => name).filter((name) => name.startsWith('lasting'));
        expect(seen.sort()).toEqual([...lasting].sort());
        const indexes = new Set(links.map(({ index }) => index));
        expect(indexes.size).toBe(links.length);
        listings++;
      } catch (error) {
        // Interrupted every time, which the library says instead of guessing.
        if (!isNetlinkError(error, 'EINTR')) throw error;
      }
    }
    await ended;
    expect(listings).toBeGreaterThan(0);
  });
});

describe('many requests at once', () => {
  // The kernel's receive buffer holds some 256 acknowledgements; what is past it gets lost with
  // ENOBUFS although the requests were carried out.
  test('are all answered, each with its own answer', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const names = Array.from({ length: 600 }, (_, at) => `m${at}`);
    const links = await Promise.all(
      names.map((name) => host.netns.createMacvlan({ parent, name, alias: `alias of ${name}` })),
    );
    expect(links.map(({ name, alias }) => [name, alias])).toEqual(
      names.map((name) => [name, `alias of ${name}`]),
    );
    const seen = new Map((await host.links()).map((link) => [link.ifname, link]));
    for (const link of links) {
      expect(seen.get(link.name)).toMatchObject({ ifindex: link.index, ifalias: link.alias });
    }
    const results = await Promise.allSettled(
      names.flatMap((name, at) => [
        host.netns.getLink(name),
        host.netns.getLink(at % 2 === 0 ? `nobody${at}` : name),
        host.netns.setLink(name, { group: at + 1 }),
      ]),
    );
    for (const [at, result] of results.entries()) {
      const number = Math.floor(at / 3);
      if (at % 3 === 1 && number % 2 === 0) {
        expect(result).toMatchObject({ status: 'rejected', reason: { target: `nobody${number}` } });
      } else {
        expect(result.status).toBe('fulfilled');
      }
      if (at % 3 === 0) expect(result).toMatchObject({ value: { name: names[number] } });
    }
    const groups = new Map((await host.links()).map(({ ifname, group }) => [ifname, group]));
    expect(names.map((name) => groups.get(name))).toEqual(names.map((_, at) => String(at + 1)));
  });

  test('in several namespaces at once get the answers of their own namespaces', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const others = [await bed.makeNetns(), await bed.makeNetns(), await bed.makeNetns()];
    const made = await Promise.all(
      others.flatMap(({ netns }) =>
        Array.from({ length: 30 }, (_, at) =>
          host.netns.createMacvlan({ parent, name: `m${at}`, netns, up: true }),
        ),
      ),
    );
    for (const [at, inside] of others.entries()) {
      const own = made.slice(at * 30, at * 30 + 30);
      expect(new Set(own.map(({ netns }) => netns))).toEqual(new Set([inside.netns.inode]));
      const seen = new Map((await inside.links()).map(({ ifname, ifindex }) => [ifname, ifindex]));
      for (const { name, index } of own) expect(seen.get(name)).toBe(index);
    }
  });
});

describe('a macvlan whose namespace is gone', () => {
  // Namespaces are taken down some time after the last reference is gone (net/core/net_namespace.c,
  // cleanup_net): until then the MAC of a link in it stays taken.
  test('releases its MAC and its parent in the end', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const options = {
      parent,
      name: 'm0',
      mac: '02:00:5e:00:00:07',
      mode: 'bridge',
      up: true,
    } as const;
    const { promiscuity } = await host.link(parent);
    const inside = await Netns.create();
    const link = await host.netns.createMacvlan({ ...options, netns: inside });
    expect(link.netns).toBe(inside.inode);
    expect((await host.link(parent)).promiscuity).toBeGreaterThan(promiscuity);
    const taken = await refusalOf(host.netns.createMacvlan(options));
    expect(taken).toMatchObject({ code: 'EADDRINUSE' });
    await inside.close();
    for (let turn = 0; ; turn++) {
      try {
        await host.netns.createMacvlan(options);
        break;
      } catch (error) {
        if (!isNetlinkError(error, 'EADDRINUSE') || turn === 1000) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    expect((await host.link('m0')).address).toBe(options.mac);
    await host.netns.deleteLink('m0');
    expect((await host.link(parent)).promiscuity).toBe(promiscuity);
  });
});

describe('the parent’s promiscuity', () => {
  test('is as before when its children are gone, whatever they did', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const inside = await bed.makeNetns();
    const before = await host.link(parent);
    for (const netns of [host.netns, inside.netns]) {
      for (const mode of ['private', 'vepa', 'bridge', 'source'] as const) {
        const options = { parent, name: 'm0', netns, mode, up: true, promiscuous: true };
        const link = await host.netns.createMacvlan(options);
        await netns.setPromiscuous(link, false);
        await netns.setLink(link, { promiscuous: true, allMulticast: true });
        await netns.setLink(link, { up: false });
        await netns.setLink(link, { up: true });
        await netns.deleteLink(link);
        expect(await host.link(parent)).toEqual(before);
      }
      // Not so with allMulticast: the kernel would not take it off the parent.
      const options = { parent, name: 'm0', netns, mode: 'passthru', up: true } as const;
      const link = await host.netns.createMacvlan({ ...options, promiscuous: true });
      for (const change of [{ promiscuous: false }, { promiscuous: true }, { up: false }]) {
        await netns.setLink(link, change);
      }
      await netns.deleteLink(link);
      expect(await host.link(parent)).toEqual(before);
    }
  });
});
