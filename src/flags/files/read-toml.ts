/** Reads a TOML flag file. */

import { parse, TomlDate, TomlError } from 'smol-toml';
import type { JsonValue } from '../../internal/json.ts';
import { emptyRecord } from '../../internal/json.ts';
import { formatDate, parseDate } from '../date.ts';
import type { Finding } from '../finding.ts';
import type { FlagFile } from './flag-file.ts';
import { brokenFile } from './flag-file.ts';
import { tomlPositions } from './toml-positions.ts';

/** Dates of TOML that name no zone are read as UTC; a time without a date belongs to this day, as in Go. */
const DAY_OF_TIMES = '0000-01-01';

/** One flag holds a value that JSON cannot hold. */
class NoJsonForm extends Error {}

export function readToml(text: string): FlagFile {
  let document: Record<string, unknown>;
  try {
    document = parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (caught) {
    if (!(caught instanceof TomlError)) throw caught;
    // The first line is the message; the library adds a picture of the place.
    const message = caught.message.split('\n', 1)[0] as string;
    return brokenFile(message, { line: caught.line, column: caught.column }, 'correct the TOML at this place');
  }
  const flags = new Map<string, JsonValue>();
  const findings: Finding[] = [];
  const positions = tomlPositions(text);
  for (const key of Object.keys(document)) {
    try {
      flags.set(key, toJson(document[key]));
    } catch (caught) {
      if (!(caught instanceof NoJsonForm)) throw caught;
      findings.push({ flag: key, message: caught.message, ...positions(key, []), remedy: 'use a finite number' });
    }
  }
  return { flags, findings, isReadable: true, positions };
}

function toJson(value: unknown): JsonValue {
  if (value instanceof TomlDate) return dateText(value);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new NoJsonForm(`${value} has no JSON form`);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  const record = emptyRecord<JsonValue>();
  for (const name of Object.keys(value)) record[name] = toJson((value as Record<string, unknown>)[name]);
  return record;
}

/** RFC 3339 as dates are printed elsewhere. The parser keeps milliseconds; finer digits are lost. */
function dateText(value: TomlDate): string {
  const text = value.toISOString();
  if (value.isDate()) return `${text}T00:00:00Z`;
  const moment = value.isTime() ? `${DAY_OF_TIMES}T${text}` : text;
  const date = parseDate(value.isLocal() ? `${moment}Z` : moment);
  return 'error' in date ? moment : formatDate(date);
}
