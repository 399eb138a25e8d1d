// What an import says that finds no addon.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { notFoundError, notLoadedError } from '../../lib/errors/noAddon.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('a search that webpack has taken out says that the package has to stay outside a bundle', () => {
  // It leaves the file's old address standing, and `undefined` where createRequire was called.
  const cause = new TypeError('undefined is not a function');
  expect(notFoundError(cause, root)).toMatchObject({
    cause,
    code: 'ERR_NO_NATIVE_BUILD',
    message: expect.stringContaining('Mark it as external'),
  });
});

test('a bundle in which there is no package says so', () => {
  const message = expect.stringContaining('Mark it as external');
  expect(notFoundError(new Error('any'), '')).toMatchObject({ message });
  expect(notFoundError(new Error('any'), '/nowhere/')).toMatchObject({ message });
});

test('what the permission model refuses is named', () => {
  const code = 'ERR_ACCESS_DENIED';
  const denied = (more: object) => Object.assign(new Error('Access restricted'), { code, ...more });
  const cause = denied({ resource: '/etc/alpine-release' });
  const message = expect.stringContaining('--allow-fs-read=/etc/alpine-release is missing');
  expect(notFoundError(cause, root)).toMatchObject({ code, cause, message });
  const unnamed = denied({});
  expect(notFoundError(unnamed, root)).toBe(unnamed);
});

test('other errors are not changed', () => {
  const missing = Object.assign(new Error('no module'), { code: 'MODULE_NOT_FOUND' });
  expect(notFoundError(missing, root)).toBe(missing);
});

test('an addon for another C library, recognised by the loader’s message, has to be built here', () => {
  const failed = (message: string) =>
    Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' });
  for (const words of [
    "/lib64/libc.so.6: version `GLIBC_2.35' not found (required by /a.node)",
    'Error loading shared library ld-linux-x86-64.so.2: No such file or directory',
    'Error relocating /a.node: __fprintf_chk: symbol not found',
  ]) {
    const cause = failed(words);
    const message = expect.stringContaining(`-C '${root}native'`);
    expect(notLoadedError(cause, root)).toMatchObject({ cause, code: cause.code, message });
  }
  // The commands are to be pasted into a shell.
  const { message } = notLoadedError(failed('symbol not found'), "/an 'odd' folder/");
  expect(message).toContain("-C '/an '\\''odd'\\'' folder/native'");
});

test('where nothing may be executed the error says so', () => {
  for (const words of [
    '/a.node: failed to map segment from shared object',
    'Error loading shared library /a.node: Operation not permitted',
  ]) {
    const cause = Object.assign(new Error(words), { code: 'ERR_DLOPEN_FAILED' });
    const message = expect.stringMatching(
      /^.*\nNothing may be executed where the addon is .*noexec.*RLIMIT_AS/,
    );
    expect(notLoadedError(cause, root)).toMatchObject({ cause, code: cause.code, message });
  }
  const other = Object.assign(new Error('/a.node: invalid ELF header'), {
    code: 'ERR_DLOPEN_FAILED',
  });
  expect(notLoadedError(other, root)).toBe(other);
});
