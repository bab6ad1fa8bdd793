import { describe, expect, it } from 'vitest';
import type { Flag } from '../../../src/flags/model.ts';
import { parseFlag } from '../../../src/flags/parse-flag.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import { flagJson } from './flag-json.ts';
import { vectors } from './vectors.ts';

function parsed(raw: JsonValue | undefined): Flag {
  const result = parseFlag(raw);
  if ('error' in result) throw new Error(result.error.details);
  return result.flag;
}

function details(raw: JsonValue): string | undefined {
  const result = parseFlag(raw);
  return 'error' in result ? result.error.details : undefined;
}

describe('parseFlag', () => {
  it('reads every field', () => {
    const raw: JsonValue = {
      variations: { on: true, off: null },
      targeting: [
        { name: 'r', query: 'x eq 1', variation: 'on', disable: true },
        { percentage: { on: 20.5, off: 79.5 } },
      ],
      bucketingKey: 'company.id',
      defaultRule: {
        progressiveRollout: {
          initial: { variation: 'off', percentage: 0, date: '2024-01-01T00:00:00Z' },
          end: { variation: 'on', percentage: 100, date: '2024-02-01T00:00:00.5+02:00' },
        },
      },
      experimentation: { start: '2024-01-01T00:00:00Z', end: '2024-06-01T00:00:00Z' },
      scheduledRollout: [{ date: '2024-03-01T00:00:00Z', disable: true, scheduledRollout: [{ version: '2' }] }],
      trackEvents: false,
      disable: false,
      version: '1',
      metadata: { owner: { team: 'shop' } },
    };
    expect(flagJson(parsed(raw))).toEqual(raw);
  });

  it('tells absent from present: null is absent, empty values are present', () => {
    const absent = parsed({ variations: null, targeting: null, disable: null, version: null, defaultRule: null });
    expect(flagJson(absent)).toEqual({});
    const empty = {
      variations: {},
      targeting: [],
      disable: false,
      version: '',
      defaultRule: { percentage: {} },
      metadata: {},
    };
    expect(flagJson(parsed(empty))).toEqual(empty);
    expect(flagJson(parsed(undefined))).toEqual({});
    expect(flagJson(parsed(null))).toEqual({});
  });

  it('takes null in a list for an empty element and a null percentage for 0', () => {
    expect(flagJson(parsed({ targeting: [null], scheduledRollout: [null] }))).toEqual({
      targeting: [{}],
      scheduledRollout: [{}],
    });
    expect(parsed({ defaultRule: { percentage: { on: null } } }).defaultRule?.percentage).toEqual(new Map([['on', 0]]));
  });

  it('ignores unknown members, and a date outside of a step (GOFF-IP-017)', () => {
    expect(flagJson(parsed({ converter: 5, date: 'never', unknown: [{}], version: '1' }))).toEqual({ version: '1' });
  });

  it('matches member names in any case, merging what two spellings say', () => {
    expect(flagJson(parsed({ DEFAULTRULE: { Variation: 'on' }, di\u017fable: true }))).toEqual({
      defaultRule: { variation: 'on' },
      disable: true,
    });
    expect(
      flagJson(
        parsed({
          defaultRule: { variation: 'on', percentage: { on: 1 } },
          DefaultRule: { query: 'q', percentage: { off: 2 } },
          targeting: [{ name: 'a' }, { name: 'b' }],
          TARGETING: [{ query: 'q' }],
          version: '1',
          VERSION: null,
        }),
      ),
    ).toEqual({
      defaultRule: { variation: 'on', percentage: { on: 1, off: 2 }, query: 'q' },
      targeting: [{ name: 'a', query: 'q' }],
    });
  });

  it('takes __proto__ and constructor for ordinary names', () => {
    const flag = parsed(
      JSON.parse(
        '{"variations":{"__proto__":1,"constructor":2},"metadata":{"__proto__":{"x":1}},' +
          '"defaultRule":{"name":"__proto__","percentage":{"__proto__":60,"constructor":40}},"__proto__":{"disable":true}}',
      ) as JsonValue,
    );
    expect(Object.keys(flag.variations ?? {})).toEqual(['__proto__', 'constructor']);
    expect(Object.keys(flag.metadata ?? {})).toEqual(['__proto__']);
    expect([...(flag.defaultRule?.percentage ?? [])]).toEqual([
      ['__proto__', 60],
      ['constructor', 40],
    ]);
    expect(flag.disable).toBeUndefined();
  });

  it('gives all flags and rules one shape, whatever members they have', () => {
    const members = Object.keys(parsed({}));
    expect(Object.keys(parsed({ version: '1', variations: {} }))).toEqual(members);
    const rules = parsed({ targeting: [{ query: 'q' }, { percentage: {}, name: 'n' }, null] }).targeting ?? [];
    expect(new Set(rules.map((rule) => Object.keys(rule).join())).size).toBe(1);
  });
});

describe('parse errors', () => {
  it("are in Go's words, for every recorded flag", () => {
    const recorded = vectors<{ flag: JsonValue; details: string }>('decode-errors.json');
    expect(recorded.length).toBeGreaterThan(200);
    expect(recorded.map(({ flag }) => ({ flag, details: details(flag) }))).toEqual(recorded);
  });

  it('name the first type problem in document order', () => {
    expect(details({ version: 2, disable: 1 })).toBe(
      'json: cannot unmarshal number into Go struct field InternalFlag.flag.version of type string',
    );
  });

  it('let a date that cannot be read win over type problems before it', () => {
    expect(details({ disable: 1, experimentation: { start: 7 } })).toBe(
      'Time.UnmarshalJSON: input is not a JSON string',
    );
  });

  it('name the place of a number that fits no double, however deep', () => {
    const flag = JSON.parse('{"variations":{"a":[{"b":1e400}]}}') as JsonValue;
    expect(details(flag)).toBe(
      'json: cannot unmarshal number Infinity into Go struct field InternalFlag.flag.variations of type float64',
    );
  });

  it('are values, also for nesting that would overflow the stack', () => {
    const steps = JSON.parse(`${'{"scheduledRollout":['.repeat(20_000)}${']}'.repeat(20_000)}`) as JsonValue;
    expect(details(steps)).toBe('exceeded max depth');
    const metadata = JSON.parse(`{"metadata":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`) as JsonValue;
    expect(details(metadata)).toBeUndefined();
  });
});
