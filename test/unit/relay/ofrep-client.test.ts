/** Every status of the OFREP table against every kind of body (RF-03), and what is sent. */

import { afterEach, describe, expect, it } from 'vitest';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { RelayConnection } from '../../../src/relay/connection.ts';
import { OfrepClient } from '../../../src/relay/ofrep-client.ts';
import { FakeClock, settle } from './support/fake-clock.ts';
import type { Handler } from './support/scripted-relay.ts';
import { deadPort, inTurn, json, reply, ScriptedRelay } from './support/scripted-relay.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function scripted(handler: Handler, options: EdictOptions = {}) {
  const relay = await ScriptedRelay.start(handler);
  const resolved = resolveOptions({ endpoint: `${relay.url}/base/`, ...options });
  const connection = new RelayConnection({ ...resolved, endpoint: resolved.endpoint ?? [], connections: 8 });
  open.push(connection, relay);
  return { relay, connection, client: new OfrepClient(connection) };
}

const HTML = '<!doctype html><html><body>Bad gateway</body></html>';
const VALUE = '{"key":"flag","value":true,"reason":"TARGETING_MATCH","variant":"on"}';
const NO_VALUE = '{"key":"flag","reason":"DISABLED","variant":"SdkDefault"}';
const error = (code: string): string => `{"key":"flag","errorCode":"${code}","errorDetails":"because"}`;

type Expected = readonly [kind: 'value' | 'error' | 'failed', what: unknown];
const failed = (code: string): Expected => ['failed', code];

/** Status, then what each body comes to: right, wrong, empty, HTML, no value. */
const TABLE: readonly (readonly [status: number, right: string, expected: Expected, otherwise: string])[] = [
  [400, error('TARGETING_KEY_MISSING'), ['error', 'TARGETING_KEY_MISSING'], 'BAD_REQUEST'],
  [401, '{"message":"invalid key"}', failed('UNAUTHORIZED'), 'UNAUTHORIZED'],
  [403, '{"message":"forbidden"}', failed('FORBIDDEN'), 'FORBIDDEN'],
  [404, error('FLAG_NOT_FOUND'), ['error', 'FLAG_NOT_FOUND'], 'NOT_FOUND'],
  [405, '{"message":"Method Not Allowed"}', failed('UNEXPECTED_STATUS'), 'UNEXPECTED_STATUS'],
  [413, error('GENERAL'), failed('UNEXPECTED_STATUS'), 'UNEXPECTED_STATUS'],
  [429, error('GENERAL'), failed('RATE_LIMITED'), 'RATE_LIMITED'],
  [500, '{"errorDetails":"no source"}', failed('UNAVAILABLE'), 'UNAVAILABLE'],
  [502, '{"message":"bad gateway"}', failed('UNAVAILABLE'), 'UNAVAILABLE'],
  [503, error('GENERAL'), failed('UNAVAILABLE'), 'UNAVAILABLE'],
  [408, '{"message":"timeout"}', failed('UNAVAILABLE'), 'UNAVAILABLE'],
  [302, '{}', failed('REDIRECT_REFUSED'), 'REDIRECT_REFUSED'],
  [201, VALUE, failed('UNEXPECTED_STATUS'), 'UNEXPECTED_STATUS'],
];

const CASES: (readonly [name: string, status: number, body: string, expected: Expected])[] = [
  ['200 with a value', 200, VALUE, ['value', true]],
  ['200 with no value', 200, NO_VALUE, ['value', null]],
  ['200 with a null value', 200, '{"key":"flag","value":null,"reason":"DISABLED"}', ['value', null]],
  ['200 with a value alone', 200, '{"value":[1,{"a":null}]}', ['value', [1, { a: null }]]],
  ['200 with nothing in it', 200, '{}', failed('INVALID_BODY')],
  ['200 with a sentence', 200, '{"message":"ok"}', failed('INVALID_BODY')],
  ['200 with an error code', 200, error('PARSE_ERROR'), ['error', 'PARSE_ERROR']],
  ['200 with an array', 200, `[${VALUE}]`, failed('INVALID_BODY')],
  ['200 with a number', 200, '7', failed('INVALID_BODY')],
  ['200 with null', 200, 'null', failed('INVALID_BODY')],
  ['200 with half a body', 200, VALUE.slice(0, 30), failed('INVALID_BODY')],
  ['200 with HTML', 200, HTML, failed('INVALID_BODY')],
  ['200 with an empty body', 200, '', failed('INVALID_BODY')],
  ['200 about another flag', 200, VALUE.replace('flag', 'galf'), failed('INVALID_BODY')],
  ['200 with a reason that is no text', 200, VALUE.replace('"TARGETING_MATCH"', '5'), failed('INVALID_BODY')],
  ['200 with metadata that is no object', 200, VALUE.replace('}', ',"metadata":[1]}'), failed('INVALID_BODY')],
  ['200 with metadata null', 200, VALUE.replace('}', ',"metadata":null}'), ['value', true]],
  ['200 nested 100,000 deep', 200, `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, failed('INVALID_BODY')],
  ...TABLE.flatMap(([status, right, expected, otherwise]): typeof CASES => [
    [`${status} with its body`, status, right, expected],
    [`${status} with a wrong body`, status, '[1,2]', failed(otherwise)],
    [`${status} with an empty body`, status, '', failed(otherwise)],
    [`${status} with HTML`, status, HTML, failed(otherwise)],
    [`${status} with a value and no error code`, status, VALUE, failed(otherwise)],
    [`${status} with an error code that is no text`, status, '{"errorCode":404}', failed(otherwise)],
  ]),
];

describe('one flag', () => {
  it.each(CASES)('%s (RF-03)', async (_, status, body, [kind, what]) => {
    const { client } = await scripted(reply(status, body, { 'content-type': 'application/json' }));
    const result = await client.evaluate('flag', '{}');
    expect(result.kind).toBe(kind);
    if (result.kind === 'value') expect(result.value).toEqual(what);
    else if (result.kind === 'error') expect(result.code).toBe(what);
    else expect([result.error.code, result.error.status]).toEqual([what, status]);
  });

  it('is asked for once, with its context as it is, under the path prefix (GOFF-REM-001, GOFF-REM-002, GOFF-IP-003)', async () => {
    const { client, relay } = await scripted(json(VALUE), { apiKey: 'k-123' });
    await client.evaluate('a:b/c', '{"targetingKey":"u-1"}').catch(() => undefined);
    expect(relay.requests).toHaveLength(1);
    expect(relay.requests[0]).toMatchObject({
      method: 'POST',
      path: '/base/ofrep/v1/evaluate/flags/a:b%2Fc',
      body: '{"context":{"targetingKey":"u-1"}}',
      headers: { 'x-api-key': 'k-123', 'content-type': 'application/json' },
    });
    expect(relay.requests[0]?.headers).not.toHaveProperty('if-none-match');
  });

  it.each(['', '.', '..'])('whose key is %j is unknown, without a request', async (key) => {
    const { client, relay } = await scripted(json(VALUE));
    expect(await client.evaluate(key, '{}')).toMatchObject({ kind: 'error', code: 'FLAG_NOT_FOUND' });
    expect(relay.requests).toHaveLength(0);
  });

  it('whose key holds a lone surrogate is the flag that the relay reads', async () => {
    const { client } = await scripted(json('{"key":"a\ufffd","value":1}'));
    expect(await client.evaluate('a\ud800', '{}')).toMatchObject({ kind: 'value', value: 1 });
  });

  it('is given back with its parts frozen and unchanged (GOFF-REM-003, D-59)', async () => {
    const body = '{"key":"flag","value":{"__proto__":1},"reason":"ODD","variant":"v","metadata":{"a":{"b":[1]}},"x":1}';
    const { client } = await scripted(json(body));
    const result = await client.evaluate('flag', '{}');
    expect(result).toMatchObject({ kind: 'value', reason: 'ODD', variant: 'v', metadata: { a: { b: [1] } } });
    if (result.kind !== 'value') return;
    expect(JSON.stringify(result.value)).toBe('{"__proto__":1}');
    expect([Object.isFrozen(result.value), Object.isFrozen(result.metadata.a)]).toEqual([true, true]);
  });

  it('404 tells an unknown flag and an unknown route apart, and names both causes of the latter', async () => {
    const { client } = await scripted(
      inTurn(reply(404, error('FLAG_NOT_FOUND')), reply(404, '{"message":"Not Found"}')),
    );
    expect(await client.evaluate('flag', '{}')).toMatchObject({ kind: 'error', details: 'because' });
    const text = expect.stringMatching(/base path of endpoint is wrong.*speaks OFREP/);
    expect(await client.evaluate('flag', '{}')).toMatchObject({ kind: 'failed', error: { code: 'NOT_FOUND', text } });
  });

  it('quotes the relay where it gives a sentence', async () => {
    const { client } = await scripted(reply(400, '{"message":"flagset not found for API key"}'));
    expect(await client.evaluate('flag', '{}')).toMatchObject({
      error: { code: 'BAD_REQUEST', text: 'the relay answered 400: "flagset not found for API key"' },
    });
  });

  it.each<[string, string, number | undefined]>([
    ['seconds', '7', 7_000],
    ['a date', 'Thu, 01 Jan 2026 00:00:09 GMT', 9_000],
    ['a past date', 'Wed, 31 Dec 2025 00:00:00 GMT', undefined],
    ['garbage', 'soon', undefined],
    ['too long a wait', '86400', 600_000],
  ])('429 and 503 with Retry-After as %s (D-29, GOFF-REM-004, RF-03)', async (_, value, expected) => {
    for (const status of [429, 503]) {
      const { client } = await scripted(reply(status, '', { 'retry-after': value }), { clock: new FakeClock() });
      const result = await client.evaluate('flag', '{}');
      expect(result.kind === 'failed' && result.retryAfterMs).toBe(expected);
    }
  });

  it('Retry-After is not believed from a 400 or a 401', async () => {
    for (const status of [400, 401]) {
      const { client } = await scripted(reply(status, '', { 'retry-after': '7' }));
      expect(await client.evaluate('flag', '{}')).not.toHaveProperty('retryAfterMs');
    }
  });

  it('is never asked for twice: not after a 401 with rotating keys, not at another address (GOFF-REM-005)', async () => {
    let key = 0;
    const { client, relay } = await scripted(reply(401, ''), { apiKey: () => `key-${++key}` });
    expect(await client.evaluate('flag', '{}')).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
    expect(relay.requests).toHaveLength(1);

    const second = await ScriptedRelay.start(json(VALUE));
    open.push(second);
    const { client: failing } = await scripted(json(VALUE), {
      endpoint: [`http://127.0.0.1:${await deadPort()}`, second.url],
    });
    expect(await failing.evaluate('flag', '{}')).toMatchObject({ error: { code: 'NETWORK' } });
    expect(second.requests).toHaveLength(0);
    expect(await failing.evaluate('flag', '{}')).toMatchObject({ kind: 'value' });
  });

  it('a body over the limit is cut off, naming the option (RF-03)', async () => {
    const { client } = await scripted(json(`{"value":"${'x'.repeat(5_000)}"}`), { maxWireBytes: 2_048 });
    const text = expect.stringContaining('maxWireBytes');
    expect(await client.evaluate('flag', '{}')).toMatchObject({ error: { code: 'BODY_TOO_LARGE', text } });
  });

  it('a body that stands still ends at stallTimeoutMs, one that never comes at timeoutMs (GOFF-REM-006, RF-03)', async () => {
    const clock = new FakeClock();
    const half: Handler = ({ response }) => {
      response.writeHead(200);
      response.write('{"value":');
    };
    const { client, relay } = await scripted(half, { clock, timeoutMs: 900, stallTimeoutMs: 300 });
    for (const [handler, limit, words] of [
      [half, 300, 'stallTimeoutMs'],
      [() => undefined, 900, ''],
    ] as const) {
      relay.handler = handler;
      const seen = relay.requests.length;
      const asked = client.evaluate('flag', '{}');
      while (relay.requests.length === seen) await settle();
      // The deadline, and where there is a body, the limit on its gaps.
      while (clock.pendingTimers < (handler === half ? 2 : 1)) await settle();
      await clock.advance(limit);
      expect(await asked).toMatchObject({ error: { code: 'TIMEOUT', text: expect.stringContaining(words) } });
    }
  });

  it('that times out takes no other question down with it', async () => {
    const clock = new FakeClock();
    const waiting: (() => void)[] = [];
    const { client, relay } = await scripted(
      (exchange) => {
        if (exchange.request.path.endsWith('slow')) waiting.push(() => json(VALUE.replace('flag', 'slow'))(exchange));
      },
      { clock, timeoutMs: 1_000 },
    );
    const hung = client.evaluate('flag', '{}');
    while (relay.requests.length < 1) await settle();
    await clock.advance(600);
    const slow = client.evaluate('slow', '{}');
    while (waiting.length < 1) await settle();
    await clock.advance(400);
    expect(await hung).toMatchObject({ error: { code: 'TIMEOUT' } });
    for (const go of waiting) go();
    expect(await slow).toMatchObject({ kind: 'value', value: true });
  });

  it('can be given a tighter deadline, or be given up', async () => {
    const clock = new FakeClock();
    const { client, relay } = await scripted(() => undefined, { clock });
    const asked = client.evaluate('flag', '{}', { timeoutMs: 50 });
    while (relay.requests.length < 1) await settle();
    await clock.advance(50);
    expect(await asked).toMatchObject({ error: { code: 'TIMEOUT' } });
    const giveUp = new AbortController();
    const other = client.evaluate('flag', '{}', { signal: giveUp.signal });
    giveUp.abort();
    expect(await other).toMatchObject({ error: { code: 'CLOSED' } });
  });

  it('over a closed connection is CLOSED', async () => {
    const { client, connection } = await scripted(json(VALUE));
    await connection.close();
    expect(await client.evaluate('flag', '{}')).toMatchObject({ kind: 'failed', error: { code: 'CLOSED' } });
  });
});

describe('all flags of a context', () => {
  const FLAGS = `{"flags":[${VALUE},{"key":"bad","value":null,"reason":"ERROR","errorCode":"FLAG_CONFIG","errorDetails":"x"}],"eventStreams":[]}`;

  it('come as values and errors; members nobody knows are ignored', async () => {
    const { client, relay } = await scripted(json(FLAGS, { etag: '"1"' }));
    expect(await client.evaluateAll('{"a":1}', undefined)).toMatchObject({
      kind: 'values',
      validator: '"1"',
      evaluations: [
        { kind: 'value', key: 'flag', value: true },
        { kind: 'error', key: 'bad', code: 'FLAG_CONFIG' },
      ],
    });
    expect(relay.requests[0]).toMatchObject({ path: '/base/ofrep/v1/evaluate/flags', body: '{"context":{"a":1}}' });
  });

  it('are asked for with the validator given, byte for byte, and 304 means unchanged', async () => {
    const { client, relay } = await scripted(reply(304, ''));
    expect(await client.evaluateAll('{}', 'W/"3-abc"')).toEqual({ kind: 'unchanged' });
    expect(relay.requests[0]?.headers['if-none-match']).toBe('W/"3-abc"');
    expect(await client.evaluateAll('{}', undefined)).toMatchObject({ error: { code: 'UNEXPECTED_NOT_MODIFIED' } });
  });

  it.each<[string, number, string, string]>([
    ['200 without flags', 200, '{}', 'INVALID_BODY'],
    ['200 with flags null', 200, '{"flags":null}', 'INVALID_BODY'],
    ['200 with flags as an object', 200, '{"flags":{"flag":{"value":1}}}', 'INVALID_BODY'],
    ['200 with a flag that has no key', 200, '{"flags":[{"value":1,"reason":"X"}]}', 'INVALID_BODY'],
    ['200 with a flag that is none', 200, '{"flags":[7]}', 'INVALID_BODY'],
    ['200 with HTML', 200, HTML, 'INVALID_BODY'],
    ['200 with an empty body', 200, '', 'INVALID_BODY'],
    ['404 without error code', 404, '{"message":"Not Found"}', 'NOT_FOUND'],
    ['400 without error code', 400, '{"message":"no"}', 'BAD_REQUEST'],
    ['401', 401, '', 'UNAUTHORIZED'],
    ['429', 429, '', 'RATE_LIMITED'],
    ['500', 500, '{"errorDetails":"x"}', 'UNAVAILABLE'],
  ])('%s (RF-03)', async (_, status, body, code) => {
    const { client } = await scripted(reply(status, body));
    expect(await client.evaluateAll('{}', undefined)).toMatchObject({ kind: 'failed', error: { code } });
  });

  it('400 with an error code is the error of the context', async () => {
    const { client } = await scripted(reply(400, '{"errorCode":"INVALID_CONTEXT","errorDetails":"no context"}'));
    expect(await client.evaluateAll('{}', undefined)).toMatchObject({ kind: 'error', code: 'INVALID_CONTEXT' });
  });
});
