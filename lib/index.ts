/// <reference types="node" preserve="true" />
/**
 * Linux macvlan and macvtap links, network namespaces, addresses and routes over rtnetlink.
 *
 * @packageDocumentation
 */
export { isNetlinkError, NetlinkError } from './errors.js';
export * from './functions.js';
export { Netns } from './netns.js';
export type { RunOptions } from './run.js';
export type { OpenTapOptions } from './tap.js';
export { Tap } from './tapStream.js';
export type { WriteCallback } from './tapWriter.js';
export type * from './types.js';
export type { Watch } from './watch.js';
