/** Programs beside a library of test/support that is preloaded before the C library's. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { root } from './package.js';
import { inPrivateNetns } from './program.js';

/** For the libraries, and for files by which tests and such libraries tell each other something. */
export const directory = mkdtempSync(join(tmpdir(), 'macvlan-netlink-preload-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A command prefix that preloads a library of test/support, with environment variables for it. */
export function preload(name: string, variables: Readonly<Record<string, string | number>>) {
  const source = join(root, `test/support/${name}.c`);
  const library = join(directory, `${name}.so`);
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  const settings = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  // A path in LD_PRELOAD ends at a space.
  const preload = [`LD_LIBRARY_PATH=${directory}`, `LD_PRELOAD=${name}.so`];
  return [...inPrivateNetns, 'env', ...preload, ...settings];
}

/** Like {@link preload}, and mounts a file system for the program alone, such as `tmpfs /run`. */
export function withOwn(
  mount: string,
  variables: Readonly<Record<string, string | number>>,
  name = 'refuse-calls',
) {
  const [command = '', ...rest] = preload(name, variables);
  const at = rest.indexOf('env');
  const own = ['sh', '-c', `mount -n -t ${mount.split(' ')[0]} ${mount} && exec "$@"`, 'sh'];
  return [command, ...rest.slice(0, at), ...own, ...rest.slice(at)];
}
