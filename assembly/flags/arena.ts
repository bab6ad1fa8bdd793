/**
 * What one evaluation may use up: a bump arena for temporaries and a budget of steps. Memory never grows here.
 *
 *   arenaBase                 top                            arenaEnd
 *   +-------------------------+------------------------------+
 *   | in use                  | free                         |
 *   +-------------------------+------------------------------+
 *
 * Running out of either sets `fault`; the caller stops and the kernel reports it. Nobody writes to a failed allocation:
 * its address is 0.
 */

export const FAULT_NONE: i32 = 0;
export const FAULT_MEMORY: i32 = 1;
export const FAULT_STEPS: i32 = 2;

/** Why the present evaluation cannot go on; FAULT_NONE while it can. */
export let fault: i32 = 0;

export let arenaBase: usize = 0;
export let arenaEnd: usize = 0;
export let steps: i32 = 0;

let top: usize = 0;

/** Gives the arena its region; both addresses are made multiples of 8. */
export function arenaInit(base: usize, end: usize): void {
  arenaBase = (base + 7) & ~7;
  arenaEnd = end & ~7;
  if (arenaEnd < arenaBase) arenaEnd = arenaBase;
  top = arenaBase;
}

/** Begins an evaluation: everything is free again, `budget` steps may be taken. */
export function arenaReset(budget: i32): void {
  top = arenaBase;
  steps = budget;
  fault = FAULT_NONE;
}

/** `bytes` of the arena at a multiple of 8, not zeroed; 0 and FAULT_MEMORY when there is no room. */
export function arenaAlloc(bytes: usize): usize {
  const room = arenaEnd - top;
  if (bytes > room) {
    if (fault == FAULT_NONE) fault = FAULT_MEMORY;
    return 0;
  }
  const start = top;
  top = start + min((bytes + 7) & ~7, room);
  return start;
}

// @ts-ignore: decorator
@inline
export function arenaMark(): usize {
  return top;
}

/** Frees everything allocated since the mark was taken. */
// @ts-ignore: decorator
@inline
export function arenaRelease(mark: usize): void {
  top = mark;
}

/** Pays for `count` steps (not negative); false and FAULT_STEPS when the budget does not allow them. */
export function spend(count: i32): bool {
  if (count > steps) {
    steps = 0;
    if (fault == FAULT_NONE) fault = FAULT_STEPS;
    return false;
  }
  steps -= count;
  return true;
}

/** Ends the evaluation as if its steps were used up (recursion too deep). */
export function exhaust(): void {
  if (fault == FAULT_NONE) fault = FAULT_STEPS;
}
