/** Every option changes something that can be seen from outside; a new one without a scenario does not compile. */

import { describe, expect, it } from 'vitest';

import { OPTION_NAMES, type OptionName } from '../../../../src/options/table.ts';
import { COLLECTION_EFFECTS } from './collection-effects.ts';
import { CONNECTION_EFFECTS } from './connection-effects.ts';
import { EVALUATION_EFFECTS } from './evaluation-effects.ts';
import { FALLBACK_EFFECTS } from './fallback-effects.ts';
import { FEED_EFFECTS } from './feed-effects.ts';
import { RUNTIME_EFFECTS } from './runtime-effects.ts';
import { START_STOP_EFFECTS } from './start-stop-effects.ts';
import type { Effect, Effects } from './support/effect.ts';
import { Stage } from './support/stage.ts';

/** `meter` is not there yet. */
type Proven = Exclude<OptionName, 'meter'>;
const PROVEN_NAMES = OPTION_NAMES.filter((name): name is Proven => name !== 'meter');

const EFFECTS: Effects<Proven> = {
  ...CONNECTION_EFFECTS,
  ...FEED_EFFECTS,
  ...START_STOP_EFFECTS,
  ...EVALUATION_EFFECTS,
  ...COLLECTION_EFFECTS,
  ...RUNTIME_EFFECTS,
};

/** What is seen with a value for the option, or with its default, in a situation that begins afresh. */
async function lookAt(name: OptionName, effect: Effect<OptionName>, isGiven: boolean): Promise<unknown> {
  const stage = await Stage.open();
  try {
    if (isGiven) stage.given = { [name]: await effect.other(stage) };
    return await effect.look(stage);
  } finally {
    await stage.close();
  }
}

async function prove(name: OptionName, effect: Effect<OptionName>): Promise<void> {
  expect(effect.otherwise).not.toEqual(effect.byDefault);
  expect(await lookAt(name, effect, false), 'by default').toEqual(effect.byDefault);
  expect(await lookAt(name, effect, true), 'with another value').toEqual(effect.otherwise);
}

describe('each option has an effect that is seen from outside (D-33, GOFF-CFG-009, GOFF-CFG-010)', () => {
  it.each(PROVEN_NAMES.map((name) => [name, EFFECTS[name].decides]))('%s decides %s', (name) =>
    prove(name as OptionName, EFFECTS[name as Proven] as Effect<OptionName>),
  );

  it('the scenarios are those of the table of options, no more and no less', () => {
    expect(Object.keys(EFFECTS)).toEqual(PROVEN_NAMES);
  });
});

describe('each member of the option fallback has one too', () => {
  it.each(Object.entries(FALLBACK_EFFECTS).map(([name, effect]) => [name, effect.decides, effect] as const))(
    '%s decides %s',
    (_, __, effect) => prove('fallback', effect as Effect<OptionName>),
  );
});
