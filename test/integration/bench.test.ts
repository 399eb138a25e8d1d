/** `npm run bench` with few links: it measures, checks and reports. The figures themselves are not checked. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../support/package.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const run = promisify(execFile);

interface Row {
  readonly workload: string;
  readonly contestant: string;
  readonly count: number;
  readonly us: { readonly median: number; readonly samples: number };
  readonly ratio: { readonly median: number } | null;
}

interface Results {
  readonly rounds: number;
  readonly contestants: readonly { readonly name: string; readonly version: string }[];
  readonly failures: readonly unknown[];
  readonly machine: { readonly libc: string | null };
  readonly rows: readonly Row[];
  readonly stalls: readonly {
    readonly workload: string;
    readonly setting: string;
    readonly worstMs: number;
  }[];
  readonly samples: readonly {
    readonly contestant: string;
    readonly count: number;
    readonly result: { readonly requests: number };
  }[];
  readonly targets: readonly { readonly title: string; readonly met: boolean }[];
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-netlink-bench-'));
  bed.onCleanup(() => rmSync(folder, { recursive: true }));
  return folder;
}

function bench(...args: readonly string[]) {
  const line = ['scripts/bench.mjs', '--only', 'macvlan-netlink', ...args];
  return run(process.execPath, line, { cwd: root, maxBuffer: 16 * 2 ** 20 });
}

const WORKLOADS = ['create', 'create-all', 'create-into', 'delete', 'list', 'attach', 'netns'];

test('every workload is measured, also with the C program, and reported', async () => {
  const before = await bed.ownNetns().snapshot();
  const out = temporaryFolder();
  const options = ['--count', '5', '--rounds', '1', '--json', '--out', out];
  const { stdout } = await bench(
    ...options,
    '--workloads',
    [...WORKLOADS, 'latency', 'watch'].join(','),
  );
  const results = JSON.parse(stdout) as Results;

  expect(results.failures).toEqual([]);
  expect(results.rounds).toBe(1);
  expect(results.contestants.map(({ name }) => name)).toEqual(['limit', 'macvlan-netlink', 'node']);
  for (const workload of [...WORKLOADS, 'latency']) {
    const rows = results.rows.filter((row) => row.workload === workload);
    expect(rows.map(({ contestant }) => contestant).sort()).toEqual(['limit', 'macvlan-netlink']);
    for (const { count, us, ratio } of rows) {
      expect({ count, samples: us.samples }).toEqual({ count: 5, samples: 1 });
      expect(us.median).toBeGreaterThan(0);
      expect(ratio?.median).toBeGreaterThan(0);
    }
  }
  const watchedIn = (wanted: string) =>
    results.stalls
      .filter(({ setting }) => setting === wanted)
      .map(({ workload }) => workload)
      .sort();
  expect(watchedIn('usual')).toEqual([...WORKLOADS, 'watch', 'idle', 'asking', 'objects'].sort());
  const signalsWait = /^glibc 2\.(2[5-9]|3\d|40)$/.test(results.machine.libc ?? '');
  expect(watchedIn('condvar')).toEqual(signalsWait ? ['list', 'watch'] : []);
  expect(watchedIn('apart')).toEqual(availableParallelism() > 1 ? ['watch'] : []);

  // All of them are about other counts.
  expect(results.targets).toEqual([]);

  expect(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).rows).toEqual(results.rows);
  const report = readFileSync(join(out, 'report.md'), 'utf8');
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  for (const [, file = ''] of report.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)) {
    const plot = readFileSync(join(out, file), 'utf8');
    expect(plot).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(page).toContain(plot.trim());
    expect(plot).not.toContain('NaN');
  }
  expect(report).toContain('| macvlan-netlink | 5 |');
  expect(report).not.toMatch(/NaN|undefined|null/);
  expect(await bed.ownNetns().snapshot()).toEqual(before);
});

const SHORT = ['--workloads', 'latency', '--count', '5', '--rounds', '1'];

test('a folder that cannot be made is refused before anything is measured', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  const refused = { code: 1, stdout: '', stderr: expect.stringMatching(/^--out: EEXIST: .*\n$/) };
  await expect(bench(...SHORT, '--out', file)).rejects.toMatchObject(refused);
});

test('the report is written below /run too, and when nobody reads the tables', async () => {
  const out = mkdtempSync('/run/macvlan-netlink-bench-');
  bed.onCleanup(() => rmSync(out, { recursive: true }));
  const line = ['scripts/bench.mjs', '--only', 'macvlan-netlink', ...SHORT, '--out', out];
  const script = `"$0" ${line.join(' ')} | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await run('bash', ['-c', script, process.execPath], { cwd: root });
  expect(stdout).toBe('1\n');
  expect(stderr).toContain(`Report: ${out}/report.html`);
  expect(stderr).not.toContain('EPIPE');
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Results;
  expect(results.rows.map(({ contestant }) => contestant)).toContain('macvlan-netlink');
  expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain('| macvlan-netlink | 5 |');
});

test('a slow contestant makes as many requests as the report says', async () => {
  const options = ['--workloads', 'latency', '--count', '101', '--rounds', '1', '--json'];
  const line = ['scripts/bench.mjs', '--only', 'ip-exec', ...options, '--out', temporaryFolder()];
  const { stdout } = await run(process.execPath, line, { cwd: root, maxBuffer: 16 * 2 ** 20 });
  const { samples } = JSON.parse(stdout) as Results;
  const told = samples.map(({ contestant, count, result }) => [contestant, count, result.requests]);
  // The C program is measured with both counts, so that equal counts are compared.
  expect(told.sort()).toEqual([
    ['ip-exec', 100, 100],
    ['limit', 100, 100],
    ['limit', 101, 101],
  ]);
});

test('a workload in which nobody takes part is refused', async () => {
  const line = ['scripts/bench.mjs', '--only', 'limit', '--workloads', 'watch'];
  const refused = { code: 1, stdout: '', stderr: expect.stringContaining('none takes part') };
  await expect(
    run(process.execPath, [...line, '--out', temporaryFolder()], { cwd: root }),
  ).rejects.toMatchObject(refused);
});

const debian = spawnSync('dpkg-query', ['--status', 'iproute2']).status === 0;

test.skipIf(!debian)('--install leaves alone what is installed', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'apt-get'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const line = ['scripts/bench.mjs', '--install', '--only', 'ip-exec', '--workloads', 'list'];
  const args = [...line, '--count', '2', '--rounds', '1', '--json', '--out', folder];
  const { stdout } = await run(process.execPath, args, { cwd: root, env, maxBuffer: 2 ** 24 });
  const { rows } = JSON.parse(stdout) as Results;
  expect(rows.map(({ contestant }) => contestant).sort()).toEqual(['ip-exec', 'limit']);
});

test('an interrupt ends it, and nothing is reported', async () => {
  const out = temporaryFolder();
  const line = ['scripts/bench.mjs', '--only', 'macvlan-netlink', '--workloads', 'growth'];
  const child = spawn(process.execPath, [...line, '--out', out], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  let interrupted = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
    if (interrupted || !/^0 % · round 1 /m.test(said.stderr)) return;
    interrupted = true;
    // To the whole process group, like Ctrl-C.
    process.kill(-Number(child.pid), 'SIGINT');
  });
  expect(await closed).toEqual([130, null]);
  expect(said.stdout).toBe('');
  expect(said.stderr).not.toMatch(/^ {4}at /m);
  expect(readdirSync(out)).toEqual([]);
});

test('a contestant that fails at a workload is reported with the reason', async () => {
  const out = temporaryFolder();
  const broken = join(temporaryFolder(), 'broken.cjs');
  writeFileSync(broken, "if (process.argv[2] === 'latency') throw new TypeError('not today');");
  const env = { ...process.env, NODE_OPTIONS: `--require=${broken}` };
  const args = ['scripts/bench.mjs', '--only', 'macvlan-netlink', ...SHORT, '--out', out];
  const failed = await run(process.execPath, args, { cwd: root, env }).catch((error) => error);
  const why = 'latency: exit code 1: TypeError: not today';
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringMatching(/│ C, the limit +│ 5 │/) });
  expect(failed.stdout.split('\n').at(-2)).toBe(`Failed: macvlan-netlink, ${why}`);
  expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain(`| macvlan-netlink | ${why} |`);
});

test('a workload that cannot be profiled affects nothing else, and each is profiled once', async () => {
  await bench(...SHORT, '--out', temporaryFolder());
  const broken = join(temporaryFolder(), 'broken.cjs');
  const fails = "process.env.BENCH_PROFILE && process.argv[2] === 'delete'";
  writeFileSync(broken, `if (${fails}) throw new Error('no profile today');`);
  const script = `
    import { contestants } from '${root}/scripts/bench/contestants/index.mjs';
    import { profileMissed } from '${root}/scripts/bench/rounds.mjs';
    import { workloads } from '${root}/scripts/bench/workloads.mjs';
    const missed = (workload) => ({ workload, count: 3, met: false });
    const targets = ['delete', 'create', 'create'].map(missed);
    const result = await profileMissed({ contestants, workloads }, targets, () => {});
    console.log(JSON.stringify(result));`;
  // With its own /run, because it removes every named namespace that it sees.
  const alone = 'mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && exec "$@"';
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const args = ['--net', '--mount', 'sh', '-c', alone, 'sh', ...node];
  const env = { ...process.env, NODE_OPTIONS: `--require=${broken}` };
  const { stdout } = await run('unshare', args, { env });
  const of = (workload: string) => ({ workload, count: 3 });
  expect(JSON.parse(stdout)).toEqual({
    profiles: [expect.objectContaining(of('create'))],
    failures: [
      {
        contestant: 'macvlan-netlink',
        watchLoop: false,
        ...of('delete'),
        message: expect.any(String),
      },
    ],
  });
  expect(JSON.parse(stdout).failures[0].message).toContain('no profile today');
});

test('unknown names are refused with a list of the known ones', async () => {
  const refused = { code: 1, stderr: expect.stringContaining("there is no 'dance', but create,") };
  await expect(bench('--workloads', 'dance')).rejects.toMatchObject(refused);
});

test.each([
  [['--colour'], "Unknown option '--colour'"],
  [['--out'], "Option '--out <value>' argument missing"],
  [['create'], "Unexpected argument 'create'"],
])('%j is refused in a few words, without a stack', async (args, says) => {
  const { code, stderr } = await bench(...args).catch((error) => error);
  expect(code).toBe(1);
  expect(stderr).toContain(says);
  expect(stderr).not.toMatch(/^ {4}at /m);
});
