/** Which of the evaluator's events become provider events, and when (relay-and-provider §5.1, §6.1). */

import type { ErrorCode, EventContext, ServerProviderEvents } from '@openfeature/server-sdk';
import type { OpenFeatureErrorCode } from '../errors.ts';
import type { EvaluatorEvent } from '../evaluator/abstract-evaluator.ts';

type EventName = `${ServerProviderEvents}`;
type Announced = 'nothing' | 'ready' | 'stale' | 'error';

/** How an `initialize()` ended. */
export interface StartOutcome {
  /** There is a configuration to decide with; not so after a lenient start without the relay. */
  readonly isServing: boolean;
  /** What it rejected with. */
  readonly error?: { readonly code: OpenFeatureErrorCode; readonly message: string };
}

/** Emits one provider event. */
export type EmitEvent = (eventType: EventName, context: EventContext) => void;

/**
 * The SDK announces READY or ERROR itself when `initialize()` settles: a provider event emitted before that is lost, and one
 * emitted just after it makes every READY handler run twice. So nothing leaves before the first macrotask after `initialize()`
 * settled, and no status is announced twice in a row.
 *
 * `ownsLifecycleEvents` turns this around, for SDKs that leave the announcement to the provider (OpenFeature specification
 * 0.9.0): READY or ERROR then leave before `initialize()` settles. False until an SDK says so (js-sdk#1362).
 */
export class LifecycleEvents {
  readonly #emit: EmitEvent;
  readonly #ownsLifecycleEvents: boolean;
  #announced: Announced = 'nothing';
  #hasServed = false;
  #pending: EvaluatorEvent[] = [];
  /** Starts that are under way, or whose macrotask has not come yet. */
  #starts = 0;
  #life = 0;

  constructor(emit: EmitEvent, ownsLifecycleEvents = false) {
    this.#emit = emit;
    this.#ownsLifecycleEvents = ownsLifecycleEvents;
  }

  /** `initialize()` was called; the function it gives is called with how that ended. */
  begin(): (outcome: StartOutcome) => void {
    const life = this.#life;
    this.#starts++;
    return (outcome) => {
      if (life !== this.#life) return;
      if (outcome.isServing) this.#hasServed = true;
      const { error } = outcome;
      if (this.#ownsLifecycleEvents) {
        if (error === undefined) this.#tellReady();
        else this.#tellError(error.code, error.message);
      } else if (this.#announced === 'nothing') this.#announced = error === undefined ? 'ready' : 'error';
      setImmediate(() => this.#open(life));
    };
  }

  /** Takes an event of the evaluator. */
  hear(event: EvaluatorEvent): void {
    // Whoever was not told that the provider is ready has seen no configuration that could have changed.
    if (event.type === 'changed' && this.#announced === 'nothing') return;
    if (this.#starts > 0) this.#pending.push(event);
    else this.#tell(event);
  }

  /** `onClose()` was called: nothing of this life is told any more. */
  close(): void {
    this.#life++;
    this.#starts = 0;
    this.#pending = [];
    this.#announced = 'nothing';
    this.#hasServed = false;
  }

  #open(life: number): void {
    if (life !== this.#life) return;
    this.#starts--;
    if (this.#starts > 0) return;
    const pending = this.#pending;
    this.#pending = [];
    for (const event of pending) this.#tell(event);
  }

  #tell(event: EvaluatorEvent): void {
    switch (event.type) {
      case 'ready':
        this.#hasServed = true;
        this.#tellReady();
        return;
      case 'stale':
        if (this.#announced === 'stale') return;
        this.#announced = 'stale';
        this.#hasServed = true;
        this.#emit('PROVIDER_STALE', { message: event.message });
        return;
      case 'error':
        this.#tellError(this.#hasServed ? event.error.openFeatureCode : 'PROVIDER_NOT_READY', event.error.message);
        return;
      default:
        this.#emit('PROVIDER_CONFIGURATION_CHANGED', { flagsChanged: [...event.flagsChanged] });
    }
  }

  #tellReady(): void {
    if (this.#announced === 'ready') return;
    this.#announced = 'ready';
    this.#emit('PROVIDER_READY', {});
  }

  #tellError(code: OpenFeatureErrorCode, message: string): void {
    if (this.#announced === 'error') return;
    this.#announced = 'error';
    this.#emit('PROVIDER_ERROR', { message, errorCode: code as ErrorCode });
  }
}
