/** The published evaluation vectors, as far as nikunjy queries decide them, through parser and test interpreter. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { QueryNode } from '../../../../src/flags/query/ast.ts';
import { parseQuery, trimQuery } from '../../../../src/flags/query/parser.ts';
import { interpret, queryData } from './interpret.ts';

interface Rule {
  readonly query?: string;
  readonly disable?: boolean;
}

interface Vector {
  readonly id: number;
  readonly cat: string;
  readonly input: {
    readonly flag?: { readonly targeting?: readonly (Rule | null)[]; readonly scheduledRollout?: unknown };
    readonly evalContext?: Record<string, unknown>;
    readonly flagContext?: { readonly evaluationContextEnrichment?: Record<string, unknown> };
  };
  readonly expected: { readonly reason: string; readonly errorCode: string };
}

const file = new URL('../../../conformance/vectors/flags.jsonl.gz', import.meta.url);
const vectors = gunzipSync(readFileSync(file))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

/** The rules' trees when queries alone decide whether a rule or the default rule answers; else `undefined`. */
function decisiveRules({ input, expected }: Vector): QueryNode[] | undefined {
  const { targeting, scheduledRollout } = input.flag ?? {};
  if (!targeting?.length || scheduledRollout || expected.errorCode !== '' || expected.reason === 'DISABLED') {
    return undefined;
  }
  const trees: QueryNode[] = [];
  for (const rule of targeting) {
    const query = trimQuery(rule?.query ?? '');
    if (query === '' || rule?.disable === true || isJsonLogic(query)) return undefined;
    trees.push(parseQuery(query));
  }
  return trees;
}

function isJsonLogic(query: string): boolean {
  try {
    const value: unknown = JSON.parse(query);
    return typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}

describe('published vectors', () => {
  const decided = vectors.flatMap((vector) => {
    const trees = decisiveRules(vector);
    return trees === undefined ? [] : [{ vector, trees }];
  });

  it('gives the published answer for every flag with one nikunjy rule', () => {
    const single = decided.filter(({ trees }) => trees.length === 1);
    expect(single.length).toBeGreaterThan(7_000);
    expect(single.flatMap(difference)).toEqual([]);
  });

  it('agrees whether any rule matches for flags with several', () => {
    const several = decided.filter(({ trees }) => trees.length > 1);
    expect(several.length).toBeGreaterThan(500);
    expect(several.flatMap(difference)).toEqual([]);
  });

  it('covers every nikunjy category', () => {
    const categories = new Set(decided.map(({ vector }) => vector.cat));
    const expected = new Set(vectors.map(({ cat }) => cat).filter((cat) => cat.startsWith('nik-')));
    expect([...expected].filter((cat) => !categories.has(cat))).toEqual([]);
    expect(expected.size).toBe(10);
  });

  function difference({ vector, trees }: { vector: Vector; trees: QueryNode[] }): string[] {
    const { input, expected } = vector;
    const data = queryData(input.evalContext ?? {}, input.flagContext?.evaluationContextEnrichment ?? {});
    const isMatch = trees.some((tree) => interpret(tree, data));
    if (isMatch === expected.reason.startsWith('TARGETING_MATCH')) return [];
    return [`${vector.id} ${vector.cat}: ${JSON.stringify(input.flag?.targeting)} expected ${expected.reason}`];
  }
});
