/** Writes a parsed flag back as the JSON the relay would answer, so that tests can compare whole flags. */

import { formatDate } from '../../../src/flags/date.ts';
import type { Flag, Instant } from '../../../src/flags/model.ts';
import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';

/** Absent members are left out; dates are printed; free values stay as they are. */
export function flagJson(flag: Flag): JsonObject {
  return structJson(flag) as JsonObject;
}

function structJson(value: unknown): JsonValue {
  if (value instanceof Map) return Object.fromEntries(value) as JsonObject;
  if (Array.isArray(value)) return value.map(structJson);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  if ('offsetMinutes' in value) return formatDate(value as Instant);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.map(([name, member]) => [
      name,
      name === 'variations' || name === 'metadata' ? (member as JsonValue) : structJson(member),
    ]),
  );
}

/** Plain objects all the way down: values of files have no prototype, and `toEqual` minds. */
export function plain(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}
