/** Frames through a macvtap: whole, in order, and no more of them than there is room for. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, test } from 'vitest';
import { isNetlinkError, type MacvtapLink, type Tap } from '../../lib/index.js';
import {
  expectPing,
  frames,
  listen,
  macvtap,
  makeFrame,
  noTaps,
  numberOf,
  open,
  peer,
  setUpTwoEnds,
  writeAll,
} from '../support/tap.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

beforeEach(({ skip }) => skip(noTaps !== undefined, noTaps));

interface Pair {
  readonly host: TestNetns;
  readonly parent: string;
  /** The other end of the parent's cable. */
  readonly cable: string;
  readonly near: MacvtapLink;
  readonly far: MacvtapLink;
}

/** Two macvtaps on one parent, which reach one another. */
async function pair(): Promise<Pair> {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  const cable = (await host.link(parent)).link ?? '';
  const near = await macvtap(bed, host, parent);
  const far = await macvtap(bed, host, parent);
  return { host, parent, cable, near, far };
}

const macOf = (link: MacvtapLink) => link.mac ?? '';

/** A tap's descriptor for a program to have, closed after the test. */
async function handOver(host: TestNetns, link: MacvtapLink): Promise<number> {
  const tap = await host.netns.openTap(link);
  const fd = tap.detach();
  bed.onCleanup(() => closeSync(fd));
  return fd;
}

test('a frame that is written is on the wire as it was', async () => {
  const { host, parent, cable, near } = await pair();
  const tap = await open(bed, host, near);
  expect([tap.readableHighWaterMark, tap.writableHighWaterMark]).toEqual([256, 256]);
  const frame = makeFrame((await host.link(cable)).address ?? '', macOf(near), 1514, 7);
  const { captured } = await listen(bed, host, parent, 1);
  await tap.send(frame);
  expect(await captured()).toEqual([frame]);
});

test('listeners run in the asynchronous context of whoever opened the tap, callbacks in that of the writer', async () => {
  const { host, near, far } = await pair();
  const context = new AsyncLocalStorage<string>();
  const tap = await context.run('opener', () => host.netns.openTap(near));
  const other = await open(bed, host, far);
  const told: [string, string | undefined][] = [];
  const note = (what: string) => () => told.push([what, context.getStore()]);
  tap.once('data', note('data')).once('frameError', note('frameError'));
  tap.once('end', note('end')).once('finish', note('finish')).once('close', note('close'));
  await other.send(makeFrame(macOf(near), macOf(far), 60, 1));
  const frame = makeFrame(macOf(far), macOf(near), 60, 1);
  const written = new Promise<void>((resolve) => {
    context.run('writer', () => tap.write(frame, () => resolve(note('written')() as never)));
  });
  context.run('writer', () => tap.write(new Uint8Array(3)));
  await written;
  await expect.poll(() => told.length).toBe(3);
  await host.ip('link', 'delete', near.name);
  await expect.poll(() => told.length).toBe(6);
  expect(Object.fromEntries(told)).toEqual({
    data: 'opener',
    frameError: 'opener',
    end: 'opener',
    finish: 'opener',
    close: 'opener',
    written: 'writer',
  });
});

test('a frame that arrives is a chunk, as it was on the wire', async () => {
  const { host, cable, near } = await pair();
  const tap = await open(bed, host, near);
  const sent = [60, 1514, 61, 100].map((length, at) =>
    makeFrame(macOf(near), '02:00:5e:00:00:01', length, at),
  );
  const received = frames(tap, sent.length);
  for (const frame of sent) await peer(bed, host, ['raw', cable, frame.toString('hex')]).output();
  expect(await received).toEqual(sent);
});

describe('10,000 frames in order', () => {
  test.each([64, 1514])('to another program, of %d bytes', async (length) => {
    const { host, near, far } = await pair();
    const tap = await open(bed, host, near);
    const reader = peer(bed, host, ['receive', 10_000, length], [await handOver(host, far)]);
    await writeAll(
      tap,
      Array.from({ length: 10_000 }, (_, at) => makeFrame(macOf(far), macOf(near), length, at)),
    );
    expect(JSON.parse(await reader.output())).toEqual([]);
  });

  test.each([64, 1514])('from another program, of %d bytes', async (length) => {
    const { host, near, far } = await pair();
    const tap = await open(bed, host, near);
    const received = frames(tap, 10_000);
    const addresses = [macOf(near), macOf(far)];
    const sender = peer(
      bed,
      host,
      ['send', 10_000, length, ...addresses],
      [await handOver(host, far)],
    );
    const all = await received;
    await sender.output();
    expect(all.every((frame) => frame.length === length)).toBe(true);
    expect(all.map(numberOf)).toEqual(Array.from({ length: 10_000 }, (_, at) => at));
    expect(all.every((frame, at) => frame.at(-1) === (at & 0xff))).toBe(true);
  });

  test('in both directions at once', async () => {
    const { host, near, far } = await pair();
    const [left, right] = [await open(bed, host, near), await open(bed, host, far)];
    const numbered = (to: MacvtapLink, from: MacvtapLink) =>
      Array.from({ length: 10_000 }, (_, at) => makeFrame(macOf(to), macOf(from), 600, at));
    const [atLeft, atRight] = await Promise.all([
      frames(left, 10_000),
      frames(right, 10_000),
      writeAll(left, numbered(far, near)),
      writeAll(right, numbered(near, far)),
    ]);
    const order = Array.from({ length: 10_000 }, (_, at) => at);
    expect(atLeft.map(numberOf)).toEqual(order);
    expect(atRight.map(numberOf)).toEqual(order);
  });

  test('to a loop that reads them one by one', async () => {
    const { host, near, far } = await pair();
    const [tap, other] = [await open(bed, host, near), await open(bed, host, far)];
    const sending = writeAll(
      other,
      Array.from({ length: 10_000 }, (_, at) => makeFrame(macOf(near), macOf(far), 100, at)),
    );
    let expected = 0;
    for await (const frame of tap as AsyncIterable<Buffer>) {
      expect(numberOf(frame)).toBe(expected);
      if (++expected === 10_000) break;
    }
    await sending;
    expect(tap.destroyed).toBe(true);
  });
});

/** How many frames can be between the kernel and a stream's buffer: two batches. */
const ON_THEIR_WAY = 2 * 64;

describe('backpressure', () => {
  test('a stream that nobody reads holds a bounded number of frames', async () => {
    const { host, near, cable } = await pair();
    const tap = await open(bed, host, near, { highWaterMark: 50 });
    tap.on('readable', () => {});
    const flood = ['inject', cable, 5000, 1000, macOf(near), '02:00:5e:00:00:01'];
    await peer(bed, host, flood).output();
    expect(tap.readableLength).toBeGreaterThanOrEqual(50);
    expect(tap.readableLength).toBeLessThanOrEqual(50 + ON_THEIR_WAY);
    const dropped = await host.read(`/sys/class/net/${near.name}/statistics/rx_dropped`);
    expect(Number(dropped)).toBeGreaterThan(3000);
  });

  test('a slow reader gets every frame that found room, in order', async () => {
    const { host, near, far } = await pair();
    const tap = await open(bed, host, near, { highWaterMark: 10 });
    // Between macvtaps the kernel holds the sender up, and so nothing is lost.
    const addresses = [macOf(near), macOf(far)];
    peer(bed, host, ['send', 3000, 1514, ...addresses], [await handOver(host, far)]);
    let expected = 0;
    let most = 0;
    for await (const frame of tap as AsyncIterable<Buffer>) {
      most = Math.max(most, tap.readableLength);
      expect(numberOf(frame)).toBe(expected++);
      if (expected % 100 === 0) await sleep(5);
      if (expected === 3000) break;
    }
    expect(most).toBeLessThanOrEqual(10 + ON_THEIR_WAY);
  });

  test('write returns false while nobody takes the frames', async () => {
    const { host, near, far } = await pair();
    const tap = await open(bed, host, near, { highWaterMark: 1000 });
    const fd = await handOver(host, far);
    let written = 0;
    const frame = () => makeFrame(macOf(far), macOf(near), 1514, written++);
    while (tap.write(frame()));
    expect(tap.writableLength).toBe(1000);
    let drained = false;
    tap.once('drain', () => {
      drained = true;
    });
    // The kernel and the way to it hold fewer than that for a receiver that does not read.
    await sleep(200);
    expect(drained).toBe(false);
    const reader = peer(bed, host, ['receive', written, 1514], [fd]);
    await once(tap, 'drain');
    expect(JSON.parse(await reader.output())).toEqual([]);
    expect(tap.writableLength).toBe(0);
  });
});

test.each([
  ['by default the kernel’s room', undefined, false],
  ['a room of its own', 64 * 1024, false],
  ['no limit', Infinity, true],
] as const)(
  'a receiver that does not read holds up the others with %s',
  async (_, sendBuffer, free) => {
    const { host, parent, near, far } = await pair();
    const listener = await macvtap(bed, host, parent);
    const tap = await open(bed, host, near, { sendBuffer });
    const [silent, other] = [await open(bed, host, far), await open(bed, host, listener)];
    let taken = 0;
    for (let at = 0; at < 400; at++) {
      tap.write(makeFrame(macOf(far), macOf(near), 1514, at), (error) => {
        if (!error) taken++;
      });
    }
    const last = makeFrame(macOf(listener), macOf(near), 100, 400);
    tap.write(last);
    const arrived = frames(other, 1);
    if (!free) {
      await expect.poll(() => taken).toBeGreaterThan(0);
      await sleep(200);
      expect(taken).toBeLessThan(sendBuffer === undefined ? 200 : 60);
      silent.resume();
    }
    expect(await arrived).toEqual([last]);
    expect(taken).toBe(400);
  },
);

test('write and end take an encoding and a callback, as those of any stream do', async () => {
  const { host, near, far } = await pair();
  const other = await open(bed, host, far);
  const [frame, last] = [1, 2].map((at) => makeFrame(macOf(far), macOf(near), 100, at));
  const ways: ((tap: Tap, done: () => void) => unknown)[] = [
    (tap, done) => tap.end(done),
    (tap, done) => tap.end(last, done),
    (tap, done) => tap.end(last, 'utf8', done),
  ];
  for (const [at, end] of ways.entries()) {
    const tap = await open(bed, host, near);
    const received = frames(other, at === 0 ? 1 : 2);
    await new Promise<void>((resolve) => tap.write(frame, 'utf8', () => resolve()));
    await new Promise<void>((resolve) => end(tap, resolve));
    expect(tap.writableFinished).toBe(true);
    expect(await received).toEqual(at === 0 ? [frame] : [frame, last]);
    await tap.close();
  }
});

test('a frame of the largest MTU goes and comes whole, also with a VLAN tag', async () => {
  const { host, parent, cable, near, far } = await pair();
  for (const name of [cable, parent, far.name, near.name]) {
    await host.ip('link', 'set', name, 'mtu', '65535');
  }
  const [tap, other] = [await open(bed, host, near), await open(bed, host, far)];
  const longest = makeFrame(macOf(far), macOf(near), 65_549, 1);
  const tagged = makeFrame(macOf(far), macOf(near), 65_553, 2);
  tagged.writeUInt16BE(0x8100, 12);
  const arrived: Buffer[] = [];
  other.on('data', (frame: Buffer) => frame.length > 65_000 && arrived.push(frame));
  await tap.send(longest);
  await tap.send(tagged);
  await expect.poll(() => arrived.length, { timeout: 10_000 }).toBe(2);
  expect(arrived.map((frame, at) => frame.equals([longest, tagged][at] as Buffer))).toEqual([
    true,
    true,
  ]);
});

test('a frame whose memory was transferred meanwhile is an error for that frame', async () => {
  const { host, near, far } = await pair();
  const [tap, other] = [await open(bed, host, near), await open(bed, host, far)];
  const numbered = (at: number) => Uint8Array.from(makeFrame(macOf(far), macOf(near), 60, at));
  const received = frames(other, 3);
  // The device has the first; the others wait for their turn.
  const outcomes = [0, 1, 2, 3].map((at) => {
    const frame = numbered(at);
    const sent = tap.send(frame).then(
      () => 'sent',
      ({ code }) => code,
    );
    if (at === 2) structuredClone(frame.buffer, { transfer: [frame.buffer] });
    return sent;
  });
  expect(await Promise.all(outcomes)).toEqual(['sent', 'sent', 'EINVAL', 'sent']);
  expect((await received).map(numberOf)).toEqual([0, 1, 3]);
});

// The device reads as many bytes as it is told to.
test('a frame whose length getter changes is written with its true length', async () => {
  const { host, near, far } = await pair();
  const [tap, other] = [await open(bed, host, near), await open(bed, host, far)];
  const lies = [2 ** 30, -60, 0, 14, Number.NaN];
  const sent: Buffer[] = [];
  tap.cork();
  const outcomes = lies.flatMap((lie) =>
    [1, 2, 3, 4, 5, 6].flatMap((lying) => {
      class Frame extends Uint8Array {
        #asked = 0;
        override get length() {
          return ++this.#asked === lying ? lie : 60;
        }
        override subarray() {
          return new Uint8Array(2 ** 20);
        }
      }
      return [Frame, Uint8Array].map(async (Class) => {
        const frame = makeFrame(macOf(far), macOf(near), 60, sent.length);
        sent.push(frame);
        const given = new Class(60);
        given.set(frame);
        return tap.send(given);
      });
    }),
  );
  const received = frames(other, sent.length);
  tap.uncork();
  await Promise.all(outcomes);
  expect(await received).toEqual(sent);
});

test('a frame may come from another realm', async () => {
  const { host, far, near } = await pair();
  const [tap, other] = [await open(bed, host, near), await open(bed, host, far)];
  const frame = makeFrame(macOf(far), macOf(near), 100, 3);
  const received = frames(other, 2);
  const foreign = runInNewContext('(bytes) => Uint8Array.from(bytes)') as (
    bytes: Iterable<number>,
  ) => Uint8Array;
  await tap.send(foreign(frame));
  tap.write(foreign(frame));
  expect((await received).every((one) => one.equals(frame))).toBe(true);
});

describe('a frame that cannot be written', () => {
  const lengths: [string, number, string][] = [
    ['an empty one', 0, 'EINVAL'],
    ['a runt', 13, 'EINVAL'],
    ['one above the MTU', 1515, 'EMSGSIZE'],
    ['one far above it', 300_000, 'EMSGSIZE'],
  ];

  /** Whether a frame still gets through. */
  async function works(tap: Tap, { host, far, near }: Pair): Promise<boolean> {
    const other = await open(bed, host, far);
    const frame = makeFrame(macOf(far), macOf(near), 1514, 3);
    const received = frames(other, 1);
    await tap.send(frame);
    return (await received)[0]?.equals(frame) === true;
  }

  test.each(lengths)('%s makes send reject', async (_, length, code) => {
    const all = await pair();
    const tap = await open(bed, all.host, all.near);
    // To everybody: no byte of such a frame says that it is to be segmented.
    const frame = Buffer.alloc(length, 0xff);
    const error = await tap.send(frame).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code,
      syscall: 'write',
      operation: 'Tap.send',
      target: all.near.name,
      hint: expect.stringContaining(`this one has ${length} in all`),
    });
    expect((error as Error).stack).toContain('tap.test.ts');
    expect(await works(tap, all)).toBe(true);
  });

  test.each(lengths)('%s is an error of its callback', async (_, length, code) => {
    const all = await pair();
    const tap = await open(bed, all.host, all.near);
    const outcomes: unknown[] = [];
    const good = makeFrame(macOf(all.far), macOf(all.near), 60);
    await new Promise<void>((resolve) => {
      tap.write(good, (error) => outcomes.push(error ?? null));
      tap.write(Buffer.alloc(length), (error) => outcomes.push(isNetlinkError(error, code)));
      tap.write(good, (error) => {
        outcomes.push(error ?? null);
        resolve();
      });
    });
    expect(outcomes).toEqual([null, true, null]);
    expect(await works(tap, all)).toBe(true);
  });

  test.each(lengths)('%s emits frameError when there is no callback', async (_, length, code) => {
    const all = await pair();
    const tap = await open(bed, all.host, all.near);
    const frame = Buffer.alloc(length);
    const refused = once(tap, 'frameError');
    tap.write(frame);
    expect(await refused).toEqual([expect.objectContaining({ code, syscall: 'write' }), frame]);
    expect(await works(tap, all)).toBe(true);
  });

  test('is refused above the current MTU, which only a VLAN tag may exceed', async () => {
    const { host, near, far, cable, parent } = await pair();
    const [tap, other] = [await open(bed, host, near), await open(bed, host, far)];
    // IEEE 802.1Q and 802.1ad.
    for (const tag of [0x8100, 0x88a8]) {
      const tagged = makeFrame(macOf(far), macOf(near), 1518, 1);
      tagged.writeUInt16BE(tag, 12);
      tagged.writeUInt16BE(0x88b5, 16);
      const arrived = new Promise((resolve) => {
        const take = (frame: Buffer) => {
          if (frame.length !== 1518) return;
          other.off('data', take);
          resolve(frame);
        };
        other.on('data', take);
      });
      await tap.send(tagged);
      expect(await arrived).toEqual(tagged);
    }
    const longer = makeFrame(macOf(far), macOf(near), 2014, 2);
    await expect(tap.send(longer)).rejects.toMatchObject({ code: 'EMSGSIZE' });
    for (const name of [cable, parent, far.name, near.name]) {
      await host.ip('link', 'set', name, 'mtu', '2000');
    }
    const received = frames(other, 1);
    // The tap hears of it soon, and not before `ip` is done.
    for (let turn = 0; ; turn++) {
      const error = await tap.send(longer).catch((reason: unknown) => reason);
      if (error === undefined) break;
      expect(error).toMatchObject({ code: 'EMSGSIZE' });
      expect(turn).toBeLessThan(200);
      await sleep(10);
    }
    expect(await received).toEqual([longer]);
  });

  /** What other messages than the kernel's about the link may look like. */
  const others: [string, (all: Pair) => Promise<unknown>][] = [
    [
      'another link of the namespace is deleted',
      ({ host, far }) => host.ip('link', 'delete', far.name),
    ],
    [
      'another program says that the link is deleted',
      ({ host, near }) => peer(bed, host, ['lie', near.index]).output(),
    ],
  ];

  test.each(others)('is refused above the current MTU after %s', async (_, happens) => {
    const all = await pair();
    const { host, near } = all;
    const tap = await open(bed, host, near);
    await happens(all);
    // It comes behind that, and the tap hears of it soon.
    await host.ip('link', 'set', near.name, 'mtu', '1400');
    const outcome = (length: number) =>
      tap.send(makeFrame('02:00:5e:00:00:01', macOf(near), length)).then(
        () => 'taken',
        ({ code }) => code,
      );
    await expect.poll(() => outcome(1415), { timeout: 10_000 }).toBe('EMSGSIZE');
    expect(await outcome(1414)).toBe('taken');
  });

  test('is not refused for an MTU that grew while the tap was opened', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const link = await host.netns.createMacvtap({ parent, name: 't0', mtu: 600, up: true });
    const changes = { mtu: 1500 };
    const [tap] = await Promise.all([host.netns.openTap('t0'), host.netns.setLink('t0', changes)]);
    await using _ = tap;
    const frame = makeFrame('ff:ff:ff:ff:ff:ff', link.mac as string, 1400, 1);
    await expect(tap.send(frame)).resolves.toBeUndefined();
  });

  test('what is sent after the end is refused, and frames can still be read', async () => {
    const { host, near, far } = await pair();
    const [tap, other] = [await open(bed, host, near), await open(bed, host, far)];
    const refused = { code: 'ERR_STREAM_WRITE_AFTER_END' };
    tap.end();
    await expect(tap.send(makeFrame(macOf(far), macOf(near), 60, 1))).rejects.toMatchObject(
      refused,
    );
    const received = frames(tap, 1);
    const frame = makeFrame(macOf(near), macOf(far), 60, 2);
    await other.send(frame);
    expect(await received).toEqual([frame]);
  });

  test('what is no Uint8Array is a TypeError', async () => {
    const all = await pair();
    const tap = await open(bed, all.host, all.near);
    const wrong = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    expect(() => tap.write('text' as never)).toThrow(expect.objectContaining(wrong));
    await expect(tap.send(new ArrayBuffer(60) as never)).rejects.toMatchObject(wrong);
    expect(await works(tap, all)).toBe(true);
    const failed = once(tap, 'error');
    tap.end('text');
    expect((await failed)[0]).toMatchObject(wrong);
  });

  test('what is no Uint8Array at the end is an error of the stream, also behind frames that wait', async () => {
    const { host, near, far } = await pair();
    const tap = await open(bed, host, near);
    const wrong = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    const failed = once(tap, 'error');
    tap.cork();
    const sent = tap.send(makeFrame(macOf(far), macOf(near), 60));
    tap.end('text');
    await expect(sent).rejects.toThrow();
    expect((await failed)[0]).toMatchObject(wrong);
  });
});

test('two taps piped into one another connect their parents, and ping gets through', async () => {
  const [near, far] = await setUpTwoEnds(bed);
  const left = await open(bed, near.host, near.link);
  const right = await open(bed, far.host, far.link);
  left.pipe(right).pipe(left);
  await expectPing(bed, near);
});
