// Signals: what has not been sent is withdrawn, what has been is not, and nothing is left behind.
import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Link, Netns } from '../../lib/index.js';
import { type Place, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

const reason = new Error('the reason of this test');

interface Ground {
  readonly place: Place;
  readonly netns: Netns;
  readonly parent: string;
  readonly link: Link;
}

/** A namespace with a parent and a macvlan in source mode on it. */
async function ground(): Promise<Ground> {
  const place = await bed.place();
  const parent = await place.parent();
  const link = await place.netns.createMacvlan({ parent, name: 'old', mode: 'source' });
  await place.ip('route', 'add', '10.8.0.0/16', 'dev', 'lo');
  return { place, netns: place.netns, parent, link };
}

type Operation = (ground: Ground, signal: AbortSignal) => Promise<unknown>;

const mac = '02:00:00:00:00:01';

const operations: Record<string, Operation> = {
  createMacvlan: ({ netns, parent }, signal) =>
    netns.createMacvlan({ parent, name: 'new', addresses: ['10.0.0.1/24'], alias: 'a', signal }),
  createMacvtap: ({ netns, parent }, signal) =>
    netns.createMacvtap({ parent, name: 'new', signal }),
  createLink: ({ netns }, signal) => netns.createLink({ kind: 'bridge', name: 'new', signal }),
  getLink: ({ netns, link }, signal) => netns.getLink(link, { signal }),
  listLinks: ({ netns }, signal) => netns.listLinks({ signal }),
  setLink: ({ netns, link }, signal) => netns.setLink(link, { mtu: 1300, signal }),
  setPromiscuous: ({ netns, link }, signal) => netns.setPromiscuous(link, true, { signal }),
  setMacvlan: ({ netns, link }, signal) => netns.setMacvlan(link, { sources: [mac], signal }),
  addSources: ({ netns, link }, signal) => netns.addSources(link, [mac], { signal }),
  removeSources: ({ netns, link }, signal) => netns.removeSources(link, [mac], { signal }),
  moveLink: ({ netns, link }, signal) => netns.moveLink(link, Netns.current(), { signal }),
  deleteLink: ({ netns, link }, signal) => netns.deleteLink(link, { signal }),
  deleteLinks: ({ netns, link, parent }, signal) => netns.deleteLinks([link, parent], { signal }),
  addAddress: ({ netns, link }, signal) => netns.addAddress(link, '10.0.0.1/24', { signal }),
  replaceAddress: ({ netns, link }, signal) => netns.replaceAddress(link, 'fd00::1/64', { signal }),
  removeAddress: ({ netns }, signal) => netns.removeAddress('lo', '127.0.0.1/8', { signal }),
  listAddresses: ({ netns }, signal) => netns.listAddresses({ signal }),
  addRoute: ({ netns }, signal) => netns.addRoute({ to: '10.9.0.0/16', link: 'lo', signal }),
  replaceRoute: ({ netns }, signal) => netns.replaceRoute({ to: '10.9.0.0/16', link: 1, signal }),
  removeRoute: ({ netns }, signal) => netns.removeRoute({ to: '10.8.0.0/16', signal }),
  listRoutes: ({ netns }, signal) => netns.listRoutes({ signal }),
  checkSupport: ({ netns }, signal) => netns.checkSupport({ signal }),
  run: ({ netns }, signal) => netns.run('', { eval: true, signal }),
};

const all = Object.entries(operations);

describe('a signal that has fired already', () => {
  test.each(all)('%s rejects with its reason, and does nothing', async (_, operation) => {
    const made = await ground();
    const before = await made.place.snapshot();
    const signal = AbortSignal.abort(reason);
    await expect(operation(made, signal)).rejects.toBe(reason);
    expect(await made.place.snapshot()).toEqual(before);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('no operation is left out of the tests here', () => {
    const methods = Object.getOwnPropertyNames(Netns.prototype);
    const others = /^(constructor|watch|openTap)$/;
    expect(all.map(([name]) => name).sort()).toEqual(
      methods.filter((name) => !others.test(name)).sort(),
    );
  });

  test('Netns.open, create and remove reject with its reason, and do nothing', async () => {
    const { name } = await bed.place();
    const before = readdirSync('/run/netns');
    const signal = AbortSignal.abort(reason);
    const descriptors = readdirSync('/proc/self/fd').length;
    for (const call of [
      () => Netns.open(name as string, { signal }),
      () => Netns.create(bed.uniqueName('never'), { signal }),
      () => Netns.create(undefined, { signal }),
      () => Netns.remove(name as string, { signal }),
    ]) {
      await expect(call()).rejects.toBe(reason);
    }
    expect(readdirSync('/run/netns')).toEqual(before);
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors);
  });

  test("gives Node's own reasons as they are", async () => {
    const { netns } = Netns.current() && (await bed.place());
    const aborted = await refusalOf(netns.listLinks({ signal: AbortSignal.abort() }));
    expect(aborted).toMatchObject({ name: 'AbortError', code: DOMException.ABORT_ERR });
    const signal = AbortSignal.timeout(0);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(await refusalOf(netns.listLinks({ signal }))).toMatchObject({ name: 'TimeoutError' });
    for (const odd of [0, '', null, { a: 1 }]) {
      await expect(netns.listLinks({ signal: AbortSignal.abort(odd) })).rejects.toBe(odd);
    }
  });
});

describe('a signal that never fires', () => {
  test.each(all)('%s succeeds or fails as without, and forgets it', async (name, operation) => {
    const made = await ground();
    const { signal } = new AbortController();
    const result = await operation(made, signal);
    if (name === 'run') await (result as { terminate(): Promise<number> }).terminate();
    if (name === 'moveLink') await Netns.current().deleteLink(result as Link);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('is forgotten after a refusal as well', async () => {
    const { netns } = await ground();
    const { signal } = new AbortController();
    const refused = [
      netns.getLink('nobody', { signal }),
      netns.addAddress(4242, '10.0.0.1/24', { signal }),
      netns.createMacvlan({ parent: 'nobody', signal }),
      netns.deleteLinks([4242, 4243], { signal }),
    ];
    await Promise.all(refused.map(refusalOf));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('may be shared by many operations, of which Node does not warn', async () => {
    const { place, netns } = await ground();
    const { signal } = new AbortController();
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listen);
    bed.onCleanup(() => process.off('warning', listen));
    const addresses = Array.from({ length: 50 }, (_, at) => `10.0.0.${at}/32`);
    await Promise.all(addresses.map((address) => netns.addAddress('lo', address, { signal })));
    expect(await place.addresses('lo')).toEqual(expect.arrayContaining(addresses));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test('that is no signal is refused before anything is done', async () => {
    const made = await ground();
    const before = await made.place.snapshot();
    for (const [, operation] of all) {
      for (const signal of ['now', 42, {}, new EventTarget()]) {
        const error = await refusalOf(operation(made, signal as never));
        expect(error).toBeInstanceOf(TypeError);
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
        expect(error.message).toContain('must be an AbortSignal');
      }
    }
    expect(await made.place.snapshot()).toEqual(before);
  });
});

describe('a signal that fires while the namespace is busy', () => {
  /** Asks for so much that what is asked next waits; gives what waits for its end. */
  async function occupy({ place, netns }: Ground): Promise<() => Promise<unknown>> {
    const indexes = Array.from({ length: 12 }, (_, at) => 1000 + at);
    for (const index of indexes) {
      await place.ip('link', 'add', `b${index}`, 'index', String(index), 'type', 'bridge');
    }
    // Reads in between, so that the deletions are carried out one by one.
    const work = indexes.flatMap((index) => [netns.deleteLink(index), netns.getLink(1)]);
    return () => Promise.all(work);
  }

  test('withdraws what has not been sent', async () => {
    const made = await ground();
    const { place, netns, link } = made;
    const busy = await occupy(made);
    const controller = new AbortController();
    const { signal } = controller;
    const withdrawn = [
      netns.addAddress(link.index, '10.0.0.1/24', { signal }),
      netns.setLink(link.index, { mtu: 1300, signal }),
      netns.deleteLink(link.index, { signal }),
      netns.createLink({ kind: 'bridge', name: 'new', signal }),
      netns.listLinks({ signal }),
    ];
    const kept = netns.addAddress(link.index, '10.0.0.2/24');
    // All of them have got as far as the queue.
    await new Promise(process.nextTick);
    controller.abort(reason);
    await Promise.all(withdrawn.map((one) => expect(one).rejects.toBe(reason)));
    await Promise.all([busy(), kept]);
    expect(await place.addresses('old')).toEqual(['10.0.0.2/24']);
    expect(await place.link('old')).toMatchObject({ mtu: 1500 });
    expect(await place.names()).not.toContain('new');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('leaves what others asked for as it is', async () => {
    const made = await ground();
    const { place, netns, link } = made;
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
    expect(await place.addresses('old')).toEqual(kept);
  });

  test('closing waits for the rest all the same', async () => {
    const made = await ground();
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
    expect(await made.place.addresses('lo')).toContain('10.0.0.2/24');
  });
});

describe('a signal that fires at any moment', () => {
  /** Lets the event loop turn that many times. */
  async function turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
  }

  test('a link is made whole and given, or refused and gone', async () => {
    const { place, netns, parent } = await ground();
    const target = await bed.place();
    const options = {
      parent,
      alias: 'a text',
      altNames: ['another-name'],
      addresses: ['10.0.0.1/24', 'fd00::1/64'],
      routes: [{ to: '10.9.0.0/16', via: '10.0.0.9' }],
      up: true,
    };
    const outcomes = new Set<string>();
    for (const where of [place, target]) {
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

  test('what has been sent takes effect, whatever the promise says', async () => {
    const { place, netns } = await ground();
    const controller = new AbortController();
    const { signal } = controller;
    const first = netns.addAddress(1, '10.0.0.1/32', { signal });
    // The kernel has it, and its answer is still to be told.
    while (!(await place.addresses('lo')).includes('10.0.0.1/32')) await turns(1);
    const told = first.then(
      () => 'made',
      (error: unknown) => error,
    );
    controller.abort(reason);
    expect(['made', reason]).toContain(await told);
    expect(await place.addresses('lo')).toContain('10.0.0.1/32');
  });

  test('many at once, with one signal: each does it, or nothing', async () => {
    const { place, netns } = await ground();
    for (let round = 0; round < 10; round++) {
      const controller = new AbortController();
      const { signal } = controller;
      const addresses = Array.from(
        { length: 300 },
        (_, at) => `10.${round}.${at >> 8}.${at & 255}/32`,
      );
      const answers = addresses.map((address) =>
        netns.addAddress(1, address, { signal }).then(
          () => true,
          (error: unknown) => error !== reason,
        ),
      );
      await turns(round);
      controller.abort(reason);
      const made = await Promise.all(answers);
      const there = new Set(await place.addresses('lo'));
      // Who is told that it is made finds it; who is told of the signal may find it or not.
      expect(addresses.filter((address, at) => made[at] && !there.has(address))).toEqual([]);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }
  });
});
