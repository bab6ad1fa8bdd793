/**
 * Policies in chains for a Node service: native ones and WebAssembly modules, loaded from a folder or a document.
 *
 * @example
 * const engine = new PolicyEngine();
 * await engine.load('policies');
 * createServer((request, response) => middleware(request, response, () => handle(request, response)));
 */

export type { OpenExchange, PolicyGate, RequestOrigin } from '../gateway/http/policy-gate.ts';
export type { RouteOutcome } from '../policy/build/policy-sets.ts';
export type { CanaryOptions } from '../policy/canary/canary.ts';
export type { HookOutcome, HookRecord } from '../policy/chain/decision.ts';
export type { RemoteCaller, RemoteEvaluatorPort } from '../policy/chain/remote-fallback.ts';
export type {
  Action,
  ForwardChunk,
  ImmediateResponse,
  RequestChanges,
  ResponseChanges,
  TerminateChunk,
} from '../policy/model/actions.ts';
export type { ConfigProblem } from '../policy/model/config-problem.ts';
export type { PolicyFailureCode } from '../policy/model/failure.ts';
export { HeaderMap } from '../policy/model/headers.ts';
export type { HookInput, PolicyInfo } from '../policy/model/inputs.ts';
export type { Outcome } from '../policy/model/instance.ts';
export type { RequestView, ResponseView } from '../policy/model/views.ts';
export type { RolloutEvent, RolloutStatus } from '../policy/rollout/rollout-instance.ts';
export type { RecordOptions } from '../policy-host/recording-policy.ts';
export type { EngineStatus, RouteStatus } from './engine-status.ts';
export type { LoadReport } from './load-report.ts';
export type { ModulePlaces, ModuleStatus, PolicyTier } from './module-status.ts';
export { type DefinedPolicy, definePolicy, type NativeDefinition, type PolicyHooks } from './native-definition.ts';
export type { PolicyEngineOptions, PolicyHookEvent } from './options.ts';
export { PolicyEngine } from './policy-engine.ts';
export type { PositionCounts } from './served-route.ts';
