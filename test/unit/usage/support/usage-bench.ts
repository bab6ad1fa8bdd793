/** Usage events with a collector whose answers a test decides, on a clock the test owns. */

import { EdictError, type EdictErrorCode } from '../../../../src/errors.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../../src/options/resolve.ts';
import type { RelayFailure } from '../../../../src/relay/connection.ts';
import type { OutgoingBatch, PostResult, UsageSink } from '../../../../src/usage/sink.ts';
import type { FeatureUsage } from '../../../../src/usage/usage-events.ts';
import { UsageEvents } from '../../../../src/usage/usage-events.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';

export const taken: PostResult = { kind: 'sent' };

export type Event = Record<string, unknown> & { readonly key: string };

const CODES: Readonly<Record<number, EdictErrorCode>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMITED',
};

/** The answer as the relay client reads it; 0 is a connection that failed. */
export function refused(status: number, more: Partial<RelayFailure> = {}): RelayFailure {
  const code = status === 0 ? 'NETWORK' : (CODES[status] ?? (status >= 500 ? 'UNAVAILABLE' : 'UNEXPECTED_STATUS'));
  const error = new EdictError(code, 'scripted', status === 0 ? {} : { status });
  const pace = status === 401 || status === 403 || status === 413 ? 'auth' : 'backoff';
  return { kind: 'failed', error, pace, ...more };
}

/** One evaluation; the flag key is all most tests care about. */
export function use(flagKey: string, more: Partial<FeatureUsage> = {}): FeatureUsage {
  return {
    flagKey,
    targetingKey: 'user-1',
    isAnonymous: false,
    value: true,
    variation: 'on',
    reason: 'STATIC',
    isDefault: false,
    version: undefined,
    source: 'INPROCESS',
    ...more,
  };
}

/** The events of a POST. */
export function eventsOf({ body }: Pick<OutgoingBatch, 'body'>): Event[] {
  return (JSON.parse(body) as { events: Event[] }).events;
}

type Answer = PostResult | Promise<PostResult> | Error;

/** Remembers each POST; answers come from a script whose last entry repeats. */
export class ScriptedSink implements UsageSink {
  readonly posts: (OutgoingBatch & { readonly keys: string[] })[] = [];
  inFlight = 0;
  mostInFlight = 0;
  #script: Answer[] = [taken];

  nowAnswer(...script: Answer[]): void {
    this.#script = script;
  }

  async post(batch: OutgoingBatch): Promise<PostResult> {
    this.posts.push({ ...batch, keys: eventsOf(batch).map(({ key }) => key) });
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const answer = this.#script[0] as Answer;
    if (this.#script.length > 1) this.#script.shift();
    try {
      if (answer instanceof Error) throw answer;
      return await answer;
    } finally {
      this.inFlight--;
    }
  }

  /** The event keys of all POSTs, in order. */
  get keys(): string[] {
    return this.posts.flatMap(({ keys }) => keys);
  }
}

/** An answer that comes when the test says so. */
export function later(): { readonly answer: Promise<PostResult>; give(result: PostResult): void } {
  let give: (result: PostResult) => void = () => undefined;
  const answer = new Promise<PostResult>((resolve) => {
    give = resolve;
  });
  return { answer, give: (result) => give(result) };
}

export class UsageBench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly sink = new ScriptedSink();
  readonly usage: UsageEvents;

  /** Started, unless told otherwise. Jitter is none unless `random` says otherwise. */
  constructor(options: EdictOptions = {}, isStarted = true) {
    const { clock, logger } = this;
    const resolved = resolveOptions({ endpoint: 'http://relay', random: () => 0.5, clock, logger, ...options });
    logger.lines.length = 0;
    this.usage = new UsageEvents(resolved, this.sink);
    if (isStarted) this.usage.start();
  }

  /** Evaluations of flags with these keys. */
  use(...keys: string[]): void {
    for (const key of keys) this.usage.feature(use(key));
  }

  get counts(): Counts {
    return countsOf(this.usage);
  }
}

export interface Counts {
  readonly accepted: number;
  readonly sent: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly notAccepted: Readonly<Record<string, number>>;
  readonly pending: number;
  readonly batches: Readonly<Record<string, number>>;
}

export function countsOf(usage: UsageEvents): Counts {
  return usage.describe() as unknown as Counts;
}

/** What UE-01 promises. */
export function isBalanced({ accepted, sent, dropped, pending }: Counts): boolean {
  return accepted === sent + (dropped['total'] as number) + pending;
}

/** Numbered keys. */
export function keys(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `f${from + i}`);
}
