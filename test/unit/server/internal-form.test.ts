import { describe, expect, it } from 'vitest';
import { parseFlag } from '../../../src/flags/parse-flag.ts';
import { canonicalJson } from '../../../src/internal/canonical-json.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import { internalForm } from '../../../src/server/internal-form.ts';

function formOf(flag: JsonValue): unknown {
  const parsed = parseFlag(flag);
  if ('error' in parsed) throw new Error(parsed.error.details);
  return JSON.parse(canonicalJson(internalForm(parsed.flag)));
}

describe('internalForm', () => {
  it('keeps every member of the format, at every depth', () => {
    const flag: JsonValue = {
      variations: { on: { deep: [1, null] }, off: null },
      targeting: [
        { name: 'staff', query: 'a eq 1', percentage: { on: 90.5, off: 9.5 }, disable: true },
        {
          query: 'b pr',
          progressiveRollout: {
            initial: { variation: 'off', percentage: 0, date: '2026-01-01T00:00:00Z' },
            end: { variation: 'on', percentage: 100, date: '2026-02-01T00:00:00+02:00' },
          },
        },
      ],
      bucketingKey: 'teamId',
      defaultRule: { name: 'rest', variation: 'off' },
      experimentation: { start: '2026-01-01T00:00:00Z', end: '2026-02-01T00:00:00Z' },
      scheduledRollout: [
        { date: '2026-03-01T00:00:00Z', disable: false, metadata: { x: 1 }, scheduledRollout: [{ version: '2' }] },
      ],
      trackEvents: false,
      disable: false,
      version: '7',
      metadata: { owner: 'payments', nested: { a: [true] } },
    };
    expect(formOf(flag)).toEqual(flag);
  });

  it('drops members the format does not know, and the converter', () => {
    const rule = { variation: 'on', color: 'red' };
    const flag = { variations: { on: true }, defaultRule: rule, converter: 'v1', owner: 'me', targeting: [rule] };
    expect(formOf(flag)).toEqual({
      variations: { on: true },
      defaultRule: { variation: 'on' },
      targeting: [{ variation: 'on' }],
    });
  });

  it('tells unset from empty', () => {
    expect(formOf({ variations: null, targeting: null, metadata: null, version: null, disable: null })).toEqual({});
    const empty = { variations: {}, targeting: [], bucketingKey: '', experimentation: {}, metadata: {}, version: '' };
    expect(formOf(empty)).toEqual(empty);
    expect(formOf({ defaultRule: { percentage: {}, progressiveRollout: {} } })).toEqual({
      defaultRule: { percentage: {}, progressiveRollout: {} },
    });
  });

  it('writes null rules and steps as empty ones, and a null share as 0', () => {
    expect(formOf({ targeting: [null], scheduledRollout: [null], defaultRule: { percentage: { a: null } } })).toEqual({
      targeting: [{}],
      scheduledRollout: [{}],
      defaultRule: { percentage: { a: 0 } },
    });
  });

  it.each([
    ['2026-03-01T07:00:00.120000Z', '2026-03-01T07:00:00.12Z'],
    ['2026-03-01T07:00:00.000Z', '2026-03-01T07:00:00Z'],
    ['2026-03-01T7:00:00,5+00:00', '2026-03-01T07:00:00.5Z'],
    ['2026-03-01T07:00:00.1234567891-03:30', '2026-03-01T07:00:00.123456789-03:30'],
    ['0000-01-01T00:00:00+02:00', '0000-01-01T00:00:00+02:00'],
    ['2026-03-01T07:00:00+24:00', '2026-03-01T07:00:00+24:00'],
  ])('reprints the date %s as %s', (written, printed) => {
    expect(formOf({ experimentation: { start: written } })).toEqual({ experimentation: { start: printed } });
  });

  it('keeps variations and shares whose names are those of Object.prototype', () => {
    const flag: JsonValue = JSON.parse(
      '{"variations":{"__proto__":1,"constructor":2},"defaultRule":{"percentage":{"__proto__":50,"constructor":50}}}',
    );
    const parsed = parseFlag(flag);
    expect('flag' in parsed && canonicalJson(internalForm(parsed.flag))).toBe(
      '{"defaultRule":{"percentage":{"__proto__":50,"constructor":50}},"variations":{"__proto__":1,"constructor":2}}',
    );
  });
});
