/** Work of many tenants in turn: a few at a time, a bounded queue, and a side lane for those that turn out slow. */

import { type Clock, startTimer, type TimerHandle } from '../../options/clock.ts';

export interface TurnsOptions {
  readonly clock: Clock;
  /** Pieces of work at the same time. */
  readonly concurrent: number;
  /** Pieces that may wait. */
  readonly queued: number;
  readonly slowAfterMs: number;
  /** Slow pieces beside the others. */
  readonly slow: number;
}

interface Piece {
  isSlow: boolean;
  isOverdue: boolean;
}

/**
 * ```
 *  waiting ──▶ at work (concurrent) ──done──▶
 *                  │ slowAfterMs
 *                  └──▶ slow (at most so many) ──done──▶
 * ```
 *
 * A tenant has at most one piece here, so first come first served is round-robin. One that waits for a slow network or a slow
 * canary is moved aside, and the next one begins: it delays the others by `slowAfterMs` at most (P-78).
 */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #working = new Set<Piece>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get working(): number {
    return this.#working.size;
  }

  /** False when the queue is full; whoever is refused comes back by itself. `work` must not reject. */
  run(work: () => Promise<void>): boolean {
    if (this.#waiting.length >= this.#options.queued && !this.#hasRoom()) return false;
    this.#waiting.push(work);
    this.#pump();
    return true;
  }

  #hasRoom(): boolean {
    return this.#atWork() < this.#options.concurrent;
  }

  #atWork(): number {
    let count = 0;
    for (const { isSlow } of this.#working) if (!isSlow) count++;
    return count;
  }

  #pump(): void {
    this.#moveAside();
    while (this.#hasRoom()) {
      const work = this.#waiting.shift();
      if (work === undefined) return;
      this.#start(work);
    }
  }

  #start(work: () => Promise<void>): void {
    const { clock, slowAfterMs } = this.#options;
    const piece: Piece = { isSlow: false, isOverdue: false };
    this.#working.add(piece);
    const timer: TimerHandle = startTimer(
      clock,
      () => {
        piece.isOverdue = true;
        this.#pump();
      },
      slowAfterMs,
    );
    void work().finally(() => {
      clock.clearTimeout(timer);
      this.#working.delete(piece);
      this.#pump();
    });
  }

  #moveAside(): void {
    let slow = this.#working.size - this.#atWork();
    for (const piece of this.#working) {
      if (slow >= this.#options.slow) return;
      if (!piece.isOverdue || piece.isSlow) continue;
      piece.isSlow = true;
      slow++;
    }
  }
}
