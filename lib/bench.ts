/** Measures how long making, listing and deleting links takes on this machine, for the command line. */
import { randomInt } from 'node:crypto';
import { type Link, type LinkRef, type MacvlanLink, Netns } from './index.js';

/** What is to be measured. */
interface BenchOptions {
  readonly parent: LinkRef;
  readonly count: number;
  /** Whether the links are made beside the parent, and not in a namespace of their own. */
  readonly here: boolean;
  readonly signal: AbortSignal;
  /** Called with the name of each step when it begins. */
  readonly onStep?: (name: string) => void;
}

/** What one step took; the percentiles are of single operations, awaited one after another. */
export interface BenchStep {
  readonly name: string;
  readonly count: number;
  readonly totalMs: number;
  readonly eachUs: number;
  readonly p50Us: number | null;
  readonly p99Us: number | null;
}

const LISTINGS = 5;
/** Deleted one by one, to show what that costs: each waits for the kernel for about 17 ms. */
const SINGLE_DELETES = 10;
const NAME_START = 'mvb';

/** Measures, and removes all of its links, also when it fails. */
export async function bench(options: BenchOptions): Promise<BenchStep[]> {
  const own = Netns.current();
  const { index: parent } = await own.getLink(options.parent);
  const target = options.here ? own : await Netns.create();
  // Another run at the same time must have other names, and none of them may begin like these. In two containers both
  // may have the same process ID.
  const prefix = `${NAME_START}${randomInt(36 ** 5).toString(36)}-`;
  try {
    return await new Bench(own, target, parent, prefix, options).run();
  } finally {
    try {
      const links = await target.listLinks({ kind: 'macvlan' });
      await target.deleteLinks(links.filter(({ name }) => name.startsWith(prefix)));
    } finally {
      await target.close();
    }
  }
}

class Bench {
  readonly #own: Netns;
  readonly #target: Netns;
  readonly #parent: number;
  readonly #prefix: string;
  readonly #options: BenchOptions;

  constructor(own: Netns, target: Netns, parent: number, prefix: string, options: BenchOptions) {
    this.#own = own;
    this.#target = target;
    this.#parent = parent;
    this.#prefix = prefix;
    this.#options = options;
  }

  async run(): Promise<BenchStep[]> {
    const { count } = this.#options;
    const single = count > SINGLE_DELETES ? SINGLE_DELETES : 0;
    const numbers = Array.from({ length: count }, (_, number) => number);

    const links: MacvlanLink[] = [];
    const steps = [
      await this.#eachOf('create, one after another', numbers, async (number) => {
        links.push(await this.#create(number));
      }),
      await this.#list(),
    ];
    if (single > 0) {
      const some = links.splice(0, single);
      steps.push(
        await this.#eachOf('delete, one after another', some, (link) => this.#delete(link)),
      );
    }
    steps.push(await this.#deleteAll(links));

    const created = await this.#whole('create, all at once', count, () => this.#createAll(numbers));
    const all = await this.#target.listLinks({ kind: 'macvlan' });
    steps.push(
      created,
      await this.#deleteAll(all.filter(({ name }) => name.startsWith(this.#prefix))),
    );
    return steps;
  }

  #create(number: number): Promise<MacvlanLink> {
    const { signal } = this.#options;
    return this.#own.createMacvlan({
      parent: this.#parent,
      netns: this.#target,
      name: `${this.#prefix}${number.toString(36)}`,
      mode: 'bridge',
      signal,
    });
  }

  /** Waits for all, also when some fail, because links may still be made until then. */
  async #createAll(numbers: readonly number[]): Promise<void> {
    const results = await Promise.allSettled(numbers.map((number) => this.#create(number)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #delete(link: Link): Promise<void> {
    return this.#target.deleteLink(link, { signal: this.#options.signal });
  }

  #deleteAll(links: readonly Link[]): Promise<BenchStep> {
    const { signal } = this.#options;
    return this.#whole('delete, all at once', links.length, () =>
      this.#target.deleteLinks(links, { signal }),
    );
  }

  /** The median of some listings. */
  async #list(): Promise<BenchStep> {
    const times: BenchStep[] = [];
    for (let listing = 0; listing < LISTINGS; listing++) {
      let listed = 0;
      const step = await this.#whole('list', 1, async () => {
        listed = (await this.#target.listLinks({ signal: this.#options.signal })).length;
      });
      times.push(stepOf(step.name, listed, step.totalMs));
    }
    times.sort((one, other) => one.totalMs - other.totalMs);
    return times[Math.floor(LISTINGS / 2)] as BenchStep;
  }

  async #eachOf<T>(
    name: string,
    items: readonly T[],
    operation: (item: T) => Promise<unknown>,
  ): Promise<BenchStep> {
    const times: number[] = [];
    const whole = await this.#whole(name, items.length, async () => {
      for (const item of items) {
        const start = performance.now();
        await operation(item);
        times.push(performance.now() - start);
      }
    });
    return { ...whole, p50Us: percentileUs(times, 0.5), p99Us: percentileUs(times, 0.99) };
  }

  async #whole(name: string, count: number, work: () => Promise<unknown>): Promise<BenchStep> {
    const { signal, onStep } = this.#options;
    signal.throwIfAborted();
    onStep?.(name);
    const start = performance.now();
    await work();
    return stepOf(name, count, performance.now() - start);
  }
}

function stepOf(name: string, count: number, totalMs: number): BenchStep {
  const eachUs = (totalMs * 1e3) / Math.max(count, 1);
  return { name, count, totalMs, eachUs, p50Us: null, p99Us: null };
}

function percentileUs(times: readonly number[], share: number): number | null {
  const sorted = [...times].sort((one, other) => one - other);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? null : value * 1e3;
}
