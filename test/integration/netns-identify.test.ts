// Which names a namespace has, compared with what `ip netns identify` says of a process in it.
import {
  closeSync,
  mkdirSync,
  openSync,
  promises,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Netns } from '../../lib/index.js';
import { inodeOf, ip, useNames } from '../support/named.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const { newName, create } = useNames(bed);

test('has each of its names, and no name of another', async () => {
  const host = await bed.makeNetns();
  const child = await bed.background(host, 'sh', '-c', 'echo ready && exec cat');
  const first = host.name as string;
  await create(newName());
  const [second, third] = [newName(), newName()];
  await (await Netns.attach(second, host.netns)).close();
  await ip('netns', 'attach', third, String(child.pid));
  const names = [first, second, third].sort();
  for (const name of names) {
    expect(await inodeOf(`/run/netns/${name}`)).toBe(host.netns.inode);
  }
  // It shows one of them.
  expect(names).toContain(await ip('netns', 'identify', String(child.pid)));
  const fd = openSync(`/run/netns/${first}`, 'r');
  try {
    const refs = [host.netns, first, third, `/run/netns/${second}`, { pid: child.pid }, { fd }];
    for (const ref of refs) expect(await Netns.identify(ref)).toEqual(names);
  } finally {
    closeSync(fd);
  }
  await ip('netns', 'delete', second);
  expect(await Netns.identify(host.netns)).toEqual([first, third].sort());
});

test('is none of a namespace without one, and tells that a name is another’s now', async () => {
  const name = newName();
  const netns = await create(name);
  expect(await Netns.identify(netns)).toEqual([name]);
  await Netns.remove(name);
  const other = await create(name);
  expect(await Netns.identify(netns)).toEqual([]);
  expect(await Netns.identify(other)).toEqual([name]);
  expect(await Netns.identify(await create())).toEqual([]);
});

test('has links to the namespace, and nothing that is none', async () => {
  const name = newName();
  const netns = await create(name);
  const at = (suffix: string) => `/run/netns/${name}${suffix}`;
  symlinkSync(`/run/netns/${name}`, at('linked'));
  symlinkSync('/nowhere', at('broken'));
  writeFileSync(at('file'), '', { mode: 0 });
  mkdirSync(at('folder'));
  bed.onCleanup(() =>
    ['linked', 'broken', 'file', 'folder'].map((suffix) => rmSync(at(suffix), { recursive: true })),
  );
  expect(await Netns.identify(netns)).toEqual([name, `${name}linked`]);
  // A file of another file system may have the same number.
  const { stat } = promises;
  const look = vi.spyOn(promises, 'stat').mockImplementation(async (path) => {
    const found = await stat(path as string);
    return path === at('file') ? Object.assign(found, { ino: netns.inode }) : found;
  });
  try {
    expect(await Netns.identify(netns)).toEqual([name, `${name}linked`]);
    expect(look).toHaveBeenCalledWith(at('file'));
  } finally {
    look.mockRestore();
  }
});

test('rejects what is no namespace, and with its signal’s reason', async () => {
  expect(await refusalOf(Netns.identify('nobody'))).toMatchObject({
    code: 'ENOENT',
    operation: 'Netns.identify',
    part: 'netns',
  });
  expect(await refusalOf(Netns.identify(5 as never))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
  const reason = new Error('enough');
  const refused = Netns.identify(newName(), { signal: AbortSignal.abort(reason) });
  expect(await refusalOf(refused)).toBe(reason);
});
