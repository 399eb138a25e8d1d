/** The state of kernel modules, from the files of the kernel and of `depmod`. */
import { release } from 'node:os';
import { builtin } from '../base/builtin.js';
import { Coalescer } from '../base/coalescer.js';
import type { ModuleState } from '../types/types.js';

const fs = builtin('node:fs');

/** The modules that are not named after their kind of link. */
const MODULE_OF_KIND: Readonly<Record<string, string>> = { vlan: '8021q' };

export function moduleOf(kind: string): string {
  return MODULE_OF_KIND[kind] ?? kind;
}

/** The file does not exist, as with a kernel without modules, or may not be read, also by Node's permission model. */
const NO_TEXT: ReadonlySet<unknown> = new Set(['ENOENT', 'EACCES', 'ENOTDIR', 'ERR_ACCESS_DENIED']);

/** The file's text; empty where there is none. */
async function textOf(path: string): Promise<string> {
  try {
    return await fs.promises.readFile(path, 'utf8');
  } catch (error) {
    if (NO_TEXT.has((error as NodeJS.ErrnoException).code)) return '';
    throw error;
  }
}

/** The module's name in a line such as `kernel/drivers/net/macvlan.ko.xz: …`. */
function namesModule(line: string, module: string): boolean {
  const file = /([^/]+)\.ko(?:\.\w+)?(?::|$)/.exec(line)?.[1];
  // The kernel treats - and _ in module names as the same.
  return file?.replaceAll('-', '_') === module.replaceAll('-', '_');
}

const lookups = new Coalescer();

/**
 * The state of a module according to these files; `null` when they do not tell. Without /lib/modules only the kernel
 * itself can tell what is built in.
 */
export function moduleState(module: string): Promise<ModuleState | null> {
  return lookups.share(module, () => stateByFiles(module));
}

async function stateByFiles(module: string): Promise<ModuleState | null> {
  const loaded = await textOf('/proc/modules');
  if (loaded.split('\n').some((line) => line.startsWith(`${module} `))) return 'loaded';
  const folder = `/lib/modules/${release()}`;
  const builtin = await textOf(`${folder}/modules.builtin`);
  if (builtin.split('\n').some((line) => namesModule(line, module))) return 'builtin';
  const known = await textOf(`${folder}/modules.dep`);
  if (known.split('\n').some((line) => namesModule(line, module))) return 'loadable';
  return null;
}
