// What emulated machines take: Debian's programs and kernels.
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Failure } from '../support/failure.mjs';
import { locked } from '../support/lock.mjs';
import { root } from '../support/project.mjs';
import { requireCommands } from '../support/system.mjs';
import { fetchKernel } from './debian.mjs';

/** The programs and the kernels are those of one distribution. */
export function checkSystem() {
  const about = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^VERSION_CODENAME=bookworm$/m.test(about) || process.arch !== 'x64') {
    throw new Failure('Emulated machines are for Debian 12 on amd64, whose kernels they run.');
  }
  if (process.getuid?.() !== 0) throw new Failure('Sharing files with the machine needs root.');
  const spaced = [root, tmpdir()].find((folder) => /\s/.test(folder));
  if (spaced !== undefined) {
    throw new Failure(
      `'${spaced}' would stand on a kernel's command line, where it cannot have a space.`,
    );
  }
}

/**
 * Installs or names the programs that are missing, and fetches the newest kernels of these series.
 *
 * @param {readonly string[]} series
 */
export async function prepareKernels(series) {
  checkSystem();
  await requireCommands(['qemu-system-x86_64', 'busybox', 'cpio', 'modprobe']);
  return locked(async () => {
    const found = [];
    for (const one of series) found.push(await fetchKernel(one));
    return found;
  });
}
