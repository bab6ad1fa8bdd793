/**
 * advanced-ratelimit as a native policy, the twin of assembly/policies/advanced-ratelimit: quotas over keys and costs.
 *
 * What is not known before the response (tokens, for example) is charged after it, and until then a quota with nothing left
 * refuses. A request that any quota refuses is charged to none of them.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import type { HostCall, HostFunctions } from '../guest/host-functions.ts';
import { isHostFault } from '../guest/host-functions.ts';
import type { ImmediateResponse, RequestChanges, ResponseChanges } from '../model/actions.ts';
import type { HeaderPair } from '../model/headers.ts';
import type { HookInput, PolicyInfo } from '../model/inputs.ts';
import { Phase } from '../model/phases.ts';
import { type NativeHooks, NativePolicy } from '../native/native-policy.ts';
import { type Counter, FixedWindowCounter, GcraCounter, type Verdict } from './rate-limit-counters.ts';
import {
  type ExpressionCompiler,
  type Quota,
  type RateLimitRules,
  rateLimitRules,
  type Stage,
  sized,
  type Window,
} from './rate-limit-params.ts';

/** What the response says of the quota that is nearest to its end, and the keys of what is charged after the response. */
const STATE = 'ratelimit:state';
const KEYS = 'ratelimit:keys';
/** Longer keys are hashed. */
const MAX_KEY_LENGTH = 200;
const FAULT_CODE = 900_800;

/** One window of one key, with what it said. */
interface Line {
  readonly quota: Quota;
  readonly window: Window;
  readonly counter: Counter;
  readonly cost: number;
}

interface Told {
  readonly line: Line;
  readonly verdict: Verdict;
}

/** The host keeps the counters and tells the time; `compile` is for keys and costs in CEL. */
export function advancedRatelimit(host: HostFunctions, compile?: ExpressionCompiler): NativePolicy {
  return new NativePolicy('advanced-ratelimit', 'v1.0.0', (params, info): NativeHooks => {
    const rules = rateLimitRules(params, info, compile);
    return hooksOf(new RateLimiter(host, info, rules), rules);
  });
}

function hooksOf(limiter: RateLimiter, { quotas, headers }: RateLimitRules): NativeHooks {
  const has = (stage: Stage): boolean => quotas.some((quota) => quota.stage === stage);
  // One refusal must not leave the others charged, so all requests are decided where the last of the costs is known.
  const inBody = has('requestBody');
  const atHeaders = has('responseHeaders') || headers.plain || headers.ietf;
  return {
    modes: {
      requestHeaders: inBody ? 'skip' : 'process',
      requestBody: inBody ? 'buffer' : 'skip',
      responseHeaders: atHeaders ? 'process' : 'skip',
      responseBody: has('responseBody') ? 'buffer' : 'skip',
    },
    ...(inBody
      ? { onRequestBody: (input) => limiter.request(input, Phase.requestBody) }
      : { onRequestHeaders: (input) => limiter.request(input, Phase.requestHeaders) }),
    ...(atHeaders ? { onResponseHeaders: (input) => limiter.responseHeaders(input) } : {}),
    ...(has('responseBody') ? { onResponseBody: (input) => limiter.responseBody(input) } : {}),
  };
}

class RateLimiter {
  readonly #host: HostFunctions;
  readonly #info: PolicyInfo;
  readonly #rules: RateLimitRules;

  constructor(host: HostFunctions, info: PolicyInfo, rules: RateLimitRules) {
    this.#host = host;
    this.#info = info;
    this.#rules = rules;
  }

  request(input: HookInput, phase: Phase): RequestChanges | ImmediateResponse {
    const call: HostCall = { info: this.#info, phase, input };
    const now = this.#host.nowMs(call);
    const keys: Record<string, string> = {};
    const lines = this.#rules.quotas.flatMap((quota) => {
      const isLater = quota.stage === 'responseHeaders' || quota.stage === 'responseBody';
      const key = this.#keyOf(quota, call, input);
      if (isLater) keys[this.#nameOf(quota)] = key;
      return this.#linesOf(quota, key, call, now, isLater ? 0 : quota.cost(input));
    });
    const told = decided(lines);
    const refused = told.filter(({ verdict }) => !verdict.isAllowed);
    if (refused.length > 0) return this.#refusal(longestWait(refused), now);
    const metadataPatch: Record<string, JsonValue> = {
      [STATE]: nearest(
        told.map((one) => stateOf(one, now)),
        input.gathered.metadata[STATE],
      ),
    };
    if (Object.keys(keys).length > 0) metadataPatch[KEYS] = { ...objectIn(input, KEYS), ...keys };
    return { kind: 'request-changes', metadataPatch };
  }

  responseHeaders(input: HookInput): ResponseChanges | undefined {
    this.#charge('responseHeaders', input, Phase.responseHeaders);
    const set = this.#limitHeaders(objectIn(input, STATE));
    return set.length === 0 ? undefined : { kind: 'response-changes', headers: { set } };
  }

  responseBody(input: HookInput): undefined {
    this.#charge('responseBody', input, Phase.responseBody);
  }

  #charge(stage: Stage, input: HookInput, phase: Phase): void {
    const call: HostCall = { info: this.#info, phase, input };
    const kept = objectIn(input, KEYS);
    for (const quota of this.#rules.quotas) {
      if (quota.stage !== stage) continue;
      const known = kept[this.#nameOf(quota)];
      const key = typeof known === 'string' ? known : this.#keyOf(quota, call, input);
      const cost = quota.cost(input);
      for (const { counter } of this.#linesOf(quota, key, call, this.#host.nowMs(call), cost)) counter.charge(cost);
    }
  }

  #nameOf({ name }: Quota): string {
    return `${this.#rules.scope}/${sized(name)}`;
  }

  /** A part that is missing is a part of its own: those who bring none share what is left for them. */
  #keyOf(quota: Quota, call: HostCall, input: HookInput): string {
    let parts = '';
    for (const part of quota.parts) {
      const text = part(input);
      parts += text === undefined ? '/-' : `/${sized(text)}`;
    }
    const key = this.#nameOf(quota) + parts;
    if (key.length <= MAX_KEY_LENGTH) return key;
    const digest = this.#host.hash(call, 'sha-256', new TextEncoder().encode(key));
    if (isHostFault(digest)) throw new Error(`a long key cannot be hashed: ${digest.fault}`);
    return `#${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  }

  #linesOf(quota: Quota, key: string, call: HostCall, now: number, cost: number): Line[] {
    return quota.windows.map((window) => {
      const place = `${key}/${window.durationMs}`;
      const counter = this.#rules.isFixedWindow
        ? new FixedWindowCounter(this.#host, call, place, now, window)
        : new GcraCounter(this.#host, call, place, now, window);
      return { quota, window, counter, cost };
    });
  }

  #refusal(told: Told, now: number): ImmediateResponse {
    const { status, body, contentType, headers } = this.#rules;
    const { quota } = told.line;
    const pairs: HeaderPair[] = [['content-type', contentType]];
    if (headers.retryAfter) pairs.push(['retry-after', String(seconds(told.verdict.retryMs, 1))]);
    if (quota.isNamed && /^[\x20-\x7e]*$/.test(quota.name)) pairs.push(['x-ratelimit-quota', quota.name]);
    pairs.push(...this.#limitHeaders(stateOf(told, now)));
    return {
      kind: 'immediate',
      status,
      headers: pairs,
      body: new TextEncoder().encode(body),
      fault: {
        code: FAULT_CODE,
        type: 'RATE_LIMIT_EXCEEDED',
        message: 'Rate limit exceeded',
        description: `${quota.name} allows ${told.line.window.limit} in ${seconds(told.line.window.durationMs, 0)} s`,
      },
    };
  }

  #limitHeaders({ limit, remaining, reset, at, window }: JsonObject): HeaderPair[] {
    const { plain, ietf } = this.#rules.headers;
    if (typeof limit !== 'number') return [];
    const pairs: HeaderPair[] = [];
    if (plain) {
      pairs.push(['x-ratelimit-limit', String(limit)]);
      pairs.push(['x-ratelimit-remaining', String(remaining)], ['x-ratelimit-reset', String(at)]);
    }
    if (ietf) {
      pairs.push(['ratelimit-policy', `${limit};w=${window}`], ['ratelimit-limit', String(limit)]);
      pairs.push(['ratelimit-remaining', String(remaining)], ['ratelimit-reset', String(reset)]);
    }
    return pairs;
  }
}

/** Asks every line first. Should another thread have been faster in between, what was charged already is given back. */
function decided(lines: readonly Line[]): readonly Told[] {
  const peeked = lines.map((line): Told => ({ line, verdict: line.counter.peek(line.cost) }));
  if (peeked.some(({ verdict }) => !verdict.isAllowed)) return peeked;
  const taken: Told[] = [];
  for (const line of lines) {
    const verdict = line.cost === 0 ? line.counter.peek(0) : line.counter.take(line.cost);
    if (!verdict.isAllowed) {
      for (const { line: charged } of taken) charged.counter.giveBack(charged.cost);
      return [{ line, verdict }];
    }
    taken.push({ line, verdict });
  }
  return taken;
}

function longestWait(refused: readonly Told[]): Told {
  return refused.reduce((longest, one) => (one.verdict.retryMs > longest.verdict.retryMs ? one : longest));
}

/** As it stands in the metadata: `at` in epoch seconds, `reset` and `window` in seconds from now. */
function stateOf({ line, verdict }: Told, now: number): JsonObject {
  return {
    limit: line.window.limit,
    remaining: verdict.remaining,
    reset: seconds(verdict.resetMs, 0),
    at: seconds(now + verdict.resetMs, 0),
    window: seconds(line.window.durationMs, 0),
  };
}

/** The one with least left; an earlier policy's when it is that. */
function nearest(states: readonly JsonObject[], earlier: JsonValue | undefined): JsonObject {
  const all = isJsonObject(earlier) && typeof earlier.remaining === 'number' ? [earlier, ...states] : states;
  return all.reduce((least, one) => (Number(one.remaining) < Number(least.remaining) ? one : least));
}

function objectIn({ gathered }: HookInput, key: string): JsonObject {
  const value = gathered.metadata[key];
  return isJsonObject(value) ? value : {};
}

function seconds(ms: number, least: number): number {
  return Math.max(Math.ceil(ms / 1_000), least);
}
