/** The id that one namespace has for another. */
import { check } from '../check/check.js';
import * as valueChecks from '../check/checkValues.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import { withNamespace } from '../namespace/opening.js';
import type { NetnsRef } from '../types/types.js';

export async function getNetnsid(
  namespace: Namespace,
  call: Call,
  netns: NetnsRef,
): Promise<number | null> {
  check(call.operation, valueChecks.netnsRef, netns, 'netns');
  return withNamespace(call, netns, ({ fd }) => namespace.askOrThrow(call, 'getNetnsid', { fd }));
}
