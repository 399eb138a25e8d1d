/** Looking for links in other namespaces, such as those of containers: only for hints, so nothing that fails is told. */
import { addon, type NamespaceHandle } from '../addon.js';
import { Coalescer } from '../base/coalescer.js';
import { Refusal } from '../errors/refusal.js';
import type { Link, LinkParent } from '../types/types.js';
import { findLink, findReceiversFrom } from './lookup.js';
import { describe, Namespace } from './namespace.js';
import { visitNamespaces } from './places.js';

/**
 * After how many milliseconds no further namespace is looked into, which takes a tenth of a millisecond or two: a
 * refusal waits for this.
 */
const MAX_DURATION = 1000;
/** Into how many namespaces of each sort a refusal has one look. */
const MAX_PLACES = 512;

/** A link, and how a hint names the namespace that it is in. */
export interface Located {
  readonly link: Link;
  readonly where: string;
}

/** The links that receive the frames of a parent of this namespace, in other namespaces. */
export async function findReceiversElsewhere(
  home: Namespace,
  { index }: Link,
): Promise<readonly Located[]> {
  const found = await findAllReceivers(home);
  return found.filter(({ link }) => link.parent?.index === index);
}

/** All links of other namespaces that receive the frames of one of this one. */
function findAllReceivers(home: Namespace): Promise<readonly Located[]> {
  return lookAround(`receivers of ${home.inode}`, () => {
    const found: Located[] = [];
    const look = async (other: Namespace, where: string) => {
      if (other.inode === home.inode) return false;
      const links = await findReceiversFrom(other, home);
      found.push(...links.map((link) => ({ link, where })));
      return false;
    };
    return { look, answer: () => found };
  });
}

/**
 * Runs `body` with a parent, and with the namespace that it is in: this one, or one that is looked for, first at
 * `probable`. Nothing where the parent is not found.
 */
export async function withParent<T>(
  namespace: Namespace,
  parent: LinkParent | null | undefined,
  probable: Namespace | undefined,
  body: (parent: Link, home: Namespace) => Promise<T>,
): Promise<T | undefined> {
  if (!parent) return undefined;
  const { index, netnsid } = parent;
  const withLink = async (home: Namespace) => {
    const link = await findLink(home, index);
    return link && (await body(link, home));
  };
  if (netnsid === null) return withLink(namespace);
  const isIt = async ({ fd }: Namespace) => (await namespace.ask('getNetnsid', { fd })) === netnsid;
  if (probable !== undefined && (await isIt(probable))) return withLink(probable);
  const home = await findHome(namespace, netnsid, isIt);
  try {
    return home && (await withLink(home.namespace));
  } finally {
    await home?.release();
  }
}

/** A namespace that was found and is held open, for as many as use it. */
class Home {
  readonly namespace: Namespace;
  #users = 0;

  constructor(handle: NamespaceHandle, name: string | null) {
    this.namespace = new Namespace(handle, name);
  }

  use(): void {
    this.#users++;
  }

  async release(): Promise<void> {
    if (--this.#users === 0) await this.namespace.close();
  }
}

/** The namespace that has this id in another one; whoever gets it releases it. */
async function findHome(
  from: Namespace,
  netnsid: number,
  isIt: (other: Namespace) => Promise<boolean>,
): Promise<Home | undefined> {
  const home = await lookAround(`${netnsid} of ${from.inode}`, () => {
    let found: Home | undefined;
    const look = async (other: Namespace) => {
      if (!(await isIt(other))) return false;
      const copy = addon.openNamespaceDescriptor(other.fd);
      if (!(copy instanceof Refusal)) found = new Home(copy, other.name);
      return true;
    };
    return { look, answer: () => found };
  });
  // All who share the answer come here before one of them can be done with it.
  home?.use();
  return home;
}

/** One that looks into namespaces. */
interface Search<Answer> {
  /** Looks into one; `where` is how a hint names it. Gives true when it needs to see no more. */
  look(other: Namespace, where: string): Promise<boolean>;
  answer(): Answer;
}

/** A search of a pass, and how those who wait for it are told. */
interface Asked {
  readonly search: Search<unknown>;
  readonly answered: () => void;
}

/** The questions of the next pass, so that all who ask the same share a search. */
let questions = new Map<string, { readonly asked: Asked; readonly answer: Promise<unknown> }>();
const passes = new Coalescer();

/** Has a search look into all namespaces that can be found, in one pass with all others that are asked for meanwhile. */
function lookAround<Answer>(question: string, make: () => Search<Answer>): Promise<Answer> {
  const known = questions.get(question);
  if (known !== undefined) return known.answer as Promise<Answer>;
  const search = make();
  let answered = () => {};
  const answer = new Promise<Answer>((resolve) => {
    answered = () => resolve(search.answer());
  });
  questions.set(question, { asked: { search, answered }, answer });
  // One that fails has answered all the same.
  passes.share('', pass).catch(() => {});
  return answer;
}

async function pass(): Promise<void> {
  let searches = [...questions.values()].map(({ asked }) => asked);
  questions = new Map();
  const end = performance.now() + MAX_DURATION;
  try {
    for await (const { namespace, holder } of visitNamespaces(MAX_PLACES, () => {})) {
      const named = describe(namespace);
      const where = holder === undefined ? named : `${named} (${holder})`;
      searches = await lookInto(namespace, where, searches);
      if (searches.length === 0 || performance.now() > end) return;
    }
  } finally {
    for (const { answered } of searches) answered();
  }
}

/** Has searches look into a namespace, and gives those that have to go on. */
async function lookInto(
  other: Namespace,
  where: string,
  searches: readonly Asked[],
): Promise<Asked[]> {
  const looks = searches.map(({ search }) => search.look(other, where));
  const results = await Promise.allSettled(looks);
  return searches.filter(({ answered }, at) => {
    const result = results[at];
    const isDone = result?.status === 'fulfilled' && result.value;
    if (isDone) answered();
    return !isDone;
  });
}
