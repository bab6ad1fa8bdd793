/** What `describe()` shows of a module. */

/**
 * Where a module runs: without a guard on the service's thread, there with a fuel counter, or in a worker with a deadline as
 * well.
 */
export type PolicyTier = 'trusted' | 'metered' | 'isolated';

/** One module in use. */
export interface ModuleStatus {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly tier: PolicyTier;
  /** Stores on this thread. */
  readonly tenants: ModulePlaces;
}

/** What each tenant holds of it; memory is never shared by two. */
export type ModulePlaces = Readonly<
  Record<
    string,
    {
      readonly instances: number;
      readonly slots: number;
      readonly stores: number;
      readonly poisoned: number;
      readonly recycled: number;
      readonly memoryBytes: number;
    }
  >
>;
