/** Writing to the terminal or a pipe: in order, no faster than the reader reads, and never a control character of others. */

import { once } from 'node:events';
import { canonicalJson } from '../internal/canonical-json.ts';
import type { JsonValue } from '../internal/json.ts';
import { escapeControls } from '../telemetry/logger.ts';

/** Text is gathered up to this many characters before it is written. */
const BATCH = 64 * 1024;

/** Gathers lines for standard output and waits when the reader is slower. */
export class LineWriter {
  readonly #stream: NodeJS.WritableStream;
  #pending = '';

  constructor(stream: NodeJS.WritableStream = process.stdout) {
    this.#stream = stream;
  }

  /** Resolves at once, unless the reader lags behind. */
  async write(line: string): Promise<void> {
    this.#pending += `${line}\n`;
    if (this.#pending.length >= BATCH) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '' && !this.#stream.write(text)) await once(this.#stream, 'drain');
  }
}

export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** The one document of `--json`. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document, null, 2));
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A value as people read it: JSON on one line, cut where it gets long. */
export function shownValue(value: JsonValue | undefined, limit = 80): string {
  if (value === undefined) return 'missing';
  const text = escapeControls(canonicalJson(value));
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** A name from a file or a relay, safe for the terminal. */
export function shownName(name: string): string {
  return escapeControls(name);
}
