/** What the GO Feature Flag provider specification asks of in-process evaluation: the configuration feed and the guest. */

import { family } from './identifier.ts';

export const IN_PROCESS = family('IP', [
  ['001', 'M', 'yes', 'The configuration comes from its route.'],
  ['002', 'M', 'yes', 'The body is `flags`.', 'Further members only where an option asks for them.'],
  ['003', 'C', 'yes', 'A path prefix of the endpoint is kept.'],
  ['004', 'M', 'yes', 'Flags and enrichment are kept.', 'As one snapshot.'],
  ['005', 'M', 'yes', 'The validator is kept and sent back as it came.'],
  ['006', 'C', 'yes', 'Polling is on.'],
  ['007', 'C', 'yes', 'A 304 writes nothing.', 'Its type has no member that could carry data.'],
  ['008', 'C', 'yes', 'A 200 that cannot be read is a failed refresh.'],
  [
    '009',
    'C',
    'no',
    'An answer without flags, or with `null`, is a failed refresh.',
    '`null` is. Absent is how a relay says zero flags: believed at the start, and later when it is said twice; `emptyConfiguration: reject` conforms.',
  ],
  ['010', 'M', 'yes', 'No failure ends polling.'],
  ['011', 'm', 'yes', 'Polls are spread.', '10 % either way.'],
  ['012', 'M', 'yes', 'An unknown flag is FLAG_NOT_FOUND without the engine.'],
  ['013', 'C', 'yes', 'A fault of the engine is GENERAL and the default.'],
  [
    '014',
    'M',
    'yes',
    'The engine gets flag key, flag, context, enrichment and default.',
    'The official module gets them as JSON each time; our kernel has flags and enrichment as an image, and gets what a flag reads.',
  ],
  ['015', 'M', 'yes', 'A 304 does not write the validator either.'],
  [
    '016',
    'C',
    'part',
    'The host reads nothing of a flag but `trackEvents`; the rest is the engine’s.',
    'Relay client and provider pass the bytes on unread. The compiler that reads them is half of our engine, and runs on the host.',
  ],
  [
    '017',
    'M',
    'yes',
    'Members nobody knows are tolerated and kept.',
    'In the persisted file; nothing else is passed on.',
  ],
]);

export const MODULE = family('WASM', [
  ['001', 'M', 'yes', 'Exports that are needed are there, or the start fails.', 'MODULE_REJECTED, which is FATAL.'],
  [
    '002',
    'M',
    'yes',
    '`_start` is called once, and its exit with 0 accepted.',
    'Said of the official module. Ours needs no start; a module that brings one is refused.',
  ],
  ['003', 'C', 'yes', 'The length of an input is that of its bytes.'],
  [
    '004',
    'M',
    'yes',
    'The packed result is taken apart without overflow.',
    'Said of the official module. Ours answers with a signed number of 32 bits; addresses are taken as unsigned.',
  ],
  [
    '005',
    'C',
    'yes',
    'What the guest answered is read before anything else is called.',
    'It is the return value; a batch’s are copied at once.',
  ],
  [
    '006',
    'M',
    'yes',
    'Inputs are freed, outputs never, and a packed 0 is an error.',
    'Said of the official module. Ours allocates nothing while it evaluates.',
  ],
  ['007', 'C', 'yes', 'An instance serves one call at a time.'],
  ['008', 'C', 'yes', 'An instance that trapped is thrown away and replaced.'],
  ['009', 'M', 'yes', 'The pool has one place for each processor, and can be set.', 'Places are filled on demand.'],
  ['010', 'M', 'yes', 'The binary is pinned in one place.', 'With its SHA-256.'],
  ['011', 'm', 'yes', 'Another copy of the binary can be named.', '`wasmModule`.'],
  ['012', 'C', 'yes', 'Nothing is freed after a trap.', 'Nothing is called at all.'],
  ['013', 'M', 'yes', 'Traps are handled, whatever binary is bundled.'],
]);
