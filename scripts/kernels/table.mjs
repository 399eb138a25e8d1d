// The results as text.

/** @param {readonly (readonly string[])[]} rows the first column to the left, the others to the right */
function columns(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  const cell = (text, at) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at]));
  return rows.map((row) => row.map(cell).join('   ').trimEnd()).join('\n');
}

/** Why tests were skipped, and how many for each reason. @param {import('./suite.mjs').Outcome} outcome */
function reasons({ release, skipped }) {
  if (skipped.length === 0) return '';
  /** @type {Map<string, number>} */
  const byReason = new Map();
  for (const { test, reason } of skipped) {
    const key = reason ?? `no reason given: ${test}`;
    byReason.set(key, (byReason.get(key) ?? 0) + 1);
  }
  const rows = [...byReason].map(([reason, count]) => `  ${count} × ${reason}`);
  return `\nSkipped on ${release}:\n${rows.join('\n')}\n`;
}

/** @param {readonly import('./suite.mjs').Outcome[]} outcomes */
export function formatOutcomes(outcomes) {
  const rows = outcomes.map(({ release, passed, failed, skipped, seconds }) => [
    release,
    ...[passed, failed, skipped.length].map(String),
    `${Math.round(seconds)} s`,
  ]);
  const table = columns([['kernel', 'passed', 'failed', 'skipped', 'took'], ...rows]);
  return `\n${table}\n${outcomes.map(reasons).join('')}`;
}
