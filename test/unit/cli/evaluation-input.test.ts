import { describe, expect, it } from 'vitest';
import { readEvaluationInput } from '../../../src/cli/evaluation-input.ts';
import type { JsonValue } from '../../../src/internal/json.ts';

const EMPTY = { flagKey: '', flag: null, evalContext: {}, enrichment: {}, defaultSdkValue: null };

function errorOf(input: JsonValue): string | undefined {
  const read = readEvaluationInput(input);
  return 'error' in read ? read.error : undefined;
}

describe('an evaluation’s input', () => {
  it('may leave out every member, or say null', () => {
    expect(readEvaluationInput({})).toEqual(EMPTY);
    expect(readEvaluationInput(null)).toEqual(EMPTY);
    expect(readEvaluationInput({ flagKey: null, flag: null, evalContext: null, flagContext: null })).toEqual(EMPTY);
    expect(readEvaluationInput({ flagContext: { evaluationContextEnrichment: null, defaultSdkValue: null } })).toEqual(
      EMPTY,
    );
  });

  it('is matched without regard to case, and a second spelling of a context adds to the first', () => {
    const read = readEvaluationInput({
      FLAGKEY: 'f',
      evalContext: { a: 1, b: 1 },
      EvalContext: { b: 2 },
      flagcontext: { defaultSDKvalue: 5, EvaluationContextEnrichment: { e: 1 } },
    });
    expect(read).toMatchObject({ flagKey: 'f', enrichment: { e: 1 }, defaultSdkValue: 5 });
    expect({ ...(read as typeof EMPTY).evalContext }).toEqual({ a: 1, b: 2 });
  });

  it.each<[JsonValue, string]>([
    [[], 'json: cannot unmarshal array into Go value of type main.EvaluateInput'],
    ['x', 'json: cannot unmarshal string into Go value of type main.EvaluateInput'],
    [true, 'json: cannot unmarshal bool into Go value of type main.EvaluateInput'],
    [{ flagKey: 1 }, 'json: cannot unmarshal number into Go struct field EvaluateInput.flagKey of type string'],
    [{ flag: [] }, 'json: cannot unmarshal array into Go struct field EvaluateInput.flag of type flag.InternalFlag'],
    [
      { evalContext: 'x' },
      'json: cannot unmarshal string into Go struct field EvaluateInput.evalContext of type map[string]interface {}',
    ],
    [
      { flagContext: false },
      'json: cannot unmarshal bool into Go struct field EvaluateInput.flagContext of type flag.Context',
    ],
    [
      { flagContext: { evaluationContextEnrichment: [] } },
      'json: cannot unmarshal array into Go struct field Context.flagContext.evaluationContextEnrichment of type map[string]interface {}',
    ],
  ])('of a wrong type is refused in Go’s words: %j', (input, text) => {
    expect(errorOf(input)).toBe(text);
  });

  it('with several wrong types names the first in the document, but a wrong date wherever it stands', () => {
    const flag = { version: 1 };
    expect(errorOf({ flagKey: 1, flag })).toContain('EvaluateInput.flagKey');
    expect(errorOf({ flag, flagKey: 1 })).toContain('InternalFlag.flag.version');
    expect(errorOf({ flagKey: 1, flag: { experimentation: { start: 5 } } })).toBe(
      'Time.UnmarshalJSON: input is not a JSON string',
    );
  });

  it('may nest 128 levels and no more', () => {
    const nested = (levels: number): JsonValue => (levels === 0 ? 1 : [nested(levels - 1)]);
    // Two levels are the input and its context.
    expect(errorOf({ evalContext: { a: nested(126) } })).toBeUndefined();
    expect(errorOf({ evalContext: { a: nested(127) } })).toBe('input JSON exceeds the maximum nesting depth (128)');
  });

  it('trips the engine’s guards on queries that are too complex, also in a default rule and in steps', () => {
    const many = Array.from({ length: 1_001 }, (_, i) => `a eq ${i}`).join(' or ');
    const text = 'targeting query exceeds the maximum condition count (1001 > 1000)';
    expect(errorOf({ flag: { targeting: [{ query: many }] } })).toBe(text);
    expect(errorOf({ flag: { defaultRule: { query: many } } })).toBe(text);
    expect(errorOf({ flag: { scheduledRollout: [{ targeting: [{ query: many }] }] } })).toBe(text);
    expect(errorOf({ flag: { targeting: [{ query: '('.repeat(65) }] } })).toBe(
      'targeting query exceeds the maximum nesting depth (65 > 64)',
    );
    const list = `[${Array.from({ length: 1_001 }, (_, i) => i).join(',')}]`;
    expect(errorOf({ flag: { targeting: [{ query: `a in ${list}` }] } })).toBe(
      'targeting query list exceeds the maximum item count (1001 > 1000)',
    );
    const path = Array.from({ length: 129 }, () => 'a').join('.');
    expect(errorOf({ flag: { targeting: [{ query: `${path} pr` }] } })).toBe(
      'targeting query attribute path exceeds the maximum segment count (129 > 128)',
    );
    expect(errorOf({ flag: { targeting: [{ query: `a eq "${'('.repeat(65)}"` }] } })).toBeUndefined();
  });
});
