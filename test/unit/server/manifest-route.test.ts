import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../src/internal/json.ts';
import { startTestRelay } from './test-relay.ts';

const PATH = '/openfeature/v0/manifest';

/** A flag with these variations and this metadata. */
function flag(values: JsonValue[], metadata?: JsonValue): JsonValue {
  const variations = Object.fromEntries(values.map((value, at) => [`v${at}`, value]));
  return { variations, defaultRule: { variation: 'v0' }, ...(metadata === undefined ? {} : { metadata }) };
}

describe('GET /openfeature/v0/manifest', () => {
  it('lists the flags that have a default value, sorted, with type and description', async () => {
    const { get } = await startTestRelay({
      z: flag([true, false], { defaultValue: false, description: 'a switch', owner: 'shop' }),
      text: flag(['a'], { defaultValue: 'x' }),
      whole: flag([1, 2], { defaultValue: 0, description: 7 }),
      fraction: flag([1, 2.5], { defaultValue: 0.5 }),
      object: flag([{ a: [1] }], { defaultValue: {} }),
      nothing: flag([true], { owner: 'shop' }),
      bare: flag([true]),
    });
    const { status, headers, text } = await get(PATH);
    expect(status).toBe(200);
    expect(headers['x-manifest-capabilities']).toBe('read');
    expect(headers.etag).toBeUndefined();
    expect(text).toBe(
      '{"flags":[' +
        '{"defaultValue":0.5,"description":"","key":"fraction","type":"float"},' +
        '{"defaultValue":{},"description":"","key":"object","type":"object"},' +
        '{"defaultValue":"x","description":"","key":"text","type":"string"},' +
        '{"defaultValue":0,"description":"","key":"whole","type":"integer"},' +
        '{"defaultValue":false,"description":"a switch","key":"z","type":"boolean"}]}\n',
    );
  });

  it.each([[[true, 'x']], [[[1]]], [[1, 'x']]])(
    'leaves out a flag whose variations %o have no type',
    async (values) => {
      const { get } = await startTestRelay({ odd: flag(values, { defaultValue: 1 }) });
      expect((await get(PATH)).text).toBe('{"flags":[]}\n');
    },
  );

  it('keeps null as a default value', async () => {
    const { get } = await startTestRelay({ a: flag([true], { defaultValue: null }) });
    expect((await get(PATH)).json()).toMatchObject({ flags: [{ key: 'a', defaultValue: null }] });
  });

  it('asks for a key, gives the flag set of the key, and is counted', async () => {
    const { get } = await startTestRelay(undefined, {
      flagFiles: undefined as never,
      flagSets: ['one', 'two'].map((name) => ({
        name,
        apiKeys: [`key-${name}`],
        flags: { [name]: flag([true], { defaultValue: true }) },
      })),
    });
    expect((await get(PATH)).status).toBe(401);
    expect((await get(PATH, { 'x-api-key': 'key-two' })).json()).toMatchObject({ flags: [{ key: 'two' }] });
    expect((await get('/metrics')).text).toContain('gofeatureflag_get_manifest_total 1\n');
  });
});
