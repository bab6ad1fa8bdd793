/** What each position did in an exchange: the raw material of decision events. */

import type { PolicyFailureCode } from '../model/failure.ts';
import type { Phase } from '../model/phases.ts';
import type { Position } from './position.ts';

/** How one hook ended, as it is told to whoever records decisions. */
export type HookOutcome = 'none' | 'changed' | 'immediate' | 'failed' | 'skipped';

/** Why a hook was skipped: its condition did not hold, or what it answered has no place where it stands. */
export type SkipReason = 'condition' | 'not_applicable';

/** One hook of one position. */
export interface HookRecord {
  readonly position: string;
  readonly name: string;
  readonly version: string;
  readonly phase: Phase;
  readonly outcome: HookOutcome;
  readonly skipReason?: SkipReason;
  readonly code?: PolicyFailureCode;
  /** Of an immediate response that is a fault. */
  readonly faultCode?: number;
  /** What went wrong, for the log; never sent to a client. */
  readonly message?: string;
  /** Microseconds. */
  readonly durationUs: number;
}

/** Told of every hook; must not throw. */
export type HookRecorder = (record: HookRecord) => void;

export function recordOf(
  position: Position,
  phase: Phase,
  outcome: HookOutcome,
  durationUs: number,
  more?: Pick<HookRecord, 'code' | 'message' | 'skipReason' | 'faultCode'>,
): HookRecord {
  const { name, version } = position.policy;
  const base = { position: position.key, name, version, phase, outcome, durationUs };
  return more === undefined ? base : { ...base, ...more };
}
