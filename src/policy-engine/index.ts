/**
 * Policies in chains for a Node service: native ones and WebAssembly modules, loaded from a folder or a document.
 *
 * @example
 * const engine = new PolicyEngine();
 * await engine.load('policies');
 * createServer((request, response) => middleware(request, response, () => handle(request, response)));
 */

export type { DeferredExchange, OpenExchange, PolicyGate, RequestOrigin } from '../gateway/http/policy-gate.ts';
export type { RouteOutcome } from '../policy/build/policy-sets.ts';
export type { HookOutcome, HookRecord } from '../policy/chain/decision.ts';
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
export type { RequestView, ResponseView } from '../policy/model/views.ts';
export type { HistogramMeter } from '../telemetry/meter.ts';
export type { Tracer } from '../telemetry/tracer.ts';
export type { ConfigDump, PackageStatus, SelfTestReport } from './engine-admin.ts';
export type { EngineStatus, RouteStatus } from './engine-status.ts';
export type { LoadReport } from './load-report.ts';
export type { ModulePlaces, ModuleStatus, PolicyTier } from './module-status.ts';
export { type DefinedPolicy, definePolicy, type NativeDefinition, type PolicyHooks } from './native-definition.ts';
export type { PolicyEngineOptions, PolicyHookEvent } from './options.ts';
export { PolicyEngine } from './policy-engine.ts';
export type { PositionCounts } from './served-route.ts';
