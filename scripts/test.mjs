// npm test: sets everything up, then runs the C++ tests and all Vitest suites.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareKernels } from './kernels/prepare.mjs';
import { runSuite } from './kernels/suite.mjs';
import { setup } from './setup.mjs';
import { capture, passThrough, throwIfInterrupted, uncoloured } from './support/command.mjs';
import { cppTests, runCppTests } from './support/cpp-tests.mjs';
import { Failure } from './support/failure.mjs';
import { runMain } from './support/main.mjs';
import { inPrivateNamespaces, missingForNamespaces } from './support/namespaces.mjs';
import { bin, ci, root } from './support/project.mjs';
import { filesUnder } from './support/stamp.mjs';
import { commandStep } from './support/step.mjs';

const suites = ['wire', 'unit', 'addon', 'types', 'package', 'integration'];
/** Those whose tests make namespaces. */
const namespaced = ['addon', 'integration'];
/** The series of the kernel of emulated machines. */
const EMULATED_SERIES = '6.12';

const help = `npm test -- [options] [words…]

Words restrict the run to test files whose path contains one of them.

  --suite NAME          only this suite, may be repeated: ${suites.join(', ')}
                        (wire: the C++ tests; integration: in private namespaces)
  -t, --name PATTERN    only tests whose name matches (Vitest suites)
  --help                this text

With CI=true whatever a suite lacks is a failure; otherwise the suite is skipped, saying why. But where
CI lets nobody make namespaces, such as in a container, the tests that do so run in machines that qemu
emulates (as root on Debian 12, amd64), which takes half an hour.`;

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * What Vitest's JSON report counts. A file that fails as a whole (it cannot be loaded, a hook of its
 * top level throws) is one failure.
 *
 * @param {string} file
 * @returns {Counts}
 */
function readReport(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0 };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const broken = report.testResults.filter(
    (result) =>
      result.status === 'failed' &&
      !result.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * Does `work` with the path of a file that is gone afterwards.
 *
 * @template T
 * @param {(file: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withTemporaryFile(work) {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-netlink-test-'));
  try {
    return await work(join(folder, 'report.json'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * One run of Vitest over some suites.
 *
 * @param {readonly string[]} projects
 * @param {readonly string[]} args
 * @param {boolean} privately in private namespaces, and one file after another: the files share them
 * @returns {Promise<Counts>}
 */
function runVitest(projects, args, privately) {
  return withTemporaryFile(async (report) => {
    const vitest = [
      bin.vitest,
      'run',
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...projects.map((name) => `--project=${name}`),
      ...(privately ? ['--no-file-parallelism'] : []),
      ...args,
    ];
    const run = privately
      ? inPrivateNamespaces([process.execPath, ...vitest])
      : { command: process.execPath, args: vitest, env: process.env };
    // Vitest colours its output in CI as well; a log file is better without.
    const plain = uncoloured(run.env);
    const env = process.stdout.isTTY ? plain : { ...plain, NO_COLOR: '1' };
    const code = await passThrough(run.command, run.args, { env });
    throwIfInterrupted();
    const counts = readReport(report);
    // An error outside every test, or Vitest's own end, must not read as success.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    return counts;
  });
}

/**
 * Counts the tests of suites that cannot run as skipped.
 *
 * @param {readonly string[]} projects
 * @param {readonly string[]} args
 * @returns {Promise<Counts>}
 */
function countSkipped(projects, args) {
  return withTemporaryFile(async (list) => {
    const names = projects.map((name) => `--project=${name}`);
    const line = [bin.vitest, 'list', ...names, `--json=${list}`, ...args];
    const { code, output } = await capture(process.execPath, line);
    if (code !== 0) throw new Failure(output);
    return { passed: 0, failed: 0, skipped: JSON.parse(readFileSync(list, 'utf8')).length };
  });
}

/**
 * Suites in emulated machines, where this one lets nobody have namespaces. Two machines share all files of the suites.
 *
 * @param {readonly string[]} projects
 * @param {readonly string[]} args
 * @returns {Promise<Counts[]>}
 */
async function runEmulated(projects, args) {
  const [kernel] = await prepareKernels([EMULATED_SERIES]);
  const parts = args.length > 0 ? [args] : ['--shard=1/2', '--shard=2/2'].map((shard) => [shard]);
  const runs = parts.map((part) => runSuite(kernel, projects, part, false));
  const results = await Promise.allSettled(runs);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    const { passed, failed, skipped } = result.value;
    return { passed, failed, skipped: skipped.length };
  });
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      suite: { type: 'string', multiple: true, default: suites },
      name: { type: 'string', short: 't' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  const unknown = values.suite.find((name) => !suites.includes(name));
  if (unknown !== undefined) throw new Failure(`No suite "${unknown}".\n\n${help}`);
  const wanted = (name) => values.suite.includes(name);

  await setup('test');
  const args = [
    ...(values.name === undefined ? [] : [`--testNamePattern=${values.name}`]),
    ...positionals,
  ];
  // Vitest would complain at length of a suite that has no such file.
  const cpp = cppTests(positionals);
  const has = (name) =>
    name === 'wire'
      ? cpp.length > 0
      : positionals.length === 0 ||
        filesUnder(`test/${name}`).some((file) => positionals.some((text) => file.includes(text)));
  if (!suites.some((name) => wanted(name) && has(name))) {
    throw new Failure(`No test file below test/ has ${positionals.join(' or ')} in its path.`);
  }
  if (values.name !== undefined && values.suite.every((name) => name === 'wire')) {
    throw new Failure(
      'The tests of suite wire have no names for --name: give words of their paths.',
    );
  }
  const inNamespaces = namespaced.filter((name) => wanted(name) && has(name));
  const missing = inNamespaces.length > 0 ? await missingForNamespaces() : null;
  const apart = missing === null ? ['integration'] : namespaced;
  const ordinary = suites.filter(
    (name) => name !== 'wire' && !apart.includes(name) && wanted(name) && has(name),
  );
  // Here, because a hook of the tests has a limit to its time, and a slow machine compiles for longer.
  if (ordinary.includes('package')) {
    const script = join(root, 'scripts/prebuild.mjs');
    await commandStep('Making ready what the package tests pack', process.execPath, [script]);
  }
  /** @type {Counts[]} */
  const all = [];
  if (wanted('wire') && has('wire') && values.name === undefined) {
    const { passed, failed, skipped } = await runCppTests(cpp);
    all.push({ passed, ...(ci ? { failed: failed + skipped, skipped: 0 } : { failed, skipped }) });
  }
  if (ordinary.length > 0) all.push(await runVitest(ordinary, args, false));
  if (missing !== null) {
    const how = ci ? 'run in an emulated machine' : 'are skipped';
    process.stdout.write(
      `\n The suites ${inNamespaces.join(' and ')} ${how}: they need ${missing}.\n`,
    );
    all.push(
      ...(ci ? await runEmulated(inNamespaces, args) : [await countSkipped(inNamespaces, args)]),
    );
  } else if (inNamespaces.includes('integration')) {
    all.push(await runVitest(['integration'], args, true));
  }

  const sum = (key) => all.reduce((total, counts) => total + counts[key], 0);
  const passed = sum('passed');
  const failed = sum('failed');
  const skipped = sum('skipped');
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  process.stdout.write(`\n${passed} passed, ${failed} failed${tail}\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

await runMain(main);
