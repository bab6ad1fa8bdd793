/** The parameters of advanced-ratelimit, read once when an instance is made; what is wrong with them is told by its place. */

import { Input, Json, PolicyInfo, rejectParams } from '../../policy';
import { Window } from './counters';

export const REQUEST_HEADERS_STAGE: i32 = 0;
export const REQUEST_BODY_STAGE: i32 = 1;
export const RESPONSE_HEADERS_STAGE: i32 = 2;
export const RESPONSE_BODY_STAGE: i32 = 3;

const MAX_DURATION_MS: f64 = 31 * 86_400_000;

/** One part of a key. */
export class Part {
  constructor(
    private type: string,
    private name: string,
  ) {}

  /** Null where the exchange has none. */
  of(input: Input): string | null {
    if (this.type == 'header') return input.headers.get(this.name);
    if (this.type == 'constant') return this.name;
    if (this.type == 'routename') return input.route;
    if (this.type == 'apiname') return input.api.get('name').asText();
    if (this.type == 'apiversion') return input.api.get('version').asText();
    if (this.type == 'ip') return input.clientIp == '' ? null : input.clientIp;
    const value = input.metadata.get(this.name);
    if (value.isText) return value.asText();
    const number = value.asNumber(NaN);
    return Math.abs(number) <= 9_007_199_254_740_991 && number == Math.floor(number) ? (<i64>number).toString() : null;
  }
}

/** Where a part of a cost comes from. */
export class Source {
  constructor(
    readonly stage: i32,
    private kind: string,
    private key: string,
    private steps: string[],
    readonly multiplier: f64,
  ) {}

  /** NaN where there is no number that can be a cost. */
  amount(input: Input): f64 {
    const isRequest = this.stage < RESPONSE_HEADERS_STAGE;
    if (this.kind == 'header') {
      const text = isRequest ? input.headers.get(this.key) : input.responseHeaders.get(this.key);
      return text == null ? NaN : amountOfText(text);
    }
    if (this.kind == 'metadata') return amountOf(input.metadata.get(this.key));
    const body = isRequest ? input.body : input.responseBody;
    let value = Json.parse(body.ptr, body.length);
    for (let i = 0; i < this.steps.length; i++) {
      const step = this.steps[i];
      if (step.startsWith('[')) value = value.isList ? value.at(<i32>I32.parseInt(step.substring(1))) : new Json();
      else value = value.isObject ? value.get(step) : new Json();
    }
    return amountOf(value);
  }
}

export class Quota {
  name: string = '';
  isNamed: bool = false;
  windows: Window[] = [];
  parts: Part[] = [];
  stage: i32 = REQUEST_HEADERS_STAGE;
  sources: Source[] = [];
  otherwise: f64 = 1;

  cost(input: Input): f64 {
    let sum: f64 = 0;
    let found = 0;
    for (let i = 0; i < this.sources.length; i++) {
      const amount = this.sources[i].amount(input);
      if (isNaN(amount)) continue;
      sum += amount * this.sources[i].multiplier;
      found++;
    }
    return found == 0 ? this.otherwise : sum;
  }
}

export function quotasOf(params: Json): Quota[] {
  const list = params.get('quotas');
  const quotas: Quota[] = [];
  if (!list.isList || list.length == 0) rejectParams('/quotas: lists no quota');
  const inherited = partsOf(params.get('keyExtraction'), '/keyExtraction');
  for (let i = 0; list.isList && i < list.length; i++) quotas.push(quotaOf(list.at(i), i, inherited));
  for (let i = 0; i < quotas.length; i++) {
    for (let k = 0; k < i; k++) {
      if (quotas[k].name == quotas[i].name) rejectParams('/quotas/' + i.toString() + '/name: is there already');
    }
  }
  return quotas;
}

/** What the counters of a key belong to. */
export function scopeOf(params: Json, info: PolicyInfo): string {
  const shareKey = params.get('shareKey').asText();
  if (shareKey != '') return 'share' + sized(shareKey);
  const scope = params.get('scope').asText(info.attachedTo);
  if (scope == 'tenant') return 'tenant';
  if (scope == 'api') return 'api' + sized(info.api.get('id').asText());
  if (scope != 'route') rejectParams('/scope: is route, api or tenant');
  return 'route' + sized(info.route);
}

/** A text that cannot be mistaken for the beginning of another one. */
export function sized(text: string): string {
  return text.length.toString() + ':' + text;
}

function quotaOf(json: Json, index: i32, inherited: Part[]): Quota {
  const path = '/quotas/' + index.toString();
  const quota = new Quota();
  const limits = json.get('limits');
  if (!limits.isList || limits.length == 0) rejectParams(path + '/limits: lists no limit');
  for (let i = 0; limits.isList && i < limits.length; i++) {
    quota.windows.push(windowOf(limits.at(i), path + '/limits/' + i.toString()));
  }
  for (let i = 0; i < quota.windows.length; i++) {
    for (let k = 0; k < i; k++) {
      if (quota.windows[k].durationMs != quota.windows[i].durationMs) continue;
      rejectParams(path + '/limits/' + i.toString() + '/duration: is there already');
    }
  }
  quota.name = json.get('name').asText();
  quota.isNamed = quota.name != '';
  if (!quota.isNamed) quota.name = 'quota-' + index.toString();
  const own = partsOf(json.get('keyExtraction'), path + '/keyExtraction');
  quota.parts = own.length == 0 ? inherited : own;
  const cost = json.get('costExtraction');
  if (cost.get('enabled').asBool()) readCost(quota, cost, path + '/costExtraction/sources');
  return quota;
}

function windowOf(json: Json, path: string): Window {
  const limit = json.get('limit').asNumber(0);
  const burst = json.get('burst').exists ? json.get('burst').asNumber(0) : limit;
  if (!isCount(limit)) rejectParams(path + '/limit: is no number from 1 to 1000000000');
  if (!isCount(burst)) rejectParams(path + '/burst: is no number from 1 to 1000000000');
  const duration = durationOf(json.get('duration').asText());
  if (!(duration >= 1 && duration <= MAX_DURATION_MS)) {
    rejectParams(path + '/duration: is no duration from 1ms to 744h, such as 1m or 1h30m');
  }
  return new Window(limit, duration, burst);
}

function isCount(value: f64): bool {
  return value == Math.floor(value) && value >= 1 && value <= 1_000_000_000;
}

/** NaN for what is no duration. */
function durationOf(text: string): f64 {
  let sum: f64 = text == '' ? NaN : 0;
  let at = 0;
  while (at < text.length) {
    const start = at;
    let points = 0;
    while (at < text.length && (isDigit(text.charCodeAt(at)) || text.charCodeAt(at) == 0x2e)) {
      if (text.charCodeAt(at++) == 0x2e) points++;
    }
    if (points > 1 || at - start == points) return NaN;
    const amount = F64.parseFloat(text.substring(start, at));
    const two = text.substring(at, at + 2);
    const one = text.substring(at, at + 1);
    const long: f64 = two == 'ns' ? 1e-6 : two == 'us' || two == '\u00b5s' ? 1e-3 : two == 'ms' ? 1 : 0;
    const short: f64 = one == 's' ? 1_000 : one == 'm' ? 60_000 : one == 'h' ? 3_600_000 : 0;
    if (long == 0 && short == 0) return NaN;
    sum += amount * (long != 0 ? long : short);
    at += long != 0 ? 2 : 1;
  }
  return sum;
}

function partsOf(list: Json, path: string): Part[] {
  const parts: Part[] = [];
  for (let i = 0; list.isList && i < list.length; i++) {
    const place = path + '/' + i.toString();
    const type = list.at(i).get('type').asText();
    const key = list.at(i).get('key').asText();
    const needsKey = type == 'header' || type == 'metadata' || type == 'constant';
    if (needsKey && key == '') rejectParams(place + '/key: is missing');
    if (type == 'cel') rejectParams(place + '/type: needs CEL, which is not there');
    else if (!needsKey && type != 'ip' && type != 'apiname' && type != 'apiversion' && type != 'routename') {
      rejectParams(place + '/type: is header, metadata, ip, apiname, apiversion, routename, cel or constant');
    }
    parts.push(new Part(type, key));
  }
  return parts;
}

function readCost(quota: Quota, cost: Json, path: string): void {
  const list = cost.get('sources');
  quota.otherwise = cost.get('default').asNumber(1);
  for (let i = 0; list.isList && i < list.length; i++) {
    const source = sourceOf(list.at(i), path + '/' + i.toString());
    quota.stage = max(quota.stage, source.stage);
    quota.sources.push(source);
  }
  if (quota.sources.length == 0) rejectParams(path + ': lists no source');
}

function sourceOf(json: Json, path: string): Source {
  const multiplier = json.get('multiplier').asNumber(1);
  if (multiplier < 0) rejectParams(path + '/multiplier: is below zero');
  const type = json.get('type').asText();
  const isResponse = type.startsWith('response_');
  const kind = isResponse ? type.substring(9) : type.startsWith('request_') ? type.substring(8) : '';
  const key = json.get('key').asText();
  const isBody = kind == 'body';
  if (kind == 'cel') rejectParams(path + '/type: needs CEL, which is not there');
  else if (kind != 'header' && kind != 'metadata' && !isBody) rejectParams(path + '/type: is no source of a cost');
  else if (!isBody && key == '') rejectParams(path + '/key: is missing');
  const steps = isBody ? stepsOf(json.get('jsonPath').asText()) : [];
  if (isBody && steps.length == 0) rejectParams(path + '/jsonPath: is no path such as $.usage.total_tokens');
  return new Source((isResponse ? 2 : 0) + (isBody ? 1 : 0), kind, key, steps, multiplier);
}

/** `$.a[0]` as `a`, `[0`; nothing for what is no such path. */
function stepsOf(path: string): string[] {
  const steps: string[] = [];
  if (!path.startsWith('$')) return steps;
  let at = 1;
  while (at < path.length) {
    const isPlace = path.charAt(at) == '[';
    if (!isPlace && path.charAt(at) != '.') return [];
    const start = ++at;
    while (at < path.length && isStep(path.charCodeAt(at), isPlace, at == start)) at++;
    const length = at - start;
    if (length == 0 || (isPlace && (length > 6 || path.charAt(at) != ']'))) return [];
    steps.push(path.substring(isPlace ? start - 1 : start, at));
    if (isPlace) at++;
  }
  return steps;
}

function isStep(unit: i32, isPlace: bool, isFirst: bool): bool {
  if (isPlace) return isDigit(unit);
  const letter = unit | 32;
  if ((letter >= 0x61 && letter <= 0x7a) || unit == 0x5f) return true;
  return !isFirst && (isDigit(unit) || unit == 0x2d);
}

function amountOf(value: Json): f64 {
  if (value.isText) return amountOfText(value.asText());
  const amount = value.asNumber(NaN);
  return amount >= 0 && amount <= 1e15 ? amount : NaN;
}

function amountOfText(text: string): f64 {
  let point = -1;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) == 0x2e && point < 0) point = i;
    else if (!isDigit(text.charCodeAt(i))) return NaN;
  }
  const whole = point < 0 ? text.length : point;
  const rest = point < 0 ? 1 : text.length - point - 1;
  if (whole < 1 || whole > 15 || rest < 1 || rest > 9) return NaN;
  const amount = F64.parseFloat(text);
  return amount <= 1e15 ? amount : NaN;
}

function isDigit(unit: i32): bool {
  return unit >= 0x30 && unit <= 0x39;
}
