/** The checks that options of the relay share; each throws `INVALID_OPTION` naming the option and its rule. */

import { validateHeaderName, validateHeaderValue } from 'node:http';
import { EdictError } from '../errors.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import { isJsonObject } from '../internal/json.ts';

/** The largest delay a timer takes; longer ones would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647;

export function demand(holds: boolean, option: string, rule: string): asserts holds {
  if (!holds) throw new EdictError('INVALID_OPTION', `${option}: ${rule}`);
}

export function demandInteger(value: unknown, option: string, min: number, max: number): void {
  const holds = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  demand(holds, option, `a whole number from ${min} to ${max}`);
}

/** Keys travel in a header, so only what a header can carry is a key. */
export function demandKeys(keys: unknown, option: string): void {
  demand(
    Array.isArray(keys) && keys.every((key) => typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)),
    option,
    'a list of keys in printable ASCII, none empty',
  );
}

/** A copy, so that later changes by the caller have no effect; `undefined` for what JSON cannot say. */
export function jsonCopy(value: unknown): unknown {
  try {
    return JSON.parse(canonicalJson(value)) as unknown;
  } catch {
    return undefined;
  }
}

/** An option given as `undefined` is an option not given. */
export function withoutUndefined<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

export function isWebUrl(text: unknown): boolean {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

export function isTextRecord(value: unknown): value is Record<string, string> {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

/** Whether a request can carry these headers. */
export function areHeaders(headers: unknown): boolean {
  if (!isTextRecord(headers)) return false;
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return true;
  } catch {
    return false;
  }
}
