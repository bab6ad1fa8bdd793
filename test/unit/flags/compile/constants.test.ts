/** Enrichment settled at compile time: what the guest sees of it, and what it costs (spec/flags.md §7.2). */

import { beforeAll, describe, expect, it } from 'vitest';
import { enrichmentName, isConstant } from '../../../../src/flags/compile/constants.ts';
import { FlagColumn } from '../../../../src/flags/image/abi.ts';
import { SlotTable } from '../../../../src/flags/image/slots.ts';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { flagOf, KernelRig } from '../../wasm/support/kernel-rig.ts';

let rig: KernelRig;
beforeAll(() => {
  rig = new KernelRig();
});

function matches(query: string, enrichment: object, context: Record<string, unknown> = {}): boolean {
  return rig.serve(flagOf(query), context, 0, enrichment) === 'on';
}

function matchesLogic(rule: object, enrichment: object, context: Record<string, unknown> = {}): boolean {
  return matches(JSON.stringify(rule), enrichment, context);
}

describe('which slots are constant', () => {
  const slots = new SlotTable();
  const source = (slot: number) => slots.sources[slot] as NonNullable<(typeof slots.sources)[number]>;

  it('is decided by the first name of a path', () => {
    expect(enrichmentName(source(slots.forQuery(['env'])))).toBe('env');
    expect(enrichmentName(source(slots.forQuery(['org', 'id'])))).toBe('org');
    expect(enrichmentName(source(slots.forVariable(['org', 'id'])))).toBe('org');
    expect(enrichmentName(source(slots.forBucketingKey(['', 'id'])))).toBe('');
    expect(enrichmentName(source(slots.forQuery(['anonymous'])))).toBe('anonymous');
    expect(enrichmentName(source(slots.forEnrichedDate()))).toBe('gofeatureflag');
  });

  it('is never the targeting key nor the date of windows and schedules', () => {
    expect(enrichmentName(source(slots.forTargetingKey()))).toBeUndefined();
    expect(enrichmentName(source(slots.forDate()))).toBeUndefined();
  });

  it('goes by own members: constructor and __proto__ are ordinary names', () => {
    const odd = source(slots.forQuery(['constructor']));
    expect(isConstant(odd, {})).toBe(false);
    expect(isConstant(odd, { constructor: 1 } as unknown as JsonObject)).toBe(true);
    expect(isConstant(source(slots.forQuery(['__proto__'])), {})).toBe(false);
  });
});

describe('an enriched attribute', () => {
  it('overrides the caller’s, whatever that is (GOFF-CTX-005)', () => {
    expect(matches('env eq "prod"', { env: 'prod' }, { env: 'dev' })).toBe(true);
    expect(matches('env pr', { env: null }, { env: 'dev' })).toBe(false);
    expect(matches('env eq null', { env: null }, { env: 'dev' })).toBe(true);
    expect(matches('beta eq true', { beta: true }, { beta: false })).toBe(true);
  });

  it('is a float when it is a number, also an integral one', () => {
    expect(matches('n eq 1', { n: 1 })).toBe(true);
    expect(matches('n eq 1', { n: 1.9 })).toBe(true);
    expect(matches('n in [1, 2]', { n: 1 })).toBe(false);
    expect(matches('n in [1.0, 2.0]', { n: 1 })).toBe(true);
    expect(matches('n in [1, 2]', {}, { n: 1 })).toBe(true);
  });

  it('is lower-cased like any other text', () => {
    expect(matches('env eq "ÉTÉ"', { env: 'été' })).toBe(true);
    expect(matches('env eq "été"', { env: 'ÉTÉ' })).toBe(true);
    expect(matches('env in ["été"]', { env: 'ÉTÉ' })).toBe(false);
  });

  it('named like a member of Object.prototype is found, and others are not', () => {
    expect(matches('constructor eq "x"', JSON.parse('{"constructor":"x"}') as object)).toBe(true);
    expect(matches('constructor pr', {})).toBe(false);
    expect(matches('toString pr or valueOf pr', {}, {})).toBe(false);
  });

  it('is a map or a list by kind: present, and no scalar', () => {
    expect(matches('env pr', { env: {} })).toBe(true);
    expect(matches('env pr', { env: [] })).toBe(true);
    expect(matches('env eq "x"', { env: { env: 'x' } })).toBe(false);
  });
});

describe('a path into an enriched attribute', () => {
  it('leads to members, and to nothing the caller has', () => {
    expect(matches('org.id eq 7', { org: { id: 7 } }, { org: { id: 8 } })).toBe(true);
    expect(matches('org.name eq "x"', { org: { id: 7 } }, { org: { name: 'x' } })).toBe(false);
  });

  it('keeps the left value under a missing or null parent, and aborts under a scalar', () => {
    expect(matches('x eq 1 and org.id eq 1', { org: null }, { x: 1 })).toBe(true);
    expect(matches('org.id eq 1 or x eq 1', { org: 'scalar' }, { x: 1 })).toBe(false);
    expect(matches('org.id eq 1 or x eq 1', { org: [] }, { x: 1 })).toBe(false);
    expect(matches('org.unit.id eq 1', { org: { unit: { id: 1 } } })).toBe(true);
  });

  it('leaves its map on the stack for the next path, as the caller’s does', () => {
    expect(matches('org.unit.id eq 1 or y eq 2', { org: { y: 2 } })).toBe(true);
    expect(matches('org.unit.id eq 1 or y eq 2', { org: {} }, { y: 2 })).toBe(false);
  });
});

describe('JSONLogic', () => {
  it('reads enriched scalars, members, lists and whole maps', () => {
    const enrichment = { env: 'prod', org: { id: 7, tags: ['a', 'b'] }, list: [1, 2, 3] };
    expect(matchesLogic({ '==': [{ var: 'env' }, 'prod'] }, enrichment, { env: 'dev' })).toBe(true);
    expect(matchesLogic({ '===': [{ var: 'org.id' }, 7] }, enrichment)).toBe(true);
    expect(matchesLogic({ in: ['b', { var: 'org.tags' }] }, enrichment)).toBe(true);
    expect(matchesLogic({ '==': [{ var: 'list.2' }, 3] }, enrichment)).toBe(true);
    expect(matchesLogic({ all: [{ var: 'list' }, { '>': [{ var: '' }, 0] }] }, enrichment)).toBe(true);
    expect(matchesLogic({ '==': [{ var: 'org.nothing' }, null] }, enrichment)).toBe(true);
  });

  it('sees enrichment in the whole data too, over the caller’s', () => {
    const rule = { '==': [{ var: { cat: ['e', 'nv'] } }, 'prod'] };
    expect(matchesLogic(rule, { env: 'prod' }, { env: 'dev' })).toBe(true);
    expect(matchesLogic(rule, {}, { env: 'dev' })).toBe(false);
  });
});

describe('members that are recomputed', () => {
  it('anonymous is true only when the enriched one is boolean true', () => {
    expect(matches('anonymous eq true', { anonymous: true }, { anonymous: false })).toBe(true);
    expect(matches('anonymous eq false', { anonymous: 'true' }, { anonymous: true })).toBe(true);
    expect(matches('anonymous eq false', {}, { anonymous: 1 })).toBe(true);
  });

  it('key and targetingKey are the caller’s, whatever enrichment says', () => {
    const enrichment = { targetingKey: 'enriched', key: 'enriched' };
    expect(matches('targetingKey eq "u" and key eq "u"', enrichment, { targetingKey: 'u' })).toBe(true);
    expect(matches('targetingKey eq ""', enrichment)).toBe(true);
  });
});

describe('bucketing', () => {
  const flag = (bucketingKey: string) => ({ bucketingKey, variations: { a: 1 }, defaultRule: { variation: 'a' } });

  it('takes an enriched attribute, path or targetingKey', () => {
    expect(rig.serve(flag('team'), {}, 0, { team: 'core' })).toBe('a');
    expect(rig.serve(flag('team.id'), { team: 1 }, 0, { team: { id: 'x' } })).toBe('a');
    expect(rig.serve(flag('targetingKey'), {}, 0, { targetingKey: 'enriched' })).toBe('a');
  });

  it('fails on an enriched attribute that is no string or not there', () => {
    expect(rig.serve(flag('team'), { team: 'core' }, 0, { team: 7 })).toBe('invalid bucketing key');
    expect(rig.serve(flag('team'), { team: 'core' }, 0, { team: null })).toBe('invalid bucketing key');
    expect(rig.serve(flag('team.id'), { team: { id: 'x' } }, 0, { team: {} })).toBe(
      'impossible to find bucketingKey in context: nested key not found: team.id',
    );
  });

  it('hashes the enriched value', () => {
    const half = { bucketingKey: 'team', variations: { a: 1, b: 2 }, defaultRule: { percentage: { a: 50, b: 50 } } };
    const served = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const team = `team-${i}`;
      const enriched = rig.serve(half, { team: 'other' }, 0, { team });
      expect(enriched).toBe(rig.serve(half, { team }));
      served.add(enriched);
    }
    expect([...served].sort()).toEqual(['a', 'b']);
  });
});

describe('an enriched currentDateTime', () => {
  const enrichment = { gofeatureflag: { currentDateTime: '2025-06-01T00:00:00Z' } };
  const late = Date.UTC(2026, 0, 1);

  it('moves progressive rollouts', () => {
    const progressive = {
      variations: { a: 1, b: 2 },
      defaultRule: {
        progressiveRollout: {
          initial: { variation: 'a', date: '2025-07-01T00:00:00Z' },
          end: { variation: 'b', date: '2025-08-01T00:00:00Z' },
        },
      },
    };
    expect(rig.serve(progressive, { targetingKey: 'u' }, late)).toBe('b');
    expect(rig.serve(progressive, { targetingKey: 'u' }, late, enrichment)).toBe('a');
    expect(
      rig.serve(
        progressive,
        { targetingKey: 'u', gofeatureflag: { currentDateTime: '2027-01-01T00:00:00Z' } },
        late,
        enrichment,
      ),
    ).toBe('a');
    expect(rig.serve(progressive, { targetingKey: 'u' }, late, { gofeatureflag: 'no map' })).toBe('b');
  });

  it('moves neither windows nor schedules', () => {
    const base = { variations: { a: 1, b: 2 }, defaultRule: { variation: 'a' } };
    const window = { ...base, experimentation: { end: '2025-07-01T00:00:00Z' } };
    const scheduled = {
      ...base,
      scheduledRollout: [{ date: '2025-12-01T00:00:00Z', defaultRule: { variation: 'b' } }],
    };
    expect(rig.serve(window, {}, late, enrichment)).toBe('SdkDefault');
    expect(rig.serve(scheduled, {}, late, enrichment)).toBe('b');
  });
});

describe('constant slots', () => {
  it('are none of the host’s business: no flag lists them, no source is left', () => {
    const { compiled } = rig.load(
      { flag: flagOf('env eq "prod" and org.id eq 7 and plan eq "pro"') },
      { env: 'x', org: {} },
    );
    expect(compiled.slots.filter((source) => source !== undefined).map(({ path }) => path)).toEqual([[], ['plan']]);
    expect(compiled.flags[FlagColumn.slotsCount]).toBe(1);
  });
});
