/** The cases of OpenFeature's `hooks.feature`: which stages run, and with which details. */

import type { EvaluationDetails, FlagValue, Hook } from '@openfeature/server-sdk';
import { expect } from 'vitest';
import type { ScenarioName } from './gherkin-counts.ts';
import type { SuiteBench } from './suite-bench.ts';

export interface HookCase {
  readonly scenario: ScenarioName;
  readonly flag: string;
  readonly fallback: boolean | string;
  /** In order; those with details get the ones below. */
  readonly stages: readonly string[];
  readonly details: {
    readonly value: FlagValue;
    readonly variant: string | undefined;
    readonly reason: string;
    readonly errorCode: string | undefined;
  };
}

export const HOOK_CASES: readonly HookCase[] = [
  {
    scenario: 'hooks: details of an answer',
    flag: 'boolean-flag',
    fallback: false,
    stages: ['before', 'after', 'finally'],
    details: { value: true, variant: 'on', reason: 'STATIC', errorCode: undefined },
  },
  {
    scenario: 'hooks: details of an unknown flag',
    flag: 'missing-flag',
    fallback: 'uh-oh',
    stages: ['before', 'error', 'finally'],
    details: { value: 'uh-oh', variant: undefined, reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND' },
  },
  {
    scenario: 'hooks: details of a value of another type',
    flag: 'wrong-flag',
    fallback: false,
    stages: ['before', 'error', 'finally'],
    details: { value: false, variant: undefined, reason: 'ERROR', errorCode: 'TYPE_MISMATCH' },
  },
];

export async function runHookCase(bench: SuiteBench, test: HookCase): Promise<void> {
  await bench.with('stable', async (client) => {
    const stages: string[] = [];
    const seen: EvaluationDetails<FlagValue>[] = [];
    const hook: Hook = {
      before: () => void stages.push('before'),
      after: (_, details) => {
        stages.push('after');
        seen.push(details);
      },
      error: () => void stages.push('error'),
      finally: (_, details) => {
        stages.push('finally');
        seen.push(details);
      },
    };
    client.addHooks(hook);
    if (typeof test.fallback === 'boolean') await client.getBooleanDetails(test.flag, test.fallback);
    else await client.getStringDetails(test.flag, test.fallback);
    expect(stages).toEqual(test.stages);
    expect(seen).toHaveLength(stages.includes('after') ? 2 : 1);
    for (const { flagKey, value, variant, reason, errorCode } of seen) {
      expect({ flagKey, value, variant, reason, errorCode }).toEqual({ flagKey: test.flag, ...test.details });
    }
  });
}
