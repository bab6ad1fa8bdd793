/** Where batches of events go: the one port of this room. */

import type { RelayFailure } from '../relay/connection.ts';

/** One POST. */
export interface OutgoingBatch {
  /** Stays the same however often the batch is sent, so that a collector can tell a repetition. */
  readonly id: string;
  /** The JSON document. */
  readonly body: string;
}

/** `failed` says how long to wait before the next try, and its error's status what to do with the batch. */
export type PostResult = { readonly kind: 'sent' } | RelayFailure;

export interface UsageSink {
  /** Sends one batch. The signal ends the wait; what arrives later is ignored. */
  post(batch: OutgoingBatch, signal: AbortSignal): Promise<PostResult>;
  /** Ends connections at the end of a life; absent where the sink belongs to somebody else. */
  close?(): Promise<void>;
}
