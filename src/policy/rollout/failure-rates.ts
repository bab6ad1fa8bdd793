/** How often each side of a rollout fails, and when that is too much more than the other one (spec/policies.md §4.8). */

export type Side = 'active' | 'candidate';

export interface SideCounts {
  readonly calls: number;
  readonly failures: number;
}

/** Calls of the candidate before anything is concluded. */
export const MIN_CALLS = 200;
/** As a share: one percentage point. */
export const MAX_EXCESS = 0.01;
/** Then all numbers are halved, so that what happens now weighs more than what happened long ago. */
const HALVE_AT = 20_000;

export class FailureRates {
  readonly #total = { active: { calls: 0, failures: 0 }, candidate: { calls: 0, failures: 0 } };
  readonly #recent = { active: { calls: 0, failures: 0 }, candidate: { calls: 0, failures: 0 } };

  add(side: Side, isFailure: boolean): void {
    for (const counts of [this.#total[side], this.#recent[side]]) {
      counts.calls++;
      if (isFailure) counts.failures++;
    }
    if (this.#recent[side].calls < HALVE_AT) return;
    for (const counts of [this.#recent.active, this.#recent.candidate]) {
      counts.calls /= 2;
      counts.failures /= 2;
    }
  }

  /** The candidate fails too often to go on. */
  get isExceeded(): boolean {
    const { active, candidate } = this.#recent;
    if (candidate.calls < MIN_CALLS) return false;
    return rateOf(candidate) - rateOf(active) > MAX_EXCESS;
  }

  /** Since the rollout began. */
  of(side: Side): SideCounts {
    return { ...this.#total[side] };
  }
}

function rateOf({ calls, failures }: SideCounts): number {
  return calls === 0 ? 0 : failures / calls;
}
