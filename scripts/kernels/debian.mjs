// Debian's cloud kernels: finds the newest of a series and unpacks it, without installing anything. And those that
// somebody has unpacked there.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../support/command.mjs';
import { Failure } from '../support/failure.mjs';
import { root } from '../support/project.mjs';
import { commandStep } from '../support/step.mjs';

/** Where the kernels lie, one folder a version. */
const kernelsFolder = join(root, '.kernels');

/** The package of each series that always depends on its newest kernel, in Debian 12. */
const packages = {
  6.1: 'linux-image-cloud-amd64',
  6.12: 'linux-image-6.12-cloud-amd64',
};

/** The series of kernels that can be fetched. */
export const seriesNames = Object.keys(packages);

/**
 * An unpacked kernel.
 *
 * @typedef {object} Kernel
 * @property {string} series such as '6.1'
 * @property {string} release as `uname -r` says it
 * @property {string} folder
 * @property {string} image the kernel itself
 * @property {string} modules the folder of its modules
 */

/** @param {string} series @param {string} release @returns {Kernel} */
function kernelOf(series, release) {
  const folder = join(kernelsFolder, release);
  const image = join(folder, `boot/vmlinuz-${release}`);
  return { series, release, folder, image, modules: join(folder, `lib/modules/${release}`) };
}

/** The package of the newest kernel of a series; null when the package lists know none. */
async function newestPackage(series) {
  const { stdout } = await capture('apt-cache', ['depends', '--important', packages[series]]);
  const name = /^\s*Depends: (linux-image-\S+)$/m.exec(stdout)?.[1] ?? null;
  return name?.startsWith(`linux-image-${series}.`) ? name : null;
}

async function findPackage(series) {
  if (!seriesNames.includes(series)) return null;
  const known = await newestPackage(series);
  if (known !== null || process.getuid?.() !== 0) return known;
  await commandStep('Reading the package lists', 'apt-get', ['update', '-q']);
  return newestPackage(series);
}

/** The newest kernel of a series that was unpacked earlier, by this program or by somebody. */
export function unpackedEarlier(series) {
  if (!existsSync(kernelsFolder)) return null;
  const releases = readdirSync(kernelsFolder).filter((name) => name.startsWith(`${series}.`));
  return releases.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))[0] ?? null;
}

/**
 * The newest kernel of a series, fetched unless it is here. Without package lists, the newest that is
 * here.
 *
 * @param {string} series
 * @returns {Promise<Kernel>}
 */
export async function fetchKernel(series) {
  const name = await findPackage(series);
  const release = name?.replace('linux-image-', '') ?? unpackedEarlier(series);
  if (release === null) {
    throw new Failure(
      `The package lists have no ${packages[series]} of Linux ${series}: these are Debian 12's ` +
        'kernels, for amd64. (apt-get update may be all that is missing.)',
    );
  }
  const kernel = kernelOf(series, release);
  if (!existsSync(kernel.folder)) await unpack(kernel, /** @type {string} */ (name));
  return kernel;
}

/** @param {Kernel} kernel @param {string} name */
async function unpack(kernel, name) {
  mkdirSync(kernelsFolder, { recursive: true });
  const folder = mkdtempSync(join(kernelsFolder, 'unpacking-'));
  try {
    const download = ['-q', '-o', 'APT::Sandbox::User=root', 'download', name];
    await commandStep(`Fetching ${name}`, 'apt-get', download, { cwd: folder });
    const [archive] = readdirSync(folder);
    const tree = join(folder, 'tree');
    await commandStep('Unpacking it', 'dpkg', ['-x', join(folder, archive), tree]);
    await commandStep('Listing its modules', 'depmod', ['-b', tree, kernel.release]);
    renameSync(tree, kernel.folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
