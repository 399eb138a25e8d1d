/** The stream of Ethernet frames that a macvtap's character device is. */
import { Duplex } from 'node:stream';
import { argumentError, type Caller, captureCaller, errnoName, showValue } from './errors.js';
import { Call } from './namespace.js';
import { closeTapDevice, Refusal, type TapHandle } from './native.js';
import type { MacvtapLink } from './types.js';

/** How many frames, and how many bytes, go to the device together. */
const ROUND_FRAMES = 256;
const ROUND_BYTES = 256 * 1024;
/** No device takes a frame of that length: of a longer one, so much is handed over to be refused. */
const TOO_LONG = 128 * 1024;

const ETH_HLEN = 14;
const VLAN_HLEN = 4;

/** What `write` calls back with. */
export type WriteCallback = (error?: Error | null) => void;

/** A frame on its way out whose writer wants to hear what became of it. */
class Outgoing {
  error: Error | undefined;

  constructor(
    readonly frame: Uint8Array,
    readonly caller: Caller,
  ) {}
}

type Chunk = Uint8Array | Outgoing;

/**
 * The frames of a macvtap: a `Duplex` in object mode, where each chunk is one whole Ethernet frame,
 * from the destination MAC to the end of the payload. Frames that are read are `Buffer`s, which
 * nobody else writes to; frames to be written are `Uint8Array`s of any kind.
 *
 * Backpressure reaches the kernel. While nobody reads, frames stay in the link's queue
 * (`txQueueLen`), which drops what it has no room for. `write` gives `false` when enough frames wait,
 * and `drain` follows, as with any stream.
 *
 * A frame that is refused is an error of that frame alone, and the stream goes on: `send` rejects, the
 * callback of `write` is called with it, and where there is none `'frameError'` is emitted with the
 * error and the frame. `EMSGSIZE`: above the link's MTU; `EINVAL`: shorter than an Ethernet header;
 * `ENOLINK`: the link is gone. A link that is down takes frames and drops them.
 *
 * The stream ends when the link is deleted. It goes on when the parent goes down, when the link is
 * renamed, and when it moves to another namespace (its end there is noticed within a second).
 *
 * Frames that are written keep their order; those that arrive do within a flow, and with one queue
 * altogether. Every `openTap` of a link adds queues to it, and takes a share of its flows.
 *
 * It keeps the process alive from when it is first read from (paused or not, as long as there is room
 * for a frame), and while frames are on their way out; and the link's namespace until it is closed.
 * One that does neither and is forgotten is closed when it is collected.
 *
 * @example
 * ```ts
 * await using tap = await openTap('macvtap0');
 * for await (const frame of tap) await tap.send(answerTo(frame));
 * ```
 */
export class Tap extends Duplex {
  /** The link as it was when it was opened. */
  readonly link: MacvtapLink;
  /** How many bytes of `struct virtio_net_hdr` stand in front of each frame; 0 without `vnetHeader`. */
  readonly vnetHeaderLength: number;

  readonly #handle: TapHandle;
  #fds: readonly number[];
  #closed: Promise<void> | undefined;
  #reading = false;
  #ended = false;

  // The frames that are being written, and where they stand for the device to fetch.
  #entries: readonly { readonly chunk: Chunk }[] = [];
  #next = 0;
  #round = 0;
  #done: WriteCallback | undefined;
  #bytes: Uint8Array | undefined;
  #lengths: Int32Array | undefined;

  /** @internal */
  constructor(handle: TapHandle, link: MacvtapLink, highWaterMark: number) {
    // Without its link it can be neither read nor written: the two sides end together.
    super({ objectMode: true, highWaterMark, allowHalfOpen: false });
    this.link = link;
    this.vnetHeaderLength = handle.vnetHeaderLength;
    this.#handle = handle;
    this.#fds = Object.freeze(handle.fds);
    handle.onFrames = (frames, count) => this.#onFrames(frames, count);
    handle.onWritten = () => this.#onWritten();
    handle.onGone = () => this.#endReading();
  }

  /** The descriptor of the first queue; -1 once it is closed. */
  get fd(): number {
    return this.#fds[0] ?? -1;
  }

  /** The descriptor of each queue; empty once it is closed. After `detach` they are the caller's. */
  get fds(): readonly number[] {
    return this.#fds;
  }

  /**
   * Writes one frame; fulfilled when the kernel has taken it, which does not say that anybody gets
   * it. Rejects with a `NetlinkError` when it is refused. `write` is faster where many frames need
   * not be waited for one by one.
   */
  async send(frame: Uint8Array): Promise<void> {
    const caller = captureCaller(this.send);
    if (!(frame instanceof Uint8Array)) throw notAFrame('send', frame);
    await new Promise<void>((resolve, reject) => {
      this.#enqueue(frame, caller, (error) => (error ? reject(error) : resolve()));
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
    if (!(frame instanceof Uint8Array)) throw notAFrame('write', frame, this.write);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done !== 'function') return super.write(frame);
    return this.#enqueue(frame, captureCaller(this.write), done);
  }

  #enqueue(frame: Uint8Array, caller: Caller, done: WriteCallback): boolean {
    const outgoing = new Outgoing(frame, caller);
    return super.write(outgoing, (error) => done(error ?? outgoing.error));
  }

  /**
   * Gives up the descriptors and returns the first, for a child process to have
   * (`stdio: ['inherit', 'inherit', 'inherit', tap.detach()]`; of more queues, `...tap.fds`
   * afterwards). They block again, as if just opened, and are to be closed by the caller once the
   * child has them. (A child that writes much should not let it block: the kernel does not wake a
   * `write` that has had to wait, only a `poll`.) The stream is destroyed; what it had read already is not in the device any more.
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
   * Closes the device at once: frames that the kernel has not taken yet are not written (`end` waits
   * for them), frames that nobody has read are dropped, and a loop over the frames ends. Fulfilled
   * when the descriptors are closed.
   */
  async close(): Promise<void> {
    if (!this.destroyed) {
      // A loop that finds the stream destroyed before its end would throw.
      this.#reading = true;
      if (this.listenerCount('data') === 0) while (this.read() !== null);
      this.#endReading();
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
    const done = this.#done;
    this.#done = undefined;
    void this.#closeDevice().then(() => {
      done?.(error ?? neverWritten());
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
        // A listener has thrown; the frames behind are not to be lost by it.
        process.nextTick(raise, error);
      }
      start = end;
    }
    if (wanted || this.destroyed) return;
    this.#reading = false;
    this.#handle.setReading(false);
  }

  #endReading(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
    // Where nobody reads the end is told all the same.
    if (this.readableLength === 0) this.read(0);
  }

  /** @internal */
  override _write(chunk: Chunk, _: BufferEncoding, callback: WriteCallback): void {
    this._writev([{ chunk }], callback);
  }

  /** @internal */
  override _writev(entries: readonly { readonly chunk: Chunk }[], callback: WriteCallback): void {
    // `write` has looked at what it was given; `end` takes anything, and is last.
    const last = entries.at(-1)?.chunk;
    if (!(last instanceof Outgoing || last instanceof Uint8Array)) {
      callback(notAFrame('end', last));
      return;
    }
    this.#entries = entries;
    this.#next = 0;
    this.#done = callback;
    this.#startRound();
  }

  /** Puts as many frames as there is room for one behind the other, and has them written. */
  #startRound(): void {
    if (this.#bytes === undefined || this.#lengths === undefined) {
      this.#bytes = new Uint8Array(ROUND_BYTES);
      this.#lengths = new Int32Array(ROUND_FRAMES);
      this.#handle.lend(this.#bytes, this.#lengths);
    }
    const entries = this.#entries;
    let used = 0;
    let count = 0;
    while (count < ROUND_FRAMES && this.#next + count < entries.length) {
      const { chunk } = entries[this.#next + count] as { chunk: Chunk };
      let frame = chunk instanceof Outgoing ? chunk.frame : chunk;
      if (frame.length > TOO_LONG) frame = frame.subarray(0, TOO_LONG);
      if (used + frame.length > ROUND_BYTES) break;
      this.#bytes.set(frame, used);
      this.#lengths[count++] = frame.length;
      used += frame.length;
    }
    this.#round = count;
    this.#handle.write(count);
  }

  #onWritten(): void {
    const lengths = this.#lengths as Int32Array;
    for (let at = 0; at < this.#round; at++) {
      const errno = lengths[at] as number;
      if (errno !== 0)
        this.#refuse((this.#entries[this.#next + at] as { chunk: Chunk }).chunk, errno);
    }
    this.#next += this.#round;
    if (this.#next < this.#entries.length) {
      this.#startRound();
      return;
    }
    const done = this.#done;
    this.#done = undefined;
    this.#entries = [];
    try {
      done?.();
    } catch (error) {
      process.nextTick(raise, error);
    }
  }

  #refuse(chunk: Chunk, errno: number): void {
    const writer = chunk instanceof Outgoing ? chunk : undefined;
    const frame = writer?.frame ?? (chunk as Uint8Array);
    const call = new Call('Tap.write', this.link.name, writer?.caller ?? {});
    const refusal = new Refusal(errno, 'write', undefined, undefined);
    const error = call.error(refusal, { hint: this.#whyRefused(frame, errnoName(errno)) });
    if (writer !== undefined) {
      writer.error = error;
    } else {
      process.nextTick(() => this.emit('frameError', error, frame));
    }
  }

  #whyRefused(frame: Uint8Array, code: string): string | undefined {
    const header = this.vnetHeaderLength;
    const behind = header === 0 ? '' : `, behind a virtio header of ${header}`;
    switch (code) {
      case 'EMSGSIZE':
        return (
          `A frame may have ${ETH_HLEN} bytes more than the link's MTU, with a VLAN tag ` +
          `${ETH_HLEN + VLAN_HLEN}${behind}; this one has ${frame.length} in all.`
        );
      case 'EINVAL':
        return frame.length < ETH_HLEN + header
          ? `A frame has at least ${ETH_HLEN} bytes${behind}; this one has ${frame.length} in all.`
          : undefined;
      case 'ENOLINK':
        return `The link '${this.link.name}' has been deleted.`;
      default:
        return undefined;
    }
  }
}

function raise(error: unknown): never {
  throw error;
}

function notAFrame(
  method: string,
  value: unknown,
  above?: (...args: never[]) => unknown,
): TypeError {
  const says = `Tap.${method}: frame must be a Uint8Array; received ${showValue(value)}`;
  return argumentError('ERR_INVALID_ARG_TYPE', says, above);
}

function neverWritten(): Error {
  const error = new Error('The tap was closed before the frame was written');
  return Object.assign(error, { code: 'ERR_STREAM_DESTROYED' });
}
