/**
 * A hook as a policy has one, and three loops that only count: what the price of fuel is measured on.
 *
 * The input is a block of pairs as the guest interface lays it out: u32 count; nameOff, nameLen, valueOff, valueLen an
 * entry, relative to the block; then the bytes. Behind it, at BODY, lies the body.
 */

const INPUT: usize = 65536;
const BODY: usize = 131072;
const OUTPUT: usize = 196608;

/** The offset of the entry with this name, or 0. */
function find(block: usize, name: string): usize {
  const count = load<u32>(block);
  let entry = block + 4;
  for (let i: u32 = 0; i < count; i++, entry += 16) {
    if (<i32>load<u32>(entry, 4) !== name.length) continue;
    const bytes = block + load<u32>(entry);
    let at = 0;
    while (at < name.length && <i32>load<u8>(bytes + at) === name.charCodeAt(at)) at++;
    if (at === name.length) return entry;
  }
  return 0;
}

/** Looks five headers up, hashes the body, and writes two headers out. Gives the length of the answer. */
export function hook(bodyLength: i32): i32 {
  let found: i32 = 0;
  if (find(INPUT, 'authorization') !== 0) found |= 1;
  if (find(INPUT, 'x-request-id') !== 0) found |= 2;
  if (find(INPUT, 'content-type') !== 0) found |= 4;
  if (find(INPUT, 'x-tenant') !== 0) found |= 8;
  if (find(INPUT, 'x-missing') !== 0) found |= 16;
  let hash: u32 = 0x811c9dc5;
  for (let at: usize = BODY, end: usize = BODY + bodyLength; at < end; at++) hash = (hash ^ load<u8>(at)) * 0x01000193;
  store<u32>(OUTPUT, found);
  for (let digit = 0; digit < 8; digit++) {
    const nibble = (hash >>> (28 - digit * 4)) & 15;
    store<u8>(OUTPUT + 4 + digit, nibble < 10 ? 48 + nibble : 87 + nibble);
  }
  const id = find(INPUT, 'x-request-id');
  const length = load<u32>(id, 12);
  memory.copy(OUTPUT + 12, INPUT + load<u32>(id, 8), length);
  return 12 + length;
}

/** One loop of four instructions: the dearest case, since nearly all it does is to be metered. */
export function count(turns: i32): i32 {
  let sum = 0;
  for (let turn = 0; turn < turns; turn++) sum = (sum + turn) ^ 0x55;
  return sum;
}

/** Calls and nothing else. */
export function fibonacci(n: i32): i32 {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/** A megabyte in pieces of 1 KiB. */
export function copies(turns: i32): i32 {
  for (let turn = 0; turn < turns; turn++) memory.copy(OUTPUT, INPUT, 1024);
  return load<u32>(OUTPUT);
}
