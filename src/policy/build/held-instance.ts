/**
 * Instances with owners. Routes hold them; the last one to let go destroys them, once, and never under a call.
 *
 *   creating ──> held (holds > 0) ──last release──> draining (calls > 0) ──calls end, or 30 s──> destroyed
 */

import { type Clock, startTimer, type TimerHandle } from '../../options/clock.ts';
import type { RecentInputs } from '../canary/recent-inputs.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import type { Outcome, PolicyInstance } from '../model/instance.ts';
import type { ProcessingModes } from '../model/modes.ts';
import type { EndReason, Phase } from '../model/phases.ts';

/** How long calls of a released instance may take before it is destroyed under them. */
export const DRAIN_MS = 30_000;

const GONE: PolicyFailure = Object.freeze(policyFailure('CLOSED', 'the instance was released'));

/** An instance as it begins to serve. */
export interface MadeInstance {
  readonly instance: PolicyInstance;
  /** Keeps what it is asked, for its successor. */
  readonly recent: RecentInputs | undefined;
}

/** What a chain holds in place of the instance: the same hooks, counted. */
export class HeldInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly policyName: string;
  /** What it was asked lately, where that is kept. */
  readonly recent: RecentInputs | undefined;
  readonly #inner: PolicyInstance;
  readonly #clock: Clock;
  readonly #onDestroyed: () => void;
  #holds = 0;
  #calls = 0;
  #state: 'held' | 'draining' | 'destroyed' = 'held';
  #timer: TimerHandle;

  constructor(policyName: string, { instance, recent }: MadeInstance, clock: Clock, onDestroyed: () => void) {
    this.modes = instance.modes;
    this.policyName = policyName;
    this.recent = recent;
    this.#inner = instance;
    this.#clock = clock;
    this.#onDestroyed = onDestroyed;
  }

  hold(): void {
    this.#holds += 1;
  }

  /** True when it was the last hold. `force` does not wait for calls: whoever forces has waited already. */
  release(force = false): boolean {
    this.#holds -= 1;
    if (this.#holds > 0 || this.#state !== 'held') return false;
    this.#state = 'draining';
    if (this.#calls === 0 || force) this.#destroy();
    else this.#timer = startTimer(this.#clock, () => this.#destroy(), DRAIN_MS);
    return true;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    if (this.#state === 'destroyed') return GONE;
    this.#calls += 1;
    if (this.recent?.wants(phase, input) === true) return this.#recorded(phase, input, this.recent);
    const outcome = this.#inner.call(phase, input);
    if (outcome instanceof Promise) return outcome.finally(() => this.#ended());
    this.#ended();
    return outcome;
  }

  streamEnd(streamId: number, reason: EndReason): void {
    if (this.#state !== 'destroyed') this.#inner.streamEnd?.(streamId, reason);
  }

  /** INVARIANT: only `release` destroys; whoever has it in a chain does not own it. */
  destroy(): void {}

  /** Whether it wants to hear of exchanges that are over. */
  get keepsExchanges(): boolean {
    return this.#inner.forget !== undefined;
  }

  /** The exchange is over; what lived for it is dropped. */
  forget(exchange: ExchangeFacts): void {
    this.#inner.forget?.(exchange);
  }

  exportState(): ReturnType<NonNullable<PolicyInstance['exportState']>> {
    return this.#state === 'destroyed' ? undefined : this.#inner.exportState?.();
  }

  /** The same call, timed, and kept when it ends well: what fails here need not succeed in a successor. */
  #recorded(phase: Phase, input: HookInput, recent: RecentInputs): Outcome | Promise<Outcome> {
    const began = this.#clock.monotonic();
    const ended = (outcome: Outcome): Outcome => {
      if (outcome.kind !== 'failure') recent.keep(phase, input, this.#clock.monotonic() - began);
      this.#ended();
      return outcome;
    };
    const outcome = this.#inner.call(phase, input);
    return outcome instanceof Promise ? outcome.then(ended) : ended(outcome);
  }

  #ended(): void {
    this.#calls -= 1;
    if (this.#calls === 0 && this.#state === 'draining') this.#destroy();
  }

  #destroy(): void {
    if (this.#state === 'destroyed') return;
    this.#state = 'destroyed';
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.recent?.clear();
    void this.#inner.destroy();
    this.#onDestroyed();
  }
}
