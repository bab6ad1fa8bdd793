/** Responses that a fault keeps open: bounded in time, and ended when the relay closes. */

import type { ServerResponse } from 'node:http';

/** No fault keeps a connection longer: a client that waits for ever is a finding, a relay that does is a leak. */
export const MAX_HOLD_MS = 300_000;

/** INVARIANT: every timer here belongs to an open response and is gone with it. No timer keeps the process alive. */
export class Holds {
  readonly #held = new Set<ServerResponse>();
  #isClosed = false;

  /** Responses kept open now. */
  get size(): number {
    return this.#held.size;
  }

  /** Keeps the response as it is until the client leaves, the relay closes, or the time is over. */
  keep(response: ServerResponse): void {
    this.#while(response, () => setTimeout(() => response.destroy(), MAX_HOLD_MS));
  }

  /** Like `keep`, with `tick` called again and again meanwhile. */
  every(response: ServerResponse, intervalMs: number, tick: () => void): void {
    this.keep(response);
    this.#while(response, () => setInterval(tick, intervalMs));
  }

  /** Resolves after `ms` with true, or with false as soon as there is nobody left to answer. */
  wait(response: ServerResponse, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (response.destroyed) resolve(false);
      response.once('close', () => resolve(false));
      this.#while(response, () => setTimeout(() => resolve(true), ms));
    });
  }

  /** Cuts every held response; whatever is held later is cut at once. */
  close(): void {
    this.#isClosed = true;
    for (const response of this.#held) response.destroy();
  }

  #while(response: ServerResponse, startTimer: () => NodeJS.Timeout): void {
    if (this.#isClosed) response.destroy();
    if (response.destroyed) return;
    const timer = startTimer().unref();
    this.#held.add(response);
    response.once('close', () => {
      clearTimeout(timer);
      this.#held.delete(response);
    });
  }
}
