/** Flags handed over in memory: by the option `flags`, and by tests that change them as they go. */

import type { FlagFile } from '../flags/files/flag-file.ts';
import { parseFlagFile } from '../flags/files/read-flag-file.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import type { JsonValue } from '../internal/json.ts';
import type { FlagSource } from './flag-source.ts';

/** Flag key to flag, as in a flag file. */
export type FlagMap = { readonly [flagKey: string]: JsonValue };

export class MemorySource implements FlagSource {
  readonly name = 'memory';
  readonly failure = undefined;
  #content: FlagFile | undefined;

  /** Takes a copy. Throws a `TypeError` for what JSON cannot say. */
  constructor(flags: FlagMap | undefined) {
    if (flags !== undefined) this.replace(flags);
  }

  /** `undefined` while nobody has handed flags over. */
  get content(): FlagFile | undefined {
    return this.#content;
  }

  /** Takes a copy, in place of what was there. Throws a `TypeError` for what JSON cannot say. */
  replace(flags: FlagMap): void {
    this.#content = parseFlagFile(canonicalJson(flags), 'json');
  }

  /** There is nothing to read: whoever replaces the flags asks the store to take them over. */
  read(): Promise<void> {
    return Promise.resolve();
  }

  watch(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
