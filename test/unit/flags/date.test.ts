import { describe, expect, it } from 'vitest';
import { compareInstants, formatDate, marshalFails, parseDate } from '../../../src/flags/date.ts';
import type { Instant } from '../../../src/flags/model.ts';
import { vectors } from './vectors.ts';

interface DateVector {
  text: string;
  error?: string;
  seconds?: number;
  nanos?: number;
  written?: string;
  marshalFails?: boolean;
}

function instant(text: string): Instant {
  const parsed = parseDate(text);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed;
}

function errorOf(text: string): string | undefined {
  const parsed = parseDate(text);
  return 'error' in parsed ? parsed.error : undefined;
}

describe('parseDate', () => {
  it('accepts, refuses and words its refusals like Go, for every recorded text', () => {
    const recorded = vectors<DateVector>('dates.json');
    expect(recorded.length).toBeGreaterThan(400);
    const answers = recorded.map(({ text }): DateVector => {
      const parsed = parseDate(text);
      if ('error' in parsed) return { text, error: parsed.error };
      const { seconds, nanos } = parsed;
      const failing = marshalFails(parsed) ? { marshalFails: true } : {};
      return { text, seconds, nanos, written: formatDate(parsed), ...failing };
    });
    expect(answers).toEqual(recorded);
  });

  it('keeps the offset and the year a date was written in', () => {
    expect(instant('2025-01-01T00:30:00+02:00')).toEqual({
      seconds: Date.UTC(2024, 11, 31, 22, 30) / 1000,
      nanos: 0,
      offsetMinutes: 120,
      year: 2025,
    });
    expect(instant('2025-01-01T00:00:00-00:00').offsetMinutes).toBe(0);
  });

  it('floors instants before 1970 and keeps their nanoseconds positive', () => {
    expect(instant('1969-12-31T23:59:59.25Z')).toMatchObject({ seconds: -1, nanos: 250_000_000 });
  });

  it('takes an hour of one digit, a comma before the fraction, and drops digits after the ninth', () => {
    expect(instant('2024-01-01T7:00:00Z').seconds).toBe(Date.UTC(2024, 0, 1, 7) / 1000);
    expect(instant('2024-01-01T07:00:00,1234567899Z').nanos).toBe(123_456_789);
  });

  it('takes offsets up to 24:60 and says which part is out of range beyond', () => {
    expect(instant('2024-01-01T00:00:00+24:60').offsetMinutes).toBe(1500);
    expect(errorOf('2024-01-01T00:00:00+25:00')).toBe(
      'parsing time "2024-01-01T00:00:00+25:00": time zone offset hour out of range',
    );
    expect(errorOf('2024-01-01T00:00:00+25:61')).toBe(
      'parsing time "2024-01-01T00:00:00+25:61": time zone offset minute out of range',
    );
  });

  it('knows the leap days', () => {
    expect(errorOf('2000-02-29T00:00:00Z')).toBeUndefined();
    expect(errorOf('0000-02-29T00:00:00Z')).toBeUndefined();
    expect(errorOf('1900-02-29T00:00:00Z')).toBe('parsing time "1900-02-29T00:00:00Z": day out of range');
  });

  it('quotes bytes, and puts back the escapes that JSON needs', () => {
    expect(errorOf('2024é')).toBe(
      'parsing time "2024\\xc3\\xa9" as "2006-01-02T15:04:05Z07:00": cannot parse "\\xc3\\xa9" as "-"',
    );
    expect(errorOf('"')).toBe(
      'parsing time "\\\\\\"" as "2006-01-02T15:04:05Z07:00": cannot parse "\\\\\\"" as "2006"',
    );
  });
});

describe('formatDate', () => {
  it.each([
    '0000-01-01T00:00:00Z',
    '1969-12-31T23:59:59.000000001-23:59',
    '2000-02-29T12:00:00.5+05:30',
    '9999-12-31T23:59:59.999999999Z',
  ])('writes %s as it was read', (text) => {
    expect(formatDate(instant(text))).toBe(text);
  });

  it('agrees with the platform about days of all four centuries of a cycle', () => {
    for (let day = 0; day < 146_097; day += 5) {
      const text = `${new Date(Date.UTC(1850, 0, 1 + day)).toISOString().slice(0, 10)}T00:00:00Z`;
      const parsed = instant(text);
      if (parsed.seconds !== Date.parse(text) / 1000 || formatDate(parsed) !== text) throw new Error(text);
    }
  });
});

describe('compareInstants', () => {
  it('orders by the instant, to the nanosecond, whatever the offset', () => {
    const early = instant('2024-01-01T01:00:00.000000001+01:00');
    expect(compareInstants(early, instant('2024-01-01T00:00:00Z'))).toBeGreaterThan(0);
    expect(compareInstants(early, instant('2024-01-01T00:00:00.000000001Z'))).toBe(0);
    expect(compareInstants(early, instant('2024-01-01T00:00:01Z'))).toBeLessThan(0);
  });
});

describe('marshalFails', () => {
  it('is true from an offset of 24 hours on', () => {
    expect(marshalFails(instant('2024-01-01T00:00:00+23:59'))).toBe(false);
    expect(marshalFails(instant('2024-01-01T00:00:00+23:60'))).toBe(true);
    expect(marshalFails(instant('2024-01-01T00:00:00-24:00'))).toBe(true);
  });
});
