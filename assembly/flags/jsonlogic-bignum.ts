/**
 * Natural numbers of up to 128 limbs, for the number conversions that a double cannot settle.
 *
 *   offset  0           4          8                4 + 4 * used
 *           +-----------+----------+----- … --------+
 *           | used u32  | limb 0   |   limb 1 …     |      least significant limb first, the last one not zero
 *           +-----------+----------+----- … --------+
 *
 * INVARIANT: 128 limbs are enough. Parsing needs 10^1131 at most (118 limbs) and a number aligned with it, formatting
 * 2^53 * 10^324 at most (36 limbs). So no operation checks for room.
 */

export const BIG_BYTES: usize = 4 + 4 * 128;

// @ts-ignore: decorator
@inline
function usedOf(big: usize): u32 {
  return load<u32>(big);
}

// @ts-ignore: decorator
@inline
function limb(big: usize, index: u32): u32 {
  return load<u32>(big + (<usize>index << 2), 4);
}

// @ts-ignore: decorator
@inline
function setLimb(big: usize, index: u32, value: u32): void {
  store<u32>(big + (<usize>index << 2), value, 4);
}

export function bigSet(big: usize, value: u64): void {
  setLimb(big, 0, <u32>value);
  setLimb(big, 1, <u32>(value >> 32));
  store<u32>(big, value >> 32 != 0 ? 2 : value != 0 ? 1 : 0);
}

// @ts-ignore: decorator
@inline
export function bigIsZero(big: usize): bool {
  return usedOf(big) == 0;
}

/** Position of the highest set bit, plus one. */
export function bigBits(big: usize): i32 {
  const used = usedOf(big);
  return used == 0 ? 0 : <i32>(used * 32 - <u32>clz(limb(big, used - 1)));
}

/** big = big * factor + addend */
export function bigMulAdd(big: usize, factor: u32, addend: u32): void {
  const used = usedOf(big);
  let carry: u64 = addend;
  for (let i: u32 = 0; i < used; i++) {
    carry += <u64>limb(big, i) * factor;
    setLimb(big, i, <u32>carry);
    carry >>= 32;
  }
  if (carry != 0) {
    setLimb(big, used, <u32>carry);
    store<u32>(big, used + 1);
  }
}

export function bigMulPow10(big: usize, exponent: i32): void {
  for (; exponent >= 9; exponent -= 9) bigMulAdd(big, 1_000_000_000, 0);
  for (; exponent > 0; exponent--) bigMulAdd(big, 10, 0);
}

export function bigShiftLeft(big: usize, bits: u32): void {
  const used = usedOf(big);
  if (used == 0 || bits == 0) return;
  const whole = bits >> 5;
  const part = bits & 31;
  if (part == 0) {
    for (let i = used; i > 0; i--) setLimb(big, i - 1 + whole, limb(big, i - 1));
    store<u32>(big, used + whole);
  } else {
    const spill = limb(big, used - 1) >> (32 - part);
    for (let i = used - 1; i > 0; i--) {
      setLimb(big, i + whole, (limb(big, i) << part) | (limb(big, i - 1) >> (32 - part)));
    }
    setLimb(big, whole, limb(big, 0) << part);
    setLimb(big, used + whole, spill);
    store<u32>(big, used + whole + <u32>(spill != 0));
  }
  for (let i: u32 = 0; i < whole; i++) setLimb(big, i, 0);
}

/** Below, at or above zero as a is below, equal to or above b. */
export function bigCompare(a: usize, b: usize): i32 {
  const used = usedOf(a);
  if (used != usedOf(b)) return used < usedOf(b) ? -1 : 1;
  for (let i = used; i > 0; i--) {
    const left = limb(a, i - 1);
    const right = limb(b, i - 1);
    if (left != right) return left < right ? -1 : 1;
  }
  return 0;
}

/** a = a - b; b must not be greater. */
export function bigSubtract(a: usize, b: usize): void {
  let used = usedOf(a);
  const taken = usedOf(b);
  let borrow: i64 = 0;
  for (let i: u32 = 0; i < used; i++) {
    if (i >= taken && borrow == 0) break;
    const difference = <i64>limb(a, i) - (i < taken ? <i64>limb(b, i) : 0) + borrow;
    setLimb(a, i, <u32>difference);
    borrow = difference >> 32;
  }
  while (used > 0 && limb(a, used - 1) == 0) used--;
  store<u32>(a, used);
}

/** sum = a + b */
export function bigAdd(sum: usize, a: usize, b: usize): void {
  const usedA = usedOf(a);
  const usedB = usedOf(b);
  const used = max(usedA, usedB);
  let carry: u64 = 0;
  for (let i: u32 = 0; i < used; i++) {
    carry += (i < usedA ? <u64>limb(a, i) : 0) + (i < usedB ? <u64>limb(b, i) : 0);
    setLimb(sum, i, <u32>carry);
    carry >>= 32;
  }
  setLimb(sum, used, <u32>carry);
  store<u32>(sum, used + <u32>(carry != 0));
}
