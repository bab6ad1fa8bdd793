/**
 * advanced-ratelimit: quotas over keys and costs (docs/policies/advanced-ratelimit.md). Keys and costs in CEL are for the native
 * policy. A request that any quota refuses is charged to none; costs of the response are charged after it.
 */

import {
  Action,
  Answer,
  change,
  clock,
  crypto,
  failHost,
  Input,
  Json,
  Policy,
  PolicyInfo,
  quote,
  register,
  rejectParams,
  REQUEST_BODY,
  REQUEST_HEADERS,
  respond,
  RESPONSE_BODY,
  RESPONSE_HEADERS,
} from '../../policy';
import { Counter } from './counters';
import { Quota, quotasOf, REQUEST_BODY_STAGE, RESPONSE_BODY_STAGE, RESPONSE_HEADERS_STAGE, scopeOf, sized } from './rules';

const STATE = 'ratelimit:state';
const KEYS = 'ratelimit:keys';
const MAX_KEY_LENGTH = 200;
const DEFAULT_BODY = '{"error":"Too Many Requests","message":"Rate limit exceeded. Please try again later."}';

class State {
  constructor(
    readonly limit: f64,
    readonly remaining: f64,
    readonly reset: f64,
    readonly at: f64,
    readonly window: f64,
  ) {}

  json(): string {
    let text = '{"limit":' + whole(this.limit) + ',"remaining":' + whole(this.remaining);
    text += ',"reset":' + whole(this.reset) + ',"at":' + whole(this.at);
    return text + ',"window":' + whole(this.window) + '}';
  }
}

class RateLimit extends Policy {
  constructor(
    modes: u32,
    private quotas: Quota[],
    private scope: string,
    private fixed: bool,
    private status: u32,
    private text: string,
    private contentType: string,
    private plain: bool,
    private ietf: bool,
    private retryAfter: bool,
  ) {
    super(modes);
  }

  onRequestHeaders(input: Input): Answer | null {
    return this.decide(input);
  }

  onRequestBody(input: Input): Answer | null {
    return this.decide(input);
  }

  onResponseHeaders(input: Input): Answer | null {
    this.charge(RESPONSE_HEADERS_STAGE, input);
    const state = stateIn(input);
    if (state == null || !(this.plain || this.ietf)) return null;
    return this.tell(change(), state);
  }

  onResponseBody(input: Input): Answer | null {
    this.charge(RESPONSE_BODY_STAGE, input);
    return null;
  }

  private decide(input: Input): Answer | null {
    const now = clock.now();
    const counters: Counter[] = [];
    let keys = '';
    for (let i = 0; i < this.quotas.length; i++) {
      const quota = this.quotas[i];
      const isLater = quota.stage >= RESPONSE_HEADERS_STAGE;
      const key = this.keyOf(quota, input);
      if (isLater) keys += ',' + quote(this.nameOf(quota)) + ':' + quote(key);
      this.add(counters, i, key, now, isLater ? 0 : quota.cost(input));
    }
    const refused = decided(counters);
    if (refused != null) return this.refuse(refused, now);
    let least = stateIn(input);
    for (let i = 0; i < counters.length; i++) {
      const state = stateOf(counters[i], now);
      if (least == null || state.remaining < least.remaining) least = state;
    }
    let patch = '{' + quote(STATE) + ':' + least!.json();
    if (keys != '') patch += ',' + quote(KEYS) + ':{' + (keptKeys(input) + keys).substring(1) + '}';
    return change().patchMetadata(patch + '}');
  }

  private charge(stage: i32, input: Input): void {
    const kept = input.metadata.get(KEYS);
    for (let i = 0; i < this.quotas.length; i++) {
      const quota = this.quotas[i];
      if (quota.stage != stage) continue;
      const known = kept.get(this.nameOf(quota));
      const counters: Counter[] = [];
      const cost = quota.cost(input);
      this.add(counters, i, known.isText ? known.asText() : this.keyOf(quota, input), clock.now(), cost);
      for (let k = 0; k < counters.length; k++) counters[k].charge(cost);
    }
  }

  private add(counters: Counter[], index: i32, key: string, now: f64, cost: f64): void {
    const windows = this.quotas[index].windows;
    for (let i = 0; i < windows.length; i++) {
      const place = key + '/' + number(windows[i].durationMs);
      counters.push(new Counter(place, now, windows[i], this.fixed, cost, index));
    }
  }

  private nameOf(quota: Quota): string {
    return this.scope + '/' + sized(quota.name);
  }

  private keyOf(quota: Quota, input: Input): string {
    let key = this.nameOf(quota);
    for (let i = 0; i < quota.parts.length; i++) {
      const text = quota.parts[i].of(input);
      key += text == null ? '/-' : '/' + sized(text);
    }
    if (key.length <= MAX_KEY_LENGTH) return key;
    const digest = crypto.hash('sha-256', Uint8Array.wrap(String.UTF8.encode(key)));
    if (digest == null) {
      failHost('a long key cannot be hashed');
      return key;
    }
    let text = '#';
    for (let i = 0; i < digest.length; i++) {
      text += '0123456789abcdef'.charAt(digest[i] >> 4) + '0123456789abcdef'.charAt(digest[i] & 15);
    }
    return text;
  }

  private refuse(counter: Counter, now: f64): Answer {
    const quota = this.quotas[counter.quota];
    const answer = respond(this.status).bodyText(this.text).setHeader('content-type', this.contentType);
    if (this.retryAfter) answer.setHeader('retry-after', whole(Math.max(Math.ceil(counter.retryMs / 1_000), 1)));
    if (quota.isNamed && isPlain(quota.name)) answer.setHeader('x-ratelimit-quota', quota.name);
    const window = counter.window;
    const told = quota.name + ' allows ' + whole(window.limit) + ' in ' + whole(Math.ceil(window.durationMs / 1_000)) + ' s';
    return this.tell(answer, stateOf(counter, now)).fault(900_800, 'RATE_LIMIT_EXCEEDED', 'Rate limit exceeded', told);
  }

  private tell(answer: Action, state: State): Action {
    const limit = whole(state.limit);
    const remaining = whole(state.remaining);
    if (this.plain) {
      answer.setHeader('x-ratelimit-limit', limit).setHeader('x-ratelimit-remaining', remaining);
      answer.setHeader('x-ratelimit-reset', whole(state.at));
    }
    if (this.ietf) {
      answer.setHeader('ratelimit-policy', limit + ';w=' + whole(state.window)).setHeader('ratelimit-limit', limit);
      answer.setHeader('ratelimit-remaining', remaining).setHeader('ratelimit-reset', whole(state.reset));
    }
    return answer;
  }
}

/** The one that makes wait longest, or null when all allow it and were charged. */
function decided(counters: Counter[]): Counter | null {
  let refused: Counter | null = null;
  for (let i = 0; i < counters.length; i++) {
    const counter = counters[i];
    counter.peek();
    if (!counter.isAllowed && (refused == null || counter.retryMs > refused.retryMs)) refused = counter;
  }
  if (refused != null) return refused;
  for (let i = 0; i < counters.length; i++) {
    counters[i].take();
    if (counters[i].isAllowed) continue;
    for (let k = 0; k < i; k++) counters[k].charge(-counters[k].cost);
    return counters[i];
  }
  return null;
}

function stateOf(counter: Counter, now: f64): State {
  const reset = Math.ceil(counter.resetMs / 1_000);
  const at = Math.ceil((now + counter.resetMs) / 1_000);
  return new State(counter.window.limit, counter.remaining, reset, at, Math.ceil(counter.window.durationMs / 1_000));
}

function stateIn(input: Input): State | null {
  const json = input.metadata.get(STATE);
  if (!json.get('limit').isNumber || !json.get('remaining').isNumber) return null;
  const reset = json.get('reset').asNumber();
  const at = json.get('at').asNumber();
  const window = json.get('window').asNumber();
  return new State(json.get('limit').asNumber(), json.get('remaining').asNumber(), reset, at, window);
}

function keptKeys(input: Input): string {
  const kept = input.metadata.get(KEYS);
  let text = '';
  for (let i = 0; kept.isObject && i < kept.length; i++) {
    if (kept.at(i).isText) text += ',' + quote(kept.nameAt(i)) + ':' + quote(kept.at(i).asText());
  }
  return text;
}

function isPlain(text: string): bool {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 || text.charCodeAt(i) > 0x7e) return false;
  return true;
}

function whole(value: f64): string {
  return (<i64>value).toString();
}

/** As JavaScript writes it, where it is whole. */
function number(value: f64): string {
  return value == Math.floor(value) ? whole(value) : value.toString();
}

register((info: PolicyInfo, params: Json): Policy | null => {
  const quotas = quotasOf(params);
  const algorithm = params.get('algorithm').asText('gcra');
  if (algorithm != 'gcra' && algorithm != 'fixed-window') rejectParams('/algorithm: is gcra or fixed-window');
  const exceeded = params.get('onRateLimitExceeded');
  const status = exceeded.get('statusCode').asNumber(429);
  if (status != Math.floor(status) || status < 400 || status > 599) {
    rejectParams('/onRateLimitExceeded/statusCode: is not from 400 to 599');
  }
  const headers = params.get('headers');
  const plain = headers.get('includeXRateLimit').asBool(true);
  const ietf = headers.get('includeIETF').asBool(true);
  let has: u32 = 0;
  for (let i = 0; i < quotas.length; i++) has |= 1 << quotas[i].stage;
  let modes: u32 = (has & (1 << REQUEST_BODY_STAGE)) != 0 ? REQUEST_BODY : REQUEST_HEADERS;
  if (plain || ietf || (has & (1 << RESPONSE_HEADERS_STAGE)) != 0) modes |= RESPONSE_HEADERS;
  if ((has & (1 << RESPONSE_BODY_STAGE)) != 0) modes |= RESPONSE_BODY;
  const isPlainBody = exceeded.get('bodyFormat').asText() == 'plain';
  return new RateLimit(
    modes,
    quotas,
    scopeOf(params, info),
    algorithm == 'fixed-window',
    <u32>status,
    exceeded.get('body').asText(DEFAULT_BODY),
    isPlainBody ? 'text/plain' : 'application/json',
    plain,
    ietf,
    headers.get('includeRetryAfter').asBool(true),
  );
});

export * from '../../policy/exports';
