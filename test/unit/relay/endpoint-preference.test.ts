import { describe, expect, it } from 'vitest';

import { EndpointPreference } from '../../../src/relay/endpoint-preference.ts';
import { FakeClock } from './support/fake-clock.ts';

function preferenceOf(count: number): { clock: FakeClock; preference: EndpointPreference } {
  const clock = new FakeClock();
  return { clock, preference: new EndpointPreference(count, clock) };
}

describe('the preferred one of several addresses (D-40)', () => {
  it('is the first until it fails, then sticks to the next', async () => {
    const { clock, preference } = preferenceOf(3);
    preference.note(0, true);
    expect(preference.current).toBe(0);
    preference.note(0, false);
    expect(preference.current).toBe(1);
    await clock.advance(59_999);
    preference.note(1, true);
    expect(preference.current).toBe(1);
  });

  it('is the first again after 60 s, and moves on when that still fails', async () => {
    const { clock, preference } = preferenceOf(2);
    preference.note(0, false);
    await clock.advance(59_999);
    expect(preference.current).toBe(1);
    await clock.advance(1);
    expect(preference.current).toBe(0);
    preference.note(0, false);
    expect(preference.current).toBe(1);
    await clock.advance(59_999);
    expect(preference.current).toBe(1);
    await clock.advance(1);
    expect(preference.current).toBe(0);
  });

  it('goes round the list while all fail', () => {
    const { preference } = preferenceOf(3);
    const asked = Array.from({ length: 7 }, () => {
      const index = preference.current;
      preference.note(index, false);
      return index;
    });
    expect(asked).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it('is not moved by a late outcome of an address that was left', () => {
    const { preference } = preferenceOf(3);
    preference.note(0, false);
    preference.note(0, false);
    expect(preference.current).toBe(1);
    preference.note(2, false);
    expect(preference.current).toBe(1);
  });

  it('of one is that one', async () => {
    const { clock, preference } = preferenceOf(1);
    for (let i = 0; i < 3; i++) preference.note(0, false);
    await clock.advance(100_000);
    expect(preference.current).toBe(0);
  });
});
