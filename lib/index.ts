/// <reference types="node" preserve="true" />
/**
 * Linux macvlan and macvtap links, network namespaces, addresses and routes over rtnetlink.
 *
 * Where to begin: {@link createMacvlan} makes a link, and {@link CreateMacvlanOptions} are its options;
 * {@link Netns} is a network namespace. Every operation is a method of it, and also a function that acts in the
 * caller's own namespace. {@link watch} tells what changes, {@link openTap} reads and writes the frames of a
 * macvtap, {@link checkSupport} says what the kernel has, and what it refuses is a {@link NetlinkError}.
 *
 * @example
 * ```ts
 * const net1 = await Netns.create('net1');
 * const link = await createMacvlan({
 *   parent: 'eth0',
 *   mode: 'bridge',
 *   name: 'macv1',
 *   netns: net1,
 *   up: true,
 *   addresses: ['192.0.2.151/24'],
 * });
 * await net1.deleteLink(link);
 * await Netns.remove('net1');
 * await net1.close();
 * ```
 *
 * @packageDocumentation
 */
export { isNetlinkError, NetlinkError } from './errors/errors.js';
export * from './functions.js';
export type { RunOptions } from './netns/run.js';
export { Netns } from './netns.js';
export type { OpenTapOptions } from './tap/tap.js';
export { Tap, type TapListeners } from './tap/tapStream.js';
export type { WriteCallback } from './tap/tapWriter.js';
export type * from './types/types.js';
export type { Watch } from './watch/watch.js';
