/** One identifier of the GO Feature Flag provider specification as the conformance report shows it. */

/** Critical, major, minor: the specification's own. */
export type Severity = 'C' | 'M' | 'm';
export type Verdict = 'yes' | 'part' | 'no' | 'not applicable';

export interface Identifier {
  readonly id: string;
  readonly severity: Severity;
  readonly verdict: Verdict;
  /** What it asks for, in our words. */
  readonly meaning: string;
  /** Why Edict does otherwise, or how it does it where that is not plain. */
  readonly remark: string;
}

export type IdentifierRow = readonly [
  id: string,
  severity: Severity,
  verdict: Verdict,
  meaning: string,
  remark?: string,
];

/** The rows of one family; their identifiers are written without the part they share. */
export function family(name: string, rows: readonly IdentifierRow[]): readonly Identifier[] {
  return rows.map(([number, severity, verdict, meaning, remark = '']) => ({
    id: `GOFF-${name}-${number}`,
    severity,
    verdict,
    meaning,
    remark,
  }));
}
