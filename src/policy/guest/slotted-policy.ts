/** Makes instances of a policy that lives in stores: one set of slots for each tenant, shared by its instances. */

import type { DeclaredInputs } from '../frame/declared-inputs.ts';
import { InputEncoder } from '../frame/input-encoder.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { InstanceInit, PolicyFactory } from '../model/instance.ts';
import type { InstancePlan } from '../model/instance-plan.ts';
import { GuestInstance, modesOf } from './guest-instance.ts';
import type { Resident } from './guest-slot.ts';
import { GuestSlots } from './guest-slots.ts';
import type { StoreSource } from './guest-store.ts';

/** What a policy in slots is made of. */
export interface SlottedOptions {
  readonly name: string;
  readonly version: string;
  readonly inputs: DeclaredInputs;
  readonly source: StoreSource;
  /** Why no instance of it can be made, where that is known before. */
  readonly fault: PolicyFailure | undefined;
}

const NO_SLOT = policyFailure('OVERLOAD', 'every store of the policy is in the middle of a call');

interface TenantSlots {
  readonly slots: GuestSlots;
  readonly opened: Promise<void>;
  instances: number;
}

export class SlottedPolicy implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly #options: SlottedOptions;
  /** Memory is never shared by two tenants. */
  readonly #tenants = new Map<string, TenantSlots>();

  constructor(options: SlottedOptions) {
    this.name = options.name;
    this.version = options.version;
    this.#options = options;
  }

  async create(init: InstanceInit): Promise<GuestInstance | PolicyFailure> {
    const tenant = await this.#open(init.info.tenant);
    if (isPolicyFailure(tenant)) return tenant;
    const made = this.#make(init, tenant);
    if (isPolicyFailure(made)) await this.#release(init.info.tenant, tenant);
    return made;
  }

  /** What the policy says about sharing instances; `undefined` when it leaves that to its manifest. */
  async plan(init: InstanceInit): Promise<InstancePlan | undefined | PolicyFailure> {
    const tenant = await this.#open(init.info.tenant);
    if (isPolicyFailure(tenant)) return tenant;
    const slot = tenant.slots.take();
    const store = slot === undefined ? NO_SLOT : slot.ready();
    const resident = this.#resident(init);
    const plan = isPolicyFailure(store) ? store : store.plan(init, resident.encoder);
    slot?.settle(resident);
    await this.#release(init.info.tenant, tenant);
    return plan;
  }

  /** Tenants with slots, and what these hold. */
  describe(): Readonly<Record<string, ReturnType<GuestSlots['describe']> & { readonly instances: number }>> {
    return Object.fromEntries(
      [...this.#tenants].map(([tenant, { slots, instances }]) => [tenant, { instances, ...slots.describe() }]),
    );
  }

  #resident(init: InstanceInit): Resident {
    return { init, encoder: new InputEncoder(this.#options.inputs), modeBits: undefined };
  }

  #make(init: InstanceInit, tenant: TenantSlots): GuestInstance | PolicyFailure {
    const slot = tenant.slots.take();
    if (slot === undefined) return NO_SLOT;
    const store = slot.ready();
    if (isPolicyFailure(store)) return store;
    const resident = this.#resident(init);
    const handle = slot.handleOf(resident, store);
    if (isPolicyFailure(handle)) {
      slot.settle(resident);
      return handle;
    }
    const modes = modesOf(resident.modeBits ?? 0);
    if (isPolicyFailure(modes)) {
      slot.forget(resident);
      return modes;
    }
    return new GuestInstance(tenant.slots, resident, modes, () => this.#release(init.info.tenant, tenant));
  }

  /** The slots of a tenant, one reference more on them. */
  async #open(name: string): Promise<TenantSlots | PolicyFailure> {
    const { fault } = this.#options;
    if (fault !== undefined) return fault;
    const tenant = this.#acquire(name);
    try {
      await tenant.opened;
      return tenant;
    } catch (caught) {
      await this.#release(name, tenant);
      return policyFailure('OVERLOAD', `no slot could be had: ${(caught as Error).message}`);
    }
  }

  #acquire(name: string): TenantSlots {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      const slots = new GuestSlots(this.#options.source);
      tenant = { slots, opened: slots.open(), instances: 0 };
      this.#tenants.set(name, tenant);
    }
    tenant.instances++;
    return tenant;
  }

  async #release(name: string, tenant: TenantSlots): Promise<void> {
    if (--tenant.instances > 0) return;
    this.#tenants.delete(name);
    await tenant.slots.close();
  }
}
