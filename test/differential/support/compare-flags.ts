/** Random flags through the compiled kernel and through a plain reading of the specification. */

import type { QueryNode } from '../../../src/flags/query/ast.ts';
import { parseQuery, trimQuery } from '../../../src/flags/query/parser.ts';
import { interpret, type QueryData, queryData } from '../../unit/flags/query/interpret.ts';
import type { KernelRig } from '../../unit/wasm/support/kernel-rig.ts';
import { splitter } from '../../unit/wasm/support/reference-rollout.ts';
import { DAY_MS, flagJson, type RandomFlag, randomConfiguration, type Serve, YEAR_START } from './random-flags.ts';

export interface Tally {
  /** Pairs of flag and context. */
  pairs: number;
  /** … that a targeting rule decided. */
  matched: number;
  /** … decided by percentage. */
  split: number;
  scheduled: number;
}

interface State {
  readonly rules: { name: string; query: string; serve: Serve; disable: boolean }[];
  fallback: Serve;
  disable: boolean;
}

/** §6: the steps that are due, in order of their days. */
function stateAt(flag: RandomFlag, now: number): State {
  const state: State = { rules: flag.rules.map((rule) => ({ ...rule })), fallback: flag.fallback, disable: false };
  const due = flag.steps.filter(({ day }) => YEAR_START + day * DAY_MS <= now).sort((a, b) => a.day - b.day);
  for (const { rules, defaultVariation, disable } of due) {
    for (const { name, query, variation } of rules) {
      const known = state.rules.find((rule) => rule.name === name);
      if (known === undefined) {
        state.rules.push({ name, query: query ?? '', serve: { variation: variation as string }, disable: false });
        continue;
      }
      known.query = query ?? known.query;
      // A percentage that is there already still stands before a new variation.
      if (variation !== undefined && 'variation' in known.serve) known.serve = { variation };
    }
    if (defaultVariation !== undefined && 'variation' in state.fallback)
      state.fallback = { variation: defaultVariation };
    state.disable = disable ?? state.disable;
  }
  return state;
}

const parsed = new Map<string, QueryNode>();

function matches(query: string, data: QueryData): boolean {
  const text = trimQuery(query);
  if (text === '') return true;
  let node = parsed.get(text);
  if (node === undefined) {
    if (parsed.size > 10_000) parsed.clear();
    node = parseQuery(text);
    parsed.set(text, node);
  }
  return interpret(node, data);
}

/** §4, §5: which rule decides, what it serves; errors as their details. */
function expectedAnswer(flag: RandomFlag, data: QueryData, now: number, tally: Tally): string {
  const state = stateAt(flag, now);
  const targetingKey = data.get('targetingKey') as string;
  const percents = [flag.fallback, ...flag.rules.map((rule) => rule.serve)].some((serve) => 'percentage' in serve);
  if (targetingKey === '' && percents) return 'Error: Empty targeting key';
  if (state.disable) return 'disabled';
  const index = state.rules.findIndex(({ query, disable }) => matches(query, data) && !disable);
  const serve = index < 0 ? state.fallback : (state.rules[index] as { serve: Serve }).serve;
  if (index >= 0) tally.matched++;
  if ('variation' in serve) return `${index} ${serve.variation}`;
  tally.split++;
  const variation = splitter(serve.percentage)(flag.key, targetingKey);
  return variation === undefined ? 'impossible to find the variation' : `${index} ${variation}`;
}

/** Compares one configuration; the text of the first difference, or undefined. */
export function difference(rig: KernelRig, seed: number, tally: Tally): string | undefined {
  const { flags, enrichment, contexts } = randomConfiguration(seed);
  rig.load(Object.fromEntries(flags.map((flag) => [flag.key, flagJson(flag)])), enrichment);
  for (const [i, context] of contexts.entries()) {
    const now = YEAR_START + i * 2 * DAY_MS;
    const data = queryData(context, enrichment);
    const batch = new Map(rig.all(context, now).map((answer) => [answer.flagKey, answer]));
    for (const flag of flags) {
      tally.pairs++;
      if (flag.steps.length > 0) tally.scheduled++;
      const expected = expectedAnswer(flag, data, now, tally);
      for (const answer of [rig.raw(flag.key, context, now), batch.get(flag.key)]) {
        const { reason, ruleIndex, variation, details } = answer ?? {};
        const actual = reason === 'DISABLED' ? 'disabled' : details || `${ruleIndex ?? -1} ${variation}`;
        if (actual === expected) continue;
        return [
          `seed ${seed} (EDICT_FUZZ_SEED=${seed} EDICT_FUZZ_CASES=1): kernel "${actual}", reference "${expected}"`,
          `flag       ${flag.key} ${JSON.stringify(flagJson(flag))}`,
          `context    ${JSON.stringify(context)} at ${new Date(now).toISOString()}`,
          `enrichment ${JSON.stringify(enrichment)}`,
        ].join('\n');
      }
    }
  }
  return undefined;
}

export function newTally(): Tally {
  return { pairs: 0, matched: 0, split: 0, scheduled: 0 };
}
