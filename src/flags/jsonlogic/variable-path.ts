/** What a constant `var` reads, as far as its text alone tells. */

/** Pieces between dots without the empty ones, as `var` walks them. */
export function variablePieces(path: string): string[] {
  return path.split('.').filter((piece) => piece !== '');
}

/** How `var` spells a number: shortest decimal without exponent; `undefined` where that needs more than JavaScript's own spelling. */
export function numberPath(value: number): string | undefined {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[eIN]/.test(text) ? undefined : text;
}

/**
 * True for names that no array takes as an index: Go's ParseFloat reads digits, signs, dots and the words for infinity
 * and NaN, so anything else that starts like an identifier is safe.
 */
export function isNeverIndex(piece: string): boolean {
  return /^[A-Za-z_\u0080-\uffff]/.test(piece) && !/^(?:inf|infinity|nan)$/i.test(piece);
}
