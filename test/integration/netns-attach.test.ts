// Names of namespaces that there are, given by this library and by `ip netns attach`.
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect, test } from 'vitest';
import { Netns } from '../../lib/index.js';
import { inodeOf, ip, useNames } from '../support/named.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const { newName, create } = useNames(bed);

/** A process that lives in a namespace until the test is over. */
const INSIDE = 'echo ready && exec cat';

/** A name, and the namespace that was given it; both are given up after the test. */
async function attach(netns: Parameters<typeof Netns.attach>[1]) {
  const name = newName();
  const named = await Netns.attach(name, netns);
  bed.onCleanup(() => named.close());
  return { name, named };
}

test('gives a namespace without a name one, which ip knows and which keeps it', async () => {
  const netns = await Netns.create();
  await netns.createLink({ kind: 'bridge', name: 'kept' });
  const { name, named } = await attach(netns);
  expect(named).toMatchObject({ name, inode: netns.inode });
  expect(named.fd).not.toBe(netns.fd);
  await netns.close();
  await named.close();
  expect(await ip('netns', 'exec', name, 'readlink', '/proc/self/ns/net')).toBe(
    `net:[${netns.inode}]`,
  );
  expect(await ip('-n', name, 'link', 'show', 'kept')).toContain('kept');
  await ip('netns', 'delete', name);
  expect(await Netns.list()).not.toContain(name);
});

test.each(['its process', 'its path', 'a descriptor', 'its other name', 'a handle'])(
  'the namespace may be named by %s',
  async (way) => {
    const host = await bed.makeNetns();
    const first = host.name as string;
    const path = `/run/netns/${first}`;
    const child = await bed.background(host, 'sh', '-c', INSIDE);
    const fd = openSync(path, 'r');
    const refs = {
      'its process': { pid: child.pid },
      'its path': path,
      'a descriptor': { fd },
      'its other name': first,
      'a handle': host.netns,
    };
    const attaching = attach(refs[way as keyof typeof refs]);
    // Its owner may close it at once.
    closeSync(fd);
    const { name, named } = await attaching;
    expect(named.inode).toBe(host.netns.inode);
    expect(await inodeOf(`/run/netns/${name}`)).toBe(host.netns.inode);
    const inside = await ip('netns', 'exec', name, 'readlink', '/proc/self/ns/net');
    expect(inside).toBe(readlinkSync(`/proc/${child.pid}/ns/net`));
  },
);

test('a name that was removed can be given back while something holds the namespace', async () => {
  const name = newName();
  const netns = await create(name);
  await ip('netns', 'delete', name);
  const again = await Netns.attach(name, netns);
  bed.onCleanup(() => again.close());
  expect(await inodeOf(`/run/netns/${name}`)).toBe(netns.inode);
});

test('leaves what ip netns attach leaves', async () => {
  const host = await bed.makeNetns();
  const child = await bed.background(host, 'sh', '-c', INSIDE);
  const { name } = await attach({ pid: child.pid });
  const other = newName();
  await ip('netns', 'attach', other, String(child.pid));
  const mountOf = (of: string) => {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const found = lines.filter((line) => line.includes(` /run/netns/${of} `));
    // Without the numbers of the mount and of its group.
    return found.map((line) => line.replace(of, 'NAME').replace(/^\d+ \d+|shared:\d+/g, ''));
  };
  expect(mountOf(name)).toEqual(mountOf(other));
  expect(mountOf(name)).toHaveLength(1);
});

test('is refused where the name is taken, whatever has it, and changes nothing', async () => {
  const taken = await bed.makeNetns();
  const netns = await Netns.create();
  bed.onCleanup(() => netns.close());
  const error = await refusalOf(Netns.attach(taken.name as string, netns));
  expect(error).toMatchObject({ code: 'EEXIST', operation: 'Netns.attach', target: taken.name });
  expect(error.hint).toContain('Netns.remove');
  expect(await inodeOf(`/run/netns/${taken.name}`)).toBe(taken.netns.inode);
  const file = newName();
  writeFileSync(`/run/netns/${file}`, 'mine');
  expect(await refusalOf(Netns.attach(file, netns))).toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(`/run/netns/${file}`, 'utf8')).toBe('mine');
});

test.each([
  ['a process that does not exist', { pid: 2 ** 22 + 1 }, 'ENOENT'],
  ['a name that does not exist', 'nobody', 'ENOENT'],
  ['a file that is no namespace', '/proc/self/status', 'EINVAL'],
  ['a namespace of another type', '/proc/self/ns/uts', 'EINVAL'],
] as const)('is refused for %s, and leaves no name', async (_, ref, code) => {
  const name = newName();
  const error = await refusalOf(Netns.attach(name, ref));
  expect(error).toMatchObject({ code, operation: 'Netns.attach', part: 'netns' });
  expect(readdirSync('/run/netns')).not.toContain(name);
});

test('refuses bad arguments, a closed handle and a signal that has fired', async () => {
  const name = newName();
  const netns = await Netns.create();
  await expect(Netns.attach('a/b', netns)).rejects.toThrow(
    /^Netns\.attach: name .*received 'a\/b'/,
  );
  await expect(Netns.attach(name, 1 as never)).rejects.toThrow(
    /^Netns\.attach: netns .*received 1/,
  );
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await expect(Netns.attach(name, netns, { signal })).rejects.toBe(reason);
  await netns.close();
  expect(await refusalOf(Netns.attach(name, netns))).toMatchObject({ code: 'ERR_NETNS_CLOSED' });
  expect(readdirSync('/run/netns')).not.toContain(name);
});
