/** A flag that keeps breaking the guest is left alone, and only that flag (D-51, WH-05). */

import { afterEach, describe, expect, it } from 'vitest';
import type { EvaluatorEvent } from '../../../src/evaluator/abstract-evaluator.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { TrapSwitch } from './support/trapping-stores.ts';

const RULE = {
  variations: { on: 'on', off: 'off' },
  targeting: [{ query: 'plan eq "pro"', variation: 'on' }],
  defaultRule: { variation: 'off' },
};
/** Ends at the guest's step limit for a context with a long list. */
const SLOW = {
  ...RULE,
  targeting: [
    {
      query: JSON.stringify({ some: [{ var: 'list' }, { some: [{ var: 'list' }, { '==': [1, 2] }] }] }),
      variation: 'on',
    },
  ],
};
const FLAGS = { bad: RULE, good: RULE };
const PRO = { plan: 'pro' };
const LONG = { plan: 'pro', list: Array.from({ length: 3_000 }, (_, i) => i) };

const open: InProcessEvaluator[] = [];
afterEach(async () => {
  for (const evaluator of open.splice(0)) await evaluator.close();
});

class Bench {
  readonly traps = new TrapSwitch();
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly events: EvaluatorEvent[] = [];
  readonly evaluator: InProcessEvaluator;

  constructor(flags: object = FLAGS) {
    const { clock, logger } = this;
    this.evaluator = new InProcessEvaluator(
      { bootstrap: { flags }, wasmPoolSize: 2, clock, logger },
      { createStore: this.traps.createStore },
    );
    this.evaluator.onChange((event) => this.events.push(event));
    open.push(this.evaluator);
  }

  static async started(flags?: object): Promise<Bench> {
    const bench = new Bench(flags);
    await bench.evaluator.initialize();
    await settle();
    return bench;
  }

  /** Evaluates `flagKey` in a guest that traps in it. */
  async trap(flagKey = 'bad'): Promise<string | undefined> {
    this.traps.isOn = true;
    const { errorMessage } = this.evaluator.evaluate(flagKey, PRO, 'default');
    this.traps.isOn = false;
    await settle();
    return errorMessage;
  }

  async quarantine(flagKey = 'bad'): Promise<void> {
    for (let i = 0; i < 3; i++) await this.trap(flagKey);
  }

  get isResting(): boolean {
    return this.evaluator.evaluate('bad', PRO, 'default').errorMessage?.includes('quarantined') === true;
  }

  get figures(): unknown {
    return this.evaluator.describe().quarantine;
  }
}

describe('a flag that traps 3 times in 60 s (D-51)', () => {
  it('is not evaluated any more, and answers the default, GENERAL and a TRAP message that says until when', async () => {
    const bench = await Bench.started();
    for (let i = 0; i < 3; i++) expect(await bench.trap()).toMatch(/^TRAP: the guest threw/);
    const { evaluations } = bench.traps;
    for (let i = 0; i < 100; i++) {
      expect(bench.evaluator.evaluate('bad', PRO, 'default', 'string')).toMatchObject({
        value: 'default',
        variant: 'SdkDefault',
        reason: 'ERROR',
        errorCode: 'GENERAL',
        engineCode: 'GENERAL',
        errorMessage: expect.stringMatching(/^TRAP: flag "bad" is quarantined until 2026-01-01T00:05:00.000Z/),
      });
    }
    expect(bench.traps.evaluations).toBe(evaluations);
    expect(bench.evaluator.describe()).toMatchObject({ traps: 3, rebuilds: 3 });
    expect(bench.evaluator.evaluate('good', PRO).value).toBe('on');
    expect(bench.logger.at('warn').filter((line) => line.includes('quarantined'))).toHaveLength(1);
  });

  it('is evaluated as ever while the traps are further apart', async () => {
    const bench = await Bench.started();
    for (let i = 0; i < 9; i++) {
      expect(await bench.trap()).toMatch(/^TRAP: the guest threw/);
      await bench.clock.advance(30_000);
      expect(bench.evaluator.evaluate('bad', PRO).value).toBe('on');
    }
    expect(bench.figures).toEqual({ active: 0, total: 0, flags: [] });
  });

  it('is tried again after 5 minutes, and needs 3 more traps to be quarantined again', async () => {
    const bench = await Bench.started();
    await bench.quarantine();
    await bench.clock.advance(299_999);
    expect(bench.isResting).toBe(true);
    await bench.clock.advance(1);
    expect(bench.evaluator.evaluate('bad', PRO).value).toBe('on');
    await bench.trap();
    await bench.trap();
    expect(bench.isResting).toBe(false);
    await bench.trap();
    expect(bench.isResting).toBe(true);
    expect(bench.figures).toMatchObject({ active: 1, total: 2 });
  });

  it('rests on through reloads that do not change it', async () => {
    const bench = await Bench.started();
    await bench.quarantine();
    for (let i = 0; i < 3; i++) {
      await bench.evaluator.load({ flags: { ...FLAGS, [`other-${i}`]: RULE } });
      expect(bench.isResting).toBe(true);
    }
    await bench.clock.advance(300_000);
    expect(bench.evaluator.evaluate('bad', PRO).value).toBe('on');
  });

  it('is tried again as soon as its definition changed, with a clean record', async () => {
    const bench = await Bench.started();
    await bench.quarantine();
    await bench.evaluator.load({ flags: { ...FLAGS, bad: { ...RULE, defaultRule: { variation: 'on' } } } });
    expect(bench.evaluator.evaluate('bad', PRO).value).toBe('on');
    await bench.trap();
    await bench.trap();
    expect(bench.isResting).toBe(false);
    await bench.evaluator.load({ flags: FLAGS });
    await bench.trap();
    expect(bench.isResting).toBe(false);
  });

  it('does not spoil evaluateAll, prepared contexts or evaluateRaw', async () => {
    const bench = await Bench.started();
    await bench.quarantine();
    const { evaluator, traps } = bench;
    const rebuilt = traps.made;
    const all = evaluator.evaluateAll(PRO);
    expect(all.map(({ flagKey, value }) => [flagKey, value])).toEqual([
      ['bad', null],
      ['good', 'on'],
    ]);
    expect(all[0]?.errorMessage).toContain('quarantined');
    const prepared = evaluator.prepare(PRO);
    expect(prepared.evaluate('bad', 'default')).toMatchObject({ value: 'default', errorCode: 'GENERAL' });
    expect(prepared.evaluate('good').value).toBe('on');
    expect(() => evaluator.evaluateRaw('bad', PRO)).toThrow(/^TRAP: flag "bad" is quarantined/);
    expect(evaluator.evaluateRaw('good', PRO)).toMatchObject({ value: 'on' });
    expect(traps.made).toBe(rebuilt);
  });

  it('leaves no timer behind at close, and begins afresh with the next start', async () => {
    const bench = await Bench.started();
    await bench.quarantine();
    await bench.evaluator.close();
    expect(bench.clock.pendingTimers).toBe(0);
    await bench.evaluator.initialize();
    expect(bench.evaluator.evaluate('bad', PRO).value).toBe('on');
  });
});

describe('a flag that passes its limits 3 times in 60 s (D-51)', () => {
  it('is quarantined with EVALUATION_DEADLINE, whatever the context, and costs no store', async () => {
    const bench = await Bench.started({ bad: SLOW, good: RULE });
    for (let i = 0; i < 3; i++) {
      expect(bench.evaluator.evaluate('bad', LONG, 'default').errorMessage).toMatch(/^EVALUATION_DEADLINE: .*steps/);
    }
    expect(bench.evaluator.evaluate('bad', PRO, 'default').errorMessage).toMatch(
      /^EVALUATION_DEADLINE: flag "bad" is quarantined until/,
    );
    expect(bench.evaluator.evaluate('good', LONG).value).toBe('on');
    expect(bench.evaluator.describe()).toMatchObject({
      traps: 0,
      quarantine: {
        active: 1,
        total: 1,
        flags: [{ flagKey: 'bad', code: 'EVALUATION_DEADLINE', until: '2026-01-01T00:05:00.000Z' }],
      },
    });
  });

  it('is counted in evaluateAll too', async () => {
    const bench = await Bench.started({ bad: SLOW, good: RULE });
    for (let i = 0; i < 3; i++) {
      const messages = bench.evaluator.evaluateAll(LONG).map(({ errorMessage }) => errorMessage);
      expect(messages).toEqual([expect.stringMatching(/used up the steps/), undefined]);
    }
    const messages = bench.evaluator.evaluateAll(LONG).map(({ errorMessage }) => errorMessage);
    expect(messages).toEqual([expect.stringMatching(/is quarantined/), undefined]);
  });
});

describe('diagnostics', () => {
  it('count all quarantined flags and name 20 of them', async () => {
    const keys = Array.from({ length: 25 }, (_, i) => `slow-${String(i).padStart(2, '0')}`);
    const bench = await Bench.started(Object.fromEntries(keys.map((key) => [key, SLOW])));
    for (const key of keys) for (let i = 0; i < 3; i++) bench.evaluator.evaluate(key, LONG);
    expect(bench.figures).toMatchObject({ active: 25, total: 25 });
    expect((bench.figures as { flags: unknown[] }).flags).toHaveLength(20);
  }, 60_000);
});

describe('1,000 injected traps (WH-05)', () => {
  it('of one flag, never grow the pool past its size and never stop the other flag', async () => {
    const bench = await Bench.started();
    let trapped = 0;
    while (trapped < 1_000) {
      // Three traps, then the rest; each is a trap of the kernel itself.
      for (let i = 0; i < 3; i++) {
        expect(await bench.trap()).toMatch(/^TRAP: the guest threw/);
        trapped++;
        expect(bench.evaluator.evaluate('good', PRO).value).toBe('on');
      }
      expect(bench.isResting).toBe(true);
      expect(bench.evaluator.describe()).toMatchObject({ traps: trapped, pool: { size: 2, leased: 2, idle: 0 } });
      await bench.clock.advance(300_000);
    }
    expect(bench.traps.callsAfterTrap).toBe(0);
    expect(bench.evaluator.describe()).toMatchObject({ pool: { created: trapped + 2, destroyed: trapped } });
    expect(bench.events).toEqual([]);
  }, 60_000);

  it('into 1,000 flags one after the other, never grow the pool past its size, and the good flag answers as soon as a store is due', async () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => `bad-${i}`);
    const bench = await Bench.started({ ...Object.fromEntries(keys.map((key) => [key, RULE])), good: RULE });
    for (const key of keys) {
      await bench.trap(key);
      const { pool } = bench.evaluator.describe() as { pool: { leased: number; idle: number } };
      expect(pool.leased + pool.idle).toBeLessThanOrEqual(2);
    }
    await bench.clock.advance(1_000);
    await settle();
    expect(bench.evaluator.evaluate('good', PRO).value).toBe('on');
    expect(bench.traps.callsAfterTrap).toBe(0);
  }, 60_000);

  it('asked of one flag in a row, cost 3 stores', async () => {
    const bench = await Bench.started();
    for (let i = 0; i < 1_000; i++) {
      await bench.trap();
      expect(bench.evaluator.evaluate('good', PRO).value).toBe('on');
    }
    expect(bench.evaluator.describe()).toMatchObject({ traps: 3, pool: { created: 5, destroyed: 3 } });
  });
});
