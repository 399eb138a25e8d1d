/** Options in unusual objects: unknown names, prototypes, accessors, sizes. */
import { describe, expect, test } from 'vitest';
import { long } from '../support/bad-values.js';
import { inPrivateNetns, resultOf } from '../support/program.js';
import { refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

describe('an option’s name', () => {
  test.each([
    ['modes', 'mode'],
    ['ifname', 'name'],
    ['hwaddr', 'mac'],
    ['promiscous', 'promiscuous'],
    ['txqlen', 'txQueueLen'],
    ['bclim', 'bcCutoff'],
  ])('%s is not accepted for %s, which is suggested', async (written, meant) => {
    const host = await bed.makeNetns();
    const error = await refusalOf(
      host.netns.createMacvlan({ parent: 'p0', [written]: 'x' } as { parent: string }),
    );
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain(`'${meant}'`);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is an unknown option and changes no prototype',
    async (name) => {
      const host = await bed.makeNetns();
      const options = JSON.parse(`{"parent": "p0", "${name}": {"mtu": 1400}}`);
      const error = await refusalOf(host.netns.createMacvlan(options));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
      expect(error.message).toContain(`options.${name} is not a known option`);
      expect(({} as { mtu?: unknown }).mtu).toBeUndefined();
      expect(await host.routeSockets()).toBe(0);
    },
  );
});

test('a very long option’s name makes a message of only a few lines', async () => {
  const host = await bed.makeNetns();
  const changes = { ['x'.repeat(1_000_000)]: 1 } as object;
  const error = await refusalOf(host.netns.setLink('lo', changes));
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  expect(error.message).toMatch(
    /^setLink: changes\.x{20,}\.\.\. is not a known option; received 1$/,
  );
  expect(error.message.length).toBeLessThan(300);
});

test('what a library adds to every object is neither an option nor a part of a request', async () => {
  const program = `
    import { createLink, createMacvlan, Netns } from 'macvlan-netlink';
    const netns = Netns.current();
    Object.prototype.extended = function () {};
    await createLink({ kind: 'veth', name: 'p0', up: true, peer: { name: 'p1', up: true } });
    await createMacvlan({ parent: 'p0', name: 'm0', addresses: ['192.0.2.1/24'], mode: 'source', sources: [] });
    await netns.setLink('m0', { up: true });
    await netns.setMacvlan('m0', { mode: 'bridge' });
    await netns.addRoute({ to: '198.51.100.0/24', nextHops: [{ via: '192.0.2.2', weight: 2 }, { via: '192.0.2.3' }] });
    await netns.addRule({ priority: 7, table: 9 });
    await netns.addNeighbour('m0', { address: '192.0.2.9', mac: '02:00:00:00:00:09' });
    await netns.watch({ initial: true }).return();
    const found = [
      (await netns.listLinks()).length,
      (await netns.listLinks({ parent: 'p0' })).length,
      (await netns.listAddresses({ link: 'm0', family: 'IPv4' })).length,
      (await netns.listRoutes({ link: 'm0' })).filter(({ nextHops }) => nextHops.length === 2).length,
      (await netns.listRules({ priority: 7 })).length,
      (await netns.listNeighbours({ link: 'm0', family: 'IPv4' })).length,
    ];
    await netns.deleteLinks(['m0', 'p0'], { ifExists: true });
    const { code } = await netns.createMacvlan({ parent: 'p0', extends: 1 }).catch((error) => error);
    console.log(JSON.stringify([found, code]));
  `;
  const [found, code] = await resultOf<[number[], string]>(program, { under: inPrivateNetns });
  expect(found).toEqual([4, 2, 1, 1, 1, 1]); // m0 and the other end of p0
  expect(code).toBe('ERR_INVALID_ARG_VALUE');
});

test('an unknown option is found among defaults, too', async () => {
  const host = await bed.makeNetns();
  const options = Object.create({ mdoe: 'bridge' });
  const error = await refusalOf(host.netns.setLink('lo', options));
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
});

describe('unusual objects', () => {
  test('are taken without a prototype, frozen, or with accessors', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    class Options {
      readonly parent = parent;
      get mode() {
        return 'bridge' as const;
      }
      get name() {
        return 'm2';
      }
    }
    await host.netns.createMacvlan(Object.assign(Object.create(null), { parent, name: 'm0' }));
    await host.netns.createMacvlan(Object.freeze({ parent, name: 'm1' }));
    await host.netns.createMacvlan(new Options());
    class Changes {
      readonly promiscuous = true;
      get mtu() {
        return 1300;
      }
    }
    await host.netns.setLink('m0', new Changes());
    expect(await host.link('m0')).toMatchObject({ mtu: 1300, promiscuity: 1 });
    expect(await host.names()).toEqual(expect.arrayContaining(['m0', 'm1', 'm2']));
    expect((await host.macvlan('m2')).mode).toBe('bridge');
  });

  test('pass on what an accessor throws', async () => {
    const host = await bed.makeNetns();
    const reason = new Error('an accessor’s own');
    const options = {
      parent: 'p0',
      get mtu(): number {
        throw reason;
      },
    };
    expect(await refusalOf(host.netns.createMacvlan(options))).toBe(reason);
    const { proxy, revoke } = Proxy.revocable({ parent: 'p0' }, {});
    revoke();
    const call = async () => host.netns.createMacvlan(proxy);
    expect(await refusalOf(call())).toBeInstanceOf(TypeError);
    expect(await host.routeSockets()).toBe(0);
  });

  // Values that are valid when they are checked may be different when they are sent.
  test('do not crash the process when they change while a call is under way', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.snapshot();
    const fine: Record<string, unknown> = {
      parent,
      name: 'm0',
      mode: 'source',
      mac: '02:00:00:00:00:01',
      mtu: 1400,
      index: 4711,
      group: 7,
      up: true,
      alias: 'alias',
      altNames: ['alt'],
      sources: ['02:00:00:00:00:02'],
      addresses: ['10.1.1.1/24'],
      routes: [{ to: '10.9.0.0/16' }],
      bcQueueLen: 7,
      addrGenMode: 'none',
      ipv4: { arpNotify: true },
      ipv6: { acceptRa: 0 },
      master: 1,
      netns: host.netns,
    };
    const strange = [
      undefined,
      null,
      '',
      'a/b',
      long,
      -1,
      1.5,
      Number.NaN,
      2 ** 40,
      {},
      [null],
      [[]],
      [{}],
      7n,
      Symbol('x'),
      () => 1,
      new Uint8Array(40),
    ];
    for (const name of Object.keys(fine)) {
      for (const value of strange) {
        for (const reads of [1, 2]) {
          let read = 0;
          const options = { ...fine };
          delete options.master;
          Object.defineProperty(options, name, {
            enumerable: true,
            get: () => (read++ < reads ? fine[name] : value),
          });
          const result = await host.netns
            .createMacvlan(options as { parent: string })
            .catch((error: unknown) => error);
          if (!(result instanceof Error)) {
            await host.netns.deleteLink((result as { index: number }).index);
          }
        }
      }
    }
    expect(await host.snapshot()).toEqual(before);
  });

  test('may hold thousands of addresses, and one that is refused undoes all', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const before = await host.snapshot();
    const addresses = Array.from({ length: 3000 }, (_, at) => `10.${at >> 8}.${at & 255}.1/32`);
    const link = await host.netns.createMacvlan({ parent, name: 'm0', addresses });
    expect(await host.addresses('m0')).toHaveLength(3000);
    await host.netns.deleteLink(link);
    const options = { parent, name: 'm0', addresses: [...addresses, '10.0.0.1/32'] };
    const error = await refusalOf(host.netns.createMacvlan(options));
    expect(error).toMatchObject({ code: 'EEXIST', part: 'addresses[3000]' });
    expect(await host.snapshot()).toEqual(before);
  });
});
