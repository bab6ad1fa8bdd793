/** What fuel pays for, and the instructions that take it. */

import { OP } from '../binary/opcodes.ts';
import { leb, signedLeb } from '../binary/writer.ts';

/**
 * A check (function entry, loop header) costs 1, and 1 more for every so many bytes of code until the next check. Without
 * that a loop around megabytes of square roots would run for hours on a second's fuel. The bodies of ordinary loops are
 * shorter than this, so they cost 1 a turn; at 32 bytes a typical hook counts twice as much, at 64 it counts 5 % more.
 */
export const BYTES_PER_UNIT = 64;
/** A bulk instruction costs 1 and one unit for every so many bytes or entries: 2^8. */
export const BULK_SHIFT = 8;
export const GROW_COST = 10_000;
export const HOST_CALL_COST = 10;

const VOID = 0x40;

/** Indices of what the charges use. */
export interface Meters {
  /** The global. */
  readonly fuel: number;
  /** The function that is called when fuel is below zero, instead of a trap: it traps, or comes back with more. */
  readonly pause: number | undefined;
}

/**
 * `fuel -= cost; if (fuel < 0) trap`, which leaves the stack as it found it:
 *
 *     global.get $fuel  i32.const cost  i32.sub  global.set $fuel
 *     global.get $fuel  i32.const 0  i32.lt_s  if  unreachable  end
 *
 * The test is signed and every charge is below 2^25, so from a fuel of at least 0 it cannot wrap around to plenty.
 */
export function chargeOf(meters: Meters, cost: number): Uint8Array {
  const global = leb(meters.fuel);
  return Uint8Array.from([
    ...[OP.GLOBAL_GET, ...global, OP.I32_CONST, ...signedLeb(cost), OP.I32_SUB, OP.GLOBAL_SET, ...global],
    ...endWhenNegative(meters),
  ]);
}

/** Charges 1 and the i32 on top of the stack shifted right; `local` keeps it meanwhile and nothing else uses that local. */
export function bulkChargeOf(meters: Meters, local: number): Uint8Array {
  const global = leb(meters.fuel);
  const length = leb(local);
  return Uint8Array.from([
    ...[OP.LOCAL_SET, ...length, OP.GLOBAL_GET, ...global],
    ...[OP.LOCAL_GET, ...length, OP.I32_CONST, BULK_SHIFT, OP.I32_SHR_U, OP.I32_CONST, 1, OP.I32_ADD],
    ...[OP.I32_SUB, OP.GLOBAL_SET, ...global],
    ...endWhenNegative(meters),
    ...[OP.LOCAL_GET, ...length],
  ]);
}

/**
 * The body of the pause, without locals: asks the host through the only entry of a table, which may set fuel or throw, and
 * traps unless there is some then. So fuel is never negative where it returns.
 */
export function pauseBody(fuel: number, type: number, table: number): number[] {
  const asks = [OP.I32_CONST, 0, OP.CALL_INDIRECT, ...leb(type), ...leb(table)];
  const code = [0, ...asks, ...endWhenNegative({ fuel, pause: undefined }), OP.END];
  return [...leb(code.length), ...code];
}

function endWhenNegative({ fuel, pause }: Meters): number[] {
  const end = pause === undefined ? [OP.UNREACHABLE] : [OP.CALL, ...leb(pause)];
  return [OP.GLOBAL_GET, ...leb(fuel), OP.I32_CONST, 0, OP.I32_LT_S, OP.IF, VOID, ...end, OP.END];
}
