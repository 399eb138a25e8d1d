// vishvananda/netlink, built from Debian's packages without a network.
import { join } from 'node:path';
import { root } from '../../support/project.mjs';
import { filesUnder, fingerprint, unlessDone } from '../../support/stamp.mjs';
import { commandStep } from '../../support/step.mjs';
import { buildFolder, debianVersion, missingPackages } from '../support/packages.mjs';

const debian = ['golang-go', 'golang-github-vishvananda-netlink-dev'];
const output = 'build-bench/go-netlink';
const sources = 'scripts/bench/contestants/programs/go-netlink';

/** @type {import('./contestant.mjs').Contestant} */
export const goNetlink = {
  name: 'go-netlink',
  title: 'vishvananda/netlink (Go)',
  debian,
  missing: () => missingPackages(debian),
  version: async () =>
    `${await debianVersion('golang-github-vishvananda-netlink-dev')}, Go ${await debianVersion('golang-go')}`,
  build: async () => {
    const versions = await Promise.all(debian.map(debianVersion));
    const inputs = fingerprint(filesUnder(sources), versions.map(String));
    await unlessDone('bench-go', inputs, [output], () =>
      commandStep(
        'Compiling the Go contestant',
        '/usr/bin/go',
        ['build', '-o', output, `./${sources}`],
        {
          cwd: root,
          env: {
            ...process.env,
            GOPATH: '/usr/share/gocode',
            GO111MODULE: 'off',
            GOFLAGS: '',
            GOCACHE: join(buildFolder, 'go-cache'),
          },
        },
      ),
    );
  },
  command: [join(root, output)],
  workloads: {
    create: {},
    'create-into': {},
    delete: { most: 100, rounds: 3 },
    list: {},
    attach: {},
    netns: {},
    latency: {},
    'latency-busy': {},
  },
};
