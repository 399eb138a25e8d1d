// Each request can be withdrawn by the signal of its call.
import { expect, test } from 'vitest';
import { setMacvlan } from '../../lib/creation/macvlan.js';
import { changeAddress, listAddresses } from '../../lib/inet/addresses.js';
import { listNeighbours, putNeighbour, removeNeighbour } from '../../lib/inet/neighbours.js';
import { changeRoute, listRoutes } from '../../lib/inet/routes.js';
import { addRule, listRules, removeRule } from '../../lib/inet/rules.js';
import { deleteLink } from '../../lib/links/deletion.js';
import { getLink, listLinks } from '../../lib/links/links.js';
import { setLink, setPromiscuous } from '../../lib/links/setLink.js';
import { Call } from '../../lib/namespace/call.js';
import type { Namespace } from '../../lib/namespace/namespace.js';
import { Agreeable } from '../support/agreeable.js';

const mac = '02:00:5e:10:00:01';
const neighbour = { address: '10.0.0.9', mac };
const rule = { priority: 100 };
const route = { to: '10.9.0.0/16', link: 3 };

test.each<[string, (namespace: Namespace, call: Call) => Promise<unknown>]>([
  ['getLink', (netns, call) => getLink(netns, call, 3)],
  ['listLinks', (netns, call) => listLinks(netns, call)],
  ['setLink', (netns, call) => setLink(netns, call, 'macv1', { mtu: 1400, addAltNames: ['web'] })],
  ['setPromiscuous', (netns, call) => setPromiscuous(netns, call, 3, true)],
  ['setMacvlan', (netns, call) => setMacvlan(netns, call, 3, { bcQueueLen: 9 })],
  ['deleteLink', (netns, call) => deleteLink(netns, call, 3)],
  ['addAddress', (netns, call) => changeAddress(netns, call, 'addAddress', 3, '10.0.0.1/24')],
  [
    'replaceAddress',
    (netns, call) => changeAddress(netns, call, 'replaceAddress', 3, '10.0.0.1/24'),
  ],
  ['listAddresses', (netns, call) => listAddresses(netns, call)],
  ['addRoute', (netns, call) => changeRoute(netns, call, 'addRoute', route)],
  ['listRoutes', (netns, call) => listRoutes(netns, call)],
  ['addRule', (netns, call) => addRule(netns, call, rule)],
  ['removeRule', (netns, call) => removeRule(netns, call, rule)],
  ['listRules', (netns, call) => listRules(netns, call)],
  ['addNeighbour', (netns, call) => putNeighbour(netns, call, 'addNeighbour', 'macv1', neighbour)],
  ['removeNeighbour', (netns, call) => removeNeighbour(netns, call, 3, '10.0.0.9')],
  ['listNeighbours', (netns, call) => listNeighbours(netns, call, { link: 3 })],
])('%s', async (operation, ask) => {
  const { signal } = new AbortController();
  const namespace = new Agreeable();
  await ask(namespace, new Call(operation, null, undefined, { signal }));
  expect(namespace.signals).not.toEqual([]);
  expect(new Set(namespace.signals)).toEqual(new Set([signal]));
});
