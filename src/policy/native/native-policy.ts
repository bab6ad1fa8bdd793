/**
 * Policies written in TypeScript: a plain object of hooks behind the interface of every policy. They run unguarded, so this is
 * for code the operator owns; what a hook throws is a failure of the policy and nothing else.
 */

import type {
  Action,
  ForwardChunk,
  ImmediateResponse,
  RequestChanges,
  ResponseChanges,
  TerminateChunk,
} from '../model/actions.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { HookInput, PolicyInfo } from '../model/inputs.ts';
import { type InstanceInit, NONE, type Outcome, type PolicyFactory, type PolicyInstance } from '../model/instance.ts';
import { type Capabilities, modeViolations, type ProcessingModes } from '../model/modes.ts';
import { type EndReason, Phase } from '../model/phases.ts';

/** What a hook gives: an answer, nothing, or a promise of either. */
type Answer<A extends Action> = A | undefined | Promise<A | undefined>;

/** The hooks of one instance; each is there exactly when `modes` asks for it. */
export interface NativeHooks {
  readonly modes: Partial<ProcessingModes>;
  onRequestHeaders?(input: HookInput): Answer<RequestChanges | ImmediateResponse>;
  onRequestBody?(input: HookInput): Answer<RequestChanges | ImmediateResponse>;
  onResponseHeaders?(input: HookInput): Answer<ResponseChanges | ImmediateResponse>;
  onResponseBody?(input: HookInput): Answer<ResponseChanges | ImmediateResponse>;
  needsMoreRequestData?(input: HookInput): boolean;
  needsMoreResponseData?(input: HookInput): boolean;
  onRequestBodyChunk?(input: HookInput): Answer<ForwardChunk>;
  onResponseBodyChunk?(input: HookInput): Answer<ForwardChunk | TerminateChunk>;
  onStreamEnd?(streamId: number, reason: EndReason): void;
  destroy?(): void | Promise<void>;
}

/** Makes the hooks of an instance; a throw is a refusal of the parameters. */
export type NativeFactory = (params: InstanceInit['params'], info: PolicyInfo) => NativeHooks | Promise<NativeHooks>;

type HookName = Exclude<keyof NativeHooks, 'modes' | 'onStreamEnd' | 'destroy'>;

const HOOKS: Readonly<Record<Phase, HookName>> = {
  [Phase.requestHeaders]: 'onRequestHeaders',
  [Phase.requestBody]: 'onRequestBody',
  [Phase.responseHeaders]: 'onResponseHeaders',
  [Phase.responseBody]: 'onResponseBody',
  [Phase.needsMoreRequestData]: 'needsMoreRequestData',
  [Phase.requestBodyChunk]: 'onRequestBodyChunk',
  [Phase.needsMoreResponseData]: 'needsMoreResponseData',
  [Phase.responseBodyChunk]: 'onResponseBodyChunk',
};

const ALL_SKIPPED: ProcessingModes = {
  requestHeaders: 'skip',
  requestBody: 'skip',
  responseHeaders: 'skip',
  responseBody: 'skip',
};

const DESTROYED = policyFailure('CLOSED', 'the instance was destroyed');

export class NativePolicy implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly #make: NativeFactory;

  constructor(name: string, version: string, make: NativeFactory) {
    this.name = name;
    this.version = version;
    this.#make = make;
  }

  async create({ info, params }: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    let hooks: NativeHooks;
    try {
      hooks = await this.#make(params, info);
    } catch (caught) {
      const code = caught instanceof RefusedParams ? 'PARAMS_INVALID' : 'INIT_FAILED';
      return policyFailure(code, `${this.name}: ${messageOf(caught)}`);
    }
    const modes = { ...ALL_SKIPPED, ...hooks.modes };
    const violations = modeViolations(modes, capabilitiesOf(hooks));
    if (violations.length > 0) return policyFailure('INIT_FAILED', `${this.name}: ${violations.join('; ')}`);
    return new NativeInstance(this.name, hooks, modes);
  }
}

/** For factories: the parameters are not what the policy needs. */
export class RefusedParams extends Error {
  override readonly name = 'RefusedParams';
}

class NativeInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #name: string;
  readonly #hooks: NativeHooks;
  #isDestroyed = false;

  constructor(name: string, hooks: NativeHooks, modes: ProcessingModes) {
    this.#name = name;
    this.#hooks = hooks;
    this.modes = modes;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    if (this.#isDestroyed) return DESTROYED;
    const hook = HOOKS[phase];
    try {
      const answer = this.#hooks[hook]?.(input);
      if (answer instanceof Promise) return answer.then(outcomeOf, (caught) => this.#thrown(hook, caught));
      return outcomeOf(answer);
    } catch (caught) {
      return this.#thrown(hook, caught);
    }
  }

  streamEnd(streamId: number, reason: EndReason): void {
    try {
      this.#hooks.onStreamEnd?.(streamId, reason);
    } catch {
      // The exchange is over; there is nobody left to tell.
    }
  }

  async destroy(): Promise<void> {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    try {
      await this.#hooks.destroy?.();
    } catch {
      // As above.
    }
  }

  #thrown(hook: HookName, caught: unknown): PolicyFailure {
    return policyFailure('TRAP', `${this.#name} threw in ${hook}: ${messageOf(caught)}`);
  }
}

function outcomeOf(answer: Action | boolean | undefined): Outcome {
  if (answer === undefined) return NONE;
  return typeof answer === 'boolean' ? { kind: 'decision', needsMore: answer } : { kind: 'action', action: answer };
}

function capabilitiesOf(hooks: NativeHooks): Capabilities {
  return {
    requestHeaders: hooks.onRequestHeaders !== undefined,
    requestBody: hooks.onRequestBody !== undefined,
    responseHeaders: hooks.onResponseHeaders !== undefined,
    responseBody: hooks.onResponseBody !== undefined,
    streamingRequest: hooks.onRequestBodyChunk !== undefined,
    streamingResponse: hooks.onResponseBodyChunk !== undefined,
  };
}

function messageOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}
