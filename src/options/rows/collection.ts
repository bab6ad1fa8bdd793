/** Options of collection: usage events, what they may hold, when and how they are sent, what is dropped when nobody takes them. */

import { parseBaseUrlOption, parseExporterMetadata, parseNames, parseSecret } from '../checks.ts';
import { choice, duration, flag, fraction, REFUSED, row, size, wholeNumber } from '../kinds.ts';

/** Values of `exporterMetadata`. */
export type ExporterMetadata = Readonly<Record<string, string | number | boolean>>;

export const COLLECTION_ROWS = {
  disableDataCollection: flag({
    group: 'Collection',
    default: false,
    doc: 'Sends no usage events: neither evaluations nor `track()`.',
    why: 'Nobody reads them, or they may not leave the process.',
  }),
  dataCollectorBaseUrl: row<string | undefined>({
    group: 'Collection',
    type: 'string',
    fallback: () => undefined,
    defaultText: '`endpoint`',
    rule: 'an absolute http or https URL without user info, query and fragment',
    doc: 'Base URL for usage events only; it replaces scheme, host, port and path prefix. Credentials, headers and timeouts are the same.',
    why: 'Another relay or a collector of your own takes the events.',
    parse: (value) => parseBaseUrlOption(value) ?? REFUSED,
    fromText: (text) => text,
  }),
  flushIntervalMs: duration({
    group: 'Collection',
    default: 60_000,
    also: { holds: (value) => value === 0 || value >= 100, rule: 'and 0 or at least 100' },
    doc: 'Time between two sends of waiting events. 0 = only at `maxPendingEvents`, `flush()` and close.',
    why: 'Lower it to see events sooner, at the price of more requests.',
  }),
  maxPendingEvents: wholeNumber({
    group: 'Collection',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    doc: 'This many waiting events are sent at once; twice as many are kept at the most.',
    why: 'Raise it when bursts of events come faster than they can be sent.',
  }),
  maxPendingBytes: size({
    group: 'Collection',
    default: 8_388_608,
    min: 1_024,
    doc: 'Waiting events take at most this many bytes of JSON.',
    why: 'Lower it in small containers; raise it for tracking events with large contexts.',
  }),
  maxBatchEvents: wholeNumber({
    group: 'Collection',
    default: 1_000,
    min: 1,
    max: 100_000,
    doc: 'Most events of one request.',
    why: 'Lower it when a proxy or collector refuses large bodies; batches that it refuses with 413 are halved anyway.',
  }),
  maxBatchBytes: size({
    group: 'Collection',
    default: 524_288,
    min: 1_024,
    doc: 'Most bytes of one request; an event larger than this travels alone.',
    why: 'The same, by size.',
  }),
  overflow: choice(['drop-oldest', 'drop-newest'], {
    group: 'Collection',
    doc: 'Which events go when the limits are reached. Each is counted in `diagnostics()`.',
    why: '`drop-newest` when the beginning of an outage is worth more than its end.',
  }),
  exporterMetadata: row<ExporterMetadata>({
    group: 'Collection',
    type: 'Readonly<Record<string, string | number | boolean>>',
    fallback: () => Object.freeze({}),
    defaultText: '`{}`',
    rule: 'an object whose values are strings, finite numbers or booleans',
    doc:
      'Facts about this service that go out with feature events and, as `gofeatureflag.exporterMetadata`, with every ' +
      'evaluation context. `provider` and `openfeature` are reserved.',
    why: 'Tell services, regions or releases apart in the exported data.',
    parse: parseExporterMetadata,
    show: (value) => ({ ...value }),
  }),
  eventMode: choice(['each', 'summary'], {
    group: 'Collection',
    doc:
      '`each`: one feature event for each evaluation. `summary`: one tracking event per flush, `edict.evaluation-summary`, ' +
      'with counts per flag, variation, reason and minute.',
    why: '`summary` when totals are enough: a thousand times less data, and totals stay exact when single events would be dropped.',
  }),
  eventSampleRate: fraction({
    group: 'Collection',
    default: 1,
    doc: 'Share of users whose feature events are sent, decided by their key, so that a user is sent whole or not at all.',
    why: 'Lower it when a share of the users says enough.',
  }),
  privateAttributes: row<readonly string[]>({
    group: 'Collection',
    type: 'readonly string[]',
    fallback: () => Object.freeze([]),
    defaultText: '`[]`',
    rule: 'an array of distinct, non-empty attribute names',
    doc: 'Attributes that are removed from the contexts of tracking events before they are kept.',
    why: 'Names, addresses and the like are needed to decide, not to count.',
    parse: parseNames,
  }),
  userKeySecret: row<string | undefined>({
    group: 'Collection',
    type: 'string',
    fallback: () => undefined,
    defaultText: 'none: keys as they are',
    rule: 'a string of at least 16 characters',
    doc: 'With it, targeting keys in events are HMAC-SHA256(secret, key) in hex, computed before an event is kept.',
    why: 'Targeting keys are e-mail addresses or account numbers; the same secret everywhere keeps users countable.',
    parse: (value) => parseSecret(value) ?? REFUSED,
    fromText: (text) => text,
    show: (value) => (value === undefined ? null : '[redacted]'),
  }),
} as const;
