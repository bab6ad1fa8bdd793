/** One request with its response on their way through a chain. */

import type { Action, Effects, ForwardChunk, ImmediateResponse, TerminateChunk } from '../model/actions.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { Chunk, ExchangeFacts, FreshBytes, HookInput, UpstreamTarget } from '../model/inputs.ts';
import { NONE, type Outcome, type PolicyInstance } from '../model/instance.ts';
import { type EndReason, Phase } from '../model/phases.ts';
import {
  type Body,
  type Gathered,
  NO_BODY,
  NOTHING_GATHERED,
  type RequestView,
  type ResponseView,
} from '../model/views.ts';
import { actionFault } from '../reduce/check-action.ts';
import {
  deriveRequest,
  deriveResponse,
  type RequestMutation,
  type ResponseMutation,
  settleHeaders,
} from '../reduce/derive.ts';
import { foldGathered, foldImmediate, foldRequest, foldResponse } from '../reduce/fold.ts';
import { metadataFault } from '../reduce/metadata.ts';
import { type Chain, isInstance } from './chain.ts';
import { type HookOutcome, type HookRecorder, recordOf } from './decision.ts';
import { engineFault } from './engine-fault.ts';
import { andThen, type MaybePromise } from './maybe-promise.ts';
import type { Position } from './position.ts';

/** What the exchange needs of its host. */
export interface ExchangePorts {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds from any origin, with fractions. */
  monotonic(): number;
  errorId(): string;
  readonly record?: HookRecorder;
}

/** What a sink does next with the request. */
export type RequestStep =
  | { readonly kind: 'forward'; readonly mutation: RequestMutation }
  /** The client gets this answer; the upstream is not asked. */
  | { readonly kind: 'respond'; readonly response: ResponseView };

/** What a sink does next with the response. */
export interface ResponseStep {
  readonly mutation: ResponseMutation;
  /** The response as the client gets it. */
  readonly response: ResponseView;
  /** A policy or the engine answered in place of the upstream: nothing of its answer is left. */
  readonly isReplaced: boolean;
}

/** What becomes of one delivery of a streamed body. */
export interface ChunkStep {
  readonly data: Uint8Array;
  /** The stream ends here; the rest of the other side's body is discarded. */
  readonly ends: boolean;
  /** The direction is given up because a policy failed closed. */
  readonly failed: boolean;
}

type ChunkAction = ForwardChunk | TerminateChunk;

/**
 * INVARIANT: policies answer with actions, and only `fold` changes a view, so that what the next policy sees and what the
 * wire gets come from the same place.
 *
 * Steps are called by the sink in order: request headers, request body or chunks, response headers, response body or
 * chunks, `end`. Each is synchronous for as long as its policies are. None throws.
 */
export class Exchange {
  readonly #chain: Chain;
  readonly #facts: ExchangeFacts;
  readonly #ports: ExchangePorts;
  readonly #downstream: NonNullable<HookInput['downstream']>;
  readonly #sticky = new Map<Position, boolean>();
  readonly #streamed = new Set<PolicyInstance>();
  #requestBase: RequestView;
  #request: RequestView;
  #responseBase: ResponseView | undefined;
  #response: ResponseView | undefined;
  #upstream: UpstreamTarget | undefined;
  #upstreamResponse: HookInput['upstreamResponse'];
  #gathered: Gathered;
  #isReplaced = false;
  #isFinished = false;
  readonly #index = { request: 0, response: 0 };

  constructor(
    chain: Chain,
    facts: ExchangeFacts,
    request: RequestView,
    ports: ExchangePorts,
    more: { readonly upstream?: UpstreamTarget; readonly gathered?: Gathered } = {},
  ) {
    this.#chain = chain;
    this.#facts = facts;
    this.#ports = ports;
    this.#requestBase = request;
    this.#request = request;
    this.#upstream = more.upstream;
    this.#gathered = more.gathered ?? NOTHING_GATHERED;
    const { headers, path, method, authority, scheme } = request;
    this.#downstream = Object.freeze({ headers, path, method, authority, scheme });
  }

  get request(): RequestView {
    return this.#request;
  }

  get response(): ResponseView | undefined {
    return this.#response;
  }

  get gathered(): Gathered {
    return this.#gathered;
  }

  /**
   * The header step of the request. `body` says what is known of the body: `none` runs the body hooks here, `stream` the
   * late positions too, `buffer` leaves both to `requestBody`.
   */
  requestHeaders(body: 'none' | 'buffer' | 'stream'): MaybePromise<RequestStep> {
    const { requestHeaders, requestBody, lateRequestHeaders } = this.#chain;
    const phases: [Phase, readonly Position[]][] = [[Phase.requestHeaders, requestHeaders]];
    if (body === 'none') phases.push([Phase.requestBody, requestBody]);
    if (body !== 'buffer') phases.push([Phase.requestHeaders, lateRequestHeaders]);
    return andThen(this.#walkAll(phases), () => this.#requestStep());
  }

  /** The whole body of the request. */
  requestBody(body: Body): MaybePromise<RequestStep> {
    this.#request = { ...this.#request, body };
    this.#requestBase = { ...this.#requestBase, body };
    const { requestBody, lateRequestHeaders } = this.#chain;
    const phases: [Phase, readonly Position[]][] = [
      [Phase.requestBody, requestBody],
      [Phase.requestHeaders, lateRequestHeaders],
    ];
    return andThen(this.#walkAll(phases), () => this.#requestStep());
  }

  /** The header step of the response; `body` as for the request. */
  responseHeaders(response: ResponseView, body: 'none' | 'buffer' | 'stream'): MaybePromise<ResponseStep> {
    this.#responseBase = response;
    this.#response = response;
    this.#upstreamResponse = Object.freeze({ headers: response.headers, status: response.status });
    const { responseHeaders, responseBody, lateResponseHeaders } = this.#chain;
    const phases: [Phase, readonly Position[]][] = [[Phase.responseHeaders, responseHeaders]];
    if (body === 'none') phases.push([Phase.responseBody, responseBody]);
    if (body !== 'buffer') phases.push([Phase.responseHeaders, lateResponseHeaders]);
    return andThen(this.#walkAll(phases), (stopped) =>
      body === 'buffer' && !stopped ? this.#responseStep() : andThen(this.#finish(), () => this.#responseStep()),
    );
  }

  /** The whole body of the response. */
  responseBody(body: Body): MaybePromise<ResponseStep> {
    if (this.#response !== undefined && !this.#isReplaced) {
      this.#response = { ...this.#response, body };
      this.#responseBase = { ...(this.#responseBase as ResponseView), body };
    }
    const { responseBody, lateResponseHeaders } = this.#chain;
    const phases: [Phase, readonly Position[]][] = [
      [Phase.responseBody, responseBody],
      [Phase.responseHeaders, lateResponseHeaders],
    ];
    return andThen(this.#isReplaced ? true : this.#walkAll(phases), () =>
      andThen(this.#finish(), () => this.#responseStep()),
    );
  }

  /** One delivery of a streamed request body. */
  requestChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    return this.#chunk(Phase.requestBodyChunk, this.#chain.requestBody, {
      ...chunk,
      index: this.#index.request++,
    });
  }

  /** One delivery of a streamed response body. */
  responseChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    return this.#chunk(Phase.responseBodyChunk, this.#chain.responseBody, {
      ...chunk,
      index: this.#index.response++,
    });
  }

  /** Whether any streaming policy of a side wants to see more before the held bytes are delivered. */
  needsMore(side: 'request' | 'response', pending: FreshBytes): MaybePromise<boolean> {
    const phase = side === 'request' ? Phase.needsMoreRequestData : Phase.needsMoreResponseData;
    const positions = side === 'request' ? this.#chain.requestBody : this.#chain.responseBody;
    const ask = (at: number): MaybePromise<boolean> => {
      for (let i = at; i < positions.length; i++) {
        const { instance } = positions[i] as Position;
        if (!isInstance(instance)) continue;
        const outcome = instance.call(phase, { ...this.#input(), pending });
        if (outcome instanceof Promise) {
          return outcome.then((answer) => (isYes(answer) ? true : ask(i + 1)));
        }
        // A query that fails counts as "no": bytes that nobody claims go on.
        if (isYes(outcome)) return true;
      }
      return false;
    };
    return ask(0);
  }

  /**
   * The exchange is over. Instances that saw a chunk hook hear of it once; later calls do nothing.
   */
  end(reason: EndReason, streamId: number): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    for (const instance of this.#streamed) instance.streamEnd?.(streamId, reason);
    this.#streamed.clear();
  }

  /** An answer of the engine itself: overload, a body over its limit, a chain that is not ready. */
  refuse(status: number, description: string): MaybePromise<ResponseView> {
    this.#replace(engineFault(status, this.#ports.errorId(), description));
    return andThen(this.#finish(), () => this.#final());
  }

  #requestStep(): MaybePromise<RequestStep> {
    if (this.#isReplaced) {
      return andThen(this.#finish(), () => ({ kind: 'respond' as const, response: this.#final() }));
    }
    const mutation = deriveRequest(this.#requestBase, this.#request);
    this.#request = { ...this.#request, headers: settleHeaders(this.#requestBase, this.#request) };
    this.#requestBase = this.#request;
    return { kind: 'forward', mutation };
  }

  #responseStep(): ResponseStep {
    const base = this.#responseBase as ResponseView;
    const mutation = deriveResponse(base, this.#response as ResponseView);
    const response = this.#final();
    this.#responseBase = response;
    this.#response = response;
    return { mutation, response, isReplaced: this.#isReplaced };
  }

  /** The response with the headers that follow from its body. */
  #final(): ResponseView {
    const view = this.#response as ResponseView;
    const base = this.#responseBase ?? { headers: view.headers, body: UNKNOWN_BODY, status: view.status };
    return { ...view, headers: settleHeaders(base, view) };
  }

  /** Faulty responses pass `onFault`; then, whatever happened, `finally`. */
  #finish(): MaybePromise<void> {
    const { onFault, finally: last } = this.#chain;
    const isFault = this.#response?.fault !== undefined;
    if ((!isFault || onFault.length === 0) && last.length === 0) return;
    return andThen(isFault ? this.#walkAfter(onFault) : undefined, () => this.#walkAfter(last));
  }

  /** Response hooks of positions that can change the outcome but not replace it. */
  #walkAfter(positions: readonly Position[]): MaybePromise<void> {
    const step = (at: number): MaybePromise<void> => {
      for (let i = at; i < positions.length * 2; i++) {
        const position = positions[i >> 1] as Position;
        const phase = (i & 1) === 0 ? Phase.responseHeaders : Phase.responseBody;
        const { instance } = position;
        const side = phase === Phase.responseHeaders ? 'responseHeaders' : 'responseBody';
        if (!isInstance(instance) || instance.modes[side] === 'skip') continue;
        const began = this.#ports.monotonic();
        const outcome = this.#call(position, phase);
        if (outcome instanceof Promise) {
          return outcome.then((answer) => {
            this.#takeAfter(position, phase, answer, began);
            return step(i + 1);
          });
        }
        this.#takeAfter(position, phase, outcome, began);
      }
    };
    return step(0);
  }

  #takeAfter(position: Position, phase: Phase, outcome: Outcome, began: number): void {
    if (outcome.kind === 'action' && outcome.action.kind === 'response-changes') {
      const fault = this.#invalid(position, phase, outcome.action);
      if (fault === undefined) {
        this.#response = foldResponse(this.#response as ResponseView, outcome.action);
        this.#gathered = foldGathered(this.#gathered, outcome.action);
        this.#tell(position, phase, 'changed', began);
      } else this.#tell(position, phase, 'failed', began, policyFailure('ACTION_INVALID', fault));
      return;
    }
    if (outcome.kind === 'failure') {
      this.#tell(position, phase, 'failed', began, outcome);
      // What is built for these lists is open by default: an access log that fails must not turn answers into errors.
      if (position.failureMode === 'closed') this.#replace(this.#fault(position, outcome));
      return;
    }
    const invalid = this.#takeEffects(position, outcome);
    if (invalid !== undefined) {
      this.#tell(position, phase, 'failed', began, invalid);
      return;
    }
    // An immediate response from here would replace what is being finished: it is counted and ignored.
    this.#tell(position, phase, outcome.kind === 'action' ? 'skipped' : 'none', began);
  }

  /** True when something replaced the response. */
  #walkAll(phases: readonly (readonly [Phase, readonly Position[]])[], at = 0): MaybePromise<boolean> {
    for (let i = at; i < phases.length; i++) {
      const [phase, positions] = phases[i] as readonly [Phase, readonly Position[]];
      const stopped = this.#walk(phase, positions, 0);
      if (stopped instanceof Promise) {
        return stopped.then((yes) => (yes ? true : this.#walkAll(phases, i + 1)));
      }
      if (stopped) return true;
    }
    return false;
  }

  #walk(phase: Phase, positions: readonly Position[], at: number): MaybePromise<boolean> {
    for (let i = at; i < positions.length; i++) {
      const position = positions[i] as Position;
      const began = this.#ports.monotonic();
      const outcome = this.#call(position, phase);
      if (outcome instanceof Promise) {
        return outcome.then((answer) =>
          this.#take(position, phase, answer, began) ? true : this.#walk(phase, positions, i + 1),
        );
      }
      if (this.#take(position, phase, outcome, began)) return true;
    }
    return false;
  }

  /** Everything that can keep a hook from being called, then the call. */
  #call(position: Position, phase: Phase, part: Partial<HookInput> = {}): Outcome | Promise<Outcome> {
    const { instance } = position;
    if (!isInstance(instance)) return instance;
    const input = this.#input(part);
    if (position.condition !== undefined) {
      const holds = this.#holds(position, phase, input);
      if (holds !== true) return holds === false ? SKIPPED : holds;
    }
    if (this.#ports.now() > this.#facts.deadline) return OUT_OF_TIME;
    const body = phase === Phase.requestBody ? input.request.body : input.response?.body;
    const isBodyPhase = phase === Phase.requestBody || phase === Phase.responseBody;
    if (isBodyPhase && body?.truncated === true && !position.acceptsTruncated) return INCOMPLETE;
    return instance.call(phase, input);
  }

  #holds(position: Position, phase: Phase, input: HookInput): boolean | PolicyFailure {
    const known = this.#sticky.get(position);
    if (known !== undefined) return known;
    const answer = (position.condition as NonNullable<Position['condition']>).test(phase, input);
    if (typeof answer !== 'boolean') return policyFailure('CONDITION_ERROR', answer.error);
    if (position.sticky) this.#sticky.set(position, answer);
    return answer;
  }

  /** Takes an outcome into the view; true when the response was replaced and the phase is over. */
  #take(position: Position, phase: Phase, outcome: Outcome, began: number): boolean {
    switch (outcome.kind) {
      case 'action': {
        const { action } = outcome;
        const fault = this.#invalid(position, phase, action);
        if (fault !== undefined) return this.#failed(position, phase, policyFailure('ACTION_INVALID', fault), began);
        this.#tell(position, phase, action.kind === 'immediate' ? 'immediate' : 'changed', began);
        return this.#apply(action);
      }
      case 'failure':
        return this.#failed(position, phase, outcome, began);
      default: {
        const invalid = this.#takeEffects(position, outcome);
        if (invalid !== undefined) return this.#failed(position, phase, invalid, began);
        this.#tell(position, phase, outcome === SKIPPED ? 'skipped' : 'none', began);
        return false;
      }
    }
  }

  /** Why an action may not be applied now. */
  #invalid(position: Position, phase: Phase, action: Action): string | undefined {
    return (
      actionFault(action, phase, position.grants) ??
      metadataFault(this.#gathered.metadata, action.metadataPatch, position.grants.metadataWrites)
    );
  }

  /** What a hook did beside an answer that changes nothing; a failure when it may not. */
  #takeEffects({ grants }: Position, outcome: Outcome): PolicyFailure | undefined {
    const effects: Effects | undefined = outcome.kind === 'none' ? outcome.effects : undefined;
    if (effects === undefined) return undefined;
    const fault = metadataFault(this.#gathered.metadata, effects.metadataPatch, grants.metadataWrites);
    if (fault !== undefined) return policyFailure('ACTION_INVALID', fault);
    this.#gathered = foldGathered(this.#gathered, effects);
    return undefined;
  }

  #apply(action: Action): boolean {
    this.#gathered = foldGathered(this.#gathered, action);
    switch (action.kind) {
      case 'request-changes':
        this.#request = foldRequest(this.#request, action);
        return false;
      case 'response-changes':
        this.#response = foldResponse(this.#response as ResponseView, action);
        return false;
      case 'immediate':
        return this.#immediate(action);
      default:
        return false;
    }
  }

  #immediate(action: ImmediateResponse): boolean {
    this.#replace(foldImmediate(action));
    return true;
  }

  #replace(response: ResponseView): void {
    this.#response = response;
    this.#isReplaced = true;
  }

  #failed(position: Position, phase: Phase, failure: PolicyFailure, began: number): boolean {
    this.#tell(position, phase, 'failed', began, failure);
    const { failureMode } = position;
    if (failureMode === 'open') return false;
    if (failureMode !== 'closed') {
      const { fallback } = failureMode;
      if (this.#invalid(position, phase, fallback) === undefined) return this.#apply(fallback);
    }
    this.#replace(this.#fault(position, failure));
    return true;
  }

  #fault({ policy, key, failureStatus }: Position, { code }: PolicyFailure): ResponseView {
    return engineFault(failureStatus, this.#ports.errorId(), `${policy.name} (${key}): ${code}`);
  }

  #chunk(phase: Phase, positions: readonly Position[], chunk: Chunk, at = 0): MaybePromise<ChunkStep> {
    let { data } = chunk;
    for (let i = at; i < positions.length; i++) {
      const position = positions[i] as Position;
      if (isInstance(position.instance)) this.#streamed.add(position.instance);
      const began = this.#ports.monotonic();
      const outcome = this.#call(position, phase, { chunk: { ...chunk, data } });
      if (outcome instanceof Promise) {
        return outcome.then((answer) => {
          const taken = this.#takeChunk(position, phase, answer, data, began);
          return taken.ends || taken.failed
            ? taken
            : this.#chunk(phase, positions, { ...chunk, data: taken.data }, i + 1);
        });
      }
      const taken = this.#takeChunk(position, phase, outcome, data, began);
      if (taken.ends || taken.failed) return taken;
      data = taken.data;
    }
    return { data, ends: chunk.endOfStream, failed: false };
  }

  #takeChunk(position: Position, phase: Phase, outcome: Outcome, data: Uint8Array, began: number): ChunkStep {
    let failure = outcome.kind === 'failure' ? outcome : undefined;
    if (outcome.kind === 'action') {
      const fault = this.#invalid(position, phase, outcome.action);
      if (fault === undefined) {
        const action = outcome.action as ChunkAction;
        this.#gathered = foldGathered(this.#gathered, action);
        this.#tell(position, phase, 'changed', began);
        return { data: action.body ?? data, ends: action.kind === 'terminate', failed: false };
      }
      failure = policyFailure('ACTION_INVALID', fault);
    } else failure ??= this.#takeEffects(position, outcome);
    if (failure === undefined) {
      this.#tell(position, phase, outcome === SKIPPED ? 'skipped' : 'none', began);
      return { data, ends: false, failed: false };
    }
    this.#tell(position, phase, 'failed', began, failure);
    if (position.failureMode === 'open') return { data, ends: false, failed: false };
    return { data: new Uint8Array(0), ends: true, failed: true };
  }

  #input(part: Partial<HookInput> = {}): HookInput {
    return {
      exchange: this.#facts,
      request: this.#request,
      gathered: this.#gathered,
      downstream: this.#downstream,
      ...(this.#response === undefined ? {} : { response: this.#response }),
      ...(this.#upstream === undefined ? {} : { upstream: this.#upstream }),
      ...(this.#upstreamResponse === undefined ? {} : { upstreamResponse: this.#upstreamResponse }),
      ...part,
    };
  }

  #tell(position: Position, phase: Phase, outcome: HookOutcome, began: number, failure?: PolicyFailure): void {
    const { record, monotonic } = this.#ports;
    if (record !== undefined) record(recordOf(position, phase, outcome, (monotonic() - began) * 1_000, failure));
  }
}

/** A condition that does not hold. Apart from NONE, so that it is recorded as what it is. */
const SKIPPED: Outcome = Object.freeze({ ...NONE });

const OUT_OF_TIME = Object.freeze(policyFailure('DEADLINE_EXCEEDED', 'the chain ran out of time before this policy'));
const INCOMPLETE = Object.freeze(policyFailure('TRUNCATED', 'the body was cut at its limit'));

/** Makes every body a changed one, so that a response without a base gets its length. */
const UNKNOWN_BODY: Body = Object.freeze({ ...NO_BODY, endOfStream: false });

function isYes(outcome: Outcome): boolean {
  return outcome.kind === 'decision' && outcome.needsMore;
}
