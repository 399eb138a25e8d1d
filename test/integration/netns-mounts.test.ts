// How named namespaces are mounted, in a /run of the test's own: side by side with `ip netns add`,
// seen from mount namespaces made later, and by many processes at once.
import { describe, expect, test } from 'vitest';
import { resultOf } from '../support/program.js';

/** A mount namespace with an empty /run, whose mount propagates in that way. */
const withOwnRun = (propagation: string) => [
  'unshare',
  '--mount',
  '--net',
  '--propagation',
  'private',
  'sh',
  '-c',
  `mount -n -t tmpfs tmpfs /run && mount -n --make-${propagation} /run && exec "$@"`,
  'sh',
];

/**
 * Mounts below the own /run, from /proc/self/mountinfo, with peer groups named by their order. What
 * the folder's old self carries, now hidden, is in that file too.
 */
const mounts = `
  import { execFileSync, spawn } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  import { Netns } from 'macvlan-netlink';
  const parse = (mountinfo, below) => {
    const groups = new Map();
    const named = (group) => groups.get(group) ?? groups.set(group, 'group ' + groups.size).get(group);
    const all = mountinfo.trim().split('\\n').map((line) => line.split(' '));
    const byId = new Map(all.map((fields) => [fields[0], fields]));
    const run = all.filter((fields) => fields[4] === '/run').at(-1)[0];
    const isSeen = ([id, parent]) => id === run || (byId.has(parent) && isSeen(byId.get(parent)));
    return all.filter((fields) => fields[4].startsWith(below) && isSeen(fields)).map((fields) => ({
      path: fields[4],
      root: fields[3].replace(/\\d+/, 'N'),
      options: fields[5],
      propagation: fields.slice(6, fields.indexOf('-')).map((tag) => tag.replace(/\\d+/, named)),
      type: fields[fields.indexOf('-') + 1],
    }));
  };
  const mounts = (below = '/run/netns') => parse(readFileSync('/proc/self/mountinfo', 'utf8'), below);
  const ip = (...args) => execFileSync('ip', args, { encoding: 'utf8' });
`;

interface Mount {
  readonly path: string;
  readonly root: string;
  readonly options: string;
  readonly propagation: readonly string[];
  readonly type: string;
}

describe('the first namespace of all, and the second,', () => {
  test.each(['private', 'shared', 'slave'])(
    'are mounted as ip mounts them, in a %s /run',
    async (how) => {
      const under = withOwnRun(how);
      const each = (make: string) => `
        const states = [];
        for (const name of ['a', 'b']) {
          ${make}
          states.push(mounts('/run'));
        }
        console.log(JSON.stringify(states));`;
      // iproute2 7.0 and newer make the folder a mount in a way of their own (native/io/namespace.cc).
      const prepare = `
        execFileSync('mkdir', ['/run/netns']);
        execFileSync('mount', ['-n', '--rbind', '/run/netns', '/run/netns']);
        execFileSync('mount', ['-n', '--make-rshared', '/run/netns']);`;
      const add = each(`ip('netns', 'add', name);`);
      const create = each('await Netns.create(name);');
      const theirs = await resultOf<Mount[][]>(`${mounts} ${prepare} ${add}`, { under });
      const ours = await resultOf<Mount[][]>(`${mounts} ${create}`, { under });
      // Below a shared mount each appears twice: /run/netns and the folder under it are of one group.
      expect(theirs.at(-1)?.map(({ path }) => path)).toContain('/run/netns/b');
      expect(ours).toEqual(theirs);
    },
  );
});

test('names are made in mount namespaces from before the first name', async () => {
  const program = `${mounts}
    import { once } from 'node:events';
    const script = 'echo ready; read line; cat /proc/self/mountinfo';
    const child = spawn('unshare', ['--mount', '--propagation', 'slave', 'sh', '-c', script]);
    let mountinfo = '';
    child.stdout.setEncoding('utf8').on('data', (text) => { mountinfo += text; });
    await once(child.stdout, 'data');
    await Netns.create('first');
    child.stdin.end('go\\n');
    await once(child, 'close');
    const seen = parse(mountinfo.replace('ready\\n', ''), '/run/netns/').map(({ path }) => path);
    console.log(JSON.stringify([...new Set(seen)]));
  `;
  expect(await resultOf(program, { under: withOwnRun('shared') })).toEqual(['/run/netns/first']);
});

test('names are made and removed in older mount namespaces, too', async () => {
  const program = `${mounts}
    import { once } from 'node:events';
    await Netns.create('early');
    const script = "echo ready; read line; cat /proc/self/mountinfo; ls -m /run/netns >&2";
    const child = spawn('unshare', ['--mount', '--propagation', 'slave', 'sh', '-c', script]);
    let [mountinfo, names] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => { mountinfo += text; });
    child.stderr.setEncoding('utf8').on('data', (text) => { names += text; });
    await once(child.stdout, 'data');
    await Netns.create('late');
    await Netns.remove('early');
    ip('netns', 'add', 'theirs');
    child.stdin.end('go\\n');
    await once(child, 'close');
    const seen = parse(mountinfo.replace('ready\\n', ''), '/run/netns/').map(({ path }) => path);
    console.log(JSON.stringify({ seen: [...new Set(seen)], names: names.trim() }));
  `;
  expect(await resultOf(program, { under: withOwnRun('shared') })).toEqual({
    seen: ['/run/netns/late', '/run/netns/theirs'],
    names: 'late, theirs',
  });
});

test('names that stand in a /run/netns of no mount of its own are kept', async () => {
  const program = `${mounts}
    import { mkdirSync, writeFileSync } from 'node:fs';
    mkdirSync('/run/netns');
    writeFileSync('/run/netns/early', '');
    execFileSync('mount', ['-n', '--bind', '/proc/self/ns/net', '/run/netns/early']);
    await Netns.create('late');
    const early = await Netns.open('early');
    console.log(JSON.stringify([await Netns.list(), early.inode === Netns.current().inode]));
  `;
  const found = await resultOf(program, { under: withOwnRun('private') });
  expect(found).toEqual([['early', 'late'], true]);
});

test('many processes that create at once stack no mounts', async () => {
  const creator = `
    import { once } from 'node:events';
    import { Netns } from 'macvlan-netlink';
    process.stdout.write('ready');
    await once(process.stdin, 'data');
    await Netns.create(process.argv[1]);
    process.stdin.destroy();
  `;
  const program = `${mounts}
    import { once } from 'node:events';
    const start = (command, args) => spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const node = [process.execPath, '--input-type=module', '--eval', ${JSON.stringify(creator)}];
    const shell = ['sh', '-c', 'printf ready; read line; exec ip netns add "$1"', 'sh'];
    const children = Array.from({ length: 24 }, (_, at) => {
      const [command, ...args] = at % 3 === 2 ? shell : node;
      return start(command, [...args, 'n' + at]);
    });
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    const exits = children.map((child) => once(child, 'exit'));
    for (const child of children) child.stdin.end('go\\n');
    const codes = (await Promise.all(exits)).map(([code]) => code);
    const paths = mounts().map(({ path }) => path);
    const names = await Netns.list();
    const handles = await Promise.all(names.map((name) => Netns.open(name)));
    const inodes = new Set(handles.map(({ inode }) => inode));
    console.log(JSON.stringify({
      codes: [...new Set(codes)],
      stacked: paths.filter((path, at) => paths.indexOf(path) !== at),
      mounted: paths.length,
      names: names.length,
      namespaces: inodes.size,
    }));
    process.exit();
  `;
  expect(await resultOf(program, { under: withOwnRun('private') })).toEqual({
    codes: [0],
    stacked: [],
    mounted: 25,
    names: 24,
    namespaces: 24,
  });
});

test('create uses the same lock as ip', async () => {
  const program = `${mounts}
    import { once } from 'node:events';
    import { mkdirSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    mkdirSync('/run/netns');
    const holder = spawn('flock', ['/run/netns', 'sh', '-c', 'echo locked; read line']);
    await once(holder.stdout, 'data');
    let made = false;
    const creating = Netns.create('ours').then(() => { made = true; });
    const adding = once(spawn('ip', ['netns', 'add', 'theirs']), 'exit');
    await sleep(300);
    const locked = { made, mounts: mounts() };
    holder.stdin.end('go\\n');
    await Promise.all([creating, adding]);
    const paths = mounts().map(({ path }) => path).sort();
    console.log(JSON.stringify({ locked, made, paths }));
  `;
  expect(await resultOf(program, { under: withOwnRun('private') })).toEqual({
    locked: { made: false, mounts: [] },
    made: true,
    paths: ['/run/netns', '/run/netns/ours', '/run/netns/theirs'],
  });
});

test('a signal ends the wait for a lock that another process holds, and nothing else waits for it', async () => {
  const program = `${mounts}
    import { once } from 'node:events';
    await (await Netns.create('there')).close();
    const holder = spawn('flock', ['/run/netns', 'sh', '-c', 'echo locked; read line']);
    await once(holder.stdout, 'data');
    const controller = new AbortController();
    const { signal } = controller;
    const names = Array.from({ length: 20 }, (_, at) => 'n' + at);
    const creating = names.map((name) =>
      Netns.create(name, { signal }).catch((error) => error === signal.reason));
    // These would wait if they were behind the calls that wait for the lock.
    const unnamed = await Netns.create();
    const opened = await Netns.open('there', { signal });
    await Netns.remove('there', { signal });
    const links = [await unnamed.listLinks(), await opened.listLinks()].flat().length;
    controller.abort(new Error('enough'));
    const withdrawn = await Promise.all(creating);
    const left = await Netns.list();
    holder.stdin.end('go\\n');
    await Netns.create('n0');
    console.log(JSON.stringify({ links, withdrawn: [...new Set(withdrawn)], left, now: await Netns.list() }));
    process.exit();
  `;
  expect(await resultOf(program, { under: withOwnRun('private') })).toEqual({
    links: 2,
    withdrawn: [true],
    left: [],
    now: ['n0'],
  });
});

test('of many processes that ask for one name, one gets it', async () => {
  const program = `${mounts}
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 8 }, () => Netns.create('wanted')),
    ]);
    const codes = outcomes.map(({ reason }) => reason?.code ?? 'made').sort();
    const made = outcomes.find(({ value }) => value !== undefined).value;
    const opened = await Netns.open('wanted');
    console.log(JSON.stringify({
      codes, mounted: mounts('/run/netns/').length, same: opened.inode === made.inode,
    }));
  `;
  expect(await resultOf(program, { under: withOwnRun('private') })).toEqual({
    codes: [...Array(7).fill('EEXIST'), 'made'],
    mounted: 1,
    same: true,
  });
});

test('a name that cannot be removed keeps its namespace', async () => {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { Netns } from 'macvlan-netlink';
    await (await Netns.create('kept')).close();
    execFileSync('mount', ['-o', 'remount,bind,ro', '/run/netns']);
    const { code, hint } = await Netns.remove('kept').catch((error) => error);
    const links = await (await Netns.open('kept')).listLinks();
    execFileSync('mount', ['-o', 'remount,bind,rw', '/run/netns']);
    await Netns.remove('kept');
    console.log(JSON.stringify([code, hint.includes('/run/netns'), links.length, await Netns.list()]));
  `;
  expect(await resultOf(program, { under: withOwnRun('private') })).toEqual(['EROFS', true, 1, []]);
});

test('a create that the kernel refuses leaves no file behind', async () => {
  const program = `
    import { readdirSync, writeFileSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    await Netns.create('first');
    // The limit of this user namespace alone.
    writeFileSync('/proc/sys/user/max_net_namespaces', '1');
    const errors = await Promise.allSettled([Netns.create('second'), Netns.create()]);
    console.log(JSON.stringify({
      codes: errors.map(({ reason }) => reason?.code + ' ' + reason?.syscall),
      limits: errors.map(({ reason }) => /user\\.max\\w+/.exec(reason?.hint)?.[0]),
      names: readdirSync('/run/netns'),
    }));
  `;
  const under = ['unshare', '--user', '--map-root-user', ...withOwnRun('private')];
  expect(await resultOf(program, { under })).toEqual({
    codes: ['ENOSPC unshare', 'ENOSPC unshare'],
    limits: ['user.max_net_namespaces', 'user.max_net_namespaces'],
    names: ['first'],
  });
});

test('/run/netns is made where it does not exist, and without it the list is empty', async () => {
  const program = `
    import { existsSync, readdirSync } from 'node:fs';
    import { Netns } from 'macvlan-netlink';
    const before = [existsSync('/run/netns'), await Netns.list()];
    const error = await Netns.open('nobody').catch(({ code }) => code);
    await Netns.remove('nobody').catch(() => {});
    const still = existsSync('/run/netns');
    await Netns.create('one');
    console.log(JSON.stringify([...before, error, still, readdirSync('/run/netns')]));
  `;
  expect(await resultOf(program, { under: withOwnRun('private') })).toEqual([
    false,
    [],
    'ENOENT',
    false,
    ['one'],
  ]);
});

/** For programs that have defined `calls`: prints the errors of these. */
const refusals = `
  const refusals = await Promise.all(calls.map(async (call) => {
    try { await call(); return null; } catch ({ code, hint }) { return code + ' ' + hint; }
  }));
  console.log(JSON.stringify(refusals));
`;

test.each([
  // Not by unmounting: what is mounted below may be needed by others, as when a virtual machine shares these files.
  ['missing', `execFileSync('mount', ['-n', '-t', 'tmpfs', 'tmpfs', '/proc']);`],
  [
    'of PIDs that the process has none of',
    `execFileSync('mkdir', ['/run/proc']);
    execFileSync('unshare', ['--pid', '--fork', 'mount', '-n', '-t', 'proc', 'proc', '/run/proc']);
    execFileSync('mount', ['-n', '--bind', '/run/proc', '/proc']);`,
  ],
])('a /proc that is %s is named as the reason', async (_, prepare) => {
  const program = `${mounts}
    import { listLinks } from 'macvlan-netlink';
    ip('netns', 'add', 'there');
    ${prepare}
    const calls = [
      listLinks, () => Netns.create(), () => Netns.create('new'),
      () => Netns.open('there'), () => Netns.open('/run/netns/there'), () => Netns.open('other'),
    ];
    ${refusals}
  `;
  const reason = expect.stringMatching(/^ENOENT .* is \/proc mounted/);
  const none = expect.stringMatching(/^ENOENT There is no network namespace "other"/);
  expect(await resultOf(program, { under: withOwnRun('private') })).toEqual([
    ...Array(5).fill(reason),
    none,
  ]);
});

test('a /run/netns that cannot be made is named, and only a name needs it', async () => {
  const program = `${mounts}
    const calls = [() => Netns.create('new'), () => Netns.create(), () => Netns.remove('new')];
    ${refusals}
  `;
  const without = async (prepare: string) => {
    const under = withOwnRun('private').map((one) =>
      one.replace('&& exec', `&& ${prepare} && exec`),
    );
    const [create = '', unnamed, remove] = await resultOf<(string | null)[]>(program, { under });
    expect(create).toContain('the directory /run/netns, which does not exist and cannot be made.');
    expect(create).toContain('A namespace without a name takes');
    expect(unnamed).toBeNull();
    return [create?.split(' ', 1)[0], remove?.split(' ', 1)[0]];
  };
  expect(await without('ln -s /run/nowhere /run/netns')).toEqual(['ENOENT', 'ENOENT']);
  expect(await without('touch /run/netns')).toEqual(['ENOTDIR', 'ENOTDIR']);
});
