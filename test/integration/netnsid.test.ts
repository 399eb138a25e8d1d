/** getNetnsid: by which id links and events name another namespace. */
import { expect, test } from 'vitest';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();

test('returns the id that ip has set, and null before', async () => {
  const [here, there] = [await bed.makeNetns(), await bed.makeNetns()];
  expect(await here.netns.getNetnsid(there.netns)).toBeNull();
  await here.ip('netns', 'set', there.name as string, '4711');
  const { pid } = await bed.background(there, 'sh', '-c', 'echo ready; read line');
  const refs = [there.netns, there.name as string, `/run/netns/${there.name}`, { pid }];
  for (const ref of [...refs, { fd: there.netns.fd }]) {
    expect(await here.netns.getNetnsid(ref)).toBe(4711);
  }
  expect(await there.netns.getNetnsid(here.netns)).toBeNull();
});

test('returns the id by which links name their parent’s namespace and events the target of a move', async () => {
  const [host, home, other] = [await bed.makeNetns(), await bed.makeNetns(), await bed.makeNetns()];
  const parent = await host.parent();
  // So that the ids differ.
  await home.ip('netns', 'set', other.name as string, '0');
  const link = await host.netns.createMacvlan({ parent, name: 'm0', netns: home.netns });
  const shown = await home.link('m0');
  const id = await home.netns.getNetnsid(host.netns);
  expect(id).toBe(shown.link_netnsid);
  expect(link.parent?.netnsid).toBe(id);
  const events = home.netns.watch();
  await home.netns.moveLink(link, other.netns);
  for await (const event of events) {
    if (event.type !== 'link' || event.action !== 'removed') continue;
    expect(event.movedTo?.netnsid).toBe(await home.netns.getNetnsid(other.netns));
    expect(event.movedTo?.netnsid).toBe(0);
    break;
  }
});

test('refuses what names no namespace', async () => {
  const { netns } = await bed.makeNetns();
  await expect(netns.getNetnsid('nobody')).rejects.toMatchObject({
    code: 'ENOENT',
    operation: 'getNetnsid',
    target: 'nobody',
  });
  await expect(netns.getNetnsid({ pid: 0 })).rejects.toMatchObject({
    code: 'ERR_OUT_OF_RANGE',
    message: expect.stringMatching(/^getNetnsid: \S+\.pid .*received 0/),
  });
  const other = await bed.makeNetns();
  await other.netns.close();
  await expect(netns.getNetnsid(other.netns)).rejects.toMatchObject({ code: 'ERR_NETNS_CLOSED' });
});
