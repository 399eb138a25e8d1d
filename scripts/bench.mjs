// npm run bench: measures the package beside the kernel's own cost and beside what people use today.
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { help, readOptions } from './bench/options.mjs';
import { workloads } from './bench/workloads.mjs';
import { setup } from './setup.mjs';
import { passThrough } from './support/command.mjs';
import { Failure } from './support/failure.mjs';
import { locked } from './support/lock.mjs';
import { runMain } from './support/main.mjs';
import { inPrivateNamespaces, missingForNamespaces } from './support/namespaces.mjs';
import { requireCommands } from './support/system.mjs';

/** Set in the process that runs inside the private namespaces. */
const INSIDE = 'MACVLAN_NETLINK_BENCH_INSIDE';

/** @param {import('./bench/options.mjs').Options} options */
async function install({ contestants }) {
  const { installDebian, installNpm } = await import('./bench/support/packages.mjs');
  await installDebian([...new Set(contestants.flatMap(({ debian }) => debian ?? []))]);
  await installNpm(contestants.flatMap(({ npm }) => npm ?? []));
}

/** Who takes part, and why the others do not. @param {import('./bench/options.mjs').Options} options */
async function gather(options) {
  const present = [];
  const absent = [];
  for (const contestant of options.contestants) {
    const reason = await contestant.missing();
    if (reason === null) present.push(contestant);
    else absent.push({ name: contestant.name, title: contestant.title, reason });
  }
  return { present, absent };
}

/** Makes the report's folder before half an hour of measuring, in case that is not possible. @param {string} out */
function makeFolder(out) {
  try {
    mkdirSync(out, { recursive: true });
    accessSync(out, constants.W_OK);
  } catch (error) {
    throw new Failure(`--out: ${error.message}`);
  }
}

/** Makes everything ready, then runs again inside. @param {readonly string[]} args */
async function outside(args) {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  await setup('package');
  await requireCommands(['cc', 'ip', 'unshare', 'mount']);
  makeFolder(options.out);
  const missing = await missingForNamespaces();
  if (missing !== null) throw new Failure(`The benchmark needs ${missing}.`);
  if (options.install) await install(options);
  const { buildSupport } = await import('./bench/sample.mjs');
  const { buildFolder } = await import('./bench/support/packages.mjs');
  mkdirSync(buildFolder, { recursive: true });
  await locked(async () => {
    await buildSupport();
    for (const contestant of (await gather(options)).present) await contestant.build?.();
  });
  const run = inPrivateNamespaces([process.execPath, fileURLToPath(import.meta.url), ...args]);
  // Inside there is another /run: the report's folder is reached as the one that this is run in.
  return passThrough(run.command, run.args, {
    cwd: options.out,
    env: { ...run.env, [INSIDE]: '1' },
  });
}

/** Ends this process when the one that started it is gone; its namespaces go with it. */
function endWithParent() {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, 500).unref();
}

/** Writes results.json and the report into the folder that this is run in. @param {any} results */
async function save(results) {
  const { writeReport } = await import('./bench/report.mjs');
  try {
    writeFileSync('results.json', `${JSON.stringify(results, null, 1)}\n`);
    await writeReport('.', results);
  } catch (error) {
    throw new Failure(`The report cannot be written: ${error.message}`);
  }
  process.stderr.write(`\nReport: ${resolve('report.html')}\n`);
}

/** @param {readonly string[]} args */
async function inside(args) {
  endWithParent();
  const { describeMachine } = await import('./bench/machine.mjs');
  const { plan, profileMissed, takeSamples } = await import('./bench/rounds.mjs');
  const { startProgress } = await import('./bench/progress.mjs');
  const { summarize } = await import('./bench/summary.mjs');
  const { printTables } = await import('./bench/table.mjs');
  const options = readOptions(args);
  const { present, absent } = await gather(options);
  const groups = plan({ ...options, contestants: present }, workloads);
  if (!groups.some(({ length }) => length > 0)) {
    const who = present.filter(({ name }) => name !== 'node').map(({ title }) => title);
    throw new Failure(`Of these, none takes part in the chosen workloads: ${who.join(', ')}`);
  }
  const machine = await describeMachine();
  if (machine.loadBefore > machine.cores / 2) {
    const load = machine.loadBefore.toFixed(1);
    process.stderr.write(
      `This machine is busy (load average ${load}): the figures will be misleading.\n`,
    );
  }
  const taking = await Promise.all(
    present.map(async ({ name, title, version }) => ({ name, title, version: await version() })),
  );
  const progress = startProgress();
  const { samples, failures: untaken } = await takeSamples(options, groups, progress.show);
  const summary = summarize(samples);
  const { profiles, failures: unseen } = await profileMissed(
    { ...options, contestants: present },
    summary.targets,
    progress.show,
  );
  progress.end();
  const failures = [...untaken, ...unseen];
  const results = {
    machine: { ...machine, loadAfter: loadavg()[0] ?? 0 },
    rounds: options.rounds,
    quick: options.quick,
    count: options.count,
    contestants: taking,
    absent,
    failures,
    ...summary,
    profiles,
    samples,
  };
  // The report is saved even if standard output cannot be written (a closed pipe, a full disk).
  let unread = false;
  process.stdout.on('error', ({ code, message }) => {
    if (code !== 'EPIPE') process.stderr.write(`${message}\n`);
    unread = true;
    // With Node.js 22 this error comes only after the report was saved and the exit code below was set.
    process.exitCode = 1;
  });
  if (options.json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else printTables(results);
  await save(results);
  return failures.length > 0 || unread ? 1 : 0;
}

await runMain(() => {
  const args = process.argv.slice(2);
  return process.env[INSIDE] === '1' ? inside(args) : outside(args);
});
