import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { ConfigurationClient } from '../../../src/relay/configuration-client.ts';
import { RelayConnection } from '../../../src/relay/connection.ts';
import { VERSION } from '../../../src/relay/user-agent.ts';
import { FakeClock } from './support/fake-clock.ts';
import { RecordingLogger } from './support/recording-logger.ts';
import type { Handler } from './support/scripted-relay.ts';
import { CONFIGURATION, inTurn, json, reply, ScriptedRelay } from './support/scripted-relay.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function scripted(
  handler: Handler,
  options: EdictOptions = {},
): Promise<{ relay: ScriptedRelay; client: ConfigurationClient; connection: RelayConnection }> {
  const relay = await ScriptedRelay.start(handler);
  const resolved = resolveOptions({ ...options, endpoint: `${relay.url}/base//` });
  const connection = new RelayConnection({ ...resolved, endpoint: resolved.endpoint ?? [] });
  const client = new ConfigurationClient(connection, resolved);
  open.push(connection, relay);
  return { relay, client, connection };
}

describe('the request', () => {
  it('asks for all flags at the configuration route, under the path prefix (D-31, GOFF-IP-001, GOFF-IP-002, GOFF-IP-003)', async () => {
    const { relay, client } = await scripted(json(CONFIGURATION));
    await client.fetch(undefined);
    expect(relay.requests[0]).toMatchObject({
      method: 'POST',
      path: '/base/v1/flag/configuration',
      body: '{"flags":[]}',
    });
    expect(relay.requests[0]?.headers).not.toHaveProperty('if-none-match');
    expect(relay.requests[0]?.headers['content-length']).toBe('12');
  });

  it('asks for the flags of flagList, and sends flagPrefix only when it is set (GOFF-CFG-008, GOFF-IP-002)', async () => {
    const { relay, client } = await scripted(json(CONFIGURATION), {
      flagList: ['a', '__proto__'],
      flagPrefix: 'shop.',
    });
    await client.fetch(undefined);
    expect(relay.requests[0]?.body).toBe('{"flags":["a","__proto__"],"flagPrefix":"shop."}');
  });

  it('echoes a validator byte for byte (D-22, GOFF-IP-005)', async () => {
    const { relay, client } = await scripted(reply(304, ''));
    await client.fetch('W/"3-abc, *"');
    expect(relay.requests[0]?.headers['if-none-match']).toBe('W/"3-abc, *"');
  });

  it('names the version of the package', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(VERSION).toBe(manifest.version);
  });
});

describe('the answer', () => {
  it('200: the bytes as they came, with everything known about them (D-36, GOFF-IP-016)', async () => {
    const { client } = await scripted(
      json(CONFIGURATION, { etag: 'W/"x"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 CEST' }),
    );
    const result = await client.fetch(undefined);
    expect(result).toMatchObject({
      kind: 'changed',
      validator: 'W/"x"',
      lastModified: 'Thu, 01 Jan 2026 00:00:00 CEST',
      relayVersion: '1.55.0',
      jsonMediaType: true,
    });
    expect(result.kind === 'changed' && Buffer.from(result.body).toString()).toBe(CONFIGURATION);
  });

  it('200 with HTML is not judged here: the media type is only reported', async () => {
    const { client } = await scripted(reply(200, '<html></html>', { 'content-type': 'text/html' }));
    expect(await client.fetch(undefined)).toMatchObject({ kind: 'changed', jsonMediaType: false });
  });

  it('304 to a request with validator: unchanged, and no other member, whatever the answer carried (D-21, GOFF-IP-007)', async () => {
    const { client } = await scripted(
      reply(304, '', { etag: '"other"', 'last-modified': 'x', 'content-type': 'text/html' }),
    );
    expect(await client.fetch('"a"')).toEqual({ kind: 'unchanged' });
  });

  it('304 to a request without validator: failed (S-15)', async () => {
    const { client } = await scripted(reply(304, ''));
    expect(await client.fetch(undefined)).toMatchObject({ kind: 'failed', error: { code: 'UNEXPECTED_NOT_MODIFIED' } });
  });

  it('a validator that cannot be sent back is left out', async () => {
    const { client } = await scripted(json(CONFIGURATION, { etag: `"${'x'.repeat(65_536)}"` }));
    const result = await client.fetch(undefined);
    expect(result.kind).toBe('changed');
    expect(result).not.toHaveProperty('validator');
  });

  it('errors carry status and request id (D-96)', async () => {
    const { client } = await scripted(
      reply(500, '{"errorCode":"RETRIEVING_FLAGS_ERROR","errorDetails":"no source"}', { 'x-request-id': 'r-77' }),
    );
    const result = await client.fetch(undefined);
    expect(result).toMatchObject({
      kind: 'failed',
      pace: 'backoff',
      error: { code: 'UNAVAILABLE', status: 500, requestId: 'r-77', text: 'the relay answered 500: "no source"' },
    });
  });

  it.each([408, 425, 429, 500, 503])('believes the Retry-After of a %i, clamped', async (status) => {
    const { client } = await scripted(reply(status, '', { 'retry-after': '30' }), { maxRetryAfterMs: 10_000 });
    expect(await client.fetch(undefined)).toMatchObject({ retryAfterMs: 10_000 });
  });

  it.each([400, 401, 404, 302])('ignores the Retry-After of a %i', async (status) => {
    const { client } = await scripted(reply(status, '', { 'retry-after': '30' }));
    expect(await client.fetch(undefined)).not.toHaveProperty('retryAfterMs');
  });

  it('a relay that quotes the credential does not get it into the error (D-96)', async () => {
    const logger = new RecordingLogger();
    const { client } = await scripted(
      ({ request, response }) => {
        response.writeHead(401);
        response.end(JSON.stringify({ message: `key ${request.headers['x-api-key']} is unknown \u001b[2J` }));
      },
      { apiKey: 'very-secret-key', logger },
    );
    const result = await client.fetch(undefined);
    const error = result.kind === 'failed' ? result.error : undefined;
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    expect(error?.text).toContain('[redacted] is unknown \\u001b[2J');
    expect(JSON.stringify([error?.message, error?.stack, String(error?.cause)])).not.toContain('very-secret-key');
  });
});

describe('401 with credentials from a function', () => {
  it('is repeated at once with fresh ones, at most once in 30 s', async () => {
    const clock = new FakeClock();
    let key = 0;
    const { relay, client } = await scripted(inTurn(reply(401, ''), json(CONFIGURATION), reply(401, '')), {
      apiKey: () => `key-${++key}`,
      clock,
    });
    expect((await client.fetch(undefined)).kind).toBe('changed');
    expect(relay.requests.map(({ headers }) => headers['x-api-key'])).toEqual(['key-1', 'key-2']);
    expect((await client.fetch(undefined)).kind).toBe('failed');
    expect(relay.requests).toHaveLength(3);
    await clock.advance(30_000);
    expect((await client.fetch(undefined)).kind).toBe('failed');
    expect(relay.requests).toHaveLength(5);
  });

  it('is not repeated with a fixed key', async () => {
    const { relay, client } = await scripted(reply(401, ''), { apiKey: 'fixed-key' });
    await client.fetch(undefined);
    expect(relay.requests).toHaveLength(1);
  });
});

describe('a client', () => {
  it('never rejects: a key function that throws is a failed fetch, asked again with backoff', async () => {
    const { relay, client } = await scripted(json(CONFIGURATION), {
      apiKey: () => {
        throw new Error('vault is sealed');
      },
    });
    expect(await client.fetch(undefined)).toMatchObject({
      kind: 'failed',
      pace: 'backoff',
      error: { code: 'INVALID_OPTION' },
    });
    expect(relay.requests).toHaveLength(0);
  });

  it('answers CLOSED after close', async () => {
    const { client, connection } = await scripted(json(CONFIGURATION));
    await connection.close();
    expect(await client.fetch(undefined)).toMatchObject({ kind: 'failed', error: { code: 'CLOSED' } });
  });
});
