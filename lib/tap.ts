/** `openTap`: opens the character device of a macvtap. */
import { check, integer, optionsOf, table } from './check.js';
import { flag, linkRef, signal } from './checkValues.js';
import { readLink } from './links.js';
import type { Call, Namespace } from './namespace.js';
import { Refusal } from './native.js';
import { Tap } from './tapStream.js';
import type { Link, LinkRef, MacvtapLink, OperationOptions } from './types.js';
import { parseMac } from './values.js';

/** What `openTap` takes. */
export interface OpenTapOptions extends OperationOptions {
  /**
   * Keeps the virtio header (`struct virtio_net_hdr`, `IFF_VNET_HDR`) in front of every frame, in
   * both directions; its length is `tap.vnetHeaderLength`. Frames then arrive as the kernel has them,
   * with checksums still to be made and up to 64 KiB of segments in one, and the header says what is
   * left to do. Default: `false`.
   */
  readonly vnetHeader?: boolean | undefined;
  /**
   * How many queues, 1 to 256, each with a descriptor of its own (`IFF_MULTI_QUEUE`). The kernel
   * spreads arriving frames over them by flow; the stream has the frames of all. Default: 1.
   */
  readonly queues?: number | undefined;
  /** How many frames may wait in each direction before there is backpressure. Default: 256. */
  readonly highWaterMark?: number | undefined;
}

/** `MAX_TAP_QUEUES` (linux/if_tap.h): of all who have it open together. */
const MAX_QUEUES = 256;

const rules = optionsOf(
  table({
    vnetHeader: flag,
    queues: integer(1, MAX_QUEUES),
    highWaterMark: integer(1, 2 ** 20),
    signal,
  }),
);

const DEFAULT_HIGH_WATER_MARK = 256;
/** How often a link that changes while it is being opened is read anew. */
const ATTEMPTS = 5;

export async function openTap(
  namespace: Namespace,
  call: Call,
  ref: LinkRef,
  options: OpenTapOptions = {},
): Promise<Tap> {
  check(call.operation, linkRef, ref, 'link');
  check(call.operation, rules, options);
  const { queues = 1, vnetHeader = false, highWaterMark = DEFAULT_HIGH_WATER_MARK } = options;
  for (let attempt = 1; ; attempt++) {
    const link = await readLink(namespace, call, ref);
    if (!isMacvtap(link)) throw notAMacvtap(call, link);
    const mac = parseMac(link.mac ?? '') ?? new Uint8Array();
    const result = await namespace.openTapDevice(link, mac, queues, vnetHeader);
    if (result instanceof Refusal) {
      // It has been renamed, moved or deleted between two looks at it.
      if (result.code === 'ESTALE' && attempt < ATTEMPTS) continue;
      throw call.error(result, { hint: whyNotOpened(link, result) });
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
  return call.fail(
    'EINVAL',
    'the link is no macvtap',
    `'${name}' is ${what}, and only a macvtap has a character device.`,
  );
}

function whyNotOpened(link: MacvtapLink, { code, syscall }: Refusal): string | undefined {
  if (code === 'EBUSY' && syscall === 'open')
    return `A macvtap has at most ${MAX_QUEUES} queues in all.`;
  // The sysfs at hand is that of another namespace, and no other could be had.
  const foreign = code === 'ESTALE' && syscall === 'read';
  if (code !== 'EPERM' && code !== 'EACCES' && !foreign) return undefined;
  if (syscall.startsWith('ioctl')) return undefined;
  if (syscall === 'open') {
    return (
      `The process may not open the device of '${link.name}': it needs the right to read and write ` +
      `/dev/tap${link.index}, and in a container a devices cgroup that allows it.`
    );
  }
  return (
    'The device of a link is found by the sysfs of its network namespace, which needs ' +
    `CAP_SYS_ADMIN; where /dev/tap${link.index} is missing or another's, making a node for it needs ` +
    'CAP_MKNOD as well.'
  );
}
