/** What the channels say, each at its place, and what they must not do to whoever speaks. */

import diagnosticsChannel from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { FallbackEvaluator } from '../../../src/evaluator/fallback-evaluator.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { RemoteEvaluator } from '../../../src/evaluator/remote-evaluator.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { isHeard, publish } from '../../../src/telemetry/channels.ts';
import { hung } from '../evaluator/support/fake-line.ts';
import { FallbackBench, FLAGS, PRO } from '../evaluator/support/fallback-bench.ts';
import { TrapSwitch } from '../evaluator/support/trapping-stores.ts';
import { until } from '../provider/support/provider-bench.ts';
import { UsageBench } from '../provider/support/usage-bench.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { inTurn, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';
import { hear } from './support/hearing.ts';

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const CONFIGURATION = JSON.stringify({ flags: { flag: { variations: { v: 'V' }, defaultRule: { variation: 'v' } } } });

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function relay(handler: Parameters<typeof ScriptedRelay.start>[0]): Promise<ScriptedRelay> {
  const started = await ScriptedRelay.start(handler);
  closing.push(() => started.close());
  return started;
}

describe('a channel', () => {
  it('is not heard until somebody listens, and says nothing then', () => {
    expect(isHeard('edict:trap')).toBe(false);
    publish('edict:trap', { traps: 1 });
    const heard = hear('edict:trap');
    expect(isHeard('edict:trap')).toBe(true);
    publish('edict:trap', { traps: 2 });
    expect(heard).toEqual([{ traps: 2 }]);
  });

  it('keeps a listener that throws away from the evaluation, and leaves it to Node', async () => {
    const uncaught: unknown[] = [];
    const existing = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    const broken = (): void => {
      throw new Error('a listener of the application');
    };
    diagnosticsChannel.subscribe('edict:evaluate', broken);
    onTestFinished(() => {
      diagnosticsChannel.unsubscribe('edict:evaluate', broken);
      process.removeAllListeners('uncaughtException');
      for (const listener of existing) process.on('uncaughtException', listener);
    });
    const provider = new EdictProvider({ bootstrap: JSON.parse(CONFIGURATION) as object, logger: quiet });
    closing.push(() => provider.onClose());
    await provider.initialize();
    expect(await provider.resolveStringEvaluation('flag', 'default', {})).toMatchObject({ value: 'V' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(uncaught).toEqual([new Error('a listener of the application')]);
  });
});

describe('edict:evaluate', () => {
  it('tells flag, variant, reason and error code of each resolution, and no value of the context', async () => {
    const heard = hear('edict:evaluate');
    const provider = new EdictProvider({ bootstrap: JSON.parse(CONFIGURATION) as object, logger: quiet });
    closing.push(() => provider.onClose());
    await provider.initialize();
    await provider.resolveStringEvaluation('flag', 'default', { targetingKey: 'ana' });
    await provider.resolveStringEvaluation('unknown', 'default', { targetingKey: 'ana' });
    expect(heard).toEqual([
      { flagKey: 'flag', variant: 'v', reason: 'STATIC', errorCode: undefined },
      { flagKey: 'unknown', variant: 'SdkDefault', reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND' },
    ]);
  });
});

describe('edict:poll', () => {
  it('tells the outcome of each poll, a failure with code and status', async () => {
    const heard = hear('edict:poll');
    const changed = json(CONFIGURATION, { etag: '"1"' });
    const { url } = await relay(inTurn(changed, reply(304, ''), reply(503, '{"message":"no"}'), json('{}')));
    const evaluator = new InProcessEvaluator({ endpoint: url, logger: quiet });
    closing.push(() => evaluator.close());
    await evaluator.initialize();
    for (let i = 0; i < 3; i++) await evaluator.refresh('test');
    const nothing = { code: undefined, status: undefined };
    expect(heard).toEqual([
      { outcome: 'changed', ...nothing },
      { outcome: 'unchanged', ...nothing },
      { outcome: 'failed', code: 'UNAVAILABLE', status: 503 },
      { outcome: 'held', ...nothing },
    ]);
  });

  it('tells of the change probe in remote mode', async () => {
    const heard = hear('edict:poll');
    const { url } = await relay(json('{"hash":1,"flags":{"flag":1}}'));
    const evaluator = new RemoteEvaluator({ endpoint: url, logger: quiet });
    closing.push(() => evaluator.close());
    await evaluator.initialize();
    expect(heard).toEqual([{ outcome: 'changed', code: undefined, status: undefined }]);
  });

  it('is told when everything is in its new state: a listener may ask for the next poll at once', async () => {
    const { url, requests } = await relay(json(CONFIGURATION, { etag: '"1"' }));
    const clock = new FakeClock();
    const evaluator = new InProcessEvaluator({ endpoint: url, logger: quiet, clock, timeoutMs: 3_600_000 });
    closing.push(() => evaluator.close());
    let again: Promise<unknown> | undefined;
    const listener = (): void => {
      again ??= evaluator.refresh('a listener');
    };
    diagnosticsChannel.subscribe('edict:poll', listener);
    onTestFinished(() => void diagnosticsChannel.unsubscribe('edict:poll', listener));
    await evaluator.initialize();
    expect(await again).toBe('unchanged');
    await clock.advance(60_000);
    expect(requests).toHaveLength(2);
  });
});

describe('edict:stream', () => {
  it('tells when the stream opens, triggers a fetch and ends', async () => {
    const heard = hear('edict:stream');
    const end: (() => void)[] = [];
    const started = await relay((exchange) => {
      if (!exchange.request.path.startsWith('/stream/')) return json(CONFIGURATION)(exchange);
      exchange.response.writeHead(200, { 'content-type': 'text/event-stream' });
      exchange.response.flushHeaders();
      end.push(() => exchange.socket.destroy());
    });
    const options = { streaming: 'sse', streamTriggerDelayMs: 0, apiKey: 'the-stream-key' } as const;
    const evaluator = new InProcessEvaluator({ endpoint: started.url, logger: quiet, ...options });
    closing.push(() => evaluator.close());
    await evaluator.initialize();
    await until(() => heard.length === 2);
    end[0]?.();
    await until(() => heard.length === 3);
    expect(heard).toEqual([
      { event: 'opened', code: undefined, status: undefined },
      { event: 'triggered', code: undefined, status: undefined },
      { event: 'ended', code: 'NETWORK', status: undefined },
    ]);
  });

  it.each([
    [404, { event: 'absent', code: undefined, status: 404 }],
    [401, { event: 'failed', code: 'UNAUTHORIZED', status: 401 }],
  ])('tells that a stream was refused with %d', async (status, message) => {
    const heard = hear('edict:stream');
    const started = await relay((exchange) => {
      const isStream = exchange.request.path.startsWith('/stream/');
      return (isStream ? reply(status, '') : json(CONFIGURATION))(exchange);
    });
    const evaluator = new InProcessEvaluator({ endpoint: started.url, streaming: 'sse', logger: quiet });
    closing.push(() => evaluator.close());
    await evaluator.initialize();
    await until(() => heard.length === 1);
    expect(heard).toEqual([message]);
  });
});

describe('edict:trap', () => {
  it('tells of each trap, with the count so far', async () => {
    const heard = hear('edict:trap');
    const traps = new TrapSwitch();
    const targeting = [{ query: 'plan eq "pro"', variation: 'v' }];
    const flag = { variations: { v: 'V', w: 'W' }, targeting, defaultRule: { variation: 'w' } };
    const evaluator = new InProcessEvaluator(
      { bootstrap: { flags: { flag } }, logger: quiet },
      { createStore: traps.createStore },
    );
    closing.push(() => evaluator.close());
    await evaluator.initialize();
    traps.isOn = true;
    expect(evaluator.evaluate('flag', PRO, 'default')).toMatchObject({ value: 'default', errorCode: 'GENERAL' });
    expect(heard).toEqual([{ traps: 1 }]);
  });
});

describe('edict:fallback', () => {
  it('tells what became of a question, or which limit kept it back', async () => {
    const heard = hear('edict:fallback');
    const answer = JSON.stringify({ key: 'broken', value: 'remote', variant: 'v', reason: 'SPLIT' });
    const evaluations = inTurn(json(answer), reply(500, '{"message":"no"}'));
    const { url } = await relay((exchange) => {
      const isQuestion = exchange.request.path.startsWith('/ofrep/');
      return (isQuestion ? evaluations : json(JSON.stringify({ flags: FLAGS })))(exchange);
    });
    const fallback = { budgetMs: 10_000, maxPerSecond: 2 };
    const clock = new FakeClock();
    const options = { endpoint: url, logger: quiet, clock, timeoutMs: 3_600_000, fallback };
    const evaluator = new FallbackEvaluator(options);
    closing.push(() => evaluator.close());
    await evaluator.initialize();
    for (let i = 0; i < 3; i++) await evaluator.evaluate('broken', PRO, 'default');
    expect(heard).toEqual([
      { flagKey: 'broken', outcome: 'answered', cause: undefined },
      { flagKey: 'broken', outcome: 'failed', cause: undefined },
      { flagKey: 'broken', outcome: 'refused', cause: 'rate' },
    ]);
  });

  it('tells of a question that took too long', async () => {
    const heard = hear('edict:fallback');
    const bench = await FallbackBench.started();
    bench.line.script = hung;
    const asked = bench.broken();
    await bench.clock.advance(50);
    await asked;
    expect(heard).toEqual([{ flagKey: 'broken', outcome: 'timedOut', cause: undefined }]);
  });
});

describe('edict:events', () => {
  it('tells how many events were sent, and how many were dropped for which cause', async () => {
    const heard = hear('edict:events');
    const bench = await UsageBench.start({ maxPendingEvents: 1 });
    closing.push(() => bench.close());
    for (let i = 0; i < 5; i++) bench.provider.track('order', { targetingKey: 'ana' });
    expect(heard).toEqual([]);
    await Promise.resolve();
    expect(heard).toEqual([{ sent: 0, dropped: 3, cause: 'overflow' }]);
    await bench.provider.flush();
    expect(heard.slice(1).reduce((sum, { sent }) => sum + sent, 0)).toBe(2);
  });

  it('lets a listener track events of its own, also about drops', async () => {
    const bench = await UsageBench.start({ maxPendingEvents: 1 });
    closing.push(() => bench.close());
    let calls = 0;
    const listener = (): void => {
      calls++;
      if (calls < 10) for (let i = 0; i < 5; i++) bench.provider.track('again', { targetingKey: 'ana' });
    };
    diagnosticsChannel.subscribe('edict:events', listener);
    onTestFinished(() => void diagnosticsChannel.unsubscribe('edict:events', listener));
    for (let i = 0; i < 5; i++) bench.provider.track('order', { targetingKey: 'ana' });
    await until(() => calls >= 10);
    const { accepted, sent, dropped, pending } = bench.provider.diagnostics().events ?? {};
    expect(accepted).toBe((sent ?? 0) + (dropped?.total ?? 0) + (pending ?? 0));
  });
});
