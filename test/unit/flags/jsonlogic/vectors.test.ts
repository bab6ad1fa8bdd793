/** The published JSONLogic cases, through the guest's interpreter in each way a rule can reach its data. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { JsonLogicRig, MODES, queryData } from '../../guest/jsonlogic-rig.ts';
import { referenceMatches } from './reference.ts';

interface Vector {
  readonly id: number;
  readonly cat: string;
  readonly input: {
    readonly flag: { readonly targeting: readonly [{ readonly query: string; readonly variation: string }] };
    readonly evalContext: JsonObject;
    readonly flagContext: { readonly evaluationContextEnrichment?: JsonObject };
  };
  readonly expected: { readonly variationType: string };
}

interface Case {
  readonly id: number;
  readonly rule: JsonValue;
  readonly data: JsonObject;
  readonly matches: boolean;
}

const FILE = fileURLToPath(new URL('../../../conformance/vectors/flags.jsonl.gz', import.meta.url));

function readCases(): Case[] {
  if (!existsSync(FILE)) return [];
  const lines = gunzipSync(readFileSync(FILE)).toString('utf8').trimEnd().split('\n');
  const vectors = lines.map((line) => JSON.parse(line) as Vector).filter(({ cat }) => cat.startsWith('jl-'));
  return vectors.map(({ id, input, expected }) => ({
    id,
    rule: JSON.parse(input.flag.targeting[0].query) as JsonValue,
    data: queryData(input.evalContext, input.flagContext.evaluationContextEnrichment),
    matches: expected.variationType === input.flag.targeting[0].variation,
  }));
}

const cases = readCases();

describe.skipIf(cases.length === 0)('JSONLogic vectors', () => {
  let rig: JsonLogicRig;
  beforeAll(async () => {
    rig = await JsonLogicRig.start();
  }, 120_000);

  it.each(MODES)('are all decided right (%s)', (mode) => {
    const wrong = cases.filter(({ rule, data, matches }) => rig.matches(rule, data, mode) !== matches);
    expect(wrong.map(({ id }) => id)).toEqual([]);
    expect(cases.length).toBeGreaterThan(2_000);
  });

  it('are all decided right by the reference the fuzz test compares with', () => {
    const wrong = cases.filter(({ rule, data, matches }) => referenceMatches(rule, data) !== matches);
    expect(wrong.map(({ id }) => id)).toEqual([]);
  });
});
