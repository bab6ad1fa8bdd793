/** The type of the options a caller can give. Written from the table in table.ts by render.ts; a test keeps it equal. */

import type { Dispatcher } from 'undici';

import type { Logger } from '../telemetry/logger.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { Clock } from './clock.ts';
import type { FallbackOption } from './fallback.ts';
import type { HeadersFunction } from './rows/connection.ts';

/** Every option, each documented with its default. All may be left out, except `endpoint` or else `bootstrap`. */
export interface EdictOptions {
  /**
   * Base URL of the relay, or several in the order of preference. A path prefix is kept, trailing slashes are dropped.
   * Of several, a connection failure, a timeout or a 5xx moves later requests to the next; the first is tried again
   * after 60 s. Say where the relay is; leave it out to work offline from `bootstrap` alone. Default: required, unless
   * `bootstrap` is given (then: offline).
   */
  readonly endpoint?: string | readonly string[] | undefined;
  /**
   * Where flags are decided: in this process against a polled configuration, or by the relay, one request each.
   * `remote` where the configuration must not leave the relay, or is too large for every process to hold. Default:
   * inprocess.
   */
  readonly evaluationType?: 'inprocess' | 'remote' | undefined;
  /**
   * Credential for the relay; an empty one sends nothing. A function is called for each request, inside its deadline.
   * Set it when the relay asks for a key; give a function when keys rotate. Default: none.
   */
  readonly apiKey?: string | (() => string | Promise<string>) | undefined;
  /**
   * Header that carries `apiKey`: `X-API-Key: <key>` or `Authorization: Bearer <key>`. `bearer` for older relays; the
   * default leaves `Authorization` free for a gateway in front of the relay. Default: x-api-key.
   */
  readonly authScheme?: 'x-api-key' | 'bearer' | undefined;
  /**
   * Further request headers; the function gets the purpose of the request (`configuration`, `change`, `evaluation`,
   * `collector`, `stream`, `policy`). Headers that frame the message (Content-Type, Content-Length, Host,
   * If-None-Match, Connection, Transfer-Encoding and the like) stay ours. A gateway in front of the relay wants its own
   * credentials or routing hints. Default: none.
   */
  readonly headers?: Readonly<Record<string, string>> | HeadersFunction | undefined;
  /**
   * Deadline of a request: name resolution, connect, headers and the last byte of the body. Raise it for large
   * configurations over slow links; lower it to hear of a hung relay sooner. Default: 10000 ms.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Longest gap between two pieces of a body; clipped to `timeoutMs`. Raise it when a proxy between you and the relay
   * delivers in bursts. Default: 5000 ms.
   */
  readonly stallTimeoutMs?: number | undefined;
  /**
   * Largest body as it travels. Past this many inflated bytes a compressed body must also keep under 100 times its wire
   * size. Raise it for very large configurations; a stock relay does not compress. Default: 8388608 bytes.
   */
  readonly maxWireBytes?: number | undefined;
  /**
   * Largest body after inflating. Lower it in small containers: it bounds what a broken or hostile relay can make this
   * process hold. Default: 67108864 bytes.
   */
  readonly maxInflatedBytes?: number | undefined;
  /**
   * undici dispatcher for every request. It stays yours: Edict never closes it, and its open requests hold the process.
   * Proxy, custom certificate authority, mutual TLS or a Unix socket. Default: own pool of one connection; in remote
   * mode up to 64.
   */
  readonly dispatcher?: Dispatcher | undefined;
  /**
   * Sends every request instead of undici. It inflates bodies itself, so only `maxInflatedBytes` bounds them. An
   * instrumented or recorded fetch, or a runtime that offers nothing else. Default: none: undici.
   */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /**
   * Time from the end of one poll to the start of the next, ± 10 %. 0 = no polling (warns); below 5 000 warns. Lower it
   * when changes must land fast; an unchanged relay answers 304, so a poll costs one small request. Default: 120000 ms.
   */
  readonly pollIntervalMs?: number | undefined;
  /**
   * Ceiling of the random delay after a failed refresh (it doubles from one second). Lower it to recover sooner after
   * an outage, at the price of more requests during it. Default: 60000 ms.
   */
  readonly maxBackoffMs?: number | undefined;
  /**
   * Delay, ± 10 %, after an answer that only a person can heal: 400, 401, 403, 405 and other 4xx. Lower it when keys
   * are rotated often and must be taken up quickly. Default: 300000 ms.
   */
  readonly authRetryIntervalMs?: number | undefined;
  /**
   * Longest wait a relay can ask for with Retry-After. Lower it when a gateway in front of the relay is known to ask
   * for too much. Default: 600000 ms.
   */
  readonly maxRetryAfterMs?: number | undefined;
  /**
   * Ask the relay for these flags only. A service that reads ten of ten thousand flags starts faster and holds less.
   * Default: `[]` (all flags).
   */
  readonly flagList?: readonly string[] | undefined;
  /**
   * Keep only flags whose key begins with this text. Sent to the relay as well, which may ignore it. One relay serves
   * many teams, and keys begin with the name of the team. Default: none.
   */
  readonly flagPrefix?: string | undefined;
  /**
   * What zero flags mean. `guarded`: taken at the first load, and while flags are in use only when a credible answer
   * comes twice in a row; `accept`: taken at once; `reject`: a failed refresh. `accept` in tests that remove every
   * flag; `reject` where zero flags can only be an accident. Default: guarded.
   */
  readonly emptyConfiguration?: 'guarded' | 'accept' | 'reject' | undefined;
  /**
   * `sse` listens to the relay's change stream as well; an event only triggers a conditional poll. While the stream is
   * up, polling slows down to five minutes. `sse` when a change must land within seconds without frequent polls; costs
   * one open connection a process. Default: off.
   */
  readonly streaming?: 'off' | 'sse' | undefined;
  /**
   * A stream without a byte for this long is opened anew. Lower it behind a proxy that drops idle connections without a
   * word; a stock relay sends no heartbeat. Default: 300000 ms.
   */
  readonly streamIdleTimeoutMs?: number | undefined;
  /**
   * A poll that the stream triggers waits a random time up to this; events that come meanwhile are covered by it. Raise
   * it with very many processes on one relay; 0 in tests. Default: 1000 ms.
   */
  readonly streamTriggerDelayMs?: number | undefined;
  /**
   * Follow the policies of the relay as well: of all tenants (`true`), or of these. The engine is
   * `provider.policyEngine()`. A relay without policies leaves flags as they are. A gateway that decides flags and
   * policies needs one connection, one key and one set of retries for both. Default: off.
   */
  readonly policies?: boolean | readonly string[] | undefined;
  /**
   * Failed refreshes in a row before the state is STALE (a 401 or 403 counts at once). Serving goes on. In remote mode
   * failed evaluations count too, and after as many without any answer only one evaluation a second asks. Raise it when
   * short outages of the relay are normal and should alarm nobody. Default: 3.
   */
  readonly staleAfterFailures?: number | undefined;
  /**
   * STALE for longer than this becomes ERROR, still serving the last good configuration. 0 = never. Set it where old
   * decisions are dangerous and somebody must be called. Default: 0 ms.
   */
  readonly errorAfterStaleMs?: number | undefined;
  /**
   * Whether `initialize()` rejects (`strict`) or resolves (`lenient`) when nothing could be loaded. Both go on trying.
   * `lenient` when the service must come up with the defaults in its code while the relay is down. Default: strict.
   */
  readonly startup?: 'strict' | 'lenient' | undefined;
  /**
   * How long `initialize()` tries before it gives its answer; attempts are repeated inside this window. Keep it under
   * the start deadline of your orchestrator. Default: 10000 ms.
   */
  readonly initTimeoutMs?: number | undefined;
  /**
   * Configuration to begin with, in the JSON of the relay. The relay, once it answers, wins. A document that is no
   * configuration is ignored with a warning. No effect in remote mode (warns). Decide from the first moment when the
   * relay is down at start, or work offline. Default: none.
   */
  readonly bootstrap?: object | string | URL | (() => object | Promise<object>) | undefined;
  /**
   * File that keeps the last good configuration of the relay for the next start: written whole or not at all, mode
   * 0600, with a checksum, bound to endpoint, key and filter; it holds no credential. It wins over `bootstrap`. No
   * effect in remote mode (warns). A restart while the relay is down then decides with what was known last, instead of
   * with defaults. Default: none (off).
   */
  readonly persistPath?: string | URL | undefined;
  /**
   * A persisted configuration older than this is ignored with a warning. 0 = any age. Set it where decisions of last
   * week are worse than the defaults in the code. Default: 0 ms.
   */
  readonly persistMaxAgeMs?: number | undefined;
  /**
   * Folder that keeps the last good policies of the relay for the next start: configuration, modules and stores, each
   * checked when it is read, 512 MiB at most. Several processes may share one. It holds no secret that a template
   * refers to. No effect without `policies`. A restart while the relay is down then serves the policies of before,
   * instead of answering 503. Default: none (off).
   */
  readonly cacheDir?: string | URL | undefined;
  /**
   * Budget of closing: what is not done by then is left behind. Keep it under the grace period your orchestrator gives
   * before it kills. Default: 2000 ms.
   */
  readonly closeTimeoutMs?: number | undefined;
  /**
   * Whether waiting events are sent when the process runs out of work without a close; `closeTimeoutMs` bounds it. No
   * signal handler is ever installed. `off` when your own shutdown calls `flush()` or closes the provider. Default:
   * beforeExit.
   */
  readonly flushOnExit?: 'beforeExit' | 'off' | undefined;
  /**
   * Upper bound of WebAssembly stores. They are made on demand; an evaluator uses two, one at work and a spare for
   * reloads and traps. 1 saves the memory of the spare; a reload then waits for no evaluation, but a trap costs the
   * answers of one moment. Default: `os.availableParallelism()`, from 2 to 64.
   */
  readonly wasmPoolSize?: number | undefined;
  /**
   * Another copy of the evaluation kernel. Its ABI version must match; bytes and files are checked against
   * `wasmSha256`. Bundlers and single-file deployments that cannot read a file beside the code. Default: built-in.
   */
  readonly wasmModule?: Uint8Array | object | string | URL | undefined;
  /**
   * SHA-256 the bytes of the module must have before they are compiled. `false` skips the check, with a warning. You
   * build the kernel yourself and pin your own build. Default: the manifest's value.
   */
  readonly wasmSha256?: string | false | undefined;
  /**
   * In-process mode, when the engine answers PARSE_ERROR or GENERAL: `budgeted` asks the relay within `budgetMs` behind
   * a breaker, `spec` asks it each time with `timeoutMs`, `off` gives the local error. A fallback that fails gives the
   * local error too. `off` where a local error must show at once; `spec` to follow the GO Feature Flag provider
   * specification to the letter. Default: `'budgeted'`: 50 ms, 5 failures, 30 000 ms, 8 at once, 20 a second.
   */
  readonly fallback?: FallbackOption | undefined;
  /**
   * Remote mode: how many answers are kept, of those the relay marks as depending on the context only. 0 = no cache.
   * Dropped when the configuration changes; a hit has the reason CACHED. Set it (10 000 is plenty) when the same users
   * ask for the same flags again and an answer may be `remoteCacheTtlMs` old. Default: 0.
   */
  readonly remoteCacheMaxEntries?: number | undefined;
  /**
   * Remote mode: how long a kept answer serves. -1 = until the configuration changes. Lower it when changes must show
   * sooner than the next poll of the change probe. Default: 60000 ms.
   */
  readonly remoteCacheTtlMs?: number | undefined;
  /**
   * Sends no usage events: neither evaluations nor `track()`. Nobody reads them, or they may not leave the process.
   * Default: false.
   */
  readonly disableDataCollection?: boolean | undefined;
  /**
   * Base URL for usage events only; it replaces scheme, host, port and path prefix. Credentials, headers and timeouts
   * are the same. Another relay or a collector of your own takes the events. Default: `endpoint`.
   */
  readonly dataCollectorBaseUrl?: string | undefined;
  /**
   * Time between two sends of waiting events. 0 = only at `maxPendingEvents`, `flush()` and close. Lower it to see
   * events sooner, at the price of more requests. Default: 60000 ms.
   */
  readonly flushIntervalMs?: number | undefined;
  /**
   * This many waiting events are sent at once; twice as many are kept at the most. Raise it when bursts of events come
   * faster than they can be sent. Default: 10000.
   */
  readonly maxPendingEvents?: number | undefined;
  /**
   * Waiting events take at most this many bytes of JSON. Lower it in small containers; raise it for tracking events
   * with large contexts. Default: 8388608 bytes.
   */
  readonly maxPendingBytes?: number | undefined;
  /**
   * Most events of one request. Lower it when a proxy or collector refuses large bodies; batches that it refuses with
   * 413 are halved anyway. Default: 1000.
   */
  readonly maxBatchEvents?: number | undefined;
  /**
   * Most bytes of one request; an event larger than this travels alone. The same, by size. Default: 524288 bytes.
   */
  readonly maxBatchBytes?: number | undefined;
  /**
   * Which events go when the limits are reached. Each is counted in `diagnostics()`. `drop-newest` when the beginning
   * of an outage is worth more than its end. Default: drop-oldest.
   */
  readonly overflow?: 'drop-oldest' | 'drop-newest' | undefined;
  /**
   * Facts about this service that go out with feature events and, as `gofeatureflag.exporterMetadata`, with every
   * evaluation context. `provider` and `openfeature` are reserved. Tell services, regions or releases apart in the
   * exported data. Default: `{}`.
   */
  readonly exporterMetadata?: Readonly<Record<string, string | number | boolean>> | undefined;
  /**
   * `each`: one feature event for each evaluation. `summary`: one tracking event per flush, `edict.evaluation-summary`,
   * with counts per flag, variation, reason and minute. `summary` when totals are enough: a thousand times less data,
   * and totals stay exact when single events would be dropped. Default: each.
   */
  readonly eventMode?: 'each' | 'summary' | undefined;
  /**
   * Share of users whose feature events are sent, decided by their key, so that a user is sent whole or not at all.
   * Lower it when a share of the users says enough. Default: 1.
   */
  readonly eventSampleRate?: number | undefined;
  /**
   * Attributes that are removed from the contexts of tracking events before they are kept. Names, addresses and the
   * like are needed to decide, not to count. Default: `[]`.
   */
  readonly privateAttributes?: readonly string[] | undefined;
  /**
   * With it, targeting keys in events are HMAC-SHA256(secret, key) in hex, computed before an event is kept. Targeting
   * keys are e-mail addresses or account numbers; the same secret everywhere keeps users countable. Default: none: keys
   * as they are.
   */
  readonly userKeySecret?: string | undefined;
  /**
   * Where messages go. Credentials never appear in them, and a logger that throws is ignored. Route messages into the
   * logger of your service. Default: console, warnings and errors only.
   */
  readonly logger?: Logger | undefined;
  /**
   * Shows the counters of `diagnostics()` as OpenTelemetry instruments named `edict.…`. `metrics.getMeter('edict')` of
   * `@opentelemetry/api`; it does nothing until an SDK is registered. Default: none.
   */
  readonly meter?: Meter | undefined;
  /**
   * Source of time: `now` decides rollouts and HTTP dates, `monotonic` and the timers decide intervals. Tests that own
   * the time. Default: system.
   */
  readonly clock?: Clock | undefined;
  /**
   * Source of jitter, and of nothing else. Tests that want the same delays each time. Default: `Math.random`.
   */
  readonly random?: (() => number) | undefined;
}
