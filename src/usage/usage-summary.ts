/** Counts evaluations per flag, variation, reason and minute: totals that no outage loses. */

import { jsonString } from '../internal/json-safe.ts';
import { utf8Length } from './event-writer.ts';
import type { SummaryCount, SummaryPeriod } from './summary-event.ts';

/** The key under which evaluations are counted that get no count of their own. */
export const OTHER_KEY = 'edict.other';
/** Its reason. */
const OTHER_REASON = 'OTHER';
const OTHER_VARIATION = 'SdkDefault';

/** Keys whose evaluations all failed (unknown flags above all) come from outside, without end. */
export const MAX_FAILING_KEYS = 1_000;

/** A count without its names: braces, member names, two large numbers. */
const COUNT_BYTES = 96;

const MINUTE_SECONDS = 60;
/** Minutes are merged four at a time, until one entry covers eleven days. */
const MERGE_FACTOR = 4;
const MAX_STEP_SECONDS = MINUTE_SECONDS * MERGE_FACTOR ** 7;

interface Row {
  readonly variation: string;
  readonly reason: string;
  readonly minute: number;
  count: number;
}

interface FlagRows {
  rows: Row[];
  /** No evaluation of this key succeeded so far. */
  isFailing: boolean;
}

/** One evaluation. */
export interface CountedUsage {
  readonly flagKey: string;
  readonly variation: string;
  readonly reason: string;
  /** The evaluation failed and gave the caller's default. */
  readonly isDefault: boolean;
}

/**
 * The counts since they were last taken, within a limit of bytes. When it is reached (a long outage) neighbouring minutes are
 * merged, so that totals per flag stay whole; only when that does not help, further combinations are counted together.
 *
 * INVARIANT: `total` is the sum of all counts.
 */
export class UsageSummary {
  readonly #maxBytes: number;
  readonly #flags = new Map<string, FlagRows>();
  #failingKeys = 0;
  #rowCount = 0;
  #bytes = 0;
  #total = 0;
  #others = 0;
  #othersMinute = 0;
  #stepSeconds = MINUTE_SECONDS;
  #from = 0;
  #to = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Evaluations counted. */
  get total(): number {
    return this.#total;
  }

  /** Different counts. */
  get size(): number {
    return this.#rowCount + (this.#others > 0 ? 1 : 0);
  }

  /** An upper bound of the bytes the counts will take as JSON. */
  get bytes(): number {
    return this.#bytes;
  }

  add(usage: CountedUsage, seconds: number): void {
    if (this.#total === 0 || seconds < this.#from) this.#from = seconds;
    if (seconds > this.#to) this.#to = seconds;
    this.#total++;
    const flag = this.#flags.get(usage.flagKey);
    if (flag === undefined) {
      this.#addFlag(usage, seconds);
      return;
    }
    if (flag.isFailing && !usage.isDefault) {
      flag.isFailing = false;
      this.#failingKeys--;
    }
    const row = findRow(flag.rows, usage.variation, usage.reason, this.#window(seconds));
    if (row !== undefined) row.count++;
    else this.#addRow(flag, usage, seconds);
  }

  /** Gives the counts and begins afresh. */
  take(): { readonly counts: SummaryCount[]; readonly period: SummaryPeriod } {
    const counts: SummaryCount[] = [];
    for (const [key, { rows }] of this.#flags) for (const row of rows) counts.push({ key, ...row });
    if (this.#others > 0) {
      const names = { key: OTHER_KEY, variation: OTHER_VARIATION, reason: OTHER_REASON };
      counts.push({ ...names, minute: this.#othersMinute, count: this.#others });
    }
    const period = { from: this.#from, to: this.#to };
    this.clear();
    return { counts, period };
  }

  clear(): void {
    this.#flags.clear();
    this.#failingKeys = 0;
    this.#rowCount = 0;
    this.#bytes = 0;
    this.#total = 0;
    this.#others = 0;
    this.#stepSeconds = MINUTE_SECONDS;
    this.#from = 0;
    this.#to = 0;
  }

  #addFlag(usage: CountedUsage, seconds: number): void {
    if (usage.isDefault && this.#failingKeys >= MAX_FAILING_KEYS) {
      this.#addOther(seconds);
      return;
    }
    const flag: FlagRows = { rows: [], isFailing: usage.isDefault };
    if (!this.#addRow(flag, usage, seconds)) return;
    this.#flags.set(usage.flagKey, flag);
    if (flag.isFailing) this.#failingKeys++;
  }

  /** False when there was no room and the evaluation is counted among the others. */
  #addRow(flag: FlagRows, { flagKey, variation, reason }: CountedUsage, seconds: number): boolean {
    const size = countBytes(flagKey, variation, reason);
    while (this.#bytes + size > this.#maxBytes) {
      if (this.#stepSeconds >= MAX_STEP_SECONDS) {
        this.#addOther(seconds);
        return false;
      }
      this.#merge();
    }
    const minute = this.#window(seconds);
    // Merging may have made the row this one belongs to.
    const row = findRow(flag.rows, variation, reason, minute);
    if (row !== undefined) {
      row.count++;
      return true;
    }
    flag.rows.push({ variation, reason, minute, count: 1 });
    this.#rowCount++;
    this.#bytes += size;
    return true;
  }

  #addOther(seconds: number): void {
    if (this.#others === 0) this.#othersMinute = seconds - (seconds % MINUTE_SECONDS);
    this.#others++;
  }

  #window(seconds: number): number {
    return seconds - (seconds % this.#stepSeconds);
  }

  #merge(): void {
    this.#stepSeconds *= MERGE_FACTOR;
    this.#rowCount = 0;
    this.#bytes = 0;
    for (const [key, flag] of this.#flags) {
      const merged = new Map<string, Row>();
      for (const row of flag.rows) {
        const minute = this.#window(row.minute);
        const id = JSON.stringify([row.variation, row.reason, minute]);
        const into = merged.get(id);
        if (into === undefined) merged.set(id, { ...row, minute });
        else into.count += row.count;
      }
      flag.rows = [...merged.values()];
      this.#rowCount += merged.size;
      for (const { variation, reason } of flag.rows) {
        this.#bytes += countBytes(key, variation, reason);
      }
    }
  }
}

function countBytes(key: string, variation: string, reason: string): number {
  return COUNT_BYTES + utf8Length(jsonString(key)) + utf8Length(jsonString(variation)) + utf8Length(jsonString(reason));
}

/** From the newest on: what is looked for is nearly always among the last few. */
function findRow(rows: readonly Row[], variation: string, reason: string, minute: number): Row | undefined {
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i] as Row;
    if (row.minute < minute) return undefined;
    if (row.minute === minute && row.variation === variation && row.reason === reason) return row;
  }
  return undefined;
}
