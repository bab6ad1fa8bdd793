/** The effects of the options of the group Feed. */

import type { InProcessEvaluator } from '../../../../src/evaluator/in-process-evaluator.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import type { FEED_ROWS } from '../../../../src/options/rows/feed.ts';
import { type Handler, reply } from '../../relay/support/scripted-relay.ts';
import type { Effects } from './support/effect.ts';
import { documentOf, down, type Stage, serving, until } from './support/stage.ts';

async function started(stage: Stage, options: EdictOptions = {}): Promise<InProcessEvaluator> {
  const evaluator = stage.inProcess(options);
  await evaluator.initialize();
  return evaluator;
}

/** How long after failures of this kind the relay is asked again. */
async function delayAfter(stage: Stage, answer: Handler, failures = 1): Promise<number | 'never'> {
  const evaluator = await started(stage);
  stage.answers.configuration = answer;
  for (let i = 0; i < failures; i++) await evaluator.refresh('test');
  return stage.nextRequest('configuration');
}

/** An evaluator whose stream is up. */
async function streaming(stage: Stage, options: EdictOptions = {}): Promise<InProcessEvaluator> {
  const evaluator = await started(stage, { streaming: 'sse', ...options });
  await until(() => (evaluator.describe().stream as { state?: string } | null)?.state === 'up');
  return evaluator;
}

const HOUR_MS = 3_600_000;

export const FEED_EFFECTS: Effects<keyof typeof FEED_ROWS> = {
  pollIntervalMs: {
    decides: 'when the relay is asked again',
    other: () => 15_000,
    look: async (stage) => {
      await started(stage);
      return stage.nextRequest('configuration');
    },
    byDefault: 120_000,
    otherwise: 15_000,
    also: [{ other: () => 0, otherwise: 'never' }],
  },
  maxBackoffMs: {
    decides: 'the ceiling of the delay after failures',
    other: () => 2_000,
    // Half of what lies between 250 ms and the ceiling, with the random source of this stage.
    look: (stage) => delayAfter(stage, down, 8),
    byDefault: 30_125,
    otherwise: 1_125,
  },
  authRetryIntervalMs: {
    decides: 'the delay after a refused key',
    other: () => 20_000,
    look: (stage) => delayAfter(stage, reply(401, '{}')),
    byDefault: 300_000,
    otherwise: 20_000,
  },
  maxRetryAfterMs: {
    decides: 'the longest silence a relay can ask for',
    other: () => 30_000,
    look: (stage) => delayAfter(stage, reply(503, '{}', { 'retry-after': '3600' })),
    byDefault: 600_000,
    otherwise: 30_000,
  },
  flagList: {
    decides: 'which flags the relay is asked for',
    other: () => ['a', 'b'],
    look: async (stage) => {
      await started(stage);
      return JSON.parse(stage.relay.requests[0]?.body ?? '') as unknown;
    },
    byDefault: { flags: [] },
    otherwise: { flags: ['a', 'b'] },
  },
  flagPrefix: {
    decides: 'which flags are kept',
    other: () => 'shop.',
    look: async (stage) => {
      stage.answers.configuration = serving(documentOf({ 'shop.a': 'A', 'team.b': 'B' }));
      return (await started(stage)).flagKeys();
    },
    byDefault: ['shop.a', 'team.b'],
    otherwise: ['shop.a'],
  },
  emptyConfiguration: {
    decides: 'what zero flags mean',
    other: () => 'accept',
    look: async (stage) => {
      const evaluator = await started(stage);
      stage.answers.configuration = serving(documentOf({}));
      return { result: await evaluator.refresh('test'), flags: evaluator.flagKeys() };
    },
    byDefault: { result: 'unchanged', flags: ['flag'] },
    otherwise: { result: 'changed', flags: [] },
    also: [{ other: () => 'reject', otherwise: { result: 'failed', flags: ['flag'] } }],
  },
  streaming: {
    decides: 'whether a change is heard of before the next poll',
    other: () => 'sse',
    look: async (stage) => {
      const evaluator = await started(stage, { streamTriggerDelayMs: 0 });
      const isUp = (): boolean => stage.begun.some(({ purpose }) => purpose === 'stream');
      if (isUp()) await until(() => (evaluator.describe().stream as { state: string }).state === 'up');
      await stage.clock.advance(0);
      stage.answers.configuration = serving(documentOf({ flag: 'changed' }));
      stage.answers.tellOfChange();
      if (isUp()) {
        await until(() => (evaluator.describe().stream as { events: number }).events === 1);
        await stage.clock.advance(0);
        await until(() => stage.events.length === 1);
      }
      return { value: evaluator.evaluate('flag', {}).value, streams: stage.requests('/sse/flag/change').length };
    },
    byDefault: { value: 'relay', streams: 0 },
    otherwise: { value: 'changed', streams: 1 },
  },
  streamIdleTimeoutMs: {
    decides: 'how long a stream without a byte is trusted',
    other: () => 10_000,
    look: async (stage) => {
      await streaming(stage);
      return stage.nextRequest('stream');
    },
    // With the second that a reconnect waits at least.
    byDefault: 301_000,
    otherwise: 11_000,
  },
  streamTriggerDelayMs: {
    decides: 'how long the poll waits that the stream triggers',
    other: () => 8_000,
    look: async (stage) => {
      await streaming(stage);
      return stage.nextRequest('configuration');
    },
    // A random time up to it: half of it on this stage.
    byDefault: 500,
    otherwise: 4_000,
  },
  policies: {
    decides: 'whether policies are asked for, and of which tenants',
    other: () => ['shop', 'blog'],
    look: async (stage) => {
      const provider = stage.provider();
      await provider.initialize();
      // Without the option there is nothing to wait for but the flags.
      if (stage.given.policies === undefined) return stage.requests('/v1/policy/configuration').length;
      await until(() => stage.requests('/v1/policy/configuration').length > 0);
      return JSON.parse(stage.requests('/v1/policy/configuration')[0]?.body ?? '') as unknown;
    },
    byDefault: 0,
    otherwise: { tenants: ['shop', 'blog'], routes: [] },
    also: [{ other: () => true, otherwise: { tenants: [], routes: [] } }],
  },
  staleAfterFailures: {
    decides: 'how many failures make it STALE',
    other: () => 5,
    look: async (stage) => {
      const evaluator = await started(stage);
      stage.answers.configuration = down;
      let failures = 0;
      for (; evaluator.state !== 'stale'; failures++) await evaluator.refresh('test');
      return { failures, events: stage.events.map(({ type }) => type) };
    },
    byDefault: { failures: 3, events: ['stale'] },
    otherwise: { failures: 5, events: ['stale'] },
  },
  errorAfterStaleMs: {
    decides: 'whether STALE becomes ERROR',
    other: () => HOUR_MS,
    look: async (stage) => {
      const evaluator = await started(stage);
      stage.answers.configuration = down;
      for (let i = 0; i < 3; i++) await evaluator.refresh('test');
      await stage.clock.advance(HOUR_MS);
      const { value } = evaluator.evaluate('flag', {});
      return { state: evaluator.state, events: stage.events.map(({ type }) => type), value };
    },
    byDefault: { state: 'stale', events: ['stale'], value: 'relay' },
    otherwise: { state: 'error', events: ['stale', 'error'], value: 'relay' },
  },
};
