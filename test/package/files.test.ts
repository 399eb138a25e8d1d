// The files of the package: everything that it needs, and nothing else.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { namesIn, pack, prebuild, prebuilds, root } from '../support/package.js';

beforeAll(prebuild);

test('no script is a hook, which npm would pass over with the settings of this folder', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const hooks = /^(pre|post)?(publish|publishOnly|prepublishOnly|prepare|pack|install|version)$/;
  expect(Object.keys(scripts).filter((name) => hooks.test(name))).toEqual([]);
  expect(scripts.release).toMatch(/prebuild\.mjs --all && .*npm publish$/);
});

test('npm pack includes exactly the files that belong into the package', async () => {
  const modules = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.replace(/\.ts$/, ''));
  const native = ['wire', 'rtnl', 'io', 'bulk', 'node'].flatMap((layer) =>
    namesIn(`native/${layer}`).map((name) => `native/${layer}/${name}`),
  );
  const expected = [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'docs/good-to-know.md',
    'docs/privileges.md',
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
