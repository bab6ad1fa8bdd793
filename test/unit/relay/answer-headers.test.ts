import { describe, expect, it } from 'vitest';

import {
  contentCodings,
  headerText,
  isJsonMediaType,
  lastModified,
  shownHeader,
} from '../../../src/relay/answer-headers.ts';

describe('response headers', () => {
  it('gives the first value of a doubled header, and nothing for names of the prototype', () => {
    expect(headerText({ etag: ['"a"', '"b"'] }, 'etag')).toBe('"a"');
    expect(headerText({}, 'constructor')).toBeUndefined();
    expect(headerText({}, '__proto__')).toBeUndefined();
  });

  it('shows only short and printable texts', () => {
    expect(shownHeader({ 'x-request-id': 'abc-1' }, 'x-request-id')).toBe('abc-1');
    expect(shownHeader({ 'x-request-id': 'a'.repeat(129) }, 'x-request-id')).toBeUndefined();
    expect(shownHeader({ 'x-request-id': 'a\u001b[31m' }, 'x-request-id')).toBeUndefined();
    expect(shownHeader({}, 'x-request-id')).toBeUndefined();
  });

  it.each([
    'Thu, 01 Jan 2026 00:00:00 GMT',
    'Thu, 01 Jan 2026 00:00:00 UTC',
    'Thu, 01 Jul 2026 00:00:00 CEST',
    'Thu, 01 Jan 2026 00:00:00 -03',
  ])('shows Last-Modified in the local zone of a relay: %s (D-30)', (text) => {
    expect(lastModified({ 'last-modified': text })).toBe(text);
  });

  it.each([undefined, '', 'yesterday', '2026-01-01T00:00:00Z', 'x'.repeat(9_000)])(
    'leaves out an unreadable one: %j',
    (text) => {
      expect(lastModified({ 'last-modified': text })).toBeUndefined();
    },
  );

  it.each([
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['application/problem+json', true],
    ['text/html', false],
    ['text/plain; application/json', false],
    [undefined, false],
  ])('media type %j: %s', (type, isJson) => {
    expect(isJsonMediaType({ 'content-type': type })).toBe(isJson);
  });

  it.each([
    [undefined, []],
    ['', []],
    ['identity', []],
    ['GZIP', ['gzip']],
    ['gzip, br', ['gzip', 'br']],
    [
      ['gzip', 'identity', 'br'],
      ['gzip', 'br'],
    ],
  ])('content codings of %j', (value, codings) => {
    expect(contentCodings({ 'content-encoding': value as string | undefined })).toEqual(codings);
  });
});
