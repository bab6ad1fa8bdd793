/** The recorded evaluations of GO Feature Flag: input and answer, one a line. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { JsonObject, JsonValue } from '../../src/internal/json.ts';

export interface VectorRecord {
  readonly id: number;
  readonly cat: string;
  readonly input: {
    readonly flagKey: string;
    readonly flag: JsonValue;
    readonly evalContext: JsonObject;
    readonly flagContext: {
      readonly evaluationContextEnrichment?: JsonObject;
      readonly defaultSdkValue?: JsonValue;
    };
  };
  readonly expected: JsonObject;
}

export function readVectors(): VectorRecord[] {
  const text = gunzipSync(readFileSync(new URL('vectors/flags.jsonl.gz', import.meta.url))).toString();
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as VectorRecord);
}
