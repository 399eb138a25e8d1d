// Reads the netlink messages of a traced command out of strace's output.

const MSG_PEEK = 2;

/**
 * A system call: for openat `path` and the descriptor it gave, for the others `hex`, all its bytes.
 *
 * @typedef {{ order: number, name: string, fd: number, path: string, flags: number, result: number,
 *   hex: string }} Call
 */

/**
 * A netlink message, the descriptor it went through, and which call that was. `bytes` includes its
 * header.
 *
 * @typedef {{ order: number, fd: number, type: number, flags: number, seq: number, port: number,
 *   bytes: Buffer }} Message
 */

// strace decodes netlink, so the buffers come from its hexadecimal dumps (read=, write=) and the
// calls themselves are printed raw. openat tells which number a namespace's descriptor had. With
// -I 2 a signal that ends strace ends the command too.
export const STRACE =
  'strace -I 2 -o $WORK/trace -e signal=none ' +
  '-e trace=openat,bind,sendmsg,sendto,recvmsg,recvfrom ' +
  '-e raw=sendmsg,sendto,recvmsg,recvfrom -e read=all -e write=all --';

/**
 * The calls of a trace, in order.
 *
 * @param {string} trace
 * @returns {Call[]}
 */
export function parseTrace(trace) {
  /** @type {Call[]} */
  const calls = [];
  const add = (call) =>
    calls.push({ order: calls.length, path: '', flags: 0, result: 0, hex: '', ...call });
  for (const line of trace.split('\n')) {
    const dump = /^ \| [0-9a-f]{5,} {2}(.{49}) /.exec(line);
    const transfer = /^((?:send|recv)\w+)\((.*)\)\s+= (-1|0x[0-9a-f]+|0)/.exec(line);
    const open = /^openat\(.*"([^"]*)".*\)\s+= (\d+)$/.exec(line);
    if (dump !== null) {
      const last = calls.at(-1);
      if (last === undefined) throw new Error(`bytes without a call: ${line}`);
      last.hex += dump[1].replaceAll(' ', '');
    } else if (transfer !== null) {
      const args = transfer[2].split(', ').map(Number);
      const flags = transfer[1].endsWith('msg') ? args[2] : args[3];
      add({ name: transfer[1], fd: args[0], flags, result: Number(transfer[3]) });
    } else if (open !== null) {
      add({ name: 'openat', path: open[1], fd: Number(open[2]) });
    }
  }
  return calls;
}

/**
 * The messages in one buffer, without the padding between them.
 *
 * @param {Call} call
 * @returns {Message[]}
 */
function splitMessages({ order, fd, hex }) {
  const bytes = Buffer.from(hex, 'hex');
  const messages = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length === 0) break; // ip sends the unused rest of a dump request's buffer with it
    const message = bytes.subarray(at, at + length);
    messages.push({
      order,
      fd,
      type: message.readUInt16LE(4),
      flags: message.readUInt16LE(6),
      seq: message.readUInt32LE(8),
      port: message.readUInt32LE(12),
      bytes: message,
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/**
 * Every message that the traced program sent.
 *
 * @param {Call[]} calls
 */
export function sentMessages(calls) {
  return calls.filter(({ name }) => name.startsWith('send')).flatMap(splitMessages);
}

/**
 * The messages that it received, a list for each datagram, those that `keep` picks. Calls that only
 * peek at a length are left out.
 *
 * @param {Call[]} calls
 * @param {(message: Message) => boolean} keep
 */
export function receivedDatagrams(calls, keep) {
  return calls
    .filter(
      ({ name, flags, result }) => name.startsWith('recv') && !(flags & MSG_PEEK) && result > 0,
    )
    .map((call) => splitMessages(call).filter(keep))
    .filter((messages) => messages.length > 0);
}
