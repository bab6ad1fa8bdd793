import { describe, expect, it } from 'vitest';

import { parseRetryAfter } from '../../../src/relay/retry-after.ts';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 7);
const MAX = 600_000;

describe('Retry-After (D-29)', () => {
  it.each([
    ['seconds', '30', 30_000],
    ['seconds with space around', ' 30 ', 30_000],
    ['an IMF date', 'Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['an RFC 850 date', 'Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['an asctime date', 'Sun Nov  6 08:49:37 1994', 30_000],
  ])('reads %s', (_, text, waitMs) => {
    expect(parseRetryAfter(text, NOW, MAX)).toBe(waitMs);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['zero', '0'],
    ['a negative number', '-5'],
    ['a fraction', '1.5'],
    ['a past date', 'Sun, 06 Nov 1994 08:49:07 GMT'],
    ['another language', 'dans une minute'],
    ['a date JavaScript would read', '2094-11-06'],
    ['a month', 'May'],
    ['an impossible date', 'Sun, 99 Nov 2094 08:49:37 GMT'],
  ])('ignores %s', (_, text) => {
    expect(parseRetryAfter(text, NOW, MAX)).toBeUndefined();
  });

  it.each(['999999', '9'.repeat(400), 'Sat, 06 Nov 2094 08:49:37 GMT'])('clamps %s', (text) => {
    expect(parseRetryAfter(text, NOW, MAX)).toBe(MAX);
  });
});
