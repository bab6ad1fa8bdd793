/** Generates percentages, progressive rollouts, windows and schedules: tables with everything computed beforehand. */

import { compareInstants } from '../date.ts';
import {
  Op,
  PROGRESS_BYTES,
  SCHEDULE_ENTRY_BYTES,
  SPLIT_ENTRY_BYTES,
  SPLIT_HEADER_BYTES,
  WINDOW_BYTES,
} from '../image/abi.ts';
import type { Pool } from '../image/pool.ts';
import type { Program } from '../image/program.ts';
import type { Experimentation, Instant, ProgressiveRollout } from '../model.ts';

const MODULUS_SCALE = 1_000;

/**
 * Truncation to u32 as amd64 does it (spec/flags.md §11.4): through int64, then the low 32 bits. Percentages that are
 * neither negative nor absurd never notice.
 */
export function truncateToU32(value: number): number {
  if (value >= 0 && value < 4_294_967_296) return Math.trunc(value);
  if (!(Math.abs(value) < 2 ** 63)) return 0;
  return Number(BigInt.asUintN(32, BigInt(Math.trunc(value))));
}

/** Descending order of UTF-8 bytes, which is the order of code points (not of UTF-16 units). */
function byNameDescending(a: string, b: string): number {
  return Buffer.compare(Buffer.from(b, 'utf8'), Buffer.from(a, 'utf8'));
}

/** §5.3. `outcome` gives the outcome of serving a variation. */
export function emitSplit(
  program: Program,
  pool: Pool,
  slot: number,
  percentage: ReadonlyMap<string, number>,
  outcome: (variation: string) => number,
  noneOutcome: () => number,
): void {
  const names = [...percentage.keys()].sort(byNameDescending);
  let sum = 0;
  for (const name of names) sum += percentage.get(name) ?? 0;
  const table = pool.reserve(SPLIT_HEADER_BYTES + names.length * SPLIT_ENTRY_BYTES);
  pool.setU32(table, truncateToU32(sum * MODULUS_SCALE));
  pool.setU32(table + 4, names.length);
  pool.setU32(table + 8, noneOutcome());
  let start = 0;
  for (const [i, name] of names.entries()) {
    const end = start + (percentage.get(name) ?? 0) * MODULUS_SCALE;
    const entry = table + SPLIT_HEADER_BYTES + i * SPLIT_ENTRY_BYTES;
    pool.setU32(entry, truncateToU32(start));
    pool.setU32(entry + 4, truncateToU32(end));
    pool.setU32(entry + 8, outcome(name));
    start = end;
  }
  program.emit(Op.split, slot, table, 0);
}

/** Both edges complete and in order; undefined: "missing params" (§5.4). */
export function completeRollout(rollout: ProgressiveRollout) {
  const { initial, end } = rollout;
  if (initial?.date === undefined || initial.variation === undefined) return undefined;
  if (end?.date === undefined || end.variation === undefined || compareInstants(end.date, initial.date) <= 0) {
    return undefined;
  }
  return {
    from: initial.date,
    to: end.date,
    initialVariation: initial.variation,
    endVariation: end.variation,
    initialPercentage: initial.percentage ?? 0,
    endPercentage: end.percentage ?? 0,
  };
}

export function emitProgress(
  program: Program,
  pool: Pool,
  slots: { readonly date: number; readonly bucket: number },
  rollout: NonNullable<ReturnType<typeof completeRollout>>,
  outcome: (variation: string) => number,
): void {
  const initial = rollout.initialPercentage * MODULUS_SCALE;
  let end = rollout.endPercentage;
  if (end === 0 || end > 100) end = 100;
  end *= MODULUS_SCALE;
  const table = pool.reserve(PROGRESS_BYTES, 8);
  pool.setI64(table, BigInt(rollout.from.seconds));
  pool.setI64(table + 8, BigInt(rollout.to.seconds));
  pool.setU32(table + 16, rollout.from.nanos);
  pool.setU32(table + 20, rollout.to.nanos);
  pool.setF64(table + 24, initial);
  pool.setF64(table + 32, end);
  pool.setF64(table + 40, (end - initial) / (rollout.to.seconds - rollout.from.seconds));
  pool.setU32(table + 48, outcome(rollout.initialVariation));
  pool.setU32(table + 52, outcome(rollout.endVariation));
  program.emit(Op.progress, slots.date, table, slots.bucket);
}

/** §4: outside the window (both ends inclusive) the flag answers `outsideOutcome`. */
export function emitWindow(
  program: Program,
  pool: Pool,
  dateSlot: number,
  window: Experimentation,
  outsideOutcome: number,
): void {
  const table = pool.reserve(WINDOW_BYTES, 8);
  if (window.start !== undefined) {
    pool.setI64(table, BigInt(window.start.seconds));
    pool.setU32(table + 16, window.start.nanos);
    pool.setU32(table + 24, 1);
  }
  if (window.end !== undefined) {
    pool.setI64(table + 8, BigInt(window.end.seconds));
    pool.setU32(table + 20, window.end.nanos);
    pool.setU32(table + 28, 1);
  }
  program.emit(Op.window, dateSlot, table, outsideOutcome);
}

/** Gives the addresses of the entries' targets: each is linked to the first instruction of its phase (§6.1). */
export function emitSchedule(program: Program, pool: Pool, dateSlot: number, instants: readonly Instant[]): number[] {
  const table = pool.reserve(instants.length * SCHEDULE_ENTRY_BYTES, 8);
  const targets: number[] = [];
  for (const [i, instant] of instants.entries()) {
    const entry = table + i * SCHEDULE_ENTRY_BYTES;
    pool.setI64(entry, BigInt(instant.seconds));
    pool.setU32(entry + 8, instant.nanos);
    targets.push(entry + 12);
  }
  program.emit(Op.schedule, dateSlot, table, instants.length);
  return targets;
}
