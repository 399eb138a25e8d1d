// Numbers and names as people read them.

/** This package among the contestants. */
export const SELF = 'macvlan-netlink';

/** Three significant digits, with thousands separated. @param {number} value */
export function formatNumber(value) {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const digits = Math.min(3, Math.max(0, 2 - magnitude));
  return value.toLocaleString('en', { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

/** @param {number} us */
export const formatUs = (us) =>
  us >= 1_000 ? `${formatNumber(us / 1000)} ms` : `${formatNumber(us)} µs`;

/** @param {number} ms */
export const formatMs = (ms) => `${formatNumber(ms)} ms`;

/**
 * What a table's last column has: the slowest requests, how many frames a second, or memory.
 *
 * @param {import('./workloads.mjs').Workload} workload
 */
export const lastHead = ({ measures, unit }) =>
  measures === 'latency' ? 'p99' : unit === 'frame' ? 'frames a second' : 'peak memory';

/**
 * @param {import('./workloads.mjs').Workload} workload
 * @param {import('./summary.mjs').Row} row
 */
export function lastCell({ measures, unit }, { us, p99us, peakMiB }) {
  if (measures === 'latency') return p99us === undefined ? '' : formatUs(p99us.median);
  // The same program opens the devices for both, so its memory says nothing.
  if (unit === 'frame') return formatNumber(Math.round(1e6 / us.median));
  return `${formatNumber(Math.round(peakMiB))} MiB`;
}

/** @param {number} ratio */
export const formatRatio = (ratio) =>
  ratio >= 100
    ? formatNumber(Math.round(ratio))
    : ratio >= 10
      ? ratio.toFixed(1)
      : ratio.toFixed(2);

/**
 * @param {readonly { name: string, title: string }[]} contestants
 * @param {string} name
 */
export const titleOf = (contestants, name) =>
  contestants.find((one) => one.name === name)?.title ?? name;

const SETTINGS = Object.freeze({ usual: '', condvar: ', condvar', apart: ', apart' });

/**
 * What a row of longest turns is called.
 *
 * @param {{ workload: string, setting: import('./rounds.mjs').Setting }} stall
 */
export const stallName = ({ workload, setting }) => `${workload}${SETTINGS[setting]}`;

/**
 * The line with the reason in a failed program's output: Node and Python print the place first.
 *
 * @param {string} message
 */
export function gist(message) {
  const [first = '', ...more] = message.split('\n');
  const why = more.find((line) => /^\w*Error\b/.test(line));
  return why === undefined ? first : `${/^.*?exit code \d+: /.exec(first)?.[0] ?? ''}${why}`;
}
