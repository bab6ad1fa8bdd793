/** Gathers the records of one exchange: bounded, however many chunks its streams have. */

import type { HookOutcome, HookRecord } from '../chain/decision.ts';
import { POLICY_FAILURES, type PolicyFailureCode } from '../model/failure.ts';
import { Phase } from '../model/phases.ts';

/** What matters more of two outcomes of the same hook. */
const WEIGHT: Readonly<Record<HookOutcome, number>> = { skipped: 0, none: 1, changed: 2, immediate: 3, failed: 4 };

/** A hundred positions with hooks in both directions; what comes after is counted in none. */
const MAX_RECORDS = 512;

export class HookRecords {
  readonly #records: HookRecord[] = [];
  /** Where the records of chunk hooks are, by position and phase. */
  #chunks: Map<string, number> | undefined;
  #hasFault = false;

  get all(): readonly HookRecord[] {
    return this.#records;
  }

  /** A policy failed by what it did, not by what was asked of it, and the exchange did not go on without it. */
  get hasFault(): boolean {
    return this.#hasFault;
  }

  add(record: HookRecord): void {
    if (record.code !== undefined && record.isTolerated !== true && isFault(record.code)) this.#hasFault = true;
    const isChunk = record.phase === Phase.requestBodyChunk || record.phase === Phase.responseBodyChunk;
    if (!isChunk) {
      if (this.#records.length < MAX_RECORDS) this.#records.push(record);
      return;
    }
    this.#chunks ??= new Map();
    const key = `${record.phase} ${record.position}`;
    const at = this.#chunks.get(key);
    if (at !== undefined) this.#records[at] = merged(this.#records[at] as HookRecord, record);
    else if (this.#records.length < MAX_RECORDS) this.#chunks.set(key, this.#records.push(record) - 1);
  }
}

function merged(before: HookRecord, record: HookRecord): HookRecord {
  const heavier = WEIGHT[record.outcome] > WEIGHT[before.outcome] ? record : before;
  const fuel = (before.fuel ?? 0) + (record.fuel ?? 0);
  return { ...heavier, durationUs: before.durationUs + record.durationUs, ...(fuel > 0 ? { fuel } : {}) };
}

/** What a breaker counts: a call that went wrong, or an answer that cannot be used. */
function isFault(code: PolicyFailureCode): boolean {
  if (code === 'CANCELLED') return false;
  const { when } = POLICY_FAILURES[code];
  return when === 'call' || when === 'answer' || when === 'own';
}
