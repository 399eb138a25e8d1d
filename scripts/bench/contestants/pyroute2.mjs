// pyroute2 from Debian, with Debian's Python.
import { fileURLToPath } from 'node:url';
import { debianVersion, missingPackages } from '../support/packages.mjs';

const program = fileURLToPath(new URL('./programs/pyroute2_links.py', import.meta.url));
const debian = ['python3-pyroute2'];

/** @type {import('./contestant.mjs').Contestant} */
export const pyroute2 = {
  name: 'pyroute2',
  title: 'pyroute2',
  debian,
  missing: () => missingPackages(debian),
  version: async () => (await debianVersion('python3-pyroute2')) ?? '',
  command: ['/usr/bin/python3', program],
  workloads: {
    create: { most: 1_000, rounds: 3 },
    'create-into': { rounds: 3 },
    delete: { most: 100, rounds: 3 },
    list: { most: 1_000, rounds: 3 },
    attach: { most: 20, rounds: 3 },
    netns: { most: 50, rounds: 3 },
    latency: { rounds: 3 },
  },
};
