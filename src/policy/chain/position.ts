/** One place in a chain: which instance, when it runs, and what happens when it fails. */

import type { Action } from '../model/actions.ts';
import type { PolicyFailure } from '../model/failure.ts';
import type { PolicyInstance } from '../model/instance.ts';
import type { ActionGrants } from '../reduce/check-action.ts';
import type { Condition } from './condition.ts';

/** What a failure of a position means. `closed` is the default: nobody gets past a policy that did not decide. */
export type FailureMode = 'closed' | 'open' | { readonly fallback: Action };

/** A position as the chain runs it. */
export interface Position {
  /** Names it in messages, decisions and conditions; unique in its chain. */
  readonly key: string;
  readonly policy: { readonly name: string; readonly version: string };
  /** A failure where the policy is missing or was refused: it then fails every call, never silently lets pass. */
  readonly instance: PolicyInstance | PolicyFailure;
  readonly enabled: boolean;
  /** Its header hook waits until the body hooks of its direction have run. */
  readonly late: boolean;
  readonly condition: Condition | undefined;
  /** The first answer of the condition holds for the whole exchange. */
  readonly sticky: boolean;
  readonly failureMode: FailureMode;
  /** Status of the answer when it fails closed. */
  readonly failureStatus: number;
  readonly acceptsTruncated: boolean;
  readonly grants: ActionGrants;
}

/** A position with the defaults of everything but its instance. */
export function positionOf(
  given: Pick<Position, 'key' | 'policy' | 'instance'> & Partial<Omit<Position, 'key' | 'policy' | 'instance'>>,
): Position {
  return Object.freeze({
    enabled: true,
    late: false,
    condition: undefined,
    sticky: false,
    failureMode: 'closed' as const,
    failureStatus: 500,
    acceptsTruncated: false,
    grants: Object.freeze({}),
    ...given,
  });
}
