/** Runs a case of a manifest's `selfTest`: one hook of a fresh instance, its answer beside the expected one. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { systemClock } from '../../options/clock.ts';
import type { CatalogEntry } from '../build/catalog.ts';
import type { SelfTest } from '../manifest/manifest.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import { HeaderMap, type HeaderPair } from '../model/headers.ts';
import type { DryRun, HookInput } from '../model/inputs.ts';
import type { Outcome, PolicyInstance } from '../model/instance.ts';
import { Phase } from '../model/phases.ts';
import { type Body, NO_BODY, NOTHING_GATHERED, type RequestView, type ResponseView } from '../model/views.ts';
import { loadConfigResolver } from '../params/load-config-resolver.ts';
import { Redactor } from '../params/redactor.ts';
import { resolveParams } from '../params/resolve-params.ts';
import { needsConfig } from '../params/system-params.ts';

export interface SelfTestResult {
  readonly phase: SelfTest['phase'];
  readonly passed: boolean;
  /** One sentence for each member that is not as expected. */
  readonly differences: readonly string[];
  readonly actual: JsonObject;
  readonly durationUs: number;
}

const API = {
  projectId: '',
  id: '',
  name: 'self-test',
  version: '',
  kind: 'RestApi',
  context: '/',
  operationPath: '/*',
};
const TENANT = 'self-test';
const ROUTE = 'self-test';
const FAR = 8_640_000_000_000_000;

/** A case as a call that can be made. */
export interface PreparedCase {
  readonly instance: PolicyInstance;
  readonly phase: Phase;
  readonly input: HookInput;
}

/** Never rejects; a case that cannot be run fails with the reason. With `dryRun` hosts keep its effects to themselves. */
export async function runSelfTest(entry: CatalogEntry, test: SelfTest, dryRun?: DryRun): Promise<SelfTestResult> {
  const { phase, expect } = test;
  const prepared = await prepareCase(entry, test, dryRun);
  if (isPolicyFailure(prepared)) return judge(phase, expect, outcomeJson(prepared), 0);
  const { instance, input } = prepared;
  const began = systemClock.monotonic();
  const outcome = await instance.call(prepared.phase, input);
  const durationUs = (systemClock.monotonic() - began) * 1_000;
  await instance.destroy();
  return judge(phase, expect, outcomeJson(outcome), durationUs);
}

/** A fresh instance with the parameters of a case, and `config` for an operator's; whoever asks for it destroys it. */
export async function prepareCase(
  { factory, manifest }: CatalogEntry,
  { phase, input }: SelfTest,
  dryRun?: DryRun,
): Promise<PreparedCase | PolicyFailure> {
  const resolved = resolveParams({
    manifest,
    given: input.params,
    attachedTo: 'route',
    path: '/params',
    sources: {},
    redactor: new Redactor(),
    resolve: needsConfig(manifest.systemParameters) ? await loadConfigResolver(memberOf(input, 'config')) : undefined,
  });
  if ('problems' in resolved) {
    const [first] = resolved.problems;
    return policyFailure('PARAMS_INVALID', `${first?.path} ${first?.message}`);
  }
  const { name, version } = manifest;
  const info = { name, version, routeName: ROUTE, attachedTo: 'route' as const, tenant: TENANT, api: API };
  const instance = await factory.create({ info, params: resolved.params });
  if (isPolicyFailure(instance)) return instance;
  const made = caseInput(input, phase);
  const exchange = dryRun === undefined ? made.exchange : { ...made.exchange, dryRun };
  return { instance, phase: Phase[phase], input: { ...made, exchange } };
}

/** `input` of a case: `params`, `request`, `response`, `metadata`, `clientIp`; each with defaults. */
export function caseInput(input: Readonly<JsonObject>, phase: SelfTest['phase']): HookInput {
  const isResponse = phase.startsWith('response');
  const request = requestOf(memberOf(input, 'request'));
  const { headers, path, method, authority, scheme } = request;
  const response = isResponse ? responseOf(memberOf(input, 'response')) : undefined;
  const { clientIp } = input;
  return {
    exchange: {
      requestId: 'self-test',
      routeName: ROUTE,
      tenant: TENANT,
      api: API,
      deadline: FAR,
      ...(typeof clientIp === 'string' ? { clientIp } : {}),
    },
    request,
    gathered: { ...NOTHING_GATHERED, metadata: memberOf(input, 'metadata') },
    downstream: { headers, path, method, authority, scheme },
    ...(response === undefined
      ? {}
      : { response, upstreamResponse: { headers: response.headers, status: response.status } }),
  };
}

function requestOf(given: JsonObject): RequestView {
  const text = (name: string, otherwise: string): string =>
    typeof given[name] === 'string' ? (given[name] as string) : otherwise;
  const authority = text('authority', 'service.example');
  return {
    headers: HeaderMap.from([['host', authority], ...pairsOf(given.headers)]),
    path: text('path', '/'),
    method: text('method', 'GET'),
    authority,
    scheme: text('scheme', 'https'),
    body: bodyOf(given.body),
    upstreamName: undefined,
    upstreamSlot: undefined,
  };
}

function responseOf(given: JsonObject): ResponseView {
  const { status = 200 } = given;
  return {
    headers: HeaderMap.from(pairsOf(given.headers)),
    status: typeof status === 'number' ? status : 200,
    body: bodyOf(given.body),
    fault: undefined,
  };
}

function bodyOf(given: JsonValue | undefined): Body {
  if (given === undefined) return NO_BODY;
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  return { content: new Uint8Array(Buffer.from(text, 'utf8')), present: true, endOfStream: true, truncated: false };
}

/** Headers as an object of texts or lists, or as pairs. */
function pairsOf(given: JsonValue | undefined): HeaderPair[] {
  if (Array.isArray(given)) {
    return given.filter(Array.isArray).map(([name, value]) => [String(name), String(value)] as const);
  }
  if (!isJsonObject(given)) return [];
  return Object.entries(given).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value): HeaderPair => [name, String(value)]),
  );
}

function memberOf(object: Readonly<JsonObject>, name: string): JsonObject {
  const value = object[name];
  return isJsonObject(value) ? value : {};
}

/** An answer as a case writes it: headers as objects, bodies as texts. */
function outcomeJson(outcome: Outcome): JsonObject {
  if (outcome.kind !== 'action') return readable(outcome) as JsonObject;
  return readable(outcome.action) as JsonObject;
}

function readable(value: unknown, name = ''): JsonValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) {
    const isPairs = ['set', 'append', 'headers'].includes(name) && value.every(Array.isArray);
    return isPairs ? headersOf(value as [string, JsonValue][]) : value.map((one) => readable(one));
  }
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  return Object.fromEntries(Object.entries(value).map(([member, inner]) => [member, readable(inner, member)]));
}

function headersOf(pairs: readonly (readonly [string, JsonValue])[]): JsonObject {
  const found = new Map<string, JsonValue>();
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    const known = found.get(lower);
    found.set(lower, known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value]);
  }
  return Object.fromEntries(found);
}

function judge(
  phase: SelfTest['phase'],
  expect: Readonly<JsonObject>,
  actual: JsonObject,
  durationUs: number,
): SelfTestResult {
  const differences: string[] = [];
  compare('', readable(expect), actual, differences);
  return { phase, passed: differences.length === 0, differences, actual, durationUs };
}

/** Members that the expectation does not name may be anything; lists and texts are compared whole. */
function compare(path: string, expected: JsonValue, actual: JsonValue | undefined, differences: string[]): void {
  if (isJsonObject(expected) && isJsonObject(actual)) {
    for (const [name, inner] of Object.entries(expected)) compare(`${path}/${name}`, inner, actual[name], differences);
    return;
  }
  if (JSON.stringify(expected) === JSON.stringify(actual)) return;
  const shown = (value: JsonValue | undefined): string => (value === undefined ? 'nothing' : JSON.stringify(value));
  differences.push(`${path || '/'}: expected ${shown(expected)}, got ${shown(actual)}`);
}
