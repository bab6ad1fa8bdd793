/** A route as requests meet it: its chain, what it counted, and an exchange for each request. */

import type { RouteVersion } from '../policy/build/route-version.ts';
import type { HookOutcome, HookRecord } from '../policy/chain/decision.ts';
import { Exchange } from '../policy/chain/exchange.ts';
import type { ChunkStep, ExchangePorts, RequestStep, ResponseStep } from '../policy/chain/exchange-steps.ts';
import { andThen, type MaybePromise } from '../policy/chain/maybe-promise.ts';
import type { Chunk, ExchangeFacts } from '../policy/model/inputs.ts';
import type { EndReason } from '../policy/model/phases.ts';
import type { Body, RequestView, ResponseView } from '../policy/model/views.ts';
import type { ExchangeWatch } from './exchange-watch.ts';

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

/** Leaves its route when it is over, so that the route's instances can be let go; tells whoever follows it. */
export class RoutedExchange extends Exchange {
  readonly #route: RouteVersion;
  readonly #facts: ExchangeFacts;
  readonly #watch: ExchangeWatch | undefined;
  #upstreamStatus: number | undefined;
  #isOver = false;

  constructor(
    route: RouteVersion,
    facts: ExchangeFacts,
    request: RequestView,
    ports: ExchangePorts,
    watch: ExchangeWatch | undefined,
  ) {
    super(route.chain, facts, request, ports);
    this.#route = route;
    this.#facts = facts;
    this.#watch = watch;
    route.enter();
  }

  override requestBody(body: Body): MaybePromise<RequestStep> {
    this.#watch?.body('request', body.content.length);
    return super.requestBody(body);
  }

  override requestChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    this.#watch?.body('request', chunk.data.length);
    return super.requestChunk(chunk);
  }

  override responseHeaders(response: ResponseView, body: 'none' | 'buffer' | 'stream'): MaybePromise<ResponseStep> {
    this.#upstreamStatus = response.status;
    return super.responseHeaders(response, body);
  }

  override responseBody(body: Body): MaybePromise<ResponseStep> {
    this.#watch?.body('response', body.content.length);
    return super.responseBody(body);
  }

  override responseChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    this.#watch?.body('response', chunk.data.length);
    return super.responseChunk(chunk);
  }

  override end(reason: EndReason, streamId: number): MaybePromise<void> {
    if (this.#isOver) return undefined;
    this.#isOver = true;
    return andThen(super.end(reason, streamId), () => {
      const { response, isReplaced } = this;
      this.#watch?.end({ reason, response, isReplaced, upstreamStatus: this.#upstreamStatus });
      this.#route.exit(this.#facts);
    });
  }
}

export interface ServedRoute {
  readonly version: RouteVersion;
  readonly counts: RouteCounts;
}
