// A "physical" network without a network card: a cable (a veth pair) from the machine to a switch (a
// bridge in a namespace of its own), and behind the switch another host.
import { setTimeout as sleep } from 'node:timers/promises';
import { Netns } from './library.mjs';

/** @typedef {import('./library.mjs').Namespace} Namespace */
/** @typedef {import('./teardown.mjs').Teardown} Teardown */

export const PARENT = 'phys0';
/** Who has which address in 52.1.1.0/24. */
export const ADDRESSES = Object.freeze({
  parent: '52.1.1.150',
  child1: '52.1.1.151',
  child2: '52.1.1.152',
  server: '52.1.1.200',
});

/**
 * A network namespace without a name, which goes when it is closed.
 *
 * @param {Teardown} teardown
 */
export function openNamespace(teardown) {
  return teardown.make(
    () => Netns.create(),
    (netns) => netns.close(),
  );
}

/**
 * Builds the network; its end in `machine` is the link `PARENT`.
 *
 * @param {Teardown} teardown
 * @param {Namespace} machine
 * @param {{ hairpin: boolean, index?: number | undefined }} options whether the switch may send a
 *   frame out by the port it came in by (reflective relay), and an index for the parent
 */
export async function buildNetwork(teardown, machine, { hairpin, index }) {
  const netswitch = await openNamespace(teardown);
  const server = await openNamespace(teardown);
  await netswitch.createLink({ kind: 'bridge', name: 'switch0', up: true });

  const parent = await teardown.make(
    () =>
      machine.createLink({
        kind: 'veth',
        name: PARENT,
        index,
        up: true,
        addresses: [`${ADDRESSES.parent}/24`],
        peer: { name: 'port1', netns: netswitch, up: true },
      }),
    (link) => machine.deleteLink(link),
  );
  await netswitch.setLink('port1', { master: 'switch0' });
  await netswitch.setLink('port1', { bridgePort: { hairpin } });

  await server.createLink({
    kind: 'veth',
    name: 'eth0',
    up: true,
    addresses: [`${ADDRESSES.server}/24`],
    peer: { name: 'port2', netns: netswitch, up: true },
  });
  await netswitch.setLink('port2', { master: 'switch0' });

  await untilUp(machine, PARENT, teardown.signal);
  for (const port of ['port1', 'port2']) await untilUp(netswitch, port, teardown.signal);
  const { mac } = await server.getLink('eth0');
  return { server, serverMac: String(mac), parentMac: String(parent.mac) };
}

/**
 * Waits until a link is operational, which the kernel notices some time after both of its ends are
 * up; a bridge forwards nothing to a port before.
 *
 * @param {Namespace} netns
 * @param {string} name
 * @param {AbortSignal} signal
 */
export async function untilUp(netns, name, signal) {
  const end = performance.now() + 5000;
  for (;;) {
    const { operState } = await netns.getLink(name);
    if (operState === 'up') return;
    if (performance.now() > end) throw new Error(`'${name}' does not come up: it is ${operState}`);
    await sleep(5, undefined, { signal });
  }
}
