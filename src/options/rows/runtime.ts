/** Options of the runtime: logger, metrics, and the sources of time and chance that tests own. */

import type { Logger } from '../../telemetry/logger.ts';
import { consoleLogger } from '../../telemetry/logger.ts';
import type { Meter } from '../../telemetry/meter.ts';
import { bindClock, hasMethods } from '../checks.ts';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { REFUSED, row } from '../kinds.ts';

const METER_METHODS = [
  'createObservableCounter',
  'createObservableGauge',
  'addBatchObservableCallback',
  'removeBatchObservableCallback',
];

export const RUNTIME_ROWS = {
  logger: row<Logger>({
    group: 'Runtime',
    type: 'Logger',
    fallback: () => consoleLogger,
    defaultText: 'console, warnings and errors only',
    rule: 'an object with the methods error, warn, info and debug',
    doc: 'Where messages go. Credentials never appear in them, and a logger that throws is ignored.',
    why: 'Route messages into the logger of your service.',
    parse: (value) => (hasMethods(value, ['error', 'warn', 'info', 'debug']) ? (value as unknown as Logger) : REFUSED),
    show: (value) => (value === consoleLogger ? 'console' : 'custom'),
  }),
  meter: row<Meter | undefined>({
    group: 'Runtime',
    type: 'Meter',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'an OpenTelemetry Meter (an object with its methods for observable counters, gauges and batch callbacks)',
    doc: 'Shows the counters of `diagnostics()` as OpenTelemetry instruments named `edict.…`.',
    why: "`metrics.getMeter('edict')` of `@opentelemetry/api`; it does nothing until an SDK is registered.",
    parse: (value) => (hasMethods(value, METER_METHODS) ? (value as unknown as Meter) : REFUSED),
    show: (value) => (value === undefined ? null : 'custom'),
  }),
  clock: row<Clock>({
    group: 'Runtime',
    type: 'Clock',
    fallback: () => systemClock,
    defaultText: 'system',
    rule: 'an object with the methods now, monotonic, setTimeout and clearTimeout',
    doc: 'Source of time: `now` decides rollouts and HTTP dates, `monotonic` and the timers decide intervals.',
    why: 'Tests that own the time.',
    parse: (value) =>
      hasMethods(value, ['now', 'monotonic', 'setTimeout', 'clearTimeout'])
        ? bindClock(value as unknown as Clock)
        : REFUSED,
    show: (value) => (value === systemClock ? 'system' : 'custom'),
  }),
  random: row<() => number>({
    group: 'Runtime',
    type: '() => number',
    fallback: () => Math.random,
    defaultText: '`Math.random`',
    rule: 'a function giving numbers from 0 to below 1',
    doc: 'Source of jitter, and of nothing else.',
    why: 'Tests that want the same delays each time.',
    parse: (value) => (typeof value === 'function' ? (value as () => number) : REFUSED),
    show: (value) => (value === Math.random ? 'system' : 'custom'),
  }),
} as const;
