/** Options of the feed: how often the relay is asked, what is asked for, when silence becomes a state. */

import { parseNames } from '../checks.ts';
import { choice, duration, REFUSED, row, wholeNumber } from '../kinds.ts';

const MIN_POLL_INTERVAL_MS = 100;

/** No names: all tenants. */
function parseTenants(value: unknown): readonly string[] | undefined | typeof REFUSED {
  if (value === false) return undefined;
  if (value === true) return Object.freeze([]);
  const names = parseNames(value);
  return names !== REFUSED && names.length === 0 ? REFUSED : names;
}

export const FEED_ROWS = {
  pollIntervalMs: duration({
    group: 'Feed',
    default: 120_000,
    also: {
      holds: (value) => value === 0 || value >= MIN_POLL_INTERVAL_MS,
      rule: `and 0 or at least ${MIN_POLL_INTERVAL_MS}`,
    },
    doc: 'Time from the end of one poll to the start of the next, ± 10 %. 0 = no polling (warns); below 5 000 warns.',
    why: 'Lower it when changes must land fast; an unchanged relay answers 304, so a poll costs one small request.',
  }),
  maxBackoffMs: duration({
    group: 'Feed',
    default: 60_000,
    min: 1_000,
    doc: 'Ceiling of the random delay after a failed refresh (it doubles from one second).',
    why: 'Lower it to recover sooner after an outage, at the price of more requests during it.',
  }),
  authRetryIntervalMs: duration({
    group: 'Feed',
    default: 300_000,
    min: 1_000,
    doc: 'Delay, ± 10 %, after an answer that only a person can heal: 400, 401, 403, 405 and other 4xx.',
    why: 'Lower it when keys are rotated often and must be taken up quickly.',
  }),
  maxRetryAfterMs: duration({
    group: 'Feed',
    default: 600_000,
    doc: 'Longest wait a relay can ask for with Retry-After.',
    why: 'Lower it when a gateway in front of the relay is known to ask for too much.',
  }),
  flagList: row<readonly string[]>({
    group: 'Feed',
    type: 'readonly string[]',
    fallback: () => Object.freeze([]),
    defaultText: '`[]` (all flags)',
    rule: 'an array of distinct, non-empty flag keys',
    doc: 'Ask the relay for these flags only.',
    why: 'A service that reads ten of ten thousand flags starts faster and holds less.',
    parse: parseNames,
  }),
  flagPrefix: row<string | undefined>({
    group: 'Feed',
    type: 'string',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'a non-empty string',
    doc: 'Keep only flags whose key begins with this text. Sent to the relay as well, which may ignore it.',
    why: 'One relay serves many teams, and keys begin with the name of the team.',
    parse: (value) => (typeof value === 'string' && value !== '' ? value : REFUSED),
    fromText: (text) => text,
  }),
  emptyConfiguration: choice(['guarded', 'accept', 'reject'], {
    group: 'Feed',
    doc:
      'What zero flags mean. `guarded`: taken at the first load, and while flags are in use only when a credible answer ' +
      'comes twice in a row; `accept`: taken at once; `reject`: a failed refresh.',
    why: '`accept` in tests that remove every flag; `reject` where zero flags can only be an accident.',
  }),
  streaming: choice(['off', 'sse'], {
    group: 'Feed',
    doc:
      "`sse` listens to the relay's change stream as well; an event only triggers a conditional poll. While the stream is " +
      'up, polling slows down to five minutes.',
    why: '`sse` when a change must land within seconds without frequent polls; costs one open connection a process.',
  }),
  streamIdleTimeoutMs: duration({
    group: 'Feed',
    default: 300_000,
    min: 1_000,
    doc: 'A stream without a byte for this long is opened anew.',
    why: 'Lower it behind a proxy that drops idle connections without a word; a stock relay sends no heartbeat.',
  }),
  streamTriggerDelayMs: duration({
    group: 'Feed',
    default: 1_000,
    doc: 'A poll that the stream triggers waits a random time up to this; events that come meanwhile are covered by it.',
    why: 'Raise it with very many processes on one relay; 0 in tests.',
  }),
  policies: row<readonly string[] | undefined>({
    group: 'Feed',
    type: 'boolean | readonly string[]',
    fallback: () => undefined,
    defaultText: 'off',
    rule: 'true, false, or an array of distinct, non-empty names of tenants, at least one',
    doc:
      'Follow the policies of the relay as well: of all tenants (`true`), or of these. The engine is ' +
      '`provider.policyEngine()`. A relay without policies leaves flags as they are.',
    why: 'A gateway that decides flags and policies needs one connection, one key and one set of retries for both.',
    parse: parseTenants,
    fromText: (text) =>
      text === 'true' ? true : text === 'false' ? false : text.split(',').map((part) => part.trim()),
    show: (value) => (value === undefined ? null : value.length === 0 ? true : [...value]),
  }),
  staleAfterFailures: wholeNumber({
    group: 'Feed',
    default: 3,
    min: 1,
    doc:
      'Failed refreshes in a row before the state is STALE (a 401 or 403 counts at once). Serving goes on. In remote mode ' +
      'failed evaluations count too, and after as many without any answer only one evaluation a second asks.',
    why: 'Raise it when short outages of the relay are normal and should alarm nobody.',
  }),
  errorAfterStaleMs: duration({
    group: 'Feed',
    default: 0,
    doc: 'STALE for longer than this becomes ERROR, still serving the last good configuration. 0 = never.',
    why: 'Set it where old decisions are dangerous and somebody must be called.',
  }),
} as const;
