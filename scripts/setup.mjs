// Makes a fresh clone ready: system packages, node_modules, the addon and dist/. Uses Node's own
// modules only. What has been done for the same inputs is not done again.
//
//   node scripts/setup.mjs        everything that the tests need
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from './support/failure.mjs';
import { locked } from './support/lock.mjs';
import { runMain } from './support/main.mjs';
import { bin, ci, root } from './support/project.mjs';
import { filesUnder, fingerprint, touchChanged, unlessDone } from './support/stamp.mjs';
import { commandStep, step } from './support/step.mjs';
import { requireCommands } from './support/system.mjs';

const addon = 'build/Release/macvlan_netlink.node';
const layers = ['wire', 'rtnl', 'io', 'bulk', 'node'];

const isNative = (file) => /\.(cc|h)$/.test(file);

/** Everything that the addon is compiled from. */
export const addonSources = () => [
  'binding.gyp',
  'native/addon.gypi',
  'native/exports.map',
  'package-lock.json',
  ...layers.flatMap((layer) => filesUnder(`native/${layer}`, isNative)),
];

/**
 * What points node-gyp at this Node's own headers where they are installed beside it; otherwise it downloads
 * them. In the environment, because npm's configuration there wins over node-gyp's arguments.
 */
export function headerSettings() {
  const prefix = dirname(dirname(process.execPath));
  const headers = join(prefix, 'include/node');
  const complete = ['node_api.h', 'common.gypi', 'config.gypi'].every((file) =>
    existsSync(join(headers, file)),
  );
  return complete ? { npm_config_nodedir: prefix } : {};
}

/** Installs exactly what package-lock.json names. */
async function installModules() {
  const inputs = fingerprint(['package.json', 'package-lock.json']);
  await unlessDone('modules', inputs, ['node_modules/.package-lock.json'], () =>
    commandStep('Installing the npm packages', 'npm', [
      'ci',
      '--include=dev',
      '--no-audit',
      '--no-fund',
    ]),
  );
}

/** Builds build/Release/macvlan_netlink.node with node-gyp; only what changed is compiled. */
async function buildAddon() {
  const sources = addonSources();
  const settings = headerSettings();
  const env = { ...process.env, ...settings, MACVLAN_NETLINK_WERROR: ci ? '1' : '0' };
  const gyp = (title, ...args) =>
    commandStep(title, process.execPath, [bin.nodeGyp, ...args], { env });

  await unlessDone('addon', fingerprint(sources, [process.version]), [addon], async () => {
    // The makefiles name the sources, Node's headers and the way to them: write them anew when any changes.
    const list = fingerprint(
      ['binding.gyp', 'native/addon.gypi', 'package-lock.json'],
      [process.version, root, JSON.stringify(settings), ...sources],
    );
    await unlessDone('makefiles', list, ['build/Makefile', 'build/binding.Makefile'], () =>
      gyp('Configuring the addon', 'configure'),
    );
    // Not those that the makefiles are made from: make would make them anew by itself, with any Python.
    touchChanged(sources.filter(isNative));
    await gyp('Building the addon', 'build', '--jobs', 'max');
  });
}

/** What is imported or run by name; each becomes one file, because every file that is loaded costs time. */
const entries = ['index', 'cli', 'bench'];

/** Compiles lib/ into dist/, and removes what no source stands behind any more. */
async function compileLibrary() {
  const sources = filesUnder('lib', (file) => file.endsWith('.ts'));
  const outputs = [
    ...entries.map((name) => `dist/${name}.js`),
    ...sources.map((file) => file.replace(/^lib\//, 'dist/').replace(/\.ts$/, '.d.ts')),
  ];
  const inputs = fingerprint(['tsconfig.json', 'package-lock.json', ...sources]);
  await unlessDone('library', inputs, outputs, async () => {
    await commandStep('Compiling the library', process.execPath, [bin.tsc, '-p', 'tsconfig.json']);
    await step('Bundling the library', bundleLibrary);
    for (const file of filesUnder('dist')) {
      if (!outputs.includes(file)) rmSync(join(root, file));
    }
  });
}

async function bundleLibrary() {
  const { build } = await import('rolldown');
  for (const name of entries) {
    await build({
      cwd: root,
      input: `lib/${name}.ts`,
      platform: 'node',
      tsconfig: false,
      logLevel: 'warn',
      // Each entry that another needs is loaded from its own file: there must be one of each class.
      external: (id, _importer, isResolved) =>
        !isResolved && /^(\.\/(index|bench)\.js|node-gyp-build)$/.test(id),
      output: {
        file: `dist/${name}.js`,
        format: 'esm',
        // A quarter of the text, which V8 reads at each import: a millisecond. Editors show those of the types.
        comments: { jsdoc: false, legal: false },
      },
    });
  }
}

/** Whether the development tools run on this version of Node: Rolldown needs what these are the first to have. */
function hasToolsFor(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
}

/**
 * Makes ready what `purpose` needs: 'tools' are the npm packages alone, 'package' adds the addon and
 * dist/, 'test' adds what the tests use.
 *
 * @param {'tools' | 'package' | 'test'} purpose
 */
export async function setup(purpose) {
  if (process.platform !== 'linux') throw new Failure('This package is for Linux.');
  if (!hasToolsFor(process.versions.node)) {
    throw new Failure(`Node 20.19, 22.12 or newer is needed; this is ${process.version}.`);
  }
  await requireCommands(['npm']);
  if (purpose !== 'tools') await requireCommands(['g++', 'make', 'python3']);
  if (purpose === 'test') {
    await requireCommands(['cmake', 'ip', 'unshare', 'mount', 'ping', 'tcpdump', 'socat']);
    // One test boots a virtual machine; it is skipped where the emulator is missing, but not in CI.
    if (ci) await requireCommands(['qemu-system-x86_64']);
  }
  await locked(async () => {
    await installModules();
    if (purpose === 'tools') return;
    await buildAddon();
    await compileLibrary();
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(() => setup('test'));
