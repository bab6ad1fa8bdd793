import { describe, expect, it } from 'vitest';
import { validateFlag } from '../../../src/flags/validate.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import { vectors } from './vectors.ts';

const ON_OFF = { variations: { on: true, off: false }, defaultRule: { variation: 'off' } };

function messages(flag: JsonValue): string[] {
  return validateFlag('f', flag).map(({ message }) => message);
}

function withRule(rule: JsonValue): JsonValue {
  return { ...ON_OFF, targeting: [rule] };
}

describe('validateFlag', () => {
  it('says first what the relay says, for every recorded flag', () => {
    const recorded = vectors<{ flag: JsonValue; message: string }>('flag-validation.json');
    expect(recorded.length).toBeGreaterThan(50);
    expect(recorded.map(({ flag }) => ({ flag, message: messages(flag)[0] ?? '' }))).toEqual(recorded);
  });

  it('says what the relay says of queries', () => {
    expect(messages(withRule({ variation: 'on' }))).toEqual(['each targeting should have a query']);
    expect(messages(withRule({ variation: 'on', query: '{"nope":[1]}' }))).toEqual(['invalid jsonlogic query']);
    for (const query of ['', 'x', 'x eq', 'x gt true', '[1]']) {
      expect(messages(withRule({ variation: 'on', query }))).toEqual([expect.stringMatching(/^invalid query: ./)]);
    }
    expect(messages(withRule({ variation: 'on', query: '\n  x eq 1\n' }))).toEqual([]);
  });

  it('tells the way out of JSONLogic that is no JSON, unknown operators, and broken strings', () => {
    const remedy = (query: string) => validateFlag('f', withRule({ variation: 'on', query }))[0]?.remedy;
    expect(remedy('{"==":[1,1]')).toBe('this looks like JSONLogic, but is no valid JSON: unexpected end of JSON input');
    expect(remedy('{"nope":[1]}')).toBe('there is no operator "nope"');
    expect(remedy('{"==":["a\nb",1]}')).toBe('take the line breaks out of strings and numbers');
  });

  it('reports all independent findings in order, with flag, rule, field, path and remedy', () => {
    const findings = validateFlag('shop', {
      variations: { on: true, off: null, odd: 'x' },
      defaultRule: { percentage: { on: 0, nope: 0 } },
      targeting: [
        { name: 'beta', query: 'x', variation: 'gone' },
        { disable: true, query: '((', name: 'beta' },
        { query: 'x eq 1' },
      ],
    });
    expect(findings.map(({ rule, field, message, path }) => [rule, field, message, path?.join('.')])).toEqual([
      [undefined, 'variations', 'nil value for variation: off', 'variations.off'],
      [undefined, 'variations', 'all variations should have the same type', 'variations.odd'],
      ['defaultRule', 'percentage', 'invalid percentage: variation nope does not exist', 'defaultRule.percentage.nope'],
      ['defaultRule', 'percentage', 'invalid percentages: should not be equal to 0', 'defaultRule.percentage'],
      ['beta', 'query', expect.stringMatching(/^invalid query: /), 'targeting.0.query'],
      ['beta', 'variation', 'invalid variation: gone does not exist', 'targeting.0.variation'],
      ['beta', 'name', 'duplicated rule name: beta', 'targeting.1.name'],
      ['targeting[2]', undefined, 'impossible to return value', 'targeting.2'],
    ]);
    for (const finding of findings) {
      expect(finding.flag).toBe('shop');
      expect(finding.remedy).toMatch(/^.{10,}[^.]$/);
    }
  });

  it('does not repeat that there are no variations for every rule that names one', () => {
    expect(
      messages({ defaultRule: { variation: 'on' }, targeting: [{ query: 'x eq 1', percentage: { on: 1 } }] }),
    ).toEqual(['no variation available']);
  });

  it('takes a progressive rollout without its ends for variations without a name', () => {
    expect(messages({ ...ON_OFF, defaultRule: { progressiveRollout: {} } })).toEqual([
      'invalid progressive rollout, end variation  does not exist',
      'invalid progressive rollout, initial variation  does not exist',
    ]);
  });

  it('reports every wrong type of a flag that cannot be parsed, the one of the parser first', () => {
    const findings = validateFlag('f', {
      disable: 'yes',
      targeting: [{}, { name: 'beta', percentage: { on: '5' } }, 7],
      experimentation: { start: 'tomorrow' },
    });
    expect(findings.map(({ rule, field, path }) => [rule, field, path?.join('.')])).toEqual([
      [undefined, 'start', 'experimentation.start'],
      [undefined, 'disable', 'disable'],
      ['beta', 'on', 'targeting.1.percentage.on'],
      ['targeting[2]', 'targeting', 'targeting.2'],
    ]);
    expect(findings[0]?.message).toMatch(/^parsing time "tomorrow"/);
    expect(findings[0]?.remedy).toBe('write dates as 2025-01-31T08:00:00Z, with the zone');
    expect(findings[1]?.message).toBe(
      'json: cannot unmarshal string into Go struct field InternalFlag.flag.disable of type bool',
    );
  });

  it('finds that a flag is no object, and that one nests without end', () => {
    expect(messages('on')).toEqual([
      'json: cannot unmarshal string into Go struct field EvaluateInput.flag of type flag.InternalFlag',
    ]);
    const deep = JSON.parse(`{"targeting":${'['.repeat(50_000)}${']'.repeat(50_000)}}`) as JsonValue;
    expect(messages(deep)).toEqual([
      'json: cannot unmarshal array into Go struct field InternalFlag.flag.targeting of type flag.Rule',
    ]);
  });

  it('leaves scheduled steps, experimentation and the bucketing key unchecked', () => {
    expect(
      messages({
        ...ON_OFF,
        scheduledRollout: [{ defaultRule: {}, targeting: [{}] }],
        experimentation: {},
        bucketingKey: '',
      }),
    ).toEqual([]);
  });

  it('asks the query check it is given', () => {
    const asked: string[] = [];
    const check = (query: string) => {
      asked.push(query);
      return { message: 'invalid query: no', remedy: 'write another' };
    };
    const flag = {
      ...ON_OFF,
      defaultRule: { variation: 'on', query: 'never' },
      targeting: [{ query: 'q', variation: 'on' }],
    };
    expect(validateFlag('f', flag, check).map(({ message, remedy }) => [message, remedy])).toEqual([
      ['invalid query: no', 'write another'],
    ]);
    expect(asked).toEqual(['q']);
  });
});
