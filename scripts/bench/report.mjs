// The report: tables and plots of one run, as Markdown and as one HTML page.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawContestants, drawLatency, drawStalls, drawTargets } from './plots.mjs';
import { drawGrowth, drawMemory } from './scale-plots.mjs';
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

const NOT_ALIKE = `${SELF} all at once, the others one after another`;

/**
 * The workloads that the overview shows, with one count each.
 *
 * @type {readonly { workload: string, count: number, titleFor: (count: string) => string }[]}
 */
const OVERVIEW = [
  {
    workload: 'create',
    count: 1_000,
    titleFor: (count) => `Create a link (${count}, one after another)`,
  },
  {
    workload: 'create-into',
    count: 1_000,
    titleFor: (count) => `Create a link in another namespace (${count})`,
  },
  { workload: 'delete', count: 1_000, titleFor: (count) => `Delete a link (${count})` },
  { workload: 'list', count: 4_000, titleFor: (count) => `List a link (of ${count})` },
  {
    workload: 'attach',
    count: 200,
    titleFor: (count) => `Attach a container (${count}; ${NOT_ALIKE})`,
  },
  {
    workload: 'netns',
    count: 200,
    titleFor: (count) => `Create a namespace (${count}; ${NOT_ALIKE})`,
  },
];

/** The overview's workloads, at the counts that they were measured with. @param {any} results */
const overviewOf = (results) =>
  OVERVIEW.map(({ workload, count: usual, titleFor }) => {
    const count = results.count ?? usual;
    return { workload, count, title: titleFor(count.toLocaleString('en')) };
  });

/**
 * @typedef {object} Section
 * @property {string} title
 * @property {string} [text]
 * @property {{ file: string, alt: string, svg: string | null }} [plot]
 * @property {{ head: readonly string[], rows: readonly (readonly string[])[] }} [table]
 */

/** @param {import('./workloads.mjs').Workload} workload @param {any} results @param {any} row */
function rowCells(workload, results, row) {
  const { contestant, count, us, ratio } = row;
  return [
    titleOf(results.contestants, contestant),
    formatNumber(count),
    formatUs(us.median),
    `${formatUs(us.q1)}–${formatUs(us.q3)}`,
    ratio === null ? '' : formatRatio(ratio.median),
    ratio === null ? '' : `${formatRatio(ratio.q1)}–${formatRatio(ratio.q3)}`,
    String(us.samples),
    lastCell(workload, row),
  ];
}

function workloadSection(results, workload) {
  const own = results.rows.filter((row) => row.workload === workload.name);
  if (own.length === 0) return [];
  const latency = workload.measures === 'latency';
  const sorted = [...own].sort((a, b) => a.count - b.count || a.us.median - b.us.median);
  return [
    {
      title: workload.title,
      table: {
        head: [
          'contestant',
          'N',
          latency ? 'p50' : `each ${workload.unit}`,
          'quartiles',
          '× C',
          'quartiles',
          'rounds',
          lastHead(workload),
        ],
        rows: sorted.map((row) => rowCells(workload, results, row)),
      },
    },
  ];
}

function targetSection(results) {
  return {
    title: 'Targets',
    plot: { file: 'targets.svg', alt: 'Ratios and their targets', svg: drawTargets(results) },
    table: {
      head: ['what', 'target', 'measured (median)', 'quartiles', 'verdict'],
      rows: results.targets.map(({ title, bound, unit, atLeast, measured, met, missedBy }) => [
        title,
        `${atLeast ? 'at least' : 'at most'} ${bound} ${unit}`,
        formatNumber(measured.median),
        `${formatNumber(measured.q1)}–${formatNumber(measured.q3)}`,
        met ? 'met' : `missed by ${formatNumber(Math.abs(missedBy))} ${unit}`,
      ]),
    },
  };
}

function stallSection(results) {
  return {
    title: 'The longest turn of the event loop',
    text:
      'Measured in separate runs, in which the loop rests for 0.2 ms after each turn. A turn’s length is given ' +
      'without the time that its thread waited for a processor; one column includes those waits, and the last ' +
      'one leaves out V8’s garbage collections as well. The first turn is the one in which the program itself ' +
      'makes its calls. Three programs show what is not the package’s: `idle` does nothing, which shows the ' +
      'machine. `asking` makes as many calls as `create-all`, but of a function that does nothing, which shows ' +
      'the cost of the calls. `objects` makes as many objects as the longest listing, in slices as the package ' +
      'does, which shows V8. For each collection V8 wakes several helper threads from the event loop. With a ' +
      'glibc from 2.25 to 2.40, the thread that wakes others may have to wait until those woken before have had ' +
      'a processor, and a kernel without preemption does not give them one while it works there for another ' +
      'thread. With such a glibc some workloads are measured once more with condition variables that never wait ' +
      'when they signal, like those of glibc 2.41 (`condvar`, `scripts/bench/support/condvar.c`). In ' +
      '`watch, apart` the program that makes the links runs on the last processor, and the one that watches ' +
      'on all others.',
    plot: { file: 'stalls.svg', alt: 'Longest turns of the event loop', svg: drawStalls(results) },
    table: {
      head: [
        'program',
        'workload',
        'N',
        'longest (median)',
        'worst run',
        'first turn',
        'later turns',
        'with waits',
        'without collections',
      ],
      rows: results.stalls.map((stall) => [
        titleOf(results.contestants, stall.contestant),
        stallName(stall),
        formatNumber(stall.count),
        formatMs(stall.longestMs.median),
        formatMs(stall.worstMs),
        formatMs(stall.firstMs.median),
        formatMs(stall.laterMs.median),
        formatMs(stall.withWaitsMs.median),
        formatMs(stall.ownMs.median),
      ]),
    },
  };
}

function growthSection(results) {
  return {
    title: 'With growing numbers of links',
    plot: {
      file: 'growth.svg',
      alt: 'Cost of a link as the number of links grows',
      svg: drawGrowth(results),
    },
    table: {
      head: ['contestant', 'links', 'create one more', 'list, each link'],
      rows: results.growth.flatMap(({ contestant, points }) =>
        points.map(({ links, createUs, listUs }) => [
          titleOf(results.contestants, contestant),
          formatNumber(links),
          formatUs(createUs.median),
          formatUs(listUs.median),
        ]),
      ),
    },
  };
}

function watchingSection(results) {
  return {
    title: 'Watching',
    text:
      'Another program makes links and deletes them again, a thousand at a time, while this one watches. ' +
      'The table has the events that it received, and the size of its heap after a garbage collection, once ' +
      'after the first thousand links and once after the last.',
    table: {
      head: ['program', 'links', 'added', 'removed', 'resyncs', 'heap at first', 'heap at last'],
      rows: results.watching.map(({ contestant, count, added, removed, resyncs, first, last }) => [
        titleOf(results.contestants, contestant),
        ...[count, added.median, removed.median, resyncs.median].map(formatNumber),
        ...[first, last].map(({ median }) => `${formatNumber(median)} MiB`),
      ]),
    },
  };
}

/** The threads of a profiled program, as the report names them. */
const THREADS = Object.freeze({
  script: 'the JavaScript thread',
  helpers: 'the engine’s helpers, which compile and collect garbage',
  package: 'the package’s own threads, in the kernel mostly',
});

function profileSection(results) {
  const row = (what, ms, whole, more = '') => [
    '',
    '',
    what,
    formatMs(ms),
    `${formatNumber(Math.round((ms / whole) * 100))} %`,
    more,
  ];
  return {
    title: 'Where the time goes in workloads that missed a target',
    text:
      'One run of each under V8’s profiler, which makes it slower. First how long the threads ran, and how ' +
      'long they waited for a processor; then the functions that the JavaScript thread ran, each without the ' +
      'time of those that it calls.',
    table: {
      head: ['workload', 'N', 'where', 'time', 'share', 'waited'],
      rows: results.profiles.flatMap(({ workload, count, ms, threads, shares }) => [
        [workload, formatNumber(count), 'the whole run', formatMs(ms), '', ''],
        ...threads.map(({ name, ranMs, waitedMs }) =>
          row(THREADS[name], ranMs, ms, formatMs(waitedMs)),
        ),
        ...shares.map((share) => row(share.name, share.ms, ms)),
      ]),
    },
  };
}

function memorySection(results) {
  const row = (contestant, what, peakMiB) => [
    titleOf(results.contestants, contestant),
    what,
    `${formatNumber(peakMiB)} MiB`,
  ];
  const grown = results.growth.map(({ contestant, points, peakMiB }) =>
    row(contestant, `create ${formatNumber(points.at(-1).links)} and list them`, peakMiB),
  );
  const single = results.rows
    .filter(({ workload }) => ['create-all', 'import'].includes(workload))
    .map(({ contestant, workload, count, peakMiB }) =>
      row(contestant, `${workload} ${formatNumber(count)}`, peakMiB),
    );
  return {
    title: 'Memory',
    plot: { file: 'memory.svg', alt: 'Peak memory', svg: drawMemory(results) },
    table: { head: ['contestant', 'what', 'peak memory'], rows: [...single, ...grown] },
  };
}

/** @returns {Section[]} */
function sectionsOf(results) {
  const { machine } = results;
  const versions = results.contestants.map(({ title, version }) => [title, version]);
  return [
    {
      title: 'Where and how',
      text:
        `${machine.date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ` +
        `${machine.distribution}, ${machine.libc === null ? '' : `${machine.libc}, `}Linux ${machine.kernel}, ` +
        `Node.js ${machine.node}` +
        `${machine.commit === null ? '' : `, commit ${machine.commit}`}; load average ` +
        `${formatNumber(machine.loadBefore)} before, ${formatNumber(machine.loadAfter)} after. ` +
        `${results.rounds === 1 ? '1 round' : `Up to ${results.rounds} rounds (see the column)`}. In each round every contestant runs in a process of its own, in new namespaces with a ` +
        'veth pair of its own as the parent; the order changes from round to round. Each program measures its ' +
        'own time, from when it is ready, and the tables have the medians over the rounds. “× C” is the ' +
        'median of the ratios to the C program in the same round at the same N. N is the number of links or ' +
        'requests that a row was measured with: slow contestants get fewer, and nothing is extrapolated. This ' +
        'is one machine: compare the ratios.',
      table: { head: ['contestant', 'version'], rows: versions },
    },
    {
      title: 'Overview',
      plot: {
        file: 'overview.svg',
        alt: 'Time for each link, container and namespace, by contestant',
        svg: drawContestants(results, overviewOf(results)),
      },
    },
    targetSection(results),
    ...workloads.flatMap((workload) => workloadSection(results, workload)),
    {
      title: 'Latency',
      plot: { file: 'latency.svg', alt: 'Round trips', svg: drawLatency(results) },
    },
    stallSection(results),
    watchingSection(results),
    profileSection(results),
    growthSection(results),
    memorySection(results),
    {
      title: 'Absent and failed',
      table: {
        head: ['contestant', 'why'],
        rows: [
          ...results.absent.map(({ title, reason }) => [title, reason]),
          ...results.failures.map(({ contestant, workload, message }) => [
            titleOf(results.contestants, contestant),
            `${workload}: ${gist(message)}`,
          ]),
        ],
      },
    },
  ].filter(({ plot, table, text }) => {
    const hasPlot = plot !== undefined && plot.svg !== null;
    return hasPlot || (table?.rows.length ?? 0) > 0 || (text !== undefined && table === undefined);
  });
}

const cell = (text) => text.replaceAll('|', '\\|');

/** @param {readonly Section[]} sections */
function markdown(sections) {
  const lines = ['# Benchmark of macvlan-netlink', ''];
  for (const { title, text, plot, table } of sections) {
    lines.push(`## ${title}`, '');
    if (text !== undefined) lines.push(text, '');
    if (plot !== undefined && plot.svg !== null) lines.push(`![${plot.alt}](${plot.file})`, '');
    if (table !== undefined && table.rows.length > 0) {
      lines.push(`| ${table.head.join(' | ')} |`, `|${' --- |'.repeat(table.head.length)}`);
      for (const row of table.rows) lines.push(`| ${row.map(cell).join(' | ')} |`);
      lines.push('');
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

const escaped = (text) =>
  text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign);

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
    color: #1f2933; background: white; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
  th, td { padding: .2rem .7rem; border-bottom: 1px solid #d7dce2; text-align: left; }
  th { border-bottom: 2px solid #8a94a3; }
  svg { max-width: 100%; height: auto; }
`;

/** @param {readonly Section[]} sections */
function html(sections) {
  const body = sections.map(({ title, text, plot, table }) => {
    const row = (cells, tag) =>
      `<tr>${cells.map((one) => `<${tag}>${escaped(one)}</${tag}>`).join('')}</tr>`;
    return [
      `<h2>${escaped(title)}</h2>`,
      text === undefined ? '' : `<p>${escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>`,
      plot?.svg ?? '',
      table === undefined || table.rows.length === 0
        ? ''
        : `<table><thead>${row(table.head, 'th')}</thead><tbody>${table.rows.map((cells) => row(cells, 'td')).join('\n')}</tbody></table>`,
    ].join('\n');
  });
  const head = `<meta charset="utf-8"><title>Benchmark of macvlan-netlink</title><style>${STYLE}</style>`;
  return `<!doctype html>\n<html lang="en"><head>${head}</head>\n<body><h1>Benchmark of macvlan-netlink</h1>\n${body.join('\n')}\n</body></html>\n`;
}

/**
 * Writes report.md, report.html and the plots.
 *
 * @param {string} folder
 * @param {any} results
 */
export async function writeReport(folder, results) {
  mkdirSync(folder, { recursive: true });
  const sections = sectionsOf(results);
  for (const { plot } of sections) {
    if (plot !== undefined && plot.svg !== null) writeFileSync(join(folder, plot.file), plot.svg);
  }
  writeFileSync(join(folder, 'report.md'), markdown(sections));
  writeFileSync(join(folder, 'report.html'), html(sections));
}
