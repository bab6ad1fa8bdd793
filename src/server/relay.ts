/** The embedded relay put together: sources, store, routes, listener and their common end. */

import { isIPv6 } from 'node:net';
import { VERSION } from '../relay/user-agent.ts';
import type { Logger, SafeLogger } from '../telemetry/logger.ts';
import { createSafeLogger } from '../telemetry/logger.ts';
import { Authentication } from './authentication.ts';
import { changeRoute } from './change-route.ts';
import { configurationRoute } from './configuration-route.ts';
import type { RelayFaults } from './faults/fault-board.ts';
import { NO_FAULTS } from './faults/fault-board.ts';
import { FaultInjection } from './faults/fault-injection.ts';
import { faultsAdminRoutes } from './faults/faults-admin-route.ts';
import { FileSource } from './file-source.ts';
import { changedKeys } from './flag-change.ts';
import type { FlagDocument } from './flag-set.ts';
import type { FlagEvaluator, StoreEvent } from './flag-store.ts';
import { FlagStore } from './flag-store.ts';
import { HttpListener } from './http.ts';
import { RelayMetrics } from './metrics.ts';
import { ofrepRoutes } from './ofrep-routes.ts';
import { operationsRoutes } from './operations-routes.ts';
import type { RelayOptions } from './options.ts';
import { checkApiKeys, resolveRelayOptions } from './options.ts';
import { ChangeStreams, streamRoute } from './stream-route.ts';

/** What a running relay tells its host. */
export type RelayEvent =
  /** Another flag set is in force. Keys sorted by UTF-16 code unit. */
  | { readonly type: 'changed'; readonly flagsChanged: readonly string[] }
  /** A flag is left out of every answer; the message says where and why. No key: it has none in its file. */
  | { readonly type: 'invalid-flag'; readonly flagKey: string | undefined; readonly message: string }
  /** A source cannot be read any more; its last good content stays in use, and it is tried again. */
  | { readonly type: 'source-failed'; readonly source: string; readonly message: string }
  /** A source that had failed is readable again. */
  | { readonly type: 'source-recovered'; readonly source: string };

/** A running relay. */
export interface Relay {
  /** The base URL a client is given, without a trailing slash. */
  readonly url: string;
  readonly host: string;
  /** The port really listened on, also when 0 was asked for. */
  readonly port: number;
  /** Reads every source now and resolves when the outcome is in force. A source that cannot be read is an event, not a rejection. */
  reload(): Promise<void>;
  /** Replaces all API keys from the next request on; none opens the relay to everybody. Throws `INVALID_OPTION`. */
  setApiKeys(keys: readonly string[]): void;
  /** Spoils answers on purpose; of use only in a relay started with `faults: true`. */
  readonly faults: RelayFaults;
  /** Returns the function that removes the listener. A listener that throws is logged. */
  onEvent(listener: (event: RelayEvent) => void): () => void;
  /** Ends streams, lets answers under way finish (at most `drainMs`), and leaves no handle open. Idempotent. */
  close(): Promise<void>;
}

/** Makes an evaluator that has loaded the document and is ready. */
export type CreateEvaluator = (document: FlagDocument, logger: Logger) => Promise<FlagEvaluator>;

/** Starts a relay that evaluates with the given evaluator; `createRelay` is this with Edict's own. */
export async function startRelay(options: RelayOptions, createEvaluator: CreateEvaluator): Promise<Relay> {
  const resolved = resolveRelayOptions(options);
  const { host, timeZone } = resolved;
  const logger = createSafeLogger(resolved.logger);
  for (const key of resolved.apiKeys) logger.remember(key);
  const authentication = new Authentication(resolved.apiKeys);
  const streams = new ChangeStreams({
    maxStreams: resolved.maxStreams,
    heartbeatMs: resolved.heartbeatMs,
    idleMs: resolved.streamIdleMs,
  });
  const listeners = new Set<(event: RelayEvent) => void>();
  const store = new FlagStore({
    sources: resolved.flagFiles.map(
      ({ path, format }) =>
        new FileSource({
          path,
          format,
          debounceMs: resolved.debounceMs,
          checkIntervalMs: resolved.checkIntervalMs,
        }),
    ),
    enrichment: resolved.evaluationContextEnrichment,
    createEvaluator: (document) => createEvaluator(document, resolved.logger),
    listener: (event) => {
      report(event, { metrics, streams, logger });
      tell(listeners, publicEvent(event), logger);
    },
  });
  const metrics = new RelayMetrics({ streams: () => streams.size, invalidFlags: () => store.invalidFlags.length });
  const injection = resolved.faults ? new FaultInjection() : undefined;
  const http = new HttpListener({
    routes: [
      configurationRoute({ store, authentication, metrics, timeZone }),
      changeRoute({ store, authentication }),
      ...ofrepRoutes({ store, authentication, metrics }),
      streamRoute({ streams, authentication }),
      ...operationsRoutes({ store, metrics }),
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
      streams.close();
      injection?.close();
      await http.close(resolved.drainMs);
      await store.close();
    })();
    return closing;
  };

  let port: number;
  try {
    await store.start();
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
      await store.reload();
    },
    setApiKeys: (keys) => {
      checkApiKeys(keys);
      for (const key of keys) logger.remember(key);
      authentication.replaceKeys(keys);
    },
    faults: injection?.board ?? NO_FAULTS,
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
  };
}

/** Counts, logs and streams what happened to the flags. */
function report(
  event: StoreEvent,
  to: { readonly metrics: RelayMetrics; readonly streams: ChangeStreams; readonly logger: SafeLogger },
): void {
  switch (event.type) {
    case 'changed':
      to.metrics.countChange(event.change);
      to.streams.publish(event.change);
      to.logger.info(`flags changed: ${changedKeys(event.change).join(', ')}`);
      break;
    case 'invalid-flag':
      to.metrics.countInvalidFlag();
      to.logger.error(`left out, ${event.message}`);
      break;
    case 'source-failed':
      to.metrics.countSourceFailure();
      to.logger.error(`${event.source}: ${event.message}; the last good flags stay in use`);
      break;
    case 'source-recovered':
      to.logger.warn(`${event.source}: readable again`);
      break;
  }
}

function publicEvent(event: StoreEvent): RelayEvent {
  return event.type === 'changed' ? { type: 'changed', flagsChanged: changedKeys(event.change) } : event;
}

function tell(listeners: Iterable<(event: RelayEvent) => void>, event: RelayEvent, logger: SafeLogger): void {
  for (const listener of listeners) {
    try {
      listener(event);
    } catch (caught) {
      logger.error(`a listener of the relay threw: ${caught instanceof Error ? caught.message : String(caught)}`);
    }
  }
}

/** The host part of a URL; a relay that listens everywhere is reached on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return isIPv6(host) ? `[${host}]` : host;
}
