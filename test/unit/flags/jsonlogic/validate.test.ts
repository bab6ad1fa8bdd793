/** Which JSONLogic queries the relay's validation lets through. */

import { describe, expect, it } from 'vitest';
import { OPERATOR_CODES } from '../../../../src/flags/jsonlogic/operators.ts';
import { validateJsonLogic } from '../../../../src/flags/jsonlogic/validate.ts';
import type { JsonValue } from '../../../../src/internal/json.ts';

describe('validateJsonLogic', () => {
  it('knows every operator', () => {
    for (const name of OPERATOR_CODES.keys()) expect(validateJsonLogic({ [name]: [1, 2] })).toBeUndefined();
  });

  it.each<JsonValue>([
    { and: [{ '==': [{ var: 'a' }, 1] }, { '!': 'x' }] },
    { var: 'a' },
    { var: 1 },
    { var: null },
    { var: ['a', 1] },
    { var: 'a', nonsense: 1 },
    { unknown: 1, several: 2 },
    { '==': [null, { a: 1, b: { nonsense: 1 } }] },
    { and: [null, true, 1, 'x', []] },
    { if: [] },
    [],
    true,
    'text',
  ])('accepts %j', (rule) => {
    expect(validateJsonLogic(rule)).toBeUndefined();
  });

  it.each<[JsonValue, string | undefined]>([
    [{ unknown: 1 }, 'unknown'],
    [{ and: [{ '==': [1, 1] }, { or: [{ nope: [] }] }] }, 'nope'],
    [{ '==': { nope: [] } }, 'nope'],
    [[[{ nope: [] }]], 'nope'],
    [{ AND: [] }, 'AND'],
    [{ constructor: [] }, 'constructor'],
    [JSON.parse('{"__proto__":[]}') as JsonValue, '__proto__'],
    [{ '': 1 }, ''],
    [{}, undefined],
    [{ and: [{}] }, undefined],
    [{ '!': null }, undefined],
    [{ var: { '!': null } }, undefined],
    [null, undefined],
  ])('refuses %j and names the operator', (rule, operator) => {
    expect(validateJsonLogic(rule)).toEqual({ message: 'invalid jsonlogic query', operator });
  });

  it('takes any depth', () => {
    let rule: JsonValue = { nope: 1 };
    for (let i = 0; i < 50_000; i++) rule = i % 2 === 0 ? [rule] : { '!': rule };
    expect(validateJsonLogic(rule)).toEqual({ message: 'invalid jsonlogic query', operator: 'nope' });
  });
});
