/** Options of evaluation: the stores, what happens when the engine cannot decide, the cache of remote answers. */

import os from 'node:os';
import type { FallbackPolicy } from '../fallback.ts';
import { DEFAULT_FALLBACK, parseFallback } from '../fallback.ts';
import { duration, REFUSED, row, wholeNumber } from '../kinds.ts';
import type { ModuleSource } from '../sources.ts';
import { parseModuleSource } from '../sources.ts';

const MAX_POOL_SIZE = 64;

export const EVALUATION_ROWS = {
  wasmPoolSize: wholeNumber({
    group: 'Evaluation',
    default: Math.max(2, Math.min(os.availableParallelism(), MAX_POOL_SIZE)),
    defaultText: '`os.availableParallelism()`, from 2 to 64',
    min: 1,
    max: MAX_POOL_SIZE,
    doc: 'Upper bound of WebAssembly stores. They are made on demand; an evaluator uses two, one at work and a spare for reloads and traps.',
    why: '1 saves the memory of the spare; a reload then waits for no evaluation, but a trap costs the answers of one moment.',
  }),
  wasmModule: row<ModuleSource | undefined>({
    group: 'Evaluation',
    type: 'Uint8Array | object | string | URL',
    fallback: () => undefined,
    defaultText: 'built-in',
    rule: 'the bytes of a module, a WebAssembly.Module, a file path or a file: URL',
    doc: 'Another copy of the evaluation kernel. Its ABI version must match; bytes and files are checked against `wasmSha256`.',
    why: 'Bundlers and single-file deployments that cannot read a file beside the code.',
    parse: parseModuleSource,
    fromText: (text) => text,
    show: (value) => value?.kind ?? null,
  }),
  wasmSha256: row<string | false | undefined>({
    group: 'Evaluation',
    type: 'string | false',
    fallback: () => undefined,
    defaultText: "the manifest's value",
    rule: '64 hexadecimal digits, or false',
    doc: 'SHA-256 the bytes of the module must have before they are compiled. `false` skips the check, with a warning.',
    why: 'You build the kernel yourself and pin your own build.',
    parse: (value) =>
      value === false
        ? false
        : typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value)
          ? value.toLowerCase()
          : REFUSED,
    fromText: (text) => (text === 'false' ? false : text),
    show: (value) => value ?? null,
  }),
  fallback: row<FallbackPolicy>({
    group: 'Evaluation',
    type: 'FallbackOption',
    fallback: () => DEFAULT_FALLBACK,
    defaultText: "`'budgeted'`: 50 ms, 5 failures, 30 000 ms, 8 at once, 20 a second",
    rule:
      "one of 'budgeted', 'spec', 'off', or an object of mode and the whole numbers budgetMs, failureThreshold, openMs, " +
      'maxConcurrent, maxPerSecond (at least 1 each)',
    doc:
      'In-process mode, when the engine answers PARSE_ERROR or GENERAL: `budgeted` asks the relay within `budgetMs` behind a ' +
      'breaker, `spec` asks it each time with `timeoutMs`, `off` gives the local error. A fallback that fails gives the ' +
      'local error too.',
    why: '`off` where a local error must show at once; `spec` to follow the GO Feature Flag provider specification to the letter.',
    parse: parseFallback,
    fromText: (text) => text,
    show: (value) => ({ ...value }),
  }),
  remoteCacheMaxEntries: wholeNumber({
    group: 'Evaluation',
    default: 0,
    max: 1_000_000,
    doc:
      'Remote mode: how many answers are kept, of those the relay marks as depending on the context only. 0 = no cache. ' +
      'Dropped when the configuration changes; a hit has the reason CACHED.',
    why: 'Set it (10 000 is plenty) when the same users ask for the same flags again and an answer may be `remoteCacheTtlMs` old.',
  }),
  remoteCacheTtlMs: duration({
    group: 'Evaluation',
    default: 60_000,
    min: -1,
    doc: 'Remote mode: how long a kept answer serves. -1 = until the configuration changes.',
    why: 'Lower it when changes must show sooner than the next poll of the change probe.',
  }),
} as const;
