// The five modes: who reaches whom, expected and observed.
import { isNetlinkError } from './library.mjs';
import { ADDRESSES, buildNetwork, openNamespace, PARENT } from './physical.mjs';
import { Station } from './station.mjs';
import { Teardown } from './teardown.mjs';

/** @typedef {import('./library.mjs').Namespace} Namespace */
/** @typedef {import('./library.mjs').MacvlanLink} MacvlanLink */
/** @typedef {import('./library.mjs').MacvlanMode} MacvlanMode */

/** @typedef {'yes' | 'no' | 'refused'} Outcome 'refused': the kernel did not let the child be made */
/**
 * Whether a child reaches somebody.
 *
 * @typedef {object} Reach
 * @property {Outcome | null} expected null: nobody can tell beforehand
 * @property {Outcome | null} observed null: not tried
 * @property {number | null} roundTripMs the shortest of three
 */
/**
 * A mode on a network. `sources`: whether the source lists name those whom the child is to reach.
 *
 * @typedef {object} Case
 * @property {MacvlanMode} mode
 * @property {boolean | null} hairpin null: the switch is not ours, and nobody can tell
 * @property {'listed' | 'unlisted'} [sources]
 * @property {readonly [Outcome | null, Outcome | null, Outcome | null]} expected to the other child,
 *   to the host behind the switch, to the parent's own address
 */
/**
 * A row of the table.
 *
 * @typedef {object} Row
 * @property {MacvlanMode} mode
 * @property {boolean | null} hairpin
 * @property {'listed' | 'unlisted' | null} sources
 * @property {Reach} childToChild
 * @property {Reach} childToHost
 * @property {Reach} childToParent
 * @property {{ code: string, message: string, hint: string | null } | null} refusal of the second child
 * @property {boolean} asExpected
 */

/**
 * What macvlan does (drivers/net/macvlan.c, Linux 6.18). What a child sends leaves by the parent, in
 * bridge mode unless it is for a sibling, and never turns to the parent itself
 * (macvlan_queue_xmit). So the rest depends on whether the switch sends it back, and on what the
 * parent then makes of a frame from one of its own children (macvlan_handle_frame): a broadcast, such
 * as an ARP request, of a child in vepa or bridge mode goes to its siblings and to the parent itself;
 * that of any other child goes back to that child alone, and to those whose source lists name it.
 *
 * @type {readonly Case[]}
 */
const CASES = [
  { mode: 'private', hairpin: false, expected: ['no', 'yes', 'no'] },
  { mode: 'private', hairpin: true, expected: ['no', 'yes', 'no'] },
  { mode: 'vepa', hairpin: false, expected: ['no', 'yes', 'no'] },
  { mode: 'vepa', hairpin: true, expected: ['yes', 'yes', 'yes'] },
  { mode: 'bridge', hairpin: false, expected: ['yes', 'yes', 'no'] },
  { mode: 'bridge', hairpin: true, expected: ['yes', 'yes', 'yes'] },
  { mode: 'passthru', hairpin: false, expected: ['refused', 'yes', 'no'] },
  { mode: 'passthru', hairpin: true, expected: ['refused', 'yes', 'no'] },
  { mode: 'source', sources: 'listed', hairpin: false, expected: ['no', 'yes', 'no'] },
  { mode: 'source', sources: 'listed', hairpin: true, expected: ['yes', 'yes', 'no'] },
  { mode: 'source', sources: 'unlisted', hairpin: false, expected: ['no', 'no', 'no'] },
  { mode: 'source', sources: 'unlisted', hairpin: true, expected: ['no', 'no', 'no'] },
];

/**
 * On a card of the machine: what the switch does is not known, nobody behind it is, the card is given
 * no address, and passthru would take all that the card receives away from the machine.
 *
 * @type {readonly Case[]}
 */
const CARD_CASES = [
  { mode: 'private', hairpin: null, expected: ['no', null, null] },
  { mode: 'vepa', hairpin: null, expected: [null, null, null] },
  { mode: 'bridge', hairpin: null, expected: ['yes', null, null] },
  { mode: 'source', sources: 'listed', hairpin: null, expected: [null, null, null] },
  { mode: 'source', sources: 'unlisted', hairpin: null, expected: ['no', null, null] },
];

/** A MAC that nobody here has; this range is for documentation (RFC 9542). */
const SOMEBODY_ELSE = '00:00:5e:00:53:01';

/** Networks that are tried at the same time: most of the time goes into waiting for no answer. */
const AT_ONCE = 3;

/**
 * Tries every case on a network made for it, so that no ARP cache and no switch remembers another.
 *
 * @param {AbortSignal} signal
 * @param {(done: number, total: number) => void} progress
 * @returns {Promise<Row[]>}
 */
export function tryModes(signal, progress) {
  return tryAll(CASES, AT_ONCE, progress, (item) =>
    Teardown.after(signal, async (teardown) => {
      const machine = await openNamespace(teardown);
      const hairpin = item.hairpin === true;
      const { server, serverMac, parentMac } = await buildNetwork(teardown, machine, { hairpin });
      await (await Station.open(teardown, server)).answer(ADDRESSES.server);
      await (await Station.open(teardown, machine)).answer(ADDRESSES.parent);
      const others = [serverMac, parentMac];
      return observe(teardown, await makeChildren(teardown, machine, PARENT, item, others), item);
    }),
  );
}

/**
 * Tries what can be tried on a card of the machine, one case after another.
 *
 * @param {AbortSignal} signal
 * @param {(done: number, total: number) => void} progress
 * @param {Namespace} machine
 * @param {string} card
 * @returns {Promise<Row[]>}
 */
export function tryModesOnCard(signal, progress, machine, card) {
  return tryAll(CARD_CASES, 1, progress, (item) =>
    Teardown.after(signal, async (teardown) =>
      observe(teardown, await makeChildren(teardown, machine, card, item, []), item),
    ),
  );
}

/**
 * @param {readonly Case[]} cases
 * @param {number} atOnce
 * @param {(done: number, total: number) => void} progress
 * @param {(item: Case) => Promise<Row>} attempt
 */
async function tryAll(cases, atOnce, progress, attempt) {
  /** @type {Row[]} */
  const rows = [];
  let next = 0;
  let done = 0;
  progress(done, cases.length);
  const lane = async () => {
    for (let at = next++; at < cases.length; at = next++) {
      rows[at] = await attempt(cases[at]);
      progress(++done, cases.length);
    }
  };
  // Every lane is waited for: it takes its own network down, whatever became of the others.
  const lanes = await Promise.allSettled(Array.from({ length: atOnce }, lane));
  const failed = lanes.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return rows;
}

/**
 * Two children, each in a namespace of its own; the second may be refused.
 *
 * @param {Teardown} teardown
 * @param {Namespace} machine
 * @param {string} parent
 * @param {Case} item
 * @param {readonly string[]} others the MACs of those whom the children are to hear in source mode
 */
async function makeChildren(teardown, machine, parent, { mode, sources }, others) {
  /** @param {string} name @param {string} address */
  const make = async (name, address) => {
    const netns = await openNamespace(teardown);
    const link = await teardown.make(
      () =>
        machine.createMacvlan({
          parent,
          name,
          netns,
          mode,
          up: true,
          addresses: [`${address}/24`],
        }),
      // Before its namespace goes: the kernel would only get round to it later.
      (made) => netns.deleteLink(made),
    );
    return { netns, link };
  };
  const first = await make('macv1', ADDRESSES.child1);
  const second = await make('macv2', ADDRESSES.child2).catch((error) => {
    if (isNetlinkError(error, 'EINVAL') && mode === 'passthru') return error;
    throw error;
  });
  if (second instanceof Error) return { first, refusal: second };
  if (sources !== undefined) {
    /** @param {MacvlanLink} sibling */
    const list = (sibling) =>
      sources === 'listed' ? [String(sibling.mac), ...others] : [SOMEBODY_ELSE];
    await first.netns.addSources(first.link, list(second.link));
    await second.netns.addSources(second.link, list(first.link));
  }
  return { first, second };
}

/**
 * @param {Teardown} teardown
 * @param {Awaited<ReturnType<typeof makeChildren>>} children
 * @param {Case} item
 * @returns {Promise<Row>}
 */
async function observe(teardown, { first, second, refusal }, item) {
  const station = await Station.open(teardown, first.netns);
  if (second !== undefined) {
    await (await Station.open(teardown, second.netns)).answer(ADDRESSES.child2);
  }
  const onCard = item.hairpin === null;
  const [childToChild, childToHost, childToParent] = await Promise.all(
    [ADDRESSES.child2, ADDRESSES.server, ADDRESSES.parent].map(async (address, at) => {
      const expected = item.expected[at];
      /** @type {(observed: Outcome | null, roundTripMs?: number | null) => Reach} */
      const reach = (observed, roundTripMs = null) => ({ expected, observed, roundTripMs });
      if (address === ADDRESSES.child2 && refusal !== undefined) return reach('refused');
      if (address !== ADDRESSES.child2 && onCard) return reach(null);
      const times = await station.ask(address, { answers: 3, patient: expected === 'yes' });
      return times.length === 0 ? reach('no') : reach('yes', Math.min(...times));
    }),
  );
  const fits = [childToChild, childToHost, childToParent].every(
    ({ expected, observed }) => expected === null || expected === observed,
  );
  return {
    mode: item.mode,
    hairpin: item.hairpin,
    sources: item.sources ?? null,
    childToChild,
    childToHost,
    childToParent,
    refusal: refusal === undefined ? null : describeRefusal(refusal),
    asExpected: fits,
  };
}

/** @param {import('../../lib/index.js').NetlinkError} error */
function describeRefusal({ code, message, hint }) {
  return { code, message, hint: hint ?? null };
}
