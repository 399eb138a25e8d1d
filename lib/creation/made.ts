/** Whether a link is the one that a creation has made. */
import { findLink } from '../namespace/lookup.js';
import type { Link } from '../types/types.js';
import { formatMac } from '../values/mac.js';
import type { Plan } from './creation.js';
import { TAKEN_AWAY } from './undo.js';

/**
 * Whether a link is the new one beyond doubt: its index or its MAC was chosen here. Where the options have both, it may
 * be one that was there before.
 */
export async function isThere({ target, index, record, spec, options }: Plan): Promise<boolean> {
  const mac = record.mac && formatMac(record.mac);
  const isChosenHere =
    options.index === undefined || (mac !== undefined && options.mac === undefined);
  if (!isChosenHere) return false;
  const link = await findLink(target, index);
  return link?.kind === spec.kind && (mac === undefined || link.mac === mac);
}

/** With an index that the program has chosen it may be another link, once the new one has been deleted or moved. */
export function checkKind({ call, spec }: Plan, link: Link): void {
  if (link.kind !== spec.kind) throw call.fail('ENODEV', { hint: TAKEN_AWAY });
}

/**
 * Whether it is the link that was made and may be removed. Another program may have changed its name or its MAC, and a
 * master that of its ports; of one that has got both anew nobody can tell.
 */
export function isMade({ spec, record, options }: Plan, link: Link): boolean {
  if (link.kind !== spec.kind) return false;
  const mac = record.mac && formatMac(record.mac);
  return (
    mac === undefined ||
    link.mac === mac ||
    record.name === undefined ||
    link.name === record.name ||
    (options.master != null && link.master !== null)
  );
}
