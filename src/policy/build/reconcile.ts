/** What a new set did to the positions of the old one. */

import type { PolicySet } from './policy-set.ts';
import type { PositionStatus, RouteVersion } from './route-version.ts';

/** REUSED: the instance and its state are the same. REBUILT: another one. */
export type Decision = 'REUSED' | 'REBUILT' | 'NEW' | 'REMOVED';

export interface PositionDecision {
  readonly route: string;
  readonly position: string;
  readonly decision: Decision;
}

export interface Reconciliation {
  readonly decisions: readonly PositionDecision[];
  readonly counts: Readonly<Record<Decision, number>>;
}

export function reconcile(before: PolicySet, after: PolicySet): Reconciliation {
  const decisions: PositionDecision[] = [];
  for (const route of after.routes.values()) {
    const old = byKey(before.route(route.key));
    for (const [position, { signature }] of byKey(route)) {
      const former = old.get(position);
      const decision = former === undefined ? 'NEW' : former.signature === signature ? 'REUSED' : 'REBUILT';
      decisions.push({ route: route.key, position, decision });
      old.delete(position);
    }
    for (const position of old.keys()) decisions.push({ route: route.key, position, decision: 'REMOVED' });
  }
  for (const route of before.routes.values()) {
    if (after.routes.has(route.key)) continue;
    for (const position of byKey(route).keys()) decisions.push({ route: route.key, position, decision: 'REMOVED' });
  }
  const counts = { REUSED: 0, REBUILT: 0, NEW: 0, REMOVED: 0 };
  for (const { decision } of decisions) counts[decision] += 1;
  return { decisions, counts };
}

function byKey(route: RouteVersion | undefined): Map<string, PositionStatus> {
  return new Map((route?.positions ?? []).map((position) => [position.key, position]));
}
