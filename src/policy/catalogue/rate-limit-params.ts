/** The parameters of advanced-ratelimit, read once when an instance is made. */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import type { HookInput, PolicyInfo } from '../model/inputs.ts';
import { listOf, numberOf, objectOf, refuse, textOf } from './read-params.ts';

/** CEL for keys and costs: a compiled expression, or why it is none. Its own errors read as a missing part. */
export type ExpressionCompiler = (
  expression: string,
) => { readonly evaluate: (input: HookInput) => JsonValue | undefined } | { readonly error: string };

/** One window of a quota. Times in milliseconds. */
export interface Window {
  readonly limit: number;
  readonly durationMs: number;
  readonly burst: number;
}

/** One part of a key; undefined where the exchange has none. */
export type KeyPart = (input: HookInput) => string | undefined;

/** The hook in which everything a cost is made of is known. */
export type Stage = 'requestHeaders' | 'requestBody' | 'responseHeaders' | 'responseBody';
export const STAGES: readonly Stage[] = ['requestHeaders', 'requestBody', 'responseHeaders', 'responseBody'];

export interface Quota {
  readonly name: string;
  /** Whether the name was given: only then it is shown. */
  readonly isNamed: boolean;
  readonly windows: readonly Window[];
  readonly parts: readonly KeyPart[];
  readonly stage: Stage;
  readonly cost: (input: HookInput) => number;
}

export interface RateLimitRules {
  readonly quotas: readonly Quota[];
  readonly isFixedWindow: boolean;
  /** What the counters of a key belong to. */
  readonly scope: string;
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly headers: { readonly plain: boolean; readonly ietf: boolean; readonly retryAfter: boolean };
}

const DEFAULT_BODY = '{"error":"Too Many Requests","message":"Rate limit exceeded. Please try again later."}';
const MAX_DURATION_MS = 31 * 86_400_000;
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

export function rateLimitRules(
  params: Readonly<JsonObject>,
  info: PolicyInfo,
  compile?: ExpressionCompiler,
): RateLimitRules {
  const quotas = listOf(params.quotas);
  if (quotas.length === 0) refuse('/quotas', 'lists no quota');
  const parts = partsOf(params.keyExtraction, '/keyExtraction', compile);
  const read = quotas.map((one, index) => quotaOf(objectOf(one), index, parts, compile));
  for (const [index, { name }] of read.entries()) {
    if (read.findIndex((other) => other.name === name) !== index) refuse(`/quotas/${index}/name`, 'is there already');
  }
  const algorithm = textOf(params.algorithm, 'gcra');
  if (algorithm !== 'gcra' && algorithm !== 'fixed-window') refuse('/algorithm', 'is gcra or fixed-window');
  const exceeded = objectOf(params.onRateLimitExceeded);
  const status = numberOf(exceeded.statusCode, 429);
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    refuse('/onRateLimitExceeded/statusCode', 'is not from 400 to 599');
  }
  const headers = objectOf(params.headers);
  return {
    quotas: read,
    isFixedWindow: algorithm === 'fixed-window',
    scope: scopeOf(params, info),
    status,
    body: textOf(exceeded.body, DEFAULT_BODY),
    contentType: exceeded.bodyFormat === 'plain' ? 'text/plain' : 'application/json',
    headers: {
      plain: headers.includeXRateLimit !== false,
      ietf: headers.includeIETF !== false,
      retryAfter: headers.includeRetryAfter !== false,
    },
  };
}

/** A limit attached to an API is one for all its routes, whichever of them holds it; a share key says it for itself. */
function scopeOf({ shareKey, scope }: Readonly<JsonObject>, info: PolicyInfo): string {
  if (typeof shareKey === 'string' && shareKey !== '') return `share${sized(shareKey)}`;
  switch (textOf(scope, info.attachedTo)) {
    case 'tenant':
      return 'tenant';
    case 'api':
      return `api${sized(info.api.id)}`;
    case 'route':
      return `route${sized(info.routeName)}`;
    default:
      return refuse('/scope', 'is route, api or tenant');
  }
}

function quotaOf(
  quota: Readonly<JsonObject>,
  index: number,
  inherited: readonly KeyPart[],
  compile: ExpressionCompiler | undefined,
): Quota {
  const path = `/quotas/${index}`;
  const limits = listOf(quota.limits);
  if (limits.length === 0) refuse(`${path}/limits`, 'lists no limit');
  const windows = limits.map((limit, at) => windowOf(objectOf(limit), `${path}/limits/${at}`));
  for (const [at, { durationMs }] of windows.entries()) {
    const first = windows.findIndex((other) => other.durationMs === durationMs);
    if (first !== at) refuse(`${path}/limits/${at}/duration`, 'is there already');
  }
  const name = textOf(quota.name);
  const own = partsOf(quota.keyExtraction, `${path}/keyExtraction`, compile);
  return {
    name: name === '' ? `quota-${index}` : name,
    isNamed: name !== '',
    windows,
    parts: own.length === 0 ? inherited : own,
    ...costOf(objectOf(quota.costExtraction), `${path}/costExtraction`, compile),
  };
}

function windowOf({ limit, duration, burst }: Readonly<JsonObject>, path: string): Window {
  if (!isCount(limit)) return refuse(`${path}/limit`, 'is no number from 1 to 1000000000');
  if (burst !== undefined && !isCount(burst)) return refuse(`${path}/burst`, 'is no number from 1 to 1000000000');
  const durationMs = durationOf(textOf(duration));
  if (!(durationMs >= 1 && durationMs <= MAX_DURATION_MS)) {
    return refuse(`${path}/duration`, 'is no duration from 1ms to 744h, such as 1m or 1h30m');
  }
  return { limit, durationMs, burst: burst === undefined ? limit : burst };
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 1_000_000_000;
}

/** `1h30m` in milliseconds; NaN for what is no duration. */
export function durationOf(text: string): number {
  if (!/^(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return Number.NaN;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(amount) * (UNITS[unit as string] as number);
  }
  return sum;
}

function partsOf(
  value: JsonValue | undefined,
  path: string,
  compile: ExpressionCompiler | undefined,
): readonly KeyPart[] {
  return listOf(value).map((item, index) => partOf(objectOf(item), `${path}/${index}`, compile));
}

function partOf(
  { type, key, expression }: Readonly<JsonObject>,
  path: string,
  compile: ExpressionCompiler | undefined,
): KeyPart {
  const name = textOf(key);
  const needsKey = type === 'header' || type === 'metadata' || type === 'constant';
  if (needsKey && name === '') refuse(`${path}/key`, 'is missing');
  switch (type) {
    case 'header':
      return ({ request }) => request.headers.first(name);
    case 'metadata':
      return ({ gathered }) => scalarText(Object.hasOwn(gathered.metadata, name) ? gathered.metadata[name] : undefined);
    case 'constant':
      return () => name;
    case 'ip':
      return ({ exchange }) => exchange.clientIp;
    case 'apiname':
      return ({ exchange }) => exchange.api.name;
    case 'apiversion':
      return ({ exchange }) => exchange.api.version;
    case 'routename':
      return ({ exchange }) => exchange.routeName;
    case 'cel': {
      const evaluate = compiled(textOf(expression), path, compile);
      return (input) => scalarText(evaluate(input));
    }
    default:
      return refuse(`${path}/type`, 'is header, metadata, ip, apiname, apiversion, routename, cel or constant');
  }
}

function scalarText(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}

function costOf(
  { enabled, sources, default: otherwise }: Readonly<JsonObject>,
  path: string,
  compile: ExpressionCompiler | undefined,
): Pick<Quota, 'stage' | 'cost'> {
  if (enabled !== true) return { stage: 'requestHeaders', cost: () => 1 };
  const fallback = numberOf(otherwise, 1);
  const read = listOf(sources).map((source, index) => sourceOf(objectOf(source), `${path}/sources/${index}`, compile));
  if (read.length === 0) refuse(`${path}/sources`, 'lists no source');
  return {
    stage: STAGES[Math.max(...read.map(({ stage }) => STAGES.indexOf(stage)))] as Stage,
    cost(input) {
      let sum = 0;
      let found = 0;
      for (const { value, multiplier } of read) {
        const amount = value(input);
        if (amount === undefined) continue;
        sum += amount * multiplier;
        found++;
      }
      return found === 0 ? fallback : sum;
    },
  };
}

interface CostSource {
  readonly stage: Stage;
  readonly value: (input: HookInput) => number | undefined;
  readonly multiplier: number;
}

function sourceOf(source: Readonly<JsonObject>, path: string, compile: ExpressionCompiler | undefined): CostSource {
  const multiplier = numberOf(source.multiplier, 1);
  if (multiplier < 0) refuse(`${path}/multiplier`, 'is below zero');
  const type = textOf(source.type);
  const key = textOf(source.key);
  const [side, kind] = [type.slice(0, type.indexOf('_')), type.slice(type.indexOf('_') + 1)];
  if (side !== 'request' && side !== 'response') return refuse(`${path}/type`, 'is no source of a cost');
  switch (kind) {
    case 'header':
      if (key === '') refuse(`${path}/key`, 'is missing');
      return {
        stage: `${side}Headers`,
        value: (input) => amountOf((side === 'request' ? input.request : input.response)?.headers.first(key)),
        multiplier,
      };
    case 'metadata':
      if (key === '') refuse(`${path}/key`, 'is missing');
      return {
        stage: `${side}Headers`,
        value: ({ gathered }) => amountOf(Object.hasOwn(gathered.metadata, key) ? gathered.metadata[key] : undefined),
        multiplier,
      };
    case 'body': {
      const steps = stepsOf(textOf(source.jsonPath));
      if (steps === undefined) return refuse(`${path}/jsonPath`, 'is no path such as $.usage.total_tokens');
      return {
        stage: `${side}Body`,
        value: (input) => amountIn((side === 'request' ? input.request : input.response)?.body.content, steps),
        multiplier,
      };
    }
    case 'cel': {
      const evaluate = compiled(textOf(source.expression), path, compile);
      return { stage: `${side}Body`, value: (input) => amountOf(evaluate(input)), multiplier };
    }
    default:
      return refuse(`${path}/type`, 'is no source of a cost');
  }
}

function compiled(
  expression: string,
  path: string,
  compile: ExpressionCompiler | undefined,
): (input: HookInput) => JsonValue | undefined {
  if (compile === undefined) return refuse(`${path}/type`, 'needs CEL, which is not there');
  const result = compile(expression);
  return 'error' in result ? refuse(`${path}/expression`, result.error) : result.evaluate;
}

/** A number that can be a cost. */
function amountOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'string' && !/^[0-9]{1,15}(?:\.[0-9]{1,9})?$/.test(value)) return undefined;
  const amount = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  return amount >= 0 && amount <= 1e15 ? amount : undefined;
}

/** `$.a.b[0]`: names and places, nothing that searches. */
function stepsOf(path: string): readonly (string | number)[] | undefined {
  if (!/^\$(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,6}\])+$/.test(path)) return undefined;
  return [...path.matchAll(/\.([^.[]+)|\[([0-9]+)\]/g)].map(([, name, place]) => name ?? Number(place));
}

function amountIn(content: Uint8Array | undefined, steps: readonly (string | number)[]): number | undefined {
  let value: JsonValue | undefined;
  try {
    value = JSON.parse(new TextDecoder().decode(content)) as JsonValue;
  } catch {
    return undefined;
  }
  for (const step of steps) {
    if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
    else value = Object.hasOwn(objectOf(value), step) ? objectOf(value)[step] : undefined;
  }
  return amountOf(value);
}

/** A text that cannot be mistaken for the beginning of another one. */
export function sized(text: string): string {
  return `${text.length}:${text}`;
}
