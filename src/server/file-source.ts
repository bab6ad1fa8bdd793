/**
 * A flag file on disk, read when it changes.
 *
 * The directory is watched, not the file: editors and deployment tools replace a file by renaming another one over it, and
 * a watch on the file would stay with the old inode. Where events get lost (network file systems, watch limits, a
 * directory that was itself replaced) a slow stat poll finds the change.
 */

import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FlagFile } from '../flags/files/flag-file.ts';
import type { FlagFileFormat } from '../flags/files/read-flag-file.ts';
import { formatOf, parseFlagFile } from '../flags/files/read-flag-file.ts';
import { formatFinding } from '../flags/finding.ts';
import type { FlagSource, SourceFailure } from './flag-source.ts';

/** Past this a file is refused unread; 50,000 ordinary flags take about a third of it. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** A directory in which something happens all the time may put off a read by this much, not for ever. */
const MAX_DEBOUNCE_MS = 1_000;
/** A file that is written to all the time is taken as it is after so many reads. */
const READ_ATTEMPTS = 3;

export interface FileSourceOptions {
  readonly path: string;
  /** Default: by the file's extension, and YAML for unknown ones. */
  readonly format?: FlagFileFormat | undefined;
  /** Quiet time after an event before the file is read, in milliseconds. */
  readonly debounceMs: number;
  /** Time between two looks at the file's stat, in milliseconds. */
  readonly checkIntervalMs: number;
}

export class FileSource implements FlagSource {
  readonly name: string;
  readonly #path: string;
  readonly #directory: string;
  readonly #format: FlagFileFormat;
  readonly #debounceMs: number;
  readonly #checkIntervalMs: number;

  #content: FlagFile | undefined;
  #failure: SourceFailure | undefined;
  /** The text `#content` was made of. */
  #text: string | undefined;
  /** What identified the file at the last read, good or not. */
  #stamp: string | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #isLooking = false;

  #listener: (() => void) | undefined;
  #watcher: FSWatcher | undefined;
  /** The directory the watcher is bound to; a directory of the same name made later is another one. */
  #watchedInode: bigint | undefined;
  #check: NodeJS.Timeout | undefined;
  #debounce: NodeJS.Timeout | undefined;
  #debouncedSince = 0;
  /** Whether one of the events that wait for the debounce named the file itself. */
  #ownEvent = false;

  constructor(options: FileSourceOptions) {
    this.#path = resolve(options.path);
    this.#directory = dirname(this.#path);
    this.name = basename(this.#path);
    this.#format = options.format ?? formatOf(this.#path);
    this.#debounceMs = options.debounceMs;
    this.#checkIntervalMs = options.checkIntervalMs;
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

  async watch(listener: () => void): Promise<void> {
    this.#listener = listener;
    this.#check = setInterval(() => void this.#lookForChange(), this.#checkIntervalMs).unref();
    await this.#bindWatcher();
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    clearInterval(this.#check);
    clearTimeout(this.#debounce);
    this.#watcher?.close();
    this.#watcher = undefined;
    await this.#reading;
  }

  /** One read after the other: an older one must not overwrite what a younger one found. True when it made a difference. */
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
      await this.#refuseForeignFile();
      const text = await this.#readSettled();
      if (text !== this.#text) {
        this.#content = this.#parseText(text);
        this.#text = text;
      }
      this.#failure = undefined;
    } catch (caught) {
      this.#failure = { message: reasonOf(caught), since: this.#failure?.since ?? new Date() };
    }
  }

  /** The text of a file that nobody wrote to meanwhile: half a file can be a valid one with fewer flags. */
  async #readSettled(): Promise<string> {
    let { stamp, size } = await this.#identify();
    for (let attempt = 1; ; attempt += 1) {
      this.#stamp = stamp;
      if (size > MAX_FILE_BYTES) throw new Error(`the file has ${size} bytes; ${MAX_FILE_BYTES} are the limit`);
      const text = await readFile(this.#path, 'utf8');
      ({ stamp, size } = await this.#identify());
      if (stamp === this.#stamp || attempt === READ_ATTEMPTS) return text;
      await delay(this.#debounceMs);
    }
  }

  #parseText(text: string): FlagFile {
    // An empty file is most often one that is being written. Zero flags are said with `{}`, or a comment.
    if (/^\ufeff?\s*$/.test(text)) throw new Error('the file is empty');
    const file = parseFlagFile(text, this.#format);
    if (!file.isReadable) throw new Error(file.findings.map((finding) => formatFinding(finding)).join('; '));
    return file;
  }

  /** A link may lead elsewhere in its own folder (mounted configuration does that), never out of it. */
  async #refuseForeignFile(): Promise<void> {
    const [file, directory] = await Promise.all([realpath(this.#path), realpath(this.#directory)]);
    const root = directory.endsWith(sep) ? directory : `${directory}${sep}`;
    if (!file.startsWith(root)) throw new Error('the file is a link that leads out of its folder');
  }

  async #identify(): Promise<{ stamp: string; size: number }> {
    const facts = await stat(this.#path, { bigint: true });
    if (!facts.isFile()) throw new Error('not a regular file');
    return { stamp: `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}`, size: Number(facts.size) };
  }

  /** (Re)binds the directory watch when there is none or when it belongs to a directory that is gone. */
  async #bindWatcher(): Promise<void> {
    const inode = await stat(this.#directory, { bigint: true }).then(
      (facts) => facts.ino,
      () => undefined,
    );
    if (this.#listener === undefined || (this.#watcher !== undefined && inode === this.#watchedInode)) return;
    this.#watcher?.close();
    this.#watcher = undefined;
    if (inode === undefined) return;
    try {
      const watcher = watch(this.#directory, { persistent: false });
      watcher.on('change', (_event, name) => this.#onEvent(name === null || String(name) === this.name));
      watcher.on('error', () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
      });
      this.#watcher = watcher;
      this.#watchedInode = inode;
    } catch {
      // No watch to be had (limits, unsupported file system): the stat poll is there for that.
    }
  }

  #onEvent(isOurs: boolean): void {
    const now = Date.now();
    if (this.#debounce === undefined) this.#debouncedSince = now;
    this.#ownEvent ||= isOurs;
    if (this.#debounce !== undefined && now - this.#debouncedSince > MAX_DEBOUNCE_MS) return;
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => {
      const own = this.#ownEvent;
      this.#debounce = undefined;
      this.#ownEvent = false;
      // Two writes within one tick of the file system's clock can share a stamp, so an event on the file itself reads it.
      void (own ? this.#readAndTell() : this.#lookForChange());
    }, this.#debounceMs).unref();
  }

  async #lookForChange(): Promise<void> {
    // On a slow file system one look may take longer than the time to the next.
    if (this.#isLooking) return;
    this.#isLooking = true;
    await this.#bindWatcher();
    const stamp = await this.#identify().then(
      (identity) => identity.stamp,
      () => undefined,
    );
    // A failing source is tried again even when nothing moved: rights and mounts change without a trace in the stat.
    if (this.#listener !== undefined && (stamp !== this.#stamp || this.#failure !== undefined)) {
      await this.#readAndTell();
    }
    this.#isLooking = false;
  }

  async #readAndTell(): Promise<void> {
    if (await this.#read()) this.#listener?.();
  }
}

/** One line without a path: system errors are reduced to their code, and code frames of parsers are cut off. */
function reasonOf(caught: unknown): string {
  if (caught instanceof Error) {
    const code = (caught as NodeJS.ErrnoException).code;
    if ((caught as NodeJS.ErrnoException).syscall !== undefined) return `the file cannot be read (${code})`;
    return caught.message.split('\n', 1)[0] ?? caught.message;
  }
  return String(caught);
}
