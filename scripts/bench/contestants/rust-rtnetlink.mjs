// Rust rtnetlink, built from Debian's packages without a network.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../support/project.mjs';
import { filesUnder, fingerprint, unlessDone } from '../../support/stamp.mjs';
import { commandStep } from '../../support/step.mjs';
import { buildFolder, debianVersion, missingPackages } from '../support/packages.mjs';

const debian = [
  'cargo',
  'rustc',
  'librust-rtnetlink-dev',
  'librust-rtnetlink+tokio-socket-dev',
  'librust-tokio-dev',
];
const sources = 'scripts/bench/contestants/programs/rust-rtnetlink';
const output = 'build-bench/rust/target/release/rust-rtnetlink';

// Debian's crates in place of a registry.
const config = `[source.crates-io]
replace-with = "debian"

[source.debian]
directory = "/usr/share/cargo/registry"
`;

async function compile() {
  const folder = join(buildFolder, 'rust');
  // In a copy, because cargo writes its lock beside the manifest.
  rmSync(join(folder, 'source'), { recursive: true, force: true });
  cpSync(join(root, sources), join(folder, 'source'), { recursive: true });
  mkdirSync(join(folder, 'home'), { recursive: true });
  writeFileSync(join(folder, 'home/config.toml'), config);
  const args = ['build', '--release', '--offline', '--target-dir', join(folder, 'target')];
  await commandStep('Compiling the Rust contestant', '/usr/bin/cargo', args, {
    cwd: join(folder, 'source'),
    env: { ...process.env, CARGO_HOME: join(folder, 'home'), RUSTC: '/usr/bin/rustc' },
  });
}

/** @type {import('./contestant.mjs').Contestant} */
export const rustRtnetlink = {
  name: 'rust-rtnetlink',
  title: 'Rust rtnetlink',
  debian,
  missing: () => missingPackages(debian),
  version: async () =>
    `${await debianVersion('librust-rtnetlink-dev')}, rustc ${await debianVersion('rustc')}`,
  build: async () => {
    const versions = await Promise.all(debian.map(debianVersion));
    const inputs = fingerprint(filesUnder(sources), versions.map(String));
    await unlessDone('bench-rust', inputs, [output], compile);
  },
  command: [join(root, output)],
  workloads: {
    create: {},
    // Many more in flight and this version loses them all, without an error.
    'create-all': { most: 1_000 },
    'create-into': {},
    delete: { most: 100, rounds: 3 },
    list: {},
    attach: {},
    netns: {},
    latency: {},
  },
};
