/** Aligns cells into columns; styles are put on after the widths are known. */

import type { Paint, Style } from './colour.ts';

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

const GAP = '  ';

/** Lines with every column as wide as its widest cell; nothing is padded at the end of a line. */
export function alignColumns(rows: readonly (readonly (Cell | string)[])[], paint: Paint, indent = ''): string[] {
  const cells = rows.map((row) => row.map((cell): Cell => (typeof cell === 'string' ? { text: cell } : cell)));
  const widths: number[] = [];
  for (const row of cells) {
    // The last cell of a row needs no room, however long it is.
    for (const [i, { text }] of row.slice(0, -1).entries()) widths[i] = Math.max(widths[i] ?? 0, width(text));
  }
  return cells.map((row) => {
    const line = row.map(({ text, style }, i) => {
      const painted = style === undefined || text === '' ? text : paint(style, text);
      const isLast = i === row.length - 1;
      return isLast ? painted : painted + ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(text)));
    });
    return (indent + line.join(GAP)).trimEnd();
  });
}

/** Columns on the screen, near enough: code points. */
function width(text: string): number {
  return [...text].length;
}
