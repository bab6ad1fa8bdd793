/** Makes a failing JSON value smaller while it keeps failing, so that a person can read it. */

import type { JsonValue } from '../../../../src/internal/json.ts';

/** Greedy: takes the first simpler value that still fails, until none does. */
export function shrink(value: JsonValue, fails: (candidate: JsonValue) => boolean): JsonValue {
  let smallest = value;
  for (let attempts = 0; attempts < 2_000; ) {
    let better: JsonValue | undefined;
    for (const candidate of simpler(smallest)) {
      attempts++;
      if (fails(candidate)) {
        better = candidate;
        break;
      }
    }
    if (better === undefined) return smallest;
    smallest = better;
  }
  return smallest;
}

/** Children in place of the whole, then parts left out, then parts made simpler. */
function* simpler(value: JsonValue): Generator<JsonValue> {
  if (typeof value !== 'object' || value === null) {
    for (const simple of [null, 0, 1, '', 'a']) if (weight(simple) < weight(value)) yield simple;
    return;
  }
  const parts = Object.entries(value);
  for (const [, part] of parts) if (typeof part === 'object' && part !== null) yield part;
  for (const [name] of parts)
    yield rebuilt(
      value,
      parts.filter(([other]) => other !== name),
    );
  for (const [name, part] of parts) {
    for (const smaller of simpler(part)) {
      yield rebuilt(
        value,
        parts.map(([other, kept]) => [other, other === name ? smaller : kept] as [string, JsonValue]),
      );
    }
  }
}

function rebuilt(like: JsonValue, parts: [string, JsonValue][]): JsonValue {
  return Array.isArray(like) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
}

function weight(value: JsonValue): number {
  return value === null ? 0 : 1 + JSON.stringify(value).length;
}
