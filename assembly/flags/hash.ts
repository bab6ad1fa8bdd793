/**
 * FNV-1a, 32 bit, over UTF-8 (http://www.isthe.com/chongo/tech/comp/fnv/): one key at a time, or one key behind the hash
 * states of sixteen flags at once.
 */

export const FNV_PRIME: u32 = 16777619;

/** Continues from the state after the flag key, which the compiler computed. */
export function hashFrom(state: u32, text: usize, bytes: u32): u32 {
  const end = text + bytes;
  for (let at = text; at < end; at++) state = (state ^ <u32>load<u8>(at)) * FNV_PRIME;
  return state;
}

/**
 * `out[i] = hashFrom(seeds[i], text)` for `count` seeds, a multiple of sixteen (the compiler pads). Four vectors in
 * flight hide the latency of the multiplication.
 */
export function hashMany(seeds: usize, out: usize, count: u32, text: usize, bytes: u32): void {
  const prime = i32x4.splat(FNV_PRIME);
  const end = text + bytes;
  for (let done: u32 = 0; done < count; done += 16) {
    let a = v128.load(seeds);
    let b = v128.load(seeds, 16);
    let c = v128.load(seeds, 32);
    let d = v128.load(seeds, 48);
    for (let at = text; at < end; at++) {
      const byte = i32x4.splat(<i32>load<u8>(at));
      a = i32x4.mul(v128.xor(a, byte), prime);
      b = i32x4.mul(v128.xor(b, byte), prime);
      c = i32x4.mul(v128.xor(c, byte), prime);
      d = i32x4.mul(v128.xor(d, byte), prime);
    }
    v128.store(out, a);
    v128.store(out, b, 16);
    v128.store(out, c, 32);
    v128.store(out, d, 48);
    seeds += 64;
    out += 64;
  }
}
