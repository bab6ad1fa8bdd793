/** The words between the feed and the evaluator that owns it: ports, events, outcomes. */

import type { EdictError } from '../errors.ts';
import type { ConfigurationResult } from './configuration-client.ts';
import type { RelayFailure } from './connection.ts';

/** What a feed is about: its configuration is made of these. */
export type FeedContents = 'flags' | 'routes';

/** What the feed must know of a compiled configuration. */
export interface CompiledFacts {
  /** Of routes in a feed of policies. */
  readonly flagCount: number;
  /** The document had `errorCode`, `errorDetails` or `message`; matters only when it has no flags. */
  readonly suspicious: boolean;
}

/** What is known of a configuration beside its content. */
export interface ConfigurationMeta {
  /** SHA-256 of the body in hex. */
  readonly digest: string;
  readonly validator?: string;
  readonly lastModified?: string;
  readonly relayVersion?: string;
}

/** What the feed needs from its owner. */
export interface FeedPorts<C extends CompiledFacts> {
  /** Never rejects; see `ConfigurationClient.fetch`. */
  fetch(validator: string | undefined): Promise<ConfigurationResult>;
  /** Rejects with an `EdictError` (INVALID_BODY, CONFIGURATION_TOO_LARGE …) when the body cannot be used. */
  compile(body: Uint8Array): Promise<C>;
  /**
   * Makes the configuration the one in use, at once or when the promise resolves. The validator is kept only when this returns,
   * or resolves; what it throws is a failed refresh.
   */
  publish(compiled: C, meta: ConfigurationMeta): void | Promise<void>;
  /** How many flags (or routes) are in use now, whoever loaded them; zero from the relay are guarded while there are any. */
  flagsInUse(): number;
  onEvent(event: FeedEvent): void;
  /** The relay said that the configuration in use is still its own. */
  onConfirmed?(): void;
}

/** Of one refresh the events come in this order: `recovered`, `published`; or `failed`, `stale`. */
export type FeedEvent =
  /** After `publish` returned. `first`: the first configuration this feed published. */
  | { readonly type: 'published'; readonly first: boolean; readonly meta: ConfigurationMeta }
  /** The first success after `stale`, or after a start whose outcome was not `loaded`. */
  | { readonly type: 'recovered' }
  /** One refresh failed; there is always another attempt, unless polling is off (then `nextAttemptInMs` is absent). */
  | {
      readonly type: 'failed';
      readonly error: EdictError;
      readonly consecutiveFailures: number;
      readonly nextAttemptInMs?: number;
    }
  /** Once per outage, while a configuration is in use: failures passed the limit, or credentials were refused. */
  | { readonly type: 'stale'; readonly error: EdictError; readonly message: string }
  /** Stale for longer than `errorAfterStaleMs`; once per outage. */
  | { readonly type: 'overdue'; readonly error: EdictError }
  /** A credible empty answer while flags are in use: nothing was written, another look follows. */
  | { readonly type: 'held' };

/** What is in use already when the feed starts. */
export interface LocalState {
  readonly hasLocal: boolean;
  /**
   * What is known of it when it came from this relay once: its validator goes out with the first request, so that a 304, or the
   * same content again, confirms it.
   */
  readonly known?: ConfigurationMeta;
}

export type StartOutcome =
  | { readonly kind: 'loaded' }
  /** The loop goes on, unless the code is CLOSED. UNAUTHORIZED and FORBIDDEN are the fatal ones. */
  | { readonly kind: 'failed'; readonly error: EdictError }
  /** Only with a local configuration: the relay said "zero flags" once. */
  | { readonly kind: 'held' };

export type RefreshResult = 'changed' | 'unchanged' | 'held' | 'failed';

/** How one attempt ended. */
export type Attempt =
  | { readonly kind: 'changed'; readonly first: boolean; readonly meta: ConfigurationMeta }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'held' }
  | RelayFailure;
