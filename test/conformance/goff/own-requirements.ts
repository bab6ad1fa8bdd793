/** Edict's own requirements on the relay client, the evaluation, the events and the package. */

import { numbered, type OwnRequirement } from './requirement.ts';

const DESIGN = numbered('D', 1, [
  [
    'Installed with npm, pnpm and yarn Plug’n’Play, the tarball evaluates a flag from ES modules and CommonJS; modules may be bytes, compiled, a path or a URL.',
    'Under Plug’n’Play CommonJS has to `import()`: `require` of ES modules does not go through its loader. With `wasmModule` as bytes the package’s manifest is still read from disk, unlike what an entry with inline bytes would do.',
    'part',
  ],
  [
    'Every pointer and length of a guest is checked as unsigned against the memory of that moment; no view outlives a call.',
  ],
  ['An instance serves one call at a time; waiting for one has a limit and ends in an error with a code.'],
  [
    'There is a synchronous way to evaluate; a slow evaluation does not hold the event loop.',
    '`evaluate` of the in-process evaluator is synchronous. Large configurations are compiled in a worker; evaluations have no worker mode, their steps are limited instead.',
    'part',
  ],
  [
    'The publisher has hard limits, one POST in flight, at most one flush waiting, counted losses, and one warning for an outage at each end.',
  ],
  [
    'Single remote evaluations are reported by the relay, hits of the cache by us, and so are results taken in bulk.',
    'The provider takes none in bulk. `evaluateAll` belongs to the evaluator, which reports nothing.',
    'part',
  ],
  ['A test pins every default.'],
  [
    'Remote mode has an LRU cache with size and age, emptied by a change, for what the relay marks.',
    'Off unless asked for.',
  ],
  [
    'Errors in-process keep code, details and cause.',
    'OpenFeature’s details have no place for a cause: it is in the error that is logged.',
  ],
  [
    'Documented options and defaults are those of the types.',
    '`docs/options.md` and the types are made from one table.',
  ],
  ['An unknown flag is tracked, and is no warning each time.'],
  ['The last good configuration survives in memory and, when asked, on disk; its age can be seen.'],
  ['Start, memory and synchronous work are bounded for large configurations.'],
  ['The relay is asked little: conditionally, spread, and slowly under a healthy stream.'],
  ['The README says why WebAssembly, what stays on the relay, and what happens without it.'],
]);

const FEED = numbered('D', 20, [
  ['Without any option of the feed there is polling.'],
  ['“Not modified” is a type without room for data.'],
  ['Weak and strong validators never cause a rewrite.'],
  ['What is no configuration is a failed refresh, and the validator stays.'],
  ['Validator and snapshot change together; refreshes that overlap take effect in their order.'],
  ['Zero flags are valid, with care; `reject` is the letter of the specification.'],
  ['A failed start goes on for ever, with growing and random delays, and READY follows.'],
  ['Also after refused credentials.'],
  ['One deadline and one limit hold for headers and body; closing ends a request.'],
  ['Retry-After is kept in both forms, within a limit: configuration, collector, OFREP.'],
  ['Last-Modified is read leniently and decides nothing.'],
  ['A path prefix is kept, trailing slashes go, on a copy.'],
  ['Options are not changed, unknown names warn, wrong durations are refused.'],
  ['Every option has an effect that can be seen, and a test goes through all of them.'],
  ['Variables of the environment act through `optionsFromEnv()` only.'],
  ['`__proto__`, `constructor` and their like are ordinary names of flags and headers.'],
  [
    'Each flag reaches the engine as the bytes received.',
    'The bytes reach our compiler and the persisted file unread. The compiler reads numbers as doubles, as GO Feature Flag does; members it does not know end there.',
    'part',
  ],
  ['A change of the enrichment is a change, of the flags that read it where that is known.'],
  [
    'Streams only trigger fetches, also once when they open; silence reopens them; what they say is not believed; their key is in no log.',
  ],
  ['The parser of the stream takes every form of line, field and border.'],
  ['Several endpoints: failures move on and stay there, without a full download.'],
  [
    'The persisted file is atomic, private, checksummed, versioned and bound to endpoint and key; its errors reach no evaluation.',
  ],
]);

const EVALUATION = numbered('D', 50, [
  ['After any throw of a guest it is not called again; another instance answers the next flag rightly.'],
  ['A flag that keeps trapping or running too long is quarantined.'],
  [
    'The fallback has a breaker and a limit, pauses while the relay is known to be down, and the caller sees the first error.',
  ],
  ['`null` gives the default with reason, variant and metadata, in both modes.'],
  ['So does a disabled flag in remote mode, with DISABLED.'],
  ['The resolver for objects takes arrays and objects, refuses scalars, and tells the two apart by the default.'],
  ['A boolean is no number; whatever a context holds has a meaning and never throws.'],
  ['A missing targeting key fails flags that bucket, and no others.'],
  ['Reasons are text; codes nobody knows are GENERAL.'],
  ['Metadata keep their structure in both modes.'],
  ['Not ready is PROVIDER_NOT_READY, never FLAG_NOT_FOUND.'],
  ['After closing it is so too, and nothing is rebuilt.'],
  [
    'Our guest and the official engine agree on recorded and on random pairs.',
    'On fresh random pairs where Go is installed.',
  ],
  [
    'Importing defines no global and reads no file; ES modules use nothing of CommonJS.',
    'The first request loads undici, which leaves its dispatcher under a symbol, as the copy in Node does.',
  ],
  [
    'The module is pinned by version and SHA-256, at build and load; its build is reproducible.',
    '`npm test` builds it again and compares.',
  ],
  ['The clock of rollouts can be given, and `currentDateTime` counts.'],
]);

const EVENTS = numbered('D', 70, [
  ['Without a collector: one POST in flight, bounded memory, parts, growing and random delays.'],
  ['A failed flush of 150,000 events loses none.'],
  ['A failed batch returns to the head; one that can never succeed is dropped and counted.'],
  ['`track()` works in remote mode and reaches the right URL.'],
  ['`version`, `source`, `meta.provider` and `openfeature` are there, and every type is right.'],
  ['Nothing is kept before the start and after the end; what is lost is counted.'],
  ['Closing sends within a budget and tells what was lost; `flush()` is public.'],
  ['No timer holds a process.'],
  ['Summaries, samples and private attributes work.'],
  ['The context hook merges into a new object and copes with anything in its place.'],
  ['A failing hook of ours costs no evaluation.'],
  ['Hooks are registered once, the context hook first, also after another start.'],
  ['The length of an input of the guest is that of its UTF-8.'],
  ['No evaluation waits for the collector.'],
]);

const OPERATION = numbered('D', 90, [
  [
    'ES modules and CommonJS with types for both; checks of types and publishing pass; Node 20 and later, Bun, Deno, a Workers runtime.',
    'Not tried on Bun, Deno and Workers. CommonJS gets the ES module (`require(esm)`, Node 20.19 and later), so there is one set of types.',
    'part',
  ],
  ['This report, whose deviations are the published ones.', 'And those decided since, listed apart.'],
  ['The same assertions run against the embedded relay and a stock relay.', 'The stock relay where Go is installed.'],
  ['The test kit has its fault switches.'],
  ['`diagnostics()` tells all there is to know; a meter gets the same as instruments.'],
  ['The name is a literal of ours.'],
  ['Errors carry cause, status and request id, never a key.'],
]);

export const OWN_REQUIREMENTS: readonly OwnRequirement[] = [...DESIGN, ...FEED, ...EVALUATION, ...EVENTS, ...OPERATION];
