/** One row of docs/policy-conformance.md. */

export type PolicyVerdict = 'yes' | 'part' | 'not yet';

export interface PolicyRequirement {
  readonly id: string;
  readonly verdict: PolicyVerdict;
  readonly meaning: string;
  /** What is missing. */
  readonly remark: string;
}

type Row =
  | readonly [meaning: string]
  | readonly [meaning: string, remark: string, verdict: Exclude<PolicyVerdict, 'yes'>];

/** Rows numbered one after the other, from a number on. */
export function rows(letter: 'P' | 'R' | 'U' | 'V', from: number, given: readonly Row[]): readonly PolicyRequirement[] {
  return given.map(([meaning, remark = '', verdict = 'yes' as PolicyVerdict], index) => ({
    id: `${letter}-${String(from + index).padStart(2, '0')}`,
    verdict,
    meaning,
    remark,
  }));
}
