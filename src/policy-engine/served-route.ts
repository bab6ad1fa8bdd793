/** A route as requests meet it: its chain, what it counted, and an exchange for each request. */

import type { RouteVersion } from '../policy/build/route-version.ts';
import type { HookOutcome, HookRecord } from '../policy/chain/decision.ts';
import { Exchange } from '../policy/chain/exchange.ts';
import type { ExchangePorts } from '../policy/chain/exchange-steps.ts';
import { andThen, type MaybePromise } from '../policy/chain/maybe-promise.ts';
import type { ExchangeFacts } from '../policy/model/inputs.ts';
import type { EndReason } from '../policy/model/phases.ts';
import type { RequestView } from '../policy/model/views.ts';

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

/** Leaves its route when it is over, so that the route's instances can be let go. */
export class RoutedExchange extends Exchange {
  readonly #route: RouteVersion;
  readonly #facts: ExchangeFacts;
  #isOver = false;

  constructor(route: RouteVersion, facts: ExchangeFacts, request: RequestView, ports: ExchangePorts) {
    super(route.chain, facts, request, ports);
    this.#route = route;
    this.#facts = facts;
    route.enter();
  }

  override end(reason: EndReason, streamId: number): MaybePromise<void> {
    if (this.#isOver) return undefined;
    this.#isOver = true;
    return andThen(super.end(reason, streamId), () => this.#route.exit(this.#facts));
  }
}

export interface ServedRoute {
  readonly version: RouteVersion;
  readonly counts: RouteCounts;
}
