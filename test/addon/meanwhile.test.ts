// What other programs do between the requests of one operation: the link that is meant stays the one that is meant.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { directory, withOwn } from '../support/preload.js';
import { resultOf } from '../support/program.js';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;

/** What a program says that is held before and after its first message of a type, until it has called `goOn`. */
function heldAt<T>(type: number, body: string): Promise<T> {
  const until = join(mkdtempSync(join(directory, 'until-')), 'it');
  const program = `
    import { execFileSync } from 'node:child_process';
    import { existsSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { createLink, deleteLink, listAddresses, listLinks, moveLink, Netns, replaceAddress, setMacvlan } from 'macvlan-netlink';
    delete process.env.LD_PRELOAD; // Not for what this starts.
    const ip = (line) => execFileSync('ip', line.split(' '), { encoding: 'utf8' });
    const reach = async (what) => { while (!existsSync('${until}.' + what)) await sleep(1); };
    const goOn = (from) => writeFileSync('${until}.' + from, '');
    const error = (thrown) => thrown;
    const say = (...what) => console.log(JSON.stringify(what));
    const names = async (netns) => (await netns.listLinks()).map(({ name }) => name).sort();
    ${body}
  `;
  const under = withOwn('tmpfs /run', { UNTIL: until, TYPE: type }, 'slow-send');
  return resultOf(program, { under });
}

test('what takes no request goes on while one waits in the kernel', async () => {
  const seen = await heldAt(
    RTM_NEWLINK,
    `
    const n = await Netns.create('n');
    let isOver = false;
    const changing = Netns.current().setLink('lo', { mtu: 1400 }).then(() => { isOver = true; });
    await reach('waiting');
    const opened = await Netns.open('n');
    await n.setSysctl('net.ipv4.ip_forward', 1);
    const value = await opened.getSysctl('net.ipv4.ip_forward');
    const made = await Netns.create('m');
    say(value, await Netns.list(), await Netns.identify(made), isOver);
    goOn('before');
    goOn('after');
    await changing;
  `,
  );
  expect(seen).toEqual(['1', ['m', 'n'], ['m'], false]);
});

test('what takes no request goes on also behind something else of its kind that waits', async () => {
  const seen = await heldAt(
    RTM_NEWLINK,
    `
    const { spawn } = await import('node:child_process');
    const { once } = await import('node:events');
    await Netns.create('n');
    const holder = spawn('flock', ['/run/netns', 'sh', '-c', 'echo; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const changing = Netns.current().setLink('lo', { mtu: 1400 });
    await reach('waiting');
    let isOver = false;
    const waiting = Netns.create('m').then(() => { isOver = true; });
    const made = await Netns.create();
    say(await Netns.identify(made), isOver);
    holder.stdin.end();
    goOn('before');
    goOn('after');
    await Promise.all([changing, waiting]);
  `,
  );
  expect(seen).toEqual([[], false]);
});

test('what is withdrawn while it waits for a request is not done', async () => {
  const seen = await heldAt(
    RTM_NEWLINK,
    `
    const n = await Netns.create('n');
    const name = 'net.ipv4.ip_forward';
    const before = await n.getSysctl(name);
    const changing = Netns.current().setLink('lo', { mtu: 1400 });
    await reach('waiting');
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      n.setSysctl(name, 1, { signal }), Netns.remove('n', { signal }), Netns.create('m', { signal }),
    ].map((call) => call.catch(error));
    controller.abort('withdrawn');
    const reasons = await Promise.all(calls);
    goOn('before');
    goOn('after');
    await changing;
    say(reasons, before, await n.getSysctl(name), await Netns.list());
  `,
  );
  expect(seen).toEqual([Array(3).fill('withdrawn'), '0', '0', ['n']]);
});

test('a request of another namespace that has queued behind a deletion goes on while that waits in the kernel', async () => {
  const seen = await heldAt(
    RTM_DELLINK,
    `
    const [n, m] = [await Netns.create(), await Netns.create()];
    const { index } = await createLink({ kind: 'bridge' });
    const busy = await n.createLink({ kind: 'veth', up: true, peer: { up: true } });
    let isOver = false;
    // The first takes the kernel some time, so that the one thread of the pool finds the others in its queue.
    const first = n.setLink(busy.index, { up: false });
    const deleting = deleteLink(index).then(() => { isOver = true; });
    const listed = await m.listLinks();
    say(listed.length, isOver);
    goOn('before');
    goOn('after');
    await Promise.all([first, deleting]);
  `,
  );
  expect(seen).toEqual([1, false]);
});

const GONE =
  'Another program has deleted the new link before it was finished, or moved it to another namespace.';

describe('a new link', () => {
  test('of which the peer was moved away does not bring up the link that has got its index', async () => {
    const seen = await heldAt(
      RTM_NEWLINK,
      `
      goOn('before');
      const n = await Netns.create('n');
      await Netns.create('c');
      const peer = { name: 'vb', netns: n, up: true };
      const creating = createLink({ kind: 'veth', name: 'va', addresses: ['10.9.0.1/24'], peer }).catch(error);
      await reach('sent');
      const [{ ifindex }] = JSON.parse(ip('-n n -j link show vb'));
      ip('-n n link set vb netns c');
      ip('-n n link add bystander index ' + ifindex + ' type bridge');
      goOn('after');
      const { code, hint } = await creating;
      const [{ flags }] = JSON.parse(ip('-n n -j link show bystander'));
      say(code, hint, flags.includes('UP'), await names(Netns.current()));
    `,
    );
    expect(seen).toEqual(['ENODEV', GONE, false, ['lo']]);
  });

  test('is refused when it is deleted before it gets its address', async () => {
    const seen = await heldAt(
      RTM_NEWLINK,
      `
      goOn('before');
      const options = { kind: 'bridge', name: 'mine', index: 50, addresses: ['10.9.0.1/24'] };
      const creating = createLink(options).catch(error);
      await reach('sent');
      ip('link delete mine');
      goOn('after');
      const { code, target, part, hint, cause } = await creating;
      say(code, target, part, hint, cause.message, await names(Netns.current()));
    `,
    );
    const said = expect.stringContaining(GONE);
    expect(seen).toEqual(['ENODEV', 'mine', 'addresses[0]', said, said, ['lo']]);
  });

  test.each([
    ['of another kind', `['10.9.0.1/24']`, 'veth peer name tp', 'ENODEV', null],
    [
      'of its kind, and part refused',
      `['10.9.0.1/24', '10.9.0.1/24']`,
      'bridge',
      'EEXIST',
      'addresses[1]',
    ],
  ])(
    'is not taken for one %s that has got the index chosen for it',
    async (_, addresses, theirs, code, part) => {
      const seen = await heldAt(
        RTM_NEWLINK,
        `
        goOn('before');
        const options = { kind: 'bridge', name: 'mine', index: 50, addresses: ${addresses} };
        const creating = createLink(options).catch(error);
        await reach('sent');
        ip('link delete mine');
        ip('link add theirs index 50 type ${theirs}');
        goOn('after');
        const { code, part, hint, cause } = await creating;
        say(code, part, hint + cause?.message, await names(Netns.current()));
      `,
      );
      const said = expect.stringContaining(GONE);
      expect(seen).toEqual([code, part, said, expect.arrayContaining(['theirs'])]);
    },
  );
});

describe('moveLink', () => {
  /**
   * Moves 'mine', with index 50, to c, while others do something before and after the request is sent; `d` has
   * 'theirs', a veth with index 50, and 'other', a macvlan with index 51. The error's code and hint, and the links here and
   * in c.
   */
  const moved = (options: string, before: string, after: string) =>
    heldAt<[string, string, string[], string[]]>(
      RTM_NEWLINK,
      `
      const [c, d] = [await Netns.create('c'), await Netns.create('d')];
      ip('link add mine index 50 type veth peer name mp');
      ip('-n d link add theirs index 50 type veth peer name tp');
      ip('-n d link add link tp name other index 51 type macvlan');
      const theirsTo = (netns) => ip('-n d link set theirs netns ' + netns);
      const otherTo = (netns) => ip('-n d link set other index 50 netns ' + netns);
      const moving = moveLink('mine', c, ${options}).catch(error);
      await reach('waiting');
      ${before}
      goOn('before');
      await reach('sent');
      ${after}
      goOn('after');
      const { code, hint } = await moving;
      say(code, hint, await names(Netns.current()), await names(c));
    `,
    );
  const renamed = `{ name: 'wanted' }`;
  const takeName = `ip('-n c link add wanted type bridge');`;
  const freeName = `ip('-n c link delete wanted');`;

  test('refused half-way is not done again with the link that has got the index', async () => {
    const after = `theirsTo(process.pid); ${freeName}`;
    const [code, hint, here, there] = await moved(renamed, takeName, after);
    expect([code, here, there]).toEqual(['EEXIST', ['lo', 'mine', 'mp', 'theirs'], ['lo']]);
    expect(hint).toMatch(/brought back.* Its index is \d+ now: its own is that of 'theirs'/);
  });

  test('refused half-way is not done again with a new link of the same name and index', async () => {
    const after = `ip('link add mine index 50 type veth peer name np'); ${freeName}`;
    const [code, hint, here, there] = await moved(renamed, takeName, after);
    expect([code, here, there]).toEqual(['EEXIST', ['lo', 'mine', 'mp', 'np'], ['lo', 'mine']]);
    expect(hint).toContain('could not be brought back');
  });

  test('refused half-way brings back the link also with another MAC', async () => {
    const after = `ip('-n c link set mine address 02:00:00:00:00:99');`;
    const [code, hint, here, there] = await moved(renamed, takeName, after);
    expect([code, here, there]).toEqual(['EEXIST', ['lo', 'mine', 'mp'], ['lo', 'wanted']]);
    expect(hint).toContain('brought back');
  });

  test('refused because the index was taken is not done again with the link that has got its own', async () => {
    const before = `ip('-n c link add taker index 50 type bridge');`;
    const after = `ip('link set mine netns d index 60'); theirsTo(process.pid);`;
    const [code, , here, there] = await moved('{}', before, after);
    expect([typeof code, here, there]).toEqual(['string', ['lo', 'mp', 'theirs'], ['lo', 'taker']]);
  });

  test('returns the link also when its name and its MAC have been changed there', async () => {
    const after = `ip('-n c link set mine name renamed address 02:00:00:00:00:99');`;
    const [code, , , there] = await moved('{}', '', after);
    expect([code, there]).toEqual([null, ['lo', 'renamed']]);
  });

  test.each([
    ['here', `ip('link delete mine'); otherTo(process.pid);`, ''],
    ['there', '', `ip('-n c link delete mine'); otherTo('c');`],
  ])(
    'does not return a link of another kind that has got the index %s',
    async (_, before, after) => {
      const [code, hint, , there] = await moved('{}', before, after);
      expect([code, there]).toEqual(['ENODEV', ['lo', 'other']]);
      expect(hint).toContain("is 'other', another one");
    },
  );
});

test('replaceAddress refuses an IPv6 address that has come with another prefix length meanwhile', async () => {
  const seen = await heldAt(
    RTM_NEWADDR,
    `
    ip('link add br0 type bridge');
    ip('address add fd00::1/64 dev br0');
    goOn('after');
    const replacing = replaceAddress('br0', 'fd00::1/64').catch(error);
    await reach('waiting');
    ip('address delete fd00::1/64 dev br0');
    ip('address add fd00::1/48 dev br0');
    goOn('before');
    const { code, hint } = (await replacing) ?? {};
    say(code, hint);
  `,
  );
  expect(seen).toEqual(['EEXIST', expect.stringContaining('The link has fd00::1/48')]);
});

test('setMacvlan does not report as refused what it has changed when the link is moved away', async () => {
  const seen = await heldAt(
    RTM_NEWLINK,
    `
    await Netns.create('c');
    ip('link add p0 type veth peer name p1');
    ip('link add link p0 name mine type macvlan');
    goOn('before');
    const changing = setMacvlan('mine', { bcQueueLen: 7 }).catch(error);
    await reach('sent');
    ip('link set mine netns c');
    goOn('after');
    say(String((await changing) ?? 'made'));
  `,
  );
  expect(seen).toEqual(['made']);
});

test('a listing that is made again is empty when all it had before has gone meanwhile', async () => {
  const seen = await heldAt(
    RTM_GETADDR,
    `
    const add = (at) => 'address add 10.1.' + (at >> 8) + '.' + (at & 255) + '/32 dev lo\\n';
    execFileSync('ip', ['-batch', '-'], { input: Array.from({ length: 1000 }, (_, at) => add(at)).join('') });
    goOn('before');
    // From then on the kernel fills larger parts, and the first one is handed on before the second is read.
    await listLinks();
    const listing = listAddresses({ family: 'IPv4' });
    await reach('sent');
    ip('address flush dev lo');
    goOn('after');
    say(...(await listing));
  `,
  );
  expect(seen).toEqual([]);
});

test('a watch lists routes again although a request in its namespace has no answer yet', async () => {
  const seen = await heldAt(
    RTM_DELLINK,
    `
    ip('link add va type veth peer name vb');
    ip('link set vb up');
    ip('address add 192.0.2.1/24 dev va');
    ip('link set va up');
    ip('route add 198.51.100.0/24 via 192.0.2.2');
    const routes = [];
    const watch = Netns.current().watch({ initial: true, level: true, routes: true });
    const until = async (isIt) => {
      while (true) {
        const { value } = await watch.next();
        if (value.type === 'route') routes.push(value.action + ' ' + value.route.to);
        if (isIt(value)) return;
      }
    };
    await until(({ type }) => type === 'level');
    const deleting = deleteLink('va');
    await reach('waiting');
    // The kernel does not say that it takes the routes of the link away.
    ip('link set va down');
    await until(({ action, route }) => action === 'removed' && route?.to === '198.51.100.0/24');
    goOn('before');
    goOn('after');
    await deleting;
    await watch.return();
    say(routes.includes('added 198.51.100.0/24'));
  `,
  );
  expect(seen).toEqual([true]);
});
