// Namespaces made, listed, opened and removed by this library and by `ip netns`, in any mix.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
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
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { Netns } from '../../lib/index.js';
import { type Refusal, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const execute = promisify(execFile);

async function output(command: string, ...args: readonly string[]): Promise<string> {
  return (await execute(command, args)).stdout.trim();
}

const ip = (...args: readonly string[]) => output('ip', ...args);

async function ipNames(): Promise<string[]> {
  const list = JSON.parse((await ip('-j', 'netns', 'list')) || '[]') as { name: string }[];
  return list.map(({ name }) => name);
}

/** What `stat` says of a namespace's file. */
async function inodeOf(path: string): Promise<number> {
  return Number(await output('stat', '-L', '-c', '%i', path));
}

/** Removes a name under /run/netns after the test, if it is still there. */
function removeLater(name: string): string {
  bed.onCleanup(async () => {
    if (readdirSync('/run/netns').includes(name)) await ip('netns', 'delete', name);
  });
  return name;
}

function closeLater(netns: Netns): Netns {
  bed.onCleanup(() => netns.close());
  return netns;
}

const newName = () => removeLater(bed.uniqueName('ns'));
const create = async (name?: string) => closeLater(await Netns.create(name));
const open = async (...args: Parameters<typeof Netns.open>) =>
  closeLater(await Netns.open(...args));

/** The mount of a path in this process's mount namespace, without the numbers that are its own. */
function mountOf(path: string) {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  const found = lines.map((line) => line.split(' ')).filter((fields) => fields[4] === path);
  const [fields = []] = found;
  const dash = fields.indexOf('-');
  return {
    count: found.length,
    root: fields[3]?.replace(/\d+/, 'N'),
    options: fields[5],
    propagation: fields.slice(6, dash).map((field) => field.replace(/\d+/, 'N')),
    type: fields[dash + 1],
    source: fields[dash + 2],
    superOptions: fields[dash + 3],
  };
}

describe('Netns.create', () => {
  test('makes what ip lists, enters and deletes', async () => {
    const name = newName();
    const netns = await create(name);
    expect(netns.name).toBe(name);
    expect(netns.inode).toBe(await inodeOf(`/run/netns/${name}`));
    expect(await ipNames()).toContain(name);
    const inside = await ip('netns', 'exec', name, 'readlink', '/proc/self/ns/net');
    expect(inside).toBe(`net:[${netns.inode}]`);
    await ip('netns', 'delete', name);
    expect(readdirSync('/run/netns')).not.toContain(name);
    expect(await Netns.list()).not.toContain(name);
  });

  test('makes it with nothing but a loopback device that is down', async () => {
    const name = newName();
    const netns = await create(name);
    const links = JSON.parse(await ip('-n', name, '-j', 'link', 'show'));
    expect(links).toEqual([expect.objectContaining({ ifname: 'lo', operstate: 'DOWN' })]);
    expect(links[0].flags).toEqual(['LOOPBACK']);
    expect((await netns.listLinks()).map((link) => link.name)).toEqual(['lo']);
  });

  test('mounts it as ip does: type, root, options and propagation', async () => {
    const [theirs, ours] = [newName(), newName()];
    await ip('netns', 'add', theirs);
    await create(ours);
    const [expected, made] = [theirs, ours].map((name) => mountOf(`/run/netns/${name}`));
    expect(expected).toMatchObject({ count: 1, type: 'nsfs', propagation: ['shared:N'] });
    expect(made).toEqual(expected);
    const modes = [theirs, ours].map((name) => statSync(`/run/netns/${name}`).mode);
    expect(modes[1]).toBe(modes[0]);
    expect(await output('findmnt', '-n', '-o', 'PROPAGATION', `/run/netns/${ours}`)).toBe('shared');
  });

  test('takes any name that ip takes', async () => {
    const stem = newName();
    const names = [`${stem} with spaces`, `${stem}-ñ-名`, `${stem}%s`, `${stem}`.padEnd(255, 'x')];
    for (const name of names.map(removeLater)) {
      const netns = await create(name);
      expect(await Netns.list()).toContain(name);
      expect(await ip('netns', 'exec', name, 'readlink', '/proc/self/ns/net')).toBe(
        `net:[${netns.inode}]`,
      );
      await ip('netns', 'delete', name);
      await ip('netns', 'add', name);
      expect((await open(name)).name).toBe(name);
      await Netns.remove(name);
      expect(readdirSync('/run/netns')).not.toContain(name);
    }
  });

  test('refuses a name that is taken, and leaves what has it alone', async () => {
    const name = newName();
    await ip('netns', 'add', name);
    const before = await inodeOf(`/run/netns/${name}`);
    const error = await refusalOf(Netns.create(name));
    expect(error).toMatchObject({ code: 'EEXIST', operation: 'Netns.create', target: name });
    expect(await inodeOf(`/run/netns/${name}`)).toBe(before);
    expect(mountOf(`/run/netns/${name}`).count).toBe(1);
    expect(await ip('-n', name, '-br', 'link')).toContain('lo');
  });

  test("refuses the name of a file that is no namespace, and leaves the file's content", async () => {
    await create(newName());
    const name = bed.uniqueName('stale');
    const path = `/run/netns/${name}`;
    writeFileSync(path, 'somebody else wrote this');
    bed.onCleanup(() => rmSync(path));
    expect(await refusalOf(Netns.create(name))).toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(path, 'utf8')).toBe('somebody else wrote this');
    expect(mountOf(path).count).toBe(0);
  });

  test('without a name makes one that is in no list and under no path', async () => {
    const before = readdirSync('/run/netns');
    const netns = await create();
    expect(netns.name).toBeNull();
    expect(readdirSync('/run/netns')).toEqual(before);
    expect(netns.inode).not.toBe(statSync('/proc/self/ns/net').ino);
    expect(readlinkSync(`/proc/self/fd/${netns.fd}`)).toBe(`net:[${netns.inode}]`);
    expect((await netns.listLinks()).map((link) => link.name)).toEqual(['lo']);
  });

  test('leaves the process where it was', async () => {
    const before = readlinkSync('/proc/self/ns/net');
    await Promise.all(Array.from({ length: 8 }, () => create()));
    await create(newName());
    const tasks = readdirSync('/proc/self/task');
    const now = tasks.map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`));
    expect(new Set(now)).toEqual(new Set([before]));
  });
});

describe('an unnamed namespace', () => {
  /** A veth end here whose other end is in there: it goes when the namespace does. */
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

  test('opens the same namespace by any path to it', async () => {
    const name = newName();
    const { inode } = await create(name);
    const link = `/run/${bed.uniqueName('link')}`;
    symlinkSync(`netns/${name}`, link);
    bed.onCleanup(() => rmSync(link));
    expect(await open(link)).toMatchObject({ inode, name: null });
    expect(await open(`/run/../run/netns/./${name}`)).toMatchObject({ inode });
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

  test('refuses what is no network namespace, and does not wait for it', async () => {
    const folder = `/run/${bed.uniqueName('odd')}`;
    mkdirSync(folder);
    bed.onCleanup(() => rmSync(folder, { recursive: true }));
    await output('mkfifo', join(folder, 'fifo'));
    writeFileSync(join(folder, 'file'), '');
    const server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    bed.onCleanup(() => new Promise((resolve) => server.close(resolve)));
    const paths = ['fifo', 'file'].map((name) => join(folder, name));
    for (const path of [...paths, folder, '/dev/null', '/proc/self/ns/mnt', '/proc/self/ns/user']) {
      const error = await refusalOf(Netns.open(path));
      expect(error).toMatchObject({ code: 'EINVAL', operation: 'Netns.open', target: path });
      expect(error.hint).toContain('is not a network namespace');
    }
    expect(await refusalOf(Netns.open(join(folder, 'socket')))).toMatchObject({ code: 'ENXIO' });
    expect(await refusalOf(Netns.open({ fd: 0 }))).toMatchObject({ code: 'EINVAL' });
    const fd = openSync('/proc/self/ns/uts', 'r');
    bed.onCleanup(() => closeSync(fd));
    expect(await refusalOf(Netns.open({ fd }))).toMatchObject({
      code: 'EINVAL',
      target: `fd ${fd}`,
    });
  });

  test('refuses what is not there', async () => {
    const gone = spawn('true');
    await once(gone, 'exit');
    const name = bed.uniqueName('no');
    const error = await refusalOf(Netns.open(name));
    expect(error).toMatchObject({ code: 'ENOENT', target: name, syscall: 'open' });
    expect(error.hint).toContain('/run/netns');
    const refs = [`/run/netns/${name}`, `/proc/self/fd/net/${name}`, { pid: gone.pid as number }];
    for (const ref of refs) {
      expect((await refusalOf(Netns.open(ref))).code).toMatch(/^ENO(ENT|TDIR)$/);
    }
    expect(await refusalOf(Netns.open({ fd: 123_456 }))).toMatchObject({ code: 'EBADF' });
  });
});

/** Runs a command with a descriptor as its fourth, number 3; gives what it printed. */
async function outputWith(fd: number, command: string, ...args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit', fd] });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  return Buffer.concat(chunks).toString().trim();
}

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

  test('reaches no child process that is not given it', async () => {
    const netns = await create();
    await netns.listLinks();
    const seen = await output('sh', '-c', 'readlink /proc/self/fd/*; true');
    expect(seen).not.toContain('net:[');
  });
});

describe('Netns.list', () => {
  test('gives what ip netns add and create made, sorted', async () => {
    const names = [newName(), newName(), newName(), newName()];
    for (const [at, name] of names.entries()) {
      await (at % 2 === 0 ? create(name) : ip('netns', 'add', name));
    }
    const listed = await Netns.list();
    expect(listed).toEqual([...listed].sort());
    expect(listed).toEqual((await ipNames()).sort());
    expect(listed).toEqual(expect.arrayContaining(names));
  });

  test('leaves out what is not a namespace', async () => {
    const name = newName();
    await create(name);
    const stale = bed.uniqueName('stale');
    const at = (suffix: string) => `/run/netns/${stale}${suffix}`;
    // A link to a namespace is as good as one: so are those of containers made visible to ip.
    symlinkSync(`/proc/${process.pid}/ns/net`, at('process'));
    writeFileSync(at('file'), '', { mode: 0 });
    mkdirSync(at('folder'));
    symlinkSync('/nowhere', at('broken'));
    await output('mkfifo', at('fifo'));
    const made = ['process', 'file', 'folder', 'broken', 'fifo'];
    bed.onCleanup(() => made.map((suffix) => rmSync(at(suffix), { recursive: true })));
    const listed = await Netns.list();
    expect(listed).toContain(name);
    expect(listed.filter((one) => one.startsWith(stale))).toEqual([`${stale}process`]);
  });
});

describe('Netns.remove', () => {
  test('removes what ip made, and what was made here', async () => {
    for (const make of [(name: string) => ip('netns', 'add', name), create]) {
      const name = newName();
      await make(name);
      await Netns.remove(name);
      expect(readdirSync('/run/netns')).not.toContain(name);
      expect(mountOf(`/run/netns/${name}`).count).toBe(0);
      expect(await refusalOf(Netns.open(name))).toMatchObject({ code: 'ENOENT' });
    }
  });

  test('removes a stale file as ip does', async () => {
    await create(newName());
    const [theirs, ours] = [bed.uniqueName('stale'), bed.uniqueName('stale')];
    for (const name of [theirs, ours]) writeFileSync(`/run/netns/${name}`, '', { mode: 0 });
    await ip('netns', 'delete', theirs);
    await Netns.remove(ours);
    const left = readdirSync('/run/netns');
    expect([theirs, ours].filter((name) => left.includes(name))).toEqual([]);
  });

  test('refuses a name that is not there', async () => {
    const name = bed.uniqueName('no');
    const error = await refusalOf(Netns.remove(name));
    expect(error).toMatchObject({ code: 'ENOENT', operation: 'Netns.remove', target: name });
  });
});

test.each([
  ['', 'empty'],
  ['a/b', "'/'"],
  ['/absolute', "'/'"],
  ['..', "'..'"],
  ['.', "'..'"],
  ['a\0b', 'NUL'],
  ['x'.repeat(256), '255 bytes'],
  ['名'.repeat(86), '255 bytes'],
  ['\ud800', 'Unicode'],
])('the name %j is refused before anything is done', async (name, says) => {
  await create(newName());
  const before = readdirSync('/run/netns');
  for (const refused of [Netns.create(name), Netns.remove(name)]) {
    const error: Refusal = await refusalOf(refused);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(says);
  }
  expect(readdirSync('/run/netns')).toEqual(before);
});

test.each([42, null, {}, ['a'], Symbol('a'), { pid: 0 }, { fd: -1 }, { pid: 1, fd: 1 }, 'a\0'])(
  'the reference %j is refused before anything is opened',
  async (ref) => {
    const error = await refusalOf(Netns.open(ref as never));
    expect(error.message).toMatch(/^Netns\.open: ref/);
    expect(error.code).toMatch(/^ERR_(INVALID_ARG_(TYPE|VALUE)|OUT_OF_RANGE)$/);
  },
);
