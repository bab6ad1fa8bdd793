/** How a hook says that it failed: it says so, then returns whatever it likes. */

import { ERROR_HOST, ERROR_INTERNAL, ERROR_PARAMS } from './tags';

let code: i32 = 0;
let text: string = '';

/** The policy failed; what the hook returns does not count. The first failure of a hook is the one reported. */
export function fail(message: string): void {
  note(ERROR_INTERNAL, message);
}

/** The parameters are not what the policy needs. For factories, which then return null. */
export function rejectParams(message: string): void {
  note(ERROR_PARAMS, message);
}

/** A host function refused and the policy cannot do without it; the host knows which and why. */
export function failHost(message: string): void {
  note(ERROR_HOST, message);
}

export function note(error: i32, message: string): void {
  if (code != 0) return;
  code = error;
  text = message;
}

export function clearFailure(): void {
  code = 0;
  text = '';
}

/** 0 when nothing failed. */
export function failureCode(): i32 {
  return code;
}

export function failureText(): string {
  return text;
}
