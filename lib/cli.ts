#!/usr/bin/env node
/** The command line: `npx macvlan-netlink bench --parent eth0 --count 1000`. */
import { createRequire } from 'node:module';
import { constants, release } from 'node:os';
import { parseArgs } from 'node:util';
import type { BenchStep } from './bench.js';

const HELP = `Usage: macvlan-netlink bench --parent NAME [options]

Measures how fast this machine creates, lists and deletes macvlan links. The links are children of
the parent, in a network namespace of their own that nobody else sees, and gone afterwards, also
after Ctrl-C. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN; with --here CAP_NET_ADMIN alone.

  --parent NAME   the network interface to make them on
  --count N       how many links, 1 to 10000 (default 1000)
  --here          make them in this namespace, where udev and network managers see them
  --json          print the result as JSON
  -h, --help      this text
  --version       the package's version`;

const MAX_COUNT = 10_000;
const USAGE_EXIT_CODE = 2;

/** A command line that cannot be understood. */
class UsageError extends Error {}

interface Arguments {
  readonly parent: string;
  readonly count: number;
  readonly here: boolean;
  readonly json: boolean;
}

function version(): string {
  return createRequire(import.meta.url)('../package.json').version;
}

/** What to do; a string is only to be printed. */
function read(args: string[]): Arguments | string {
  const { values, positionals } = parse(args);
  if (values.help) return HELP;
  if (values.version) return version();
  const [command, ...more] = positionals;
  if (command !== 'bench' || more.length > 0) {
    const asked = positionals.length === 0 ? 'no command' : `'${positionals.join(' ')}'`;
    throw new UsageError(`expected the command 'bench', and got ${asked}`);
  }
  const { parent, here, json } = values;
  if (!parent) throw new UsageError('--parent is required: the interface to make the links on');
  const count = Number(values.count);
  if (!/^\d+$/.test(values.count) || count < 1 || count > MAX_COUNT) {
    throw new UsageError(`--count must be a whole number from 1 to ${MAX_COUNT}: ${values.count}`);
  }
  return { parent, count, here, json };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        parent: { type: 'string' },
        count: { type: 'string', default: '1000' },
        here: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** SIGHUP: the terminal was closed. */
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** For how long a signal counts as the same interrupt, in ms: npx passes on the one that Ctrl-C has sent to both. */
const ECHO = 1000;

/** An interrupt as a signal for operations; a second one, after that time, ends the process at once. */
function interruptible(): { readonly signal: AbortSignal; readonly exitCode: () => number } {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const forget = () => {
    for (const name of INTERRUPTS) process.off(name, interrupt);
  };
  const interrupt = (name: NodeJS.Signals) => {
    if (received !== undefined) return;
    received = name;
    setTimeout(forget, ECHO).unref();
    controller.abort();
  };
  for (const name of INTERRUPTS) process.on(name, interrupt);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? 0 : 128 + constants.signals[received]),
  };
}

async function runBench({ parent, count, here, json }: Arguments): Promise<number> {
  // The addon is loaded only when it is needed, so that --help works on any machine.
  const { bench } = await import('./bench.js');
  const { signal, exitCode } = interruptible();
  const progress = progressOn(process.stderr);
  try {
    const steps = await bench({ parent, count, here, signal, onStep: progress.show });
    progress.clear();
    const about = { version: version(), kernel: release(), node: process.version };
    const text = json
      ? JSON.stringify({ ...about, parent, count, here, steps })
      : table(
          `macvlan-netlink ${about.version}, Linux ${about.kernel}, Node.js ${about.node}`,
          steps,
        );
    process.stdout.write(`${text}\n`);
  } catch (error) {
    progress.clear();
    if (!signal.aborted || error !== signal.reason) throw error;
    process.stderr.write('Interrupted. Every link it made is gone.\n');
  }
  return exitCode();
}

/** Shows the current step in one line of a terminal; elsewhere shows nothing. */
function progressOn(stream: NodeJS.WriteStream) {
  const write = (text: string) => {
    if (stream.isTTY) stream.write(`\r\x1b[K${text}`);
  };
  return { show: (step: string) => write(`${step} …`), clear: () => write('') };
}

function table(title: string, steps: readonly BenchStep[]): string {
  const rows = steps.map(({ name, count, totalMs, eachUs, p50Us, p99Us }) => [
    name,
    String(count),
    time(totalMs * 1e3),
    time(eachUs),
    p50Us === null ? '' : time(p50Us),
    p99Us === null ? '' : time(p99Us),
  ]);
  const all = [['', 'links', 'total', 'each', 'p50', 'p99'], ...rows];
  const widths =
    all[0]?.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length))) ?? [];
  const lines = all.map((row) =>
    row
      .map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [title, '', ...lines].join('\n');
}

/** Three significant digits, in µs below a millisecond. */
function time(us: number): string {
  const [value, unit] = us < 1000 ? [us, 'µs'] : [us / 1000, 'ms'];
  const text = value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
  return `${text} ${unit}`;
}

async function main(): Promise<number> {
  try {
    const asked = read(process.argv.slice(2));
    if (typeof asked !== 'string') return await runBench(asked);
    process.stdout.write(`${asked}\n`);
    return 0;
  } catch (error) {
    const { message } = error as Error;
    const usage = error instanceof UsageError;
    const more = usage ? '\nTry: macvlan-netlink --help' : '';
    process.stderr.write(`macvlan-netlink: ${message}${more}\n`);
    return usage ? USAGE_EXIT_CODE : 1;
  }
}

// The reader may have closed its end (EPIPE), or the disk may be full.
let unread = 0;
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code !== 'EPIPE') process.stderr.write(`macvlan-netlink: ${message}\n`);
  unread = 1;
  process.exitCode = 1;
});
process.stderr.on('error', () => {}); // There is nobody left to tell.
process.exitCode = (await main()) || unread;
