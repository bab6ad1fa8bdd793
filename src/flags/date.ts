/** Dates of flag configuration: the RFC 3339 dialect of Go's time package, read and written with its error texts. */

import type { Instant } from './model.ts';

const LAYOUT = '"2006-01-02T15:04:05Z07:00"';
const DIGIT_0 = 48;
/** Offsets of this many minutes or more can be read but not written back. */
const DAY_MINUTES = 24 * 60;

export interface DateError {
  readonly error: string;
}

/**
 * Reads a date. The accepted text is RFC 3339 with an upper-case `T` and `Z`, plus three leniencies: an hour of one
 * digit, a comma before the fraction, and offsets up to `24:60`. Digits after the ninth of a fraction are dropped.
 */
export function parseDate(text: string): Instant | DateError {
  return parseStrict(text) ?? parseLenient(text);
}

/** The usual shape, `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)`; anything else answers `undefined`. */
function parseStrict(text: string): Instant | undefined {
  const length = text.length;
  if (
    length < 20 ||
    text.charCodeAt(4) !== 45 ||
    text.charCodeAt(7) !== 45 ||
    text.charCodeAt(10) !== 84 ||
    text.charCodeAt(13) !== 58 ||
    text.charCodeAt(16) !== 58
  ) {
    return undefined;
  }
  const century = twoDigits(text, 0);
  const yearOfCentury = twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  // A missing digit is -1, so the sign bit of the union says whether every element was a number.
  if ((century | yearOfCentury | month | day | hour | minute | second) < 0) return undefined;
  const year = century * 100 + yearOfCentury;
  if (hour > 23 || minute > 59 || second > 59 || !isCalendarDay(year, month, day)) return undefined;

  let at = 19;
  let nanos = 0;
  if (text.charCodeAt(at) === 46) {
    const start = at + 1;
    at = skipDigits(text, start);
    if (at === start) return undefined;
    nanos = fraction(text, start, at);
  }
  const offsetMinutes = strictOffset(text, at);
  if (offsetMinutes === undefined) return undefined;
  return instant(year, month, day, hour, minute, second, nanos, offsetMinutes);
}

function strictOffset(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  if (sign === 90) return text.length === at + 1 ? 0 : undefined;
  if ((sign !== 43 && sign !== 45) || text.length !== at + 6 || text.charCodeAt(at + 3) !== 58) return undefined;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if ((hours | minutes) < 0 || hours > 24 || minutes > 60) return undefined;
  const total = hours * 60 + minutes;
  return sign === 45 ? -total || 0 : total;
}

/**
 * The same grammar element by element, as Go walks it, so that the first thing wrong is named in Go's words. It works on
 * the bytes of the JSON text (one character of `raw` per byte), because Go counts and quotes bytes.
 */
function parseLenient(text: string): Instant | DateError {
  const raw = rawBytes(text);
  const quoted = quoteBytes(raw);
  const bad = (at: number, element: string): DateError => ({
    error: `parsing time ${quoted} as ${LAYOUT}: cannot parse ${quoteBytes(raw.slice(at))} as "${element}"`,
  });
  const outOfRange = (what: string): DateError => ({ error: `parsing time ${quoted}: ${what} out of range` });

  const century = twoDigits(raw, 0);
  const yearOfCentury = twoDigits(raw, 2);
  if ((century | yearOfCentury) < 0) return bad(0, '2006');
  const year = century * 100 + yearOfCentury;
  if (raw[4] !== '-') return bad(4, '-');
  const month = twoDigits(raw, 5);
  if (month < 0) return bad(5, '01');
  if (month < 1 || month > 12) return outOfRange('month');
  if (raw[7] !== '-') return bad(7, '-');
  const day = twoDigits(raw, 8);
  if (day < 0) return bad(8, '02');
  if (raw[10] !== 'T') return bad(10, 'T');

  // The hour is the one element that may have a single digit.
  let hour = twoDigits(raw, 11);
  let at = 13;
  if (hour < 0) {
    hour = oneDigit(raw, 11);
    at = 12;
    if (hour < 0) return bad(11, '15');
  }
  if (hour > 23) return outOfRange('hour');
  if (raw[at] !== ':') return bad(at, ':');
  const minute = twoDigits(raw, at + 1);
  if (minute < 0) return bad(at + 1, '04');
  if (minute > 59) return outOfRange('minute');
  if (raw[at + 3] !== ':') return bad(at + 3, ':');
  const second = twoDigits(raw, at + 4);
  if (second < 0) return bad(at + 4, '05');
  if (second > 59) return outOfRange('second');
  at += 6;

  let nanos = 0;
  if (raw[at] === '.' || raw[at] === ',') {
    const end = skipDigits(raw, at + 1);
    if (end > at + 1) {
      nanos = fraction(raw, at + 1, end);
      at = end;
    }
  }

  let offsetMinutes = 0;
  if (raw[at] === 'Z') {
    at += 1;
  } else {
    if (raw.length < at + 6 || raw[at + 3] !== ':') return bad(at, 'Z07:00');
    const hours = twoDigits(raw, at + 1);
    // The minutes are looked at only when the hours are a number; a range error is reported before a malformed element.
    const minutes = hours < 0 ? -1 : twoDigits(raw, at + 4);
    if (minutes > 60) return outOfRange('time zone offset minute');
    if (hours > 24) return outOfRange('time zone offset hour');
    const sign = raw[at];
    if (minutes < 0 || (sign !== '+' && sign !== '-')) return bad(at, 'Z07:00');
    const total = hours * 60 + minutes;
    offsetMinutes = sign === '-' ? -total || 0 : total;
    at += 6;
  }
  if (at < raw.length) return { error: `parsing time ${quoted}: extra text: ${quoteBytes(raw.slice(at))}` };
  if (!isCalendarDay(year, month, day)) return outOfRange('day');
  return instant(year, month, day, hour, minute, second, nanos, offsetMinutes);
}

/** RFC 3339 in the instant's own offset, trailing zeros of the fraction trimmed; offset zero is `Z`. */
export function formatDate(value: Instant): string {
  const local = value.seconds + value.offsetMinutes * 60;
  const days = Math.floor(local / 86_400);
  const rest = local - days * 86_400;
  const { year, month, day } = civilFromDays(days);
  const clock = `${pad2(Math.floor(rest / 3600))}:${pad2(Math.floor(rest / 60) % 60)}:${pad2(rest % 60)}`;
  const fractionText = value.nanos === 0 ? '' : `.${String(value.nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${String(year).padStart(4, '0')}-${pad2(month)}-${pad2(day)}T${clock}${fractionText}${formatOffset(value)}`;
}

function formatOffset({ offsetMinutes }: Instant): string {
  if (offsetMinutes === 0) return 'Z';
  const size = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${pad2(Math.floor(size / 60))}:${pad2(size % 60)}`;
}

/** True when the date can be read but not written again: GO Feature Flag then fails to copy a scheduled flag. */
export function marshalFails(value: Instant): boolean {
  return Math.abs(value.offsetMinutes) >= DAY_MINUTES;
}

/** The order of two instants, nanoseconds included: negative, zero or positive. */
export function compareInstants(left: Instant, right: Instant): number {
  return left.seconds === right.seconds ? left.nanos - right.nanos : left.seconds - right.seconds;
}

function instant(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  nanos: number,
  offsetMinutes: number,
): Instant {
  const seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + (minute - offsetMinutes) * 60 + second;
  return { seconds, nanos, offsetMinutes, year };
}

/** Days since 1970-01-01. Years begin in March here, so that the leap day is the last day of its year. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function isCalendarDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  if (day <= 28) return true;
  if (month === 2) return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= 30 || (day === 31 && (month > 7 ? month % 2 === 0 : month % 2 === 1));
}

function oneDigit(text: string, at: number): number {
  const digit = text.charCodeAt(at) - DIGIT_0;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

function twoDigits(text: string, at: number): number {
  const tens = oneDigit(text, at);
  const units = oneDigit(text, at + 1);
  return tens < 0 || units < 0 ? -1 : tens * 10 + units;
}

function skipDigits(text: string, from: number): number {
  let at = from;
  while (oneDigit(text, at) >= 0) at += 1;
  return at;
}

/** The digits from `start` to `end` as nanoseconds. */
function fraction(text: string, start: number, end: number): number {
  return Number(text.slice(start, Math.min(end, start + 9)).padEnd(9, '0'));
}

function pad2(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/**
 * The bytes that stood between the quotes of the JSON text, as one character each. What must be escaped in JSON is
 * escaped again; other escapes cannot be known from the decoded text.
 */
function rawBytes(text: string): string {
  const json = JSON.stringify(text);
  return Array.from(new TextEncoder().encode(json.slice(1, -1)), (byte) => String.fromCharCode(byte)).join('');
}

/** Go's quoting of a time value: quote and backslash escaped, bytes outside printable ASCII as `\xNN`. */
function quoteBytes(raw: string): string {
  const escaped = raw.replace(/["\\]|[^ -\x7f]/g, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}
