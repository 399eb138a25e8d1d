// The table of all modes, and the words around it.
import { ADDRESSES } from './physical.mjs';

/** @typedef {import('./report.mjs').Report} Report */
/** @typedef {import('./modes.mjs').Row} Row */
/** @typedef {import('./modes.mjs').Reach} Reach */

/**
 * @param {Report} report
 * @param {number} number
 * @param {string} title
 * @param {readonly Row[]} rows
 */
export function showModes(report, number, title, rows) {
  const onCard = rows.some(({ hairpin }) => hairpin === null);
  report.heading(`${number}. ${title}`);
  report.paragraph(
    onCard
      ? 'Two children on the card, each in a namespace of its own. What the switch does and who is ' +
          'behind it is not known here, and the card gets no address: “–” was not tried, “?” nobody ' +
          'can tell beforehand. Passthru is left out: it would take the card from this machine.'
      : 'Each line has a network of its own. hairpin: whether the switch sends a frame back out of the ' +
          'port that it came in by. host: the one behind the switch. parent: its own address, ' +
          `${ADDRESSES.parent}.`,
  );
  report.table(
    [
      'mode',
      'hairpin',
      'child to\nchild\nexpect  seen',
      'child to\nhost\nexpect seen',
      'child to\nparent\nexpect seen',
      '',
    ],
    rows.map((row, at) => showRow(report, row, rows[at - 1])),
  );
  for (const [term, text] of notes(rows, onCard)) report.note(term, text);
}

/** @param {Row} row */
const modeOf = ({ mode, sources }) => (sources === null ? mode : `${mode}, ${sources}`);

/**
 * @param {Report} report
 * @param {Row} row
 * @param {Row | undefined} above
 */
function showRow(report, row, above) {
  const mode = modeOf(row);
  const hairpin = row.hairpin === null ? '?' : row.hairpin ? 'on' : 'off';
  return [
    above !== undefined && modeOf(above) === mode ? '' : mode,
    hairpin,
    showReach(report, row.childToChild, 8),
    showReach(report, row.childToHost, 7),
    showReach(report, row.childToParent, 7),
    row.asExpected ? report.paint('green', '✓') : report.paint('red', '✗'),
  ];
}

/**
 * @param {Report} report
 * @param {Reach} reach
 * @param {number} width of what is expected
 */
function showReach(report, { expected, observed }, width) {
  const seen = observed ?? '–';
  const known = expected ?? (observed === null ? '–' : '?');
  const differs = expected !== null && expected !== observed;
  return known.padEnd(width) + (differs ? report.paint(['bold', 'red'], seen) : seen);
}

/**
 * Why each mode does what it does, one paragraph a mode.
 *
 * @param {readonly Row[]} rows
 * @param {boolean} onCard
 */
function notes(rows, onCard) {
  const refusal = rows.find((row) => row.refusal !== null)?.refusal;
  const others = onCard ? 'the other child is' : 'the other child, the host and the parent are';
  /** @type {[string, string][]} */
  const all = [
    [
      'private',
      'No broadcast of one child gets to another, not even when the switch sends it back, and ARP ' +
        'begins with a broadcast.',
    ],
    [
      'vepa',
      'All goes out to the switch: children reach one another only if it sends frames back.',
    ],
    ['bridge', 'Children reach one another inside the parent, and need no switch for it.'],
    [
      'passthru',
      'The only child of its parent: it has the parent’s MAC and gets all that arrives. A second ' +
        `child is refused: ${refusal?.code}, with the hint “${refusal?.hint}”`,
    ],
    [
      'source',
      'A child gets what the MACs on its list send, and nothing else. listed: ' +
        `${others} on it; unlisted: somebody else is.`,
    ],
    [
      'to parent',
      'What a child sends goes out by the parent, not to it. Only hairpin brings it back there, and ' +
        'only in vepa and bridge does the parent then see the ARP request.',
    ],
  ];
  return all.filter(([term]) => !onCard || !['passthru', 'to parent'].includes(term));
}

/**
 * @param {Report} report
 * @param {readonly Row[]} rows
 * @param {boolean} reached whether the two links of the steps before reached each other
 * @param {readonly string[]} leftBehind
 */
export function showClosing(report, rows, reached, leftBehind) {
  const differing = rows.filter((row) => !row.asExpected).length;
  const faults = [
    ...(reached ? [] : ['net2 did not reach net1.']),
    ...(differing > 0 ? [`${differing} of ${rows.length} lines of the table differ.`] : []),
    ...(leftBehind.length > 0 ? [`Left behind: ${leftBehind.join(', ')}.`] : []),
  ];
  report.line();
  if (faults.length === 0) {
    report.line(
      `${report.paint('green', '✓')} All ${rows.length} lines as expected. Everything is taken down again.`,
    );
  }
  for (const fault of faults) report.line(`${report.paint('red', '✗')} ${fault}`);
}
