/** The one validator of parameters: draft-07, paths, linear patterns, and schemas that are looked at themselves. */

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { compileSchema, type SchemaValidator } from '../../../../src/policy/params/json-schema.ts';

const at = '/routes/3/policies/1/params';

function validator(schema: JsonObject): SchemaValidator {
  const compiled = compileSchema(schema);
  if (!('check' in compiled)) throw new Error(JSON.stringify(compiled));
  return compiled;
}

function faults(schema: JsonObject): string[] {
  const compiled = compileSchema(schema, '/parameters');
  return 'check' in compiled ? [] : compiled.map(({ path, message }) => `${path}: ${message}`);
}

const LIMITS: JsonObject = {
  type: 'object',
  required: ['limits'],
  properties: {
    limits: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['max'],
        properties: { max: { type: 'integer', minimum: 1 }, per: { enum: ['second', 'minute'] } },
      },
    },
  },
};

describe('a schema over parameters', () => {
  it('P-23: says of every mistake where it is, all at once', () => {
    const problems = validator(LIMITS).check({ limits: [{ max: 0 }, { per: 'hour', burst: 1 }] }, at);
    expect(problems.map(({ path }) => path).sort()).toEqual([
      `${at}/limits/0/max`,
      `${at}/limits/1/burst`,
      `${at}/limits/1/max`,
      `${at}/limits/1/per`,
    ]);
    expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['PARAMS_INVALID']));
  });

  it('never repeats a value in a message, for it may be a secret', () => {
    const problems = validator({ properties: { key: { type: 'integer' }, more: { pattern: '^x' } } }).check(
      { key: 'hunter2', more: 'hunter2' },
      at,
    );
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  const vocabulary: [string, JsonObject, JsonValue, JsonValue][] = [
    ['type', { type: 'integer' }, 1, '1'],
    ['a list of types', { type: ['string', 'null'] }, null, 1],
    ['enum', { enum: ['a', 1] }, 1, 2],
    ['const', { const: 'on' }, 'on', 'off'],
    ['pattern', { pattern: '^v\\d+$' }, 'v1', 'x1'],
    ['format uri', { format: 'uri' }, 'https://a.example/x?y', 'a.example/x'],
    ['minimum and maximum', { minimum: 1, maximum: 3 }, 2, 4],
    ['exclusive bounds', { exclusiveMinimum: 1 }, 2, 1],
    ['length', { minLength: 1, maxLength: 2 }, 'ab', 'abc'],
    ['number of items', { minItems: 1, maxItems: 2 }, [1], []],
    ['additionalProperties', { properties: { a: {} }, additionalProperties: false }, { a: 1 }, { b: 1 }],
    ['required', { required: ['a'] }, { a: 1 }, {}],
    ['oneOf', { oneOf: [{ type: 'integer' }, { minimum: 2 }] }, 1, 3],
    ['anyOf', { anyOf: [{ type: 'integer' }, { type: 'boolean' }] }, true, 'x'],
    ['not', { not: { type: 'string' } }, 1, 'x'],
    ['local references', { definitions: { n: { type: 'integer' } }, items: { $ref: '#/definitions/n' } }, [1], ['x']],
  ];
  it.each(vocabulary)('P-23: knows %s', (_name, schema, good, bad) => {
    expect(validator(schema).check(good, at)).toEqual([]);
    expect(validator(schema).check(bad, at)).not.toEqual([]);
  });

  it('fills in defaults, nested ones too', () => {
    const params: JsonObject = { inner: {} };
    const schema: JsonObject = {
      properties: { a: { type: 'integer', default: 3 }, inner: { properties: { b: { default: 'x' } } } },
    };
    expect(validator(schema).check(params, at)).toEqual([]);
    expect(params).toEqual({ a: 3, inner: { b: 'x' } });
  });

  it('runs patterns in time that grows with the text: what makes others backtrack for hours is answered', () => {
    const evil = { pattern: '^(a+)+$' };
    expect(validator(evil).check(`${'a'.repeat(50_000)}!`, at)).toHaveLength(1);
    expect(
      validator({ patternProperties: { '^(a|a)*$': { type: 'integer' } } }).check(
        { [`${'a'.repeat(5_000)}!`]: 'x' },
        at,
      ),
    ).toEqual([]);
  });

  it('keeps several patterns of one schema apart', () => {
    const schema: JsonObject = { properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } };
    expect(validator(schema).check({ a: 'a', b: 'b' }, at)).toEqual([]);
    expect(validator(schema).check({ a: 'b', b: 'a' }, at)).toHaveLength(2);
  });

  it('takes the code-point escapes of ECMAScript', () => {
    expect(validator({ pattern: '^[\\u0041-\\u{42}]+$' }).check('AB', at)).toEqual([]);
    expect(validator({ pattern: '^\\\\u0041$' }).check('\\u0041', at)).toEqual([]);
  });
});

describe('a schema that is itself wrong', () => {
  it('U-09: is refused when it is compiled: pattern, type, format, reference', () => {
    expect(faults({ properties: { a: { pattern: '(?=x)' } } })).toHaveLength(1);
    expect(faults({ properties: { a: { pattern: '(' } } })).toHaveLength(1);
    expect(faults({ type: 'strin' })).toHaveLength(1);
    expect(faults({ properties: { a: { format: 'zip' } } })[0]).toContain('"zip"');
    expect(faults({ $ref: '#/definitions/none' })).toHaveLength(1);
    expect(faults({ $schema: 'https://json-schema.org/draft/2020-12/schema' })).toHaveLength(1);
    expect(faults({ description: 'x'.repeat(300_000) })).toHaveLength(1);
  });

  it('U-22: is refused where a default does not pass its own schema, with the place of the default', () => {
    expect(faults({ properties: { 'a/b': { type: 'integer', default: '3' } } })).toEqual([
      '/parameters/properties/a~1b/default: the default does not pass its own schema: must be integer',
    ]);
    expect(faults({ properties: { list: { items: { oneOf: [{ minimum: 5, default: 1 }] } } } })).toHaveLength(1);
    expect(
      faults({ properties: { default: { type: 'integer' }, properties: { default: 3, type: 'integer' } } }),
    ).toEqual([]);
  });

  it('U-22: keeps the markers of advanced parameters, which mean nothing here', () => {
    const schema: JsonObject = {
      properties: { a: { type: 'integer', 'x-edict-advanced': true, 'x-wso2-policy-advanced-param': true } },
    };
    expect(validator(schema).check({ a: 1 }, at)).toEqual([]);
    expect((schema.properties as JsonObject).a).toHaveProperty('x-edict-advanced', true);
  });
});
