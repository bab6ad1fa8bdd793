/** What the GO Feature Flag provider specification asks of an evaluation: answers, contexts, OFREP, errors, fallback, cache. */

import { family } from './identifier.ts';

export const EVALUATION = family('EVAL', [
  ['001', 'M', 'yes', 'There is a resolver for each type, asynchronous where the SDK’s are.', 'The four of the SDK.'],
  [
    '002',
    'C',
    'yes',
    'The resolver for objects takes what the SDK calls a structure, and nothing else.',
    'Objects and arrays.',
  ],
  ['003', 'C', 'yes', 'The resolver for floats takes whole numbers.'],
  ['004', 'C', 'yes', 'A boolean is never a number.'],
  [
    '005',
    'M',
    'not applicable',
    'The resolver for integers refuses fractions.',
    'The SDK has one resolver for numbers.',
  ],
  [
    '006',
    'C',
    'yes',
    'The value `null` gives the default of the caller and keeps the rest of the answer.',
    'In both modes.',
  ],
  ['007', 'M', 'yes', 'The reason is passed on unread.'],
  ['008', 'M', 'yes', 'A disabled flag gives the default, DISABLED and `SdkDefault`.'],
  ['009', 'M', 'yes', 'Flag metadata keep their structure.'],
  [
    '010',
    'M',
    'part',
    'What the relay adds to flag metadata is kept, and not relied on.',
    'Kept but for `gofeatureflag_cacheable`, which is a word to caches: without it both modes give the same metadata.',
  ],
  ['011', 'M', 'yes', 'An error is the default and a code, never an exception.'],
]);

export const CONTEXT = family('CTX', [
  ['001', 'M', 'yes', 'The key travels as `targetingKey`.'],
  ['002', 'M', 'yes', 'Attributes travel flat beside it.'],
  ['003', 'C', 'yes', 'A missing key is left to the engine.'],
  [
    '004',
    'C',
    'yes',
    'Attributes are made what the engine has, floats without a fraction included.',
    'JavaScript has one form.',
  ],
  ['005', 'M', 'yes', 'The relay’s enrichment is merged, and wins.'],
  ['006', 'C', 'yes', 'What the provider adds goes into `gofeatureflag` beside what is there.'],
  ['007', 'M', 'yes', 'The service’s metadata are nested under `exporterMetadata`.'],
  ['008', 'M', 'yes', 'A `gofeatureflag` that is no map gives way.'],
  ['009', 'M', 'yes', 'The provider never writes `flagList` or `currentDateTime`.'],
]);

export const REMOTE = family('REM', [
  ['001', 'M', 'yes', 'One flag is asked for at the OFREP route.', 'Its key is encoded as the relay decodes it.'],
  ['002', 'M', 'yes', 'The body is the context.'],
  ['003', 'M', 'yes', 'The members of the answer become those of a resolution.'],
  ['004', 'M', 'yes', 'After a 429 nothing is asked before Retry-After is over.', 'Limited by `maxRetryAfterMs`.'],
  ['005', 'M', 'yes', 'Nothing else is asked twice.', 'Another endpoint is for later evaluations.'],
  ['006', 'M', 'yes', 'The timeout holds for every request.', 'To the last byte of the body.'],
]);

export const ERRORS = family('ERR', [
  ['001', 'M', 'yes', 'The engine’s codes become those of the SDK.'],
  ['002', 'M', 'yes', 'A code nobody knows is GENERAL.', 'With the code in front of the message.'],
  ['003', 'M', 'yes', 'The details of an error are its message.'],
  ['004', 'M', 'yes', 'Failures of HTTP are told apart by status.'],
  ['005', 'M', 'yes', 'What fails in the background is logged, not thrown.'],
  [
    '006',
    'm',
    'yes',
    'Failures of the collector are logged.',
    'Once when an outage begins and once when it ends, with counts.',
  ],
]);

export const FALLBACK = family('FALLBACK', [
  [
    '001',
    'M',
    'part',
    'After PARSE_ERROR and GENERAL the relay is asked.',
    'Within a budget of time, rate and breaker, so that one bad flag does not turn every call into a request; `fallback: spec` conforms.',
  ],
  ['002', 'M', 'yes', 'The engine’s own code decides, before it is mapped.'],
  ['003', 'M', 'yes', 'Never after FLAG_CONFIG.'],
  [
    '004',
    'M',
    'no',
    'The relay is asked on every occurrence.',
    'Not by default: a breaker and a rate stand before it; `fallback: spec` conforms.',
  ],
  ['005', 'M', 'yes', 'When the relay fails too, the first error is the answer, and the other is logged.'],
  ['006', 'M', 'yes', 'No feature event is made of it.', 'The relay has recorded it.'],
  ['007', 'M', 'yes', 'The answer is marked as evaluated remotely.'],
  [
    '008',
    'M',
    'part',
    'Each fallback is a warning.',
    'The first for each flag and minute, with the number of the others; `fallback: spec` warns each time.',
  ],
  [
    '009',
    'M',
    'part',
    'Credentials and timeout are those of a remote evaluation.',
    'Credentials and headers are; the time is `budgetMs`, because a local caller waits; `fallback: spec` conforms.',
  ],
]);

export const CACHE = family('CACHE', [
  ['001', 'M', 'part', 'The cache is LRU, for 10,000 answers and 60 s.', '60 s and LRU; the size is yours to ask for.'],
  ['002', 'M', 'yes', 'A time of −1 is for ever.', 'Until a change of the flags empties the cache.'],
  ['003', 'M', 'no', 'It is on, and can be turned off.', 'Off unless asked for: a cached answer may be a minute old.'],
  ['004', 'M', 'yes', 'Its key is flag and context.'],
  [
    '005',
    'M',
    'part',
    'It is asked first, and filled by every miss.',
    'Only what the relay marks as cacheable is kept.',
  ],
  ['006', 'M', 'yes', 'What expired is never served; the oldest goes first.'],
  ['007', 'M', 'yes', 'Its answers are reported as `PROVIDER_CACHE`.'],
]);
