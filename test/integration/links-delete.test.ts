/** Deleting links of every kind, one or many. */
import { describe, expect, test } from 'vitest';
import { deleteLink, deleteLinks } from '../../lib/index.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

describe('deleteLink', () => {
  test('deletes a link by its name, an alternative name, its index or a Link', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.names();
    for (const name of ['m0', 'm1', 'm2', 'm3']) {
      await host.ip('link', 'add', 'link', parent, 'name', name, 'type', 'macvlan');
    }
    await host.ip('link', 'property', 'add', 'dev', 'm1', 'altname', 'a-name-longer-than-fifteen');
    const { ifindex } = await host.link('m2');
    await host.netns.deleteLink('m0');
    await host.netns.deleteLink('a-name-longer-than-fifteen');
    await host.netns.deleteLink(ifindex);
    await host.netns.deleteLink(await host.netns.getLink('m3'));
    expect(await host.names()).toEqual(before);
  });

  test('deletes once what is named twice', async () => {
    const host = await bed.makeNetns();
    const before = await host.names();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    await host.ip('link', 'property', 'add', 'dev', 'br0', 'altname', 'other');
    const link = await host.netns.getLink('br0');
    await host.netns.deleteLinks(['other', link, 'br0']);
    expect(await host.names()).toEqual(before);
    await host.ip('link', 'add', 'br1', 'type', 'bridge');
    await host.netns.deleteLinks(['br1', 'br1']);
    expect(await host.names()).toEqual(before);
  });

  test('rejects with ENODEV when there is none', async () => {
    const host = await bed.makeNetns();
    const error = await refusalOf(host.netns.deleteLink('nobody'));
    expect(error).toMatchObject({
      code: 'ENODEV',
      syscall: 'RTM_DELLINK',
      operation: 'deleteLink',
      target: 'nobody',
    });
    expect(error.hint).toContain(`'nobody'`);
  });

  test('with ifExists takes what is gone as deleted, and nothing else', async () => {
    const host = await bed.makeNetns();
    const before = await host.names();
    await host.ip('link', 'add', 'br0', 'type', 'bridge');
    for (const ref of ['br0', 'br0', 987_654]) await host.netns.deleteLink(ref, { ifExists: true });
    expect(await host.names()).toEqual(before);
    expect(await refusalOf(host.netns.deleteLink('br0', { ifExists: false }))).toMatchObject({
      code: 'ENODEV',
    });
    expect(await refusalOf(host.netns.deleteLink('lo', { ifExists: true }))).toMatchObject({
      code: 'EOPNOTSUPP',
    });
  });

  test('rejects with EOPNOTSUPP for a device that cannot be deleted', async () => {
    const host = await bed.makeNetns();
    const error = await refusalOf(host.netns.deleteLink('lo'));
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', target: 'lo' });
    expect(error.hint).toBe("The link 'lo' is its driver's own, and cannot be deleted.");
    expect((await host.link('lo')).ifindex).toBe(1);
  });

  test('takes the macvlans of a parent with it, in every namespace', async () => {
    const [host, inside] = [await bed.makeNetns(), await bed.makeNetns()];
    const parent = await host.parent();
    await host.netns.createMacvlan({ parent, name: 'm0' });
    await host.netns.createMacvlan({ parent, name: 'm1', netns: inside.netns });
    await host.netns.deleteLink(parent);
    expect(await host.names()).toEqual([]);
    expect(await inside.names()).toEqual([]);
  });
});

test('of several deletions of one link at once, the first succeeds', async () => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  const { index } = await host.netns.createMacvlan({ parent, name: 'm0' });
  const refs = ['m0', index, 'm0', index];
  const ended = await Promise.allSettled(refs.map((ref) => host.netns.deleteLink(ref)));
  expect(ended.map((one) => (one.status === 'rejected' ? one.reason.code : 'deleted'))).toEqual([
    'deleted',
    'ENODEV',
    'ENODEV',
    'ENODEV',
  ]);
});

describe('deleteLinks', () => {
  test('deletes more links than fit one datagram', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.names();
    const refs = [];
    for (let at = 0; at < 150; at++) refs.push(await host.netns.createMacvlan({ parent }));
    expect((await host.names()).length).toBe(before.length + 150);
    await host.netns.deleteLinks(refs);
    expect(await host.names()).toEqual(before);
  });

  test('deletes what can be deleted, and holds an error for each that could not', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.names();
    for (const name of ['m0', 'm1', 'm2']) await host.netns.createMacvlan({ parent, name });
    const { ifindex } = await host.link('m2');
    const error = await refusalOf(
      host.netns.deleteLinks(['m0', 'nobody', 'm1', 'lo', ifindex, 987_654]),
    );
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.message).toContain('3 of 6');
    expect(error.errors?.map(({ code, target }) => [code, target])).toEqual([
      ['ENODEV', 'nobody'],
      ['EOPNOTSUPP', 'lo'],
      ['ENODEV', 987_654],
    ]);
    for (const one of error.errors ?? []) expect(one.operation).toBe('deleteLinks');
    expect(await host.names()).toEqual(before);
  });

  test('with ifExists has no errors for what is gone', async () => {
    const host = await bed.makeNetns();
    const before = await host.names();
    for (const name of ['br0', 'br1']) await host.ip('link', 'add', name, 'type', 'bridge');
    await host.netns.deleteLinks(['br0', 'nobody', 'br1', 987_654], { ifExists: true });
    expect(await host.names()).toEqual(before);
    const error = await refusalOf(host.netns.deleteLinks(['br0', 'lo'], { ifExists: true }));
    expect(error.errors?.map(({ code, target }) => [code, target])).toEqual([['EOPNOTSUPP', 'lo']]);
  });

  test.each([['first'], ['last']])(
    'recognises that a Link and its name mean one link, the Link %s',
    async (which) => {
      const host = await bed.makeNetns();
      const parent = await host.parent();
      const before = await host.names();
      const links = await Promise.all([1, 2, 3].map(() => host.netns.createMacvlan({ parent })));
      const names = links.map(({ name }) => name);
      const refs = which === 'first' ? [...links, ...names] : [...names, ...links];
      const error = await refusalOf(host.netns.deleteLinks([...refs, 'nobody']));
      expect(error.errors?.map(({ target }) => target)).toEqual(['nobody']);
      expect(await host.names()).toEqual(before);
    },
  );

  test('holds an error for each name of a Link that is not there, and its own names', async () => {
    const host = await bed.makeNetns();
    const gone = await host.netns.createMacvlan({ parent: await host.parent(), name: 'm0' });
    await host.ip('link', 'delete', 'm0');
    const error = await refusalOf(host.netns.deleteLinks([gone, 'm0', gone]));
    expect(error.message).toContain('2 of 2 links');
    expect(error.errors?.map(({ code, target }) => [code, target])).toEqual([
      ['ENODEV', 'm0'],
      ['ENODEV', 'm0'],
    ]);
    const [byIndex, byName] = error.errors ?? [];
    expect(byIndex?.hint).toContain(`no link with index ${gone.index} `);
    expect(byName?.hint).toContain("no link named 'm0' ");
    expect(error.message).toMatch(
      / 2 of 2 links could not be deleted\. The first: deleteLinks 'm0'/,
    );
    const one = await refusalOf(host.netns.deleteLinks(['m0']));
    expect(one.message).toMatch(/ 1 of 1 links could not be deleted\. deleteLinks 'm0': ENODEV/);
  });

  test('deletes links that are given by long alternative names together with the others', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.names();
    const long = ['first', 'second', 'third'].map((stem) => `the-${stem}-of-three-macvlans`);
    for (const name of long) {
      await host.netns.createMacvlan({ parent, altNames: [name], up: true });
    }
    const seen = host.netns.watch();
    await host.netns.deleteLinks(long);
    expect(await host.names()).toEqual(before);
    // Each was put into the group that then went as a whole.
    const groups: number[] = [];
    for await (const event of seen) {
      if (event.type !== 'link' || event.link.kind !== 'macvlan') continue;
      if (event.action === 'removed') groups.push(event.link.group);
      if (groups.length === long.length) break;
    }
    expect(new Set(groups).size).toBe(1);
    expect(groups).not.toContain(0);
  });

  test('shows the caller in the stack of the AggregateError and of each of its errors', async () => {
    const host = await bed.makeNetns();
    const error = await new Promise<AggregateError>((resolve) => {
      host.netns.deleteLinks(['nobody']).catch(resolve);
    });
    expect(error.stack).toContain('links-delete.test.ts');
    expect(error.errors[0].stack).toContain('links-delete.test.ts');
  });

  test('leaves turns of the event loop to others while it makes a thousand errors', async () => {
    const host = await bed.makeNetns();
    let turns = 0;
    const count = () => {
      turns++;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const refs = Array.from({ length: 1000 }, (_, at) => 20_000_000 + at);
    const error = await refusalOf(host.netns.deleteLinks(refs));
    clearImmediate(counting);
    expect(error.errors).toHaveLength(1000);
    expect(turns).toBeGreaterThan(1000 / 64);
  });

  test('rejects a Link of another namespace, and then deletes nothing', async () => {
    const [host, inside] = [await bed.makeNetns(), await bed.makeNetns()];
    const parent = await host.parent();
    const link = await host.netns.createMacvlan({ parent, name: 'm0' });
    const moved = await host.netns.createMacvlan({ parent, name: 'm1', netns: inside.netns });
    const error = await refusalOf(host.netns.deleteLinks([link, moved]));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('refs[1]');
    expect(await host.names()).toContain('m0');
    expect(await inside.names()).toEqual(['m1']);
  });

  test('does nothing for an empty list', async () => {
    const host = await bed.makeNetns();
    const before = await host.snapshot();
    await host.netns.deleteLinks([]);
    expect(await host.snapshot()).toEqual(before);
  });
});

test('the functions deleteLink and deleteLinks act in the process’s own namespace', async () => {
  const host = bed.ownNetns();
  const parent = await host.parent();
  const [first = '', ...others] = ['m', 'm', 'm'].map((stem) => bed.uniqueName(stem));
  for (const name of [first, ...others]) {
    await host.ip('link', 'add', 'link', parent, 'name', name, 'type', 'macvlan');
  }
  await deleteLink(first);
  expect(await host.names()).toEqual(expect.arrayContaining(others));
  await deleteLinks(others);
  const left = await host.names();
  expect([first, ...others].filter((name) => left.includes(name))).toEqual([]);
});
