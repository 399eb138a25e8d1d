// The plots of the report, as SVG text.
import * as Plot from '@observablehq/plot';
import { BOUND, colour, GREEN, INK, roomy, rowPanels, SELF, shortUs, stack } from './panels.mjs';
import { formatMs, formatNumber, formatRatio, formatUs, titleOf } from './text.mjs';

/** The row of each contestant at the largest count, up to the one asked for. */
export function rowsAt({ rows, contestants }, workload, count) {
  const largest = new Map();
  for (const row of rows) {
    const known = largest.get(row.contestant);
    const fits = row.workload === workload && row.count <= count;
    if (fits && (known === undefined || row.count > known.count)) largest.set(row.contestant, row);
  }
  return [...largest.values()].map((row) => ({
    ...row,
    asked: count,
    name: titleOf(contestants, row.contestant),
  }));
}

/**
 * What each link, container or namespace takes with everybody, for the given workloads.
 *
 * @param {any} results
 * @param {readonly { workload: string, count: number, title: string }[]} wanted
 */
export function drawContestants(results, wanted) {
  const panels = wanted
    .map(({ workload, count, title }) => ({
      title,
      rows: rowsAt(results, workload, count).sort((a, b) => a.us.median - b.us.median),
    }))
    .filter(({ rows }) => rows.length > 0);
  if (panels.length === 0) return null;
  const values = panels.flatMap(({ rows }) => rows.flatMap(({ us }) => [us.q1, us.q3]));
  const domain = roomy(values);
  const label = ({ us, ratio, count, asked }) =>
    [
      formatUs(us.median),
      ...(ratio === null ? [] : [`${formatRatio(ratio.median)}×`]),
      ...(count < asked ? [`at N = ${formatNumber(count)}`] : []),
    ].join(', ');
  const marks = (rows) => [
    Plot.ruleY(rows, {
      y: 'name',
      x1: domain[0],
      x2: ({ us }) => us.median,
      stroke: colour,
      strokeWidth: 2,
      strokeOpacity: 0.25,
    }),
    Plot.ruleY(rows, {
      y: 'name',
      x1: ({ us }) => us.q1,
      x2: ({ us }) => us.q3,
      stroke: colour,
      strokeWidth: 3,
    }),
    Plot.dot(rows, { y: 'name', x: ({ us }) => us.median, fill: colour, r: 4.5 }),
    Plot.text(rows, {
      y: 'name',
      x: ({ us }) => us.q3,
      text: label,
      dx: 9,
      textAnchor: 'start',
      fill: (row) => (row.contestant === SELF ? GREEN : INK),
    }),
  ];
  return rowPanels(
    panels.map((panel) => ({ ...panel, marks })),
    {
      domain,
      label: 'time for each, logarithmic (median, quartiles), and times the C program →',
      tick: shortUs,
    },
  );
}

/** Ratios, and the bounds they are to stay under. @param {any} results */
export function drawTargets({ targets }) {
  const data = targets.filter(({ kind }) => kind === 'ratio' || kind === 'calls');
  if (data.length === 0) return null;
  const high = Math.max(1.5, ...data.map(({ measured, bound }) => Math.max(measured.q3, bound)));
  const low = Math.min(0.95, ...data.map(({ measured }) => measured.q1));
  const verdict = ({ met }) => (met ? GREEN : BOUND);
  return stack([
    {
      height: 70 + data.length * 26,
      marginLeft: 345,
      marginRight: 70,
      marginTop: 16,
      marginBottom: 48,
      x: {
        type: high > 4 ? 'log' : 'linear',
        domain: [low * 0.9, high * 1.05],
        label: 'times what it is held against (dot); to stay at or below the bar →',
        labelOffset: 40,
        tickFormat: (value) => `${value}×`,
        grid: true,
      },
      y: { domain: data.map(({ title }) => title), label: null, tickSize: 0 },
      marks: [
        Plot.ruleX([1], { stroke: INK, strokeDasharray: '3,3' }),
        Plot.ruleY(data, {
          y: 'title',
          x1: ({ measured }) => measured.q1,
          x2: ({ measured }) => measured.q3,
          stroke: verdict,
          strokeWidth: 3,
        }),
        Plot.dot(data, { y: 'title', x: ({ measured }) => measured.median, fill: verdict, r: 5 }),
        Plot.tickX(data, { y: 'title', x: 'bound', stroke: INK, strokeWidth: 2.5, inset: 4 }),
        Plot.text(data, {
          y: 'title',
          x: ({ measured, bound }) => Math.max(measured.q3, bound),
          text: ({ measured }) => `${formatRatio(measured.median)}×`,
          fill: verdict,
          dx: 10,
          textAnchor: 'start',
        }),
      ],
    },
  ]);
}

/** Round trips. @param {any} results */
export function drawLatency(results) {
  const titles = { latency: 'Idle', 'latency-busy': 'While another namespace deletes links' };
  const panels = Object.entries(titles)
    .map(([workload, title]) => ({
      title,
      rows: rowsAt(results, workload, Number.POSITIVE_INFINITY)
        .map(({ contestant, name, us, p99us }) => ({
          contestant,
          name,
          p50: us.median,
          p99: p99us.median,
        }))
        .sort((a, b) => a.p50 - b.p50),
    }))
    .filter((panel) => panel.rows.length > 0);
  if (panels.length === 0) return null;
  const domain = roomy(panels.flatMap((panel) => panel.rows.flatMap(({ p50, p99 }) => [p50, p99])));
  const marks = (data) => [
    Plot.ruleY(data, { y: 'name', x1: 'p50', x2: 'p99', stroke: colour, strokeWidth: 2 }),
    Plot.dot(data, { y: 'name', x: 'p50', fill: colour, r: 4.5 }),
    Plot.dot(data, { y: 'name', x: 'p99', fill: 'white', stroke: colour, strokeWidth: 2, r: 4 }),
    Plot.text(data, {
      y: 'name',
      x: 'p99',
      text: ({ p50, p99 }) => `${formatUs(p50)}, p99 ${formatUs(p99)}`,
      dx: 10,
      textAnchor: 'start',
      fill: (row) => (row.contestant === SELF ? GREEN : INK),
    }),
  ];
  return rowPanels(
    panels.map((panel) => ({ ...panel, marks })),
    { domain, label: 'round trip, logarithmic: p50 (dot), p99 (ring) →', tick: shortUs },
  );
}

/** The longest turns of the event loop. @param {any} results */
export function drawStalls({ stalls, contestants }) {
  if (stalls.length === 0) return null;
  const programs = [...new Set(stalls.map(({ contestant }) => contestant))];
  const panels = [SELF, ...programs.filter((program) => program !== SELF)]
    .map((program) => ({
      title: titleOf(contestants, program),
      rows: stalls
        .filter(({ contestant }) => contestant === program)
        .map((stall) => ({
          ...stall,
          name:
            stall.workload === 'idle'
              ? 'idle'
              : `${stall.workload} ${formatNumber(stall.count)}${stall.setting === 'usual' ? '' : `, ${stall.setting}`}`,
          ms: stall.longestMs.median,
        })),
    }))
    .filter(({ rows }) => rows.length > 0);
  const values = stalls.flatMap(({ longestMs, worstMs }) => [longestMs.median, worstMs]);
  const marks = (data) => [
    Plot.ruleX([2], { stroke: BOUND, strokeWidth: 1.5, strokeDasharray: '4,3' }),
    Plot.ruleY(data, { y: 'name', x1: 'ms', x2: 'worstMs', stroke: colour, strokeWidth: 2 }),
    Plot.dot(data, {
      y: 'name',
      x: 'worstMs',
      fill: 'white',
      stroke: colour,
      strokeWidth: 2,
      r: 4,
    }),
    Plot.dot(data, { y: 'name', x: 'ms', fill: colour, r: 4.5 }),
    Plot.text(data, {
      y: 'name',
      x: 'worstMs',
      text: ({ ms, worstMs }) => `${formatMs(ms)}, worst ${formatMs(worstMs)}`,
      dx: 10,
      textAnchor: 'start',
      // Readable also where the line of the 2 ms goes through it.
      fill: INK,
      stroke: 'white',
      strokeWidth: 4,
    }),
  ];
  return rowPanels(
    panels.map((panel) => ({ ...panel, marks })),
    {
      domain: roomy([...values, 1, 3]),
      label:
        'longest turn of the event loop, logarithmic: median (dot), worst run (ring); 2 ms dashed →',
      tick: (value) => `${value} ms`,
      left: 150,
    },
  );
}
