/** How a load went. */

import type { RouteOutcome } from '../policy/build/policy-sets.ts';
import type { ConfigProblem } from '../policy/model/config-problem.ts';
import type { PolicyFailureCode } from '../policy/model/failure.ts';

/** What became of a configuration, told to whoever loaded it and to listeners. */
export interface LoadReport {
  /** `refused`: nothing of it was taken, and what served before goes on. */
  readonly outcome: 'active' | 'refused' | 'superseded';
  readonly revision: string;
  /** Everything that is wrong, with its path in the document. */
  readonly problems: readonly ConfigProblem[];
  /** By route key. `kept`: the revision before serves on. `closed`: there is none, every request is answered 503. */
  readonly routes: ReadonlyMap<string, RouteOutcome>;
}

/** How a rollback went; `revision` is what serves now. */
export interface RollbackReport {
  readonly outcome: 'active' | 'refused';
  readonly revision: string | null;
  readonly code?: PolicyFailureCode;
  readonly message?: string;
}

/** Nothing of a configuration could be used. */
export function refused(problems: readonly ConfigProblem[]): LoadReport {
  return { outcome: 'refused', revision: '', problems, routes: new Map() };
}
