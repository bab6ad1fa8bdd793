/** A route as requests meet it: its chain, what it counted, and an exchange for each request. */

import type { RouteVersion } from '../policy/build/route-version.ts';
import type { HookOutcome, HookRecord } from '../policy/chain/decision.ts';
import { Exchange } from '../policy/chain/exchange.ts';
import type { ChunkStep, ExchangePorts, RequestStep, ResponseStep } from '../policy/chain/exchange-steps.ts';
import { andThen, type MaybePromise } from '../policy/chain/maybe-promise.ts';
import type { Chunk, ExchangeFacts } from '../policy/model/inputs.ts';
import type { EndReason } from '../policy/model/phases.ts';
import type { Body, RequestView, ResponseView } from '../policy/model/views.ts';
import { shownHeaders } from '../policy/reduce/shown-headers.ts';
import type { ByteBudget } from '../policy/tenants/byte-budget.ts';
import type { ExchangeEnd, TenantPass } from '../policy/tenants/tenant-handle.ts';
import type { ExchangeWatch } from './exchange-watch.ts';
import type { ServingRevision } from './tenant-revisions.ts';

/** How often the hooks of a position ended in each way, and its failures by code. */
export interface PositionCounts {
  readonly outcomes: Readonly<Record<HookOutcome, number>>;
  readonly failures: Readonly<Record<string, number>>;
  /** Of all hooks together, in microseconds. */
  readonly totalUs: number;
}

/** Counts of the positions of one route; they go on over a reload. */
export class RouteCounts {
  readonly #positions = new Map<
    string,
    { outcomes: Record<HookOutcome, number>; failures: Record<string, number>; totalUs: number }
  >();

  add({ position, outcome, code, durationUs }: HookRecord): void {
    let counts = this.#positions.get(position);
    if (counts === undefined) {
      counts = { outcomes: { none: 0, changed: 0, immediate: 0, failed: 0, skipped: 0 }, failures: {}, totalUs: 0 };
      this.#positions.set(position, counts);
    }
    counts.outcomes[outcome]++;
    counts.totalUs += durationUs;
    if (code !== undefined) counts.failures[code] = (counts.failures[code] ?? 0) + 1;
  }

  of(position: string): PositionCounts | undefined {
    return this.#positions.get(position);
  }
}

/** What an exchange of a tenant runs on. */
export interface Opened {
  readonly version: RouteVersion;
  readonly pass: TenantPass<ServingRevision>;
  readonly facts: ExchangeFacts;
  readonly bodies: ByteBudget;
  readonly decisionKey: string | undefined;
  /** What the policies saw is told with the decision. */
  readonly tellsInputs: boolean;
  /** Follows it for metrics and spans. */
  readonly watch: ExchangeWatch | undefined;
}

/** As nginx logs a client that left before it was answered. */
const CLIENT_LEFT = 499;

/** Leaves its route and its tenant when it is over, and tells what was decided; tells whoever follows it. */
export class RoutedExchange extends Exchange {
  readonly #opened: Opened;
  readonly #asked: RequestView;
  readonly #returns: (() => void)[] = [];
  #upstreamStatus: number | undefined;
  #isOver = false;

  constructor(opened: Opened, request: RequestView, ports: ExchangePorts) {
    super(opened.version.chain, opened.facts, request, ports);
    this.#opened = opened;
    this.#asked = request;
    opened.version.enter();
  }

  /** Bytes of a body that is held until the exchange is over; false when the process has no room for them (V-28). */
  hold(bytes: number): boolean {
    const give = this.#isOver ? undefined : this.#opened.bodies.take(bytes);
    if (give === undefined) return false;
    this.#returns.push(give);
    return true;
  }

  override requestBody(body: Body): MaybePromise<RequestStep> {
    this.#opened.watch?.body('request', body.content.length);
    return super.requestBody(body);
  }

  override requestChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    this.#opened.watch?.body('request', chunk.data.length);
    return super.requestChunk(chunk);
  }

  override responseHeaders(response: ResponseView, body: 'none' | 'buffer' | 'stream'): MaybePromise<ResponseStep> {
    this.#upstreamStatus = response.status;
    return super.responseHeaders(response, body);
  }

  override responseBody(body: Body): MaybePromise<ResponseStep> {
    this.#opened.watch?.body('response', body.content.length);
    return super.responseBody(body);
  }

  override responseChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    this.#opened.watch?.body('response', chunk.data.length);
    return super.responseChunk(chunk);
  }

  override end(reason: EndReason, streamId: number): MaybePromise<void> {
    if (this.#isOver) return undefined;
    this.#isOver = true;
    // What `finally` sees where nobody was answered is no answer.
    const wasAnswered = this.response !== undefined;
    return andThen(super.end(reason, streamId), () => this.#leave(reason, wasAnswered));
  }

  #leave(reason: EndReason, wasAnswered: boolean): void {
    const { version, pass, facts, decisionKey, watch, tellsInputs } = this.#opened;
    const { response, isReplaced } = this;
    watch?.end({ reason, response, isReplaced, upstreamStatus: this.#upstreamStatus });
    for (const give of this.#returns) give();
    version.exit(facts);
    const { requestId, traceparent } = facts;
    const end = { route: version.name, requestId, result: this.#result(wasAnswered) };
    pass.end({
      ...end,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(decisionKey === undefined ? {} : { decisionKey }),
      ...(tellsInputs ? { inputs: this.#inputs() } : {}),
    });
  }

  #result(wasAnswered: boolean): ExchangeEnd['result'] {
    const { response, isReplaced } = this;
    if (response === undefined || !wasAnswered)
      return { status: CLIENT_LEFT, shortCircuit: false, reason: 'CANCELLED' };
    const { status, fault } = response;
    return fault === undefined ? { status, shortCircuit: isReplaced } : { status, shortCircuit: isReplaced, fault };
  }

  #inputs(): NonNullable<ExchangeEnd['inputs']> {
    const { path, method, authority, scheme } = this.#asked;
    const { request: asked, response: answered } = this.gathered.analyticsHeaderFilters;
    const request = { headers: shownHeaders(this.#asked.headers, asked), path, method, authority, scheme };
    const { response } = this;
    return response === undefined
      ? { request }
      : { request, response: { status: response.status, headers: shownHeaders(response.headers, answered) } };
  }
}
