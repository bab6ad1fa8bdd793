import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Body, chooseEncoding, conditionalAnswer } from '../../../src/server/answer.ts';

describe('Body', () => {
  it('has the validator every relay gives the empty configuration', () => {
    const body = Body.json({});
    expect(body.bytes.toString()).toBe('{}\n');
    expect(body.validator).toBe('"3-5f36b2ea290645ee34d943220a14b54ee5ea5be5"');
  });

  it('counts bytes, not characters, in the validator', () => {
    expect(Body.json('€').validator).toMatch(/^"6-[0-9a-f]{40}"$/);
  });

  it('compresses once and to the same content', async () => {
    const body = Body.json('x'.repeat(5_000));
    expect(gunzipSync(await body.encoded('gzip'))).toEqual(body.bytes);
    expect(brotliDecompressSync(await body.encoded('br'))).toEqual(body.bytes);
    expect(body.encoded('gzip')).toBe(body.encoded('gzip'));
  });
});

describe('conditionalAnswer', () => {
  const body = Body.json({ a: 1 });

  it.each([body.validator, `W/${body.validator}`])('answers 304 with the strong validator to %s', (known) => {
    const answer = conditionalAnswer({ 'if-none-match': known }, body, { 'Last-Modified': 'then' });
    expect(answer).toEqual({ status: 304, headers: { ETag: body.validator, 'Last-Modified': 'then' } });
  });

  it.each([undefined, '*', `${body.validator}, "x"`, 'W/"x"', body.validator.slice(1, -1)])(
    'answers 200 to %s',
    (known) => {
      const answer = conditionalAnswer(known === undefined ? {} : { 'if-none-match': known }, body);
      expect(answer).toEqual({ status: 200, headers: { ETag: body.validator }, body });
    },
  );
});

describe('chooseEncoding', () => {
  const large = Body.json('x'.repeat(5_000));

  it.each([
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1.0, BR;q=0', 'gzip'],
    ['gzip', 'gzip'],
    ['deflate', undefined],
    ['gzip;q=0, br; q=0.000', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('answers Accept-Encoding "%s" with %s', (accepted, expected) => {
    expect(chooseEncoding(accepted, large)).toBe(expected);
  });

  it('leaves small bodies as they are', () => {
    expect(chooseEncoding('gzip, br', Body.json({}))).toBeUndefined();
  });
});
