// npm run test:kernels: the integration tests on other kernels, each booted once, in machines that
// qemu emulates side by side.
import { parseArgs } from 'node:util';
import { seriesNames, unpackedEarlier } from './kernels/debian.mjs';
import { checkSystem, prepareKernels } from './kernels/prepare.mjs';
import { runSuite } from './kernels/suite.mjs';
import { formatOutcomes } from './kernels/table.mjs';
import { setup } from './setup.mjs';
import { Failure, Interrupted } from './support/failure.mjs';
import { runMain } from './support/main.mjs';
import { filesUnder } from './support/stamp.mjs';

const help = `npm run test:kernels -- [options] [words…]

Words restrict the run to test files whose path contains one of them.

  --kernel SERIES       6.1, 6.12, another one that lies in .kernels/, or all, which is
                        6.1 and 6.12; may be repeated. Default: all
  -t, --name PATTERN    only tests whose name matches
  --help                this text

The kernels are Debian 12's for amd64; they are unpacked into .kernels/, and nothing of them is
installed. The tests run in an emulated machine that sees this machine's files, read-only, with a
layer of its own to write to. Needs root: the program that shares the files does. A whole run on
both took 28 minutes with two cores.`;

/** @param {readonly string[]} words */
function checkWords(words) {
  const files = filesUnder('test/integration', (file) => file.endsWith('.test.ts'));
  if (words.length === 0 || words.some((word) => files.some((file) => file.includes(word)))) return;
  throw new Failure(`No test file below test/integration/ has ${words.join(' or ')} in its path.`);
}

/** A machine that fails is a failure of its kernel; an interrupt ends everything. */
async function outcomeOf(kernel, args, partial) {
  try {
    return await runSuite(kernel, ['integration'], args, partial);
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof Interrupted) throw error;
    process.stderr.write(`${error.message}\n`);
    return { release: kernel.release, passed: 0, failed: 1, skipped: [], seconds: 0 };
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kernel: { type: 'string', multiple: true, default: ['all'] },
      name: { type: 'string', short: 't' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  const known = (name) => ['all', ...seriesNames].includes(name) || unpackedEarlier(name) !== null;
  const unknown = values.kernel.find((name) => !known(name));
  if (unknown !== undefined) throw new Failure(`No kernel "${unknown}".\n\n${help}`);
  const wanted = values.kernel.includes('all') ? seriesNames : [...new Set(values.kernel)];

  checkSystem();
  checkWords(positionals);
  await setup('test');
  const kernels = await prepareKernels(wanted);

  const args = [
    ...(values.name === undefined ? [] : [`--testNamePattern=${values.name}`]),
    ...positionals,
  ];
  const results = await Promise.allSettled(
    kernels.map((kernel) => outcomeOf(kernel, args, values.name !== undefined)),
  );
  const outcomes = results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });

  process.stdout.write(formatOutcomes(outcomes));
  const sum = (count) => outcomes.reduce((total, outcome) => total + count(outcome), 0);
  const passed = sum((outcome) => outcome.passed);
  const failed = sum((outcome) => outcome.failed);
  const skipped = sum((outcome) => outcome.skipped.length);
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  process.stdout.write(`\n${passed} passed, ${failed} failed${tail}\n`);
  return failed > 0 || outcomes.some((outcome) => outcome.passed === 0) ? 1 : 0;
}

await runMain(main);
