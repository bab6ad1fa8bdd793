/** Tells the channel `edict:events` what was sent and dropped. */

import { publish } from '../telemetry/channels.ts';

/** What is told of events that were sent, where others have the cause of their loss. */
export const SENT = 'sent';

/**
 * Counts are summed until the work at hand is done: a listener never meets a queue in mid-change, may track events of its own,
 * and hears of a thousand drops once.
 */
export class EventNews {
  readonly #counts = new Map<string, number>();

  note(outcome: string, count: number): void {
    if (count === 0) return;
    if (this.#counts.size === 0) queueMicrotask(() => this.#tell());
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + count);
  }

  #tell(): void {
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [outcome, count] of counts) {
      const isSent = outcome === SENT;
      publish('edict:events', {
        sent: isSent ? count : 0,
        dropped: isSent ? 0 : count,
        cause: isSent ? undefined : outcome,
      });
    }
  }
}
