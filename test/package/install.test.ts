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

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const isMusl = header.glibcVersionRuntime === undefined;

interface Analysis {
  readonly types: { readonly kind: string };
  readonly problems: readonly { readonly kind: string; readonly resolutionKind?: string }[];
}

beforeAll(async () => {
  await prebuild();
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
  const file = addon();
  const whole = readFileSync(file);
  writeFileSync(file, whole.toString('latin1').replaceAll('GLIBC_2.3', 'GLIBC_9.3'), 'latin1');
  const { stdout } = await run(process.execPath, ['--eval', refusal], { cwd: folder });
  writeFileSync(file, whole);
  expect(stdout).toMatch(/^ERR_DLOPEN_FAILED .*version `GLIBC_9\.3\d*' not found/);
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

/** The prebuilt addon in the installed package. */
function addon(): string {
  const [name] = readdirSync(join(project, 'prebuilds'), { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('.node'));
  return join(project, 'prebuilds', name ?? 'none');
}

test('the prebuilt addon needs nothing but the C library, and what Node needs of the compiler', async () => {
  const { stdout } = await run('readelf', ['--dynamic', '--wide', addon()]);
  const needed = [...stdout.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]);
  expect(needed).not.toEqual([]);
  const known = /^(lib(c|m|pthread|dl|gcc_s)\.so|ld-linux|libc\.musl)/;
  expect(needed.filter((name) => !known.test(name ?? ''))).toEqual([]);
});

test.skipIf(isMusl)('the prebuilt addon runs with glibc 2.34', async () => {
  const { stdout } = await run('readelf', ['--version-info', '--wide', addon()]);
  const minors = [...stdout.matchAll(/GLIBC_2\.(\d+)/g)].map((match) => Number(match[1]));
  expect(minors).not.toEqual([]);
  expect(Math.max(...minors)).toBeLessThanOrEqual(34);
});

test('the prebuilt addon exports its two entry points and imports only Node-API functions', async () => {
  const { stdout } = await run('nm', ['--dynamic', '--defined-only', '-P', addon()]);
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0]);
  expect(names.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);

  const undefinedOnly = await run('nm', ['--dynamic', '--undefined-only', '-P', addon()]);
  const calls = undefinedOnly.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  expect(calls.filter((name) => name.startsWith('napi_'))).not.toEqual([]);
  expect(calls.filter((name) => /^(uv_|_ZN?K?\d*(2v8|4node))/.test(name))).toEqual([]);
});

test('the prebuilt addon has stack protection and a stack that is not executable', async () => {
  const { stdout } = await run('readelf', ['--program-headers', '--wide', addon()]);
  expect(stdout).toMatch(/GNU_STACK.* RW /);
  const undefinedOnly = await run('nm', ['--dynamic', '--undefined-only', '-P', addon()]);
  expect(undefinedOnly.stdout).toMatch(/^__stack_chk_fail\b/m);
});

// A Node.js that has less than what is asked for refuses the addon, and 20.2 crashes.
test('the prebuilt addon requires a Node-API version that every Node.js 20 has', async () => {
  const script = `
import ctypes, os, sys
print(ctypes.CDLL(sys.argv[1], os.RTLD_LAZY).node_api_module_get_api_version_v1())
`;
  const { stdout } = await run('python3', ['-c', script, addon()]);
  expect(Number(stdout)).toBeLessThanOrEqual(8);
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
