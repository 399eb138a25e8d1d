// How the experiment looks: headings, sentences, code and tables for 80 columns, in colours on a
// terminal only.
import { styleText } from 'node:util';
import Table from 'cli-table3';

const WIDTH = 80;
const TERM_WIDTH = 11;

/** @typedef {Parameters<typeof styleText>[0]} Style */

export class Report {
  /**
   * @param {NodeJS.WriteStream} results where the results go
   * @param {NodeJS.WriteStream} asides where the rest goes
   */
  constructor(results, asides) {
    this.results = results;
    this.asides = asides;
    // hasColors() knows NO_COLOR, FORCE_COLOR and TERM=dumb.
    this.colours = results.isTTY === true && results.hasColors();
  }

  /**
   * Says something that is no result.
   *
   * @param {string} text
   */
  tell(text) {
    this.asides.write(`${text}\n`);
  }

  /**
   * Shows on a terminal what goes on, in a line that the next one replaces; without a text it goes.
   *
   * @param {string} [text]
   */
  progress(text = '') {
    if (this.asides.isTTY) this.asides.write(`\r\x1b[K${text}`);
  }

  /** @param {Style} style @param {string} text */
  paint(style, text) {
    return this.colours ? styleText(style, text) : text;
  }

  /** @param {string} [text] */
  line(text = '') {
    this.results.write(`${text}\n`);
  }

  /** @param {string} text */
  heading(text) {
    this.line();
    this.line(this.paint('bold', text));
  }

  /** @param {string} text */
  paragraph(text) {
    for (const line of wrap(text, WIDTH)) this.line(line);
  }

  /**
   * A term in a column of its own, and what there is to say about it.
   *
   * @param {string} term
   * @param {string} text
   */
  note(term, text) {
    for (const [at, line] of wrap(text, WIDTH - TERM_WIDTH).entries()) {
      const before = (at === 0 ? term : '').padEnd(TERM_WIDTH);
      this.line(this.paint('bold', before) + line);
    }
  }

  /**
   * What a program would call to do the same.
   *
   * @param {readonly string[]} calls
   */
  code(calls) {
    for (const call of calls) this.line(this.paint('cyan', `  ${call}`));
  }

  /**
   * @param {readonly string[]} head the columns' titles, which may have several lines
   * @param {readonly (readonly string[])[]} rows
   */
  table(head, rows) {
    const bold = (/** @type {string} */ text) => this.paint('bold', text);
    const table = new Table({
      head: head.map((title) => title.split('\n').map(bold).join('\n')),
      style: { head: [], border: [], compact: true },
    });
    table.push(...rows.map((row) => [...row]));
    this.line(table.toString());
  }
}

/**
 * Breaks a text at spaces.
 *
 * @param {string} text
 * @param {number} width
 */
function wrap(text, width) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1];
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
