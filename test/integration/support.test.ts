// What `checkSupport` says of this kernel and this process, against `ip` and the files of /proc.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, test } from 'vitest';
import { checkSupport, type ModuleState, Netns } from '../../lib/index.js';
import { becomeNobody, noNobody, resultOf, withoutCapabilities } from '../support/program.js';
import { refusalOf, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

type Kind = 'macvlan' | 'macvtap';

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** Whether `ip` can make a link of the kind with these words. */
async function canMake(host: TestNetns, parent: string, ...words: readonly string[]) {
  try {
    await host.ip('link', 'add', 'probe', 'link', parent, 'type', ...words);
    await host.ip('link', 'delete', 'probe');
    return true;
  } catch {
    return false;
  }
}

/** Where the module stands, once `ip` has made the kernel load it if it can. */
async function stateAfterUse(host: TestNetns, parent: string, kind: Kind): Promise<ModuleState> {
  const works = await canMake(host, parent, kind);
  const loaded = new RegExp(`^${kind} `, 'm').test(read('/proc/modules'));
  if (loaded) return 'loaded';
  return works ? 'builtin' : 'missing';
}

describe('checkSupport', () => {
  test('reports what this kernel has, once it is in use', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const macvlan = await stateAfterUse(host, parent, 'macvlan');
    const macvtap = await stateAfterUse(host, parent, 'macvtap');
    expect(await host.netns.checkSupport()).toMatchObject({
      kernel: release(),
      netAdmin: true,
      macvlan,
      macvtap,
    });
    expect(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()).toBe(release());
  });

  test('reports whether a link of the other kinds can be made', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    const support = await host.netns.checkSupport();
    for (const kind of ['veth', 'vlan', 'bridge', 'dummy'] as const) {
      const words = kind === 'vlan' ? [kind, 'id', '5'] : [kind];
      const works = await canMake(host, parent, ...words);
      expect([kind, support[kind]]).toEqual([
        kind,
        works ? expect.stringMatching(/^(?:builtin|loaded|loadable)$/) : 'missing',
      ]);
      if (works) expect((await host.netns.checkSupport())[kind]).not.toBe('loadable');
    }
  });

  test('reports the attributes that this kernel keeps when they are set', async () => {
    const host = await bed.makeNetns();
    const parent = await host.parent();
    await host.ip('link', 'add', 'mv0', 'link', parent, 'type', 'macvlan', 'bcqueuelen', '77');
    const [major = 0, minor = 0] = release().split('.').map(Number);
    expect((await host.netns.checkSupport()).features).toEqual({
      bcQueueLen: (await host.macvlan('mv0')).bcqueuelen === 77,
      // No version of `ip` in use here may know it, so the kernel's version has to do.
      bcCutoff: major > 6 || (major === 6 && minor >= 4),
      nodst: await canMake(host, parent, 'macvlan', 'mode', 'source', 'nodst'),
      source: await canMake(host, parent, 'macvlan', 'mode', 'source'),
    });
  });

  test('leaves nothing behind, and disturbs nothing', async () => {
    const host = await bed.makeNetns();
    await host.parent();
    await host.netns.checkSupport({ load: true });
    const before = await host.snapshot();
    const namespaces = () =>
      new Set(readdirSync('/proc/self/fd').map((fd) => read(`/proc/self/fdinfo/${fd}`))).size;
    const count = namespaces();
    await Promise.all(Array.from({ length: 10 }, () => host.netns.checkSupport({ load: true })));
    expect(await host.snapshot()).toEqual(before);
    expect(namespaces()).toBeLessThanOrEqual(count + 1); // the reading's own
  });

  test('loads with load: true what can be loaded', async () => {
    const host = await bed.makeNetns();
    const { macvlan, macvtap } = await host.netns.checkSupport({ load: true });
    const parent = await host.parent();
    expect(macvlan).toBe(await stateAfterUse(host, parent, 'macvlan'));
    expect(macvtap).toBe(await stateAfterUse(host, parent, 'macvtap'));
  });

  test('is a function of the module too, and the same in every namespace', async () => {
    const host = await bed.makeNetns();
    expect(await checkSupport()).toEqual(await host.netns.checkSupport());
  });

  test('refuses options it does not know', async () => {
    for (const [options, says] of [
      [{ loaded: true }, "did you mean 'load'?"],
      [{ load: 'yes' }, 'load must be a boolean'],
      [{ signal: 'now' }, 'signal must be an AbortSignal'],
      [42, 'must be an object'],
    ] as const) {
      const error = await refusalOf(checkSupport(options as never));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(says);
    }
  });

  test('without privileges says so, and reports the rest from what everybody can see', async () => {
    const privileged = await Netns.current().checkSupport();
    const program = `
      import { readFileSync } from 'node:fs';
      import { checkSupport } from 'macvlan-netlink';
      const capabilities = /^CapEff:\\s*(\\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
      console.log(JSON.stringify({
        capabilities: BigInt('0x' + capabilities).toString(),
        plain: await checkSupport(),
        load: await checkSupport({ load: true }),
      }));
    `;
    const expected = { ...privileged, netAdmin: false };
    expect(await resultOf(program, { under: withoutCapabilities })).toEqual({
      capabilities: '0',
      plain: expected,
      load: expected,
    });
  });

  test('does so as the user nobody, too (needs a second user)', async ({ skip }) => {
    skip(noNobody !== undefined, noNobody);
    // The process gives its identity up itself: another user may not be able to read this clone.
    const program = `
      import { checkSupport } from 'macvlan-netlink';
      ${becomeNobody}
      console.log(JSON.stringify(await checkSupport()));
    `;
    const privileged = await Netns.current().checkSupport();
    expect(await resultOf(program)).toEqual({ ...privileged, netAdmin: false });
  });
});
