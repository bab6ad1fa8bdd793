/** The type of the options a caller can give. Written from the table in table.ts by render.ts; a test keeps it equal. */

import type { Dispatcher } from 'undici';

import type { Logger } from '../telemetry/logger.ts';
import type { Clock } from './clock.ts';
import type { HeadersFunction } from './table.ts';

/** Every option, each documented with its default. All may be left out, except `endpoint` or else `bootstrap`. */
export interface EdictOptions {
  /**
   * Base URL of the relay. A path prefix is kept, trailing slashes are dropped. Say where the relay is; leave it out to
   * work offline from `bootstrap` alone. Default: required, unless `bootstrap` is given (then: offline).
   */
  readonly endpoint?: string | undefined;
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
   * Further request headers; the function gets the purpose of the request (`configuration`). Headers that frame the
   * message (Content-Type, Content-Length, Host, If-None-Match, Connection, Transfer-Encoding and the like) stay ours.
   * A gateway in front of the relay wants its own credentials or routing hints. Default: none.
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
   * Proxy, custom certificate authority, mutual TLS or a Unix socket. Default: own pool of one connection.
   */
  readonly dispatcher?: Dispatcher | undefined;
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
   * Failed refreshes in a row before the state is STALE (a 401 or 403 counts at once). Serving goes on. Raise it when
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
   * configuration is ignored with a warning. Decide from the first moment when the relay is down at start, or work
   * offline. Default: none.
   */
  readonly bootstrap?: object | string | URL | (() => object | Promise<object>) | undefined;
  /**
   * Budget of closing: what is not done by then is left behind. Keep it under the grace period your orchestrator gives
   * before it kills. Default: 2000 ms.
   */
  readonly closeTimeoutMs?: number | undefined;
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
   * Where messages go. Credentials never appear in them, and a logger that throws is ignored. Route messages into the
   * logger of your service. Default: console, warnings and errors only.
   */
  readonly logger?: Logger | undefined;
  /**
   * Source of time: `now` decides rollouts and HTTP dates, `monotonic` and the timers decide intervals. Tests that own
   * the time. Default: system.
   */
  readonly clock?: Clock | undefined;
  /**
   * Source of jitter, and of nothing else. Tests that want the same delays each time. Default: `Math.random`.
   */
  readonly random?: () => number | undefined;
}
