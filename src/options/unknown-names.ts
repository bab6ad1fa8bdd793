/** What to say about an option name that does not exist: the name that was probably meant. */

import type { OptionName } from './table.ts';
import { OPTION_NAMES } from './table.ts';

/** Names of GO Feature Flag's own providers. They are named in the warning and never honoured. */
const CANONICAL_NAMES: ReadonlyMap<string, OptionName> = new Map([
  ['timeout', 'timeoutMs'],
  ['flagChangePollingInterval', 'pollIntervalMs'],
  ['flagChangePollingIntervalMs', 'pollIntervalMs'],
  ['evaluationFlagList', 'flagList'],
  ['dataFlushInterval', 'flushIntervalMs'],
  ['dataCollectorBaseURL', 'dataCollectorBaseUrl'],
  ['wasmEvaluatorPoolSize', 'wasmPoolSize'],
]);

/** A name further away than this share of its length resembles nothing. */
const MAX_DISTANCE_SHARE = 0.5;

/** Longer names are cut before they are compared, so that a huge one costs nothing. */
const MAX_COMPARED_LENGTH = 64;

/** The warning for one unknown name. */
export function unknownOptionWarning(name: string): string {
  const shown = name.slice(0, MAX_COMPARED_LENGTH);
  const nearest = nearestOption(name);
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`;
  return `option '${shown}' does not exist and is ignored${hint}`;
}

/** The known name that a wrong one most resembles; `undefined` when none is near. */
export function nearestOption(name: string): OptionName | undefined {
  const canonical = CANONICAL_NAMES.get(name);
  if (canonical !== undefined) return canonical;
  const wanted = name.slice(0, MAX_COMPARED_LENGTH).toLowerCase();
  let nearest: OptionName | undefined;
  let smallest = Math.floor(wanted.length * MAX_DISTANCE_SHARE);
  for (const candidate of OPTION_NAMES) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    // A tie keeps the earlier name, except that the first one within reach must be taken.
    if (distance < smallest || (nearest === undefined && distance === smallest)) {
      nearest = candidate;
      smallest = distance;
    }
  }
  return nearest;
}

/** Insertions, deletions and substitutions between two short texts (Levenshtein), one row at a time. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(at(previous, column) + 1, at(current, column - 1) + 1, substitution));
    }
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? 0;
}
