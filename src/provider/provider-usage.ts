/** Usage events in the life of a provider: the hook, `track()`, start, flush, close and the end of the process. */

import type { EvaluationContext, TrackingEventDetails } from '@openfeature/server-sdk';
import type { AbstractEvaluator } from '../evaluator/abstract-evaluator.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { type FlushResult, UsageEvents, type UsageFacts } from '../usage/usage-events.ts';
import { ExitFlush } from './exit-flush.ts';
import { UsageHook } from './usage-hook.ts';

export class ProviderUsage {
  readonly hook: UsageHook;
  readonly #events: UsageEvents;
  readonly #closeTimeoutMs: number;
  readonly #exit: ExitFlush | undefined;

  private constructor(options: ResolvedOptions, evaluator: AbstractEvaluator) {
    const { closeTimeoutMs, flushOnExit } = options;
    this.#events = new UsageEvents(options);
    this.hook = new UsageHook(evaluator, this.#events);
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#exit = flushOnExit === 'off' ? undefined : new ExitFlush(this.#events, closeTimeoutMs);
  }

  /** `undefined` where nothing is collected, or nobody could take it. */
  static create(options: ResolvedOptions, evaluator: AbstractEvaluator): ProviderUsage | undefined {
    const { disableDataCollection, endpoint, dataCollectorBaseUrl } = options;
    if (disableDataCollection || (endpoint === undefined && dataCollectorBaseUrl === undefined)) return undefined;
    return new ProviderUsage(options, evaluator);
  }

  /** Idempotent; after `close` it begins afresh. */
  start(): void {
    this.#events.start();
    this.#exit?.arm();
  }

  track(name: string, context: EvaluationContext, details: TrackingEventDetails | undefined): void {
    this.#events.track(name, context, details);
  }

  flush(): Promise<FlushResult> {
    return this.#events.flush();
  }

  async close(): Promise<void> {
    this.#exit?.disarm();
    await this.#events.close(this.#closeTimeoutMs);
  }

  describe(): UsageFacts {
    return this.#events.describe();
  }
}
