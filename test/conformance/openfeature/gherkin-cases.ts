/** The whole gherkin suite as cases that run against a bench, whichever SDK and mode it has. */

import type { Client, EvaluationContext, EvaluationDetails, Hook, JsonValue } from '@openfeature/server-sdk';
import { expect } from 'vitest';
import { CONTEXT_CASES, runContextCase } from './context-cases.ts';
import { deviationOf } from './deviations.ts';
import {
  ASYNCHRONOUS_CASES,
  type CaseType,
  EVALUATION_CASES,
  type EvaluationCase,
  type ProviderKind,
} from './evaluation-cases.ts';
import type { ScenarioName } from './gherkin-counts.ts';
import { HOOK_CASES, runHookCase } from './hook-cases.ts';
import type { SuiteBench } from './suite-bench.ts';

export interface GherkinCase {
  readonly scenario: ScenarioName;
  /** Tells the cases of a scenario apart. */
  readonly title: string;
  readonly run: (bench: SuiteBench) => Promise<void>;
}

/** Details of a flag, by the method of the client for its type. */
export function details(
  client: Client,
  type: CaseType,
  key: string,
  fallback: JsonValue,
  context?: EvaluationContext,
): Promise<EvaluationDetails<JsonValue>> {
  switch (type) {
    case 'boolean':
      return client.getBooleanDetails(key, fallback as boolean, context);
    case 'string':
      return client.getStringDetails(key, fallback as string, context);
    case 'object':
      return client.getObjectDetails(key, fallback, context);
    default:
      return client.getNumberDetails(key, fallback as number, context);
  }
}

function value(client: Client, { type, flag, fallback }: EvaluationCase): Promise<JsonValue> {
  switch (type) {
    case 'boolean':
      return client.getBooleanValue(flag, fallback as boolean);
    case 'string':
      return client.getStringValue(flag, fallback as string);
    case 'object':
      return client.getObjectValue(flag, fallback);
    default:
      return client.getNumberValue(flag, fallback as number);
  }
}

async function runEvaluation(bench: SuiteBench, test: EvaluationCase): Promise<void> {
  const { type, flag, fallback, context, provider = 'stable', times = 1 } = test;
  const reason = deviationOf(bench.mode.name, test.scenario)?.reason ?? test.expected.reason;
  const { metadata, ...expected } = { ...test.expected, ...(reason === undefined ? {} : { reason }) };
  await bench.with(
    provider,
    async (client) => {
      if (test.plain === true) {
        expect(await value(client, test)).toEqual(test.expected.value);
        return;
      }
      let answer = await details(client, type, flag, fallback, context as EvaluationContext);
      const first = answer;
      for (let i = 1; i < times; i++)
        answer = await details(client, type, flag, fallback, context as EvaluationContext);
      expect(answer).toMatchObject(expected);
      // `toMatchObject` is content with more members than the structure has.
      if ('value' in expected) expect(answer.value).toEqual(expected.value);
      expect(answer.value).toEqual(first.value);
      if (expected.errorCode === undefined) expect(answer.errorCode).toBeUndefined();
      if (metadata !== undefined) expect(answer.flagMetadata).toEqual(metadata);
    },
    times > 1 ? bench.mode.caching : undefined,
  );
}

async function runAsynchronously(bench: SuiteBench, test: EvaluationCase): Promise<void> {
  await bench.with('stable', async (client) => {
    let isOver = false;
    const pending = details(client, test.type, test.flag, test.fallback).finally(() => {
      isOver = true;
    });
    expect(pending).toBeInstanceOf(Promise);
    expect(isOver).toBe(false);
    expect((await pending).value).toEqual(test.expected.value);
    expect(isOver).toBe(true);
  });
}

const STATUSES: Record<ProviderKind, string> = {
  stable: 'READY',
  'not ready': 'NOT_READY',
  error: 'ERROR',
  fatal: 'FATAL',
  stale: 'STALE',
};

async function answerByContext(bench: SuiteBench): Promise<void> {
  await bench.with('stable', async (client) => {
    const context = { fn: 'Sulisław', ln: 'Świętopełk', age: 29, customer: false };
    expect(await client.getStringValue('context-aware', 'EXTERNAL', context)).toBe('INTERNAL');
    expect(await client.getStringValue('context-aware', 'EXTERNAL', {})).toBe('EXTERNAL');
  });
}

async function hooksOfOneEvaluation(bench: SuiteBench): Promise<void> {
  await bench.with('stable', async (client) => {
    const heard: string[] = [];
    const hook = (name: string): Hook => ({
      before: () => void heard.push(`before ${name}`),
      after: () => void heard.push(`after ${name}`),
      finally: () => void heard.push(`finally ${name}`),
    });
    await client.getBooleanDetails('boolean-flag', false, {}, { hooks: [hook('first'), hook('second')] });
    expect(heard).toEqual([
      'before first',
      'before second',
      'after second',
      'after first',
      'finally second',
      'finally first',
    ]);
    await client.getBooleanDetails('boolean-flag', false);
    expect(heard).toHaveLength(6);
  });
}

async function immutability(bench: SuiteBench): Promise<void> {
  await bench.with('stable', async (client) => {
    const context = { targetingKey: 'user-1', list: [1, { deep: true }], nested: { a: 'b' } };
    const copy = structuredClone(context);
    const answer = await client.getBooleanDetails('boolean-flag', false, context);
    expect(context).toEqual(copy);
    expect(Object.isFrozen(answer.flagMetadata)).toBe(true);
    const expected = { ...answer };
    // The details belong to the caller: whatever happens to them shows in no later answer.
    Object.assign(answer, { value: false, variant: 'changed', reason: 'changed' });
    expect(await client.getBooleanDetails('boolean-flag', false, context)).toEqual(expected);
  });
}

export const GHERKIN_CASES: readonly GherkinCase[] = [
  ...EVALUATION_CASES.map((test) => ({
    scenario: test.scenario,
    title: `${test.type}, ${test.flag}`,
    run: (bench: SuiteBench) => runEvaluation(bench, test),
  })),
  { scenario: 'an answer that depends on the context', title: 'context-aware', run: answerByContext },
  ...Object.entries(STATUSES).map(
    ([kind, status]): GherkinCase => ({
      scenario: 'v2: the status of the provider',
      title: status,
      run: (bench) => bench.with(kind as ProviderKind, async (client) => expect(client.providerStatus).toBe(status)),
    }),
  ),
  { scenario: 'v2: hooks of one evaluation', title: 'in order', run: hooksOfOneEvaluation },
  { scenario: 'v2: context and details are immutable', title: 'boolean-flag', run: immutability },
  ...ASYNCHRONOUS_CASES.map((test) => ({
    scenario: test.scenario,
    title: test.type,
    run: (bench: SuiteBench) => runAsynchronously(bench, test),
  })),
  ...CONTEXT_CASES.map((test) => ({
    scenario: test.scenario,
    title: test.title,
    run: (bench: SuiteBench) => runContextCase(bench, test),
  })),
  ...HOOK_CASES.map((test) => ({
    scenario: test.scenario,
    title: test.flag,
    run: (bench: SuiteBench) => runHookCase(bench, test),
  })),
];
