/** What to do where the addon is not found. */
import { existsSync } from 'node:fs';

/** The error for what the search ended with; `root` is the package's folder, empty in a bundle. */
export function whyNoAddon(cause: NodeJS.ErrnoException, root: string): Error {
  // Node's permissions, which say so themselves.
  if (cause.code === 'ERR_ACCESS_DENIED') return cause;
  const help = helpFor(cause, root);
  if (help === undefined) return cause;
  const code = 'ERR_NO_NATIVE_BUILD';
  return Object.assign(new Error(`${cause.message}\n${help}`, { cause }), { code });
}

function helpFor(cause: Error, root: string): string | undefined {
  // webpack writes this machine's folder into the bundle, and takes out createRequire.
  const takenOut = cause instanceof TypeError;
  if (takenOut || root === '' || !existsSync(`${root}native/addon.gypi`)) return BUNDLED;
  return cause.message.startsWith('No native build') ? howToBuild(root) : undefined;
}

const BUNDLED =
  'macvlan-netlink has become part of a bundle, where it cannot find its addon. Leave it external ' +
  '(esbuild: --external:macvlan-netlink; other bundlers have such an option too), and in node_modules.';

/** Its tools go into its own folder, which they are found from; the project may be pnpm's, or none. */
const howToBuild = (root: string) =>
  'macvlan-netlink has no addon for this platform yet. To build it, with g++, make and python3 at hand:\n' +
  `  npm install --no-save --prefix '${root}native' node-gyp@12 node-addon-api@8\n` +
  `  npx --prefix '${root}native' node-gyp rebuild -C '${root}native'`;
