/** Whether the kernel lets a move choose the link's index (`IFLA_NEW_IFINDEX`, from Linux 5.13 on). */
import { Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { LAST_INDEX } from '../namespace/indexes.js';
import type { Namespace } from '../namespace/namespace.js';

const ANSWERS: ReadonlySet<string> = new Set(['ENODEV', 'ERANGE', 'EINVAL']);

/** What the kernel was found to know; it is the same in every namespace. */
let known: boolean | undefined;

/** An earlier kernel ignores the attribute, and takes another index of its own accord where the link's is taken. */
export async function movesChooseIndex(namespace: Namespace, call: Call): Promise<boolean> {
  if (known !== undefined) return known;
  // Of no link, so it has no effect. The attributes are looked at before the link: a kernel that knows this one refuses
  // the value (net/core/rtnetlink.c, ifla_policy).
  const record = { index: LAST_INDEX, newIfindex: 0 };
  const result = await namespace.ask('changeLink', record, call.signal);
  const code = result instanceof Refusal ? result.code : undefined;
  // The move itself will be refused, too, and explained.
  if (code === 'EPERM' || code === 'EACCES') return true;
  if (result instanceof Refusal && !ANSWERS.has(result.code)) throw call.error(result);
  known = code !== 'ENODEV';
  return known;
}
