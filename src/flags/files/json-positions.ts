/** Finds where a member of a flag stands in a JSON text that is known to be well-formed. */

import type { FindPosition, TextPosition } from '../finding.ts';
import { textPositions } from './text-position.ts';

/** The finder of one file. The flags are indexed at the first question, so asking about many stays linear. */
export function jsonPositions(text: string): FindPosition {
  let flags: Map<string, Entry> | undefined;
  let positionOf: ((offset: number) => TextPosition) | undefined;
  return (flag, path) => {
    flags ??= new Map(entriesOf(text, skipSpace(text, 0)).map((entry) => [entry.key as string, entry]));
    let entry = flags.get(flag);
    for (const step of path) {
      if (entry === undefined) return undefined;
      // The last one wins, as in the parsed value.
      entry = entriesOf(text, entry.value).findLast(({ key }) => key === step);
    }
    if (entry === undefined) return undefined;
    positionOf ??= textPositions(text);
    return positionOf(entry.start);
  };
}

interface Entry {
  /** Member name or array index. */
  readonly key: string | number;
  /** Where it begins: a member at its name, an element at its value. */
  readonly start: number;
  readonly value: number;
}

/** The members or elements of the container at `at`; none for a scalar. */
function entriesOf(text: string, at: number): Entry[] {
  const entries: Entry[] = [];
  const kind = text[at];
  if (kind !== '{' && kind !== '[') return entries;
  let cursor = skipSpace(text, at + 1);
  while (cursor < text.length && text[cursor] !== '}' && text[cursor] !== ']') {
    const start = cursor;
    let key: string | number = entries.length;
    if (kind === '{') {
      const end = skipString(text, cursor);
      key = JSON.parse(text.slice(cursor, end)) as string;
      cursor = skipSpace(text, skipSpace(text, end) + 1);
    }
    entries.push({ key, start, value: cursor });
    cursor = skipSpace(text, skipValue(text, cursor));
    if (text[cursor] === ',') cursor = skipSpace(text, cursor + 1);
  }
  return entries;
}

function skipValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const char = text[at];
    if (char === '"') at = skipString(text, at);
    else if (char === '{' || char === '[') {
      depth += 1;
      at += 1;
    } else if (char === '}' || char === ']') {
      depth -= 1;
      at += 1;
    } else if (depth > 0) at += 1;
    else {
      while (at < text.length && !',]} \t\r\n'.includes(text[at] as string)) at += 1;
    }
  } while (depth > 0 && at < text.length);
  return at;
}

function skipString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at += 1;
  return at;
}
