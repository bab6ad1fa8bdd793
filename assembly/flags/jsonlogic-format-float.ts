/**
 * Double to the shortest decimal that reads back as the same double, without exponent (spec: §9.1 `str`).
 *
 * Integers below 2^53 are their own digits. Numbers with at most 15 digits are found by scaling with a power of ten and
 * dividing back (a decimal of 15 digits is the only one of its length near a double). The rest goes through the exact
 * digit generation of Steele and White, as Burger and Dybvig wrote it:
 *
 *       r / s         the value left, scaled so that its next digit is floor(10 r / s)
 *       low  / s      distance to the boundary below, half way to the next double
 *       high / s      distance to the boundary above
 */

import { arenaAlloc, spend } from './arena';
import { bigAdd, bigCompare, bigMulAdd, bigMulPow10, bigSet, bigShiftLeft, bigSubtract } from './jsonlogic-bignum';
import { powerOfTen } from './jsonlogic-parse-float';

/** What the exact conversion costs in steps: up to five microseconds. */
const EXACT_STEPS: i32 = 400;
/** 17 digits at most, and 20 for integers. */
const DIGITS = memory.data(24);
const R = memory.data(516);
const S = memory.data(516);
const LOW = memory.data(516);
const HIGH = memory.data(516);
const SUM = memory.data(516);

/** Length of the text `formatFloat` made last. */
export let formattedBytes: u32 = 0;

/** Digits in DIGITS, and where the decimal point stands among them. */
let digitCount: i32 = 0;
let pointAt: i32 = 0;

/** Writes the decimal into the arena and gives its address; 0 when the arena or the steps ran out. */
export function formatFloat(value: f64): usize {
  if (value != value) return literal(0x4e614e, 3);
  const negative = reinterpret<i64>(value) < 0;
  const magnitude = abs(value);
  if (magnitude == Infinity) return literal(negative ? 0x666e492d : 0x666e492b, 4);
  if (magnitude == 0) return negative ? literal(0x302d, 2) : literal(0x30, 1);
  if (magnitude < 9_007_199_254_740_992 && floor(magnitude) == magnitude) {
    integerDigits(<u64>magnitude);
    pointAt = digitCount;
  } else if (!scaledDigits(magnitude)) {
    if (!spend(EXACT_STEPS)) return 0;
    exactDigits(magnitude);
  }
  return layOut(negative);
}

/** Up to eight bytes of fixed text. */
function literal(text: u64, bytes: u32): usize {
  const out = arenaAlloc(8);
  if (out == 0) return 0;
  store<u64>(out, text);
  formattedBytes = bytes;
  return out;
}

function integerDigits(value: u64): void {
  let count = 0;
  for (let rest = value; rest != 0; rest /= 10) count++;
  digitCount = count;
  for (let rest = value; count > 0; rest /= 10) store<u8>(DIGITS + <usize>--count, 0x30 + <u8>(rest % 10));
}

/** Finds the decimal when it has at most 15 digits and at most 22 of them are fractional. */
function scaledDigits(value: f64): bool {
  for (let places = 1; places <= 22; places++) {
    const scaled = floor(value * powerOfTen(places) + 0.5);
    if (scaled >= 1e15) return false;
    if (scaled / powerOfTen(places) == value) {
      integerDigits(<u64>scaled);
      pointAt = digitCount - places;
      return true;
    }
  }
  return false;
}

function exactDigits(value: f64): void {
  const bits = reinterpret<u64>(value);
  const field = <i32>(bits >> 52);
  const fraction = bits & 0xfffffffffffff;
  const mantissa = field == 0 ? fraction : fraction | ((<u64>1) << 52);
  const exponent = max(field, 1) - 1075;
  // A boundary belongs to the double when the double is even: reading back rounds ties to even.
  const even = (mantissa & 1) == 0;
  // At a power of two the double below is half as far away as the double above.
  const uneven = fraction == 0 && field > 1;
  const extra: u32 = uneven ? 2 : 1;

  bigSet(R, mantissa);
  bigSet(S, 1);
  bigSet(LOW, 1);
  if (exponent >= 0) {
    bigShiftLeft(R, exponent + extra);
    bigShiftLeft(S, extra);
    bigShiftLeft(LOW, exponent);
  } else {
    bigShiftLeft(R, extra);
    bigShiftLeft(S, -exponent + extra);
  }
  bigAdd(HIGH, LOW, LOW);
  if (!uneven) bigSubtract(HIGH, LOW);

  // From the binary exponent alone the estimate is right or one too low; the comparison below settles it.
  const log2 = 63 - <i32>clz(mantissa) + exponent;
  let power = <i32>ceil(<f64>log2 * 0.30102999566398114 - 1e-9);
  if (power >= 0) bigMulPow10(S, power);
  else {
    bigMulPow10(R, -power);
    bigMulPow10(LOW, -power);
    bigMulPow10(HIGH, -power);
  }
  bigAdd(SUM, R, HIGH);
  const reach = bigCompare(SUM, S);
  if (even ? reach >= 0 : reach > 0) power++;
  else timesTen();
  pointAt = power;

  let count: usize = 0;
  while (true) {
    let digit: u8 = 0x30;
    while (bigCompare(R, S) >= 0) {
      bigSubtract(R, S);
      digit++;
    }
    const below = bigCompare(R, LOW);
    bigAdd(SUM, R, HIGH);
    const above = bigCompare(SUM, S);
    const low = even ? below <= 0 : below < 0;
    const high = even ? above >= 0 : above > 0;
    if (!low && !high) {
      store<u8>(DIGITS + count++, digit);
      timesTen();
      continue;
    }
    if (low && high) {
      bigAdd(SUM, R, R);
      const middle = bigCompare(SUM, S);
      if (middle > 0 || (middle == 0 && (digit & 1) != 0)) digit++;
    } else if (high) digit++;
    store<u8>(DIGITS + count++, digit);
    break;
  }
  digitCount = <i32>count;
}

function timesTen(): void {
  bigMulAdd(R, 10, 0);
  bigMulAdd(LOW, 10, 0);
  bigMulAdd(HIGH, 10, 0);
}

/** Sign, digits, point and zeros. */
function layOut(negative: bool): usize {
  const whole = max(pointAt, 1);
  const places = max(digitCount - pointAt, 0);
  const bytes = <u32>negative + <u32>whole + (places > 0 ? <u32>places + 1 : 0);
  const out = arenaAlloc(bytes);
  if (out == 0) return 0;
  let write = out;
  if (negative) store<u8>(write++, 0x2d);
  if (pointAt <= 0) store<u8>(write++, 0x30);
  for (let i = 0; i < pointAt; i++) store<u8>(write++, digitAt(i));
  if (places > 0) {
    store<u8>(write++, 0x2e);
    for (let i = pointAt; i < digitCount; i++) store<u8>(write++, digitAt(i));
  }
  formattedBytes = bytes;
  return out;
}

// @ts-ignore: decorator
@inline
function digitAt(index: i32): u8 {
  return index >= 0 && index < digitCount ? load<u8>(DIGITS + <usize>index) : 0x30;
}
