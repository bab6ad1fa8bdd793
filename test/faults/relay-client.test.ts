import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { afterEach, describe, expect, it } from 'vitest';

import { EdictError } from '../../src/errors.ts';
import { isJsonObject } from '../../src/internal/json.ts';
import type { EdictOptions } from '../../src/options/edict-options.ts';
import { resolveOptions } from '../../src/options/resolve.ts';
import { ConfigurationClient } from '../../src/relay/configuration-client.ts';
import { RelayConnection } from '../../src/relay/connection.ts';
import { ConfigurationFeed } from '../../src/relay/feed.ts';
import type { FeedEvent } from '../../src/relay/feed-events.ts';
import { RecordingLogger } from '../unit/relay/support/recording-logger.ts';
import type { Handler } from '../unit/relay/support/scripted-relay.ts';
import { deadPort, json, reply, ScriptedRelay } from '../unit/relay/support/scripted-relay.ts';

const MIB = 1_048_576;
const GOOD_TAG = '"20-5f36b2ea290645ee34d943220a14b54ee5ea5be5"';
const GOOD = JSON.stringify({ flags: { one: { version: 'good' } } });
const BETTER = JSON.stringify({ flags: { one: { version: 'better' }, two: {} } });

const goodRelay = json(GOOD, { etag: GOOD_TAG });

interface Compiled {
  readonly text: string;
  readonly flagCount: number;
  readonly suspicious: boolean;
}

/** The table of §2.2 for a 200, as the evaluator's compiler applies it. */
async function compile(body: Uint8Array): Promise<Compiled> {
  const text = Buffer.from(body).toString();
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new EdictError('INVALID_BODY', 'not JSON', { cause });
  }
  if (!isJsonObject(document) || 'errorCode' in document) throw new EdictError('INVALID_BODY', 'no configuration');
  const { flags = {} } = document;
  if (!isJsonObject(flags)) throw new EdictError('INVALID_BODY', 'flags is no object');
  return { text, flagCount: Object.keys(flags).length, suspicious: 'message' in document };
}

/** Client and feed together, as an evaluator holds them. */
class Follower {
  readonly logger = new RecordingLogger();
  readonly events: FeedEvent[] = [];
  readonly published: string[] = [];
  readonly connection: RelayConnection;
  readonly feed: ConfigurationFeed<Compiled>;
  flagsInUse = 0;

  constructor(address: string, options: EdictOptions = {}) {
    const resolved = resolveOptions({ logger: this.logger, ...options, endpoint: address });
    this.connection = new RelayConnection({ ...resolved, endpoint: [address] });
    const client = new ConfigurationClient(this.connection, resolved);
    this.feed = new ConfigurationFeed<Compiled>(resolved, {
      fetch: (validator) => client.fetch(validator),
      compile,
      publish: ({ text, flagCount }) => {
        this.published.push(text);
        this.flagsInUse = flagCount;
      },
      flagsInUse: () => this.flagsInUse,
      onEvent: (event) => this.events.push(event),
    });
  }

  get eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }

  get lastCode(): string | undefined {
    return this.events.filter((event) => event.type === 'failed').at(-1)?.error.code;
  }

  async close(): Promise<void> {
    this.feed.stop();
    await this.connection.close();
  }
}

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function relayWith(handler: Handler, port = 0): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.start(handler, port);
  open.push(relay);
  return relay;
}

function follow(address: string, options: EdictOptions = {}): Follower {
  const follower = new Follower(address, options);
  open.push(follower);
  return follower;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const gzipped = (body: Buffer): Handler =>
  reply(200, body, { 'content-encoding': 'gzip', 'content-type': 'application/json' });

/** 64 MiB of white space in 65 kB. */
const BOMB = zlib.gzipSync(Buffer.alloc(64 * MIB, 0x20));

/** What goes wrong, and the code it is reported with. Each is one answer while a good configuration is in use. */
const FAULTS: readonly (readonly [name: string, code: string, handler: Handler, options?: EdictOptions])[] = [
  [
    '200 with HTML',
    'INVALID_BODY',
    reply(200, '<!doctype html><p>login', { 'content-type': 'text/html', etag: '"html"' }),
  ],
  ['200 with HTML that says it is JSON', 'INVALID_BODY', json('<html>', { etag: '"html"' })],
  ['200 with an empty body', 'INVALID_BODY', json('', { etag: '"none"' })],
  ['200 with cut JSON', 'INVALID_BODY', json(GOOD.slice(0, -3), { etag: '"cut"' })],
  ['200 with an array', 'INVALID_BODY', json('[]', { etag: '"array"' })],
  ['200 with a number', 'INVALID_BODY', json('1')],
  ['200 with flags null', 'INVALID_BODY', json('{"flags":null}')],
  ['200 with flags as an array', 'INVALID_BODY', json('{"flags":[]}')],
  ['200 with an error code', 'INVALID_BODY', json('{"errorCode":"RETRIEVING_FLAGS_ERROR","flags":{}}')],
  ['200 {} from something that is no relay', 'EMPTY_REFUSED', reply(200, '{}', { 'content-type': 'application/json' })],
  ['200 {} with a message', 'EMPTY_REFUSED', json('{"message":"upstream gone"}')],
  ['204', 'UNEXPECTED_STATUS', reply(204, '')],
  ['206 with a part', 'UNEXPECTED_STATUS', reply(206, GOOD.slice(0, 10))],
  ['a redirect', 'REDIRECT_REFUSED', reply(307, '', { location: 'http://127.0.0.1:9/v1/flag/configuration' })],
  ['400', 'BAD_REQUEST', reply(400, '{"message":"flagset not found for API key"}')],
  ['401', 'UNAUTHORIZED', reply(401, '{"message":"invalid key"}')],
  ['403', 'FORBIDDEN', reply(403, 'nginx')],
  ['404', 'NOT_FOUND', reply(404, '{"message":"Not Found"}')],
  ['405', 'UNEXPECTED_STATUS', reply(405, '{"message":"Method Not Allowed"}')],
  ['429', 'RATE_LIMITED', reply(429, '', { 'retry-after': '1' })],
  ['500', 'UNAVAILABLE', reply(500, '{"errorCode":"RETRIEVING_FLAGS_ERROR"}')],
  ['502 with HTML', 'UNAVAILABLE', reply(502, '<html>bad gateway</html>')],
  ['503 with an unreadable Retry-After', 'UNAVAILABLE', reply(503, '', { 'retry-after': 'soon' })],
  ['a connection that is reset at once', 'NETWORK', ({ socket }) => socket.resetAndDestroy()],
  [
    'a connection that closes in mid-header',
    'NETWORK',
    ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nContent-Ty'),
  ],
  ['an answer that is no HTTP', 'NETWORK', ({ socket }) => void socket.end('220 smtp ready\r\n\r\n')],
  [
    'a reset in mid-body',
    'NETWORK',
    ({ response, socket }) => {
      response.writeHead(200, { 'content-length': String(GOOD.length) });
      response.write(GOOD.slice(0, 20), () => socket.resetAndDestroy());
    },
  ],
  ['a stall in the headers', 'TIMEOUT', () => undefined, { timeoutMs: 1_000 }],
  [
    'a stall in the body',
    'TIMEOUT',
    ({ response }) => {
      response.writeHead(200, { 'content-length': String(GOOD.length) });
      response.write(GOOD.slice(0, 20));
    },
    { stallTimeoutMs: 200 },
  ],
  [
    'a body that drips',
    'TIMEOUT',
    ({ response }) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
    { timeoutMs: 1_000 },
  ],
  ['a body over maxWireBytes', 'BODY_TOO_LARGE', json(GOOD + ' '.repeat(2_000)), { maxWireBytes: 1_024 }],
  ['65 kB that inflate to 64 MiB', 'BODY_TOO_LARGE', gzipped(BOMB), { maxInflatedBytes: 16 * MIB }],
  [
    'gzip inside gzip',
    'INVALID_BODY',
    reply(200, zlib.gzipSync(zlib.gzipSync(GOOD)), { 'content-encoding': 'gzip, gzip' }),
  ],
  ['gzip that is none', 'INVALID_BODY', reply(200, GOOD, { 'content-encoding': 'gzip' })],
  ['cut gzip', 'INVALID_BODY', gzipped(zlib.gzipSync(GOOD).subarray(0, 30))],
];

describe('a good configuration survives one bad answer (CF-01)', () => {
  for (const [name, code, fault, options] of FAULTS) {
    it(name, async () => {
      const relay = await relayWith(goodRelay);
      const follower = follow(relay.url, options);
      expect(await follower.feed.start()).toEqual({ kind: 'loaded' });

      relay.handler = fault;
      expect(await follower.feed.refresh()).toBe('failed');
      expect(follower.lastCode).toBe(code);
      expect(follower.published).toEqual([GOOD]);
      expect(follower.feed.describe()).toMatchObject({ validator: GOOD_TAG, consecutiveFailures: 1 });

      relay.handler = json(BETTER);
      expect(await follower.feed.refresh()).toBe('changed');
      expect(relay.requests.at(-1)?.headers['if-none-match']).toBe(GOOD_TAG);
      expect(follower.published).toEqual([GOOD, BETTER]);
      expect(follower.feed.describe()).toMatchObject({ consecutiveFailures: 0 });
    });
  }
});

describe('validators against content', () => {
  it('a 304 without ETag changes nothing (S-14)', async () => {
    const relay = await relayWith(goodRelay);
    const follower = follow(relay.url);
    await follower.feed.start();
    for (const headers of [{}, { etag: '"other"' }, { etag: '"other"', 'last-modified': 'never' }]) {
      relay.handler = reply(304, '', headers as Record<string, string>);
      expect(await follower.feed.refresh()).toBe('unchanged');
    }
    expect(follower.feed.describe()).toMatchObject({ validator: GOOD_TAG, polls: { unchanged: 3, failed: 0 } });
    expect(follower.published).toEqual([GOOD]);
  });

  it('a 304 to the first request is a failure, and the next answer loads (S-15)', async () => {
    const relay = await relayWith(reply(304, '', { etag: GOOD_TAG }));
    const follower = follow(relay.url);
    const start = follower.feed.start();
    await until(() => follower.events.length > 0);
    relay.handler = goodRelay;
    expect(await start).toEqual({ kind: 'loaded' });
    expect(follower.lastCode).toBe('UNEXPECTED_NOT_MODIFIED');
    expect(relay.requests.every(({ headers }) => headers['if-none-match'] === undefined)).toBe(true);
  });

  it('a weakened ETag is echoed as it came, and the strong one of a 304 changes nothing (S-16)', async () => {
    const weak = `W/${GOOD_TAG}`;
    const relay = await relayWith(json(GOOD, { etag: weak }));
    const follower = follow(relay.url);
    await follower.feed.start();
    relay.handler = reply(304, '', { etag: GOOD_TAG });
    await follower.feed.refresh();
    await follower.feed.refresh();
    expect(relay.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, weak, weak]);
  });

  it('an ETag of 64 KiB is not kept, and the configuration is served all the same', async () => {
    const relay = await relayWith(json(GOOD, { etag: `"${'e'.repeat(65_536)}"` }));
    const follower = follow(relay.url);
    expect(await follower.feed.start()).toEqual({ kind: 'loaded' });
    expect(await follower.feed.refresh()).toBe('unchanged');
    expect(relay.requests[1]?.headers).not.toHaveProperty('if-none-match');
  });

  it('an ETag that never changes hides no change, and one that always does invents none', async () => {
    const relay = await relayWith(json(GOOD, { etag: '"frozen"' }));
    const follower = follow(relay.url);
    await follower.feed.start();
    relay.handler = json(BETTER, { etag: '"frozen"' });
    expect(await follower.feed.refresh()).toBe('changed');
    relay.handler = json(BETTER, { etag: '"random-1"' });
    expect(await follower.feed.refresh()).toBe('unchanged');
  });
});

describe('zero flags', () => {
  it('{} at the first load is zero flags, with a warning (S-12)', async () => {
    const relay = await relayWith(json('{}\n'));
    const follower = follow(relay.url);
    expect(await follower.feed.start()).toEqual({ kind: 'loaded' });
    expect(follower.logger.at('warn').join()).toContain('has no flags');
  });

  it('{} while flags are in use is held, then applied by the second look (S-13)', async () => {
    const relay = await relayWith(goodRelay);
    const follower = follow(relay.url, { pollIntervalMs: 100 });
    await follower.feed.start();
    relay.handler = json('{}\n');
    await until(() => follower.published.length === 2);
    expect(follower.eventTypes).toEqual(['published', 'held', 'published']);
    expect(follower.flagsInUse).toBe(0);
  });
});

describe('Retry-After', () => {
  it.each([
    ['seconds', () => '400', 400_000],
    ['a date', () => new Date(Date.now() + 400_000).toUTCString(), 400_000],
    ['too much', () => '86400', 600_000],
    ['a past date', () => 'Sun, 06 Nov 1994 08:49:37 GMT', 1_000],
    ['garbage', () => 'later', 1_000],
    ['nothing', () => '', 1_000],
  ])('%s', async (_, retryAfter, expectedMs) => {
    const relay = await relayWith(goodRelay);
    const follower = follow(relay.url);
    await follower.feed.start();
    relay.handler = reply(429, '', { 'retry-after': retryAfter() });
    await follower.feed.refresh();
    const next = follower.feed.describe().nextAttemptInMs as number;
    // The date form has a resolution of one second, and some time has passed since the failure.
    expect(next).toBeLessThanOrEqual(expectedMs);
    expect(next).toBeGreaterThan(expectedMs > 1_000 ? expectedMs - 60_000 : -1);
  });
});

describe('recovery without anybody doing anything', () => {
  it('relay down at start, then up: the start waits for it (S-01)', async () => {
    const port = await deadPort();
    const follower = follow(`http://127.0.0.1:${port}`);
    const start = follower.feed.start();
    await until(() => follower.lastCode === 'NETWORK');
    await relayWith(goodRelay, port);
    expect(await start).toEqual({ kind: 'loaded' });
    expect(follower.published).toEqual([GOOD]);
  });

  it('relay down for the whole start, then up: the loop goes on and tells of the recovery (D-26)', async () => {
    const port = await deadPort();
    const follower = follow(`http://127.0.0.1:${port}`, { initTimeoutMs: 50, maxBackoffMs: 1_000 });
    expect(await follower.feed.start()).toMatchObject({ kind: 'failed' });
    await relayWith(goodRelay, port);
    await until(() => follower.published.length === 1);
    expect(follower.eventTypes.slice(-2)).toEqual(['recovered', 'published']);
  });

  it('401 at start ends the start at once, and a good key later loads (S-03, S-41)', async () => {
    const relay = await relayWith(({ request, response }) => {
      const isGood = request.headers['x-api-key'] === 'the-new-key';
      response.writeHead(isGood ? 200 : 401, { 'content-type': 'application/json' });
      response.end(isGood ? GOOD : '{"message":"invalid key"}');
    });
    let key = 'the-old-key';
    const follower = follow(relay.url, { apiKey: () => key, authRetryIntervalMs: 1_000 });
    expect(await follower.feed.start()).toMatchObject({ kind: 'failed', error: { code: 'UNAUTHORIZED', status: 401 } });
    key = 'the-new-key';
    await until(() => follower.published.length === 1);
    expect(follower.eventTypes.slice(-2)).toEqual(['recovered', 'published']);
    expect(follower.logger.text).not.toMatch(/the-(old|new)-key/);
  });

  it('STALE after three failures, back to ready with the first answer (S-09)', async () => {
    const relay = await relayWith(goodRelay);
    const follower = follow(relay.url);
    await follower.feed.start();
    relay.handler = ({ socket }) => void socket.destroy();
    for (let i = 0; i < 3; i++) await follower.feed.refresh();
    relay.handler = reply(304, '');
    await follower.feed.refresh();
    expect(follower.eventTypes).toEqual(['published', 'failed', 'failed', 'failed', 'stale', 'recovered']);
  });
});

describe('nothing hangs, nothing stays', () => {
  it('closing during a fetch ends the start and the connection (S-32)', async () => {
    const relay = await relayWith(() => undefined);
    const follower = follow(relay.url);
    const start = follower.feed.start();
    await until(() => relay.requests.length === 1);
    await follower.close();
    expect(await start).toMatchObject({ kind: 'failed', error: { code: 'CLOSED' } });
    await until(() => relay.openConnections === 0);
    expect(follower.events).toEqual([]);
  });

  it('closing twice is closing once (S-33)', async () => {
    const relay = await relayWith(goodRelay);
    const follower = follow(relay.url);
    await follower.feed.start();
    await Promise.all([follower.close(), follower.close()]);
    expect(await follower.feed.refresh()).toBe('failed');
    expect(relay.requests).toHaveLength(1);
  });

  it('a process that never stops its feed ends by itself while the relay is down, after the start gave its answer (D-77)', async () => {
    const report = await runChild('start', `http://127.0.0.1:${await deadPort()}`);
    expect(report).toMatchObject({ outcome: 'NETWORK', polling: true });
  });

  it('a process that never stops its feed ends by itself with an idle connection to a healthy relay (S-37)', async () => {
    const relay = await relayWith(goodRelay);
    const report = await runChild('start', relay.url);
    expect(report).toMatchObject({ outcome: 'loaded', polling: true });
  });

  it('a process ends by itself while a background poll hangs, long before its deadline (S-37)', async () => {
    const relay = await relayWith(goodRelay);
    const hung: Handler = () => undefined;
    relay.handler = (exchange) => (relay.requests.length === 1 ? goodRelay(exchange) : hung(exchange));
    expect(await runChild('hung-poll', relay.url)).toMatchObject({ outcome: 'loaded', inFlight: true });
  });

  it('a process that awaits a refresh gets its answer before it ends', async () => {
    const relay = await relayWith(({ response }) => {
      setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(GOOD);
      }, 300);
    });
    expect(await runChild('refresh', relay.url)).toMatchObject({ outcome: 'loaded', refreshed: 'unchanged' });
  });

  it('undici is not loaded before the first request', async () => {
    expect(await runChild('offline', 'http://127.0.0.1:9')).toEqual({ loaded: [] });
  });

  it('a bomb costs little memory: 65 kB that inflate to 64 MiB under a cap of 16 MiB (CF-03)', async () => {
    expect(BOMB.length).toBeLessThan(66_000);
    const relay = await relayWith(goodRelay);
    // Each child asks twice: for a good answer, then for the bomb.
    relay.handler = (exchange) => (relay.requests.length % 2 === 1 ? goodRelay : gzipped(BOMB))(exchange);
    const grown: number[] = [];
    // What it costs is the least of three: on a busy machine the collector of a process comes late, and memory that is
    // garbage already is measured with the rest.
    for (let run = 0; run < 3; run++) {
      const report = await runChild('bomb', relay.url);
      expect(report).toMatchObject({ code: 'BODY_TOO_LARGE' });
      grown.push(report.grownBytes as number);
    }
    expect(Math.min(...grown)).toBeLessThan(24 * MIB);
  });
});

/** Runs the built library in a process of its own; it must end by itself (the limit is far above any wait of ours). */
async function runChild(scenario: string, endpoint: string): Promise<Record<string, unknown>> {
  const script = fileURLToPath(new URL('./fixtures/relay-client-child.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, scenario, endpoint], { timeout: 15_000 });
  return JSON.parse(stdout) as Record<string, unknown>;
}
