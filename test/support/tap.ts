/** Macvtaps to open, frames to send through them, and programs at the other end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { MacvtapLink, OpenTapOptions, Tap } from '../../lib/index.js';
import { noRoot } from './root.js';
import { supportFile, type Testbed, type TestNetns } from './testbed.js';

/**
 * Why no macvtap can be opened here; `undefined` when it can, or has to be. The devices belong to the
 * machine's root, and a user namespace may make no nodes of its own.
 */
export const noTaps = noRoot;

/** An EtherType for experiments, which no kernel answers. */
const TYPE = 0x88b5;
/** Where a frame's number stands. */
const NUMBER_AT = 14;

export const bytesOf = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');

/** A frame with a number in it. */
export function makeFrame(to: string, from: string, length: number, number = 0): Buffer {
  const frame = Buffer.alloc(length, number & 0xff);
  bytesOf(to).copy(frame);
  bytesOf(from).copy(frame, 6);
  frame.writeUInt16BE(TYPE, 12);
  if (length >= NUMBER_AT + 4) frame.writeUInt32BE(number, NUMBER_AT);
  return frame;
}

/** Whether a frame is a test's own, and not one that a kernel sends by itself. */
export const isOwn = (frame: Buffer, header = 0) => frame.readUInt16BE(header + 12) === TYPE;

export const numberOf = (frame: Buffer) => frame.readUInt32BE(NUMBER_AT);

/** What a macvtap to test on is made with. */
interface MacvtapOptions {
  readonly name?: string;
  readonly index?: number;
  readonly mode?: 'bridge' | 'passthru';
}

/**
 * A macvtap on a parent, in bridge mode by default, up, without IPv6: frames of the host's own, sent
 * from another processor, would change the order of those that are written meanwhile.
 */
export async function macvtap(
  bed: Testbed,
  host: TestNetns,
  parent: string,
  options: MacvtapOptions = {},
): Promise<MacvtapLink> {
  const link = await host.netns.createMacvtap({
    name: bed.uniqueName('t'),
    mode: 'bridge',
    ...options,
    parent,
    up: true,
    addrGenMode: 'none',
  });
  const sysctl = `/proc/sys/net/ipv6/conf/${link.name}/disable_ipv6`;
  await host.run('sh', '-c', `test ! -e ${sysctl} || echo 1 > ${sysctl}`);
  await host.settled(link.name);
  return link;
}

/** A macvtap, and its parent's cable. */
export interface TapSetup {
  readonly host: TestNetns;
  readonly parent: string;
  /** The other end of the parent's cable. */
  readonly cable: string;
  readonly link: MacvtapLink;
}

export async function setUpTap(bed: Testbed, options?: MacvtapOptions): Promise<TapSetup> {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  const cable = (await host.link(parent)).link ?? '';
  return { host, parent, cable, link: await macvtap(bed, host, parent, options) };
}

/** The namespaces of 192.0.2.1 and 192.0.2.2, whose macvtaps only have to be connected. */
export async function setUpTwoEnds(bed: Testbed): Promise<readonly [TapSetup, TapSetup]> {
  const make = () => setUpTap(bed, { mode: 'passthru' });
  const ends = [await make(), await make()] as const;
  for (const [at, { host, cable, link }] of ends.entries()) {
    await host.ip('address', 'add', `192.0.2.${at + 1}/24`, 'dev', cable);
    // It is to have the frames that are for others as well.
    await host.netns.setPromiscuous(link, true);
  }
  return ends;
}

/** Fails unless the second of the {@link setUpTwoEnds} answers the first. */
export async function expectPing(bed: Testbed, { host }: TapSetup): Promise<void> {
  const ping = start(bed, host, 'ping', ['-n', '-c', '5', '-i', '0.2', '-w', '20', '192.0.2.2']);
  expect(await ping.output()).toContain('5 received, 0% packet loss');
}

/** Opens a tap that is closed after the test. */
export async function open(
  bed: Testbed,
  host: TestNetns,
  link: MacvtapLink,
  options?: OpenTapOptions,
): Promise<Tap> {
  const tap = await host.netns.openTap(link, options);
  bed.onCleanup(() => tap.close());
  return tap;
}

/** The next frames of a tap that are a test's own. */
export function frames(tap: Tap, count: number): Promise<Buffer[]> {
  return new Promise((resolve) => {
    const taken: Buffer[] = [];
    const take = (frame: Buffer) => {
      if (!isOwn(frame, tap.vnetHeaderLength)) return;
      taken.push(frame);
      if (taken.length < count) return;
      tap.off('data', take).pause();
      resolve(taken);
    };
    tap.on('data', take).resume();
  });
}

/** Writes as fast as the stream allows. */
export async function writeAll(tap: Tap, all: Iterable<Buffer>): Promise<void> {
  for (const frame of all) {
    if (!tap.write(frame)) await once(tap, 'drain');
  }
}

/** A program at work, and what it printed once it ended well. */
export class Program {
  readonly #ended: Promise<unknown[]>;
  #output = '';

  constructor(readonly child: ChildProcess) {
    this.#ended = once(child, 'close');
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  get said(): string {
    return this.#output;
  }

  /** Waits until it has said something that matches. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#output)) {
      const more = once(this.child.stdout as NodeJS.ReadableStream, 'data');
      const ended = this.#ended.then(() => {
        throw new Error(`${this.child.spawnfile} ended without saying ${pattern}: ${this.#output}`);
      });
      await Promise.race([more, ended]);
    }
  }

  async output(): Promise<string> {
    const [code, signal] = await this.#ended;
    if (code !== 0) throw new Error(`${this.child.spawnargs.join(' ')}: ${signal ?? code}`);
    return this.#output;
  }

  /** Ends it, if it has not ended by itself. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill();
    await this.#ended;
  }
}

/** Starts a program in a namespace; descriptors are its own from 3 on. It is ended after the test. */
export function start(
  bed: Testbed,
  host: TestNetns,
  command: string,
  args: readonly (string | number)[],
  descriptors: readonly number[] = [],
): Program {
  const within = host.name === null ? [] : ['nsenter', `--net=/run/netns/${host.name}`];
  const [file = '', ...rest] = [...within, command, ...args.map(String)];
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit', ...descriptors] });
  const program = new Program(child);
  bed.onCleanup(() => program.stop());
  return program;
}

/** A peer in Python, see tap-peer.py. */
export function peer(
  bed: Testbed,
  host: TestNetns,
  args: readonly (string | number)[],
  descriptors: readonly number[] = [],
): Program {
  return start(bed, host, 'python3', [supportFile('tap-peer.py'), ...args], descriptors);
}

/** Has tcpdump listen; `captured` gives the frames it saw, whole, once it has `count` of them. */
export async function listen(bed: Testbed, host: TestNetns, link: string, count: number) {
  // -U: a packet is printed when it comes; -xx: with its Ethernet header.
  const options = ['-i', link, '-c', count, '-nn', '-U', '-xx', '--immediate-mode', '-l'];
  const filter = ['ether', 'proto', `0x${TYPE.toString(16)}`];
  const dump = start(bed, host, 'sh', [
    '-c',
    'exec "$@" 2>&1',
    'sh',
    'tcpdump',
    ...options,
    ...filter,
  ]);
  await dump.until(/listening on/);
  return { captured: async () => hexFrames(await dump.output()) };
}

function hexFrames(text: string): Buffer[] {
  const all: string[] = [];
  for (const line of text.split('\n')) {
    const hex = /^\t0x([0-9a-f]+):\s+([0-9a-f ]+)/.exec(line);
    if (hex === null) continue;
    if (hex[1] === '0000') all.push('');
    all[all.length - 1] += (hex[2] ?? '').replaceAll(' ', '');
  }
  return all.map((hex) => Buffer.from(hex, 'hex'));
}

/** Writes a frame, which nobody reads, until the kernel takes no more; `drained` when it does again. */
export async function writeUntilFull(tap: Tap, frame: Uint8Array) {
  let drained = Promise.resolve<unknown>(undefined);
  do {
    while (tap.write(frame));
    drained = once(tap, 'drain');
  } while (await Promise.race([drained, sleep(300, false)]));
  return { drained };
}
