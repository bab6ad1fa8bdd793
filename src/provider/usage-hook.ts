/** The usage hook: tells the data collector which flag answered what (relay-and-provider §6.2, §6.3). */

import type { EvaluationDetails, FlagValue, Hook, HookContext } from '@openfeature/server-sdk';
import type { AbstractEvaluator } from '../evaluator/abstract-evaluator.ts';
import type { JsonValue } from '../internal/json.ts';
import type { FeatureUsage, UsageEvents } from '../usage/usage-events.ts';

/** Flag metadata of an answer that the relay gave in place of the engine; the relay has recorded it itself. */
export const EVALUATED_REMOTELY = 'gofeatureflag_evaluated_remotely';

/**
 * Silent for flags that are not trackable, and for answers of the relay itself: it records those. Never throws, waits for
 * nothing, keeps nothing of the context but two facts.
 */
export class UsageHook implements Hook {
  readonly #evaluator: Pick<AbstractEvaluator, 'isTrackable' | 'isRemote'>;
  readonly #events: Pick<UsageEvents, 'feature'>;
  /** Contexts whose evaluation the relay answered with an error: the SDK shows the error stage no flag metadata. */
  readonly #answeredRemotely = new WeakSet<object>();

  constructor(evaluator: Pick<AbstractEvaluator, 'isTrackable' | 'isRemote'>, events: Pick<UsageEvents, 'feature'>) {
    this.#evaluator = evaluator;
    this.#events = events;
  }

  /** An evaluation of this context ended with an error: remembers whether it was the relay's. */
  noteError(metadata: Readonly<Record<string, unknown>>, context: object): void {
    if (metadata[EVALUATED_REMOTELY] === true) this.#answeredRemotely.add(context);
  }

  after(hookContext: HookContext, details: EvaluationDetails<FlagValue>): void {
    const { flagMetadata, reason, variant, value } = details;
    const isHit = reason === 'CACHED';
    if (this.#evaluator.isRemote && !isHit) return;
    if (flagMetadata[EVALUATED_REMOTELY] === true) return;
    const { version } = flagMetadata;
    this.#tell(hookContext, {
      value: value as JsonValue,
      variation: variant ?? 'SdkDefault',
      reason: reason ?? 'UNKNOWN',
      isDefault: false,
      version: typeof version === 'string' ? version : undefined,
      source: isHit ? 'PROVIDER_CACHE' : 'INPROCESS',
    });
  }

  error(hookContext: HookContext): void {
    if (this.#evaluator.isRemote || this.#answeredRemotely.has(hookContext.context)) return;
    this.#tell(hookContext, {
      value: hookContext.defaultValue as JsonValue,
      variation: 'SdkDefault',
      reason: 'ERROR',
      isDefault: true,
      version: undefined,
      source: 'INPROCESS',
    });
  }

  #tell(
    { flagKey, context }: HookContext,
    facts: Omit<FeatureUsage, 'flagKey' | 'targetingKey' | 'isAnonymous'>,
  ): void {
    if (!this.#evaluator.isTrackable(flagKey)) return;
    const { targetingKey, anonymous } = context;
    const key = typeof targetingKey === 'string' && targetingKey !== '' ? targetingKey : undefined;
    this.#events.feature({ flagKey, targetingKey: key, isAnonymous: anonymous === true, ...facts });
  }
}
