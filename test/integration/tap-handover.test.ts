/** The virtio header, several queues, and descriptors that other programs go on with. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, readdirSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Tap } from '../../lib/index.js';
import {
  bytesOf,
  expectPing,
  frames,
  macvtap,
  makeFrame,
  noTaps,
  numberOf,
  open,
  peer,
  setUpTap,
  setUpTwoEnds,
  start,
  type TapSetup,
  writeUntilFull,
} from '../support/tap.js';
import { isBefore, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

beforeEach(({ skip }) => skip(noTaps !== undefined, noTaps));

/** `IFF_*` of linux/if_tun.h. */
const IFF_TAP = 0x2;
const IFF_MULTI_QUEUE = 0x100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const O_NONBLOCK = 0o4000;

const STRANGER = '02:00:5e:00:00:01';
/** Of a stream that fills a window of many long segments. */
const LENGTH = 16 * 1024 * 1024;

const setUp = () => setUpTap(bed);

/** What the device itself says of each descriptor. */
async function ask(host: TestNetns, fds: readonly number[]): Promise<unknown[]> {
  return JSON.parse(await peer(bed, host, ['ask'], fds).output());
}

const flagsOf = (fd: number) =>
  Number.parseInt(
    /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '',
    8,
  );

describe('the virtio header', () => {
  /** The frame of a UDP datagram that this machine's own IP sends out by the parent's cable. */
  async function datagram({ host, cable, link }: TapSetup, tap: Tap): Promise<Buffer> {
    await host.ip('address', 'add', '192.0.2.1/24', 'dev', cable);
    await host.ip('neighbour', 'add', '192.0.2.2', 'lladdr', link.mac ?? '', 'dev', cable);
    const found = new Promise<Buffer>((resolve) => {
      const at = tap.vnetHeaderLength + 23; // the IP header's protocol
      tap.on('data', (frame: Buffer) => frame[at] === 17 && resolve(frame));
    });
    const program = `
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
    out.sendto(b"frames of ethernet", ("192.0.2.2", 9))`;
    await start(bed, host, 'python3', ['-c', program]).output();
    return found;
  }

  /** The checksum over a UDP datagram in an IPv4 frame: 0 when the one in it is right. */
  function udpChecksum(frame: Buffer): number {
    const length = frame.readUInt16BE(38);
    const words = Buffer.alloc(12 + length + (length & 1));
    frame.copy(words, 0, 26, 34);
    words.writeUInt16BE(17, 8);
    words.writeUInt16BE(length, 10);
    frame.copy(words, 12, 34, 34 + length);
    let sum = 0;
    for (let at = 0; at < words.length; at += 2) sum += words.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
  }

  test('is off by default, and checksums are computed', async () => {
    const all = await setUp();
    const tap = await open(bed, all.host, all.link);
    expect(tap.vnetHeaderLength).toBe(0);
    expect(await ask(all.host, tap.fds)).toMatchObject([{ flags: IFF_TAP | IFF_NO_PI }]);
    const frame = await datagram(all, tap);
    expect(frame.subarray(0, 6)).toEqual(bytesOf(all.link.mac ?? ''));
    expect(udpChecksum(frame)).toBe(0);
  });

  test('is kept with the option, and says what is left to do', async () => {
    const all = await setUp();
    const tap = await open(bed, all.host, all.link, { vnetHeader: true });
    expect(tap.vnetHeaderLength).toBe(10);
    expect(await ask(all.host, tap.fds)).toEqual([
      { name: all.link.name, flags: IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, header: 10 },
    ]);
    const frame = await datagram(all, tap);
    expect(frame.subarray(10, 16)).toEqual(bytesOf(all.link.mac ?? ''));
    expect(udpChecksum(frame.subarray(10))).not.toBe(0);
    // VIRTIO_NET_HDR_F_NEEDS_CSUM, from the UDP header on, where its checksum is.
    expect([frame[0], frame[1], frame.readUInt16LE(6), frame.readUInt16LE(8)]).toEqual([
      1, 0, 34, 6,
    ]);
  });

  test('stands in front of frames that are written', async () => {
    const { host, parent, link } = await setUp();
    const sibling = await macvtap(bed, host, parent);
    const tap = await open(bed, host, link, { vnetHeader: true });
    const other = await open(bed, host, sibling);
    const frame = makeFrame(sibling.mac ?? '', link.mac ?? '', 1514, 5);
    const received = frames(other, 1);
    await tap.send(Buffer.concat([Buffer.alloc(10), frame]));
    expect(await received).toEqual([frame]);
    await expect(tap.send(Buffer.alloc(10 + 13))).rejects.toMatchObject({
      code: 'EINVAL',
      hint: 'A frame has at least 14 bytes, behind a virtio header of 10; this one has 23 in all.',
    });
    await expect(tap.send(Buffer.alloc(10 + 1515))).rejects.toMatchObject({ code: 'EMSGSIZE' });
    const tagged = makeFrame(sibling.mac ?? '', link.mac ?? '', 1518, 6);
    tagged.writeUInt16BE(0x8100, 12);
    await expect(tap.send(Buffer.concat([Buffer.alloc(10), tagged]))).resolves.toBeUndefined();
    // VIRTIO_NET_HDR_GSO_TCPV4 without a packet behind it: of a length that may be, but nonsense.
    const nonsense = Buffer.concat([
      Buffer.from([0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.alloc(4000),
    ]);
    const error = await tap.send(nonsense).catch((reason) => reason);
    expect([error.code, error.hint]).toEqual(['EINVAL', undefined]);
  });

  /** A virtio header, and behind it a TCP packet over IPv6 that is to be segmented. */
  function unsegmented(to: string, from: string, payload: number): Buffer {
    const [ETH, IP, TCP] = [10, 24, 64];
    const frame = Buffer.alloc(TCP + 20 + payload);
    frame[0] = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM
    frame[1] = 4; // VIRTIO_NET_HDR_GSO_TCPV6
    for (const [at, value] of [74, 1428, TCP - ETH, 16].entries())
      frame.writeUInt16LE(value, 2 + 2 * at);
    bytesOf(to).copy(frame, ETH);
    bytesOf(from).copy(frame, ETH + 6);
    frame.writeUInt16BE(0x86dd, ETH + 12);
    frame.set([0x60, 0, 0, 0, 0, 0, 6, 64, 0xfd], IP);
    frame.set([0xfd], IP + 24);
    frame.set([0x50, 0x10], TCP + 12);
    return frame;
  }

  test('goes with frames longer than any MTU, which the kernel segments', async () => {
    const { host, parent, link } = await setUp();
    const sibling = await macvtap(bed, host, parent);
    const tap = await open(bed, host, link, { vnetHeader: true });
    const other = await open(bed, host, sibling);
    let received = 0;
    other.on('data', (frame: Buffer) => {
      if (frame.readUInt16BE(12) === 0x86dd && frame[20] === 6) received += frame.length - 74;
    });
    const [to, from] = [sibling.mac ?? '', link.mac ?? ''];
    const length = isBefore(6, 3) ? 60_000 : 150_000;
    await tap.send(unsegmented(to, from, length));
    await expect.poll(() => received).toBe(length);
    const tooLong = unsegmented(to, from, 700_000);
    await expect(tap.send(tooLong)).rejects.toMatchObject({
      code: 'EMSGSIZE',
      hint: `A frame to be segmented may have 520 KiB with its virtio header; this one has ${tooLong.length} bytes in all.`,
    });
    await tap.send(unsegmented(to, from, 1_428));
    await expect.poll(() => received).toBe(length + 1_428);
  });

  test('comes with frames of any length, and nothing of a TCP stream is cut off', async ({
    skip,
  }) => {
    skip(isBefore(6, 3), 'a link’s gso_max_size is limited to 65,536 on this kernel');
    const big = ['gso_max_size', '150000', 'gro_max_size', '150000'] as const;
    const host = await bed.makeNetns();
    const [near, far] = [await bed.makeNetns(), await bed.makeNetns()];
    const taps: Tap[] = [];
    for (const [at, end] of [near, far].entries()) {
      const [name, peer] = [bed.uniqueName('q'), bed.uniqueName('p')];
      const other = { name: peer, netns: end.netns, up: true };
      const ends = { kind: 'veth', name, peer: other, up: true, addrGenMode: 'none' } as const;
      await host.netns.createLink(ends);
      await host.ip('link', 'set', name, ...big);
      await end.ip('link', 'set', peer, ...big);
      await end.ip('addr', 'add', `fd00::${at + 1}/64`, 'dev', peer, 'nodad');
      const link = await macvtap(bed, host, name, { mode: 'passthru' });
      await host.netns.setPromiscuous(link, true);
      taps.push(await open(bed, host, link, { vnetHeader: true }));
    }
    // Long segments from the start, however slow the way is (net/ipv4/tcp_output.c, tcp_tso_autosize).
    await near.run('sh', '-c', 'echo 100 > /proc/sys/net/ipv4/tcp_min_tso_segs');
    let longest = 0;
    for (const [at, tap] of taps.entries()) {
      tap.on('data', (frame: Buffer) => {
        longest = Math.max(longest, frame.length);
        taps[1 - at]?.write(frame);
      });
    }
    const server = await far.netns.run(
      `const { createServer } = require('node:net');
      const { parentPort } = require('node:worker_threads');
      let received = 0;
      createServer((socket) => socket
        .on('data', ({ length }) => { received += length; })
        .on('end', () => parentPort.postMessage(received)),
      ).listen(5000, '::', () => parentPort.postMessage('ready'));`,
      { eval: true },
    );
    bed.onCleanup(() => server.terminate());
    expect(await once(server, 'message')).toEqual(['ready']);
    const client = await near.netns.run(
      `const { connect } = require('node:net');
      const socket = connect(5000, 'fd00::2', () => socket.end(Buffer.alloc(${LENGTH})));`,
      { eval: true },
    );
    bed.onCleanup(() => client.terminate());
    expect(await once(server, 'message')).toEqual([LENGTH]);
    expect(longest).toBeGreaterThan(66 * 1024);
  });
});

/** What a thread of this process does: 'R' or 'S', as in /proc/PID/stat. */
function threadState(name: string): string | undefined {
  for (const task of readdirSync('/proc/self/task')) {
    const said = /\((.*)\) (.)/.exec(readFileSync(`/proc/self/task/${task}/stat`, 'utf8'));
    if (said?.[1] === name.slice(0, 15)) return said[2];
  }
  return undefined;
}

describe('queues', () => {
  test('are descriptors of one device, whose frames all arrive', async () => {
    const { host, cable, link } = await setUp();
    const tap = await open(bed, host, link, { queues: 4 });
    expect(new Set(tap.fds).size).toBe(4);
    expect(tap.fd).toBe(tap.fds[0]);
    expect(new Set(tap.fds.map((fd) => fstatSync(fd).rdev)).size).toBe(1);
    const flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
    expect(await ask(host, tap.fds)).toMatchObject(Array(4).fill({ name: link.name, flags }));
    const ports: number[] = [];
    const all = new Promise<void>((resolve) => {
      tap.on('data', (frame: Buffer) => {
        if (frame.readUInt16BE(12) !== 0x800 || frame[23] !== 17) return;
        if (ports.push(frame.readUInt16BE(34)) === 200) resolve();
      });
    });
    const flood = ['inject', cable, 200, 100, link.mac ?? '', STRANGER, 50];
    await peer(bed, host, flood).output();
    await all;
    const sent = Array.from({ length: 200 }, (_, at) => 1024 + (at % 50));
    expect(ports.sort()).toEqual(sent.sort());
  });

  test('each have some of the flows', async () => {
    const { host, cable, link } = await setUp();
    const tap = await host.netns.openTap(link, { queues: 4 });
    tap.detach();
    bed.onCleanup(() => {
      for (const fd of tap.fds) closeSync(fd);
    });
    const counting = peer(bed, host, ['spread', 200], tap.fds);
    const flood = ['inject', cable, 200, 100, link.mac ?? '', STRANGER, 50];
    await peer(bed, host, flood).output();
    const counts: number[] = JSON.parse(await counting.output());
    expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(200);
    // The kernel hashes 50 flows over 4 queues; that one stays empty would be a wonder.
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  test('that are not written to wait for no room to write', async () => {
    const { host, parent, link } = await setUp();
    const sibling = await macvtap(bed, host, parent);
    const [tap, silent] = [
      await open(bed, host, link, { queues: 4 }),
      await open(bed, host, sibling),
    ];
    const frame = makeFrame(sibling.mac ?? '', link.mac ?? '', 1514);
    const { drained } = await writeUntilFull(tap, frame);
    // The thread that is to write them sleeps, also when it is to read from all queues.
    const heard = frames(tap, 1);
    await silent.send(makeFrame(link.mac ?? '', sibling.mac ?? '', 60));
    await heard;
    const states = () => Array.from({ length: 30 }, () => threadState('macvlan-events'));
    await expect.poll(() => new Set(states()), { timeout: 10_000 }).toEqual(new Set(['S']));
    silent.resume();
    await drained;
  });

  test('write in order', async () => {
    const { host, parent, link } = await setUp();
    const sibling = await macvtap(bed, host, parent);
    const tap = await open(bed, host, link, { queues: 4 });
    const other = await open(bed, host, sibling);
    const received = frames(other, 1000);
    for (let at = 0; at < 1000; at++) {
      tap.write(makeFrame(sibling.mac ?? '', link.mac ?? '', 100, at));
    }
    const order = Array.from({ length: 1000 }, (_, at) => at);
    expect((await received).map(numberOf)).toEqual(order);
  });
});

describe('detach', () => {
  test('returns the descriptor in the state of a newly opened one', async () => {
    const { host, link } = await setUp();
    const tap = await open(bed, host, link);
    expect(flagsOf(tap.fd) & O_NONBLOCK).not.toBe(0);
    const fd = tap.detach();
    expect(tap.fds).toEqual([fd]);
    expect(flagsOf(fd) & O_NONBLOCK).toBe(0);
    expect(tap.destroyed).toBe(true);
    await tap.close();
    expect(await ask(host, [fd])).toMatchObject([{ name: link.name }]);
    await expect(tap.send(Buffer.alloc(60))).rejects.toMatchObject({
      code: 'ERR_STREAM_DESTROYED',
    });
    expect(tap.detach()).toBe(fd);
    closeSync(fd);
  });

  test('ends a loop over the frames with an error, because the frames have not ended', async () => {
    const { host, link } = await setUp();
    const tap = await open(bed, host, link);
    const looped = expect(
      (async () => {
        for await (const _ of tap);
      })(),
    ).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    closeSync(tap.detach());
    await looped;
  });

  test('after close returns -1', async () => {
    const { host, link } = await setUp();
    const tap = await open(bed, host, link);
    await tap.close();
    expect(tap.detach()).toBe(-1);
  });

  test('lets socat connect two taps like a cable, and ping gets through', async () => {
    const [near, far] = await setUpTwoEnds(bed);
    const fds: number[] = [];
    for (const { host, link } of [near, far]) {
      fds.push((await host.netns.openTap(link)).detach());
    }
    // Each read is a frame, and each write: a block is more than either.
    const socat = start(bed, near.host, 'socat', ['-b', 65536, 'FD:3', 'FD:4'], fds);
    for (const fd of fds) closeSync(fd);
    await expectPing(bed, near);
    await socat.stop();
  });

  test('lets a virtual machine use the descriptor, and its network card boots', async ({
    skip,
  }) => {
    const qemu = 'qemu-system-x86_64';
    skip(!isThere(qemu), `${qemu} is not installed`);
    skip(isEmulated(), 'a machine emulated in an emulated machine takes too long');
    const { host, parent, link } = await setUp();
    const mac = link.mac ?? '';
    const dump = start(bed, host, 'sh', [
      '-c',
      `exec tcpdump -i ${parent} -c 1 -nn -l -e ether src ${mac} and udp dst port 67 2>&1`,
    ]);
    await dump.until(/listening on/);
    const fd = (await host.netns.openTap(link)).detach();
    // The card's own boot program asks for an address; nothing else is in the machine.
    const machine = ['-nodefaults', '-display', 'none', '-accel', 'tcg', '-m', '64', '-boot', 'n'];
    const card = ['-netdev', 'tap,id=net,fd=3', '-device', `virtio-net-pci,netdev=net,mac=${mac}`];
    start(bed, host, qemu, [...machine, ...card], [fd]);
    closeSync(fd);
    expect(await dump.output()).toContain(`BOOTP/DHCP, Request from ${mac}`);
  });
});

function isThere(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Whether this runs in a machine that qemu emulates without help, as `npm run test:kernels` does. */
function isEmulated(): boolean {
  return /QEMU (?:TCG|Virtual) CPU/.test(readFileSync('/proc/cpuinfo', 'utf8'));
}
