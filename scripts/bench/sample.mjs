// One sample: fresh namespaces with a veth pair as the parent, the contestant's program in them, a
// look at what it did, and everything gone before the next one begins.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { capture } from '../support/command.mjs';
import { root } from '../support/project.mjs';
import { fingerprint, unlessDone } from '../support/stamp.mjs';
import { commandStep } from '../support/step.mjs';
import { limit } from './contestants/limit.mjs';
import { processors, signalsWait } from './machine.mjs';
import { buildFolder } from './support/packages.mjs';
import { warnings } from './support/warnings.mjs';

const HOME = 'bench';
const SPACE = 'benchx';
const TIMEOUT = 180_000;
/** Environment variables that tell a program how to observe its work. */
const VIEWS = Object.freeze({
  time: {},
  turns: { BENCH_WATCH_LOOP: '1' },
  profile: { BENCH_PROFILE: '1' },
});
/** Commands that the contestants' programs start themselves. */
const programs = {
  BENCH_LIMIT: join(buildFolder, 'limit'),
  BENCH_TAP: join(buildFolder, 'tap'),
};
const enter = join(buildFolder, 'enter');
const condvar = join(buildFolder, 'condvar.so');
const pathOf = (name) => `/run/netns/${name}`;

/** A sample that could not be taken, and what the program said. */
export class SampleError extends Error {}

/** @param {string} title @param {string} source @param {string} target @param {readonly string[]} [flags] */
const compile = (title, source, target, flags = []) =>
  unlessDone(`bench-${target}`, fingerprint([source]), [`build-bench/${target}`], () =>
    commandStep(
      title,
      'cc',
      ['-O2', ...warnings, ...flags, '-o', `build-bench/${target}`, source],
      { cwd: root },
    ),
  );

/** Compiles the program that runs others in a namespace, and what is preloaded into them. */
export async function buildSupport() {
  await compile('Compiling the launcher', 'scripts/bench/support/enter.c', 'enter');
  if (!signalsWait()) return;
  const flags = ['-fPIC', '-shared'];
  await compile(
    'Compiling condition variables',
    'scripts/bench/support/condvar.c',
    'condvar.so',
    flags,
  );
}

/**
 * Runs a program in a namespace and gives what it printed last, and what it used.
 *
 * @param {string} netns
 * @param {readonly string[]} command
 * @param {Record<string, string>} [env]
 * @returns {Promise<any>}
 */
function runIn(netns, command, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(enter, [pathOf(netns), ...command], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
    });
    const texts = ['', '', '', ''];
    for (const fd of [1, 2, 3]) {
      const stream = /** @type {import('node:stream').Readable} */ (child.stdio[fd]);
      stream.setEncoding('utf8').on('data', (text) => {
        texts[fd] += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const [, output, said, used] = texts;
      if (code === 0) {
        const line = output.trim().split('\n').at(-1);
        resolve({ ...(line ? JSON.parse(line) : {}), ...JSON.parse(used) });
      } else {
        const why = signal === null ? `exit code ${code}` : `no end within ${TIMEOUT / 1000} s`;
        reject(new SampleError(`${why}: ${said.trim()}`));
      }
    });
  });
}

/** @param {readonly string[]} lines @param {readonly string[]} [options] */
async function ip(lines, options = []) {
  const child = spawn('ip', [...options, '-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  child.stdin.end(`${lines.join('\n')}\n`);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new SampleError(`ip -batch: ${said.trim()}`);
}

/** @param {readonly string[]} args */
async function ipJson(...args) {
  const { code, stdout, output } = await capture('ip', ['-json', ...args]);
  if (code !== 0) throw new SampleError(`ip ${args.join(' ')}: ${output}`);
  return JSON.parse(stdout);
}

/** @param {string} name @param {string} witness the other end, which vanishes with the namespace */
async function makeSpace(name, witness) {
  await ip([
    `netns add ${name}`,
    `link add ${witness} type veth peer name parent netns ${name}`,
    `link set ${witness} up`,
  ]);
  await ip(['link set parent up'], ['-n', name]);
  const [{ ifindex }] = await ipJson('-n', name, 'link', 'show', 'dev', 'parent');
  return /** @type {number} */ (ifindex);
}

/** @param {string} link */
async function gone(link) {
  const end = performance.now() + TIMEOUT;
  while (existsSync(`/sys/class/net/${link}`)) {
    if (performance.now() > end) throw new SampleError(`the kernel does not let ${link} go`);
    await sleep(5);
  }
}

/**
 * Deletes namespaces and waits until the kernel is done with them: it takes them down later, in
 * rounds (net/core/net_namespace.c, cleanup_net), and what is queued during a round waits for the
 * next. When a second namespace is gone that was deleted after the first one went, the round of the
 * first is over.
 *
 * @param {readonly string[]} names
 * @param {readonly string[]} witnesses
 */
async function removeSpaces(names, witnesses) {
  await ip(names.map((name) => `netns del ${name}`));
  for (const witness of witnesses) await gone(witness);
  await makeSpace('benchlast', 'wlast');
  await ip(['netns del benchlast']);
  await gone('wlast');
}

/** @param {string} netns */
async function countLinks(netns) {
  return (await runIn(netns, [...limit.command, 'count', '0', '0'])).links;
}

/** Whether the last of the containers has what was asked for. @param {string} name */
async function isAttached(name) {
  const links = await ipJson('-n', name, '-details', 'address', 'show');
  const link = links.find(({ ifname }) => ifname === 'eth0');
  const loopback = links.find(({ ifname }) => ifname === 'lo');
  return (
    link?.linkinfo?.info_kind === 'macvlan' &&
    link.flags.includes('UP') &&
    link.addr_info.some(({ family, prefixlen }) => family === 'inet' && prefixlen === 24) &&
    loopback.flags.includes('UP')
  );
}

/**
 * Checks what a program did, with `ip`.
 *
 * @param {import('./workloads.mjs').Workload} workload
 * @param {number} count
 */
async function checkEffect({ check, title }, count) {
  const expect = (found, wanted) => {
    if (found !== wanted) throw new SampleError(`${title}: ${found} afterwards, not ${wanted}`);
  };
  if (check === 'links') expect(await countLinks(HOME), count);
  if (check === 'none') expect(await countLinks(HOME), 0);
  if (check === 'space') expect(await countLinks(SPACE), count);
  if (check === 'attached') {
    for (const number of new Set([0, count - 1])) {
      expect(await isAttached(`${SPACE}${number}`), true);
    }
  }
  if (check === 'names') {
    const made = readdirSync('/run/netns').filter((name) => name.startsWith(SPACE));
    expect(made.length, count);
    expect((await ipJson('-n', `${SPACE}${count - 1}`, 'link', 'show')).length > 0, true);
  }
}

/**
 * @param {import('./workloads.mjs').Workload} workload
 * @param {number} count
 * @param {number} parent
 */
async function prepare(workload, count, parent) {
  const make = (netns, index) =>
    runIn(netns, [...limit.command, 'prepare', String(count), String(index)]);
  if (workload.prepared) await make(HOME, parent);
  if (workload.target === 'space') await ip([`netns add ${SPACE}`]);
  if (workload.target === 'busy') await make(SPACE, await makeSpace(SPACE, 'wspace'));
  if (workload.target === 'taps') {
    await ip(
      ['out', 'in'].map((name) => `link add ${name} link parent up type macvtap mode bridge`),
      ['-n', HOME],
    );
  }
  if (workload.target === 'spaces') {
    await runIn(HOME, [...limit.command, 'netns', String(count), '0', pathOf(SPACE)]);
  }
}

/**
 * A command line in its setting.
 *
 * @param {import('./rounds.mjs').Setting} setting
 * @param {readonly string[]} command
 */
function inSetting(setting, command) {
  if (setting === 'usual') return { line: command };
  if (setting === 'condvar') return { line: command, env: { LD_PRELOAD: condvar } };
  // What the program starts to make links has the last processor, and the program all others.
  const others = processors();
  const last = String(others.pop());
  return {
    line: ['taskset', '--cpu-list', others.join(), ...command],
    env: { BENCH_MAKER_PROCESSOR: last },
  };
}

/**
 * Takes a sample.
 *
 * @param {import('./contestants/contestant.mjs').Contestant} contestant
 * @param {import('./workloads.mjs').Workload} workload
 * @param {number} count
 * @param {keyof typeof VIEWS} view
 * @param {import('./rounds.mjs').Setting} [setting] all but the usual are for programs that Node runs
 * @returns {Promise<any>} what the program measured, and what it used
 */
export async function takeSample(contestant, workload, count, view, setting = 'usual') {
  const parent = await makeSpace(HOME, 'whome');
  try {
    if (workload.measures === 'import') {
      const program = fileURLToPath(new URL('./contestants/programs/import.mjs', import.meta.url));
      const url = pathToFileURL(contestant.module ?? '').href;
      return await runIn(HOME, [process.execPath, program, url]);
    }
    await prepare(workload, count, parent);
    const { command = contestant.command } = contestant.workloads[workload.name] ?? {};
    const { line, env: more } = inSetting(setting, command);
    const words = [workload.name, String(count), String(parent), pathOf(SPACE)];
    const env = { ...contestant.env, ...programs, ...VIEWS[view], ...more };
    const result = await runIn(HOME, [...line, ...words], env);
    await checkEffect(workload, count);
    return result;
  } finally {
    const names = readdirSync('/run/netns');
    await removeSpaces(names, workload.target === 'busy' ? ['whome', 'wspace'] : ['whome']);
  }
}
