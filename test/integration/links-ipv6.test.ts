/** How IPv6 behaves on a link: the option `ipv6` of new and of living links. */
import { describe, expect, test, vi } from 'vitest';
import type { Ipv6Settings } from '../../lib/index.js';
import { inPrivateNetns, resultOf } from '../support/program.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';
import { monitorLinks, PATIENCE } from '../support/watching.js';

const bed = useTestbed();

/** The settings of a link as /proc/sys shows them; those that only root may read stay out. */
async function sysctls(host: TestNetns, link: string): Promise<Record<string, string>> {
  const folder = `/proc/sys/net/ipv6/conf/${link}`;
  const lines = await host.run('sh', '-c', `grep -rs '' ${folder} || true`);
  const entries = lines
    .trim()
    .split('\n')
    .map((line) => line.slice(folder.length + 1).split(':'));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Each option with two values, and the file and the texts of both. */
const SETTINGS: readonly [keyof Ipv6Settings, readonly unknown[], string, readonly string[]][] = [
  ['disableIpv6', [false, true], 'disable_ipv6', ['0', '1']],
  ['acceptRa', [0, 2], 'accept_ra', ['0', '2']],
  ['acceptRaDefrtr', [false, true], 'accept_ra_defrtr', ['0', '1']],
  ['autoconf', [false, true], 'autoconf', ['0', '1']],
  ['acceptDad', [0, 2], 'accept_dad', ['0', '2']],
  ['ndiscNotify', [false, true], 'ndisc_notify', ['0', '1']],
  ['useTempaddr', [-1, 2], 'use_tempaddr', ['-1', '2']],
];

describe('a new link', () => {
  test.each(SETTINGS)('has %s, and is otherwise as without', async (name, values, file, texts) => {
    const { host, parent } = await bed.makeHost();
    const home = await bed.makeNetns();
    for (const [at, value] of values.entries()) {
      const options = { parent, netns: home.netns };
      const plain = await host.netns.createMacvlan({ ...options, name: 'plain' });
      const expected = { ...(await sysctls(home, 'plain')), [file]: texts[at] };
      const link = await host.netns.createMacvlan({
        ...options,
        name: 'm0',
        ipv6: { [name]: value },
      });
      expect(await sysctls(home, 'm0')).toEqual(expected);
      expect((await home.link('m0')).flags).not.toContain('UP');
      await home.netns.deleteLinks([plain, link]);
    }
  });

  const ALL: Ipv6Settings = Object.fromEntries(SETTINGS.map(([name, values]) => [name, values[1]]));
  const SHOWN = Object.fromEntries(SETTINGS.map(([, , file, texts]) => [file, texts[1]]));

  test.each(['macvlan', 'veth', 'bridge'] as const)('of kind %s has all of them', async (kind) => {
    const { host, parent } = await bed.makeHost();
    const home = await bed.makeNetns();
    const own = kind === 'macvlan' ? { kind, parent } : { kind };
    for (const netns of [home, host]) {
      // Without a name of its own, and with one that has a dot.
      for (const name of [undefined, 'm0.5']) {
        const options = { ...own, name, up: true, ipv6: ALL, addresses: ['10.9.0.1/24'] };
        const link = await host.netns.createLink({ ...options, netns: netns.netns });
        expect(await sysctls(netns, link.name)).toMatchObject(SHOWN);
        expect(link).toMatchObject({ up: true });
        expect((await netns.link(link.name)).flags).toContain('UP');
        expect(await netns.ip('address', 'show', 'dev', link.name)).toContain('10.9.0.1/24');
        await netns.netns.deleteLink(link);
      }
    }
  });

  test('has them before it comes up', async () => {
    const { host, parent } = await bed.makeHost();
    const monitor = await monitorLinks(host, bed, 'address');
    const options = { parent, mode: 'bridge', up: true } as const;
    await host.netns.createMacvlan({ ...options, name: 'without', ipv6: { disableIpv6: true } });
    await host.netns.createMacvlan({ ...options, name: 'with', ipv6: { disableIpv6: false } });
    const linkLocal = (name: string) => new RegExp(`: ${name}\\s+inet6 fe80:`);
    await vi.waitFor(() => expect(monitor.output()).toMatch(linkLocal('with')), PATIENCE);
    expect(monitor.output()).toMatch(/: without@.*[<,]UP[,>]/);
    expect(monitor.output()).not.toMatch(linkLocal('without'));
  });

  test('has them under whatever name it has by then, and another link with that name does not', async () => {
    const { host, parent } = await bed.makeHost();
    const { netns } = host;
    const ipv6 = { acceptRa: 0, autoconf: false };
    const [link, , other] = await Promise.all([
      netns.createMacvlan({ parent, name: 'm0', ipv6 }),
      netns.setLink('m0', { name: 'm9' }),
      netns.createMacvlan({ parent, name: 'm0' }),
    ]);
    await netns.createMacvlan({ parent, name: 'plain' });
    expect(link.name).toBe('m9');
    const plain = await sysctls(host, 'plain');
    expect(await sysctls(host, 'm0')).toEqual(plain);
    expect(await sysctls(host, 'm9')).toEqual({ ...plain, accept_ra: '0', autoconf: '0' });
    await netns.deleteLinks([link, other]);
    const [renamed, , , gone] = await Promise.allSettled([
      netns.createMacvlan({ parent, name: 'm0', ipv6, up: true }),
      netns.setLink('m0', { name: 'm9' }),
      netns.createMacvlan({ parent, name: 'm1', ipv6, up: true }),
      netns.deleteLink('m1'),
    ]);
    expect(renamed).toMatchObject({ status: 'fulfilled', value: { name: 'm9', up: true } });
    expect(gone.status).toBe('fulfilled');
    expect(await host.names()).not.toContain('m1');
  });

  test('has none of them where none is named', async () => {
    const { host, parent } = await bed.makeHost();
    await host.netns.createMacvlan({ parent, name: 'plain', up: true });
    await host.netns.createMacvlan({ parent, name: 'm0', up: true, ipv6: {} });
    const nothing = { parent, name: 'm1', up: true, ipv6: { acceptRa: undefined } };
    await host.netns.createMacvlan(nothing);
    for (const name of ['m0', 'm1']) {
      expect(await sysctls(host, name)).toEqual(await sysctls(host, 'plain'));
      expect((await host.link(name)).flags).toContain('UP');
    }
  });
});

describe('setLink', () => {
  test.each(SETTINGS)('sets %s and nothing else', async (name, values, file, texts) => {
    const { host, parent } = await bed.makeHost();
    const before = await sysctls(host, parent);
    const shown = await host.link(parent);
    for (const [at, value] of values.entries()) {
      await host.netns.setLink(parent, { ipv6: { [name]: value } });
      expect(await sysctls(host, parent)).toEqual({ ...before, [file]: texts[at] });
    }
    expect(await host.link(parent)).toEqual(shown);
  });

  test('sets them of a link that it renames, and by whatever it is named', async () => {
    const { host, parent } = await bed.makeHost();
    const link = await host.netns.createMacvlan({ parent, name: 'm0', altNames: ['other'] });
    await host.netns.setLink('m0', { name: 'm1', mtu: 1400, ipv6: { acceptRa: 0 } });
    await host.netns.setLink('other', { ipv6: { autoconf: false } });
    await host.netns.setLink(link, { up: true, ipv6: { acceptDad: 2 } });
    await host.netns.setLink(link.index, { ipv6: { useTempaddr: -1, acceptRaDefrtr: undefined } });
    expect(await sysctls(host, 'm1')).toMatchObject({
      accept_ra: '0',
      autoconf: '0',
      accept_dad: '2',
      use_tempaddr: '-1',
      accept_ra_defrtr: '1',
    });
    expect(await host.link('m1')).toMatchObject({
      mtu: 1400,
      flags: expect.arrayContaining(['UP']),
    });
  });

  test('brings a link up when it has them, and IPv6 when it has the others', async () => {
    const { host, parent } = await bed.makeHost();
    const monitor = await monitorLinks(host, bed, 'address');
    const options = { parent, mode: 'bridge' } as const;
    await host.netns.createMacvlan({ ...options, name: 'without' });
    await host.netns.setLink('without', { up: true, ipv6: { disableIpv6: true } });
    await host.netns.createMacvlan({
      ...options,
      name: 'with',
      up: true,
      ipv6: { disableIpv6: true },
    });
    await host.netns.setLink('with', { addrGenMode: 'none' });
    await host.netns.setLink('with', { ipv6: { disableIpv6: false, useTempaddr: 2 } });
    await host.netns.createMacvlan({ ...options, name: 'last', up: true });
    const linkLocal = (name: string) => new RegExp(`: ${name}\\s+inet6 fe80:`);
    await vi.waitFor(() => expect(monitor.output()).toMatch(linkLocal('last')), PATIENCE);
    expect(monitor.output()).toMatch(/: without@.*[<,]UP[,>]/);
    expect(monitor.output()).not.toMatch(linkLocal('without'));
    expect(await sysctls(host, 'with')).toMatchObject({ disable_ipv6: '0', use_tempaddr: '2' });
  });

  test('says which setting is refused, and which link is not there', async () => {
    const { host, parent } = await bed.makeHost();
    await host.ip('link', 'set', parent, 'mtu', '1000');
    const changes = { group: 7, ipv6: { acceptRa: 0 } };
    const error = await refusalOf(host.netns.setLink(parent, changes));
    expect(error).toMatchObject({ code: 'ENOENT', part: 'ipv6.acceptRa', target: parent });
    expect(error.hint).toContain('1280');
    const beside = { mtu: 100_000, ipv6: { acceptRa: 0 } };
    expect(await refusalOf(host.netns.setLink(parent, beside))).toMatchObject({ part: 'mtu' });
    for (const nothing of [{}, { acceptRa: 0 }, { acceptRa: undefined }]) {
      const gone = await refusalOf(host.netns.setLink(4711, { ipv6: nothing }));
      expect(gone).toMatchObject({ code: 'ENODEV', target: 4711 });
    }
  });
});

describe('when something is refused, there is no link, and the error says', () => {
  test('which setting, and why', async () => {
    const { host, parent } = await bed.makeHost();
    const home = await bed.makeNetns();
    for (const netns of [host, home]) {
      const before = [await host.snapshot(), await home.snapshot()];
      const options = { parent, name: 'm0', mtu: 1000, netns: netns.netns };
      const ipv6 = { autoconf: false, acceptRa: 0 };
      const error = await refusalOf(host.netns.createMacvlan({ ...options, ipv6 }));
      expect(error).toMatchObject({ code: 'ENOENT', operation: 'createMacvlan', target: 'm0' });
      expect(error.part).toBe('ipv6.acceptRa');
      expect(error.hint).toContain('1280');
      expect([await host.snapshot(), await home.snapshot()]).toEqual(before);
    }
  });

  test('that /proc/sys is mounted read-only', async () => {
    const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
    const source = `
      import { createLink, listLinks } from 'macvlan-netlink';
      const options = { kind: 'bridge', name: 'b0', up: true, ipv6: { disableIpv6: true } };
      const { code, part, hint } = await createLink(options).catch((error) => error);
      const names = (await listLinks()).map(({ name }) => name);
      console.log(JSON.stringify({ code, part, hint, names }));
    `;
    const under = [...inPrivateNetns, 'sh', '-c', `${readOnly} && exec "$@"`, 'sh'];
    const { hint, names, ...error } = await resultOf<Record<string, unknown>>(source, { under });
    expect(error).toEqual({ code: 'EROFS', part: 'ipv6.disableIpv6' });
    expect(hint).toContain('read-only');
    expect(names).not.toContain('b0');
  });

  test('which part behind the settings, and another link has its routes as before', async () => {
    const { host, parent } = await bed.makeHost();
    await host.ip('address', 'add', '10.9.0.1/24', 'dev', parent);
    const before = await host.snapshot();
    const options = { parent, name: 'm0', up: true, ipv6: { acceptRa: 0, autoconf: false } };
    const ofParent = { to: '10.77.0.0/16', link: parent };
    const routes = [ofParent, { to: '10.78.0.0/16', via: '192.0.2.1' }];
    const error = await refusalOf(host.netns.createMacvlan({ ...options, routes }));
    expect(error).toMatchObject({ code: 'ENETUNREACH', part: 'routes[1]' });
    expect(await host.snapshot()).toEqual(before);
    await host.ip('route', 'add', ofParent.to, 'dev', parent);
    const withRoute = await host.snapshot();
    const taken = await refusalOf(host.netns.createMacvlan({ ...options, routes: [ofParent] }));
    expect(taken).toMatchObject({ code: 'EEXIST', part: 'routes[0]' });
    expect(await host.snapshot()).toEqual(withRoute);
  });

  test('that the parent is not there, without a look at settings', async () => {
    const { host } = await bed.makeHost();
    const options = { parent: 'nowhere', name: 'm0', ipv6: { acceptRa: 0 } };
    const error = await refusalOf(host.netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'ENODEV', part: 'parent' });
  });
});

test('an aborted creation leaves nothing', async () => {
  const { host, parent } = await bed.makeHost();
  const before = await host.snapshot();
  const controller = new AbortController();
  const { signal } = controller;
  const options = { parent, up: true, ipv6: { acceptRa: 0 }, addresses: ['10.9.0.1/24'], signal };
  const made = Array.from({ length: 20 }, (_, at) =>
    host.netns.createMacvlan({ ...options, name: `m${at}` }),
  );
  const [first] = made;
  // The signal fires while others are at each of their steps.
  await first;
  controller.abort();
  const results = await Promise.allSettled(made);
  const finished = results.flatMap((result) =>
    result.status === 'fulfilled' ? [result.value] : [],
  );
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'AbortError' });
  }
  expect(finished.length).toBeGreaterThan(0);
  await host.netns.deleteLinks(finished);
  expect(await host.snapshot()).toEqual(before);
});
