/** Hints that depend on the kernel's version. */
import { expect, test, vi } from 'vitest';
import { Refusal } from '../../lib/errors/refusal.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import { MACVLAN_FLAG_NODST, MACVLAN_MODES } from '../../lib/values/values.js';

const EINVAL = new Refusal(-22, 'RTM_NEWLINK');

/** Why a macvlan in mode `bridge`, or a new one, could not be what is asked, on that version. */
async function whyOn(minor: number, about: object) {
  vi.doMock('../../lib/values/kernelVersion.js', () => ({
    isAtLeast: (_major: number, wanted: number) => minor >= wanted,
  }));
  vi.resetModules();
  const { whyInvalid } = await import('../../lib/diagnosis/diagnosisMacvlan.js');
  const link = { index: 7, name: 'm0', kind: 'macvlan', parent: null, macvlan: { mode: 'bridge' } };
  const namespace = { ask: async () => link } as unknown as Namespace;
  return whyInvalid(namespace, about, EINVAL);
}

const nodst = { info: { macvlan: { mode: MACVLAN_MODES.source, flags: MACVLAN_FLAG_NODST } } };

test.each([
  ['a change', { link: 7, asked: nodst }],
  ['a new link', { kind: 'macvlan', asked: { parent: 7, ...nodst } }],
])('nodst may be the reason before Linux 5.13, of %s', async (_what, about) => {
  expect(await whyOn(12, about)).toMatch(/^This kernel may not know nodst/);
  expect(String(await whyOn(13, about))).not.toContain('nodst');
});

test('the mode is no reason for a source list where the request changes it', async () => {
  const list = { macAddressMode: 3 };
  expect(await whyOn(13, { link: 7, asked: { info: { macvlan: list } } })).toContain(
    "only mode 'source' has a source list",
  );
  const both = { info: { macvlan: { ...list, mode: MACVLAN_MODES.source } } };
  expect(await whyOn(13, { link: 7, asked: both })).toBeFalsy();
});
