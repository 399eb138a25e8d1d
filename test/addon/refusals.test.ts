// What an operation says, and what it leaves, when the kernel refuses one of its requests, or an answer is lost.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { directory, withOwn } from '../support/preload.js';
import { resultOf } from '../support/program.js';

/** What a program says that can `refuse` requests: see refuse-requests.c. */
function refusing<T>(body: string): Promise<T> {
  const plan = join(mkdtempSync(join(directory, 'plan-')), 'plan');
  const program = `
    import { execFileSync } from 'node:child_process';
    import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
    import { constants } from 'node:os';
    import { setTimeout as sleep } from 'node:timers/promises';
    import * as library from 'macvlan-netlink';
    const { createMacvlan, deleteLinks, Netns, listLinks, moveLink, setLink } = library;
    delete process.env.LD_PRELOAD; // Not for what this starts.
    const ip = (line) => execFileSync('ip', line.split(' '), { encoding: 'utf8' });
    const refuse = (...lines) => {
      const numbers = lines.map((line) => line.replace(/E[A-Z]+/, (name) => constants.errno[name]) + '\\n');
      writeFileSync('${plan}.new', numbers.join(''));
      renameSync('${plan}.new', '${plan}');
    };
    /** Calls that wait for their namespace's thread together, and so are under way together. */
    const together = async (call) => {
      writeFileSync('${plan}.hold', '');
      const first = library.getLink('lo');
      while (!existsSync('${plan}.held')) await sleep(1);
      const calls = call();
      await sleep(1); // They are handed over in this turn of the event loop.
      rmSync('${plan}.held');
      await first;
      return Promise.allSettled(calls);
    };
    const said = ({ code, part, hint, cause }) => [code, part ?? null, hint ?? null, cause?.message ?? null];
    const say = (what) => console.log(JSON.stringify(what));
    ip('link add parent type veth peer name pp');
    ip('link set parent up');
    ip('address add 10.9.0.1/24 dev parent');
    ip('link set pp up');
    ${body}
  `;
  return resultOf(program, { under: withOwn('tmpfs /run', { PLAN: plan }, 'refuse-requests') });
}

const ROUTES = `routes: [
  { to: '10.8.0.0/16', via: '10.9.0.5', link: 'parent' },
  { to: '10.7.0.0/16', via: '10.9.0.5', link: 'parent' },
]`;

test('deleteLinks says of links that stay in the group for deletion that they do', async () => {
  const [group, errors] = await refusing<[string, [string, null, string][]]>(`
    for (const at of [1, 2, 3]) ip('link add link parent name d' + at + ' group ' + at + ' type macvlan');
    // The look at them afterwards is not refused.
    refuse('5 15 EPERM');
    const { errors } = await deleteLinks(['d1', 'd2', 'd3']).catch((error) => error);
    const [{ group }] = JSON.parse(ip('-j link show d1'));
    say([group, errors.map(said)]);
  `);
  expect(Number(group) >>> 24).toBe(0x5e);
  expect(errors.map(([code]) => code)).toEqual(['EPERM', 'EPERM']);
  for (const [, , hint] of errors) expect(hint).toContain(`Its group is ${group} now`);
});

test('deleteLink says so as well, where calls under way together are carried out as one group', async () => {
  const [groups, hints] = await refusing<[string[], string[]]>(`
    for (const at of [1, 2, 3]) ip('link add link parent name d' + at + ' group ' + at + ' type macvlan');
    const ended = await together(() => {
      // Two have been put into the group, and stay there.
      refuse('4 15 EPERM');
      return ['d1', 'd2', 'd3'].map((name) => library.deleteLink(name));
    });
    const left = ['d1', 'd2', 'd3'].flatMap((name) => JSON.parse(ip('-j link show ' + name)));
    say([left.map(({ group }) => group), ended.map(({ reason }) => reason.hint ?? '')]);
  `);
  const inGroup = groups.map((group) => Number(group) >>> 24 === 0x5e);
  expect(inGroup).toContain(true);
  groups.forEach((group, at) => {
    if (inGroup[at]) expect(hints[at]).toContain(`Its group is ${group} now`);
  });
});

test('what says nothing of a request is not given as the reason of its refusal', async () => {
  const hints = await refusing(`
    const calls = [
      ['EADDRINUSE', 1, () => library.addAddress(1, '10.9.0.2/24')],
      ['EADDRINUSE', 1, () => setLink(1, { mtu: 1300 })],
      ['EMLINK', 1, () => library.addRule({ priority: 7, table: 9 })],
      ['EMLINK', 1, () => setLink(1, { alias: 'x' })],
      ['EMFILE', 1, () => setLink(1, { alias: 'x' })],
    ];
    const hints = [];
    for (const [code, at, call] of calls) {
      refuse(at + ' ' + at + ' ' + code);
      const error = await call().catch((error) => error);
      hints.push([error.code, error.hint ?? null]);
    }
    say(hints);
  `);
  const codes = ['EADDRINUSE', 'EADDRINUSE', 'EMLINK', 'EMLINK', 'EMFILE'];
  expect(hints).toEqual(codes.map((code) => [code, null]));
});

test('a link that the kernel cannot tell of is said to have too many sources', async () => {
  const seen = await refusing(`
    refuse('1 1 EMSGSIZE');
    say(said(await library.getLink('parent').catch((error) => error)));
  `);
  expect(seen).toEqual(['EMSGSIZE', null, expect.stringContaining('(5,460)'), null]);
});

test('a neighbour’s MAC is not taken for the link’s', async () => {
  const seen = await refusing(`
    refuse('2 2 EOPNOTSUPP');
    const neighbour = { address: '10.9.0.7', mac: '02:00:00:00:00:09' };
    say(said(await library.addNeighbour('parent', neighbour).catch((error) => error)));
  `);
  expect(seen).toEqual(['EOPNOTSUPP', null, null, null]);
});

test('a new link says what is left of it, all of that', async () => {
  const [[code, part, , cause], routes] = await refusing<[string[], { dst: string }[]]>(`
    refuse('6 99 ENOMEM');
    const error = await createMacvlan({ parent: 'pp', name: 'mv', up: true, ${ROUTES} }).catch((error) => error);
    say([said(error), JSON.parse(ip('-j route show dev parent'))]);
  `);
  expect([code, part]).toEqual(['ENOMEM', 'routes[1]']);
  expect(routes.map(({ dst }) => dst)).toContain('10.8.0.0/16');
  expect(cause).toMatch(/The link 'mv'.* could not be removed again.*routes\[0\] of the link 'mv'/);
});

test('a new link says of a route by another one that it may be there when its answer was lost', async () => {
  const [[code, part, hint], routes] = await refusing<[string[], { dst: string }[]]>(`
    refuse('5 5 0');
    const error = await createMacvlan({ parent: 'pp', name: 'mv', up: true, ${ROUTES} }).catch((error) => error);
    say([said(error), JSON.parse(ip('-j route show dev parent'))]);
  `);
  expect([code, part]).toEqual(['ENOBUFS', 'routes[0]']);
  expect(hint).toContain('may have been added');
  expect(routes.map(({ dst }) => dst)).toContain('10.8.0.0/16');
});

test.each([
  ['cannot be looked for', '5 6 ENOMEM', 'could not be found out (ENOMEM)'],
  ['cannot be brought back', '7 7 ENOMEM', "could not be brought back (ENOMEM): it is 'wanted'"],
])('moveLink keeps the reason of the refusal when the moved link %s', async (_, second, says) => {
  const [[code, , hint], there] = await refusing<[string[], string]>(`
      const c = await Netns.create('c');
      ip('link add link parent name mine type macvlan');
      refuse('4 4 EINVAL done', '${second}');
      const error = await moveLink('mine', c, { name: 'wanted', index: 7777 }).catch((error) => error);
      say([said(error), ip('-n c -br link')]);
    `);
  expect(code).toBe('EINVAL');
  expect(hint).toContain(says);
  expect(there).toContain('wanted');
});

test.each([
  [
    'moved',
    '5 5 ENOMEM',
    "moveLink('mine', c, { name: 'wanted', index: 7777 })",
    'with index 7777',
  ],
  ['renamed', '3 3 ENOMEM', "moveLink('mine', Netns.current(), { name: 'wanted' })", "'wanted'"],
])('moveLink says that the link has been %s when only reading it failed', async (...row) => {
  const [changed, refusal, call, as] = row;
  const [[code, , hint], links] = await refusing<[string[], string]>(`
      const c = await Netns.create('c');
      ip('link add link parent name mine type macvlan');
      refuse('${refusal}');
      const error = await ${call}.catch((error) => error);
      say([said(error), ip('-br link') + ip('-n c -br link')]);
    `);
  expect(code).toBe('ENOMEM');
  expect(hint).toContain(`The link has been ${changed} to `);
  expect(hint).toContain(as);
  expect(links).toContain('wanted');
});

test('a look-up of a parent that gets no answer is what a new link is refused for', async () => {
  const errors = await refusing<unknown[]>(`
    const c = await Netns.create('c');
    const errors = [];
    for (const more of [{}, { addresses: ['10.9.0.7/24'] }, { netns: c }]) {
      refuse('1 16 0');
      const error = await createMacvlan({ parent: 'parent', ...more }).catch((error) => error);
      errors.push([error.code, error.syscall, error.part ?? null]);
    }
    say(errors);
  `);
  expect(errors).toEqual(Array(3).fill(['ENOBUFS', 'recvmsg', 'parent']));
});

test('what cannot be looked up is not taken for a link that is not there', async () => {
  const [moved, peer, names] = await refusing<[string[], string[], string[]]>(`
    const c = await Netns.create('c');
    ip('link add link parent name mine type macvlan');
    refuse('2 2 ENOMEM');
    const moved = await moveLink('mine', c, { name: 'wanted' }).catch((error) => error);
    refuse('2 2 ENOMEM');
    const peer = await library.createLink({ kind: 'veth', name: 'va', peer: { name: 'vb', up: true } })
      .catch((error) => error);
    const names = JSON.parse(ip('-j link')).map(({ ifname }) => ifname).sort();
    say([said(moved), said(peer), names]);
  `);
  expect(moved[0]).toBe('ENOMEM');
  expect(peer[0]).toBe('ENOMEM');
  expect(names).toEqual(['lo', 'mine', 'parent', 'pp']);
});

test('a new link that is gone when it is read for the last time is said to be taken away', async () => {
  const [code, part, hint] = await refusing<string[]>(`
    refuse('4 4 ENODEV');
    const peer = { name: 'vb', up: true };
    const error = await library.createLink({ kind: 'veth', name: 'va', peer }).catch((error) => error);
    say(said(error));
  `);
  expect([code, part]).toEqual(['ENODEV', null]);
  expect(hint).toContain('Another program has deleted the new link before it was finished');
});

test('setLink says that it is the attributes of a new port that are refused', async () => {
  const [[code, part], { master, hairpin }] = await refusing<[string[], Record<string, unknown>]>(`
    ip('link add bridge type bridge');
    // The look-ups of the link and of its master, the change of the master, and that of the port.
    refuse('4 4 EOPNOTSUPP');
    const changes = { master: 'bridge', bridgePort: { hairpin: true } };
    const error = await setLink('parent', changes).catch((error) => error);
    const [{ master, linkinfo }] = JSON.parse(ip('-j -d link show parent'));
    say([said(error), { master, hairpin: linkinfo.info_slave_data.hairpin }]);
  `);
  expect([code, part]).toEqual(['EOPNOTSUPP', 'bridgePort']);
  expect({ master, hairpin }).toEqual({ master: 'bridge', hairpin: false });
});

test('a probe that is refused for want of memory does not make a feature missing', async () => {
  const features = await refusing<unknown[]>(`
    const { checkSupport } = library;
    const seen = [(await checkSupport()).features];
    for (const at of [10, 12, 13]) {
      refuse(at + ' ' + at + ' ENOMEM');
      seen.push((await checkSupport()).features);
    }
    say(seen);
  `);
  expect(features).toEqual(Array(4).fill(features[0]));
});

test('replaceAddress gives the reason for which it could not look for an IPv6 address', async () => {
  const seen = await refusing(`
    ip('address add fd06::1/64 dev parent nodad');
    refuse('2 2 ENOMEM');
    const address = { address: 'fd06::1/64', validLifetime: 1000 };
    say(said(await library.replaceAddress('parent', address).catch((error) => error)));
  `);
  expect(seen).toEqual(['ENOMEM', null, null, null]);
});
