/** What the kernel tells of the IPv6 addresses in a namespace, for any number of calls that wait: by one socket. */
import type { Watcher } from '../addon.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import { type Received, readNews } from '../namespace/native.js';
import type { Address } from '../types/types.js';
import { RTNLGRP_IPV6_IFADDR } from './groups.js';

/** Bytes for the socket's receive buffer, which the kernel doubles. */
const RECEIVE_BUFFER = 2 ** 20;

/** An address as the kernel tells of it. */
interface Told {
  readonly removed: boolean;
  readonly address: Address;
}

/** One that waits for what is told of a link's addresses. */
export class Listener {
  readonly #told: Told[] = [];
  #isDue = false;
  #isOver = false;
  #wake: (() => void) | undefined;

  /**
   * What was told since the last time, once there is something: nothing where some of it was lost. `null` when the
   * namespace has been closed.
   */
  async next(): Promise<readonly Told[] | null> {
    while (!this.#isDue && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isDue = false;
    return this.#isOver ? null : this.#told.splice(0);
  }

  /** @internal */
  hear(told?: Told): void {
    if (told !== undefined) this.#told.push(told);
    this.#isDue = true;
    this.#wake?.();
  }

  /** @internal */
  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }
}

const announcementsOf = new WeakMap<Namespace, Announcements>();

export class Announcements {
  readonly #namespace: Namespace;
  readonly #watcher: Watcher;
  readonly #forget: () => void;
  readonly #listeners = new Map<number, Set<Listener>>();

  private constructor(namespace: Namespace, call: Call) {
    this.#namespace = namespace;
    this.#watcher = namespace.subscribe(call, [RTNLGRP_IPV6_IFADDR], RECEIVE_BUFFER);
    announcementsOf.set(namespace, this);
    this.#forget = namespace.onClose(() => this.#close());
    void this.#read();
  }

  /** Runs `body` with a listener for a link, which hears everything from then on. */
  static async listen<T>(
    namespace: Namespace,
    call: Call,
    index: number,
    body: (listener: Listener) => Promise<T>,
  ): Promise<T> {
    const announcements = announcementsOf.get(namespace) ?? new Announcements(namespace, call);
    const listener = new Listener();
    announcements.#add(index, listener);
    try {
      return await body(listener);
    } finally {
      announcements.#remove(index, listener);
    }
  }

  #add(index: number, listener: Listener): void {
    const others = this.#listeners.get(index);
    if (others === undefined) this.#listeners.set(index, new Set([listener]));
    else others.add(listener);
  }

  #remove(index: number, listener: Listener): void {
    const others = this.#listeners.get(index);
    others?.delete(listener);
    if (others?.size === 0) this.#listeners.delete(index);
    if (this.#listeners.size === 0) this.#close();
  }

  #close(): void {
    if (announcementsOf.get(this.#namespace) === this) announcementsOf.delete(this.#namespace);
    this.#forget();
    this.#watcher.close();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const received = await readNews(this.#watcher, 'wait');
        if (received === null) return;
        this.#tell(received);
      }
    } finally {
      this.#close();
      for (const listener of this.#all()) listener.end();
    }
  }

  #tell({ lost, news }: Received): void {
    if (lost) for (const listener of this.#all()) listener.hear();
    for (const one of news) {
      if (one.kind !== 'address') continue;
      const { removed, item: address } = one;
      for (const listener of this.#listeners.get(address.linkIndex) ?? [])
        listener.hear({ removed, address });
    }
  }

  *#all(): Generator<Listener> {
    for (const some of this.#listeners.values()) yield* some;
  }
}
