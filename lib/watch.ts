/** `watch`: what happens in a namespace, as it happens, and never a picture that is not level. */
import { setImmediate } from 'node:timers/promises';
import { check, watchOptions } from './check.js';
import type { Call, Namespace } from './namespace.js';
import { EXT_MASK, type News, Refusal, readNews, type Step, type Watcher } from './native.js';
import { type Listing, lastWords, Picture } from './picture.js';
import { AF_INET, AF_INET6 } from './records.js';
import type { Address, Link, NetlinkEvent, Route, WatchOptions } from './types.js';

/** `RTNLGRP_*` (linux/rtnetlink.h). */
const GROUPS = {
  links: [1],
  addresses: [5, 9],
  routes: [7, 11],
} as const;

/** How long events are handed out without the event loop having its turn, in milliseconds. */
const SLICE = 1;
/** How many events are handed out between two looks at the clock. */
const CLOCK_INTERVAL = 16;
/** What `ifi_change` of a link that has just been made is (net/core/rtnetlink.c). */
const ALL_FLAGS = 0xffffffff;

/** What {@link Netns.watch} gives: an async iterator of events that can also be closed. */
export interface Watch extends AsyncIterableIterator<NetlinkEvent>, AsyncDisposable {
  /** Waits for the next event; rejects with the signal's reason once it has fired. */
  next(): Promise<IteratorResult<NetlinkEvent, undefined>>;
  /** Ends the iteration: a `next` that waits is done, and the socket is closed at once. */
  return(): Promise<IteratorResult<NetlinkEvent, undefined>>;
  /** Itself: a watch is iterated once. */
  [Symbol.asyncIterator](): Watch;
}

/** Subscribes at once; what follows is told of, however late the iteration begins. */
export function watch(namespace: Namespace, call: Call, options: WatchOptions = {}): Watch {
  check(call.operation, watchOptions, options);
  return new Events(namespace, call, options);
}

class Events implements Watch {
  readonly #namespace: Namespace;
  readonly #call: Call;
  readonly #options: WatchOptions;
  readonly #watcher: Watcher | undefined;
  readonly #picture = new Picture();
  readonly #events = this.#all();
  #forget: (() => void) | undefined;
  #closed = false;
  #sinceTurn = 0;
  #turn = 0;

  constructor(namespace: Namespace, call: Call, options: WatchOptions) {
    this.#namespace = namespace;
    this.#call = call;
    this.#options = options;
    const { signal } = call;
    if (signal?.aborted === true) {
      this.#closed = true;
      return;
    }
    const groups = [
      ...GROUPS.links,
      ...(options.addresses === true ? GROUPS.addresses : []),
      ...(options.routes === true ? GROUPS.routes : []),
    ];
    this.#watcher = namespace.subscribe(call, groups, options.receiveBuffer ?? 0);
  }

  next(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    this.#begin();
    return this.#events.next();
  }

  return(): Promise<IteratorResult<NetlinkEvent, undefined>> {
    this.#close();
    return this.#events.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** From the first `next` on, the signal and the namespace's end are waited for. */
  #begin(): void {
    if (this.#forget !== undefined || this.#closed) return;
    const close = () => this.#close();
    const { signal } = this.#call;
    signal?.addEventListener('abort', close);
    const forgetNamespace = this.#namespace.onClose(close);
    this.#forget = () => {
      signal?.removeEventListener('abort', close);
      forgetNamespace();
    };
  }

  #close(): void {
    this.#closed = true;
    this.#forget?.();
    this.#watcher?.close();
    this.#picture.clear();
  }

  async *#all(): AsyncGenerator<NetlinkEvent, undefined> {
    try {
      if (this.#watcher !== undefined) yield* this.#watched(this.#watcher);
    } catch (error) {
      // Closed while something was under way: that is how it ends, not why.
      if (!this.#closed) throw error;
    } finally {
      this.#close();
    }
    this.#call.checkSignal();
    return undefined;
  }

  async *#watched(watcher: Watcher): AsyncGenerator<NetlinkEvent, void> {
    let lost = yield* this.#start(watcher);
    while (!this.#closed) {
      if (lost) {
        yield { type: 'resync' };
        // What is waiting is older than the listing to come, and has gaps.
        await readNews(watcher, true);
        const listing = await this.#list();
        const meanwhile = await readNews(watcher, true);
        if (meanwhile === null) return;
        yield* this.#handOut(this.#picture.level(listing));
        lost = meanwhile.lost;
        if (!lost) yield* this.#tell(lastWords(meanwhile.news));
        continue;
      }
      const heard = await readNews(watcher, false);
      if (heard === null) return;
      lost = heard.lost;
      if (!lost) yield* this.#tell(heard.news);
    }
  }

  /** Learns what there is; tells of it when asked to, and otherwise of what has come since. */
  async *#start(watcher: Watcher): AsyncGenerator<NetlinkEvent, boolean> {
    const listing = await this.#list();
    const meanwhile = await readNews(watcher, true);
    if (meanwhile === null) return false;
    for (const _ of this.#picture.level(listing)) {
      // Known now.
    }
    const last = meanwhile.lost ? [] : lastWords(meanwhile.news);
    for (const news of last) this.#picture.tell(news);
    if (this.#options.initial === true) {
      yield* this.#handOut(this.#picture.everything());
    } else {
      const made = new Set(meanwhile.news.filter(isNewLink).map(({ value }) => value[0].index));
      for (const happened of this.#picture.everything()) {
        if (happened.type === 'link' && made.has(happened.link.index)) yield happened;
      }
    }
    return meanwhile.lost;
  }

  async *#tell(news: readonly News[]): AsyncGenerator<NetlinkEvent, void> {
    for (const one of news) {
      const happened = this.#picture.tell(one);
      if (happened === undefined) continue;
      yield happened;
      await this.#letOthers();
      if (this.#closed) return;
    }
    if (this.#options.routes !== true || !this.#picture.routesDoubtful) return;
    const { routes } = await this.#list({ routesOnly: true });
    yield* this.#handOut(this.#picture.levelRoutes(routes));
  }

  async *#handOut(events: Iterable<NetlinkEvent>): AsyncGenerator<NetlinkEvent, void> {
    for (const one of events) {
      yield one;
      await this.#letOthers();
      if (this.#closed) return;
    }
  }

  /** Async iteration alone never gives the event loop its turn. */
  async #letOthers(): Promise<void> {
    if (++this.#sinceTurn < CLOCK_INTERVAL) return;
    this.#sinceTurn = 0;
    const now = performance.now();
    if (now - this.#turn < SLICE) return;
    await setImmediate();
    this.#turn = performance.now();
  }

  async #list({ routesOnly = false } = {}): Promise<Listing> {
    const { addresses = false, routes = false } = this.#options;
    // A change that runs into the listing of links is told of as well.
    const steps: Step[] = [];
    if (!routesOnly) {
      steps.push({ operation: 'listLinks', record: { extMask: EXT_MASK }, approximate: true });
      if (addresses) steps.push({ operation: 'listAddresses', record: {}, approximate: true });
    }
    if (routes) {
      for (const family of [AF_INET, AF_INET6]) {
        steps.push({ operation: 'listRoutes', record: { family }, approximate: true });
      }
    }
    const results = await this.#namespace.hold(this.#call, () => this.#namespace.exchange(steps));
    const lists = results.map((result) => {
      if (result instanceof Refusal) throw this.#call.error(result);
      return result as unknown[];
    });
    return {
      links: routesOnly ? [] : (lists.shift() as Link[]),
      addresses: !routesOnly && addresses ? (lists.shift() as Address[]) : [],
      routes: lists.flat() as Route[],
    };
  }
}

function isNewLink(news: News): news is News & { kind: 'link' } {
  return news.kind === 'link' && !news.removed && news.value[1] === ALL_FLAGS;
}
