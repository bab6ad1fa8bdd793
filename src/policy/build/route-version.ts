/** One revision of one route, as exchanges use it: the chain they started with stays theirs until they are done. */

import type { JsonObject } from '../../internal/json.ts';
import type { Sha256 } from '../../internal/sha256.ts';
import { type Clock, startTimer } from '../../options/clock.ts';
import type { Chain } from '../chain/chain.ts';
import type { ConfigProblem } from '../model/config-problem.ts';
import type { ApiInfo, ExchangeFacts } from '../model/inputs.ts';
import type { RolloutStatus } from '../rollout/rollout-instance.ts';
import type { HeldRollout } from '../rollout/rollout-table.ts';
import { DRAIN_MS, type HeldInstance } from './held-instance.ts';
import type { Hold } from './instance-table.ts';
import type { Level } from './specification.ts';

/** What a status tells of a position. */
export interface PositionStatus {
  readonly key: string;
  readonly level: Level;
  readonly name: string;
  readonly version: string;
  readonly digest: Sha256 | undefined;
  readonly enabled: boolean;
  readonly scope: string;
  /** What its state depends on: equal in the next revision means that the instance stays. */
  readonly signature: Sha256;
}

export interface RouteParts {
  readonly key: string;
  readonly name: string;
  readonly tenant: string;
  readonly api: ApiInfo;
  readonly chain: Chain;
  readonly positions: readonly PositionStatus[];
  /** One for each of `positions`; a rollout beside the instance that serves without it. */
  readonly holds: readonly (Hold & Partial<Pick<HeldRollout, 'rollout' | 'active'>>)[];
  readonly source: Readonly<JsonObject>;
  /** Set on a route that stands in for one that could not be built: every exchange is answered 503. */
  readonly refusal?: ConfigProblem;
}

export class RouteVersion {
  readonly key: string;
  readonly name: string;
  readonly tenant: string;
  readonly api: ApiInfo;
  readonly chain: Chain;
  readonly positions: readonly PositionStatus[];
  readonly source: Readonly<JsonObject>;
  readonly refusal: ConfigProblem | undefined;
  readonly #holds: RouteParts['holds'];
  readonly #perRequest: readonly Hold[];
  #exchanges = 0;
  #stopTimer: () => void = () => {};
  #state: 'serving' | 'draining' | 'closed' = 'serving';

  constructor(parts: RouteParts) {
    this.key = parts.key;
    this.name = parts.name;
    this.tenant = parts.tenant;
    this.api = parts.api;
    this.chain = parts.chain;
    this.positions = parts.positions;
    this.source = parts.source;
    this.refusal = parts.refusal;
    this.#holds = parts.holds;
    this.#perRequest = parts.holds.filter(({ instance }) => instance.keepsExchanges);
  }

  /** Bodies of MCP routes are messages, whatever their framing says. */
  get streamsRequest(): boolean {
    return this.api.kind !== 'Mcp' && this.chain.streamsRequest;
  }

  get streamsResponse(): boolean {
    return this.api.kind !== 'Mcp' && this.chain.streamsResponse;
  }

  get exchanges(): number {
    return this.#exchanges;
  }

  /** What serves at a position; of a rollout the active side. */
  instanceAt(positionKey: string): HeldInstance | undefined {
    const hold = this.#holdAt(positionKey);
    return hold?.active ?? hold?.instance;
  }

  rolloutAt(positionKey: string): RolloutStatus | undefined {
    return this.#holdAt(positionKey)?.rollout?.describe();
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** An exchange begins; it calls `exit` once, however it ends. */
  enter(): void {
    this.#exchanges += 1;
  }

  exit(exchange: ExchangeFacts): void {
    for (const { instance } of this.#perRequest) instance.forget(exchange);
    this.#exchanges -= 1;
    if (this.#exchanges === 0 && this.#state === 'draining') this.#close(false);
  }

  /** No exchange begins here any more. Instances are let go when the last one is done, or after the drain time. */
  retire(clock: Clock): void {
    if (this.#state !== 'serving') return;
    this.#state = 'draining';
    if (this.#exchanges === 0) this.#close(false);
    else {
      const timer = startTimer(clock, () => this.#close(true), DRAIN_MS);
      this.#stopTimer = () => clock.clearTimeout(timer);
    }
  }

  #holdAt(positionKey: string): RouteParts['holds'][number] | undefined {
    return this.#holds[this.positions.findIndex(({ key }) => key === positionKey)];
  }

  #close(force: boolean): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#stopTimer();
    for (const hold of this.#holds) hold.release(force);
  }
}
