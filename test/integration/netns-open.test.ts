// Namespaces opened by name, path, process and descriptor, and what holds one that has no name.
import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { describe, expect, test, vi } from 'vitest';
import { createLink, getNetnsid, Netns, type NetnsRef } from '../../lib/index.js';
import { inodeOf, ip, output, useNames } from '../support/named.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const { newName, create, open } = useNames(bed);

describe('an unnamed namespace', () => {
  /** Makes a veth pair with one end here and the other in `netns`; returns whether it still exists. */
  async function tiedTo(netns: Netns): Promise<() => boolean> {
    const name = bed.uniqueName('t');
    await Netns.current().createLink({ kind: 'veth', name, peer: { netns } });
    return () => readdirSync('/sys/class/net').includes(name);
  }

  test('goes with its last handle', async () => {
    const netns = await Netns.create();
    const second = await Netns.open(netns);
    const lives = await tiedTo(netns);
    await netns.close();
    expect(second.inode).toBe(netns.inode);
    expect((await second.listLinks()).length).toBe(2);
    expect(lives()).toBe(true);
    await second.close();
    await vi.waitFor(() => expect(lives()).toBe(false), { timeout: 20_000 });
  });

  test('stays while a process lives in it', async () => {
    const netns = await Netns.create();
    const lives = await tiedTo(netns);
    const child = spawn('nsenter', ['--net=/proc/self/fd/3', 'sh', '-c', 'echo in; read line'], {
      stdio: ['pipe', 'pipe', 'inherit', netns.fd],
    });
    const exited = once(child, 'exit');
    bed.onCleanup(async () => {
      child.stdin?.end();
      await exited;
    });
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    await netns.close();
    const again = await Netns.open({ pid: child.pid as number });
    expect(again.inode).toBe(netns.inode);
    await again.close();
    expect(lives()).toBe(true);
    child.stdin?.end('\n');
    await exited;
    await vi.waitFor(() => expect(lives()).toBe(false), { timeout: 20_000 });
  });
});

describe('Netns.open', () => {
  test.each(['name', '/run path', '/var/run path', 'pid', 'fd', 'handle'] as const)(
    'opens by %s',
    async (by) => {
      const name = newName();
      await ip('netns', 'add', name);
      const path = `/run/netns/${name}`;
      const inode = await inodeOf(path);
      const child = spawn('ip', ['netns', 'exec', name, 'sh', '-c', 'echo in; read line'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      bed.onCleanup(async () => {
        child.stdin.end();
        await exited;
      });
      await once(child.stdout, 'data');
      const fd = openSync(path, 'r');
      bed.onCleanup(() => closeSync(fd));
      const refs = {
        name,
        '/run path': path,
        '/var/run path': `/var/run/netns/${name}`,
        pid: { pid: child.pid as number },
        fd: { fd },
        handle: await open(path),
      };
      const netns = await open(refs[by]);
      expect(netns.inode).toBe(inode);
      expect(netns.name).toBe(by === 'pid' || by === 'fd' ? null : name);
      expect(netns.fd).not.toBe(fd);
      expect(statSync(`/proc/self/fd/${netns.fd}`).ino).toBe(inode);
      const link = await netns.createLink({ kind: 'bridge', name: 'made' });
      expect(await ip('-n', name, '-br', 'link')).toContain('made');
      expect(link.netns).toBe(inode);
    },
  );

  test('takes the name from a Netns of another copy of the package', async () => {
    const { fd, inode, name } = await create(newName());
    const theirs = { [Symbol.for('macvlan-netlink.Netns')]: true, fd, inode, name };
    const netns = await open(theirs as unknown as NetnsRef);
    expect(netns).toMatchObject({ inode, name });
  });

  test('refuses a Netns of another copy of the package that is closed', async () => {
    const closed = { [Symbol.for('macvlan-netlink.Netns')]: true, fd: -1, inode: 1, name: null };
    const netns = closed as unknown as NetnsRef;
    const error = { code: 'ERR_NETNS_CLOSED' };
    expect(await refusalOf(Netns.open(netns))).toMatchObject(error);
    expect(await refusalOf(createLink({ kind: 'bridge', netns }))).toMatchObject(error);
  });

  test('names in an error the Netns that it is about', async () => {
    const unnamed = await create();
    const named = await create(newName());
    await Promise.all([unnamed.close(), named.close()]);
    expect(await refusalOf(Netns.open(unnamed))).toMatchObject({
      target: `net:[${unnamed.inode}]`,
    });
    expect(await refusalOf(Netns.open(named))).toMatchObject({ target: named.name });
    expect(await refusalOf(getNetnsid(named))).toMatchObject({ target: named.name });
  });

  test('opens the same namespace by any path to it', async () => {
    const name = newName();
    const { inode } = await create(name);
    const link = `/run/${bed.uniqueName('link')}`;
    symlinkSync(`netns/${name}`, link);
    bed.onCleanup(() => rmSync(link));
    expect(await open(link)).toMatchObject({ inode, name: null });
    expect(await open(`/run/../run/netns/./${name}`)).toMatchObject({ inode });
    // A path that only ends like /run/netns.
    expect(await open(`/proc/self/root/run/netns/${name}`)).toMatchObject({ inode, name: null });
    expect(await open(`test/../${relative('.', `/run/netns/${name}`)}`)).toMatchObject({
      inode,
      name: null,
    });
  });

  test('copies a descriptor or a Netns before the call returns, so that it may be closed at once', async () => {
    const host = await bed.makeNetns();
    const fd = openSync(`/run/netns/${host.name}`, 'r');
    const byDescriptor = Netns.open({ fd });
    closeSync(fd);
    const first = await byDescriptor;
    const byHandle = Netns.open(first);
    await first.close();
    const second = await byHandle;
    expect(second.inode).toBe(host.netns.inode);
    await second.close();
  });

  test('opens descriptors before the call returns, however many calls there are', async () => {
    const opened = Array.from({ length: 50 }, () => {
      const fd = openSync('/proc/self/ns/net', 'r');
      const opening = Netns.open({ fd });
      closeSync(fd);
      return opening;
    });
    const inodes = await Promise.all(
      opened.map(async (opening) => {
        await using netns = await opening;
        return netns.inode;
      }),
    );
    expect(new Set(inodes)).toEqual(new Set([Netns.current().inode]));
  });

  test('has a descriptor of its own', async () => {
    const netns = await create();
    const fd = openSync(`/proc/self/fd/${netns.fd}`, 'r');
    const second = await Netns.open({ fd });
    closeSync(fd);
    expect((await second.listLinks()).length).toBe(1);
    const third = openSync(`/proc/self/fd/${second.fd}`, 'r');
    await second.close();
    expect(statSync(`/proc/self/fd/${third}`).ino).toBe(netns.inode);
    closeSync(third);
  });

  test('stays open when the name is removed', async () => {
    const name = newName();
    const netns = await create(name);
    await ip('netns', 'delete', name);
    await netns.createLink({ kind: 'bridge', name: 'after' });
    const child = ['nsenter', '--net=/proc/self/fd/3', 'ip', '-br', 'link'] as const;
    expect(await outputWith(netns.fd, ...child)).toContain('after');
  });

  test('refuses what is no network namespace, without waiting', async () => {
    const folder = `/run/${bed.uniqueName('odd')}`;
    mkdirSync(folder);
    bed.onCleanup(() => rmSync(folder, { recursive: true }));
    await output('mkfifo', join(folder, 'fifo'));
    writeFileSync(join(folder, 'file'), '');
    const server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    bed.onCleanup(() => new Promise((resolve) => server.close(resolve)));
    const paths = ['fifo', 'file', 'socket'].map((name) => join(folder, name));
    for (const path of [...paths, folder, '/dev/null', '/proc/self/ns/mnt', '/proc/self/ns/user']) {
      const error = await refusalOf(Netns.open(path));
      expect(error).toMatchObject({ code: 'EINVAL', operation: 'Netns.open', target: path });
      const isPlain = !path.startsWith('/proc/self/ns/');
      expect(error.hint).toContain(`"${path}" is not a network namespace.${isPlain ? ' ' : ''}`);
      expect(error.hint?.includes('another mount namespace')).toBe(isPlain);
    }
    expect(await refusalOf(Netns.open({ fd: 0 }))).toMatchObject({ code: 'EINVAL' });
    const O_PATH = 0o10000000;
    const unread = openSync('/proc/self/ns/net', O_PATH);
    bed.onCleanup(() => closeSync(unread));
    expect(await refusalOf(Netns.open({ fd: unread }))).toMatchObject({ code: 'EINVAL' });
    const fd = openSync('/proc/self/ns/uts', 'r');
    bed.onCleanup(() => closeSync(fd));
    expect(await refusalOf(Netns.open({ fd }))).toMatchObject({
      code: 'EINVAL',
      target: `fd ${fd}`,
    });
    // What another call was refused for (ENOTTY) says nothing of this one.
    expect(isatty(fd)).toBe(false);
    expect(await refusalOf(Netns.open({ fd }))).toMatchObject({ code: 'EINVAL' });
  });

  test('does not open a FIFO, as its writer would notice', async () => {
    const fifo = `/run/${bed.uniqueName('fifo')}`;
    await output('mkfifo', fifo);
    bed.onCleanup(() => rmSync(fifo));
    const writer = spawn('sh', ['-c', 'echo word > "$0"', fifo], { stdio: 'ignore' });
    const exited = once(writer, 'exit');
    bed.onCleanup(async () => {
      writer.kill();
      await exited;
    });
    const state = () => readFileSync(`/proc/${writer.pid}/stat`, 'utf8').split(' ')[2];
    await vi.waitFor(() => {
      expect(readlinkSync(`/proc/${writer.pid}/exe`)).not.toBe(process.execPath);
      expect(state()).toBe('S');
    });
    expect(await refusalOf(Netns.open(fifo))).toMatchObject({ code: 'EINVAL' });
    const made = Netns.current().createLink({ kind: 'bridge', netns: fifo });
    expect(await refusalOf(made)).toMatchObject({ code: 'EINVAL', part: 'netns' });
    // If the FIFO had been opened, its writer would have succeeded.
    expect(await output('timeout', '20', 'cat', fifo)).toBe('word');
  });

  test('refuses what does not exist', async () => {
    const gone = spawn('true');
    await once(gone, 'exit');
    const name = bed.uniqueName('no');
    const error = await refusalOf(Netns.open(name));
    expect(error).toMatchObject({ code: 'ENOENT', target: name, syscall: 'open' });
    expect(error.hint).toContain('/run/netns');
    const ended = { pid: gone.pid as number };
    for (const ref of [`/run/netns/${name}`, `/proc/self/fd/net/${name}`, ended]) {
      expect((await refusalOf(Netns.open(ref))).code).toMatch(/^ENO(ENT|TDIR)$/);
    }
    expect((await refusalOf(Netns.open(ended))).hint).toBe(
      `There is no such process, or it has ended, or /proc does not show it: {"pid":${ended.pid}}.`,
    );
    expect(await refusalOf(Netns.open({ fd: 123_456 }))).toMatchObject({ code: 'EBADF' });
  });
});

describe('a signal that fires while a namespace is opened', () => {
  const acts: [string, (name: string, signal: AbortSignal) => Promise<unknown>][] = [
    ['Netns.open', (name, signal) => Netns.open(name, { signal })],
    ['an operation', (netns, signal) => createLink({ kind: 'bridge', netns, signal })],
  ];
  const reason = new Error('no longer wanted');

  /** Aborts a call once it has been carried out, but before the event loop has received the result. */
  async function abort(act: (typeof acts)[number][1], name: string): Promise<void> {
    const controller = new AbortController();
    const acting = act(name, controller.signal);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    controller.abort(reason);
    await expect(acting).rejects.toBe(reason);
  }

  test.each(acts)('leaves no namespace open: %s', async (_, act) => {
    const { name, netns } = await bed.makeNetns();
    const held = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        const path = `/proc/self/fd/${fd}`;
        return existsSync(path) && statSync(path).ino === netns.inode;
      }).length;
    const before = held();
    await abort(act, name as string);
    await vi.waitFor(() => expect(held()).toBe(before), { timeout: 20_000 });
    expect(await netns.listLinks()).toHaveLength(1);
  });

  test.each(acts)('is not listened to any more once it is open: %s', async (_, act) => {
    const { name } = await bed.makeNetns();
    const { signal } = new AbortController();
    const opened = await act(name as string, signal);
    if (opened instanceof Netns) await opened.close();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test.each(acts)('causes no unhandled rejection if opening then fails: %s', async (_, act) => {
    const unhandled = vi.fn();
    process.once('unhandledRejection', unhandled);
    bed.onCleanup(() => void process.off('unhandledRejection', unhandled));
    const name = bed.uniqueName('no');
    await abort(act, name);
    // Once this one has ended, the aborted one has, too: jobs are done in order.
    await refusalOf(Netns.open(name));
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('makes room for later ones, also where it has withdrawn what had not begun', async () => {
    const { name, netns } = await bed.makeNetns();
    const controller = new AbortController();
    const { signal } = controller;
    // More than are opened at the same time.
    const opening = Array.from({ length: 20 }, () => Netns.open(name as string, { signal }));
    controller.abort(reason);
    await Promise.all(opening.map((call) => expect(call).rejects.toBe(reason)));
    // The first of these may still begin while others end.
    for (let later = 0; later < 3; later++) {
      await using opened = await Netns.open(name as string);
      expect(opened.inode).toBe(netns.inode);
    }
  });
});

test.each<[string, (name: string, signal: AbortSignal) => Promise<unknown>]>([
  ['Netns.open', (name, signal) => Netns.open(name, { signal })],
  ['Netns.create', (name, signal) => Netns.create(name, { signal })],
  ['Netns.remove', (name, signal) => Netns.remove(name, { signal })],
])('a signal ends the wait for a name that another process may be making: %s', async (_, act) => {
  const name = bed.uniqueName('n');
  const file = `/run/netns/${name}`;
  writeFileSync(file, '');
  bed.onCleanup(() => rmSync(file, { force: true }));
  const reason = new Error('enough');
  // The wait takes a tenth of a second; on a slow machine the signal may come too late.
  await vi.waitFor(async () => {
    const controller = new AbortController();
    const acting = act(name, controller.signal);
    setTimeout(() => controller.abort(reason), 10);
    await expect(acting).rejects.toBe(reason);
  }, 10_000);
  expect(readFileSync(file, 'utf8')).toBe('');
});

/** Runs a command with `fd` as its descriptor 3; returns what it printed. */
async function outputWith(fd: number, command: string, ...args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit', fd] });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  return Buffer.concat(chunks).toString().trim();
}

test.each([undefined, null, 'net1', {}])('new Netns of %s says what to use instead', (given) => {
  const construct = () => Reflect.construct(Netns, [given]);
  const code = 'ERR_INVALID_ARG_TYPE';
  expect(construct).toThrow(expect.objectContaining({ name: 'TypeError', code }));
  expect(construct).toThrow(/Netns\.create, Netns\.open or Netns\.current; received /);
});

test('undefined in a reference counts as left out', async () => {
  const host = await bed.makeNetns();
  const { fd, inode } = host.netns;
  for (const [ref, meant] of [
    [{ fd, pid: undefined }, inode],
    [{ pid: process.pid, fd: undefined }, Netns.current().inode],
  ] as const) {
    await using opened = await Netns.open(ref as unknown as NetnsRef);
    expect(opened.inode).toBe(meant);
    await using made = await host.netns
      .createLink({ kind: 'bridge', netns: ref as unknown as NetnsRef })
      .then((link) =>
        Object.assign(link, { [Symbol.asyncDispose]: () => opened.deleteLink(link) }),
      );
    expect(made.netns).toBe(meant);
  }
});

test('other fields of a reference do not hide why it was not opened', async () => {
  const pid = 2 ** 31 - 1;
  const circular: { pid: number; self?: unknown } = { pid };
  circular.self = circular;
  const speaking = {
    pid,
    toJSON() {
      throw new Error('not to be called');
    },
  };
  for (const ref of [circular, { pid, big: 1n }, speaking, { pid, long: 'x'.repeat(10_000) }]) {
    const creation = () => Netns.current().createLink({ kind: 'bridge', netns: ref });
    for (const opening of [() => Netns.open(ref), creation]) {
      const error = await refusalOf(opening());
      expect(error.code).toBe('ENOENT');
      expect(error.hint).toContain(`: {"pid":${pid}}.`);
      expect(error.message.length).toBeLessThan(300);
    }
  }
});

describe('Netns.fd', () => {
  test('lets a child process enter', async () => {
    const netns = await create();
    const enter = ['nsenter', '--net=/proc/self/fd/3'] as const;
    expect(await outputWith(netns.fd, ...enter, 'readlink', '/proc/self/ns/net')).toBe(
      `net:[${netns.inode}]`,
    );
    const links = await outputWith(netns.fd, ...enter, 'ip', '-j', 'link');
    expect(JSON.parse(links)).toEqual([expect.objectContaining({ ifname: 'lo' })]);
  });

  test('is not inherited by child processes', async () => {
    const netns = await create();
    const copy = await open({ fd: netns.fd });
    await Promise.all([netns.listLinks(), copy.listLinks()]);
    const seen = await output('sh', '-c', 'readlink /proc/self/fd/*; true');
    expect(seen).not.toContain('net:[');
  });
});

test.each([42, null, {}, ['a'], Symbol('a'), { pid: 0 }, { fd: -1 }, { pid: 1, fd: 1 }, 'a\0'])(
  'the reference %j is refused before anything is opened',
  async (ref) => {
    const error = await refusalOf(Netns.open(ref as never));
    expect(error.message).toMatch(/^Netns\.open: ref/);
    expect(error.code).toMatch(/^ERR_(INVALID_ARG_(TYPE|VALUE)|OUT_OF_RANGE)$/);
  },
);
