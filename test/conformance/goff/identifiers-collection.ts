/** What the GO Feature Flag provider specification asks of hooks, usage events, tracking and credentials. */

import { family } from './identifier.ts';

export const HOOKS = family('HOOK', [
  ['001', 'M', 'yes', 'Hooks are there after the start, the context hook first.'],
  ['002', 'M', 'yes', 'Starting again does not double them.'],
  ['003', 'M', 'yes', 'The context hook is always there.'],
  ['004', 'M', 'yes', 'It has a before stage only, and returns a new context.'],
  ['005', 'M', 'yes', 'The usage hook has an after and an error stage.'],
  ['006', 'M', 'yes', 'Both are silent when collection is off or the flag is not to be tracked.'],
]);

export const COLLECTOR = family('COLL', [
  ['001', 'M', 'yes', 'Events go to the collector’s route.'],
  ['002', 'C', 'yes', 'The body has `meta` and `events`.'],
  ['003', 'M', 'yes', 'The kind of an evaluation is `feature`.'],
  ['004', 'C', 'yes', 'That it failed is the member `default`.'],
  ['005', 'M', 'yes', 'A user is anonymous by the boolean `true` alone.'],
  ['006', 'M', 'yes', '`userKey` is the targeting key, or the word for none.'],
  ['007', 'M', 'yes', 'Dates are seconds since 1970.'],
  ['008', 'M', 'yes', 'The variation is the variant, or `SdkDefault`.'],
  ['009', 'm', 'yes', 'The version comes from flag metadata.', 'Filled in from the flag, where metadata have none.'],
  ['010', 'm', 'yes', 'The source is `INPROCESS` or `PROVIDER_CACHE`.'],
  [
    '011',
    'M',
    'yes',
    '`meta` always says `provider` and `openfeature`.',
    'Ours go before the caller’s of the same name.',
  ],
  ['012', 'm', 'yes', '`provider` is the word for the language.', '`javascript`.'],
  ['013', 'M', 'yes', 'The types of the service’s metadata are checked when the provider is made.'],
  ['014', 'M', 'yes', 'Events are sent on an interval, at a number, and at the end.'],
  ['015', 'm', 'yes', 'Nothing is sent at the start.'],
  ['016', 'M', 'yes', 'One flush at a time.'],
  ['017', 'C', 'yes', 'Nothing is held while a request runs.', 'What is added meanwhile waits for the next.'],
  [
    '018',
    'M',
    'part',
    'A batch that failed goes back, in order.',
    'It does; after a 4xx that can never succeed it is dropped and counted.',
  ],
  [
    '019',
    'C',
    'yes',
    'At most twice the number is kept, and the oldest go.',
    'There is a limit in bytes as well; `overflow: drop-newest` is the caller’s choice.',
  ],
  ['020', 'M', 'yes', 'A flag that does not say `trackEvents` is tracked.'],
  ['021', 'M', 'yes', 'So is a flag nobody knows.', 'Different names of such flags are limited in summaries.'],
  ['022', 'M', 'yes', '`trackEvents: false` means no events.'],
  ['023', 'M', 'yes', 'In remote mode only answers of the cache are told.'],
]);

export const TRACKING = family('TRACK', [
  ['001', 'M', 'yes', 'Tracking is there.'],
  ['002', 'M', 'yes', 'In both modes.'],
  ['003', 'M', 'yes', 'It is silent when collection is off.'],
  ['004', 'M', 'yes', 'Its kind is `tracking`, with `trackingEventDetails`.'],
  ['005', 'M', 'yes', 'With `evaluationContext`, and what all events have.'],
]);

export const AUTHENTICATION = family('AUTH', [
  [
    '001',
    'M',
    'no',
    'The key is sent as a bearer token.',
    'Not by default: `X-API-Key` leaves `Authorization` to a gateway; `authScheme: bearer` conforms.',
  ],
  ['002', 'M', 'yes', 'The same header on every route that wants a key.'],
  ['003', 'M', 'yes', 'No header without a key.'],
  ['004', 'm', 'yes', 'Further headers can be sent.', 'As a record or by a function.'],
]);
