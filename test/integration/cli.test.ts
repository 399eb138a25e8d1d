/** `npx macvlan-netlink bench`: what it prints, what it makes and what it leaves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { root } from '../support/package.js';
import type { Ended } from '../support/program.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const program = join(root, manifest.bin['macvlan-netlink']);

/** Runs the command line, and `during` meanwhile. */
async function cli(
  args: readonly string[],
  during: (kill: (signal: NodeJS.Signals) => void, pid: number) => Promise<void> = async () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const said = ['', ''];
  for (const [at, stream] of [child.stdout, child.stderr].entries()) {
    stream.setEncoding('utf8').on('data', (text) => {
      said[at] += text;
    });
  }
  await during((signal) => child.kill(signal), child.pid ?? 0);
  const [code, signal] = await closed;
  const [stdout = '', stderr = ''] = said;
  return { code, signal, stdout, stderr };
}

async function macvlans(host: TestNetns): Promise<number> {
  const links = await host.links();
  return links.filter(({ linkinfo }) => linkinfo?.info_kind === 'macvlan').length;
}

interface Report {
  readonly steps: readonly {
    readonly name: string;
    readonly count: number;
    readonly totalMs: number;
    readonly eachUs: number;
    readonly p50Us: number | null;
    readonly p99Us: number | null;
  }[];
}

const STEPS = [
  'create, one after another',
  'list',
  'delete, one after another',
  'delete, all at once',
  'create, all at once',
  'delete, all at once',
];

test.each([
  ['in a namespace of its own', []],
  ['beside the parent', ['--here']],
] as const)('measures %s, and leaves nothing behind', async (_, more) => {
  const own = bed.ownNetns();
  const parent = await own.parent();
  const before = await own.snapshot();
  const args = ['bench', '--parent', parent, '--count', '30', '--json', ...more];
  const { code, stdout, stderr } = await cli(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    version: manifest.version,
    kernel: release(),
    node: process.version,
    parent,
    count: 30,
    here: more.length > 0,
  });
  const { steps } = JSON.parse(stdout) as Report;
  expect(steps.map(({ name }) => name)).toEqual(STEPS);
  const [created, listed, , deleted] = steps;
  expect(created).toMatchObject({
    count: 30,
    p50Us: expect.any(Number),
    p99Us: expect.any(Number),
  });
  expect(listed?.count).toBeGreaterThan(30);
  expect(deleted).toMatchObject({ count: 20, p50Us: null, p99Us: null });
  for (const { count, totalMs, eachUs } of steps) {
    expect(totalMs).toBeGreaterThan(0);
    expect(eachUs).toBeCloseTo((totalMs * 1000) / count, 6);
  }
  expect(await own.snapshot()).toEqual(before);
});

test('the links of a run whose process id begins alike stay', async () => {
  const own = bed.ownNetns();
  const parent = await own.parent();
  let name = '';
  const args = ['bench', '--parent', parent, '--count', '12', '--here'];
  const { code } = await cli(args, async (_, pid) => {
    // The names of a process whose id begins with the digits of this one's.
    name = `mvb${pid.toString(36)}x5-0`;
    await own.ip('link', 'add', 'link', parent, 'name', name, 'type', 'macvlan', 'mode', 'bridge');
  });
  expect(code).toBe(0);
  const links = await own.links();
  expect(links.map(({ ifname }) => ifname)).toContain(name);
  await own.ip('link', 'delete', 'dev', name);
});

test('prints a table, with a line for each step', async () => {
  const parent = await bed.ownNetns().parent();
  const { code, stdout } = await cli(['bench', '--parent', parent, '--count', '12']);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toContain(`macvlan-netlink ${manifest.version}, Linux ${release()}`);
  expect(lines[2]?.trim().split(/\s+/)).toEqual(['links', 'total', 'each', 'p50', 'p99']);
  expect(lines.slice(3, 9).map((line) => line.split(/ {2,}/)[0])).toEqual(STEPS);
  for (const line of lines.slice(3, 9)) expect(line).toMatch(/ \d+ +[\d.]+ [µm]s +[\d.]+ [µm]s/);
  expect(stdout).not.toContain('\x1b');
});

test.each([
  ['SIGINT', 130, 1],
  ['SIGTERM', 143, 1],
  ['SIGHUP', 129, 1],
  // Ctrl-C reaches npx as well, which passes it on.
  ['SIGINT', 130, 2],
] as const)('%s half way: every link it made is gone', async (signal, expected, times) => {
  const own = bed.ownNetns();
  const parent = await own.parent();
  const before = await own.snapshot();
  let seen = 0;
  const args = ['bench', '--parent', parent, '--count', '10000', '--here'];
  const { code, stdout, stderr } = await cli(args, async (kill) => {
    for (let turn = 0; seen < 20; turn++) {
      if (turn === 1000) throw new Error('no links come');
      await sleep(10);
      seen = await macvlans(own);
    }
    for (let time = 0; time < times; time++) {
      kill(signal);
      await sleep(20);
    }
  });
  expect({ code, stdout, stderr }).toEqual({
    code: expected,
    stdout: '',
    stderr: 'Interrupted. Every link it made is gone.\n',
  });
  expect(await own.snapshot()).toEqual(before);
});

/** Runs the command line as part of a shell command; returns what it printed on standard error. */
async function inShell(line: string): Promise<{ code: number; said: string }> {
  const shell = spawn('bash', ['-c', line, process.execPath, program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  shell.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(shell, 'close');
  return { code, said };
}

test('a full disk is reported in one line', async () => {
  const { code, said } = await inShell('"$0" "$1" --help > /dev/full');
  expect(code).toBe(1);
  expect(said).toMatch(/^macvlan-netlink: .*ENOSPC.*\n$/);
});

test('a reader that closes its end early causes no message', async () => {
  // The reader has ended before the writer starts.
  const { said } = await inShell('(sleep 0.3; exec "$0" "$1" --help) | true');
  expect(said).toBe('');
});

test('a closed end of the error output leaves the exit code as it is', async () => {
  for (const end of ['/dev/full', '>(true)']) {
    expect(await inShell(`"$0" "$1" bogus 2> ${end}`)).toEqual({ code: 2, said: '' });
  }
});

test('a parent that is not there is named', async () => {
  const { code, stdout, stderr } = await cli(['bench', '--parent', 'nobody', '--count', '1']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain("There is no link named 'nobody'");
});

test.each([
  [[], "expected the command 'bench', and got no command"],
  [['create'], "expected the command 'bench', and got 'create'"],
  [['bench', 'create', '--parent', 'p'], "and got 'bench create'"],
  [['bench'], '--parent is required'],
  [['bench', '--parent', ''], '--parent is required'],
  [['bench', '--parent', 'p', '--count', 'many'], '--count must be a whole number'],
  [['bench', '--parent', 'p', '--count', '0'], '--count must be a whole number'],
  [
    ['bench', '--parent', 'p', '--count', '10001'],
    '--count must be a whole number from 1 to 10000',
  ],
  [['bench', '--parent', 'p', '--colour'], "Unknown option '--colour'"],
])('%j is refused, with exit code 2', async (args, says) => {
  const { code, stdout, stderr } = await cli(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr).toContain('macvlan-netlink --help');
});

test('--help and --version are answered without any privilege', async () => {
  const help = await cli(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('Usage: macvlan-netlink bench --parent NAME');
  expect(await cli(['-h'])).toEqual(help);
  expect(await cli(['--version'])).toMatchObject({ code: 0, stdout: `${manifest.version}\n` });
});
