/** One of Edict's own requirements (D) or situations (S) as the conformance report shows it. */

import type { Verdict } from './identifier.ts';

export interface OwnRequirement {
  readonly id: string;
  readonly verdict: Verdict;
  /** What is asked for; of a situation, what happens and what has to follow. */
  readonly meaning: string;
  /** What is missing, or how it is met where that is not plain. */
  readonly remark: string;
}

type Row = readonly [meaning: string, remark?: string] | readonly [meaning: string, remark: string, verdict: Verdict];

/** Rows numbered one after the other, from a number on. */
export function numbered(letter: 'D' | 'S', from: number, rows: readonly Row[]): readonly OwnRequirement[] {
  return rows.map(([meaning, remark = '', verdict = 'yes'], index) => ({
    id: `${letter}-${String(from + index).padStart(2, '0')}`,
    verdict,
    meaning,
    remark,
  }));
}
