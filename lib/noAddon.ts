/** What to do where the addon is not found, or cannot be loaded. */
import { existsSync } from 'node:fs';

/** The error for what the search ended with; `root` is the package's folder, empty in a bundle. */
export function whyNoAddon(cause: NodeJS.ErrnoException, root: string): Error {
  // Node's permissions, which say so themselves.
  if (cause.code === 'ERR_ACCESS_DENIED') return cause;
  return withHelp(cause, helpFor(cause, root), 'ERR_NO_NATIVE_BUILD');
}

/** What the loaders of glibc and musl say of an addon that was built with a later, or with another, C library. */
const OTHER_LIBC = /version `GLIBC_|symbol not found|Error loading shared library/;

/** The error for an addon that was found and cannot be loaded. */
export function whyNotLoaded(cause: NodeJS.ErrnoException, root: string): Error {
  const fits = !OTHER_LIBC.test(cause.message);
  return withHelp(cause, fits ? undefined : OTHER_LIBC_HELP + howToBuild(root), cause.code);
}

function withHelp(cause: Error, help: string | undefined, code: string | undefined): Error {
  if (help === undefined) return cause;
  return Object.assign(new Error(`${cause.message}\n${help}`, { cause }), { code });
}

function helpFor(cause: Error, root: string): string | undefined {
  // webpack writes this machine's folder into the bundle, and takes out createRequire.
  const takenOut = cause instanceof TypeError;
  if (takenOut || root === '' || !existsSync(`${root}native/addon.gypi`)) return BUNDLED;
  return cause.message.startsWith('No native build') ? NO_ADDON + howToBuild(root) : undefined;
}

const BUNDLED =
  'macvlan-netlink has become part of a bundle, where it cannot find its addon. Leave it external ' +
  '(esbuild: --external:macvlan-netlink; other bundlers have such an option too), and in node_modules.';

const NO_ADDON = 'macvlan-netlink has no addon for this platform yet. ';
const OTHER_LIBC_HELP =
  "macvlan-netlink's addon was built with a later C library than this machine's, or with another one. ";

/** Its tools go into its own folder, which they are found from; the project may be pnpm's, or none. */
const howToBuild = (root: string) =>
  'To build it here, with g++, make and python3 at hand:\n' +
  `  npm install --no-save --prefix '${root}native' node-gyp@12 node-addon-api@8\n` +
  `  npx --prefix '${root}native' node-gyp rebuild -C '${root}native'`;
