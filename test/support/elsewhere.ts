/** Namespaces without names: of a process, and such as this process holds open. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { Netns } from '../../lib/index.js';
import type { Testbed, TestNetns } from './testbed.js';

/** A namespace without a name, in which a process runs. */
export async function makeContainer(bed: Testbed, host: TestNetns) {
  const { pid } = await bed.background(host, 'unshare', '--net', 'sh', '-c', 'echo ready; cat');
  return { pid, where: `the network namespace ${readlinkSync(`/proc/${pid}/ns/net`)}` };
}

/** A namespace that this process holds open, and nobody else knows. */
export async function makeUnnamed(bed: Testbed): Promise<Netns> {
  const netns = await Netns.create();
  bed.onCleanup(() => netns.close());
  return netns;
}

/** Lets go of a namespace that nobody can find then: another process has a descriptor of it, and is not in it. */
export async function hide(bed: Testbed, netns: Netns): Promise<void> {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit', netns.fd] });
  const exited = once(child, 'exit');
  bed.onCleanup(async () => {
    child.stdin?.end();
    await exited;
  });
  await netns.close();
}
