// What a process may do that lacks capabilities, gave them up, or has them in a user namespace of
// its own only.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { root } from '../support/package.js';
import {
  becomeNobody,
  nobodyExists,
  noNobody,
  resultOf,
  withoutCapabilities,
} from '../support/program.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();

/** For programs: the fields of a call's error, or its result. */
const outcomes = `
  const outcome = async (promise) => {
    try {
      return { value: (await promise)?.constructor?.name ?? null };
    } catch ({ name, code, syscall, hint }) {
      return { name, code, syscall, hint };
    }
  };
`;

interface Outcome {
  readonly name?: string;
  readonly code?: string;
  readonly syscall?: string;
  readonly hint?: string;
  readonly value?: string | null;
}

describe('without capabilities', () => {
  test('namespaces can be listed and opened, but not made, removed or entered', async () => {
    const host = await bed.makeNetns();
    const before = readdirSync('/run/netns');
    const program = `${outcomes}
      import { readlinkSync } from 'node:fs';
      import { Netns } from 'macvlan-netlink';
      const [, name, other] = process.argv;
      const netns = await Netns.open(name);
      console.log(JSON.stringify({
        listed: (await Netns.list()).includes(name),
        inode: netns.inode,
        create: await outcome(Netns.create(other)),
        unnamed: await outcome(Netns.create()),
        remove: await outcome(Netns.remove(name)),
        list: await outcome(netns.listLinks()),
        run: await outcome(netns.run('', { eval: true })),
        where: readlinkSync('/proc/thread-self/ns/net') === readlinkSync('/proc/self/ns/net'),
      }));
    `;
    const made = bed.uniqueName('never');
    const result = await resultOf<{ create: Outcome; unnamed: Outcome }>(program, {
      under: withoutCapabilities,
      args: [host.name as string, made],
    });
    expect(result).toMatchObject({
      listed: true,
      inode: host.netns.inode,
      create: { name: 'NetlinkError', code: 'EPERM' },
      unnamed: { name: 'NetlinkError', code: 'EPERM', syscall: 'unshare' },
      remove: { name: 'NetlinkError', code: 'EPERM', syscall: 'umount2' },
      list: { name: 'NetlinkError', code: 'EPERM', syscall: 'setns' },
      run: { name: 'NetlinkError', code: 'EPERM', syscall: 'setns' },
      where: true,
    });
    expect(result.create.hint).toContain('CAP_SYS_ADMIN');
    expect(result.unnamed.hint).toContain('CAP_SYS_ADMIN');
    expect(readdirSync('/run/netns')).toEqual(before);
  });

  test('the own namespace can be read, but not changed', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.snapshot();
    const program = `${outcomes}
      import * as library from 'macvlan-netlink';
      const [, parent] = process.argv;
      const changes = [
        library.createLink({ kind: 'bridge', name: 'never' }),
        library.createMacvlan({ parent, name: 'never' }),
        library.setLink(parent, { mtu: 1400 }),
        library.setPromiscuous(parent, true),
        library.deleteLink(parent),
        library.addAddress(parent, '10.0.0.1/24'),
        library.addRoute({ to: '10.9.0.0/16', link: parent }),
        library.addNeighbour(parent, { address: '10.0.0.9', proxy: true }),
        library.addRule({ priority: 100 }),
        library.removeRule({ priority: 32_767 }),
      ].map(outcome);
      console.log(JSON.stringify({
        links: (await library.listLinks()).map(({ name }) => name),
        addresses: (await library.listAddresses()).map(({ cidr }) => cidr),
        routes: (await library.listRoutes()).length,
        neighbours: (await library.listNeighbours({ family: 'IPv4' })).length,
        rules: (await library.listRules()).length,
        parent: (await library.getLink(parent)).name,
        changes: (await Promise.all(changes)).map(({ code }) => code),
      }));
    `;
    const enter = ['ip', 'netns', 'exec', host.name as string, ...withoutCapabilities];
    const result = await resultOf<{ routes: number }>(program, {
      under: enter,
      args: [parent],
    });
    expect(result).toMatchObject({
      links: expect.arrayContaining(['lo', parent]),
      addresses: ['127.0.0.1/8', '::1/128'],
      parent,
      neighbours: 0,
      rules: 5,
      changes: Array(10).fill('EPERM'),
    });
    expect(result.routes).toBeGreaterThan(0);
    expect(await host.snapshot()).toEqual(before);
  });
});

test('with CAP_NET_ADMIN alone no link is moved into a namespace that cannot be entered', async () => {
  const [host, target] = [await bed.makeNetns(), await bed.makeNetns()];
  const parent = await host.parent();
  const before = await target.snapshot();
  const program = `${outcomes}
    import { checkSupport, createMacvlan, moveLink, Netns } from 'macvlan-netlink';
    const [, parent, name] = process.argv;
    const target = await Netns.open(name);
    const link = await createMacvlan({ parent, name: 'stays' });
    console.log(JSON.stringify({
      move: await outcome(moveLink(link, target)),
      renamed: await outcome(moveLink(link, target, { name: 'other', index: 4711 })),
      there: await outcome(target.checkSupport()),
      here: (await checkSupport()).netAdmin,
    }));
  `;
  const netAdmin = ['setpriv', '--bounding-set=-all,+net_admin', '--inh-caps=-all', '--'];
  const refused = { name: 'NetlinkError', code: 'EPERM', syscall: 'setns' };
  const result = await resultOf(program, {
    under: ['ip', 'netns', 'exec', host.name as string, ...netAdmin],
    args: [parent, target.name as string],
  });
  expect(result).toMatchObject({ move: refused, renamed: refused, there: refused, here: true });
  expect(await host.link('stays')).toMatchObject({ ifname: 'stays' });
  expect(await target.snapshot()).toEqual(before);
});

test('with a handle that was opened with privileges nothing can be changed without them (needs a second user)', async ({
  skip,
}) => {
  skip(noNobody !== undefined, noNobody);
  const host = await bed.makeNetns();
  const program = `${outcomes}
      import { getLink, Netns, setLink } from 'macvlan-netlink';
      const own = Netns.current();
      const opened = await Netns.open(process.argv[1]);
      const before = await Promise.all([
        outcome(own.setLink('lo', { group: 0 })), outcome(opened.setLink('lo', { group: 0 })),
      ]);
      ${becomeNobody}
      const after = await Promise.all([
        outcome(own.setLink('lo', { group: 7 })), outcome(opened.setLink('lo', { group: 7 })),
      ]);
      // Reading goes on, also by the socket that was opened elsewhere before.
      const reads = await Promise.all([getLink('lo'), opened.getLink('lo')]);
      console.log(JSON.stringify({
        before: before.map(({ value }) => value),
        after: after.map(({ code }) => code),
        reads: reads.map(({ name, group }) => name + group),
      }));
    `;
  expect(await resultOf(program, { args: [host.name as string] })).toEqual({
    before: [null, null],
    after: ['EPERM', 'EPERM'],
    reads: ['lo0', 'lo0'],
  });
  expect(await host.link('lo')).toMatchObject({ group: 'default' });
});

test.skipIf(!nobodyExists)(
  'capabilities without being root are enough for names (needs a second user)',
  async () => {
    const name = bed.uniqueName('named');
    expect(spawnSync('ip', ['netns', 'add', name]).status).toBe(0);
    bed.onCleanup(() => void spawnSync('ip', ['netns', 'delete', name]));
    const capabilities = ['-all', '+sys_admin', '+dac_override'].join();
    const result = await resultOf(
      `import { Netns } from 'macvlan-netlink';
       await Netns.remove(process.argv[1]);
       console.log(JSON.stringify(process.getuid()));`,
      {
        under: [
          ...['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'],
          ...[`--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`, '--'],
        ],
        args: [name],
      },
    );
    expect(result).toBe(65_534);
    expect(readdirSync('/run/netns')).not.toContain(name);
  },
);

const ownUserNamespace = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--'];

describe('as root of a user namespace', () => {
  test('everything works inside it', async () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { createLink, createMacvlan, Netns } from 'macvlan-netlink';
      execFileSync('mount', ['-n', '-t', 'tmpfs', 'tmpfs', '/run']);
      const parent = await createLink({ kind: 'veth', up: true, peer: { up: true } });
      const named = await Netns.create('named');
      const unnamed = await Netns.create();
      for (const netns of [named, unnamed]) {
        await createMacvlan({
          parent, netns, name: 'child', mode: 'bridge', up: true, addresses: ['10.0.0.1/24'],
        });
      }
      const shown = execFileSync('ip', ['-n', 'named', '-br', 'address', 'show', 'child']);
      const moved = await unnamed.moveLink('child', named, { name: 'second' });
      const links = (await named.listLinks()).map(({ name }) => name).sort();
      await Netns.remove('named');
      console.log(JSON.stringify({
        shown: String(shown).includes('10.0.0.1/24'), moved: moved.name, links,
        names: await Netns.list(),
      }));
    `;
    expect(await resultOf(program, { under: ownUserNamespace })).toEqual({
      shown: true,
      moved: 'second',
      links: ['child', 'lo', 'second'],
      names: [],
    });
  });

  test('no pool thread stays in a namespace that it cannot leave again', async () => {
    const program = `
      import { readdirSync, readlinkSync } from 'node:fs';
      import { Netns } from 'macvlan-netlink';
      const namespaceOf = (task) => readlinkSync('/proc/self/task/' + task + '/ns/net');
      const inodes = () => readdirSync('/proc/self/task').flatMap((task) => {
        try {
          return [namespaceOf(task)];
        } catch {
          return []; // it has ended
        }
      });
      const [one, other] = [await Netns.create(), await Netns.create()];
      const before = inodes();
      const options = { kind: 'bridge', netns: other, addresses: ['10.0.0.1/24'] };
      const { name } = await one.createLink(options);
      const links = (await one.listLinks()).concat(await other.listLinks()).length;
      await Promise.all([one.close(), other.close()]);
      const away = [one, other].map(({ inode }) => 'net:[' + inode + ']');
      // An idle thread ends by itself after five seconds.
      const strays = () => inodes().filter((inode) => away.includes(inode));
      for (const end = Date.now() + 2000; strays().length > 0 && Date.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(JSON.stringify({ name, links, strays: strays(), threads: before.length > 0 }));
    `;
    // The namespace that the process is in belongs to the user namespace outside.
    const under = ['unshare', '--user', '--map-root-user', '--mount', '--'];
    expect(await resultOf(program, { under })).toEqual({
      name: 'bridge0',
      links: 3,
      strays: [],
      threads: true,
    });
  });

  test('nor does the JavaScript thread, which run and watch use to enter one', async () => {
    const program = `${outcomes}
      import { Netns } from 'macvlan-netlink';
      const netns = await Netns.create();
      console.log(JSON.stringify([
        await outcome(netns.run('', { eval: true })),
        await outcome((async () => netns.watch())()),
        (await netns.listLinks()).length,
      ]));
    `;
    const under = ['unshare', '--user', '--map-root-user', '--mount', '--'];
    const refused = { name: 'NetlinkError', code: 'EPERM', syscall: 'setns' };
    expect(await resultOf(program, { under })).toMatchObject([refused, refused, 1]);
  });

  test('namespaces outside it cannot be changed', async () => {
    const host = await bed.makeNetns();
    const before = await host.snapshot();
    const fd = openSync(`/run/netns/${host.name}`, 'r');
    bed.onCleanup(() => closeSync(fd));
    const program = `${outcomes}
      import { createLink, getLink, moveLink, Netns } from 'macvlan-netlink';
      const outside = await Netns.open({ fd: 3 });
      const link = await createLink({ kind: 'veth', name: 'mine' });
      console.log(JSON.stringify({
        inode: outside.inode,
        list: await outcome(outside.listLinks()),
        create: await outcome(createLink({ kind: 'bridge', name: 'never', netns: outside })),
        move: await outcome(moveLink(link, outside)),
        stays: (await getLink('mine')).index === link.index,
        never: (await outcome(getLink('never'))).code,
      }));
    `;
    const result = await resultOf<Record<string, Outcome>>(program, {
      under: ownUserNamespace,
      descriptors: [fd],
    });
    const refused = { name: 'NetlinkError', code: 'EPERM' };
    expect(result).toMatchObject({
      inode: host.netns.inode,
      list: { ...refused, syscall: 'setns' },
      create: refused,
      move: refused,
      stays: true,
      never: 'ENODEV',
    });
    expect(await host.snapshot()).toEqual(before);
  });

  // The kernel has asked for CAP_NET_ADMIN in the peer's namespace since 2026 only (net/core/
  // rtnetlink.c, rtnl_newlink); the check was put into older kernels too, so `ip` tries it out.
  test('nor can a veth’s peer be put there', async ({ skip }) => {
    const host = await bed.makeNetns();
    const [command = '', ...args] = ownUserNamespace;
    const there = ['peer', 'name', 'probe', 'netns', `${host.name}`];
    const tried = spawnSync(command, [...args, 'ip', 'link', 'add', 'type', 'veth', ...there]);
    skip(tried.status === 0, 'this kernel lets any user put a veth’s peer into any namespace');
    const before = await host.snapshot();
    const program = `${outcomes}
      import { createLink, listLinks } from 'macvlan-netlink';
      const peer = { netns: process.argv[1] };
      console.log(JSON.stringify({
        create: await outcome(createLink({ kind: 'veth', name: 'never', peer })),
        links: (await listLinks()).map(({ name }) => name),
      }));
    `;
    const under = ownUserNamespace;
    expect(await resultOf(program, { under, args: [`${host.name}`] })).toMatchObject({
      create: { name: 'NetlinkError', code: 'EPERM' },
      links: ['lo'],
    });
    expect(await host.snapshot()).toEqual(before);
  });

  /** A program that waits for a line of input; ended with the test at the latest. */
  async function waiting(source: string) {
    const [command = '', ...args] = [...ownUserNamespace, process.execPath];
    const child = spawn(command, [...args, '--input-type=module', '--eval', source], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    bed.onCleanup(async () => {
      child.stdin.end();
      await exited;
    });
    const says = async () => {
      const ended = exited.then(([code]) => {
        throw new Error(`the program ended with ${code}`);
      });
      const [text] = await Promise.race([once(child.stdout, 'data'), ended]);
      return String(text);
    };
    expect(await says()).toBe('ready');
    return { pid: child.pid as number, stdin: child.stdin, says };
  }

  test('a macvlan that was moved into it can be changed, and changes its parent’s promiscuity', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const child = await waiting(`${outcomes}
      import { spawnSync } from 'node:child_process';
      import { once } from 'node:events';
      import { createMacvlan, getLink, setLink, setMacvlan, setPromiscuous } from 'macvlan-netlink';
      process.stdout.write('ready');
      await once(process.stdin, 'data');
      await setMacvlan('given', { mode: 'private' });
      await setLink('given', { up: true });
      process.stdout.write('up');
      await once(process.stdin, 'data');
      await setPromiscuous('given', true);
      const { parent, macvlan } = await getLink('given');
      const line = 'link add link given name probe type macvlan';
      const nested = await createMacvlan({ parent: 'given', name: 'nested' }).then(
        ({ parent: { index, netnsid } }) => index === parent.index && netnsid === parent.netnsid,
        ({ code, kernelMessage }) => [code, kernelMessage],
      );
      process.stdout.write(JSON.stringify({
        elsewhere: parent.netnsid !== null,
        mode: macvlan.mode,
        allowed: spawnSync('ip', line.split(' ')).status === 0,
        nested,
        byIndex: (await outcome(createMacvlan({ parent: parent.index + 100_000 }))).code,
      }));
      await once(process.stdin, 'end');
    `);
    const link = await host.netns.createMacvlan({
      parent,
      name: 'given',
      mode: 'bridge',
      netns: { pid: child.pid },
    });
    const says = async () => {
      child.stdin.write('go\n');
      return child.says();
    };
    expect(await says()).toBe('up');
    const { promiscuity } = await host.link(parent);
    const answer = await says();
    const { allowed, ...others } = JSON.parse(answer);
    expect(others).toEqual({
      elsewhere: true,
      mode: 'private',
      // Since Linux 7.3 it takes CAP_NET_ADMIN in the parent's namespace (drivers/net/macvlan.c, macvlan_common_newlink).
      nested: allowed || ['EPERM', expect.stringContaining('CAP_NET_ADMIN')],
      byIndex: 'ENODEV',
    });
    expect(link.netns).not.toBe(host.netns.inode);
    expect((await host.link(parent)).promiscuity).toBe(promiscuity + 1);
  });
});
