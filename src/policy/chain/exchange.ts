/** One request with its response on their way through a chain. */

import type { Action, ImmediateResponse } from '../model/actions.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import { HeaderMap } from '../model/headers.ts';
import type { Chunk, ExchangeFacts, FreshBytes, HookInput, UpstreamTarget } from '../model/inputs.ts';
import type { Outcome } from '../model/instance.ts';
import { type Direction, type EndReason, Phase } from '../model/phases.ts';
import {
  type Body,
  type Gathered,
  NO_BODY,
  NOTHING_GATHERED,
  type RequestView,
  type ResponseView,
  UNKNOWN_BODY,
} from '../model/views.ts';
import { deriveRequest, deriveResponse, settleHeaders, streamedHeaders } from '../reduce/derive.ts';
import { foldImmediate, foldRequest, foldResponse } from '../reduce/fold.ts';
import { type Chain, isInstance } from './chain.ts';
import { ChunkWalk } from './chunk-walk.ts';
import type { HookRun } from './decision.ts';
import { engineFault } from './engine-fault.ts';
import type { ChunkStep, ExchangePorts, RequestStep, ResponseStep } from './exchange-steps.ts';
import { Gathering } from './gathering.ts';
import { HookCaller } from './hook-caller.ts';
import { andThen, type MaybePromise, visitUntil } from './maybe-promise.ts';
import type { Position } from './position.ts';

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
  readonly #gathering: Gathering;
  readonly #chunks: ChunkWalk;
  #requestBase: RequestView;
  #request: RequestView;
  #responseBase: ResponseView | undefined;
  #response: ResponseView | undefined;
  #upstream: UpstreamTarget | undefined;
  #upstreamResponse: HookInput['upstreamResponse'];
  #isReplaced = false;
  #isStreamed = false;
  /** `finally` has begun. */
  #isFinished = false;
  #isOver = false;

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
    this.#hooks = new HookCaller(ports, facts);
    this.#requestBase = request;
    this.#request = request;
    this.#upstream = more.upstream;
    this.#gathering = new Gathering(more.gathered ?? NOTHING_GATHERED);
    this.#chunks = new ChunkWalk({
      hooks: this.#hooks,
      gathering: this.#gathering,
      input: (part) => this.#input(part),
    });
    const { headers, path, method, authority, scheme } = request;
    this.#downstream = Object.freeze({ headers, path, method, authority, scheme });
  }

  get request(): RequestView {
    return this.#request;
  }

  get response(): ResponseView | undefined {
    return this.#response;
  }

  /** Whether the response may pass the chain in pieces. Bodies of MCP routes are messages, whatever their framing says. */
  get streamsResponse(): boolean {
    return this.#chain.streamsResponse && this.#facts.api.kind !== 'Mcp';
  }

  /** A policy or the engine answered in place of the upstream. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  get gathered(): Gathered {
    return this.#gathering.now;
  }

  /**
   * The header step of the request. `body` says what is known of the body: `none` runs the body hooks here, `stream` the
   * late positions too, `buffer` leaves both to `requestBody`.
   */
  requestHeaders(body: 'none' | 'buffer' | 'stream'): MaybePromise<RequestStep> {
    this.#hooks.begin();
    const { requestHeaders, requestBody, lateRequestHeaders } = this.#chain;
    const phases: [Phase, readonly Position[]][] = [[Phase.requestHeaders, requestHeaders]];
    if (body === 'none') phases.push([Phase.requestBody, requestBody]);
    if (body !== 'buffer') phases.push([Phase.requestHeaders, lateRequestHeaders]);
    return andThen(this.#walkAll(phases), () => this.#requestStep());
  }

  /** The whole body of the request. */
  requestBody(body: Body): MaybePromise<RequestStep> {
    this.#hooks.begin();
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
    this.#hooks.begin();
    this.#responseBase = response;
    this.#response = response;
    this.#upstreamResponse = Object.freeze({ headers: response.headers, status: response.status });
    const { responseHeaders, responseBody, lateResponseHeaders } = this.#chain;
    const phases: [Phase, readonly Position[]][] = [[Phase.responseHeaders, responseHeaders]];
    if (body === 'none') phases.push([Phase.responseBody, responseBody]);
    if (body !== 'buffer') phases.push([Phase.responseHeaders, lateResponseHeaders]);
    this.#isStreamed = body === 'stream';
    return andThen(this.#walkAll(phases), (stopped) =>
      body === 'buffer' && !stopped ? this.#responseStep() : andThen(this.#finish(), () => this.#responseStep()),
    );
  }

  /** The whole body of the response. */
  responseBody(body: Body): MaybePromise<ResponseStep> {
    this.#hooks.begin();
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
    this.#hooks.begin();
    return this.#chunks.deliver('request', this.#chain.requestBody, chunk);
  }

  /** One delivery of a streamed response body. */
  responseChunk(chunk: Omit<Chunk, 'index'>): MaybePromise<ChunkStep> {
    this.#hooks.begin();
    return this.#chunks.deliver('response', this.#chain.responseBody, chunk);
  }

  /** Whether any streaming policy of a side wants to see more before the held bytes are delivered. */
  needsMore(side: 'request' | 'response', pending: FreshBytes): MaybePromise<boolean> {
    const { requestBody, responseBody } = this.#chain;
    return this.#chunks.needsMore(side, side === 'request' ? requestBody : responseBody, pending);
  }

  /**
   * The exchange is over, once; later calls do nothing. Instances that saw a chunk hook hear of it, and `finally` positions
   * that have not run yet run now: where nobody was answered, on a response that says so.
   */
  end(reason: EndReason, streamId: number): MaybePromise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks.end(streamId, reason);
    if (this.#isFinished || this.#chain.finally.length === 0) return;
    this.#response ??= unanswered(reason);
    this.#hooks.begin();
    return this.#finish();
  }

  /** An answer of the engine itself: overload, a body over its limit, a chain that is not ready. */
  refuse(status: number, description: string): MaybePromise<ResponseView> {
    this.#hooks.begin();
    this.#replace(engineFault(status, this.#ports.errorId(), description));
    return andThen(this.#finish(), () => this.#final());
  }

  #requestStep(): MaybePromise<RequestStep> {
    if (this.#isReplaced) {
      return andThen(this.#finish(), () => ({ kind: 'respond' as const, response: this.#final() }));
    }
    const mutation = deriveRequest(this.#requestBase, this.#request, this.#ports.integrityHeaders);
    this.#request = {
      ...this.#request,
      headers: settleHeaders(this.#requestBase, this.#request, this.#ports.integrityHeaders),
    };
    this.#requestBase = this.#request;
    return { kind: 'forward', mutation };
  }

  #responseStep(): ResponseStep {
    const base = this.#responseBase as ResponseView;
    const response = this.#final();
    const mutation = deriveResponse(base, response, this.#ports.integrityHeaders);
    this.#responseBase = response;
    this.#response = response;
    return { mutation, response, isReplaced: this.#isReplaced };
  }

  /** The response with the headers that follow from its body. */
  #final(): ResponseView {
    const view = this.#response as ResponseView;
    const base = this.#responseBase ?? { headers: view.headers, body: UNKNOWN_BODY, status: view.status };
    const { integrityHeaders } = this.#ports;
    const headers = settleHeaders(base, view, integrityHeaders);
    return {
      ...view,
      headers: this.#isStreamed && !this.#isReplaced ? streamedHeaders(headers, integrityHeaders) : headers,
    };
  }

  /** Faulty responses pass `onFault`; then, whatever happened, `finally`. */
  #finish(): MaybePromise<void> {
    if (this.#isFinished) return;
    this.#isFinished = true;
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
      const run = this.#hooks.beginHook();
      return andThen(this.#hooks.call(position, phase, this.#input({ usage: run })), (answer) => {
        this.#takeAfter(position, phase, answer, run);
        return false;
      });
    };
    return andThen(visitUntil(hooks, visit), () => undefined);
  }

  #takeAfter(position: Position, phase: Phase, outcome: Outcome, run: HookRun): void {
    if (outcome.kind === 'action' && outcome.action.kind === 'response-changes') {
      const fault = this.#gathering.fault(position, phase, outcome.action);
      if (fault === undefined) {
        this.#response = foldResponse(this.#response as ResponseView, outcome.action);
        this.#gathering.take(outcome.action, this.#direction);
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
    const invalid = this.#gathering.takeEffects(position, outcome, this.#direction);
    if (invalid !== undefined) {
      this.#hooks.tell(position, phase, 'failed', run, invalid);
      return;
    }
    this.#hooks.tellNothing(position, phase, outcome, run);
  }

  /** True when something replaced the response. */
  #walkAll(phases: readonly (readonly [Phase, readonly Position[]])[]): MaybePromise<boolean> {
    return visitUntil(phases, ([phase, positions]) =>
      visitUntil(positions, (position) => {
        const run = this.#hooks.beginHook();
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
        const fault = this.#gathering.fault(position, phase, action);
        if (fault !== undefined) return this.#failed(position, phase, policyFailure('ACTION_INVALID', fault), run);
        if (action.kind === 'immediate') this.#hooks.tellImmediate(position, phase, action.fault, run);
        else this.#hooks.tell(position, phase, 'changed', run);
        return this.#apply(action);
      }
      case 'failure':
        return this.#failed(position, phase, outcome, run);
      default: {
        const invalid = this.#gathering.takeEffects(position, outcome, this.#direction);
        if (invalid !== undefined) return this.#failed(position, phase, invalid, run);
        this.#hooks.tellNothing(position, phase, outcome, run);
        return false;
      }
    }
  }

  #apply(action: Action): boolean {
    this.#gathering.take(action, this.#direction);
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

  #failed(position: Position, phase: Phase, failure: PolicyFailure, run: HookRun): boolean {
    this.#hooks.tell(position, phase, 'failed', run, failure);
    const { failureMode } = position;
    if (failureMode === 'open') return false;
    if (failureMode !== 'closed') {
      const { fallback } = failureMode;
      if (this.#gathering.fault(position, phase, fallback) === undefined) return this.#apply(fallback);
    }
    this.#replace(this.#fault(position, failure));
    return true;
  }

  #fault({ policy, key, failureStatus }: Position, { code }: PolicyFailure): ResponseView {
    return engineFault(failureStatus, this.#ports.errorId(), `${policy.name} (${key}): ${code}`);
  }

  get #direction(): Direction {
    return this.#response === undefined ? 'request' : 'response';
  }

  #input(part: Partial<HookInput>): HookInput {
    return {
      exchange: this.#facts,
      request: this.#request,
      gathered: this.#gathering.now,
      downstream: this.#downstream,
      ...(this.#response === undefined ? {} : { response: this.#response }),
      ...(this.#upstream === undefined ? {} : { upstream: this.#upstream }),
      ...(this.#upstreamResponse === undefined ? {} : { upstreamResponse: this.#upstreamResponse }),
      ...part,
    };
  }
}

/** What `finally` sees of a response that nobody got: the status that access logs write in such a case. */
function unanswered(reason: EndReason): ResponseView {
  const status = reason === 'client-aborted' ? 499 : 502;
  return { headers: HeaderMap.empty, status, body: NO_BODY, fault: undefined };
}
