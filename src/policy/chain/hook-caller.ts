/** Calls the hook of a position, unless something keeps it from being called, and records how it ended. */

import type { FaultRecord } from '../model/actions.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import { NONE, type Outcome } from '../model/instance.ts';
import { Phase } from '../model/phases.ts';
import { isInstance } from './chain.ts';
import { type HookOutcome, type HookRun, recordOf } from './decision.ts';
import type { ExchangePorts } from './exchange-steps.ts';
import type { Position } from './position.ts';

/** A condition that does not hold. Apart from NONE, so that it is recorded as what it is. */
export const SKIPPED: Outcome = Object.freeze({ ...NONE });

const CONDITION = Object.freeze({ skipReason: 'condition' as const });
const NOT_APPLICABLE = Object.freeze({ skipReason: 'not_applicable' as const });

const OUT_OF_TIME = Object.freeze(policyFailure('DEADLINE_EXCEEDED', 'the chain ran out of time before this policy'));
const INCOMPLETE = Object.freeze(policyFailure('TRUNCATED', 'the body was cut at its limit'));

/** One for each exchange: sticky conditions are remembered here. */
export class HookCaller {
  readonly #ports: ExchangePorts;
  /** The object that policies are shown. INVARIANT: one for the whole exchange, because what an exchange has is found by it. */
  readonly #facts: { deadline: number };
  readonly #sticky = new Map<Position, boolean>();

  constructor(ports: ExchangePorts, facts: ExchangeFacts) {
    this.#ports = ports;
    this.#facts = facts;
  }

  /**
   * A step begins, and with it the time of its policies: a slow client, a slow handler and the pause between two events of a
   * stream are not theirs.
   */
  begin(): void {
    const { timeoutMs } = this.#ports;
    if (timeoutMs !== undefined) this.#facts.deadline = this.#ports.now() + timeoutMs;
  }

  /** Whether a query is for this position. An error of its condition counts as true: nothing is sent past it unseen. */
  mayApply(position: Position, phase: Phase, input: HookInput): boolean {
    return position.condition === undefined || this.#holds(position, phase, input) !== false;
  }

  /** Everything that can keep a hook from being called, then the call. */
  call(position: Position, phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const { instance } = position;
    if (!isInstance(instance)) return instance;
    if (position.condition !== undefined) {
      const holds = this.#holds(position, phase, input);
      if (holds !== true) return holds === false ? SKIPPED : holds;
    }
    if (this.#ports.now() > this.#facts.deadline) return OUT_OF_TIME;
    const body = phase === Phase.requestBody ? input.request.body : input.response?.body;
    const isBodyPhase = phase === Phase.requestBody || phase === Phase.responseBody;
    if (isBodyPhase && body?.truncated === true && !position.acceptsTruncated) return INCOMPLETE;
    return instance.call(phase, input);
  }

  #holds(position: Position, phase: Phase, input: HookInput): boolean | PolicyFailure {
    const known = this.#sticky.get(position);
    if (known !== undefined) return known;
    const answer = (position.condition as NonNullable<Position['condition']>).test(phase, input);
    if (typeof answer !== 'boolean') return policyFailure('CONDITION_ERROR', answer.error);
    if (position.sticky) this.#sticky.set(position, answer);
    return answer;
  }

  /** A hook begins: what its call is told of, and its end. */
  beginHook(): HookRun {
    return { beganMs: this.#ports.monotonic(), fuel: undefined };
  }

  /** Tells whoever records decisions how a hook ended. */
  tell(position: Position, phase: Phase, outcome: HookOutcome, run: HookRun, failure?: PolicyFailure): void {
    if (this.#ports.record === undefined) return;
    this.#record(position, phase, outcome, run, failure && { code: failure.code, message: failure.message });
  }

  /** What a hook that changed nothing came to. */
  tellNothing(position: Position, phase: Phase, outcome: Outcome, run: HookRun): void {
    if (this.#ports.record === undefined) return;
    if (outcome === SKIPPED) this.#record(position, phase, 'skipped', run, CONDITION);
    // Its answer would replace what is being finished: it is counted and ignored.
    else if (outcome.kind === 'action') this.#record(position, phase, 'skipped', run, NOT_APPLICABLE);
    else this.#record(position, phase, 'none', run);
  }

  tellImmediate(position: Position, phase: Phase, fault: FaultRecord | undefined, run: HookRun): void {
    this.#record(position, phase, 'immediate', run, fault && { faultCode: fault.code });
  }

  #record(
    position: Position,
    phase: Phase,
    outcome: HookOutcome,
    run: HookRun,
    more?: Parameters<typeof recordOf>[5],
  ): void {
    const { record, monotonic } = this.#ports;
    record?.(recordOf(position, phase, outcome, (monotonic() - run.beganMs) * 1_000, run, more));
  }
}
