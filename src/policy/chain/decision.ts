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
  /** Units of fuel, where the tier counts them. */
  readonly fuel?: number;
  /** It failed, and its position is one that may: the exchange went on. */
  readonly isTolerated?: true;
}

/** Told of every hook; must not throw. */
export type HookRecorder = (record: HookRecord) => void;

/** A hook that has begun. Whoever meters it writes what it used. */
export interface HookRun {
  /** Of the monotonic clock. */
  readonly beganMs: number;
  fuel: number | undefined;
}

export function recordOf(
  position: Position,
  phase: Phase,
  outcome: HookOutcome,
  durationUs: number,
  { fuel }: HookRun,
  more?: Pick<HookRecord, 'code' | 'message' | 'skipReason' | 'faultCode'>,
): HookRecord {
  const { name, version } = position.policy;
  const base = { position: position.key, name, version, phase, outcome, durationUs };
  const metered = fuel === undefined ? base : { ...base, fuel };
  if (more === undefined) return metered;
  const record = { ...metered, ...more };
  return more.code === undefined || position.failureMode === 'closed' ? record : { ...record, isTolerated: true };
}
