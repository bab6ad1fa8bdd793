/** Options of start and stop: what there is before the relay answers, what is kept for the next start, how long closing may take. */

import { choice, duration, REFUSED, row } from '../kinds.ts';
import type { BootstrapSource } from '../sources.ts';
import { parseBootstrap, parseFilePath } from '../sources.ts';

export const START_STOP_ROWS = {
  startup: choice(['strict', 'lenient'], {
    group: 'Start and stop',
    doc: 'Whether `initialize()` rejects (`strict`) or resolves (`lenient`) when nothing could be loaded. Both go on trying.',
    why: '`lenient` when the service must come up with the defaults in its code while the relay is down.',
  }),
  initTimeoutMs: duration({
    group: 'Start and stop',
    default: 10_000,
    doc: 'How long `initialize()` tries before it gives its answer; attempts are repeated inside this window.',
    why: 'Keep it under the start deadline of your orchestrator.',
  }),
  bootstrap: row<BootstrapSource | undefined>({
    group: 'Start and stop',
    type: 'object | string | URL | (() => object | Promise<object>)',
    fallback: () => undefined,
    defaultText: 'none',
    rule: 'a configuration document (a JSON object), a file path, a file: URL, or a function giving a document',
    doc:
      'Configuration to begin with, in the JSON of the relay. The relay, once it answers, wins. A document that is no ' +
      'configuration is ignored with a warning. No effect in remote mode (warns).',
    why: 'Decide from the first moment when the relay is down at start, or work offline.',
    parse: parseBootstrap,
    fromText: (text) => text,
    show: (value) => value?.kind ?? null,
  }),
  persistPath: row<string | undefined>({
    group: 'Start and stop',
    type: 'string | URL',
    fallback: () => undefined,
    defaultText: 'none (off)',
    rule: 'a file path or a file: URL',
    doc:
      'File that keeps the last good configuration of the relay for the next start: written whole or not at all, mode 0600, ' +
      'with a checksum, bound to endpoint, key and filter; it holds no credential. It wins over `bootstrap`. ' +
      'No effect in remote mode (warns).',
    why: 'A restart while the relay is down then decides with what was known last, instead of with defaults.',
    parse: (value) => parseFilePath(value) ?? REFUSED,
    fromText: (text) => text,
    show: (value) => value ?? null,
  }),
  persistMaxAgeMs: duration({
    group: 'Start and stop',
    default: 0,
    doc: 'A persisted configuration older than this is ignored with a warning. 0 = any age.',
    why: 'Set it where decisions of last week are worse than the defaults in the code.',
  }),
  cacheDir: row<string | undefined>({
    group: 'Start and stop',
    type: 'string | URL',
    fallback: () => undefined,
    defaultText: 'none (off)',
    rule: 'a folder path or a file: URL',
    doc:
      'Folder that keeps the last good policies of the relay for the next start: configuration, modules and stores, each checked ' +
      'when it is read, 512 MiB at most. Several processes may share one. It holds no secret that a template refers to. No effect ' +
      'without `policies`.',
    why: 'A restart while the relay is down then serves the policies of before, instead of answering 503.',
    parse: (value) => parseFilePath(value) ?? REFUSED,
    fromText: (text) => text,
    show: (value) => value ?? null,
  }),
  closeTimeoutMs: duration({
    group: 'Start and stop',
    default: 2_000,
    doc: 'Budget of closing: what is not done by then is left behind.',
    why: 'Keep it under the grace period your orchestrator gives before it kills.',
  }),
  flushOnExit: choice(['beforeExit', 'off'], {
    group: 'Start and stop',
    doc:
      'Whether waiting events are sent when the process runs out of work without a close; `closeTimeoutMs` bounds it. No ' +
      'signal handler is ever installed.',
    why: '`off` when your own shutdown calls `flush()` or closes the provider.',
  }),
} as const;
