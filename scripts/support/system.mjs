// The commands that the set-up needs from the system, and the Debian packages that bring them.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Failure } from './failure.mjs';
import { commandStep } from './step.mjs';

const packages = {
  cc: 'gcc',
  'g++': 'g++',
  make: 'make',
  python3: 'python3',
  npm: 'npm',
  cmake: 'cmake',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  mount: 'mount',
  ping: 'iputils-ping',
  tcpdump: 'tcpdump',
  socat: 'socat',
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  cpio: 'cpio',
  modprobe: 'kmod',
};

/** @typedef {keyof typeof packages} Command */

/** @param {string} command */
function isExecutable(command) {
  // An ordinary user's PATH often lacks the sbin folders, where `ip` may be.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Sees to it that the commands are there: as root on Debian by installing what brings them,
 * otherwise by naming them and the command that would.
 *
 * @param {readonly Command[]} commands
 */
export async function requireCommands(commands) {
  const missing = commands.filter((command) => !isExecutable(command));
  if (missing.length === 0) return;
  const needed = [...new Set(missing.map((command) => packages[command]))];
  const install = ['install', '-y', '--no-install-recommends', ...needed];
  if (!isExecutable('apt-get') || process.getuid?.() !== 0) {
    throw new Failure(
      `Missing: ${missing.join(', ')}.\n` +
        `On Debian or Ubuntu: sudo apt-get update && sudo apt-get ${install.join(' ')}`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await commandStep('Reading the package lists', 'apt-get', ['update', '-q'], { env });
  await commandStep(`Installing ${needed.join(', ')}`, 'apt-get', ['-q', ...install], { env });
  const still = missing.filter((command) => !isExecutable(command));
  if (still.length > 0) throw new Failure(`Still missing after that: ${still.join(', ')}`);
}
