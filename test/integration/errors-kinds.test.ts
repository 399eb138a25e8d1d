/** Errors of other kinds of devices, whose errnos mean something else than those of macvlan. */
import { expect, type TestContext, test } from 'vitest';
import { moduleOf, moduleState } from '../../lib/diagnosis/modules.js';
import { refusalOf, supportFile, type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

/**
 * Makes a link with `ip`; skips the test where the kernel has no links of that kind, or would have to load their module
 * first: some make links of their own, as bonding makes a bond0 in the machine's namespace.
 */
async function make(
  { skip }: TestContext,
  host: TestNetns,
  ...args: readonly string[]
): Promise<void> {
  const kind = args[args.indexOf('type') + 1] ?? '';
  const module = kind === 'bond' ? 'bonding' : moduleOf(kind);
  skip((await moduleState(module)) === 'loadable', `the module ${module} is not loaded`);
  try {
    await host.ip('link', 'add', ...args);
  } catch (error) {
    skip(
      /Unknown device type/.test(String(error)),
      `the kernel has no such link: ${args.join(' ')}`,
    );
    throw error;
  }
}

test('EPERM of a bond, which takes no port that is up, is not explained by missing rights', async (ctx) => {
  const [host, inside] = [await bed.makeNetns(), await bed.makeNetns()];
  const parent = await host.parent();
  await make(ctx, host, 'bond0', 'type', 'bond');
  await inside.ip('link', 'add', 'bond1', 'type', 'bond');
  const refusals = await Promise.all([
    refusalOf(host.netns.setLink(parent, { master: 'bond0' })),
    refusalOf(host.netns.createMacvlan({ parent, up: true, master: 'bond0' })),
    refusalOf(host.netns.createMacvlan({ parent, up: true, master: 'bond1', netns: inside.netns })),
  ]);
  for (const error of refusals) {
    expect(error).toMatchObject({ code: 'EPERM', kernelMessage: expect.stringContaining('up') });
    expect(error.hint).toBeUndefined();
  }
});

test('EADDRINUSE about a UDP port or an IP address is not explained by a MAC', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await host.ip('link', 'add', 'v0', 'type', 'vxlan', 'id', '5', 'dstport', '4789');
  // Of another kind, which does not share the port of UDP.
  await host.ip('link', 'add', 'v1', 'type', 'vxlan', 'id', '6', 'dstport', '4789', 'gbp');
  await host.ip('link', 'set', 'v0', 'up');
  const port = await refusalOf(host.netns.setLink('v1', { up: true }));
  expect(port).toMatchObject({ code: 'EADDRINUSE' });
  expect(port.hint).toBeUndefined();
  await make(ctx, host, 'i0', 'link', parent, 'type', 'ipvlan');
  await host.ip('link', 'add', 'i1', 'link', parent, 'type', 'ipvlan');
  for (const name of ['i0', 'i1']) await host.ip('link', 'set', name, 'up');
  for (const address of ['10.0.0.1/24', 'fd00::1/64']) {
    await host.ip('address', 'add', address, 'dev', 'i0');
    const ip = await refusalOf(host.netns.addAddress('i1', address));
    expect(ip).toMatchObject({ code: 'EADDRINUSE' });
    expect(ip.hint).toBeUndefined();
  }
});

test('EBUSY of a master that is below the link itself is explained by that', async () => {
  const host = await bed.makeNetns();
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  await host.ip('link', 'add', 'br1', 'type', 'bridge');
  await host.ip('link', 'add', 'm0', 'link', 'br0', 'type', 'macvlan', 'mode', 'bridge');
  const direct = await refusalOf(host.netns.setLink('m0', { master: 'br0' }));
  expect(direct).toMatchObject({ code: 'EBUSY' });
  expect(direct.hint).toBe("'br0' cannot be both below 'm0' and its master.");
  await host.ip('link', 'set', 'm0', 'master', 'br1');
  const options = { parent: 'br1', name: 'm1', master: 'br0' };
  const created = await refusalOf(host.netns.createMacvlan(options));
  expect(created).toMatchObject({ code: 'EBUSY', part: 'master' });
  expect(created.hint).toBe("'br0' cannot be both below 'm1' and its master.");
});

test('EBUSY of a VXLAN, whose underlying link a listing does not show, is not explained by a macvlan on it', async () => {
  const host = await bed.makeNetns();
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  const vxlan = ['type', 'vxlan', 'id', '5', 'dstport', '4789'];
  await host.ip('link', 'add', 'v0', ...vxlan, 'dev', 'br0');
  const error = await refusalOf(host.netns.setLink('v0', { master: 'br0' }));
  expect(error).toMatchObject({ code: 'EBUSY' });
  expect(error.hint).toBeUndefined();
});

test('ENETDOWN of a VLAN, which does not come up on a parent that is down, is explained by that', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent({ up: false });
  await make(ctx, host, 'v0', 'link', parent, 'type', 'vlan', 'id', '7');
  const hint = `The parent '${parent}' is down, and a VLAN comes up only when its parent is up.`;
  const told = { code: 'ENETDOWN', hint };
  const options = { kind: 'vlan', parent, id: 8, up: true } as const;
  expect(await refusalOf(host.netns.createLink(options))).toMatchObject(told);
  expect(await refusalOf(host.netns.setLink('v0', { up: true }))).toMatchObject(told);
  const later = await refusalOf(host.netns.createLink({ ...options, addrGenMode: 'none' }));
  expect(later).toMatchObject({ ...told, part: 'up' });
  await host.netns.setLink(parent, { up: true });
  await host.netns.createLink(options);
  await host.netns.setLink('v0', { up: true });
});

test('an MTU above the parent’s is explained by that, of a VLAN and of what a bond or a team gives its ports', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent({ mtu: 1400 });
  await make(ctx, host, 'v0', 'link', parent, 'type', 'vlan', 'id', '7');
  await host.ip('link', 'add', 'm0', 'link', parent, 'type', 'macvlan', 'mode', 'bridge');
  const own = await refusalOf(host.netns.setLink('v0', { mtu: 1450 }));
  const above = `The MTU of 1450 is above the parent's: '${parent}' has 1400.`;
  expect(own).toMatchObject({ code: 'ERANGE', hint: above });
  for (const master of ['bond', 'team']) {
    await make(ctx, host, master, 'type', master);
    const told = (name: string) =>
      `The ${master} '${master}' gives its ports its own MTU of 1500, which is above that of the parent of '${name}': '${parent}' has 1400.`;
    const vlan = await refusalOf(host.netns.setLink('v0', { master }));
    expect(vlan).toMatchObject({ code: 'ERANGE', hint: told('v0') });
    const macvlan = await refusalOf(host.netns.setLink('m0', { master }));
    expect(macvlan).toMatchObject({ code: 'EINVAL', hint: told('m0') });
    const options = { parent, name: 'm1', master };
    const created = await refusalOf(host.netns.createMacvlan(options));
    expect(created).toMatchObject({ code: 'EINVAL', part: 'master', hint: told('m1') });
    await host.ip('link', 'set', master, 'mtu', '1400');
    await host.netns.createMacvlan(options);
    await host.netns.deleteLink('m1');
  }
});

test('EPERM of the MTU of a team’s port names the team', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent({ up: false });
  await make(ctx, host, 'team0', 'type', 'team');
  await host.ip('link', 'set', parent, 'master', 'team0');
  const error = await refusalOf(host.netns.setLink(parent, { mtu: 1400 }));
  expect(error).toMatchObject({ code: 'EPERM' });
  expect(error.hint).toContain(`is a port of team 'team0'`);
  await host.netns.setLink('team0', { mtu: 1400 });
  expect(await host.link(parent)).toMatchObject({ mtu: 1400 });
});

test('EOPNOTSUPP of a MAC that the driver keeps is explained by that', async (ctx) => {
  const host = await bed.makeNetns();
  await make(ctx, host, 'i0', 'type', 'ifb');
  await host.ip('link', 'add', 'm0', 'link', 'i0', 'type', 'macvlan', 'mode', 'passthru');
  const mac = '02:00:00:00:00:07';
  const own = await refusalOf(host.netns.setLink('i0', { mac, txQueueLen: 5 }));
  expect(own).toMatchObject({ code: 'EOPNOTSUPP' });
  expect(own.hint).toContain("The MAC of 'i0' cannot be changed");
  const child = await refusalOf(host.netns.setLink('m0', { mac }));
  expect(child).toMatchObject({ code: 'EOPNOTSUPP' });
  expect(child.hint).toContain("The MAC of 'm0' cannot be changed");
});

test('EOPNOTSUPP of what comes after a MAC that was set is not explained by the MAC', async (ctx) => {
  const host = await bed.makeNetns();
  await make(ctx, host, 'vrf0', 'type', 'vrf', 'table', '10');
  const mac = '02:00:00:00:00:31';
  const error = await refusalOf(host.netns.setLink('lo', { mac, master: 'vrf0' }));
  expect(error).toMatchObject({
    code: 'EOPNOTSUPP',
    kernelMessage: expect.stringContaining('loopback'),
  });
  expect(error.hint).toBeUndefined();
  expect(await host.link('lo')).toMatchObject({ address: mac });
});

test('a port of an Open vSwitch is not told to put the macvlan on the switch’s device', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  try {
    await host.run('python3', supportFile('ovs-port.py'), parent);
  } catch (error) {
    ctx.skip(/no Open vSwitch/.test(String(error)), 'the kernel has no Open vSwitch');
    throw error;
  }
  const error = await refusalOf(host.netns.createMacvlan({ parent }));
  expect(error).toMatchObject({ code: 'EBUSY' });
  expect(error.hint).toBe(
    `The parent '${parent}' is a port of openvswitch 'ovs0', and a port can have no macvlan.`,
  );
  for (const changes of [{ master: null }, { master: 'br0' }]) {
    if (changes.master !== null) await host.ip('link', 'add', changes.master, 'type', 'bridge');
    const leaves = await refusalOf(host.netns.setLink(parent, changes));
    expect(leaves).toMatchObject({ code: 'EOPNOTSUPP' });
    expect(leaves.hint).toContain(`is a port of openvswitch 'ovs0'`);
  }
});

test('EBUSY of a team has the kernel’s own message and no hint', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await make(ctx, host, 'team0', 'type', 'team');
  const options = { parent, up: true, master: 'team0' };
  const error = await refusalOf(host.netns.createMacvlan(options));
  expect(error).toMatchObject({ code: 'EBUSY', part: 'master' });
  expect(error.kernelMessage).toContain('up');
  expect(error.hint).toBeUndefined();
});

test('EBUSY of a parent in a VRF, which does not receive its frames, is not explained by the VRF', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await make(ctx, host, 'vrf0', 'type', 'vrf', 'table', '10');
  await host.ip('link', 'set', parent, 'master', 'vrf0');
  await host.netns.deleteLink(await host.netns.createMacvlan({ parent }));
  await make(ctx, host, 'i0', 'link', parent, 'type', 'ipvlan');
  const error = await refusalOf(host.netns.createMacvlan({ parent }));
  expect(error).toMatchObject({ code: 'EBUSY' });
  expect(error.hint).toContain(
    `The ipvlan 'i0' (index ${(await host.link('i0')).ifindex}) already`,
  );
});

test('EBUSY of a parent that an ipvlan or a MACsec link is on names that link', async (ctx) => {
  for (const kind of ['ipvlan', 'macsec']) {
    const host = await bed.makeNetns();
    const parent = await host.parent({ up: false });
    await make(ctx, host, 'x0', 'link', parent, 'type', kind);
    const { ifindex } = await host.link('x0');
    for (const mode of ['bridge', 'passthru'] as const) {
      const error = await refusalOf(host.netns.createMacvlan({ parent, mode }));
      expect(error).toMatchObject({ code: 'EBUSY' });
      expect(error.hint).toContain(`The ${kind} 'x0' (index ${ifindex}) already receives`);
    }
    for (const master of ['bridge', 'bond', 'team']) {
      await make(ctx, host, master, 'type', master);
      const error = await refusalOf(host.netns.setLink(parent, { master }));
      expect(error).toMatchObject({ code: 'EBUSY' });
      expect(error.hint).toBe(
        `The link '${parent}' has 'x0' (index ${ifindex}) on it, and cannot be a port of '${master}' as well.`,
      );
    }
    // What the hint says is so: without that link both work.
    await host.ip('link', 'delete', 'x0');
    await host.netns.deleteLink(await host.netns.createMacvlan({ parent }));
    await host.netns.setLink(parent, { master: 'bridge' });
  }
});

test('EBUSY of an ipvtap, whose frames its own device takes, is explained by that', async (ctx) => {
  const host = await bed.makeNetns();
  await make(ctx, host, 'tap0', 'link', await host.parent(), 'type', 'ipvtap');
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  const hint = expect.stringContaining("of kind 'ipvtap'");
  const made = await refusalOf(host.netns.createMacvlan({ parent: 'tap0' }));
  expect(made).toMatchObject({ code: 'EBUSY', hint });
  expect(made.hint).toContain('hands its frames to its character device');
  const port = await refusalOf(host.netns.setLink('tap0', { master: 'br0' }));
  expect(port).toMatchObject({ code: 'EBUSY', hint });
  expect(port.hint).toContain('hands its frames to its character device');
  const opened = await refusalOf(host.netns.openTap('tap0'));
  expect(opened).toMatchObject({ code: 'EINVAL', hint });
  expect(opened.hint).not.toContain('only a macvtap has');
});

test('EINVAL of a device that lets nothing else receive its frames is explained by that', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  const told = (kind: string, error: object) => {
    const hint = expect.stringContaining(
      `of kind '${kind}', which lets nobody else receive its frames`,
    );
    expect(error).toMatchObject({ code: 'EINVAL', hint });
  };
  await make(ctx, host, 'i0', 'link', parent, 'type', 'ipvlan');
  await make(ctx, host, 'vrf0', 'type', 'vrf', 'table', '10');
  for (const mode of ['bridge', 'passthru'] as const) {
    told('ipvlan', await refusalOf(host.netns.createMacvlan({ parent: 'i0', mode })));
    told('vrf', await refusalOf(host.netns.createMacvlan({ parent: 'vrf0', mode })));
  }
  told('ipvlan', await refusalOf(host.netns.setLink('i0', { master: 'br0' })));
  await make(ctx, host, 'team0', 'type', 'team');
  told('ipvlan', await refusalOf(host.netns.setLink('i0', { master: 'team0' })));
});

test('EINVAL of a veth names the end whose MTU a veth cannot have', async () => {
  const host = await bed.makeNetns();
  for (const [mtu, allowed] of [
    [67, 68],
    [65_536, 65_535],
  ] as const) {
    const told = (option: string) => ({
      code: 'EINVAL',
      hint: `A veth can have an MTU of 68 to 65535, and '${option}' is ${mtu}.`,
    });
    const create = (options: object) => host.netns.createLink({ kind: 'veth', ...options });
    expect(await refusalOf(create({ mtu }))).toMatchObject(told('mtu'));
    const peer = create({ mtu: allowed, peer: { mtu } });
    expect(await refusalOf(peer)).toMatchObject(told('peer.mtu'));
  }
  const pair = { kind: 'veth', name: 'v0', mtu: 68, peer: { name: 'v1', mtu: 65_535 } } as const;
  await host.netns.createLink(pair);
  expect(await host.link('v0')).toMatchObject({ mtu: 68 });
  expect(await host.link('v1')).toMatchObject({ mtu: 65_535 });
});

test('a route by a gateway that only a port of a VRF reaches is explained by the VRF', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await make(ctx, host, 'vrf0', 'type', 'vrf', 'table', '10');
  await host.ip('link', 'set', 'vrf0', 'up');
  await host.ip('link', 'set', parent, 'master', 'vrf0');
  await host.ip('address', 'add', '10.3.0.1/24', 'dev', parent);
  await host.ip('address', 'add', 'fd03::1/64', 'dev', parent, 'nodad');
  for (const route of [
    { to: '10.8.0.0/16', via: '10.3.0.9' },
    { to: 'fd08::/64', via: 'fd03::9' },
  ]) {
    const { hint } = await refusalOf(host.netns.addRoute(route));
    expect(hint).toBe(
      `The gateway ${route.via} is in a prefix of '${parent}', a port of vrf 'vrf0', which has routes of its own: name the link '${parent}'.`,
    );
    await host.netns.addRoute({ ...route, link: parent });
  }
});

test('ERANGE of an MTU without room for a link’s own headers is explained by that', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await make(ctx, host, 's0', 'link', parent, 'type', 'macsec');
  await make(ctx, host, 'v0', 'link', 's0', 'type', 'vlan', 'id', '7');
  await make(ctx, host, 'bond', 'type', 'bond');
  const { mtu: most } = await host.link('s0');
  const told = (name: string, below: string, mtu: number) => ({
    code: 'ERANGE',
    hint: `The MTU of '${name}' has to leave room for the headers that it adds: its parent '${below}' has ${mtu}.`,
  });
  const own = await refusalOf(host.netns.setLink('s0', { mtu: 1500 }));
  expect(own).toMatchObject(told('s0', parent, 1500));
  const port = await refusalOf(host.netns.setLink('s0', { master: 'bond' }));
  expect(port).toMatchObject(told('s0', parent, 1500));
  const vlan = await refusalOf(host.netns.setLink('v0', { mtu: most }));
  expect(vlan).toMatchObject(told('v0', 's0', most));
});

test('EINVAL of an MTU that a driver does not accept says that it is the MTU', async (ctx) => {
  const host = await bed.makeNetns();
  const parent = await host.parent();
  await make(ctx, host, 'v0', 'type', 'vxlan', 'id', '5', 'dstport', '4789', 'dev', parent);
  const error = await refusalOf(host.netns.setLink('v0', { mtu: 1500, txQueueLen: 5 }));
  expect(error).toMatchObject({ code: 'EINVAL' });
  const told = (name: string, mtu: number) =>
    `The MTU of '${name}' cannot be ${mtu}: its driver, or that of a link below it, does not accept that.`;
  expect(error.hint).toBe(told('v0', 1500));
  await make(ctx, host, 'bond', 'type', 'bond');
  await host.netns.createMacvlan({ parent, name: 'm0', master: 'bond' });
  const bond = await refusalOf(host.netns.setLink('bond', { mtu: 9000 }));
  expect(bond).toMatchObject({ code: 'EINVAL', hint: told('bond', 9000) });
  // Something else is refused here, after the MTU has been changed.
  await host.ip('link', 'add', 'br0', 'type', 'bridge');
  await make(ctx, host, 'w0', 'type', 'wireguard');
  const port = await refusalOf(host.netns.setLink('w0', { mtu: 1300, master: 'br0' }));
  expect(port).toMatchObject({ code: 'EINVAL' });
  expect(port.hint).toContain('a port of a bridge is an Ethernet device');
});
