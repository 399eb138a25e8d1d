/** `openTap`: opens the character device of a macvtap. */
import { check, integer, optionsOf, table } from '../check/check.js';
import { flag, linkRef, signal } from '../check/checkValues.js';
import { whyQueueTooLong } from '../diagnosis/diagnosisLimits.js';
import { errnoOf } from '../errors/errors.js';
import { Refusal } from '../errors/refusal.js';
import { readLink } from '../links/links.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Link, LinkRef, MacvtapLink, OperationOptions } from '../types/types.js';
import { parseMac } from '../values/mac.js';
import { isGarbled } from '../values/names.js';
import { Tap } from './tapStream.js';

/** What `openTap` takes. */
export interface OpenTapOptions extends OperationOptions {
  /**
   * Keeps the virtio header (`struct virtio_net_hdr`, `IFF_VNET_HDR`) in front of every frame, in both directions; its
   * length is `tap.vnetHeaderLength`. Frames then arrive as the kernel has them, with checksums not computed and up to
   * 64 KiB of segments in one frame (512 KiB where `gso_max_size` is raised that far), and the header says what is left
   * to do. Default: `false`.
   */
  readonly vnetHeader?: boolean | undefined;
  /**
   * How many queues, 1 to 256, each with a descriptor of its own (`IFF_MULTI_QUEUE`). The kernel distributes arriving
   * frames over them by flow; the stream carries the frames of all queues. Default: 1.
   */
  readonly queues?: number | undefined;
  /**
   * How many bytes of written frames, overhead included, may wait in the queues of their receivers
   * (`TUNSETSNDBUF`): 4,096 to 2,147,483,647, or `Infinity`. Default: the kernel's `net.core.wmem_default`, about 90
   * full frames or 260 small ones. Up to 256 frames that are written together may fill that; others follow only while
   * less than half of it waits (include/net/sock.h, sock_writeable), so half is the limit where each `send` is awaited
   * before the next: about 45 or 130. With a limit no unicast frame is lost between taps
   * whose `txQueueLen` has room for that from each sender, but a receiver that does not read holds up the frames to all
   * others. Broadcast and multicast frames do not count: a full queue drops them. With `Infinity` it holds up nobody,
   * and loses the frames that its own queue (`txQueueLen`) has no room for, as behind a switch.
   */
  readonly sendBuffer?: number | undefined;
  /** How many frames may wait in each direction before there is backpressure. Default: 256. */
  readonly highWaterMark?: number | undefined;
}

/** `MAX_TAP_QUEUES` (linux/if_tap.h): for all programs that have the device open together. */
const MAX_QUEUES = 256;
/** With much less the device would never become writable. */
const MIN_SEND_BUFFER = 4_096;
const MAX_SEND_BUFFER = 2 ** 31 - 1;

const finiteSendBuffer = integer(MIN_SEND_BUFFER, MAX_SEND_BUFFER);

const checks = optionsOf(
  table<OpenTapOptions>({
    vnetHeader: flag,
    queues: integer(1, MAX_QUEUES),
    sendBuffer: (value) => (value === Infinity ? undefined : finiteSendBuffer(value)),
    highWaterMark: integer(1, 2 ** 20),
    signal,
  }),
);

const DEFAULT_HIGH_WATER_MARK = 256;
/** How often a link that changes while its device is being opened is read again. */
const ATTEMPTS = 5;

export async function openTap(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  options: OpenTapOptions = {},
): Promise<Tap> {
  check(call.operation, linkRef, ref, 'link');
  check(call.operation, checks, options);
  const { queues = 1, vnetHeader = false, highWaterMark = DEFAULT_HIGH_WATER_MARK } = options;
  const sendBuffer = Math.min(options.sendBuffer ?? 0, MAX_SEND_BUFFER);
  for (let attempt = 1; ; attempt++) {
    const link = await readLink(namespace, call, ref);
    if (!isMacvtap(link)) throw notAMacvtap(call, link);
    const mac = parseMac(link.mac ?? '') ?? new Uint8Array();
    const { index, name, mtu } = link;
    const result = await namespace.openTapDevice(
      { index, name, mac, mtu },
      { queues, vnetHeader, sendBuffer },
    );
    if (result instanceof Refusal) {
      // It has been renamed, moved or deleted between two looks at it.
      if (result.code === 'ESTALE' && attempt < ATTEMPTS) continue;
      const refusal = asPermission(result);
      throw call.error(refusal, { hint: whyNotOpened(link, refusal) });
    }
    const tap = new Tap(result, link, highWaterMark);
    const refusal = result.start();
    if (refusal === undefined && call.signal?.aborted !== true) return tap;
    await tap.close();
    call.checkSignal();
    throw call.error(refusal as Refusal);
  }
}

function isMacvtap(link: Link): link is MacvtapLink {
  return link.kind === 'macvtap';
}

function notAMacvtap(call: Call, { name, kind }: Link): Error {
  const what = kind === null ? 'of no kind that software makes' : `of kind '${kind}'`;
  return call.fail('EINVAL', {
    reason: 'the link is no macvtap',
    hint: `'${name}' is ${what}, and openTap opens the character device of a macvtap.`,
  });
}

/**
 * `ESTALE` from a call that mounts or reads a sysfs means that the one of the link's namespace was refused, and the one
 * that was read instead belongs to another: what is missing is the permission.
 */
function asPermission(refusal: Refusal): Refusal {
  const { code, syscall } = refusal;
  return code !== 'ESTALE' || syscall === 'read' || syscall.startsWith('ioctl')
    ? refusal
    : new Refusal(errnoOf('EPERM') as number, syscall);
}

/** That no device node is made: without the right to, or on a file system that may not be written. */
const NODE_REFUSALS: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EROFS']);

function whyNotOpened(link: MacvtapLink, { code, syscall }: Refusal): string | undefined {
  if (code === 'EBUSY' && syscall === 'open')
    return `A macvtap has at most ${MAX_QUEUES} queues in all.`;
  if (code === 'ENOMEM' && syscall === 'open') return whyQueueTooLong(link.txQueueLen);
  if (code === 'ESTALE' && isGarbled(link.name))
    return `The name of the link, '${link.name}', is not UTF-8: give it another one by its index, with setLink.`;
  if (code === 'ESTALE') return 'The link was renamed, moved or made anew each time it was opened.';
  if (syscall === 'mknod' && NODE_REFUSALS.has(code)) {
    return (
      `/dev/tap${link.index} is missing or another's, and making a node for the device takes CAP_MKNOD outside every ` +
      "user namespace, in a container a devices cgroup that allows that ('m'), without CAP_SYS_ADMIN a /dev that may " +
      'be written, and no security module that refuses it.'
    );
  }
  if (code !== 'EPERM' && code !== 'EACCES') return undefined;
  if (syscall.startsWith('ioctl')) return undefined;
  if (syscall === 'open') {
    return (
      `The process may not open the device of '${link.name}': it needs the right to read and write ` +
      `/dev/tap${link.index}, a /dev without nodev, in a container a devices cgroup that allows it, and no security ` +
      'module that refuses it.'
    );
  }
  if (syscall.endsWith('(sysfs)')) {
    return (
      "A security module refuses to read the sysfs of the link's network namespace, as AppArmor does where its profile " +
      "lists files, and '/class/net/** r,' and '/devices/** r,' are not among them."
    );
  }
  return (
    'The device of a link is found by the sysfs of its network namespace, which needs CAP_SYS_ADMIN, and no security ' +
    'module that refuses its mount.'
  );
}
