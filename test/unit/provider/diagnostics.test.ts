/** The shape of diagnostics() and what is in it (relay-and-provider §5.7), for each kind of evaluator. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import { AbstractEvaluator, type EvaluatorState } from '../../../src/evaluator/abstract-evaluator.ts';
import { NO_FACTS } from '../../../src/evaluator/evaluator-facts.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { OPTION_NAMES } from '../../../src/options/table.ts';
import type { Diagnostics } from '../../../src/provider/diagnostics.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { FLAGS, PRO } from '../evaluator/support/fallback-bench.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { inTurn, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const MEMBERS = ['provider', 'state', ...Object.keys(NO_FACTS), 'events'].sort();

async function provide(options: EdictOptions): Promise<EdictProvider> {
  const provider = new EdictProvider({ logger: quiet, ...options });
  onTestFinished(() => provider.onClose());
  return provider;
}

async function relay(handler: Parameters<typeof ScriptedRelay.start>[0]): Promise<ScriptedRelay> {
  const started = await ScriptedRelay.start(handler);
  onTestFinished(() => started.close());
  return started;
}

/** An evaluator of somebody else's, who tells nothing but its state. */
class OwnEvaluator extends AbstractEvaluator {
  override readonly state: EvaluatorState = 'ready';
  override readonly confirmedAgeMs = undefined;
  override async initialize(): Promise<void> {}
  override async close(): Promise<void> {}
  override evaluate(flagKey: string) {
    return this.failure(flagKey, 'FLAG_NOT_FOUND', 'none here', undefined);
  }
  override prepare() {
    return { evaluate: (flagKey: string) => this.evaluate(flagKey) };
  }
  override evaluateAll() {
    return [];
  }
  override isTrackable(): boolean {
    return true;
  }
  override async refresh(): Promise<'unchanged'> {
    return 'unchanged';
  }
  override describe() {
    return {};
  }
  protected override logListenerError(): void {}
}

describe('diagnostics() has every member, and is plain JSON', () => {
  const bootstrap = { flags: FLAGS };
  it.each([
    ['in-process, offline', () => provide({ bootstrap })],
    ['with a fallback', () => provide({ endpoint: 'http://127.0.0.1:9' })],
    ['remote', () => provide({ endpoint: 'http://127.0.0.1:9', evaluationType: 'remote', remoteCacheMaxEntries: 1 })],
    ['around an evaluator', async () => new EdictProvider(new InProcessEvaluator({ bootstrap, logger: quiet }))],
    ["around a caller's own evaluator", async () => new EdictProvider(new OwnEvaluator())],
  ])('%s, before the start', async (_, make) => {
    const shown = (await make()).diagnostics();
    expect(Object.keys(shown).sort()).toEqual(MEMBERS);
    expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
  });

  it('needs no cast to be read', async () => {
    const shown = (await provide({ bootstrap })).diagnostics();
    expectTypeOf(shown).toEqualTypeOf<Diagnostics>();
    expectTypeOf(shown.feed?.polls.failedByCode).toEqualTypeOf<Readonly<Record<string, number>> | undefined>();
    expectTypeOf(shown.state).toEqualTypeOf<EvaluatorState>();
    expect(shown.options?.pollIntervalMs).toBe(120_000);
  });

  it("takes the state of a caller's own evaluator, which tells nothing else", () => {
    expect(new EdictProvider(new OwnEvaluator()).diagnostics()).toEqual({
      provider: 'edict',
      state: 'ready',
      ...NO_FACTS,
      events: null,
    });
  });

  it('shows every option but the logger', async () => {
    const { options } = (await provide({ bootstrap })).diagnostics();
    expect(Object.keys(options ?? {}).sort()).toEqual(OPTION_NAMES.filter((name) => name !== 'logger').sort());
  });
});

describe('diagnostics() has the content of §5.7 (D-94)', () => {
  it('in-process, with a stream, a file, a fallback and usage events', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edict-diagnostics-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const clock = new FakeClock();
    const configuration = json(JSON.stringify({ flags: FLAGS }), {
      etag: '"7-abc"',
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 UTC',
    });
    const polls = inTurn(configuration, reply(304, ''), reply(503, '{"message":"later"}'), configuration);
    const { url } = await relay((exchange) => {
      const { path } = exchange.request;
      if (path.startsWith('/stream/')) return reply(404, '')(exchange);
      if (path.startsWith('/ofrep/')) return reply(500, '{"message":"no"}')(exchange);
      if (path.endsWith('/collector')) return reply(503, '{"message":"no"}')(exchange);
      return polls(exchange);
    });
    const persistPath = join(folder, 'flags');
    const patient = { timeoutMs: 3_600_000, fallback: { budgetMs: 1_000_000 }, random: () => 0.5 };
    const provider = await provide({ endpoint: url, clock, streaming: 'sse', persistPath, ...patient });
    await provider.initialize();
    await provider.resolveStringEvaluation('broken', 'default', PRO);
    provider.track('order', PRO);
    await provider.flush();
    await provider.refresh();
    await clock.advance(2_000);
    await provider.refresh();
    const shown = provider.diagnostics();
    expect(shown).toMatchObject({
      provider: 'edict',
      state: 'ready',
      stateSince: '2026-01-01T00:00:00.000Z',
      source: 'relay',
      flagCount: Object.keys(FLAGS).length,
      confirmedAgeMs: 2_000,
      endpoint: url,
      feed: {
        polls: { changed: 1, unchanged: 1, held: 0, failed: 1, failedByCode: { UNAVAILABLE: 1 } },
        lastError: { code: 'UNAVAILABLE', status: 503, at: expect.stringMatching(/Z$/) },
        consecutiveFailures: 1,
        configFlips: 0,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        validator: '"7-abc"',
        lastModified: 'Thu, 01 Jan 2026 00:00:00 UTC',
        relayVersion: '1.55.0',
      },
      stream: { state: 'absent', connects: 0, triggers: 0 },
      persisted: { path: persistPath, failedWrites: 0 },
      traps: 0,
      rebuilds: 0,
      quarantine: { active: 0, total: 0, flags: [] },
      fallback: { answered: 0, failed: 1, timedOut: 0 },
      events: { accepted: 1, sent: 0, pending: 1, lastError: { code: 'UNAVAILABLE', status: 503 } },
      evaluations: null,
      cache: null,
    });
    expect(shown.guestMemoryBytes).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
  });

  it('remote, with failed evaluations as the last error, and the cache', async () => {
    const metadata = { gofeatureflag_cacheable: true };
    const value = JSON.stringify({ key: 'f', value: 'v', variant: 'v', reason: 'STATIC', metadata });
    const answers = inTurn(json(value), reply(503, '{"message":"later"}'));
    const { url } = await relay((exchange) =>
      (exchange.request.path.startsWith('/ofrep/') ? answers : json('{"hash":1,"flags":{"f":1}}'))(exchange),
    );
    const provider = await provide({ endpoint: url, evaluationType: 'remote', remoteCacheMaxEntries: 10 });
    await provider.initialize();
    for (const flag of ['f', 'f', 'g']) await provider.resolveStringEvaluation(flag, 'default', PRO);
    expect(provider.diagnostics()).toMatchObject({
      state: 'ready',
      source: null,
      flagCount: 1,
      confirmedAgeMs: expect.any(Number),
      feed: { polls: { changed: 1, failed: 0 }, lastError: { code: 'UNAVAILABLE', status: 503 } },
      evaluations: { asked: 2, answered: 1, failed: 1, spared: 0, waiting: 0 },
      cache: { entries: 1, hits: 1, misses: 2 },
      guestMemoryBytes: null,
      traps: null,
      fallback: null,
    });
  });

  it('after a close: no configuration, no feed, the counters of what lives on', async () => {
    const { url } = await relay(json(JSON.stringify({ flags: FLAGS })));
    const provider = await provide({ endpoint: url });
    await provider.initialize();
    provider.track('order', PRO);
    await provider.onClose();
    expect(provider.diagnostics()).toMatchObject({
      state: 'not-ready',
      source: 'none',
      flagCount: 0,
      confirmedAgeMs: null,
      feed: null,
      pool: null,
      events: { state: 'closed', accepted: 1, pending: 0 },
    });
  });
});
