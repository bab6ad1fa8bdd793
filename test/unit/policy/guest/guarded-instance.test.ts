import { describe, expect, it } from 'vitest';
import { GuardedPolicy } from '../../../../src/policy/guest/guarded-instance.ts';
import { type PolicyFailureCode, policyFailure } from '../../../../src/policy/model/failure.ts';
import { NONE, type Outcome, type PolicyInstance } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';
import { hookInput, INFO } from './support/guest-rig.ts';

const { requestHeaders } = Phase;

/** A policy that answers what it is told to, and counts how often it was asked. */
function rig() {
  const clock = new FakeClock();
  const inner = { answer: NONE as Outcome | Promise<Outcome>, calls: 0 };
  const instance: PolicyInstance = {
    modes: { requestHeaders: 'process', requestBody: 'skip', responseHeaders: 'skip', responseBody: 'skip' },
    call: () => {
      inner.calls++;
      return inner.answer;
    },
    destroy: () => undefined,
  };
  const policy = new GuardedPolicy({ name: 'p', version: 'v1.0.0', create: async () => instance }, clock);
  const make = async (tenant: string) =>
    (await policy.create({ info: { ...INFO, tenant }, params: {} })) as PolicyInstance;
  return { clock, inner, policy, make };
}

const failing = (code: PolicyFailureCode) => policyFailure(code, 'as told');

describe('the breaker of a policy and tenant (V-22, WH-05)', () => {
  it('opens at the fifth costly failure in ten seconds, for every instance of the tenant and for no other', async () => {
    const { inner, make, policy } = rig();
    const [one, two, other] = [await make('shop'), await make('shop'), await make('bank')];
    inner.answer = failing('TRAP');
    for (let i = 0; i < 4; i++) expect(one.call(requestHeaders, hookInput())).toMatchObject({ code: 'TRAP' });
    inner.answer = Promise.resolve(failing('DEADLINE_EXCEEDED'));
    expect(await two.call(requestHeaders, hookInput())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    inner.answer = NONE;
    expect(one.call(requestHeaders, hookInput())).toMatchObject({ code: 'BREAKER_OPEN' });
    expect(two.call(requestHeaders, hookInput())).toMatchObject({ code: 'BREAKER_OPEN' });
    expect(other.call(requestHeaders, hookInput())).toBe(NONE);
    expect(inner.calls).toBe(6);
    expect(policy.describe()).toMatchObject({ shop: { breaker: 'open' }, bank: { breaker: 'closed' } });
  });

  it('lets one trial through after a second, and rests twice as long each time the trial fails, up to a minute', async () => {
    const { clock, inner, make } = rig();
    const instance = await make('shop');
    inner.answer = failing('FUEL_EXHAUSTED');
    for (let i = 0; i < 5; i++) instance.call(requestHeaders, hookInput());
    for (const restMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      await clock.advance(restMs - 1);
      expect(instance.call(requestHeaders, hookInput())).toMatchObject({ code: 'BREAKER_OPEN' });
      await clock.advance(1);
      expect(instance.call(requestHeaders, hookInput())).toMatchObject({ code: 'FUEL_EXHAUSTED' });
    }
    await clock.advance(60_000);
    let answer: (outcome: Outcome) => void = () => undefined;
    inner.answer = new Promise<Outcome>((resolve) => (answer = resolve));
    const trial = instance.call(requestHeaders, hookInput());
    expect(instance.call(requestHeaders, hookInput())).toMatchObject({ code: 'BREAKER_OPEN' });
    answer(NONE);
    expect(await trial).toBe(NONE);
    inner.answer = NONE;
    expect(instance.call(requestHeaders, hookInput())).toBe(NONE);
  });

  it('does not count what is long ago, what the policy says in good order, and what never reached it', async () => {
    const { clock, inner, make } = rig();
    const instance = await make('shop');
    for (const code of ['GUEST_ERROR', 'OVERLOAD', 'CANCELLED', 'HOST_DENIED', 'ACTION_INVALID'] as const) {
      inner.answer = failing(code);
      for (let i = 0; i < 5; i++) expect(instance.call(requestHeaders, hookInput())).toMatchObject({ code });
    }
    inner.answer = failing('TRAP');
    for (let i = 0; i < 20; i++) {
      expect(instance.call(requestHeaders, hookInput())).toMatchObject({ code: 'TRAP' });
      await clock.advance(2_500);
    }
  });

  it('does not let a call that began before it opened close it', async () => {
    const { inner, make } = rig();
    const instance = await make('shop');
    let answer: (outcome: Outcome) => void = () => undefined;
    inner.answer = new Promise<Outcome>((resolve) => (answer = resolve));
    const early = instance.call(requestHeaders, hookInput());
    inner.answer = failing('TRAP');
    for (let i = 0; i < 5; i++) instance.call(requestHeaders, hookInput());
    answer(NONE);
    await early;
    expect(instance.call(requestHeaders, hookInput())).toMatchObject({ code: 'BREAKER_OPEN' });
  });

  it('is forgotten with the last instance of its tenant', async () => {
    const { make, policy } = rig();
    const [one, two] = [await make('shop'), await make('shop')];
    await one.destroy();
    await one.destroy();
    expect(Object.keys(policy.describe())).toEqual(['shop']);
    await two.destroy();
    expect(policy.describe()).toEqual({});
  });
});
