// The plots of what grows with the number of links: time and memory.
import * as Plot from '@observablehq/plot';
import { colour, heading, stack } from './panels.mjs';
import { rowsAt } from './plots.mjs';
import { formatNumber, formatUs, titleOf } from './text.mjs';

/** What a link costs as the number of links grows. @param {any} results */
export function drawGrowth({ growth, contestants }) {
  if (growth.length === 0) return null;
  const panels = [
    { key: 'createUs', title: 'Create one more, µs' },
    { key: 'listUs', title: 'List, µs for each link' },
  ];
  return stack(
    panels.map(({ key, title }, at) => {
      const last = at === panels.length - 1;
      const data = growth.flatMap(({ contestant, points }) =>
        points.map((point) => ({
          contestant,
          name: titleOf(contestants, contestant),
          links: point.links,
          us: point[key].median,
          q1: point[key].q1,
          q3: point[key].q3,
        })),
      );
      const most = Math.max(...data.map(({ links }) => links));
      const ends = data.filter(({ links }) => links === most).sort((a, b) => b.us - a.us);
      return {
        height: last ? 268 : 230,
        marginLeft: 60,
        marginRight: 185,
        marginTop: 38,
        marginBottom: last ? 48 : 10,
        x: {
          label: last ? 'links of one parent →' : null,
          labelOffset: 40,
          tickFormat: last ? 'd' : () => '',
          tickSize: last ? 6 : 0,
          zero: true,
          grid: true,
        },
        y: { label: null, grid: true, zero: true },
        marks: [
          heading(title, -40),
          Plot.areaY(data, {
            x: 'links',
            y1: 'q1',
            y2: 'q3',
            z: 'name',
            fill: colour,
            fillOpacity: 0.15,
          }),
          Plot.line(data, { x: 'links', y: 'us', z: 'name', stroke: colour, strokeWidth: 2 }),
          Plot.dot(data, { x: 'links', y: 'us', fill: colour, r: 3.5 }),
          ...ends.map((end, place) =>
            Plot.text([end], {
              x: 'links',
              y: 'us',
              text: ({ name, us }) => `${name}: ${formatUs(us)}`,
              dx: 9,
              // Labels of lines that end close together would overlap.
              dy: place === 0 ? -7 : 7,
              textAnchor: 'start',
              fill: colour,
            }),
          ),
        ],
      };
    }),
  );
}

/** Peak memory of the processes at a workload. @param {any} results */
export function drawMemory(results) {
  const most = Math.max(
    ...results.rows.filter(({ workload }) => workload === 'list').map(({ count }) => count),
  );
  const data = rowsAt(results, 'list', most).sort((a, b) => a.peakMiB - b.peakMiB);
  if (data.length === 0) return null;
  return stack([
    {
      height: 68 + data.length * 24,
      marginLeft: 180,
      marginRight: 150,
      marginBottom: 48,
      x: {
        label: `peak memory of the process, listing ${formatNumber(most)} links, MiB →`,
        labelOffset: 40,
        grid: true,
      },
      y: { domain: data.map(({ name }) => name), label: null, tickSize: 0 },
      marks: [
        Plot.barX(data, { y: 'name', x: 'peakMiB', fill: colour, insetTop: 3, insetBottom: 3 }),
        Plot.text(data, {
          y: 'name',
          x: 'peakMiB',
          text: ({ peakMiB, count }) =>
            `${formatNumber(peakMiB)} MiB${count < most ? ` at N = ${formatNumber(count)}` : ''}`,
          dx: 6,
          textAnchor: 'start',
        }),
        Plot.ruleX([0]),
      ],
    },
  ]);
}
