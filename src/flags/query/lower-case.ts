/** Lower-cases text as Go does: each code point by its Unicode 15.0 simple mapping, no context rules. */

import { LOWER_TABLE } from './lower-table.ts';

/**
 * The compiler lowers the constants of case-insensitive comparisons once; the guest lowers the attribute. The table is
 * ours because the runtime's `toLowerCase` follows a newer Unicode and the context rules of Σ and İ.
 */
export function lowerCase(text: string): string {
  let ascii = true;
  for (let i = 0; i < text.length && ascii; i++) ascii = text.charCodeAt(i) < 0x80;
  if (ascii) return text.toLowerCase();
  let lowered = '';
  for (const character of text) lowered += String.fromCodePoint(lowerCodePoint(character.codePointAt(0) ?? 0));
  return lowered;
}

function lowerCodePoint(codePoint: number): number {
  if (codePoint < 0x80) return codePoint >= 0x41 && codePoint <= 0x5a ? codePoint + 32 : codePoint;
  let low = 0;
  let high = LOWER_TABLE.length / 4 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = middle * 4;
    const first = LOWER_TABLE[at] ?? 0;
    if (codePoint < first) high = middle - 1;
    else if (codePoint > (LOWER_TABLE[at + 1] ?? 0)) low = middle + 1;
    else
      return (codePoint - first) % (LOWER_TABLE[at + 2] ?? 1) === 0
        ? codePoint + (LOWER_TABLE[at + 3] ?? 0)
        : codePoint;
  }
  return codePoint;
}
