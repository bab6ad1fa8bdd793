/**
 * What stands around every call into a store, whichever interface its guest speaks: one call at a time, with its own fuel
 * and host calls, and none after a throw.
 */

import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import type { InstanceInit } from '../model/instance.ts';
import type { Phase } from '../model/phases.ts';
import { classifyThrow } from './classify.ts';
import type { FuelMeter } from './fuel-meter.ts';
import { type MutableHostCall, NOBODY } from './host-binding.ts';

const BUSY = policyFailure('OVERLOAD', 'the store is in the middle of another call');
const WAS_POISONED = policyFailure('TRAP', 'the store threw before and awaits its replacement');

export interface CallGuardOptions {
  readonly meter: FuelMeter;
  /** What host functions are told of the call at hand. */
  readonly call: MutableHostCall;
  /** Host functions begin to count anew. */
  readonly begin: () => void;
  /** The memory has reached its maximum. */
  readonly isFull: () => boolean;
  /** What a throw means that was not the end of fuel, when the store knows better than everybody else. */
  readonly explain: (caught: unknown) => PolicyFailure | undefined;
}

export class CallGuard {
  /** True after a throw: what the store holds of the call was never given back, so it is never called again. */
  isPoisoned = false;
  /** True inside a call. */
  isBusy = false;
  readonly #options: CallGuardOptions;

  constructor(options: CallGuardOptions) {
    this.#options = options;
  }

  /** Begins a call, which `leave` ends; a failure when there must be none. Hooks give their phase and input. */
  enter(fuel: number, init: InstanceInit | undefined, phase?: Phase, input?: HookInput): PolicyFailure | undefined {
    if (this.isPoisoned) return WAS_POISONED;
    if (this.isBusy) return BUSY;
    this.isBusy = true;
    const { meter, call, begin } = this.#options;
    begin();
    call.info = init?.info ?? NOBODY;
    call.phase = phase;
    call.input = input;
    meter.fill(fuel);
    return undefined;
  }

  leave(): void {
    // Nothing of an exchange outlives its hook here.
    const { call } = this.#options;
    call.phase = undefined;
    call.input = undefined;
    this.isBusy = false;
  }

  /** What a throw out of the guest means; the store is lost. */
  poison(caught: unknown): PolicyFailure {
    this.isPoisoned = true;
    const { meter, isFull, explain } = this.#options;
    const fuel = meter.left;
    const known = fuel !== undefined && fuel < 0 ? undefined : explain(caught);
    return known ?? classifyThrow(caught, { fuel, isFull: isFull() });
  }

  /** A whole call that is no hook. */
  run<T>(fuel: number, init: InstanceInit | undefined, body: () => T | PolicyFailure): T | PolicyFailure {
    const refused = this.enter(fuel, init);
    if (refused !== undefined) return refused;
    try {
      return body();
    } catch (caught) {
      return this.poison(caught);
    } finally {
      this.leave();
    }
  }
}
