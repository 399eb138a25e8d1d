// Signals that fire while something is under way: what has not been sent is withdrawn, what has been
// is not, and nothing is left behind.
import { execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type Link, Netns } from '../../lib/index.js';
import { type AbortSetup, reason, setUpForAbort } from '../support/abort.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const setUp = () => setUpForAbort(bed);

describe('a signal that fires while the namespace is busy', () => {
  /** Makes so many requests that later ones have to wait; returns a function that waits for their end. */
  async function occupy({ host, netns }: AbortSetup): Promise<() => Promise<unknown>> {
    const indexes = Array.from({ length: 20 }, (_, at) => 1000 + at);
    for (const index of indexes) {
      await host.ip('link', 'add', `b${index}`, 'index', String(index), 'type', 'bridge');
    }
    // Reads in between, so that the deletions are carried out one by one.
    const work = indexes.flatMap((index) => [netns.deleteLink(index), netns.getLink(1)]);
    return () => Promise.all(work);
  }

  test('withdraws what has not been sent', async () => {
    const made = await setUp();
    const { host, netns, link } = made;
    const busy = await occupy(made);
    const controller = new AbortController();
    const { signal } = controller;
    const withdrawn = [
      netns.addAddress(link.index, '10.0.0.1/24', { signal }),
      netns.setLink(link.index, { mtu: 1300, signal }),
      netns.deleteLink(link.index, { signal }),
      netns.createLink({ kind: 'bridge', name: 'new', signal }),
      netns.listLinks({ signal }),
      netns.addRule({ priority: 100, signal }),
      netns.listRules({ signal }),
      netns.addNeighbour(link.index, { address: '10.0.0.9', mac: '02:00:00:00:00:09' }, { signal }),
      netns.listNeighbours({ signal }),
    ];
    const kept = netns.addAddress(link.index, '10.0.0.2/24');
    // Now all of them are in the queue.
    await new Promise(process.nextTick);
    controller.abort(reason);
    await Promise.all(withdrawn.map((one) => expect(one).rejects.toBe(reason)));
    await Promise.all([busy(), kept]);
    expect(await host.addresses('old')).toEqual(['10.0.0.2/24']);
    expect(await host.link('old')).toMatchObject({ mtu: 1500 });
    expect(await host.names()).not.toContain('new');
    expect(await host.ip('rule', 'show', 'priority', '100')).toBe('');
    expect(await host.ip('neigh', 'show', '10.0.0.9')).toBe('');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('withdraws no operation of others', async () => {
    const made = await setUp();
    const { host, netns, link } = made;
    const busy = await occupy(made);
    const controller = new AbortController();
    const answers = Array.from({ length: 20 }, (_, at) =>
      netns
        .addAddress(
          link.index,
          `10.0.${at}.1/24`,
          at % 2 === 0 ? { signal: controller.signal } : {},
        )
        .then(
          () => 'made',
          (error: unknown) => error,
        ),
    );
    await new Promise(process.nextTick);
    controller.abort(reason);
    const expected = answers.map((_, at) => (at % 2 === 0 ? reason : 'made'));
    expect(await Promise.all(answers)).toEqual(expected);
    await busy();
    const kept = expected.flatMap((one, at) => (one === 'made' ? [`10.0.${at}.1/24`] : []));
    expect(await host.addresses('old')).toEqual(kept);
  });

  test('closing waits for the rest all the same', async () => {
    const made = await setUp();
    const own = await Netns.open(made.netns);
    const busy = await occupy({ ...made, netns: own });
    const controller = new AbortController();
    const withdrawn = own.addAddress(1, '10.0.0.1/24', { signal: controller.signal });
    const kept = own.addAddress(1, '10.0.0.2/24');
    const closed = own.close();
    await new Promise(process.nextTick);
    controller.abort(reason);
    await expect(withdrawn).rejects.toBe(reason);
    await Promise.all([busy(), kept, closed]);
    expect(await made.host.addresses('lo')).toContain('10.0.0.2/24');
  });
});

test('a signal that does not fire keeps no listeners of the calls that had it', async () => {
  const { host, netns, parent } = await setUp();
  const { signal } = new AbortController();
  const name = host.name as string;
  await using opened = await Netns.open(name, { signal });
  await opened.createMacvlan({ parent, netns: name, signal });
  await netns.listLinks({ signal });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

describe('a signal that fires at any moment', () => {
  /** Lets the event loop turn that many times. */
  async function turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
  }

  test('a link is either made and returned, or refused and removed', async () => {
    const { host, netns, parent } = await setUp();
    const target = await bed.makeNetns();
    const options = {
      parent,
      alias: 'a text',
      altNames: ['another-name'],
      addresses: ['10.0.0.1/24', 'fd00::1/64'],
      routes: [{ to: '10.9.0.0/16', via: '10.0.0.9' }],
      up: true,
    };
    const outcomes = new Set<string>();
    for (const where of [host, target]) {
      const before = await where.names();
      for (let round = 0; round < 40; round++) {
        const controller = new AbortController();
        const { signal } = controller;
        const making = netns.createMacvlan({ ...options, netns: where.netns, signal }).then(
          (link) => link,
          (error: unknown) => error,
        );
        await turns(round % 20);
        controller.abort(reason);
        const result = await making;
        if (result === reason) {
          outcomes.add('gone');
          expect(await where.names()).toEqual(before);
        } else {
          outcomes.add('made');
          const { name } = result as Link;
          expect(await where.link(name)).toMatchObject({ ifalias: 'a text' });
          expect(await where.addresses(name)).toEqual(['10.0.0.1/24', 'fd00::1/64']);
          await where.netns.deleteLink(result as Link);
        }
        expect(getEventListeners(signal, 'abort')).toEqual([]);
      }
    }
    expect([...outcomes].sort()).toEqual(['gone', 'made']);
  });

  test('what has been sent takes effect, although the promise rejects', async () => {
    const { host, netns } = await setUp();
    const controller = new AbortController();
    const adding = netns.addAddress(1, '10.0.0.1/32', { signal: controller.signal });
    // The kernel carries the request out, and this thread does not get to the answer before it aborts.
    const show = ['-n', host.name as string, 'address', 'show', 'dev', 'lo'];
    for (let turn = 0; !execFileSync('ip', show).includes('10.0.0.1/32'); turn++) {
      expect(turn).toBeLessThan(1000);
    }
    controller.abort(reason);
    await expect(adding).rejects.toBe(reason);
    expect(await host.addresses('lo')).toContain('10.0.0.1/32');
  });

  test.each(['deleteLink', 'deleteLinks'] as const)('so does %s', async (operation) => {
    const { host, netns, link } = await setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const deleting =
      operation === 'deleteLink'
        ? netns.deleteLink(link, { signal })
        : netns.deleteLinks([link], { signal });
    const list = ['-n', host.name as string, '-brief', 'link'];
    for (let turn = 0; execFileSync('ip', list).includes('old@'); turn++) {
      expect(turn).toBeLessThan(1000);
    }
    controller.abort(reason);
    await expect(deleting).rejects.toBe(reason);
    expect(await host.names()).not.toContain('old');
  });

  test('of many operations with one signal, each that resolves has taken effect', async () => {
    const { host, netns } = await setUp();
    const outcomes = new Set<string>();
    for (let round = 0; round < 10; round++) {
      const controller = new AbortController();
      const { signal } = controller;
      const addresses = Array.from(
        { length: 300 },
        (_, at) => `10.${round}.${at >> 8}.${at & 255}/32`,
      );
      const answers = addresses.map((address) =>
        netns.addAddress(1, address, { signal }).then(
          () => 'made',
          (error: unknown) => (error === reason ? 'aborted' : String(error)),
        ),
      );
      await turns(round);
      controller.abort(reason);
      const told = await Promise.all(answers);
      const there = new Set(await host.addresses('lo'));
      // One whose promise was rejected may or may not be there.
      const made = addresses.filter((_, at) => told[at] === 'made');
      expect(made.filter((address) => !there.has(address))).toEqual([]);
      for (const outcome of told) outcomes.add(outcome);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }
    expect([...outcomes].sort()).toEqual(['aborted', 'made']);
  });
});
