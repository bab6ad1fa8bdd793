/** What to do with an answer of zero flags: the guard against a relay that lost its flags for a moment. */

import type { ResolvedOptions } from '../options/resolve.ts';
import type { FeedContents } from './feed-events.ts';
import { hasRelayForm } from './validator.ts';

/** What the guard looks at. */
export interface ZeroFlagAnswer {
  readonly jsonMediaType: boolean;
  readonly relayVersion?: string;
  readonly validator?: string;
  /** The body has `errorCode`, `errorDetails` or `message`: an error that came as a 200. */
  readonly suspicious: boolean;
}

export type ZeroFlagVerdict =
  | 'apply'
  /** Nothing is written; another look follows soon. */
  | 'hold'
  | 'refuse';

/**
 * `guarded`: a credible empty answer is taken at once while no flags are in use, and on its second time in a row while
 * they are. `accept` takes any, `reject` none.
 */
export class ZeroFlagGuard {
  readonly #mode: ResolvedOptions['emptyConfiguration'];
  readonly #contents: FeedContents;
  #isHolding = false;

  constructor(mode: ResolvedOptions['emptyConfiguration'], contents: FeedContents = 'flags') {
    this.#mode = mode;
    this.#contents = contents;
  }

  judge(answer: ZeroFlagAnswer, flagsInUse: number): ZeroFlagVerdict {
    const wasHolding = this.#isHolding;
    this.reset();
    if (this.#mode === 'accept') return 'apply';
    if (this.#mode === 'reject' || !this.#isCredible(answer)) return 'refuse';
    if (flagsInUse === 0 || wasHolding) return 'apply';
    this.#isHolding = true;
    return 'hold';
  }

  /** Any other answer in between: the count of empty ones in a row begins afresh. */
  reset(): void {
    this.#isHolding = false;
  }

  /**
   * A relay's empty answer is JSON and shows the relay's hand: its version header, or a validator of its form. A document
   * without routes shows its hand by having the form of one; zero flags may be `{}`.
   */
  #isCredible(answer: ZeroFlagAnswer): boolean {
    const isFromRelay =
      this.#contents === 'routes' || answer.relayVersion !== undefined || hasRelayForm(answer.validator);
    return answer.jsonMediaType && !answer.suspicious && isFromRelay;
  }
}
