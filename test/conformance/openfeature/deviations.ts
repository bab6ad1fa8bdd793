/** The cases of the gherkin suite in which Edict answers otherwise, and why: part of the conformance report. */

import type { ScenarioName } from './gherkin-counts.ts';
import type { Mode } from './modes.ts';

export interface Deviation {
  readonly mode: Mode['name'];
  readonly scenario: ScenarioName;
  /** The reason that is answered, where the suite expects another. */
  readonly reason: string;
  readonly why: string;
}

export const DEVIATIONS: readonly Deviation[] = [
  {
    mode: 'in-process',
    scenario: 'v2: CACHED the second time',
    reason: 'STATIC',
    why:
      'Requirement 2.2.5 lets a provider say CACHED; one that decides every evaluation afresh has nothing to say it of. ' +
      'The second answer is decided like the first, and equal to it.',
  },
];

export function deviationOf(mode: Mode['name'], scenario: ScenarioName): Deviation | undefined {
  return DEVIATIONS.find((deviation) => deviation.mode === mode && deviation.scenario === scenario);
}
