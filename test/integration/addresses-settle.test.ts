// settleAddresses, against what ip shows, and against programs that want to use an address.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { Netns } from '../../lib/index.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';
import { PATIENCE } from '../support/watching.js';

const bed = useTestbed();
const ADDRESS = 'fd00::1/64';

/** The flags of a link's IPv6 addresses that have to do with their being usable, as `ip` shows them. */
async function flagsIn(host: TestNetns, name: string): Promise<Record<string, string[]>> {
  const text = await host.ip('-j', '-6', 'address', 'show', 'dev', name);
  type Shown = { local: string } & Record<string, boolean | undefined>;
  const [link] = JSON.parse(text) as { addr_info?: Shown[] }[];
  const names = ['tentative', 'dadfailed', 'optimistic'];
  const shown = link?.addr_info ?? [];
  return Object.fromEntries(shown.map((one) => [one.local, names.filter((name) => one[name])]));
}

/** Binds to an address in a namespace, as a server would; throws what that throws. */
function bind(host: TestNetns, address: string) {
  const script = `require('node:net').createServer().listen(0, '${address}', function () { this.close() })`;
  const inside = [`--net=/run/netns/${host.name}`, process.execPath, '-e', script];
  return promisify(execFile)('nsenter', inside);
}

test('waits until nothing is tentative, and then a server can bind', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const { netns } = inside;
  const addresses = [ADDRESS, '10.0.0.1/24', { address: 'fd00::2/64', flags: ['nodad'] }] as const;
  const link = await host.netns.createMacvlan({ parent, netns, name: 'm0', up: true, addresses });
  expect((await flagsIn(inside, 'm0'))['fd00::1']).toEqual(['tentative']);
  await expect(bind(inside, 'fd00::1')).rejects.toThrow('EADDRNOTAVAIL');

  const settled = await netns.settleAddresses(link);
  expect(Object.values(await flagsIn(inside, 'm0')).flat()).toEqual([]);
  await bind(inside, 'fd00::1');
  expect(settled.map(({ cidr }) => cidr).sort()).toEqual(
    (await netns.listAddresses({ link })).map(({ cidr }) => cidr).sort(),
  );
  expect(settled.map(({ cidr }) => cidr)).toEqual(
    expect.arrayContaining([ADDRESS, '10.0.0.1/24', 'fd00::2/64']),
  );
  expect(settled.flatMap(({ flags }) => flags)).not.toContain('tentative');
});

test('has nothing to wait for without addresses, or with IPv4 alone', async () => {
  const { host, parent } = await bed.makeHost();
  const addrGenMode = 'none';
  await host.netns.createMacvlan({ parent, name: 'm0', up: true, addrGenMode });
  expect(await host.netns.settleAddresses('m0')).toEqual([]);
  await host.netns.addAddress('m0', '10.0.0.1/24');
  expect(await host.netns.settleAddresses('m0')).toEqual(
    await host.netns.listAddresses({ link: 'm0' }),
  );
});

test('does not wait for other links', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  await host.netns.createMacvlan({ parent, name: 'm0', addresses: [ADDRESS], up: true });
  expect((await flagsIn(host, 'm0'))['fd00::1']).toEqual(['tentative']);
  expect(await host.netns.settleAddresses('lo')).toMatchObject([
    { cidr: '127.0.0.1/8' },
    { cidr: '::1/128' },
  ]);
});

test('an optimistic address can be used at once', async () => {
  const { host, parent } = await bed.makeHost();
  await host.netns.setSysctl('net.ipv6.conf.all.optimistic_dad', 1);
  await host.ip('link', 'set', parent, 'down');
  const flags = ['optimistic'] as const;
  const address = { address: ADDRESS, flags };
  const options = { parent, name: 'm0', up: true, addrGenMode: 'none' } as const;
  await host.netns.createMacvlan({ ...options, addresses: [address] });
  expect((await flagsIn(host, 'm0'))['fd00::1']).toEqual(['tentative', 'optimistic']);
  expect(await host.netns.settleAddresses('m0')).toMatchObject([{ cidr: ADDRESS }]);
  await bind(host, 'fd00::1');
});

test('EADDRINUSE names the address that a neighbour has', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const options = { parent, mode: 'bridge', up: true, addresses: [ADDRESS] } as const;
  await host.netns.createMacvlan({ ...options, name: 'm0' });
  await host.netns.settleAddresses('m0');
  await host.netns.createMacvlan({ ...options, name: 'm1', netns: inside.netns });
  const error = await refusalOf(inside.netns.settleAddresses('m1'));
  expect(error).toMatchObject({ code: 'EADDRINUSE', operation: 'settleAddresses', target: 'm1' });
  expect(error.message).toContain(`a neighbour has ${ADDRESS}`);
  expect((await flagsIn(inside, 'm1'))['fd00::1']).toContain('dadfailed');

  await inside.netns.removeAddress('m1', ADDRESS);
  expect((await inside.netns.settleAddresses('m1')).map(({ cidr }) => cidr)).not.toContain(ADDRESS);
});

test('EADDRINUSE also where the kernel removes the address, because it has a lifetime', async () => {
  const { host, inside, parent } = await bed.makeHostAndInside();
  const options = { parent, mode: 'bridge', up: true } as const;
  await host.netns.createMacvlan({ ...options, name: 'm0', addresses: [ADDRESS] });
  await host.netns.settleAddresses('m0');
  const { netns } = inside;
  await host.netns.createMacvlan({ ...options, name: 'm1', netns });
  await netns.settleAddresses('m1');
  await netns.addAddress('m1', { address: ADDRESS, validLifetime: 1000, preferredLifetime: 500 });
  const error = await refusalOf(netns.settleAddresses('m1'));
  expect(error).toMatchObject({ code: 'EADDRINUSE', target: 'm1' });
  expect(error.message).toContain(`a neighbour has ${ADDRESS}`);
  expect(await inside.addresses('m1')).toEqual([]);
});

test('waits for a carrier, and for an address that comes meanwhile', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  const { netns } = host;
  await netns.createMacvlan({ parent, name: 'm0', addresses: [ADDRESS], up: true });
  const settling = netns.settleAddresses('m0');
  await host.ip('address', 'add', 'fd00::3/64', 'dev', 'm0');
  await host.ip('link', 'set', parent, 'up');
  const settled = (await settling).map(({ cidr }) => cidr);
  expect(settled).toEqual(expect.arrayContaining([ADDRESS, 'fd00::3/64']));
  expect(Object.values(await flagsIn(host, 'm0')).flat()).toEqual([]);
});

test('does not wait for an address that is taken away', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  const options = { parent, name: 'm0', addresses: [ADDRESS, '10.0.0.1/24'] };
  await host.netns.createMacvlan({ ...options, addrGenMode: 'none', up: true });
  const settling = host.netns.settleAddresses('m0');
  await host.netns.listLinks();
  await host.ip('address', 'delete', ADDRESS, 'dev', 'm0');
  expect((await settling).map(({ cidr }) => cidr)).toEqual(['10.0.0.1/24']);
});

test.each<[string, (host: TestNetns) => Promise<unknown>]>([
  ['deleted', (host) => host.ip('link', 'delete', 'm0')],
  [
    'moved',
    async (host) => host.ip('link', 'set', 'm0', 'netns', `${(await bed.makeNetns()).name}`),
  ],
])('ENODEV when the link is %s meanwhile', async (_, takeAway) => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  await host.netns.createMacvlan({ parent, name: 'm0', addresses: [ADDRESS], up: true });
  const settling = refusalOf(host.netns.settleAddresses('m0'));
  await host.netns.listLinks();
  await takeAway(host);
  expect(await settling).toMatchObject({ code: 'ENODEV', target: 'm0' });
});

test('ENODEV when the link is deleted at once', async () => {
  const { host, parent } = await bed.makeHost();
  await host.netns.createMacvlan({ parent, name: 'm0', addresses: [ADDRESS], up: true });
  const settling = refusalOf(host.netns.settleAddresses('m0'));
  await host.netns.deleteLink('m0');
  expect(await settling).toMatchObject({ code: 'ENODEV', target: 'm0' });
});

test('calls that share a signal all end by it, whatever they are at', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  await host.netns.createMacvlan({ parent, name: 'm0', addresses: [ADDRESS], up: true });
  const reason = new Error('enough');
  for (let time = 0; time < 10; time++) {
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: 3 }, () => host.netns.settleAddresses('m0', { signal }));
    const ends = calls.map((call) => expect(call).rejects.toBe(reason));
    for (let listing = 0; listing <= time % 5; listing++) await host.netns.listAddresses();
    controller.abort(reason);
    await Promise.all(ends);
  }
});

test('ENODEV when there is no such link, and bad arguments are refused', async () => {
  const { netns } = await bed.makeNetns();
  expect(await refusalOf(netns.settleAddresses('none'))).toMatchObject({ code: 'ENODEV' });
  await expect(netns.settleAddresses(0)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
});

test('many calls share a socket, which goes with the last of them', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  const { netns } = host;
  const addrGenMode = 'none';
  const make = async (at: number) => {
    const addresses = [`fd00::${at + 1}/64`];
    await netns.createMacvlan({ parent, name: `m${at}`, up: true, addrGenMode, addresses });
    return `m${at}`;
  };
  const names = await Promise.all(Array.from({ length: 40 }, (_, at) => make(at)));
  const others = await host.routeSockets();
  const gone = names.pop() as string;
  const settling = [...names, 'm0'].map((name) => netns.settleAddresses(name));
  const failing = refusalOf(netns.settleAddresses(gone));
  const another = () => host.routeSockets().then((now) => expect(now).toBe(others + 1));
  await vi.waitFor(another, PATIENCE);
  await host.ip('link', 'delete', gone);
  expect(await failing).toMatchObject({ code: 'ENODEV', target: gone });
  await another();
  await host.ip('link', 'set', parent, 'up');
  const cidrs = (await Promise.all(settling)).map(([first]) => first?.cidr);
  expect(cidrs).toEqual([...names.keys(), 0].map((at) => `fd00::${at + 1}/64`));
  await vi.waitFor(async () => expect(await host.routeSockets()).toBe(others), PATIENCE);
});

test('close does not wait for it, also where it has to wait for its turn', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  await host.netns.createMacvlan({ parent, name: 'm0', addresses: [ADDRESS], up: true });
  const calls = Array.from({ length: 100 }, () => host.netns.getLink('m0'));
  const settling = refusalOf(host.netns.settleAddresses('m0'));
  await Promise.all([host.netns.close(), ...calls]);
  expect(await settling).toMatchObject({ code: 'ERR_NETNS_CLOSED' });
});

test('ends by its signal, or with its namespace, and leaves no socket', async () => {
  const { host, parent } = await bed.makeHost();
  await host.ip('link', 'set', parent, 'down');
  await host.netns.createMacvlan({ parent, name: 'm0', addresses: [ADDRESS], up: true });
  const controller = new AbortController();
  const settling = host.netns.settleAddresses('m0', { signal: controller.signal });
  const reason = new Error('enough');
  await host.netns.listLinks();
  setImmediate(() => controller.abort(reason));
  await expect(settling).rejects.toBe(reason);

  const other = await Netns.open(`${host.name}`);
  const closing = refusalOf(other.settleAddresses('m0'));
  await other.listLinks();
  await other.close();
  expect(await closing).toMatchObject({ code: 'ERR_NETNS_CLOSED' });
  await host.netns.close();
  expect(await host.routeSockets()).toBe(0);
});
