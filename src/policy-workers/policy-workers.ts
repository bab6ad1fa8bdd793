/** All workers of a process that run policies: which tenant has which, who waits for one, who has one too many. */

import { availableParallelism } from 'node:os';
import { type Clock, startTimer, systemClock, type TimerHandle } from '../options/clock.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { PolicyThread } from './policy-thread.ts';
import { type LaneLimits, TenantLane } from './tenant-lane.ts';
import { type StartThread, WorkerPool } from './worker-pool.ts';

export interface PolicyWorkersOptions {
  /** Workers that may be leased at once, 1 to 64; a worker costs 6 to 8 MB. Default: cores, at least 4. */
  readonly workers?: number;
  /** Warm workers beyond those, 1 to 8. Default 1. */
  readonly spares?: number;
  /** For each tenant. Default 8 in workers, 64 waiting. */
  readonly concurrent?: number;
  readonly queued?: number;
  /** How long init may take, in milliseconds. Default 2,000; the same for destroy. */
  readonly initMs?: number;
  readonly destroyMs?: number;
  /** A worker that a tenant has not used for so long is given back. Default 10,000. */
  readonly idleMs?: number;
  /** Tenants that may share workers, never memory; everybody else has workers of his own while he has them. */
  readonly coLocated?: ReadonlySet<string>;
  readonly clock?: Clock;
  readonly start?: StartThread;
}

/** No tenant has this name: ids have no spaces. */
const TOGETHER = 'co located';
const DRAIN_MS = 30_000;

export class PolicyWorkers {
  readonly clock: Clock;
  readonly #pool: WorkerPool;
  readonly #limits: LaneLimits;
  readonly #idleMs: number;
  readonly #coLocated: ReadonlySet<string>;
  readonly #lanes = new Map<string, TenantLane>();
  /** Lanes that got no worker when they asked, in the order in which they asked. */
  readonly #waiting = new Set<TenantLane>();
  #sweep: TimerHandle | undefined;
  #isClosed = false;

  constructor(options: PolicyWorkersOptions = {}) {
    const { clock = systemClock, concurrent = 8, queued = 64, initMs = 2_000, destroyMs = 2_000 } = options;
    this.clock = clock;
    this.#limits = { concurrent, queued, initMs, destroyMs };
    this.#idleMs = options.idleMs ?? 10_000;
    this.#coLocated = options.coLocated ?? new Set();
    this.#pool = new WorkerPool({
      size: Math.min(64, Math.max(1, options.workers ?? Math.max(4, availableParallelism()))),
      spares: Math.min(8, Math.max(1, options.spares ?? 1)),
      clock,
      waiting: () => this.#claims(),
      changed: () => this.#serveWaiting(),
      ...(options.start && { start: options.start }),
    });
  }

  /** Starts the first spare, so that the first call finds a warm worker. Calls before it is there wait for it. */
  open(): void {
    if (!this.#isClosed) this.#pool.open();
  }

  get initMs(): number {
    return this.#limits.initMs;
  }

  /** The lane of a tenant, for one more instance; `limits` are the tenant's from now on. */
  enter(tenant: string, limits?: TenantLane['limits']): TenantLane {
    this.open();
    const key = this.#coLocated.has(tenant) ? TOGETHER : tenant;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new TenantLane(key, {
        clock: this.clock,
        limits: this.#limits,
        want: (one) => this.#want(one),
        othersWait: () => this.#claims() > 0,
        giveBack: (thread) => this.#giveBack(thread),
        failure: () => this.#failure(),
      });
      this.#lanes.set(key, lane);
      if (this.#isClosed) void lane.close();
    }
    lane.instances++;
    if (limits !== undefined) lane.limits = limits;
    return lane;
  }

  /** One instance less; the last one gives the workers back. */
  leave(lane: TenantLane): void {
    lane.instances--;
    if (lane.instances === 0) this.#releaseIdle(lane, Number.POSITIVE_INFINITY);
    this.#forget(lane);
  }

  /** No call is taken any more; what runs may end within the drain time, then every thread is stopped. */
  async close(drainMs: number = DRAIN_MS): Promise<void> {
    this.#isClosed = true;
    if (this.#sweep !== undefined) this.clock.clearTimeout(this.#sweep);
    let timer: TimerHandle;
    const late = new Promise<void>((resolve) => {
      timer = this.clock.setTimeout(resolve, drainMs);
    });
    await Promise.race([Promise.all([...this.#lanes.values()].map((lane) => lane.close())), late]);
    this.clock.clearTimeout(timer);
    await this.#pool.close();
  }

  describe(): ReturnType<WorkerPool['describe']> & {
    readonly waiting: number;
    readonly tenants: Readonly<Record<string, ReturnType<TenantLane['describe']>>>;
  } {
    const tenants = Object.fromEntries([...this.#lanes].map(([key, lane]) => [key, lane.describe()]));
    return { ...this.#pool.describe(), waiting: this.#waiting.size, tenants };
  }

  #want(lane: TenantLane): PolicyThread | undefined {
    if (this.#isClosed) return undefined;
    this.#planSweep();
    const { size, leased } = this.#pool.describe();
    // Whoever has one leaves the last one to somebody who has none.
    if (lane.leased > 0 && (leased + 1 >= size || this.#claims() > 0)) return undefined;
    const thread = this.#pool.take();
    if (thread !== undefined) {
      this.#waiting.delete(lane);
      return thread;
    }
    if (lane.leased > 0) return undefined;
    this.#waiting.add(lane);
    this.#pool.open();
    if (lane.claims) this.#takeFromIdle(lane);
    return undefined;
  }

  /** The worker that rested longest changes hands, once it has forgotten everything. */
  #takeFromIdle(wanting: TenantLane): void {
    if (this.#pool.leased < this.#pool.describe().size) return;
    let from: TenantLane | undefined;
    let longest: ReturnType<TenantLane['idleSince']>;
    for (const lane of this.#lanes.values()) {
      const idle = lane === wanting ? undefined : lane.idleSince();
      if (idle === undefined || (longest !== undefined && longest.usedAt <= idle.usedAt)) continue;
      from = lane;
      longest = idle;
    }
    if (longest !== undefined) from?.release(longest.thread);
  }

  #giveBack(thread: PolicyThread): void {
    this.#pool.giveBack(thread);
    this.#serveWaiting();
    for (const lane of this.#lanes.values()) this.#forget(lane);
  }

  /** In the order in which they asked; those that just lost a worker after the others. */
  #serveWaiting(): void {
    const [first, last] = [true, false].map((claims) => [...this.#waiting].filter((lane) => lane.claims === claims));
    for (const lane of [...(first ?? []), ...(last ?? [])]) {
      if (!lane.waits) {
        this.#waiting.delete(lane);
        continue;
      }
      const thread = this.#pool.take();
      if (thread === undefined) return;
      this.#waiting.delete(lane);
      lane.receive(thread);
    }
  }

  /** Lanes for which others should make room. Those whose calls gave up meanwhile do not count. */
  #claims(): number {
    let count = 0;
    for (const lane of this.#waiting) {
      if (!lane.waits) this.#waiting.delete(lane);
      else if (lane.claims) count++;
    }
    return count;
  }

  #failure(): PolicyFailure | undefined {
    const { failure } = this.#pool;
    return failure && policyFailure('NOT_READY', `no worker could be started: ${failure.message}`);
  }

  #planSweep(): void {
    if (this.#sweep !== undefined || this.#isClosed) return;
    this.#sweep = startTimer(
      this.clock,
      () => {
        this.#sweep = undefined;
        const before = this.clock.monotonic() - this.#idleMs;
        for (const lane of this.#lanes.values()) this.#releaseIdle(lane, before);
        if (this.#pool.leased > 0) this.#planSweep();
      },
      this.#idleMs / 2,
    );
  }

  #releaseIdle(lane: TenantLane, before: number): void {
    for (let idle = lane.idleSince(); idle !== undefined && idle.usedAt <= before; idle = lane.idleSince()) {
      lane.release(idle.thread);
    }
  }

  #forget(lane: TenantLane): void {
    if (!lane.isOver) return;
    this.#lanes.delete(lane.tenant);
    this.#waiting.delete(lane);
  }
}
