/** Whether the kernel lets a move choose the link's index (`IFLA_NEW_IFINDEX`, from Linux 5.13 on). */
import type { Namespace } from './namespace.js';
import { Refusal } from './native.js';

/** Of no link: what is asked for with it has no effect. */
const NO_LINK = 2 ** 31 - 1;

/** The same for every namespace. */
let known: boolean | undefined;

/** An earlier kernel ignores the attribute, and takes another index of its own accord where the link's is taken. */
export async function movesChooseIndex(
  namespace: Namespace,
  signal?: AbortSignal,
): Promise<boolean> {
  if (known !== undefined) return known;
  // The attributes are looked at before the link: a kernel that knows this one refuses the value
  // (net/core/rtnetlink.c, ifla_policy).
  const record = { index: NO_LINK, newIfindex: 0 };
  const result = await namespace.ask('changeLink', record, signal);
  const code = result instanceof Refusal ? result.code : undefined;
  // Anything else, such as a lack of the privilege, is what the move itself will be refused for.
  if (code !== 'ENODEV' && code !== 'ERANGE' && code !== 'EINVAL') return true;
  known = code !== 'ENODEV';
  return known;
}
