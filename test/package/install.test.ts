// The packed package as its user meets it: installed without scripts and without a network.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pack, prebuild, root, run } from '../support/package.js';

const folder = mkdtempSync(join(tmpdir(), 'macvlan-netlink-install-'));
const project = join(folder, 'node_modules/macvlan-netlink');
let tarball = '';
/** This machine's addon in the package. */
let addon = '';

interface Analysis {
  readonly types: { readonly kind: string };
  readonly problems: readonly { readonly kind: string; readonly resolutionKind?: string }[];
}

beforeAll(async () => {
  addon = await prebuild();
  const packed = await pack('--pack-destination', folder);
  tarball = join(folder, packed.filename);
  // The one dependency comes from this clone's node_modules, so that no registry is needed.
  const dependency = await pack('--pack-destination', folder, './node_modules/node-gyp-build');

  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const options = ['--ignore-scripts', '--offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...options, join(folder, dependency.filename), tarball], {
    cwd: folder,
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the installed package has a prebuilt addon and no built one', () => {
  expect(readdirSync(project)).toContain('prebuilds');
  expect(readdirSync(project)).not.toContain('build');
});

// npm builds what has a binding.gyp at its top wherever it installs from a lockfile, whatever its
// package.json says (npm/cli#3341).
test('the package installs from a lockfile without building anything', async () => {
  rmSync(join(folder, 'node_modules'), { recursive: true });
  await run('npm', ['ci', '--offline', '--no-audit', '--no-fund'], { cwd: folder });
  expect(readdirSync(project)).not.toContain('build');
});

/** Prints what an import is refused with. */
const refusal =
  "import('macvlan-netlink').catch(({ code, message }) => console.log(code, message))";

test('without an addon for the machine it says how to get one', async () => {
  const prebuilds = join(project, 'prebuilds');
  renameSync(prebuilds, `${prebuilds}-away`);
  const { stdout } = await run(process.execPath, ['--eval', refusal], { cwd: folder });
  renameSync(`${prebuilds}-away`, prebuilds);
  expect(stdout).toMatch(/^ERR_NO_NATIVE_BUILD /);
  const native = `'${realpathSync(project)}/native'`;
  expect(stdout).toContain(`npm install --no-save --prefix ${native} node-gyp@12 node-addon-api@8`);
  expect(stdout).toContain(`npx --prefix ${native} node-gyp rebuild -C ${native}`);
});

test('with a C library that is older than the addon it says how to get one', async () => {
  const file = join(project, addon);
  const whole = readFileSync(file);
  writeFileSync(file, whole.toString('latin1').replaceAll('GLIBC_2.3', 'GLIBC_9.3'), 'latin1');
  const { stdout } = await run(process.execPath, ['--eval', refusal], { cwd: folder });
  writeFileSync(file, whole);
  expect(stdout).toMatch(/^ERR_DLOPEN_FAILED .*version `GLIBC_9\.3[\d.]*' not found/);
  expect(stdout).toContain('a later C library');
  expect(stdout).toContain(`npx --prefix '${realpathSync(project)}/native'`);
});

const asking = `
  import { checkSupport } from 'macvlan-netlink';
  process.stdout.write(JSON.stringify(await checkSupport()));
`;

async function expectAnswer(): Promise<void> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', asking], {
    cwd: folder,
  });
  expect(JSON.parse(stdout)).toMatchObject({ kernel: release() });
}

test('the installed package talks to the kernel', expectAnswer);

test('an unfinished build of the addon by the user does not matter', async () => {
  const begun = join(project, 'native/build');
  mkdirSync(join(begun, 'Release'), { recursive: true });
  await expectAnswer();
  rmSync(begun, { recursive: true });
});

test('in a bundle the package says that it has to stay outside', async () => {
  const [source, bundle] = ['whole.mjs', 'out/bundle.mjs'];
  writeFileSync(join(folder, source), asking);
  const rolldown = join(root, 'node_modules/rolldown/bin/cli.mjs');
  const args = [source, '--platform', 'node', '--format', 'esm', '--file', bundle];
  await run(process.execPath, [rolldown, ...args], { cwd: folder });
  const script = `import('./${bundle}').catch(({ code, message }) => console.log(code, message))`;
  const loading = async () =>
    (await run(process.execPath, ['--eval', script], { cwd: folder })).stdout;
  const refused = /^ERR_NO_NATIVE_BUILD .*Mark it as external/s;
  expect(await loading()).toMatch(refused);
  // Nor does it load an addon of the project's own, which the search finds in the same place.
  const own = join(folder, 'build/Release');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'app.node'), '');
  expect(await loading()).toMatch(refused);
  rmSync(join(folder, 'build'), { recursive: true });
});

test('publint finds nothing', async () => {
  const publint = join(root, 'node_modules/publint/src/cli.js');
  const { stdout } = await run(process.execPath, [publint, tarball, '--strict']);
  expect(stdout).toContain('All good!');
});

test('the types are the ones that an ESM user resolves', async () => {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const args = [attw, tarball, '--profile', 'esm-only', '--format', 'json'];
  const { stdout } = await run(process.execPath, args);
  const { analysis } = JSON.parse(stdout) as { analysis: Analysis };
  expect(analysis.types.kind).toBe('included');
  const notForEsm = ['node10', 'node16-cjs'];
  const problems = analysis.problems.filter(
    ({ resolutionKind }) => !notForEsm.includes(resolutionKind ?? ''),
  );
  expect(problems).toEqual([]);
});
