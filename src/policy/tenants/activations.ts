/** Brings tenants to revisions: load, prepare, canary, swap; one attempt of a tenant at a time, tenants in turn. */

import { type Clock, startTimer } from '../../options/clock.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { ByteBudget } from './byte-budget.ts';
import { retryDelay } from './retry-delay.ts';
import {
  identityOf,
  isSameDocument,
  type LoadAnswer,
  type TenantDocument,
  type TenantEngine,
  type TenantRevision,
  type TenantSource,
} from './revision.ts';
import { closeRevision, type MemoryUse, RevisionHold } from './revision-hold.ts';
import type { Attempt, Tenant } from './tenant.ts';
import type { RegistryOptions } from './tenant-options.ts';
import { Turns } from './turns.ts';

/** What activations need of the registry. */
export interface ActivationPorts<R extends TenantRevision> {
  readonly clock: Clock;
  readonly random: () => number;
  readonly source: TenantSource;
  readonly bodies: ByteBudget;
  readonly use: MemoryUse;
  /** Closes idle tenants until so many bytes are free, or there is none left to close. */
  makeRoom(bytes: number, except: Tenant<R>): Promise<void>;
  /** A revision that served is replaced. */
  retire(hold: RevisionHold<R>): void;
}

/**
 * INVARIANT: an attempt changes its tenant only while it is the tenant's attempt. One that was overtaken, by a rollback or by
 * the end of the tenant, closes what it prepared and changes nothing: revisions are fenced. The revision that serves stays
 * until another has passed its canary.
 */
export class Activations<R extends TenantRevision> {
  engine: TenantEngine<R>;
  readonly #options: RegistryOptions;
  readonly #ports: ActivationPorts<R>;
  readonly #loads: Turns;
  readonly #activations: Turns;
  /** Bytes of revisions that are being made. */
  #reserved = 0;

  constructor(engine: TenantEngine<R>, options: RegistryOptions, ports: ActivationPorts<R>) {
    this.engine = engine;
    this.#options = options;
    this.#ports = ports;
    const { clock } = ports;
    const { concurrentLoads, concurrentActivations, queuedTenants: queued, slowAfterMs, slowTenants: slow } = options;
    this.#loads = new Turns({ clock, concurrent: concurrentLoads, queued, slowAfterMs, slow });
    this.#activations = new Turns({ clock, concurrent: concurrentActivations, queued, slowAfterMs, slow });
  }

  describe(): { readonly loading: number; readonly activating: number; readonly waiting: number } {
    const loads = this.#loads;
    const activations = this.#activations;
    return {
      loading: loads.working,
      activating: activations.working,
      waiting: loads.waiting + activations.waiting,
    };
  }

  /** The tenant should look for a newer revision: now, or right after the attempt at work. */
  request(tenant: Tenant<R>): void {
    if (tenant.isEnding) return;
    if (tenant.attempt !== undefined) {
      tenant.wantsAnother = true;
      return;
    }
    const attempt = this.#begin(tenant);
    if (!this.#loads.run(() => this.#load(tenant, attempt))) this.#finish(tenant, attempt, QUEUE_FULL);
  }

  /** Brings the tenant to a document that is at hand, in place of whatever it was about to do. */
  async activate(tenant: Tenant<R>, document: TenantDocument): Promise<PolicyFailure | undefined> {
    this.abandon(tenant, policyFailure('CANCELLED', 'overtaken by another revision'));
    const attempt = this.#begin(tenant);
    this.#queueActivation(tenant, attempt, document);
    return attempt.done;
  }

  /** Ends the attempt at work; nothing of it has an effect any more. */
  abandon(tenant: Tenant<R>, why: PolicyFailure): void {
    tenant.cancelTimer();
    tenant.wantsAnother = false;
    const { attempt } = tenant;
    tenant.attempt = undefined;
    tenant.stage = 'idle';
    attempt?.abort.abort();
    attempt?.finish(why);
  }

  #begin(tenant: Tenant<R>): Attempt {
    tenant.cancelTimer();
    let finish: Attempt['finish'] = () => undefined;
    const done = new Promise<PolicyFailure | undefined>((resolve) => {
      finish = resolve;
    });
    const attempt = { abort: new AbortController(), done, finish };
    tenant.attempt = attempt;
    tenant.stage = 'loading';
    tenant.settle();
    return attempt;
  }

  async #load(tenant: Tenant<R>, attempt: Attempt): Promise<void> {
    if (tenant.attempt !== attempt) return;
    const { clock, source } = this.#ports;
    const active = tenant.active?.document;
    tenant.lastRequestAtMs = clock.now();
    tenant.counts.loads++;
    const known = { etag: active?.etag, warm: active === undefined && tenant.failuresInARow === 0 };
    const answer = await this.#within(attempt, (signal) => source.load(tenant.key, known, signal));
    if (tenant.attempt !== attempt) return;
    this.#take(tenant, attempt, isPolicyFailure(answer) ? { kind: 'failed', failure: answer } : answer);
  }

  #take(tenant: Tenant<R>, attempt: Attempt, answer: LoadAnswer): void {
    const { active } = tenant;
    if (answer.kind === 'failed') {
      this.#finish(tenant, attempt, answer.failure, answer.retryAfterMs);
      return;
    }
    tenant.lastSuccessAtMs = this.#ports.clock.now();
    const isNew =
      answer.kind === 'document' &&
      !isSameDocument(answer.document, active?.document) &&
      identityOf(answer.document) !== tenant.unwanted;
    if (isNew) {
      tenant.unwanted = undefined;
      this.#queueActivation(tenant, attempt, answer.document);
    }
    // The same document, but another engine than the one that serves it.
    else if (active !== undefined && active.engine !== this.engine) {
      this.#queueActivation(tenant, attempt, active.document);
    } else this.#finish(tenant, attempt, active === undefined ? NOTHING : undefined);
  }

  #queueActivation(tenant: Tenant<R>, attempt: Attempt, document: TenantDocument): void {
    tenant.stage = 'preparing';
    if (!this.#activations.run(() => this.#activate(tenant, attempt, document))) {
      this.#finish(tenant, attempt, QUEUE_FULL);
    }
  }

  async #activate(tenant: Tenant<R>, attempt: Attempt, document: TenantDocument): Promise<void> {
    if (tenant.attempt !== attempt) return;
    const failure = await this.#reserve(tenant, document);
    if (failure === undefined) {
      try {
        await this.#prepare(tenant, attempt, document);
      } finally {
        this.#reserved -= document.memoryBytes;
      }
    } else if (tenant.attempt === attempt) this.#finish(tenant, attempt, failure);
  }

  /** Old and new revision are in memory together, so the room for it is looked for before anything is made (V-08). */
  async #reserve(tenant: Tenant<R>, { memoryBytes }: TenantDocument): Promise<PolicyFailure | undefined> {
    const missing = (): number => this.#ports.use.bytes + this.#reserved + memoryBytes - this.#options.maxBytes;
    if (missing() > 0) await this.#ports.makeRoom(missing(), tenant);
    if (missing() > 0) {
      return policyFailure(
        'OVERLOAD',
        `${memoryBytes} bytes for the revision pass the limit of ${this.#options.maxBytes}`,
      );
    }
    this.#reserved += memoryBytes;
    return undefined;
  }

  async #prepare(tenant: Tenant<R>, attempt: Attempt, document: TenantDocument): Promise<void> {
    const { engine } = this;
    const limits = { ...this.#options.limits, ...document.limits };
    const context = {
      tenant: tenant.key,
      limits,
      bodies: this.#ports.bodies,
      previous: tenant.active?.revision,
    };
    const prepared = await this.#within(attempt, (signal) => engine.prepare(document, context, signal), closeRevision);
    if (isPolicyFailure(prepared)) {
      if (tenant.attempt === attempt) this.#reject(tenant, attempt, prepared);
      return;
    }
    if (tenant.attempt !== attempt) return closeRevision(prepared);
    tenant.stage = 'canary';
    tenant.settle();
    const verdict = await this.#within(attempt, (signal) => prepared.canary(signal));
    if (tenant.attempt !== attempt) return closeRevision(prepared);
    if (verdict !== undefined) {
      void closeRevision(prepared);
      this.#reject(tenant, attempt, verdict);
      return;
    }
    prepared.serve?.();
    this.#swap(tenant, new RevisionHold(prepared, document, engine, tenant.key, this.#ports.use));
    tenant.limits = limits;
    this.#finish(tenant, attempt, undefined);
  }

  #swap(tenant: Tenant<R>, hold: RevisionHold<R>): void {
    const old = tenant.active;
    tenant.active = hold;
    tenant.keep(hold.document);
    tenant.refuseBy(hold.document.onRefusal ?? this.#options.onRefusal);
    tenant.counts.activations++;
    tenant.lastActivationAtMs = this.#ports.clock.now();
    if (old !== undefined) this.#ports.retire(old);
  }

  #reject(tenant: Tenant<R>, attempt: Attempt, failure: PolicyFailure): void {
    tenant.counts.rejected++;
    this.#finish(tenant, attempt, failure);
  }

  /** Plans what comes next: another attempt after a pause that grows, or the next poll. */
  #finish(tenant: Tenant<R>, attempt: Attempt, failure: PolicyFailure | undefined, retryAfterMs = 0): void {
    tenant.attempt = undefined;
    tenant.stage = 'idle';
    tenant.lastFailure = failure;
    tenant.failuresInARow = failure === undefined ? 0 : tenant.failuresInARow + 1;
    tenant.settle();
    attempt.finish(failure);
    const { pollIntervalMs, maxBackoffMs } = this.#options;
    const { clock, random } = this.#ports;
    if (tenant.wantsAnother) {
      tenant.wantsAnother = false;
      this.request(tenant);
    } else if (failure !== undefined) {
      const delay = Math.max(retryAfterMs, retryDelay(tenant.failuresInARow, maxBackoffMs, random));
      tenant.timer = startTimer(clock, () => this.request(tenant), delay);
    } else if (pollIntervalMs > 0) {
      tenant.timer = startTimer(clock, () => this.request(tenant), pollIntervalMs * (0.9 + 0.2 * random()));
    }
  }

  /** Waits for a part of an attempt: until it is there, its time is up, or the attempt is over. Late results go to `drop`. */
  async #within<T>(
    { abort }: Attempt,
    work: (signal: AbortSignal) => Promise<T>,
    drop: (late: Exclude<T, PolicyFailure>) => unknown = () => undefined,
  ): Promise<T | PolicyFailure> {
    const { clock } = this.#ports;
    const { attemptMs } = this.#options;
    const own = new AbortController();
    let isOver = false;
    const ended = new Promise<PolicyFailure>((resolve) => {
      const end = (failure: PolicyFailure): void => {
        isOver = true;
        own.abort();
        resolve(failure);
      };
      const timer = startTimer(
        clock,
        () => end(policyFailure('DEADLINE_EXCEEDED', `no end within ${attemptMs} ms`)),
        attemptMs,
      );
      abort.signal.addEventListener('abort', () => end(policyFailure('CANCELLED', 'the attempt was given up')));
      own.signal.addEventListener('abort', () => clock.clearTimeout(timer));
    });
    try {
      const result = Promise.resolve(work(own.signal));
      void result.then(
        (late) => {
          if (isOver && !isPolicyFailure(late)) drop(late as Exclude<T, PolicyFailure>);
        },
        () => undefined,
      );
      return await Promise.race([result, ended]);
    } catch (caught) {
      return policyFailure('INTERNAL', caught instanceof Error ? caught.message : String(caught));
    } finally {
      if (!isOver) own.abort();
    }
  }
}

const QUEUE_FULL = Object.freeze(
  policyFailure('OVERLOAD', 'too many tenants wait for their activation; it is tried again'),
);
const NOTHING = Object.freeze(policyFailure('NOT_READY', 'the source has no document of the tenant'));
