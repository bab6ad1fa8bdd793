/** What an answer without a configuration means: error code, sentence, and how patiently to ask again. */

import type { EdictErrorCode } from '../errors.ts';
import { isJsonObject } from '../internal/json.ts';

/** `backoff`: it may heal by itself, soon. `auth`: somebody must change something first, so ask slowly, for ever. */
export type RetryPace = 'backoff' | 'auth';

export interface Refusal {
  readonly code: EdictErrorCode;
  readonly text: string;
  readonly pace: RetryPace;
}

/** What the sentence may mention. */
export interface AnswerFacts {
  /** The path that was asked. */
  readonly path: string;
  /** The relay's own words, see `relayMessage`. */
  readonly message: string | undefined;
  readonly relayVersion: string | undefined;
  /** The host a redirect points to. */
  readonly redirectHost: string | undefined;
}

/** Reads every status but 200, and 304 to a request that had a validator. */
export function refusalOf(status: number, facts: AnswerFacts): Refusal {
  const quoted = facts.message === undefined ? '' : `: "${facts.message}"`;
  const answered = `the relay answered ${status}${quoted}`;
  switch (status) {
    case 304:
      return {
        code: 'UNEXPECTED_NOT_MODIFIED',
        text: 'the relay answered 304 to a request without validator',
        pace: 'backoff',
      };
    case 400:
      return { code: 'BAD_REQUEST', text: answered, pace: 'auth' };
    case 401:
      return { code: 'UNAUTHORIZED', text: `${answered}; check apiKey and authScheme`, pace: 'auth' };
    case 403:
      return { code: 'FORBIDDEN', text: `${answered}; the credentials are not allowed to read flags`, pace: 'auth' };
    case 404:
      return { code: 'NOT_FOUND', text: `${answered} for ${facts.path}; ${notFoundCauses(facts)}`, pace: 'backoff' };
    case 408:
    case 425:
      return { code: 'UNAVAILABLE', text: answered, pace: 'backoff' };
    case 429:
      return { code: 'RATE_LIMITED', text: answered, pace: 'backoff' };
    default:
      return refusalOfClass(status, answered, facts);
  }
}

function refusalOfClass(status: number, answered: string, facts: AnswerFacts): Refusal {
  if (status >= 500) return { code: 'UNAVAILABLE', text: answered, pace: 'backoff' };
  if (status >= 400) return { code: 'UNEXPECTED_STATUS', text: answered, pace: 'auth' };
  if (status >= 300) {
    const target = facts.redirectHost === undefined ? '' : ` to ${facts.redirectHost}`;
    return {
      code: 'REDIRECT_REFUSED',
      text: `the relay answered ${status}, a redirect${target}; redirects are not followed, set endpoint to the final address`,
      pace: 'backoff',
    };
  }
  return { code: 'UNEXPECTED_STATUS', text: answered, pace: 'backoff' };
}

function notFoundCauses(facts: AnswerFacts): string {
  const version = facts.relayVersion === undefined ? '' : ` (this one says version ${facts.relayVersion})`;
  return `either the base path of endpoint is wrong, or the relay is older than May 2025 and lacks the route${version}`;
}

const MAX_MESSAGE_LENGTH = 200;

/** The sentence in an error body: `message`, or `errorDetails`, or `errorCode`; `undefined` when there is none. */
export function relayMessage(body: Uint8Array): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isJsonObject(parsed)) return undefined;
  for (const member of ['message', 'errorDetails', 'errorCode']) {
    const text = Object.hasOwn(parsed, member) ? parsed[member] : undefined;
    if (typeof text === 'string' && text.trim() !== '') return text.trim().slice(0, MAX_MESSAGE_LENGTH);
  }
  return undefined;
}

/** The host a Location points to, and nothing else of it: paths and queries may hold secrets. */
export function redirectHost(location: string | undefined, base: string): string | undefined {
  if (location === undefined) return undefined;
  try {
    return new URL(location, base).host || undefined;
  } catch {
    return undefined;
  }
}
