/** The id that one namespace has for another. */
import type { Call } from './call.js';
import { check } from './check.js';
import * as valueChecks from './checkValues.js';
import type { Namespace } from './namespace.js';
import { withNamespace } from './opening.js';
import type { NetnsRef } from './types.js';

export async function getNetnsid(
  namespace: Namespace,
  call: Call,
  netns: NetnsRef,
): Promise<number | null> {
  check(call.operation, valueChecks.netnsRef, netns, 'netns');
  return withNamespace(call, netns, ({ fd }) => namespace.askOrThrow(call, 'getNetnsid', { fd }));
}
