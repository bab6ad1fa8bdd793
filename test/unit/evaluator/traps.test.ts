/** A guest that throws costs one evaluation: its store goes, another answers, a storm is told of. */

import { afterEach, describe, expect, it } from 'vitest';
import type { EvaluatorEvent } from '../../../src/evaluator/abstract-evaluator.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { FlagStore } from '../../../src/wasm/flag-store.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { overflowingModule, TrapSwitch } from './support/trapping-stores.ts';

const RULE = {
  variations: { on: 'on', off: 'off' },
  targeting: [{ query: 'plan eq "pro"', variation: 'on' }],
  defaultRule: { variation: 'off' },
};
const FLAGS = { flags: { rule: RULE } };
/** A flag that traps three times is quarantined, so more traps than that need more flags. */
const MANY_FLAGS = { flags: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`rule-${i}`, RULE])) };
const PRO = { plan: 'pro' };

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

  constructor(wasmPoolSize = 2, bootstrap: object = FLAGS) {
    const { clock, logger } = this;
    const options = { bootstrap, wasmPoolSize, clock, logger };
    this.evaluator = new InProcessEvaluator(options, { createStore: this.traps.createStore });
    this.evaluator.onChange((event) => this.events.push(event));
    open.push(this.evaluator);
  }

  async start(): Promise<this> {
    await this.evaluator.initialize();
    await settle();
    return this;
  }

  answer(flagKey = 'rule'): unknown {
    return this.evaluator.evaluate(flagKey, PRO, 'default').value;
  }
}

describe('one trap (S-27, D-50)', () => {
  it('answers the default with GENERAL and a message that says TRAP, and the next evaluation is right (GOFF-IP-013)', async () => {
    const { evaluator, traps, logger } = await new Bench().start();
    traps.isOn = true;
    expect(evaluator.evaluate('rule', PRO, 'default')).toMatchObject({
      value: 'default',
      reason: 'ERROR',
      variant: 'SdkDefault',
      errorCode: 'GENERAL',
      errorMessage: expect.stringMatching(/^TRAP: /),
    });
    traps.isOn = false;
    expect(evaluator.evaluate('rule', PRO).value).toBe('on');
    expect(logger.at('error').join()).toContain('TRAP');
    expect(evaluator.state).toBe('ready');
  });

  it('never calls the guest that trapped again, and makes a new spare behind (GOFF-WASM-008, GOFF-WASM-012)', async () => {
    const bench = await new Bench().start();
    bench.traps.every = 3;
    const answers: unknown[] = [];
    for (let i = 0; i < 9; i++) {
      answers.push(bench.answer());
      await settle();
    }
    expect(answers).toEqual(['on', 'on', 'default', 'on', 'on', 'default', 'on', 'on', 'default']);
    expect(bench.traps.callsAfterTrap).toBe(0);
    expect(bench.evaluator.describe()).toMatchObject({ traps: 3, rebuilds: 3, pool: { leased: 2, destroyed: 3 } });
    expect(bench.traps.made).toBe(5);
  });

  it('is nothing to a flag that does not exist: it is FLAG_NOT_FOUND without the guest being asked (GOFF-IP-012)', async () => {
    const { evaluator, traps } = await new Bench().start();
    traps.isOn = true;
    expect(evaluator.evaluate('nothing', PRO, 'default')).toMatchObject({
      errorCode: 'FLAG_NOT_FOUND',
      value: 'default',
    });
    expect(evaluator.describe()).toMatchObject({ traps: 0 });
    expect(evaluator.evaluate('rule', PRO, 'default')).toMatchObject({ errorCode: 'GENERAL' });
    expect(evaluator.describe()).toMatchObject({ traps: 1 });
  });

  it('leaves prepared contexts and evaluateAll right', async () => {
    const bench = await new Bench().start();
    const prepared = bench.evaluator.prepare(PRO);
    expect(prepared.evaluate('rule').value).toBe('on');
    bench.traps.isOn = true;
    expect(prepared.evaluate('rule', 'default').value).toBe('default');
    bench.traps.isOn = false;
    expect(prepared.evaluate('rule').value).toBe('on');
    expect(bench.evaluator.evaluateAll(PRO).map(({ value }) => value)).toEqual(['on']);
  });

  it('takes a reload that arrives while the spare is gone', async () => {
    const bench = await new Bench().start();
    bench.traps.isOn = true;
    bench.answer();
    bench.traps.isOn = false;
    const flag = { ...RULE, targeting: [{ query: 'plan eq "pro"', variation: 'off' }] };
    await bench.evaluator.load({ flags: { rule: flag } });
    expect(bench.answer()).toBe('off');
  });

  it('is also a stack that overflows, which is a RangeError', async () => {
    let made = 0;
    const broken = await overflowingModule(1);
    const logger = new RecordingLogger();
    const evaluator = new InProcessEvaluator(
      { bootstrap: FLAGS, wasmPoolSize: 2, logger },
      { createStore: (module, abi) => new FlagStore(made++ === 0 ? broken : module, abi) },
    );
    open.push(evaluator);
    await evaluator.initialize();
    await settle();
    expect(evaluator.evaluate('rule', PRO, 'default')).toMatchObject({
      value: 'default',
      errorCode: 'GENERAL',
      errorMessage: expect.stringContaining('call stack'),
    });
    expect(evaluator.evaluate('rule', PRO, 'default').value).toBe('on');
    expect(evaluator.describe()).toMatchObject({ traps: 1 });
  });

  it('with one slot, is over as soon as the store was replaced', async () => {
    const bench = await new Bench(1).start();
    bench.traps.isOn = true;
    expect(bench.answer()).toBe('default');
    bench.traps.isOn = false;
    await settle();
    expect(bench.answer()).toBe('on');
    expect(bench.evaluator.describe()).toMatchObject({ pool: { size: 1, leased: 1 } });
  });
});

describe('a storm of traps (S-28)', () => {
  it('is told of once, slows the replacement to one a second, and is over after a minute without a trap', async () => {
    const bench = await new Bench(2, MANY_FLAGS).start();
    bench.traps.isOn = true;
    for (let i = 0; i < 40; i++) {
      expect(bench.answer(`rule-${i % 19}`)).toBe('default');
      await settle();
    }
    const types = () => bench.events.map(({ type }) => type);
    expect(types()).toEqual(['error']);
    expect(bench.events[0]).toMatchObject({ error: { code: 'TRAP', openFeatureCode: 'GENERAL' } });
    expect(bench.evaluator.state).toBe('error');
    // The two slots and one replacement for each trap that was no storm yet; what is asked meanwhile finds no store.
    expect(bench.traps.made).toBeLessThanOrEqual(2 + 11);
    expect(bench.evaluator.evaluate('rule-19', PRO, 'default').errorMessage).toMatch(/^POOL_EXHAUSTED: /);

    bench.traps.isOn = false;
    await bench.clock.advance(1_000);
    await settle();
    expect(bench.answer('rule-19')).toBe('on');
    expect(bench.evaluator.state).toBe('error');
    await bench.clock.advance(58_000);
    expect(types()).toEqual(['error']);
    await bench.clock.advance(1_000);
    expect(types()).toEqual(['error', 'ready']);
    expect(bench.evaluator.state).toBe('ready');
  });

  it('leaves no timer behind when the evaluator closes in the middle of it', async () => {
    const bench = await new Bench(2, MANY_FLAGS).start();
    bench.traps.isOn = true;
    for (let i = 0; i < 20; i++) {
      bench.answer(`rule-${i}`);
      await settle();
    }
    await bench.evaluator.close();
    expect(bench.clock.pendingTimers).toBe(0);
    expect(bench.evaluator.state).toBe('not-ready');
  });

  it('is none when the traps are few and far between', async () => {
    const bench = await new Bench(2, MANY_FLAGS).start();
    for (let i = 0; i < 30; i++) {
      bench.traps.isOn = true;
      expect(bench.answer(`rule-${i % 20}`)).toBe('default');
      bench.traps.isOn = false;
      await bench.clock.advance(1_500);
      expect(bench.answer(`rule-${i % 20}`)).toBe('on');
    }
    expect(bench.events).toEqual([]);
    expect(bench.evaluator.describe()).toMatchObject({ traps: 30, rebuilds: 30 });
  });
});
