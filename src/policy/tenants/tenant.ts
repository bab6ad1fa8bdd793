/** The record of one tenant: every fact about it, and the state that follows from them. */

import type { Clock, TimerHandle } from '../../options/clock.ts';
import type { PolicyFailure } from '../model/failure.ts';
import { type RefusalRule, Refusals } from './refusal.ts';
import { isSameDocument, type TenantDocument, type TenantRevision } from './revision.ts';
import type { RevisionHold } from './revision-hold.ts';
import { TenantBreaker } from './tenant-breaker.ts';
import type { RegistryOptions, TenantLimits } from './tenant-options.ts';
import { stateOf, type TenantFacts, type TenantState } from './tenant-state.ts';

/** One try to bring a tenant to a revision. */
export interface Attempt {
  readonly abort: AbortController;
  /** How it ended. */
  readonly done: Promise<PolicyFailure | undefined>;
  readonly finish: (failure: PolicyFailure | undefined) => void;
}

/** What changes when the state of a tenant does. */
export interface TenantPorts {
  readonly clock: Clock;
  readonly options: RegistryOptions;
  /** Grows with every transition of any tenant. */
  nextGeneration(): number;
  changed(tenant: string): void;
}

/**
 * INVARIANT: `state` is computed from the other members by `settle`, which whoever changes one of them calls. Nobody sets it.
 */
export class Tenant<R extends TenantRevision> {
  readonly key: string;
  readonly breaker: TenantBreaker;
  refusals: Refusals;
  readonly residentSinceMs: number;
  state: TenantState = 'ABSENT';
  generation = 0;
  limits: TenantLimits;
  /** Handles and exchanges. */
  references = 0;
  lastReleaseAtMs = 0;
  active: RevisionHold<R> | undefined;
  /** Newest first. */
  kept: readonly TenantDocument[] = [];
  /** The revision that was rolled back: the source may offer it again, but not the same one. */
  unwanted: string | undefined;
  stage: TenantFacts['stage'] = 'idle';
  attempt: Attempt | undefined;
  /** There was a reason for another attempt while one was at work. */
  wantsAnother = false;
  /** For the next attempt, or the next poll. */
  timer: TimerHandle | undefined;
  failuresInARow = 0;
  lastFailure: PolicyFailure | undefined;
  lastRequestAtMs: number | undefined;
  lastSuccessAtMs: number | undefined;
  lastActivationAtMs: number | undefined;
  readonly counts = { requests: 0, refused: 0, faults: 0, activations: 0, rejected: 0, loads: 0 };
  isEnding = false;
  isClosed = false;
  readonly #ports: TenantPorts;

  constructor(key: string, ports: TenantPorts) {
    const { clock, options } = ports;
    this.key = key;
    this.#ports = ports;
    this.breaker = new TenantBreaker(clock);
    this.refusals = new Refusals(options.onRefusal);
    this.residentSinceMs = clock.monotonic();
    this.limits = options.limits;
    this.settle();
  }

  /** Brings the state to what the facts say. */
  settle(): void {
    const state = stateOf({
      isEnding: this.isEnding,
      isClosed: this.isClosed,
      isActive: this.active !== undefined,
      stage: this.stage,
      hasFailed: this.lastFailure !== undefined,
      isBreakerOpen: this.breaker.isOpen,
    });
    if (state === this.state) return;
    this.state = state;
    this.generation = this.#ports.nextGeneration();
    this.#ports.changed(this.key);
  }

  cancelTimer(): void {
    if (this.timer !== undefined) this.#ports.clock.clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Another rule forgets what was decided under the one before. */
  refuseBy(rule: RefusalRule): void {
    if (JSON.stringify(rule) !== JSON.stringify(this.refusals.rule)) this.refusals = new Refusals(rule);
  }

  /** Remembers a document for a rollback. */
  keep(document: TenantDocument): void {
    const others = this.kept.filter((one) => !isSameDocument(one, document));
    this.kept = [document, ...others].slice(0, this.#ports.options.keptRevisions);
  }
}
