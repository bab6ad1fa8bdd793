/**
 * The complexity guards of GO Feature Flag's evaluation module (spec/flags.md §12.4). They belong to the module's input, not
 * to the language: a relay, and so Edict's evaluator, decides such flags as any other.
 */

import type { Flag } from '../flags/model.ts';
import { trimQuery } from '../flags/query/parser.ts';

const MAX_DEPTH = 64;
const MAX_LOGIC_DEPTH = 256;
const MAX_ITEMS = 1_000;
const MAX_CONDITIONS = 1_000;
const MAX_SEGMENTS = 128;
/** No query this short reaches a limit. */
const ALWAYS_SHORT = MAX_DEPTH;
const WORD = /[-_:.0-9A-Za-z]/;

/** The text of the first guard that a query of the flag trips: targeting, default rule, then the steps. */
export function guardFlag(flag: Flag): string | undefined {
  for (const rule of [...(flag.targeting ?? []), ...(flag.defaultRule === undefined ? [] : [flag.defaultRule])]) {
    const problem = guardQuery(trimQuery(rule.query ?? ''));
    if (problem !== undefined) return problem;
  }
  for (const step of flag.scheduledRollout ?? []) {
    const problem = guardFlag(step);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function guardQuery(query: string): string | undefined {
  if (query.length <= ALWAYS_SHORT) return undefined;
  const isLogic = /^[ \t\r\n]*[{[]/.test(query);
  const counts = count(query, isLogic ? '{[' : '([{', isLogic ? '}]' : ')]}');
  const maxDepth = isLogic ? MAX_LOGIC_DEPTH : MAX_DEPTH;
  if (counts.depth > maxDepth) return exceeded('nesting depth', counts.depth, maxDepth);
  if (counts.items > MAX_ITEMS) return exceeded('item count', counts.items, MAX_ITEMS, ' list');
  if (isLogic) return undefined;
  if (counts.conditions > MAX_CONDITIONS) return exceeded('condition count', counts.conditions, MAX_CONDITIONS);
  if (counts.segments > MAX_SEGMENTS) {
    return exceeded('segment count', counts.segments, MAX_SEGMENTS, ' attribute path');
  }
  return undefined;
}

function exceeded(what: string, found: number, limit: number, part = ''): string {
  return `targeting query${part} exceeds the maximum ${what} (${found} > ${limit})`;
}

interface Counts {
  depth: number;
  items: number;
  conditions: number;
  segments: number;
}

/** One pass over the text; what stands in double quotes is skipped. */
function count(query: string, opening: string, closing: string): Counts {
  const counts: Counts = { depth: 0, items: 0, conditions: 1, segments: 0 };
  const lists: number[] = [];
  let depth = 0;
  let word = '';
  const endWord = (): void => {
    if (word === 'and' || word === 'or') counts.conditions += 1;
    counts.segments = Math.max(counts.segments, word.split('.').length);
    word = '';
  };
  for (let at = 0; at < query.length; at += 1) {
    const char = query[at] as string;
    if (char === '"') {
      endWord();
      for (at += 1; at < query.length && query[at] !== '"'; at += 1) if (query[at] === '\\') at += 1;
    } else if (opening.includes(char)) {
      depth += 1;
      counts.depth = Math.max(counts.depth, depth);
      if (char === '[') lists.push(0);
    } else if (closing.includes(char)) {
      depth -= 1;
      if (char === ']') noteItems(counts, lists.pop());
    } else if (char === ',') {
      if (lists.length > 0) lists[lists.length - 1] = (lists.at(-1) as number) + 1;
    } else if (WORD.test(char)) word += char;
    else endWord();
  }
  endWord();
  while (lists.length > 0) noteItems(counts, lists.pop());
  return counts;
}

function noteItems(counts: Counts, commas: number | undefined): void {
  if (commas !== undefined) counts.items = Math.max(counts.items, commas + 1);
}
