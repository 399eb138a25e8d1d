// What contestants need from the system: whether it is there, which version, and its installation.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../../support/command.mjs';
import { Failure } from '../../support/failure.mjs';
import { root } from '../../support/project.mjs';
import { commandStep } from '../../support/step.mjs';

/** Everything that the benchmark makes: compiled programs, npm contestants, the report. */
export const buildFolder = join(root, 'build-bench');
/** Where contestants from npm are installed, apart from this project's own modules. */
export const npmFolder = join(buildFolder, 'npm');

/**
 * The version of an installed Debian package; null when it is not installed.
 *
 * @param {string} name
 */
export async function debianVersion(name) {
  const { code, stdout } = await capture('dpkg-query', ['--status', name]).catch((error) => {
    if (error.code === 'ENOENT') return { code: 1, stdout: '' };
    throw error;
  });
  if (code !== 0 || !/^Status: .* installed$/m.test(stdout)) return null;
  return /^Version: (.+)$/m.exec(stdout)?.[1] ?? null;
}

/** @param {readonly string[]} names */
async function notInstalled(names) {
  const versions = await Promise.all(names.map(debianVersion));
  return names.filter((_, at) => versions[at] === null);
}

/**
 * Why a contestant that comes from Debian's packages is absent; null when it is not.
 *
 * @param {readonly string[]} names
 */
export async function missingPackages(names) {
  const missing = await notInstalled(names);
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`;
}

/** @param {string} name */
export function npmVersion(name) {
  const file = join(npmFolder, 'node_modules', name, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null;
}

/**
 * Installs those that are not installed.
 *
 * @param {readonly string[]} names
 */
export async function installDebian(names) {
  const missing = await notInstalled(names);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Failure(`As root: apt-get install --no-install-recommends ${missing.join(' ')}`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['-q', 'install', '-y', '--no-install-recommends', ...missing];
  await commandStep('Reading the package lists', 'apt-get', ['-q', 'update'], { env });
  await commandStep(`Installing ${missing.join(', ')}`, 'apt-get', install, { env });
}

/** @param {readonly string[]} names each with its version: name@version */
export async function installNpm(names) {
  if (names.length === 0) return;
  mkdirSync(npmFolder, { recursive: true });
  const manifest = join(npmFolder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', ...names];
  await commandStep(`Installing ${names.join(', ')}`, 'npm', args, { cwd: npmFolder });
}
