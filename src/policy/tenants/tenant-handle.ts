/** What users of a tenant hold: a counted reference, and passes for single exchanges. */

import type { HookRecorder } from '../chain/decision.ts';
import type { DecisionFacts } from '../decisions/decision-event.ts';
import type { DecisionLog } from '../decisions/decision-log.ts';
import { HookRecords } from '../decisions/hook-records.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import { denial, type Refusal, type RefusalAnswer } from './refusal.ts';
import type { TenantRevision } from './revision.ts';
import type { Tenant } from './tenant.ts';
import type { BreakerPass } from './tenant-breaker.ts';
import type { TenantState } from './tenant-state.ts';

/** What a handle needs of its registry. */
export interface HandlePorts<R extends TenantRevision> {
  readonly decisions: DecisionLog | undefined;
  /** Counts an exchange under the label of its tenant. */
  counted(tenant: Tenant<R>): void;
  /** Until the work has ended or a time of the monotonic clock is reached; `undefined` when it has been reached. */
  within(work: Promise<unknown>, untilMs: number): Promise<void> | undefined;
  retain(tenant: Tenant<R>): void;
  release(tenant: Tenant<R>): void;
}

/** How an exchange ended, as its decision event tells it. */
export type ExchangeEnd = Omit<DecisionFacts, 'records'> & {
  /** For the rule `last-decision`: must tell callers apart that may get different answers. */
  readonly decisionKey?: string;
};

/**
 * A reference to a tenant. The tenant stays as long as one is held; the grace period begins with the last release.
 *
 * @example
 * const pass = handle.enter();
 * if (pass instanceof TenantPass) {
 *   const exchange = new Exchange(pass.revision.chainOf(route), facts, request, { ...ports, record: pass.record });
 *   // …
 *   pass.end({ route: 'pets-get', requestId, result: { status: 200, shortCircuit: false } });
 * } else handle.refuse(pass, { route: 'pets-get', requestId });
 */
export class TenantHandle<R extends TenantRevision> {
  readonly #tenant: Tenant<R>;
  readonly #ports: HandlePorts<R>;
  #isHeld = true;

  constructor(tenant: Tenant<R>, ports: HandlePorts<R>) {
    this.#tenant = tenant;
    this.#ports = ports;
    ports.retain(tenant);
  }

  get key(): string {
    return this.#tenant.key;
  }

  get state(): TenantState {
    return this.#tenant.state;
  }

  get generation(): number {
    return this.#tenant.generation;
  }

  /** The revision that serves now. */
  get revision(): R | undefined {
    return this.#tenant.active?.revision;
  }

  /** While the tenant is brought up for the first time: what ends with that, or after `maxMs` of its residence. */
  arrival(maxMs: number): Promise<void> | undefined {
    const { active, attempt, failuresInARow, residentSinceMs } = this.#tenant;
    if (active !== undefined || attempt === undefined || failuresInARow > 0) return undefined;
    return this.#ports.within(attempt.done, residentSinceMs + maxMs);
  }

  /** The right to run one exchange on the revision that serves now; or why there is none. Never throws, never waits. */
  enter(): TenantPass<R> | PolicyFailure {
    const tenant = this.#tenant;
    tenant.counts.requests++;
    this.#ports.counted(tenant);
    if (!this.#isHeld || tenant.isEnding) return CLOSED;
    if (tenant.active === undefined) return tenant.lastFailure === undefined ? NOT_READY : notReady(tenant.lastFailure);
    const breaker = tenant.breaker.enter();
    return breaker === undefined ? RESTING : new TenantPass(tenant, breaker, this.#ports);
  }

  /**
   * The answer of an exchange that got no pass, by the rule of the tenant; its decision event says why. `isClosed`: not the
   * tenant but the route cannot decide, and no rule opens it.
   */
  refuse(failure: PolicyFailure, end: Omit<ExchangeEnd, 'result'>, isClosed = false): Refusal {
    const tenant = this.#tenant;
    const { decisionKey, ...facts } = end;
    const refusal = isClosed ? denial(failure.code) : tenant.refusals.answer(failure, decisionKey);
    tenant.counts.refused++;
    const { answer, code } = refusal;
    const subject = tenant.active?.subject ?? { tenant: tenant.key, labels: {}, revision: undefined };
    const status = answer.kind === 'allow' ? 200 : answer.status;
    const result = { status, shortCircuit: answer.kind !== 'allow', reason: code };
    this.#ports.decisions?.record(subject, { ...facts, records: [], result });
    return refusal;
  }

  /** Twice does nothing. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#ports.release(this.#tenant);
  }
}

/** One exchange on one revision. INVARIANT: ends once, by `end` or by `abandon`; until then neither tenant nor revision goes. */
export class TenantPass<R extends TenantRevision> {
  readonly revision: R;
  /** For the ports of the exchange. */
  readonly record: HookRecorder;
  readonly #tenant: Tenant<R>;
  readonly #hold: NonNullable<Tenant<R>['active']>;
  readonly #breaker: BreakerPass;
  readonly #ports: HandlePorts<R>;
  readonly #records = new HookRecords();
  #isOver = false;

  constructor(tenant: Tenant<R>, breaker: BreakerPass, ports: HandlePorts<R>) {
    this.#tenant = tenant;
    this.#hold = tenant.active as NonNullable<Tenant<R>['active']>;
    this.#breaker = breaker;
    this.#ports = ports;
    this.revision = this.#hold.revision;
    this.record = (record) => this.#records.add(record);
    ports.retain(tenant);
    this.#hold.enter();
  }

  /** The exchange is over and was decided. */
  end({ decisionKey, ...facts }: ExchangeEnd): void {
    if (this.#isOver) return;
    const tenant = this.#tenant;
    const { hasFault, all } = this.#records;
    const isCancelled = facts.result.reason === 'CANCELLED';
    if (hasFault) tenant.counts.faults++;
    else if (!isCancelled) tenant.refusals.remember(decisionKey, answerOf(facts.result));
    this.#ports.decisions?.record(this.#hold.subject, { ...facts, records: all });
    if (hasFault) this.#leave('failed');
    else this.#leave(isCancelled ? 'abandoned' : 'succeeded');
  }

  /** The exchange is over without a decision: the client went away. */
  abandon(): void {
    if (!this.#isOver) this.#leave('abandoned');
  }

  #leave(verdict: 'succeeded' | 'failed' | 'abandoned'): void {
    this.#isOver = true;
    this.#breaker.judge(verdict);
    this.#tenant.settle();
    this.#hold.leave();
    this.#ports.release(this.#tenant);
  }
}

const CLOSED = Object.freeze(policyFailure('CLOSED', 'the tenant is closing'));
const NOT_READY = Object.freeze(policyFailure('NOT_READY', 'the tenant has no revision yet'));
const RESTING = Object.freeze(policyFailure('BREAKER_OPEN', 'policies of the tenant failed too often'));

function notReady({ code }: PolicyFailure): PolicyFailure {
  return policyFailure('NOT_READY', `the tenant has no revision: the last attempt ended with ${code}`);
}

function answerOf({ status, shortCircuit }: DecisionFacts['result']): RefusalAnswer {
  return shortCircuit ? { kind: 'respond', status } : { kind: 'allow' };
}
