/**
 * Answers of GO Feature Flag's own query engine (nikunjy/rules as it pins it, on amd64) for 1,531 generated queries,
 * most of them malformed, each for the six contexts of the fixture's first line. One letter a context: T true, F false,
 * E for what the engine reports as an error, which is false as well but is what validation refuses.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseQuery } from '../../../../src/flags/query/parser.ts';
import { validateQuery } from '../../../../src/flags/query/validate-query.ts';
import type { QueryData } from './interpret.ts';
import { interpretFully } from './interpret.ts';
import { showQuery } from './show.ts';

const [head = '', ...lines] = readFileSync(new URL('fixtures/reference-answers.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const contexts = (JSON.parse(head) as { contexts: Record<string, unknown>[] }).contexts.map(engineData);
const cases = lines.map((line) => JSON.parse(line) as [query: string, answers: string]);

/** The engine itself knows no recomputed members: integers become Int and that is all. */
function engineData(context: Record<string, unknown>): QueryData {
  const members = Object.entries(context);
  return new Map(members.map(([name, value]) => [name, Number.isInteger(value) ? BigInt(value as number) : value]));
}

describe('answers of the reference engine', () => {
  it('holds enough of every kind', () => {
    const all = cases.map(([, answers]) => answers).join('');
    for (const letter of 'TFE') expect(all.split(letter).length - 1).toBeGreaterThan(1_000);
    expect(cases.length).toBe(1_531);
  });

  it('evaluates every query as the reference does, for every context', () => {
    const letters = { true: 'T', false: 'F', invalid: 'E', abort: 'E' };
    const wrong: string[] = [];
    for (const [query, expected] of cases) {
      const tree = parseQuery(query);
      const answers = contexts.map((data) => letters[interpretFully(tree, data)]).join('');
      if (answers !== expected) wrong.push(`${query} -> ${showQuery(query)}: ${answers}, expected ${expected}`);
    }
    expect(wrong).toEqual([]);
  });

  it('refuses exactly the queries that the reference fails on for the empty context', () => {
    const wrong = cases.filter(([query, answers]) => (validateQuery(query) === undefined) === answers.startsWith('E'));
    expect(wrong).toEqual([]);
  });
});
