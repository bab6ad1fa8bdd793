/** What a policy may say about sharing its instances (spec/policies.md §4.5). */

/** One instance for each of these; the order is that of `edict_plan`. */
export const SCOPES = ['per-route', 'shared-by-params', 'singleton', 'per-request'] as const;

/** What a policy wants instances to be shared by. */
export interface InstancePlan {
  readonly scope: (typeof SCOPES)[number];
  /** Instances with different keys are not shared. */
  readonly shareKey: string;
}
