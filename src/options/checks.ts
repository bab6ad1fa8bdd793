/** The checks that rows of the table share: what a value must look like, and the copy that is kept of it. */

import { emptyRecord } from '../internal/json.ts';
import { parseBaseUrl } from './base-url.ts';
import type { Clock } from './clock.ts';
import { REFUSED } from './kinds.ts';

const MAX_ENDPOINTS = 8;
const MIN_SECRET_LENGTH = 16;

/** A key that may travel in a header; `undefined` when it may not. */
export function parseApiKey(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x20-\x7e]*$/.test(value) ? value : undefined;
}

/** A base URL without trailing slashes; `undefined` when it is none. */
export function parseBaseUrlOption(value: unknown): string | undefined {
  const parsed = typeof value === 'string' ? parseBaseUrl(value) : undefined;
  return parsed !== undefined && 'url' in parsed ? parsed.url : undefined;
}

/** One base URL or several different ones, as a list. */
export function parseEndpoints(value: unknown): readonly string[] | typeof REFUSED {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  const urls = given.map(parseBaseUrlOption).filter((url) => url !== undefined);
  const isFine = urls.length === given.length && urls.length >= 1 && urls.length <= MAX_ENDPOINTS;
  return isFine && new Set(urls).size === urls.length ? Object.freeze(urls) : REFUSED;
}

/** Distinct, non-empty texts. */
export function parseNames(value: unknown): readonly string[] | typeof REFUSED {
  if (!Array.isArray(value)) return REFUSED;
  const names = value.filter((name): name is string => typeof name === 'string' && name !== '');
  return names.length === value.length && new Set(names).size === names.length ? Object.freeze(names) : REFUSED;
}

export function parseSecret(value: unknown): string | undefined {
  return typeof value === 'string' && value.length >= MIN_SECRET_LENGTH ? value : undefined;
}

/** A flat record that JSON can say; kept as a null-prototype copy. */
export function parseExporterMetadata(
  value: unknown,
): Readonly<Record<string, string | number | boolean>> | typeof REFUSED {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return REFUSED;
  const copy = emptyRecord<string | number | boolean>();
  for (const [name, member] of Object.entries(value)) {
    const isScalar = typeof member === 'string' || typeof member === 'boolean' || Number.isFinite(member);
    if (!isScalar) return REFUSED;
    copy[name] = member as string | number | boolean;
  }
  return Object.freeze(copy);
}

export function hasMethods(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

/** The four functions as they are now: a caller who swaps one later changes nothing. */
export function bindClock(clock: Clock): Clock {
  return Object.freeze({
    now: clock.now.bind(clock),
    monotonic: clock.monotonic.bind(clock),
    setTimeout: clock.setTimeout.bind(clock),
    clearTimeout: clock.clearTimeout.bind(clock),
  });
}
