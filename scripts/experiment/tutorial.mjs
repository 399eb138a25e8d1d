// The steps of every macvlan tutorial: two links on one parent, in two namespaces, reach each other.
import { CannotRun } from './errors.mjs';
import { checkSupport, Netns } from './library.mjs';
import { ADDRESSES, untilUp } from './physical.mjs';
import { Station } from './station.mjs';

/** @typedef {import('./library.mjs').Namespace} Namespace */
/** @typedef {import('./library.mjs').Link} Link */
/** @typedef {import('./library.mjs').Support} Support */
/** @typedef {import('./teardown.mjs').Teardown} Teardown */

/**
 * A link as it is seen in a namespace.
 *
 * @typedef {{ netns: string, link: Link, addresses: string[] }} Seen
 */
/**
 * What a step has shown.
 *
 * @typedef {{ id: 'support', title: string, support: Support }
 *   | { id: 'promiscuous', title: string, before: Seen, after: Seen }
 *   | { id: 'create' | 'move' | 'addresses' | 'view', title: string, links: Seen[] }
 *   | { id: 'reach', title: string, from: string, to: string, roundTripsMs: number[] }} Step
 */
/**
 * Does a step and tells it.
 *
 * @typedef {(title: string, work: (title: string) => Promise<Step>) => Promise<void>} Tell
 */
/** @typedef {{ parent: string, macv1: string, macv2: string, net1: string, net2: string }} Names */

/** What the machine's own namespace is called in what is shown. */
const MACHINE = 'machine';

const ECHOES = 5;

/**
 * How the link is at this moment.
 *
 * @param {string} label
 * @param {Namespace} netns
 * @param {import('../../lib/index.js').LinkRef} ref
 * @returns {Promise<Seen>}
 */
async function look(label, netns, ref) {
  const link = await netns.getLink(ref);
  const addresses = await netns.listAddresses({ link });
  return { netns: label, link, addresses: addresses.map(({ cidr }) => cidr) };
}

/**
 * Whether there is anything to show; makes the kernel load its modules.
 *
 * @param {Tell} tell
 */
export function showSupport(tell) {
  return tell('Does this kernel support macvlan?', async (title) => {
    const support = await checkSupport({ load: true });
    if (!support.netAdmin) {
      throw new CannotRun('Missing: CAP_NET_ADMIN in the network namespace of the parent.');
    }
    if (support.macvlan !== 'builtin' && support.macvlan !== 'loaded') {
      throw new CannotRun(
        `Missing: macvlan in this kernel, ${support.kernel} (its module is ${support.macvlan}).`,
      );
    }
    return { id: 'support', title, support };
  });
}

/**
 * @param {Teardown} teardown
 * @param {Namespace} machine
 * @param {Names} names
 * @param {Tell} tell
 */
export function setParentPromiscuous(teardown, machine, { parent }, tell) {
  return tell(`The parent, ${parent}, is set promiscuous`, async (title) => {
    const before = await look(MACHINE, machine, parent);
    await teardown.make(
      () => machine.setPromiscuous(parent, true),
      () => machine.setPromiscuous(parent, before.link.promiscuous),
    );
    return { id: 'promiscuous', title, before, after: await look(MACHINE, machine, parent) };
  });
}

/**
 * Two links and their namespaces, from nothing until they reach each other.
 *
 * @param {Teardown} teardown
 * @param {Namespace} machine
 * @param {Names} names
 * @param {number | undefined} firstIndex the links' indexes count on from here; undefined: as the
 *   library chooses
 * @param {Tell} tell
 */
export async function connectPair(teardown, machine, names, firstIndex, tell) {
  const { parent, macv1, macv2, net1, net2 } = names;
  const one = new Traveller(macv1, ADDRESSES.child1, machine, net1);
  const two = new Traveller(macv2, ADDRESSES.child2, machine, net2);
  const pair = [one, two];
  const lookAtPair = () => Promise.all(pair.map((each) => look(each.label, each.netns, each.name)));

  await tell(`${macv1} and ${macv2} are created on it, in bridge mode`, async (title) => {
    for (const [at, each] of pair.entries()) {
      const { name } = each;
      const index = firstIndex === undefined ? undefined : firstIndex + at;
      await teardown.make(
        () => machine.createMacvlan({ parent, name, index, mode: 'bridge' }),
        () => each.remove(),
      );
    }
    return { id: 'create', title, links: await lookAtPair() };
  });

  await tell(`${net1} and ${net2} are made, and the links moved in`, async (title) => {
    for (const each of pair) {
      const netns = await teardown.make(
        () => Netns.create(each.destination),
        async (made) => {
          await Netns.remove(each.destination);
          await made.close();
        },
      );
      // Undone before its namespace is.
      await teardown.make(
        () => each.move(netns),
        () => each.remove(),
      );
    }
    return { id: 'move', title, links: await lookAtPair() };
  });

  await tell('Addresses are added, links and loopback set up', async (title) => {
    for (const { netns, name, address } of pair) {
      await netns.addAddress(name, `${address}/24`);
      await netns.setLink(name, { up: true });
      await netns.setLink('lo', { up: true });
      await untilUp(netns, name, teardown.signal);
    }
    return { id: 'addresses', title, links: await lookAtPair() };
  });

  await tell('The view from inside each namespace', async (title) => {
    const links = [];
    for (const { netns, label } of pair) {
      for (const link of await netns.listLinks()) links.push(await look(label, netns, link));
    }
    return { id: 'view', title, links };
  });

  await tell(`${net2} reaches ${net1}`, async (title) => {
    await (await Station.open(teardown, one.netns)).answer(one.address);
    const station = await Station.open(teardown, two.netns);
    const roundTripsMs = await station.ask(one.address, { answers: ECHOES, patient: true });
    return { id: 'reach', title, from: two.address, to: one.address, roundTripsMs };
  });
}

/** A link of the pair, and where it has got to. */
class Traveller {
  #removed = false;

  /**
   * @param {string} name
   * @param {string} address
   * @param {Namespace} netns where it is
   * @param {string} destination the name of the namespace that it is to live in
   */
  constructor(name, address, netns, destination) {
    this.name = name;
    this.address = address;
    this.netns = netns;
    this.label = MACHINE;
    this.destination = destination;
  }

  /** @param {Namespace} netns */
  async move(netns) {
    await this.netns.moveLink(this.name, netns);
    this.netns = netns;
    this.label = this.destination;
  }

  /** Deletes it where it is; once. */
  async remove() {
    if (this.#removed) return;
    this.#removed = true;
    await this.netns.deleteLink(this.name);
  }
}
