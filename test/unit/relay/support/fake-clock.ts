/** A clock that stands still until a test moves it, with every timer in view. */

import type { Clock } from '../../../../src/options/clock.ts';

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Lets promises and the immediates behind them settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FakeClock implements Clock {
  /** Wall clock; independent of the monotonic one, as in real life. */
  wallMs = Date.UTC(2026, 0, 1);
  #monotonicMs = 1_000;
  #lastId = 0;
  readonly #timers = new Map<number, Timer>();

  now(): number {
    return this.wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    this.#lastId++;
    this.#timers.set(this.#lastId, { atMs: this.#monotonicMs + delayMs, callback });
    return this.#lastId;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as number);
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Runs every timer that falls due, in order, each with its consequences, before the next. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { atMs }]) => atMs <= endMs).sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      const [id, timer] = due;
      this.#timers.delete(id);
      this.#moveTo(timer.atMs);
      timer.callback();
      await settle();
    }
    this.#moveTo(endMs);
  }

  #moveTo(atMs: number): void {
    this.wallMs += Math.max(0, atMs - this.#monotonicMs);
    this.#monotonicMs = Math.max(this.#monotonicMs, atMs);
  }
}
