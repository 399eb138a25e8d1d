// Node with an empty module: what an import and a process cost without any package.
import { fileURLToPath } from 'node:url';

const empty = fileURLToPath(new URL('./programs/empty.mjs', import.meta.url));

/** @type {import('./contestant.mjs').Contestant} */
export const node = {
  name: 'node',
  title: 'Node, an empty module',
  missing: async () => null,
  version: async () => process.version,
  command: [process.execPath, empty],
  module: empty,
  workloads: { import: {} },
};
