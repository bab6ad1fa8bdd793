/** Turns indexes of a text into lines and columns. */

import type { TextPosition } from '../finding.ts';

/** The finder of one text: it reads the text once, and then answers by binary search. Columns count UTF-16 units. */
export function textPositions(text: string): (offset: number) => TextPosition {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    // INVARIANT: the line begins at starts[low] or later, and before starts[high].
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  };
}
