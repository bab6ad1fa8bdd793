/** Percentages, progressive rollouts, experimentation windows and schedules (spec: §5.2–5.4, §6.1). */

import {
  PROGRESS_END,
  PROGRESS_END_NANOS,
  PROGRESS_END_OUTCOME,
  PROGRESS_END_SECONDS,
  PROGRESS_INITIAL,
  PROGRESS_INITIAL_OUTCOME,
  PROGRESS_PER_SECOND,
  PROGRESS_START_NANOS,
  PROGRESS_START_SECONDS,
  SCHEDULE_ENTRY_BYTES,
  SPLIT_ENTRY_BYTES,
  SPLIT_HEADER_BYTES,
  WINDOW_END_NANOS,
  WINDOW_END_SECONDS,
  WINDOW_HAS_END,
  WINDOW_HAS_START,
  WINDOW_START_NANOS,
  WINDOW_START_SECONDS,
} from './abi';
import { dateAfter, dateBefore, dateSeconds, takeDate } from './date';
import { hashFrom } from './hash';
import { countOf, ptrOf } from './value';

/** The bucketing value's hash behind the flag key; `known` is the address of one computed before, 0 = none. */
// @ts-ignore: decorator
@inline
function bucketHash(value: usize, seed: u32, known: usize): u32 {
  return known != 0 ? load<u32>(known) : hashFrom(seed, ptrOf(value), countOf(value));
}

/** The variation whose range holds the bucket; ranges are laid out in descending name order by the compiler. */
export function splitOutcome(value: usize, table: usize, seed: u32, known: usize): u32 {
  const modulus = load<u32>(table);
  const bucket: u32 = modulus == 0 ? 0 : bucketHash(value, seed, known) % modulus;
  const count = load<u32>(table, 4);
  let entry = table + SPLIT_HEADER_BYTES;
  if (count == 2) {
    // Selects, not branches: which side a user is on is what no branch predictor knows.
    let outcome = load<u32>(table, 8);
    outcome = select(load<u32>(entry, 20), outcome, load<u32>(entry, 12) <= bucket && bucket < load<u32>(entry, 16));
    return select(load<u32>(entry, 8), outcome, load<u32>(entry) <= bucket && bucket < load<u32>(entry, 4));
  }
  const end = entry + <usize>count * SPLIT_ENTRY_BYTES;
  for (; entry < end; entry += SPLIT_ENTRY_BYTES) {
    if (load<u32>(entry) <= bucket && bucket < load<u32>(entry, 4)) return load<u32>(entry, 8);
  }
  return load<u32>(table, 8);
}

/** Truncation to u32 as on amd64: NaN and anything out of int64 give 0. */
function truncateToU32(number: f64): u32 {
  return abs(number) < 9223372036854775808.0 ? <u32>(<i64>number) : 0;
}

export function progressOutcome(date: usize, table: usize, seed: u32, known: usize, bucketing: usize): u32 {
  takeDate(date);
  if (dateBefore(load<i64>(table, PROGRESS_START_SECONDS), load<u32>(table, PROGRESS_START_NANOS))) {
    return load<u32>(table, PROGRESS_INITIAL_OUTCOME);
  }
  let current = load<f64>(table, PROGRESS_END);
  if (dateBefore(load<i64>(table, PROGRESS_END_SECONDS), load<u32>(table, PROGRESS_END_NANOS))) {
    // Multiply, then add, unfused: one bit decides at a border.
    const elapsed = <f64>(dateSeconds - load<i64>(table, PROGRESS_START_SECONDS));
    current = elapsed * load<f64>(table, PROGRESS_PER_SECOND) + load<f64>(table, PROGRESS_INITIAL);
  }
  const bucket = bucketHash(bucketing, seed, known) % 100000;
  return bucket < truncateToU32(current) ? load<u32>(table, PROGRESS_END_OUTCOME) : load<u32>(table, PROGRESS_INITIAL_OUTCOME);
}

/** Both ends inclusive, to the nanosecond. */
export function isOutside(date: usize, table: usize): bool {
  takeDate(date);
  if (
    load<u32>(table, WINDOW_HAS_START) != 0 &&
    dateBefore(load<i64>(table, WINDOW_START_SECONDS), load<u32>(table, WINDOW_START_NANOS))
  ) {
    return true;
  }
  return (
    load<u32>(table, WINDOW_HAS_END) != 0 &&
    dateAfter(load<i64>(table, WINDOW_END_SECONDS), load<u32>(table, WINDOW_END_NANOS))
  );
}

/** Where the last due entry goes on, or 0. */
export function latestDue(date: usize, table: usize, count: u32): usize {
  takeDate(date);
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = table + <usize>middle * SCHEDULE_ENTRY_BYTES;
    if (dateBefore(load<i64>(entry), load<u32>(entry, 8))) high = middle;
    else low = middle + 1;
  }
  return low == 0 ? 0 : <usize>load<u32>(table + <usize>(low - 1) * SCHEDULE_ENTRY_BYTES, 12);
}
