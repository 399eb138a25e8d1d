// Answers ARP and ping from JavaScript, through a macvtap: an address that no kernel has.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';
import { setup } from '../setup.mjs';
import { passThrough } from '../support/command.mjs';
import { Failure } from '../support/failure.mjs';
import { runMain } from '../support/main.mjs';
import { inPrivateNamespaces } from '../support/namespaces.mjs';
import { requireCommands } from '../support/system.mjs';

const help = `node scripts/examples/tap-responder.mjs LINK ADDRESS

Answers ARP requests and echo requests for ADDRESS (IPv4) that arrive by LINK, a macvtap that is up,
until it is interrupted or the link is deleted. Needs root.

  --try    makes a network in private namespaces instead, answers there, and has ping try it
  --help   this text`;

const ETH_HLEN = 14;
const ETH_P_IP = 0x0800;
const ETH_P_ARP = 0x0806;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const IPPROTO_ICMP = 1;
const ICMP_ECHO = 8;
const ICMP_ECHOREPLY = 0;

/** The built package, by its name. @returns {Promise<typeof import('../../lib/index.js')>} */
const loadLibrary = (name = 'macvlan-netlink') => import(name);

const bytesOfMac = (mac) => Buffer.from(mac.replaceAll(':', ''), 'hex');
const bytesOfIp = (ip) => Buffer.from(ip.split('.').map(Number));

/** The Internet checksum (RFC 1071) of some bytes. @param {Buffer} bytes */
function checksum(bytes) {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2 === 1) sum += bytes[bytes.length - 1] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** Turns a frame around: back to whom it came from. @param {Buffer} frame @param {Buffer} mac */
function turnAround(frame, mac) {
  const answer = Buffer.from(frame);
  frame.copy(answer, 0, 6, 12);
  mac.copy(answer, 6);
  return answer;
}

/** The answer to "who has our address?" (RFC 826); null when it is not asked. */
function answerArp(frame, mac, ip) {
  const arp = frame.subarray(ETH_HLEN);
  // Ethernet and IPv4 addresses, six bytes and four.
  if (arp.length < 28 || arp.readUInt32BE(0) !== 0x00010800 || arp.readUInt16BE(4) !== 0x0604) {
    return null;
  }
  if (arp.readUInt16BE(6) !== ARP_REQUEST || !arp.subarray(24, 28).equals(ip)) return null;
  const answer = turnAround(frame, mac);
  const body = answer.subarray(ETH_HLEN);
  body.writeUInt16BE(ARP_REPLY, 6);
  mac.copy(body, 8);
  ip.copy(body, 14);
  arp.copy(body, 18, 8, 18);
  return answer;
}

/** The answer to an echo request for our address (RFC 792); null for anything else. */
function answerEcho(frame, mac, ip) {
  const packet = frame.subarray(ETH_HLEN);
  if (packet.length < 20 || packet[0] >> 4 !== 4) return null;
  const header = (packet[0] & 0x0f) * 4;
  const length = packet.readUInt16BE(2);
  const isFragment = (packet.readUInt16BE(6) & 0x3fff) !== 0;
  if (header < 20 || length < header + 8 || length > packet.length || isFragment) return null;
  if (packet[9] !== IPPROTO_ICMP || !packet.subarray(16, 20).equals(ip)) return null;
  if (packet[header] !== ICMP_ECHO || checksum(packet.subarray(header, length)) !== 0) return null;
  const answer = turnAround(frame.subarray(0, ETH_HLEN + length), mac);
  const body = answer.subarray(ETH_HLEN);
  packet.copy(body, 12, 16, 20);
  packet.copy(body, 16, 12, 16);
  body[8] = 64; // time to live
  body.writeUInt16BE(0, 10);
  body.writeUInt16BE(checksum(body.subarray(0, header)), 10);
  body[header] = ICMP_ECHOREPLY;
  body.writeUInt16BE(0, header + 2);
  body.writeUInt16BE(checksum(body.subarray(header)), header + 2);
  return answer;
}

/** @param {Buffer} frame @param {Buffer} mac @param {Buffer} ip @returns {Buffer | null} */
function answerTo(frame, mac, ip) {
  const type = frame.readUInt16BE(12);
  if (type === ETH_P_ARP) return answerArp(frame, mac, ip);
  return type === ETH_P_IP ? answerEcho(frame, mac, ip) : null;
}

/**
 * Answers until the tap ends; gives how often.
 *
 * @param {import('../../lib/index.js').Tap} tap
 * @param {string} address
 */
async function respond(tap, address) {
  const mac = bytesOfMac(tap.link.mac ?? '');
  const ip = bytesOfIp(address);
  let answers = 0;
  for await (const frame of tap) {
    const answer = answerTo(frame, mac, ip);
    if (answer === null) continue;
    answers++;
    await tap.send(answer);
  }
  return answers;
}

/** @param {string} link */
async function open(link) {
  const { isNetlinkError, openTap } = await loadLibrary();
  return openTap(link).catch((error) => {
    throw isNetlinkError(error) ? new Failure(error.message) : error;
  });
}

/** @param {string} link @param {string} address */
async function answer(link, address) {
  const tap = await open(link);
  process.once('SIGINT', () => tap.close());
  process.once('SIGTERM', () => tap.close());
  process.stdout.write(`ready: ${address} is at ${tap.link.mac}\n`);
  process.stdout.write(`answered ${await respond(tap, address)} times\n`);
}

/** A responder beside a namespace with an ordinary macvlan, from which ping tries it. */
async function tryItOut() {
  const { createLink, createMacvlan, createMacvtap, Netns } = await loadLibrary();
  const up = /** @type {const} */ ({ parent: 'wire', mode: 'bridge', up: true });
  await createLink({ kind: 'veth', name: 'wire', up: true, peer: { up: true } });
  await createMacvtap({ ...up, name: 'responder' });
  const visitor = await Netns.create();
  await createMacvlan({ ...up, name: 'visitor', netns: visitor, addresses: ['192.0.2.1/24'] });
  const tap = await open('responder');
  const responding = respond(tap, '192.0.2.2');
  const ping = spawn('nsenter', ['--net=/proc/self/fd/3', 'ping', '-n', '-c', '3', '192.0.2.2'], {
    stdio: ['ignore', 'inherit', 'inherit', visitor.fd],
  });
  const [code] = await once(ping, 'exit');
  await Promise.all([tap.close(), visitor.close()]);
  process.stdout.write(`answered ${await responding} times\n`);
  return code ?? 1;
}

/** Set in the process that runs inside the private namespaces. */
const INSIDE = 'MACVLAN_NETLINK_EXAMPLE_INSIDE';

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      try: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  if (process.env[INSIDE] === '1') return tryItOut();
  const [link, address, ...more] = positionals;
  const understood = values.try ? link === undefined : isIPv4(address ?? '') && more.length === 0;
  if (!understood) {
    const wanted = values.try ? 'no arguments beside --try' : 'a link and an IPv4 address';
    throw new Failure(`Expected ${wanted}, and got '${positionals.join(' ')}'.\n\n${help}`);
  }
  await setup('package');
  if (!values.try) {
    await answer(link, address);
    return 0;
  }
  await requireCommands(['ip', 'unshare', 'nsenter', 'mount', 'ping']);
  const { command, args, env } = inPrivateNamespaces([process.execPath, ...process.argv.slice(1)]);
  return passThrough(command, args, { env: { ...env, [INSIDE]: '1' } });
}

await runMain(main);
