/**
 * The date grammar of flag dates and `gofeatureflag.currentDateTime` (spec: §10.1) — Go's RFC 3339 with its leniencies:
 * one-digit hours, "," before the fraction, offsets up to 24:60.
 */

import { countOf, isString, ptrOf, tagOf } from './value';

/** The evaluation time: unix seconds (floor) and nanoseconds. */
export let dateSeconds: i64 = 0;
export let dateNanos: u32 = 0;

let now: f64 = 0;

/** Wall clock of this evaluation, in milliseconds since 1970. */
// @ts-ignore: decorator
@inline
export function setNow(milliseconds: f64): void {
  now = milliseconds;
}

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Howard Hinnant, chrono-compatible algorithms). */
function daysFromCivil(year: i32, month: i32, day: i32): i64 {
  const y = month <= 2 ? year - 1 : year;
  const era = (y >= 0 ? y : y - 399) / 400;
  const yearOfEra = y - era * 400;
  const dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return <i64>era * 146097 + <i64>dayOfEra - 719468;
}

function daysIn(year: i32, month: i32): i32 {
  if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

let cursor: usize = 0;
let limit: usize = 0;

/** Reads between `least` and `most` digits; -1 when there are fewer. */
function digits(least: i32, most: i32): i32 {
  let value = 0;
  let count = 0;
  while (count < most && cursor < limit) {
    const digit = <i32>load<u8>(cursor) - 0x30;
    if (<u32>digit > 9) break;
    value = value * 10 + digit;
    cursor++;
    count++;
  }
  return count < least ? -1 : value;
}

function literal(byte: u8): bool {
  if (cursor >= limit || load<u8>(cursor) != byte) return false;
  cursor++;
  return true;
}

/** Parses into `dateSeconds`/`dateNanos`; false leaves them undefined. */
function parse(at: usize, bytes: u32): bool {
  cursor = at;
  limit = at + bytes;
  const year = digits(4, 4);
  if (year < 0 || !literal(0x2d)) return false;
  const month = digits(2, 2);
  if (month < 1 || month > 12 || !literal(0x2d)) return false;
  const day = digits(2, 2);
  if (day < 1 || day > daysIn(year, month) || !literal(0x54)) return false;
  const hour = digits(1, 2);
  if (hour < 0 || hour > 23 || !literal(0x3a)) return false;
  const minute = digits(2, 2);
  if (minute < 0 || minute > 59 || !literal(0x3a)) return false;
  const second = digits(2, 2);
  if (second < 0 || second > 59) return false;
  let nanos: u32 = 0;
  if (cursor < limit && (load<u8>(cursor) == 0x2e || load<u8>(cursor) == 0x2c)) {
    cursor++;
    let scale: u32 = 100000000;
    const start = cursor;
    while (cursor < limit && <u32>load<u8>(cursor) - 0x30 < 10) {
      nanos += (<u32>load<u8>(cursor) - 0x30) * scale;
      scale /= 10;
      cursor++;
    }
    if (cursor == start) return false;
  }
  let offset = 0;
  if (!literal(0x5a)) {
    if (cursor >= limit) return false;
    const sign = load<u8>(cursor);
    if (sign != 0x2b && sign != 0x2d) return false;
    cursor++;
    const hours = digits(2, 2);
    if (hours < 0 || hours > 24 || !literal(0x3a)) return false;
    const minutes = digits(2, 2);
    if (minutes < 0 || minutes > 60) return false;
    offset = (hours * 60 + minutes) * 60;
    if (sign == 0x2d) offset = -offset;
  }
  if (cursor != limit) return false;
  dateSeconds = daysFromCivil(year, month, day) * 86400 + <i64>(hour * 3600 + minute * 60 + second - offset);
  dateNanos = nanos;
  return true;
}

/** The date a slot asks for, else the wall clock. */
export function takeDate(value: usize): void {
  if (isString(tagOf(value)) && parse(ptrOf(value), countOf(value))) return;
  const seconds = floor(now / 1000.0);
  dateSeconds = <i64>seconds;
  dateNanos = <u32>((now - seconds * 1000.0) * 1000000.0);
}

/** Taken date before the instant. */
// @ts-ignore: decorator
@inline
export function dateBefore(seconds: i64, nanos: u32): bool {
  return dateSeconds < seconds || (dateSeconds == seconds && dateNanos < nanos);
}

/** Taken date after the instant. */
// @ts-ignore: decorator
@inline
export function dateAfter(seconds: i64, nanos: u32): bool {
  return dateSeconds > seconds || (dateSeconds == seconds && dateNanos > nanos);
}
