/** Taking away what was made, where the error that it is for cannot be changed. */
import { expect, test } from 'vitest';
import type { Namespace } from '../../lib/namespace.js';
import { Refusal } from '../../lib/native.js';
import { removeLink } from '../../lib/undo.js';

test('an error that is frozen goes without a cause', async () => {
  const refusals = [new Refusal(-19, 'RTM_DELLINK'), new Refusal(-1, 'RTM_DELLINK')];
  for (const refusal of refusals) {
    const namespace = { exchange: async () => [refusal] } as unknown as Namespace;
    const [usual, frozen] = [new Error('mine'), Object.freeze(new Error('mine'))];
    for (const error of [usual, frozen]) await removeLink(namespace, 7, error);
    expect(usual.cause).toBeInstanceOf(Error);
    expect(frozen).not.toHaveProperty('cause');
  }
});
