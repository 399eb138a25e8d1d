// This package, as it stands in dist/ and build/Release.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../support/project.mjs';
import { tapProgram } from './tap.mjs';

const taps = { command: [process.execPath, tapProgram, 'package'] };
const program = fileURLToPath(new URL('./programs/macvlan-netlink.mjs', import.meta.url));

/** @type {import('./contestant.mjs').Contestant} */
export const macvlanNetlink = {
  name: 'macvlan-netlink',
  title: 'macvlan-netlink',
  missing: async () => null,
  version: async () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
  command: [process.execPath, '--expose-gc', program],
  module: join(root, 'dist/index.js'),
  watchesLoop: true,
  workloads: {
    create: {},
    'create-all': {},
    'create-all-warm': {},
    'create-into': {},
    'create-warm': {},
    'create-into-warm': {},
    delete: {},
    'delete-calls': {},
    'delete-each': {},
    list: {},
    attach: {},
    'attach-warm': {},
    'attach-each': {},
    netns: {},
    latency: {},
    'latency-busy': {},
    growth: {},
    watch: {},
    'tap-out-64': taps,
    'tap-out-1500': taps,
    'tap-in-64': taps,
    'tap-in-1500': taps,
    import: {},
  },
};
