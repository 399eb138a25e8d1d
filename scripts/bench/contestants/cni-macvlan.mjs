// The CNI reference plugins (macvlan, static, loopback), called as a container runtime does.
import { fileURLToPath } from 'node:url';
import { debianVersion, missingPackages } from '../support/packages.mjs';

const program = fileURLToPath(new URL('./programs/cni-macvlan.mjs', import.meta.url));
const debian = ['containernetworking-plugins'];

/** @type {import('./contestant.mjs').Contestant} */
export const cniMacvlan = {
  name: 'cni-macvlan',
  title: 'CNI macvlan plugin',
  debian,
  missing: () => missingPackages(debian),
  version: async () => (await debianVersion('containernetworking-plugins')) ?? '',
  command: [process.execPath, program],
  env: { BENCH_CNI_FOLDER: '/usr/lib/cni' },
  workloads: { attach: { most: 20, rounds: 3 } },
};
