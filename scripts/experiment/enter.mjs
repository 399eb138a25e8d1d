// Runs the experiment in namespaces of its own: a mount namespace with a /run of its own, where named
// network namespaces are mounted, and a network namespace. They end with the experiment, so nothing of
// it can be left behind. For an ordinary user they come with a user namespace, in which he is root.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { capture } from '../support/command.mjs';
import { requireCommands } from '../support/system.mjs';
import { CannotRun } from './errors.mjs';

/** @typedef {{ parent?: string, prefix: string, json: boolean }} Options */

const isRoot = process.getuid?.() === 0;

const OWN_MOUNTS = ['--mount', '--propagation', 'private'];
const AS_ROOT = [...OWN_MOUNTS, '--net'];
const AS_USER = [...AS_ROOT, '--user', '--map-root-user'];

/**
 * The command line that runs `command` in new namespaces.
 *
 * @param {readonly string[]} flags which, for unshare(1)
 * @param {readonly string[]} command
 */
function within(flags, command) {
  return [...flags, 'sh', '-c', 'mount -n -t tmpfs tmpfs /run && exec "$@"', 'sh', ...command];
}

/**
 * The first of several sets of namespaces that can be had.
 *
 * @param {readonly string[][]} candidates
 */
async function firstPossible(candidates) {
  const refusals = [];
  for (const flags of candidates) {
    const { code, output } = await capture('unshare', within(flags, ['true']));
    if (code === 0) return { flags };
    refusals.push(`  unshare ${flags.join(' ')}: ${output.trim()}`);
  }
  return { refusals: refusals.join('\n') };
}

/** Settings of the kernel and its security modules that keep users from having user namespaces. */
const SWITCHES = [
  { file: 'kernel/unprivileged_userns_clone', needed: 1, off: '0' },
  { file: 'kernel/apparmor_restrict_unprivileged_userns', needed: 0, off: '1' },
  { file: 'user/max_user_namespaces', needed: 10000, off: '0' },
];

/** What an administrator would change for ordinary users to have user namespaces. */
function closedSwitches() {
  return SWITCHES.filter(({ file, off }) => {
    try {
      return readFileSync(`/proc/sys/${file}`, 'utf8').trim() === off;
    } catch (error) {
      if (error.code === 'ENOENT') return false;
      throw error;
    }
  }).map(({ file, needed }) => `sysctl -w ${file.replace('/', '.')}=${needed}`);
}

/** @param {Options} options */
async function choose({ parent }) {
  if (parent !== undefined) {
    if (!isRoot) {
      throw new CannotRun(
        `Missing: root. The card '${parent}' belongs to the machine, so with --parent the experiment\n` +
          'needs root; without --parent it needs none where user namespaces are allowed.',
      );
    }
    const { flags, refusals } = await firstPossible([OWN_MOUNTS]);
    if (flags) return flags;
    throw new CannotRun(`Missing: CAP_SYS_ADMIN, for a mount namespace.\n${refusals}`);
  }
  const { flags, refusals } = await firstPossible(isRoot ? [AS_ROOT, AS_USER] : [AS_USER]);
  if (flags) return flags;
  if (isRoot) {
    throw new CannotRun(
      'Missing: CAP_SYS_ADMIN and CAP_NET_ADMIN, or user namespaces. This root may not make network\n' +
        `namespaces (a container needs --cap-add SYS_ADMIN --cap-add NET_ADMIN).\n${refusals}`,
    );
  }
  const fixes = closedSwitches().map((command) => `\n  sudo ${command}`);
  throw new CannotRun(
    'Missing: root, or user namespaces for ordinary users. Run it as root (sudo npm run experiment)' +
      `${fixes.length > 0 ? `,\nor allow them:${fixes.join('')}` : '.'}\nWhat was tried:\n${refusals}`,
  );
}

/**
 * Runs the experiment in namespaces of its own and gives its exit code. Signals go on to it: it takes
 * everything down before it ends.
 *
 * @param {Options} options
 * @returns {Promise<number>}
 */
export async function runPrivately(options) {
  await requireCommands(['unshare', 'mount']);
  const flags = await choose(options);
  const inside = fileURLToPath(new URL('inside.mjs', import.meta.url));
  const command = [process.execPath, inside, JSON.stringify(options)];
  const child = spawn('unshare', within(flags, command), { stdio: 'inherit' });
  const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) =>
        resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']),
      );
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}
