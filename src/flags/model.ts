/** The typed flag model: what a flag's JSON says, with absent and present told apart in every optional field. */

import type { JsonObject } from '../internal/json.ts';

/** A point in time as a flag wrote it: nanosecond resolution, with the UTC offset it was written in. */
export interface Instant {
  /** Unix time in whole seconds, rounded down (also before 1970). */
  readonly seconds: number;
  /** Nanoseconds after `seconds`, 0 to 999,999,999. */
  readonly nanos: number;
  /** Minutes east of UTC; up to ±1500, because the grammar admits `+24:60`. */
  readonly offsetMinutes: number;
  /** The calendar year in the instant's own offset, 0 to 9999. */
  readonly year: number;
}

/** One end of a progressive rollout. */
export interface RolloutEdge {
  readonly variation: string | undefined;
  readonly percentage: number | undefined;
  readonly date: Instant | undefined;
}

export interface ProgressiveRollout {
  readonly initial: RolloutEdge | undefined;
  readonly end: RolloutEdge | undefined;
}

/** A targeting rule, or the default rule. */
export interface Rule {
  readonly name: string | undefined;
  readonly query: string | undefined;
  readonly variation: string | undefined;
  /** Variation name to percentage, in document order; an empty map is present but empty. */
  readonly percentage: ReadonlyMap<string, number> | undefined;
  readonly progressiveRollout: ProgressiveRollout | undefined;
  readonly disable: boolean | undefined;
}

/** The window in which a flag is served; both ends are inclusive. */
export interface Experimentation {
  readonly start: Instant | undefined;
  readonly end: Instant | undefined;
}

/**
 * A flag as configured. `undefined` means absent or `null`; `""`, `false`, `{}`, `[]` and `0` are present.
 *
 * `variations` and `metadata` are the parsed JSON itself, not copies: read them through own members only
 * (`Object.keys`, `hasOwn`), because `__proto__` and `constructor` are ordinary names there. A variation whose value
 * is `null` is present.
 */
export interface Flag {
  readonly variations: Readonly<JsonObject> | undefined;
  readonly targeting: readonly Rule[] | undefined;
  readonly bucketingKey: string | undefined;
  readonly defaultRule: Rule | undefined;
  readonly experimentation: Experimentation | undefined;
  readonly scheduledRollout: readonly Step[] | undefined;
  readonly trackEvents: boolean | undefined;
  readonly disable: boolean | undefined;
  readonly version: string | undefined;
  readonly metadata: Readonly<JsonObject> | undefined;
}

/** A scheduled step: any flag fields, taking effect at `date`. */
export interface Step extends Flag {
  readonly date: Instant | undefined;
}
