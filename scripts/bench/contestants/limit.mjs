// The limit: a C program of this project with messages built beforehand.
import { join } from 'node:path';
import { filesUnder, fingerprint, unlessDone } from '../../support/stamp.mjs';
import { commandStep, root } from '../../support/step.mjs';
import { buildFolder } from '../support/packages.mjs';

const sources = () => filesUnder('scripts/bench/limit', (file) => /\.[ch]$/.test(file));
const output = 'build-bench/limit';

/** @type {import('./contestant.mjs').Contestant} */
export const limit = {
  name: 'limit',
  title: 'C, the limit',
  missing: async () => null,
  version: async () => 'messages built beforehand, cc -O2',
  build: () =>
    unlessDone('bench-limit', fingerprint(sources()), [output], () => {
      const files = sources().filter((file) => file.endsWith('.c'));
      const args = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', output, ...files];
      return commandStep('Compiling the C limit', 'cc', args, { cwd: root });
    }),
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
  },
};
