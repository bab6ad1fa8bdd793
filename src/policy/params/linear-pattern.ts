/** Regular expressions of users, on an engine whose time grows with the text and never with tricks in the pattern. */

import { RE2JS } from 're2js';

/** Longest pattern that is compiled; a compiled program is some ten times as large. */
export const MAX_PATTERN_LENGTH = 4_096;

export interface LinearPattern {
  /** Whether the pattern occurs anywhere in the text. */
  test(text: string): boolean;
  /** The JSON Schema compiler tells patterns apart by this text; with the one of objects, all of a schema would be one. */
  toString(): string;
}

/** Throws an `Error` that says what the engine does not take: look-around, back-references, bad syntax. */
export function linearPattern(pattern: string): LinearPattern {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new Error(`a pattern may have at most ${MAX_PATTERN_LENGTH} characters`);
  const compiled = RE2JS.compile(translated(pattern));
  return { test: (text) => compiled.matcher(text).find(), toString: () => `/${pattern}/` };
}

/** Why a pattern cannot be used; `undefined` when it can. */
export function patternFault(pattern: string): string | undefined {
  try {
    linearPattern(pattern);
    return undefined;
  } catch (caught) {
    return (caught as Error).message;
  }
}

/** ECMAScript's code-point escape, which JSON Schema uses, in the spelling of RE2. */
function translated(pattern: string): string {
  return pattern.replace(/(?<!\\)((?:\\\\)*)\\u(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}))/g, '$1\\x{$2$3}');
}
