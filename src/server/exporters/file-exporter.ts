/** Appends events to a file as JSON lines. */

import { appendFile, mkdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { ExportPorts } from './export-queue.ts';
import { ExportQueue } from './export-queue.ts';

/** Events carry user keys: the file is its owner's. */
const FILE_MODE = 0o600;

/** Makes the exporter; the file and its folder are made with the first event. */
export function createFileExporter(options: { readonly path: string }, ports: ExportPorts): ExportQueue {
  const path = resolve(options.path);
  return new ExportQueue({
    ...ports,
    kind: 'file',
    label: `export to ${basename(path)}`,
    // Written at once: whoever follows the file sees events as they come.
    flushIntervalMs: 0,
    maxBatchEvents: 1_000,
    maxQueuedEvents: 100_000,
    send: async (texts) => {
      try {
        await mkdir(dirname(path), { recursive: true });
        await appendFile(path, texts.map((text) => `${text}\n`).join(''), { mode: FILE_MODE });
      } catch (caught) {
        // The error's own message has the whole path.
        throw new Error(`the file cannot be written (${(caught as NodeJS.ErrnoException).code})`, { cause: caught });
      }
    },
  });
}
