/** Patterns in parameters, on an engine whose time grows with the text alone: a bad one is refused when it is deployed. */

import { RE2JS } from 're2js';
import { refuse } from './read-params.ts';

const MAX_PATTERN_LENGTH = 1_024;
/** A substitution that multiplies its text is cut off where no path and no value could be that long. */
const MAX_RESULT_LENGTH = 65_536;

export interface Pattern {
  /** Somewhere in the text. */
  finds(text: string): boolean;
  /** The whole text. */
  matches(text: string): boolean;
  /** Every match replaced; undefined when there is none, or the result has no end in sight. */
  replaced(text: string, substitution: Substitution): string | undefined;
}

/** Literal texts and numbers of groups. */
export type Substitution = readonly (string | number)[];

export function patternOf(source: string, path: string): Pattern & { readonly groups: number } {
  if (source.length > MAX_PATTERN_LENGTH) refuse(path, `a pattern may have at most ${MAX_PATTERN_LENGTH} characters`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (caught) {
    return refuse(path, `is no pattern: ${caught instanceof Error ? caught.message : String(caught)}`);
  }
  return {
    groups: compiled.groupCount(),
    finds: (text) => compiled.matcher(text).find(),
    matches: (text) => compiled.matcher(text).matches(),
    replaced: (text, substitution) => replaced(compiled, text, substitution),
  };
}

/** `\1` is the first group, `\0` the whole match, `\\` a backslash. */
export function substitutionOf(source: string, groups: number, path: string): Substitution {
  const parts: (string | number)[] = [];
  let literal = '';
  for (let at = 0; at < source.length; at++) {
    const character = source.charAt(at);
    if (character !== '\\') {
      literal += character;
      continue;
    }
    const escaped = source.charAt(++at);
    if (escaped === '\\') {
      literal += escaped;
    } else {
      if (!/^[0-9]$/.test(escaped)) refuse(path, 'a backslash stands before a digit or another backslash');
      if (Number(escaped) > groups) refuse(path, `the pattern has no group ${escaped}`);
      parts.push(literal, Number(escaped));
      literal = '';
    }
  }
  parts.push(literal);
  return parts.filter((part) => part !== '');
}

function replaced(compiled: RE2JS, text: string, substitution: Substitution): string | undefined {
  const matcher = compiled.matcher(text);
  let result = '';
  let end = 0;
  let isFound = false;
  while (matcher.find()) {
    isFound = true;
    result += text.slice(end, matcher.start());
    for (const part of substitution) result += typeof part === 'number' ? (matcher.group(part) ?? '') : part;
    if (result.length > MAX_RESULT_LENGTH) return undefined;
    end = matcher.end();
  }
  return isFound ? result + text.slice(end) : undefined;
}
