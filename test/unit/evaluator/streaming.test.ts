/** An evaluator that listens to the stream of a relay, over real sockets. */

import { execFile } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

import type { AbstractEvaluator } from '../../../src/evaluator/abstract-evaluator.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { RemoteEvaluator } from '../../../src/evaluator/remote-evaluator.ts';
import type { JsonObject } from '../../../src/internal/json.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { createRelay } from '../../../src/server/index.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import type { Handler } from '../relay/support/scripted-relay.ts';
import { json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const EVENT = 'id: \ndata: {"deleted":{},"added":{},"updated":{"another tenant":{}}}\n\n';

/** A relay with a configuration route and a stream, both in the hands of the test. */
class StreamingRelay {
  readonly streams: ServerResponse[] = [];
  variation = 'a';
  readonly streaming: Handler = ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    this.streams.push(response);
  };
  stream = this.streaming;
  readonly relay: ScriptedRelay;

  private constructor(relay: ScriptedRelay) {
    this.relay = relay;
    relay.handler = (exchange) => {
      if (exchange.request.path.startsWith('/stream/')) return this.stream(exchange);
      if (exchange.request.headers['if-none-match'] === `"${this.variation}"`) return reply(304, '')(exchange);
      const flag = { variations: { a: 'a', b: 'b', c: 'c' }, defaultRule: { variation: this.variation } };
      json(JSON.stringify({ flags: { flag } }), { etag: `"${this.variation}"` })(exchange);
    };
  }

  static async start(): Promise<StreamingRelay> {
    return new StreamingRelay(await ScriptedRelay.start());
  }

  get polls(): number {
    return this.relay.requests.filter(({ path }) => !path.startsWith('/stream/')).length;
  }
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function begin(options: EdictOptions = {}, prepare: (relay: StreamingRelay) => void = () => undefined) {
  const relay = await StreamingRelay.start();
  closing.push(() => relay.relay.close());
  prepare(relay);
  const logger = new RecordingLogger();
  const evaluator = new InProcessEvaluator({
    endpoint: relay.relay.url,
    apiKey: 'the-stream-key',
    streaming: 'sse',
    streamTriggerDelayMs: 0,
    logger,
    ...options,
  });
  closing.push(() => evaluator.close());
  await evaluator.initialize();
  const value = () => evaluator.evaluate('flag', {}, 'default').value;
  const stream = () => evaluator.describe().stream as JsonObject;
  return { relay, evaluator, logger, value, stream };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe.each<[string, EdictOptions]>([
  ['undici', {}],
  ['the fetch of the caller', { fetch: globalThis.fetch }],
])('a change stream through %s (D-38)', (_, options) => {
  it('brings a change at once, with conditional fetches over a connection that stays free for them', async () => {
    const { relay, value, stream, logger } = await begin(options);
    await until(() => relay.polls === 2);
    relay.variation = 'b';
    relay.streams[0]?.write(EVENT);
    await until(() => value() === 'b');
    relay.streams[0]?.write(EVENT);
    await until(() => relay.polls === 4);
    expect(relay.relay.requests.filter(({ path }) => path.includes('/stream/'))).toHaveLength(1);
    expect(stream()).toMatchObject({ state: 'up', connects: 1, events: 2, triggers: 3 });
    expect(logger.text).not.toContain('the-stream-key');
  });

  it('is opened again when the relay ends it, and the connect brings what was missed', async () => {
    const { relay, value, stream } = await begin(options);
    await until(() => relay.polls === 2);
    relay.variation = 'b';
    relay.streams[0]?.end();
    await until(() => value() === 'b');
    expect(stream()).toMatchObject({ state: 'up', connects: 2, failures: 1 });
  });

  it('ends with the evaluator, and leaves no connection', async () => {
    const { relay, evaluator } = await begin(options);
    await until(() => relay.streams.length === 1);
    await evaluator.close();
    await until(() => relay.streams[0]?.destroyed === true);
    expect(evaluator.describe().stream).toBeNull();
  });
});

describe('a change stream', () => {
  it('that is not there leaves polling, with one warning, until the next initialize()', async () => {
    const { relay, evaluator, logger, stream } = await begin({}, (relay) => {
      relay.stream = reply(404, '{"message":"Not Found"}');
    });
    await until(() => stream().state === 'absent');
    expect(logger.at('warn')).toEqual([expect.stringContaining('offers no change stream (it answered 404)')]);
    await evaluator.close();
    relay.stream = relay.streaming;
    await evaluator.initialize();
    await until(() => stream().state === 'up');
  });

  it('that is refused never stops the polls, and the key is in no message', async () => {
    const { relay, evaluator, logger, stream, value } = await begin({}, (relay) => {
      relay.stream = reply(401, '{"message":"Unauthorized the-stream-key"}');
    });
    await until(() => stream().state === 'waiting');
    relay.variation = 'b';
    expect(await evaluator.refresh('test')).toBe('changed');
    expect(value()).toBe('b');
    expect(stream()).toMatchObject({ lastError: { code: 'UNAUTHORIZED', status: 401, at: expect.any(String) } });
    expect(logger.text).not.toContain('the-stream-key');
  });

  it('whose chunks cut characters in two is read as if they did not', async () => {
    const { relay, stream } = await begin();
    await until(() => relay.streams.length === 1);
    for (const byte of Buffer.from('data: {"😀":"é"}\r\n\r\n')) {
      relay.streams[0]?.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    await until(() => stream().events === 1);
  });

  it('never keeps a process alive (S-37, D-77)', async () => {
    const relay = await StreamingRelay.start();
    closing.push(() => relay.relay.close());
    const child = fileURLToPath(new URL('fixtures/streaming-child.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [child, relay.relay.url], { timeout: 15_000 });
    expect(JSON.parse(stdout)).toEqual({ value: 'a', stream: 'up' });
  });
});

describe.each<[string, (options: EdictOptions) => AbstractEvaluator]>([
  ['in-process', (options) => new InProcessEvaluator(options)],
  ['remote', (options) => new RemoteEvaluator({ ...options, evaluationType: 'remote' })],
])('a change in the embedded relay, %s, without any poll', (_, make) => {
  it('is heard through the stream, with the flags that changed', async () => {
    const quiet = new RecordingLogger();
    const flags = (variation: string) => ({ flag: { variations: { a: 'a', b: 'b' }, defaultRule: { variation } } });
    const relay = await createRelay({ flags: flags('a'), port: 0, logger: quiet, apiKeys: ['k-123'] });
    closing.push(() => relay.close());
    const options = { endpoint: relay.url, apiKey: 'k-123', streaming: 'sse', streamTriggerDelayMs: 0 } as const;
    const evaluator = make({ ...options, pollIntervalMs: 0, logger: quiet });
    closing.push(() => evaluator.close());
    await evaluator.initialize();
    const changes: (readonly string[])[] = [];
    evaluator.onChange((event) => {
      if (event.type === 'changed') changes.push(event.flagsChanged);
    });
    await until(() => ((evaluator.describe().stream as JsonObject).triggers as number) === 1);
    await relay.setFlags(flags('b'));
    await until(() => changes.length === 1);
    expect(changes).toEqual([['flag']]);
    expect((await evaluator.evaluate('flag', {}, 'default')).value).toBe('b');
    expect(evaluator.describe().stream).toMatchObject({ state: 'up', connects: 1, events: 1, triggers: 2 });
  });
});
