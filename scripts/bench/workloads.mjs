/**
 * What is measured.
 *
 * @typedef {object} Workload
 * @property {string} name for --workloads, and in the results
 * @property {string} title
 * @property {string} unit what the time is told for: each link, each request …
 * @property {readonly number[]} counts
 * @property {readonly number[]} [quick] the counts of a quick run; the same when left out
 * @property {boolean} [prepared] the links are there beforehand
 * @property {'space' | 'spaces' | 'names' | 'busy' | 'taps'} [target] what else is made beforehand: an
 *   empty namespace, `count` of them, only a name for those to be made, one with `count` links in it,
 *   or two macvtaps
 * @property {'links' | 'space' | 'none' | 'attached' | 'names'} [check] what is looked at afterwards
 * @property {'total' | 'latency' | 'growth' | 'import'} measures
 * @property {string} [reference] the workload whose limit this one is held against
 * @property {number} [watch] the count at which the event loop is watched
 * @property {readonly ('condvar' | 'apart')[]} [settings] in which it is watched once more: with condition
 *   variables that nobody waits for when they are signalled, or apart from the program that makes the links, on
 *   other processors
 */

/** @type {readonly Workload[]} */
export const workloads = Object.freeze([
  {
    name: 'create',
    title: 'Create, one awaited after another',
    unit: 'link',
    counts: [100, 1_000, 4_000],
    quick: [1_000],
    check: 'links',
    measures: 'total',
    watch: 1_000,
  },
  {
    name: 'create-all',
    title: 'Create, all at once',
    unit: 'link',
    counts: [1_000, 4_000],
    check: 'links',
    measures: 'total',
    watch: 4_000,
  },
  {
    name: 'create-into',
    title: 'Create in another namespace, one awaited after another',
    unit: 'link',
    counts: [1_000],
    target: 'space',
    check: 'space',
    measures: 'total',
    watch: 1_000,
  },
  {
    name: 'create-warm',
    title: 'Create, one awaited after another, by a program that has made thousands already',
    unit: 'link',
    counts: [1_000],
    check: 'links',
    measures: 'total',
    reference: 'create',
    watch: 1_000,
  },
  {
    name: 'create-into-warm',
    title: 'The same, in another namespace',
    unit: 'link',
    counts: [1_000],
    target: 'space',
    check: 'space',
    measures: 'total',
    reference: 'create-into',
  },
  {
    name: 'create-all-warm',
    title: 'Create, all at once, by a program that has made thousands already',
    unit: 'link',
    counts: [1_000, 4_000],
    quick: [1_000],
    check: 'links',
    measures: 'total',
    reference: 'create-all',
    watch: 4_000,
  },
  {
    name: 'delete',
    title: 'Delete',
    unit: 'link',
    counts: [100, 1_000, 4_000],
    quick: [1_000, 4_000],
    prepared: true,
    check: 'none',
    measures: 'total',
    watch: 4_000,
  },
  {
    name: 'delete-calls',
    title: 'Delete, each by a call of its own, all at once',
    unit: 'link',
    counts: [1_000],
    prepared: true,
    check: 'none',
    measures: 'total',
    reference: 'delete',
    watch: 1_000,
  },
  {
    name: 'delete-each',
    title: 'Delete, one awaited after another',
    unit: 'link',
    counts: [20],
    prepared: true,
    check: 'none',
    measures: 'total',
  },
  {
    name: 'list',
    title: 'List',
    unit: 'link',
    counts: [100, 1_000, 4_000],
    quick: [1_000, 4_000],
    prepared: true,
    measures: 'total',
    watch: 10_000,
    settings: ['condvar'],
  },
  {
    name: 'attach',
    title:
      'Attach containers (link in a fresh namespace, address, up, loopback up): ' +
      'macvlan-netlink all at once, the others one after another',
    unit: 'container',
    counts: [200],
    target: 'spaces',
    check: 'attached',
    measures: 'total',
    watch: 200,
  },
  {
    name: 'attach-warm',
    title: 'Attach containers, all at once, by a program that has attached hundreds already',
    unit: 'container',
    counts: [200],
    target: 'spaces',
    check: 'attached',
    measures: 'total',
    reference: 'attach',
    watch: 200,
  },
  {
    name: 'attach-each',
    title: 'Attach containers, one awaited after another',
    unit: 'container',
    counts: [200],
    target: 'spaces',
    check: 'attached',
    measures: 'total',
    reference: 'attach',
  },
  {
    name: 'netns',
    title: 'Create named namespaces: macvlan-netlink all at once, the others one after another',
    unit: 'namespace',
    counts: [200],
    target: 'names',
    check: 'names',
    measures: 'total',
    watch: 200,
  },
  {
    name: 'latency',
    title: 'One request that changes nothing',
    unit: 'request',
    counts: [2_000],
    measures: 'latency',
  },
  {
    name: 'latency-busy',
    title: 'The same, each millisecond for as long as another namespace deletes N links one by one',
    unit: 'request',
    counts: [60],
    quick: [30],
    target: 'busy',
    measures: 'latency',
  },
  {
    name: 'growth',
    title: 'With growing numbers of links',
    unit: 'link',
    counts: [10_000],
    quick: [2_000],
    measures: 'growth',
  },
  {
    name: 'watch',
    title: 'Watch links come and go, a thousand at a time',
    unit: 'link',
    counts: [10_000],
    quick: [3_000],
    check: 'none',
    measures: 'total',
    watch: 10_000,
    settings: ['condvar', 'apart'],
  },
  ...['out', 'in'].flatMap((way) =>
    [64, 1_500].map((size) => ({
      name: `tap-${way}-${size}`,
      title: `${way === 'out' ? 'Send' : 'Receive'} frames of ${size} bytes through a macvtap`,
      unit: 'frame',
      counts: [300_000],
      quick: [100_000],
      target: /** @type {const} */ ('taps'),
      measures: /** @type {const} */ ('total'),
    })),
  ),
  {
    name: 'import',
    title: 'Import the package',
    unit: 'import',
    counts: [1],
    measures: 'import',
  },
]);

/** @param {string} name */
export function workloadNamed(name) {
  const found = workloads.find((workload) => workload.name === name);
  if (found === undefined) throw new Error(`no workload '${name}'`);
  return found;
}
