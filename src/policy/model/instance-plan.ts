/** How many instances a policy wants, and what it may say about that itself (spec/policies.md §4.5). */

/** One instance for each of these; the order is that of `edict_plan`. */
export const SCOPES = ['per-route', 'shared-by-params', 'singleton', 'per-request'] as const;

/** One of {@link SCOPES}. */
export type Scope = (typeof SCOPES)[number];

/** What a policy wants instances to be shared by. */
export interface InstancePlan {
  readonly scope: Scope;
  /** Instances with different keys are not shared. */
  readonly shareKey: string;
}
