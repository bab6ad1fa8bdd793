/** A policy made from a component, in any language: in the slots and under the rules of every other guest. */

import type { DeclaredInputs } from '../frame/declared-inputs.ts';
import type { HostFunctions } from '../guest/host-functions.ts';
import { GUEST_LIMITS, type GuestLimits } from '../guest/limits.ts';
import { SlottedPolicy } from '../guest/slotted-policy.ts';
import { ComponentGuest } from './component-guest.ts';
import type { LoadedComponent } from './load-component.ts';

export interface ComponentPolicyOptions {
  readonly name: string;
  readonly version: string;
  /** As `loadComponent` gives it: its imports were granted then. */
  readonly component: LoadedComponent;
  readonly inputs: DeclaredInputs;
  readonly host: HostFunctions;
  readonly limits?: Partial<GuestLimits>;
  /** The maximum its memory was loaded with. Default 256 pages. */
  readonly maxPages?: number;
}

export class ComponentPolicy extends SlottedPolicy {
  constructor({ name, version, component, inputs, host, limits: own, maxPages = 256 }: ComponentPolicyOptions) {
    const limits = { ...GUEST_LIMITS, ...own };
    super({
      name,
      version,
      inputs,
      source: { limits, open: () => ComponentGuest.open({ component, inputs, host, limits, maxPages }) },
      fault: undefined,
    });
  }
}
