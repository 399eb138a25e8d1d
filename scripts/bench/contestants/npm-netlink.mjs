// The npm package `netlink`.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmFolder, npmVersion } from '../support/packages.mjs';

const program = fileURLToPath(new URL('./programs/npm-netlink.mjs', import.meta.url));

/** @type {import('./contestant.mjs').Contestant} */
export const npmNetlink = {
  name: 'npm-netlink',
  title: 'npm netlink',
  npm: ['netlink@0.3.0'],
  missing: async () => (npmVersion('netlink') === null ? 'not installed: netlink (npm)' : null),
  version: async () => npmVersion('netlink'),
  command: [process.execPath, program],
  env: { BENCH_NPM_FOLDER: npmFolder },
  module: join(npmFolder, 'node_modules/netlink/dist/index.js'),
  watchesLoop: true,
  workloads: {
    create: {},
    'create-into': {},
    delete: { most: 100, rounds: 3 },
    list: {},
    latency: {},
    import: {},
  },
};
