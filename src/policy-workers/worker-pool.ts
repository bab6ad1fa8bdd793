/**
 * The workers: generic-pool owns their life (create, validate, destroy, an upper bound); leases last, and one worker more than
 * was asked for is always warm.
 */

import { createPool, type Pool } from 'generic-pool';
import { type Clock, startTimer, type TimerHandle } from '../options/clock.ts';
import { PolicyThread } from './policy-thread.ts';

/** Starts a worker; tests put in their own. */
export type StartThread = (generation: number) => Promise<PolicyThread>;

export interface WorkerPoolOptions {
  /** Workers that may be leased at once; the spare ones come on top. */
  readonly size: number;
  /** Warm workers beyond those leased, at least 1. */
  readonly spares: number;
  readonly clock: Clock;
  /** How many wait for a worker now that did not just lose one. */
  readonly waiting: () => number;
  /** A spare became ready, or starting one failed. */
  readonly changed: () => void;
  readonly start?: StartThread;
}

/** What generic-pool owns: it asks a factory that rejects again at once and without a pause, so a failure travels as a value. */
interface Place {
  thread: PolicyThread | undefined;
  readonly failure?: Error;
}

const RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;

export class WorkerPool {
  /** Why no worker could be started the last time; cleared when one could. */
  failure: Error | undefined;
  readonly #options: WorkerPoolOptions;
  readonly #pool: Pool<Place>;
  readonly #places = new Map<PolicyThread, Place>();
  readonly #spares: PolicyThread[] = [];
  /** Threads that are being stopped. */
  readonly #stopping = new Set<Promise<void>>();
  #starting = 0;
  #generation = 0;
  #retryMs = RETRY_MS;
  #retry: TimerHandle | undefined;
  #isClosed = false;
  #started = 0;
  #stopped = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    const start = options.start ?? PolicyThread.start;
    this.#pool = createPool<Place>(
      {
        create: async () => {
          try {
            const thread = await start(++this.#generation);
            this.#started++;
            return { thread };
          } catch (caught) {
            return { thread: undefined, failure: caught as Error };
          }
        },
        destroy: async (place) => {
          const { thread } = place;
          if (thread === undefined) return;
          place.thread = undefined;
          await this.#stop(thread);
        },
        validate: async ({ thread }) => thread !== undefined && !thread.isPoisoned,
      },
      {
        max: options.size + options.spares,
        testOnBorrow: true,
        maxWaitingClients: options.size + options.spares,
        autostart: false,
      },
    );
  }

  /** Starts the spares, and one for each that waits. Whoever lost one gets the next spare: losses start workers one by one. */
  open(): void {
    const { size, spares, waiting } = this.#options;
    const wanted = spares + Math.min(waiting(), size - this.leased);
    while (!this.#isClosed && this.#spares.length + this.#starting < wanted) {
      if (this.#retry !== undefined || this.#places.size + this.#starting >= this.#pool.max) return;
      void this.#startSpare();
    }
  }

  /** Leased and not spare. */
  get leased(): number {
    return this.#places.size - this.#spares.length;
  }

  /** A warm worker, at once; a new spare starts behind it. `undefined`: none is ready, or as many as may be are leased. */
  take(): PolicyThread | undefined {
    if (this.#isClosed || this.leased >= this.#options.size) {
      return undefined;
    }
    let thread = this.#spares.shift();
    // One may have died in its sleep.
    while (thread?.isPoisoned === true) {
      this.#destroy(thread);
      thread = this.#spares.shift();
    }
    this.open();
    return thread;
  }

  /** Ends a lease. A worker that forgot everything becomes a spare; one that is lost, or one too many, is stopped. */
  giveBack(thread: PolicyThread): void {
    if (!this.#places.has(thread)) return;
    if (!thread.isPoisoned && !this.#isClosed && this.#spares.length < this.#options.spares) {
      this.#keep(thread);
      return;
    }
    this.#destroy(thread);
    this.open();
  }

  /** Stops everything; resolves when every thread has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#retry !== undefined) this.#options.clock.clearTimeout(this.#retry);
    for (const thread of this.#places.keys()) this.#destroy(thread);
    this.#spares.length = 0;
    await this.#pool.drain();
    await this.#pool.clear();
    await Promise.all(this.#stopping);
  }

  describe(): {
    readonly size: number;
    readonly leased: number;
    readonly spares: number;
    readonly starting: number;
    readonly started: number;
    readonly stopped: number;
  } {
    const { size } = this.#options;
    const { leased } = this;
    return {
      size,
      leased,
      spares: this.#spares.length,
      starting: this.#starting,
      started: this.#started,
      stopped: this.#stopped,
    };
  }

  async #startSpare(): Promise<void> {
    this.#starting++;
    let place: Place;
    try {
      place = await this.#pool.acquire();
    } catch {
      // The pool is being drained.
      this.#starting--;
      return;
    }
    this.#starting--;
    const { thread, failure } = place;
    if (thread === undefined || this.#isClosed) {
      await this.#pool.destroy(place);
      if (thread === undefined) this.#failed(failure);
      return;
    }
    this.failure = undefined;
    this.#retryMs = RETRY_MS;
    this.#places.set(thread, place);
    this.#keep(thread);
  }

  #keep(thread: PolicyThread): void {
    thread.onIdle = () => undefined;
    thread.onLost = () => this.giveBack(thread);
    this.#spares.push(thread);
    this.#options.changed();
  }

  #failed(failure: Error | undefined): void {
    this.failure = failure ?? new Error('no worker could be started');
    if (this.#isClosed || this.#retry !== undefined) return;
    this.#retry = startTimer(
      this.#options.clock,
      () => {
        this.#retry = undefined;
        this.open();
      },
      this.#retryMs,
    );
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    this.#options.changed();
  }

  #destroy(thread: PolicyThread): void {
    const place = this.#places.get(thread);
    this.#places.delete(thread);
    const at = this.#spares.indexOf(thread);
    if (at >= 0) this.#spares.splice(at, 1);
    if (place !== undefined) void this.#pool.destroy(place);
  }

  #stop(thread: PolicyThread): Promise<void> {
    const stopping = thread.stop().then(() => {
      this.#stopped++;
      this.#stopping.delete(stopping);
    });
    this.#stopping.add(stopping);
    return stopping;
  }
}
