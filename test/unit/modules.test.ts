// How often the kernel's lists of modules are read.
import { promises } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { moduleState } from '../../lib/diagnosis/modules.js';

let read: string[] = [];

beforeEach(() => {
  read = [];
  vi.spyOn(promises, 'readFile').mockImplementation(async (path) => {
    read.push(String(path).replace(/^\/lib\/modules\/[^/]+\//, ''));
    if (path === '/proc/modules') return '8021q 40960 0 - Live 0x0\nveth_more 40960 0 - Live 0x0\n';
    return String(path).endsWith('.builtin')
      ? 'kernel/net/dummy.ko\n'
      : 'kernel/net/bridge.ko.zst: kernel/a.ko.zst\nkernel/net/macvlan.ko:\n';
  });
});

afterEach(() => vi.restoreAllMocks());

test('the lists are read once for all look-ups at the same time, and again for later ones', async () => {
  const states = await Promise.all(Array.from({ length: 100 }, () => moduleState('bond')));
  expect(new Set(states)).toEqual(new Set([null]));
  expect(read).toEqual(['/proc/modules', 'modules.builtin', 'modules.dep']);
  expect(await moduleState('bond')).toBeNull();
  expect(read).toHaveLength(6);
});

test('each module is looked up separately', async () => {
  const names = ['8021q', 'dummy', 'bridge', 'macvlan', 'a', 'veth'];
  const states = await Promise.all(names.map(moduleState));
  expect(states).toEqual(['loaded', 'builtin', 'loadable', 'loadable', null, null]);
});
