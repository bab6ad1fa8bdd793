/** Follows one exchange for metrics and spans; there is none where nobody asked for either. */

import type { HookRecord } from '../policy/chain/decision.ts';
import { type Direction, directionOf } from '../policy/model/phases.ts';
import type { ExchangeSpans } from './exchange-spans.ts';
import type { PolicyMetrics } from './policy-metrics.ts';
import { type ExchangeEnd, terminalReason } from './terminal.ts';

type TierOf = (name: string, version: string) => string;

/** Methods never throw: `safely` catches what meter and tracer throw. */
export class ExchangeWatch {
  readonly #metrics: PolicyMetrics | undefined;
  readonly #spans: ExchangeSpans | undefined;
  readonly #tenant: string;
  readonly #tierOf: TierOf;
  readonly #safely: (work: () => void) => void;
  readonly #us = { request: 0, response: 0 };
  #hasFailed = false;

  constructor(
    metrics: PolicyMetrics | undefined,
    spans: ExchangeSpans | undefined,
    tenant: string,
    tierOf: TierOf,
    safely: (work: () => void) => void,
  ) {
    this.#metrics = metrics;
    this.#spans = spans;
    this.#tenant = tenant;
    this.#tierOf = tierOf;
    this.#safely = safely;
  }

  hook(record: HookRecord): void {
    this.#us[directionOf(record.phase)] += record.durationUs;
    if (record.outcome === 'failed') this.#hasFailed = true;
    this.#safely(() => {
      this.#metrics?.hook(this.#tenant, this.#tierOf(record.name, record.version), record);
      this.#spans?.hook(record);
    });
  }

  body(direction: Direction, bytes: number): void {
    this.#metrics?.body(this.#tenant, direction, bytes);
  }

  end(end: Omit<ExchangeEnd, 'hasFailed'>): void {
    this.#safely(() => {
      this.#metrics?.chain(this.#tenant, 'request', this.#us.request);
      this.#metrics?.chain(this.#tenant, 'response', this.#us.response);
      const { response } = end;
      const reason = terminalReason({ ...end, hasFailed: this.#hasFailed });
      const errorId =
        response?.fault?.type === 'POLICY_ENGINE_ERROR' ? response.headers.first('x-error-id') : undefined;
      this.#spans?.end(reason, response?.status, errorId);
    });
  }
}
