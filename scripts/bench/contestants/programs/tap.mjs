// Frames through a pair of macvtaps in bridge mode, 'out' and 'in': sent or received by this package
// or by a C program with read and write, which in both cases is at the other end.
//
//   tap.mjs (package | C) tap-(out | in)-SIZE COUNT
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openTap } from '../../../../dist/index.js';

/** An EtherType for experiments. */
const TYPE = 0x88b5;

/**
 * Runs the C program on a descriptor; gives the milliseconds from its first frame to its last.
 *
 * @param {readonly (string | number)[]} args
 * @param {number} fd
 */
async function runC(args, fd) {
  const child = spawn(process.env.BENCH_TAP ?? '', args.map(String), {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the C program ended with ${code}`);
  return JSON.parse(text).seconds * 1e3;
}

/** @param {number} size @param {string} destination */
function makeFrame(size, destination) {
  const frame = Buffer.alloc(size);
  frame.set(Buffer.from(destination.replaceAll(':', ''), 'hex'));
  frame[6] = 2;
  frame.writeUInt16BE(TYPE, 12);
  return frame;
}

/**
 * @param {import("../../../../dist/index.js").Tap} tap
 * @param {Buffer} frame
 * @param {number} count
 */
async function sendAll(tap, frame, count) {
  const start = performance.now();
  for (let sent = 1; sent < count; sent++) {
    if (!tap.write(frame)) await once(tap, 'drain');
  }
  await tap.send(frame);
  return performance.now() - start;
}

/**
 * @param {import("../../../../dist/index.js").Tap} tap
 * @param {number} size
 * @param {number} count
 * @returns {Promise<number>} milliseconds from the first frame on
 */
function receiveAll(tap, size, count) {
  return new Promise((resolve) => {
    let received = 0;
    let start = 0;
    const take = (/** @type {Buffer} */ frame) => {
      if (frame.length !== size || frame.readUInt16BE(12) !== TYPE) return;
      if (received++ === 0) start = performance.now();
      if (received < count) return;
      tap.off('data', take).pause();
      resolve(performance.now() - start);
    };
    tap.on('data', take);
  });
}

const [who, workload = '', number] = process.argv.slice(2);
const [, way, size] = workload.split('-');
const [bytes, count] = [Number(size), Number(number)];
const [out, into] = await Promise.all([openTap('out'), openTap('in')]);
const destination = into.link.mac ?? '';
const cSends = () => runC(['send', bytes, count, destination], out.fd);
const cReceives = () => runC(['receive', bytes, count], into.fd);
const sends = () => sendAll(out, makeFrame(bytes, destination), count);
const receives = () => receiveAll(into, bytes, count);
const [sent, received] = await Promise.all([
  who === 'package' && way === 'out' ? sends() : cSends(),
  who === 'package' && way === 'in' ? receives() : cReceives(),
]);
await Promise.all([out.close(), into.close()]);
process.stdout.write(`${JSON.stringify({ ms: way === 'out' ? sent : received })}\n`);
