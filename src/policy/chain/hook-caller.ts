/** Calls the hook of a position, unless something keeps it from being called, and records how it ended. */

import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import { NONE, type Outcome } from '../model/instance.ts';
import { Phase } from '../model/phases.ts';
import { isInstance } from './chain.ts';
import { type HookOutcome, type HookRun, recordOf } from './decision.ts';
import type { ExchangePorts } from './exchange-steps.ts';
import type { Position } from './position.ts';

/** A condition that does not hold. Apart from NONE, so that it is recorded as what it is. */
export const SKIPPED: Outcome = Object.freeze({ ...NONE });

const OUT_OF_TIME = Object.freeze(policyFailure('DEADLINE_EXCEEDED', 'the chain ran out of time before this policy'));
const INCOMPLETE = Object.freeze(policyFailure('TRUNCATED', 'the body was cut at its limit'));

/** One for each exchange: sticky conditions are remembered here. */
export class HookCaller {
  readonly #ports: ExchangePorts;
  readonly #deadline: number;
  readonly #sticky = new Map<Position, boolean>();

  /** `deadline` in epoch milliseconds. */
  constructor(ports: ExchangePorts, deadline: number) {
    this.#ports = ports;
    this.#deadline = deadline;
  }

  /** Everything that can keep a hook from being called, then the call. */
  call(position: Position, phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const { instance } = position;
    if (!isInstance(instance)) return instance;
    if (position.condition !== undefined) {
      const holds = this.#holds(position, phase, input);
      if (holds !== true) return holds === false ? SKIPPED : holds;
    }
    if (this.#ports.now() > this.#deadline) return OUT_OF_TIME;
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

  begin(): HookRun {
    return { beganMs: this.#ports.monotonic(), fuel: undefined };
  }

  /** Tells whoever records decisions how a hook ended. */
  tell(position: Position, phase: Phase, outcome: HookOutcome, run: HookRun, failure?: PolicyFailure): void {
    const { record, monotonic } = this.#ports;
    if (record === undefined) return;
    record(recordOf(position, phase, outcome, (monotonic() - run.beganMs) * 1_000, run, failure));
  }
}
