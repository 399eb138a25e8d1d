// The pages of the project: they name what there is, and their links lead somewhere.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as api from 'macvlan-netlink';
import { expect, test } from 'vitest';
import { namesIn, root } from '../support/package.js';

const pages = ['.', 'docs', 'docs/benchmark'].flatMap((folder) =>
  namesIn(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);
const textOf = (page: string) => readFileSync(join(root, page), 'utf8');

/** The names by which a page's headings are linked to. */
function anchorsIn(page: string): readonly string[] {
  return [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('the table of README has every operation, and nothing that does not exist', () => {
  const functions = Object.entries(api).filter(([name]) => /^[a-z]/.test(name));
  const [, table = ''] = /\n## What there is\n(.*?)\n## /s.exec(textOf('README.md')) ?? [];
  const rows = table.split('\n').filter((line) => /^\| [A-Z]/.test(line));
  const named = rows.flatMap((row) => [...row.matchAll(/`([\w.]+)`/g)].map(([, name]) => name));
  const ofNetns = Object.getOwnPropertyNames(api.Netns).filter(
    (name) => typeof api.Netns[name as keyof typeof api.Netns] === 'function',
  );
  expect(named.sort()).toEqual(
    [
      ...functions.map(([name]) => name),
      ...ofNetns.map((name) => `Netns.${name}`),
      'NetlinkError',
      'close',
    ].sort(),
  );
});

test.each(pages)('the links of %s lead to files and headings that there are', (page) => {
  const links = [...textOf(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  const astray = links.filter(([, file = '', anchor]) => {
    const target = file === '' ? page : join(dirname(page), file);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsIn(target).includes(anchor);
  });
  expect(astray.map(([link]) => link)).toEqual([]);
});
