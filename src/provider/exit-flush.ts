/** Sends waiting events when a process ends because nothing is left to do; no signal handler is ever installed. */

import type { UsageEvents } from '../usage/usage-events.ts';

/**
 * Node emits `beforeExit` again after every piece of work that was begun in it. One try a process, then: events that a
 * collector does not take now would otherwise keep a finished process alive for ever.
 */
export class ExitFlush {
  readonly #events: Pick<UsageEvents, 'hasPending' | 'close'>;
  readonly #timeoutMs: number;
  readonly #onBeforeExit = (): void => {
    this.disarm();
    if (this.#events.hasPending) void this.#events.close(this.#timeoutMs);
  };

  constructor(events: Pick<UsageEvents, 'hasPending' | 'close'>, timeoutMs: number) {
    this.#events = events;
    this.#timeoutMs = timeoutMs;
  }

  arm(): void {
    process.removeListener('beforeExit', this.#onBeforeExit);
    process.once('beforeExit', this.#onBeforeExit);
  }

  disarm(): void {
    process.removeListener('beforeExit', this.#onBeforeExit);
  }
}
