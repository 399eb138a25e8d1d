// Runs a command in network and mount namespaces of its own, so that nothing of the machine is
// touched: its own links, its own /run (where named namespaces are mounted), its own view of /sys.
import { capture } from './command.mjs';

const enter = [
  '--net',
  '--mount',
  '--propagation',
  'private',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
];

const prepare =
  'mount -n -t sysfs sysfs /sys && mount -n -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';

// An ordinary user's PATH often lacks the folders where `ip` may be.
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/**
 * The command line that runs `command` there.
 *
 * @param {readonly string[]} command
 */
export function inPrivateNamespaces(command) {
  return { command: 'unshare', args: [...enter, 'sh', '-c', prepare, 'sh', ...command], env };
}

/** How many milliseconds it may take: a kernel that has crashed over mounts never answers. */
const patience = 30_000;

/**
 * Why private namespaces cannot be had here; null when they can.
 *
 * @returns {Promise<string | null>}
 */
export async function missingForNamespaces() {
  const make = 'ip link add probe0 type veth peer name probe1';
  const { command, args } = inPrivateNamespaces(['sh', '-c', make]);
  const { code, output } = await capture(command, args, { env, patience });
  if (code === 0) return null;
  const who = process.getuid?.() === 0 ? 'root' : 'a user without root';
  return `private namespaces with links in them, as ${who} (unshare ${enter.join(' ')}: ${output.trim()})`;
}
