/** What the making of a link is about: how its kind is made, this link, and an attempt. */
import type { Peer } from '../diagnosis/diagnosisCommon.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { LinkInfoRecord, LinkRecord } from '../records/requests.js';
import type { Link, LinkOptions, LinkRef } from '../types/types.js';
import type { Part, PartsAt, Shared } from './parts.js';

/** How a link of one kind is made: what differs from kind to kind. */
export interface KindSpec {
  readonly kind: string;
  /** The option `parent`, where the kind has one: `IFLA_LINK`. */
  readonly parent?: LinkRef;
  /** `IFLA_LINKINFO`. Called once the target is open. */
  readonly info: (target: Namespace) => LinkInfoRecord;
  readonly shared?: Shared | undefined;
  /** Whether the link is given a MAC here when the options name none. */
  readonly choosesMac: boolean;
  /** Looks at the finished link: the reason why it is not what was asked for, if it is not. */
  readonly verify?: ((link: Link) => string | undefined) | undefined;
  readonly peer?: Peer;
  /** Looks up what `complete` needs, before anything is made. */
  prepare?: (target: Namespace) => Promise<void> | void;
  /** Does what is left to do beside the link itself; a failure undoes the link too. */
  complete?: (link: Link, target: Namespace) => Promise<void>;
}

/** What one creation is about, once the links that it names have been looked up, but for the parent. */
export interface Creation {
  readonly namespace: Namespace;
  readonly target: Namespace;
  readonly call: Call;
  readonly spec: KindSpec;
  readonly options: LinkOptions;
  /** The first message; each attempt sets its index. */
  readonly record: LinkRecord;
  readonly partsAt: PartsAt;
  readonly master: number | undefined;
  /** The parent's name, as long as its index is not known. */
  parentName: string | undefined;
}

/** An attempt with an index, and everything that its steps need. */
export interface Plan extends Omit<Creation, 'partsAt' | 'master' | 'parentName'> {
  readonly index: number;
  /** Made once: the program may have changed the options by the time that the parts are undone. */
  readonly parts: readonly Part[];
}
