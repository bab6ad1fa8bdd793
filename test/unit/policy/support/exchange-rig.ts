/** An exchange over policies that a test writes as plain functions, with everything it did in view. */

import { Chain, type ChainLevels } from '../../../../src/policy/chain/chain.ts';
import type { HookRecord } from '../../../../src/policy/chain/decision.ts';
import { Exchange } from '../../../../src/policy/chain/exchange.ts';
import { type Position, positionOf } from '../../../../src/policy/chain/position.ts';
import type { Action } from '../../../../src/policy/model/actions.ts';
import { HeaderMap, type HeaderPair } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { Outcome, PolicyInstance } from '../../../../src/policy/model/instance.ts';
import type { BodyMode, ProcessingModes } from '../../../../src/policy/model/modes.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { type Body, NO_BODY, type RequestView, type ResponseView } from '../../../../src/policy/model/views.ts';

type Answer = Action | Outcome | undefined;
type Hook = (input: HookInput) => Answer | Promise<Answer>;

/** The hooks of one policy; what is there decides its modes. */
export interface Hooks {
  readonly requestHeaders?: Hook;
  readonly requestBody?: Hook;
  readonly responseHeaders?: Hook;
  readonly responseBody?: Hook;
  readonly requestChunk?: Hook;
  readonly responseChunk?: Hook;
  readonly needsMoreRequest?: (input: HookInput) => boolean;
  readonly needsMoreResponse?: (input: HookInput) => boolean;
  readonly streamEnd?: (streamId: number, reason: string) => void;
}

const NAMES: Readonly<Record<number, keyof Hooks>> = {
  [Phase.requestHeaders]: 'requestHeaders',
  [Phase.requestBody]: 'requestBody',
  [Phase.responseHeaders]: 'responseHeaders',
  [Phase.responseBody]: 'responseBody',
  [Phase.requestBodyChunk]: 'requestChunk',
  [Phase.responseBodyChunk]: 'responseChunk',
  [Phase.needsMoreRequestData]: 'needsMoreRequest',
  [Phase.needsMoreResponseData]: 'needsMoreResponse',
};

function bodyModeOf(buffered: unknown, chunk: unknown): BodyMode {
  if (chunk !== undefined) return 'stream';
  return buffered === undefined ? 'skip' : 'buffer';
}

export function instanceOf(hooks: Hooks): PolicyInstance {
  const modes: ProcessingModes = {
    requestHeaders: hooks.requestHeaders === undefined ? 'skip' : 'process',
    requestBody: bodyModeOf(hooks.requestBody, hooks.requestChunk),
    responseHeaders: hooks.responseHeaders === undefined ? 'skip' : 'process',
    responseBody: bodyModeOf(hooks.responseBody, hooks.responseChunk),
  };
  const outcomeOf = (answer: Answer | boolean): Outcome => {
    if (answer === undefined) return { kind: 'none' };
    if (typeof answer === 'boolean') return { kind: 'decision', needsMore: answer };
    return answer.kind === 'none' || answer.kind === 'action' || answer.kind === 'decision' || answer.kind === 'failure'
      ? answer
      : { kind: 'action', action: answer };
  };
  return {
    modes,
    call(phase, input) {
      const hook = hooks[NAMES[phase] as keyof Hooks] as ((input: HookInput) => unknown) | undefined;
      const answer = hook?.(input) as Answer | Promise<Answer>;
      return answer instanceof Promise ? answer.then(outcomeOf) : outcomeOf(answer);
    },
    streamEnd: (streamId, reason) => hooks.streamEnd?.(streamId, reason),
    destroy() {},
  };
}

export function position(key: string, hooks: Hooks, more: Partial<Position> = {}): Position {
  return positionOf({ key, policy: { name: key, version: 'v1.0.0' }, instance: instanceOf(hooks), ...more });
}

export function request(
  more: Partial<Omit<RequestView, 'headers'>> & { headers?: readonly HeaderPair[] } = {},
): RequestView {
  const { headers = [['host', 'api.example']], ...rest } = more;
  return {
    path: '/pets/7?limit=5',
    method: 'POST',
    authority: 'api.example',
    scheme: 'https',
    body: { ...NO_BODY, endOfStream: false },
    upstreamName: undefined,
    upstreamSlot: undefined,
    ...rest,
    headers: HeaderMap.from(headers),
  };
}

export function response(
  more: Partial<Omit<ResponseView, 'headers'>> & { headers?: readonly HeaderPair[] } = {},
): ResponseView {
  const { headers = [['content-type', 'text/plain']], ...rest } = more;
  return {
    status: 200,
    body: { ...NO_BODY, endOfStream: false },
    fault: undefined,
    ...rest,
    headers: HeaderMap.from(headers),
  };
}

export function bodyOf(text: string, more: Partial<Body> = {}): Body {
  return { content: Buffer.from(text), present: true, endOfStream: true, truncated: false, ...more };
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

export class ExchangeRig {
  readonly records: HookRecord[] = [];
  readonly exchange: Exchange;
  nowMs = 1_000;

  /** `timeoutMs`: each step has so long, instead of a deadline for the whole exchange. */
  constructor(
    levels: ChainLevels | readonly Position[],
    from: RequestView = request(),
    deadline = 2_000,
    timeoutMs?: number,
  ) {
    const chain = new Chain('at' in levels ? { operation: levels } : (levels as ChainLevels));
    const api = {
      projectId: 'p',
      id: 'i',
      name: 'Pets',
      version: 'v1',
      kind: 'RestApi',
      context: '/',
      operationPath: '/pets/{id}',
    };
    this.exchange = new Exchange(
      chain,
      { requestId: 'r-1', routeName: 'pets-get', tenant: 'shop', api, deadline },
      from,
      {
        now: () => this.nowMs,
        monotonic: () => this.nowMs,
        errorId: () => 'error-1',
        record: (record) => this.records.push(record),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      },
    );
  }

  get outcomes(): string[] {
    return this.records.map(({ position: key, phase, outcome, code }) => `${key}/${phase}: ${code ?? outcome}`);
  }
}
