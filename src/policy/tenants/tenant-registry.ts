/** The registry of tenants: makes them on first use, keeps count of their users, and ends those nobody needs. */

import { LRUCache } from 'lru-cache';
import type { JsonObject } from '../../internal/json.ts';
import { type Clock, startTimer, type TimerHandle } from '../../options/clock.ts';
import type { DecisionLog } from '../decisions/decision-log.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import { Activations } from './activations.ts';
import { ByteBudget, MAX_BODY_BYTES } from './byte-budget.ts';
import { MetricLabels } from './metric-labels.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import { identityOf, type TenantEngine, type TenantRevision, type TenantSource } from './revision.ts';
import type { MemoryUse, RevisionHold } from './revision-hold.ts';
import { Tenant } from './tenant.ts';
import { type HandlePorts, TenantHandle } from './tenant-handle.ts';
import { REGISTRY_OPTIONS, type RegistryOptions } from './tenant-options.ts';
import { isTenantKey } from './tenant-state.ts';
import { StatusReports, type TenantStatus, tenantStatus } from './tenant-status.ts';

/** What the registry is given. */
export interface RegistryPorts<R extends TenantRevision> {
  readonly clock: Clock;
  readonly random: () => number;
  readonly source: TenantSource;
  readonly engine: TenantEngine<R>;
  readonly decisions?: DecisionLog;
  /** Told the status of tenants that changed, and of all every `statusIntervalMs`. */
  readonly report?: (statuses: readonly TenantStatus[]) => void;
}

/** Of the time for the end of a tenant: the rest is for its decisions and its memory. */
const DRAIN_SHARE = 0.7;

/** Idle tenants that are looked at for one that may go: `acquire` does the same work however many there are. */
const LOOKED_AT = 16;

/**
 * INVARIANT: `acquire`, `release` and `enter` are synchronous, do no I/O, and touch no other tenant. A tenant that ends is out
 * of the map before anything of it is waited for, so whoever asks for it then gets a new one.
 */
export class TenantRegistry<R extends TenantRevision> {
  readonly bodies: ByteBudget = new ByteBudget(MAX_BODY_BYTES);
  readonly labels: MetricLabels;
  readonly #options: RegistryOptions;
  readonly #ports: RegistryPorts<R>;
  readonly #handlePorts: HandlePorts<R>;
  readonly #activations: Activations<R>;
  readonly #reports: StatusReports;
  readonly #tenants = new Map<string, Tenant<R>>();
  /** Nobody holds these; least recently released last. */
  readonly #idle: LRUCache<string, Tenant<R>>;
  readonly #ending = new Set<Promise<void>>();
  readonly #retiring = new Set<Promise<void>>();
  readonly #use: MemoryUse = { instances: 0, bytes: 0 };
  readonly #counts = { created: 0, reaped: 0, evicted: 0, refused: 0, closed: 0 };
  readonly #requests = new Map<string, number>();
  readonly #pinned = new Map<string, TenantHandle<R>>();
  #generation = 0;
  #reaper: TimerHandle | undefined;
  #closing: Promise<{ readonly closed: number; readonly unfinished: number }> | undefined;

  constructor(ports: RegistryPorts<R>, options: Partial<RegistryOptions> = {}) {
    this.#options = { ...REGISTRY_OPTIONS, ...options };
    this.#ports = ports;
    this.labels = new MetricLabels(this.#options.labelledTenants);
    this.#idle = new LRUCache({ max: this.#options.hardMaxInstances });
    const { clock, random, source, engine, decisions, report } = ports;
    this.#activations = new Activations(engine, this.#options, {
      clock,
      random,
      source,
      bodies: this.bodies,
      use: this.#use,
      makeRoom: (bytes, except) => this.#makeRoom(bytes, except),
      retire: (hold) => this.#retire(hold),
    });
    this.#reports = new StatusReports(clock, this.#options.statusIntervalMs, report, (keys) => this.#statuses(keys));
    this.#handlePorts = {
      decisions,
      counted: ({ key }) => this.#count(key),
      within: (work, untilMs) => {
        const leftMs = untilMs - clock.monotonic();
        return leftMs > 0 ? this.#within(work, leftMs) : undefined;
      },
      retain: (tenant) => this.#retain(tenant),
      release: (tenant) => this.#release(tenant),
    };
  }

  /**
   * A handle to the tenant, which is made and begins to load when there is none. `PARAMS_INVALID` for a key that is none,
   * `OVERLOAD` when there are as many linear memories as there may be, `CLOSED` after `close`.
   */
  acquire(key: string): TenantHandle<R> | PolicyFailure {
    if (this.#closing !== undefined) return policyFailure('CLOSED', 'the registry of tenants is closed');
    const known = this.#tenants.get(key);
    if (known !== undefined) return new TenantHandle(known, this.#handlePorts);
    if (!isTenantKey(key)) return policyFailure('PARAMS_INVALID', 'a tenant has 1 to 128 characters of A-Za-z0-9._:-');
    const refusal = this.#admit();
    if (refusal !== undefined) return refusal;
    const { clock } = this.#ports;
    const tenant = new Tenant<R>(key, {
      clock,
      options: this.#options,
      nextGeneration: () => ++this.#generation,
      changed: (changed) => this.#reports.changed(changed),
    });
    this.#tenants.set(key, tenant);
    this.#counts.created++;
    this.#armReaper();
    const handle = new TenantHandle(tenant, this.#handlePorts);
    this.#activations.request(tenant);
    return handle;
  }

  /** The source has something new of the tenant. A tenant without a record learns it when it is next made. */
  refresh(key: string): void {
    const tenant = this.#tenants.get(key);
    if (tenant !== undefined) this.#activations.request(tenant);
  }

  /**
   * Brings tenants up before traffic comes, as many as there is room for, each until its first attempt has ended. Required
   * ones are held for as long as the registry is open, and come first.
   */
  preload(keys: Iterable<string> = []): Promise<void> {
    return this.#bringUp(keys, false);
  }

  /** The same for a source that has something new: tenants that are there look at it and are waited for too. */
  update(keys: Iterable<string>): Promise<void> {
    return this.#bringUp(keys, true);
  }

  /** Ends a tenant that is not to come back. What is in flight ends first, within the time for the end of one tenant. */
  remove(key: string): void {
    const tenant = this.#tenants.get(key);
    if (tenant === undefined) return;
    this.#pinned.get(key)?.release();
    this.#pinned.delete(key);
    this.#end(tenant, this.#options.closeMs);
  }

  /**
   * Back to a revision whose document is kept: the one before, or the one that is named. Downloads nothing; passes the canary
   * like any other. The revision that was left is not taken again until the source has another one.
   */
  async rollback(key: string, revision?: string): Promise<PolicyFailure | undefined> {
    const tenant = this.#tenants.get(key);
    const active = tenant?.active?.document;
    if (tenant === undefined || active === undefined)
      return policyFailure('NOT_READY', 'the tenant serves no revision');
    const document = tenant.kept.find((kept) =>
      revision === undefined ? kept !== active : kept.revision === revision,
    );
    if (document === undefined) return policyFailure('POLICY_MISSING', 'there is no such revision in the cache');
    const left = identityOf(active);
    tenant.unwanted = left;
    const failure = await this.#activations.activate(tenant, document);
    if (failure !== undefined && tenant.unwanted === left) tenant.unwanted = undefined;
    return failure;
  }

  /**
   * Another engine makes the revisions from now on. Every tenant passes the canary on it before it serves; where that fails,
   * the revision of the old engine stays (V-31).
   */
  useEngine(engine: TenantEngine<R>): void {
    this.#activations.engine = engine;
    for (const tenant of this.#tenants.values()) this.#activations.request(tenant);
  }

  /** The tenant has a record. */
  has(key: string): boolean {
    return this.#tenants.has(key);
  }

  /** The revision of a tenant that serves. Nobody is kept by looking at it. */
  revision(key: string): R | undefined {
    return this.#tenants.get(key)?.active?.revision;
  }

  readiness(): Readiness {
    const { readiness, required } = this.#options;
    return readinessOf(readiness, required, (key) => this.#tenants.get(key)?.state ?? 'ABSENT', this.#tenants.keys());
  }

  status(key: string): TenantStatus | undefined {
    return this.#statuses([key])[0];
  }

  statuses(): readonly TenantStatus[] {
    return this.#statuses(this.#tenants.keys());
  }

  /** Counters and gauges of all tenants: plain JSON. `requests` is by metric label. */
  describe(): JsonObject {
    const states: Record<string, number> = {};
    for (const { state } of this.#tenants.values()) states[state] = (states[state] ?? 0) + 1;
    return {
      tenants: this.#tenants.size,
      states,
      idle: this.#idle.size,
      ending: this.#ending.size,
      retiring: this.#retiring.size,
      instances: this.#use.instances,
      memoryBytes: this.#use.bytes,
      generation: this.#generation,
      ...this.#counts,
      activations: { ...this.#activations.describe() },
      requests: Object.fromEntries(this.#requests),
    };
  }

  /**
   * Takes nobody in any more, lets what is in flight end, has decisions sent, and drops everything: all tenants side by side
   * within one deadline. Twice: the same promise. Never rejects.
   */
  close(deadlineMs = 30_000): Promise<{ readonly closed: number; readonly unfinished: number }> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<{ readonly closed: number; readonly unfinished: number }> {
    const { clock } = this.#ports;
    if (this.#reaper !== undefined) clock.clearTimeout(this.#reaper);
    this.#reports.stop();
    for (const handle of this.#pinned.values()) handle.release();
    const before = this.#counts.closed;
    for (const tenant of [...this.#tenants.values()]) this.#end(tenant, deadlineMs);
    let timer: TimerHandle;
    const deadline = new Promise<void>((resolve) => {
      timer = startTimer(clock, resolve, deadlineMs);
    });
    const ends = Promise.all([...this.#ending, ...this.#retiring]);
    await Promise.race([ends, deadline]);
    clock.clearTimeout(timer);
    return { closed: this.#counts.closed - before, unfinished: this.#ending.size };
  }

  /** As many at a time as may wait for their turn: a slow one keeps no other from its own. */
  async #bringUp(keys: Iterable<string>, isNews: boolean): Promise<void> {
    const { required, queuedTenants, maxInstances } = this.#options;
    const waiting = [...new Set([...required, ...keys])];
    const lane = async (): Promise<void> => {
      for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
        const isRequired = required.includes(key);
        const isThere = this.#tenants.has(key);
        if (isThere && isNews) this.refresh(key);
        if (!isThere && !isRequired && this.#size() >= maxInstances) continue;
        const handle = this.acquire(key);
        if (!(handle instanceof TenantHandle)) continue;
        if (isRequired && !this.#pinned.has(key)) this.#pinned.set(key, handle);
        const tenant = this.#tenants.get(key);
        while (tenant?.attempt !== undefined) await tenant.attempt.done;
        if (this.#pinned.get(key) !== handle) handle.release();
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, Math.min(waiting.length, queuedTenants)) }, lane));
  }

  #size(): number {
    return Math.max(this.#use.instances, this.#tenants.size + this.#ending.size);
  }

  #admit(): PolicyFailure | undefined {
    const { maxInstances, hardMaxInstances } = this.#options;
    const count = this.#size();
    if (count >= maxInstances) this.#evictOne();
    if (count < hardMaxInstances) return undefined;
    this.#counts.refused++;
    return policyFailure('OVERLOAD', `there are ${count} linear memories of tenants, and no more than that may be`);
  }

  #retain(tenant: Tenant<R>): void {
    if (tenant.references++ === 0) this.#idle.delete(tenant.key);
  }

  /** INVARIANT: the one place that stamps `lastReleaseAtMs`; loads, polls and status leave it alone. */
  #release(tenant: Tenant<R>): void {
    if (--tenant.references > 0 || tenant.isEnding) return;
    tenant.lastReleaseAtMs = this.#ports.clock.monotonic();
    this.#idle.set(tenant.key, tenant);
  }

  #count(key: string): void {
    const label = this.labels.of(key);
    this.#requests.set(label, (this.#requests.get(label) ?? 0) + 1);
  }

  #armReaper(): void {
    if (this.#closing !== undefined || this.#tenants.size === 0) return;
    this.#reaper ??= startTimer(this.#ports.clock, () => this.#reap(), this.#options.reapIntervalMs);
  }

  /** Begins the end of every tenant whose time is up and waits for none of them. */
  #reap(): void {
    this.#reaper = undefined;
    const now = this.#ports.clock.monotonic();
    for (const tenant of [...this.#idle.values()]) {
      if (!this.#isDue(tenant, now)) continue;
      this.#counts.reaped++;
      this.#end(tenant, this.#options.closeMs);
    }
    this.labels.rank([...this.#tenants.values()].map(({ key, counts }) => [key, counts.requests]));
    this.#armReaper();
  }

  #isDue(tenant: Tenant<R>, now: number): boolean {
    const { graceMs, minResidencyMs, maxResidencyMs } = this.#options;
    const residentMs = now - tenant.residentSinceMs;
    if (residentMs < minResidencyMs) return false;
    return now - tenant.lastReleaseAtMs >= graceMs || residentMs >= maxResidencyMs;
  }

  /** The least recently used idle tenant that has been there long enough. */
  #evictOne(except?: Tenant<R>): Tenant<R> | undefined {
    const now = this.#ports.clock.monotonic();
    let looked = 0;
    for (const tenant of this.#idle.rvalues()) {
      if (looked++ >= LOOKED_AT) return undefined;
      if (tenant === undefined || tenant === except || now - tenant.residentSinceMs < this.#options.minResidencyMs)
        continue;
      this.#counts.evicted++;
      this.#end(tenant, this.#options.closeMs);
      return tenant;
    }
    return undefined;
  }

  async #makeRoom(bytes: number, except: Tenant<R>): Promise<void> {
    const before = new Set(this.#ending);
    for (let missing = bytes; missing > 0; ) {
      const evicted = this.#evictOne(except);
      if (evicted === undefined) break;
      missing -= evicted.active?.bytes ?? 0;
    }
    await Promise.all([...this.#ending].filter((ending) => !before.has(ending)));
  }

  #retire(hold: RevisionHold<R>): void {
    const { clock } = this.#ports;
    const retiring = hold
      .drained(clock, this.#options.drainMs)
      .then(() => hold.close())
      .finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  #end(tenant: Tenant<R>, deadlineMs: number): void {
    tenant.isEnding = true;
    this.#tenants.delete(tenant.key);
    this.#idle.delete(tenant.key);
    this.labels.release(tenant.key);
    this.#requests.delete(tenant.key);
    this.#activations.abandon(tenant, policyFailure('CLOSED', 'the tenant is closing'));
    tenant.settle();
    const ending = this.#drain(tenant, deadlineMs).finally(() => {
      this.#ending.delete(ending);
      this.#counts.closed++;
    });
    this.#ending.add(ending);
  }

  /** In flight, then decisions, then memory; past the deadline the rest at once. What is in flight does not get all of it. */
  async #drain(tenant: Tenant<R>, deadlineMs: number): Promise<void> {
    const { clock, decisions } = this.#ports;
    const untilMs = clock.monotonic() + deadlineMs;
    const { active, key } = tenant;
    await active?.drained(clock, DRAIN_SHARE * deadlineMs);
    // The log knows tenants by their key: events of a successor are not dropped with those of this one.
    if (decisions !== undefined && decisions.pending(key) > 0) {
      const leftMs = Math.max(0, untilMs - clock.monotonic());
      if (this.#tenants.has(key)) void decisions.flush(key);
      else await decisions.release(key, leftMs);
    } else if (!this.#tenants.has(key)) await decisions?.release(key, 0);
    await this.#within(active?.close(), Math.max(0, untilMs - clock.monotonic()));
    tenant.isClosed = true;
    tenant.settle();
  }

  async #within(work: Promise<unknown> | undefined, leftMs: number): Promise<void> {
    if (work === undefined) return;
    const { clock } = this.#ports;
    let timer: TimerHandle;
    const deadline = new Promise<void>((resolve) => {
      timer = startTimer(clock, resolve, leftMs);
    });
    await Promise.race([work, deadline]);
    clock.clearTimeout(timer);
  }

  #statuses(keys: Iterable<string>): TenantStatus[] {
    const { decisions } = this.#ports;
    return [...keys].map((key) => tenantStatus(key, this.#tenants.get(key), decisions));
  }
}
