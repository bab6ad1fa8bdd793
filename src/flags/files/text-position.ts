/** Turns an index of a text into line and column. */

import type { TextPosition } from '../finding.ts';

/** The place of `offset`; columns count UTF-16 units, as editors do. */
export function positionAt(text: string, offset: number): TextPosition {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
    lineStart = at + 1;
  }
  return { line, column: offset - lineStart + 1 };
}
