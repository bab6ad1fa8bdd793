/** The OpenFeature provider: the SDK's view of an evaluator. */

import type {
  ErrorCode,
  EvaluationContext,
  FlagMetadata,
  Hook,
  JsonValue,
  Provider,
  ResolutionDetails,
  TrackingEventDetails,
} from '@openfeature/server-sdk';
import { EdictError, type EdictErrorCode } from '../errors.ts';
import { AbstractEvaluator } from '../evaluator/abstract-evaluator.ts';
import type { FlagType, Resolution } from '../evaluator/resolution.ts';
import type { EdictOptions } from '../options/edict-options.ts';
import { resolveOptions } from '../options/resolve.ts';
import type { PolicyEngine } from '../policy-engine/policy-engine.ts';
import { isHeard, publish } from '../telemetry/channels.ts';
import { Instruments } from '../telemetry/instruments.ts';
import { consoleLogger, createSafeLogger } from '../telemetry/logger.ts';
import type { FlushResult } from '../usage/usage-events.ts';
import { ContextHook } from './context-hook.ts';
import { createEvaluator } from './create-evaluator.ts';
import { completeDiagnostics, type Diagnostics } from './diagnostics.ts';
import { INSTRUMENT_ROWS } from './instrument-rows.ts';
import { LifecycleEvents } from './lifecycle-events.ts';
import { ProviderEvents } from './provider-events.ts';
import { ProviderPolicies } from './provider-policies.ts';
import { ProviderUsage } from './provider-usage.ts';
import { ProviderStartError } from './start-error.ts';

/**
 * Edict as a provider of the OpenFeature server SDK: flags are decided in-process, in WebAssembly, against a configuration
 * polled from a relay, or by the relay itself (`evaluationType: 'remote'`). A resolution never throws; when a flag cannot be
 * decided the caller gets the default with an error code and a message.
 *
 * The optional peer `@openfeature/server-sdk` (1.19 or newer) is yours to install; this class does not load it.
 *
 * @example
 * const provider = new EdictProvider({ endpoint: 'http://localhost:1031' });
 * await OpenFeature.setProviderAndWait(provider);
 * const enabled = await OpenFeature.getClient().getBooleanValue('new-checkout', false, { targetingKey: 'user-1' });
 */
export class EdictProvider<E extends AbstractEvaluator = AbstractEvaluator> implements Provider {
  /** A literal: a class's own name changes under a minifier (requirement 2.1.1). */
  readonly metadata = { name: 'edict' } as const;
  readonly runsOn = 'server';
  readonly events: ProviderEvents;
  /** The context hook, then the usage hook; registered once, whatever happens to the provider later. */
  readonly hooks: Hook[];
  /** Decides the flags without the SDK's cost, and without usage events; its life belongs to this provider. */
  readonly evaluator: E;
  readonly #lifecycle: LifecycleEvents;
  readonly #usage: ProviderUsage | undefined;
  readonly #policies: ProviderPolicies | undefined;
  readonly #instruments: Instruments<Diagnostics> | undefined;

  /** Throws `EdictError` INVALID_OPTION before any I/O. */
  constructor(options: EdictOptions);
  /**
   * Puts an evaluator of your own behind the SDK, or one that also serves others. `initialize()` starts it and `onClose()`
   * closes it. There are no usage events and no metrics, because there are no options that say where to.
   */
  constructor(evaluator: E);
  constructor(source: EdictOptions | E) {
    if (source instanceof AbstractEvaluator) {
      this.evaluator = source;
      this.events = new ProviderEvents(createSafeLogger(consoleLogger));
      this.hooks = [new ContextHook({})];
    } else {
      const options = resolveOptions(source);
      // Without a type argument E is whatever evaluator the options make.
      this.evaluator = createEvaluator(options) as E;
      this.events = new ProviderEvents(options.logger);
      this.#usage = ProviderUsage.create(options, this.evaluator);
      if (options.policies !== undefined) this.#policies = new ProviderPolicies(options, this.evaluator);
      const { meter, logger } = options;
      if (meter !== undefined) {
        this.#instruments = new Instruments(meter, INSTRUMENT_ROWS, () => this.diagnostics(), logger);
      }
      const context = new ContextHook(options.exporterMetadata);
      this.hooks = this.#usage === undefined ? [context] : [context, this.#usage.hook];
    }
    this.#lifecycle = new LifecycleEvents((type, context) =>
      this.events.emit(type as Parameters<ProviderEvents['emit']>[0], context),
    );
    this.evaluator.onChange((event) => this.#lifecycle.hear(event));
  }

  /**
   * Loads the module and the first configuration (requirement 2.4.1). Rejects with an error whose `code` is PROVIDER_FATAL for
   * refused credentials and a refused module, PROVIDER_NOT_READY otherwise, and whose `cause` is the `EdictError`; polling goes
   * on in the background, and READY follows the first configuration. Twice at the same time is one start, when ready it is one
   * refresh, after `onClose()` it begins afresh.
   */
  async initialize(): Promise<void> {
    const settled = this.#lifecycle.begin();
    this.#instruments?.register();
    this.#policies?.start();
    try {
      await this.evaluator.initialize();
    } catch (caught) {
      const error = new ProviderStartError(caught);
      if (!ENDS_FOR_GOOD.has(error.cause.code)) this.#usage?.start();
      settled({ isServing: false, error });
      throw error;
    }
    this.#usage?.start();
    const { state } = this.evaluator;
    settled({ isServing: state === 'ready' || state === 'stale' });
  }

  /**
   * Stops polling, aborts requests, sends waiting events and releases the stores, within `closeTimeoutMs` (2.5.1).
   * Idempotent; never rejects.
   */
  async onClose(): Promise<void> {
    this.#lifecycle.close();
    this.#instruments?.remove();
    await Promise.all([this.evaluator.close(), this.#usage?.close(), this.#policies?.close()]);
  }

  resolveBooleanEvaluation(
    flagKey: string,
    defaultValue: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    return this.#resolve(flagKey, defaultValue, context, 'boolean');
  }

  resolveStringEvaluation(
    flagKey: string,
    defaultValue: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    return this.#resolve(flagKey, defaultValue, context, 'string');
  }

  resolveNumberEvaluation(
    flagKey: string,
    defaultValue: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>> {
    return this.#resolve(flagKey, defaultValue, context, 'number');
  }

  /** Arrays and objects; with an array as the default only arrays, with an object only objects. The value is frozen. */
  resolveObjectEvaluation<T extends JsonValue>(
    flagKey: string,
    defaultValue: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    return this.#resolve(flagKey, defaultValue, context, 'object');
  }

  /** Records that something happened (requirement 2.7.1). Returns at once, never throws. */
  track(trackingEventName: string, context: EvaluationContext, details?: TrackingEventDetails): void {
    this.#usage?.track(trackingEventName, context, details);
  }

  /**
   * Sends waiting events now: for processes that are short-lived, or suspended between requests. Never rejects; the counts
   * say what became of the events.
   */
  flush(): Promise<FlushResult> {
    return this.#usage?.flush() ?? Promise.resolve({ sent: 0, pending: 0, dropped: 0 });
  }

  /** Asks the relay now, with a conditional request. Never rejects. */
  refresh(): Promise<'changed' | 'unchanged' | 'failed'> {
    return this.evaluator.refresh('refresh()');
  }

  /**
   * Asks the relay only when it has not confirmed the configuration in the last `maxAgeMs` milliseconds: for runtimes that are
   * suspended between requests, where no timer runs. Never rejects.
   */
  async refreshIfStale(maxAgeMs: number): Promise<'fresh' | 'changed' | 'unchanged' | 'failed'> {
    const age = this.evaluator.confirmedAgeMs;
    if (age !== undefined && age <= maxAgeMs) return 'fresh';
    return this.evaluator.refresh(`refreshIfStale(${maxAgeMs})`);
  }

  /**
   * The engine of the option `policies`, for `policyMiddleware`: it follows the relay from `initialize()` to `onClose()`, and
   * refuses every request until policies are there. Its flags are this provider's. Rejects with `INVALID_OPTION` without the
   * option.
   */
  policyEngine(): Promise<PolicyEngine> {
    const without = new EdictError(
      'INVALID_OPTION',
      'policies: got undefined; set it to follow the policies of the relay',
    );
    return this.#policies?.engine() ?? Promise.reject(without);
  }

  /** State, configuration, counters and options as plain JSON; no credential, no context value (docs/observability.md). */
  diagnostics(): Diagnostics {
    const { state } = this.evaluator;
    return completeDiagnostics(state, this.evaluator.describe(), this.#usage?.describe() ?? null);
  }

  /** Hot path: one call, one details object and one promise on top of the evaluator. */
  #resolve<T>(
    flagKey: string,
    defaultValue: T,
    context: EvaluationContext,
    type: FlagType,
  ): Promise<ResolutionDetails<T>> {
    const answer = this.evaluator.evaluate(flagKey, context, defaultValue as never, type);
    if (answer instanceof Promise) return answer.then((resolution) => this.#details<T>(resolution, context));
    return Promise.resolve(this.#details<T>(answer, context));
  }

  #details<T>(resolution: Resolution, context: EvaluationContext): ResolutionDetails<T> {
    if (resolution.errorCode !== undefined) this.#usage?.hook.noteError(resolution.metadata, context);
    if (isHeard('edict:evaluate')) {
      const { flagKey, variant, reason, errorCode } = resolution;
      publish('edict:evaluate', { flagKey, variant, reason, errorCode });
    }
    return detailsOf<T>(resolution);
  }
}

/** Starts after which nothing goes on in the background; after any other a configuration may still come, and evaluations with it. */
const ENDS_FOR_GOOD: ReadonlySet<EdictErrorCode> = new Set(['MODULE_REJECTED', 'CLOSED']);

/** Flag metadata with the flag's version, for the shared resolutions of an in-process evaluator. */
const versioned = new WeakMap<Resolution, FlagMetadata>();

/**
 * Errors are details with a code, not exceptions: the SDK (1.19 to 1.23) then answers default, code, message and metadata,
 * and keeps the metadata only this way. Members that would be undefined are left out, because the SDK copies each.
 */
function detailsOf<T>(resolution: Resolution): ResolutionDetails<T> {
  const { errorCode } = resolution;
  const details: ResolutionDetails<T> = {
    value: resolution.value as T,
    variant: resolution.variant,
    reason: resolution.reason,
    flagMetadata: resolution.version === '' ? metadataOf(resolution) : versionedMetadata(resolution),
  };
  if (errorCode !== undefined) {
    details.errorCode = errorCode as ErrorCode;
    details.errorMessage = resolution.errorMessage ?? '';
  }
  return details;
}

/** Nested values pass through (relay-and-provider §4.2); the SDK's type is narrower than what flags hold. */
function metadataOf(resolution: Resolution): FlagMetadata {
  return resolution.metadata as FlagMetadata;
}

function versionedMetadata(resolution: Resolution): FlagMetadata {
  const known = versioned.get(resolution);
  if (known !== undefined) return known;
  const metadata = Object.hasOwn(resolution.metadata, 'version')
    ? metadataOf(resolution)
    : Object.freeze({ ...metadataOf(resolution), version: resolution.version });
  // Only what is shared between calls is frozen; a resolution with the caller's default in it lives for one call.
  if (Object.isFrozen(resolution)) versioned.set(resolution, metadata);
  return metadata;
}
