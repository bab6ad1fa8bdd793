/** The effects of the options of the group Runtime. */

import { vi } from 'vitest';
import type { RUNTIME_ROWS } from '../../../../src/options/rows/runtime.ts';
import type { Meter, Observations } from '../../../../src/telemetry/meter.ts';
import type { Effects } from './support/effect.ts';
import { serving } from './support/stage.ts';

const variations = { before: 'before', after: 'after' };
const scheduled = {
  flags: {
    flag: {
      variations,
      defaultRule: { variation: 'before' },
      scheduledRollout: [{ date: '2100-01-01T00:00:00Z', defaultRule: { variation: 'after' } }],
    },
  },
};

/** Keeps what it is given, and asks when a test says so, as an SDK would. */
class CollectingMeter implements Meter {
  readonly #names = new Map<object, string>();
  readonly #callbacks = new Set<Parameters<Meter['addBatchObservableCallback']>[0]>();

  createObservableCounter(name: string): object {
    const instrument = {};
    this.#names.set(instrument, name);
    return instrument;
  }

  createObservableGauge(name: string): object {
    return this.createObservableCounter(name);
  }

  addBatchObservableCallback(callback: (result: Observations) => void): void {
    this.#callbacks.add(callback);
  }

  removeBatchObservableCallback(callback: (result: Observations) => void): void {
    this.#callbacks.delete(callback);
  }

  /** The names of the instruments that have values now, one for each value. */
  collect(): string[] {
    const seen: string[] = [];
    const observe = (instrument: object): void => void seen.push(this.#names.get(instrument) ?? 'unknown');
    for (const callback of this.#callbacks) callback({ observe });
    return seen;
  }
}

let meter: CollectingMeter | undefined;

export const RUNTIME_EFFECTS: Effects<keyof typeof RUNTIME_ROWS> = {
  logger: {
    decides: 'where messages go',
    other: ({ logger }) => logger,
    look: async (stage) => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      try {
        stage.inProcess({ logger: undefined, pollIntervalMs: 100 });
        return { console: warn.mock.calls.flat(), logger: stage.logger.at('warn') };
      } finally {
        warn.mockRestore();
      }
    },
    byDefault: { console: ['edict: pollIntervalMs is 100: every process asks the relay that often'], logger: [] },
    otherwise: { console: [], logger: ['edict: pollIntervalMs is 100: every process asks the relay that often'] },
  },
  meter: {
    decides: 'who sees the counters, from the start to the close',
    other: () => {
      meter = new CollectingMeter();
      return meter;
    },
    look: async (stage) => {
      const { provider } = await stage.client();
      const alive = meter?.collect() ?? [];
      await provider.onClose();
      const closed = meter?.collect() ?? [];
      meter = undefined;
      const areOurs = alive.every((name) => name.startsWith('edict.'));
      return { areShown: alive.length > 0, areOurs, afterClose: closed.length };
    },
    byDefault: { areShown: false, areOurs: true, afterClose: 0 },
    otherwise: { areShown: true, areOurs: true, afterClose: 0 },
  },
  clock: {
    decides: 'what time it is, for schedules and for timers',
    other: ({ clock }) => clock,
    look: async (stage) => {
      stage.clock.wallMs = Date.UTC(2100, 6, 1);
      stage.answers.configuration = serving(scheduled);
      const evaluator = stage.inProcess({ clock: undefined });
      await evaluator.initialize();
      return { value: evaluator.evaluate('flag', {}).value, timers: stage.clock.pendingTimers };
    },
    byDefault: { value: 'before', timers: 0 },
    otherwise: { value: 'after', timers: 1 },
  },
  random: {
    decides: 'how a delay is spread',
    other: () => () => 0,
    look: async (stage) => {
      const chance = vi.spyOn(Math, 'random').mockReturnValue(0.75);
      try {
        await stage.inProcess({ random: undefined }).initialize();
        return await stage.nextRequest('configuration');
      } finally {
        chance.mockRestore();
      }
    },
    byDefault: 126_000,
    otherwise: 108_000,
  },
};
