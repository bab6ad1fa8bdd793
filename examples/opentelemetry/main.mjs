/**
 * OpenTelemetry beside Edict: OpenFeature's own hooks count evaluations and tell of each as an event, Edict's `meter` shows
 * what goes on inside. Everything is exported into memory and printed; a service would register its exporters instead.
 */

import { EventHook, MetricsHook } from '@openfeature/open-telemetry-hooks';
import { OpenFeature } from '@openfeature/server-sdk';
import { metrics } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { EdictProvider } from 'edict';
import { createRelay } from 'edict/relay';

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
metrics.setGlobalMeterProvider(meterProvider);
// The smallest provider of loggers there is: evaluations are events of the logs signal.
const events = [];
logs.setGlobalLoggerProvider({ getLogger: () => ({ emit: (event) => events.push(event) }) });

const flags = {
  'new-checkout': {
    variations: { on: true, off: false },
    targeting: [{ name: 'staff', query: 'email ew "@example.com"', variation: 'on' }],
    defaultRule: { variation: 'off' },
  },
};
const quiet = { error: console.error, warn() {}, info() {}, debug() {} };
const relay = await createRelay({ flags, port: 0, logger: quiet });
const provider = new EdictProvider({ endpoint: relay.url, logger: quiet, meter: metrics.getMeter('edict') });

OpenFeature.addHooks(new MetricsHook(), new EventHook({ excludeExceptions: true }));
await OpenFeature.setProviderAndWait(provider);
const client = OpenFeature.getClient();
await client.getBooleanValue('new-checkout', false, { targetingKey: 'ana', email: 'ana@example.com' });
await client.getBooleanValue('new-checkout', false, { targetingKey: 'ben' });
await client.getBooleanValue('no-such-flag', false, { targetingKey: 'ben' });

console.log('Events of the evaluations');
for (const { eventName, attributes } of events) {
  const said = ['key', 'result.variant', 'result.reason'].map((name) => attributes[`feature_flag.${name}`] ?? '-');
  console.log(`  ${eventName}  ${[...said, attributes['error.type'] ?? ''].join('  ')}`.trimEnd());
}

await meterProvider.forceFlush();
console.log('\nMetrics, those that are not zero');
const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
for (const { descriptor, dataPoints } of scopes.flatMap((scope) => scope.metrics)) {
  for (const { value, attributes } of dataPoints.filter((point) => point.value !== 0)) {
    const shown = Object.entries(attributes).map(([name, text]) => `${name.replace('feature_flag.', '')}=${text}`);
    console.log(`  ${descriptor.name}  ${value}  ${shown.join(' ')}`.trimEnd());
  }
}

await OpenFeature.close();
await meterProvider.shutdown();
await relay.close();
