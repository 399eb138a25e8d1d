/** Node's own modules, loaded when they are first asked for, and nothing else with them. */
import { createRequire } from 'node:module';

interface Modules {
  'node:crypto': typeof import('node:crypto');
  'node:events': typeof import('node:events');
  'node:fs': typeof import('node:fs');
  'node:net': typeof import('node:net');
  'node:util': typeof import('node:util');
  'node:worker_threads': typeof import('node:worker_threads');
}

/**
 * For an `import`, Node reads each of a module's exports, and so runs getters that load further modules: up to sixty, a
 * third of the time that importing this package takes. (The first of these functions came with Node 20.16.)
 */
export const builtin = (process.getBuiltinModule ?? createRequire(import.meta.url)) as <
  Name extends keyof Modules,
>(
  name: Name,
) => Modules[Name];
