/** What the relay client tells of itself, for `diagnostics()`: plain JSON, no credential. */

/** The code of an `EdictError`, the status where a relay answered, and when, RFC 3339. */
export type LastErrorFacts = { readonly code: string; readonly status: number | null; readonly at: string | null };

/** What happened so far. */
export type FeedCounts = {
  readonly polls: {
    readonly changed: number;
    readonly unchanged: number;
    /** Zero flags that were not believed yet. */
    readonly held: number;
    readonly failed: number;
    readonly failedByCode: Readonly<Record<string, number>>;
  };
  /** Of a poll, or of a remote evaluation. */
  readonly lastError: LastErrorFacts | null;
  readonly lastAttemptAt: string | null;
  readonly lastSuccessAt: string | null;
};

/** The feed in diagnostics. */
export type FeedFacts = FeedCounts & {
  readonly consecutiveFailures: number;
  readonly staleForMs: number | null;
  readonly nextAttemptInMs: number | null;
  /** Changes back to a content that was in use before. */
  readonly configFlips: number;
  /** SHA-256 of the configuration in use, in hex. */
  readonly digest: string | null;
  /** Its ETag. */
  readonly validator: string | null;
  readonly lastModified: string | null;
  readonly relayVersion: string | null;
};

/** The stream in diagnostics. */
export type StreamFacts = {
  readonly state: 'off' | 'connecting' | 'up' | 'waiting' | 'absent';
  readonly connects: number;
  readonly events: number;
  /** Fetches that it asked for. */
  readonly triggers: number;
  readonly failures: number;
  readonly lastError: LastErrorFacts | null;
};

/** The file in diagnostics. */
export type PersistedFacts = {
  readonly path: string;
  /** Age of its content; `null` before anything was read or written. */
  readonly ageMs: number | null;
  readonly writes: number;
  readonly failedWrites: number;
};
