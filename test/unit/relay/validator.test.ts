import { describe, expect, it } from 'vitest';

import { hasRelayForm, storableValidator } from '../../../src/relay/validator.ts';

describe('validators', () => {
  it.each(['"abc"', 'W/"abc"', 'not-quoted', '"with space"', `"${'x'.repeat(4_094)}"`])(
    'keeps %s byte for byte (S-16)',
    (etag) => {
      expect(storableValidator(etag)).toBe(etag);
    },
  );

  it.each([undefined, '', ' ', ' "a"', '"a" ', `"${'x'.repeat(4_095)}"`, '"é"', '"a\r\nx: y"', '"\u0000"'])(
    'does not keep %j',
    (etag) => {
      expect(storableValidator(etag)).toBeUndefined();
    },
  );

  it('knows the form of the relay, weakened or not', () => {
    const tag = '"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"';
    expect(hasRelayForm(tag)).toBe(true);
    expect(hasRelayForm(`W/${tag}`)).toBe(true);
    for (const other of [undefined, '"abc"', tag.toUpperCase(), tag.slice(1), `${tag}x`]) {
      expect(hasRelayForm(other)).toBe(false);
    }
  });
});
