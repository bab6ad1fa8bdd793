/** What the demo shows: headings, tables and differences, as wide as the terminal, coloured where colour is wanted. */

import { styleText } from 'node:util';
import { USERS } from './users.mjs';

const forced = process.env.FORCE_COLOR;
const coloured =
  !process.env.NO_COLOR &&
  (forced === undefined ? process.stdout.isTTY === true : forced !== '0' && forced !== 'false');

/** Narrower terminals wrap; in a file or a pipe lines are this long. */
const USUAL_WIDTH = 100;
const NARROWEST_VALUE = 12;

const paint = (style, text) => (coloured ? styleText(style, text) : text);

export function say(line = '') {
  process.stdout.write(`${line}\n`);
}

export function heading(text) {
  say();
  say(paint('bold', text));
}

/** Lines of a name and a text. */
export function list(entries) {
  const width = Math.max(...entries.map(([name]) => name.length));
  for (const [name, text] of entries) say(`  ${paint('dim', name.padEnd(width))}  ${text}`);
}

export function showDecisions(rows) {
  const columns = [
    { title: 'flag', of: (row) => row.flag },
    { title: 'value', of: (row) => row.value, style: 'cyan', flexible: true },
    { title: 'variation', of: (row) => row.variation },
    { title: 'reason', of: (row) => row.reason, style: (row) => styleOf(row.reason) },
    { title: 'rule', of: (row) => row.rule },
    { title: 'µs', of: (row) => row.micros.toFixed(2), style: 'dim', right: true },
  ];
  const widths = widthsOf(columns, rows);
  say(paint('dim', `  ${columns.map(({ title, right }, i) => pad(title, widths[i], right)).join('  ')}`));
  for (const user of Object.keys(USERS)) {
    say();
    say(`${paint('bold', user)}  ${paint('dim', USERS[user].about)}`);
    for (const row of rows.filter((one) => one.user === user)) {
      const cells = columns.map(({ of, style, right }, i) => {
        const text = pad(cut(of(row), widths[i]), widths[i], right);
        const name = typeof style === 'function' ? style(row) : style;
        return name === undefined ? text : paint(name, text);
      });
      say(`  ${cells.join('  ')}`.trimEnd());
    }
  }
}

export function showAnswers(answers) {
  showTable(
    [
      { title: 'request', of: ({ path }) => path },
      { title: 'status', of: ({ status }) => String(status), style: ({ status }) => statusStyle(status) },
      { title: 'cache-control', of: ({ cache }) => cache },
      { title: 'language', of: ({ language }) => language },
      { title: 'answer', of: ({ body }) => JSON.stringify(body), style: 'cyan', flexible: true },
      { title: 'ms', of: ({ millis }) => millis.toFixed(1), style: 'dim', right: true },
    ],
    answers,
  );
}

export function showPolicies(rows) {
  showTable(
    [
      { title: 'tenant', of: ({ tenant }) => tenant, style: 'bold' },
      { title: 'route', of: ({ route }) => route },
      { title: 'policy', of: ({ policy }) => policy },
      { title: 'runs as', of: ({ runs }) => runs },
      { title: 'hooks', of: ({ hooks }) => String(hooks), right: true },
      { title: 'ended', of: ({ ended }) => ended, style: ({ stopped }) => (stopped ? 'red' : 'green'), flexible: true },
      { title: 'µs', of: ({ micros }) => micros.toFixed(1), style: 'dim', right: true },
    ],
    rows,
  );
}

function showTable(columns, rows) {
  const widths = widthsOf(columns, rows);
  say(paint('dim', `  ${columns.map(({ title, right }, i) => pad(title, widths[i], right)).join('  ')}`));
  for (const row of rows) {
    const cells = columns.map(({ of, style, right }, i) => {
      const text = pad(cut(of(row), widths[i]), widths[i], right);
      const name = typeof style === 'function' ? style(row) : style;
      return name === undefined ? text : paint(name, text);
    });
    say(`  ${cells.join('  ')}`.trimEnd());
  }
}

function statusStyle(status) {
  if (status < 400) return 'green';
  return status < 500 ? 'yellow' : 'red';
}

export function showDifferences(pairs) {
  const columns = [
    { title: '', of: ({ after }) => after.flag },
    { title: '', of: ({ after }) => after.user, style: 'bold' },
    { title: '', of: ({ before }) => outcome(before), style: 'red', flexible: true },
    { title: '', of: () => '→', style: 'dim' },
    { title: '', of: ({ after }) => outcome(after), style: 'green', flexible: true },
  ];
  const widths = widthsOf(columns, pairs);
  for (const pair of pairs) {
    const cells = columns.map(({ of, style }, i) => {
      const text = pad(cut(of(pair), widths[i]), widths[i]);
      return style === undefined ? text : paint(style, text);
    });
    say(`  ${cells.join('  ')}`.trimEnd());
  }
}

function outcome({ value, reason, rule }) {
  return `${value} ${reason}${rule === '-' ? '' : ` (${rule})`}`;
}

function styleOf(reason) {
  if (reason.startsWith('TARGETING_MATCH')) return 'green';
  if (reason === 'SPLIT') return 'yellow';
  return reason === 'DISABLED' ? 'dim' : undefined;
}

/** Each column as wide as its widest cell; the flexible ones give way until the line fits. */
function widthsOf(columns, rows) {
  const widths = columns.map(({ title, of }) => Math.max(title.length, ...rows.map((row) => [...of(row)].length)));
  const room = (process.stdout.columns ?? USUAL_WIDTH) - 2 * columns.length;
  for (const i of columns.keys()) {
    const excess = widths.reduce((sum, width) => sum + width, 0) - room;
    if (columns[i].flexible && excess > 0) widths[i] = Math.max(NARROWEST_VALUE, widths[i] - excess);
  }
  return widths;
}

function pad(text, width, right = false) {
  const blank = ' '.repeat(Math.max(0, width - [...text].length));
  return right ? blank + text : text + blank;
}

function cut(text, width) {
  const characters = [...text];
  return characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : text;
}
