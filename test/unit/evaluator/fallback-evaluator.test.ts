/** Which answers are asked for a second time, and what comes of it (relay-and-provider §4.4). */

import { describe, expect, it } from 'vitest';
import { AbstractEvaluator } from '../../../src/evaluator/abstract-evaluator.ts';
import type { Resolution } from '../../../src/evaluator/resolution.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import { settle } from '../relay/support/fake-clock.ts';
import { hung, remoteFailure, remoteValue } from './support/fake-line.ts';
import { FallbackBench, FLAGS, PRO } from './support/fallback-bench.ts';

const MARK = 'gofeatureflag_evaluated_remotely';

describe('a flag that the engine can decide', () => {
  it('is answered at once with the very resolution of the local evaluator', async () => {
    const { evaluator, line } = await FallbackBench.started();
    for (const flagKey of ['fixed', 'rule', 'split']) {
      const answer = evaluator.evaluate(flagKey, PRO);
      expect(answer).not.toBeInstanceOf(Promise);
      expect(answer).toBe(evaluator.local.evaluate(flagKey, PRO));
      expect(evaluator.prepare(PRO).evaluate(flagKey)).toBe(answer);
    }
    expect(line.opened).toBe(0);
  });

  it.each([
    ['FLAG_CONFIG (GOFF-FALLBACK-003)', 'unfit', PRO, undefined, 'FLAG_CONFIG'],
    ['FLAG_NOT_FOUND', 'nobody', PRO, undefined, 'FLAG_NOT_FOUND'],
    ['TARGETING_KEY_MISSING', 'split', {}, undefined, 'TARGETING_KEY_MISSING'],
    ['TYPE_MISMATCH', 'fixed', PRO, 'boolean', 'TYPE_MISMATCH'],
    [
      'INVALID_CONTEXT',
      'rule',
      Object.defineProperty({}, 'plan', {
        enumerable: true,
        get() {
          throw new Error('not now');
        },
      }),
      undefined,
      'INVALID_CONTEXT',
    ],
  ] as const)('is not asked of the relay for its error %s', async (_, flagKey, context, type, engineCode) => {
    const { evaluator, line } = await FallbackBench.started();
    const answer = evaluator.evaluate(flagKey, context, 'default', type);
    expect(answer).toMatchObject({ engineCode, value: 'default' });
    expect(line.asked).toEqual([]);
  });

  it('is PROVIDER_NOT_READY before the start and after the end, without a question', async () => {
    const bench = new FallbackBench();
    const { evaluator, line } = bench;
    expect(evaluator.evaluate('broken', PRO)).toMatchObject({ engineCode: 'PROVIDER_NOT_READY' });
    await evaluator.initialize();
    const prepared = evaluator.prepare(PRO);
    await evaluator.close();
    expect(prepared.evaluate('broken')).toMatchObject({ engineCode: 'PROVIDER_NOT_READY' });
    expect(line.asked).toEqual([]);
  });
});

describe('a flag that the engine cannot decide', () => {
  it('is asked of the relay when its raw code is PARSE_ERROR (GOFF-FALLBACK-001, GOFF-FALLBACK-002)', async () => {
    const { evaluator, line } = await FallbackBench.started();
    expect(evaluator.local.evaluate('broken', PRO)).toMatchObject({ engineCode: 'PARSE_ERROR' });
    const answer = await evaluator.evaluate('broken', PRO, 'default', 'string');
    expect(answer).toMatchObject({
      value: 'remote',
      reason: 'TARGETING_MATCH',
      variant: 'remote',
      errorCode: undefined,
    });
    expect(line.asked).toMatchObject([{ flagKey: 'broken', context: PRO, limits: { timeoutMs: 50 } }]);
  });

  it('is asked of the relay after a trap, once, and the next evaluation is local again (S-27, GOFF-FALLBACK-001)', async () => {
    const { evaluator, line, traps } = await FallbackBench.started();
    traps.isOn = true;
    const answer = evaluator.evaluate('rule', PRO, 'default');
    traps.isOn = false;
    expect(await answer).toMatchObject({ value: 'remote' });
    expect(traps.evaluations).toBe(1);
    expect(evaluator.evaluate('rule', PRO)).toMatchObject({ value: 'on' });
    expect(line.asked).toHaveLength(1);
    expect(traps.callsAfterTrap).toBe(0);
  });

  it('is asked of the relay while it is quarantined (D-51), with no guest call', async () => {
    const { evaluator, line, traps } = await FallbackBench.started();
    traps.isOn = true;
    for (let i = 0; i < 3; i++) {
      await evaluator.evaluate('rule', PRO);
      await settle();
    }
    expect(await evaluator.evaluate('rule', PRO)).toMatchObject({ value: 'remote' });
    expect(traps.evaluations).toBe(3);
    expect(line.asked).toHaveLength(4);
  });

  it('is answered by the relay during a storm of traps, of which an ERROR event tells (S-28)', async () => {
    const flags = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`rule-${i}`, FLAGS.rule]));
    const bench = await FallbackBench.started({ bootstrap: { flags }, fallback: { maxPerSecond: 100 } });
    bench.traps.isOn = true;
    for (const key of Object.keys(flags)) {
      expect(await bench.evaluator.evaluate(key, PRO, 'default')).toMatchObject({ value: 'remote' });
      await settle();
    }
    expect(bench.events.map(({ type }) => type)).toEqual(['error']);
    bench.traps.isOn = false;
    await bench.clock.advance(60_000);
    expect(bench.events.map(({ type }) => type)).toEqual(['error', 'ready']);
  });

  it('carries the mark beside the metadata the relay sent, and is frozen (GOFF-FALLBACK-007)', async () => {
    const { evaluator } = await FallbackBench.started();
    const answer = await evaluator.evaluate('broken', PRO);
    expect(answer.metadata).toEqual({ team: 'shop', [MARK]: true });
    expect(Object.isFrozen(answer) && Object.isFrozen(answer.metadata)).toBe(true);
    const { metadata } = await evaluator.evaluate('fixed', PRO);
    expect(metadata).not.toHaveProperty(MARK);
  });

  it('gives the default for a value the relay leaves to the caller', async () => {
    const { evaluator, line } = await FallbackBench.started();
    line.script = ({ flagKey }) => remoteValue(flagKey, null, { reason: 'DISABLED', variant: 'SdkDefault' });
    const answer = await evaluator.evaluate('broken', PRO, 'default', 'string');
    expect(answer).toMatchObject({ value: 'default', reason: 'DISABLED', variant: 'SdkDefault', errorCode: undefined });
    expect(answer.metadata).toHaveProperty(MARK, true);
  });

  it('is TYPE_MISMATCH when the relay has another type, with the mark, so that no event is sent (GOFF-FALLBACK-006)', async () => {
    const { evaluator, line } = await FallbackBench.started();
    line.script = ({ flagKey }) => remoteValue(flagKey, 7);
    const answer = await evaluator.evaluate('broken', PRO, 'default', 'string');
    expect(answer).toMatchObject({ value: 'default', errorCode: 'TYPE_MISMATCH', metadata: { [MARK]: true } });
  });

  it.each([
    ['is not reached', () => remoteFailure('NETWORK'), /NETWORK: the relay is having a bad day/],
    ['refuses', () => remoteFailure('FORBIDDEN'), /FORBIDDEN: /],
    [
      'throws at whoever asks',
      () => {
        throw new Error('out of order');
      },
      /out of order/,
    ],
    [
      'cannot decide it either',
      () =>
        remoteValue('broken', null, {
          errorCode: 'FLAG_NOT_FOUND',
          engineCode: 'FLAG_NOT_FOUND',
          errorMessage: 'who?',
        }),
      /FLAG_NOT_FOUND: who\?/,
    ],
  ])(
    'keeps its local error when the relay %s, and the log has the other (GOFF-FALLBACK-005, D-52)',
    async (_, script, logged) => {
      const { evaluator, line, logger, figures } = await FallbackBench.started();
      line.script = script;
      const local = evaluator.local.evaluate('broken', PRO, 'default');
      const answer = await evaluator.evaluate('broken', PRO, 'default');
      expect(answer).toEqual(local);
      expect(answer).toMatchObject({ value: 'default', reason: 'ERROR', errorCode: 'PARSE_ERROR' });
      expect(answer.metadata).not.toHaveProperty(MARK);
      expect(logger.at('warn').join('\n')).toMatch(logged);
      expect(logger.at('debug').join('\n')).toMatch(logged);
      expect(figures).toMatchObject({ failed: 0 });
      expect(evaluator.describe().fallback).toMatchObject({ answered: 0, failed: 1, timedOut: 0 });
    },
  );

  it('is asked through a prepared context too', async () => {
    const { evaluator } = await FallbackBench.started();
    const prepared = evaluator.prepare(PRO);
    expect(await prepared.evaluate('broken', 'default')).toMatchObject({ value: 'remote', metadata: { [MARK]: true } });
    expect(prepared.evaluate('rule')).toMatchObject({ value: 'on' });
  });
});

describe('evaluateAll', () => {
  const values = (answers: readonly Resolution[]): (string | JsonValue)[] =>
    answers.map(({ flagKey, value }) => `${flagKey}=${value}`);

  it('answers at once when the engine decides every flag', async () => {
    const { evaluator, line } = await FallbackBench.started();
    const all = evaluator.evaluateAll(PRO, ['rule', 'fixed']) as readonly Resolution[];
    expect(values(all)).toEqual(['rule=on', 'fixed=on']);
    expect(line.asked).toEqual([]);
  });

  it('asks for the flags that the engine cannot decide, each on its own, and keeps the order', async () => {
    const { evaluator, line } = await FallbackBench.started();
    const all = await evaluator.evaluateAll(PRO);
    expect(values(all)).toEqual([
      'broken=remote',
      'fixed=on',
      'rule=on',
      expect.stringMatching(/^split=(on|off)$/),
      'unfit=null',
    ]);
    expect(all[0]?.metadata).toHaveProperty(MARK, true);
    expect(line.asked.map(({ flagKey }) => flagKey)).toEqual(['broken']);
    expect(values(await evaluator.evaluateAll(PRO, ['rule', 'broken']))).toEqual(['rule=on', 'broken=remote']);
  });

  it('asks for at most maxConcurrent at a time, and for the others when those are answered', async () => {
    const flags = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`broken-${i + 10}`, FLAGS.broken]));
    const { evaluator, line } = await FallbackBench.started({ bootstrap: { flags }, fallback: { maxConcurrent: 3 } });
    line.script = async ({ flagKey }) => {
      await settle();
      return remoteValue(flagKey, `remote ${flagKey}`);
    };
    const all = await evaluator.evaluateAll(PRO);
    expect(values(all)).toEqual(Object.keys(flags).map((key) => `${key}=remote ${key}`));
    expect(line.mostInFlight).toBe(3);
  });

  it('has one budget for the whole batch; what is left then keeps its local error', async () => {
    const flags = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`broken-${i + 10}`, FLAGS.broken]));
    const bench = await FallbackBench.started({ bootstrap: { flags }, fallback: { maxConcurrent: 3 } });
    bench.line.script = hung;
    let all: readonly Resolution[] | undefined;
    void Promise.resolve(bench.evaluator.evaluateAll(PRO)).then((answers) => {
      all = answers;
    });
    await bench.clock.advance(49);
    expect(all).toBeUndefined();
    await bench.clock.advance(1);
    expect(all?.map(({ errorCode }) => errorCode)).toEqual(new Array(12).fill('PARSE_ERROR'));
    expect(bench.figures).toMatchObject({ timedOut: 3, refused: { budget: 9 } });
  });
});

describe('its life', () => {
  it('is that of the local evaluator: state, events, flags, refresh, tracking', async () => {
    const bench = new FallbackBench();
    const { evaluator } = bench;
    expect(evaluator).toBeInstanceOf(AbstractEvaluator);
    expect(evaluator.state).toBe('not-ready');
    await evaluator.initialize();
    expect([evaluator.state, evaluator.confirmedAgeMs, evaluator.isTrackable('rule')]).toEqual([
      'ready',
      undefined,
      true,
    ]);
    expect(evaluator.flagKeys()).toEqual(Object.keys(FLAGS));
    await evaluator.local.load({ flags: { ...FLAGS, fixed: { ...FLAGS.fixed, trackEvents: false } } });
    expect(bench.events).toEqual([{ type: 'changed', flagsChanged: ['fixed'] }]);
    expect(evaluator.isTrackable('fixed')).toBe(false);
    expect(await evaluator.refresh('test')).toBe('unchanged');
    expect(evaluator.describe()).toMatchObject({ state: 'ready', flagCount: 5, quarantine: { active: 0 } });
  });

  it('opens the line with the first question, once, and closes it with the evaluator', async () => {
    const bench = await FallbackBench.started();
    const { evaluator, line } = bench;
    expect(line.opened).toBe(0);
    await Promise.all([bench.broken(), bench.broken()]);
    await bench.broken();
    expect(line.opened).toBe(1);
    await evaluator.close();
    await evaluator.close();
    expect(line.closed).toBe(1);
    await evaluator.initialize();
    expect(await bench.broken()).toBe('remote');
    expect(line.opened).toBe(2);
  });

  it('ends a question in flight at close with the local error, and leaves no timer', async () => {
    const bench = await FallbackBench.started();
    bench.line.script = () => new Promise(() => undefined);
    const asked = bench.broken();
    await settle();
    await bench.evaluator.close();
    expect(await asked).toBe('default');
    expect(bench.line.asked[0]?.limits.signal?.aborted).toBe(true);
    expect(bench.clock.pendingTimers).toBe(0);
    expect(bench.figures).toMatchObject({ failed: 0, timedOut: 0 });
  });

  it('holds the process while a caller waits for the relay, and no longer', async () => {
    const bench = await FallbackBench.started();
    const before = bench.clock.pendingTimers;
    const asked = bench.broken();
    expect(bench.clock.pendingTimers).toBeGreaterThan(before);
    await asked;
    expect(bench.clock.pendingTimers).toBe(before);
  });

  it('survives a listener that throws', async () => {
    const { evaluator, logger } = await FallbackBench.started();
    evaluator.onChange(() => {
      throw new Error('deaf');
    });
    await evaluator.local.load({ flags: {} });
    expect(logger.at('error').join()).toContain('deaf');
  });
});
