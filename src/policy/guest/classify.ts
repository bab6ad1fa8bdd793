/** What a throw out of a guest, or a number below zero, means. */

import { EdictError } from '../../errors.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { GuestCode } from '../frame/tags.ts';
import { type PolicyFailure, type PolicyFailureCode, policyFailure } from '../model/failure.ts';
import { Stopped } from './fuel-meter.ts';
import { GuestAbort } from './guest-abort.ts';
import type { HostFaultName } from './host-functions.ts';

/** What is known of the store at the moment of the throw. */
export interface Circumstances {
  /** What is left of the fuel; `undefined` where nothing is counted. */
  readonly fuel: number | undefined;
  /** The memory has reached its maximum. */
  readonly isFull: boolean;
}

/**
 * A stack overflow is a `RangeError`, everything else a trap of WebAssembly, a text, or whatever a host function let through.
 * That memory ran out is a guess: a guest that cannot grow any more and gives up does so with a plain `unreachable`.
 */
export function classifyThrow(caught: unknown, { fuel, isFull }: Circumstances): PolicyFailure {
  if (caught instanceof Stopped) return policyFailure('DEADLINE_EXCEEDED', 'the hook took longer than it may');
  if (fuel !== undefined && fuel < 0) return policyFailure('FUEL_EXHAUSTED', 'the hook used up its instructions');
  if (caught instanceof RangeError) return policyFailure('STACK_OVERFLOW', 'the guest recursed too deep');
  const text = textOf(caught);
  if (isFull && (caught instanceof GuestAbort || text.includes('unreachable'))) {
    return policyFailure('MEMORY_LIMIT', `the guest gave up with its memory at the maximum (${text})`);
  }
  return policyFailure('TRAP', `the guest threw: ${text}`);
}

function textOf(caught: unknown): string {
  if (caught instanceof EdictError || caught instanceof GuestAbort || caught instanceof WebAssembly.RuntimeError) {
    return caught.message;
  }
  return typeof caught === 'string' ? escapeControls(caught.slice(0, 200)) : Object.prototype.toString.call(caught);
}

/** The code of an error the guest reports itself. `fault` is why the last host function of the call refused. */
export function classifyCode(code: number, message: string, fault: HostFaultName | undefined): PolicyFailure {
  const said = message === '' ? '' : `: ${message}`;
  const known = CODES[code];
  if (known === undefined) return policyFailure('DECODE', `the guest answered the reserved number ${code}`);
  if (code === GuestCode.host) return policyFailure(hostFailure(fault), `a host function refused (${fault})${said}`);
  return policyFailure(known[0], `${known[1]}${said}`);
}

const CODES: Readonly<Record<number, readonly [PolicyFailureCode, string]>> = {
  [GuestCode.internal]: ['GUEST_ERROR', 'the policy reported an error'],
  [GuestCode.version]: ['ABI_UNSUPPORTED', 'the guest does not know this version of frames'],
  [GuestCode.decode]: ['GUEST_ERROR', 'the guest could not read its input'],
  [GuestCode.params]: ['PARAMS_INVALID', 'the policy refused its parameters'],
  [GuestCode.phase]: ['GUEST_ERROR', 'the policy has no hook for this phase'],
  [GuestCode.handle]: ['GUEST_ERROR', 'the guest does not know this instance'],
  [GuestCode.memory]: ['MEMORY_LIMIT', 'the guest has no memory left'],
  [GuestCode.host]: ['HOST_ERROR', ''],
  [GuestCode.limit]: ['GUEST_ERROR', 'the policy passed a limit of its own'],
  [GuestCode.cancelled]: ['CANCELLED', 'the guest gave the call up'],
};

function hostFailure(fault: HostFaultName | undefined): PolicyFailureCode {
  switch (fault) {
    case 'denied':
      return 'HOST_DENIED';
    case 'limit':
    case 'too-large':
      return 'HOST_LIMIT';
    case 'deadline':
      return 'DEADLINE_EXCEEDED';
    default:
      return 'HOST_ERROR';
  }
}
