/**
 * The cases of OpenFeature's `contextMerging.feature`: what reaches the provider of what was added at each level.
 *
 * The context is looked at where the SDK hands it to the provider. Entries that have a level's name are also looked at where
 * rules see them, by flags that are true for them. Those named `key` cannot be: to GO Feature Flag's rules `key` is the
 * targeting key, whatever the context has under that name.
 */

import type { EvaluationContext } from '@openfeature/server-sdk';
import { expect } from 'vitest';
import { CONTEXT_LEVELS, type ContextLevel, contextEntryFlag, contextEntryText } from './flags.ts';
import type { ScenarioName } from './gherkin-counts.ts';
import type { SuiteBench } from './suite-bench.ts';

export interface ContextCase {
  readonly scenario: ScenarioName;
  readonly title: string;
  /** What is added to the context at each level. */
  readonly given: Partial<Record<ContextLevel, Readonly<Record<string, string>>>>;
  /** What the merged context must contain. */
  readonly merged: readonly (readonly [name: string, text: string])[];
}

const WITHOUT_HOOKS = CONTEXT_LEVELS.filter((level) => level !== 'Before Hooks');
const WITHOUT_TRANSACTION = CONTEXT_LEVELS.filter((level) => level !== 'Transaction');

/** The levels of an SDK without hooks, of one without transactions, and of one with both: ours has both. */
const LEVEL_SETS = [
  { levels: WITHOUT_HOOKS, suffix: ', without hooks' },
  { levels: WITHOUT_TRANSACTION, suffix: ', without a transaction' },
  { levels: CONTEXT_LEVELS, suffix: '' },
] as const;

const ONE_LEVEL: ContextCase[] = LEVEL_SETS.flatMap(({ levels, suffix }) =>
  levels.map((level) => ({
    scenario: 'context: an entry at one level' as const,
    title: `${level}${suffix}`,
    given: { [level]: { key: 'value' } },
    merged: [['key', 'value']] as const,
  })),
);

const EACH_LEVEL: ContextCase[] = LEVEL_SETS.map(({ levels, suffix }) => ({
  scenario: `context: an entry at each level${suffix}`,
  title: levels.join(', '),
  given: Object.fromEntries(levels.map((level) => [level, { [level]: contextEntryText(level) }])),
  merged: levels.map((level) => [level, contextEntryText(level)] as const),
}));

const LATER_WINS: ContextCase[] = LEVEL_SETS.flatMap(({ levels, suffix }) =>
  levels.map((last, index) => ({
    scenario: `context: a later level wins${suffix}` as const,
    title: last,
    given: Object.fromEntries(levels.slice(0, index + 1).map((level) => [level, { key: level }])),
    merged: [['key', last]] as const,
  })),
);

export const CONTEXT_CASES: readonly ContextCase[] = [...ONE_LEVEL, ...EACH_LEVEL, ...LATER_WINS];

export async function runContextCase(bench: SuiteBench, { given, merged }: ContextCase): Promise<void> {
  const { OpenFeature, AsyncLocalStorageTransactionContextPropagator } = bench.sdk.exports;
  await bench.with('stable', async (client, provider) => {
    let seen: EvaluationContext = {};
    const resolve = provider.resolveBooleanEvaluation.bind(provider);
    provider.resolveBooleanEvaluation = (key, fallback, context) => {
      seen = context;
      return resolve(key, fallback, context);
    };
    OpenFeature.setTransactionContextPropagator(new AsyncLocalStorageTransactionContextPropagator());
    OpenFeature.setContext(given.API ?? {});
    client.setContext(given.Client ?? {});
    const fromHook = given['Before Hooks'];
    if (fromHook !== undefined) client.addHooks({ before: () => fromHook });
    const decide = (flag: string): Promise<boolean> =>
      inTransaction(bench, given.Transaction, () => client.getBooleanValue(flag, false, given.Invocation ?? {}));
    try {
      expect(await decide('boolean-flag')).toBe(true);
      expect(seen).toMatchObject(Object.fromEntries(merged));
      for (const level of CONTEXT_LEVELS) {
        const isGiven = merged.some(([name]) => name === level);
        expect(await decide(contextEntryFlag(level))).toBe(isGiven);
      }
    } finally {
      OpenFeature.setContext({});
    }
  });
}

function inTransaction<T>(
  bench: SuiteBench,
  context: EvaluationContext | undefined,
  decide: () => Promise<T>,
): Promise<T> {
  if (context === undefined) return decide();
  return new Promise((resolve, reject) => {
    bench.sdk.exports.OpenFeature.setTransactionContext(context, () => void decide().then(resolve, reject));
  });
}
