/** A policy made from a verified core module. */

import type { DeclaredInputs } from '../frame/declared-inputs.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import { type CompiledGuest, CoreGuest } from './core-guest.ts';
import type { HostFunctions } from './host-functions.ts';
import { type Capability, moduleFailure } from './imports.ts';
import { GUEST_LIMITS, type GuestLimits } from './limits.ts';
import { SlottedPolicy } from './slotted-policy.ts';

/** The two tiers of this thread. */
export type InlineTier = 'trusted' | 'metered';

export interface CoreModuleOptions {
  readonly name: string;
  readonly version: string;
  /** Verified and, for `metered`, rewritten and compiled. */
  readonly guest: CompiledGuest;
  readonly tier: InlineTier;
  readonly inputs: DeclaredInputs;
  readonly granted: Iterable<Capability>;
  readonly host: HostFunctions;
  readonly limits?: Partial<GuestLimits>;
}

export class CoreModulePolicy extends SlottedPolicy {
  constructor(options: CoreModuleOptions) {
    const { name, version, inputs, guest, host } = options;
    const granted = new Set(options.granted);
    const limits = { ...GUEST_LIMITS, ...options.limits };
    super({
      name,
      version,
      inputs,
      source: { limits, open: () => CoreGuest.open({ guest, host, granted, limits }) },
      fault: moduleFailure(guest.facts, granted) ?? tierFailure(options),
    });
  }
}

function tierFailure({ tier, guest }: CoreModuleOptions): PolicyFailure | undefined {
  if (tier === 'trusted' || guest.facts.exports.get('__edict_fuel') === 'global') return undefined;
  return policyFailure('MODULE_INVALID', 'a metered module must carry its fuel counter, __edict_fuel');
}
