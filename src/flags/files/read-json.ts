/** Reads a JSON flag file. */

import type { JsonValue } from '../../internal/json.ts';
import { isJsonObject } from '../../internal/json.ts';
import { findJsonSyntaxError } from '../json-syntax.ts';
import type { FlagFile } from './flag-file.ts';
import { brokenFile, wrongTopLevel } from './flag-file.ts';
import { jsonPositions } from './json-positions.ts';
import { textPositions } from './text-position.ts';

export function readJson(text: string): FlagFile {
  let document: JsonValue;
  try {
    document = JSON.parse(text) as JsonValue;
  } catch (caught) {
    const error = findJsonSyntaxError(text) ?? { message: String(caught), offset: 0 };
    return brokenFile(error.message, textPositions(text)(error.offset), 'correct the JSON at this place');
  }
  if (!isJsonObject(document))
    return wrongTopLevel(Array.isArray(document) ? 'array' : document === null ? 'null' : typeof document);
  return { flags: new Map(Object.entries(document)), findings: [], isReadable: true, positions: jsonPositions(text) };
}
