/** Where decision events go: the one port of the decision log. */

/** Events of one tenant. */
export interface DecisionBatch {
  /** Stays the same however often the batch is sent, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly tenant: string;
  readonly count: number;
  /** The events as JSON with a comma between any two. */
  readonly events: string;
  /** The events with a line feed between any two. */
  lines(): string;
}

/** What a sink did with a batch. */
export type SinkAnswer =
  | { readonly kind: 'sent' }
  /** It will be offered again, not before the time the sink asks for. */
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterMs?: number }
  /** Too large in one piece: it is offered again in halves. */
  | { readonly kind: 'too-large' }
  /** It will never be taken. */
  | { readonly kind: 'refused'; readonly message: string };

export interface DecisionSink {
  /** The signal ends the wait; what arrives later is ignored. A rejection is a failure. */
  send(batch: DecisionBatch, signal: AbortSignal): Promise<SinkAnswer>;
  /** No batch follows. */
  close?(): Promise<void>;
}
