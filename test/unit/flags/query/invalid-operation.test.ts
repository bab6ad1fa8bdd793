import { describe, expect, it } from 'vitest';
import type { CompareOp, QueryValue } from '../../../../src/flags/query/ast.ts';
import { isInvalidOperation } from '../../../../src/flags/query/invalid-operation.ts';

const OPS: readonly CompareOp[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'co', 'sw', 'ew', 'in'];

function invalidOps(kind: QueryValue['kind']): string {
  return OPS.filter((op) => isInvalidOperation(op, kind)).join(' ');
}

describe('operators that make the whole query false', () => {
  it('leaves null and booleans nothing but eq and ne', () => {
    expect(invalidOps('null')).toBe('gt lt ge le co sw ew in');
    expect(invalidOps('bool')).toBe('gt lt ge le co sw ew in');
  });

  it('refuses text search for numbers and versions, and in for versions', () => {
    for (const kind of ['int', 'ints', 'float', 'floats', 'nothing'] as const)
      expect(invalidOps(kind)).toBe('co sw ew');
    expect(invalidOps('version')).toBe('co sw ew in');
  });

  it('never refuses an operator for strings: what does not fit is just false', () => {
    expect(invalidOps('string')).toBe('');
    expect(invalidOps('strings')).toBe('');
  });
});
