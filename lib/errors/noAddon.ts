/** The errors for an addon that is not found or cannot be loaded, which say what to do. */
import { builtin } from '../base/builtin.js';

const fs = builtin('node:fs');

/** The error for a search that failed with `cause`; `root` is the package's folder, empty in a bundle. */
export function notFoundError(cause: NodeJS.ErrnoException, root: string): Error {
  // Node's permission model refused, perhaps a file by which the search tells C libraries apart. The message does not
  // say which.
  if (cause.code === 'ERR_ACCESS_DENIED') {
    const { resource } = cause as { resource?: string };
    return withHelp(cause, resource && `--allow-fs-read=${resource} is missing.`, cause.code);
  }
  return withHelp(cause, helpFor(cause, root), 'ERR_NO_NATIVE_BUILD');
}

/** What the loaders of glibc and musl say of an addon that was built with a later or a different C library. */
const OTHER_LIBC = /version `GLIBC_|symbol not found|Error loading shared library/;

/** What they say where nothing may be executed, glibc first, which says the same without memory. */
const NOT_EXECUTABLE =
  /failed to map segment from shared object|Error loading shared library .*: Operation not permitted/;

/** The error for an addon that was found and cannot be loaded. */
export function notLoadedError(cause: NodeJS.ErrnoException, root: string): Error {
  if (cause.code === 'ERR_DLOPEN_DISABLED') return withHelp(cause, DISABLED, cause.code);
  if (NOT_EXECUTABLE.test(cause.message)) return withHelp(cause, NOEXEC, cause.code);
  const fits = !OTHER_LIBC.test(cause.message);
  return withHelp(cause, fits ? undefined : OTHER_LIBC_HELP + howToBuild(root), cause.code);
}

function withHelp(cause: Error, help: string | undefined, code: string | undefined): Error {
  if (help === undefined) return cause;
  return Object.assign(new Error(`${cause.message}\n${help}`, { cause }), { code });
}

function helpFor(cause: Error, root: string): string | undefined {
  // webpack removes createRequire, and writes the folder of the machine that built the bundle into it.
  const takenOut = cause instanceof TypeError;
  if (takenOut || root === '' || !fs.existsSync(`${root}native/addon.gypi`)) return BUNDLED;
  return cause.message.startsWith('No native build') ? NO_ADDON + howToBuild(root) : undefined;
}

const BUNDLED =
  'macvlan-netlink was bundled, and cannot find its addon from inside a bundle. Mark it as external ' +
  '(esbuild: --external:macvlan-netlink; other bundlers have a similar option) and keep it in node_modules.';

const NO_ADDON = 'macvlan-netlink has no prebuilt addon for this platform. ';
const OTHER_LIBC_HELP =
  "macvlan-netlink's addon was built with a later C library than this machine's, or with a different one. ";

const NOEXEC =
  'Nothing may be executed where the addon is (a file system that is mounted with noexec, or a security module), or ' +
  'the process may have no more memory (RLIMIT_AS).';

const DISABLED =
  'macvlan-netlink is such an addon: start Node.js without --no-addons, and with --allow-addons where it has a permission model.';

/** A path as a shell's word, also one with an apostrophe. */
const quote = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;

/** The tools go into the package's own folder, because the project may use pnpm, or there may be none. */
const howToBuild = (root: string) =>
  'To build it here (needs g++, make and python3):\n' +
  `  npm install --no-save --prefix ${quote(`${root}native`)} node-gyp@12 node-addon-api@8\n` +
  `  npx --prefix ${quote(`${root}native`)} node-gyp rebuild -C ${quote(`${root}native`)}`;
