/** What the log says of fallbacks, and how much of it. */

import { expect, it } from 'vitest';
import { FallbackWarnings } from '../../../src/evaluator/fallback-warnings.ts';
import { createSafeLogger } from '../../../src/telemetry/logger.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';

function bench() {
  const clock = new FakeClock();
  const target = new RecordingLogger();
  const warnings = new FallbackWarnings({ clock, logger: createSafeLogger(target), isEach: false });
  return { clock, target, warnings };
}

it('gives each flag a minute of its own', async () => {
  const { clock, target, warnings } = bench();
  warnings.note('a', () => 'first a');
  await clock.advance(30_000);
  warnings.note('b', () => 'first b');
  warnings.note('a', () => 'never said');
  await clock.advance(30_000);
  warnings.note('a', () => 'second a');
  warnings.note('b', () => 'never said');
  expect(target.at('warn')).toEqual([
    'edict: first a',
    'edict: first b',
    'edict: second a (1 more since the last such line)',
  ]);
  expect(warnings.suppressed).toBe(2);
});

it('speaks of at most 1,000 flags a minute and counts the others', async () => {
  const { clock, target, warnings } = bench();
  for (let i = 0; i < 5_000; i++) warnings.note(`flag-${i}`, () => `flag-${i}`);
  expect(target.at('warn')).toHaveLength(1_000);
  expect(warnings.suppressed).toBe(4_000);
  await clock.advance(60_000);
  warnings.note('flag-4999', () => 'heard at last');
  expect(target.at('warn').at(-1)).toBe('edict: heard at last');
});
