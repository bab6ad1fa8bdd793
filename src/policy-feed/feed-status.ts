/** What a feed of policies tells of itself: plain JSON, no credential, no content. */

import type { FeedFacts, PersistedFacts, StreamFacts } from '../relay/relay-facts.ts';
import type { CacheFacts } from './content-cache.ts';
import type { DownloadFacts } from './content-download.ts';

/** Where the policies in use came from. */
export type PolicyOrigin = 'none' | 'cache' | 'relay';

/**
 * `starting`: the first answer is awaited. `current`: the relay confirmed what is in use. `stale`: what is in use was not
 * confirmed lately, or came from the cache. `no-policies`: the relay serves flags only. `failed`: nothing is in use.
 */
export type PolicyFeedState = 'starting' | 'current' | 'stale' | 'no-policies' | 'failed' | 'stopped';

/** The feed of an engine that follows a relay, at one moment. */
export interface PolicyFeedStatus {
  readonly state: PolicyFeedState;
  readonly origin: PolicyOrigin;
  /** Of the document in use. */
  readonly revision: string;
  /** The relay's address that is asked next. */
  readonly endpoint: string | null;
  /** Since the relay confirmed what is in use, in milliseconds; `null`: it never did. */
  readonly confirmedAgeMs: number | null;
  /** What a complete state lacks: modules and stores that could not be had. */
  readonly missing: readonly string[];
  readonly feed: FeedFacts | null;
  readonly stream: StreamFacts | null;
  readonly downloads: DownloadFacts | null;
  /** Contents on disk; `null` without `cacheDir`. */
  readonly cache: CacheFacts | null;
  /** The last good configuration on disk. */
  readonly persisted: PersistedFacts | null;
}
