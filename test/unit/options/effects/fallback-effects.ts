/** The effects of the members of the option `fallback`; its mode is among the effects of evaluation. */

import type { FallbackPolicy } from '../../../../src/options/fallback.ts';
import type { EdictProvider } from '../../../../src/provider/edict-provider.ts';
import { reply } from '../../relay/support/scripted-relay.ts';
import type { Effect } from './support/effect.ts';
import { type Stage, serving, silent, USER } from './support/stage.ts';

/** A provider of a flag that cannot be decided here, and the counter of questions to the relay. */
async function withBrokenFlag(stage: Stage) {
  stage.answers.configuration = serving({ flags: { broken: { variations: 'none' } } });
  const { provider } = await stage.client();
  return { provider, asked: () => stage.begun.filter(({ purpose }) => purpose === 'evaluation').length };
}

const evaluate = (provider: EdictProvider) => provider.resolveStringEvaluation('broken', 'default', USER);

async function evaluateTimes(provider: EdictProvider, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await evaluate(provider);
}

const unavailable = reply(503, '{}');

export const FALLBACK_EFFECTS: { readonly [Member in Exclude<keyof FallbackPolicy, 'mode'>]: Effect<'fallback'> } = {
  budgetMs: {
    decides: 'how long an evaluation may wait for the relay',
    other: () => ({ budgetMs: 20 }),
    look: async (stage) => {
      const { provider } = await withBrokenFlag(stage);
      stage.answers.evaluation = silent;
      return stage.timeOf(evaluate(provider), 1);
    },
    byDefault: 50,
    otherwise: 20,
  },
  failureThreshold: {
    decides: 'after how many failures nobody is asked',
    other: () => ({ failureThreshold: 2 }),
    look: async (stage) => {
      const { provider, asked } = await withBrokenFlag(stage);
      stage.answers.evaluation = unavailable;
      await evaluateTimes(provider, 10);
      return asked();
    },
    byDefault: 5,
    otherwise: 2,
  },
  openMs: {
    decides: 'for how long',
    other: () => ({ openMs: 10_000 }),
    look: async (stage) => {
      const { provider, asked } = await withBrokenFlag(stage);
      stage.answers.evaluation = unavailable;
      await evaluateTimes(provider, 10);
      await stage.clock.advance(10_000);
      await evaluateTimes(provider, 1);
      return asked();
    },
    byDefault: 5,
    otherwise: 6,
  },
  maxConcurrent: {
    decides: 'how many questions are in flight',
    other: () => ({ maxConcurrent: 2 }),
    look: async (stage) => {
      const { provider, asked } = await withBrokenFlag(stage);
      stage.answers.evaluation = silent;
      const all = Promise.all(Array.from({ length: 12 }, () => evaluate(provider)));
      await stage.timeOf(all);
      return asked();
    },
    byDefault: 8,
    otherwise: 2,
  },
  maxPerSecond: {
    decides: 'how many questions begin in one second',
    other: () => ({ maxPerSecond: 3 }),
    look: async (stage) => {
      const { provider, asked } = await withBrokenFlag(stage);
      await evaluateTimes(provider, 30);
      return asked();
    },
    byDefault: 20,
    otherwise: 3,
  },
};
