/**
 * Looks that are taken for many at once. Thousands may ask for one thing together, and a look for each,
 * all held at once, takes gigabytes: so of one look one is under way at a time, and whoever asks meanwhile
 * shares the next, which begins after all of them have asked.
 */
interface Turns {
  /** Ends when the last one that began has ended. */
  under: Promise<unknown>;
  /** The next one, while it has not begun. */
  next?: Promise<unknown> | undefined;
}

/** Of what a look gave nothing is kept. */
const over = () => {};

export class Together {
  readonly #turnsOf = new Map<string, Turns>();

  /** What a look gives; it belongs to others, too. There are to be few questions: each is remembered. */
  look<T>(question: string, take: () => Promise<T>): Promise<T> {
    const turns = this.#turnsOf.get(question) ?? { under: Promise.resolve() };
    this.#turnsOf.set(question, turns);
    turns.next ??= turns.under.then(() => {
      const look = take();
      turns.next = undefined;
      turns.under = look.then(over, over);
      return look;
    });
    return turns.next as Promise<T>;
  }
}
