// Runs a case's commands in namespaces of their own.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTrace, STRACE } from './trace.mjs';

/** Runs a program and returns its standard output; throws with its errors unless it exits 0. */
function output(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined || status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${error ?? stderr}`);
  }
  return stdout;
}

/** Shell lines that run a command under strace and keep what it prints and its exit code. */
export const traced = (command) => [
  `status=0; ${STRACE} ${command} > $WORK/stdout 2> $WORK/stderr || status=$?`,
  'echo $status > $WORK/status',
];

/** Shell lines that run a command under a traced monitor, until it has printed `until`. */
export const monitored = (command, monitor, until) => {
  const wait = (condition) =>
    `i=0; until ${condition}; do i=$((i+1)); [ $i -lt 200 ] || exit 7; sleep 0.05; done`;
  return [
    `${STRACE} ${monitor} > $WORK/stdout 2> $WORK/stderr & MONITOR=$!`,
    wait("grep -qs 'bind.*nl_groups=0x' $WORK/trace"),
    command,
    wait(`grep -qs '${until}' $WORK/stdout`),
    'kill $MONITOR; wait $MONITOR || :; MONITOR=; echo 0 > $WORK/status',
  ];
};

/**
 * Runs a case in new network and mount namespaces, which end with it; gives what it left in `work`.
 *
 * @param {{ name: string, setup: readonly string[] }} item
 * @param {readonly string[]} lines
 * @param {string} work an empty folder
 */
export function runCase({ name, setup }, lines, work) {
  const script = [
    'mount -t tmpfs tmpfs /run; mkdir /run/netns; mount -t sysfs sysfs /sys',
    "PID=; MONITOR=; trap 'kill $PID $MONITOR 2>/dev/null || :' EXIT",
    ...setup,
    'echo "$PID" > $WORK/pid',
    'ip -j link show > $WORK/before.json',
    ...lines,
  ].join('\n');
  const args = ['--net', '--mount', '--propagation', 'private', 'sh', '-euc', script];
  const env = { ...process.env, WORK: work, LC_ALL: 'C' };
  const { status, stderr } = spawnSync('unshare', args, { env, encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) throw new Error(`${name}: the script ended with ${status}: ${stderr}`);
  const read = (file) => readFileSync(join(work, file), 'utf8');
  return {
    calls: parseTrace(read('trace')),
    indexes: Object.fromEntries(JSON.parse(read('before.json')).map((l) => [l.ifname, l.ifindex])),
    pid: read('pid').trim(),
    status: Number(read('status')),
    stdout: read('stdout'),
    stderr: read('stderr').trim(),
  };
}

const versions = { iproute2: output('ip', '-V').trim(), kernel: output('uname', '-r').trim() };

/** What every fixture begins with. */
export function describe({ command, setup, notes }, { indexes, pid, calls }) {
  const folder = '/run/netns/';
  const fds = calls
    .filter(({ path }) => path.startsWith(folder))
    .map(({ path, fd }) => [path.slice(folder.length), fd]);
  return {
    command: command.replace('$PID', pid),
    setup,
    ...versions,
    indexes,
    ...(fds.length > 0 && { fds: Object.fromEntries(fds) }),
    ...(pid !== '' && { pid: Number(pid) }),
    ...(notes !== undefined && { notes }),
  };
}
