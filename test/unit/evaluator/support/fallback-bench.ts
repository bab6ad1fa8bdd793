/** A fallback evaluator with everything around it in a test's hands: clock, log, guest traps, the relay's answers. */

import { onTestFinished } from 'vitest';
import type { EvaluatorEvent } from '../../../../src/evaluator/abstract-evaluator.ts';
import { FallbackEvaluator } from '../../../../src/evaluator/fallback-evaluator.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import { FakeClock, settle } from '../../relay/support/fake-clock.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';
import { FakeLine } from './fake-line.ts';
import { TrapSwitch } from './trapping-stores.ts';

const variations = { on: 'on', off: 'off' };
export const PRO = { plan: 'pro', targetingKey: 'user-1' };

/** `broken` answers PARSE_ERROR, `unfit` FLAG_CONFIG, `split` TARGETING_KEY_MISSING without a key, `rule` what its rule says. */
export const FLAGS = {
  broken: { variations: 'none', defaultRule: { variation: 'off' } },
  fixed: { variations, defaultRule: { variation: 'on' } },
  rule: {
    variations,
    targeting: [{ query: 'plan eq "pro"', variation: 'on' }],
    defaultRule: { variation: 'off' },
  },
  split: { variations, defaultRule: { percentage: { on: 50, off: 50 } } },
  unfit: { variations, defaultRule: { percentage: { on: 0 } } },
};

export class FallbackBench {
  readonly traps = new TrapSwitch();
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly line = new FakeLine();
  readonly events: EvaluatorEvent[] = [];
  readonly evaluator: FallbackEvaluator;

  constructor(options: EdictOptions = {}) {
    const { clock, logger, traps, line } = this;
    this.evaluator = new FallbackEvaluator(
      { bootstrap: { flags: FLAGS }, wasmPoolSize: 2, clock, logger, ...options },
      { createStore: traps.createStore, openLine: line.open },
    );
    this.evaluator.onChange((event) => this.events.push(event));
    onTestFinished(() => this.evaluator.close());
  }

  static async started(options?: EdictOptions): Promise<FallbackBench> {
    const bench = new FallbackBench(options);
    await bench.evaluator.initialize();
    await settle();
    return bench;
  }

  get figures(): Record<string, unknown> {
    return this.evaluator.describe().fallback as Record<string, unknown>;
  }

  get warnings(): string[] {
    return this.logger.at('warn').filter((line) => line.includes('cannot be decided here'));
  }

  /** Asks for the broken flag, and gives its value once it is there. */
  async broken(): Promise<unknown> {
    return (await this.evaluator.evaluate('broken', PRO, 'default')).value;
  }
}
