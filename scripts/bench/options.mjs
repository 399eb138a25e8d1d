// The command line of npm run bench.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure } from '../support/failure.mjs';
import { contestants } from './contestants/index.mjs';
import { buildFolder } from './support/packages.mjs';
import { workloads } from './workloads.mjs';

const names = (list) => list.map(({ name }) => name).join(', ');

export const help = `npm run bench -- [options]

Measures link creation, deletion, listing and more on this machine's kernel, in network namespaces of
its own, beside a C program that does the same with messages built beforehand, and beside what people
use today. Takes about half an hour; --quick a few minutes. Absent contestants are skipped by name.

  --quick              fewer rounds and counts
  --install            first installs the contestants, from Debian's packages (as root) and npm
  --only NAMES         only these, besides the limit: ${names(contestants.filter(({ name }) => name !== 'limit'))}
  --workloads NAMES    only these: ${names(workloads)}
  --rounds N           how often everything is measured (default 7; quick 3)
  --count N            one count for every workload, in place of its own
  --json               prints all samples and results as JSON instead of tables; npm prints a heading
                       of its own, unlike node scripts/bench.mjs --json
  --out FOLDER         where the report goes (default build-bench/report)
  --help               this text`;

/**
 * @typedef {object} Options
 * @property {boolean} quick
 * @property {boolean} install
 * @property {boolean} json
 * @property {boolean} help
 * @property {number} rounds
 * @property {number | undefined} count
 * @property {string} out
 * @property {readonly import('./contestants/contestant.mjs').Contestant[]} contestants
 * @property {readonly import('./workloads.mjs').Workload[]} workloads
 */

/**
 * @template {{ name: string }} T
 * @param {string} option
 * @param {string | undefined} list
 * @param {readonly T[]} known
 * @returns {readonly T[]}
 */
function chosen(option, list, known) {
  if (list === undefined) return known;
  const wanted = list.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !known.some((item) => item.name === name));
  if (unknown !== undefined) {
    throw new Failure(`--${option}: there is no '${unknown}', but ${names(known)}`);
  }
  return known.filter(({ name }) => wanted.includes(name));
}

/**
 * @param {string} option
 * @param {string | undefined} text
 */
function positive(option, text) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100_000) {
    throw new Failure(`--${option} must be a whole number from 1 to 100000; received ${text}`);
  }
  return value;
}

/**
 * @param {readonly string[]} args
 * @returns {Options}
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      install: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      workloads: { type: 'string' },
      rounds: { type: 'string' },
      count: { type: 'string' },
      out: { type: 'string', default: join(buildFolder, 'report') },
    },
  });
  const taking = chosen('only', values.only, contestants);
  return {
    quick: values.quick,
    install: values.install,
    json: values.json,
    help: values.help,
    rounds: positive('rounds', values.rounds) ?? (values.quick ? 3 : 7),
    count: positive('count', values.count),
    out: values.out,
    // Everything is compared with the C program, and an import with an empty module.
    contestants: contestants.filter(
      (one) => taking.includes(one) || one.name === 'limit' || one.name === 'node',
    ),
    workloads: chosen('workloads', values.workloads, workloads),
  };
}
