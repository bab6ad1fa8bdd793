/** Asks a relay to evaluate one flag or many, over OFREP, and says what each answer means (relay-and-provider §1.6). */

import { EdictError } from '../errors.ts';
import { headerText } from './answer-headers.ts';
import type { RelayConnection, RelayFailure } from './connection.ts';
import { type OfrepError, type OfrepEvaluation, readError, readEvaluation, readEvaluations } from './ofrep-answer.ts';
import { OFREP_ROUTE, ofrepRoute } from './ofrep-path.ts';
import type { Answer } from './transport.ts';
import { storableValidator } from './validator.ts';

/** How one request may be bounded beyond the options. */
export interface OfrepLimits {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A bulk 200. */
export interface OfrepEvaluations {
  readonly kind: 'values';
  readonly evaluations: readonly OfrepEvaluation[];
  /** To be sent with the same question later. */
  readonly validator: string | undefined;
  /** Size of the body. */
  readonly bytes: number;
}

export type BulkResult = OfrepEvaluations | { readonly kind: 'unchanged' } | OfrepError | RelayFailure;

/**
 * Asks over a connection that others may share. Nothing is ever repeated, neither after a 401 nor at another address: an
 * evaluation is counted by the relay each time it is asked for.
 *
 * @example
 * const client = new OfrepClient(connection);
 * const result = await client.evaluate('new-checkout', '{"targetingKey":"u-1"}'); // never rejects
 */
export class OfrepClient {
  readonly #connection: RelayConnection;

  constructor(connection: RelayConnection) {
    this.#connection = connection;
  }

  /** Evaluates one flag for a context given as JSON. Never rejects. */
  async evaluate(
    flagKey: string,
    contextJson: string,
    limits: OfrepLimits = {},
  ): Promise<OfrepEvaluation | RelayFailure> {
    const route = ofrepRoute(flagKey);
    if (route === undefined) return notFound(flagKey);
    try {
      const answer = await this.#send(route, contextJson, undefined, limits);
      if (answer.status !== 200) return this.#refusal(answer);
      const evaluation = readEvaluation(answer.bytes);
      if (evaluation === undefined) return this.#unreadable('the answer is no evaluation');
      return isFor(flagKey, evaluation) ? evaluation : this.#unreadable('the answer is about another flag');
    } catch (caught) {
      return this.#connection.failure(caught);
    }
  }

  /**
   * Evaluates all flags, or those that the context's `gofeatureflag.flagList` names. With the validator of an earlier answer
   * to the same question the result may be `unchanged`. Never rejects.
   */
  async evaluateAll(contextJson: string, validator: string | undefined, limits: OfrepLimits = {}): Promise<BulkResult> {
    try {
      const answer = await this.#send(OFREP_ROUTE, contextJson, validator, limits);
      if (answer.status === 304 && validator !== undefined) return { kind: 'unchanged' };
      if (answer.status !== 200) return this.#refusal(answer);
      const evaluations = readEvaluations(answer.bytes);
      if (evaluations === undefined) return this.#unreadable('the answer is no list of evaluations');
      const etag = storableValidator(headerText(answer.headers, 'etag'));
      return { kind: 'values', evaluations, validator: etag, bytes: answer.bytes.length };
    } catch (caught) {
      return this.#connection.failure(caught);
    }
  }

  #send(
    route: string,
    contextJson: string,
    validator: string | undefined,
    { timeoutMs, signal }: OfrepLimits,
  ): Promise<Answer> {
    return this.#connection.send({
      purpose: 'evaluation',
      method: 'POST',
      route,
      body: `{"context":${contextJson}}`,
      validator,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #refusal(answer: Answer): OfrepError | RelayFailure {
    const { status, bytes } = answer;
    const error = status === 400 || status === 404 ? readError(bytes) : undefined;
    if (error !== undefined) return error;
    const refusal = this.#connection.refusal(answer, OFREP_ROUTE);
    return refusal.error.code === 'NOT_FOUND' ? { ...refusal, error: noRoute(refusal.error) } : refusal;
  }

  #unreadable(text: string): RelayFailure {
    return { kind: 'failed', error: new EdictError('INVALID_BODY', text, { status: 200 }), pace: 'backoff' };
  }
}

/** Keys that no relay can be asked for are flags that no relay has. */
function notFound(flagKey: string): OfrepError {
  const details = `Flag with key '${flagKey}' not found`;
  return { kind: 'error', key: flagKey, code: 'FLAG_NOT_FOUND', details, metadata: Object.freeze({}) };
}

/** A cache on the way that ignores the path answers with another flag's value. */
function isFor(flagKey: string, { key }: OfrepEvaluation): boolean {
  return key === undefined || key === flagKey || key === Buffer.from(flagKey, 'utf8').toString('utf8');
}

function noRoute({ requestId }: EdictError): EdictError {
  const text =
    `the relay answered 404 for ${OFREP_ROUTE} without naming a flag; ` +
    'either the base path of endpoint is wrong, or nothing there speaks OFREP';
  return new EdictError('NOT_FOUND', text, { status: 404, ...(requestId === undefined ? {} : { requestId }) });
}
