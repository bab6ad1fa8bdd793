/** Several endpoints: fail-over at the start and later, and what it costs. */

import { afterEach, describe, expect, it } from 'vitest';

import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import type { Handler } from '../relay/support/scripted-relay.ts';
import { deadPort, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const BODY = JSON.stringify({ flags: { flag: { variations: { v: 'here' }, defaultRule: { variation: 'v' } } } });
const TAG = `"${BODY.length}-5f36b2ea290645ee34d943220a14b54ee5ea5be5"`;

/** Replicas say the same under the same tag, because a tag is a hash of the content. */
const replica: Handler = (exchange) => {
  if (exchange.request.headers['if-none-match'] === TAG) reply(304, '', { etag: TAG })(exchange);
  else json(BODY, { etag: TAG })(exchange);
};
const down: Handler = ({ socket }) => void socket.destroy();

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function relayWith(handler: Handler = replica): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.start(handler);
  closing.push(() => relay.close());
  return relay;
}

function follow(endpoint: readonly string[], options: EdictOptions = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const evaluator = new InProcessEvaluator({ endpoint, clock, logger, random: () => 0.5, ...options });
  closing.push(() => evaluator.close());
  const value = () => evaluator.evaluate('flag', {}, 'default').value;
  const endpointInUse = () => evaluator.describe().endpoint;
  const failures = () => (evaluator.describe().feed as { polls: { failed: number } } | null)?.polls.failed ?? 0;
  /** Time passes on the clock, and a little for the sockets, until something holds. */
  const until = async (condition: () => boolean, stepMs = 100): Promise<void> => {
    while (!condition()) {
      await clock.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  return { evaluator, clock, logger, value, endpointInUse, failures, until };
}

/** Real time passes until it did, while the clock stands still. */
async function happened(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('several endpoints (D-40)', () => {
  it('the first of which is down: the start moves on inside its window', async () => {
    const second = await relayWith();
    const { evaluator, clock, value, endpointInUse, failures } = follow([
      `http://127.0.0.1:${await deadPort()}`,
      second.url,
    ]);
    const starting = evaluator.initialize();
    await happened(() => failures() === 1);
    await clock.advance(1_000);
    await starting;
    expect([evaluator.state, value(), endpointInUse()]).toEqual(['ready', 'here', second.url]);
  });

  it('the first of which hangs: its share of the window is over before the window is', async () => {
    const [first, second] = [await relayWith(() => undefined), await relayWith()];
    const { evaluator, clock, endpointInUse, failures } = follow([first.url, second.url]);
    const starting = evaluator.initialize();
    await happened(() => first.requests.length === 1);
    await clock.advance(5_000);
    await happened(() => failures() === 1);
    await clock.advance(1_000);
    await starting;
    expect([evaluator.state, endpointInUse()]).toEqual(['ready', second.url]);
  });

  it('switching costs no full download: the validator stays valid across them', async () => {
    const [first, second] = [await relayWith(), await relayWith()];
    const { evaluator, value, endpointInUse } = follow([first.url, second.url]);
    await evaluator.initialize();
    expect(endpointInUse()).toBe(first.url);
    first.handler = down;
    expect(await evaluator.refresh('test')).toBe('failed');
    expect(await evaluator.refresh('test')).toBe('unchanged');
    expect([value(), endpointInUse()]).toEqual(['here', second.url]);
    expect(second.requests.map(({ headers }) => headers['if-none-match'])).toEqual([TAG]);
    expect(evaluator.describe().feed).toMatchObject({ polls: { changed: 1, unchanged: 1, failed: 1 } });
  });

  it('the first is tried again after 60 s, and kept when it is back', async () => {
    const [first, second] = [await relayWith(), await relayWith()];
    const { evaluator, clock, endpointInUse } = follow([first.url, second.url], { pollIntervalMs: 0 });
    await evaluator.initialize();
    first.handler = down;
    await evaluator.refresh('test');
    await evaluator.refresh('test');
    await clock.advance(59_000);
    await evaluator.refresh('test');
    expect(endpointInUse()).toBe(second.url);
    first.handler = replica;
    await clock.advance(1_000);
    expect(await evaluator.refresh('test')).toBe('unchanged');
    expect([first.requests.length, second.requests.length, endpointInUse()]).toEqual([3, 2, first.url]);
  });

  it('that are all down leave the last good configuration, and whichever comes back first serves', async () => {
    const relays = [await relayWith(), await relayWith(), await relayWith()];
    const { evaluator, value, endpointInUse, until } = follow(relays.map(({ url }) => url));
    await evaluator.initialize();
    for (const relay of relays) relay.handler = down;
    for (let i = 0; i < 4; i++) await evaluator.refresh('test');
    expect([evaluator.state, value()]).toEqual(['stale', 'here']);
    (relays[2] as ScriptedRelay).handler = replica;
    await until(() => evaluator.state === 'ready');
    expect(endpointInUse()).toBe(relays[2]?.url);
  });

  it('the stream moves on as well', async () => {
    const streaming: Handler = (exchange) => {
      if (!exchange.request.path.startsWith('/stream/')) return replica(exchange);
      exchange.response.writeHead(200, { 'content-type': 'text/event-stream' });
      exchange.response.flushHeaders();
    };
    const [first, second] = [await relayWith(down), await relayWith(streaming)];
    const { evaluator, clock, failures, until } = follow([first.url, second.url], { streaming: 'sse' });
    const starting = evaluator.initialize();
    await happened(() => failures() === 1);
    await clock.advance(1_000);
    await starting;
    await until(() => (evaluator.describe().stream as { state: string }).state === 'up');
    expect(second.requests.some(({ path }) => path.startsWith('/stream/'))).toBe(true);
  });
});
