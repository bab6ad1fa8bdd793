/** Tables of the conformance pages, and the cell that names the tests of a row. */

import type { NamedTest } from './test-names.ts';

/** More would hide the list behind them; `grep` finds the others. */
export const SHOWN_TESTS = 2;

/** Identifier to the tests whose names contain it. */
export type NamedTests = ReadonlyMap<string, readonly NamedTest[]>;

export function shownBy(id: string, tests: NamedTests): string {
  return (tests.get(id) ?? []).slice(0, SHOWN_TESTS).map(testCell).join('<br>');
}

export function testCell({ file, name }: NamedTest): string {
  return `\`${file}\`: ${name}`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** A name of a test may hold what ends a cell, or looks like a tag. */
function escaped(cell: string): string {
  return cell
    .replaceAll('|', '\\|')
    .replaceAll(/<(?!br>)/g, '&lt;')
    .replaceAll('\n', ' ');
}
