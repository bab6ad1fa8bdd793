/** One revision of a tenant with the exchanges that are on it: closed once, after the last of them or when time is up. */

import { type Clock, startTimer, type TimerHandle } from '../../options/clock.ts';
import type { DecisionSubject } from '../decisions/decision-event.ts';
import type { TenantDocument, TenantEngine, TenantRevision } from './revision.ts';

/** Linear memories and their bytes, of everything that is not closed yet. */
export interface MemoryUse {
  instances: number;
  bytes: number;
}

/** INVARIANT: an exchange that entered stays on its revision to its end; `close` of the revision is called exactly once. */
export class RevisionHold<R extends TenantRevision> {
  readonly revision: R;
  readonly document: TenantDocument;
  readonly engine: TenantEngine<R>;
  readonly subject: DecisionSubject;
  readonly instances: number;
  readonly bytes: number;
  readonly #use: MemoryUse;
  #inFlight = 0;
  #onEmpty: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(revision: R, document: TenantDocument, engine: TenantEngine<R>, tenant: string, use: MemoryUse) {
    this.revision = revision;
    this.document = document;
    this.engine = engine;
    this.subject = Object.freeze({
      tenant,
      labels: Object.freeze({ ...document.labels }),
      revision: document.revision,
    });
    this.instances = revision.instances;
    this.bytes = revision.memoryBytes;
    this.#use = use;
    use.instances += this.instances;
    use.bytes += this.bytes;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  enter(): void {
    this.#inFlight++;
  }

  leave(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#onEmpty?.();
  }

  /** Resolves when no exchange is on it any more, or after `drainMs`. */
  async drained(clock: Clock, drainMs: number): Promise<void> {
    if (this.#inFlight === 0) return;
    let timer: TimerHandle;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      timer = startTimer(clock, resolve, drainMs);
    });
    clock.clearTimeout(timer);
  }

  /** Drops it. Twice: the same promise. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= closeRevision(this.revision).finally(() => {
      this.#use.instances -= this.instances;
      this.#use.bytes -= this.bytes;
    });
    return this.#closed;
  }
}

/** Ends a revision, also one that never served. Never rejects. */
export async function closeRevision(revision: TenantRevision): Promise<void> {
  try {
    await revision.close();
  } catch {
    // It is not used any more; what it held is its own affair.
  }
}
