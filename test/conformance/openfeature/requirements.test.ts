/** Requirements of the OpenFeature specification that no suite beside this shows, and the list of all that Edict answers for. */

import { readFile } from 'node:fs/promises';
import type {
  EvaluationContext,
  Hook,
  JsonValue,
  ResolutionDetails,
  TrackingEventDetails,
} from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecordingLogger } from '../../unit/relay/support/recording-logger.ts';
import { CASE_TYPES, type CaseType } from './evaluation-cases.ts';
import { contextEntryFlag, TARGETED_EMAIL } from './flags.ts';
import { details } from './gherkin-cases.ts';
import { MODES } from './modes.ts';
import { REQUIREMENTS } from './requirements.ts';
import { newestSdk } from './sdk.ts';
import { SuiteBench } from './suite-bench.ts';

const FALLBACKS: Record<CaseType, JsonValue> = { boolean: true, string: 's', integer: 1, float: 0.1, object: {} };

const root = new URL('../../../', import.meta.url);

describe('the list of requirements', () => {
  it('has each number once, in order', () => {
    const numbers = REQUIREMENTS.map(({ number }) => number);
    const sorted = [...new Set(numbers)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    expect(numbers).toEqual(sorted);
    expect(numbers.length).toBeGreaterThan(60);
  });

  it.each(REQUIREMENTS.filter((row) => row.shown !== undefined))(
    '$number is shown by a test that exists',
    async (row) => {
      const source = await readFile(new URL(row.shown?.file ?? '', root), 'utf8');
      expect(source.replaceAll("\\'", "'")).toContain(row.shown?.test);
    },
  );

  it('names a test wherever Edict or the SDK has something to do', () => {
    expect(REQUIREMENTS.filter(({ by, shown }) => by !== 'nobody' && shown === undefined)).toEqual([]);
  });
});

describe.each(MODES.map((mode) => [mode.name, mode] as const))('%s', (_, mode) => {
  let bench: SuiteBench;
  beforeAll(async () => {
    bench = await SuiteBench.open(newestSdk(), mode);
  });
  afterAll(() => bench.close());

  it('its name is a literal, not the name of its class (2.1.1)', () =>
    bench.with('stable', async (client, provider) => {
      expect(provider.metadata.name).toBe('edict');
      expect(client.metadata.providerMetadata.name).toBe('edict');
      expect(provider.constructor.name).not.toBe('edict');
    }));

  it('each type has a resolver, whose success is value, variant and reason, without code or message (2.2.1–2.2.6, 2.3.2, GOFF-EVAL-001)', () =>
    bench.with('stable', async (_client, provider) => {
      const answers: ResolutionDetails<unknown>[] = [
        await provider.resolveBooleanEvaluation('boolean-flag', false, {}),
        await provider.resolveStringEvaluation('string-flag', '', {}),
        await provider.resolveNumberEvaluation('integer-flag', 0, {}),
        await provider.resolveNumberEvaluation('float-flag', 0, {}),
        await provider.resolveObjectEvaluation('object-flag', {}, {}),
      ];
      expect(answers.map(({ variant }) => variant)).toEqual(['on', 'greeting', 'ten', 'half', 'template']);
      for (const answer of answers) {
        expect(answer.reason).toBe('STATIC');
        expect(answer.value).not.toBeUndefined();
        expect(Object.keys(answer)).not.toContain('errorCode');
        expect(Object.keys(answer)).not.toContain('errorMessage');
      }
      const byRule = await provider.resolveStringEvaluation('string-targeted-zero-flag', '-', {
        email: TARGETED_EMAIL,
      });
      const byDefault = await provider.resolveStringEvaluation('string-targeted-zero-flag', '-', {});
      expect([byRule.reason, byDefault.reason]).toEqual(['TARGETING_MATCH', 'DEFAULT']);
    }));

  it('a failure is details with a code and a text, never an exception (2.2.7, 2.3.3)', () =>
    bench.with('stable', async (_client, provider) => {
      const failures = [
        await provider.resolveBooleanEvaluation('non-existent-flag', true, {}),
        await provider.resolveBooleanEvaluation('string-flag', true, {}),
      ];
      expect(failures.map(({ errorCode }) => errorCode)).toEqual(['FLAG_NOT_FOUND', 'TYPE_MISMATCH']);
      for (const failure of failures) {
        expect(failure).toMatchObject({ value: true, reason: 'ERROR' });
        expect(failure.errorMessage).toMatch(/./);
      }
    }));

  it('flag metadata are the flag’s texts, numbers and booleans (2.2.9, 2.2.10, 1.4.14)', () =>
    bench.with('stable', async (_client, provider) => {
      const { flagMetadata } = await provider.resolveBooleanEvaluation('metadata-flag', false, {});
      expect(flagMetadata).toMatchObject({ string: '1.0.2', integer: 2, float: 0.1, boolean: true });
    }));

  it('nothing that a caller gives makes an evaluation throw (1.4.8–1.4.10)', () =>
    bench.with('stable', async (client) => {
      const cycle: Record<string, unknown> = {};
      cycle.self = cycle;
      const contexts = [{}, { targetingKey: '' }, { cycle }, { big: 10n }, { gofeatureflag: 'text' }, { fn: () => 1 }];
      const keys = ['', '.', '..', 'a/b', '%', '__proto__', 'constructor', '\ud800', 'k'.repeat(10_000)];
      for (const type of CASE_TYPES) {
        const fallback = FALLBACKS[type];
        for (const key of keys) {
          const answer = await details(client, type, key, fallback);
          expect(answer, key).toMatchObject({ value: fallback, reason: 'ERROR', errorCode: expect.any(String) });
        }
        for (const context of contexts) {
          const answer = await details(client, type, `${type}-flag`, fallback, context as unknown as EvaluationContext);
          expect(typeof answer.value).toBe(typeof fallback);
        }
      }
    }));

  it('an evaluation that succeeds writes no log line (1.4.11)', () => {
    const logger = new RecordingLogger();
    return bench.with(
      'stable',
      async (client) => {
        client.setLogger(logger);
        const before = logger.lines.length;
        for (const type of CASE_TYPES) await details(client, type, `${type}-flag`, FALLBACKS[type]);
        for (let i = 0; i < 10; i++) await client.getBooleanValue('boolean-flag', false, { targetingKey: `user-${i}` });
        expect(logger.lines.slice(before)).toEqual([]);
      },
      { logger },
    );
  });

  it('hooks run from the API inwards to the provider and out again, around the decision (2.3.1, 4.3.1, 4.3.2.1, 4.4.2)', () =>
    bench.with('stable', async (client, provider) => {
      const { OpenFeature } = bench.sdk.exports;
      const heard: string[] = [];
      const hook = (name: string): Hook => ({
        before: () => void heard.push(`before ${name}`),
        after: () => void heard.push(`after ${name}`),
        finally: () => void heard.push(`finally ${name}`),
      });
      const own = (provider as { hooks?: Hook[] }).hooks ?? [];
      const hooks = [...own, hook('provider')];
      for (const each of hooks) {
        expect([each.before, each.after, each.error, each.finally].some((stage) => stage !== undefined)).toBe(true);
      }
      Object.assign(provider, { hooks });
      const resolve = provider.resolveBooleanEvaluation.bind(provider);
      provider.resolveBooleanEvaluation = (...asked) => {
        heard.push('resolve');
        return resolve(...asked);
      };
      OpenFeature.addHooks(hook('API'));
      client.addHooks(hook('client'));
      try {
        await client.getBooleanDetails('boolean-flag', false, {}, { hooks: [hook('invocation')] });
      } finally {
        OpenFeature.clearHooks();
      }
      const inwards = ['API', 'client', 'invocation', 'provider'];
      const outwards = [...inwards].reverse();
      expect(heard).toEqual([
        ...inwards.map((name) => `before ${name}`),
        'resolve',
        ...outwards.map((name) => `after ${name}`),
        ...outwards.map((name) => `finally ${name}`),
      ]);
    }));

  it('a hook that throws before the decision leaves the default and the error stage (4.4.5–4.4.7)', () =>
    bench.with('stable', async (client) => {
      const heard: string[] = [];
      const hooks: Hook[] = [
        {
          before: () => {
            throw new Error('hook of the application');
          },
          error: () => void heard.push('error 1'),
        },
        { before: () => void heard.push('before 2'), error: () => void heard.push('error 2') },
      ];
      const answer = await client.getBooleanDetails('boolean-flag', false, {}, { hooks });
      expect(answer).toMatchObject({ value: false, reason: 'ERROR', errorCode: 'GENERAL' });
      expect(heard).toEqual(['error 2', 'error 1']);
    }));

  it('hooks that throw in the error and the finally stage end nothing (4.4.3, 4.4.4)', () =>
    bench.with('stable', async (client) => {
      const heard: string[] = [];
      const throwing = (): void => {
        throw new Error('hook of the application');
      };
      const hooks: Hook[] = [
        { error: () => void heard.push('error'), finally: () => void heard.push('finally') },
        { error: throwing, finally: throwing },
      ];
      const answer = await client.getBooleanDetails('non-existent-flag', true, {}, { hooks });
      expect(answer).toMatchObject({ value: true, errorCode: 'FLAG_NOT_FOUND' });
      expect(heard).toEqual(['error', 'finally']);
    }));

  it('what a before hook returns is what the rules see (4.3.4, 4.3.5)', () =>
    bench.with('stable', async (client) => {
      const seen: unknown[] = [];
      const hooks: Hook[] = [
        { before: () => ({ 'Before Hooks': 'Before Hooks value' }) },
        { before: ({ context }) => void seen.push(context['Before Hooks']) },
      ];
      expect(await client.getBooleanValue(contextEntryFlag('Before Hooks'), false, {}, { hooks })).toBe(true);
      expect(seen).toEqual(['Before Hooks value']);
    }));

  it('tracking gets the merged context, and the number and fields as they are (6.1.1.1, 6.1.3, 6.2.1, 6.2.2)', () =>
    bench.with('stable', async (client, provider) => {
      const { OpenFeature } = bench.sdk.exports;
      const tracked: unknown[] = [];
      const track = (name: string, context: EvaluationContext, fields: TrackingEventDetails): void =>
        void tracked.push([name, context, fields]);
      Object.assign(provider, { track });
      OpenFeature.setContext({ level: 'API', api: 1 });
      client.setContext({ level: 'client', client: 2 });
      try {
        const fields = { value: 29.9, currency: 'EUR', items: ['book'], gift: true };
        expect(client.track('order-placed', { level: 'invocation', targetingKey: 'u' }, fields)).toBeUndefined();
        const context = { level: 'invocation', api: 1, client: 2, targetingKey: 'u' };
        expect(tracked).toEqual([['order-placed', context, fields]]);
      } finally {
        OpenFeature.setContext({});
      }
    }));
});
