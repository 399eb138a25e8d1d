// npm run prebuild: prebuilds/linux-ARCH/macvlan-netlink.LIBC.node for this machine.
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { arch, availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { addonSources, headerSettings, setup } from './setup.mjs';
import { locked } from './support/lock.mjs';
import { fingerprint, unlessDone } from './support/stamp.mjs';
import { bin, commandStep, root, runMain } from './support/step.mjs';

const { header } = /** @type {any} */ (process.report.getReport());
const libc = header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
const output = `prebuilds/linux-${arch()}/macvlan-netlink.${libc}.node`;

async function prebuild() {
  // prebuildify rebuilds from nothing and moves the result away: in a copy, so that build/ stays.
  const copy = mkdtempSync(join(tmpdir(), 'macvlan-netlink-prebuild-'));
  try {
    for (const path of ['package.json', 'binding.gyp', 'native']) {
      cpSync(join(root, path), join(copy, path), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const env = {
      ...process.env,
      ...headerSettings(),
      MAKEFLAGS: `-j${availableParallelism()}`,
      PREBUILD_LIBC: libc,
    };
    // Left to itself it keeps its downloads in one folder below /tmp, whose owner may be another user.
    const cache = join(copy, 'cache');
    const options = [
      '--napi',
      '--strip',
      '--tag-libc',
      '--cwd',
      copy,
      '--out',
      root,
      '--cache',
      cache,
    ];
    await commandStep('Prebuilding the addon', process.execPath, [bin.prebuildify, ...options], {
      env,
    });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

await runMain(async () => {
  await setup('package');
  const inputs = fingerprint(addonSources(), [process.version]);
  await locked(() => unlessDone('prebuild', inputs, [output], prebuild));
  process.stdout.write(`${output}\n`);
}, 'npm run prebuild: the addon for this machine in prebuilds/, as it travels in the package.');
