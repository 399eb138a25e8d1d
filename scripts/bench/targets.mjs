/**
 * The targets for this package, each compared with a figure of the same run.
 *
 * @typedef {object} Target
 * @property {string} title
 * @property {'ratio' | 'calls' | 'latency' | 'faster' | 'stall' | 'import'} kind
 * @property {string} workload
 * @property {number} [count] left out: those of the workload, or the one at which its event loop is watched
 * @property {import('./rounds.mjs').Setting} [setting] left out: the usual one
 * @property {number} bound at most; for 'faster' at least
 * @property {string} unit
 */

/** @type {readonly Target[]} */
export const targets = Object.freeze([
  ratio('create 1,000 one by one, each awaited', 'create', 1_000, 1.12),
  ratio('create 1,000 one by one, once thousands were made', 'create-warm', 1_000, 1.12),
  ratio('create 1,000 all at once', 'create-all', 1_000, 1.05),
  ratio('create 4,000 all at once', 'create-all', 4_000, 1.05),
  ratio('create 1,000 all at once, once thousands were made', 'create-all-warm', 1_000, 1.05),
  ratio('create 4,000 all at once, once thousands were made', 'create-all-warm', 4_000, 1.05),
  ratio('create 1,000 in another namespace, each awaited', 'create-into', 1_000, 1.08),
  ratio('in another namespace, once thousands were made', 'create-into-warm', 1_000, 1.08),
  ratio('deleteLinks of 1,000', 'delete', 1_000, 1.1),
  ratio('deleteLinks of 4,000', 'delete', 4_000, 1.1),
  {
    title: 'deleteLinks of 1,000 against C one by one, each link',
    kind: 'faster',
    workload: 'delete',
    count: 1_000,
    bound: 100,
    unit: '× faster',
  },
  {
    title: '1,000 deleteLink calls at once, against deleteLinks',
    kind: 'calls',
    workload: 'delete-calls',
    count: 1_000,
    bound: 1.25,
    unit: '× deleteLinks',
  },
  ratio('listLinks of 4,000', 'list', 4_000, 1.4),
  ratio('attach 200', 'attach', 200, 1.15),
  ratio('attach 200, once hundreds were attached', 'attach-warm', 200, 1.15),
  ratio('create 200 namespaces', 'netns', 200, 1.15),
  {
    title: 'one awaited setLink that changes nothing, p50 above C',
    kind: 'latency',
    workload: 'latency',
    bound: 12,
    unit: 'µs',
  },
  ...[
    'create',
    'create-all',
    'create-all-warm',
    'create-into',
    'delete',
    'delete-calls',
    'list',
    'attach',
    'attach-warm',
    'netns',
  ].map((workload) => ({
    title: `longest event-loop stall, ${workload}`,
    kind: /** @type {const} */ ('stall'),
    workload,
    bound: 2,
    unit: 'ms',
  })),
  ...[
    { setting: /** @type {const} */ ('usual'), where: '' },
    { setting: /** @type {const} */ ('condvar'), where: ' with signals that do not wait' },
    { setting: /** @type {const} */ ('apart'), where: ' on a processor of their own' },
  ].map(({ setting, where }) => ({
    title: `longest event-loop stall, watching 10,000 come and go${where}`,
    kind: /** @type {const} */ ('stall'),
    workload: 'watch',
    setting,
    bound: 5,
    unit: 'ms',
  })),
  ...['out', 'in'].map((way) => ({
    title: `a frame of 1,500 bytes ${way === 'out' ? 'sent' : 'received'} through a macvtap`,
    kind: /** @type {const} */ ('ratio'),
    workload: `tap-${way}-1500`,
    bound: 2.5,
    unit: '× C',
  })),
  {
    title: 'import, above an empty module',
    kind: 'import',
    workload: 'import',
    bound: 15,
    unit: 'ms',
  },
]);

/**
 * @param {string} title
 * @param {string} workload
 * @param {number} count
 * @param {number} bound
 * @returns {Target}
 */
function ratio(title, workload, count, bound) {
  return { title, kind: 'ratio', workload, count, bound, unit: '× C' };
}
