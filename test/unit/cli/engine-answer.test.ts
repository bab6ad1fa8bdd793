import { describe, expect, it } from 'vitest';
import { answerText, engineAnswer, refusal } from '../../../src/cli/engine-answer.ts';
import type { RawOutcome } from '../../../src/evaluator/outcome-reader.ts';

const RAW: RawOutcome = {
  flagKey: 'f',
  variation: 'on',
  value: true,
  reason: 'STATIC',
  code: '',
  details: '',
  cacheable: true,
  preEvaluation: false,
  metadata: undefined,
  ruleIndex: undefined,
  ruleName: undefined,
  version: '1',
  trackEvents: true,
};

describe('the engine’s answer', () => {
  it('has its members in the engine’s order, and no member for what is empty', () => {
    expect(Object.keys(engineAnswer(RAW, undefined))).toEqual([
      'trackEvents',
      'variationType',
      'failed',
      'version',
      'reason',
      'errorCode',
      'value',
      'cacheable',
    ]);
    expect(engineAnswer({ ...RAW, metadata: {} }, undefined)).not.toHaveProperty('metadata');
    expect(Object.keys(engineAnswer({ ...RAW, metadata: { a: 1 } }, undefined)).at(-1)).toBe('metadata');
  });

  it('puts the default where the flag gives no value, and keeps a null that the flag gives', () => {
    expect(engineAnswer({ ...RAW, value: undefined }, 'fallback').value).toBe('fallback');
    expect(engineAnswer({ ...RAW, value: undefined }, undefined).value).toBeNull();
    expect(engineAnswer({ ...RAW, value: null }, 'fallback').value).toBeNull();
  });

  it('says failed for an error code, but not for an input that was never evaluated', () => {
    const failed = engineAnswer({ ...RAW, value: undefined, code: 'FLAG_CONFIG', details: 'why' }, 1);
    expect(failed).toMatchObject({ failed: true, errorCode: 'FLAG_CONFIG', errorDetails: 'why', value: 1 });
    const refused = engineAnswer({ ...RAW, preEvaluation: true, code: 'PARSE_ERROR', details: 'why' }, 1);
    expect(refused).toEqual(refusal('PARSE_ERROR', 'why'));
    expect(refused).toMatchObject({ failed: false, trackEvents: false, reason: '', value: null });
  });

  it('is written with sorted members inside values, Go’s escapes, and minus zero', () => {
    const text = answerText(engineAnswer({ ...RAW, value: { b: -0, a: '<\ud800>' } }, undefined));
    expect(text).toContain('"value":{"a":"\\u003c\ufffd\\u003e","b":-0}');
    expect(text.startsWith('{"trackEvents":true,"variationType":"on","failed":false,"version":"1"')).toBe(true);
  });
});
