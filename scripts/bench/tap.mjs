// Frames through a pair of macvtaps in bridge mode, sent and received by this package and by a C
// program with read and write. Runs alone, in network namespaces of its own:
//
//   node scripts/bench/tap.mjs [--quick] [--json] [--rounds N] [--frames N]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setup } from '../setup.mjs';
import { inPrivateNamespaces } from '../support/namespaces.mjs';
import { filesUnder, fingerprint, unlessDone } from '../support/stamp.mjs';
import { commandStep, Failure, passThrough, root, runMain } from '../support/step.mjs';
import { requireCommands } from '../support/system.mjs';
import { shuffled, spread } from './statistics.mjs';

/** Set in the process that runs inside the private namespaces. */
const INSIDE = 'MACVLAN_NETLINK_BENCH_INSIDE';
const program = 'build-bench/tap';
/** The most that a frame may cost at 1,500 bytes, as a multiple of the C program's. */
const LIMIT = 2.5;
const SIZES = [64, 1500];
/** An EtherType for experiments. */
const TYPE = 0x88b5;

/**
 * @typedef {'send' | 'receive' | 'through'} Way
 * @typedef {{ seconds: number, processor: number }} Sample
 * @typedef {{ way: Way, size: number, who: 'C' | 'package', us: number[], processorUs: number[] }} Row
 */

const TITLES = Object.freeze({
  send: 'out: sends, a C program receives',
  receive: 'in: receives, a C program sends',
  through: 'out and in: sends and receives itself',
});

/** @param {readonly string[]} args */
function optionsOf(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      frames: { type: 'string' },
    },
  });
  return {
    json: values.json,
    rounds: Number(values.rounds ?? (values.quick ? 3 : 9)),
    frames: Number(values.frames ?? (values.quick ? 100_000 : 300_000)),
  };
}

/** The built package, by its name. @returns {Promise<typeof import('../../lib/index.js')>} */
const loadLibrary = (name = 'macvlan-netlink') => import(name);

async function build() {
  const sources = filesUnder('scripts/bench', (file) => file.endsWith('/tap.c'));
  await unlessDone('bench-tap', fingerprint(sources), [program], () => {
    const args = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, ...sources];
    return commandStep('Compiling the C program', 'sh', [
      '-c',
      'mkdir -p build-bench && exec cc "$@"',
      'cc',
      ...args,
    ]);
  });
}

/**
 * Starts the C program on descriptors that it gets as 3 and 4.
 *
 * @param {readonly (string | number)[]} args
 * @param {readonly number[]} fds
 * @returns {Promise<Sample>}
 */
async function runC(args, fds) {
  const child = spawn(`${root}${program}`, args.map(String), {
    stdio: ['ignore', 'pipe', 'inherit', ...fds],
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Failure(`the C program ended with ${code}`);
  return JSON.parse(text);
}

/** A frame of the benchmark. @param {number} size @param {string} destination */
function makeFrame(size, destination) {
  const frame = Buffer.alloc(size);
  frame.set(Buffer.from(destination.replaceAll(':', ''), 'hex'));
  frame[6] = 2;
  frame.writeUInt16BE(TYPE, 12);
  return frame;
}

/**
 * @param {import('../../lib/index.js').Tap} tap
 * @param {Buffer} frame
 * @param {number} count
 */
async function sendAll(tap, frame, count) {
  for (let sent = 1; sent < count; sent++) {
    if (!tap.write(frame)) await once(tap, 'drain');
  }
  await tap.send(frame);
}

/**
 * @param {import('../../lib/index.js').Tap} tap
 * @param {number} size
 * @param {number} count
 * @param {() => void} [first]
 * @returns {Promise<void>}
 */
function receiveAll(tap, size, count, first) {
  return new Promise((resolve) => {
    let received = 0;
    const take = (/** @type {Buffer} */ frame) => {
      if (frame.length !== size || frame[12] !== 0x88 || frame[13] !== 0xb5) return;
      if (received++ === 0) first?.();
      if (received < count) return;
      tap.off('data', take).pause();
      resolve();
    };
    tap.on('data', take);
  });
}

/** @param {() => Promise<number>} work that gives when it began @returns {Promise<Sample>} */
async function timed(work) {
  const used = process.cpuUsage();
  const start = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(used);
  return { seconds, processor: (user + system) / 1e6 };
}

/**
 * One sample.
 *
 * @param {typeof import('../../lib/index.js')} library
 * @param {Way} way
 * @param {'C' | 'package'} who
 * @param {number} size
 * @param {number} count
 * @returns {Promise<Sample>}
 */
async function measure({ openTap }, way, who, size, count) {
  const out = await openTap('out');
  const into = await openTap('in');
  const destination = /** @type {string} */ (into.link.mac);
  const frame = makeFrame(size, destination);
  const send = ['send', size, count, destination];
  const receive = ['receive', size, count];
  try {
    if (who === 'C') {
      if (way === 'through') return await runC(['through', ...send.slice(1)], [out.fd, into.fd]);
      const [sent, received] = await Promise.all([runC(send, [out.fd]), runC(receive, [into.fd])]);
      return way === 'send' ? sent : received;
    }
    if (way === 'send') {
      const peer = runC(receive, [into.fd]);
      const sample = await timed(async () => {
        const start = performance.now();
        await sendAll(out, frame, count);
        return start;
      });
      await peer;
      return sample;
    }
    if (way === 'receive') {
      let start = 0;
      const peer = runC(send, [out.fd]);
      const sample = await timed(async () => {
        await receiveAll(into, size, count, () => {
          start = performance.now();
        });
        return start;
      });
      await peer;
      return sample;
    }
    return await timed(async () => {
      const start = performance.now();
      await Promise.all([receiveAll(into, size, count), sendAll(out, frame, count)]);
      return start;
    });
  } finally {
    await Promise.all([out.close(), into.close()]);
  }
}

/** @param {ReturnType<typeof optionsOf>} options */
async function inside({ json, rounds, frames }) {
  const library = await loadLibrary();
  const { createLink, createMacvtap, deleteLink } = library;
  const quiet = /** @type {const} */ ({ addrGenMode: 'none', up: true });
  await createLink({ kind: 'veth', name: 'parent', ...quiet, peer: { up: true } });
  for (const name of ['out', 'in']) {
    await createMacvtap({ parent: 'parent', mode: 'bridge', name, ...quiet });
  }
  /** @type {Row[]} */
  const rows = /** @type {Way[]} */ (['send', 'receive', 'through']).flatMap((way) =>
    SIZES.flatMap((size) =>
      /** @type {const} */ (['C', 'package']).map((who) => ({
        way,
        size,
        who,
        us: [],
        processorUs: [],
      })),
    ),
  );
  // The first round warms up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const row of shuffled(rows)) {
      const { seconds, processor } = await measure(library, row.way, row.who, row.size, frames);
      if (round === 0) continue;
      row.us.push((seconds / frames) * 1e6);
      row.processorUs.push((processor / frames) * 1e6);
    }
    if (!json) process.stderr.write(`round ${round} of ${rounds}\n`);
  }
  await deleteLink('parent');
  report(rows, frames, json);
}

/** @param {Row[]} rows @param {number} frames @param {boolean} json */
function report(rows, frames, json) {
  const of = (/** @type {Row} */ { way, size }, /** @type {string} */ who) =>
    /** @type {Row} */ (
      rows.find((row) => row.way === way && row.size === size && row.who === who)
    );
  const results = rows
    .filter(({ who }) => who === 'C')
    .map((row) => {
      const limit = spread(row.us);
      const own = spread(of(row, 'package').us);
      return {
        way: row.way,
        size: row.size,
        limit,
        own,
        ratio: own.median / limit.median,
        processor: {
          limit: spread(row.processorUs).median,
          own: spread(of(row, 'package').processorUs).median,
        },
      };
    });
  if (json) {
    process.stdout.write(`${JSON.stringify({ frames, results, rows }, null, 2)}\n`);
    return;
  }
  const us = (/** @type {number} */ value) => `${value.toFixed(2)} µs`;
  for (const { way, size, limit, own, ratio, processor } of results) {
    const rate = Math.round(1e6 / own.median).toLocaleString('en');
    process.stdout.write(
      `${TITLES[way].padEnd(38)} ${String(size).padStart(5)} bytes: ` +
        `C ${us(limit.median)} (${us(limit.q1)}–${us(limit.q3)}), ` +
        `here ${us(own.median)} (${us(own.q1)}–${us(own.q3)}), ${rate} frames/s, ` +
        `${ratio.toFixed(2)} times${size === 1500 && ratio > LIMIT ? ` (above ${LIMIT})` : ''}; ` +
        `processor time ${us(processor.limit)} and ${us(processor.own)}\n`,
    );
  }
}

async function main() {
  const args = process.argv.slice(2);
  const options = optionsOf(args);
  if (process.env[INSIDE] === '1') {
    await inside(options);
    return 0;
  }
  await setup('package');
  await requireCommands(['g++', 'ip', 'unshare', 'mount']);
  await build();
  const script = fileURLToPath(import.meta.url);
  const { command, args: all, env } = inPrivateNamespaces([process.execPath, script, ...args]);
  return passThrough(command, all, { env: { ...env, [INSIDE]: '1' } });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(main);
