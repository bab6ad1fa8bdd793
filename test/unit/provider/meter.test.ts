/** The option `meter`: with OpenTelemetry's SDK, with its API alone, and what it must not do. */

import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { INSTRUMENT_ROWS } from '../../../src/provider/instrument-rows.ts';
import { FLAGS, PRO } from '../evaluator/support/fallback-bench.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { inTurn, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

type Point = readonly [value: number, attributes: object];

/** An SDK that exports into memory when it is told to. */
function openTelemetry(temporality = AggregationTemporality.CUMULATIVE) {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  onTestFinished(() => meters.shutdown());
  const collect = async () => {
    exporter.reset();
    await meters.forceFlush();
    const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    const seen = new Map<string, { readonly unit: string; readonly points: Point[] }>();
    for (const { descriptor, dataPoints } of scopes.flatMap((scope) => scope.metrics)) {
      const points = dataPoints.map(({ value, attributes }): Point => [value as number, attributes]);
      seen.set(descriptor.name, { unit: descriptor.unit, points });
    }
    return seen;
  };
  return { meter: meters.getMeter('edict'), collect };
}

async function relay(handler: Parameters<typeof ScriptedRelay.start>[0]) {
  const started = await ScriptedRelay.start(handler);
  onTestFinished(() => started.close());
  return started;
}

function provide(options: EdictOptions): { provider: EdictProvider; clock: FakeClock; logger: RecordingLogger } {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const provider = new EdictProvider({ clock, logger, timeoutMs: 3_600_000, random: () => 0.5, ...options });
  onTestFinished(() => provider.onClose());
  return { provider, clock, logger };
}

describe('with the SDK', () => {
  it('the facts of diagnostics() are instruments (D-94)', async () => {
    const { meter, collect } = openTelemetry();
    const answer = JSON.stringify({ key: 'broken', value: 'remote', variant: 'v', reason: 'SPLIT' });
    const polls = inTurn(json(JSON.stringify({ flags: FLAGS })), reply(503, '{"message":"no"}'));
    const questions = inTurn(json(answer), reply(500, '{"message":"no"}'));
    const { url } = await relay((exchange) => {
      const { path } = exchange.request;
      if (path.startsWith('/ofrep/')) return questions(exchange);
      if (path.endsWith('/collector')) return json('{"ingestedContentCount":1}')(exchange);
      return polls(exchange);
    });
    const { provider, clock } = provide({ endpoint: url, meter, maxPendingEvents: 1, fallback: { budgetMs: 10_000 } });
    expect((await collect()).size).toBe(0);
    await provider.initialize();
    for (let i = 0; i < 2; i++) await provider.resolveStringEvaluation('broken', 'default', PRO);
    for (let i = 0; i < 5; i++) provider.track('order', PRO);
    await provider.flush();
    await clock.advance(3_000);
    await provider.refresh();
    const seen = await collect();
    const points = (name: string): Point[] => seen.get(name)?.points ?? [];
    const shown = provider.diagnostics();
    expect(points('edict.polls')).toEqual([
      [1, { outcome: 'changed' }],
      [0, { outcome: 'unchanged' }],
      [0, { outcome: 'held' }],
      [1, { outcome: 'failed', 'error.type': 'unavailable' }],
    ]);
    expect(seen.get('edict.configuration.age')).toEqual({ unit: 's', points: [[3, {}]] });
    expect(points('edict.configuration.flags')).toEqual([[shown.flagCount, {}]]);
    expect(points('edict.configuration.broken_flags')).toEqual([[shown.brokenFlags, {}]]);
    expect(points('edict.configuration.flips')).toEqual([[0, {}]]);
    expect(points('edict.traps').concat(points('edict.rebuilds'))).toEqual([
      [0, {}],
      [0, {}],
    ]);
    expect(seen.get('edict.guest.memory')).toEqual({ unit: 'By', points: [[shown.guestMemoryBytes, {}]] });
    expect(points('edict.fallbacks').filter(([count]) => count > 0)).toEqual([
      [1, { outcome: 'answered' }],
      [1, { outcome: 'failed' }],
    ]);
    expect(points('edict.fallbacks')).toContainEqual([0, { outcome: 'refused', cause: 'retry_after' }]);
    expect(points('edict.events.accepted')).toEqual([[5, {}]]);
    expect(points('edict.events.sent')).toEqual([[2, {}]]);
    expect(points('edict.events.pending')).toEqual([[0, {}]]);
    expect(points('edict.events.dropped')).toContainEqual([3, { cause: 'overflow' }]);
    expect(points('edict.provider.state').filter(([is]) => is === 1)).toEqual([[1, { state: 'ready' }]]);
    expect(points('edict.provider.state')).toHaveLength(7);
    // No stream, no remote mode: no series of theirs.
    for (const name of ['edict.stream.connects', 'edict.remote_evaluations', 'edict.cache.lookups']) {
      expect([name, points(name)]).toEqual([name, []]);
    }
  });

  it('remote mode has its evaluations and its cache', async () => {
    const { meter, collect } = openTelemetry();
    const metadata = { gofeatureflag_cacheable: true };
    const answer = JSON.stringify({ key: 'f', value: 'v', variant: 'v', reason: 'STATIC', metadata });
    const { url } = await relay((exchange) =>
      json(exchange.request.path.startsWith('/ofrep/') ? answer : '{"hash":1,"flags":{"f":1}}')(exchange),
    );
    const { provider } = provide({ endpoint: url, meter, evaluationType: 'remote', remoteCacheMaxEntries: 10 });
    await provider.initialize();
    for (let i = 0; i < 3; i++) await provider.resolveStringEvaluation('f', 'default', PRO);
    const seen = await collect();
    expect(seen.get('edict.remote_evaluations')?.points).toContainEqual([1, { outcome: 'answered' }]);
    expect(seen.get('edict.cache.lookups')?.points).toEqual([
      [2, { outcome: 'hit' }],
      [1, { outcome: 'miss' }],
    ]);
    expect(seen.get('edict.configuration.flags')?.points).toEqual([[1, {}]]);
    expect(seen.get('edict.traps')?.points ?? []).toEqual([]);
  });

  it('no attribute has a value of a context, a flag key or an address', async () => {
    const { meter, collect } = openTelemetry();
    const { url } = await relay(json(JSON.stringify({ flags: FLAGS })));
    const { provider } = provide({ endpoint: url, meter, fallback: 'off' });
    await provider.initialize();
    await provider.resolveStringEvaluation('broken', 'default', { targetingKey: 'ana@example.com' });
    const attributes = [...(await collect()).values()].flatMap(({ points }) => points.map(([, shown]) => shown));
    expect(JSON.stringify(attributes)).not.toMatch(/ana|broken|127\.0\.0\.1/);
    for (const value of attributes.flatMap((shown) => Object.values(shown))) expect(value).toMatch(/^[a-z_]+$/);
  });

  it('the instruments go with a close and come back with a start', async () => {
    // A cumulative export repeats the last value for ever.
    const { meter, collect } = openTelemetry(AggregationTemporality.DELTA);
    const { provider } = provide({ bootstrap: { flags: FLAGS }, meter });
    await provider.initialize();
    await provider.initialize();
    expect((await collect()).get('edict.traps')?.points).toEqual([[0, {}]]);
    await provider.onClose();
    expect((await collect()).get('edict.traps')?.points ?? []).toEqual([]);
    await provider.initialize();
    expect((await collect()).get('edict.provider.state')?.points).toContainEqual([1, { state: 'ready' }]);
  });

  it('a start that failed is shown: it goes on in the background', async () => {
    const { meter, collect } = openTelemetry();
    const { url } = await relay(reply(401, '{"message":"no"}'));
    const { provider } = provide({ endpoint: url, meter });
    await expect(provider.initialize()).rejects.toMatchObject({ code: 'PROVIDER_FATAL' });
    const seen = await collect();
    expect(seen.get('edict.provider.state')?.points).toContainEqual([1, { state: 'fatal' }]);
    expect(seen.get('edict.polls')?.points).toContainEqual([1, { outcome: 'failed', 'error.type': 'unauthorized' }]);
    expect(seen.get('edict.configuration.age')?.points ?? []).toEqual([]);
  });
});

describe('without an SDK', () => {
  it('the meter of the API alone does nothing, and nothing notices', async () => {
    const { provider, logger } = provide({ bootstrap: { flags: FLAGS }, meter: metrics.getMeter('edict') });
    await provider.initialize();
    expect(await provider.resolveStringEvaluation('unknown', 'default', {})).toMatchObject({ value: 'default' });
    await provider.onClose();
    expect(logger.at('warn').filter((line) => line.includes('meter'))).toEqual([]);
  });

  it('a meter that throws costs a line in the log, not the start', async () => {
    const broken = () => {
      throw new Error('no meters today');
    };
    const meter = {
      createObservableCounter: broken,
      createObservableGauge: broken,
      addBatchObservableCallback: broken,
      removeBatchObservableCallback: broken,
    };
    const { provider, logger } = provide({ bootstrap: { flags: FLAGS }, meter });
    await provider.initialize();
    expect(provider.diagnostics().state).toBe('ready');
    expect(logger.at('warn').filter((line) => line.includes('no meters today'))).toHaveLength(1);
  });
});

it('every instrument has a name of its own below edict., a unit and a description', () => {
  const names = INSTRUMENT_ROWS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, unit, description } of INSTRUMENT_ROWS) {
    expect(name).toMatch(/^edict(\.[a-z][a-z_]*)+$/);
    expect([unit === '', description === '']).toEqual([false, false]);
  }
});
