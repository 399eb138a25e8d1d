/** What ends a stream of frames, what does not, and what is given back then. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Tap } from '../../lib/index.js';
import { ip, useNames } from '../support/named.js';
import { resultOf, runProgram } from '../support/program.js';
import {
  frames,
  isOwn,
  macvtap,
  makeFrame,
  noTaps,
  numberOf,
  open,
  peer,
  setUpTap,
  type TapSetup,
  writeUntilFull,
} from '../support/tap.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();
const { newName, open: openNetns } = useNames(bed);

beforeEach(({ skip }) => skip(noTaps !== undefined, noTaps));

const setUp = () => setUpTap(bed);

const STRANGER = '02:00:5e:00:00:01';

/** Whether a frame put on the parent's cable comes out of the tap. */
async function hears(tap: Tap, { host, cable, link }: TapSetup): Promise<boolean> {
  const received = frames(tap, 1);
  const frame = makeFrame(link.mac ?? '', STRANGER, 200, 9);
  await peer(bed, host, ['raw', cable, frame.toString('hex')]).output();
  return (await received)[0]?.equals(frame) === true;
}

/** A tap whose link is gone, with ten frames that it has not handed out. */
async function goneWithUnread(): Promise<{ tap: Tap; link: TapSetup['link'] }> {
  const { host, link, cable } = await setUp();
  const tap = await open(bed, host, link, { highWaterMark: 1 });
  tap.on('readable', () => {});
  await peer(bed, host, ['inject', cable, 10, 100, link.mac ?? '', STRANGER]).output();
  const finish = once(tap, 'finish');
  await host.ip('link', 'delete', link.name);
  await finish;
  return { tap, link };
}

const ends = (tap: Tap) => Promise.all([once(tap, 'end'), once(tap, 'close')]);

/** Descriptors of the process that are tap devices, found by their major number. */
function openTaps(): number {
  const major = /^\s*(\d+) macvtap$/m.exec(readFileSync('/proc/devices', 'utf8'))?.[1];
  return readdirSync('/proc/self/fd').filter((fd) => {
    const path = `/proc/self/fd/${fd}`;
    if (!existsSync(`/proc/self/fdinfo/${fd}`)) return false;
    return major !== undefined && /\/tap\d*$/.test(readlinkOf(path));
  }).length;
}

function readlinkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

describe('the end of the link', () => {
  test('ends a stream that is read by a listener', async () => {
    const all = await setUp();
    const tap = await open(bed, all.host, all.link);
    expect(await hears(tap, all)).toBe(true);
    tap.resume();
    const ended = ends(tap);
    await all.host.ip('link', 'delete', all.link.name);
    await ended;
    expect(tap.destroyed).toBe(true);
    expect(tap.fds).toEqual([]);
    expect(openTaps()).toBe(0);
  });

  test('ends a loop', async () => {
    const { host, link } = await setUp();
    const tap = await open(bed, host, link);
    const loop = (async () => {
      let count = 0;
      for await (const frame of tap as AsyncIterable<Buffer>) if (isOwn(frame)) count++;
      return count;
    })();
    await sleep(50);
    await host.ip('link', 'delete', link.name);
    expect(await loop).toBe(0);
    await finished(tap);
  });

  test('ends a stream that nobody reads', async () => {
    const { host, cable, link } = await setUp();
    const tap = await open(bed, host, link);
    const ended = ends(tap);
    await peer(bed, host, ['inject', cable, 400, 100, link.mac ?? '', STRANGER]).output();
    await host.ip('link', 'delete', link.name);
    await ended;
    expect(openTaps()).toBe(0);
  });

  test('comes with the end of the parent', async () => {
    const { host, parent, link } = await setUp();
    const tap = await open(bed, host, link);
    tap.resume();
    const ended = ends(tap);
    await host.ip('link', 'delete', parent);
    await ended;
    expect(openTaps()).toBe(0);
  });

  test('comes after the frames that the kernel still has', async () => {
    const { host, cable, link } = await setUp();
    const tap = await open(bed, host, link, { highWaterMark: 1 });
    // Two batches and one more frame are taken at once; the others wait in the kernel.
    tap.on('readable', () => {});
    await peer(bed, host, ['inject', cable, 400, 100, link.mac ?? '', STRANGER]).output();
    const held = tap.readableLength;
    expect(held).toBeLessThan(200);
    await host.ip('link', 'delete', link.name);
    tap.removeAllListeners('readable');
    const numbers: number[] = [];
    for await (const frame of tap as AsyncIterable<Buffer>) {
      if (isOwn(frame)) numbers.push(numberOf(frame));
    }
    expect(numbers).toEqual(Array.from({ length: 400 }, (_, at) => at));
  });

  test('comes after the frames that the kernel still has in any of its queues', async () => {
    const { host, cable, link } = await setUp();
    const tap = await open(bed, host, link, { queues: 4, highWaterMark: 1 });
    tap.on('readable', () => {});
    const flood = ['inject', cable, 400, 100, link.mac ?? '', STRANGER, 50];
    await peer(bed, host, flood).output();
    expect(tap.readableLength).toBeLessThan(200);
    await host.ip('link', 'delete', link.name);
    tap.removeAllListeners('readable');
    let received = 0;
    for await (const frame of tap as AsyncIterable<Buffer>) {
      if (frame.readUInt16BE(12) === 0x800 && frame[23] === 17) received++;
    }
    expect(received).toBe(400);
  });

  test('is an error for a frame that is written afterwards', async () => {
    const { host, link, cable } = await setUp();
    const tap = await open(bed, host, link, { highWaterMark: 1 });
    // Frames that nobody reads keep the stream from ending.
    tap.on('readable', () => {});
    await peer(bed, host, ['inject', cable, 10, 100, link.mac ?? '', STRANGER]).output();
    await host.ip('link', 'delete', link.name);
    for (let turn = 0; ; turn++) {
      const error = await tap.send(makeFrame(STRANGER, link.mac ?? '', 60)).catch((e) => e);
      if (error !== undefined) {
        expect(error).toMatchObject({
          code: 'ENOLINK',
          hint: `The link '${link.name}' has been deleted.`,
        });
        break;
      }
      expect(turn).toBeLessThan(500);
      await sleep(10);
    }
    expect(tap.destroyed).toBe(false);
    // Whoever waits for room then waits no longer than before.
    expect(tap.write(makeFrame(STRANGER, link.mac ?? '', 60), () => {})).toBe(false);
    await once(tap, 'drain');
    // And is told once, however many frames were refused; their writers are called back later than they have written.
    let [drains, refused] = [0, 0];
    tap.on('drain', () => drains++);
    for (let at = 0; at < 3; at++)
      tap.write(makeFrame(STRANGER, link.mac ?? '', 60), () => refused++);
    expect(refused).toBe(0);
    await once(tap, 'drain');
    await new Promise(setImmediate);
    expect([drains, refused]).toEqual([1, 3]);
  });

  test('is an error for each single frame while the stream ends, and after that', async () => {
    const { host, parent, link } = await setUp();
    const sibling = await macvtap(bed, host, parent);
    // It holds frames and does not read: those behind them wait in the stream.
    await open(bed, host, sibling);
    const tap = await open(bed, host, link);
    const errors: unknown[] = [];
    tap.on('error', (error) => errors.push(error));
    const ended = ends(tap);
    const frame = makeFrame(sibling.mac ?? '', link.mac ?? '', 1514);
    const codes: (string | undefined)[] = [];
    const late: Promise<unknown>[] = [];
    let written = 0;
    const write = () => {
      written++;
      tap.write(frame, (error) => {
        codes.push((error as NodeJS.ErrnoException | null)?.code);
        if (error) late.push(tap.send(frame).catch((reason) => reason));
      });
    };
    for (let at = 0; at < 1500; at++) write();
    // All of those may be sent before the link is gone.
    const more = setInterval(write, 1);
    await host.ip('link', 'delete', link.name);
    await ended;
    clearInterval(more);
    await vi.waitFor(() => expect(codes).toHaveLength(written));
    expect(codes).toContain('ENOLINK');
    expect(new Set(codes.slice(codes.indexOf('ENOLINK')))).toEqual(new Set(['ENOLINK']));
    expect(late.length).toBeGreaterThan(0);
    const gone = { code: 'ENOLINK', operation: 'Tap.write', target: link.name };
    const notSent = { ...gone, operation: 'Tap.send' };
    for (const error of await Promise.all(late)) expect(error).toMatchObject(notSent);

    await expect(tap.send(frame)).rejects.toMatchObject(notSent);
    expect(await new Promise((resolve) => tap.write(frame, resolve))).toMatchObject(gone);
    for (const write of [() => tap.write(frame), () => tap.end(frame)]) {
      const refused = once(tap, 'frameError');
      write();
      expect(await refused).toEqual([expect.objectContaining(gone), frame]);
    }
    expect(errors).toEqual([]);
  });

  test('ends writing, also while there are frames to read', async () => {
    const { tap, link } = await goneWithUnread();
    expect(tap.write(makeFrame(STRANGER, link.mac ?? '', 60))).toBe(false);
    expect(tap.readableEnded).toBe(false);
    expect(tap.destroyed).toBe(false);
    tap.removeAllListeners('readable');
    expect((await tap.filter((frame) => isOwn(frame)).toArray()).map(numberOf)).toEqual(
      Array.from({ length: 10 }, (_, at) => at),
    );
  });

  test('is no end of frames that an error keeps from being read', async () => {
    const { tap } = await goneWithUnread();
    const events: unknown[] = [];
    tap.on('end', () => events.push('end')).on('error', (error) => events.push(error));
    const closed = new Promise<void>((resolve) => tap.on('close', resolve));
    const error = new Error('mine');
    tap.destroy(error);
    await closed;
    expect(events).toEqual([error]);
  });

  test('makes a writer that waits for room continue', async () => {
    const { host, parent, link } = await setUp();
    const idle = await macvtap(bed, host, parent);
    const [tap] = [await open(bed, host, link), await open(bed, host, idle)];
    const frame = makeFrame(idle.mac ?? '', link.mac ?? '', 1514);
    const { drained } = await writeUntilFull(tap, frame);
    await host.ip('link', 'delete', link.name);
    await drained;
    expect(tap.writableEnded).toBe(true);
  });

  test('ends a pipeline that goes through a generator back into the tap', async () => {
    const { host, cable, link } = await setUp();
    const tap = await open(bed, host, link);
    let passed = 0;
    const piped = pipeline(
      tap,
      async function* (arriving: AsyncIterable<Buffer>) {
        for await (const frame of arriving) {
          passed++;
          yield frame;
        }
      },
      tap,
    );
    await peer(bed, host, ['inject', cable, 10, 100, link.mac ?? '', STRANGER]).output();
    await expect.poll(() => passed).toBeGreaterThanOrEqual(10);
    await host.ip('link', 'delete', link.name);
    await expect(piped).resolves.toBeUndefined();
    expect(openTaps()).toBe(0);
  });

  test('ends a pipeline whose generator ends later', async () => {
    const { host, link } = await setUp();
    const tap = await open(bed, host, link);
    tap.on('frameError', () => {});
    const piped = pipeline(async function* () {
      yield makeFrame(STRANGER, link.mac ?? '', 60);
      await host.ip('link', 'delete', link.name);
      await expect.poll(() => tap.writableFinished).toBe(true);
      yield makeFrame(STRANGER, link.mac ?? '', 60);
    }, tap);
    await expect(piped).resolves.toBeUndefined();
    expect(openTaps()).toBe(0);
  });

  test('is noticed also for a link with a long source list', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const name = bed.uniqueName('t');
    const sources = Array.from({ length: 5000 }, (_, at) => {
      const [high, low] = [at >> 8, at & 0xff].map((byte) => byte.toString(16).padStart(2, '0'));
      return `02:00:00:00:${high}:${low}`;
    });
    const link = await host.netns.createMacvtap({
      parent,
      name,
      mode: 'source',
      sources,
      up: true,
    });
    const tap = await open(bed, host, link);
    const ended = ends(tap);
    await host.ip('link', 'delete', name);
    await ended;
    expect(openTaps()).toBe(0);
  });
});

describe('a stream goes on', () => {
  test('when the parent goes down and comes up again', async () => {
    const all = await setUp();
    const tap = await open(bed, all.host, all.link);
    tap.resume();
    await all.host.ip('link', 'set', all.parent, 'down');
    await sleep(100);
    expect(tap.readableEnded).toBe(false);
    await all.host.ip('link', 'set', all.parent, 'up');
    await all.host.settled(all.parent, all.cable, all.link.name);
    expect(await hears(tap, all)).toBe(true);
  });

  test('when the link goes down and comes up again', async () => {
    const all = await setUp();
    const tap = await open(bed, all.host, all.link);
    await all.host.ip('link', 'set', all.link.name, 'down');
    await tap.send(makeFrame(STRANGER, all.link.mac ?? '', 60));
    await all.host.ip('link', 'set', all.link.name, 'up');
    await all.host.settled(all.link.name);
    expect(await hears(tap, all)).toBe(true);
  });

  test('when the link is renamed', async () => {
    const all = await setUp();
    const tap = await open(bed, all.host, all.link);
    await all.host.ip('link', 'set', all.link.name, 'down');
    const name = bed.uniqueName('r');
    await all.host.ip('link', 'set', all.link.name, 'name', name);
    await all.host.ip('link', 'set', name, 'up');
    await all.host.settled(name);
    expect(await hears(tap, all)).toBe(true);
    const ended = ends(tap.resume());
    await all.host.ip('link', 'delete', name);
    await ended;
  });

  test('when another link is deleted, also one with its index in another namespace', async () => {
    const all = await setUp();
    const other = await setUp();
    const tap = await open(bed, all.host, all.link);
    const sibling = await macvtap(bed, all.host, all.parent);
    await all.host.ip('link', 'delete', sibling.name);
    const namesake = await macvtap(bed, other.host, other.parent, { index: 4711 });
    await other.host.ip('link', 'delete', namesake.name);
    expect(await hears(tap, all)).toBe(true);
  });

  test('when the link moves to another namespace, and ends there', async () => {
    const all = await setUp();
    const there = await bed.makeNetns();
    const tap = await open(bed, all.host, all.link);
    await all.host.ip('link', 'set', all.link.name, 'netns', there.name ?? '');
    await there.ip('link', 'set', all.link.name, 'up');
    await there.settled(all.link.name);
    expect(await hears(tap, all)).toBe(true);
    // Twice, and long after: it is asked about once a second, wherever it is, as long as it lives.
    await there.ip('link', 'set', all.link.name, 'netns', all.host.name ?? '');
    await all.host.ip('link', 'set', all.link.name, 'up');
    await all.host.settled(all.link.name);
    await sleep(2500);
    expect(await hears(tap, all)).toBe(true);
    const ended = ends(tap.resume());
    await all.host.ip('link', 'delete', all.link.name);
    await ended;
  });

  test('when the name of its namespace is removed', async () => {
    const all = await setUp();
    const inside = newName();
    await ip('netns', 'add', inside);
    const name = bed.uniqueName('t');
    const link = await all.host.netns.createMacvtap({
      parent: all.parent,
      name,
      mode: 'bridge',
      netns: inside,
      up: true,
      addrGenMode: 'none',
    });
    const netns = await openNetns(inside);
    const tap = await netns.openTap(link);
    bed.onCleanup(() => tap.close());
    await netns.close();
    await ip('netns', 'delete', inside);
    await sleep(100);
    expect(await hears(tap, { ...all, link })).toBe(true);
  });
});

test('a tap whose signal fires while it is opened is closed again', async () => {
  const { host, link } = await setUp();
  const { netns } = host;
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error('no longer wanted');
  const openTapDevice = netns.openTapDevice.bind(netns);
  netns.openTapDevice = async (...asked) => {
    const device = await openTapDevice(...asked);
    expect(openTaps()).toBe(1);
    controller.abort(reason);
    return device;
  };
  await expect(netns.openTap(link, { signal })).rejects.toBe(reason);
  expect(openTaps()).toBe(0);
});

describe('close', () => {
  test('closes the descriptors at once', async () => {
    const { host, link } = await setUp();
    const before = readdirSync('/proc/self/fd').length;
    const tap = await host.netns.openTap(link, { queues: 3 });
    expect(openTaps()).toBe(3);
    tap.resume();
    const closed = once(tap, 'close');
    await tap.close();
    expect(openTaps()).toBe(0);
    expect(tap.fd).toBe(-1);
    await closed;
    // The reactor's two stay, for the next.
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 2);
    await tap.close();
    await expect(tap.send(Buffer.alloc(60))).rejects.toMatchObject({
      code: 'ERR_STREAM_DESTROYED',
    });
  });

  test('ends a loop without an error, also one that has frames left to read', async () => {
    const all = await setUp();
    const tap = await open(bed, all.host, all.link);
    let taken = 0;
    const loop = (async () => {
      for await (const frame of tap as AsyncIterable<Buffer>) {
        if (isOwn(frame) && ++taken === 2) await tap.close();
      }
    })();
    const flood = ['inject', all.cable, 100, 100, all.link.mac ?? '', STRANGER];
    await peer(bed, all.host, flood).output();
    await loop;
    expect(taken).toBe(2);
  });

  const endings: [string, (tap: Tap) => unknown][] = [
    ['close', (tap) => tap.close()],
    ['destroy', (tap) => tap.destroy()],
    ['detach', (tap) => closeSync(tap.detach())],
  ];

  test.each(endings)(
    'as %s, is an error for frames that were not written yet, and for no other',
    async (_, end) => {
      const { host, parent, link } = await setUp();
      const sibling = await macvtap(bed, host, parent);
      const receiver = (await host.netns.openTap(sibling)).detach();
      bed.onCleanup(() => closeSync(receiver));
      const numbered = (number: number, length: number) =>
        makeFrame(sibling.mac ?? '', link.mac ?? '', length, number);
      const tap = await open(bed, host, link, { highWaterMark: 1000 });
      const outcomes: Promise<string>[] = [];
      for (let at = 0; at < 400; at++) {
        const sent = new Promise<string>((resolve) => {
          const settle = (error?: unknown) =>
            resolve((error as NodeJS.ErrnoException | null)?.code ?? 'taken');
          if (at % 2 === 0) tap.send(numbered(at, 1514)).then(settle, settle);
          else tap.write(numbered(at, 1514), settle);
        });
        outcomes.push(sent);
      }
      // More of them is in the kernel than that, and of those behind it nobody reads any.
      expect(new Set(await Promise.all(outcomes.slice(0, 30)))).toEqual(new Set(['taken']));
      await end(tap);
      const told = await Promise.all(outcomes);
      const taken = told.indexOf('ERR_STREAM_DESTROYED');
      expect(taken).toBeGreaterThanOrEqual(30);
      expect(new Set(told.slice(taken))).toEqual(new Set(['ERR_STREAM_DESTROYED']));

      // The receiver has these and then the next frame that is sent, which it finds to be too short.
      const other = await open(bed, host, link);
      await other.send(numbered(taken, 100));
      const reader = peer(bed, host, ['receive', taken + 1, 1514], [receiver]);
      expect(JSON.parse(await reader.output())).toEqual([[taken, taken, 100]]);
    },
  );

  test.each(endings)(
    'as %s, is no error for a frame that was written before the stream was told',
    async (_, end) => {
      const { host, link } = await setUp();
      const tap = await open(bed, host, link);
      const statistics = ['-json', '-stats', 'link', 'show', 'dev', link.name];
      const written = () => {
        const [told] = JSON.parse(
          execFileSync('ip', ['-netns', host.name ?? '', ...statistics], { encoding: 'utf8' }),
        );
        return told.stats64.tx.packets;
      };
      const before = written();
      const sent = tap.send(makeFrame(STRANGER, link.mac ?? '', 60));
      // The event loop has no turn meanwhile.
      while (written() === before);
      await end(tap);
      await expect(sent).resolves.toBeUndefined();
    },
  );

  test('ends a slow pipeline, which keeps what it has read', async () => {
    const { host, cable, link } = await setUp();
    const tap = await open(bed, host, link);
    const given: Buffer[] = [];
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (frame, _, done) => {
        given.push(frame);
        setTimeout(done, 20);
      },
    });
    const piped = pipeline(tap, slow);
    await peer(bed, host, ['inject', cable, 50, 100, link.mac ?? '', STRANGER]).output();
    await expect.poll(() => tap.readableLength).toBeGreaterThan(10);
    await tap.close();
    await piped;
    expect(slow.writableFinished).toBe(true);
    expect(given.length).toBeLessThan(50);
    expect(given.map(numberOf)).toEqual(given.map((_, at) => at));
  });

  test('for an error hands that to the writers of what was not written, once the caller has gone on', async () => {
    const { host, parent, link } = await setUp();
    const { mac } = await macvtap(bed, host, parent);
    const tap = await open(bed, host, link, { highWaterMark: 1000 });
    tap.on('error', () => {});
    let isClosing = false;
    const told = Array.from({ length: 400 }, (_, at) => {
      const frame = makeFrame(mac ?? '', link.mac ?? '', 1514, at);
      return new Promise<readonly [unknown, boolean]>((resolve) =>
        tap.write(frame, (error) => resolve([error, isClosing])),
      );
    });
    const error = new Error('mine');
    isClosing = true;
    tap.destroy(error);
    isClosing = false;
    const refused = (await Promise.all(told)).filter(([thrown]) => thrown);
    expect(refused.length).toBeGreaterThan(0);
    for (const [thrown, duringCall] of refused) {
      expect(thrown).toBe(error);
      expect(duringCall).toBe(false);
    }
  });

  test('in the callback of a frame is an error for those behind it', async () => {
    const { host, link } = await setUp();
    const tap = await open(bed, host, link);
    const codes: (string | undefined)[] = [];
    const settled = Array.from({ length: 2000 }, (_, at) => {
      return new Promise<void>((resolve) => {
        tap.write(makeFrame(STRANGER, link.mac ?? '', 60, at), (error) => {
          codes[at] = (error as NodeJS.ErrnoException | null)?.code;
          if (at === 5) void tap.close();
          resolve();
        });
      });
    });
    await Promise.all(settled);
    expect(codes.slice(0, 6)).toEqual(Array(6).fill(undefined));
    expect(codes.at(-1)).toBe('ERR_STREAM_DESTROYED');
    expect(codes.lastIndexOf(undefined)).toBe(codes.indexOf('ERR_STREAM_DESTROYED') - 1);
  });

  test('is called at the end of an await using block', async () => {
    const { host, link } = await setUp();
    {
      await using tap = await host.netns.openTap(link);
      expect(tap.fd).toBeGreaterThan(0);
      expect(openTaps()).toBe(1);
    }
    expect(openTaps()).toBe(0);
  });

  test('end waits until the frames before it are written', async () => {
    const { host, parent, link } = await setUp();
    const sibling = await macvtap(bed, host, parent);
    const [tap, other] = [await open(bed, host, link), await open(bed, host, sibling)];
    const received = frames(other, 300);
    for (let at = 0; at < 300; at++) {
      tap.write(makeFrame(sibling.mac ?? '', link.mac ?? '', 1514, at));
    }
    tap.end();
    await once(tap, 'finish');
    expect((await received).map(numberOf)).toEqual(Array.from({ length: 300 }, (_, at) => at));
    expect(tap.destroyed).toBe(false);
  });
});

/** What a program begins with: two macvtaps that reach one another, in namespaces of its own. */
const pairing = `
  import { execFileSync } from 'node:child_process';
  import { readdirSync, readlinkSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { createLink, createMacvtap, deleteLink, openTap } from 'macvlan-netlink';
  const up = { up: true, addrGenMode: 'none' };
  await createLink({ kind: 'veth', name: 'p0', ...up, peer: { up: true } });
  const [left, right] = await Promise.all(['t0', 't1'].map((name) =>
    createMacvtap({ parent: 'p0', mode: 'bridge', name, ...up })));
  const openTaps = () => readdirSync('/proc/self/fd').filter((fd) => {
    try { return /\\/tap[0-9]*$/.test(readlinkSync('/proc/self/fd/' + fd)); } catch { return false; }
  }).length;
  const bytes = (mac) => Buffer.from(mac.replaceAll(':', ''), 'hex');
  const frame = (to, from, number) => {
    const made = Buffer.alloc(100, number);
    made.set(bytes(to.mac));
    made.set(bytes(from.mac), 6);
    made.writeUInt16BE(0x88b5, 12);
    return made;
  };
`;
const privately = { under: ['unshare', '--net', '--mount', '--'] };

test('a tap without references is closed by the garbage collector', async () => {
  const program = `${pairing}
    const use = async () => {
      const [one, other] = [await openTap('t0'), await openTap('t1')];
      await Promise.all([one.send(frame(right, left, 1)), other.send(frame(left, right, 2))]);
      return openTaps();
    };
    const used = await use();
    for (let turn = 0; turn < 100 && openTaps() > 0; turn++) {
      globalThis.gc();
      await sleep(20);
    }
    console.log(JSON.stringify({ used, left: openTaps() }));
  `;
  const options = { ...privately, nodeOptions: ['--expose-gc'] };
  expect(await resultOf(program, options)).toEqual({ used: 2, left: 0 });
});

test('a tap that is read from is not collected, and keeps the process alive', async () => {
  const program = `${pairing}
    let seen = 0;
    (await openTap('t1')).on('data', () => seen++).on('end', () => console.log(seen));
    const tap = await openTap('t0');
    setTimeout(async () => {
      for (let turn = 0; turn < 5; turn++) {
        globalThis.gc();
        await tap.send(frame(right, left, turn));
        await sleep(20);
      }
      execFileSync('ip', ['link', 'delete', 't1']);
    }, 50);
  `;
  const ended = await runProgram(program, { ...privately, nodeOptions: ['--expose-gc'] });
  expect(ended).toMatchObject({ code: 0, stdout: '5\n', stderr: '' });
});

test('a tap that nobody reads from does not keep the process alive', async () => {
  const program = `${pairing}
    globalThis.tap = await openTap('t0');
    await tap.send(frame(right, left, 1));
    console.log('written');
  `;
  expect(await runProgram(program, privately)).toMatchObject({ code: 0, stdout: 'written\n' });
});

test('frames that nobody reads do not keep the process alive once the link is deleted', async () => {
  const program = `${pairing}
    import { once } from 'node:events';
    const [tap, other] = [await openTap('t0'), await openTap('t1')];
    tap.read();
    await other.send(frame(left, right, 1));
    while (tap.readableLength === 0) await sleep(1);
    const finished = once(tap, 'finish');
    execFileSync('ip', ['link', 'delete', 't0']);
    await finished;
    console.log(tap.readableLength);
  `;
  expect(await runProgram(program, privately)).toMatchObject({ code: 0, stdout: '1\n' });
});

test.each([
  ['read()', 'detach()'],
  ['write(frame(right, left, 1))', 'detach()'],
  ['read()', 'close()'],
  ['write(frame(right, left, 1))', 'close()'],
])('after tap.%s and tap.%s nothing keeps the process alive', async (begin, end) => {
  const program = `${pairing}
    const tap = await openTap('t0');
    tap.${begin};
    void tap.${end};
    console.log('ended');
  `;
  expect(await runProgram(program, privately)).toMatchObject({ code: 0, stdout: 'ended\n' });
});

test('a child process inherits nothing of a tap', async () => {
  const program = `${pairing}
    const targets = () => readdirSync('/proc/self/fd').flatMap((fd) => {
      try { return [readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
    });
    const before = targets();
    const tap = await openTap('t0');
    const ours = targets().filter((target) => !before.includes(target));
    const theirs = execFileSync('ls', ['-l', '/proc/self/fd'], {
      encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
    });
    const kinds = ['/tap', 'socket:', '[timerfd]'];
    const opened = kinds.filter((kind) => ours.some((target) => target.includes(kind)));
    const inherited = ours.filter((target) => theirs.includes(target));
    console.log(JSON.stringify({ opened, inherited, anonymous: theirs.includes('anon_inode') }));
    await tap.close();
  `;
  expect(await resultOf(program, privately)).toEqual({
    opened: ['/tap', 'socket:', '[timerfd]'],
    inherited: [],
    anonymous: false,
  });
});

test('a tap does not listen any more in the namespace that its link has left', async () => {
  const program = `${pairing}
    import { readFileSync } from 'node:fs';
    import { moveLink, Netns } from 'macvlan-netlink';
    const listening = () => readFileSync('/proc/net/netlink', 'utf8').split('\\n')
      .filter((line) => line.trim().split(/\\s+/)[3] === '00000001').length;
    const tap = await openTap('t0');
    const before = listening();
    const there = await Netns.create();
    await moveLink('t0', there);
    while (listening() === before) await sleep(20);
    console.log(JSON.stringify({ before, left: listening(), destroyed: tap.destroyed }));
    await tap.close();
  `;
  expect(await resultOf(program, privately)).toEqual({ before: 1, left: 0, destroyed: false });
});

test('a listener may close the tap when its link has gone at the same time', async () => {
  const program = `${pairing}
    import { once } from 'node:events';
    const [tap, other] = [await openTap('t0'), await openTap('t1')];
    let seen = 0;
    tap.on('data', () => {
      seen++;
      void tap.close();
    });
    const closed = once(tap, 'close');
    await sleep(50);
    other.write(frame(left, right, 1));
    // The event loop finds both, the frame and the end of the link.
    execFileSync('sh', ['-c', 'sleep 0.2; ip link delete t0; sleep 0.2']);
    await closed;
    await other.close();
    console.log(JSON.stringify(seen));
  `;
  expect(await resultOf(program, privately)).toBe(1);
});

test('no frames are lost when a listener throws', async () => {
  const program = `${pairing}
    const numbers = [];
    const errors = [];
    process.on('uncaughtException', (error) => errors.push(error.message));
    const other = await openTap('t1');
    const tap = await openTap('t0');
    for (let at = 0; at < 50; at++) tap.write(frame(right, left, at));
    await tap.send(frame(right, left, 50));
    other.on('data', (data) => {
      numbers.push(data.at(-1));
      if (data.at(-1) % 10 === 0) throw new Error('at ' + data.at(-1));
    });
    while (numbers.length < 51 || errors.length < 6) await sleep(10);
    await Promise.all([tap.close(), other.close()]);
    console.log(JSON.stringify({ numbers, errors }));
  `;
  expect(await resultOf(program, privately)).toEqual({
    numbers: Array.from({ length: 51 }, (_, at) => at),
    errors: [0, 10, 20, 30, 40, 50].map((at) => `at ${at}`),
  });
});

test('each writer is called back although a listener of refused frames throws', async () => {
  const program = `${pairing}
    const told = [];
    const errors = [];
    process.on('uncaughtException', (error) => errors.push(error.message));
    const tap = await openTap('t0');
    tap.on('frameError', ({ code }) => { throw new Error(code); });
    // The device takes them together.
    tap.cork();
    tap.write(Buffer.alloc(13));
    for (let at = 0; at < 3; at++) tap.write(frame(right, left, at), (error) => told.push(error ?? at));
    tap.uncork();
    for (let turn = 0; (told.length < 3 || errors.length < 1) && turn < 300; turn++) await sleep(10);
    // What has not been told by then is told by that.
    const result = JSON.stringify({ told, errors });
    await tap.close();
    console.log(result);
  `;
  expect(await resultOf(program, privately)).toEqual({ told: [0, 1, 2], errors: ['EINVAL'] });
});

test('a tap closes although listeners throw, and their errors are reported', async () => {
  const program = `${pairing}
    import { once } from 'node:events';
    const errors = [];
    process.on('uncaughtException', (error, origin) => errors.push([error.message, origin]));
    const [first, other] = [await openTap('t0'), await openTap('t1')];
    first.on('readable', () => { throw new Error('readable'); });
    await sleep(50);
    await first.close();
    other.on('data', () => {});
    other.pause();
    other.read(0);
    other.on('end', () => { throw new Error('end'); });
    const again = await openTap('t0');
    await again.send(frame(right, left, 1));
    while (other.readableLength === 0) await sleep(1);
    await Promise.all([other.close(), once(other, 'close'), again.close()]);
    console.log(JSON.stringify([errors, first.fds, other.fds]));
  `;
  const [errors, ...fds] = await resultOf<[unknown[], unknown, unknown]>(program, privately);
  const reported = ['readable', 'end'].map((message) => [message, 'uncaughtException']);
  expect(errors).toEqual(expect.arrayContaining(reported));
  expect(fds).toEqual([[], []]);
});

test('an error in a listener of the end is reported, and no other requests are lost', async () => {
  const program = `${pairing}
    import { execFile } from 'node:child_process';
    import { getLink } from 'macvlan-netlink';
    const errors = [];
    process.on('uncaughtException', (error) => errors.push(error.message));
    const events = [];
    const tap = await openTap('t0');
    tap.on('readable', () => {
      while (tap.read() !== null);
      if (tap._readableState.ended) throw new Error('at the end');
    });
    for (const name of ['end', 'finish', 'close']) tap.on(name, () => events.push(name));
    let [asked, answered, closed] = [0, 0, false];
    tap.on('close', () => { closed = true; });
    execFile('ip', ['link', 'delete', 't0']);
    while (!closed) {
      for (let at = 0; at < 30 && asked - answered < 300; at++) {
        asked++;
        getLink('p0').then(() => answered++);
      }
      // Answers come together.
      const until = performance.now() + 4;
      while (performance.now() < until);
      await new Promise(setImmediate);
    }
    for (let turn = 0; answered < asked && turn < 300; turn++) await sleep(10);
    console.log(JSON.stringify({ errors, lost: asked - answered, events: events.sort() }));
  `;
  expect(await resultOf(program, privately)).toEqual({
    errors: ['at the end'],
    lost: 0,
    events: ['close', 'end', 'finish'],
  });
});

describe('events that the kernel had to drop', () => {
  /** `meanwhile` runs while the process is stopped, after more events than its socket has room for. */
  const losing = `${pairing}
    import { spawn } from 'node:child_process';
    import { once } from 'node:events';
    import { readFileSync } from 'node:fs';
    const tap = await openTap('t0');
    const outcome = (length) => {
      const long = Buffer.concat([frame(right, left, 0), Buffer.alloc(length - 100)]);
      return tap.send(long).then(() => 'taken', (error) => error.code);
    };
    const until = async (length, wanted) => {
      for (let turn = 0; (await outcome(length)) !== wanted; turn++) {
        if (turn === 500) throw new Error(length + ' bytes are not ' + wanted);
        await sleep(10);
      }
    };
    const lose = (meanwhile) => execFileSync('sh', ['-c', \`
      kill -STOP $PPID
      until grep -q '^State:.T' /proc/$PPID/status; do :; done
      for at in $(seq 2000); do
        echo link set t0 mtu 1400; echo link set t0 mtu 1401
      done | ip -batch -
      \${meanwhile}
      kill -CONT $PPID\`]);
    const dropped = () => readFileSync('/proc/net/netlink', 'utf8').split('\\n')
      .map((line) => line.trim().split(/\\s+/))
      .some(([, , , groups, , , , , drops]) => groups === '00000001' && Number(drops) > 0);
    const closed = once(tap.resume(), 'close');
  `;

  test('leave the MTU known', async () => {
    const program = `${losing}
      lose('ip link set t0 mtu 1300');
      if (!dropped()) throw new Error('nothing was dropped');
      await until(1350, 'EMSGSIZE');
      const atMost = await outcome(1314);
      execFileSync('ip', ['link', 'set', 't0', 'mtu', '1200']);
      await until(1300, 'EMSGSIZE');
      execFileSync('ip', ['link', 'delete', 't0']);
      await closed;
      console.log(JSON.stringify(atMost));
    `;
    expect(await resultOf(program, privately)).toBe('taken');
  });

  test('may have announced the end of the link', async () => {
    const program = `${losing}
      lose('ip link delete t0');
      await closed;
      console.log(JSON.stringify(tap.readableEnded));
    `;
    expect(await resultOf(program, privately)).toBe(true);
  });

  test('may have announced the end of a link whose index another one has got', async () => {
    const program = `${losing}
      lose('ip link delete t0; ip link add name other index ' + tap.link.index + ' type bridge');
      await closed;
      console.log(JSON.stringify(tap.readableEnded));
    `;
    expect(await resultOf(program, privately)).toBe(true);
  });

  test.each([
    ['', 'true'],
    [', and another link has got its index', 'ip link add name other index $index type bridge'],
    [
      ', and another link has got its index and name',
      'ip link add name t0 index $index type bridge',
    ],
    [
      ', and others have got its index, and its name and MAC',
      'ip link add name other index $index type bridge; ip link add name t0 address $mac type bridge',
    ],
  ])('may have announced a move%s', async (_, then) => {
    const program = `${losing}
      const elsewhere = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep 100']);
      await once(elsewhere.stdout, 'data');
      const { index, mac } = tap.link;
      lose(\`ip link set t0 netns \${elsewhere.pid}; index=\${index}; mac=\${mac}; ${then}\`);
      await until(3000, 'taken');
      const { destroyed } = tap;
      elsewhere.kill('SIGKILL');
      await closed;
      console.log(JSON.stringify(destroyed));
    `;
    expect(await resultOf(program, privately)).toBe(false);
  });
});
