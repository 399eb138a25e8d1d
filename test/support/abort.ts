/** What operations with a signal are tried on. */
import type { Link, Netns } from '../../lib/index.js';
import type { Testbed, TestNetns } from './testbed.js';

export const reason = new Error('the reason of this test');

export interface AbortSetup {
  readonly host: TestNetns;
  readonly netns: Netns;
  readonly parent: string;
  readonly link: Link;
}

/** A namespace with a parent, a macvlan in source mode on it with a neighbour 10.0.0.8, and a route to 10.8.0.0/16. */
export async function setUpForAbort(bed: Testbed): Promise<AbortSetup> {
  const host = await bed.makeNetns();
  const { netns } = host;
  const parent = await host.parent();
  const link = await netns.createMacvlan({ parent, name: 'old', mode: 'source' });
  await host.ip('neigh', 'add', '10.0.0.8', 'lladdr', '02:00:00:00:00:08', 'dev', 'old');
  await host.ip('route', 'add', '10.8.0.0/16', 'dev', 'lo');
  return { host, netns, parent, link };
}
