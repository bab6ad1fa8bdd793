import { describe, expect, it } from 'vitest';
import { EdictError, type EdictErrorCode } from '../../../src/errors.ts';
import { SilenceGate } from '../../../src/evaluator/silence-gate.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';

const error = (code: EdictErrorCode): EdictError => new EdictError(code, 'scripted');

function shut(clock: FakeClock): SilenceGate {
  const gate = new SilenceGate(clock, 2);
  gate.note(error('NETWORK'));
  gate.note(error('TIMEOUT'));
  return gate;
}

describe('the gate before a silent relay', () => {
  it('is open until as many requests in a row had no answer', () => {
    const gate = new SilenceGate(new FakeClock(), 2);
    gate.note(error('NETWORK'));
    gate.note(error('UNAVAILABLE'));
    gate.note(error('TIMEOUT'));
    expect([gate.isShut, gate.silent, gate.admit(), gate.admit()]).toEqual([false, 1, true, true]);
    gate.note(error('NETWORK'));
    expect([gate.isShut, gate.silent]).toEqual([true, 2]);
  });

  it('once shut, admits one a second', async () => {
    const clock = new FakeClock();
    const gate = shut(clock);
    expect([gate.admit(), gate.admit()]).toEqual([true, false]);
    await clock.advance(999);
    expect(gate.admit()).toBe(false);
    await clock.advance(1);
    expect([gate.admit(), gate.admit()]).toEqual([true, false]);
  });

  it.each<[string, EdictError | undefined]>([
    ['a success', undefined],
    ['a refusal', error('UNAUTHORIZED')],
    ['an outage that is told', error('UNAVAILABLE')],
    ['nonsense', error('INVALID_BODY')],
  ])('opens at %s', (_, outcome) => {
    const gate = shut(new FakeClock());
    gate.note(outcome);
    expect([gate.isShut, gate.admit(), gate.admit()]).toEqual([false, true, true]);
  });

  it('learns nothing from a request that was given up', () => {
    const gate = shut(new FakeClock());
    gate.note(error('CLOSED'));
    expect(gate.isShut).toBe(true);
  });
});
