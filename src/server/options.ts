/** The options of the embedded relay: types, defaults and the rules they are checked against. */

import type { JsonObject } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import { systemClock } from '../options/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { consoleLogger } from '../telemetry/logger.ts';
import type { ExporterOption, ResolvedExporter } from './exporters/exporter-options.ts';
import { resolveExporters } from './exporters/exporter-options.ts';
import type { FlagFileOption, FlagSetOption, FlagUrlOption, ResolvedFlagSet } from './flag-set-options.ts';
import { resolveFlagSet, resolveFlagSets } from './flag-set-options.ts';
import { lastModified } from './last-modified.ts';
import type { FlagMap } from './memory-source.ts';
import { demand, demandInteger, demandKeys, MAX_TIMER_MS, withoutUndefined } from './option-rules.ts';

/** What a relay is started with; flags are required: `flagFiles`, `flagUrls`, `flags` or `flagSets`. */
export interface RelayOptions {
  /**
   * Flag files, watched for changes. Several are merged in order: a later file's flag replaces an earlier one's of the
   * same key.
   */
  readonly flagFiles?: readonly (string | FlagFileOption)[];
  /** Flags behind URLs, polled, merged after the files: URLs, or objects with headers, format and interval. */
  readonly flagUrls?: readonly (string | FlagUrlOption)[];
  /** Flags in memory, by key, merged after files and URLs. Copied; `Relay.setFlags` replaces them. */
  readonly flags?: FlagMap;
  /**
   * Named flag sets, each with keys, flags and enrichment of its own, in place of `flagFiles`, `flagUrls`, `flags` and
   * `evaluationContextEnrichment`. A request gets the flag set that its key opens.
   */
  readonly flagSets?: readonly FlagSetOption[];
  /**
   * Folder of policies to serve, watched for changes: `policies.yaml` and a folder for each module. Default none: the policy
   * routes answer 404.
   */
  readonly policies?: string;
  /** Address to listen on. Default `127.0.0.1`: a relay that others may reach has to be asked for. */
  readonly host?: string;
  /** Port to listen on, 0 for any free one. Default 1031. */
  readonly port?: number;
  /** Keys that may ask for flags, in printable ASCII. Default none: everybody may. Beside `flagSets` they open none. */
  readonly apiKeys?: readonly string[];
  /** Keys of the admin routes, accepted as API keys as well. Default none: admin routes refuse everybody. */
  readonly adminKeys?: readonly string[];
  /** Attributes that override those of every evaluation context, here and in the clients. Default none. */
  readonly evaluationContextEnrichment?: JsonObject;
  /** Where the usage events of all flag sets go on to. Default nowhere: they are counted and kept for a while. */
  readonly exporters?: readonly ExporterOption[];
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
  /** Usage events kept for `Relay.events`, in each flag set; the oldest leave first. At most 32 MiB. Default 10 000. */
  readonly maxStoredEvents?: number;
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
  /** Time, for tests that own it: dates of events and delays of exporters. Default: the system's. */
  readonly clock?: Clock;
  /** Jitter of the exporters' delays, and nothing else. Default `Math.random`. */
  readonly random?: () => number;
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
  maxStoredEvents: 10_000,
  drainMs: 5_000,
} as const;

type Defaulted =
  | keyof typeof DEFAULTS
  | 'apiKeys'
  | 'adminKeys'
  | 'evaluationContextEnrichment'
  | 'logger'
  | 'clock'
  | 'random'
  | 'faults';

/** Options with every default filled in; `version` is `undefined` where the caller left it to the relay. */
export type ResolvedRelayOptions = Required<Pick<RelayOptions, Defaulted>> & {
  readonly flagFiles: readonly FlagFileOption[];
  readonly version: string | false | undefined;
  readonly policies: string | undefined;
  readonly exporters: readonly ResolvedExporter[];
  /** The named flag sets; none where the relay has the one that the top-level options describe. */
  readonly namedFlagSets: readonly ResolvedFlagSet[];
  readonly onlyFlagSet: ResolvedFlagSet | undefined;
};

/** Fills in defaults and checks every value; throws `INVALID_OPTION` naming the option and its rule. */
export function resolveRelayOptions(options: RelayOptions): ResolvedRelayOptions {
  const given = withoutUndefined(options);
  const { apiKeys = [], adminKeys = [] } = given;
  demandKeys(apiKeys, 'apiKeys');
  demandKeys(adminKeys, 'adminKeys');
  const namedFlagSets = resolveFlagSets(given.flagSets ?? []);
  if (namedFlagSets.length > 0) {
    for (const name of ['flagFiles', 'flagUrls', 'flags', 'evaluationContextEnrichment'] as const) {
      demand(given[name] === undefined, name, 'belongs into the flag sets when there are `flagSets`');
    }
  }
  const onlyFlagSet = namedFlagSets.length > 0 ? undefined : resolveFlagSet(onlyMembers(given));
  const resolved: ResolvedRelayOptions = {
    ...DEFAULTS,
    logger: consoleLogger,
    clock: systemClock,
    random: Math.random,
    version: undefined,
    policies: undefined,
    faults: false,
    ...given,
    apiKeys,
    adminKeys,
    flagFiles: onlyFlagSet?.flagFiles ?? [],
    evaluationContextEnrichment: onlyFlagSet?.evaluationContextEnrichment ?? {},
    exporters: resolveExporters(given.exporters ?? [], 'exporters'),
    namedFlagSets,
    onlyFlagSet,
  };
  const { policies } = resolved;
  demand(
    policies === undefined || (typeof policies === 'string' && policies !== ''),
    'policies',
    'the path of a folder',
  );
  demand(typeof resolved.host === 'string' && resolved.host !== '', 'host', 'an address or a host name');
  demandInteger(resolved.port, 'port', 0, 65_535);
  demand(isTimeZone(resolved.timeZone), 'timeZone', 'a name of the IANA time zone database');
  demandInteger(resolved.debounceMs, 'debounceMs', 0, MAX_TIMER_MS);
  demandInteger(resolved.checkIntervalMs, 'checkIntervalMs', 10, MAX_TIMER_MS);
  demandInteger(resolved.heartbeatMs, 'heartbeatMs', 10, MAX_TIMER_MS);
  demandInteger(resolved.streamIdleMs, 'streamIdleMs', 10, MAX_TIMER_MS);
  demandInteger(resolved.maxStreams, 'maxStreams', 0, Number.MAX_SAFE_INTEGER);
  demandInteger(resolved.maxBodyBytes, 'maxBodyBytes', 1_024, Number.MAX_SAFE_INTEGER);
  demand(typeof resolved.faults === 'boolean', 'faults', 'true or false');
  demandInteger(resolved.maxStoredEvents, 'maxStoredEvents', 0, 10_000_000);
  demandInteger(resolved.drainMs, 'drainMs', 0, DEFAULTS.drainMs);
  return resolved;
}

/** The members of the only flag set, whose keys are those of the relay as a whole. */
function onlyMembers(given: RelayOptions): Partial<FlagSetOption> {
  const { flagFiles, flagUrls, flags, evaluationContextEnrichment } = given;
  return withoutUndefined({ flagFiles, flagUrls, flags, evaluationContextEnrichment }) as Partial<FlagSetOption>;
}

function isTimeZone(timeZone: string): boolean {
  try {
    return lastModified(new Date(0), timeZone) !== '';
  } catch {
    return false;
  }
}
