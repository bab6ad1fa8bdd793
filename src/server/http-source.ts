/** Flags behind a URL, asked for again and again; a 304 costs one small request. */

import type { FlagFile } from '../flags/files/flag-file.ts';
import type { FlagFileFormat } from '../flags/files/read-flag-file.ts';
import { formatOf, parseFlagFile } from '../flags/files/read-flag-file.ts';
import { formatFinding } from '../flags/finding.ts';
import type { Clock, TimerHandle } from '../options/clock.ts';
import { startTimer } from '../options/clock.ts';
import { backoff, jittered } from '../relay/backoff.ts';
import type { FlagSource, SourceFailure } from './flag-source.ts';
import { AnswerTooLarge, get } from './http-get.ts';

/** Past this an answer is refused, as a file is. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface HttpSourceOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Default: by the extension of the URL's path, and YAML (which JSON is a part of) for unknown ones. */
  readonly format?: FlagFileFormat | undefined;
  readonly pollIntervalMs: number;
  /** Deadline of one request, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

export class HttpSource implements FlagSource {
  readonly name: string;
  readonly #options: HttpSourceOptions;
  readonly #url: URL;
  readonly #format: FlagFileFormat;
  readonly #closing = new AbortController();
  #content: FlagFile | undefined;
  #failure: SourceFailure | undefined;
  #failuresInARow = 0;
  /** Of the answer that `#content` was made of. */
  #validator: string | undefined;
  #text: string | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #listener: (() => void) | undefined;
  #timer: TimerHandle | undefined;

  constructor(options: HttpSourceOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#format = options.format ?? formatOf(this.#url.pathname);
    // Host and file: what stands between them, and the query, may be a secret.
    this.name = `${this.#url.host}/${this.#url.pathname.split('/').at(-1) ?? ''}`;
  }

  get content(): FlagFile | undefined {
    return this.#content;
  }

  get failure(): SourceFailure | undefined {
    return this.#failure;
  }

  async read(): Promise<void> {
    await this.#read();
  }

  watch(listener: () => void): Promise<void> {
    this.#listener = listener;
    this.#schedule();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#closing.abort();
    await this.#reading;
  }

  /** One request after the other. True when it made a difference. */
  #read(): Promise<boolean> {
    const reading = this.#reading.then(async () => {
      const { content, failure } = this;
      await this.#readNow();
      return content !== this.#content || failure?.message !== this.#failure?.message;
    });
    this.#reading = reading;
    return reading;
  }

  async #readNow(): Promise<void> {
    try {
      await this.#ask();
      this.#failure = undefined;
      this.#failuresInARow = 0;
    } catch (caught) {
      const message = caught instanceof Error ? caught.message : String(caught);
      this.#failure = { message, since: this.#failure?.since ?? new Date(this.#options.clock.now()) };
      this.#failuresInARow += 1;
    }
  }

  async #ask(): Promise<void> {
    const known = this.#validator;
    const { status, headers, text } = await this.#get(known === undefined ? {} : { 'If-None-Match': known });
    if (status === 304 && known !== undefined) return;
    if (status !== 200) throw new Error(`the answer has status ${status}`);
    if (text !== this.#text) {
      const file = parseFlagFile(text, this.#format);
      // As for files: zero flags are said with `{}`, and nothing is most often a mistake on the way.
      if (text.trim() === '') throw new Error('the answer is empty');
      if (!file.isReadable) throw new Error(file.findings.map((finding) => formatFinding(finding)).join('; '));
      this.#content = file;
      this.#text = text;
    }
    // Only now: an answer that was refused must not be confirmed by the next request.
    this.#validator = headers.etag;
  }

  async #get(condition: Readonly<Record<string, string>>): Promise<Awaited<ReturnType<typeof get>>> {
    const { clock, timeoutMs, headers } = this.#options;
    const deadline = new AbortController();
    const timer = startTimer(clock, () => deadline.abort(), timeoutMs);
    try {
      return await get({
        url: this.#url,
        headers: { ...headers, ...condition },
        maxBytes: MAX_BYTES,
        signal: AbortSignal.any([deadline.signal, this.#closing.signal]),
      });
    } catch (caught) {
      if (caught instanceof AnswerTooLarge) throw caught;
      const { code } = caught as NodeJS.ErrnoException;
      throw new Error(deadline.signal.aborted ? `no answer within ${timeoutMs} ms` : `no answer (${code})`);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  #schedule(): void {
    const { clock, random, pollIntervalMs } = this.#options;
    const delayMs =
      this.#failuresInARow === 0
        ? jittered(pollIntervalMs, random)
        : backoff(this.#failuresInARow, Math.max(pollIntervalMs, 1_000), random);
    this.#timer = startTimer(clock, () => void this.#poll(), delayMs);
  }

  async #poll(): Promise<void> {
    const changed = await this.#read();
    if (this.#listener === undefined) return;
    // A failing source that goes on failing alike tells nothing; every other outcome is news, if only of freshness.
    if (changed || this.#failure === undefined) this.#listener();
    this.#schedule();
  }
}
