/** Turns what a caller gave into options the code can trust: validated, completed, copied, frozen. */

import { EdictError } from '../errors.ts';
import type { JsonValue } from '../internal/json.ts';
import { emptyRecord, hasOwn } from '../internal/json.ts';
import type { SafeLogger } from '../telemetry/logger.ts';
import { createSafeLogger } from '../telemetry/logger.ts';
import type { EdictOptions } from './edict-options.ts';
import { isReservedHeader } from './header-rules.ts';
import type { OptionRow } from './kinds.ts';
import { describeKind, REFUSED } from './kinds.ts';
import type { ExporterMetadata } from './rows/collection.ts';
import type { OptionName } from './table.ts';
import { OPTION_NAMES, OPTION_TABLE } from './table.ts';
import { unknownOptionWarning } from './unknown-names.ts';

type Table = typeof OPTION_TABLE;
type ValueOf<Name extends OptionName> = Table[Name] extends OptionRow<infer Out> ? Out : never;

/** Every option with a value; `undefined` only where "none" is a value. */
export type ResolvedOptions = { readonly [Name in Exclude<OptionName, 'logger'>]: ValueOf<Name> } & {
  readonly logger: SafeLogger;
};

/** What `resolveOptions` gave: provider and evaluators pass it on, and a second check would repeat every warning. */
const RESOLVED = new WeakSet<object>();

/** Whether `resolveOptions` has checked and completed these already. */
export function isResolved(options: EdictOptions | ResolvedOptions): options is ResolvedOptions {
  return typeof options === 'object' && options !== null && RESOLVED.has(options);
}

/** Below this a poll is so frequent that it is more often a mistake of unit than a wish. */
const LOW_POLL_INTERVAL_MS = 5_000;

/** More wrong names than this are another object passed by mistake: the log need not list it all. */
const MAX_UNKNOWN_WARNINGS = 10;

/**
 * Checks, completes, copies and freezes options. The caller's object is never changed, and changing it later has no
 * effect.
 *
 * Unknown names cost one warning each, naming the nearest known name. What it gave once passes unchanged.
 *
 * @throws EdictError INVALID_OPTION, naming option, kind of value and rule, before any I/O.
 */
export function resolveOptions(options: EdictOptions | ResolvedOptions = {}): ResolvedOptions {
  if (isResolved(options)) return options;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new EdictError('INVALID_OPTION', `options: got ${describeKind(options)}; must be an object`);
  }
  const given = options as Readonly<Record<string, unknown>>;
  const values = emptyRecord<unknown>();
  for (const name of OPTION_NAMES) values[name] = resolveOne(name, hasOwn(given, name) ? given[name] : undefined);

  const logger = createSafeLogger(values.logger as ValueOf<'logger'>);
  const resolved = { ...values, logger } as unknown as {
    -readonly [Name in keyof ResolvedOptions]: ResolvedOptions[Name];
  };
  resolved.stallTimeoutMs = Math.min(resolved.stallTimeoutMs, resolved.timeoutMs);
  if (resolved.random !== Math.random) resolved.random = unitInterval(resolved.random);
  checkTogether(resolved);
  resolved.exporterMetadata = withoutReserved(resolved.exporterMetadata, logger);
  rememberSecrets(resolved);
  warnAbout(resolved, given);
  RESOLVED.add(resolved);
  return Object.freeze(resolved);
}

/** The options as diagnostics may show them: plain JSON, credentials and functions replaced. */
export function describeOptions(options: ResolvedOptions): Record<string, JsonValue> {
  const shown = emptyRecord<JsonValue>();
  for (const name of OPTION_NAMES) {
    if (name === 'logger') continue;
    const row = OPTION_TABLE[name] as OptionRow<unknown>;
    const value = options[name];
    shown[name] = row.show === undefined ? ((value ?? null) as JsonValue) : row.show(value);
  }
  return shown;
}

function resolveOne(name: OptionName, value: unknown): unknown {
  const row = OPTION_TABLE[name] as OptionRow<unknown>;
  if (value === undefined) return row.fallback();
  const parsed = row.parse(value);
  if (parsed === REFUSED) {
    throw new EdictError('INVALID_OPTION', `${name}: got ${describeKind(value)}; must be ${row.rule}`);
  }
  return parsed;
}

/** Rules that look at more than one option. */
function checkTogether(options: Omit<ResolvedOptions, 'logger'>): void {
  const { endpoint, bootstrap, evaluationType, policies, dispatcher, fetch } = options;
  if (endpoint === undefined && policies !== undefined) {
    throw new EdictError('INVALID_OPTION', 'endpoint: got undefined; policies come from a relay');
  }
  if (endpoint === undefined && evaluationType === 'remote') {
    throw new EdictError('INVALID_OPTION', "endpoint: got undefined; evaluationType 'remote' requires it");
  }
  if (endpoint === undefined && bootstrap === undefined) {
    throw new EdictError('INVALID_OPTION', 'endpoint: got undefined; it is required unless bootstrap is given');
  }
  if (dispatcher !== undefined && fetch !== undefined) {
    throw new EdictError('INVALID_OPTION', 'fetch: got a function; must not be given together with dispatcher');
  }
}

/** Members of `exporterMetadata` that the relay's exporters read as ours. */
const RESERVED_METADATA: readonly string[] = ['provider', 'openfeature'];

function withoutReserved(given: ExporterMetadata, logger: SafeLogger): ExporterMetadata {
  const reserved = RESERVED_METADATA.filter((name) => hasOwn(given, name));
  if (reserved.length === 0) return given;
  logger.warn(`exporterMetadata: ${reserved.join(' and ')} cannot be set and is ignored`);
  const kept = emptyRecord<string | number | boolean>();
  for (const [name, value] of Object.entries(given)) if (!reserved.includes(name)) kept[name] = value;
  return Object.freeze(kept);
}

/** What must never be seen in a log or an error, as far as it is known before the first request. */
function rememberSecrets({ apiKey, headers, userKeySecret, logger }: ResolvedOptions): void {
  if (userKeySecret !== undefined) logger.remember(userKeySecret);
  if (typeof apiKey === 'string') logger.remember(apiKey);
  if (typeof headers === 'object') for (const [, value] of headers) logger.remember(value);
}

function warnAbout(options: ResolvedOptions, given: Readonly<Record<string, unknown>>): void {
  const { logger, pollIntervalMs, headers, wasmSha256 } = options;
  const unknown = Object.keys(given).filter((name) => !hasOwn(OPTION_TABLE, name));
  for (const name of unknown.slice(0, MAX_UNKNOWN_WARNINGS)) logger.warn(unknownOptionWarning(name));
  if (unknown.length > MAX_UNKNOWN_WARNINGS) {
    logger.warn(`${unknown.length - MAX_UNKNOWN_WARNINGS} more options do not exist and are ignored`);
  }
  if (options.endpoint !== undefined && pollIntervalMs === 0 && options.streaming === 'off') {
    logger.warn('pollIntervalMs is 0: the configuration changes only when refresh() is called');
  } else if (pollIntervalMs !== 0 && pollIntervalMs < LOW_POLL_INTERVAL_MS) {
    logger.warn(`pollIntervalMs is ${pollIntervalMs}: every process asks the relay that often`);
  }
  if (wasmSha256 === false) logger.warn('wasmSha256 is false: the module is run without checking its hash');
  const reserved = typeof headers === 'object' ? headers.filter(([name]) => isReservedHeader(name)) : [];
  if (reserved.length > 0) {
    logger.warn(`headers: ${reserved.map(([name]) => name).join(', ')} cannot be set and is ignored`);
  }
}

/** A random source of the caller's, made harmless: jitter computed from NaN would be a timer of 1 ms. */
function unitInterval(random: () => number): () => number {
  return () => {
    const value = random();
    return value >= 0 && value < 1 ? value : 0.5;
  };
}
