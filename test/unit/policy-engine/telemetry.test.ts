import diagnosticsChannel from 'node:diagnostics_channel';
import { join } from 'node:path';
import { type Span as ApiSpan, type Tracer as ApiTracer, type Context, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { policyMiddleware } from '../../../src/gateway/http/index.ts';
import { definePolicy, PolicyEngine, type PolicyEngineOptions } from '../../../src/policy-engine/index.ts';
import { isSpanError, terminalReason } from '../../../src/policy-engine/terminal.ts';
import type { Span, TraceContext, Tracer } from '../../../src/telemetry/tracer.ts';
import { HttpRig } from '../gateway/http/support/http-rig.ts';
import { FolderRig } from './support/folder-rig.ts';

const POLICIES = [
  definePolicy({ name: 'pass', hooks: { onRequestHeaders: () => undefined, onResponseHeaders: () => undefined } }),
  definePolicy({ name: 'bodies', hooks: { onRequestBody: () => undefined, onResponseBody: () => undefined } }),
  definePolicy({
    name: 'deny',
    hooks: {
      onRequestHeaders: () => ({
        kind: 'immediate',
        status: 401,
        fault: { code: 900_901, type: 'AUTH', message: 'no', description: '' },
      }),
    },
  }),
  definePolicy({
    name: 'fail',
    hooks: {
      onRequestHeaders: () => {
        throw new Error('inside');
      },
    },
  }),
  definePolicy({ name: 'status', hooks: { onResponseHeaders: () => ({ kind: 'response-changes', status: 418 }) } }),
];

const DOCUMENT = {
  routes: [
    {
      key: '*|/pass|*',
      name: 'pass',
      tenant: 'shop',
      api: { id: 'a1', name: 'Pets', version: 'v1' },
      policies: [
        { use: 'pass' },
        { use: 'bodies' },
        { use: 'pass', key: 'off', enabled: false },
        { use: 'pass', key: 'never', condition: 'false' },
      ],
    },
    { key: '*|/deny|*', name: 'deny', tenant: 'shop', policies: [{ use: 'deny' }] },
    { key: '*|/fail|*', name: 'fail', tenant: 'shop', policies: [{ use: 'fail' }] },
    { key: '*|/status|*', name: 'status', tenant: 'shop', policies: [{ use: 'status' }] },
    { key: '*|/gone|*', name: 'gone', tenant: 'shop', policies: [{ use: 'gone' }] },
  ],
};

async function started(options: PolicyEngineOptions): Promise<{ engine: PolicyEngine; rig: HttpRig }> {
  const logger = { error() {}, warn() {}, info() {}, debug() {} };
  const engine = new PolicyEngine({ policies: POLICIES, watch: false, logger, ...options });
  onTestFinished(() => engine.close());
  await engine.load(DOCUMENT);
  return { engine, rig: await served(engine) };
}

async function served(engine: PolicyEngine): Promise<HttpRig> {
  const middleware = policyMiddleware(engine, { maxBodyBytes: 100 });
  const rig = await HttpRig.start((request, response) => middleware(request, response, () => response.end('hello')));
  onTestFinished(() => rig.close());
  return rig;
}

class Metrics {
  readonly #exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #reader = new PeriodicExportingMetricReader({ exporter: this.#exporter, exportIntervalMillis: 1_000_000 });
  readonly #provider = new MeterProvider({ readers: [this.#reader] });
  readonly meter = this.#provider.getMeter('edict');

  constructor() {
    onTestFinished(() => this.#provider.shutdown());
  }

  /** Name, attributes and value of everything that was collected last. */
  async read(): Promise<Map<string, { attributes: Record<string, unknown>; value: unknown }[]>> {
    await this.#provider.forceFlush();
    const last = this.#exporter.getMetrics().at(-1);
    const metrics = last?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
    return new Map(
      metrics.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.map(({ attributes, value }) => ({ attributes, value })),
      ]),
    );
  }
}

describe('metrics', () => {
  it('count hooks, failures, skips, short circuits, faults, bytes, loads and what is there now (P-35)', async () => {
    const metrics = new Metrics();
    const { rig } = await started({ meter: metrics.meter });
    await rig.send({ method: 'POST', path: '/pass', body: 'four' });
    await rig.send({ path: '/deny' });
    await rig.send({ path: '/fail' });
    const seen = await metrics.read();
    const of = (name: string) => seen.get(`edict_policy_${name}`) ?? [];
    const place = { tenant: 'shop', version: 'v1.0.0', tier: 'native', phase: 'request_headers' };
    expect(of('executions_total')).toContainEqual({
      attributes: { ...place, policy: 'pass', outcome: 'none' },
      value: 1,
    });
    expect(of('failures_total')).toEqual([{ attributes: { ...place, policy: 'fail', code: 'TRAP' }, value: 1 }]);
    expect(of('short_circuits_total')).toEqual([{ attributes: { ...place, policy: 'deny' }, value: 1 }]);
    expect(of('faults_total')).toEqual([{ attributes: { tenant: 'shop', code: '900901' }, value: 1 }]);
    expect(of('skipped_total').map(({ attributes, value }) => [attributes['reason'], value])).toEqual([
      ['disabled', 1],
      ['condition', 2],
    ]);
    expect(of('body_bytes_total')).toEqual([
      { attributes: { tenant: 'shop', direction: 'request' }, value: 4 },
      { attributes: { tenant: 'shop', direction: 'response' }, value: 5 },
    ]);
    expect(of('config_refresh_total')).toEqual([{ attributes: { result: 'partial' }, value: 1 }]);
    expect(of('chains_loaded')).toEqual([{ attributes: { tenant: 'shop' }, value: 4 }]);
    expect(of('policies_per_chain')).toEqual([{ attributes: { tenant: 'shop' }, value: 4 }]);
    expect(of('active_streams')).toEqual([{ attributes: { tenant: 'shop' }, value: 0 }]);
    expect(of('instances')).toEqual([{ attributes: { scope: 'per-route' }, value: 7 }]);
    expect(of('instances_leaked')).toEqual([{ attributes: {}, value: 0 }]);
    expect(of('config_age_seconds')[0]?.value).toBeGreaterThan(0);
    for (const name of ['duration_seconds', 'chain_duration_seconds', 'activation_seconds']) {
      expect(of(name)[0]?.value).toMatchObject({ count: expect.any(Number) as number });
    }
  });

  it('of modules and workers are there when there are any: every row of the table has had a value (P-35)', async () => {
    const metrics = new Metrics();
    const rig = await FolderRig.create();
    await rig.add('set-headers', '{ requestHeaders: process, responseHeaders: process }', 'minimumTier: isolated');
    await rig.add('set-headers', '{ requestHeaders: process, responseHeaders: process }', 'displayName: here', 'here');
    const params = "{ requestHeaders: [{ name: x-m, value: '1' }], responseHeaders: [{ name: x-r, value: '1' }] }";
    await rig.configure(
      `routes:\n  - { key: '*|/m|*', tenant: shop, policies: [{ use: 'file:here', params: ${params} }, { use: 'file:set-headers', params: ${params} }] }\n`,
    );
    const decisions = { jsonLines: join(rig.path, 'decisions.jsonl'), limits: { maxEvents: 1 } };
    const engine = await rig.loaded({ meter: metrics.meter, decisions });
    const service = await served(engine);
    for (let i = 0; i < 3; i++) await service.send({ path: '/m' });
    await vi.waitFor(() => expect(engine.decisions()).toMatchObject({ accepted: 3 }));
    const seen = await metrics.read();
    const of = (name: string) => seen.get(`edict_policy_${name}`) ?? [];
    expect(of('memory_bytes')[0]?.value).toBeGreaterThan(0);
    expect(of('slots').map(({ attributes }) => attributes['state'])).toEqual(['leased', 'filled']);
    expect(of('slot_replacements_total').map(({ attributes }) => attributes['reason'])).toEqual([
      'poisoned',
      'recycled',
    ]);
    expect(of('fuel_used')[0]?.value).toMatchObject({ count: expect.any(Number) as number });
    expect(of('virtual_instances')).toEqual([{ attributes: { state: 'READY' }, value: 1 }]);
    expect([of('reaped_total')[0]?.value, of('evicted_total')[0]?.value]).toEqual([0, 0]);
    // How many are dropped depends on when the file is written; test/unit/policy-engine/decisions.test.ts counts them.
    expect(of('decisions_dropped_total').map(({ attributes }) => attributes['reason'])).toContain('overflow');
    expect(of('decisions_pending')).toHaveLength(1);
    expect(of('worker_spares')).toHaveLength(1);
    expect(of('worker_terminations_total')).toHaveLength(1);
    const tiers = of('executions_total').map(({ attributes }) => attributes['tier']);
    expect(tiers.length).toBeGreaterThan(0);
  });

  it('give fifty tenants a label of their own and the rest one for all (P-35, V-11)', async () => {
    const metrics = new Metrics();
    const engine = new PolicyEngine({ policies: POLICIES, watch: false, meter: metrics.meter });
    onTestFinished(() => engine.close());
    const routes = Array.from({ length: 60 }, (_, index) => ({
      key: `*|/t${index}|*`,
      tenant: `t${index}`,
      policies: [{ use: 'pass' }],
    }));
    await engine.load({ routes });
    const rig = await served(engine);
    for (let index = 0; index < 60; index++) await rig.send({ path: `/t${index}` });
    const executions = (await metrics.read()).get('edict_policy_executions_total') ?? [];
    const tenants = new Set(executions.map(({ attributes }) => attributes['tenant']));
    expect(tenants.size).toBe(51);
    const other = executions.filter(({ attributes }) => attributes['tenant'] === 'other');
    expect(other.map(({ value }) => value)).toEqual([10, 10]);
  });

  it('that a meter refuses cost one warning and no request (P-35)', async () => {
    const warnings: string[] = [];
    const meter = {
      createHistogram: () => {
        throw new Error('no histograms');
      },
    };
    const logger = { error() {}, warn: (text: string) => void warnings.push(text), info() {}, debug() {} };
    const { rig } = await started({ meter: meter as never, logger: logger as never });
    expect((await rig.send({ path: '/pass' })).status).toBe(200);
    expect(warnings.filter((text) => text.includes('a meter or tracer threw'))).toHaveLength(1);
  });
});

interface Recorded {
  readonly name: string;
  readonly parent: string | undefined;
  readonly attributes: Record<string, unknown>;
  status: number;
  ends: number;
}

/** A tracer that finds parents as OpenTelemetry's does. */
class FakeTracer implements Tracer {
  readonly spans: Recorded[] = [];
  readonly #ids = new Map<string, string>();

  startSpan(name: string, options: Parameters<Tracer['startSpan']>[1] = {}, context?: TraceContext): Span {
    const parent = trace.getSpan(context as unknown as Context)?.spanContext();
    const span: Recorded = {
      name,
      parent: parent === undefined ? undefined : (this.#ids.get(parent.spanId) ?? parent.spanId),
      attributes: { ...options.attributes },
      status: 0,
      ends: 0,
    };
    this.spans.push(span);
    const spanId = String(this.spans.length).padStart(16, '0');
    this.#ids.set(spanId, name);
    return {
      spanContext: () => ({ traceId: '1'.repeat(32), spanId, traceFlags: 1 }),
      setAttribute: (key, value) => {
        span.attributes[key] = value;
      },
      setStatus: ({ code }) => {
        span.status = code;
      },
      end: () => {
        span.ends++;
      },
    };
  }
}

describe('spans', () => {
  it('of an exchange, its phases and its policies, with attributes, below the span of the caller (P-35)', async () => {
    const tracer = new FakeTracer();
    const { rig } = await started({ tracer });
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await rig.send({ path: '/pass', headers: { traceparent } });
    const exchange = tracer.spans[0];
    expect(exchange).toMatchObject({
      name: 'edict.exchange',
      parent: 'b'.repeat(16),
      status: 0,
      attributes: {
        route_name: 'pass',
        tenant: 'shop',
        api_id: 'a1',
        api_name: 'Pets',
        api_version: 'v1',
        'http.response.status_code': 200,
        'terminal.reason': 'upstream_response',
      },
    });
    const phases = tracer.spans.filter(({ name }) => name.startsWith('edict.phase.'));
    expect(phases.map(({ name, parent }) => [name, parent])).toEqual([
      ['edict.phase.request_headers', 'edict.exchange'],
      ['edict.phase.request_body', 'edict.exchange'],
      ['edict.phase.response_headers', 'edict.exchange'],
      ['edict.phase.response_body', 'edict.exchange'],
    ]);
    const policies = tracer.spans.filter(({ name }) => name.startsWith('edict.policy.'));
    expect(policies.find(({ attributes }) => attributes['policy.position'] === 'off')).toMatchObject({
      parent: 'edict.exchange',
      attributes: { 'policy.enabled': false, 'policy.skipped': true, 'skip.reason': 'disabled' },
    });
    expect(policies.find(({ attributes }) => attributes['policy.position'] === 'never')).toMatchObject({
      parent: 'edict.phase.request_headers',
      attributes: { 'policy.skipped': true, 'skip.reason': 'condition', 'policy.tier': 'native' },
    });
    expect(tracer.spans.every(({ ends }) => ends === 1)).toBe(true);
  });

  it.each([
    ['/deny', {}, 'policy_denied', 0],
    ['/fail', {}, 'policy_error', 2],
    ['/status', {}, 'policy_status_override', 0],
    ['/gone', {}, 'no_policy_chain', 2],
    ['/pass', { method: 'POST', body: 'x'.repeat(101) }, 'payload_too_large', 0],
  ])('of %s end with their reason, and 4xx are no errors (P-35)', async (path, more, reason, status) => {
    const tracer = new FakeTracer();
    const { rig } = await started({ tracer });
    const reply = await rig.send({ path, ...more });
    const exchange = tracer.spans.find(({ name }) => name === 'edict.exchange');
    expect(exchange).toMatchObject({ status, attributes: { 'terminal.reason': reason } });
    expect(exchange?.attributes['terminal.error_id']).toBe(reply.headers['x-error-id']);
    if (path === '/fail') {
      expect(tracer.spans.find(({ name }) => name === 'edict.policy.fail')).toMatchObject({
        status: 2,
        attributes: { 'policy.failure_code': 'TRAP' },
      });
    }
  });

  it('whose reason nothing in a service here can cause have it by the table (P-35)', () => {
    const end = {
      reason: 'completed',
      response: undefined,
      isReplaced: false,
      hasFailed: false,
      upstreamStatus: 200,
    } as const;
    expect(terminalReason({ ...end, reason: 'client-aborted' })).toBe('cancelled');
    expect(terminalReason({ ...end, reason: 'upstream-aborted' })).toBe('processing_failed');
    expect(terminalReason({ ...end, reason: 'failed' })).toBe('processing_failed');
    expect(terminalReason({ ...end, reason: 'failed', hasFailed: true })).toBe('policy_error');
    expect([isSpanError('overloaded'), isSpanError('cancelled'), isSpanError('upstream_response')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('fit the tracer of OpenTelemetry by type, and one that throws costs no request (P-35)', async () => {
    const check = (tracer: ApiTracer, span: ApiSpan): [Tracer, Span] => [tracer as Tracer, span];
    expect(check).toBeTypeOf('function');
    const tracer = {
      startSpan: () => {
        throw new Error('no spans');
      },
    };
    const { rig } = await started({ tracer });
    expect((await rig.send({ path: '/pass' })).status).toBe(200);
  });
});

describe('channels', () => {
  it('tell of calls, failures and loads while somebody listens, and make nothing while nobody does (P-35)', async () => {
    const heard: [string, Record<string, unknown>][] = [];
    const listener = (message: unknown, name: string | symbol): void =>
      void heard.push([String(name), message as never]);
    const names = ['edict:policy:call', 'edict:policy:failure', 'edict:policy:swap'];
    const { engine, rig } = await started({});
    await rig.send({ path: '/fail' });
    expect(heard).toEqual([]);
    for (const name of names) diagnosticsChannel.subscribe(name, listener);
    onTestFinished(() => {
      for (const name of names) diagnosticsChannel.unsubscribe(name, listener);
    });
    await rig.send({ path: '/fail' });
    await engine.load(DOCUMENT);
    const call = {
      tenant: 'shop',
      route: 'fail',
      policy: 'fail',
      phase: 'request_headers',
      outcome: 'failed',
      code: 'TRAP',
    };
    expect(heard).toMatchObject([
      ['edict:policy:call', call],
      ['edict:policy:failure', call],
      ['edict:policy:swap', { outcome: 'active', problems: 1, routes: { active: 4, kept: 0, closed: 1 } }],
    ]);
  });
});

it('without meter and tracer nobody follows an exchange (P-35)', async () => {
  const { engine } = await started({});
  const { EngineTelemetry } = await import('../../../src/policy-engine/engine-telemetry.ts');
  let asked = 0;
  const telemetry = new EngineTelemetry({
    meter: undefined,
    tracer: undefined,
    logger: { warn() {} },
    monotonic: () => ++asked,
    now: () => ++asked,
    modules: () => {
      asked++;
      return [];
    },
    facts: () => {
      asked++;
      return { status: engine.describe(), workers: undefined, registry: {}, decisions: undefined };
    },
  });
  expect(telemetry.watch(undefined as never, undefined as never)).toBeUndefined();
  expect(asked).toBe(0);
});
