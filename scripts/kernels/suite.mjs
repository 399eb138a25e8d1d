// Runs tests on one kernel, and shows their progress.
import { bin, ci, root } from '../support/project.mjs';
import { runOnKernel } from './machine.mjs';

/** How many times longer than usual a test may take: JavaScript is that much slower in there. */
const slowness = 20;
/** After which a machine that hangs is ended. */
const minutes = 60;
const terminal = process.stderr.isTTY === true && !ci;
const clear = terminal ? '\r\x1b[K' : '';

/**
 * @typedef {object} Outcome
 * @property {string} release
 * @property {number} passed
 * @property {number} failed
 * @property {{ test: string, reason: string | null }[]} skipped
 * @property {number} seconds
 */

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {readonly string[]} projects @param {readonly string[]} args for Vitest */
function scriptOf(projects, args) {
  const vitest = [
    bin.vitest,
    'run',
    ...projects.map((name) => `--project=${name}`),
    '--passWithNoTests',
    '--no-file-parallelism',
    '--reporter=default',
    `--reporter=${root}scripts/kernels/reporter.mjs`,
    ...args,
  ];
  const settings = {
    NO_COLOR: '1',
    MACVLAN_NETLINK_RECORDS: '/dev/virtio-ports/records',
    MACVLAN_NETLINK_SLOWNESS: String(slowness),
    MACVLAN_NETLINK_OWN_KERNEL: '1',
    ...(ci ? { CI: 'true' } : {}),
  };
  const lines = Object.entries(settings).map(([name, value]) => `export ${name}=${quote(value)}`);
  const command = [process.execPath, ...vitest].map(quote).join(' ');
  return `cd ${quote(root)}\n${lines.join('\n')}\nexec ${command}\n`;
}

/** Shows how far a run is: a line for each file, and on a terminal the tests between them. */
class Display {
  #release;
  #start = performance.now();
  #since = this.#start;
  #files = 0;
  #done = 0;

  /** @param {string} release */
  constructor(release) {
    this.#release = release;
  }

  seconds() {
    return (performance.now() - this.#start) / 1000;
  }

  #line(text) {
    const now = performance.now();
    const spent = ((now - this.#since) / 1000).toFixed(1);
    this.#since = now;
    process.stderr.write(`${clear}${this.#release}  ${text} (${spent} s)\n`);
  }

  /** @param {any} record */
  show(record) {
    switch (record.type) {
      case 'booted':
        return this.#line('booted');
      case 'start':
        this.#files = record.files;
        return undefined;
      case 'test':
        if (terminal) process.stderr.write(`${clear}${this.#release}  ${record.file} …`);
        return undefined;
      case 'file': {
        const { file, passed, failed, skipped } = record;
        const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
        const at = `${++this.#done}/${this.#files}`;
        this.#line(`${at} ${file}: ${passed} passed, ${failed.length} failed${tail}`);
        for (const { test, errors } of failed) {
          process.stderr.write(`  ✗ ${test}\n${errors.join('\n').replace(/^/gm, '      ')}\n`);
        }
        return undefined;
      }
      default:
        return undefined;
    }
  }
}

/**
 * Runs suites of tests on a kernel; what Vitest printed is shown when not everything passed.
 *
 * @param {import('./debian.mjs').Kernel} kernel
 * @param {readonly string[]} projects the names of the suites
 * @param {readonly string[]} args for Vitest
 * @param {boolean} partial whether `args` leave out tests, which then count as nothing
 * @returns {Promise<Outcome>}
 */
export async function runSuite(kernel, projects, args, partial) {
  const display = new Display(kernel.release);
  /** @type {Omit<Outcome, 'release' | 'seconds'>} */
  const counts = { passed: 0, failed: 0, skipped: [] };
  let output = '';
  let complete = false;
  try {
    const code = await runOnKernel(kernel, {
      script: scriptOf(projects, args),
      minutes,
      onOutput: (text) => {
        output += text;
      },
      onRecord: (record) => {
        if (record.type === 'file') {
          if (partial) record.skipped = record.skipped.filter(({ reason }) => reason !== null);
          counts.passed += record.passed;
          counts.failed += record.failed.length;
          counts.skipped.push(...record.skipped);
        }
        display.show(record);
      },
    });
    // An error outside every test, or Vitest's own end, must not read as success.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    complete = counts.failed === 0;
  } finally {
    if (!complete) process.stdout.write(`\nLinux ${kernel.release}:\n${output}`);
  }
  return { release: kernel.release, ...counts, seconds: display.seconds() };
}
