/** A namespace without a kernel behind it. */
import type { NamespaceHandle } from '../../lib/addon.js';
import { Namespace } from '../../lib/namespace/namespace.js';
import type { Result, Step } from '../../lib/namespace/native.js';
import type { LinkRecord } from '../../lib/records/requests.js';
import type { Link } from '../../lib/types/types.js';
import { aLink } from './pictures.js';

const answer: Link = {
  ...aLink,
  // It passes for whatever the link is to be: a master by its kind, a macvlan by what follows, its own peer; and once one
  // is made, for that.
  kind: 'bridge',
  parent: { index: aLink.index, netnsid: null },
  macvlan: {
    mode: 'private',
    nopromisc: false,
    nodst: false,
    sources: [],
    bcQueueLen: 1,
    bcQueueLenUsed: 1,
    bcCutoff: 1,
  },
};

/** Every request succeeds, and listings are empty; records the requests, the signals that they came with, and settings. */
export class Agreeable extends Namespace {
  readonly steps: Step[] = [];
  readonly settings: (readonly [path: string, content: string])[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  #made: Partial<Link> = {};

  constructor() {
    super({ inode: 1, fd: 3, setInUse() {} } as unknown as NamespaceHandle, null);
  }

  override async exchange(
    steps: readonly Step[],
    signal?: AbortSignal,
  ): Promise<readonly Result[]> {
    this.steps.push(...steps);
    this.signals.push(signal);
    return steps.map(({ operation, record }) => {
      if (operation === 'createLink' || operation === 'createEchoedLink') {
        const { name = answer.name, info } = record as LinkRecord;
        this.#made = { name, kind: info?.kind ?? null };
      }
      return operation.startsWith('list') ? [] : { ...answer, ...this.#made };
    });
  }

  override async writeSysctlOf(_: object, path: string, content: string): Promise<undefined> {
    this.settings.push([path, content]);
  }
}
