/** `watch`: what happens in a namespace, as it happens, and never a picture that is not level. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Watcher } from './addon.js';
import type { Call } from './call.js';
import { check } from './check.js';
import { watchOptions } from './checkLinks.js';
import { isAtLeast } from './kernelVersion.js';
import { listEverything, listRoutesAfter } from './listing.js';
import type { Namespace } from './namespace.js';
import { type Received, readNews, whenAborted } from './native.js';
import type { News } from './news.js';
import { type Listing, mayHideOthers, Picture } from './picture.js';
import { SerialQueue } from './serialQueue.js';
import type { LevelEvent, LevelWatchOptions, NetlinkEvent, Route, WatchOptions } from './types.js';

/** linux/rtnetlink.h */
const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_IFADDR = 5;
const RTNLGRP_IPV4_ROUTE = 7;
const RTNLGRP_IPV6_IFADDR = 9;
const RTNLGRP_IPV6_ROUTE = 11;
const RTNLGRP_NEXTHOP = 32;

/** Bytes that the kernel may queue, which it doubles: 7,000 events of links at 2,304 each. */
const RECEIVE_BUFFER = 8 * 2 ** 20;
/** How long events that come one upon another are gathered, in milliseconds. */
const GATHER = 2;
/** How long events are handed out without the event loop having its turn, in milliseconds. */
const SLICE = 1;
/** How many listings are made at most while changes may hide something from each. */
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

/** Whatever a watch may tell. */
type Told = NetlinkEvent | LevelEvent;
type Options = WatchOptions & Partial<LevelWatchOptions>;
/** What comes of one reading, or nothing yet. */
type Batch = Iterable<Told | undefined>;

/** Subscribes at once; what follows is told of, however late the iteration begins. */
export function watch(namespace: Namespace, call: Call, options: Options = {}): Watch<Told> {
  check(call.operation, watchOptions, options);
  return new Events(namespace, call, options);
}

const END: IteratorResult<Told, undefined> = Object.freeze({
  value: undefined,
  done: true,
});

/** What there was at the call, and what came while that was listed. */
interface Beginning {
  readonly listing: Listing;
  readonly received: Received;
}

/** A listing of the routes that is under way, and what has been told since it was asked for. */
interface Relisting {
  readonly meanwhile: News[];
  /** What was listed before, the latest first, and how much of `meanwhile` had been told by then. */
  readonly earlier: readonly (readonly Route[])[];
  readonly toldBefore: number;
  routes?: readonly Route[];
  failure?: { readonly error: unknown };
}

/** Takes a watcher that was collected off the lists of what is to end it. */
const collected = new FinalizationRegistry<() => void>((forget) => forget());

class Events implements Watch<Told> {
  readonly #namespace: Namespace;
  readonly #call: Call;
  readonly #options: Options;
  readonly #watcher: Watcher | undefined;
  readonly #picture: Picture;
  readonly #batches = this.#readAll();
  #beginning: Promise<Beginning | null> | undefined;
  #relisting: Relisting | undefined;
  /** Whether `level` is still to be told, once no route is in doubt that the last listing of everything showed. */
  #owesLevel = false;
  #forget: (() => void) | undefined;
  readonly #ending = new AbortController();
  #closed = false;
  #ended = false;
  /** Whether the event loop is to have its turn before the next event. */
  #late = false;
  /** What is left of the batch in hand. */
  #steps: Iterator<Told | undefined> | undefined;
  readonly #calls = new SerialQueue();
  #stepsTaken = 0;
  /** When events were last asked for. */
  #read = 0;
  #turn = 0;

  constructor(namespace: Namespace, call: Call, options: Options) {
    this.#namespace = namespace;
    this.#call = call;
    this.#options = options;
    this.#picture = new Picture(options);
    if (call.signal?.aborted === true) return;
    const { addresses = false, routes = false, receiveBuffer = RECEIVE_BUFFER } = options;
    const groups = [
      RTNLGRP_LINK,
      // Routes go with addresses and with next hops, and not always with a word of their own.
      ...(addresses || routes ? [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR] : []),
      ...(routes ? [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE] : []),
      ...(routes && isAtLeast(5, 3) ? [RTNLGRP_NEXTHOP] : []),
    ];
    this.#watcher = namespace.subscribe(call, groups, receiveBuffer);
    this.#endWith(namespace, call.signal);
    // From the call on, so that what is removed before the iteration begins is known as well.
    this.#beginning = this.#listAndRead(this.#watcher);
    // Whether it failed is told to whoever iterates.
    this.#beginning.catch(() => {});
  }

  next(): Promise<IteratorResult<Told, undefined>> {
    // Most events come many at once: each costs one promise then, and none of a generator's.
    try {
      const event = this.#calls.isIdle ? this.#take() : undefined;
      if (event !== undefined) return Promise.resolve({ value: event, done: false });
    } catch (error) {
      return this.#calls.run(() => this.#fail(error));
    }
    return this.#calls.run(() => this.#advance());
  }

  return(): Promise<IteratorResult<Told, undefined>> {
    this.#close();
    return this.#calls.run(() => this.#end());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Ends it with the namespace and by the signal, which do not keep a watcher that nobody has. */
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

  /** The next of the events that are in hand, unless the event loop is to have its turn first. */
  #take(): Told | undefined {
    while (this.#steps !== undefined) {
      this.#late = this.#isLate();
      if (this.#late) return undefined;
      const { done, value } = this.#steps.next();
      if (done === true) this.#steps = undefined;
      else if (value !== undefined) return value;
    }
    return undefined;
  }

  async #advance(): Promise<IteratorResult<Told, undefined>> {
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
      // Closed while something was under way: that is how it ends, not why.
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
    // It has what is left of a batch, or of a listing.
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
      if (this.#relisting === undefined) yield* this.#tellLevel();
      await this.#gather();
      const isListed = isSettled(this.#relisting);
      const received = await readNews(watcher, isListed ? 'drain' : 'wait');
      if (received === null) return;
      this.#turn = performance.now();
      lost = received.lost;
      if (lost) continue;
      const { news } = received;
      for (const one of this.#relisting === undefined ? [] : news) {
        if (one.kind === 'route') this.#relisting?.meanwhile.push(one);
      }
      yield this.#picture.tellAll(news);
      // Of a listing that ended later it is not known what was told before its end: that is still to be read.
      if (isListed) yield* this.#reconcileRoutes(watcher);
    }
  }

  /** Lets events come together while they come one upon another: each reading costs more than they do. */
  async #gather(): Promise<void> {
    const now = performance.now();
    if (now - this.#read < GATHER) await setTimeout(GATHER);
    this.#read = performance.now();
  }

  /** Lists what there is, and reads what is told meanwhile. */
  async #listAndRead(watcher: Watcher): Promise<Beginning | null> {
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
      news = news.concat(received.news);
      const isWhole = !received.news.some(mayHideOthers);
      if (received.lost || isWhole || earlier.length === MAX_LISTINGS - 1) {
        const { lost } = received;
        return { listing: { ...listing, earlier, gaps: lost }, received: { lost, news } };
      }
      earlier.unshift(listing);
    }
  }

  /** Tells of what there is when asked to, and otherwise of what has come since the call. */
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
    this.#owesLevel = !lost && this.#options.level === true;
    return lost;
  }

  async *#resync(watcher: Watcher): AsyncGenerator<Batch, boolean> {
    yield [{ type: 'resync' }];
    this.#relisting = undefined;
    // What is waiting is older than the listing to come, and has gaps.
    await readNews(watcher, 'discard');
    const beginning = await this.#listAndRead(watcher);
    if (beginning === null) return false;
    const { listing, received } = beginning;
    yield this.#picture.reconcile(listing, received.news);
    this.#owesLevel = !received.lost && this.#options.level === true;
    return received.lost;
  }

  *#tellLevel(): Generator<Batch, void> {
    if (this.#owesLevel) yield [{ type: 'level' }];
    this.#owesLevel = false;
  }

  /** Lists the routes again; meanwhile events go on. */
  #relistWhenDoubtful(watcher: Watcher): void {
    if (!this.#picture.routesDoubtful || this.#relisting !== undefined) return;
    this.#picture.routesDoubtful = false;
    this.#relist(watcher, { meanwhile: [], earlier: [], toldBefore: 0 });
  }

  #relist(watcher: Watcher, relisting: Relisting): void {
    this.#relisting = relisting;
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
    const { routes, failure, meanwhile, earlier, toldBefore } = this.#relisting;
    if (failure !== undefined) throw failure.error;
    if (routes === undefined) return;
    this.#relisting = undefined;
    if (earlier.length < MAX_LISTINGS - 1 && meanwhile.slice(toldBefore).some(mayHideOthers)) {
      const all = [routes, ...earlier];
      this.#relist(watcher, { meanwhile, earlier: all, toldBefore: meanwhile.length });
      return;
    }
    yield this.#picture.reconcileRoutes(routes, meanwhile, earlier);
    // Also where more has come into doubt since, or it would never be told while routes come and go.
    yield* this.#tellLevel();
  }

  /** Whether the event loop is to have its turn, which async iteration alone never gives it. */
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

function isSettled(relisting: Relisting | undefined): boolean {
  return relisting?.routes !== undefined || relisting?.failure !== undefined;
}
