// The package as `npm pack` makes it, with this machine's prebuilt addon in it.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const run = promisify(execFile);

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Makes the prebuilt addon, unless it is there for these sources; gives its path. */
export async function prebuild(): Promise<string> {
  const { stdout } = await run(process.execPath, ['scripts/prebuild.mjs'], { cwd: root });
  return stdout.trim();
}

/** Every prebuilt addon of this clone: this machine's, and the others after `npm run prebuild -- --all`. */
export function prebuilds(): readonly string[] {
  const machines = ['linux-arm64', 'linux-x64'].map((name) => `prebuilds/${name}`);
  return machines.flatMap((folder) =>
    ['glibc', 'musl']
      .map((libc) => `${folder}/macvlan-netlink.${libc}.node`)
      .filter((file) => existsSync(join(root, file))),
  );
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Runs `npm pack` with further arguments and gives what it reports. */
export async function pack(...args: readonly string[]): Promise<Packed> {
  const options = { cwd: root, maxBuffer: 16 * 2 ** 20 };
  const { stdout } = await run('npm', ['pack', '--json', ...args], options);
  // npm 11 gives a list of packages, npm 12 an object keyed by name.
  const report: unknown = JSON.parse(stdout);
  const [packed] = Object.values(report as Record<string, Packed>);
  if (packed === undefined) throw new Error(`npm pack reported nothing: ${stdout}`);
  return packed;
}

/** The names of a folder's files, sorted; none when there is no such folder. */
export function namesIn(folder: string): readonly string[] {
  const path = join(root, folder);
  return existsSync(path) ? readdirSync(path).sort() : [];
}
