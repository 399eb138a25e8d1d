// The limit: a C program of this project with messages built beforehand.
import { join } from 'node:path';
import { root } from '../../support/project.mjs';
import { filesUnder, fingerprint, unlessDone } from '../../support/stamp.mjs';
import { commandStep } from '../../support/step.mjs';
import { buildFolder } from '../support/packages.mjs';
import { warnings } from '../support/warnings.mjs';
import { tapProgram } from './tap.mjs';

/** @param {string} name of the program, and of its folder */
async function compile(name) {
  const sources = filesUnder(`scripts/bench/${name}`, (file) => /\.[ch]$/.test(file));
  const output = `build-bench/${name}`;
  await unlessDone(`bench-${name}`, fingerprint(sources), [output], () => {
    const files = sources.filter((file) => file.endsWith('.c'));
    const args = ['-O2', ...warnings, '-o', output, ...files];
    return commandStep('Compiling the C limit', 'cc', args, { cwd: root });
  });
}

const taps = { command: [process.execPath, tapProgram, 'C'] };

/** @type {import('./contestant.mjs').Contestant} */
export const limit = {
  name: 'limit',
  title: 'C, the limit',
  missing: async () => null,
  version: async () => 'messages built beforehand, cc -O2',
  build: async () => {
    await compile('limit');
    await compile('tap');
  },
  command: [join(buildFolder, 'limit')],
  workloads: {
    create: {},
    'create-all': {},
    'create-into': {},
    delete: {},
    'delete-each': {},
    list: {},
    attach: {},
    netns: {},
    latency: {},
    'latency-busy': {},
    growth: {},
    'tap-out-64': taps,
    'tap-out-1500': taps,
    'tap-in-64': taps,
    'tap-in-1500': taps,
  },
};
