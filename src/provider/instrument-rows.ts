/** Which facts of `diagnostics()` become which instruments; docs/observability.md is checked against it. */

import type { EvaluatorState } from '../evaluator/abstract-evaluator.ts';
import type { InstrumentRow, Put } from '../telemetry/instruments.ts';
import type { Diagnostics } from './diagnostics.ts';

const STATES: readonly EvaluatorState[] = ['not-ready', 'starting', 'ready', 'stale', 'error', 'fatal', 'closing'];

function row(
  kind: 'counter' | 'gauge',
  name: string,
  unit: string,
  description: string,
  observe: (diagnostics: Diagnostics, put: Put) => void,
): InstrumentRow<Diagnostics> {
  return { kind, name, unit, description, observe };
}

/** A fact that is one number, or none. */
function number(
  kind: 'counter' | 'gauge',
  name: string,
  unit: string,
  description: string,
  read: (diagnostics: Diagnostics) => number | null | undefined,
): InstrumentRow<Diagnostics> {
  return row(kind, name, unit, description, (diagnostics, put) => {
    const value = read(diagnostics);
    if (typeof value === 'number') put(value);
  });
}

/** Attribute values in lower snake case, as OpenTelemetry writes them: 'timedOut' and 'not-ready' and 'RATE_LIMITED'. */
function snake(text: string): string {
  const isCode = text === text.toUpperCase();
  return (isCode ? text : text.replace(/[A-Z]/g, (letter) => `_${letter}`)).replaceAll('-', '_').toLowerCase();
}

/** Each attribute has as many values as the code has words for it: outcomes, causes, error codes, states. */
export const INSTRUMENT_ROWS: readonly InstrumentRow<Diagnostics>[] = [
  row(
    'gauge',
    'edict.provider.state',
    '1',
    '1 for the state the provider is in, 0 for the others',
    ({ state }, put) => {
      for (const each of STATES) put(each === state ? 1 : 0, { state: snake(each) });
    },
  ),
  row('counter', 'edict.polls', '{poll}', 'Requests for the configuration, or its change probe', ({ feed }, put) => {
    if (feed === null) return;
    const { changed, unchanged, held, failedByCode } = feed.polls;
    for (const [outcome, count] of Object.entries({ changed, unchanged, held })) put(count, { outcome });
    for (const [code, count] of Object.entries(failedByCode)) {
      put(count, { outcome: 'failed', 'error.type': snake(code) });
    }
  }),
  number('counter', 'edict.stream.connects', '{connect}', 'Change streams that were opened', (d) => d.stream?.connects),
  number('counter', 'edict.stream.triggers', '{fetch}', 'Fetches a change stream asked for', (d) => d.stream?.triggers),
  number(
    'counter',
    'edict.stream.failures',
    '{failure}',
    'Change streams that ended or failed',
    (d) => d.stream?.failures,
  ),
  number('gauge', 'edict.configuration.age', 's', 'Time since the relay last confirmed the configuration', (d) =>
    d.confirmedAgeMs === null ? null : d.confirmedAgeMs / 1_000,
  ),
  number('gauge', 'edict.configuration.flags', '{flag}', 'Flags in use', (d) => d.flagCount),
  number('gauge', 'edict.configuration.broken_flags', '{flag}', 'Flags that cannot be compiled', (d) => d.brokenFlags),
  number(
    'counter',
    'edict.configuration.flips',
    '{flip}',
    'Changes back to an earlier content',
    (d) => d.feed?.configFlips,
  ),
  number('counter', 'edict.traps', '{trap}', 'Guests that threw', (d) => d.traps),
  number('counter', 'edict.rebuilds', '{store}', 'Stores made in place of one that trapped', (d) => d.rebuilds),
  number('gauge', 'edict.quarantine.flags', '{flag}', 'Flags in quarantine', (d) => d.quarantine?.active),
  number('gauge', 'edict.guest.memory', 'By', 'Linear memory of the guests', (d) => d.guestMemoryBytes),
  row('counter', 'edict.fallbacks', '{question}', 'Flags the relay was to decide instead', ({ fallback }, put) => {
    if (fallback === null) return;
    const { answered, failed, timedOut, refused } = fallback;
    for (const [outcome, count] of Object.entries({ answered, failed, timedOut }))
      put(count, { outcome: snake(outcome) });
    for (const [cause, count] of Object.entries(refused)) put(count, { outcome: 'refused', cause: snake(cause) });
  }),
  row('counter', 'edict.remote_evaluations', '{evaluation}', 'Evaluations of remote mode', ({ evaluations }, put) => {
    if (evaluations === null) return;
    const { answered, failed, spared } = evaluations;
    for (const [outcome, count] of Object.entries({ answered, failed, spared })) put(count, { outcome });
  }),
  row('counter', 'edict.cache.lookups', '{lookup}', 'Looks into the cache of remote answers', ({ cache }, put) => {
    if (cache === null) return;
    put(cache.hits, { outcome: 'hit' });
    put(cache.misses, { outcome: 'miss' });
  }),
  number('counter', 'edict.events.accepted', '{event}', 'Usage events taken in', (d) => d.events?.accepted),
  number('counter', 'edict.events.sent', '{event}', 'Usage events a collector took', (d) => d.events?.sent),
  row('counter', 'edict.events.dropped', '{event}', 'Usage events that are lost', ({ events }, put) => {
    if (events === null) return;
    const { total, ...byCause } = events.dropped;
    for (const [cause, count] of Object.entries(byCause)) put(count, { cause: snake(cause) });
  }),
  number(
    'gauge',
    'edict.events.pending',
    '{event}',
    'Usage events that wait or are in flight',
    (d) => d.events?.pending,
  ),
];
