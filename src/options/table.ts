/** The one table of options: type, default, rule, text and environment variable of each come from its row. */

import os from 'node:os';

import type { Dispatcher } from 'undici';
import type { Logger } from '../telemetry/logger.ts';
import { consoleLogger } from '../telemetry/logger.ts';
import { parseBaseUrl } from './base-url.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Header } from './header-rules.ts';
import { parseHeaderRecord } from './header-rules.ts';
import type { OptionRow } from './kinds.ts';
import { choice, duration, REFUSED, size, wholeNumber } from './kinds.ts';
import type { BootstrapSource, ModuleSource } from './sources.ts';
import { parseBootstrap, parseModuleSource } from './sources.ts';

/** What the headers of a request are for. */
export type HeaderPurpose = 'configuration';

/** A key, or a function called for each request (for keys that rotate). */
export type ApiKeySource = string | (() => string | Promise<string>);

/** A function called for each request; its result is checked like a record given in the options. */
export type HeadersFunction = (
  purpose: HeaderPurpose,
) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;

const MAX_POOL_SIZE = 64;
const MIN_POLL_INTERVAL_MS = 100;

/** Keeps the type of each row and checks it against `OptionRow`. */
const row = <Out>(definition: OptionRow<Out>): OptionRow<Out> => definition;

export const OPTION_TABLE = {
  endpoint: row<string | undefined>({
    group: 'Connection',
    type: 'string',
    fallback: () => undefined,
    defaultText: 'required, unless `bootstrap` is given (then: offline)',
    rule: 'an absolute http or https URL without user info, query and fragment',
    doc: 'Base URL of the relay. A path prefix is kept, trailing slashes are dropped.',
    why: 'Say where the relay is; leave it out to work offline from `bootstrap` alone.',
    parse(value) {
      const parsed = typeof value === 'string' ? parseBaseUrl(value) : undefined;
      return parsed !== undefined && 'url' in parsed ? parsed.url : REFUSED;
    },
    fromText: (text) => text,
  }),
  apiKey: row<ApiKeySource | undefined>({
    group: 'Connection',
    type: 'string | (() => string | Promise<string>)',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'printable ASCII, or a function giving it',
    doc: 'Credential for the relay; an empty one sends nothing. A function is called for each request, inside its deadline.',
    why: 'Set it when the relay asks for a key; give a function when keys rotate.',
    parse: (value) => (typeof value === 'function' ? (value as () => string) : (parseApiKey(value) ?? REFUSED)),
    fromText: (text) => text,
    show: (value) =>
      value === undefined || value === '' ? null : typeof value === 'function' ? 'function' : '[redacted]',
  }),
  authScheme: choice(['x-api-key', 'bearer'], {
    group: 'Connection',
    doc: 'Header that carries `apiKey`: `X-API-Key: <key>` or `Authorization: Bearer <key>`.',
    why: '`bearer` for older relays; the default leaves `Authorization` free for a gateway in front of the relay.',
  }),
  headers: row<readonly Header[] | HeadersFunction | undefined>({
    group: 'Connection',
    type: 'Readonly<Record<string, string>> | HeadersFunction',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'a record of legal HTTP header names and values, or a function giving one',
    doc:
      'Further request headers; the function gets the purpose of the request (`configuration`). Headers that frame the ' +
      'message (Content-Type, Content-Length, Host, If-None-Match, Connection, Transfer-Encoding and the like) stay ours.',
    why: 'A gateway in front of the relay wants its own credentials or routing hints.',
    parse: (value) =>
      typeof value === 'function' ? (value as HeadersFunction) : (parseHeaderRecord(value) ?? REFUSED),
    show: (value) =>
      value === undefined ? null : typeof value === 'function' ? 'function' : value.map(([name]) => name),
  }),
  timeoutMs: duration({
    group: 'Connection',
    default: 10_000,
    min: 1,
    doc: 'Deadline of a request: name resolution, connect, headers and the last byte of the body.',
    why: 'Raise it for large configurations over slow links; lower it to hear of a hung relay sooner.',
  }),
  stallTimeoutMs: duration({
    group: 'Connection',
    default: 5_000,
    min: 1,
    doc: 'Longest gap between two pieces of a body; clipped to `timeoutMs`.',
    why: 'Raise it when a proxy between you and the relay delivers in bursts.',
  }),
  maxWireBytes: size({
    group: 'Connection',
    default: 8_388_608,
    min: 1_024,
    doc:
      'Largest body as it travels. Past this many inflated bytes a compressed body must also keep under 100 times its ' +
      'wire size.',
    why: 'Raise it for very large configurations; a stock relay does not compress.',
  }),
  maxInflatedBytes: size({
    group: 'Connection',
    default: 67_108_864,
    min: 1_024,
    doc: 'Largest body after inflating.',
    why: 'Lower it in small containers: it bounds what a broken or hostile relay can make this process hold.',
  }),
  dispatcher: row<Dispatcher | undefined>({
    group: 'Connection',
    type: 'Dispatcher',
    fallback: () => undefined,
    defaultText: 'own pool of one connection',
    rule: "an undici Dispatcher (an object with a 'dispatch' method)",
    doc: 'undici dispatcher for every request. It stays yours: Edict never closes it, and its open requests hold the process.',
    why: 'Proxy, custom certificate authority, mutual TLS or a Unix socket.',
    parse: (value) => (hasMethods(value, ['dispatch']) ? (value as unknown as Dispatcher) : REFUSED),
    show: (value) => (value === undefined ? null : 'custom'),
  }),
  pollIntervalMs: duration({
    group: 'Feed',
    default: 120_000,
    also: {
      holds: (value) => value === 0 || value >= MIN_POLL_INTERVAL_MS,
      rule: `and 0 or at least ${MIN_POLL_INTERVAL_MS}`,
    },
    doc: 'Time from the end of one poll to the start of the next, ± 10 %. 0 = no polling (warns); below 5 000 warns.',
    why: 'Lower it when changes must land fast; an unchanged relay answers 304, so a poll costs one small request.',
  }),
  maxBackoffMs: duration({
    group: 'Feed',
    default: 60_000,
    min: 1_000,
    doc: 'Ceiling of the random delay after a failed refresh (it doubles from one second).',
    why: 'Lower it to recover sooner after an outage, at the price of more requests during it.',
  }),
  authRetryIntervalMs: duration({
    group: 'Feed',
    default: 300_000,
    min: 1_000,
    doc: 'Delay, ± 10 %, after an answer that only a person can heal: 400, 401, 403, 405 and other 4xx.',
    why: 'Lower it when keys are rotated often and must be taken up quickly.',
  }),
  maxRetryAfterMs: duration({
    group: 'Feed',
    default: 600_000,
    doc: 'Longest wait a relay can ask for with Retry-After.',
    why: 'Lower it when a gateway in front of the relay is known to ask for too much.',
  }),
  flagList: row<readonly string[]>({
    group: 'Feed',
    type: 'readonly string[]',
    fallback: () => Object.freeze([]),
    defaultText: '`[]` (all flags)',
    rule: 'an array of distinct, non-empty flag keys',
    doc: 'Ask the relay for these flags only.',
    why: 'A service that reads ten of ten thousand flags starts faster and holds less.',
    parse: parseFlagList,
  }),
  flagPrefix: row<string | undefined>({
    group: 'Feed',
    type: 'string',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'a non-empty string',
    doc: 'Keep only flags whose key begins with this text. Sent to the relay as well, which may ignore it.',
    why: 'One relay serves many teams, and keys begin with the name of the team.',
    parse: (value) => (typeof value === 'string' && value !== '' ? value : REFUSED),
    fromText: (text) => text,
  }),
  emptyConfiguration: choice(['guarded', 'accept', 'reject'], {
    group: 'Feed',
    doc:
      'What zero flags mean. `guarded`: taken at the first load, and while flags are in use only when a credible answer ' +
      'comes twice in a row; `accept`: taken at once; `reject`: a failed refresh.',
    why: '`accept` in tests that remove every flag; `reject` where zero flags can only be an accident.',
  }),
  staleAfterFailures: wholeNumber({
    group: 'Feed',
    default: 3,
    min: 1,
    doc: 'Failed refreshes in a row before the state is STALE (a 401 or 403 counts at once). Serving goes on.',
    why: 'Raise it when short outages of the relay are normal and should alarm nobody.',
  }),
  errorAfterStaleMs: duration({
    group: 'Feed',
    default: 0,
    doc: 'STALE for longer than this becomes ERROR, still serving the last good configuration. 0 = never.',
    why: 'Set it where old decisions are dangerous and somebody must be called.',
  }),
  startup: choice(['strict', 'lenient'], {
    group: 'Start and stop',
    doc: 'Whether `initialize()` rejects (`strict`) or resolves (`lenient`) when nothing could be loaded. Both go on trying.',
    why: '`lenient` when the service must come up with the defaults in its code while the relay is down.',
  }),
  initTimeoutMs: duration({
    group: 'Start and stop',
    default: 10_000,
    doc: 'How long `initialize()` tries before it gives its answer; attempts are repeated inside this window.',
    why: 'Keep it under the start deadline of your orchestrator.',
  }),
  bootstrap: row<BootstrapSource | undefined>({
    group: 'Start and stop',
    type: 'object | string | URL | (() => object | Promise<object>)',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'a configuration document (a JSON object), a file path, a file: URL, or a function giving a document',
    doc:
      'Configuration to begin with, in the JSON of the relay. The relay, once it answers, wins. A document that is no ' +
      'configuration is ignored with a warning.',
    why: 'Decide from the first moment when the relay is down at start, or work offline.',
    parse: parseBootstrap,
    fromText: (text) => text,
    show: (value) => value?.kind ?? null,
  }),
  closeTimeoutMs: duration({
    group: 'Start and stop',
    default: 2_000,
    doc: 'Budget of closing: what is not done by then is left behind.',
    why: 'Keep it under the grace period your orchestrator gives before it kills.',
  }),
  wasmPoolSize: wholeNumber({
    group: 'WebAssembly',
    default: Math.max(2, Math.min(os.availableParallelism(), MAX_POOL_SIZE)),
    defaultText: '`os.availableParallelism()`, from 2 to 64',
    min: 1,
    max: MAX_POOL_SIZE,
    doc: 'Upper bound of WebAssembly stores. They are made on demand; an evaluator uses two, one at work and a spare for reloads and traps.',
    why: '1 saves the memory of the spare; a reload then waits for no evaluation, but a trap costs the answers of one moment.',
  }),
  wasmModule: row<ModuleSource | undefined>({
    group: 'WebAssembly',
    type: 'Uint8Array | object | string | URL',
    fallback: () => undefined,
    defaultText: 'built-in',
    rule: 'the bytes of a module, a WebAssembly.Module, a file path or a file: URL',
    doc: 'Another copy of the evaluation kernel. Its ABI version must match; bytes and files are checked against `wasmSha256`.',
    why: 'Bundlers and single-file deployments that cannot read a file beside the code.',
    parse: parseModuleSource,
    fromText: (text) => text,
    show: (value) => value?.kind ?? null,
  }),
  wasmSha256: row<string | false | undefined>({
    group: 'WebAssembly',
    type: 'string | false',
    fallback: () => undefined,
    defaultText: "the manifest's value",
    rule: '64 hexadecimal digits, or false',
    doc: 'SHA-256 the bytes of the module must have before they are compiled. `false` skips the check, with a warning.',
    why: 'You build the kernel yourself and pin your own build.',
    parse: (value) =>
      value === false
        ? false
        : typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value)
          ? value.toLowerCase()
          : REFUSED,
    fromText: (text) => (text === 'false' ? false : text),
    show: (value) => value ?? null,
  }),
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

export type OptionName = keyof typeof OPTION_TABLE;

/** The names in the order of the table. */
export const OPTION_NAMES = Object.keys(OPTION_TABLE) as readonly OptionName[];

/** A key that may travel in a header; `undefined` when it may not. */
export function parseApiKey(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x20-\x7e]*$/.test(value) ? value : undefined;
}

function parseFlagList(value: unknown): readonly string[] | typeof REFUSED {
  if (!Array.isArray(value)) return REFUSED;
  const keys = value.filter((key): key is string => typeof key === 'string' && key !== '');
  return keys.length === value.length && new Set(keys).size === keys.length ? Object.freeze(keys) : REFUSED;
}

function hasMethods(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

/** The four functions as they are now: a caller who swaps one later changes nothing. */
function bindClock(clock: Clock): Clock {
  return Object.freeze({
    now: clock.now.bind(clock),
    monotonic: clock.monotonic.bind(clock),
    setTimeout: clock.setTimeout.bind(clock),
    clearTimeout: clock.clearTimeout.bind(clock),
  });
}
