/** Decision events as JSON lines, into a file, a pipe or standard output. */

import type { DecisionBatch, DecisionSink, SinkAnswer } from '../../policy/decisions/sink.ts';

/** What a line is written to; every writable stream of Node is one. */
export interface LineWriter {
  write(text: string, done: (error?: Error | null) => void): unknown;
}

/**
 * One event a line. A batch counts as sent once the writer says so: a pipe whose reader hangs makes the batch wait, and makes
 * nobody else wait. A batch that was cut off is written again, whole: `decisionId` tells repeated lines.
 */
export class JsonLinesSink implements DecisionSink {
  readonly #writer: LineWriter;
  /** Set while a write has not been confirmed: a second one would only make the heap behind it larger. */
  #unconfirmed: Promise<SinkAnswer> | undefined;

  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  async send(batch: DecisionBatch, signal: AbortSignal): Promise<SinkAnswer> {
    while (this.#unconfirmed !== undefined) await this.#unconfirmed;
    // It was given up while it waited, and will come again: written now it would be there twice.
    if (signal.aborted) return { kind: 'failed', message: 'given up while an earlier write was unconfirmed' };
    const write = this.#write(`${batch.lines()}\n`).finally(() => {
      this.#unconfirmed = undefined;
    });
    this.#unconfirmed = write;
    return write;
  }

  #write(text: string): Promise<SinkAnswer> {
    return new Promise((resolve) => {
      try {
        this.#writer.write(text, (error) => {
          resolve(error ? { kind: 'failed', message: error.message } : { kind: 'sent' });
        });
      } catch (caught) {
        resolve({ kind: 'failed', message: caught instanceof Error ? caught.message : String(caught) });
      }
    });
  }
}
