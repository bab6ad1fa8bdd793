import { describe, expect, it } from 'vitest';
import { copyFails, schedulePhases, variationValue } from '../../../../src/flags/compile/schedule.ts';
import type { Flag } from '../../../../src/flags/model.ts';
import { parseFlag } from '../../../../src/flags/parse-flag.ts';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { flagJson } from '../flag-json.ts';

const DAY = '2025-01-01T00:00:00Z';
const LATER = '2025-02-01T00:00:00Z';

function parse(flag: object): Flag {
  const parsed = parseFlag(flag as JsonValue);
  if ('error' in parsed) throw new Error(parsed.error.details);
  return parsed.flag;
}

/** The states of a flag under its steps, as JSON without the schedule; 'panic' where merging panics. */
function states(flag: object, ...steps: object[]): (JsonObject | 'panic')[] {
  const dated = steps.map((step, i) => ({ date: `2025-0${i + 1}-01T00:00:00Z`, ...step }));
  return schedulePhases(parse({ ...flag, scheduledRollout: dated })).map((phase) => {
    if (phase.flag === undefined) return 'panic';
    const { scheduledRollout: _, ...rest } = flagJson(phase.flag);
    return rest;
  });
}

/** The state after one step. */
function merged(flag: object, step: object): JsonObject {
  const [state] = states(flag, step);
  if (state === undefined || state === 'panic') throw new Error(`no state: ${state}`);
  return state;
}

function rules(flag: object[], step: object[]): unknown {
  return merged({ targeting: flag }, { targeting: step })['targeting'];
}

const panics = (flag: object, step: object) => states(flag, step)[0] === 'panic';

describe('when', () => {
  it('steps apply in order of their instants, each upon the one before', () => {
    const phases = schedulePhases(
      parse({
        defaultRule: { variation: 'a' },
        scheduledRollout: [
          { date: LATER, disable: true },
          { date: DAY, defaultRule: { variation: 'b' } },
        ],
      }),
    );
    expect(phases.map(({ from }) => from.seconds * 1000)).toEqual([Date.parse(DAY), Date.parse(LATER)]);
    expect(phases.map(({ flag }) => [flag?.defaultRule?.variation, flag?.disable])).toEqual([
      ['b', undefined],
      ['b', true],
    ]);
  });

  it('steps of one instant apply in declaration order and make one state: the last wins', () => {
    const phases = schedulePhases(
      parse({
        defaultRule: { variation: 'a' },
        scheduledRollout: [
          { date: '2025-01-01T01:00:00+01:00', defaultRule: { variation: 'first' } },
          { date: DAY, defaultRule: { variation: 'second' } },
          { date: '2024-12-31T22:00:00-02:00', disable: false },
        ],
      }),
    );
    expect(phases).toHaveLength(1);
    expect(phases[0]?.flag).toMatchObject({ defaultRule: { variation: 'second' }, disable: false });
  });

  it('instants differ by nanoseconds', () => {
    const dates = ['2025-01-01T00:00:00.000000002Z', '2025-01-01T00:00:00.000000001Z'];
    const phases = schedulePhases(parse({ scheduledRollout: dates.map((date) => ({ date })) }));
    expect(phases.map(({ from }) => from.nanos)).toEqual([1, 2]);
  });

  it('a step without a date never applies', () => {
    expect(states({ defaultRule: { variation: 'a' } }, { date: null, disable: true })).toEqual([]);
  });

  it('neither an absent nor an empty schedule makes a state', () => {
    expect(schedulePhases(parse({}))).toEqual([]);
    expect(schedulePhases(parse({ scheduledRollout: [] }))).toEqual([]);
  });
});

describe('flag fields', () => {
  it('disable and defaultRule are overwritten when present', () => {
    const flag = { disable: true, defaultRule: { variation: 'a', query: 'x eq 1' } };
    expect(merged(flag, {})).toMatchObject(flag);
    expect(merged(flag, { disable: null })).toMatchObject({ disable: true });
    expect(merged(flag, { disable: false, defaultRule: { variation: 'b' } })).toMatchObject({
      disable: false,
      defaultRule: { variation: 'b', query: 'x eq 1' },
    });
  });

  it('metadata, bucketingKey, version and trackEvents stay as they were', () => {
    const flag = { metadata: { a: 1 }, bucketingKey: 'team', version: '1', trackEvents: true };
    const step = { metadata: { b: 2 }, bucketingKey: 'other', version: '2', trackEvents: false };
    expect(merged(flag, step)).toMatchObject(flag);
  });

  it('schedules inside steps are ignored', () => {
    const nested = { scheduledRollout: [{ date: '2020-01-01T00:00:00Z', disable: true }] };
    expect(merged({ disable: false }, nested)).toMatchObject({ disable: false });
  });

  it('variations are added or overwritten one by one', () => {
    expect(merged({ variations: { a: 1, b: 2 } }, { variations: { b: { c: 3 }, d: null } })['variations']).toEqual({
      a: 1,
      b: { c: 3 },
      d: null,
    });
  });

  it('variations are lost when the flag has none', () => {
    expect(merged({}, { variations: { a: 1 } })).not.toHaveProperty('variations');
  });

  it('a variation named __proto__ is a variation', () => {
    const json =
      '{"variations":{"a":1},"scheduledRollout":[{"date":"2025-01-01T00:00:00Z","variations":{"__proto__":2}}]}';
    const [phase] = schedulePhases(parse(JSON.parse(json) as object));
    expect(Object.keys(phase?.flag?.variations ?? {})).toEqual(['a', '__proto__']);
    expect(variationValue(phase?.flag as Flag, '__proto__')).toBe(2);
    expect(variationValue(phase?.flag as Flag, 'constructor')).toBeUndefined();
  });

  it('an experimentation is made when absent, and each end overwritten when present', () => {
    expect(merged({}, { experimentation: { end: DAY } })['experimentation']).toEqual({ end: DAY });
    const flag = { experimentation: { start: DAY, end: DAY } };
    expect(merged(flag, { experimentation: { end: LATER } })['experimentation']).toEqual({ start: DAY, end: LATER });
    expect(merged(flag, { experimentation: {} })['experimentation']).toEqual({ start: DAY, end: DAY });
    expect(merged({}, { experimentation: {} })).toHaveProperty('experimentation');
  });
});

describe('lists of rules', () => {
  it('stay as they are under a step without rules, and become an empty list when absent', () => {
    expect(rules([{ name: 'a', variation: 'x' }], [])).toEqual([{ name: 'a', variation: 'x' }]);
    expect(merged({}, {})['targeting']).toEqual([]);
  });

  it('merge a named update into the rule of that name, which keeps its name and place', () => {
    expect(
      rules(
        [
          { name: 'a', query: 'q', variation: 'x' },
          { name: 'b', variation: 'y' },
        ],
        [{ name: 'a', variation: 'z', disable: true }],
      ),
    ).toEqual([
      { name: 'a', query: 'q', variation: 'z', disable: true },
      { name: 'b', variation: 'y' },
    ]);
  });

  it('append a named update they do not know', () => {
    expect(rules([{ name: 'a', variation: 'x' }], [{ name: 'b', variation: 'y' }])).toEqual([
      { name: 'a', variation: 'x' },
      { name: 'b', variation: 'y' },
    ]);
  });

  it('append unnamed updates, also to unnamed rules', () => {
    expect(rules([{ variation: 'x' }], [{ variation: 'y' }, { variation: 'z' }])).toEqual([
      { variation: 'x' },
      { variation: 'y' },
      { variation: 'z' },
    ]);
  });

  it('merge an update named "" into every unnamed rule, and then append no unnamed update', () => {
    expect(
      rules(
        [{ variation: 'x' }, { name: '', query: 'q' }, { name: 'a' }],
        [{ name: '', variation: 'y' }, { variation: 'z' }],
      ),
    ).toEqual([{ variation: 'y' }, { name: '', query: 'q', variation: 'y' }, { name: 'a' }]);
  });

  it('append an update named "" where there is no unnamed rule', () => {
    expect(rules([{ name: 'a' }], [{ name: '', variation: 'y' }])).toEqual([
      { name: 'a' },
      { name: '', variation: 'y' },
    ]);
  });

  it('merge one update into every rule that shares its name', () => {
    expect(
      rules(
        [
          { name: 'a', query: '1' },
          { name: 'a', query: '2' },
        ],
        [{ name: 'a', variation: 'y' }],
      ),
    ).toEqual([
      { name: 'a', query: '1', variation: 'y' },
      { name: 'a', query: '2', variation: 'y' },
    ]);
  });

  it('take the last of several updates of one name, and append none of them', () => {
    expect(
      rules(
        [{ name: 'a' }],
        [
          { name: 'a', query: '1', variation: 'lost' },
          { name: 'a', variation: 'kept' },
        ],
      ),
    ).toEqual([{ name: 'a', variation: 'kept' }]);
  });

  it('append all of several updates of one name when no rule has it', () => {
    expect(
      rules(
        [],
        [
          { name: 'a', variation: '1' },
          { name: 'a', variation: '2' },
        ],
      ),
    ).toEqual([
      { name: 'a', variation: '1' },
      { name: 'a', variation: '2' },
    ]);
  });

  it('take an appended rule as it is, negative percentages included', () => {
    expect(rules([], [{ name: 'a', percentage: { x: -1, y: 2 } }])).toEqual([
      { name: 'a', percentage: { x: -1, y: 2 } },
    ]);
  });

  it('merge into a rule that an earlier step appended', () => {
    const [, second] = states(
      {},
      { targeting: [{ name: 'a', variation: 'x' }] },
      { targeting: [{ name: 'a', query: 'q' }] },
    );
    expect(second).toMatchObject({ targeting: [{ name: 'a', query: 'q', variation: 'x' }] });
  });

  it('do not change the flag they started from', () => {
    const flag = parse({
      targeting: [{ name: 'a', percentage: { x: 50, y: 50 } }],
      scheduledRollout: [{ date: DAY, targeting: [{ name: 'a', percentage: { x: -1 } }] }],
    });
    const before = flagJson(flag);
    expect(schedulePhases(flag)).toEqual(schedulePhases(flag));
    expect(flagJson(flag)).toEqual(before);
  });
});

describe('one rule', () => {
  const rule = (flag: object, step: object) => merged({ defaultRule: flag }, { defaultRule: step })['defaultRule'];

  it('sets and adds percentages, and a negative one deletes', () => {
    expect(rule({ percentage: { a: 50, b: 50 } }, { percentage: { a: 20, c: 30, b: -0.001 } })).toEqual({
      percentage: { a: 20, c: 30 },
    });
    expect(rule({ percentage: { a: 50 } }, { percentage: { b: 0, unknown: -1 } })).toEqual({
      percentage: { a: 50, b: 0 },
    });
  });

  it('makes an absent percentage present but empty', () => {
    expect(rule({ variation: 'a' }, { percentage: {} })).toEqual({ variation: 'a', percentage: {} });
  });

  it('loses nothing: a percentage still stands beside a new variation', () => {
    expect(rule({ percentage: { a: 100 } }, { variation: 'b' })).toEqual({ percentage: { a: 100 }, variation: 'b' });
  });

  it('overwrites each member of both ends of a progressive rollout', () => {
    const progressiveRollout = {
      initial: { variation: 'a', percentage: 0, date: DAY },
      end: { variation: 'b', date: LATER },
    };
    expect(
      rule(
        { progressiveRollout },
        { progressiveRollout: { initial: { percentage: 7 }, end: { variation: 'c', date: DAY } } },
      ),
    ).toEqual({
      progressiveRollout: { initial: { variation: 'a', percentage: 7, date: DAY }, end: { variation: 'c', date: DAY } },
    });
  });

  it('gets a progressive rollout with both ends when it had none', () => {
    expect(rule({ variation: 'x' }, { progressiveRollout: { end: { variation: 'b' } } })).toEqual({
      variation: 'x',
      progressiveRollout: { initial: {}, end: { variation: 'b' } },
    });
    expect(rule({}, { progressiveRollout: {} })).toEqual({ progressiveRollout: { initial: {}, end: {} } });
  });

  it('keeps its name', () => {
    expect(rule({ name: 'a' }, { name: 'b', variation: 'x' })).toEqual({ name: 'a', variation: 'x' });
  });
});

describe('a nil pointer', () => {
  it.each([{ variation: 'a' }, { query: '' }, { disable: false }, { percentage: {} }, { progressiveRollout: {} }])(
    'panics when a default rule is missing and the step writes %j',
    (defaultRule) => {
      expect(panics({}, { defaultRule })).toBe(true);
    },
  );

  it('merges into nothing, without a panic, when the step’s default rule has no field to write', () => {
    expect(merged({ disable: true }, { defaultRule: {} })).toEqual({ disable: true, targeting: [] });
    expect(merged({}, { defaultRule: { name: 'only a name' } })).not.toHaveProperty('defaultRule');
    expect(panics({}, { defaultRule: { variation: null, percentage: null } })).toBe(false);
  });

  it.each([{ variation: '' }, { percentage: 0 }, { date: DAY }])(
    'panics when one end of a rollout is missing and the step writes %j there',
    (edge) => {
      const flag = { defaultRule: { progressiveRollout: { initial: { variation: 'a' } } } };
      expect(panics(flag, { defaultRule: { progressiveRollout: { end: edge } } })).toBe(true);
      expect(panics(flag, { defaultRule: { progressiveRollout: { initial: edge } } })).toBe(false);
    },
  );

  it('merges an end without a field into a missing end, without a panic', () => {
    const flag = { defaultRule: { progressiveRollout: { initial: { variation: 'a' } } } };
    expect(merged(flag, { defaultRule: { progressiveRollout: { end: {} } } })).toMatchObject(flag);
  });

  it('lasts: every later state panics as well, and earlier ones do not', () => {
    const good = { disable: true };
    expect(states({}, good, { defaultRule: { variation: 'a' } }, good).map((state) => state === 'panic')).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('is not met by targeting rules that are appended', () => {
    expect(panics({}, { targeting: [{ name: 'a', progressiveRollout: { end: { variation: 'b' } } }] })).toBe(false);
  });
});

describe('copyFails', () => {
  const bad = '2025-01-01T00:00:00+24:00';
  const rollout = (date: string) => ({ progressiveRollout: { end: { date } } });

  it.each([
    ['a window', { experimentation: { start: bad } }],
    ['the end of a window', { experimentation: { end: '2025-01-01T00:00:00-23:60' } }],
    ['the default rule', { defaultRule: rollout(bad) }],
    ['a targeting rule', { targeting: [{}, { progressiveRollout: { initial: { date: bad } } }] }],
    ['a step', { scheduledRollout: [{}, { date: bad }] }],
    ['a rule of a step', { scheduledRollout: [{ targeting: [rollout(bad)] }] }],
    ['a window of a step', { scheduledRollout: [{ experimentation: { end: bad } }] }],
    ['a step inside a step', { scheduledRollout: [{ scheduledRollout: [{ date: bad }] }] }],
  ])('is true for an offset of 24 hours in %s', (_, flag) => {
    expect(copyFails(parse(flag))).toBe(true);
  });

  it('is false for offsets up to 23:59', () => {
    const fine = '2025-01-01T00:00:00+23:59';
    expect(copyFails(parse({ experimentation: { start: fine }, defaultRule: rollout(fine) }))).toBe(false);
    expect(copyFails(parse({}))).toBe(false);
  });
});
