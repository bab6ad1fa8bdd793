/** What an evaluator tells of itself, for `diagnostics()`: plain JSON, no credential, no context value. */

import type { JsonValue } from '../internal/json.ts';
import type { FeedFacts, PersistedFacts, StreamFacts } from '../relay/relay-facts.ts';

/** The engine in diagnostics. */
export type EngineFacts = {
  /** Linear memory of the stores at work and in reserve. */
  readonly guestMemoryBytes: number;
  readonly pool: {
    readonly size: number;
    readonly leased: number;
    readonly idle: number;
    readonly created: number;
    readonly destroyed: number;
  } | null;
  readonly traps: number;
  /** Stores that replaced one that trapped. */
  readonly rebuilds: number;
};

/** The quarantine in diagnostics. */
export type QuarantineFacts = {
  readonly active: number;
  /** So far. */
  readonly total: number;
  /** The first twenty. */
  readonly flags: readonly {
    readonly flagKey: string;
    readonly code: 'TRAP' | 'EVALUATION_DEADLINE';
    readonly until: string | null;
  }[];
};

/** The breaker in diagnostics. */
export type BreakerFacts = {
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** How often it opened. */
  readonly opened: number;
  readonly inFlight: number;
  readonly failuresInARow: number;
};

/** The fallback in diagnostics. */
export type FallbackFacts = BreakerFacts & {
  readonly mode: 'budgeted' | 'spec' | 'off';
  readonly answered: number;
  readonly failed: number;
  readonly timedOut: number;
  /** Questions that were not asked, by the limit that kept them back. */
  readonly refused: Readonly<Record<'feed' | 'breaker' | 'retryAfter' | 'concurrency' | 'rate' | 'budget', number>>;
  /** Occurrences without a line of their own in the log. */
  readonly warningsSuppressed: number;
};

/** The cache in diagnostics. */
export type CacheFacts = {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly purges: number;
};

/** The part that every evaluator with a relay has. */
export type LifecycleFacts = {
  /** When its state began, RFC 3339. */
  readonly stateSince: string | null;
  /** Milliseconds since the relay last confirmed the configuration in use; `null`: it never did. */
  readonly confirmedAgeMs: number | null;
  /** The base URL the next request goes to. */
  readonly endpoint: string | null;
  /** The poller and what it knows of the configuration; `null` before the start, after close, and without an endpoint. */
  readonly feed: FeedFacts | null;
  /** The change stream; `null` where there is none. */
  readonly stream: StreamFacts | null;
};

/** Who gave the snapshot in use. */
export type SnapshotOrigin = 'none' | 'bootstrap' | 'persisted' | 'relay' | 'loaded';

/** The part of an evaluator that decides in this process. */
export type InProcessFacts = {
  /** Who gave the configuration in use. */
  readonly source: SnapshotOrigin;
  /** Flags that answer PARSE_ERROR. */
  readonly brokenFlags: number;
  /** The compiled configuration. */
  readonly imageBytes: number;
  readonly quarantine: QuarantineFacts;
  /** The file of `persistPath`. */
  readonly persisted: PersistedFacts | null;
} & EngineFacts;

/** The part of an evaluator that lets the relay decide. */
export type RemoteFacts = {
  /** The relay tells of changes; a plain OFREP server does not. */
  readonly hasChangeFeed: boolean;
  /** Questions by outcome: `asked` = `answered` + `failed` + those in flight. `spared` ones needed or got no request. */
  readonly evaluations: {
    readonly asked: number;
    readonly answered: number;
    readonly failed: number;
    readonly spared: number;
    readonly waiting: number;
  };
  /** One evaluation a second is let through; the relay does not answer. */
  readonly isRelaySilent: boolean;
  /** How long the relay has asked to be left alone. */
  readonly quietForMs: number;
  readonly cache: CacheFacts | null;
  /** Answers of `evaluateAll` that are kept for their ETag. */
  readonly bulk: { readonly answers: number; readonly bytes: number };
};

type OrNull<Facts> = { readonly [Name in keyof Facts]: Facts[Name] | null };

/** Every fact of every evaluator; `null` where an evaluator has no such thing. */
export type EvaluatorFacts = LifecycleFacts &
  OrNull<InProcessFacts> &
  OrNull<RemoteFacts> & {
    /** Flags in use; `null` where the relay did not say. */
    readonly flagCount: number | null;
    readonly fallback: FallbackFacts | null;
    /** The options in use, completed; credentials and functions replaced. */
    readonly options: Readonly<Record<string, JsonValue>> | null;
  };

/** No fact of any evaluator: what stands for those that one does not tell. */
export const NO_FACTS: EvaluatorFacts = Object.freeze({
  stateSince: null,
  source: null,
  flagCount: null,
  confirmedAgeMs: null,
  endpoint: null,
  feed: null,
  stream: null,
  brokenFlags: null,
  imageBytes: null,
  guestMemoryBytes: null,
  pool: null,
  traps: null,
  rebuilds: null,
  quarantine: null,
  fallback: null,
  persisted: null,
  hasChangeFeed: null,
  evaluations: null,
  isRelaySilent: null,
  quietForMs: null,
  cache: null,
  bulk: null,
  options: null,
});
