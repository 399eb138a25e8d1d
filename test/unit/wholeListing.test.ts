/** A listing that the kernel has stopped is completed, or fails. */
import { expect, test, vi } from 'vitest';
import * as refusal from '../../lib/errors/refusal.js';
import { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import type { Step } from '../../lib/namespace/native.js';
import type { LinkRecord } from '../../lib/records/requests.js';
import type { Link } from '../../lib/types/types.js';

const { Refusal } = refusal;
const NAME_ONLY = 256;

type Known = Pick<Link, 'index' | 'name'>;
const linkOf = (index: number): Known => ({ index, name: `m${index}` });

/** A namespace with `others` behind what was listed, of some of which the kernel does not tell. */
function kernel(
  others: readonly number[],
  refusals: Readonly<Record<number, refusal.Refusal>> = {},
) {
  const exchange = vi.fn(async (_steps: readonly Step[]) => [others.map(linkOf)]);
  const exchangeMany = vi.fn(async (count: number, makeStep: (at: number) => Step) =>
    Array.from({ length: count }, (_, at) => {
      const { index } = makeStep(at).record as { index: number };
      return refusals[index] ?? linkOf(index);
    }),
  );
  return { exchange, exchangeMany };
}

/** What a listing of 1 and 5 is completed to, on that version. */
async function complete(
  namespace: ReturnType<typeof kernel>,
  { minor = 3, record = {} as LinkRecord } = {},
) {
  vi.doMock('../../lib/values/kernelVersion.js', () => ({
    isAtLeast: (major: number, wanted: number) => major < 7 || (major === 7 && minor >= wanted),
  }));
  // Not loaded again, for its class.
  vi.doMock('../../lib/errors/refusal.js', () => refusal);
  vi.resetModules();
  const { completeListing } = await import('../../lib/links/wholeListing.js');
  const links = [1, 5].map(linkOf) as Link[];
  const call = new Call('listLinks', null, undefined);
  await completeListing(namespace as unknown as Namespace, call, links, record, undefined);
  return links.map(({ index }) => index);
}

test('only since Linux 7.3', async () => {
  const namespace = kernel([9]);
  expect(await complete(namespace, { minor: 2 })).toEqual([1, 5]);
  expect(namespace.exchange).not.toHaveBeenCalled();
});

test('with what is behind its last link, asked for as it was', async () => {
  const namespace = kernel([7, 9]);
  const record = { extMask: 8, master: 3 } as LinkRecord;
  expect(await complete(namespace, { record })).toEqual([1, 5, 7, 9]);
  const [[step]] = namespace.exchange.mock.calls[0] as [readonly Step[]];
  expect(step).toMatchObject({
    operation: 'listLinks',
    record: { master: 3, index: 5, extMask: NAME_ONLY },
    approximate: true,
  });
  const [count, stepAt] = namespace.exchangeMany.mock.calls[0] as [number, (at: number) => Step];
  expect(Array.from({ length: count }, (_, at) => stepAt(at))).toEqual(
    [7, 9].map((index) => ({ operation: 'getLink', record: { index, extMask: 8 } })),
  );
});

test('with nothing where nothing is missing', async () => {
  const namespace = kernel([]);
  expect(await complete(namespace)).toEqual([1, 5]);
  expect(namespace.exchangeMany).not.toHaveBeenCalled();
});

test('without links that are gone meanwhile', async () => {
  expect(await complete(kernel([7, 9], { 7: new Refusal(-19, 'RTM_GETLINK') }))).toEqual([1, 5, 9]);
});

test('or fails, and names the link of which the kernel cannot tell', async () => {
  const failure = complete(kernel([7, 9], { 7: new Refusal(-90, 'RTM_GETLINK') }));
  await expect(failure).rejects.toMatchObject({
    code: 'EMSGSIZE',
    operation: 'listLinks',
    hint: expect.stringContaining("'m7'"),
  });
});

test('or fails as the kernel does', async () => {
  const refused = new Refusal(-1, 'setns');
  await expect(complete(kernel([7], { 7: refused }))).rejects.toMatchObject({ code: 'EPERM' });
  const namespace = { ...kernel([]), exchange: vi.fn(async () => [refused]) };
  await expect(complete(namespace as never)).rejects.toMatchObject({ code: 'EPERM' });
});
