import { describe, expect, it } from 'vitest';
import { SHOP, startTestRelay } from './test-relay.ts';

const PATH = '/v1/flag/change';

describe('GET /v1/flag/change', () => {
  it('gives 32-bit FNV-1a hashes of the set and of each flag’s JSON', async () => {
    const { get } = await startTestRelay({ a: { defaultRule: { variation: 'on' }, variations: { on: true } } });
    // Of {"defaultRule":{"variation":"on"},"variations":{"on":true}}, and of that inside {"a":…}.
    expect((await get(PATH)).text).toBe('{"flags":{"a":2850541597},"hash":1706442994}\n');
  });

  it('is conditional', async () => {
    const { get } = await startTestRelay(SHOP);
    const first = await get(PATH);
    expect(first.headers.etag).toMatch(/^"\d+-[0-9a-f]{40}"$/);
    const again = await get(PATH, { 'if-none-match': String(first.headers.etag) });
    expect(again.status).toBe(304);
    expect(again.bytes.length).toBe(0);
    expect(again.headers.etag).toBe(first.headers.etag);
  });

  it('does not depend on the enrichment', async () => {
    const plain = await (await startTestRelay(SHOP)).get(PATH);
    const enriched = await (await startTestRelay(SHOP, { evaluationContextEnrichment: { env: 'x' } })).get(PATH);
    expect(enriched.text).toBe(plain.text);
  });

  it('changes one flag’s hash and the whole when that flag changes', async () => {
    const { get, relay, write } = await startTestRelay(SHOP);
    const before = (await get(PATH)).json() as { hash: number; flags: Record<string, number> };
    await write(JSON.stringify({ ...SHOP, banner: { variations: { a: 'x' }, defaultRule: { variation: 'a' } } }));
    await relay.reload();
    const after = (await get(PATH)).json() as typeof before;
    expect(after.hash).not.toBe(before.hash);
    expect(after.flags.banner).not.toBe(before.flags.banner);
    expect({ ...after.flags, banner: 0 }).toEqual({ ...before.flags, banner: 0 });
  });

  it('is {} of flags for an empty set', async () => {
    const { get } = await startTestRelay({});
    expect((await get(PATH)).json()).toEqual({ flags: {}, hash: 1415952421 });
  });
});
