/**
 * A namespace that is held open, and a count of the operations under way in it. The services build on this; the
 * public class `Netns` adds their operations.
 */
import { setImmediate } from 'node:timers';
import {
  addon,
  type NamespaceHandle,
  type Operations,
  type TapHandle,
  type Watcher,
} from '../addon.js';
import { snapshot } from '../check/snapshot.js';
import { argumentError, showValue } from '../errors/errors.js';
import { Refusal } from '../errors/refusal.js';
import type { NetnsLike } from '../types/types.js';
import { netnsBrand } from '../values/values.js';
import type { Call } from './call.js';
import { LAST_INDEX } from './indexes.js';
import {
  exchange,
  exchangeMany,
  namespaceJob,
  openTapDevice,
  type Result,
  type Step,
  type TapDeviceLink,
  type TapDeviceOptions,
} from './native.js';
import { random24 } from './random.js';
import { beginCall, furtherCallsOf, isTurnFull, waitForTurn } from './turn.js';

/** Marks the class that TypeScript and programs see as `Netns`. */
export class Namespace implements NetnsLike {
  /** @hidden */
  readonly [netnsBrand] = true as const;
  /** Its name under /run/netns, or `null` when it was made or opened without one. */
  readonly name: string | null;
  /** The namespace's inode in nsfs, as in `net:[4026531840]`. */
  readonly inode: number;

  #handle: NamespaceHandle | null;
  #underWay = 0;
  #socketUsers = 0;
  #closed: Promise<void> | null = null;
  /** Called when nothing is under way any more. */
  #onIdle: (() => void) | null = null;
  #nextIndex = 0;
  readonly #closeListeners = new Set<() => void>();

  /** @hidden */
  constructor(handle: NamespaceHandle, name: string | null) {
    if (typeof (handle as Partial<NamespaceHandle> | null | undefined)?.inode !== 'number') {
      const says = 'is not for programs: use Netns.create, Netns.open or Netns.current';
      const received = `received ${showValue(handle)}`;
      throw argumentError('ERR_INVALID_ARG_TYPE', `new Netns ${says}; ${received}`);
    }
    this.#handle = handle;
    this.name = name;
    this.inode = handle.inode;
  }

  /**
   * The file descriptor that holds the namespace open, to hand to a child process
   * (`stdio: ['inherit', 'inherit', 'inherit', netns.fd]`); -1 once it is closed.
   */
  get fd(): number {
    return this.#handle?.fd ?? -1;
  }

  /**
   * Waits for what was already asked, then gives the descriptor and the socket back. Later
   * operations reject with `ERR_NETNS_CLOSED`.
   */
  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    for (const callback of this.#closeListeners) callback();
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      // The promises of what was asked settle first: some take a few microtasks more.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#handle?.close();
    this.#handle = null;
  }

  /** Closes it at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Runs an operation that a program asks for, in this turn of the event loop or a later one. `body` gets a copy of
   * `given` made now, because the program may change it; the namespaces among `others` stay open meanwhile, too.
   * @internal
   */
  operate<Given, T>(
    call: Call,
    given: Given,
    body: (given: Given) => Promise<T>,
    ...others: readonly unknown[]
  ): Promise<T> {
    call.where = this;
    if (!isTurnFull()) {
      beginCall();
      const done = this.hold(call, () => {
        const kept = snapshot(given);
        const further = furtherCallsOf(kept);
        if (further > 0) beginCall(further);
        return body(kept);
      });
      // While the kernel works on the first request already.
      call.noteCaller();
      return done;
    }
    // Where the options' own code has filled the turn since the call was made.
    call.noteCaller();
    return this.#holdUntilTurn(call, body, given, others);
  }

  /** Thousands may wait, so a waiting call keeps only its promise and its arguments. */
  async #holdUntilTurn<Given, T>(
    call: Call,
    body: (given: Given) => Promise<T>,
    given: Given,
    others: readonly unknown[],
  ): Promise<T> {
    const held = Namespace.#beginWork(call, [this, ...others]);
    call.held = held;
    try {
      const kept = snapshot(given);
      await waitForTurn(1 + furtherCallsOf(kept));
      call.checkSignal();
      return await body(kept);
    } finally {
      Namespace.#endWorkOf(held);
    }
  }

  /** Keeps those that are namespaces open, if they are. */
  static #beginWork(call: Call, candidates: readonly unknown[]): readonly Namespace[] {
    const held = candidates.filter((one): one is Namespace => {
      // Not a Proxy of one, which the check of the options refuses.
      return typeof one === 'object' && one !== null && #handle in one;
    });
    for (const one of held) one.#checkOpen(call);
    for (const one of held) one.#underWay++;
    return held;
  }

  static #endWorkOf(held: readonly Namespace[]): void {
    for (const one of held) one.#endWork();
  }

  #endWork(): void {
    if (--this.#underWay === 0) this.#onIdle?.();
  }

  /**
   * Keeps the socket open until {@link releaseSocket}, within {@link hold}. For an operation of several exchanges:
   * once one has changed something, a later one must not fail for lack of a descriptor.
   * @internal
   */
  keepSocket(): void {
    if (this.#socketUsers++ === 0) this.#handle?.setInUse(true);
  }

  /** @internal */
  releaseSocket(): void {
    if (--this.#socketUsers === 0) this.#handle?.setInUse(false);
  }

  /**
   * Runs `body`, and keeps this namespace open until it is done.
   * @internal
   */
  async hold<T>(call: Call, body: () => Promise<T>): Promise<T> {
    this.#checkOpen(call);
    this.#underWay++;
    try {
      call.checkSignal();
      return await body();
    } finally {
      this.#endWork();
    }
  }

  /**
   * Sends steps, within {@link hold}, and gives a result for each. Rejects with the signal's reason
   * when it fired before anything was sent; when it fires later, the results tell what was done.
   * A sequel in another namespace, held open too, follows when all the steps have succeeded.
   * @internal
   */
  exchange(
    steps: readonly Step[],
    signal?: AbortSignal,
    sequel?: { readonly target: Namespace; readonly steps: readonly Step[] },
  ): Promise<readonly Result[]> {
    signal?.throwIfAborted();
    const next = sequel && {
      handle: sequel.target.#openHandle,
      steps: sequel.steps,
    };
    return exchange(this.#openHandle, steps, signal, next);
  }

  /** {@link exchange} of any number of steps, each made when it is its turn. @internal */
  exchangeMany(
    count: number,
    makeStep: (at: number) => Step,
    signal?: AbortSignal,
  ): Promise<readonly Result[]> {
    signal?.throwIfAborted();
    return exchangeMany(this.#openHandle, count, makeStep, signal);
  }

  /**
   * Sends one request; its refusal comes back as a value. Rejects with the signal's reason also
   * when it fired after the request was sent, which then has taken effect.
   * @internal
   */
  async ask<Name extends keyof Operations>(
    operation: Name,
    record: Operations[Name][0],
    signal?: AbortSignal,
  ): Promise<Result<Name>> {
    const [result] = await this.exchange([{ operation, record }], signal);
    signal?.throwIfAborted();
    return result as Result<Name>;
  }

  /** Sends one request; a refusal is thrown. @internal */
  async askOrThrow<Name extends keyof Operations>(
    call: Call,
    operation: Name,
    record: Operations[Name][0],
  ): Promise<Operations[Name][1]> {
    const result = await this.ask(operation, record, call.signal);
    if (!(result instanceof Refusal)) return result;
    throw call.error(result);
  }

  /** Subscribes to what the kernel tells of groups (`RTNLGRP_*`). @internal */
  subscribe(
    call: Call,
    groups: readonly number[],
    receiveBuffer: number,
    ifThere: readonly number[] = [],
  ): Watcher {
    this.#checkOpen(call);
    let result = this.#openHandle.watch([...groups, ...ifThere], receiveBuffer);
    // A kernel that does not have a group (net/netlink/af_netlink.c, netlink_setsockopt).
    if (ifThere.length > 0 && result instanceof Refusal && result.code === 'EINVAL') {
      result = this.#openHandle.watch(groups, receiveBuffer);
    }
    if (result instanceof Refusal) throw call.error(result);
    return result;
  }

  /** The handle, for what runs only while the namespace is open. */
  get #openHandle(): NamespaceHandle {
    return this.#handle as NamespaceHandle;
  }

  /** Calls back when the namespace is closed, or soon where it is; the function returned forgets that. @internal */
  onClose(callback: () => void): () => void {
    // A call that has waited for its turn may still begin.
    if (this.#closed !== null) queueMicrotask(callback);
    this.#closeListeners.add(callback);
    return () => this.#closeListeners.delete(callback);
  }

  #checkOpen(call: Call): void {
    if (this.#closed === null || call.held.includes(this)) return;
    const reason = `the network namespace ${describe(this)} is closed`;
    throw call.fail('ERR_NETNS_CLOSED', { reason });
  }

  /** Opens the tap device of a link of this namespace, within {@link hold}. @internal */
  openTapDevice(link: TapDeviceLink, options: TapDeviceOptions): Promise<TapHandle | Refusal> {
    return openTapDevice(this.#openHandle, link, options);
  }

  /** Gives this namespace a name, within {@link hold}. @internal */
  attach(name: string, signal?: AbortSignal): Promise<NamespaceHandle | Refusal> {
    return namespaceJob('attachNamespace', [this.#openHandle, name], signal);
  }

  /** A file below /proc/sys/net as it is in this namespace, within {@link hold}. @internal */
  readSysctl(path: string, signal?: AbortSignal): Promise<string | Refusal> {
    return namespaceJob('readSysctl', [this.#openHandle, path], signal);
  }

  /** Writes such a file of a link, whose name is in the path: `ENODEV` where that is another link's. @internal */
  writeSysctlOf(
    { name, index }: { readonly name: string; readonly index: number },
    path: string,
    content: string,
  ): Promise<undefined | Refusal> {
    return namespaceJob('writeSysctl', [this.#openHandle, path, content, name, index]);
  }

  /** Writes such a file, within {@link hold}. @internal */
  writeSysctl(path: string, content: string, signal?: AbortSignal): Promise<undefined | Refusal> {
    return namespaceJob('writeSysctl', [this.#openHandle, path, content], signal);
  }

  /** Runs `body`, synchronously, with the calling thread in this namespace. @internal */
  within<T>(call: Call, body: () => T): T {
    const result = addon.runWithin(this.#openHandle, body);
    if (result instanceof Refusal) throw call.error(result);
    return result;
  }

  /**
   * An index for a new link, so that it is known before the kernel has answered. Counts up from a random start,
   * because other programs choose indexes too, and far from the kernel's own small numbers; begins again after the last
   * one that there is.
   * @internal
   */
  chooseIndex(): number {
    if (this.#nextIndex === 0 || this.#nextIndex > LAST_INDEX)
      this.#nextIndex = 0x1_0000 + random24();
    return this.#nextIndex++;
  }

  /** After a collision: continues from another random start. @internal */
  forgetIndexes(): void {
    this.#nextIndex = 0;
  }
}

/** How an error or a hint names a namespace. */
export function describe(namespace: Namespace): string {
  return namespace.name === null ? `net:[${namespace.inode}]` : `'${namespace.name}'`;
}
