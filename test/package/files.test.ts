// The files of the package: everything that it needs, and nothing else.
import { beforeAll, expect, test } from 'vitest';
import { namesIn, pack, prebuild, prebuilds } from '../support/package.js';

beforeAll(prebuild);

test('npm pack includes exactly the files that belong into the package', async () => {
  const modules = namesIn('lib').map((name) => name.replace(/\.ts$/, ''));
  const native = ['wire', 'rtnl', 'io', 'bulk', 'node'].flatMap((layer) =>
    namesIn(`native/${layer}`).map((name) => `native/${layer}/${name}`),
  );
  const expected = [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'native/addon.gypi',
    'native/binding.gyp',
    'native/exports.map',
    'package.json',
    ...['index', 'cli', 'bench'].map((entry) => `dist/${entry}.js`),
    ...modules.map((name) => `dist/${name}.d.ts`),
    ...native,
    ...prebuilds(),
  ];
  const { files } = await pack('--dry-run');
  expect(files.map(({ path }) => path).sort()).toEqual(expected.sort());
});
