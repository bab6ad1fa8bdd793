import { describe, expect, it } from 'vitest';
import type { TestRelay } from '../test-relay.ts';
import { SHOP, startTestRelay, until } from '../test-relay.ts';
import { CONFIGURATION, raw, STREAM, unchunked } from './raw-client.ts';

const CHANGED = 'checkout: { variations: { a: 1 }, defaultRule: { variation: a } }';

const start = (heartbeatMs = 20): Promise<TestRelay> => startTestRelay(SHOP, { faults: true, heartbeatMs });

describe('streams', () => {
  it('sse-silent opens, and then neither heartbeat nor change comes; closing the relay ends it', async () => {
    const { relay, write } = await start(10);
    relay.faults.set('stream', 'sse-silent', { times: 1 });
    const silent = raw(relay.port, STREAM);
    await until(() => silent.text.includes('text/event-stream'));
    const loud = raw(relay.port, STREAM);
    await until(() => loud.text.includes('heartbeat'));
    await write(CHANGED);
    await until(() => loud.text.includes('data: '));
    expect(silent.body).toHaveLength(0);
    expect(silent.ended).toBe('open');
    await relay.close();
    await silent.end();
  });

  it('sse-eof opens and ends in good order', async () => {
    const { relay } = await start();
    relay.faults.set('stream', 'sse-eof');
    const client = raw(relay.port, STREAM);
    expect(await client.end()).toBe('closed');
    expect(client.text).toMatch(/^HTTP\/1\.1 200 /);
    expect(unchunked(client.body)).toBe('');
  });

  it('sse-foreign begins with a flag nobody here has, and goes on as a stream', async () => {
    const { relay, write } = await start(10_000);
    relay.faults.set('stream', 'sse-foreign');
    const client = raw(relay.port, STREAM);
    await until(() => client.body.length > 0);
    expect(unchunked(client.body)).toBe(
      'id:\ndata: {"deleted":{},"added":{},"updated":{"flag-of-another-tenant":{"old_value":{},"new_value":{}}}}\n\n',
    );
    await write(CHANGED);
    await until(() => unchunked(client.body).includes('"checkout"'));
  });

  it('sse-burst begins with a thousand changes, and goes on as a stream', async () => {
    const { relay } = await start();
    relay.faults.set('stream', 'sse-burst');
    const client = raw(relay.port, STREAM);
    await until(() => client.text.includes('heartbeat'));
    expect(unchunked(client.body).match(/^data: /gm)).toHaveLength(1_000);
  });

  it('sse-split-utf8 cuts a character in two pieces, and goes on as a stream', async () => {
    const { relay } = await start();
    relay.faults.set('stream', 'sse-split-utf8');
    const client = raw(relay.port, STREAM);
    await until(() => client.text.includes('heartbeat'));
    expect(unchunked(client.body)).toContain('"flag-😀"');
    // The half of a character that ends the first piece.
    expect(client.chunks.some((chunk) => chunk.includes(Buffer.from([0xf0, 0x9f, 0x0d, 0x0a])))).toBe(true);
  });

  it('refuse as they do without a fault', async () => {
    const { relay } = await startTestRelay(SHOP, { faults: true, apiKeys: ['k'] });
    relay.faults.set('stream', 'sse-silent');
    const client = raw(relay.port, STREAM);
    await client.end();
    expect(client.text).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('stall before the headers like any other route', async () => {
    const { relay } = await start();
    relay.faults.set('stream', 'stall-headers');
    const client = raw(relay.port, STREAM);
    await until(() => relay.faults.seen('stream').length === 1);
    expect((await raw(relay.port, CONFIGURATION).end()) && client.chunks).toEqual([]);
    await relay.close();
    expect(await client.end()).not.toBe('open');
  });
});
