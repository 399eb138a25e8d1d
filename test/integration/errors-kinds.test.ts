/** What an error says where another kind of device answers with an errno that macvlan has for something else. */
import { expect, type TestContext, test } from 'vitest';
import { type Place, refusalOf, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

/** Makes a link with `ip`; skips the test where the kernel has no links of that kind. */
async function make({ skip }: TestContext, host: Place, ...args: readonly string[]): Promise<void> {
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

test('EPERM of a bond, which takes in no link that is up, is not put down to rights', async (ctx) => {
  const [host, inside] = [await bed.place(), await bed.place()];
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

test('EADDRINUSE of a port or of an IP address is not put down to a MAC', async (ctx) => {
  const host = await bed.place();
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
