import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

import { EdictError } from '../../../src/errors.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import type { RelayRequest } from '../../../src/relay/connection.ts';
import { RelayConnection } from '../../../src/relay/connection.ts';
import { FakeClock, settle } from './support/fake-clock.ts';
import { RecordingLogger } from './support/recording-logger.ts';
import type { Handler } from './support/scripted-relay.ts';
import { deadPort, inTurn, json, reply, ScriptedRelay } from './support/scripted-relay.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function relayWith(handler: Handler): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.start(handler);
  open.push(relay);
  return relay;
}

function connect(endpoint: readonly string[], options: EdictOptions = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const resolved = resolveOptions({ clock, logger, timeoutMs: 3_600_000, ...options, endpoint });
  const connection = new RelayConnection({ ...resolved, endpoint: resolved.endpoint ?? [] });
  open.push(connection);
  return { clock, logger, connection };
}

const probe: RelayRequest = { purpose: 'change', method: 'GET', route: '/v1/flag/change' };
const as = (purpose: RelayRequest['purpose']): RelayRequest => ({ ...probe, purpose });

async function errorOf(work: Promise<unknown>): Promise<EdictError> {
  const caught = await work.then(
    () => undefined,
    (error: EdictError) => error,
  );
  expect(caught).toBeDefined();
  return caught as EdictError;
}

describe('a request', () => {
  it.each(['configuration', 'change', 'evaluation', 'collector'] as const)(
    'for %s carries the credentials and headers of the caller, and its own go before the common ones (GOFF-AUTH-002)',
    async (purpose) => {
      const relay = await relayWith(json('{}'));
      const purposes: string[] = [];
      const { connection } = connect([`${relay.url}/base`], {
        apiKey: 'the-key',
        headers: (given) => {
          purposes.push(given);
          return { 'X-Tenant': 'blue' };
        },
      });
      await connection.send({ ...as(purpose), validator: '"v"', headers: [['accept', 'text/plain']] });
      expect(relay.requests[0]).toMatchObject({ method: 'GET', path: '/base/v1/flag/change' });
      expect(relay.requests[0]?.headers).toMatchObject({
        'x-api-key': 'the-key',
        'x-tenant': 'blue',
        'if-none-match': '"v"',
        accept: 'text/plain',
      });
      expect(purposes).toEqual([purpose]);
    },
  );
});

describe('several addresses (D-40)', () => {
  it.each<[string, Handler]>([
    ['a connection that is cut', ({ socket }) => void socket.destroy()],
    ['a 500', reply(500, '')],
    ['a 503', reply(503, '')],
  ])('%s moves later requests to the next one; this one is not repeated', async (_, fault) => {
    const [first, second] = [await relayWith(fault), await relayWith(json('{}'))];
    const { connection } = connect([first.url, second.url]);
    expect(connection.endpoint).toBe(first.url);
    await connection.send(probe).catch(() => undefined);
    expect([first.requests.length, second.requests.length]).toEqual([1, 0]);
    expect(connection.endpoint).toBe(second.url);
    expect((await connection.send(probe)).status).toBe(200);
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });

  it('a refused connection moves them as well', async () => {
    const second = await relayWith(json('{}'));
    const { connection } = connect([`http://127.0.0.1:${await deadPort()}`, second.url]);
    expect(await errorOf(connection.send(probe))).toMatchObject({ code: 'NETWORK' });
    expect((await connection.send(probe)).status).toBe(200);
  });

  it('a timeout moves them, and the tighter limit of a start makes it an early one', async () => {
    const [first, second] = [await relayWith(() => undefined), await relayWith(json('{}'))];
    const { connection, clock } = connect([first.url, second.url]);
    connection.limit(5_000);
    const hanging = errorOf(connection.send(probe));
    while (first.requests.length === 0) await settle();
    await clock.advance(5_000);
    expect(await hanging).toMatchObject({ code: 'TIMEOUT' });
    connection.limit(undefined);
    expect(connection.endpoint).toBe(second.url);
    expect((await connection.send(probe)).status).toBe(200);
  });

  it.each([304, 400, 401, 403, 404, 429])('a %d is an answer, and moves nothing', async (status) => {
    const [first, second] = [await relayWith(reply(status, '')), await relayWith(json('{}'))];
    const { connection } = connect([first.url, second.url]);
    await connection.send(probe);
    expect(connection.endpoint).toBe(first.url);
  });

  it('a refusal of ours, such as a key function that throws, moves nothing', async () => {
    const { connection } = connect(['http://a', 'http://b'], {
      apiKey: () => {
        throw new Error('no vault');
      },
    });
    expect(await errorOf(connection.send(probe))).toMatchObject({ code: 'INVALID_OPTION' });
    expect(connection.endpoint).toBe('http://a');
  });

  it('the first is asked again after 60 s', async () => {
    const [first, second] = [await relayWith(inTurn(reply(500, ''), json('{}'))), await relayWith(json('{}'))];
    const { connection, clock } = connect([first.url, second.url]);
    await connection.send(probe);
    await clock.advance(59_999);
    await connection.send(probe);
    await clock.advance(1);
    await connection.send(probe);
    expect([first.requests.length, second.requests.length]).toEqual([2, 1]);
  });
});

describe('after a 401 with credentials that can change', () => {
  it.each(['configuration', 'change', 'collector'] as const)(
    'a request for %s is repeated once with fresh ones, at most every 30 s (S-41)',
    async (purpose) => {
      const relay = await relayWith(reply(401, '{"message":"invalid key"}'));
      let calls = 0;
      const { connection, clock } = connect([relay.url], { apiKey: () => `key-${++calls}` });
      expect((await connection.send(as(purpose))).status).toBe(401);
      expect(relay.requests.map(({ headers }) => headers['x-api-key'])).toEqual(['key-1', 'key-2']);
      await clock.advance(29_999);
      await connection.send(as(purpose));
      expect(relay.requests).toHaveLength(3);
      await clock.advance(1);
      await connection.send(as(purpose));
      expect(relay.requests).toHaveLength(5);
    },
  );

  it('an evaluation never is, nor anything with a key that cannot change (GOFF-REM-005)', async () => {
    const relay = await relayWith(reply(401, ''));
    await connect([relay.url], { apiKey: () => 'the-key' }).connection.send(as('evaluation'));
    await connect([relay.url], { apiKey: 'the-key' }).connection.send(as('configuration'));
    expect(relay.requests).toHaveLength(2);
  });
});

describe('what goes wrong', () => {
  it('names neither the key nor its encoded form, even when the other side quotes it (D-96)', async () => {
    const { connection } = connect(['http://relay'], {
      apiKey: 'secret/key+1',
      fetch: async (url) => {
        throw new TypeError(`Failed to reach ${String(url)} with secret/key+1`);
      },
    });
    const caught = await errorOf(connection.open({ ...as('stream'), route: '/stream' }));
    const { error } = connection.failure(caught);
    expect(caught.message).toContain('apiKey=secret%2Fkey%2B1');
    expect(error.message).toContain('apiKey=[redacted] with [redacted]');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/secret/);
    expect(error.cause).toMatchObject({ name: 'TypeError', message: expect.stringContaining('apiKey=[redacted]') });
    expect(inspect(error)).not.toContain('secret');
  });

  it('carries status, request id and the wait that was asked for, clamped (D-29, D-96)', async () => {
    const { connection } = connect(['http://relay'], { maxRetryAfterMs: 60_000 });
    const headers = { 'retry-after': '3600', 'x-request-id': 'r-1' };
    const bytes = Buffer.from('{"message":"busy"}');
    expect(connection.refusal({ status: 503, headers, bytes }, '/route')).toMatchObject({
      error: { code: 'UNAVAILABLE', status: 503, requestId: 'r-1', text: expect.stringContaining('busy') },
      retryAfterMs: 60_000,
      pace: 'backoff',
    });
    expect(connection.refusal({ status: 401, headers, bytes }, '/route')).not.toHaveProperty('retryAfterMs');
  });

  it('is CLOSED after the close, which also ends what is in flight', async () => {
    const relay = await relayWith(() => undefined);
    const { connection } = connect([relay.url]);
    const hanging = errorOf(connection.send(probe));
    while (relay.requests.length === 0) await settle();
    await connection.close();
    expect(await hanging).toMatchObject({ code: 'CLOSED' });
    expect(await errorOf(connection.send(probe))).toMatchObject({ code: 'CLOSED' });
    await connection.close();
  });

  it('is an EdictError whatever was thrown', () => {
    const { connection } = connect(['http://relay']);
    expect(connection.failure('a text').error).toBeInstanceOf(EdictError);
  });
});
