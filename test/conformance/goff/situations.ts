/** Situations in the life of a provider, and what has to follow from each. */

import { numbered, type OwnRequirement } from './requirement.ts';

const START = numbered('S', 1, [
  [
    'Relay down at the start, nothing local: tried within the window; strict rejects, lenient resolves and says ERROR; goes on for ever; READY follows.',
  ],
  [
    'Relay down at the start, something local: it is served, STALE; the relay goes before the file, the file before bootstrap.',
  ],
  ['401 or 403 at the start, nothing local: FATAL at once in both modes; asked slowly; READY when accepted.'],
  ['401 or 403 at the start, something local: it is served, with a warning that names the status.'],
  ['401 or 403 later: served on, STALE at once, one error line and one an hour; asked slowly.'],
  ['404: the text names the base path and the relay’s version as causes.'],
  ['400 without a flag set, 405 and the like: the start ends at once; asked slowly; the relay is quoted.'],
  ['429 or 503 with Retry-After: waited for, within the limit, and counted as a failure.'],
  ['5xx, refused, reset, no name: the last good configuration serves; STALE after some; growing delays.'],
  ['Headers, and then nothing, or drops: ended by the deadlines; start, polls and flushes never hang.'],
  ['200 with something else: a failed refresh; flags, enrichment and validator stay.'],
  ['`{}` at first: zero flags, READY, a warning.'],
  ['`{}` while flags are in use: held once, applied when it is repeated.'],
]);

const VALIDATORS = numbered('S', 14, [
  ['304 without ETag or with another: unchanged, nothing written.'],
  ['304 nobody asked for: a failed refresh.'],
  ['A weak validator is kept and echoed; the strong one of a 304 changes nothing.'],
  ['Same content, new validator: kept, no event.'],
  ['Same validator, other content: applied, an event.'],
  ['Last-Modified older, newer, missing or unreadable: decides nothing; unreadable is left out.'],
  ['Replicas that differ: each is applied, flips are counted and warned of.'],
  ['Only the enrichment changed: an event, with the flags that read it.'],
  ['One flag is broken: that flag is PARSE_ERROR, all others serve.'],
  ['A body over a limit, or a bomb: ended within it; the option is named.'],
  ['Overlapping refreshes: one at a time, in their order.'],
  ['A silent stream: opened again, polls go on.'],
  ['Events of others, malformed or doubled: one conditional fetch at most.'],
]);

const ENGINE = numbered('S', 27, [
  ['The guest traps: an error or the fallback for that call, the instance goes untouched, the next is right.'],
  ['More than ten traps in ten seconds: replaced slowly, ERROR, READY after a minute without.'],
  ['The module is not the pinned one: FATAL before it is compiled.'],
]);

const LIFE = numbered('S', 30, [
  ['Started twice at once: the same start.'],
  ['Started when ready: one refresh, which may fail.'],
  ['Closed during the start: aborted, PROVIDER_NOT_READY, nothing stays.'],
  ['Closed twice: once.'],
  ['Used after closing: PROVIDER_NOT_READY, nothing rebuilt, events counted as lost.'],
  ['Started after closing: afresh, and can be closed again.'],
  ['Closed with the collector down: ends in time, the loss is counted.'],
  ['Not closed at all: nothing holds the process, and waiting events are sent at its end.'],
  ['The wall clock jumps: polls do not mind, schedules follow.'],
  ['Suspended and resumed: one overdue poll; `refreshIfStale` and `flush` for requests.'],
  ['Disk full, read-only, foreign or broken file: one warning, nothing else.'],
  ['The key changes on both sides: healed without a restart.'],
  ['In the SDK’s multi-provider: an unknown flag is no error, failures are quick, nothing is shared.'],
]);

export const SITUATIONS: readonly OwnRequirement[] = [...START, ...VALIDATORS, ...ENGINE, ...LIFE];
