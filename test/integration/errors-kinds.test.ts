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
