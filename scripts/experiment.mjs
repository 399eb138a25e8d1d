// npm run experiment: macvlan at work on this machine's kernel, from a fresh clone on.
import { parseArgs } from 'node:util';
import { runPrivately } from './experiment/enter.mjs';
import { CannotRun } from './experiment/errors.mjs';
import { setup } from './setup.mjs';
import { Failure, Interrupted } from './support/failure.mjs';
import { runMain } from './support/main.mjs';

const help = `npm run experiment -- [options]

Shows macvlan at work on this kernel, step by step: two links in two network
namespaces that reach each other, then all five modes and who reaches whom in
each. It makes a "physical" network of its own in private namespaces, touches
nothing of the machine, and takes everything down again.

  --parent NAME  puts the links on this network card of the machine instead
                 (root only). The card is promiscuous meanwhile; what would
                 disturb its traffic is left out
  --prefix TEXT  put before the names macv1, macv2, net1 and net2, in case
                 there are links of those names beside the card
  --json         the same as data on standard output; what goes on is told on
                 standard error. npm prints a heading of its own, unlike
                 node scripts/experiment.mjs --json
  --help         this text

Exit code 0: everything as expected. 1: something differs, or failed. 2: it
cannot run here, and says what is missing.`;

/** @param {string[]} args */
function parse(args) {
  const { values } = parseArgs({
    args,
    options: {
      parent: { type: 'string' },
      prefix: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (!/^[\w-]{0,9}$/.test(values.prefix)) {
    throw new CannotRun('--prefix takes up to nine letters, digits, dashes and underscores.');
  }
  return values;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  try {
    const { help: helpWanted, ...options } = parse(process.argv.slice(2));
    if (helpWanted) {
      process.stdout.write(`${help}\n`);
      return 0;
    }
    await setup('package');
    return await runPrivately(options);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const told = error instanceof CannotRun || error instanceof Failure;
    const misused = String(error.code).startsWith('ERR_PARSE_ARGS');
    if (!told && !misused) throw error;
    process.stderr.write(`${error.message}\n${misused ? `\n${help}\n` : ''}`);
    return 2;
  }
}

await runMain(main);
