/** One request with its response on their way through a chain. */

import type { Action, Effects, ForwardChunk, TerminateChunk } from '../model/actions.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { Chunk, ExchangeFacts, FreshBytes, HookInput, UpstreamTarget } from '../model/inputs.ts';
import type { Outcome, PolicyInstance } from '../model/instance.ts';
import { type Direction, type EndReason, Phase } from '../model/phases.ts';
import {
  type Body,
  type Gathered,
  NOTHING_GATHERED,
  type RequestView,
  type ResponseView,
  UNKNOWN_BODY,
} from '../model/views.ts';
import { actionFault } from '../reduce/check-action.ts';
import { deriveRequest, deriveResponse, settleHeaders } from '../reduce/derive.ts';
import { foldGathered, foldImmediate, foldRequest, foldResponse } from '../reduce/fold.ts';
import { metadataFault } from '../reduce/metadata.ts';
import { type Chain, isInstance } from './chain.ts';
import type { HookRun } from './decision.ts';
import { engineFault } from './engine-fault.ts';
import type { ChunkStep, ExchangePorts, RequestStep, ResponseStep } from './exchange-steps.ts';
import { HookCaller, SKIPPED } from './hook-caller.ts';
import { andThen, type MaybePromise, visitUntil } from './maybe-promise.ts';
import type { Position } from './position.ts';

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
  readonly #hooks: HookCaller;
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
    this.#hooks = new HookCaller(ports, facts.deadline);
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

  /** A policy or the engine answers in place of the upstream. */
  get isReplaced(): boolean {
    return this.#isReplaced;
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
    const index = this.#index.request++;
    return this.#chunk(Phase.requestBodyChunk, this.#chain.requestBody, { ...chunk, index });
  }

  /** One delivery of a streamed response body. */
  responseChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    const index = this.#index.response++;
    return this.#chunk(Phase.responseBodyChunk, this.#chain.responseBody, { ...chunk, index });
  }

  /** Whether any streaming policy of a side wants to see more before the held bytes are delivered. */
  needsMore(side: 'request' | 'response', pending: FreshBytes): MaybePromise<boolean> {
    const phase = side === 'request' ? Phase.needsMoreRequestData : Phase.needsMoreResponseData;
    const positions = side === 'request' ? this.#chain.requestBody : this.#chain.responseBody;
    return visitUntil(positions, ({ instance }) =>
      // A query that fails counts as "no": bytes that nobody claims go on.
      isInstance(instance) ? andThen(instance.call(phase, this.#input({ pending })), isYes) : false,
    );
  }

  /** The exchange is over. Instances that saw a chunk hook hear of it once; later calls do nothing. */
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
    const hooks = positions.flatMap((position) => [
      { position, phase: Phase.responseHeaders, side: 'responseHeaders' as const },
      { position, phase: Phase.responseBody, side: 'responseBody' as const },
    ]);
    const visit = ({ position, phase, side }: (typeof hooks)[number]): MaybePromise<boolean> => {
      const { instance } = position;
      if (!isInstance(instance) || instance.modes[side] === 'skip') return false;
      const run = this.#hooks.begin();
      return andThen(this.#hooks.call(position, phase, this.#input({ usage: run })), (answer) => {
        this.#takeAfter(position, phase, answer, run);
        return false;
      });
    };
    return andThen(visitUntil(hooks, visit), () => undefined);
  }

  #takeAfter(position: Position, phase: Phase, outcome: Outcome, run: HookRun): void {
    if (outcome.kind === 'action' && outcome.action.kind === 'response-changes') {
      const fault = this.#invalid(position, phase, outcome.action);
      if (fault === undefined) {
        this.#response = foldResponse(this.#response as ResponseView, outcome.action);
        this.#gathered = foldGathered(this.#gathered, outcome.action, this.#direction);
        this.#hooks.tell(position, phase, 'changed', run);
      } else this.#hooks.tell(position, phase, 'failed', run, policyFailure('ACTION_INVALID', fault));
      return;
    }
    if (outcome.kind === 'failure') {
      this.#hooks.tell(position, phase, 'failed', run, outcome);
      // What is built for these lists is open by default: an access log that fails must not turn answers into errors.
      if (position.failureMode === 'closed') this.#replace(this.#fault(position, outcome));
      return;
    }
    const invalid = this.#takeEffects(position, outcome);
    if (invalid !== undefined) {
      this.#hooks.tell(position, phase, 'failed', run, invalid);
      return;
    }
    // An immediate response from here would replace what is being finished: it is counted and ignored.
    this.#hooks.tell(position, phase, outcome.kind === 'action' ? 'skipped' : 'none', run);
  }

  /** True when something replaced the response. */
  #walkAll(phases: readonly (readonly [Phase, readonly Position[]])[]): MaybePromise<boolean> {
    return visitUntil(phases, ([phase, positions]) =>
      visitUntil(positions, (position) => {
        const run = this.#hooks.begin();
        const outcome = this.#hooks.call(position, phase, this.#input({ usage: run }));
        return andThen(outcome, (answer) => this.#take(position, phase, answer, run));
      }),
    );
  }

  /** Takes an outcome into the view; true when the response was replaced and the phase is over. */
  #take(position: Position, phase: Phase, outcome: Outcome, run: HookRun): boolean {
    switch (outcome.kind) {
      case 'action': {
        const { action } = outcome;
        const fault = this.#invalid(position, phase, action);
        if (fault !== undefined) return this.#failed(position, phase, policyFailure('ACTION_INVALID', fault), run);
        this.#hooks.tell(position, phase, action.kind === 'immediate' ? 'immediate' : 'changed', run);
        return this.#apply(action);
      }
      case 'failure':
        return this.#failed(position, phase, outcome, run);
      default: {
        const invalid = this.#takeEffects(position, outcome);
        if (invalid !== undefined) return this.#failed(position, phase, invalid, run);
        this.#hooks.tell(position, phase, outcome === SKIPPED ? 'skipped' : 'none', run);
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
    this.#gathered = foldGathered(this.#gathered, effects, this.#direction);
    return undefined;
  }

  #apply(action: Action): boolean {
    this.#gathered = foldGathered(this.#gathered, action, this.#direction);
    switch (action.kind) {
      case 'request-changes':
        this.#request = foldRequest(this.#request, action);
        return false;
      case 'response-changes':
        this.#response = foldResponse(this.#response as ResponseView, action);
        return false;
      case 'immediate':
        this.#replace(foldImmediate(action));
        return true;
      default:
        return false;
    }
  }

  #replace(response: ResponseView): void {
    this.#response = response;
    this.#isReplaced = true;
  }

  #failed(position: Position, phase: Phase, failure: PolicyFailure, run: HookRun): boolean {
    this.#hooks.tell(position, phase, 'failed', run, failure);
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

  #chunk(phase: Phase, positions: readonly Position[], chunk: Chunk): MaybePromise<ChunkStep> {
    let step: ChunkStep = { data: chunk.data, ends: false, failed: false };
    const isOver = visitUntil(positions, (position) => {
      if (isInstance(position.instance)) this.#streamed.add(position.instance);
      const run = this.#hooks.begin();
      const { data } = step;
      const input = this.#input({ chunk: { ...chunk, data }, usage: run });
      return andThen(this.#hooks.call(position, phase, input), (answer) => {
        step = this.#takeChunk(position, phase, answer, data, run);
        return step.ends;
      });
    });
    return andThen(isOver, (yes) => (yes ? step : { ...step, ends: chunk.endOfStream }));
  }

  #takeChunk(position: Position, phase: Phase, outcome: Outcome, data: Uint8Array, run: HookRun): ChunkStep {
    let failure = outcome.kind === 'failure' ? outcome : undefined;
    if (outcome.kind === 'action') {
      const fault = this.#invalid(position, phase, outcome.action);
      if (fault === undefined) {
        const action = outcome.action as ChunkAction;
        this.#gathered = foldGathered(this.#gathered, action, this.#direction);
        this.#hooks.tell(position, phase, 'changed', run);
        return { data: action.body ?? data, ends: action.kind === 'terminate', failed: false };
      }
      failure = policyFailure('ACTION_INVALID', fault);
    } else failure ??= this.#takeEffects(position, outcome);
    if (failure === undefined) {
      this.#hooks.tell(position, phase, outcome === SKIPPED ? 'skipped' : 'none', run);
      return { data, ends: false, failed: false };
    }
    this.#hooks.tell(position, phase, 'failed', run, failure);
    if (position.failureMode === 'open') return { data, ends: false, failed: false };
    return { data: new Uint8Array(0), ends: true, failed: true };
  }

  get #direction(): Direction {
    return this.#response === undefined ? 'request' : 'response';
  }

  #input(part: Partial<HookInput>): HookInput {
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
}

function isYes(outcome: Outcome): boolean {
  return outcome.kind === 'decision' && outcome.needsMore;
}
