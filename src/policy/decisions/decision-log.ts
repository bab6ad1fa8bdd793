/** The decision log: takes decisions of all tenants in, and brings them to a sink without any exchange waiting for it. */

import type { JsonObject } from '../../internal/json.ts';
import { type Clock, startTimer, type TimerHandle } from '../../options/clock.ts';
import type { DecisionFacts, DecisionSubject } from './decision-event.ts';
import { type DecisionDropCause, DecisionLedger } from './decision-ledger.ts';
import { DecisionUploads, type UploadOptions } from './decision-uploads.ts';
import { DEFAULT_MASKS, type Mask, Masks } from './masks.ts';
import type { DecisionSink } from './sink.ts';
import { DECISION_LIMITS, type DecisionLimits, TenantDecisions } from './tenant-decisions.ts';

export interface DecisionLogOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Ids of events. */
  readonly newId: () => string;
  readonly limits?: Partial<DecisionLimits>;
  /** Replace the default ones. */
  readonly masks?: readonly Mask[];
  /** Takes out what must not leave the process, wherever it stands; after the masks, before anything is kept. */
  readonly redact?: (event: JsonObject) => JsonObject;
  readonly uploads?: Partial<UploadOptions>;
  /** Told of every loss, at once; must not throw. */
  readonly dropped?: (tenant: string, cause: DecisionDropCause, count: number) => void;
  /** Told once when an outage of the sink begins and once when it ends. */
  readonly warn?: (line: string) => void;
}

/** Decisions written in one turn of the event loop: some tens of microseconds each. */
const ENCODED_PER_TURN = 64;
/** … and of one tenant before it is the next one's turn. */
const ENCODED_PER_TENANT = 16;

/**
 * INVARIANT: accepted = sent + dropped + pending at every moment, for each tenant and for all (P-81). `record` does no more
 * than keep a reference: writing, masking and sending happen on later turns (V-15).
 */
export class DecisionLog {
  readonly #options: DecisionLogOptions;
  readonly #limits: DecisionLimits;
  readonly #masks: Masks;
  readonly #total = new DecisionLedger();
  readonly #tenants = new Map<string, TenantDecisions>();
  /** Those with fresh decisions, in the order of their turn. */
  readonly #unwritten = new Set<TenantDecisions>();
  readonly #uploads: DecisionUploads;
  #timer: TimerHandle | undefined;
  #closing: Promise<{ lost: number }> | undefined;

  private constructor(options: DecisionLogOptions, masks: Masks, sink: DecisionSink) {
    this.#options = options;
    this.#limits = { ...DECISION_LIMITS, ...options.limits };
    this.#masks = masks;
    const { clock, random, warn } = options;
    this.#uploads = new DecisionUploads(
      { clock, random, warn, ...options.uploads },
      { tenants: this.#tenants, write: (decisions) => this.#writeAll(decisions) },
      sink,
    );
  }

  /** The log, or what is wrong with its masks. */
  static create(
    options: DecisionLogOptions,
    sink: DecisionSink,
  ): DecisionLog | { readonly problems: readonly string[] } {
    const masks = Masks.compile(options.masks ?? DEFAULT_MASKS);
    return masks instanceof Masks ? new DecisionLog(options, masks, sink) : masks;
  }

  /** Takes a decision in. Never throws, never waits. After `close` it is counted as dropped. */
  record(subject: DecisionSubject, facts: DecisionFacts): void {
    const decisions = this.#tenantOf(subject.tenant);
    decisions.add(facts, subject, this.#options.clock.now());
    if (this.#closing !== undefined) {
      decisions.abandon();
      this.#tenants.delete(subject.tenant);
      return;
    }
    this.#unwritten.add(decisions);
    this.#arm();
    if (decisions.pending * 2 >= this.#limits.maxEvents) this.#uploads.hurry();
  }

  /**
   * Replaces the sink. What the old one has in its hands is taken back and offered to the new one under the same id; answers
   * of the old one no longer count, and it is closed (V-16).
   */
  useSink(sink: DecisionSink): void {
    if (this.#closing === undefined) this.#uploads.useSink(sink);
    else void closed(sink);
  }

  /** Sends what waits now, of one tenant or of all, in one attempt. Never rejects. */
  flush(tenant?: string): Promise<void> {
    return this.#uploads.flush(tenant);
  }

  /** A tenant is gone: what it left is sent within the deadline or dropped. Never rejects. */
  async release(tenant: string, deadlineMs: number): Promise<{ lost: number }> {
    const decisions = this.#tenants.get(tenant);
    if (decisions === undefined) return { lost: 0 };
    if (decisions.pending > 0) await this.#within(deadlineMs, this.#uploads.flush(tenant));
    if (this.#tenants.get(tenant) !== decisions) return { lost: 0 };
    return { lost: this.#forget(tenant, decisions) };
  }

  /** Takes nothing more, sends what waits within the deadline, drops the rest. Twice: the same promise. Never rejects. */
  close(deadlineMs: number): Promise<{ lost: number }> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  /** What waits, of one tenant or of all. */
  pending(tenant?: string): number {
    if (tenant !== undefined) return this.#tenants.get(tenant)?.pending ?? 0;
    let pending = 0;
    for (const decisions of this.#tenants.values()) pending += decisions.pending;
    return pending;
  }

  /** Counters: plain JSON, no event. Of a tenant since it came into being. */
  describe(tenant?: string): JsonObject {
    const ledger = tenant === undefined ? this.#total : (this.#tenants.get(tenant)?.ledger ?? new DecisionLedger());
    return {
      ...ledger.describe(),
      pending: this.pending(tenant),
      ...(tenant === undefined ? { tenants: this.#tenants.size, ...this.#uploads.describe() } : {}),
    };
  }

  async #close(deadlineMs: number): Promise<{ lost: number }> {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    await this.#within(deadlineMs, this.pending() > 0 ? this.#uploads.flush() : Promise.resolve());
    this.#uploads.stop();
    let lost = 0;
    for (const [tenant, decisions] of [...this.#tenants]) lost += this.#forget(tenant, decisions);
    if (lost > 0) this.#options.warn?.(`closed with ${lost} decision events unsent; they are lost`);
    return { lost };
  }

  #forget(tenant: string, decisions: TenantDecisions): number {
    this.#uploads.giveUp(decisions);
    this.#unwritten.delete(decisions);
    this.#tenants.delete(tenant);
    return decisions.abandon();
  }

  #tenantOf(tenant: string): TenantDecisions {
    let decisions = this.#tenants.get(tenant);
    if (decisions === undefined) {
      const { dropped } = this.#options;
      const ledger = new DecisionLedger(this.#total, dropped && ((cause, count) => dropped(tenant, cause, count)));
      decisions = new TenantDecisions(this.#limits, this.#masks, this.#options, ledger);
      this.#tenants.set(tenant, decisions);
    }
    return decisions;
  }

  #arm(): void {
    this.#timer ??= startTimer(this.#options.clock, () => this.#turn(), 0);
  }

  /** Round-robin: a tenant with many decisions delays those of another by a few. */
  #turn(): void {
    this.#timer = undefined;
    let left = ENCODED_PER_TURN;
    for (const decisions of this.#unwritten) {
      if (left <= 0) break;
      this.#unwritten.delete(decisions);
      left -= decisions.encode(ENCODED_PER_TENANT);
      if (decisions.hasFresh) this.#unwritten.add(decisions);
    }
    if (this.#unwritten.size > 0) this.#arm();
    this.#uploads.wake();
  }

  #writeAll(decisions: TenantDecisions): void {
    this.#unwritten.delete(decisions);
    decisions.encode(Number.MAX_SAFE_INTEGER);
  }

  async #within(deadlineMs: number, work: Promise<void>): Promise<void> {
    const { clock } = this.#options;
    let timer: TimerHandle;
    const deadline = new Promise<void>((resolve) => {
      timer = startTimer(clock, resolve, deadlineMs);
    });
    await Promise.race([work, deadline]);
    clock.clearTimeout(timer);
  }
}

/** Never rejects. */
async function closed(sink: DecisionSink): Promise<void> {
  try {
    await sink.close?.();
  } catch {
    // It is gone either way.
  }
}
