import { describe, expect, it } from 'vitest';
import { lastModified } from '../../../src/server/last-modified.ts';

const SUMMER = new Date('2026-07-05T23:04:09.999Z');
const WINTER = new Date('2026-01-05T00:00:00Z');

describe('lastModified', () => {
  it.each([
    ['UTC', SUMMER, 'Sun, 05 Jul 2026 23:04:09 UTC'],
    ['Europe/Berlin', SUMMER, 'Mon, 06 Jul 2026 01:04:09 CEST'],
    ['Europe/Berlin', WINTER, 'Mon, 05 Jan 2026 01:00:00 CET'],
    ['America/New_York', WINTER, 'Sun, 04 Jan 2026 19:00:00 EST'],
    ['America/Sao_Paulo', WINTER, 'Sun, 04 Jan 2026 21:00:00 -03'],
    ['Asia/Kolkata', WINTER, 'Mon, 05 Jan 2026 05:30:00 IST'],
    ['Asia/Kathmandu', WINTER, 'Mon, 05 Jan 2026 05:45:00 +0545'],
  ])('shows the clock and the name of %s', (timeZone, date, expected) => {
    expect(lastModified(date, timeZone)).toBe(expected);
  });

  it('throws for a zone nobody knows', () => {
    expect(() => lastModified(SUMMER, 'Mars/Olympus')).toThrow(RangeError);
  });
});
