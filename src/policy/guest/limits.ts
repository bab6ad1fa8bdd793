/** How much a policy may use up, and when its slots are renewed. */

import { OUTPUT_LIMITS, type OutputLimits } from '../frame/output-decoder.ts';

/** The limits of one policy; a manifest may lower or raise them. */
export interface GuestLimits {
  /** Instructions of one hook; counts only where a module carries a fuel counter. */
  readonly fuelPerHook: number;
  /** Instructions of init and of what runs before it. */
  readonly fuelInit: number;
  readonly hostCalls: number;
  readonly output: OutputLimits;
  /** Hooks after which the guest's garbage is collected. */
  readonly collectEvery: number;
  /** Hooks after which a slot gets a new store. */
  readonly recycleAfter: number;
  /** Stores of one module for one tenant on this thread, 1 to 8: one at work, the others for calls from inside a call. */
  readonly slots: number;
}

export const GUEST_LIMITS: GuestLimits = Object.freeze({
  fuelPerHook: 2_000_000,
  fuelInit: 500_000_000,
  hostCalls: 64,
  output: OUTPUT_LIMITS,
  collectEvery: 256,
  recycleAfter: 1_000_000,
  slots: 2,
});

/** A store whose memory outgrew its start is not renewed sooner than after so many hooks: large messages may be the rule. */
export const MIN_HOOKS_BETWEEN_RECYCLES = 1_000;
