/** The device that is opened is the link's own, wherever its device node is, or without one. */
import { randomInt } from 'node:crypto';
import { chmodSync, fstatSync, statSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { createMacvtap, Netns, openTap } from '../../lib/index.js';
import { type Ended, resultOf, runProgram, withoutCapabilities } from '../support/program.js';
import { listen, macvtap, makeFrame, noTaps, open, peer } from '../support/tap.js';
import { refusalOf, supportFile, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

beforeEach(({ skip }) => skip(noTaps !== undefined, noTaps));

/** The number of a link's device (st_rdev), read with `cat` from /sys in the link's namespace. */
async function deviceOf(host: TestNetns, name: string, index: number): Promise<number> {
  const text = await host.read(`/sys/class/net/${name}/tap${index}/dev`);
  const [major = 0, minor = 0] = text.split(':').map(Number);
  return (major << 8) | (minor & 0xff) | ((minor & ~0xff) << 12);
}

/** Two namespaces, each with a macvtap of the same name and index. */
async function twins() {
  // The machine has one /dev: for an index that was used before there may still be the node of a namespace that
  // is being taken down, here or in another run.
  const index = randomInt(2 ** 20, 2 ** 31);
  const hosts = [await bed.makeNetns(), await bed.makeNetns()] as const;
  const setUp = async (host: TestNetns) => {
    const parent = await host.parent();
    const link = await macvtap(bed, host, parent, { name: 'tap', index });
    return { host, parent, link, device: await deviceOf(host, 'tap', index) };
  };
  return [await setUp(hosts[0]), await setUp(hosts[1])] as const;
}

test('two links with the same index and name have two devices', async () => {
  const both = await twins();
  const path = `/dev/tap${both[0].link.index}`;
  const node = statSync(path).rdev;
  expect(both[0].device).not.toBe(both[1].device);
  expect(both.map(({ device }) => device === node)).toEqual([true, false]);
  for (const { host, parent, link, device } of both) {
    const tap = await open(bed, host, link);
    expect(fstatSync(tap.fd).rdev).toBe(device);
    const frame = makeFrame('02:00:5e:00:00:99', link.mac ?? '', 100, link.netns);
    const { captured } = await listen(bed, host, parent, 1);
    await tap.send(frame);
    expect(await captured()).toEqual([frame]);
  }
  // The node that had to be made is removed again.
  expect(statSync(path).rdev).toBe(node);
});

test('each device gives the name of its link', async () => {
  const host = await bed.makeNetns();
  const link = await macvtap(bed, host, await host.parent(), { name: 'uplink0' });
  const tap = await open(bed, host, link);
  const [told] = JSON.parse(await peer(bed, host, ['ask'], [tap.fd]).output());
  expect(told.name).toBe('uplink0');
  expect(tap.link).toMatchObject({ name: 'uplink0', kind: 'macvtap', index: link.index });
});

const OTHER_MAC = '02:00:5e:00:00:77';

test.each<[string, (host: TestNetns, name: string, index: number) => Promise<unknown>, object]>([
  [
    'is renamed',
    (host, name) => host.ip('link', 'set', name, 'name', 'renamed'),
    { name: 'renamed' },
  ],
  [
    'gives way to another of its name and index',
    async (host, name, index) => {
      const { link: parent } = await host.link(name);
      await host.ip('link', 'delete', name);
      const tap = ['index', `${index}`, 'address', OTHER_MAC, 'type', 'macvtap'];
      await host.ip('link', 'add', name, 'link', `${parent}`, ...tap);
    },
    { mac: OTHER_MAC },
  ],
])('a link that %s while it is opened is looked at once more', async (_, change, now) => {
  const host = await bed.makeNetns();
  const { index, name } = await macvtap(bed, host, await host.parent());
  const { netns } = host;
  await netns.setLink(index, { up: false });
  const openTapDevice = netns.openTapDevice.bind(netns);
  netns.openTapDevice = async (...asked) => {
    netns.openTapDevice = openTapDevice;
    await change(host, name, index);
    return openTapDevice(...asked);
  };
  const tap = await netns.openTap(index);
  bed.onCleanup(() => tap.close());
  expect(tap.link).toMatchObject({ index, ...now });
});

test('a link that is renamed each time it is opened is refused', async () => {
  const host = await bed.makeNetns();
  const { index, name } = await macvtap(bed, host, await host.parent());
  const { netns } = host;
  await netns.setLink(index, { up: false });
  const openTapDevice = netns.openTapDevice.bind(netns);
  let now = name;
  netns.openTapDevice = async (...asked) => {
    const next = bed.uniqueName('r');
    await host.ip('link', 'set', now, 'name', next);
    now = next;
    return openTapDevice(...asked);
  };
  expect(await refusalOf(netns.openTap(index))).toMatchObject({
    code: 'ESTALE',
    hint: 'The link was renamed, moved or made anew each time it was opened.',
  });
});

test('the function openTap opens links of the own namespace', async () => {
  const own = bed.ownNetns();
  const parent = await own.parent();
  const name = bed.uniqueName('t');
  const made = await createMacvtap({ parent, name, up: true, addrGenMode: 'none' });
  const tap = await openTap(name);
  bed.onCleanup(() => tap.close());
  expect(fstatSync(tap.fd).rdev).toBe(statSync(`/dev/tap${made.index}`).rdev);
});

/** Makes a macvtap on a veth pair in the program's namespaces. */
const made = `
  import { fstatSync, readdirSync, readFileSync } from 'node:fs';
  import { createLink, createMacvtap, openTap } from 'macvlan-netlink';
  await createLink({ kind: 'veth', name: 'p0', up: true, peer: { up: true } });
  const { index } = await createMacvtap({ parent: 'p0', name: 'tap', up: true });
`;
/** Opens it, too; nothing is in /dev. */
const opened = `
  ${made}
  const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');
  const before = mounts();
  const tap = await openTap('tap', { queues: 2 });
  const [major, minor] = readFileSync('/sys/class/net/tap/tap' + index + '/dev', 'utf8').split(':').map(Number);
  const number = (major << 8) | (minor & 0xff) | ((minor & ~0xff) << 12);
  const result = {
    right: tap.fds.map((fd) => fstatSync(fd).rdev === number),
    left: readdirSync('/dev'),
    mounts: mounts() === before,
  };
  await tap.close();
  console.log(JSON.stringify(result));
`;
const privately = ['unshare', '--net', '--mount', '--propagation', 'private', '--'];
const mounting = 'mount -n -t tmpfs tmpfs /dev && mount -n -t sysfs sysfs /sys && exec "$@"';
const withoutNodes = ['sh', '-c', mounting, 'sh'];
const withoutSysAdmin = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin', '--'];
/** What a program without nodes says that has opened the right device. */
const opensIt = { right: [true, true], left: [], mounts: true };

test('needs nothing in /dev, and leaves nothing there', async () => {
  const under = [...privately, ...withoutNodes];
  expect(await resultOf(opened, { under })).toEqual(opensIt);
});

test('needs no mounts that belong to no namespace, which came with Linux 5.2', async () => {
  const older = ['python3', supportFile('tap-without-fsopen.py'), '--'];
  const under = [...privately, ...older, ...withoutNodes];
  expect(await resultOf(opened, { under })).toEqual(opensIt);
});

test('needs no mounts where /sys shows the link, as in a container without CAP_SYS_ADMIN', async () => {
  const under = [...privately, ...withoutNodes, ...withoutSysAdmin];
  expect(await resultOf(opened, { under })).toEqual(opensIt);
});

test('needs no node that may be opened where it can make one', async () => {
  const noDevices = ['sh', '-c', 'mount -n -o remount,nodev /dev && exec "$@"', 'sh'];
  const under = [...privately, ...withoutNodes, ...noDevices];
  const program = `
    import { execFileSync } from 'node:child_process';
    ${opened.replace('const before =', 'makeNode();\n  const before =')}
    function makeNode() {
      const number = readFileSync('/sys/class/net/tap/tap' + index + '/dev', 'utf8').trim().split(':');
      execFileSync('mknod', ['/dev/tap' + index, 'c', ...number]);
    }
  `;
  const { right } = await resultOf<{ right: boolean[] }>(program, { under });
  expect(right).toEqual([true, true]);
});

test('without CAP_SYS_ADMIN, too, a link that is renamed while it is opened is looked at once more', async () => {
  const program = `
    import { Netns } from 'macvlan-netlink';
    ${made}
    const here = Netns.current();
    const openTapDevice = here.openTapDevice.bind(here);
    await here.setLink('tap', { up: false });
    here.openTapDevice = async (...asked) => {
      here.openTapDevice = openTapDevice;
      await here.setLink('tap', { name: 'renamed' });
      return openTapDevice(...asked);
    };
    const tap = await here.openTap(index);
    console.log(JSON.stringify(tap.link.name));
    await tap.close();
  `;
  const under = [...privately, ...withoutNodes, ...withoutSysAdmin];
  expect(await resultOf(program, { under })).toBe('renamed');
});

test('without CAP_SYS_ADMIN a node is made in /dev, and the hint tells of one that may not be written', async () => {
  const readOnly = ['sh', '-c', 'mount -n -o remount,ro /dev && exec "$@"', 'sh'];
  const under = [...privately, ...withoutNodes, ...readOnly, ...withoutSysAdmin];
  const program = `
    ${made}
    const { code, syscall, hint } = await openTap('tap').catch((error) => error);
    console.log(JSON.stringify([code, syscall, hint]));
  `;
  const refused = ['EROFS', 'mknod', expect.stringContaining('a /dev that may be written')];
  expect(await resultOf(program, { under })).toEqual(refused);
});

test('where a device node may not be made the hint says that a user namespace does not help', async () => {
  const under = [...privately.slice(0, -1), '--user', '--map-root-user', '--', ...withoutNodes];
  const program = `
    ${made}
    const { code, syscall, hint } = await openTap('tap').catch((error) => error);
    console.log(JSON.stringify({ code, syscall, hint }));
  `;
  expect(await resultOf(program, { under })).toEqual({
    code: 'EPERM',
    syscall: 'mknod',
    hint: expect.stringContaining('outside every user namespace'),
  });
});

test('needs no more of /sys in a user namespace than to read it', async () => {
  const readOnly = ['sh', '-c', 'mount -n -o remount,bind,ro /sys && exec "$@"', 'sh'];
  const inner = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--'];
  const program = `
    import { createLink, Netns } from 'macvlan-netlink';
    const netns = await Netns.create();
    const { index } = await netns.createMacvtap({ parent: await netns.createLink({ kind: 'bridge' }) });
    const tap = await netns.openTap(index);
    console.log(JSON.stringify(tap.link.index === index));
    await tap.close();
  `;
  expect(await resultOf(program, { under: [...privately, ...readOnly, ...inner] })).toBe(true);
});

test('a link that is no macvtap is refused', async () => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  const error = await refusalOf(host.netns.openTap(parent));
  expect(error).toMatchObject({ code: 'EINVAL', operation: 'openTap', target: parent });
  expect(error.hint).toBe(
    `'${parent}' is of kind 'veth', and openTap opens the character device of a macvtap.`,
  );
  expect(error.stack).toContain('tap-device.test.ts');
  expect(await refusalOf(host.netns.openTap('lo'))).toMatchObject({
    code: 'EINVAL',
    hint: expect.stringContaining("'lo' is of no kind that software makes"),
  });
});

test('a link whose name is not UTF-8 is refused, and can be opened under another name', async () => {
  const host = await bed.makeNetns();
  const link = await macvtap(bed, host, await host.parent());
  const { index, name } = link;
  // Before Linux 6.2 only a link that is down can be renamed.
  await host.ip('link', 'set', name, 'down');
  await host.run('sh', '-c', `ip link set ${name} name "$(printf 'tap\\377')"`);
  expect(await refusalOf(host.netns.openTap(index))).toMatchObject({
    code: 'ESTALE',
    hint: expect.stringMatching(/is not UTF-8: give it another one by its index, with setLink\.$/),
  });
  await host.netns.setLink(index, { name });
  expect((await open(bed, host, link)).link.name).toBe(name);
});

test('a link that does not exist is refused', async () => {
  const host = await bed.makeNetns();
  expect(await refusalOf(host.netns.openTap('nobody'))).toMatchObject({
    code: 'ENODEV',
    operation: 'openTap',
    target: 'nobody',
  });
});

test('invalid options are refused', async () => {
  const host = await bed.makeNetns();
  const link = await macvtap(bed, host, await host.parent());
  const wrong = async (options: unknown) => refusalOf(host.netns.openTap(link, options as never));
  expect(await wrong({ queues: 0 })).toMatchObject({
    name: 'RangeError',
    code: 'ERR_OUT_OF_RANGE',
  });
  expect(await wrong({ queues: 257 })).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  for (const highWaterMark of [0, 2 ** 20 + 1])
    expect(await wrong({ highWaterMark })).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  expect(await wrong({ vnetHeader: 1 })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  for (const sendBuffer of [0, 4095, 2 ** 31, -Infinity, Number.NaN])
    expect(await wrong({ sendBuffer })).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  expect(await wrong({ sendBuffer: '64k' })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect((await wrong({ queue: 4 })).message).toContain("did you mean 'queues'?");
});

test('more queues than a macvtap has are refused, and none is left open', async () => {
  const host = await bed.makeNetns();
  const link = await macvtap(bed, host, await host.parent());
  const first = await open(bed, host, link, { queues: 200 });
  expect(first.fds).toHaveLength(200);
  const error = await refusalOf(host.netns.openTap(link, { queues: 100 }));
  expect(error).toMatchObject({ code: 'EBUSY', syscall: 'open' });
  expect(error.hint).toBe('A macvtap has at most 256 queues in all.');
  const second = await open(bed, host, link, { queues: 56 });
  expect(second.fds).toHaveLength(56);
});

test('a signal that has fired opens nothing', async () => {
  const host = await bed.makeNetns();
  const link = await macvtap(bed, host, await host.parent());
  const reason = new Error('enough');
  const early = host.netns.openTap(link, { signal: AbortSignal.abort(reason) });
  await expect(early).rejects.toBe(reason);
  const controller = new AbortController();
  const late = host.netns.openTap(link, { signal: controller.signal });
  setImmediate(() => controller.abort(reason));
  await expect(late).rejects.toBe(reason);
});

/** Opens a link in its own namespace as root without capabilities; `enter` goes there. */
function tryToOpen(
  { host, link }: { host: TestNetns; link: { name: string } },
  enter: readonly string[] = ['ip', 'netns', 'exec', host.name ?? ''],
): Promise<Ended> {
  const program = `
    import { openTap } from 'macvlan-netlink';
    try {
      const tap = await openTap('${link.name}');
      console.log(JSON.stringify({ fds: tap.fds.length }));
      await tap.close();
    } catch ({ code, syscall, hint }) {
      console.log(JSON.stringify({ code, syscall, hint }));
    }
  `;
  return runProgram(program, { under: [...enter, ...withoutCapabilities] });
}

test('without capabilities a device node that may be opened is used', async () => {
  const [first, second] = await twins();
  expect(JSON.parse((await tryToOpen(first)).stdout)).toEqual({ fds: 1 });
  expect(JSON.parse((await tryToOpen(second)).stdout)).toEqual({
    code: 'EPERM',
    syscall: 'mknod',
    hint: expect.stringContaining(`/dev/tap${second.link.index} is missing or another's`),
  });
});

test('without capabilities a device node that may not be opened is the reason', async () => {
  const [one] = await twins();
  chmodSync(`/dev/tap${one.link.index}`, 0);
  expect(JSON.parse((await tryToOpen(one)).stdout)).toEqual({
    code: 'EACCES',
    syscall: 'open',
    hint: expect.stringContaining(`the right to read and write /dev/tap${one.link.index}`),
  });
});

test('without capabilities a link of another namespace is refused, because no sysfs of it can be mounted', async () => {
  const [one] = await twins();
  const enter = ['nsenter', `--net=/run/netns/${one.host.name}`];
  expect(JSON.parse((await tryToOpen(one, enter)).stdout)).toEqual({
    code: 'EPERM',
    syscall: 'fsopen',
    hint: expect.stringContaining('CAP_SYS_ADMIN'),
  });
});

test('a closed Netns opens nothing', async () => {
  const host = await bed.makeNetns();
  const netns = await Netns.open(host.name ?? '');
  await netns.close();
  expect(await refusalOf(netns.openTap('tap'))).toMatchObject({ code: 'ERR_NETNS_CLOSED' });
});
