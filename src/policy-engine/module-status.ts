/** What `describe()` shows of a module. */

/** One module in use. */
export interface ModuleStatus {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly tier: 'trusted' | 'metered';
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
