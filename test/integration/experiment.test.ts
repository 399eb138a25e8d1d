/** `npm run experiment`, in the private namespaces of these tests: what it finds and what it leaves. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Link } from '../../lib/index.js';
import { root } from '../support/package.js';
import { type Ended, withoutCapabilities } from '../support/program.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

interface Seen {
  readonly netns: string;
  readonly link: Link;
  readonly addresses: readonly string[];
}

interface Step {
  readonly id: string;
  readonly before?: Seen;
  readonly after?: Seen;
  readonly links?: readonly Seen[];
  readonly roundTripsMs?: readonly number[];
}

interface Reach {
  readonly expected: string | null;
  readonly observed: string | null;
  readonly roundTripMs: number | null;
}

interface Row {
  readonly mode: string;
  readonly hairpin: boolean | null;
  readonly sources: string | null;
  readonly childToChild: Reach;
  readonly childToHost: Reach;
  readonly childToParent: Reach;
  readonly refusal: { readonly code: string; readonly hint: string | null } | null;
  readonly asExpected: boolean;
}

interface Result {
  readonly steps: readonly Step[];
  readonly modes: readonly Row[];
  readonly leftBehind: readonly string[];
  readonly asExpected: boolean;
}

interface Run extends Ended {
  /** What it printed with `--json`. */
  readonly result: Result;
}

const script = [process.execPath, `${root}/scripts/experiment.mjs`];

/** An experiment that is under way. */
interface Running {
  kill(signal: NodeJS.Signals): void;
  /** What it has said on standard error so far. */
  said(): string;
}

/** Runs the experiment, and `during` beside it. */
async function experiment(
  args: readonly string[],
  during: (running: Running) => Promise<void> = async () => {},
  under: readonly string[] = [],
): Promise<Run> {
  const [command = '', ...rest] = [...under, ...script, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  await during({ kill: (signal) => child.kill(signal), said: () => stderr });
  const [code, signal] = await closed;
  return {
    code,
    signal,
    stdout,
    stderr,
    get result() {
      return JSON.parse(stdout) as Result;
    },
  };
}

/** Everything that an experiment could leave behind here. */
async function surroundings(host: TestNetns) {
  return {
    ...((await host.snapshot()) as object),
    namespaces: await host.ip('netns', 'list'),
    files: existsSync('/run/netns') ? readdirSync('/run/netns') : null,
  };
}

function stepOf(result: Result, id: string): Step {
  const step = result.steps.find((candidate) => candidate.id === id);
  if (step === undefined) throw new Error(`no step '${id}'`);
  return step;
}

/** A row in few words: the mode, and what was seen of child to child, to host, to parent. */
function inWords(row: Row): string {
  const { mode, sources, hairpin, childToChild, childToHost, childToParent } = row;
  const seen = [childToChild, childToHost, childToParent].map(({ observed }) => observed ?? '-');
  const network = hairpin === null ? 'card' : `hairpin ${hairpin ? 'on' : 'off'}`;
  return `${[mode, sources, network].filter(Boolean).join(', ')}: ${seen.join(' ')}`;
}

test('the two links reach each other, and every mode behaves as expected', async () => {
  const own = bed.ownNetns();
  const before = await surroundings(own);
  const { code, result } = await experiment(['--json']);

  expect(code).toBe(0);
  expect(result).toMatchObject({ asExpected: true, leftBehind: [] });
  expect(stepOf(result, 'support')).toMatchObject({ support: { netAdmin: true } });
  expect(stepOf(result, 'promiscuous')).toMatchObject({
    before: { link: { name: 'phys0', promiscuous: false, promiscuity: 0 } },
    after: { link: { name: 'phys0', promiscuous: true, promiscuity: 1 } },
  });
  const phys0 = stepOf(result, 'promiscuous').after?.link.index;
  expect(stepOf(result, 'create').links).toMatchObject(
    ['macv1', 'macv2'].map((name) => ({
      netns: 'machine',
      link: {
        name,
        up: false,
        macvlan: { mode: 'bridge' },
        parent: { index: phys0, netnsid: null },
      },
    })),
  );
  expect(stepOf(result, 'view').links).toMatchObject([
    { netns: 'net1', link: { name: 'lo', up: true } },
    { netns: 'net1', link: { name: 'macv1', up: true, parent: { index: phys0, netnsid: 0 } } },
    { netns: 'net2', link: { name: 'lo', up: true } },
    { netns: 'net2', link: { name: 'macv2', up: true, parent: { index: phys0, netnsid: 0 } } },
  ]);
  const [, macv1, , macv2] = stepOf(result, 'view').links ?? [];
  expect(macv1?.addresses).toContain('52.1.1.151/24');
  expect(macv2?.addresses).toContain('52.1.1.152/24');
  expect(stepOf(result, 'reach').roundTripsMs).toHaveLength(5);

  expect(result.modes.map(inWords)).toEqual([
    'private, hairpin off: no yes no',
    'private, hairpin on: no yes no',
    'vepa, hairpin off: no yes no',
    'vepa, hairpin on: yes yes yes',
    'bridge, hairpin off: yes yes no',
    'bridge, hairpin on: yes yes yes',
    'passthru, hairpin off: refused yes no',
    'passthru, hairpin on: refused yes no',
    'source, listed, hairpin off: no yes no',
    'source, listed, hairpin on: yes yes no',
    'source, unlisted, hairpin off: no no no',
    'source, unlisted, hairpin on: no no no',
  ]);
  const refusals = result.modes.filter(({ mode }) => mode === 'passthru');
  for (const { refusal } of refusals) {
    expect(refusal).toMatchObject({ code: 'EINVAL', hint: expect.stringContaining('passthru') });
  }
  expect(await surroundings(own)).toEqual(before);
});

test('the pages fit 80 columns, without colours where there is no terminal', async () => {
  const { code, stdout, stderr } = await experiment([]);
  expect(code).toBe(0);
  expect(stderr).toBe('');
  const lines = stdout.split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).not.toContain('\x1b');
  expect(lines.filter((line) => /^\d\. /.test(line))).toHaveLength(8);
  expect(lines.filter((line) => line.endsWith('│ ✓ │'))).toHaveLength(12);
  expect(lines).toContain('✓ All 12 lines as expected. Everything is taken down again.');
});

test('a network card of the machine is promiscuous meanwhile, and afterwards as before', async () => {
  const own = bed.ownNetns();
  const card = await own.parent();
  const before = await surroundings(own);
  const args = ['--parent', card, '--prefix', 'x-', '--json'];
  const { code, result } = await experiment(args, () =>
    until(async () => (await own.link(card)).flags.includes('PROMISC')),
  );
  expect(code).toBe(0);
  expect(stepOf(result, 'create').links).toMatchObject([
    { link: { name: 'x-macv1' } },
    { link: { name: 'x-macv2' } },
  ]);
  // Nothing reflects frames at the other end of this cable.
  expect(result.modes.map(inWords)).toEqual([
    'private, card: no - -',
    'vepa, card: no - -',
    'bridge, card: yes - -',
    'source, listed, card: no - -',
    'source, unlisted, card: no - -',
  ]);
  expect(await surroundings(own)).toEqual(before);
});

test('a row that differs from what is expected makes the exit code 1', async () => {
  const own = bed.ownNetns();
  const card = await own.parent();
  // Something else on the wire has the second child's address, and answers for it.
  const [{ link: otherEnd = '' }] = [await own.link(card)];
  await own.ip('address', 'add', '52.1.1.152/24', 'dev', otherEnd);
  const socket = createSocket('udp4');
  bed.onCleanup(() => socket.close());
  socket.on('message', (datagram, from) => socket.send(datagram, from.port, from.address));
  socket.bind(7, '52.1.1.152');
  await once(socket, 'listening');

  const { code, result } = await experiment(['--parent', card, '--json']);
  expect(code).toBe(1);
  expect(result.asExpected).toBe(false);
  const [isolated] = result.modes;
  expect(isolated).toMatchObject({
    mode: 'private',
    childToChild: { expected: 'no', observed: 'yes' },
    asExpected: false,
  });
});

test.each([
  ['SIGINT', 130, '3. macv1 and macv2 are created'],
  ['SIGTERM', 143, '7. net2 reaches net1'],
  ['SIGHUP', 129, '8. All five modes'],
] as const)('%s half way: everything is taken down', async (signal, expected, step) => {
  const own = bed.ownNetns();
  const card = await own.parent();
  const before = await surroundings(own);
  let flags: readonly string[] = [];
  const args = ['--parent', card, '--json'];
  const { code, stdout, stderr } = await experiment(args, async ({ kill, said }) => {
    await until(() => said().includes(step));
    ({ flags } = await own.link(card));
    kill(signal);
  });
  expect(flags).toContain('PROMISC');
  expect(code).toBe(expected);
  expect(stdout).toBe('');
  expect(stderr).toContain(`Stopped by ${signal}. Everything is taken down again.`);
  expect(await surroundings(own)).toEqual(before);
});

test('a link that is in the way is named, and nothing is changed', async () => {
  const own = bed.ownNetns();
  const card = await own.parent();
  await own.ip('link', 'add', 'macv2', 'link', card, 'type', 'macvlan');
  const before = await surroundings(own);
  const { code, stderr } = await experiment(['--parent', card]);
  expect(code).toBe(2);
  expect(stderr).toContain("There already is a link 'macv2'");
  expect(await surroundings(own)).toEqual(before);
});

test('missing requirements are named, with exit code 2', async () => {
  for (const name of ['nobody', '']) {
    const noCard = await experiment(['--parent', name]);
    expect(noCard.code).toBe(2);
    expect(noCard.stderr).toContain(`Missing: the network card '${name}'`);
  }

  const closed = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
  const noNamespaces = ['unshare', '--user', '--map-root-user', 'sh', '-c', closed, 'sh'];
  const refused = await experiment([], undefined, [...noNamespaces, ...withoutCapabilities]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('Missing: CAP_SYS_ADMIN and CAP_NET_ADMIN, or user namespaces');
  expect(refused.stdout).toBe('');

  const misused = await experiment(['--colour']);
  expect(misused.code).toBe(2);
  expect(misused.stderr).toContain("Unknown option '--colour'");
});

/** Waits for something to become true. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await holds()); turn++) {
    if (turn === 1000) throw new Error('what was waited for does not happen');
    await sleep(10);
  }
}

test('an output that cannot be written is no success', async () => {
  const under = ['sh', '-c', 'exec "$@" >/dev/full', 'sh'];
  const { code, stderr } = await experiment(['--json'], async () => {}, under);
  expect(code).toBe(1);
  expect(stderr).toContain('Stopped by ENOSPC');
});
