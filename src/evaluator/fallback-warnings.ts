/** One line in the log for each flag and minute that the fallback is needed; what happens between two lines is counted. */

import type { Clock } from '../options/clock.ts';
import type { SafeLogger } from '../telemetry/logger.ts';

const INTERVAL_MS = 60_000;
/** Flags with a minute of their own. While more than these fail at once, the others are only counted. */
const MAX_FLAGS = 1_000;

interface Spoken {
  atMs: number;
  /** Occurrences since, unsaid. */
  silent: number;
}

export class FallbackWarnings {
  readonly #clock: Clock;
  readonly #logger: SafeLogger;
  readonly #intervalMs: number;
  /** In the order of the last line, oldest first. */
  readonly #spoken = new Map<string, Spoken>();
  #suppressed = 0;

  /** `isEach`: a line for every occurrence (mode `spec`). */
  constructor(options: { readonly clock: Clock; readonly logger: SafeLogger; readonly isEach: boolean }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#intervalMs = options.isEach ? 0 : INTERVAL_MS;
  }

  /** Occurrences without a line of their own, so far. */
  get suppressed(): number {
    return this.#suppressed;
  }

  note(flagKey: string, line: () => string): void {
    if (this.#intervalMs === 0) {
      this.#logger.warn(line());
      return;
    }
    const now = this.#clock.monotonic();
    const before = this.#spoken.get(flagKey);
    if (before !== undefined && now - before.atMs < this.#intervalMs) {
      before.silent++;
      this.#suppressed++;
      return;
    }
    if (before === undefined && !this.#hasRoom(now)) {
      this.#suppressed++;
      return;
    }
    const more = before === undefined || before.silent === 0 ? '' : ` (${before.silent} more since the last such line)`;
    this.#spoken.delete(flagKey);
    this.#spoken.set(flagKey, { atMs: now, silent: 0 });
    this.#logger.warn(line() + more);
  }

  #hasRoom(now: number): boolean {
    if (this.#spoken.size < MAX_FLAGS) return true;
    const [oldest] = this.#spoken;
    if (oldest === undefined || now - oldest[1].atMs < this.#intervalMs) return false;
    this.#spoken.delete(oldest[0]);
    return true;
  }
}
