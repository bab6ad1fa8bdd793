/**
 * Tells that something in a folder of policies changed, once it has been quiet for a moment. Events are a hint; where they get
 * lost (network file systems, watch limits) a slow look at names, sizes and times finds the change.
 */

import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, startTimer, type TimerHandle } from '../options/clock.ts';

/** A folder in which something happens all the time may put off a look by this much, not for ever. */
const MAX_DEBOUNCE_MS = 1_000;
const MAX_WATCHERS = 256;

export interface FolderWatchOptions {
  readonly clock: Clock;
  readonly debounceMs: number;
  readonly checkIntervalMs: number;
}

export class FolderWatch {
  readonly #folder: string;
  readonly #options: FolderWatchOptions;
  readonly #listener: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #signature = '';
  #debounce: TimerHandle;
  #check: TimerHandle;
  #since: number | undefined;
  #isClosed = false;

  constructor(folder: string, options: FolderWatchOptions, listener: () => void) {
    this.#folder = folder;
    this.#options = options;
    this.#listener = listener;
  }

  /** What is there now is known; later changes are told. */
  async start(): Promise<void> {
    await this.settle();
    this.#scheduleCheck();
  }

  /** The folder was read: its present state is what later ones are compared with. */
  async settle(): Promise<void> {
    this.#signature = await this.#look();
  }

  close(): void {
    this.#isClosed = true;
    this.#options.clock.clearTimeout(this.#debounce);
    this.#options.clock.clearTimeout(this.#check);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #scheduleCheck(): void {
    if (this.#isClosed) return;
    const { clock, checkIntervalMs } = this.#options;
    this.#check = startTimer(
      clock,
      () =>
        void this.#look().then((signature) => {
          if (signature !== this.#signature) this.#touched();
          this.#scheduleCheck();
        }),
      checkIntervalMs,
    );
  }

  #touched(): void {
    if (this.#isClosed) return;
    const { clock, debounceMs } = this.#options;
    const now = clock.monotonic();
    this.#since ??= now;
    clock.clearTimeout(this.#debounce);
    const wait = Math.min(debounceMs, Math.max(0, this.#since + MAX_DEBOUNCE_MS - now));
    this.#debounce = startTimer(
      clock,
      () => {
        this.#since = undefined;
        if (!this.#isClosed) this.#listener();
      },
      wait,
    );
  }

  /** Names, sizes and times of two levels, and a watcher for each folder on the way. Never rejects. */
  async #look(): Promise<string> {
    const lines: string[] = [];
    const visit = async (folder: string, depth: number): Promise<void> => {
      this.#bind(folder);
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
          if (depth === 0) await visit(path, 1).catch(() => undefined);
          continue;
        }
        const found = await stat(path).catch(() => undefined);
        if (found !== undefined) lines.push(`${path} ${found.size} ${found.mtimeMs} ${found.ino}`);
      }
    };
    await visit(this.#folder, 0).catch(() => lines.push('gone'));
    return lines.sort().join('\n');
  }

  #bind(folder: string): void {
    if (this.#isClosed || this.#watchers.has(folder) || this.#watchers.size >= MAX_WATCHERS) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#touched());
      const drop = (): void => {
        watcher.close();
        this.#watchers.delete(folder);
      };
      watcher.on('error', drop);
      this.#watchers.set(folder, watcher);
    } catch {
      // The slow look is left.
    }
  }
}
