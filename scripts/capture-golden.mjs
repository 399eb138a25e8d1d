// Captures test/fixtures/requests and test/fixtures/replies: the bytes that iproute2 exchanges with
// the kernel, one JSON file a command. Needs root, unshare, strace, python3 and iproute2.
//
//   node scripts/capture-golden.mjs            every fixture
//   node scripts/capture-golden.mjs NAME …     those fixtures
//
// Every command runs in network and mount namespaces of its own, which end with it, so nothing is
// left on the machine and interface indexes are the same from run to run.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCases } from './golden/error-cases.mjs';
import { replyCases } from './golden/reply-cases.mjs';
import { requestCases } from './golden/request-cases.mjs';
import { describe, monitored, runCase, traced } from './golden/run.mjs';
import { receivedDatagrams, sentMessages } from './golden/trace.mjs';

const fixtures = fileURLToPath(new URL('../test/fixtures/', import.meta.url));

const RTM = {
  RTM_NEWLINK: 16,
  RTM_DELLINK: 17,
  RTM_GETLINK: 18,
  RTM_SETLINK: 19,
  RTM_NEWADDR: 20,
  RTM_DELADDR: 21,
  RTM_GETADDR: 22,
  RTM_NEWROUTE: 24,
  RTM_DELROUTE: 25,
  RTM_GETROUTE: 26,
  RTM_NEWNEIGH: 28,
  RTM_DELNEIGH: 29,
  RTM_GETNEIGH: 30,
  RTM_NEWRULE: 32,
  RTM_DELRULE: 33,
  RTM_GETRULE: 34,
  RTM_GETNSID: 90,
  RTM_NEWLINKPROP: 108,
  RTM_DELLINKPROP: 109,
};
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_DUMP = 0x300;

// Sends one message as a program would that sets NETLINK_EXT_ACK (11) and perhaps
// NETLINK_CAP_ACK (10) at SOL_NETLINK (270).
const SENDER = `
import socket, sys
cap, request = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.setsockopt(270, 11, 1)
s.setsockopt(270, 10, cap)
s.bind((0, 0))
s.send(request)
s.recv(65536)
`;

const hex = ({ bytes }) => bytes.toString('hex');

/** The fixture's form of what was received: the messages, and how many each datagram held. */
const received = (datagrams) => ({
  datagrams: datagrams.map((messages) => messages.length),
  messages: datagrams.flat().map(hex),
});

/**
 * The message that does the work: the last of the type that the case names; with `dump` a dump, with
 * `byIndex` a lookup by index (or not).
 */
function findRequest(item, calls) {
  if (!(item.sends in RTM)) throw new Error(`${item.name}: no number of ${item.sends} in RTM`);
  const wanted = sentMessages(calls).filter(
    ({ type, flags, bytes }) =>
      type === RTM[item.sends] &&
      (item.dump !== true || (flags & NLM_F_DUMP) === NLM_F_DUMP) &&
      (item.byIndex === undefined || item.byIndex === bytes.readInt32LE(20) > 0),
  );
  const found = wanted.at(-1);
  if (found === undefined) throw new Error(`${item.name}: sent no ${item.sends}`);
  return found;
}

function captureRequest(item, work) {
  const result = runCase(item, traced(item.command), work);
  const failed = result.status !== 0;
  if (failed && item.fails === undefined) {
    throw new Error(`${item.name}: exit ${result.status}: ${result.stderr}`);
  }
  return {
    ...describe(item, result),
    ...(failed && { failed: result.stderr }),
    sends: item.sends,
    request: hex(findRequest(item, result.calls)),
  };
}

function captureReply(item, work) {
  const result = runCase(item, traced(item.command), work);
  if ((result.status !== 0) !== (item.fails !== undefined)) {
    throw new Error(`${item.name}: exit ${result.status}: ${result.stderr}`);
  }
  const request = findRequest(item, result.calls);
  // Neither a descriptor nor a sequence number (the time) need belong to one request alone.
  const answers = ({ order, fd, seq }) =>
    order > request.order && fd === request.fd && seq === request.seq;
  return {
    ...describe(item, result),
    ...(item.fails && { printed: result.stderr }),
    request: hex(request),
    ...received(receivedDatagrams(result.calls, answers)),
    expect: item.fails ? item.expect : JSON.parse(result.stdout),
  };
}

/** The events that a monitor received while the command ran, with what it printed. */
function captureEvents(item, work) {
  const result = runCase(item, monitored(item.command, item.monitor, item.until), work);
  // The monitor begins with a dump of the links, which a sequence number and port id tell apart.
  const [done] = receivedDatagrams(result.calls, ({ type }) => type === NLMSG_DONE)[0];
  const isEvent = ({ type, seq, port }) =>
    item.keeps.includes(type) && !(seq === done.seq && port === done.port);
  return {
    ...describe(item, { ...result, calls: [] }),
    monitor: item.monitor,
    ...received(receivedDatagrams(result.calls, isEvent)),
    printed: result.stdout.trim().split('\n'),
  };
}

/** The ACK of a command of ip, or of a message altered so that only a raw socket would send it. */
function captureError(item, work) {
  let command = item.command;
  if (item.alter !== undefined) {
    const base = Buffer.from(captureRequest(item.base, work).request, 'hex');
    writeFileSync(join(work, 'sender.py'), SENDER);
    const request = item.alter(base).toString('hex');
    command = `python3 $WORK/sender.py ${item.capAck ? 1 : 0} ${request}`;
  }
  const result = runCase(item, traced(command), work);
  const ack = receivedDatagrams(result.calls, ({ type }) => type === NLMSG_ERROR)
    .flat()
    .at(-1);
  if (ack === undefined) throw new Error(`${item.name}: no ACK: ${result.stderr}`);
  const request = sentMessages(result.calls).find(
    ({ seq, fd, type }) => seq === ack.seq && fd === ack.fd && type === ack.bytes.readUInt16LE(24),
  );
  if (request === undefined) throw new Error(`${item.name}: an ACK of no request`);
  const { errno, message = '' } = item.expect;
  if (ack.bytes.readInt32LE(16) !== -errno || !ack.bytes.includes(message)) {
    throw new Error(`${item.name}: another refusal than expected: ${ack.bytes.toString('latin1')}`);
  }
  return {
    ...describe({ ...item, command: item.command ?? item.described }, result),
    ...(result.stderr !== '' && { printed: result.stderr }),
    request: hex(request),
    messages: [hex(ack)],
    expect: item.expect,
  };
}

const all = [
  ...requestCases.map((item) => ({ item, capture: captureRequest, folder: 'requests' })),
  ...replyCases.map((item) => ({
    item,
    capture: 'monitor' in item ? captureEvents : captureReply,
    folder: 'replies',
  })),
  ...errorCases.map((item) => ({ item, capture: captureError, folder: 'replies' })),
];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !all.some(({ item }) => item.name === name));
if (unknown.length > 0) throw new Error(`no such fixture: ${unknown.join(', ')}`);

const top = mkdtempSync(join(tmpdir(), 'capture-golden-'));
try {
  // A full run replaces the folders: a fixture that no case makes any more must not stay.
  if (asked.length === 0) {
    for (const folder of ['requests', 'replies']) {
      rmSync(join(fixtures, folder), { recursive: true, force: true });
    }
  }
  for (const { item, capture, folder } of all) {
    if (asked.length > 0 && !asked.includes(item.name)) continue;
    const fixture = capture(item, mkdtempSync(join(top, 'case-')));
    mkdirSync(join(fixtures, folder), { recursive: true });
    const file = join(fixtures, folder, `${item.name}.json`);
    writeFileSync(file, `${JSON.stringify(fixture, null, 2)}\n`);
  }
} finally {
  rmSync(top, { recursive: true });
}
