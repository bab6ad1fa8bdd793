/** Every recorded answer of GO Feature Flag, through the compiled kernel. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAnswer } from '../../src/cli/engine-answer.ts';
import { InProcessEvaluator } from '../../src/evaluator/in-process-evaluator.ts';
import { canonicalJson } from '../../src/internal/canonical-json.ts';
import { emptyRecord, type JsonValue } from '../../src/internal/json.ts';
import { readVectors, type VectorRecord } from './vector-records.ts';

const evaluator = new InProcessEvaluator({ bootstrap: { flags: {} } });
beforeAll(() => evaluator.initialize());
afterAll(() => evaluator.close());

async function answerTo({ input }: VectorRecord): Promise<string> {
  const { flagKey, flag, evalContext, flagContext } = input;
  const flags = emptyRecord<JsonValue>();
  flags[flagKey] = flag;
  const { evaluationContextEnrichment = {}, defaultSdkValue } = flagContext;
  await evaluator.load({ flags, evaluationContextEnrichment });
  const raw = evaluator.evaluateRaw(flagKey, evalContext);
  if (raw === undefined) throw new Error(`the evaluator has no flag "${flagKey}"`);
  return canonicalJson(engineAnswer(raw, defaultSdkValue));
}

describe('the recorded evaluations (D-62)', () => {
  it('are 20,000, and each answer is equal in every member (GOFF-ENG-001, GOFF-IP-014)', async () => {
    const records = readVectors();
    expect(records).toHaveLength(20_000);
    const different: string[] = [];
    for (const record of records) {
      const answer = await answerTo(record);
      if (answer !== canonicalJson(record.expected)) different.push(`${record.id} (${record.cat}): ${answer}`);
    }
    expect(different).toEqual([]);
  }, 120_000);
});
