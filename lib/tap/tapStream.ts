/** The stream of Ethernet frames that a macvtap's character device is. */
import { AsyncResource } from 'node:async_hooks';
import { Duplex, type Readable } from 'node:stream';
import { setImmediate } from 'node:timers';
import types from 'node:util/types';
import type { TapHandle } from '../addon.js';
import { Caller, type NetlinkError } from '../errors/errors.js';
import { closeTapDevice } from '../namespace/native.js';
import type { MacvtapLink } from '../types/types.js';
import {
  afterEnd,
  type Chunk,
  type Entry,
  notAFrame,
  Outgoing,
  raise,
  TapWriter,
  type WriteCallback,
} from './tapWriter.js';

/** The listeners that a {@link Tap} takes. */
export interface TapListeners<This> {
  /** Each frame that arrives. */
  (event: 'data', listener: (frame: Buffer) => void): This;
  /** A frame that was written without a callback, and was refused. */
  (event: 'frameError', listener: (error: NetlinkError, frame: Uint8Array) => void): This;
  (event: 'error', listener: (error: Error) => void): This;
  (event: 'pipe' | 'unpipe', listener: (source: Readable) => void): This;
  (event: string | symbol, listener: (...args: never[]) => void): This;
}

/**
 * The frames of a macvtap: a `Duplex` in object mode, where each chunk is one whole Ethernet frame,
 * from the destination MAC to the end of the payload. Frames that are read are `Buffer`s, which nobody else writes
 * to. Those that were read together share memory, so copy frames that you keep or post to a Worker
 * (`Buffer.from(frame)`). Frames to be written are `Uint8Array`s of any kind.
 *
 * Backpressure reaches the kernel. While nobody reads, frames stay in the link's queue (`txQueueLen`), which drops what
 * it has no room for. `write` returns `false` when enough frames wait, and `drain` follows, as with any stream, also
 * once the link is deleted, but not when `close` comes before that. Frames that a receiver on the same parent has not
 * read yet count as waiting, so a receiver that does not read holds up the frames to all: see `sendBuffer` of
 * `openTap`.
 *
 * A refused frame is an error of that frame alone, and the stream goes on: `send` rejects; the callback of `write` gets
 * the error, or without a callback `'frameError'` is emitted with the error and the frame, which then does not know the
 * line that wrote it. `EMSGSIZE`: above the link's MTU; `EINVAL`: shorter than an Ethernet header, or a virtio header
 * that does not fit the frame; `ENOLINK`: the link is gone. A link that is down takes frames and drops them.
 *
 * The stream ends when the link is deleted: its writable side at once (`'finish'`); frames that have arrived by then
 * can still be read if reading had begun. A generator that a `pipeline` reads is not ended by that: one that does not
 * end by itself should look at `writableEnded`. It goes on when the parent goes down, when the link is renamed, and
 * when it moves to another namespace. After such a move the link's deletion is noticed within a second, and its MTU is
 * not known any more, even if the link comes back: a frame above the MTU is refused only if the device itself refuses
 * it, and otherwise dropped without an error.
 *
 * Written frames go to the kernel in order, and keep it unless the host itself sends through the link meanwhile, as
 * IPv6 does in the link's first seconds (not with its sysctl `disable_ipv6`): then a few may overtake others. Arriving
 * frames keep their order within a flow, and with a single queue altogether, but broadcast and multicast frames may
 * come later than others sent behind them (drivers/net/macvlan.c, macvlan_broadcast_enqueue). Every `openTap` of a link
 * adds queues to it, which get a share of its flows.
 *
 * A tap keeps the process alive once it has first been read from (paused or not, as long as there is room for a frame),
 * and while frames are on their way out. It keeps the link's namespace alive until it is closed. A tap that does
 * neither reading nor writing and is no longer referenced is closed when it is garbage-collected.
 *
 * A process with several taps should not be killed by a signal that it does not handle: the kernel keeps two macvtaps
 * for ever if their queues hold frames from each other when they are closed. `close`, the garbage collector,
 * `process.exit` and the ordinary end of a thread empty the queues first, and take those that frames were written to
 * off the link: only `detach` is for a descriptor that somebody else goes on using.
 *
 * @example
 * ```ts
 * await using tap = await openTap('macvtap0');
 * for await (const frame of tap) await tap.send(answerTo(frame));
 * ```
 */
export class Tap extends Duplex {
  /** The frames, until the link is deleted or the tap closed. */
  declare [Symbol.asyncIterator]: () => NodeJS.AsyncIterator<Buffer>;
  /** As of any `Duplex`, and of `'frameError'`. */
  declare on: TapListeners<this>;
  /** As of any `Duplex`, and of `'frameError'`. */
  declare once: TapListeners<this>;

  /** The link as it was when it was opened. */
  readonly link: MacvtapLink;
  /** How many bytes of `struct virtio_net_hdr` stand in front of each frame; 0 without `vnetHeader`. */
  readonly vnetHeaderLength: number;

  readonly #handle: TapHandle;
  readonly #writer: TapWriter;
  #fds: readonly number[];
  #closed: Promise<void> | undefined;
  #reading = false;
  #ended = false;
  #gone = false;
  #draining = false;

  /** @hidden */
  constructor(handle: TapHandle, link: MacvtapLink, highWaterMark: number) {
    // Without its link it can be neither read nor written: the two sides end together.
    super({ objectMode: true, highWaterMark, allowHalfOpen: false });
    this.link = link;
    this.vnetHeaderLength = handle.vnetHeaderLength;
    this.#handle = handle;
    this.#fds = Object.freeze(handle.fds);
    // The addon calls back in the asynchronous context in which this package was imported. Listeners get that of
    // whoever opened the tap, as those of a socket do.
    handle.onFrames = AsyncResource.bind((frames, count) => this.#onFrames(frames, count));
    this.#writer = new TapWriter(handle, link.name, (error, frame) => {
      process.nextTick(() => this.emit('frameError', error, frame));
    });
    handle.onGone = AsyncResource.bind(() => this.#onGone());
  }

  /**
   * The descriptor of the first queue; -1 once it is closed. To hand it on use `detach`: `close` may take the queue off
   * the link for everybody who has it. A program that only asks the device something may have it meanwhile, also if its
   * start sets it to blocking, as Node.js does with some descriptors. The number of the device, which a cgroup or a
   * container's /dev needs, is `fs.fstatSync(tap.fd).rdev`.
   */
  get fd(): number {
    return this.#fds[0] ?? -1;
  }

  /** The descriptor of each queue; empty once it is closed. After `detach` they are the caller's. */
  get fds(): readonly number[] {
    return this.#fds;
  }

  /**
   * Writes one frame; resolves when the kernel has taken it, which does not mean that anybody receives it. Rejects with
   * a `NetlinkError` when it is refused, and after `end` with `ERR_STREAM_WRITE_AFTER_END` (frames can still be read
   * then), after `close` with `ERR_STREAM_DESTROYED`. `write` is faster when frames need not be awaited one by one.
   */
  async send(frame: Uint8Array): Promise<void> {
    const caller = new Caller(this.send).capture();
    if (!types.isUint8Array(frame)) throw notAFrame('send', frame);
    if (this.writableEnded && !this.destroyed && !this.#gone) throw afterEnd();
    await new Promise<void>((resolve, reject) => {
      const done: WriteCallback = (error) => (error ? reject(error) : resolve());
      this.#enqueue(new Outgoing(frame, 'Tap.send', caller, done));
    });
  }

  /**
   * Writes one frame, a `Uint8Array` that must not be changed before it is written; anything else is
   * a `TypeError`. The callback is called when the kernel has taken it, or with the error when it is
   * refused.
   */
  override write(frame: unknown, callback?: WriteCallback): boolean;
  override write(frame: unknown, encoding?: BufferEncoding, callback?: WriteCallback): boolean;
  override write(
    frame: unknown,
    encoding?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    if (!types.isUint8Array(frame)) throw notAFrame('write', frame, this.write);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') {
      // Not by `AsyncResource.bind`, which takes several times as long.
      const context = new AsyncResource('Tap.write');
      const called: WriteCallback = (error) => context.runInAsyncScope(done, undefined, error);
      return this.#enqueue(
        new Outgoing(frame, 'Tap.write', new Caller(this.write).capture(), called),
      );
    }
    if (!this.#gone) return super.write(frame);
    this.#writer.refuseGone(frame);
    return this.#drainSoon();
  }

  #enqueue(outgoing: Outgoing): boolean {
    // The stream's callback may come before the device has taken the frame, so only its error counts.
    if (!this.#gone) {
      return super.write(outgoing, (error) => {
        if (error) outgoing.settle(error);
      });
    }
    process.nextTick(() => this.#writer.refuseGone(outgoing));
    return this.#drainSoon();
  }

  /** Emits `drain` once the link is gone: whoever waits for it would otherwise wait for ever. */
  #drainSoon(): false {
    if (!this.#draining) {
      this.#draining = true;
      setImmediate(() => {
        this.#draining = false;
        this.emit('drain');
      });
    }
    return false;
  }

  /** Ends the writing, after one last frame where there is one; frames can still be read. */
  override end(callback?: () => void): this;
  override end(frame: unknown, callback?: () => void): this;
  override end(frame: unknown, encoding?: BufferEncoding, callback?: () => void): this;
  override end(frame?: unknown, encoding?: unknown, callback?: () => void): this {
    const refused = this.#gone && types.isUint8Array(frame);
    if (refused) this.write(frame);
    // A pipeline with a generator in front of this stream waits for `finish`, which may have come before this call, or
    // for `drain`.
    if (this.#gone) this.#drainSoon();
    return super.end(refused ? null : frame, encoding as BufferEncoding, callback);
  }

  /**
   * Gives up the descriptors and returns the first, for a child process to have (`stdio: ['inherit', 'inherit',
   * 'inherit', tap.detach()]`; of more queues, `...tap.fds` afterwards). They are set to blocking again, as if just
   * opened, and the caller must close them once the child has them. (A child that writes much should use non-blocking
   * writes: the kernel does not wake a `write` that has had to wait, only a `poll`. If frames were exchanged with other
   * taps before, it should read what is there before it closes the descriptors, see above.) The stream is destroyed: a
   * loop over its frames rejects with `ERR_STREAM_PREMATURE_CLOSE`, and frames that the stream had read already are
   * lost.
   */
  detach(): number {
    if (this.#closed === undefined) {
      this.#closed = Promise.resolve();
      this.#handle.detach();
      this.destroy();
    }
    return this.fd;
  }

  /**
   * Closes the device at once: frames that the kernel has not taken yet are not written (`end` waits for them), frames
   * that nobody has read are dropped, and a loop over the frames ends. Resolves when the descriptors are closed, which
   * takes about 10 ms for each queue, and as long as others hold the kernel's RTNL lock: seconds while somebody deletes
   * thousands of links.
   */
  async close(): Promise<void> {
    if (!this.destroyed) {
      // A loop that finds the stream destroyed before its end would throw.
      this.#reading = true;
      if (this.listenerCount('data') === 0) while (this.read() !== null);
      // The stream may emit 'readable' at once, and a listener throw.
      try {
        this.#endReading();
      } catch (error) {
        process.nextTick(raise, error);
      }
      this.destroy();
    }
    await this.#closeDevice();
  }

  /** Closes it at the end of an `await using` block. */
  override [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #closeDevice(): Promise<void> {
    if (this.#closed === undefined) {
      this.#fds = Object.freeze([]);
      this.#closed = closeTapDevice(this.#handle);
    }
    return this.#closed;
  }

  /** @internal */
  override _destroy(error: Error | null, callback: WriteCallback): void {
    const closed = this.#closeDevice();
    this.#writer.stop(error);
    void closed.then(() => {
      // The unread frames are dropped with the end behind them, for which a pipeline would wait for ever.
      try {
        if (error === null && this.#ended && !this.readableEnded) this.emit('end');
      } catch (thrown) {
        process.nextTick(raise, thrown);
      }
      callback(error);
    });
  }

  /** @internal */
  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#handle.setReading(true);
  }

  #onFrames(frames: Buffer, count: number): void {
    const lengths = this.#handle.received;
    let wanted = true;
    let start = 0;
    for (let at = 0; at < count && !this.destroyed; at++) {
      const end = start + (lengths[at] as number);
      try {
        wanted = this.push(frames.subarray(start, end));
      } catch (error) {
        // A listener has thrown; the frames behind this one must not be lost.
        process.nextTick(raise, error);
      }
      start = end;
    }
    if (wanted || this.destroyed) return;
    this.#reading = false;
    this.#handle.setReading(false);
  }

  // A write after the end would be an error of the whole stream, and not of the frame alone: from here on no frame is
  // passed to it.
  #onGone(): void {
    this.#gone = true;
    // A stream that has ended emits no `drain` by itself.
    if (this.writableNeedDrain) this.#drainSoon();
    try {
      this.#endReading();
    } finally {
      super.end();
    }
  }

  #endReading(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
    // So that 'end' is emitted even if nobody reads.
    if (this.readableLength === 0) this.read(0);
  }

  /** @internal */
  override _write(chunk: Chunk, _: BufferEncoding, callback: WriteCallback): void {
    this._writev([{ chunk }], callback);
  }

  /** @internal */
  override _writev(entries: readonly Entry[], callback: WriteCallback): void {
    // `write` has checked its frames; `end` takes anything, and its chunk is the last one.
    const last = entries.at(-1)?.chunk;
    if (last instanceof Outgoing || types.isUint8Array(last)) {
      this.#writer.write(entries, callback);
    } else {
      callback(notAFrame('end', last));
    }
  }

  /** @internal */
  override _final(callback: WriteCallback): void {
    this.#writer.flush(callback);
  }
}
