// What the plots are made of: panels below one another in one SVG, each with its own scales.
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { SELF } from './text.mjs';

export { SELF };
export const INK = '#1f2933';
export const GREEN = '#0a7d4b';
const GREY = '#8a94a3';
export const BOUND = '#c2410c';
const WIDTH = 860;
const ROW = 21;

/** What a mark of a contestant looks like. @param {{ contestant: string }} row */
export const colour = ({ contestant }) =>
  contestant === SELF ? GREEN : contestant === 'limit' ? INK : GREY;

const style = {
  background: 'white',
  color: INK,
  fontFamily: 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif',
  fontSize: '12px',
};

/**
 * One panel as SVG text.
 *
 * @param {Plot.PlotOptions} options
 */
function drawPanel(options) {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ document, width: WIDTH, ...options, style });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return svg.outerHTML;
}

/**
 * Panels below one another in one SVG, on a background of its own, because pages are dark too.
 *
 * @param {readonly (Plot.PlotOptions & { height: number })[]} panels
 */
export function stack(panels) {
  let top = 0;
  const parts = panels.map((options) => {
    const placed = drawPanel(options).replace('<svg ', `<svg x="0" y="${top}" `);
    top += options.height;
    return placed;
  });
  const size = `width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}"`;
  const background = '<rect width="100%" height="100%" fill="white"/>';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${background}${parts.join('')}</svg>\n`;
}

/** A panel's title, above its left edge. @param {string} title @param {number} dx */
export const heading = (title, dx) =>
  Plot.text([title], {
    frameAnchor: 'top-left',
    dx,
    dy: -22,
    fontWeight: 'bold',
    fontSize: 13,
  });

/** The powers of ten within bounds. @param {readonly number[]} domain */
function powers([low = 1, high = 10]) {
  const first = Math.ceil(Math.log10(low));
  const last = Math.floor(Math.log10(high));
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

export const shortUs = (us) =>
  us >= 1e6 ? `${us / 1e6} s` : us >= 1e3 ? `${us / 1e3} ms` : `${us} µs`;

/** Room for labels on the right of a logarithmic scale. @param {readonly number[]} values */
export const roomy = (values) => [Math.min(...values) / 1.5, Math.max(...values) * 1.25];

/**
 * Panels of named rows on a logarithmic scale that all share.
 *
 * @param {readonly { title: string, rows: any[], marks: (rows: any[]) => Plot.Markish[] }[]} panels
 * @param {{ domain: readonly number[], label: string, tick: (value: number) => string, left?: number }} scale
 */
export function rowPanels(panels, { domain, label, tick, left = 180 }) {
  return stack(
    panels.map(({ title, rows, marks }, at) => {
      const last = at === panels.length - 1;
      const names = [...new Set(rows.map(({ name }) => name))];
      const bottom = last ? 48 : 6;
      return {
        height: 38 + names.length * ROW + bottom,
        marginLeft: left,
        marginRight: 170,
        marginTop: 38,
        marginBottom: bottom,
        x: {
          type: 'log',
          domain,
          label: last ? label : null,
          labelOffset: 40,
          ticks: powers(domain),
          tickFormat: last ? tick : () => '',
          tickSize: last ? 6 : 0,
          grid: true,
        },
        y: { domain: names, label: null, tickSize: 0 },
        marks: [heading(title, 8 - left), ...marks(rows)],
      };
    }),
  );
}
