/** The options of the embedded relay: types, defaults and the rules they are checked against. */

import { EdictError } from '../errors.ts';
import type { FlagFileFormat } from '../flags/files/read-flag-file.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import type { JsonObject } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import type { Logger } from '../telemetry/logger.ts';
import { consoleLogger } from '../telemetry/logger.ts';
import { lastModified } from './last-modified.ts';

/** A flag file with its format, where the extension does not say it. */
export interface FlagFileOption {
  readonly path: string;
  /** Default: by the extension (`.json`, `.toml`, everything else is YAML). */
  readonly format?: FlagFileFormat;
}

/** What a relay is started with; only `flagFiles` is required. */
export interface RelayOptions {
  /**
   * Flag files, watched for changes. Several are merged in order: a later file's flag replaces an earlier one's of the
   * same key. Required, at least one.
   */
  readonly flagFiles: readonly (string | FlagFileOption)[];
  /** Address to listen on. Default `127.0.0.1`: a relay that others may reach has to be asked for. */
  readonly host?: string;
  /** Port to listen on, 0 for any free one. Default 1031. */
  readonly port?: number;
  /** Keys that may ask for flags, in printable ASCII. Default none: everybody may. */
  readonly apiKeys?: readonly string[];
  /** Attributes that override those of every evaluation context, here and in the clients. Default none. */
  readonly evaluationContextEnrichment?: JsonObject;
  /** IANA zone whose clock and name `Last-Modified` shows. Default `UTC`; others help to test clients. */
  readonly timeZone?: string;
  /** Value of the header `X-GOFEATUREFLAG-VERSION`, `false` for no header. Default `edict-` and the package's version. */
  readonly version?: string | false;
  /** Where warnings and errors go. Default: the console's `warn` and `error`, nothing below. */
  readonly logger?: Logger;
  /** Quiet time after a change of a file's directory before the file is read, in milliseconds. Default 100. */
  readonly debounceMs?: number;
  /** Time between two looks at a file, for the changes no event told of, in milliseconds. Default 2 000. */
  readonly checkIntervalMs?: number;
  /** Time between two heartbeats of a change stream, in milliseconds. Default 15 000. */
  readonly heartbeatMs?: number;
  /** A change stream that has taken nothing for this long is cut, in milliseconds. Default 60 000. */
  readonly streamIdleMs?: number;
  /** Change streams open at a time; the next one is answered 503. Default 64. */
  readonly maxStreams?: number;
  /** Largest request body, in bytes; a larger one is answered 413. Default 8 MiB. */
  readonly maxBodyBytes?: number;
  /**
   * Test mode: answers can be spoilt through `relay.faults` and `/edict/v1/faults`. Default `false`: nothing can be
   * injected, and the route does not exist.
   */
  readonly faults?: boolean;
  /** How long `close()` waits for answers under way, in milliseconds. Default 5 000, which is also the maximum. */
  readonly drainMs?: number;
}

const DEFAULTS = {
  host: '127.0.0.1',
  port: 1031,
  timeZone: 'UTC',
  debounceMs: 100,
  checkIntervalMs: 2_000,
  heartbeatMs: 15_000,
  streamIdleMs: 60_000,
  maxStreams: 64,
  maxBodyBytes: 8 * 1024 * 1024,
  drainMs: 5_000,
} as const;

/** The largest delay a timer takes; longer ones would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

type Defaulted = keyof typeof DEFAULTS | 'apiKeys' | 'evaluationContextEnrichment' | 'logger' | 'faults';

/** Options with every default filled in; `version` is `undefined` where the caller left it to the relay. */
export type ResolvedRelayOptions = Required<Pick<RelayOptions, Defaulted>> & {
  readonly flagFiles: readonly FlagFileOption[];
  readonly version: string | false | undefined;
};

/** Fills in defaults and checks every value; throws `INVALID_OPTION` naming the option and its rule. */
export function resolveRelayOptions(options: RelayOptions): ResolvedRelayOptions {
  const resolved: ResolvedRelayOptions = {
    ...DEFAULTS,
    apiKeys: [],
    evaluationContextEnrichment: {},
    logger: consoleLogger,
    version: undefined,
    faults: false,
    ...withoutUndefined(options),
    flagFiles: (options.flagFiles ?? []).map((file) => (typeof file === 'string' ? { path: file } : file)),
  };
  demand(resolved.flagFiles.length > 0, 'flagFiles', 'name at least one file');
  for (const { path, format } of resolved.flagFiles) {
    demand(typeof path === 'string' && path !== '', 'flagFiles', 'each entry needs a path');
    const isKnown = format === undefined || ['yaml', 'json', 'toml'].includes(format);
    demand(isKnown, 'flagFiles', 'the format is yaml, json or toml');
  }
  demand(typeof resolved.host === 'string' && resolved.host !== '', 'host', 'an address or a host name');
  demandInteger(resolved.port, 'port', 0, 65_535);
  checkApiKeys(resolved.apiKeys);
  const enrichment = jsonCopy(resolved.evaluationContextEnrichment);
  demand(isJsonObject(enrichment), 'evaluationContextEnrichment', 'an object that JSON can say');
  demand(isTimeZone(resolved.timeZone), 'timeZone', 'a name of the IANA time zone database');
  demandInteger(resolved.debounceMs, 'debounceMs', 0, MAX_TIMER_MS);
  demandInteger(resolved.checkIntervalMs, 'checkIntervalMs', 10, MAX_TIMER_MS);
  demandInteger(resolved.heartbeatMs, 'heartbeatMs', 10, MAX_TIMER_MS);
  demandInteger(resolved.streamIdleMs, 'streamIdleMs', 10, MAX_TIMER_MS);
  demandInteger(resolved.maxStreams, 'maxStreams', 0, Number.MAX_SAFE_INTEGER);
  demandInteger(resolved.maxBodyBytes, 'maxBodyBytes', 1_024, Number.MAX_SAFE_INTEGER);
  demand(typeof resolved.faults === 'boolean', 'faults', 'true or false');
  demandInteger(resolved.drainMs, 'drainMs', 0, DEFAULTS.drainMs);
  return { ...resolved, evaluationContextEnrichment: enrichment };
}

/** Keys travel in a header, so only what a header can carry is a key. */
export function checkApiKeys(keys: readonly string[]): void {
  demand(
    Array.isArray(keys) && keys.every((key) => typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)),
    'apiKeys',
    'a list of keys in printable ASCII, none empty',
  );
}

/** A copy, so that later changes by the caller have no effect; `undefined` for what JSON cannot say. */
function jsonCopy(value: unknown): unknown {
  try {
    return JSON.parse(canonicalJson(value)) as unknown;
  } catch {
    return undefined;
  }
}

function isTimeZone(timeZone: string): boolean {
  try {
    return lastModified(new Date(0), timeZone) !== '';
  } catch {
    return false;
  }
}

function demandInteger(value: number, option: string, min: number, max: number): void {
  demand(Number.isInteger(value) && value >= min && value <= max, option, `a whole number from ${min} to ${max}`);
}

function demand(holds: boolean, option: string, rule: string): asserts holds {
  if (!holds) throw new EdictError('INVALID_OPTION', `${option}: ${rule}`);
}

/** An option given as `undefined` is an option not given. */
function withoutUndefined(options: RelayOptions): RelayOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as RelayOptions;
}
