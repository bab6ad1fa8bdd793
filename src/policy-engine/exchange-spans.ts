/** The spans of one exchange: made of what its hooks report, so that a chain without a tracer knows nothing of them. */

import type { HookRecord } from '../policy/chain/decision.ts';
import type { Position } from '../policy/chain/position.ts';
import type { ExchangeFacts } from '../policy/model/inputs.ts';
import { phaseName } from '../policy/model/phases.ts';
import { below, remoteParent, SPAN_ERROR, SPAN_INTERNAL, type Span, type Tracer } from '../telemetry/tracer.ts';
import { isSpanError, type TerminalReason } from './terminal.ts';

export interface SpanParts {
  readonly tracer: Tracer;
  readonly facts: ExchangeFacts;
  /** Epoch milliseconds with fractions. */
  readonly now: () => number;
  readonly tierOf: (name: string, version: string) => string;
}

/**
 * `edict.exchange` over `edict.phase.…` over `edict.policy.…`. A tracer is a caller's object: whoever calls these methods
 * catches what it throws.
 */
export class ExchangeSpans {
  readonly #parts: SpanParts;
  readonly #exchange: Span;
  #phase: { readonly name: string; readonly span: Span; endTime: number } | undefined;

  constructor(parts: SpanParts) {
    this.#parts = parts;
    const { tracer, facts } = parts;
    const { routeName, tenant, api, traceparent } = facts;
    this.#exchange = tracer.startSpan(
      'edict.exchange',
      {
        startTime: parts.now(),
        kind: SPAN_INTERNAL,
        attributes: { route_name: routeName, tenant, api_id: api.id, api_name: api.name, api_version: api.version },
      },
      below(remoteParent(traceparent)),
    );
  }

  /** A position that keeps its place and does not run. */
  disabled({ key, policy: { name, version } }: Position): void {
    const at = this.#parts.now();
    this.#start(`edict.policy.${name}`, at, this.#exchange, {
      'policy.name': name,
      'policy.version': version,
      'policy.position': key,
      'policy.enabled': false,
      'policy.skipped': true,
      'skip.reason': 'disabled',
    }).end(at);
  }

  hook({ position, name, version, phase, outcome, skipReason, code, durationUs, fuel }: HookRecord): void {
    const endTime = this.#parts.now();
    const startTime = endTime - durationUs / 1_000;
    const span = this.#start(`edict.policy.${name}`, startTime, this.#phaseSpan(phaseName(phase), startTime, endTime), {
      'policy.name': name,
      'policy.version': version,
      'policy.position': position,
      'policy.enabled': true,
      'policy.skipped': outcome === 'skipped',
      'policy.short_circuit': outcome === 'immediate',
      'policy.tier': this.#parts.tierOf(name, version),
      ...(skipReason === undefined ? {} : { 'skip.reason': skipReason }),
      ...(code === undefined ? {} : { 'policy.failure_code': code }),
      ...(fuel === undefined ? {} : { 'policy.fuel': fuel }),
    });
    if (outcome === 'failed') span.setStatus({ code: SPAN_ERROR, message: code ?? '' });
    span.end(endTime);
  }

  end(reason: TerminalReason, status: number | undefined, errorId: string | undefined): void {
    const span = this.#exchange;
    this.#endPhase();
    if (status !== undefined) span.setAttribute('http.response.status_code', status);
    span.setAttribute('terminal.reason', reason);
    if (errorId !== undefined) span.setAttribute('terminal.error_id', errorId);
    if (isSpanError(reason)) span.setStatus({ code: SPAN_ERROR, message: reason });
    span.end(this.#parts.now());
  }

  /** A phase lasts from its first hook to its last; another phase ends it. */
  #phaseSpan(name: string, startTime: number, endTime: number): Span {
    if (this.#phase?.name === name) {
      this.#phase.endTime = endTime;
      return this.#phase.span;
    }
    this.#endPhase();
    const span = this.#start(`edict.phase.${name}`, startTime, this.#exchange, {});
    this.#phase = { name, span, endTime };
    return span;
  }

  #endPhase(): void {
    this.#phase?.span.end(this.#phase.endTime);
    this.#phase = undefined;
  }

  #start(name: string, startTime: number, parent: Span, attributes: Record<string, string | number | boolean>): Span {
    return this.#parts.tracer.startSpan(name, { startTime, kind: SPAN_INTERNAL, attributes }, below(parent));
  }
}
