/** Puts questions to a relay and turns its answers into resolutions, minding how long it asked to be left alone. */

import { EdictError, type OpenFeatureErrorCode } from '../errors.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { RelayConnection, RelayFailure } from '../relay/connection.ts';
import type { OfrepError, OfrepEvaluation } from '../relay/ofrep-answer.ts';
import { OfrepClient } from '../relay/ofrep-client.ts';
import type { AskLimits, RemoteAnswer, RemoteQuestions } from './remote-answer.ts';
import { contextJson } from './remote-context.ts';
import type { EvaluationContext, Resolution } from './resolution.ts';

/** What many flags of one context came to. */
export type RemoteAnswers =
  | {
      readonly kind: 'answered';
      readonly resolutions: readonly Resolution[];
      readonly validator: string | undefined;
      /** Size of the relay's answer. */
      readonly bytes: number;
    }
  /** What the validator stands for is still the answer. */
  | { readonly kind: 'unchanged' }
  | Extract<RemoteAnswer, { kind: 'failed' }>;

/** The relay answered, for the whole of a bulk question, that it cannot evaluate: nothing is wrong with the relay. */
export type RefusedAnswers = { readonly kind: 'refused'; readonly resolution: Resolution };

/**
 * Asks over a connection that others may share.
 *
 * INVARIANT: once an address answered with Retry-After, no question goes to it before that instant; the answer is
 * RATE_LIMITED at once. INVALID_CONTEXT as the error of a failed answer is the caller's doing, and says nothing about the relay.
 *
 * @example
 * const questions = new RelayQuestions(connection, options);
 * const answer = await questions.ask('new-checkout', { targetingKey: 'u-1' }, { timeoutMs: 50 });
 */
export class RelayQuestions implements RemoteQuestions {
  readonly #connection: RelayConnection;
  readonly #client: OfrepClient;
  readonly #options: Pick<ResolvedOptions, 'clock' | 'logger'>;
  /** When each address may be asked again, on the monotonic clock. */
  readonly #quietUntilMs = new Map<string, number>();

  constructor(connection: RelayConnection, options: Pick<ResolvedOptions, 'clock' | 'logger'>) {
    this.#connection = connection;
    this.#client = new OfrepClient(connection);
    this.#options = options;
  }

  /** How long the relay asked to be left alone from now on; 0 when it may be asked. */
  get quietForMs(): number {
    const untilMs = this.#quietUntilMs.get(this.#connection.endpoint);
    return untilMs === undefined ? 0 : Math.max(0, untilMs - this.#options.clock.monotonic());
  }

  async ask(flagKey: string, context: EvaluationContext, limits?: AskLimits): Promise<RemoteAnswer> {
    try {
      return await this.askAbout(flagKey, contextJson(context), limits);
    } catch (caught) {
      return { kind: 'failed', error: EdictError.from(caught, 'INVALID_CONTEXT') };
    }
  }

  /** The same for a context that is JSON already. */
  async askAbout(flagKey: string, json: string, limits?: AskLimits): Promise<RemoteAnswer> {
    const waiting = this.#waiting();
    if (waiting !== undefined) return waiting;
    const { endpoint } = this.#connection;
    const result = await this.#client.evaluate(flagKey, json, limits);
    if (result.kind === 'failed') return this.#failed(endpoint, result);
    return { kind: 'answered', resolution: this.#resolution(flagKey, result) };
  }

  /** All flags of a context, in the relay's order. */
  async askForAll(json: string, validator: string | undefined): Promise<RemoteAnswers | RefusedAnswers> {
    const waiting = this.#waiting();
    if (waiting !== undefined) return waiting;
    const { endpoint } = this.#connection;
    const result = await this.#client.evaluateAll(json, validator);
    switch (result.kind) {
      case 'failed':
        return this.#failed(endpoint, result);
      case 'unchanged':
        return result;
      case 'error':
        return { kind: 'refused', resolution: this.#resolution('', result) };
      default: {
        const resolutions = result.evaluations.map((one) => this.#resolution(one.key ?? '', one));
        return { kind: 'answered', resolutions, validator: result.validator, bytes: result.bytes };
      }
    }
  }

  #waiting(): Extract<RemoteAnswer, { kind: 'failed' }> | undefined {
    const retryAfterMs = this.quietForMs;
    if (retryAfterMs === 0) return undefined;
    const text = `the relay asked not to be asked for another ${Math.ceil(retryAfterMs / 1_000)} s`;
    return { kind: 'failed', error: new EdictError('RATE_LIMITED', text), retryAfterMs };
  }

  #failed(endpoint: string, { error, retryAfterMs }: RelayFailure): Extract<RemoteAnswer, { kind: 'failed' }> {
    if (retryAfterMs === undefined) return { kind: 'failed', error };
    // Of several answers in flight the longest wait counts.
    const untilMs = this.#options.clock.monotonic() + retryAfterMs;
    this.#quietUntilMs.set(endpoint, Math.max(untilMs, this.#quietUntilMs.get(endpoint) ?? 0));
    return { kind: 'failed', error, retryAfterMs };
  }

  #resolution(flagKey: string, evaluation: OfrepEvaluation): Resolution {
    // The marker is the relay's word to a cache, and no fact of the flag: metadata is then the same in both modes.
    const { [CACHEABLE_MARKER]: marker, ...metadata } = evaluation.metadata;
    const { version, evaluatedRuleName: ruleName } = metadata;
    const common = {
      flagKey,
      metadata,
      ruleIndex: undefined,
      ruleName: typeof ruleName === 'string' ? ruleName : undefined,
      version: typeof version === 'string' ? version : '',
      trackEvents: true,
    };
    if (evaluation.kind === 'error') {
      return Object.freeze({ ...common, ...this.#errorFacts(evaluation), value: null, cacheable: false });
    }
    const { value, reason, variant } = evaluation;
    return Object.freeze({
      ...common,
      value,
      variant: variant ?? (value === null ? 'SdkDefault' : ''),
      reason: reason ?? 'UNKNOWN',
      errorCode: undefined,
      errorMessage: undefined,
      engineCode: undefined,
      cacheable: marker === true,
    });
  }

  #errorFacts({
    code,
    details,
  }: OfrepError): Pick<Resolution, 'variant' | 'reason' | 'errorCode' | 'errorMessage' | 'engineCode'> {
    const known = isOpenFeatureCode(code);
    const text = known ? details || `the relay answered ${code}` : `${code}: ${details}`;
    return {
      variant: 'SdkDefault',
      reason: 'ERROR',
      errorCode: known ? code : 'GENERAL',
      // A relay, or a proxy before it, may quote the credential.
      errorMessage: this.#options.logger.redact(text),
      engineCode: code,
    };
  }
}

/** Flag metadata by which the relay says that an answer depends on the context alone. */
const CACHEABLE_MARKER = 'gofeatureflag_cacheable';

const OPEN_FEATURE_CODES: ReadonlySet<string> = new Set<OpenFeatureErrorCode>([
  'PROVIDER_NOT_READY',
  'PROVIDER_FATAL',
  'FLAG_NOT_FOUND',
  'PARSE_ERROR',
  'TYPE_MISMATCH',
  'TARGETING_KEY_MISSING',
  'INVALID_CONTEXT',
  'GENERAL',
]);

function isOpenFeatureCode(code: string): code is OpenFeatureErrorCode {
  return OPEN_FEATURE_CODES.has(code);
}
