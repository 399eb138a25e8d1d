/** What an error says when the process lacks a privilege. */
import { describe, expect, test } from 'vitest';
import { noRoot } from '../support/root.js';
import { type RefusedError, supportFile, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const setUp = () => bed.makeHost();

describe('EPERM', () => {
  /** What the operation is refused with there, behind a command that takes rights. */
  async function refusalBehind(
    host: TestNetns,
    command: readonly string[],
    operation: string,
    ...args: readonly unknown[]
  ): Promise<RefusedError> {
    const script = supportFile('without-privilege.mjs');
    const [first = '', ...rest] = [...command, process.execPath, script, operation];
    return JSON.parse(await host.run(first, ...rest, JSON.stringify(args)));
  }

  const LESS = ['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin'];
  const OTHER_USER_NAMESPACE = ['unshare', '--user', '--map-root-user'];

  test('because the process lacks CAP_NET_ADMIN, and in which namespace', async () => {
    const { host, parent } = await setUp();
    const before = await host.snapshot();
    for (const [operation, ...args] of [
      ['createMacvlan', { parent, name: 'm0' }],
      ['setLink', parent, { mtu: 1400 }],
      ['deleteLink', parent],
    ] as const) {
      const error = await refusalBehind(host, LESS, operation, ...args);
      expect(error).toMatchObject({ name: 'NetlinkError', code: 'EPERM', errno: -1 });
      expect(error.hint).toContain('lacks CAP_NET_ADMIN');
      // That one alone, and once.
      expect(error.hint).toMatch(
        new RegExp(`the network namespace net:\\[${host.netns.inode}\\]\\.$`),
      );
    }
    expect(await host.snapshot()).toEqual(before);
  });

  test('because root needs CAP_NET_ADMIN for a setting', async ({ skip }) => {
    skip(noRoot !== undefined, noRoot);
    const { host } = await setUp();
    const forward = () => host.run('cat', '/proc/sys/net/ipv4/ip_forward');
    const before = await forward();
    const error = await refusalBehind(host, LESS, 'setSysctl', 'net.ipv4.ip_forward', 1);
    expect(error).toMatchObject({ name: 'NetlinkError', code: 'EPERM', syscall: 'write' });
    expect(error.hint).toContain('CAP_NET_ADMIN');
    expect(await forward()).toBe(before);
  });

  test('because CAP_NET_ADMIN is the process’s in another user namespace only', async () => {
    const { host, parent } = await setUp();
    const before = await host.snapshot();
    const options = { parent, name: 'm0' };
    const error = await refusalBehind(host, OTHER_USER_NAMESPACE, 'createMacvlan', options);
    expect(error).toMatchObject({ name: 'NetlinkError', code: 'EPERM' });
    expect(error.hint).toContain('has CAP_NET_ADMIN in its own user namespace');
    expect(error.hint).toContain(`net:[${host.netns.inode}]`);
    expect(await host.snapshot()).toEqual(before);
  });

  test('because CAP_NET_ADMIN is missing for one of two namespaces, which are both named', async () => {
    const { host, parent } = await setUp();
    const inside = await bed.makeNetns();
    const options = { parent, name: 'm0', netns: inside.name };
    const error = await refusalBehind(host, LESS, 'createMacvlan', options);
    expect(error).toMatchObject({ name: 'NetlinkError', code: 'EPERM' });
    expect(error.hint).toContain(`net:[${host.netns.inode}]`);
    expect(error.hint).toContain(`'${inside.name}'`);
    expect(await inside.names()).toEqual([]);
  });

  test('because the process may not enter a namespace, give it a name, or see its /sys', async () => {
    const { host, parent } = await setUp();
    const other = await bed.makeNetns();
    const options = ['--inh-caps=-sys_admin', '--bounding-set=-sys_admin'];
    const refused = (operation: string, ...args: readonly unknown[]) =>
      refusalBehind(host, ['setpriv', ...options], operation, ...args);
    // The alias is a request in the other namespace.
    const macvlan = { parent, name: 'm0', netns: other.name, alias: 'an alias' };
    for (const [operation, ...args] of [
      ['createMacvlan', macvlan],
      ['Netns.remove', other.name],
      ['Netns.create', bed.uniqueName('n')],
      ['Netns.create'],
    ] as const) {
      const error = await refused(operation, ...args);
      expect(error, operation).toMatchObject({ code: expect.stringMatching(/^E(PERM|ACCES)$/) });
      expect(error.hint, operation).toContain('CAP_SYS_ADMIN');
    }
    // The parent has nothing to do with it.
    expect((await refused('createMacvlan', macvlan)).part).toBeUndefined();
    // Without a name it takes one of the two as well.
    const named = await refused('Netns.create', bed.uniqueName('n'));
    expect(named.hint).toMatch(/without a name takes CAP_SYS_ADMIN/);
    expect(await other.names()).toEqual([]);
    await other.ip('link', 'add', 'link', await other.parent(), 'name', 't0', 'type', 'macvtap');
    const elsewhere = ['nsenter', `--net=/run/netns/${other.name}`, 'setpriv', ...options];
    const tap = await refusalBehind(host, elsewhere, 'openTap', 't0');
    expect(tap.hint).toContain('CAP_SYS_ADMIN');
  });

  test('because the process may not open the namespace of another process', async () => {
    const { host } = await setUp();
    const less = ['setpriv', '--inh-caps=-sys_ptrace', '--bounding-set=-sys_ptrace'];
    const error = await refusalBehind(host, less, 'Netns.open', { pid: process.pid });
    expect(error).toMatchObject({ code: 'EACCES', syscall: 'open' });
    expect(error.hint).toContain('CAP_SYS_PTRACE');
  });

  test('does not concern operations that only read', async () => {
    const { host, parent } = await setUp();
    expect(await refusalBehind(host, LESS, 'getLink', parent)).toBeNull();
    expect(await refusalBehind(host, LESS, 'listLinks')).toBeNull();
  });
});
