// What an import says that finds no addon.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { whyNoAddon } from '../../lib/noAddon.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('a search that webpack has taken out says that the package has to stay outside a bundle', () => {
  // It leaves the file's old address standing, and `undefined` where createRequire was called.
  const cause = new TypeError('undefined is not a function');
  expect(whyNoAddon(cause, root)).toMatchObject({
    cause,
    code: 'ERR_NO_NATIVE_BUILD',
    message: expect.stringContaining('Leave it external'),
  });
});

test('a bundle in which there is no package says so', () => {
  const message = expect.stringContaining('Leave it external');
  expect(whyNoAddon(new Error('any'), '')).toMatchObject({ message });
  expect(whyNoAddon(new Error('any'), '/nowhere/')).toMatchObject({ message });
});

test('what else goes wrong stays what it is', () => {
  const missing = Object.assign(new Error('no module'), { code: 'MODULE_NOT_FOUND' });
  expect(whyNoAddon(missing, root)).toBe(missing);
});
