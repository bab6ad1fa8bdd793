/** The shape of `EdictProvider.diagnostics()`; docs/observability.md is checked against it. */

import type { EvaluatorState } from '../evaluator/abstract-evaluator.ts';
import { type EvaluatorFacts, NO_FACTS } from '../evaluator/evaluator-facts.ts';
import type { UsageFacts } from '../usage/usage-events.ts';

/**
 * State, configuration, counters and options of a provider: plain JSON, no credential, no context value. Every member is there,
 * whatever evaluates the flags, and `null` where that has no such thing. Counters count up; those of `feed` and `stream` begin
 * afresh with an `initialize()` after a close.
 */
export interface Diagnostics extends EvaluatorFacts {
  readonly provider: 'edict';
  readonly state: EvaluatorState;
  /** Usage events; `null` where none are collected. */
  readonly events: UsageFacts | null;
}

/** Every member, from what an evaluator tells; an evaluator of a caller's own tells as much as it likes. */
export function completeDiagnostics(
  state: EvaluatorState,
  facts: Partial<EvaluatorFacts>,
  events: UsageFacts | null,
): Diagnostics {
  return { provider: 'edict', state, ...NO_FACTS, ...facts, events };
}
