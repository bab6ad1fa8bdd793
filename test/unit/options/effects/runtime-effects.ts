/** The effects of the options of the group Runtime. */

import { vi } from 'vitest';
import type { RUNTIME_ROWS } from '../../../../src/options/rows/runtime.ts';
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

export const RUNTIME_EFFECTS: Effects<Exclude<keyof typeof RUNTIME_ROWS, 'meter'>> = {
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
