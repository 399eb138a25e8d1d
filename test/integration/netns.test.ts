// Namespaces made, listed and removed by this library and by `ip netns`, in any combination.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { Netns } from '../../lib/index.js';
import { inodeOf, ip, output, useNames } from '../support/named.js';
import { type RefusedError, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const { removeLater, newName, create, open } = useNames(bed);

async function ipNames(): Promise<string[]> {
  const list = JSON.parse((await ip('-j', 'netns', 'list')) || '[]') as { name: string }[];
  return list.map(({ name }) => name);
}

/**
 * A program that makes a name of this process's namespace, and has started already: a tenth of a second is
 * the time it has on a machine where programs start slowly.
 */
async function startMount(name: string): Promise<() => Promise<void>> {
  const script = 'echo && read -r _ && exec mount --bind /proc/self/ns/net "$0"';
  const shell = spawn('sh', ['-c', script, `/run/netns/${name}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(shell, 'close');
  await once(shell.stdout, 'data');
  return async () => {
    shell.stdin.end('\n');
    expect(await ended).toEqual([0, null]);
  };
}

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
  test('makes a namespace that ip lists, enters and deletes', async () => {
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

  test('makes it with only a loopback device, which is down', async () => {
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

  test('refuses a name that is taken, and leaves the namespace of that name alone', async () => {
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

  test('without a name makes a namespace that is not listed and has no path', async () => {
    const before = readdirSync('/run/netns');
    const netns = await create();
    expect(netns.name).toBeNull();
    expect(readdirSync('/run/netns')).toEqual(before);
    expect(netns.inode).not.toBe(statSync('/proc/self/ns/net').ino);
    expect(readlinkSync(`/proc/self/fd/${netns.fd}`)).toBe(`net:[${netns.inode}]`);
    expect((await netns.listLinks()).map((link) => link.name)).toEqual(['lo']);
  });

  test('leaves the process in its namespace', async () => {
    const before = readlinkSync('/proc/self/ns/net');
    await Promise.all(Array.from({ length: 8 }, () => create()));
    await create(newName());
    const tasks = readdirSync('/proc/self/task');
    const now = tasks.map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`));
    expect(new Set(now)).toEqual(new Set([before]));
  });
});

describe('Netns.list', () => {
  test('returns what ip netns add and create made, sorted', async () => {
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
    symlinkSync(at('loop'), at('loop'));
    symlinkSync(`${at('file')}/file`, at('through'));
    symlinkSync('x'.repeat(300), at('long'));
    await output('mkfifo', at('fifo'));
    // Namespaces of another type.
    symlinkSync('/proc/self/ns/uts', at('uts'));
    writeFileSync(at('ipc'), '', { mode: 0 });
    await output('mount', '--bind', '/proc/self/ns/ipc', at('ipc'));
    bed.onCleanup(async () => {
      await output('umount', at('ipc'));
      for (const one of readdirSync('/run/netns').filter((one) => one.startsWith(stale)))
        rmSync(`/run/netns/${one}`, { recursive: true });
    });
    const listed = await Netns.list();
    expect(listed).toContain(name);
    expect(listed.filter((one) => one.startsWith(stale))).toEqual([`${stale}process`]);
  });

  test('ends with its signal, also while a file system does not answer', async () => {
    const name = newName();
    await create(name);
    const aborted = new Error('enough');
    expect(await refusalOf(Netns.list({ signal: AbortSignal.abort(aborted) }))).toBe(aborted);
    expect(await refusalOf(Netns.list({ signal: 1 } as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: 'Netns.list: options.signal must be an AbortSignal; received 1',
    });
    let answer = () => {};
    const silence = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { statfs } = promises;
    const look = vi.spyOn(promises, 'statfs').mockImplementation(async (path) => {
      await silence;
      return statfs(path);
    });
    try {
      const controller = new AbortController();
      const refused = refusalOf(Netns.list({ signal: controller.signal }));
      await vi.waitFor(() => expect(look).toHaveBeenCalled());
      controller.abort(aborted);
      expect(await refused).toBe(aborted);
    } finally {
      answer();
      look.mockRestore();
    }
    expect(await Netns.list({ signal: new AbortController().signal })).toContain(name);
  });

  test('leaves out no name of which it cannot be found out what it is', async () => {
    await create(newName());
    const failure = { errno: -5, code: 'EIO', syscall: 'statfs', path: '/run/netns/x' };
    const look = vi
      .spyOn(promises, 'statfs')
      .mockRejectedValueOnce(Object.assign(new Error('EIO'), failure));
    try {
      const error = await refusalOf(Netns.list());
      expect(error).toMatchObject({ code: 'EIO', operation: 'Netns.list', target: failure.path });
    } finally {
      look.mockRestore();
    }
  });
});

describe('Netns.remove', () => {
  test('removes what ip made, and what create made', async () => {
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

  test('removes a symbolic link, and not what it leads to', async () => {
    const name = newName();
    await create(name);
    const folder = `/run/${bed.uniqueName('mounted')}`;
    mkdirSync(folder);
    bed.onCleanup(() => rmSync(folder, { recursive: true }));
    await output('mount', '-t', 'tmpfs', 'none', folder);
    bed.onCleanup(() => output('umount', folder));
    for (const target of [name, folder]) {
      const link = bed.uniqueName('link');
      symlinkSync(target, `/run/netns/${link}`);
      await Netns.remove(link);
      expect(readdirSync('/run/netns')).not.toContain(link);
    }
    expect(mountOf(`/run/netns/${name}`).type).toBe('nsfs');
    expect(mountOf(folder).type).toBe('tmpfs');
  });

  test('leaves a folder alone, and what is mounted there', async () => {
    await create(newName());
    const name = bed.uniqueName('folder');
    const path = `/run/netns/${name}`;
    mkdirSync(path);
    bed.onCleanup(() => rmSync(path, { recursive: true }));
    await output('mount', '-t', 'tmpfs', 'none', path);
    bed.onCleanup(() => output('umount', path));
    const error = await refusalOf(Netns.remove(name));
    expect(error).toMatchObject({ code: 'EISDIR', syscall: 'unlink' });
    expect(error.hint).toBeUndefined();
    expect(mountOf(path).type).toBe('tmpfs');
  });

  test('is what create advises when a stale file has the name', async () => {
    const name = newName();
    await create(newName());
    writeFileSync(`/run/netns/${name}`, '', { mode: 0 });
    const stale = await refusalOf(Netns.create(name));
    expect(stale).toMatchObject({ code: 'EEXIST', operation: 'Netns.create', target: name });
    expect(stale.hint).toContain('is an ordinary file');
    expect(stale.hint).toContain('Netns.remove');
    expect(stale.hint).toContain('another mount namespace');
    await Netns.remove(name);
    await create(name);
    expect((await refusalOf(Netns.create(name))).hint).toBe(
      'Netns.open opens the namespace with that name, Netns.remove removes the name.',
    );
  });

  test.each(['a folder', 'a link to nowhere', 'a link to itself'])(
    'create refuses a name that %s has, without advice that would not help',
    async (what) => {
      await create(newName());
      const name = bed.uniqueName('odd');
      const path = `/run/netns/${name}`;
      bed.onCleanup(() => rmSync(path, { recursive: true }));
      if (what === 'a folder') mkdirSync(path);
      else symlinkSync(what === 'a link to itself' ? name : 'nowhere', path);
      const error = await refusalOf(Netns.create(name));
      expect(error).toMatchObject({ name: 'NetlinkError', code: 'EEXIST' });
      expect(error.hint).toBe(`${path} is not a namespace.`);
    },
  );

  test('a name that is made and removed all the time either opens or is reported as missing', async () => {
    const name = newName();
    const rounds = 100;
    const codes = new Set<string>();
    const note = (error: RefusedError) => codes.add(`${error.operation} ${error.code}`);
    const hints: unknown[] = [];
    let done = false;
    const open = async () => {
      while (!done) await Netns.open(name).then((netns) => netns.close(), note);
    };
    const make = async () => {
      for (let round = 0; round < rounds; round++) {
        await Netns.create(name).then(
          (netns) => netns.close(),
          (error: RefusedError) => {
            hints.push(error.hint);
            note(error);
          },
        );
        await Netns.remove(name).catch(note);
      }
    };
    const opening = open();
    await Promise.all([make(), make()]);
    done = true;
    await opening;
    const known = ['Netns.open ENOENT', 'Netns.create EEXIST', 'Netns.remove ENOENT'];
    expect([...codes].filter((one) => !known.includes(one))).toEqual([]);
    expect(hints.filter((hint) => String(hint).includes('cut short'))).toEqual([]);
  });

  test('waits for a name that is being made', async () => {
    await create(newName());
    const [opened, removed] = [newName(), newName()];
    for (const name of [opened, removed]) writeFileSync(`/run/netns/${name}`, '', { mode: 0 });
    const making = await startMount(opened);
    const opening = open(opened);
    await making();
    expect((await opening).inode).toBe(statSync('/proc/self/ns/net').ino);
    const makingOther = await startMount(removed);
    const removing = Netns.remove(removed);
    await makingOther();
    await removing;
    expect(mountOf(`/run/netns/${removed}`).count).toBe(0);
    expect(readdirSync('/run/netns')).not.toContain(removed);
  });

  test('refuses a name that does not exist', async () => {
    const name = bed.uniqueName('no');
    const error = await refusalOf(Netns.remove(name));
    expect(error).toMatchObject({ code: 'ENOENT', operation: 'Netns.remove', target: name });
  });

  test('with ifExists takes a name that does not exist as removed', async () => {
    const name = newName();
    await create(name);
    for (let round = 0; round < 2; round++) await Netns.remove(name, { ifExists: true });
    expect(readdirSync('/run/netns')).not.toContain(name);
    const folder = bed.uniqueName('folder');
    mkdirSync(`/run/netns/${folder}`);
    bed.onCleanup(() => rmSync(`/run/netns/${folder}`, { recursive: true }));
    expect(await refusalOf(Netns.remove(folder, { ifExists: true }))).toMatchObject({
      code: 'EISDIR',
    });
    // Nothing in place of the options.
    expect(await refusalOf(Netns.remove(name, null as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
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
    const error: RefusedError = await refusalOf(refused);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(says);
  }
  expect(readdirSync('/run/netns')).toEqual(before);
});

test('listings at the same time look at each name once', async () => {
  const names = await Promise.all(
    Array.from({ length: 20 }, async () => (await bed.makeNetns()).name),
  );
  const listings = Array.from({ length: 100 }, () => Netns.list());
  let done = false;
  const all = Promise.all(listings).finally(() => {
    done = true;
  });
  let looks = 0;
  while (!done) {
    const under = process.getActiveResourcesInfo().filter((what) => what === 'FSReqPromise');
    looks = Math.max(looks, under.length);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const list of await all) expect(list).toEqual(expect.arrayContaining(names));
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThanOrEqual((await Netns.list()).length);
  // Each has its own.
  const [one, other] = await Promise.all([Netns.list(), Netns.list()]);
  one.length = 0;
  expect(other).toEqual(expect.arrayContaining(names));
});
