/** How a decision came about, as data: what `--explain --json` prints and what the text is written from. */

import type { JsonValue } from '../../internal/json.ts';

/** `aborts`: visiting the condition makes the whole query false. */
export type Verdict = 'yes' | 'no' | 'aborts' | 'not reached';

export interface ConditionTrace {
  /** The condition in the query's own language. */
  readonly text: string;
  /** What stands around it in the query: `and not (` before, `)` behind. */
  readonly before: string;
  readonly after: string;
  readonly verdict: Verdict;
  readonly attribute: string | undefined;
  /** The attribute's value; `undefined` when the context has none. */
  readonly value: JsonValue | undefined;
  /** What is odd about the condition, in plain words. */
  readonly note: string | undefined;
}

/** A stretch of buckets, `from` included, `to` not. */
export interface BucketRange {
  readonly variation: string;
  readonly from: number;
  readonly to: number;
}

export type Serving =
  | { readonly kind: 'variation'; readonly variation: string }
  | {
      readonly kind: 'percentage';
      readonly bucket: number;
      readonly modulus: number;
      readonly ranges: readonly BucketRange[];
    }
  | {
      readonly kind: 'progressive';
      readonly bucket: number;
      readonly modulus: number;
      readonly from: string;
      readonly to: string;
      readonly initialVariation: string;
      readonly endVariation: string;
      /** Buckets below this one get the end variation now. */
      readonly threshold: number;
      readonly started: boolean;
    }
  | { readonly kind: 'nothing'; readonly problem: string };

export interface RuleTrace {
  /** From 1, as people count; `undefined` for the default rule. */
  readonly position: number | undefined;
  readonly name: string | undefined;
  readonly status: 'matched' | 'no match' | 'disabled' | 'not reached';
  readonly language: 'nikunjy' | 'jsonlogic' | 'none';
  readonly query: string;
  readonly conditions: readonly ConditionTrace[];
  /** What a rule that was used serves, and whom. */
  readonly serving: Serving | undefined;
}

export interface StepTrace {
  readonly date: string;
  readonly isDue: boolean;
  /** The members the step sets. */
  readonly sets: readonly string[];
}

export interface Explanation {
  /** The evaluation's date: the context's `gofeatureflag.currentDateTime`, or the clock's. */
  readonly date: string;
  readonly dateFrom: 'context' | 'clock';
  readonly schedule: readonly StepTrace[];
  readonly bucketing: {
    readonly from: string;
    readonly value: string | undefined;
    readonly isNeeded: boolean;
    readonly problem: string | undefined;
  };
  readonly isDisabled: boolean;
  readonly window:
    | { readonly start: string | undefined; readonly end: string | undefined; readonly isInside: boolean }
    | undefined;
  /** Targeting rules, then the default rule. Empty when the decision fell before any rule. */
  readonly rules: readonly RuleTrace[];
  /** Why the flag cannot be decided at all, when it cannot. */
  readonly problem: string | undefined;
}
