/** What the flag store asks of a source of flags. */

import type { FlagFile } from '../flags/files/flag-file.ts';

export interface SourceFailure {
  /** One line, without the path: it is shown to everybody who may ask for `/info`. */
  readonly message: string;
  /** When this source failed first since it was last good. */
  readonly since: Date;
}

/** A place flags come from. It keeps its last good content through any failure. */
export interface FlagSource {
  /** A short name for people. */
  readonly name: string;
  /** The last good content; `undefined` until the first good read. */
  readonly content: FlagFile | undefined;
  /** Why the last read failed; `undefined` after a good one. */
  readonly failure: SourceFailure | undefined;
  /** Reads now. Never rejects: what went wrong is in `failure`. */
  read(): Promise<void>;
  /**
   * Begins to look for changes; resolves when it looks. The listener is called after each read the source did by itself
   * that made a difference, and must not throw.
   */
  watch(listener: () => void): Promise<void>;
  /** Ends the looking; resolves when no read is under way any more. */
  close(): Promise<void>;
}
