/** Keeps the relay's last good configuration in a file, for a start while the relay is down (relay-and-provider §5.6). */

import type { ResolvedOptions } from '../options/resolve.ts';
import type { ConfigurationMeta } from './feed-events.ts';
import { type Files, WholeFile } from './last-known-good-file.ts';
import {
  type DecodedFile,
  decodeFile,
  encodeHead,
  MAX_HEAD_BYTES,
  type SavedConfiguration,
} from './last-known-good-format.ts';
import { type OwnerOptions, ownerOf } from './last-known-good-owner.ts';
import type { PersistedFacts } from './relay-facts.ts';

export type LastKnownGoodOptions = OwnerOptions &
  Pick<ResolvedOptions, 'persistMaxAgeMs' | 'maxInflatedBytes' | 'clock' | 'logger'> & { readonly persistPath: string };

/** With an age limit, a configuration that the relay confirms is dated anew once this share of the limit has passed. */
const RENEW_SHARE = 0.25;

/** How long ago, in a unit that a person reads at a glance. */
const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/**
 * Reading and writing never reject and never throw: whatever is wrong with the file costs one warning, and the evaluator goes on
 * as if there were none. Of several configurations that come while one is written, only the newest is written after it.
 */
export class LastKnownGood {
  readonly #options: LastKnownGoodOptions;
  readonly #owner: string;
  readonly #file: WholeFile;
  #waiting: SavedConfiguration | undefined;
  #writing: Promise<void> | undefined;
  /** What the file holds, as far as it is known. */
  #held: { readonly digest: string; readonly savedAtMs: number } | undefined;
  #mustRenew = false;
  #writes = 0;
  #failedWrites = 0;
  #isFailing = false;

  /** `files` is a seam for tests. */
  constructor(options: LastKnownGoodOptions, files?: Files) {
    this.#options = options;
    this.#owner = ownerOf(options);
    this.#file = new WholeFile(options.persistPath, files);
  }

  /** The configuration in the file; `undefined` when there is none that can be used, with a warning unless there is no file. */
  async read(): Promise<SavedConfiguration | undefined> {
    await this.idle();
    const decoded = await this.#load();
    if (decoded === undefined) return undefined;
    const reason = decoded.kind === 'refused' ? decoded.reason : this.#tooOld(decoded.saved);
    if (reason !== undefined) {
      this.refuse(reason);
      return undefined;
    }
    return decoded.kind === 'saved' ? this.#hold(decoded.saved) : undefined;
  }

  /** Tells why the file is not used; also for the evaluator, when a file that is whole does not compile. */
  refuse(reason: string): void {
    this.#held = undefined;
    this.#options.logger.warn(`the persisted configuration ${this.#options.persistPath} is ignored: ${reason}`);
  }

  /** Takes a configuration that came from the relay and is in use. Returns at once. */
  save(body: Uint8Array, meta: ConfigurationMeta): void {
    this.#waiting = { body, meta, savedAtMs: this.#now() };
    this.#start();
  }

  /** The relay said that the configuration in use is still its own, which an age limit has to know. */
  confirm(): void {
    const { persistMaxAgeMs } = this.#options;
    // What is being written now will have the time of now.
    if (persistMaxAgeMs === 0 || this.#held === undefined || this.#writing !== undefined) return;
    if (this.#now() - this.#held.savedAtMs < persistMaxAgeMs * RENEW_SHARE) return;
    this.#mustRenew = true;
    this.#start();
  }

  /** Settles when nothing is being written and nothing waits. Never rejects. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  describe(): PersistedFacts {
    const { persistPath } = this.#options;
    const savedAtMs = this.#held?.savedAtMs;
    return {
      path: persistPath,
      ageMs: savedAtMs === undefined ? null : Math.max(0, this.#now() - savedAtMs),
      writes: this.#writes,
      failedWrites: this.#failedWrites,
    };
  }

  #start(): void {
    this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#waiting !== undefined || this.#mustRenew) {
      const newest = this.#waiting;
      this.#waiting = undefined;
      this.#mustRenew = false;
      const next = newest ?? (await this.#renewed());
      if (next !== undefined) await this.#write(next);
    }
    // In the same turn as the last look at what waits, or something saved in between would wait for ever.
    this.#writing = undefined;
  }

  /** The same configuration with the time of now, unless the file is no longer what it was. */
  async #renewed(): Promise<SavedConfiguration | undefined> {
    const decoded = await this.#load();
    const isOurs = decoded?.kind === 'saved' && decoded.saved.meta.digest === this.#held?.digest;
    return isOurs ? { ...decoded.saved, savedAtMs: this.#now() } : undefined;
  }

  async #write(saved: SavedConfiguration): Promise<void> {
    const { logger, persistPath } = this.#options;
    try {
      await this.#file.replace([encodeHead(saved, this.#owner), saved.body]);
      this.#writes++;
      this.#hold(saved);
      if (this.#isFailing) logger.info(`the configuration is persisted again in ${persistPath}`);
      this.#isFailing = false;
    } catch (caught) {
      this.#failedWrites++;
      const text = `the configuration could not be persisted: ${remedyOf(caught)}; evaluations are not affected`;
      if (this.#isFailing) logger.debug(text);
      else logger.warn(text);
      this.#isFailing = true;
    }
  }

  async #load(): Promise<DecodedFile | undefined> {
    try {
      const file = await this.#file.read(this.#options.maxInflatedBytes + MAX_HEAD_BYTES);
      return file === undefined ? undefined : await decodeFile(file, this.#owner);
    } catch (caught) {
      return { kind: 'refused', reason: remedyOf(caught) };
    }
  }

  #hold(saved: SavedConfiguration): SavedConfiguration {
    this.#held = { digest: saved.meta.digest, savedAtMs: saved.savedAtMs };
    return saved;
  }

  #tooOld({ savedAtMs }: SavedConfiguration): string | undefined {
    const { persistMaxAgeMs } = this.#options;
    const ageMs = this.#now() - savedAtMs;
    if (persistMaxAgeMs === 0 || ageMs <= persistMaxAgeMs) return undefined;
    return `it is ${shownAge(ageMs)} old; raise persistMaxAgeMs (${persistMaxAgeMs} ms) to accept it`;
  }

  /** A whole number whatever the clock of the caller gives. */
  #now(): number {
    const now = Math.round(this.#options.clock.now());
    return Number.isSafeInteger(now) ? now : 0;
  }
}

/** What a person can do about an error of the file system. */
const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; let this process read and write the file and its folder',
  EPERM: 'permission denied; let this process read and write the file and its folder',
  EROFS: 'the file system is read-only; choose a persistPath that can be written',
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  ENOENT: 'the folder does not exist; create it',
  ENOTDIR: 'a part of the path is no folder; correct persistPath',
  EISDIR: 'the path is a folder; name a file in persistPath',
};

function remedyOf(caught: unknown): string {
  const { code = '', message = String(caught) } = caught as NodeJS.ErrnoException;
  const remedy = Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined;
  return remedy === undefined ? message : `${code}: ${remedy}`;
}

function shownAge(ms: number): string {
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(ms / unitMs);
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }
  return `${ms} ms`;
}
