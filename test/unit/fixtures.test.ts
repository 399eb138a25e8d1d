// No fixture lies unused: a C++ test names each request that was captured.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/package.js';

test('each captured request is named by a test', () => {
  const tests = readdirSync(join(root, 'test/wire'))
    .filter((file) => file.endsWith('_test.cc'))
    .map((file) => readFileSync(join(root, 'test/wire', file), 'utf8'))
    .join('\n');
  const requests = readdirSync(join(root, 'test/fixtures/requests')).map((file) =>
    file.replace(/\.json$/, ''),
  );
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.filter((name) => !tests.includes(`"${name}"`))).toEqual([]);
});
