/** The embedded relay put together: sources, store, routes, listener and their common end. */

import { isIPv6 } from 'node:net';
import { VERSION } from '../relay/user-agent.ts';
import type { Logger, SafeLogger } from '../telemetry/logger.ts';
import { createSafeLogger } from '../telemetry/logger.ts';
import { adminRoute } from './admin-route.ts';
import { Authentication } from './authentication.ts';
import { changeRoute } from './change-route.ts';
import type { CollectedEvent, EventCounts, EventFilter } from './collector/collector.ts';
import { collectorRoute } from './collector/collector-route.ts';
import { configurationRoute } from './configuration-route.ts';
import type { RelayEvent } from './event-reporter.ts';
import { EventReporter } from './event-reporter.ts';
import type { ExportPorts } from './exporters/export-queue.ts';
import { Exporters } from './exporters/exporters.ts';
import type { RelayFaults } from './faults/fault-board.ts';
import { NO_FAULTS } from './faults/fault-board.ts';
import { FaultInjection } from './faults/fault-injection.ts';
import { faultsAdminRoutes } from './faults/faults-admin-route.ts';
import type { FlagDocument } from './flag-set.ts';
import type { ResolvedFlagSet } from './flag-set-options.ts';
import { checkFlagMap } from './flag-set-options.ts';
import type { FlagEvaluator } from './flag-store.ts';
import { HttpListener } from './http.ts';
import { legacyRoutes } from './legacy-routes.ts';
import { manifestRoute } from './manifest-route.ts';
import type { FlagMap } from './memory-source.ts';
import { RelayMetrics } from './metrics.ts';
import { ofrepRoutes } from './ofrep-routes.ts';
import { countInvalidFlags, operationsRoutes } from './operations-routes.ts';
import { demand, demandKeys } from './option-rules.ts';
import type { RelayOptions, ResolvedRelayOptions } from './options.ts';
import { resolveRelayOptions } from './options.ts';
import type { PolicyHalf, PolicyHalfDependencies } from './policies/policy-half.ts';
import type { RelayFlagSet } from './relay-flag-set.ts';
import { createFlagSet } from './relay-flag-set.ts';
import { ChangeStreams, streamRoute } from './stream-route.ts';

/** A running relay. */
export interface Relay {
  /** The base URL a client is given, without a trailing slash. */
  readonly url: string;
  readonly host: string;
  /** The port really listened on, also when 0 was asked for. */
  readonly port: number;
  /** Reads every source now and resolves when the outcome is in force. A source that cannot be read is an event, not a rejection. */
  reload(): Promise<void>;
  /**
   * Replaces all API keys from the next request on; none opens the relay to everybody. With the name of a flag set, its
   * keys: none closes it. Throws `INVALID_OPTION`.
   */
  setApiKeys(keys: readonly string[], flagSet?: string): void;
  /** Replaces all admin keys from the next request on; none closes the admin routes. Throws `INVALID_OPTION`. */
  setAdminKeys(keys: readonly string[]): void;
  /**
   * Replaces the flags handed over in memory (`flags`), which override those of the files; resolves when the outcome is in
   * force. The flag set is named where there are named ones. Throws `INVALID_OPTION`; a flag that is no flag is an event.
   */
  setFlags(flags: FlagMap, flagSet?: string): Promise<void>;
  /** The usage events received and recorded, oldest first within each flag set, as many as are kept. */
  events(filter?: EventFilter): CollectedEvent[];
  /** What became of the events of a flag set, or of all of them, since the start. */
  eventCounts(flagSet?: string): EventCounts;
  /** Forgets the events that are kept; counts and the ids of batches stay. */
  clearEvents(): void;
  /** Sends what exporters hold now; resolves when it arrived, or when an attempt failed. */
  flushExporters(): Promise<void>;
  /** Spoils answers on purpose; of use only in a relay started with `faults: true`. */
  readonly faults: RelayFaults;
  /** Returns the function that removes the listener. A listener that throws is logged. */
  onEvent(listener: (event: RelayEvent) => void): () => void;
  /**
   * Ends streams, lets answers under way finish and exporters send what they hold (`drainMs` for both), and leaves no handle
   * open. Idempotent.
   */
  close(): Promise<void>;
}

/** Makes an evaluator that has loaded the document and is ready. */
export type CreateEvaluator = (document: FlagDocument, logger: Logger) => Promise<FlagEvaluator>;

/** Starts a relay that evaluates with the given evaluator; `createRelay` is this with Edict's own. */
export async function startRelay(options: RelayOptions, createEvaluator: CreateEvaluator): Promise<Relay> {
  const resolved = resolveRelayOptions(options);
  const { host, timeZone, clock, apiKeys, adminKeys, namedFlagSets, onlyFlagSet } = resolved;
  const logger = createSafeLogger(resolved.logger);
  const streams = new ChangeStreams({
    maxStreams: resolved.maxStreams,
    heartbeatMs: resolved.heartbeatMs,
    idleMs: resolved.streamIdleMs,
  });
  const reporter = new EventReporter({ logger, streams });
  const metrics = new RelayMetrics({
    streams: () => streams.size,
    invalidFlags: () => countInvalidFlags(flagSets),
  });
  const injection = resolved.faults ? new FaultInjection() : undefined;
  const exportPorts: ExportPorts & { readonly logger: SafeLogger } = {
    clock,
    random: resolved.random,
    logger,
    onOutcome: (exporter, outcome, events) => metrics.countExport(exporter, outcome, events),
  };
  const sharedExporters = new Exporters(resolved.exporters, exportPorts);
  const make = (flagSet: ResolvedFlagSet, isNamed: boolean): RelayFlagSet =>
    createFlagSet(flagSet, {
      isNamed,
      debounceMs: resolved.debounceMs,
      checkIntervalMs: resolved.checkIntervalMs,
      maxStoredEvents: resolved.maxStoredEvents,
      exportPorts,
      sharedExporters,
      createEvaluator: (document) => createEvaluator(document, resolved.logger),
      listener: (event, source) => reporter.report(event, source, metrics),
    });
  const only = onlyFlagSet && make(onlyFlagSet, false);
  const named = namedFlagSets.map((flagSet) => [make(flagSet, true), flagSet.apiKeys] as const);
  const flagSets = only === undefined ? named.map(([flagSet]) => flagSet) : [only];
  const exporters = [sharedExporters, ...flagSets.map((flagSet) => flagSet.exporters)];
  const authentication = new Authentication<RelayFlagSet>({ only, named, apiKeys, adminKeys });
  for (const key of [apiKeys, adminKeys, ...named.map(([, keys]) => keys)].flat()) logger.remember(key);
  const policies = await makePolicies(resolved, { authentication, streams, reporter, metrics });
  const http = new HttpListener({
    routes: [
      configurationRoute({ authentication, metrics, timeZone }),
      changeRoute({ authentication }),
      ...ofrepRoutes({ authentication, metrics, clock }),
      collectorRoute({ authentication, metrics }),
      ...legacyRoutes({ authentication, metrics, clock }),
      manifestRoute({ authentication, metrics }),
      adminRoute({ flagSets, authentication, metrics }),
      streamRoute({ streams, authentication }),
      ...(policies?.routes ?? []),
      ...operationsRoutes({ flagSets, metrics, policies }),
      ...(injection === undefined ? [] : faultsAdminRoutes({ faults: injection.board, authentication })),
    ],
    version: resolved.version === false ? undefined : (resolved.version ?? `edict-${VERSION}`),
    maxBodyBytes: resolved.maxBodyBytes,
    logger,
    layer: injection && ((exchange) => injection.answer(exchange)),
    onAnswered: (facts, seconds) => metrics.observeRequest(facts, seconds),
  });

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      const deadlineMs = clock.monotonic() + resolved.drainMs;
      streams.close();
      injection?.close();
      policies?.close();
      await http.close(resolved.drainMs);
      const restMs = Math.max(0, deadlineMs - clock.monotonic());
      await Promise.all([
        ...exporters.map((each) => each.close(restMs)),
        ...flagSets.map(({ store }) => store.close()),
      ]);
    })();
    return closing;
  };

  let port: number;
  try {
    // All of them have come to an end before any is closed: what starts later would stay open.
    const starts = await Promise.allSettled([...flagSets.map(({ store }) => store.start()), policies?.start()]);
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    ({ port } = await http.listen(host, resolved.port));
  } catch (caught) {
    await close();
    throw caught;
  }
  return {
    url: `http://${reachable(host)}:${port}`,
    host,
    port,
    reload: async () => {
      metrics.countForcedRefresh();
      await Promise.all([...flagSets.map(({ store }) => store.reload()), policies?.reload()]);
    },
    setApiKeys: (keys, name) => {
      demandKeys(keys, 'apiKeys');
      const flagSet = name === undefined ? undefined : find(flagSets, name);
      authentication.replaceKeys(keys, flagSet?.isNamed === true ? flagSet : undefined);
      for (const key of keys) logger.remember(key);
    },
    faults: injection?.board ?? NO_FAULTS,
    setAdminKeys: (keys) => {
      demandKeys(keys, 'adminKeys');
      authentication.replaceAdminKeys(keys);
      for (const key of keys) logger.remember(key);
    },
    setFlags: async (flags, name) => find(flagSets, name).setFlags(checkFlagMap(flags, 'flags')),
    events: (filter = {}) => flagSets.flatMap(({ collector }) => collector.events(filter)),
    eventCounts: (name) => {
      const asked = name === undefined ? flagSets : [find(flagSets, name)];
      return sumOf(asked.map(({ collector }) => collector.counts()));
    },
    clearEvents: () => {
      for (const { collector } of flagSets) collector.clear();
    },
    flushExporters: async () => {
      await Promise.all(exporters.map((each) => each.flush()));
    },
    onEvent: (listener) => reporter.subscribe(listener),
    close,
  };
}

/** Loaded for a relay that serves policies, and for no other. */
async function makePolicies(
  { policies: folder, clock, checkIntervalMs }: ResolvedRelayOptions,
  to: PolicyHalfDependencies,
): Promise<PolicyHalf | undefined> {
  if (folder === undefined) return undefined;
  const { createPolicyHalf } = await import('./policies/policy-half.ts');
  return createPolicyHalf({ folder, clock, checkIntervalMs }, to);
}

function sumOf(counts: readonly EventCounts[]): EventCounts {
  const sum = { received: 0, feature: 0, tracking: 0, rejected: 0, duplicates: 0, recorded: 0, evicted: 0 };
  for (const one of counts) {
    for (const name of Object.keys(sum) as (keyof EventCounts)[]) sum[name] += one[name];
  }
  return sum;
}

/** The flag set of that name; where there is only one, nobody needs to name it. Throws `INVALID_OPTION`. */
function find(flagSets: readonly RelayFlagSet[], name: string | undefined): RelayFlagSet {
  const [first] = flagSets;
  if (name === undefined && first !== undefined && flagSets.length === 1) return first;
  const found = flagSets.find((flagSet) => flagSet.name === name);
  const names = flagSets.map((flagSet) => flagSet.name).join(', ');
  demand(found !== undefined, 'flagSet', `the name of a flag set: ${names}`);
  return found;
}

/** The host part of a URL; a relay that listens everywhere is reached on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return isIPv6(host) ? `[${host}]` : host;
}
