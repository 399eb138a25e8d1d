/** `watch`: the changes in a namespace, as events from which a reader can keep an exact copy of its state. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Watcher } from '../addon.js';
import { whenAborted } from '../base/abort.js';
import { SerialQueue } from '../base/serialQueue.js';
import { check } from '../check/check.js';
import { watchOptions } from '../check/checkLinks.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import { type Received, readNews } from '../namespace/native.js';
import type { News } from '../records/news.js';
import type { LevelEvent, LevelWatchOptions, NetlinkEvent, Route } from '../types/types.js';
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEXTHOP,
} from './groups.js';
import { type Listing, mayHideOthers, Picture } from './picture.js';
import { listEverything, listRoutesAfter } from './watchListing.js';

/** Bytes for the socket's receive buffer. The kernel doubles them: room for 7,000 link messages of 2,304 bytes. */
const RECEIVE_BUFFER = 8 * 2 ** 20;
/** How long to wait for more messages when they come in quick succession, in milliseconds. */
const GATHER = 2;
/** For how long events are handed out before the event loop gets a turn, in milliseconds. */
const SLICE = 1;
/** How many listings are made at most, as long as changes may have hidden something from each. */
const MAX_LISTINGS = 5;
/** How many steps are done between two looks at the clock. */
const CLOCK_INTERVAL = 16;

/** What {@link Netns.watch} gives: an async iterator of events that can also be closed. */
export interface Watch<Event = NetlinkEvent> extends AsyncIterableIterator<Event>, AsyncDisposable {
  /** Waits for the next event; rejects with the signal's reason once it has fired. */
  next(): Promise<IteratorResult<Event, undefined>>;
  /** Ends the iteration: a `next` that waits is done, and the socket is closed at once. */
  return(): Promise<IteratorResult<Event, undefined>>;
  /** Itself: a watch is iterated once. */
  [Symbol.asyncIterator](): Watch<Event>;
}

type AnyEvent = NetlinkEvent | LevelEvent;
/** The events of one reading; `undefined` stands for a step that gave none. */
type Batch = Iterable<AnyEvent | undefined>;

/** Subscribes at once: everything that happens from then on is reported, however late the iteration begins. */
export function watch(
  namespace: Namespace,
  call: Call,
  options: LevelWatchOptions = {},
): Watch<AnyEvent> {
  check(call.operation, watchOptions, options);
  return new Events(namespace, call, options);
}

const END: IteratorResult<AnyEvent, undefined> = Object.freeze({
  value: undefined,
  done: true,
});

/** A listing of everything, and the messages that came while it was made. */
interface Beginning {
  readonly listing: Listing;
  readonly received: Received;
}

/** A listing of the routes that is under way, and the messages about routes since it was requested. */
interface Relisting {
  readonly meanwhile: News[];
  /** The listings before this one, the latest first. */
  readonly earlier: readonly (readonly Route[])[];
  routes?: readonly Route[];
  failure?: { readonly error: unknown };
}

/** When a watch has been garbage-collected, removes the listeners by which its signal and namespace would end it. */
const collected = new FinalizationRegistry<() => void>((forget) => forget());

class Events implements Watch<AnyEvent> {
  readonly #namespace: Namespace;
  readonly #call: Call;
  readonly #options: LevelWatchOptions;
  readonly #watcher: Watcher | undefined;
  readonly #picture: Picture;
  readonly #batches = this.#readAll();
  #beginning: Promise<Beginning | null> | undefined;
  #relisting: Relisting | undefined;
  /**
   * For how many more listings of uncertain routes the `level` event that is due waits at most; 0 when none is due.
   * Without a limit it might never come while routes change.
   */
  #levelWait = 0;
  #forget: (() => void) | undefined;
  readonly #ending = new AbortController();
  #closed = false;
  #ended = false;
  /** Whether the event loop must get a turn before the next event. */
  #late = false;
  /** The rest of the current batch. */
  #steps: Iterator<AnyEvent | undefined> | undefined;
  readonly #calls = new SerialQueue();
  #stepsTaken = 0;
  /** When events were last asked for. */
  #read = 0;
  #turn = 0;

  constructor(namespace: Namespace, call: Call, options: LevelWatchOptions) {
    this.#namespace = namespace;
    this.#call = call;
    this.#options = options;
    this.#picture = new Picture(options);
    if (call.signal?.aborted === true) return;
    const { addresses = false, routes = false, receiveBuffer = RECEIVE_BUFFER } = options;
    const groups = [
      RTNLGRP_LINK,
      // The kernel also removes routes together with addresses and next hops, not always with a message about them.
      ...(addresses || routes ? [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR] : []),
      ...(routes ? [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE] : []),
    ];
    // Since Linux 5.3, and in vendors' kernels of an earlier version.
    const ifThere = routes ? [RTNLGRP_NEXTHOP] : [];
    this.#watcher = namespace.subscribe(call, groups, receiveBuffer, ifThere);
    this.#endWith(namespace, call.signal);
    // Begins now, so that something removed before the iteration starts is known, too.
    this.#beginning = this.#listAndRead(this.#watcher);
    // A failure is reported by the iteration.
    this.#beginning.catch(() => {});
  }

  next(): Promise<IteratorResult<AnyEvent, undefined>> {
    // Most events come in batches. An event that is there already costs one promise, and none of the generator's.
    try {
      const event = this.#calls.isIdle ? this.#take() : undefined;
      if (event !== undefined) return Promise.resolve({ value: event, done: false });
    } catch (error) {
      return this.#calls.run(() => this.#fail(error));
    }
    return this.#calls.run(() => this.#advance());
  }

  return(): Promise<IteratorResult<AnyEvent, undefined>> {
    this.#close();
    return this.#calls.run(() => this.#end());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Ends the watch with its namespace and by its signal. Neither of them keeps it from being garbage-collected. */
  #endWith(namespace: Namespace, signal: AbortSignal | undefined): void {
    const self = new WeakRef(this);
    const close = () => {
      const watch = self.deref();
      if (watch !== undefined) watch.#close();
    };
    const forgetSignal = signal && whenAborted(signal, close);
    const forgetNamespace = namespace.onClose(close);
    const forget = () => {
      forgetSignal?.();
      forgetNamespace();
    };
    this.#forget = forget;
    collected.register(this, forget, this);
  }

  #close(): void {
    this.#closed = true;
    this.#ending.abort();
    this.#forget?.();
    collected.unregister(this);
    this.#watcher?.close();
    this.#picture.clear();
    this.#steps = undefined;
    this.#beginning = undefined;
    this.#relisting = undefined;
  }

  /** The next event of the current batch, unless there is none or the event loop must get a turn first. */
  #take(): AnyEvent | undefined {
    while (this.#steps !== undefined) {
      this.#late = this.#isLate();
      if (this.#late) return undefined;
      const { done, value } = this.#steps.next();
      if (done === true) this.#steps = undefined;
      else if (value !== undefined) return value;
    }
    return undefined;
  }

  async #advance(): Promise<IteratorResult<AnyEvent, undefined>> {
    if (this.#ended) return END;
    try {
      while (!this.#closed) {
        const event = this.#take();
        if (event !== undefined) return { value: event, done: false };
        if (this.#late) {
          await this.#letOthers();
          continue;
        }
        const { done, value } = await this.#batches.next();
        if (done === true) break;
        this.#steps = value[Symbol.iterator]();
      }
    } catch (error) {
      // An error that comes after `close` is a consequence of closing, and not reported.
      if (!this.#closed) this.#fail(error);
    }
    this.#end();
    this.#call.checkSignal();
    return END;
  }

  #fail(error: unknown): never {
    this.#end();
    throw error;
  }

  #end(): typeof END {
    this.#ended = true;
    this.#close();
    // The generator may hold the rest of a batch or of a listing.
    void this.#batches.return();
    return END;
  }

  async *#readAll(): AsyncGenerator<Batch, void> {
    const watcher = this.#watcher;
    if (watcher === undefined) return;
    let lost = yield* this.#start();
    while (!this.#closed) {
      if (lost) {
        lost = yield* this.#resync(watcher);
        continue;
      }
      this.#relistWhenDoubtful(watcher);
      if (this.#relisting === undefined) yield* this.#reportLevel();
      await this.#gather();
      const isListed = isSettled(this.#relisting);
      const received = await readNews(watcher, isListed ? 'drain' : 'wait');
      if (received === null) return;
      this.#turn = performance.now();
      lost = received.lost;
      if (lost) continue;
      const { news } = received;
      if (this.#relisting !== undefined) keepRoutes(news, this.#relisting);
      yield this.#picture.applyAll(news);
      // Only if the listing had ended before this reading: otherwise messages from before its end may be unread.
      if (isListed) yield* this.#reconcileRoutes(watcher);
    }
  }

  /** Waits for more messages while they come in quick succession, because a reading costs more than a message. */
  async #gather(): Promise<void> {
    const now = performance.now();
    if (now - this.#read < GATHER) await setTimeout(GATHER);
    this.#read = performance.now();
  }

  /** Lists everything, and reads the messages that come meanwhile, of which some may be `missing`. */
  async #listAndRead(watcher: Watcher, missing = false): Promise<Beginning | null> {
    const earlier: Listing[] = [];
    let news: readonly News[] = [];
    for (;;) {
      const listing = await listEverything(
        this.#namespace,
        this.#call,
        this.#options,
        this.#ending.signal,
      );
      const received = await readNews(watcher, 'drain');
      if (received === null) return null;
      if (missing) {
        const lost = { lost: true, news: [] };
        return { listing: { ...listing, gaps: true }, received: lost };
      }
      news = news.concat(received.news);
      const isWhole = !received.news.some(mayHideOthers);
      if (received.lost || isWhole || earlier.length === MAX_LISTINGS - 1) {
        const { lost } = received;
        return { listing: { ...listing, earlier, gaps: lost }, received: { lost, news } };
      }
      earlier.unshift(listing);
    }
  }

  /** Reports everything that there is with `initial`, and otherwise the changes since the call. */
  async *#start(): AsyncGenerator<Batch, boolean> {
    const beginning = await this.#beginning;
    this.#beginning = undefined;
    if (beginning == null) return false;
    const { listing, received } = beginning;
    const { lost, news } = received;
    if (this.#options.initial === true) {
      yield this.#picture.reconcile(listing, news);
    } else {
      for (const _ of this.#picture.reconcile(listing)) if (this.#isLate()) await this.#letOthers();
      yield this.#picture.catchUp(news);
    }
    this.#levelWait = !lost && this.#options.level === true ? MAX_LISTINGS : 0;
    return lost;
  }

  async *#resync(watcher: Watcher): AsyncGenerator<Batch, boolean> {
    yield [{ type: 'resync' }];
    this.#relisting = undefined;
    // The unread messages are older than the new listing, and some of them are lost.
    const thrown = await readNews(watcher, 'discard');
    const beginning = await this.#listAndRead(watcher, thrown?.lost);
    if (beginning === null) return false;
    const { listing, received } = beginning;
    yield this.#picture.reconcile(listing, received.news);
    this.#levelWait = !received.lost && this.#options.level === true ? MAX_LISTINGS : 0;
    return received.lost;
  }

  *#reportLevel(): Generator<Batch, void> {
    if (this.#levelWait > 0) yield [{ type: 'level' }];
    this.#levelWait = 0;
  }

  /** Starts another listing of the routes, if one is needed; events go on meanwhile. */
  #relistWhenDoubtful(watcher: Watcher): void {
    if (!this.#picture.routesDoubtful || this.#relisting !== undefined) return;
    this.#picture.routesDoubtful = false;
    this.#relist(watcher, { meanwhile: [], earlier: [] });
  }

  #relist(watcher: Watcher, relisting: Relisting): void {
    this.#relisting = relisting;
    this.#picture.routesMayBeHidden = false;
    listRoutesAfter(this.#namespace, this.#call, this.#ending.signal)
      .then(
        (routes) => {
          relisting.routes = routes;
        },
        (error) => {
          relisting.failure = { error };
        },
      )
      .finally(() => watcher.endWait());
  }

  async *#reconcileRoutes(watcher: Watcher): AsyncGenerator<Batch, void> {
    if (this.#relisting === undefined) return;
    const { routes, failure, meanwhile, earlier } = this.#relisting;
    if (failure !== undefined) throw failure.error;
    if (routes === undefined) return;
    this.#relisting = undefined;
    if (earlier.length < MAX_LISTINGS - 1 && this.#picture.routesMayBeHidden) {
      this.#relist(watcher, { meanwhile, earlier: [routes, ...earlier] });
      return;
    }
    yield this.#picture.reconcileRoutes(routes, meanwhile, earlier);
    if (this.#picture.routesDoubtful && this.#levelWait > 1) this.#levelWait--;
    else yield* this.#reportLevel();
  }

  /** Whether the event loop must get a turn: async iteration alone never gives it one. */
  #isLate(): boolean {
    if (++this.#stepsTaken < CLOCK_INTERVAL) return false;
    this.#stepsTaken = 0;
    return performance.now() - this.#turn >= SLICE;
  }

  async #letOthers(): Promise<void> {
    await setImmediate();
    this.#late = false;
    this.#turn = performance.now();
  }
}

function keepRoutes(news: readonly News[], { meanwhile }: Relisting): void {
  for (const one of news) if (one.kind === 'route') meanwhile.push(one);
}

function isSettled(relisting: Relisting | undefined): boolean {
  return relisting?.routes !== undefined || relisting?.failure !== undefined;
}
