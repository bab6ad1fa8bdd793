/**
 * Text to double as Go's strconv.ParseFloat reads it, correctly rounded (spec: §9.1 `pf`).
 *
 *   [+-] digits [. digits] [e [+-] digits]          decimal; one of the digit groups may be empty
 *   [+-] 0x hexdigits [. hexdigits] p [+-] digits   hexadecimal; the exponent is required
 *   [+-] inf | [+-] infinity | nan                  any case
 *
 * `_` may stand between digits, and after `0x`. Nothing may surround the number.
 *
 * Up to 19 digits are gathered in an u64. When mantissa and power of ten are both exact doubles, one multiplication or
 * division rounds correctly (Clinger); otherwise digits and power become naturals, and 64 bits of their quotient are
 * divided out, with the remainder as the sticky bit.
 */

import { spend } from './arena';
import { BIG_BYTES, bigBits, bigCompare, bigIsZero, bigMulAdd, bigMulPow10, bigSet, bigShiftLeft, bigSubtract } from './jsonlogic-bignum';

export const PARSE_OK: i32 = 0;
/** Not a number; the value is 0. */
export const PARSE_SYNTAX: i32 = 1;
/** Too large for a double; the value is ±Infinity. */
export const PARSE_RANGE: i32 = 2;

/** How the last `parseFloatText` ended. */
export let parseStatus: i32 = 0;

/** Exponents stop growing here, as in Go: far outside the doubles whatever the digits. */
const EXPONENT_CLAMP: i32 = 10_000;
/** More digits than that cannot change the rounding, only whether one of them is not zero. */
const MAX_DIGITS: i32 = 800;
/** What the exact conversion costs in steps at least; more for more bits. */
const EXACT_STEPS: i32 = 64;
/** Nine digits at a time fit a limb. */
const CHUNK: u32 = 1_000_000_000;

const POWERS_OF_TEN = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
  1e22,
]);

const NUMERATOR = memory.data(516);
const DENOMINATOR = memory.data(516);

/** 10^exponent, exact; exponent from 0 to 22. */
// @ts-ignore: decorator
@inline
export function powerOfTen(exponent: i32): f64 {
  return load<f64>(POWERS_OF_TEN + (<usize>exponent << 3));
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 0x30 < 10;
}

// @ts-ignore: decorator
@inline
function isHexLetter(byte: u32): bool {
  return (byte | 0x20) - 0x61 < 6;
}

function failSyntax(): f64 {
  parseStatus = PARSE_SYNTAX;
  return 0;
}

export function parseFloatText(start: usize, bytes: u32): f64 {
  parseStatus = PARSE_OK;
  if (bytes == 0 || !spend(<i32>(bytes >> 4))) return failSyntax();
  const end = start + bytes;
  let at = start;
  const sign = <u32>load<u8>(at);
  const negative = sign == 0x2d;
  if (negative || sign == 0x2b) at++;
  if (at == end) return failSyntax();

  const first = <u32>load<u8>(at) | 0x20;
  if (first == 0x69 || first == 0x6e) return parseWord(at, <u32>(end - at), at != start, negative);

  const hex = end - at > 2 && load<u8>(at) == 0x30 && (load<u8>(at, 1) | 0x20) == 0x78;
  if (hex) at += 2;
  const digitsAt = at;
  const maxGathered = hex ? 16 : 19;
  let mantissa: u64 = 0;
  let gathered: i32 = 0;
  let digits: i32 = 0;
  let point: i32 = 0;
  let sawDigits = false;
  let sawPoint = false;
  let sawUnderscore = false;
  let sticky = false;
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at);
    let digit: u32 = 0;
    if (isDigit(byte)) digit = byte - 0x30;
    else if (hex && isHexLetter(byte)) digit = (byte | 0x20) - 0x57;
    else if (byte == 0x5f) {
      sawUnderscore = true;
      continue;
    } else if (byte == 0x2e && !sawPoint) {
      sawPoint = true;
      point = digits;
      continue;
    } else break;
    sawDigits = true;
    if (digit == 0 && digits == 0) {
      point--;
      continue;
    }
    digits++;
    if (gathered < maxGathered) {
      mantissa = mantissa * (hex ? 16 : 10) + digit;
      gathered++;
    } else if (digit != 0) sticky = true;
  }
  if (!sawDigits) return failSyntax();
  if (!sawPoint) point = digits;
  const digitsEnd = at;
  if (hex) {
    point <<= 2;
    gathered <<= 2;
  }

  if (at < end && (load<u8>(at) | 0x20) == (hex ? 0x70 : 0x65)) {
    at++;
    let exponentSign: i32 = 1;
    if (at < end) {
      const byte = load<u8>(at);
      if (byte == 0x2d) exponentSign = -1;
      if (byte == 0x2d || byte == 0x2b) at++;
    }
    if (at == end || !isDigit(load<u8>(at))) return failSyntax();
    let exponent: i32 = 0;
    for (; at < end; at++) {
      const byte = <u32>load<u8>(at);
      if (byte == 0x5f) sawUnderscore = true;
      else if (!isDigit(byte)) break;
      else if (exponent < EXPONENT_CLAMP) exponent = exponent * 10 + <i32>(byte - 0x30);
    }
    point += exponent * exponentSign;
  } else if (hex) return failSyntax();
  if (at != end || (sawUnderscore && !underscoresSeparateDigits(start, end))) return failSyntax();

  let value: f64 = 0;
  if (mantissa != 0) {
    if (hex) value = roundBits(mantissa, point - gathered, sticky);
    else value = decimalToDouble(mantissa, point, gathered, sticky, digitsAt, digitsEnd);
  }
  if (value == Infinity) parseStatus = PARSE_RANGE;
  return negative ? -value : value;
}

/** `inf`, `infinity`, and `nan` where no sign went before. */
function parseWord(at: usize, bytes: u32, signed: bool, negative: bool): f64 {
  const three = load<u8>(at) | 0x20;
  if (bytes == 3) {
    const tail = ((<u32>load<u8>(at, 1) | 0x20) << 8) | (<u32>load<u8>(at, 2) | 0x20);
    if (three == 0x69 && tail == 0x6e66) return negative ? -Infinity : Infinity;
    if (three == 0x6e && tail == 0x616e && !signed) return NaN;
  } else if (bytes == 8 && (load<u64>(at) | 0x2020202020202020) == 0x7974696e69666e69) {
    return negative ? -Infinity : Infinity;
  }
  return failSyntax();
}

/** Each underscore has a digit, or the prefix `0x`, before it and a digit after it. */
function underscoresSeparateDigits(start: usize, end: usize): bool {
  let at = start;
  if (load<u8>(at) == 0x2d || load<u8>(at) == 0x2b) at++;
  let afterDigit = false;
  let afterUnderscore = false;
  let hex = false;
  if (end - at >= 2 && load<u8>(at) == 0x30 && (load<u8>(at, 1) | 0x20) == 0x78) {
    at += 2;
    hex = true;
    afterDigit = true;
  }
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at);
    const digit = isDigit(byte) || (hex && isHexLetter(byte));
    if (byte == 0x5f ? !afterDigit : afterUnderscore && !digit) return false;
    afterUnderscore = byte == 0x5f;
    afterDigit = digit;
  }
  return !afterUnderscore;
}

function decimalToDouble(mantissa: u64, point: i32, gathered: i32, sticky: bool, at: usize, end: usize): f64 {
  if (point > 310) return Infinity;
  if (point < -330) return 0;
  const exponent = point - gathered;
  if (!sticky && mantissa < (<u64>1) << 53) {
    const exact = <f64>mantissa;
    if (exponent == 0) return exact;
    if (exponent > 0 && exponent <= 22) return exact * powerOfTen(exponent);
    if (exponent < 0 && exponent >= -22) return exact / powerOfTen(-exponent);
  }
  let digits = gathered;
  if (sticky) digits = gatherDigits(at, end);
  else bigSet(NUMERATOR, mantissa);
  return divideOut(point - digits);
}

/** All digits that matter, into NUMERATOR; how many they are. A last 1 stands for digits left out that are not all zero. */
function gatherDigits(at: usize, end: usize): i32 {
  bigSet(NUMERATOR, 0);
  let digits: i32 = 0;
  let sticky = false;
  let chunk: u32 = 0;
  let scale: u32 = 1;
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (!isDigit(byte) || (byte == 0x30 && digits == 0)) continue;
    if (digits == MAX_DIGITS) {
      if (byte == 0x30) continue;
      sticky = true;
      break;
    }
    digits++;
    chunk = chunk * 10 + byte - 0x30;
    scale *= 10;
    if (scale == CHUNK) {
      bigMulAdd(NUMERATOR, CHUNK, chunk);
      chunk = 0;
      scale = 1;
    }
  }
  bigMulAdd(NUMERATOR, scale, chunk);
  if (!sticky) return digits;
  bigMulAdd(NUMERATOR, 10, 1);
  return digits + 1;
}

/** NUMERATOR * 10^exponent, as the nearest double. */
function divideOut(exponent: i32): f64 {
  bigSet(DENOMINATOR, 1);
  if (exponent >= 0) bigMulPow10(NUMERATOR, exponent);
  else bigMulPow10(DENOMINATOR, -exponent);
  const numeratorBits = bigBits(NUMERATOR);
  const denominatorBits = bigBits(DENOMINATOR);
  if (!spend(EXACT_STEPS + max(numeratorBits, denominatorBits))) return 0;
  let power = numeratorBits - denominatorBits;
  if (power > 0) bigShiftLeft(DENOMINATOR, power);
  else bigShiftLeft(NUMERATOR, -power);
  if (bigCompare(NUMERATOR, DENOMINATOR) < 0) {
    bigShiftLeft(NUMERATOR, 1);
    power--;
  }
  // The quotient is now in [1, 2): its first bit is 1.
  let bits: u64 = 0;
  for (let i = 0; i < 64; i++) {
    bits <<= 1;
    if (bigCompare(NUMERATOR, DENOMINATOR) >= 0) {
      bigSubtract(NUMERATOR, DENOMINATOR);
      bits |= 1;
    }
    bigShiftLeft(NUMERATOR, 1);
  }
  return roundBits(bits, power - 63, !bigIsZero(NUMERATOR));
}

/** bits * 2^power, rounded to nearest, ties to even; `sticky`: a little more than that. `bits` is not 0. */
function roundBits(bits: u64, power: i32, sticky: bool): f64 {
  const lead = <i32>clz(bits);
  bits <<= lead;
  const exponent = power - lead + 63;
  if (exponent > 1023) return Infinity;
  const drop = exponent >= -1022 ? 11 : 11 - 1022 - exponent;
  if (drop > 64) return 0;
  let mantissa: u64 = 0;
  let rest = bits;
  let half = (<u64>1) << 63;
  if (drop < 64) {
    mantissa = bits >> drop;
    rest = bits & (((<u64>1) << drop) - 1);
    half = (<u64>1) << (drop - 1);
  }
  if (rest > half || (rest == half && (sticky || (mantissa & 1) != 0))) mantissa++;
  // The hidden bit adds one to the exponent field, and so does a carry out of the mantissa.
  const field: u64 = exponent >= -1022 ? <u64>(exponent + 1022) : 0;
  return reinterpret<f64>((field << 52) + mantissa);
}
