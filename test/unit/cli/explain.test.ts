import { beforeAll, describe, expect, it } from 'vitest';
import { explain } from '../../../src/cli/explain/explain.ts';
import type { Explanation, Verdict } from '../../../src/cli/explain/explanation.ts';
import { explanationLines } from '../../../src/cli/explain/explanation-text.ts';
import { queryText } from '../../../src/cli/explain/query-text.ts';
import { Kernel } from '../../../src/cli/kernel.ts';
import type { QueryNode } from '../../../src/flags/query/ast.ts';
import { parseQuery, trimQuery } from '../../../src/flags/query/parser.ts';
import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { runCli, SHOP_FLAGS } from './run-cli.ts';

const NOW = Date.UTC(2026, 0, 15, 12);
let kernel: Kernel;

beforeAll(async () => {
  kernel = await Kernel.open(() => NOW);
});

function explained(flag: JsonValue, context: JsonObject, enrichment: JsonObject = {}): Explanation {
  const question = { flagKey: 'f', flag, context, enrichment };
  return explain(kernel, question, kernel.ask(question), NOW);
}

const withQuery = (query: string): JsonValue => ({
  variations: { a: 1, b: 2 },
  targeting: [{ name: 'r', query, variation: 'a' }],
  defaultRule: { variation: 'b' },
});

/** The verdicts of a query's conditions. */
function verdicts(query: string, context: JsonObject): string[] {
  return explained(withQuery(query), context).rules[0]?.conditions.map(({ verdict }) => verdict) ?? [];
}

/** What the verdicts amount to by the rules of the language; fails when a condition that counts was not reached. */
function combined(node: QueryNode, told: Verdict[]): boolean {
  if (node.kind === 'paren') return combined(node.inner, told) !== node.negate;
  if (node.kind !== 'chain') {
    const verdict = told.shift();
    if (verdict !== 'yes' && verdict !== 'no') throw new Error(`a condition that counts is ${verdict}`);
    return verdict === 'yes';
  }
  return node.terms.reduce((result, term, i) => {
    const isSkipped = i > 0 && (node.ops[i - 1] === 'and') !== result;
    if (!isSkipped) return combined(term, told);
    for (let count = countConditions(term); count > 0; count -= 1) expect(told.shift()).toBe('not reached');
    return result;
  }, false);
}

function countConditions(node: QueryNode): number {
  if (node.kind === 'paren') return countConditions(node.inner);
  return node.kind === 'chain' ? node.terms.reduce((sum, term) => sum + countConditions(term), 0) : 1;
}

const lines = (explanation: Explanation): string[] => explanationLines(explanation, (_style, text) => text);

describe('an explanation', () => {
  it('tells of each condition whether it holds, and what the attribute is', () => {
    const [rule] = explained(withQuery('email ew "@example.com" or plan eq "pro"'), {
      email: 'a@shop.test',
      plan: 'pro',
    }).rules;
    expect(rule).toMatchObject({ position: 1, name: 'r', status: 'matched', language: 'nikunjy' });
    expect(rule?.conditions).toMatchObject([
      { text: 'email ew "@example.com"', verdict: 'no', attribute: 'email', value: 'a@shop.test' },
      { before: 'or ', text: 'plan eq "pro"', verdict: 'yes', attribute: 'plan', value: 'pro' },
    ]);
  });

  it('tells which conditions were never looked at', () => {
    expect(verdicts('a eq 1 and b eq 1', { a: 2, b: 1 })).toEqual(['no', 'not reached']);
    expect(verdicts('a eq 1 or b eq 1', { a: 1, b: 1 })).toEqual(['yes', 'not reached']);
    // Equal precedence from the left: (a or b) and c.
    expect(verdicts('a eq 1 or b eq 1 and c eq 1', { a: 1, c: 1 })).toEqual(['yes', 'not reached', 'yes']);
    expect(verdicts('a eq 1 and (b eq 1 or c eq 1)', { a: 1, b: 0, c: 1 })).toEqual(['yes', 'no', 'yes']);
    expect(verdicts('a eq 1 and (b eq 1 or c eq 1)', { b: 0, c: 1 })).toEqual(['no', 'not reached', 'not reached']);
  });

  it('tells the truth of a condition itself inside of not', () => {
    expect(verdicts('not (a eq 1)', { a: 1 })).toEqual(['yes']);
    expect(verdicts('not (a eq 1 and not (b eq 1))', { a: 1, b: 1 })).toEqual(['yes', 'yes']);
    const [rule] = explained(withQuery('a eq 1 and not (b eq 1)'), { a: 1, b: 1 }).rules;
    expect(rule?.conditions.map(({ before, text, after }) => before + text + after)).toEqual([
      'a eq 1',
      'and not (b eq 1)',
    ]);
  });

  it('tells what a comparison of a missing parent compares: the value before it', () => {
    const [rule] = explained(withQuery('x eq 1 and a.b eq 1'), { x: 1 }).rules;
    expect(rule?.status).toBe('matched');
    expect(rule?.conditions[1]).toMatchObject({
      verdict: 'yes',
      note: expect.stringContaining('the comparison before it'),
    });
  });

  it('tells which condition makes the whole query false', () => {
    expect(verdicts('a co 1 or b eq 1', { a: 1, b: 1 })).toEqual(['aborts', 'not reached']);
    expect(verdicts('a.b eq 1 or b eq 1', { a: 1, b: 1 })).toEqual(['aborts', 'not reached']);
    expect(verdicts('a eq or b eq 1', { b: 1 }).at(0)).toBe('aborts');
  });

  it('lists what a JSONLogic rule reads', () => {
    const query = '{"and":[{"==":[{"var":"plan"},"pro"]},{"some":[{"var":"tags"},{"==":[{"var":""},"x"]}]}]}';
    const [rule] = explained(withQuery(query), { plan: 'pro', tags: ['x'] }).rules;
    expect(rule).toMatchObject({ status: 'matched', language: 'jsonlogic' });
    expect(rule?.conditions).toMatchObject([
      { text: query, verdict: 'yes' },
      { attribute: 'plan', value: 'pro' },
      { attribute: 'tags', value: ['x'] },
    ]);
  });

  it('sees the context as queries do: enriched, with key, targetingKey and anonymous recomputed', () => {
    const flag = withQuery('plan eq "x" or key eq "x" or anonymous eq true');
    const [rule] = explained(flag, { targetingKey: 'u', key: 'x', anonymous: 'true', plan: 'a' }, { plan: 'b' }).rules;
    expect(rule?.conditions.map(({ value }) => value)).toEqual(['b', 'u', false]);
  });

  it('puts every user into the range of the variation that the kernel serves', () => {
    const flag = {
      variations: { a: 1, b: 2, ü: 3 },
      defaultRule: { percentage: { a: 33.3, b: 33.3, ü: 33.4 } },
    };
    for (let i = 0; i < 300; i += 1) {
      const question = { flagKey: 'f', flag, context: { targetingKey: `ü${i}` }, enrichment: {} };
      const raw = kernel.ask(question);
      const serving = explain(kernel, question, raw, NOW).rules[0]?.serving;
      if (serving?.kind !== 'percentage') throw new Error('no percentage');
      const { bucket, ranges } = serving;
      expect(ranges.find(({ from, to }) => bucket >= from && bucket < to)?.variation).toBe(raw.variation);
    }
  });

  it('says who gets what of a progressive rollout now, as the kernel does', () => {
    const flag = {
      variations: { old: 1, new: 2 },
      defaultRule: {
        progressiveRollout: {
          initial: { variation: 'old', date: '2026-01-01T00:00:00Z' },
          end: { variation: 'new', date: '2026-01-31T00:00:00Z' },
        },
      },
    };
    for (let i = 0; i < 200; i += 1) {
      const question = { flagKey: 'f', flag, context: { targetingKey: `u${i}` }, enrichment: {} };
      const raw = kernel.ask(question);
      const serving = explain(kernel, question, raw, NOW).rules[0]?.serving;
      if (serving?.kind !== 'progressive') throw new Error('no rollout');
      expect(serving.threshold).toBe(48_333);
      expect(serving.bucket < serving.threshold ? 'new' : 'old').toBe(raw.variation);
    }
  });

  it('tells due and later steps, and explains the flag as the due ones left it', () => {
    const flag = {
      ...(withQuery('a eq 1') as JsonObject),
      scheduledRollout: [
        { date: '2026-01-01T00:00:00Z', targeting: [{ name: 'r', query: 'a eq 2' }] },
        { date: '2027-01-01T00:00:00Z', disable: true },
      ],
    };
    const explanation = explained(flag, { a: 2 });
    expect(explanation.schedule).toEqual([
      { date: '2026-01-01T00:00:00Z', isDue: true, sets: ['targeting'] },
      { date: '2027-01-01T00:00:00Z', isDue: false, sets: ['disable'] },
    ]);
    expect(explanation.rules[0]).toMatchObject({ status: 'matched', query: 'a eq 2' });
    const early = explained(flag, { a: 2, gofeatureflag: { currentDateTime: '2025-12-31T00:00:00Z' } });
    expect(early).toMatchObject({ dateFrom: 'context', schedule: [{ isDue: false }, { isDue: false }] });
    expect(early.rules[0]).toMatchObject({ status: 'no match', query: 'a eq 1' });
  });

  it('stops where the decision fell: window, disabled, missing key, broken flag', () => {
    const flag = withQuery('a eq 1') as JsonObject;
    const window = explained({ ...flag, experimentation: { end: '2026-01-01T00:00:00Z' } }, {});
    expect(window).toMatchObject({ rules: [], window: { isInside: false, end: '2026-01-01T00:00:00Z' } });
    expect(explained({ ...flag, disable: true }, {})).toMatchObject({ rules: [], isDisabled: true });
    const keyless = explained({ ...flag, bucketingKey: 'company.id' }, { company: {} });
    expect(keyless).toMatchObject({ rules: [], bucketing: { from: 'company.id', value: undefined } });
    expect(keyless.problem).toContain('nested key not found: company.id');
    expect(explained({ ...flag, version: 1 }, {}).problem).toContain('PARSE_ERROR: json: cannot unmarshal number');
  });

  it('shows a matching rule that serves nothing, and rules that are disabled or come too late', () => {
    const flag = {
      variations: { a: 1 },
      targeting: [
        { query: 'a eq 1', variation: 'a', disable: true },
        { query: 'a eq 1' },
        { query: 'a eq 1', variation: 'a' },
      ],
      defaultRule: { variation: 'a' },
    };
    const { rules, problem } = explained(flag, { a: 1 });
    expect(rules.map(({ status }) => status)).toEqual(['disabled', 'matched', 'not reached', 'not reached']);
    expect(rules[1]?.serving).toMatchObject({ kind: 'nothing' });
    expect(problem).toContain('no variation available for this rule');
  });

  it('agrees with the kernel on whole queries, condition by condition', () => {
    const queries = [
      'a eq 1 and b eq 2 or c eq 3',
      'not (a eq 1 or b eq 2) and c pr',
      '(a eq 1 and (b in [1, 2] or not (c lt 2.5))) or d.e sw "x"',
      'a.b.c eq 1 or a.b eq 2 or x eq 1',
      'x eq 1 and a.b.c eq 1 or b eq 1',
      's co "é" or v ge 1.2.0-rc.1 and not (s eq null)',
      'not x eq 1 and b eq 2',
    ];
    const contexts: JsonObject[] = [
      {},
      { a: 1, b: 2, c: 3, x: 1 },
      { a: { b: { c: 1 } }, b: 1, x: 1 },
      { a: { b: 2 }, s: 'É', v: '1.2.0', d: { e: 'xyz' } },
      { a: 2, b: 1, c: 1, s: '', x: 2 },
    ];
    for (const query of queries) {
      for (const context of contexts) {
        const [rule] = explained(withQuery(query), context).rules;
        const told = rule?.conditions.map(({ verdict }) => verdict) ?? [];
        const aborts = told.includes('aborts');
        const isMatch = !aborts && combined(parseQuery(trimQuery(query)), [...told]);
        expect(isMatch ? 'matched' : 'no match', `${query} for ${JSON.stringify(context)}`).toBe(rule?.status);
      }
    }
  });

  it('writes queries back as texts that mean the same', () => {
    for (const query of [
      'a eq 1',
      'not (a.b-c:d_e ne "x\\"y") or b in ["p", "q"]',
      '(a gt -5 and b le -5.5) or (c in [1, 2] and d in [1.5, 2.0])',
      'a eq 1.0e21 or b eq null or c eq true and d pr',
      'v gt 1.2.3-rc.1+build or v eq 0.0.1',
      'a eq 1.0e-7',
    ]) {
      const tree = parseQuery(trimQuery(query));
      expect(parseQuery(queryText(tree))).toEqual(tree);
    }
  });

  it('is written for people with a line for each condition', () => {
    const text = lines(explained(withQuery('email ew "@example.com" and plan eq "pro"'), { email: 'a@shop.test' }));
    expect(text.map((line) => line.trimStart()).slice(1)).toEqual([
      'rule 1 "r": no match',
      'no  email ew "@example.com"  email is "a@shop.test"',
      '-   and plan eq "pro"',
      'default rule: used',
      'serves b',
    ]);
  });

  it('comes with the decision, as text and in the document', async () => {
    const args = [
      'eval',
      '--flags',
      SHOP_FLAGS,
      '--flag',
      'search-ranking',
      '--context',
      '{"accountId":"account-17"}',
      '--explain',
    ];
    const { stdout } = await runCli(args);
    expect(stdout).toContain('How it came about');
    expect(stdout).toMatch(/bucketing +accountId is "account-17"/);
    expect(stdout).toMatch(/bucket \d+ of 100000/);
    expect(stdout.match(/^ +> +\w+ +\d+ to \d+ +\d+ %$/gm)).toHaveLength(1);
    const { explanation } = JSON.parse((await runCli([...args, '--json'])).stdout) as { explanation: Explanation };
    expect(explanation.rules.map(({ status }) => status)).toEqual(['no match', 'matched']);
  });
});
