// iproute2, in the two ways that programs call it.
import { fileURLToPath } from 'node:url';
import { capture } from '../../support/command.mjs';

const program = (name) => fileURLToPath(new URL(`./programs/${name}.mjs`, import.meta.url));

async function version() {
  const { output } = await capture('ip', ['-Version']);
  return output.trim().replace(/^ip utility, /, '');
}

/** @type {import('./contestant.mjs').Contestant} */
export const ipExec = {
  name: 'ip-exec',
  title: "execFile('ip')",
  debian: ['iproute2'],
  missing: async () => null,
  version,
  command: [process.execPath, program('ip-exec')],
  watchesLoop: true,
  workloads: {
    create: { most: 100, rounds: 3 },
    'create-into': { most: 100, rounds: 3 },
    delete: { most: 100, rounds: 3 },
    list: {},
    attach: { most: 20, rounds: 3 },
    netns: { most: 50, rounds: 3 },
    latency: { most: 100, rounds: 3 },
  },
};

/** @type {import('./contestant.mjs').Contestant} */
export const ipBatch = {
  name: 'ip-batch',
  title: 'ip -batch',
  debian: ['iproute2'],
  missing: async () => null,
  version,
  command: [process.execPath, program('ip-batch')],
  workloads: {
    create: {},
    'create-into': {},
    delete: { most: 100, rounds: 3 },
    attach: { most: 50, rounds: 3 },
    netns: {},
  },
};
