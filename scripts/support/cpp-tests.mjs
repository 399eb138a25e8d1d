// Builds and runs test/wire: the layers without Node, under the sanitizers.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { capture, uncoloured } from './command.mjs';
import { locked } from './lock.mjs';
import { bin, ci, root } from './project.mjs';
import { filesUnder, fingerprint, touchChanged, unlessDone } from './stamp.mjs';
import { commandStep } from './step.mjs';

const folder = 'build-cmake';
const jobs = String(availableParallelism());

/**
 * The C++ tests with one of the words in their path; all without any.
 *
 * @param {readonly string[]} words
 */
export function cppTests(words) {
  return filesUnder('test/wire', (file) => file.endsWith('_test.cc'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .map((file) => basename(file, '.cc'));
}

/** Not Ninja where that happens to be installed: make is, because the addon is built with it. */
const generator = 'Unix Makefiles';

/**
 * Removes a folder that has come with a copy of another tree, which would be built and tested, or that is for another
 * build program.
 */
function removeForeign() {
  const file = join(root, folder, 'CMakeCache.txt');
  if (!existsSync(file)) return;
  const settings = readFileSync(file, 'utf8');
  const home = `CMAKE_HOME_DIRECTORY:INTERNAL=${root}native\n`;
  const isOurs =
    settings.includes(home) && settings.includes(`CMAKE_GENERATOR:INTERNAL=${generator}\n`);
  if (!isOurs) rmSync(join(root, folder), { recursive: true });
}

/**
 * Runs some of the C++ tests.
 *
 * @param {readonly string[]} names
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runCppTests(names) {
  const sources = [
    'package-lock.json',
    ...['native', 'test/wire'].flatMap((path) => filesUnder(path)),
  ];
  const inputs = fingerprint(sources, [root]);
  const build = () => {
    removeForeign();
    touchChanged(sources);
    // Not optimised: built in less than half the time, and nothing that the sanitizers would see is optimised away.
    const config = ['-B', 'Debug', '--CDSANITIZE=ON', `--CDWERROR=${ci ? 'ON' : 'OFF'}`];
    const args = [bin.cmakeJs, 'compile', '-G', generator, '-d', 'native', '-O', folder, ...config];
    const env = { ...process.env, CMAKE_BUILD_PARALLEL_LEVEL: jobs };
    return commandStep('Building the C++ tests', process.execPath, args, { env });
  };
  const outputs = [`${folder}/CTestTestfile.cmake`];
  await locked(() => unlessDone('cpp-tests', inputs, outputs, build));

  const select = ['-R', `^(${names.join('|')})$`];
  const args = [
    '--test-dir',
    folder,
    '--output-on-failure',
    '--timeout',
    '120',
    '--parallel',
    jobs,
    ...select,
  ];
  const { output } = await capture('ctest', args, { env: uncoloured(process.env) });
  process.stdout.write(`\n C++ tests (address and undefined-behaviour sanitizers)\n\n${output}\n`);
  // "67% tests passed, 1 tests failed out of 3"; without any test ctest prints no such line.
  const summary = /(\d+) tests? failed out of (\d+)/.exec(output);
  // A failure of its own must not read as success.
  if (summary === null) return { passed: 0, failed: 1, skipped: 0 };
  const [failed, all] = [Number(summary[1]), Number(summary[2])];
  // Counted among those that passed.
  const skipped = (output.match(/\*\*\*Skipped/g) ?? []).length;
  return { passed: all - failed - skipped, failed, skipped };
}
