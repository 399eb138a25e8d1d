// The results on the terminal.
import Table from 'cli-table3';
import picocolors from 'picocolors';
import {
  formatMs,
  formatNumber,
  formatRatio,
  formatUs,
  gist,
  lastCell,
  lastHead,
  SELF,
  stallName,
  titleOf,
} from './text.mjs';
import { workloads } from './workloads.mjs';

// Picocolors alone would colour a log file in CI as well; hasColors() knows NO_COLOR and TERM=dumb.
const colors = picocolors.createColors(process.stdout.isTTY === true && process.stdout.hasColors());
// No colours of its own, and a line under the head alone.
const style = { head: [], border: [] };
const noLine = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** @param {readonly string[]} head @param {readonly ('left' | 'right')[]} colAligns */
const newTable = (head, colAligns) =>
  new Table({
    head: head.map((text) => colors.bold(text)),
    colAligns: [...colAligns],
    style,
    chars: noLine,
  });

const say = (text) => process.stdout.write(`${text}\n`);

function emphasis(contestant, text) {
  if (contestant === SELF) return colors.bold(colors.green(text));
  return contestant === 'limit' ? colors.dim(text) : text;
}

/** @param {any} results @param {import('./workloads.mjs').Workload} workload */
function printWorkload({ rows, contestants }, workload) {
  const own = rows.filter((row) => row.workload === workload.name);
  if (own.length === 0) return;
  const latency = workload.measures === 'latency';
  const table = newTable(
    [
      '',
      'N',
      latency ? 'p50' : `each ${workload.unit}`,
      'quartiles',
      '× C',
      'quartiles',
      lastHead(workload),
    ],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  );
  const sorted = [...own].sort((a, b) => a.count - b.count || a.us.median - b.us.median);
  for (const row of sorted) {
    const { contestant, count, us, ratio } = row;
    table.push([
      emphasis(contestant, titleOf(contestants, contestant)),
      formatNumber(count),
      formatUs(us.median),
      `${formatUs(us.q1)}–${formatUs(us.q3)}`,
      ratio === null ? '' : emphasis(contestant, formatRatio(ratio.median)),
      ratio === null ? '' : `${formatRatio(ratio.q1)}–${formatRatio(ratio.q3)}`,
      lastCell(workload, row),
    ]);
  }
  say(`\n${colors.bold(workload.title)}`);
  say(table.toString());
}

function printStalls({ stalls, contestants }) {
  if (stalls.length === 0) return;
  const table = newTable(
    [
      '',
      'workload',
      'N',
      'longest',
      'worst run',
      'first turn',
      'later',
      'with waits',
      'without GC',
    ],
    ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
  );
  for (const stall of stalls) {
    table.push([
      emphasis(stall.contestant, titleOf(contestants, stall.contestant)),
      stallName(stall),
      formatNumber(stall.count),
      formatMs(stall.longestMs.median),
      formatMs(stall.worstMs),
      formatMs(stall.firstMs.median),
      formatMs(stall.laterMs.median),
      formatMs(stall.withWaitsMs.median),
      formatMs(stall.ownMs.median),
    ]);
  }
  say(
    `\n${colors.bold('The longest turn of the event loop (idle: does nothing; asking: calls of an empty function; objects: objects without a listing)')}`,
  );
  say(table.toString());
}

function printWatching({ watching, contestants }) {
  if (watching.length === 0) return;
  const table = newTable(
    ['', 'links', 'added', 'removed', 'resyncs', 'heap at first', 'heap at last'],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  );
  for (const { contestant, count, added, removed, resyncs, first, last } of watching) {
    table.push([
      emphasis(contestant, titleOf(contestants, contestant)),
      ...[count, added.median, removed.median, resyncs.median].map(formatNumber),
      ...[first, last].map(({ median }) => `${formatNumber(median)} MiB`),
    ]);
  }
  say(`\n${colors.bold('Watching (the heap after the first thousand and after the last)')}`);
  say(table.toString());
}

function printGrowth({ growth, contestants }) {
  if (growth.length === 0) return;
  const table = newTable(
    ['', 'links', 'create one', 'list each'],
    ['left', 'right', 'right', 'right'],
  );
  for (const { contestant, points } of growth) {
    for (const { links, createUs, listUs } of points) {
      table.push([
        emphasis(contestant, titleOf(contestants, contestant)),
        formatNumber(links),
        formatUs(createUs.median),
        formatUs(listUs.median),
      ]);
    }
  }
  say(`\n${colors.bold('With growing numbers of links')}`);
  say(table.toString());
}

function printTargets({ targets }) {
  if (targets.length === 0) return;
  const table = newTable(
    ['', 'target', 'measured', 'quartiles', ''],
    ['left', 'right', 'right', 'right', 'left'],
  );
  for (const { title, bound, unit, atLeast, measured, met, missedBy } of targets) {
    table.push([
      title,
      `${atLeast ? '≥' : '≤'} ${bound} ${unit}`,
      formatNumber(measured.median),
      `${formatNumber(measured.q1)}–${formatNumber(measured.q3)}`,
      met ? colors.green('met') : colors.red(`missed by ${formatNumber(Math.abs(missedBy))}`),
    ]);
  }
  say(`\n${colors.bold('Targets')}`);
  say(table.toString());
}

/** @param {any} results */
export function printTables(results) {
  for (const workload of workloads) printWorkload(results, workload);
  printStalls(results);
  printWatching(results);
  printGrowth(results);
  printTargets(results);
  for (const { title, reason } of results.absent) say(`Skipped: ${title} (${reason})`);
  for (const { contestant, workload, message } of results.failures) {
    const who = titleOf(results.contestants, contestant);
    say(colors.red(`Failed: ${who}, ${workload}: ${gist(message)}`));
  }
}
