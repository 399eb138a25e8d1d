// Where and with what it was measured.
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { capture } from '../support/command.mjs';

function distribution() {
  const text = readFileSync('/etc/os-release', 'utf8');
  return /^PRETTY_NAME="?([^"\n]+)/m.exec(text)?.[1] ?? 'Linux';
}

async function commit() {
  const { code, stdout } = await capture('git', ['describe', '--always', '--dirty']).catch(() => ({
    code: 1,
    stdout: '',
  }));
  return code === 0 ? stdout.trim() : null;
}

/** The processors that this program may use, by number. */
export function processors() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [, list = '0'] = /^Cpus_allowed_list:\s*(\S+)/m.exec(status) ?? [];
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

/** The C library, with its version where it tells one. */
function libc() {
  const version = /** @type {any} */ (process.report.getReport()).header.glibcVersionRuntime;
  return version === undefined ? null : `glibc ${version}`;
}

/** Whether signalling a condition variable may have to wait for other threads; `support/condvar.c` explains why. */
export function signalsWait() {
  const [, major = 0, minor = 0] = /^glibc (\d+)\.(\d+)/.exec(libc() ?? '')?.map(Number) ?? [];
  return major === 2 && minor >= 25 && minor < 41;
}

export async function describeMachine() {
  return {
    date: new Date().toISOString(),
    kernel: release(),
    distribution: distribution(),
    libc: libc(),
    cpu: cpus()[0]?.model.trim() ?? arch(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    commit: await commit(),
    loadBefore: loadavg()[0] ?? 0,
  };
}
