/** What the GO Feature Flag provider specification asks of the provider as a whole: engine, name, options, life and events. */

import { family } from './identifier.ts';

export const ENGINE = family('ENG', [
  [
    '001',
    'C',
    'no',
    'Flags are evaluated by the named build of the engine (core 0.7.2, module 0.2.4).',
    'On purpose: Edict has a kernel of its own, held equal to the native core by 20,000 recorded and as many random evaluations.',
  ],
  [
    '002',
    'M',
    'yes',
    'The version of the engine stands in one place that a program can read.',
    '`wasm/manifest.json`, with size and SHA-256.',
  ],
  [
    '003',
    'm',
    'yes',
    'The documentation says which version of the specification is meant.',
    'This page and the README.',
  ],
]);

export const META = family('META', [
  [
    '001',
    'm',
    'no',
    'The provider has the name that GO Feature Flag’s own providers have.',
    'It is another product: the name is the literal `edict`.',
  ],
  ['002', 'm', 'yes', 'The name is a constant and does not come from a class or a build.'],
  ['003', 'm', 'yes', 'Events carry that name.', 'The SDK adds it, from the provider’s metadata.'],
]);

export const CONFIGURATION = family('CFG', [
  ['001', 'M', 'yes', 'The endpoint is required, and checked before anything is sent.', 'A `bootstrap` can stand in.'],
  ['002', 'M', 'yes', 'Without a word about it, flags are decided in-process.'],
  [
    '003',
    'M',
    'yes',
    'The defaults are those of the specification: 10 s, 120 s, 60 s, 10,000 events, collection on, one store per processor.',
    'The cache of answers is the exception: see GOFF-CACHE-001 and GOFF-CACHE-003.',
  ],
  ['004', 'M', 'yes', 'The options of the caller stay as they were.', 'They are copied and frozen.'],
  [
    '005',
    'C',
    'yes',
    'No variable of the environment changes where requests go or with which key.',
    'Only a call of `optionsFromEnv()` reads any.',
  ],
  ['006', 'M', 'yes', 'A base URL for the collector changes the collector alone; without one it is the endpoint.'],
  ['007', 'M', 'yes', 'That URL replaces scheme, host, port and prefix; keys, headers and timeouts are the same.'],
  ['008', 'm', 'yes', 'A list of flags is sent as `flags`.'],
  ['009', 'M', 'yes', 'What can be set is honoured.'],
  ['010', 'm', 'yes', 'Nothing can be set that does nothing.'],
]);

export const LIFE = family('LIFE', [
  [
    '001',
    'M',
    'yes',
    'The start takes until the provider can serve, or fails.',
    'With `startup: lenient` it resolves all the same; that is the caller’s choice.',
  ],
  ['002', 'C', 'yes', 'Starting again is safe: no second poller, no second engine.', 'It is one refresh.'],
  ['003', 'C', 'yes', 'What a shutdown did once can be done again after another start.'],
  ['004', 'M', 'yes', 'A shutdown ends polling, sends what waits and ends the publisher, in both modes.'],
  ['005', 'M', 'yes', 'A shutdown waits no longer than it says.', '`closeTimeoutMs`.'],
  ['006', 'C', 'yes', 'Before the first configuration the answer is PROVIDER_NOT_READY.'],
  [
    '007',
    'M',
    'yes',
    'Evaluations may run at the same time, and nothing is held over a request.',
    'An evaluation sees one frozen snapshot; a reload replaces the reference.',
  ],
]);

export const EVENTS = family('EVT', [
  ['001', 'M', 'yes', 'Both modes tell of the same things.', 'In remote mode from the hashes of the change route.'],
  ['002', 'M', 'yes', 'Other content is a change event.'],
  ['003', 'M', 'yes', 'The first content is none, and nothing before READY is.'],
  ['004', 'M', 'yes', 'Without a difference in content there is no event, whatever the validators say.'],
  ['005', 'M', 'yes', 'Three failures in a row mean STALE, and flags are served on.', 'For 401 and 403 at once.'],
  ['006', 'M', 'yes', 'A recovery is an event too.'],
  [
    '007',
    'C',
    'part',
    'A 401 or 403 at the start is FATAL.',
    'It is, unless there is a `bootstrap` or a persisted configuration: that is served, as STALE.',
  ],
  ['008', 'M', 'yes', 'Any other failure of the start is ERROR, and heals without anybody doing anything.'],
]);
