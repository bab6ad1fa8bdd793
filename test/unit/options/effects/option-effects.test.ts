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
import type { Effect, Effects, OtherValue } from './support/effect.ts';
import { Stage } from './support/stage.ts';

const EFFECTS: Effects<OptionName> = {
  ...CONNECTION_EFFECTS,
  ...FEED_EFFECTS,
  ...START_STOP_EFFECTS,
  ...EVALUATION_EFFECTS,
  ...COLLECTION_EFFECTS,
  ...RUNTIME_EFFECTS,
};

/** A situation that begins afresh, with this value of the option or with its default. */
async function lookAt(
  name: OptionName,
  { look }: Effect<OptionName>,
  value?: OtherValue<OptionName>['other'],
): Promise<unknown> {
  const stage = await Stage.open();
  try {
    if (value !== undefined) stage.given = { [name]: await value(stage) };
    return await look(stage);
  } finally {
    await stage.close();
  }
}

async function prove(name: OptionName, effect: Effect<OptionName>): Promise<void> {
  expect(await lookAt(name, effect), 'by default').toEqual(effect.byDefault);
  for (const { other, otherwise } of [effect, ...(effect.also ?? [])]) {
    expect(otherwise).not.toEqual(effect.byDefault);
    expect(await lookAt(name, effect, other), 'with another value').toEqual(otherwise);
  }
}

describe('each option has an effect that is seen from outside (D-33, GOFF-CFG-009, GOFF-CFG-010)', () => {
  it.each(OPTION_NAMES.map((name) => [name, EFFECTS[name].decides]))('%s decides %s', (name) =>
    prove(name as OptionName, EFFECTS[name as OptionName] as Effect<OptionName>),
  );

  it('the scenarios are those of the table of options, no more and no less', () => {
    expect(Object.keys(EFFECTS)).toEqual(OPTION_NAMES);
  });
});

describe('each member of the option fallback has one too', () => {
  it.each(Object.entries(FALLBACK_EFFECTS).map(([name, effect]) => [name, effect.decides, effect] as const))(
    '%s decides %s',
    (_, __, effect) => prove('fallback', effect as Effect<OptionName>),
  );
});
