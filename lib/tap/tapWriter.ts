/** Frames on their way out of a tap: handed to the device many at a time. */
import { AsyncResource } from 'node:async_hooks';
import type { TapHandle } from '../addon.js';
import {
  argumentError,
  type Caller,
  errnoOf,
  type Operation,
  showValue,
} from '../errors/errors.js';
import { Refusal } from '../errors/refusal.js';
import { Call } from '../namespace/call.js';

/** How many frames are handed to the device together, at most. */
const ROUND_FRAMES = 256;
/**
 * How many bytes are handed to the device together, and a length that no device takes: a longer frame is handed over
 * as one of that length, to be refused. With a virtio header a frame may be as long as the kernel's `GSO_MAX_SIZE`.
 */
const PLAIN = { roundBytes: 256 * 1024, tooLong: 128 * 1024 };
const SEGMENTS = { roundBytes: 768 * 1024, tooLong: 640 * 1024 };

/** Where `gso_type` stands in `struct virtio_net_hdr`. */
const GSO_TYPE = 1;
const ETH_HLEN = 14;
const VLAN_HLEN = 4;

/** The true length of a frame: its class may override `length` and `byteLength`. */
const byteLength = Reflect.getOwnPropertyDescriptor(
  Reflect.getPrototypeOf(Uint8Array.prototype) as object,
  'byteLength',
)?.get as (this: Uint8Array) => number;

/** What `write` calls back with. */
export type WriteCallback = (error?: Error | null) => void;

/** A frame whose writer wants to know whether it was written. */
export class Outgoing {
  #done: WriteCallback | undefined;

  constructor(
    readonly frame: Uint8Array,
    /** `'Tap.send'` or `'Tap.write'`. */
    readonly operation: string,
    readonly caller: Caller,
    done: WriteCallback,
  ) {
    this.#done = done;
  }

  /** Calls the writer back, once. */
  settle(error: Error | null): void {
    const done = this.#done;
    this.#done = undefined;
    try {
      done?.(error);
    } catch (thrown) {
      process.nextTick(raise, thrown);
    }
  }
}

export type Chunk = Uint8Array | Outgoing;

function frameOf(chunk: Chunk): Uint8Array {
  return chunk instanceof Outgoing ? chunk.frame : chunk;
}

/** A chunk as a stream lists those that wait. */
export interface Entry {
  readonly chunk: Chunk;
}

/** Chunks whose frames stand in one half of the memory shared with the device. */
interface Round {
  readonly half: 0 | 1;
  readonly entries: readonly Entry[];
  readonly first: number;
  readonly count: number;
  /** How many of them have been written or refused. */
  settled: number;
}

/**
 * Writes the chunks of a stream, in order; one that is refused does not stop those behind it. While
 * the device has one round, the next is made ready.
 */
export class TapWriter {
  readonly #handle: TapHandle;
  readonly #name: string;
  readonly #onRefused: (error: Error, frame: Uint8Array) => void;
  readonly #limits: typeof PLAIN;

  // The chunks of the last `write`: those from #next on are in no round yet.
  #entries: readonly Entry[] = [];
  #next = 0;
  #done: WriteCallback | undefined;
  #flushed: (() => void) | undefined;
  #stopped = false;

  /** What the device has, and what it gets next. */
  #sent: Round | undefined;
  #ready: Round | undefined;
  // The memory that the device reads frames from, in two halves; nobody else has access to it.
  #bytes: Uint8Array | undefined;
  #lengths: Int32Array | undefined;

  /** `onRefused` is called for refused frames that are no {@link Outgoing}. */
  constructor(
    handle: TapHandle,
    name: string,
    onRefused: (error: Error, frame: Uint8Array) => void,
  ) {
    this.#handle = handle;
    this.#limits = handle.vnetHeaderLength > 0 ? SEGMENTS : PLAIN;
    this.#name = name;
    this.#onRefused = onRefused;
    handle.onWritten = AsyncResource.bind(() => this.#onWritten());
  }

  /** Calls back when there is room for more; must not be called again before that. */
  write(entries: readonly Entry[], done: WriteCallback): void {
    this.#entries = entries;
    this.#next = 0;
    this.#done = done;
    this.#advance();
  }

  /** Calls back when everything is written. */
  flush(done: () => void): void {
    if (this.#sent === undefined) done();
    else this.#flushed = done;
  }

  /** Refuses a frame that was written after the link was gone. */
  refuseGone(chunk: Chunk): void {
    this.#refuse(chunk, errnoOf('ENOLINK') as number);
  }

  /** Called when the device is closed: passes the error to the writers of frames that it has not taken. */
  stop(error: Error | null): void {
    this.#stopped = true;
    process.nextTick(() => this.#abandon(error ?? neverWritten()));
  }

  #abandon(error: Error): void {
    this.#settle();
    const left = [this.#sent, this.#ready].flatMap((round) =>
      round === undefined
        ? []
        : round.entries.slice(round.first + round.settled, round.first + round.count),
    );
    for (const { chunk } of [...left, ...this.#entries.slice(this.#next)])
      if (chunk instanceof Outgoing) chunk.settle(error);
    this.#sent = undefined;
    this.#ready = undefined;
    // The stream itself then fails the chunks that it still has.
    this.#accept();
  }

  #advance(): void {
    do {
      if (this.#ready === undefined && this.#next < this.#entries.length)
        this.#ready = this.#pack();
      if (this.#sent === undefined && this.#ready !== undefined) {
        this.#sent = this.#ready;
        this.#ready = undefined;
        this.#handle.write(this.#sent.half, this.#sent.count);
      }
    } while (this.#ready === undefined && this.#next < this.#entries.length);
    if (this.#sent === undefined) this.#flushed?.();
    if (this.#next === this.#entries.length) this.#accept();
  }

  #accept(): void {
    const done = this.#done;
    this.#done = undefined;
    this.#entries = [];
    this.#next = 0;
    try {
      done?.();
    } catch (error) {
      process.nextTick(raise, error);
    }
  }

  /** Puts as many frames as there is room for one behind the other. */
  #pack(): Round {
    const { roundBytes, tooLong } = this.#limits;
    if (this.#bytes === undefined || this.#lengths === undefined) {
      this.#bytes = new Uint8Array(2 * roundBytes);
      this.#lengths = new Int32Array(2 * ROUND_FRAMES);
      this.#handle.lend(this.#bytes, this.#lengths);
    }
    const half = this.#sent?.half === 0 ? 1 : 0;
    const entries = this.#entries;
    const first = this.#next;
    const end = (half + 1) * roundBytes;
    let used = half * roundBytes;
    let count = 0;
    while (count < ROUND_FRAMES && first + count < entries.length) {
      const { chunk } = entries[first + count] as Entry;
      const frame = frameOf(chunk);
      // Read once: the device reads exactly as many bytes.
      const length = Math.min(byteLength.call(frame), tooLong);
      if (used + length > end) break;
      // What is too long is refused whatever is in it. Nothing is left of a frame whose memory was
      // transferred meanwhile, and `set` would throw.
      if (length > 0 && length < tooLong) this.#bytes.set(frame, used);
      this.#lengths[half * ROUND_FRAMES + count++] = length;
      used += length;
    }
    this.#next += count;
    return { half, entries, first, count, settled: 0 };
  }

  #onWritten(): void {
    this.#settle();
    // A callback may have closed the device.
    if (this.#stopped || this.#sent === undefined || this.#sent.settled < this.#sent.count) return;
    this.#sent = undefined;
    this.#advance();
  }

  /** Calls back for the frames that the device has written or refused since the last time. */
  #settle(): void {
    const sent = this.#sent;
    if (sent === undefined) return;
    const { written } = this.#handle;
    const lengths = this.#lengths as Int32Array;
    while (sent.settled < written) {
      const at = sent.settled++;
      const errno = lengths[sent.half * ROUND_FRAMES + at] as number;
      const { chunk } = sent.entries[sent.first + at] as Entry;
      if (errno !== 0) this.#refuse(chunk, errno);
      else if (chunk instanceof Outgoing) chunk.settle(null);
    }
  }

  #refuse(chunk: Chunk, errno: number): void {
    const writer = chunk instanceof Outgoing ? chunk : undefined;
    const frame = frameOf(chunk);
    const call = new Call(writer?.operation ?? 'Tap.write', this.#name, writer?.caller);
    const refusal = new Refusal(errno, 'write');
    const error = call.error(refusal, { hint: this.#whyRefused(frame, refusal.code) });
    if (writer === undefined) this.#onRefused(error, frame);
    else writer.settle(error);
  }

  #whyRefused(frame: Uint8Array, code: string): string | undefined {
    const header = this.#handle.vnetHeaderLength;
    const length = byteLength.call(frame);
    const behind = header === 0 ? '' : `, behind a virtio header of ${header}`;
    switch (code) {
      case 'EMSGSIZE':
        if (header > 0 && (frame[GSO_TYPE] ?? 0) !== 0) {
          return (
            'A frame to be segmented may have 520 KiB with its virtio header; ' +
            `this one has ${length} bytes in all.`
          );
        }
        return (
          `A frame may have ${ETH_HLEN} bytes more than the link's MTU, with a VLAN tag ` +
          `${ETH_HLEN + VLAN_HLEN}${behind}; this one has ${length} in all.`
        );
      case 'EINVAL':
        return length < ETH_HLEN + header
          ? `A frame has at least ${ETH_HLEN} bytes${behind}; this one has ${length} in all.`
          : undefined;
      case 'ENOLINK':
        return `The link '${this.#name}' has been deleted.`;
      default:
        return undefined;
    }
  }
}

/** Throws again what a listener has thrown, from `process.nextTick`, where it interrupts nothing else. */
export function raise(error: unknown): never {
  throw error;
}

/** What Node's own streams say. */
export function afterEnd(): Error {
  return Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
}

/** The error for what is no frame. */
export function notAFrame(method: string, value: unknown, above?: Operation): TypeError {
  const says = `Tap.${method}: frame must be a Uint8Array; received ${showValue(value)}`;
  return argumentError('ERR_INVALID_ARG_TYPE', says, above);
}

function neverWritten(): Error {
  const error = new Error('The tap was closed before the frame was written');
  return Object.assign(error, { code: 'ERR_STREAM_DESTROYED' });
}
