/** What an exporter is told: its types, defaults and rules. */

import { isJsonObject } from '../../internal/json.ts';
import {
  areHeaders,
  demand,
  demandInteger,
  isTextRecord,
  isWebUrl,
  MAX_TIMER_MS,
  withoutUndefined,
} from '../option-rules.ts';

/** Appends events to a file, as JSON lines with the fields and the order of GO Feature Flag's file exporter. */
export interface FileExporterOption {
  readonly type: 'file';
  /** The file; it and its folder are made when needed. */
  readonly path: string;
}

/** Writes a line for each event to the relay's logger, at level `info` (which the default logger does not show). */
export interface LogExporterOption {
  readonly type: 'log';
}

/** Sends batches `{"meta": {...}, "events": [...]}` to a webhook. */
export interface WebhookExporterOption {
  readonly type: 'webhook';
  /** Absolute http or https URL. */
  readonly url: string;
  /** Key of the signature in `X-Hub-Signature-256`. Default "": no signature. */
  readonly secret?: string;
  /** Further request headers. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Members of `meta`, beside `hostname`. Default none. */
  readonly meta?: Readonly<Record<string, string>>;
  /** How long an event waits for others, in milliseconds. Default 1 000. */
  readonly flushIntervalMs?: number;
  /** Events in one request. Default 1 000. */
  readonly maxBatchEvents?: number;
  /** Deadline of a request, in milliseconds. Default 5 000. */
  readonly timeoutMs?: number;
}

/** Where usage events go on to. */
export type ExporterOption = FileExporterOption | LogExporterOption | WebhookExporterOption;

/** An exporter with every default filled in. */
export type ResolvedExporter = FileExporterOption | LogExporterOption | Required<WebhookExporterOption>;

const WEBHOOK_DEFAULTS = {
  secret: '',
  headers: {},
  meta: {},
  flushIntervalMs: 1_000,
  maxBatchEvents: 1_000,
  timeoutMs: 5_000,
} as const;

/** Fills in defaults and checks every value; `path` is the option's name in errors. */
export function resolveExporters(exporters: readonly ExporterOption[], path: string): readonly ResolvedExporter[] {
  demand(Array.isArray(exporters), path, 'a list of exporters');
  return exporters.map((exporter, at) => resolveExporter(exporter, `${path}[${at}]`));
}

function resolveExporter(exporter: ExporterOption, path: string): ResolvedExporter {
  demand(isJsonObject(exporter), path, 'an object with a type');
  demand(['file', 'log', 'webhook'].includes(exporter.type), `${path}.type`, 'one of file, log, webhook');
  switch (exporter.type) {
    case 'log':
      return { type: 'log' };
    case 'file':
      demand(typeof exporter.path === 'string' && exporter.path !== '', `${path}.path`, 'a path of a file');
      return { type: 'file', path: exporter.path };
    case 'webhook':
      return resolveWebhook(exporter, path);
  }
}

function resolveWebhook(exporter: WebhookExporterOption, path: string): Required<WebhookExporterOption> {
  const resolved = { ...WEBHOOK_DEFAULTS, ...withoutUndefined(exporter) };
  demand(isWebUrl(resolved.url), `${path}.url`, 'an absolute http or https URL without user info');
  demand(typeof resolved.secret === 'string', `${path}.secret`, 'a text');
  demand(areHeaders(resolved.headers), `${path}.headers`, 'names and values that a request can carry');
  demand(isTextRecord(resolved.meta), `${path}.meta`, 'texts by their names');
  demandInteger(resolved.flushIntervalMs, `${path}.flushIntervalMs`, 0, MAX_TIMER_MS);
  demandInteger(resolved.maxBatchEvents, `${path}.maxBatchEvents`, 1, 10_000);
  demandInteger(resolved.timeoutMs, `${path}.timeoutMs`, 1, MAX_TIMER_MS);
  return { ...resolved, headers: { ...resolved.headers }, meta: { ...resolved.meta } };
}
