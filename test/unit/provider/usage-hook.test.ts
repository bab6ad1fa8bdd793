import type { EvaluationDetails, FlagValue, HookContext } from '@openfeature/server-sdk';
import { describe, expect, it } from 'vitest';
import { EVALUATED_REMOTELY, UsageHook } from '../../../src/provider/usage-hook.ts';
import type { FeatureUsage } from '../../../src/usage/usage-events.ts';

interface Setting {
  readonly isRemote?: boolean;
  readonly untracked?: readonly string[];
}

function hookOf({ isRemote = false, untracked = [] }: Setting = {}): { hook: UsageHook; told: FeatureUsage[] } {
  const told: FeatureUsage[] = [];
  const evaluator = { isRemote, isTrackable: (flagKey: string) => !untracked.includes(flagKey) };
  return { hook: new UsageHook(evaluator, { feature: (usage) => void told.push(usage) }), told };
}

function contextOf(context: HookContext['context'] = { targetingKey: 'u-1' }): HookContext {
  return { flagKey: 'flag', defaultValue: 'default', context } as unknown as HookContext;
}

function details(more: Partial<EvaluationDetails<FlagValue>> = {}): EvaluationDetails<FlagValue> {
  const flagMetadata = { version: '7' };
  return { flagKey: 'flag', value: 'on!', variant: 'on', reason: 'STATIC', flagMetadata, ...more };
}

describe('the usage hook', () => {
  it('tells of an evaluation with its value, variation and version (D-74, GOFF-COLL-008, GOFF-COLL-009, GOFF-COLL-010)', () => {
    const { hook, told } = hookOf();
    hook.after(contextOf(), details());
    expect(told).toEqual([
      {
        flagKey: 'flag',
        targetingKey: 'u-1',
        isAnonymous: false,
        value: 'on!',
        variation: 'on',
        reason: 'STATIC',
        isDefault: false,
        version: '7',
        source: 'INPROCESS',
      },
    ]);
  });

  it("tells of a failed evaluation with the caller's default (GOFF-HOOK-005, GOFF-COLL-004)", () => {
    const { hook, told } = hookOf();
    hook.error(contextOf());
    expect(told).toMatchObject([
      { value: 'default', variation: 'SdkDefault', isDefault: true, version: undefined, source: 'INPROCESS' },
    ]);
  });

  it.each([
    [true, true],
    ['true', false],
    [1, false],
    [undefined, false],
  ])('a user is anonymous by the boolean true alone: %j is %s (GOFF-COLL-005)', (anonymous, expected) => {
    const { hook, told } = hookOf();
    hook.after(contextOf({ targetingKey: 'u', anonymous } as never), details());
    expect(told[0]?.isAnonymous).toBe(expected);
  });

  it("leaves a missing or empty targeting key to the event's own word for it (GOFF-COLL-006)", () => {
    const { hook, told } = hookOf();
    hook.after(contextOf({}), details());
    hook.after(contextOf({ targetingKey: '' }), details());
    expect(told.map(({ targetingKey }) => targetingKey)).toEqual([undefined, undefined]);
  });

  it('leaves out a version that is no text', () => {
    const { hook, told } = hookOf();
    hook.after(contextOf(), details({ flagMetadata: { version: 7 } }));
    expect(told[0]?.version).toBeUndefined();
  });

  it('is silent in both stages for a flag that is not trackable (GOFF-HOOK-006, GOFF-COLL-022)', () => {
    const { hook, told } = hookOf({ untracked: ['flag'] });
    hook.after(contextOf(), details());
    hook.error(contextOf());
    expect(told).toEqual([]);
  });

  it('is silent about what the relay answered in place of the engine, errors included (GOFF-FALLBACK-006)', () => {
    const { hook, told } = hookOf();
    const flagMetadata = { [EVALUATED_REMOTELY]: true };
    hook.after(contextOf(), details({ flagMetadata }));
    const failed = contextOf();
    hook.noteError(flagMetadata, failed.context);
    hook.error(failed);
    expect(told).toEqual([]);
    hook.error(contextOf());
    expect(told).toHaveLength(1);
  });

  it('in remote mode tells of cache hits and nothing else (D-06, GOFF-COLL-023, GOFF-CACHE-007)', () => {
    const { hook, told } = hookOf({ isRemote: true });
    hook.after(contextOf(), details());
    hook.error(contextOf());
    expect(told).toEqual([]);
    hook.after(contextOf(), details({ reason: 'CACHED' }));
    expect(told).toMatchObject([{ source: 'PROVIDER_CACHE', reason: 'CACHED', isDefault: false }]);
  });
});
